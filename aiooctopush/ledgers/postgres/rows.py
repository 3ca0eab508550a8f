"""
The rows of a ledger in PostgreSQL: how records become rows, and rows records again.

What is done here is a part of a transaction that others begin and end.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

import attrs
from attrs import evolve, frozen

from ..batch import pack
from ..records import (
    KEEPS_PAYLOAD,
    BatchRecord,
    BatchState,
    LeaseLostError,
    LedgerError,
    Pause,
    Rejection,
    RunRecord,
)
from .connection import DAMAGED, Database


Record = TypeVar("Record", BatchRecord, Rejection, RunRecord)


@frozen
class Tables:
    """The tables of a ledger in one schema."""

    database: Database

    def sql(self, statement: str) -> str:
        """A statement, with the name of the schema in it."""
        return self.database.within(statement)

    async def find_run(self, connection: Any, key: str) -> tuple[int, int]:
        """Its id, and the lock that stands for it."""
        row = await connection.fetchrow(self.sql(_FIND_LOCK), word(key))
        if row is None:
            raise LedgerError(f"{self.database.name}: holds no run {key!r}")
        return int(row[0]), int(row[1])

    async def run_id(self, connection: Any, key: str) -> int:
        """The id of a run that this connection may write to, as far as it lasts."""
        owner, lock = await self.find_run(connection, key)
        if not await connection.fetchval(TRY_SHARED_LOCK, lock):
            raise LedgerError(
                f"{self.database.name}: another process is at run {key!r}: wait for it"
            )
        return owner

    async def replace_run(self, connection: Any, run: RunRecord) -> int:
        """Replace what is known of a run, and return its id."""
        owner = await self.run_id(connection, run.key)
        await connection.execute(self.sql(_REPLACE_RUN), *stored(run))
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
        """Add batches; a worker holds those that are still to be sent."""
        await connection.executemany(
            self.sql(_ADD_BATCH),
            [
                (owner, *stored(batch), worker, lease)
                if batch.state is BatchState.NOT_SENT
                else (owner, *stored(batch), None, None)
                for batch in map(_lightened, batches)
            ],
        )

    async def replace(
        self,
        connection: Any,
        key: str,
        owner: int,
        batch: BatchRecord,
        *,
        fence: int | None = None,
        worker: str | None = None,
        lease: timedelta | None = None,
    ) -> None:
        """Replace a batch; with a fence only what is held under it."""
        found = await connection.fetchval(
            self.sql(_REPLACE_BATCH),
            *(owner, *stored(_lightened(batch)), worker, lease),
            *(fence, batch.state in KEEPS_PAYLOAD),
        )
        if found is None and fence is not None:
            raise LeaseLostError(
                f"{self.database.name}: the lease of batch {batch.name} of {key!r} "
                "had run out, and somebody else took it over"
            )
        if found is None:
            raise LedgerError(
                f"{self.database.name}: holds no batch {batch.name} of {key!r}"
            )

    async def lock_batch(self, connection: Any, owner: int, name: str) -> int:
        """The id of a batch that nobody else changes until the transaction ends."""
        number, _, part = name.partition(".")
        place = (owner, int(number), part)
        found = await connection.fetchval(self.sql(_LOCK_BATCH), *place)
        if found is None:
            raise LedgerError(f"{self.database.name}: holds no batch {name}")
        return int(found)

    def record(self, kind: type[Record], row: Sequence[Any]) -> Record:
        """Make a record of the columns that `names` lists."""
        try:
            return kind(
                **{
                    name: _FORMS[name].read(value)
                    if name in _FORMS and value is not None
                    else value
                    for name, value in zip(names(kind), row, strict=True)
                }
            )
        except (ValueError, ArithmeticError, TypeError, AttributeError):
            # Their words show the value.
            raise LedgerError(f"{self.database.name}: {DAMAGED}") from None


_ESCAPED: Final = re.compile(r"\\([0\\])")


def word(value: str) -> str:
    """A text without NUL, the one character that PostgreSQL does not take in one."""
    return value.replace("\\", "\\\\").replace("\0", "\\0")


def unword(value: str) -> str:
    """The other way round."""
    return _ESCAPED.sub(lambda found: "\0" if found[1] == "0" else "\\", value)


class _Form(NamedTuple):
    """How a value is written where PostgreSQL has no type for it."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _mapping(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value))


