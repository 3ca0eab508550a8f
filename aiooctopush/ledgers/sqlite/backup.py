"""A complete copy of an SQLite ledger, made also during a run."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from ..records import LedgerError
from .file import (
    LedgerFile,
    connect,
    copy_log,
    open_privately,
    set_in_use,
    set_up,
)
from .problems import as_ledger_errors


def backup(path: str | os.PathLike[str], copy: str | os.PathLike[str]) -> None:
    """
    Copy a ledger into one complete file, also while a run writes to it.

    The copy contains all data written before the start, and only its owner can read it.
    It takes about a second for 500 MB, and does not block a run.

    Args:
        path: Path of the ledger.
        copy: Path of the file to be made; it must not be there.

    Raises:
        LedgerError: There is no ledger, something is at the place of the copy, or it
            cannot be written. No half a copy is left.
    """
    place = Path(copy)
    with closing(LedgerFile(Path(path), read_only=True)) as file:
        file.read(lambda connection: _copy(connection, place))


def _copy(connection: sqlite3.Connection, place: Path) -> None:
    with as_ledger_errors(place):
        if os.path.lexists(place):
            raise LedgerError(f"{place}: already exists; name another file")
        aside = place.absolute().with_name(f"{place.name}-new")
        aside.unlink(missing_ok=True)
        os.close(open_privately(str(aside), os.O_CREAT | os.O_EXCL | os.O_RDWR))
        try:
            with closing(connect(aside, "rw")) as target:
                set_up(target)
                connection.backup(target)
            # The copied file may be marked as in use, with a log of its own.
            with closing(connect(aside, "rw")) as target:
                set_up(target)
                set_in_use(target, is_open=False)
                copy_log(target, "TRUNCATE")
            aside.replace(place)
        except BaseException:
            for name in (aside.name, f"{aside.name}-wal", f"{aside.name}-shm"):
                aside.with_name(name).unlink(missing_ok=True)
            raise
