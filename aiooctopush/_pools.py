"""The aiohttp sessions of a transport: opened when needed, and missed if left open."""

import asyncio
import warnings
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

import aiohttp


# The gateway's pages warn that idle sockets may be dropped under the client, and a
# POST on a dropped socket is of unknown outcome. So they are kept only for bursts.
# Source: gateway documentation, "Schedule SMS Sending".
KEEP_ALIVE: Final = 10.0


class Pools:
    """
    One session that keeps connections, and one that makes each of them afresh.

    Args:
        base_url: URL of the gateway, to name the `OctopushSession` that was not closed.
        max_connections: Size of each.
    """

    def __init__(self, base_url: str, max_connections: int) -> None:
        self._base_url = base_url
        self._max_connections = max_connections
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def get(self, *, fresh: bool) -> aiohttp.ClientSession:
        """
        Return the session to use.

        Args:
            fresh: Whether no connection may be used that was kept: after a response
                that did not come, every idle one is under suspicion.
        """
        session = self._sessions.get(fresh)
        if session is None:
            session = self._sessions[fresh] = self._open(fresh=fresh)
        return session

    async def close(self) -> None:
        """Close open connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def complain(self) -> None:
        """Close an abandoned pool, and report it with our own message."""
        if self._loop is None or not self._sessions:
            return
        words = (
            f"the OctopushSession for {self._base_url} was not closed: use `async with "
            "OctopushSession(…) as octopush`, or `await octopush.close()`"
        )
        for session in self._sessions.values():
            connector = session.connector
            # Otherwise aiohttp also warns, about classes that the program does not use.
            session.detach()
            if connector is not None:  # pragma: no branch - it was not closed
                _start(connector.close())
        self._sessions.clear()
        # As in aiohttp: Python hides such warnings by default.
        self._loop.call_exception_handler({"message": words})
        # The last thing, for it may raise.
        warnings.warn(words, ResourceWarning, stacklevel=3)

    def _open(self, *, fresh: bool) -> aiohttp.ClientSession:
        self._loop = asyncio.get_running_loop()
        limit = self._max_connections
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limit, force_close=True)
            if fresh
            else aiohttp.TCPConnector(limit=limit, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            # netrc and proxy variables must not change where a key goes.
            trust_env=False,
        )


def _start(closing: Awaitable[None]) -> None:
    """
    Run until the first wait, which closes everything; further waits are impossible.
    """
    steps = closing.__await__()
    with suppress(StopIteration):
        next(steps)
    steps.close()
