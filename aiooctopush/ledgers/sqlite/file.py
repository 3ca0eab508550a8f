"""
The file of a ledger: whose it is, who may write to it, and what went wrong with it.

Nothing here waits; all of it runs in the one thread of a `sqlite.SQLiteLedger`.
"""

import io
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from ..records import LedgerError
from ..rows import DAMAGED


T = TypeVar("T")
Identity = tuple[int, int]
"""Device and inode: what a path leads to."""

# "OctP", in the header of the file; no other application registered it with SQLite.
APPLICATION_ID: Final = 0x4F637450

# Statements that lead from one version to the next, the first of them from nothing.
# A released one is never changed.
MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        """
        CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            settings TEXT NOT NULL,
            cursor INTEGER NOT NULL,
            planned INTEGER NOT NULL,
            duplicates INTEGER NOT NULL,
            rejected INTEGER NOT NULL,
            batches INTEGER NOT NULL,
            exhausted INTEGER NOT NULL,
            paused TEXT,
            max_batch_size INTEGER,
            began_at TEXT NOT NULL,
            latest TEXT NOT NULL,
            residual_credit TEXT
        )
        """,
        # The long columns come last: what is read without them stays cheap. Figures
        # of the gateway are text, as they may be of any size.
        """
        CREATE TABLE batches (
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES runs (id),
            number INTEGER NOT NULL,
            part TEXT NOT NULL,
            state TEXT NOT NULL,
            first INTEGER NOT NULL,
            count INTEGER NOT NULL,
            digest TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            request_id TEXT NOT NULL,
            first_tried_at TEXT,
            concluded_at TEXT,
            attempts INTEGER NOT NULL,
            faults TEXT NOT NULL,
            ticket TEXT,
            sms_needed TEXT,
            cost TEXT,
            code TEXT,
            error TEXT,
            resolution TEXT,
            numbers BLOB NOT NULL,
            UNIQUE (run, number, part)
        )
        """,
        # What batches say to whom, while it may be sent. In a table of its own, or the
        # room that it took on their pages would stay empty when it is dropped: a ledger
        # would take two times as much.
        """
        CREATE TABLE contents (
            batch INTEGER PRIMARY KEY REFERENCES batches (id),
            payload BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE rejections (
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES runs (id),
            position INTEGER NOT NULL,
            line INTEGER,
            reason TEXT NOT NULL,
            shown TEXT
        )
        """,
        "CREATE INDEX rejections_in_order ON rejections (run, position)",
        # Ten million of these are the largest part of a file: figures, and no rowid.
        """
        CREATE TABLE receipts (
            batch INTEGER NOT NULL REFERENCES batches (id),
            number INTEGER NOT NULL,
            status TEXT NOT NULL,
            is_final INTEGER NOT NULL,
            PRIMARY KEY (batch, number)
        ) WITHOUT ROWID
        """,
        # Kept up to date with every receipt, and left when those are purged.
        """
        CREATE TABLE deliveries (
            run INTEGER NOT NULL REFERENCES runs (id),
            status TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (run, status)
        ) WITHOUT ROWID
        """,
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
)

# Seconds to wait for another program that holds the file; our own never do for long.
_PATIENCE: Final = 5.0

_SETTINGS: Final = (
    # Each commit is on the disk when it returns, and so outlives a power cut. On a Mac
    # that takes an order of its own to the drive.
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    "foreign_keys = ON",
    # What is dropped is written over at once.
    "secure_delete = ON",
    # A file may have been made by anybody: nothing in it is run, sizes are checked.
    "trusted_schema = OFF",
    "cell_size_check = ON",
)

_PRIMARY_CODE: Final = 0xFF
_AS_WE_ARE: Final = os.access in os.supports_effective_ids
_NO_ROOM: Final = "the disk is full: make room, then go on"
_FORBIDDEN: Final = "may not be written by this user: allow it, or name another file"

