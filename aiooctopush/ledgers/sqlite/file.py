"""
The file of a ledger: ownership, lock, and errors.

Nothing here waits; all of it runs in the one thread of a `sqlite.SQLiteLedger`.
"""

import io
import os
import sqlite3
import stat
from collections.abc import Callable, Sequence
from contextlib import (
    AbstractContextManager,
    ExitStack,
    closing,
    suppress,
)
from pathlib import Path
from typing import Final, TypeVar

from ..records import LedgerError
from .problems import PROBLEMS, as_ledger_errors, raise_explained
from .schema import APPLICATION_ID, MIGRATIONS


T = TypeVar("T")
Identity = tuple[int, int]
"""Device and inode of a path."""

# Seconds to wait for another program that holds the file; our own never do for long.
_PATIENCE: Final = 5.0

_SETTINGS: Final = (
    # Each commit is on the disk when it returns, and so survives a power failure. On a
    # Mac this requires an explicit flush of the drive.
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    "foreign_keys = ON",
    # Deleted data is overwritten at once.
    "secure_delete = ON",
    # The origin of a file is unknown: nothing in it is executed, sizes are checked.
    "trusted_schema = OFF",
    "cell_size_check = ON",
)

# Bytes. Three batches of 500 fit in a page; of the usual size, half of each page would
# stay empty.
_PAGE_SIZE: Final = 8_192

# Opened in this mode, SQLite creates and changes nothing, not even after a crash.
_FILE_ALONE: Final = "ro&immutable=1"
_AS_WE_ARE: Final = os.access in os.supports_effective_ids
_LOG_IS_MISSING: Final = (
    "lacks its log, and so some or all of its data; it was copied during a run, or "
    "after a run was killed. Copy the file whose name ends in -wal as "
    "well, or make the copy with `octopush ledger backup`"
)


