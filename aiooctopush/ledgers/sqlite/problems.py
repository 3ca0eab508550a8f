"""Errors of SQLite and the system, in the words of a ledger, with advice."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from ..records import LedgerError
from ..rows import DAMAGED


_PRIMARY_CODE: Final = 0xFF
# Errors of SQLite if it may not create the files that a log needs.
_CANNOT_READ_LOG: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})
_NO_ROOM: Final = "the disk is full; free space, then resume"
_FORBIDDEN: Final = (
    "is not writable by this user; change its permissions, or name another file"
)
_UNREADABLE: Final = (
    "is not readable by this user; change its permissions, or name another file"
)
_NO_LOG_BESIDE_IT: Final = (
    "is in use, and its log can be read only where files may be made next to it; "
    "stop its writer, or read a copy made with `octopush ledger backup`"
)
_IN_USE: Final = "another program is using it; close that program, then resume"
_WORDS_OF_SQLITE: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_BUSY: _IN_USE,
    sqlite3.SQLITE_LOCKED: _IN_USE,
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_IOERR: "the disk failed to read or write; check it, then resume",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_FULL: _NO_ROOM,
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened; check that it and its folder exist, and their permissions"
    ),
    sqlite3.SQLITE_CONSTRAINT: (
        "holds a batch of that number already; nothing of this was written"
    ),
}
_WORDS_OF_SYSTEM: Final[Sequence[tuple[type[OSError], str]]] = (
    (FileNotFoundError, "its folder does not exist; create it, or name another file"),
    (NotADirectoryError, "its folder is a file; name another folder"),
    (PermissionError, _FORBIDDEN),
)


PROBLEMS: Final = (sqlite3.Error, OSError, OverflowError, UnicodeEncodeError)
"""Exceptions of SQLite, the system, and Python for a value that neither can store."""


@contextmanager
def as_ledger_errors(path: Path, *, reading: bool = False) -> Iterator[None]:
    """
    Convert errors of SQLite and the system to a `LedgerError` with advice.

    Args:
        path: Path that names the ledger in the error.
        reading: Whether nothing was to be written.
    """
    try:
        yield
    except PROBLEMS as error:
        raise_explained(error, path, reading=reading)


def raise_explained(error: Exception, path: Path, *, reading: bool = False) -> NoReturn:
    """Raise the `LedgerError` for one of `PROBLEMS`, which was just caught."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            # Not from SQLite but about a value, which the words may show.
            raise LedgerError(f"{path}: {DAMAGED}") from None
        name = f"cannot be used ({error.sqlite_errorname}); check it, then resume"
        words = _WORDS_OF_SQLITE.get(code & _PRIMARY_CODE, name)
        if reading and code & _PRIMARY_CODE in _CANNOT_READ_LOG:
            words = _NO_LOG_BESIDE_IT
        raise LedgerError(f"{path}: {words}") from error
    if isinstance(error, OSError):
        found = (words for kind, words in _WORDS_OF_SYSTEM if isinstance(error, kind))
        words = next(found, f"cannot be used: {error.strerror}")
        if reading and isinstance(error, PermissionError):
            words = _UNREADABLE
        raise LedgerError(f"{path}: {words}") from error
    # The words of those that are left show the value.
    raise LedgerError(
        f"{path}: cannot store such a value; numbers have at most 64 bits, and text "
        "must be valid Unicode"
    ) from None
