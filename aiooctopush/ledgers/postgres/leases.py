"""How workers share the runs of a ledger in PostgreSQL, by the database's clock."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from attrs import define, evolve, field

from ..._limits import check_whole
from ...errors import DuplicateRequestError
from ...ids import SAFE_FOR, SET_BACK
from ..leases import (
    CLAIMED_AT_ONCE,
    LEASE,
    LISTED_AT_ONCE,
    LONGEST_WAIT,
    checked_lease,
    checked_pause,
    gcra_parameters,
    place_of,
)
from ..protocols import Claim, ClaimLedger, FleetLedger
from ..records import (
    BatchRecord,
    BatchState,
    LeaseLostError,
    Pause,
    Progress,
    RunRecord,
    name_of,
)
from ..rows import BATCH_COLUMNS, RUN_COLUMNS
from .connection import Database
from .rows import LOCK, Tables


class PostgresClaims(FleetLedger):
    """How many workers claim the batches of a ledger in PostgreSQL."""

    _database: Database
    _tables: Tables

    async def claim(
        self,
        run_name: str,
        name: str,
        *,
        owner: str,
        lease: float = LEASE,
        include_unknown: bool = False,
    ) -> Claim | None:
        claims = await self._claim(
            _CLAIM_ONE, run_name, owner, lease, include_unknown, *place_of(name)
        )
        return claims[0] if claims else None

    async def claim_next(
        self,
        run_name: str,
        *,
        owner: str,
        lease: float = LEASE,
        limit: int = 1,
        include_unknown: bool = False,
    ) -> Sequence[Claim]:
        check_whole("limit", limit, 1, CLAIMED_AT_ONCE)
        return await self._claim(
            _CLAIM_NEXT, run_name, owner, lease, include_unknown, limit
        )

    async def _claim(
        self,
        statement: str,
        run_name: str,
        owner: str,
        lease: float,
        include_unknown: bool,  # noqa: FBT001  # one of the statement's parameters
        *which: Any,
    ) -> Sequence[Claim]:
        span = checked_lease(lease)
        rows = await self._tables.fetch(
            statement, run_name, owner, span, SAFE_FOR, include_unknown, *which
        )
        claims = []
        for run, fence, before, *values in rows:
            record = self._tables.record(BatchRecord, values)
            # One that is too old was only written down as such.
            if record.state is BatchState.SENDING:
                ledger = _Held(self._tables, run, record.number, owner, span)
                ledger.fences[record.part] = fence
                was_tried = before != BatchState.NOT_SENT
                claims.append(
                    Claim(
                        run_name=run_name,
                        record=record,
                        was_tried=was_tried,
                        ledger=ledger,
                    )
                )
        return sorted(claims, key=_in_order)

    async def claimable_batches(
        self, run_name: str, *, limit: int = 1_000, include_unknown: bool = False
    ) -> Sequence[str]:
        check_whole("limit", limit, 1, LISTED_AT_ONCE)
        async with self._database.connected() as connection:
            age = self._tables.sql(_AGE)
            await connection.execute(age, run_name, SAFE_FOR)
            rows = await connection.fetch(
                self._tables.sql(_WAKE), run_name, SAFE_FOR, include_unknown, limit
            )
        return [name_of(number, part) for number, part in rows]

    async def pause(self, run_name: str, why: Pause) -> bool:
        before = await self._tables.fetch(_PAUSE, run_name, why.value)
        if not before:
            raise self._tables.no_run(run_name)
        return before[0][0] is None

    async def unpause(self, run_name: str) -> None:
        if not await self._tables.fetch(_LIFT, run_name):
            raise self._tables.no_run(run_name)

    async def progress(self, run_name: str) -> Progress | None:
        rows = await self._tables.fetch(_PROGRESS, run_name)
        if not rows:
            return None
        run = self._tables.record(RunRecord, tuple(rows[0])[3:])
        found = [tuple(row)[:3] for row in rows if row[0] is not None]
        return Progress(
            run=run,
            batches={BatchState(state): batches for state, batches, _ in found},
            recipients={
                BatchState(state): int(recipients)
                for state, _, recipients in found
                if state != BatchState.SPLIT
            },
        )

    async def reserve(
        self,
        name: str,
        *,
        rate: float,
        burst: int = 1,
        at_most: float = LONGEST_WAIT,
    ) -> float:
        step, early = gcra_parameters(rate, burst)
        patience = timedelta(seconds=at_most)
        async with self._database.connected() as connection:
            wait = await connection.fetchval(
                self._tables.sql(_RESERVE), name, step, early, patience
            )
            if wait is None:
                wait = await connection.fetchval(self._tables.sql(_WAIT), name, early)
            seconds = float(wait)
        return max(seconds, 0.0)

    async def throttle(self, name: str, retry_after: float) -> None:
        await self._tables.fetch(_THROTTLE, name, checked_pause(retry_after))

    async def closed_for(self, name: str) -> float:
        rows = await self._tables.fetch(_CLOSED, name)
        return max(float(rows[0][0]), 0.0) if rows else 0.0


def _in_order(claim: Claim) -> tuple[int, str]:
    return claim.record.number, claim.record.part


@define
class _Held(ClaimLedger):
    """
    Writes of the holder of a claim: its batch, and the parts of it.

    Attributes:
        fences: Fences of the batches that it holds, by part. Taking a batch over raises
            its fence, and writes under the old one are refused.
    """

    _tables: Tables
    _run: int
    _number: int
    _owner: str
    _lease: timedelta
    fences: dict[str, int] = field(factory=dict, init=False)

    is_durable = True

    async def begin(self, run_name: str, batch: BatchRecord) -> None:
        async with self._tables.database.transaction() as connection:
            await self._replace(connection, run_name, batch, lease=self._lease)
            await self._renew(connection)

    async def conclude(self, run_name: str, batch: BatchRecord) -> None:
        async with self._tables.database.transaction() as connection:
            await self._replace(connection, run_name, batch)
        self.fences.pop(batch.part, None)

    async def split(
        self, run_name: str, parent: BatchRecord, parts: Sequence[BatchRecord]
    ) -> None:
        # The parts are held, too, until they are concluded.
        whole = evolve(parent, state=BatchState.SPLIT)
        async with self._tables.database.transaction() as connection:
            await self._replace(connection, run_name, whole)
            await self._tables.add(
                *(connection, self._run, parts), worker=self._owner, lease=self._lease
            )
        self.fences.pop(parent.part, None)
        self.fences.update((part.part, 0) for part in parts)

    async def renew(self) -> None:
        async with self._tables.database.transaction() as connection:
            is_held = await self._renew(connection)
        if not is_held:
            raise LeaseLostError(
                f"{self._tables.database.name}: the lease of batch {self._number} had "
                "expired, and another worker took it over"
            )

    async def _renew(self, connection: Any) -> bool:
        renewed = await connection.fetch(
            self._tables.sql(_RENEW),
            *(self._run, self._number, self._lease),
            *(list(self.fences), list(self.fences.values())),
        )
        return bool(renewed)

    async def _replace(
        self,
        connection: Any,
        run_name: str,
        batch: BatchRecord,
        lease: timedelta | None = None,
    ) -> None:
        await self._tables.replace(
            *(connection, run_name, self._run, batch),
            # No batch has a fence of -1, so a batch without a claim is never written.
            fence=self.fences.get(batch.part, -1),
            worker=None if lease is None else self._owner,
            lease=lease,
        )


# Only our own names are put into the statements (S608), never values.
_OPEN: Final = "state IN ('not_sent', 'sending', 'unknown')"
_FREE: Final = "(lease_until IS NULL OR lease_until < now()) AND payload IS NOT NULL"


def _young(limit: str) -> str:
    """`ids.protects` in SQL, of the same constants and by the database's clock."""
    return (
        f"coalesce(first_tried_at > now() - {limit}::interval AND first_tried_at "
        f"<= now() + interval '{SET_BACK.total_seconds():.0f} seconds', false)"
    )


