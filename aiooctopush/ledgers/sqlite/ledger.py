"""A ledger in one SQLite file, which outlives a crash of the process or the machine."""

import asyncio
import os
import sqlite3
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from attrs import evolve

from ..._clock import Clock, SystemClock
from ...errors import InvalidFieldError
from ..arguments import check_ledger
from ..in_process import LocalClaims
from ..records import (
    KEEPS_PAYLOAD,
    BatchRecord,
    BatchState,
    LedgerError,
    Pause,
    Receipt,
    Rejection,
    RunRecord,
    numbered,
)
from ..rows import (
    BATCH_COLUMNS,
    INSTANT,
    PAGE_SIZE,
    PLANNED_COLUMNS,
    REJECTION_COLUMNS,
    REPLACED_COLUMNS,
    RUN_COLUMNS,
    AnyRecord,
    Form,
    Record,
    RowCodec,
    assignments,
    in_pages,
    insert,
    rejection_place,
)
from .backup import backup
from .commits import Commits
from .file import LedgerFile


class SQLiteLedger(LocalClaims):
    """
    Keeps one run or several in a file: enough to resume after a crash or a power
    failure.

    Nothing is opened before the first use. As long as it is open, no other process
    can write to the same file, but any can read it with ``read_only``. SQLite runs in
    a thread of its own.

    The file holds phone numbers and texts. It is made for its owner alone, as are
    the files next to it, whose names begin like its own. It belongs on a disk of this
    machine. Do not put it on a network drive.

    Args:
        path: Path of the file; made if it is not there, in a folder that is.
        read_only: Reads without a lock, also during a run.
        clock: By which leases of a fleet in this process run out; the machine's.

    Raises:
        InvalidFieldError: That cannot be a path.
    """

    is_durable = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(clock or SystemClock())
        check_ledger(path)
        if "\0" in os.fspath(path):
            raise InvalidFieldError("path", "must not hold a NUL character")
        self._path = Path(path)
        self._file = LedgerFile(self._path, read_only=read_only)
        self._commits = Commits(self._path, self._file)

    def __repr__(self) -> str:
        return f"<SQLiteLedger {str(self._path)!r}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def open_run(self, run: RunRecord) -> RunRecord:
        """
        Begin a run, or load an existing one; no other process may then write to it.

        Raises:
            LedgerError: Another process is writing to the file, it is no ledger, or it
                cannot be written. It was left as it is.
        """

        def find_or_begin(connection: sqlite3.Connection) -> RunRecord:
            connection.execute(_BEGIN_RUN, _CODEC.to_row(run))
            row = connection.execute(_FIND_RUN, (run.name,)).fetchone()
            return self._record(RunRecord, row)

        return await self._commits.write(find_or_begin)

    async def plan(
        self,
        run: RunRecord,
        batches: Sequence[BatchRecord],
        rejections: Sequence[Rejection] = (),
    ) -> None:

        def plan(connection: sqlite3.Connection) -> None:
            records: list[AnyRecord] = [run, *batches, *rejections]
            row, *rows = [_CODEC.to_row(one, run=run.name) for one in records]
            self._write_run(connection, _REPLACE_PLANNED, row)
            _add(connection, rows[: len(batches)])
            connection.executemany(_ADD_REJECTION, rows[len(batches) :])

        await self._commits.write(plan)

    async def begin(self, run_name: str, batch: BatchRecord) -> None:
        await self._commits.write(lambda file: self._replace(file, run_name, batch))

    async def conclude(self, run_name: str, batch: BatchRecord) -> None:
        await self._commits.write(lambda file: self._replace(file, run_name, batch))

    async def conclude_soon(self, run_name: str, batch: BatchRecord) -> Awaitable[None]:
        """Write it with the next plan, or alone if that takes too long."""
        return self._commits.write(
            lambda file: self._replace(file, run_name, batch), can_wait=True
        )

    async def split(
        self, run_name: str, parent: BatchRecord, parts: Sequence[BatchRecord]
    ) -> None:

        def split(connection: sqlite3.Connection) -> None:
            whole = evolve(parent, state=BatchState.SPLIT)
            self._replace(connection, run_name, whole)
            _add(connection, [_CODEC.to_row(part, run=run_name) for part in parts])

        await self._commits.write(split)

    async def start_run(self, run: RunRecord) -> None:

        def start(connection: sqlite3.Connection) -> None:
            self._write_run(connection, _REPLACE_PLANNED, _CODEC.to_row(run))
            owner = self._run_id(connection, run.name)
            connection.execute(_FORGET_REJECTIONS, (owner,))

        await self._commits.write(start)

    async def update_run(self, run: RunRecord) -> None:
        row = _CODEC.to_row(run)
        await self._commits.write(lambda file: self._write_run(file, _REPLACE_RUN, row))

    async def pause(self, run_name: str, why: Pause) -> bool:

        def pause(connection: sqlite3.Connection) -> bool:
            self._run_id(connection, run_name)
            row = {"name": run_name, "paused": why.value}
            return bool(connection.execute(_PAUSE, row).rowcount)

        return await self._commits.write(pause)

    async def unpause(self, run_name: str) -> None:
        row = {"name": run_name}
        await self._commits.write(lambda file: self._write_run(file, _LIFT, row))

    async def batches(
        self, run_name: str, states: Collection[BatchState] | None = None
    ) -> AsyncIterator[BatchRecord]:
        # None is not all of them: a state that makes no sense must not go unnoticed.
        wanted = [] if states is None else [state.value for state in states]
        marks = (
            "" if states is None else f"AND state IN ({', '.join('?' * len(wanted))})"
        )
        query = f"{_BATCHES} {marks} ORDER BY number, part LIMIT ?"

        def page(last: tuple[int, str]) -> Awaitable[list[BatchRecord]]:
            def read(connection: sqlite3.Connection) -> list[BatchRecord]:
                rows = connection.execute(query, (run_name, *last, *wanted, PAGE_SIZE))
                return [self._record(BatchRecord, row) for row in rows.fetchall()]

            return self._commits.read(read)

        async for batch in in_pages(page, (-1, ""), numbered):
            yield batch

    async def find_batch(self, run_name: str, name: str) -> BatchRecord | None:
        """One batch of a run; None if it is not there."""
        number, _, part = name.partition(".")

        def read(connection: sqlite3.Connection) -> BatchRecord | None:
            row = connection.execute(_ONE_BATCH, (run_name, number, part)).fetchone()
            return None if row is None else self._record(BatchRecord, row)

        return await self._commits.read(read)

    async def rejections(self, run_name: str) -> AsyncIterator[Rejection]:

        def page(last: tuple[int, int]) -> Awaitable[list[tuple[int, Rejection]]]:
            def read(connection: sqlite3.Connection) -> list[tuple[int, Rejection]]:
                found = connection.execute(_REJECTIONS, (run_name, *last, PAGE_SIZE))
                return [
                    (number, self._record(Rejection, values))
                    for number, *values in found.fetchall()
                ]

            return self._commits.read(read)

        async for _, rejection in in_pages(page, (-1, 0), rejection_place):
            yield rejection

    async def record_receipts(self, run_name: str, receipts: Sequence[Receipt]) -> None:

        def record(connection: sqlite3.Connection) -> None:
            owner = self._run_id(connection, run_name)
            for receipt in receipts:
                self._record_receipt(connection, owner, receipt)

        await self._commits.write(record)

    def _record_receipt(
        self, connection: sqlite3.Connection, owner: int, receipt: Receipt
    ) -> None:
        number, _, part = receipt.batch.partition(".")
        batch = connection.execute(_FIND_BATCH, (owner, number, part)).fetchone()
        if batch is None:
            raise LedgerError(f"{self._path}: holds no batch {receipt.batch}")
        place = (*batch, int(receipt.number))
        old = connection.execute(_FIND_RECEIPT, place).fetchone()
        if old is not None:
            status, is_final = old
            if not receipt.replaces(is_final=is_final):
                return
            connection.execute(_COUNT_DELIVERY, (owner, status, -1))
        connection.execute(_PUT_RECEIPT, (*place, receipt.status, receipt.is_final))
        connection.execute(_COUNT_DELIVERY, (owner, receipt.status, 1))

    async def deliveries(self, run_name: str) -> Mapping[str, int]:

        def read(connection: sqlite3.Connection) -> dict[str, int]:
            return dict(connection.execute(_DELIVERIES, (run_name,)).fetchall())

        return await self._commits.read(read)

    async def statuses(self, run_name: str, batch: BatchRecord) -> Mapping[str, str]:

        def read(connection: sqlite3.Connection) -> dict[str, str]:
            place = (run_name, batch.number, batch.part)
            rows = connection.execute(_STATUSES, place)
            return {f"+{number}": status for number, status in rows}

        return await self._commits.read(read)

    async def runs(self) -> Sequence[RunRecord]:

        def read(connection: sqlite3.Connection) -> list[RunRecord]:
            rows = connection.execute(_RUNS).fetchall()
            return [self._record(RunRecord, row) for row in rows]

        return await self._commits.read(read)

    async def purge(self, run_name: str) -> None:
        """
        Delete recipients and texts of a run, and keep the figures.

        The file is rewritten, and so becomes as small as possible. Meanwhile it takes
        the same space again.

        Raises:
            LedgerError: It failed, or deleted data may still be in the file; then purge
                again.
        """

        def forget(connection: sqlite3.Connection) -> None:
            owner = self._run_id(connection, run_name)
            connection.execute(_FORGET_NUMBERS, (owner,))
            connection.execute(_FORGET_CONTENTS, (owner,))
            connection.execute(_FORGET_REJECTIONS, (owner,))
            connection.execute(_FORGET_RECEIPTS, (owner,))
            connection.execute(_MARK_PURGED, (owner,))

        def purge() -> None:
            self._file.write(forget)
            self._file.rewrite()

        await self._commits.do(purge)

    async def backup(self, copy: str | os.PathLike[str]) -> None:
        """
        Copy the ledger into one complete file, also while a run writes to it.

        Other copies also need the file whose name ends in ``-wal``, and are refused
        without it, unless the ledger was closed before.

        Args:
            copy: Path of the file to be made; it must not be there.

        Raises:
            LedgerError: Nothing was written yet, something is at the place of the
                copy, or it cannot be written. No half a copy is left.
        """
        await asyncio.to_thread(backup, self._path, copy)

    async def release_run(self, run_name: str) -> None:
        """Fold the log into the file, which is then complete until the next write."""
        await super().release_run(run_name)
        await self._commits.do(self._file.fold)

    async def close(self) -> None:
        """
        Wait for pending writes, then close the file. A second call does nothing.

        A closed ledger cannot be used again. If this is cancelled, the file is closed
        all the same.
        """
        await self._commits.close()

    def _run_id(self, connection: sqlite3.Connection, run_name: str) -> int:
        row = connection.execute(
            "SELECT id FROM runs WHERE name = ?", (run_name,)
        ).fetchone()
        if row is None:
            raise self._no_run(run_name)
        return int(row[0])

    def _write_run(
        self, connection: sqlite3.Connection, statement: str, row: Mapping[str, Any]
    ) -> None:
        if not connection.execute(statement, row).rowcount:
            raise self._no_run(row["name"])

    def _replace(
        self, connection: sqlite3.Connection, run_name: str, batch: BatchRecord
    ) -> None:
        placed = _CODEC.to_row(batch, run=run_name)
        if not connection.execute(_REPLACE_BATCH, placed).rowcount:
            self._run_id(connection, run_name)
            raise LedgerError(
                f"{self._path}: holds no batch {batch.name} of {run_name!r}"
            )
        if batch.state not in KEEPS_PAYLOAD:
            connection.execute(_DROP_CONTENT, placed)
        elif batch.payload is not None:
            connection.execute(_REPLACE_CONTENT, placed)

    def _no_run(self, run_name: str) -> LedgerError:
        return LedgerError(f"{self._path}: holds no run {run_name!r}")

    def _record(self, kind: type[Record], row: Iterable[Any]) -> Record:
        return _CODEC.from_row(kind, row, str(self._path))


