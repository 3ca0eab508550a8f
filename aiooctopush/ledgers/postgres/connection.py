"""
The database of a ledger: connections, locks of runs, errors.

This module does not depend on the content of the tables.
"""

import asyncio
import gc
import re
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    suppress,
)
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
from attrs import define, field

from ..._limits import check_whole
from ...errors import InvalidFieldError, wrong_value
from ..records import LedgerError
from .address import Address, read_address
from .problems import NO_LEDGER, READ_ONLY, SHARED_SESSIONS, as_ledger_errors
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
from .sessions import (
    do_or_end,
    end,
    is_gone,
    keep_session,
    set_up,
    unlock_all,
    wait_for_disk,
)


# PostgreSQL cuts longer names; others would have to be written in quotes everywhere.
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)

# Seconds to wait for a response, and for one to a long statement.
_PATIENCE: Final = 30.0
_LONG_PATIENCE: Final = 3600.0

_SESSION: Final = "SELECT pg_backend_pid()"
_UNLOCK: Final = "SELECT pg_advisory_unlock($1)"

POOL_SIZE: Final = 10
"""Default of the maximum number of connections of a ledger."""

_SMALLEST_POOL: Final = 2
_LARGEST_POOL: Final = 1_000


@define
class _Held:
    """
    A run that is locked for writing.

    The lock belongs to the connection, and all writes use that connection. If it is
    lost, the lock is lost, and later writes fail.

    Attributes:
        beside: Whether a process adds to it while workers send.
        times: How often it was opened; it is let go of as often.
    """

    connection: Any
    lock: int
    beside: bool
    times: int = 1