def _claimable(limit: str, include_unknown: str) -> str:
    """A duplicate that is repeated is a duplicate again, which proves nothing new."""
    return f"""
        {_OPEN} AND {_FREE} AND (state <> 'unknown' OR ({include_unknown}
            AND {_young(limit)}
            AND error IS DISTINCT FROM '{DuplicateRequestError.__name__}'))
    """


# Only while the run is not held: the lock ends with the statement.
_RUN: Final = f"""
    named AS MATERIALIZED (
        SELECT id, {LOCK} AS lock FROM LEDGER.runs WHERE name = $1 AND paused IS NULL
    ), run AS MATERIALIZED (
        SELECT id FROM named WHERE pg_try_advisory_xact_lock_shared(lock)
    )
"""  # noqa: S608


def _claim(which: str) -> str:
    """A statement that claims batches of $1 for $2 and $3; ids are young until $4."""
    return f"""
        WITH {_RUN}, found AS MATERIALIZED (
            SELECT id, state AS before,
                state <> 'not_sent' AND NOT {_young("$4")} AS is_old
            FROM LEDGER.batches
            WHERE run = (SELECT id FROM run) AND {_claimable("$4", "$5")} {which}
            FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE LEDGER.batches AS batch SET
            state = CASE WHEN is_old THEN 'unknown' ELSE 'sending' END,
            owner = CASE WHEN is_old THEN NULL ELSE $2 END,
            lease_until = CASE WHEN is_old THEN NULL ELSE now() + $3::interval END,
            fence = fence + 1,
            first_tried_at =
                CASE WHEN before = 'not_sent' THEN now() ELSE first_tried_at END,
            error = CASE WHEN is_old THEN error END,
            code = CASE WHEN is_old THEN code END
        FROM found WHERE batch.id = found.id
        RETURNING run, fence, before, {", ".join(BATCH_COLUMNS)}
    """  # noqa: S608