_CODEC: Final = RowCodec(
    {
        "began_at": INSTANT,
        "concluded_at": INSTANT,
        "exhausted": Form(int, bool),
        "first_tried_at": INSTANT,
        "latest": INSTANT,
        "purged": Form(int, bool),
    }
)


def _add(connection: sqlite3.Connection, batches: Iterable[Mapping[str, Any]]) -> None:
    for placed in batches:
        connection.execute(_ADD_BATCH, placed)
        if placed["state"] in KEEPS_PAYLOAD and placed["payload"] is not None:
            connection.execute(_ADD_CONTENT, placed)


def _named(columns: Iterable[str]) -> dict[str, str]:
    """Each column with the parameter of its name."""
    return {name: f":{name}" for name in columns}


# Only our own names are put into the statements (S608), never values.
_OWNER: Final = "run = (SELECT id FROM runs WHERE name = ?)"
# Each statement costs as much as its writes, so one statement does everything.
_ITS_RUN: Final = "(SELECT id FROM runs WHERE name = :run)"

_BEGIN_RUN: Final = (
    f"{insert('runs', _named(RUN_COLUMNS))} ON CONFLICT (name) DO NOTHING"
)
_REPLACE_RUN: Final = (
    f"UPDATE runs SET {assignments(_named(REPLACED_COLUMNS))} WHERE name = :name"  # noqa: S608
)
_REPLACE_PLANNED: Final = (
    f"UPDATE runs SET {assignments(_named(PLANNED_COLUMNS))} WHERE name = :name"  # noqa: S608
)
_PAUSE: Final = "UPDATE runs SET paused = :paused WHERE name = :name AND paused IS NULL"
_LIFT: Final = "UPDATE runs SET paused = NULL WHERE name = :name"
_RUNS: Final = f"SELECT {', '.join(RUN_COLUMNS)} FROM runs ORDER BY began_at DESC, id"  # noqa: S608
_FIND_RUN: Final = f"SELECT {', '.join(RUN_COLUMNS)} FROM runs WHERE name = ?"  # noqa: S608

