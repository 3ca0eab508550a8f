"""A ledger in PostgreSQL: for many workers, and next to the data of an application."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Self

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
from attrs import evolve

from ..leases import at_it_already
from ..records import (
    BatchRecord,
    BatchState,
    LedgerError,
    Receipt,
    Rejection,
    RunRecord,
    numbered,
)
from ..rows import (
    BATCH_COLUMNS,
    PAGE_SIZE,
    PLANNED_COLUMNS,
    REJECTION_COLUMNS,
    REPLACED_COLUMNS,
    RUN_COLUMNS,
    in_pages,
    insert,
    rejection_place,
)
from .connection import BoundDatabase, Database
from .leases import PostgresClaims
from .rows import LOCK, OWNER, Tables, numbered_from, stored


_LONG_PATIENCE: Final = 3600.0


class PostgresLedger(PostgresClaims):
    """
    Keeps runs in a schema of a PostgreSQL database, for one process or for many.

    Nothing is connected before the first use, and only `migrate` creates tables. While
    `open_run` holds a run, no other process writes to it and no worker claims from it.
    The connection that holds it serves that run alone. So a pool needs two or more, and
    a pooler must not share sessions between transactions. After a failover it finds the
    writable server automatically. Used from one `asyncio.run` after the other, it
    reconnects in each.

    Its commits wait for the server's disk, also where ``synchronous_commit`` is off.
    Only workers over a pool that was given follow that pool's setting.

    The tables contain phone numbers and texts: restrict read access to them.

    Args:
        dsn_or_pool: ``postgresql://user:password@host/database``, or an
            ``asyncpg.Pool``, which stays open when this is closed.
        schema: Where its tables are: small letters, digits and ``_``.
        pool_size: Connections at most, 2 or more; 10 by default. A pool that was
            given keeps its own size.

    Raises:
        InvalidFieldError: An address, the name of a schema, or a size is not valid.
    """

    is_durable = True

    def __init__(
        self,
        dsn_or_pool: str | asyncpg.Pool,
        *,
        schema: str = "aiooctopush",
        pool_size: int | None = None,
    ) -> None:
        self._database = Database(dsn_or_pool, schema, pool_size=pool_size)
        self._tables = Tables(self._database)

    def __repr__(self) -> str:
        # Not where it is: an address may hold a password.
        return f"<PostgresLedger schema {self._database.schema!r}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def bound_to(self, connection: Any) -> "PostgresLedger":
        """
        Return this ledger inside your transaction: all of it is written, or nothing.

        So a run can be planned together with your own rows. A failure in here is rolled
        back alone, and the transaction may continue.

        Args:
            connection: Connection of asyncpg, in a transaction. A run that is opened
                here is held until the transaction ends; closing is not necessary.
        """
        return _BoundLedger(connection, self._database.schema)

    async def migrate(self) -> None:
        """
        Make the schema and its tables, or lead them to this version of the library.

        A second call does nothing. Other programs may use the ledger meanwhile.

        Raises:
            LedgerError: A newer version of this library made it, this user may not, or
                the database cannot be reached. Nothing was changed.
        """
        await self._database.migrate()

    async def open_run(self, run: RunRecord) -> RunRecord:
        """
        Begin a run, or load an existing one; no other process may then write to it.

        Workers cannot write batches whose lease has expired.

        Raises:
            LedgerError: Another process holds the run, workers are sending it, or
                there is no ledger.
        """
        return await self._open(run, ends_claims=True)

    async def open_beside_workers(self, run: RunRecord) -> RunRecord:
        return await self._open(run, ends_claims=False)

    async def _open(self, run: RunRecord, *, ends_claims: bool) -> RunRecord:
        async with AsyncExitStack() as if_it_fails:
            async with self._database.own_transaction() as connection:
                await connection.execute(self._tables.sql(_BEGIN_RUN), *stored(run))
                owner, lock, *values = await connection.fetchrow(
                    self._tables.sql(_FIND_RUN), run.name
                )
                beside = not ends_claims
                if self._database.is_at(
                    run.name, beside=beside
                ) or not await connection.fetchval(_TRY_LOCK, lock):
                    words = at_it_already(run.name, adding=beside)
                    raise LedgerError(f"{self._database.name}: {words}")
                if ends_claims:
                    if await connection.fetchval(self._tables.sql(_IS_CLAIMED), owner):
                        raise LedgerError(
                            f"{self._database.name}: workers are sending run "
                            f"{run.name!r}, so nothing was changed or sent from here; "
                            "wait for them"
                        )
                    await connection.execute(self._tables.sql(_END_CLAIMS), owner)
                if_it_fails.push_async_callback(self._database.let_go, run.name)
                await self._database.hold(run.name, lock, beside=beside)
            found = self._tables.record(RunRecord, values)
            if_it_fails.pop_all()
        return found

    async def release_run(self, run_name: str) -> None:
        await self._database.let_go(run_name)

    async def plan(
        self,
        run: RunRecord,
        batches: Sequence[BatchRecord],
        rejections: Sequence[Rejection] = (),
    ) -> None:
        async with self._database.transaction(run.name) as connection:
            owner = await self._tables.replace_run(connection, run, PLANNED_COLUMNS)
            await self._tables.add(connection, owner, batches)
            await connection.executemany(
                self._tables.sql(_ADD_REJECTION),
                [(owner, *stored(rejection)) for rejection in rejections],
            )

    async def begin(self, run_name: str, batch: BatchRecord) -> None:
        async with self._database.transaction(run_name) as connection:
            owner = await self._tables.run_id(connection, run_name)
            await self._tables.replace(connection, run_name, owner, batch)

    async def conclude(self, run_name: str, batch: BatchRecord) -> None:
        await self.begin(run_name, batch)

    async def split(
        self, run_name: str, parent: BatchRecord, parts: Sequence[BatchRecord]
    ) -> None:
        async with self._database.transaction(run_name) as connection:
            owner = await self._tables.run_id(connection, run_name)
            whole = evolve(parent, state=BatchState.SPLIT)
            await self._tables.replace(connection, run_name, owner, whole)
            await self._tables.add(connection, owner, parts)

    async def start_run(self, run: RunRecord) -> None:
        async with self._database.transaction(run.name) as connection:
            owner = await self._tables.replace_run(connection, run, PLANNED_COLUMNS)
            await connection.execute(self._tables.sql(_FORGET_REJECTIONS), owner)

    async def update_run(self, run: RunRecord) -> None:
        async with self._database.transaction(run.name) as connection:
            await self._tables.replace_run(connection, run, REPLACED_COLUMNS)

    async def batches(
        self, run_name: str, states: Collection[BatchState] | None = None
    ) -> AsyncIterator[BatchRecord]:
        wanted = None if states is None else [state.value for state in states]

        async def page(last: tuple[int, str]) -> Sequence[BatchRecord]:
            rows = await self._tables.fetch(
                _BATCHES, run_name, *last, wanted, PAGE_SIZE
            )
            return [self._tables.record(BatchRecord, row) for row in rows]

        async for batch in in_pages(page, (-1, ""), numbered):
            yield batch

    async def rejections(self, run_name: str) -> AsyncIterator[Rejection]:

        async def page(last: tuple[int, int]) -> Sequence[tuple[int, Rejection]]:
            rows = await self._tables.fetch(_REJECTIONS, run_name, *last, PAGE_SIZE)
            return [
                (number, self._tables.record(Rejection, values))
                for number, *values in rows
            ]

        async for _, rejection in in_pages(page, (-1, 0), rejection_place):
            yield rejection

    async def record_receipts(self, run_name: str, receipts: Sequence[Receipt]) -> None:
        """Record delivery receipts; allowed while a run is held."""
        async with self._database.transaction(run_name) as connection:
            owner, _ = await self._tables.find_run(connection, run_name)
            # In one order everywhere, so that no two wait for each other for ever.
            batches = {
                name: await self._tables.lock_batch(connection, owner, name)
                for name in sorted({receipt.batch for receipt in receipts})
            }
            counts: Counter[str] = Counter()
            for receipt in receipts:
                place = (batches[receipt.batch], int(receipt.number))
                old = await connection.fetchrow(self._tables.sql(_FIND_RECEIPT), *place)
                if old is not None:
                    if not receipt.replaces(is_final=old["is_final"]):
                        continue
                    counts[old["status"]] -= 1
                await connection.execute(
                    self._tables.sql(_PUT_RECEIPT),
                    *(*place, receipt.status, receipt.is_final),
                )
                counts[receipt.status] += 1
            await connection.executemany(
                self._tables.sql(_COUNT_DELIVERY),
                [(owner, status, count) for status, count in sorted(counts.items())],
            )

    async def deliveries(self, run_name: str) -> Mapping[str, int]:
        return dict(await self._tables.fetch(_DELIVERIES, run_name))

    async def statuses(self, run_name: str, batch: BatchRecord) -> Mapping[str, str]:
        rows = await self._tables.fetch(_STATUSES, run_name, batch.number, batch.part)
        return {f"+{number}": status for number, status in rows}

    async def runs(self) -> Sequence[RunRecord]:
        rows = await self._tables.fetch(_RUNS)
        return [self._tables.record(RunRecord, row) for row in rows]

    async def purge(self, run_name: str) -> None:
        """
        Delete recipients and texts of a run, and keep the figures.

        PostgreSQL removes deleted data from its files at its next vacuum; its logs and
        your backups keep it as long as you keep those.
        """
        async with self._database.transaction(run_name) as connection:
            owner = await self._tables.run_id(connection, run_name)
            for statement in _FORGET:
                await connection.execute(
                    self._tables.sql(statement), owner, timeout=_LONG_PATIENCE
                )

    async def close(self) -> None:
        """
        Release all runs, and close connections of this ledger; your own pool stays
        open.

        It waits for pending writes. A closed ledger cannot be used again.
        """
        await self._database.close()


class _BoundLedger(PostgresLedger):
    """A ledger in a transaction of the caller."""

    def __init__(self, connection: Any, schema: str) -> None:
        self._database = BoundDatabase(connection, schema)
        self._tables = Tables(self._database)


# Only our own names are put into the statements (S608), never values.
_ADD_RUN: Final = insert("LEDGER.runs", numbered_from(1, RUN_COLUMNS))
_BEGIN_RUN: Final = f"{_ADD_RUN} ON CONFLICT DO NOTHING"
_FIND_RUN: Final = f"""
    SELECT id, {LOCK}, {", ".join(RUN_COLUMNS)} FROM LEDGER.runs WHERE name = $1