_WORDS_OF_SQLITE: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_BUSY: "another program holds it: close that, then go on",
    sqlite3.SQLITE_LOCKED: "another program holds it: close that, then go on",
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_IOERR: "the disk failed to read or write: check it, then go on",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_FULL: _NO_ROOM,
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened: check that it and its folder are there, and may be used"
    ),
    sqlite3.SQLITE_CONSTRAINT: (
        "holds a batch of that number already; nothing of this was written"
    ),
}
_WORDS_OF_SYSTEM: Final[Sequence[tuple[type[OSError], str]]] = (
    (FileNotFoundError, "its folder is not there: make it, or name another file"),
    (NotADirectoryError, "its folder is a file: name another one"),
    (PermissionError, _FORBIDDEN),
)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into a `LedgerError` with what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            # Not from SQLite but about a value, which the words may show.
            raise LedgerError(f"{path}: {DAMAGED}") from None
        name = f"cannot be used ({error.sqlite_errorname}): check it, then go on"
        words = _WORDS_OF_SQLITE.get(code & _PRIMARY_CODE, name)
        raise LedgerError(f"{path}: {words}") from error
    except OSError as error:
        found = (words for kind, words in _WORDS_OF_SYSTEM if isinstance(error, kind))
        words = next(found, f"cannot be used: {error.strerror}")
        raise LedgerError(f"{path}: {words}") from error
    except (OverflowError, UnicodeEncodeError):
        # Their words show the value.
        raise LedgerError(
            f"{path}: cannot hold such a value: numbers have at most 64 bits, and "
            "text no halves of characters"
        ) from None


