"""
The database of a ledger: how it is reached, who may write to a run, what went wrong.

Nothing here knows what is in the tables.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
from attrs import define, field

from ...errors import InvalidFieldError
from ..records import LedgerError
from .schema import (
    ADD_VERSION,
    CREATE_SCHEMA,
    CREATE_VERSION,
    FIND_VERSION,
    HAS_SCHEMA,
    HAS_VERSION,
    MIGRATIONS,
    within,
)


# PostgreSQL cuts longer names; others would have to be written in quotes everywhere.
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
_SCHEMES: Final = ("postgresql://", "postgres://")

# Seconds to wait for a connection, for an answer, and for one to a long statement.
_PATIENCE_TO_CONNECT: Final = 10.0
_PATIENCE: Final = 30.0
_LONG_PATIENCE: Final = 3600.0

# A machine that vanished is missed after a minute, and what it held is free again.
_SERVER_SETTINGS: Final = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}

_ALREADY_THERE: Final = (
    "holds a batch of that number already; nothing of this was written"
)
_LOST: Final = (
    "the connection to the database was lost, and nobody can tell whether the last "
    "write was done: wait until it is back, then go on"
)
_NO_LEDGER: Final = (
    "holds no ledger: check its name, or make one with PostgresLedger.migrate()"
)
_STRANGE_VALUE: Final = (
    "cannot hold such a value: numbers have at most 64 bits, and text neither NUL nor "
    "halves of characters"
)
_NO_ADDRESS: Final = "its address is none: write postgresql://user@host/database"
_OUT_OF_REACH: Final = (
    "the database cannot be reached: check that it runs, and its address"
)

# By SQLSTATE, whole or its class. PostgreSQL's own words may show the values of a row.
_WORDS: Final[Mapping[str, str]] = {
    "08": _LOST,
    "22": _STRANGE_VALUE,
    "23505": _ALREADY_THERE,
    "25006": "the database can only be read: name the primary one",
    "28": "the database refuses this user: check name and password",
    "3D": "there is no such database: make it, or name another one",
    "3F": _NO_LEDGER,
    "40": "others wrote to the same rows at once, and nothing of this was: go on",
    "42501": (
        "this user lacks a right: CREATE on the database to make a ledger; to use one, "
        "USAGE of the schema, and SELECT, INSERT, UPDATE and DELETE on its tables"
    ),
    "42P01": _NO_LEDGER,
    "42P07": "holds tables that are not a ledger's: name another schema",
    "53": "the database has no room, memory or connections left: make some, then go on",
    "57": "the database is being stopped or started: wait, then go on",
}
_CLASS: Final = 2


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what PostgreSQL and the network say into a `LedgerError` with what to do."""
    try:
        yield
    except asyncpg.PostgresError as error:
        state = str(error.sqlstate)
        unknown = f"cannot be used (SQLSTATE {state}): check the database, then go on"
        words = _WORDS.get(state) or _WORDS.get(state[:_CLASS], unknown)
        raise LedgerError(f"{name}: {words}") from None
    except ValueError:
        # Of the address, and it may show the password.
        raise LedgerError(f"{name}: {_NO_ADDRESS}") from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError):
        raise LedgerError(f"{name}: {_LOST}") from None
    except TimeoutError:
        raise LedgerError(
            f"{name}: the database does not answer: check it and the network, then go "
            "on"
        ) from None
    except OSError as error:
        raise LedgerError(f"{name}: {_OUT_OF_REACH}") from error


async def _keep_session(_connection: Any) -> None:
    """Leave a connection as it is; our statements change nothing about it."""