"""  # noqa: S608
_RUNS: Final = f"""
    SELECT {", ".join(RUN_COLUMNS)} FROM LEDGER.runs ORDER BY began_at DESC, id
"""  # noqa: S608
_TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock($1)"
_IS_CLAIMED: Final = """
    SELECT EXISTS (SELECT FROM LEDGER.batches WHERE run = $1 AND lease_until > now()
        AND state IN ('not_sent', 'sending', 'unknown'))
"""
_END_CLAIMS: Final = """
    UPDATE LEDGER.batches SET owner = NULL, lease_until = NULL
    WHERE run = $1 AND lease_until IS NOT NULL
        AND state IN ('not_sent', 'sending', 'unknown')
"""

_BATCHES: Final = f"""
    SELECT {", ".join(BATCH_COLUMNS)} FROM LEDGER.batches
    WHERE {OWNER} AND (number, part) > ($2, $3)
        AND ($4::text[] IS NULL OR state = ANY ($4))
    ORDER BY number, part LIMIT $5
"""  # noqa: S608
_ADD_REJECTION: Final = insert(
    "LEDGER.rejections", numbered_from(1, ("run", *REJECTION_COLUMNS))
)
_REJECTIONS: Final = f"""
    SELECT id, {", ".join(REJECTION_COLUMNS)} FROM LEDGER.rejections
    WHERE {OWNER} AND (position, id) > ($2, $3) ORDER BY position, id LIMIT $4