def is_locked(path: Path) -> bool | None:
    """Return whether a process writes to a ledger; None where files have no locks."""
    try:
        import fcntl  # noqa: PLC0415  # not on every system
    except ImportError:
        return None
    # Shared and for an instant: two who ask do not disturb each other.
    try:
        with io.FileIO(path.absolute().with_name(f"{path.name}-lock"), "r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class LedgerFile:
    """
    An SQLite file that is a ledger, opened at its first use.

    Next to it is ``<name>-lock``, which is locked as long as this writes. It is a file
    of its own because a process that closes any descriptor of a database file drops
    SQLite's own locks on it. So only SQLite opens the database. The lock file stays
    when the ledger is closed, because removing it would let two processes lock two
    files.

    Args:
        path: Path of the database.
        read_only: Whether to open it without locks and writes.
        migrations: See `MIGRATIONS`.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool,
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
    ) -> None:
        self._path = path
        self._place = path
        self._read_only = read_only
        self._migrations = migrations
        self._connection: sqlite3.Connection | None = None
        self._lock: io.FileIO | None = None
        self._opened: dict[Path, Identity] = {}
        self._is_marked = False
        self._stands_alone = True
        self._ignores_log = False

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Run a read-only operation.

        Raises:
            LedgerError: It could not be done.
        """
        with self._explained():
            result = work(self._connected())
            if self._ignores_log and self._has_log():
                # Somebody began to write meanwhile.
                result = work(self._connected())
            return result

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do something in one transaction, which is on the disk when this returns.

        Raises:
            LedgerError: Nothing of it was done.
        """
        if self._read_only:
            raise LedgerError(f"{self._path}: is open for reading only")
        try:
            connection = self._connected()
            if not self._is_marked:
                self._mark(connection)
            with _transaction(connection):
                return work(connection)
        except PROBLEMS as error:
            raise_explained(error, self._path)

    def fold(self) -> None:
        """
        Copy the log into the file, which is then complete until the next write.

        As long as a ledger is written, new data is in its log. The file is marked
        before, so that a copy of it alone is not mistaken for the whole ledger.
        """
        if self._stands_alone:
            return
        with self._explained():
            connection = self._connected()
            self._is_marked = False
            set_in_use(connection, is_open=False)
            self._stands_alone = copy_log(connection, "TRUNCATE")

    def _mark(self, connection: sqlite3.Connection) -> None:
        """Write into the file itself as well as into its log that it is in use."""
        # A reader may keep it back for longer than the first time waits for it.
        how = "FULL" if self._stands_alone else "PASSIVE"
        self._stands_alone = False
        set_in_use(connection, is_open=True)
        self._is_marked = copy_log(connection, how)

    def rewrite(self) -> None:
        """
        Rewrite the file, so that it contains no deleted data.

        Overwriting deleted data is not enough: when SQLite moves a row from page to
        page, it may leave a copy behind.

        Raises:
            LedgerError: Something may be left.
        """
        with self._explained():
            connection = self._connected()
            self._is_marked = False
            set_in_use(connection, is_open=False)
            connection.execute("VACUUM")
            is_copied = self._stands_alone = copy_log(connection, "TRUNCATE")
        if not is_copied:
            raise LedgerError(
                f"{self._path}: another program is reading it, so the purged data is "
                "still in the file; close that program, then purge again"
            )

    def close(self) -> None:
        """Fold the log in, and close all files, the lock last."""
        with suppress(LedgerError):
            # All is on the disk already, if in two files.
            self.fold()
        connection, self._connection = self._connection, None
        lock, self._lock = self._lock, None
        self._opened = {}
        with self._explained():
            try:
                if connection is not None and self._stands_alone:
                    connection.close()
                elif connection is not None:
                    self._close_beside_log(connection)
                self._is_marked, self._stands_alone = False, True
            finally:
                if lock is not None:
                    lock.close()

    def _close_beside_log(self, connection: sqlite3.Connection) -> None:
        """
        Leave the log in place, because the file is marked as needing it.

        The last to close copies and deletes it, unless he may only read.
        """
        with ExitStack() as stack:
            with suppress(sqlite3.Error):
                reader = connect(self._place, "ro")
                stack.enter_context(closing(reader))
                _version(reader)
            connection.close()

    def _explained(self) -> AbstractContextManager[None]:
        return as_ledger_errors(self._path, reading=self._read_only)

    def _connected(self) -> sqlite3.Connection:
        connection = self._connection
        if connection is not None and self._ignores_log and self._has_log():
            self._connection = None
            connection.close()
            connection = None
        if connection is None:
            try:
                connection = self._open()
            except BaseException:
                self.close()
                raise
        for place, identity in self._opened.items():
            if _identity_at(place) != identity:
                # Data written now would be lost with the last descriptor.
                raise LedgerError(
                    f"{self._path}: {place.name} was moved, replaced or deleted while "
                    "the ledger was open; put it back, or start again"
                )
        return connection

    def _open(self) -> sqlite3.Connection:
        # A program may change its folder later.
        self._place = self._path.absolute()
        # Checked before it is locked: no file is created next to another program's
        # file.
        is_there = self._is_there()
        if not self._read_only:
            self._take_lock()
            if not self._is_there():
                self._create()
            # SQLite would open it for reading, and leave files that cannot be written.
            if not os.access(self._place, os.W_OK, effective_ids=_AS_WE_ARE):
                raise PermissionError
        elif not is_there:
            raise LedgerError(f"{self._path}: there is no such ledger; check the path")
        self._opened[self._place] = _identity(os.lstat(self._place))
        mode = "ro" if self._read_only else "rw"
        # Without a log nothing is made next to it, and so nothing needs to be allowed.
        self._ignores_log = self._read_only and not self._has_log()
        if self._ignores_log:
            mode = _FILE_ALONE
        self._connection = connection = connect(self._place, mode)
        set_up(connection)
        # Once more, for after a crash the newest version may not be in the file yet.
        self._check_version(connection)
        if not self._read_only:
            self._migrate(connection)
            self._stands_alone = not _is_in_use(connection)
        elif _version(connection) < len(self._migrations):
            raise LedgerError(
                f"{self._path}: an older version of aiooctopush wrote it; open it "
                "once for writing"
            )
        return connection

    @property
    def _log(self) -> Path:
        return self._place.with_name(f"{self._path.name}-wal")

    def _has_log(self) -> bool:
        """Whether a log lies next to the file, with anything in it."""
        try:
            return self._log.stat().st_size > 0
        except FileNotFoundError:
            return False

    def _is_there(self) -> bool:
        """
        Whether there is a ledger; an empty file does not count yet.

        Raises:
            LedgerError: There is something else.
        """
        try:
            status = os.lstat(self._place)
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(status.st_mode):
            kind = "a link" if stat.S_ISLNK(status.st_mode) else "no file"
            raise LedgerError(f"{self._path}: is {kind}; name the file itself")
        if not status.st_size:
            return False
        if not os.access(self._place, os.R_OK, effective_ids=_AS_WE_ARE):
            raise PermissionError
        try:
            self._check(_FILE_ALONE)
        except sqlite3.DatabaseError as error:
            # A crash while SQLite copies its log into the file leaves one that is
            # whole only together with the log: then both are looked at.
            is_damaged = error.sqlite_errorcode == sqlite3.SQLITE_CORRUPT
            if not is_damaged or not self._has_log():
                raise
            self._check("ro")
        return True

    def _check(self, mode: str) -> None:
        """
        Refuse a file that is not our own.

        Raises:
            LedgerError: It is no ledger, or of a newer version.
            DatabaseError: It is damaged, or so it looks in this mode.
        """
        with closing(connect(self._place, mode)) as connection:
            try:
                (owner,) = connection.execute("PRAGMA application_id").fetchone()
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                    raise
                owner = None
            if owner != APPLICATION_ID:
                raise LedgerError(
                    f"{self._path}: is not a ledger file, and was not changed; name "
                    "another file"
                )
            self._check_version(connection)
            if not self._has_log() and _is_in_use(connection):
                raise LedgerError(f"{self._path}: {_LOG_IS_MISSING}")

    def _check_version(self, connection: sqlite3.Connection) -> None:
        if _version(connection) > len(self._migrations):
            raise LedgerError(
                f"{self._path}: a newer version of aiooctopush wrote it, and it was "
                "not changed; update aiooctopush"
            )

    def _take_lock(self) -> None:
        try:
            import fcntl  # noqa: PLC0415  # not on every system
        except ImportError:
            raise LedgerError(
                f"{self._path}: files cannot be locked on this system, so a ledger "
                "can only be read; use another kind of ledger"
            ) from None
        # The system releases the lock with the descriptor, however the process ends.
        place = self._place.with_name(f"{self._path.name}-lock")
        self._lock = io.FileIO(place, "a+", opener=open_privately)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LedgerError(
                f"{self._path}: another process is writing to it, or another ledger "
                "of this one; wait for it, or open it read_only"
            ) from None
        self._opened[place] = _identity(os.fstat(self._lock.fileno()))

    def _create(self) -> None:
        """Make an empty ledger aside and put it in place, so that none is half one."""
        aside = self._place.with_name(f"{self._path.name}-new")
        # Left by a crash in here; its journal is dropped by SQLite.
        aside.unlink(missing_ok=True)
        # The files that SQLite creates next to a database get the same permissions.
        os.close(open_privately(str(aside), os.O_CREAT | os.O_EXCL | os.O_RDWR))
        try:
            with closing(connect(aside, "rw")) as connection:
                set_up(connection)
                connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
                self._migrate(connection)
                # It stays so for good.
                connection.execute("PRAGMA journal_mode = WAL")
            aside.replace(self._place)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Lead the file to the newest version, each step a transaction."""
        start = _version(connection)
        for version, step in enumerate(self._migrations[start:], start + 1):
            with _transaction(connection):
                for statement in step:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version}")


