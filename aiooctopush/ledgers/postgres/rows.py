"""
The rows of a ledger in PostgreSQL, as parts of transactions.

The caller begins the transaction, and ends it.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

from attrs import frozen

from ..batch import pack
from ..records import (
    KEEPS_PAYLOAD,
    BatchRecord,
    BatchState,
    LeaseLostError,
    LedgerError,
    RunRecord,
    without_payload,
)
from ..rows import (
    BATCH_COLUMNS,
    PLANNED_COLUMNS,
    REPLACED_COLUMNS,
    AnyRecord,
    Form,
    Record,
    RowCodec,
    assignments,
    insert,
)
from .connection import Database


@frozen
class Tables:
    """The tables of a ledger in one schema."""

    database: Database

    def sql(self, statement: str) -> str:
        """A statement, with the name of the schema in it."""
        return self.database.within(statement)

    async def fetch(self, statement: str, *values: Any) -> Sequence[Any]:
        """
        Execute one statement for itself, and return its rows.

        Raises:
            LedgerError: There is no connection, or no ledger at its end.
        """
        async with self.database.connected() as connection:
            rows: Sequence[Any] = await connection.fetch(self.sql(statement), *values)
        return rows

    def no_run(self, run_name: str) -> LedgerError:
        """Make the error for a run that is not there."""
        return LedgerError(f"{self.database.name}: holds no run {run_name!r}")

    async def find_run(self, connection: Any, run_name: str) -> tuple[int, int]:
        """Its id, and the number of its lock."""
        row = await connection.fetchrow(self.sql(_FIND_LOCK), run_name)
        if row is None:
            raise self.no_run(run_name)
        return int(row[0]), int(row[1])

    async def run_id(self, connection: Any, run_name: str) -> int:
        """The id of a run that this connection may write to, as far as it lasts."""
        owner, lock = await self.find_run(connection, run_name)
        if not await connection.fetchval(TRY_SHARED_LOCK, lock):
            raise LedgerError(
                f"{self.database.name}: another process is sending run {run_name!r}, "
                "and nothing was written; wait for it"
            )
        return owner

    async def replace_run(
        self, connection: Any, run: RunRecord, columns: tuple[str, ...]
    ) -> int:
        """Replace these columns of a run, its name first, and return its id."""
        owner = await self.run_id(connection, run.name)
        row = CODEC.to_row(run)
        values = [row[name] for name in columns]
        await connection.execute(self.sql(_REPLACE_RUN[columns]), *values)
        return owner

    async def add(
        self,
        connection: Any,
        owner: int,
        batches: Sequence[BatchRecord],
        *,
        worker: str | None = None,
        lease: timedelta | None = None,
    ) -> None:
        """Add batches; a worker holds the ones that are still to be sent."""
        await connection.executemany(
            self.sql(_ADD_BATCH),
            [
                (owner, *stored(batch), worker, lease)
                if batch.state is BatchState.NOT_SENT
                else (owner, *stored(batch), None, None)
                for batch in map(without_payload, batches)
            ],
        )

    async def replace(
        self,
        connection: Any,
        run_name: str,
        owner: int,
        batch: BatchRecord,
        *,
        fence: int | None = None,
        worker: str | None = None,
        lease: timedelta | None = None,
    ) -> None:
        """Replace a batch; with a fence only under that fence."""
        found = await connection.fetchval(
            self.sql(_REPLACE_BATCH),
            *(owner, *stored(without_payload(batch)), worker, lease),
            *(fence, batch.state in KEEPS_PAYLOAD),
        )
        if found is None and fence is not None:
            raise LeaseLostError(
                f"{self.database.name}: the lease of batch {batch.name} of "
                f"{run_name!r} had expired, and another worker took it over"
            )
        if found is None:
            raise LedgerError(
                f"{self.database.name}: holds no batch {batch.name} of {run_name!r}"
            )

    async def lock_batch(self, connection: Any, owner: int, name: str) -> int:
        """The id of a batch, locked until the transaction ends."""
        number, _, part = name.partition(".")
        place = (owner, int(number), part)
        found = await connection.fetchval(self.sql(_LOCK_BATCH), *place)
        if found is None:
            raise LedgerError(f"{self.database.name}: holds no batch {name}")
        return int(found)

    def record(self, kind: type[Record], row: Iterable[Any]) -> Record:
        """Make a record of its columns."""
        return CODEC.from_row(kind, row, self.database.name)


# It goes over a network, and no server packs it (see the schema).
CODEC: Final = RowCodec({"payload": Form(pack, bytes)})


def stored(record: AnyRecord) -> tuple[Any, ...]:
    """Each attribute in the form of its column, in their order."""
    return tuple(CODEC.to_row(record).values())


def numbered_from(first: int, columns: Iterable[str]) -> dict[str, str]:
    """Each column with a parameter of its own, the first of them ``$first``."""
    return {name: f"${at}" for at, name in enumerate(columns, first)}


# Only our own names are put into the statements (S608), never values.
OWNER: Final = "run = (SELECT id FROM LEDGER.runs WHERE name = $1)"
# One number for a run in all of the database: its table's, and its own.
LOCK: Final = "(tableoid::bigint << 32) | id"

TRY_SHARED_LOCK: Final = "SELECT pg_try_advisory_xact_lock_shared($1)"
_FIND_LOCK: Final = f"SELECT id, {LOCK} FROM LEDGER.runs WHERE name = $1"  # noqa: S608
_REPLACE_RUN: Final = {
    columns: f"""
        UPDATE LEDGER.runs SET {assignments(numbered_from(1, columns))} WHERE name = $1
    """  # noqa: S608
    for columns in (REPLACED_COLUMNS, PLANNED_COLUMNS)
}

_HOLDER: Final = len(BATCH_COLUMNS) + 2
_LEASE_UNTIL: Final = f"now() + ${_HOLDER + 1}::interval"
_HELD_BY: Final = {"owner": f"${_HOLDER}", "lease_until": _LEASE_UNTIL}
_PLACED: Final = numbered_from(2, BATCH_COLUMNS)
_ADD_BATCH: Final = insert("LEDGER.batches", {"run": "$1", **_PLACED, **_HELD_BY})
_FENCE, _KEEPS = f"${_HOLDER + 2}", f"${_HOLDER + 3}"
_KEPT: Final = (
    f"CASE WHEN {_KEEPS}::boolean THEN coalesce({_PLACED['payload']}, payload) END"
)
# Without a fence the writer needs no claim, and ends existing ones: without a lease the
# batch is unclaimed, and the next claim raises the fence.
_REPLACE_BATCH: Final = f"""
    UPDATE LEDGER.batches SET {assignments({**_PLACED, "payload": _KEPT, **_HELD_BY})}
    WHERE run = $1 AND number = {_PLACED["number"]} AND part = {_PLACED["part"]}
        AND ({_FENCE}::bigint IS NULL OR (fence = {_FENCE} AND lease_until IS NOT NULL))
    RETURNING id
"""  # noqa: S608
_LOCK_BATCH: Final = """
    SELECT id FROM LEDGER.batches WHERE run = $1 AND number = $2 AND part = $3
    FOR NO KEY UPDATE
"""