class LedgerFile:
    """
    An SQLite file that is a ledger, opened at its first use.

    Next to it lies ``<name>-lock``, which is locked as long as this writes. It is a
    file of its own because a process that closes any descriptor of a database file
    drops SQLite's own locks on it; so here the database is opened by SQLite alone.
    It stays when the ledger is closed, for to remove it would let two processes lock
    two files.

    Args:
        path: Of the database.
        read_only: Neither locks nor writes.
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

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do what only reads.

        Raises:
            LedgerError: It could not be done.
        """
        with explained(self._path):
            return work(self._connected())

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do something in one transaction, which is on the disk when this returns.

        Raises:
            LedgerError: Nothing of it was done.
        """
        if self._read_only:
            raise LedgerError(f"{self._path}: is open for reading only")
        with explained(self._path):
            connection = self._connected()
            with _transaction(connection):
                return work(connection)

    def rewrite(self) -> None:
        """
        Write the file anew, so that nothing of what was dropped is left in it.

        Overwriting what is dropped is not enough: when SQLite moves a row from page to
        page, it may leave a copy behind.

        Raises:
            LedgerError: Something may be left.
        """
        with explained(self._path):
            connection = self._connected()
            connection.execute("VACUUM")
            checkpoint = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (is_kept_back, _, _) = checkpoint.fetchone()
        if is_kept_back:
            raise LedgerError(
                f"{self._path}: another program reads it, and so keeps what was "
                "purged: close that, then purge again"
            )

    def close(self) -> None:
        """Close what is open, the lock last."""
        connection, self._connection = self._connection, None
        lock, self._lock = self._lock, None
        self._opened = {}
        with explained(self._path):
            try:
                if connection is not None:
                    connection.close()
            finally:
                if lock is not None:
                    lock.close()

    def _connected(self) -> sqlite3.Connection:
        connection = self._connection
        if connection is None:
            try:
                connection = self._open()
            except BaseException:
                self.close()
                raise
        for place, identity in self._opened.items():
            if _identity_at(place) != identity:
                # What is written now would be gone with the last descriptor.
                raise LedgerError(
                    f"{self._path}: {place.name} was moved, replaced or deleted while "
                    "the ledger was open: put it back, or start again"
                )
        return connection

    def _open(self) -> sqlite3.Connection:
        # A program may change its folder later.
        self._place = self._path.absolute()
        # Looked at before it is locked: nothing is put next to what is not ours.
        is_there = self._is_there()
        if not self._read_only:
            self._take_lock()
            if not self._is_there():
                self._create()
            # SQLite would open it for reading, and leave files that cannot be written.
            if not os.access(self._place, os.W_OK, effective_ids=_AS_WE_ARE):
                raise PermissionError
        elif not is_there:
            raise LedgerError(f"{self._path}: there is no such ledger")
        self._opened[self._place] = _identity(os.lstat(self._place))
        mode = "ro" if self._read_only else "rw"
        self._connection = connection = _connect(self._place, mode)
        _set_up(connection)
        # Once more, for after a crash the newest version may not be in the file yet.
        self._check_version(connection)
        if not self._read_only:
            self._migrate(connection)
        elif _version(connection) < len(self._migrations):
            raise LedgerError(
                f"{self._path}: an older version of this library wrote it: open it "
                "once for writing"
            )
        return connection

    def _is_there(self) -> bool:
        """
        Whether there is a ledger; an empty file is none yet.

        Raises:
            LedgerError: There is something else.
        """
        try:
            status = os.lstat(self._place)
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(status.st_mode):
            kind = "a link" if stat.S_ISLNK(status.st_mode) else "no file"
            raise LedgerError(f"{self._path}: is {kind}: name the file itself")
        if not status.st_size:
            return False
        try:
            # Opened so, SQLite changes nothing, not even what a crash left to be done.
            self._check("ro&immutable=1")
        except sqlite3.DatabaseError as error:
            # A crash while SQLite copies its log into the file leaves one that is
            # whole only together with the log: then both are looked at.
            log = self._place.with_name(f"{self._path.name}-wal")
            if error.sqlite_errorcode != sqlite3.SQLITE_CORRUPT or not log.exists():
                raise
            self._check("ro")
        return True

    def _check(self, mode: str) -> None:
        """
        Refuse what is not ours to use.

        Raises:
            LedgerError: It is no ledger, or of a newer version.
            DatabaseError: It is damaged, or so it looks in this mode.
        """
        with closing(_connect(self._place, mode)) as connection:
            try:
                (owner,) = connection.execute("PRAGMA application_id").fetchone()
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                    raise
                owner = None
            if owner != APPLICATION_ID:
                raise LedgerError(
                    f"{self._path}: is no ledger, and was left as it is: name another "
                    "file"
                )
            self._check_version(connection)

    def _check_version(self, connection: sqlite3.Connection) -> None:
        if _version(connection) > len(self._migrations):
            raise LedgerError(
                f"{self._path}: a newer version of this library wrote it, and it was "
                "left as it is: update aiooctopush"
            )

    def _take_lock(self) -> None:
        try:
            import fcntl  # noqa: PLC0415  # not on every system
        except ImportError:
            raise LedgerError(
                f"{self._path}: files cannot be locked on this system, and so a ledger "
                "can only be read: use another kind of ledger"
            ) from None
        # The system releases the lock with the descriptor, however the process ends.
        place = self._place.with_name(f"{self._path.name}-lock")
        self._lock = io.FileIO(place, "a+", opener=_open_privately)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LedgerError(
                f"{self._path}: another process is writing to it, or another ledger of "
                "this one: wait for it, or open it read_only"
            ) from None
        self._opened[place] = _identity(os.fstat(self._lock.fileno()))

    def _create(self) -> None:
        """Make an empty ledger aside and put it in place, so that none is half one."""
        aside = self._place.with_name(f"{self._path.name}-new")
        # Left by a crash in here; its journal is dropped by SQLite.
        aside.unlink(missing_ok=True)
        # What SQLite puts next to a database gets the same permissions.
        os.close(_open_privately(str(aside), os.O_CREAT | os.O_EXCL | os.O_RDWR))
        try:
            with closing(_connect(aside, "rw")) as connection:
                _set_up(connection)
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


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors SQLite has done so itself.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _connect(place: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{place.as_uri()}?mode={mode}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,  # transactions begin where we say so
    )


def _set_up(connection: sqlite3.Connection) -> None:
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _identity_at(place: Path) -> Identity | None:
    try:
        return _identity(os.lstat(place))
    except FileNotFoundError:
        return None


def _open_privately(path: str, flags: int) -> int:
    """Open for this user alone, and no link that somebody has put there."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