def _is_gone(connection: Any) -> bool:
    """Whether a connection of a pool was lost, and the pool has taken it back."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


async def _undo(connection: Any) -> None:
    """End a transaction without a trace, if need be with its connection."""
    is_undone = False
    try:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await connection.execute("ROLLBACK")
            is_undone = True
    finally:
        if not (is_undone or _is_gone(connection)):
            connection.terminate()


@define
class _Held:
    """
    A run that nobody else may write to.

    The lock belongs to the connection, and all is written over that one: lost, it
    takes the lock with it, and what is written later fails.
    """

    connection: Any
    lock: int


@define
class Database:
    """
    A schema of a PostgreSQL database, reached at its first use.

    Attributes:
        place: Where it is: a DSN, or a pool of somebody else.
        schema: Its name in there.
        migrations: See `MIGRATIONS`.
    """

    place: Any
    schema: str
    migrations: Sequence[Sequence[str]] = MIGRATIONS
    _pool: Any = field(default=None, init=False)
    _is_checked: bool = field(default=False, init=False)
    _is_closed: bool = field(default=False, init=False)
    _opening: asyncio.Lock = field(factory=asyncio.Lock, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)
    _own: Any = field(default=None, init=False)
    _held: dict[str, _Held] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if not _NAME.fullmatch(self.schema):
            raise InvalidFieldError(
                "schema",
                "must be 1 to 63 small letters, digits or '_', the first no digit",
                shown=repr(self.schema)[:80],
            )
        if isinstance(self.place, str) and not self.place.startswith(_SCHEMES):
            # Not shown: it may hold a password.
            raise InvalidFieldError("dsn_or_pool", "must begin with 'postgresql://'")

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"PostgreSQL schema {self.schema!r}"

    def within(self, statement: str) -> str:
        """A statement, with the name of the schema in it."""
        return within(self.schema, statement)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        """
        Any connection, each statement for itself.

        Raises:
            LedgerError: There is none, or no ledger at its end.
        """
        with explained(self.name):
            async with self._acquired() as connection:
                await self._check(connection)
                yield connection

    @asynccontextmanager
    async def transaction(self, run_name: str | None = None) -> AsyncIterator[Any]:
        """
        A connection for a transaction; for a run that is held, the one that holds it.

        Raises:
            LedgerError: There is none; nothing was written.
        """
        held = self._held.get(run_name) if run_name is not None else None
        if held is None:
            async with self.connected() as connection, connection.transaction():
                yield connection
            return
        with explained(self.name):
            async with self._turn:
                if _is_gone(held.connection):
                    raise LedgerError(
                        f"{self.name}: the connection that held run {run_name!r} was "
                        "lost, and others may have written to it since: start it again"
                    )
                async with self._on_own(held.connection):
                    yield held.connection

    @asynccontextmanager
    async def own_transaction(self) -> AsyncIterator[Any]:
        """
        The connection that holds runs, for a transaction in which one may be `hold`.

        Raises:
            LedgerError: There is none.
        """
        with explained(self.name):
            async with self._turn:
                connection = await self._own_connection()
                async with self._on_own(connection):
                    await self._check(connection)
                    yield connection

    async def hold(self, run_name: str, lock: int) -> None:
        """Keep others from a run until `let_go`; only in an `own_transaction`."""
        # It does not wait: the transaction has that lock for itself already.
        await self._own.execute("SELECT pg_advisory_lock($1)", lock)
        self._held[run_name] = _Held(connection=self._own, lock=lock)

    async def let_go(self, run_name: str) -> None:
        """Let others at a run; one that is not held is free already."""
        held = self._held.pop(run_name, None)
        if held is None:
            return
        with explained(self.name):
            async with self._turn:
                if not _is_gone(held.connection):
                    unlock = "SELECT pg_advisory_unlock($1)"
                    await held.connection.execute(unlock, held.lock)

    async def migrate(self) -> None:
        """
        Make the tables, or lead them to the newest version: all of it, or nothing.

        Raises:
            LedgerError: They are of a newer version, or it could not be done.
        """
        with explained(self.name):
            async with self._acquired() as connection, connection.transaction():
                # One at a time, whoever else does it in this database.
                lock = "SELECT pg_advisory_xact_lock(hashtext($1))"
                await connection.execute(lock, f"aiooctopush {self.schema}")
                version = await self._version(connection)
                if version == len(self.migrations):
                    return
                self._refuse_newer(version)
                # Who may not make schemas may use one that is there.
                if not await connection.fetchval(self.within(HAS_SCHEMA)):
                    await connection.execute(self.within(CREATE_SCHEMA))
                await connection.execute(self.within(CREATE_VERSION))
                for statements in self.migrations[version:]:
                    for statement in statements:
                        await connection.execute(
                            self.within(statement), timeout=_LONG_PATIENCE
                        )
                newest = len(self.migrations)
                await connection.execute(self.within(ADD_VERSION), newest)

    async def close(self) -> None:
        """Close what was opened here, and let go of what was held."""
        self._is_closed = True
        own, self._own = self._own, None
        self._held = {}
        if own is not None and not _is_gone(own):
            # With the session end its locks, however the pool resets it; but the server
            # takes a moment to notice, and the next one may be here before.
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await own.execute("SELECT pg_advisory_unlock_all()", timeout=_PATIENCE)
        if own is not None and not _is_gone(own):
            own.terminate()
            await self._pool.release(own)
        pool, self._pool = self._pool, None
        if pool is not None and pool is not self.place:
            # What a lost connection never gives back is cut off then, by the pool.
            with explained(self.name), suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await pool.close()

    def _acquired(self) -> AbstractAsyncContextManager[Any]:
        return self._from_pool()

    @asynccontextmanager
    async def _from_pool(self) -> AsyncIterator[Any]:
        pool = await self._open()
        async with pool.acquire(timeout=_PATIENCE) as connection:
            yield connection

    async def _open(self) -> Any:
        if self._is_closed:
            raise LedgerError(f"{self.name}: this ledger was closed: make a new one")
        async with self._opening:
            self._pool = self._pool or await self._new_pool()
        return self._pool

    async def _new_pool(self) -> Any:
        if not isinstance(self.place, str):
            return self.place
        return await asyncpg.create_pool(
            self.place,
            min_size=0,
            timeout=_PATIENCE_TO_CONNECT,
            command_timeout=_PATIENCE,
            server_settings=_SERVER_SETTINGS,
            # One round trip less for each statement.
            reset=_keep_session,
        )

    @asynccontextmanager
    async def _on_own(self, connection: Any) -> AsyncIterator[None]:
        """
        A transaction on the connection that holds runs.

        Not one of asyncpg's: cancelled while it begins, that would stay open unseen,
        and all that follows would be a part of it, and never committed. A pool looks
        after the others. Cancelled once more while it is undone, it is given up.
        """
        try:
            await connection.execute("BEGIN")
            yield
            await connection.execute("COMMIT")
        except BaseException:
            await _undo(connection)
            raise

    async def _own_connection(self) -> Any:
        if self._own is None or _is_gone(self._own):
            pool = await self._open()
            self._own = await pool.acquire(timeout=_PATIENCE)
        return self._own

    async def _check(self, connection: Any) -> None:
        """
        Refuse what is no ledger of this version; asked once.

        Raises:
            LedgerError: Says what it is instead.
        """
        if self._is_checked:
            return
        version = await self._version(connection)
        self._refuse_newer(version)
        if not version:
            raise LedgerError(f"{self.name}: {_NO_LEDGER}")
        if version < len(self.migrations):
            raise LedgerError(
                f"{self.name}: an older version of this library made it: lead it to "
                "this one with PostgresLedger.migrate()"
            )
        self._is_checked = True

    async def _version(self, connection: Any) -> int:
        """Of the tables that are there; 0 if there are none."""
        if not await connection.fetchval(self.within(HAS_VERSION)):
            return 0
        return int(await connection.fetchval(self.within(FIND_VERSION)) or 0)

    def _refuse_newer(self, version: int) -> None:
        if version > len(self.migrations):
            raise LedgerError(
                f"{self.name}: a newer version of this library made it, and it was "
                "left as it is: update aiooctopush"
            )


@define
class BoundDatabase(Database):
    """Somebody else's transaction: what is written here is written when that is."""

    def _acquired(self) -> AbstractAsyncContextManager[Any]:
        return self._lent()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Any]:
        if not self.place.is_in_transaction():
            raise LedgerError(
                f"{self.name}: the connection is in no transaction, so nothing would "
                "be written together with it: begin one first"
            )
        yield self.place

    @asynccontextmanager
    async def own_transaction(self) -> AsyncIterator[Any]:
        """A part of that transaction, which is undone alone if it fails."""
        async with self.connected() as connection, connection.transaction():
            yield connection

    async def hold(self, run_name: str, lock: int) -> None:
        """Nothing more: the transaction holds it until it ends."""

    async def close(self) -> None:
        """Nothing: the connection stays with whoever opened it."""
