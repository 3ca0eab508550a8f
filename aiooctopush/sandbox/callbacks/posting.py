"""
Callbacks on their way to a receiver, while the gateway runs.

They are posted one after the other, in the order of the plan. A receiver has
`DEADLINE_SECONDS` to respond. Whether the real gateway repeats refused callbacks is
undocumented, so this one does not.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Final

import aiohttp
from yarl import URL

from ..._log import logger
from .payloads import Callback
from .schedule import Callbacks


DEADLINE_SECONDS: Final = 1.0
"""
Time for a receiver to respond, with an empty body.

Source: gateway documentation, "Callbacks"; an older page has two seconds.
"""

Post = Callable[[str, Callback], Awaitable[int]]
"""Posts one callback to a URL, and returns the HTTP status of the response."""

_NOT_TAKEN: Final = 0


@asynccontextmanager
async def http_post() -> AsyncIterator[Post]:
    """Give a `Post` that uses aiohttp."""
    limits = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
    async with aiohttp.ClientSession(
        timeout=limits, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def post(url: str, callback: Callback) -> int:
            async with session.post(
                url,
                data=callback.body,
                headers={"content-type": callback.content_type},
                allow_redirects=False,
            ) as answer:
                return answer.status

        yield post


class CallbackPoster:
    """
    Posts callbacks when they come due.

    The URL of an account has priority; without a URL no callback is posted.

    Args:
        callbacks: The callbacks to post.
        url: Where to, for accounts that have set nothing.
        post: The function that posts them; aiohttp by default.

    Attributes:
        answers: Count of each HTTP status; 0 means no response in time.

    Raises:
        ValueError: ``url`` is not a web address.
    """

    def __init__(
        self, callbacks: Callbacks, *, url: str | None = None, post: Post | None = None
    ) -> None:
        if url is not None:
            _check(url)
        self.callbacks: Callbacks = callbacks
        self.answers: Counter[int] = Counter()
        self._url = url
        self._post = post
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Check for new callbacks at once; the sent log may have new entries."""
        self._woken.set()

    async def run(self) -> None:
        """Post until cancelled."""
        async with nullcontext(self._post) if self._post else http_post() as post:
            while True:
                self._woken.clear()
                await self.post_due(post)
                await self._wait()

    async def post_due(self, post: Post) -> None:
        """Post only the callbacks that are due."""
        for callback in self.callbacks.take():
            url = callback.url or self._url
            if url is not None:
                await self._post_one(post, url, callback)

    async def _wait(self) -> None:
        async with asyncio.TaskGroup() as group:
            alarm = group.create_task(self._ring())
            await self._woken.wait()
            alarm.cancel()

    async def _ring(self) -> None:
        """Wake when something is due."""
        next_at = self.callbacks.next_at
        if next_at is not None:
            clock = self.callbacks.clock
            await clock.sleep(max((next_at - clock.now()).total_seconds(), 0.0))
            self.wake()

    async def _post_one(self, post: Post, url: str, callback: Callback) -> None:
        try:
            status = await post(url, callback)
        # A misbehaving receiver must not stop the gateway.
        except (aiohttp.ClientError, OSError) as error:
            status, problem = _NOT_TAKEN, type(error).__name__
        else:
            problem = f"answered {status}"
        self.answers[status] += 1
        if not 200 <= status < 300:
            logger.warning(
                "%s not accepted by %s: %s", callback.kind, _origin(url), problem
            )


def _origin(url: str) -> str:
    # No more of it: the path may hold the receiver's secret.
    try:
        return str(URL(url).origin())
    except ValueError:
        return "an invalid URL"


def _check(url: str) -> None:
    if not _origin(url).startswith(("http://", "https://")):
        raise ValueError("must be a URL such as http://127.0.0.1:8000/octopush")