_COLUMNS: Final = [name for name in BATCH_COLUMNS if name != "payload"]
_CONTENT: Final = "(SELECT payload FROM contents WHERE batch = batches.id)"
_READ: Final = ", ".join(
    _CONTENT if name == "payload" else name for name in BATCH_COLUMNS
)
_NAMED: Final = f"run = {_ITS_RUN} AND number = :number AND part = :part"

_ADD_BATCH: Final = insert("batches", {"run": _ITS_RUN, **_named(_COLUMNS)})
_ADD_CONTENT: Final = "INSERT INTO contents VALUES (last_insert_rowid(), :payload)"
# The columns of the index are not set, or SQLite would rewrite the index as well.
_SET: Final = assignments(
    _named(name for name in _COLUMNS if name not in {"number", "part"})
)
_REPLACE_BATCH: Final = f"UPDATE batches SET {_SET} WHERE {_NAMED}"  # noqa: S608
_REPLACE_CONTENT: Final = f"""
    INSERT OR REPLACE INTO contents SELECT id, :payload FROM batches WHERE {_NAMED}
"""  # noqa: S608
_DROP_CONTENT: Final = f"""
    DELETE FROM contents WHERE batch = (SELECT id FROM batches WHERE {_NAMED})
"""  # noqa: S608
_BATCHES: Final = f"""
    SELECT {_READ} FROM batches WHERE {_OWNER} AND (number, part) > (?, ?)
"""  # noqa: S608