@define
class Database:
    """
    A schema of a PostgreSQL database, reached at its first use.

    Attributes:
        place: Its location: a DSN, or a pool of the caller.
        schema: Its name in there.
        migrations: Statements that lead from one version to the next.
        pool_size: How many connections there may be at once.
    """

    place: Any
    schema: str
    migrations: Sequence[Sequence[str]] = MIGRATIONS
    pool_size: int | None = None
    _address: Address | None = field(default=None, init=False)
    _needs_writable: bool = field(default=False, init=False)
    _loop: Any = field(default=None, init=False)
    _pool: Any = field(default=None, init=False)
    _is_checked: bool = field(default=False, init=False)
    _is_closed: bool = field(default=False, init=False)
    _opening: asyncio.Lock = field(factory=asyncio.Lock, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)
    _own: Any = field(default=None, init=False)
    _held: dict[str, _Held] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if not _NAME.fullmatch(self.schema):
            raise wrong_value(
                "schema",
                "must be 1 to 63 small letters, digits or '_', the first no digit",
                self.schema,
            )
        if isinstance(self.place, str):
            self._address = read_address(self.place)
        elif self.pool_size is not None:
            raise InvalidFieldError("pool_size", "is set by the pool that was given")
        size = POOL_SIZE if self.pool_size is None else self.pool_size
        check_whole("pool_size", size, _SMALLEST_POOL, _LARGEST_POOL)

    @property
    def name(self) -> str:
        """Name of the ledger in errors."""
        return f"PostgreSQL schema {self.schema!r}"

    def within(self, statement: str) -> str:
        """A statement, with the name of the schema in it."""
        return within(self.schema, statement)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        """
        Any connection, each statement for itself.

        Raises:
            LedgerError: There is no connection, or no ledger at its end.
        """
        self._enter_loop()
        with self._explained():
            async with self._acquired() as connection:
                await self._check(connection)
                yield connection

    @asynccontextmanager
    async def transaction(self, run_name: str | None = None) -> AsyncIterator[Any]:
        """
        A connection for a transaction; for a run that is held, the one that holds it.

        Raises:
            LedgerError: There is no connection; nothing was written.
        """
        self._enter_loop()
        held = self._held.get(run_name) if run_name is not None else None
        if held is None:
            async with self.connected() as connection, connection.transaction():
                yield connection
            return
        with self._explained():
            async with self._turn:
                if is_gone(held.connection):
                    raise LedgerError(
                        f"{self.name}: the connection that held run {run_name!r} was "
                        "lost, and other processes may have written to it since; "
                        "start it again"
                    )
                connection = held.connection
                async with self._writable(connection), self._on_own(connection):
                    yield connection

    @asynccontextmanager
    async def own_transaction(self) -> AsyncIterator[Any]:
        """
        The connection that holds runs, for a transaction in which one may be `hold`.

        Raises:
            LedgerError: There is no connection.
        """
        self._enter_loop()
        with self._explained():
            async with self._turn:
                connection = await self._own_connection()
                async with self._writable(connection), self._on_own(connection):
                    await self._check(connection)
                    yield connection

    def is_at(self, run_name: str, *, beside: bool) -> bool:
        """Whether another task of this process keeps this one from a run."""
        held = self._holder(run_name)
        return held is not None and (beside or held.beside)

    async def hold(self, run_name: str, lock: int, *, beside: bool) -> None:
        """
        Keep others from a run until `let_go`; only in an `own_transaction`.

        If that fails, or this, the run is to be let go.
        """
        held = self._holder(run_name)
        if held is not None:
            held.times += 1
            return
        self._held[run_name] = _Held(connection=self._own, lock=lock, beside=beside)
        # It does not wait: the transaction has that lock for itself already.
        await self._own.execute("SELECT pg_advisory_lock($1)", lock)

    def _holder(self, run_name: str) -> _Held | None:
        """Who holds a run, as far as the connection lasts."""
        held = self._held.get(run_name)
        return None if held is None or is_gone(held.connection) else held

    async def let_go(self, run_name: str) -> None:
        """Let others at a run; one that is not held is free already."""
        held = self._held.get(run_name)
        if held is None:
            return
        held.times -= 1
        if held.times:
            return
        del self._held[run_name]
        self._enter_loop()
        with self._explained():
            try:
                async with self._turn:
                    if not is_gone(held.connection):
                        await held.connection.execute(_UNLOCK, held.lock)
            except BaseException:
                # Cancelled, perhaps before its turn; nobody would ask for it again.
                async with self._turn:
                    await do_or_end(held.connection, _UNLOCK, held.lock)
                raise

    async def migrate(self) -> None:
        """
        Make the tables, or lead them to the newest version: all of it, or nothing.

        Raises:
            LedgerError: They are of a newer version, or it could not be done.
        """
        self._enter_loop()
        with self._explained():
            await self._refuse_shared_sessions()
            async with self._acquired() as connection, connection.transaction():
                # One at a time, with any other process in this database.
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
        """Close resources that were opened here, and release locks."""
        self._is_closed = True
        if self._pool is not None:
            self._enter_loop()
        own, self._own = self._own, None
        self._held = {}
        if own is not None and not is_gone(own):
            # Locks end with the session, however the pool resets it. The server takes a
            # moment to notice, and the next session may start before.
            await unlock_all(own, patience=_PATIENCE)
        if own is not None:
            end(own)
            await self._pool.release(own)
        pool, self._pool = self._pool, None
        if pool is not None and pool is not self.place:
            # The pool then drops connections that are never returned.
            with self._explained(), suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await pool.close()

    def _acquired(self) -> AbstractAsyncContextManager[Any]:
        return self._from_pool()

    @asynccontextmanager
    async def _from_pool(self) -> AsyncIterator[Any]:
        pool = await self._open()
        async with (
            pool.acquire(timeout=_PATIENCE) as connection,
            self._writable(connection),
        ):
            yield connection

    @asynccontextmanager
    async def _writable(self, connection: Any) -> AsyncIterator[None]:
        """
        Leave a server that turns out to be one that can only be read.

        After a failover, existing connections would still use the old server. So all of
        them are renewed, and the new ones select a writable server.
        """
        try:
            yield
        except asyncpg.PostgresError as error:
            if error.sqlstate == READ_ONLY:
                self._needs_writable = True
                if not is_gone(connection):
                    connection.terminate()
                if self._address is not None:
                    how = self._how(self._address)
                    self._pool.set_connect_args(self._address.dsn, **how)
                await self._pool.expire_connections()
            raise

    def _explained(self) -> AbstractContextManager[None]:
        return as_ledger_errors(self.name, self._address)

    async def _open(self) -> Any:
        if self._is_closed:
            raise LedgerError(f"{self.name}: this ledger was closed; create a new one")
        async with self._opening:
            self._pool = self._pool or await self._new_pool()
        return self._pool

    async def _new_pool(self) -> Any:
        if self._address is None:
            return self.place
        return await asyncpg.create_pool(
            self._address.dsn,
            min_size=0,
            max_size=self.pool_size or POOL_SIZE,
            init=set_up,
            # One round trip less for each statement.
            reset=keep_session,
            **self._how(self._address),
        )

    def _how(self, address: Address) -> dict[str, Any]:
        """How each connection is made."""
        how = {"command_timeout": _PATIENCE, "timeout": address.connect_within}
        if self._needs_writable and not address.chooses_server:
            return {**how, "target_session_attrs": "read-write"}
        return how

    def _enter_loop(self) -> None:
        """
        Make sure that this event loop is the one that all connections belong to.

        Connections of a loop that has ended cannot even be closed. They are left to
        Python, which closes their sockets and so ends their locks.

        Raises:
            LedgerError: Another loop is using them, or they belong to the caller.
        """
        loop, before = asyncio.get_running_loop(), self._loop
        if before is None or before is loop:
            self._loop = loop
            return
        if not before.is_closed() or self._address is None:
            raise LedgerError(
                f"{self.name}: its connections belong to another event loop; create a "
                "ledger in each loop, from an address or from a pool of that loop"
            )
        self._loop = loop
        self._pool = self._own = None
        self._opening, self._turn = asyncio.Lock(), asyncio.Lock()
        for held in self._held.values():
            held.connection = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    @asynccontextmanager
    async def _on_own(self, connection: Any) -> AsyncIterator[None]:
        """
        A transaction on the connection that holds runs.

        It is not asyncpg's own transaction. Such a transaction, cancelled while it
        begins, would stay open unseen. All later statements would be a part of it and
        never be committed. A pool looks after the other connections. A connection whose
        rollback is cancelled, too, is given up.
        """
        try:
            await connection.execute("BEGIN")
            yield
            await connection.execute("COMMIT")
        except BaseException:
            await do_or_end(connection, "ROLLBACK")
            raise

    async def _refuse_shared_sessions(self) -> None:
        """
        Make sure that a connection has a session of its own.

        Raises:
            LedgerError: Something between hands them around: then no lock holds.
        """
        async with self._acquired() as one, self._acquired() as other:
            before, others = [await each.fetchval(_SESSION) for each in (one, other)]
            is_shared = before == others
            if not is_shared:
                # While one transaction holds a session, the next statement of another
                # connection would be led to a third.
                async with other.transaction():
                    is_shared = await other.fetchval(_SESSION) == before
                    is_shared |= await one.fetchval(_SESSION) != before
        if is_shared:
            raise LedgerError(f"{self.name}: {SHARED_SESSIONS}")

    async def _own_connection(self) -> Any:
        if is_gone(self._own):
            if self._own is not None:
                end(self._own)
            pool = await self._open()
            self._own = await pool.acquire(timeout=_PATIENCE)
            if self._address is None:
                await wait_for_disk(self._own)
        return self._own

    async def _check(self, connection: Any) -> None:
        """
        Look at the version of the tables, once.

        Raises:
            LedgerError: There are none, or another version of aiooctopush made them.
        """
        if self._is_checked:
            return
        version = await self._version(connection)
        self._refuse_newer(version)
        if not version:
            raise LedgerError(f"{self.name}: {NO_LEDGER}")
        if version < len(self.migrations):
            raise LedgerError(
                f"{self.name}: an older version of aiooctopush created it; migrate it "
                "with PostgresLedger.migrate()"
            )
        self._is_checked = True

    async def _version(self, connection: Any) -> int:
        """Version of the tables that are there; 0 if there are none."""
        if not await connection.fetchval(self.within(HAS_VERSION)):
            return 0
        return int(await connection.fetchval(self.within(FIND_VERSION)) or 0)

    def _refuse_newer(self, version: int) -> None:
        if version > len(self.migrations):
            raise LedgerError(
                f"{self.name}: a newer version of aiooctopush created it, and it was "
                "not changed; update aiooctopush"
            )


@define
class BoundDatabase(Database):
    """A transaction of the caller; writes are committed with it."""

    def _acquired(self) -> AbstractAsyncContextManager[Any]:
        return self._lent()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Any]:
        if not self.place.is_in_transaction():
            raise LedgerError(
                f"{self.name}: the connection is not in a transaction; begin one first"
            )
        yield self.place

    @asynccontextmanager
    async def own_transaction(self) -> AsyncIterator[Any]:
        """A part of that transaction, which is undone alone if it fails."""
        async with self.connected() as connection, connection.transaction():
            yield connection

    async def hold(self, run_name: str, lock: int, *, beside: bool) -> None:
        """Nothing more: the transaction holds it until it ends."""

    async def close(self) -> None:
        """Nothing: the connection stays with its owner."""