"""  # noqa: S608

_FIND_RECEIPT: Final = """
    SELECT status, is_final FROM LEDGER.receipts WHERE batch = $1 AND number = $2
"""
_PUT_RECEIPT: Final = """
    INSERT INTO LEDGER.receipts VALUES ($1, $2, $3, $4)
    ON CONFLICT (batch, number)
    DO UPDATE SET status = excluded.status, is_final = excluded.is_final
"""
_COUNT_DELIVERY: Final = """
    INSERT INTO LEDGER.deliveries AS known VALUES ($1, $2, $3)
    ON CONFLICT (run, status) DO UPDATE SET count = known.count + excluded.count
"""
_DELIVERIES: Final = f"""
    SELECT status, count FROM LEDGER.deliveries WHERE {OWNER} AND count > 0
    ORDER BY count DESC, status
"""  # noqa: S608

_FORGET_REJECTIONS: Final = "DELETE FROM LEDGER.rejections WHERE run = $1"
_STATUSES: Final = f"""
    SELECT number, status FROM LEDGER.receipts WHERE batch = (
        SELECT id FROM LEDGER.batches WHERE {OWNER} AND number = $2 AND part = $3
    )
"""  # noqa: S608

_FORGET: Final = (
    """
    UPDATE LEDGER.batches SET payload = NULL, numbers = '', identities = '',
        owner = NULL, lease_until = NULL
    WHERE run = $1
    """,
    _FORGET_REJECTIONS,
    "UPDATE LEDGER.runs SET purged = true WHERE id = $1",
    """
    DELETE FROM LEDGER.receipts
    WHERE batch IN (SELECT id FROM LEDGER.batches WHERE run = $1)
    """,
)