_ONE_BATCH: Final = f"""
    SELECT {_READ} FROM batches WHERE {_OWNER} AND number = ? AND part = ?
"""  # noqa: S608

_ADD_REJECTION: Final = insert(
    "rejections", {"run": _ITS_RUN, **_named(REJECTION_COLUMNS)}
)
_REJECTIONS: Final = f"""
    SELECT id, {", ".join(REJECTION_COLUMNS)} FROM rejections
    WHERE {_OWNER} AND (position, id) > (?, ?) ORDER BY position, id LIMIT ?
"""  # noqa: S608

_FORGET_NUMBERS: Final = (
    "UPDATE batches SET numbers = x'', identities = x'' WHERE run = ?"
)
_MARK_PURGED: Final = "UPDATE runs SET purged = 1 WHERE id = ?"
_FORGET_CONTENTS: Final = (
    "DELETE FROM contents WHERE batch IN (SELECT id FROM batches WHERE run = ?)"
)
_FIND_BATCH: Final = "SELECT id FROM batches WHERE run = ? AND number = ? AND part = ?"
_FIND_RECEIPT: Final = (
    "SELECT status, is_final FROM receipts WHERE batch = ? AND number = ?"
)
_PUT_RECEIPT: Final = "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?)"
_COUNT_DELIVERY: Final = """
    INSERT INTO deliveries VALUES (?, ?, ?)
    ON CONFLICT (run, status) DO UPDATE SET count = count + excluded.count
"""
_DELIVERIES: Final = f"""
    SELECT status, count FROM deliveries WHERE {_OWNER} AND count > 0
    ORDER BY count DESC, status
"""  # noqa: S608
_STATUSES: Final = f"""
    SELECT number, status FROM receipts
    WHERE batch = (SELECT id FROM batches WHERE {_OWNER} AND number = ? AND part = ?)
"""  # noqa: S608
_FORGET_RECEIPTS: Final = (
    "DELETE FROM receipts WHERE batch IN (SELECT id FROM batches WHERE run = ?)"
)
_FORGET_REJECTIONS: Final = "DELETE FROM rejections WHERE run = ?"
