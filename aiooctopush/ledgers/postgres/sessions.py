"""
Single connections to a database: how they are set up, undone and ended.

They are asyncpg's own, or a pool's stand-ins for them.
"""

from contextlib import suppress
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no stubs


# What a connection raises that the server or the network has ended. Of the last kind it
# is for a moment: the server's goodbye has arrived, and the end not yet.
_BROKEN: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)

# A vanished machine is detected after a minute, and its locks are free again. Set after
# connecting, because poolers do not accept unknown settings.
_KEEP_ALIVE: Final = """
    SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10;
    SET tcp_keepalives_count = 3
"""


# A server, a database or a user may be set to confirm a commit before it is written. A
# crash of the server would lose intents whose requests have left. Stronger settings,
# for standbys, stay.
_WAIT_FOR_DISK: Final = """
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'
"""


async def set_up(connection: Any) -> None:
    """Have the server notice when this machine vanishes, and wait for its disk."""
    await connection.execute(f"{_KEEP_ALIVE}; {_WAIT_FOR_DISK}")


async def wait_for_disk(connection: Any) -> None:
    """Have commits wait for the server's disk, also if its settings do not."""
    await do_or_end(connection, _WAIT_FOR_DISK)


async def keep_session(_connection: Any) -> None:
    """Leave a connection as it is; our statements change nothing about it."""


def is_gone(connection: Any) -> bool:
    """True if there is no connection, or if it was lost."""
    if connection is None:
        return True
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


def end(connection: Any) -> None:
    """End a connection, and give back its place in the pool."""
    # A broken one may be closed without the pool's notice, and then keeps its place in
    # it for ever. If the pool has noticed, there is nothing to end.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def do_or_end(connection: Any, statement: str, *values: Any) -> None:
    """Execute what must not be left out; else end the connection, and all it holds."""
    is_done = False
    try:
        with suppress(*_BROKEN):
            await connection.execute(statement, *values)
            is_done = True
    finally:
        if not (is_done or is_gone(connection)):
            connection.terminate()


async def unlock_all(connection: Any, *, patience: float) -> None:
    """Let go of all that a connection holds, unless it is lost already."""
    with suppress(*_BROKEN):
        await connection.execute("SELECT pg_advisory_unlock_all()", timeout=patience)