_WORD: Final = _Form(word, unword)
_MONEY: Final = _Form(str, Decimal)
_FIGURE: Final = _Form(str, int)
_MAPPING: Final = _Form(_mapping, json.loads)
# It goes over a network, and no server packs it (see the schema).
_PAYLOAD: Final = _Form(pack, bytes)
_FORMS: Final[Mapping[str, _Form]] = {
    "code": _FIGURE,
    "cost": _MONEY,
    "digest": _WORD,
    "error": _WORD,
    "faults": _MAPPING,
    "key": _WORD,
    "paused": _Form(str, Pause),
    "part": _WORD,
    "payload": _PAYLOAD,
    "reason": _WORD,
    "request_id": _WORD,
    "residual_credit": _MONEY,
    "resolution": _WORD,
    "settings": _MAPPING,
    "shown": _WORD,
    "sms_needed": _FIGURE,
    "state": _Form(str, BatchState),
    "ticket": _WORD,
}


def stored(record: BatchRecord | Rejection | RunRecord) -> tuple[Any, ...]:
    """Each attribute as the column of its name takes it, in their order."""
    return tuple(
        _FORMS[name].write(value) if name in _FORMS and value is not None else value
        for name, value in attrs.asdict(record, recurse=False).items()
    )


def _lightened(batch: BatchRecord) -> BatchRecord:
    return batch if batch.state in KEEPS_PAYLOAD else evolve(batch, payload=None)


def names(kind: type[BatchRecord | Rejection | RunRecord]) -> Sequence[str]:
    """The columns of a record, in the order of its attributes."""
    return tuple(field.name for field in attrs.fields(kind))


def insert(table: str, columns: Sequence[str]) -> str:
    """A statement that adds a row, with a parameter for each column."""
    values = ", ".join(f"${at}" for at in range(1, len(columns) + 1))
    return f"INSERT INTO LEDGER.{table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608


def _assignments(columns: Sequence[str], first: int, but: str = "") -> str:
    return ", ".join(
        f"{name} = ${at}" for at, name in enumerate(columns, first) if name != but
    )


# What is put into the statements (S608) are names of ours, never values.
RUN: Final = names(RunRecord)
BATCH: Final = names(BatchRecord)
REJECTION: Final = names(Rejection)
OWNER: Final = "run = (SELECT id FROM LEDGER.runs WHERE key = $1)"
# One number for a run in all of the database: its table's, and its own.
LOCK: Final = "(tableoid::bigint << 32) | id"

TRY_SHARED_LOCK: Final = "SELECT pg_try_advisory_xact_lock_shared($1)"
_FIND_LOCK: Final = f"SELECT id, {LOCK} FROM LEDGER.runs WHERE key = $1"  # noqa: S608
_REPLACE_RUN: Final = f"""
    UPDATE LEDGER.runs SET {_assignments(RUN, 1)} WHERE key = $1
"""  # noqa: S608

_HOLDER: Final = len(BATCH) + 2
_ADD_BATCH: Final = f"""
    INSERT INTO LEDGER.batches (run, {", ".join(BATCH)}, owner, lease_until)
    VALUES ({", ".join(f"${at}" for at in range(1, _HOLDER + 1))},
        now() + ${_HOLDER + 1}::interval)
"""  # noqa: S608
_FENCE, _KEEPS = f"${_HOLDER + 2}", f"${_HOLDER + 3}"
_AT: Final = {name: f"${at}" for at, name in enumerate(BATCH, 2)}
# Without a fence it is written by somebody who needs no claim, and ends that of others:
# without a lease nobody holds it, and the next to claim it raises the fence.
_REPLACE_BATCH: Final = f"""
    UPDATE LEDGER.batches SET {_assignments(BATCH, 2, but="payload")},
        payload =
            CASE WHEN {_KEEPS}::boolean THEN coalesce({_AT["payload"]}, payload) END,
        owner = ${_HOLDER}, lease_until = now() + ${_HOLDER + 1}::interval
    WHERE run = $1 AND number = {_AT["number"]} AND part = {_AT["part"]}
        AND ({_FENCE}::bigint IS NULL OR (fence = {_FENCE} AND lease_until IS NOT NULL))
    RETURNING id
"""  # noqa: S608
_LOCK_BATCH: Final = """
    SELECT id FROM LEDGER.batches WHERE run = $1 AND number = $2 AND part = $3
    FOR NO KEY UPDATE
"""