_CLAIM_ONE: Final = _claim("AND number = $6 AND part = $7")
_CLAIM_NEXT: Final = _claim("ORDER BY number, part LIMIT $6")
_WAKE: Final = f"""
    WITH {_RUN} SELECT number, part FROM LEDGER.batches
    WHERE run = (SELECT id FROM run) AND {_claimable("$2", "$3")}
    ORDER BY number, part LIMIT $4
"""  # noqa: S608
_AGE: Final = f"""
    WITH {_RUN} UPDATE LEDGER.batches SET state = 'unknown', owner = NULL,
        lease_until = NULL
    WHERE run = (SELECT id FROM run) AND state = 'sending' AND {_FREE}
        AND NOT {_young("$2")}
"""  # noqa: S608
_RENEW: Final = """
    UPDATE LEDGER.batches SET lease_until = now() + $3::interval
    WHERE run = $1 AND number = $2 AND lease_until IS NOT NULL
        AND (part, fence) IN (SELECT * FROM unnest($4::text[], $5::bigint[]))
    RETURNING id
"""
_PAUSE: Final = """
    WITH before AS (SELECT id, paused FROM LEDGER.runs WHERE name = $1 FOR UPDATE)
    UPDATE LEDGER.runs AS run SET paused = coalesce(before.paused, $2)
    FROM before WHERE run.id = before.id
    RETURNING before.paused
"""
_LIFT: Final = "UPDATE LEDGER.runs SET paused = NULL WHERE name = $1 RETURNING id"
_PROGRESS: Final = f"""
    SELECT batch.state, count(*), sum(batch.count),
        {", ".join(f"run.{name}" for name in RUN_COLUMNS)}
    FROM LEDGER.runs AS run LEFT JOIN LEDGER.batches AS batch ON batch.run = run.id
    WHERE run.name = $1 GROUP BY run.id, batch.state
"""  # noqa: S608
# The clock is read when the row is ours, not when we began to wait for it.
_RESERVE: Final = """
    INSERT INTO LEDGER.rates AS known
    VALUES ($1, clock_timestamp() + $2::interval, '-infinity')
    ON CONFLICT (name) DO UPDATE SET due = $2::interval + greatest(
        known.due, clock_timestamp(), known.closed_until + $3::interval)
    WHERE greatest(known.due - $3::interval, known.closed_until)
        <= clock_timestamp() + $4::interval
    RETURNING extract(epoch FROM due - $2::interval - $3::interval - clock_timestamp())
"""
_WAIT: Final = """
    SELECT extract(epoch FROM
        greatest(due - $2::interval, closed_until) - clock_timestamp())
    FROM LEDGER.rates WHERE name = $1
"""
_THROTTLE: Final = """
    INSERT INTO LEDGER.rates AS known
    VALUES ($1, clock_timestamp(), clock_timestamp() + $2::interval)
    ON CONFLICT (name) DO UPDATE SET
        closed_until = greatest(known.closed_until, excluded.closed_until)
"""
# A rate that never was throttled is closed until minus infinity, which is no time away.
_CLOSED: Final = """
    SELECT extract(epoch FROM closed_until - clock_timestamp()) FROM LEDGER.rates
    WHERE name = $1 AND closed_until > clock_timestamp()
"""