def _transaction(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Begin a transaction, which ends with a block of the connection itself."""
    connection.execute("BEGIN IMMEDIATE")
    return connection


def connect(place: Path, mode: str) -> sqlite3.Connection:
    """A connection with explicit transactions."""
    return sqlite3.connect(
        f"{place.as_uri()}?mode={mode}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,
    )


def set_up(connection: sqlite3.Connection) -> None:
    """Have it write as safely as a ledger must, and trust no file."""
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _is_in_use(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT max(is_open) FROM in_use").fetchone()[0])


def set_in_use(connection: sqlite3.Connection, *, is_open: bool) -> None:
    """Mark a ledger as in use, or as complete."""
    with _transaction(connection):
        connection.execute("UPDATE in_use SET is_open = ?", (is_open,))


def copy_log(connection: sqlite3.Connection, how: str) -> bool:
    """Copy the log into the file; whether all of it was."""
    checkpoint = connection.execute(f"PRAGMA wal_checkpoint({how})")
    is_kept_back, pages, copied = checkpoint.fetchone()
    return not is_kept_back and copied == pages


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _identity_at(place: Path) -> Identity | None:
    try:
        return _identity(os.lstat(place))
    except FileNotFoundError:
        return None


def open_privately(path: str, flags: int) -> int:
    """Open for this user alone, and without following links."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
