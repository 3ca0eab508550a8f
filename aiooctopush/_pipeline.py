"""The one path that every call of a session takes."""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from datetime import datetime
from random import Random
from typing import Any, Final, TypeVar

from . import _responses as _answers
from ._call import Background, Call, Means, NewId, OnAttempt
from ._clock import Clock, HighWaterMark
from ._engine import run
from ._throttle import Gate, RetryQuota
from ._wire import Answer, Endpoint, HttpRequest, HttpResponse
from .errors import (
    Backoff,
    NotSentError,
    OctopushError,
    ThrottledError,
    UnknownOutcomeError,
)
from .observer import Observer, watched
from .retry import RetryPolicy
from .secret import Credentials
from .transport import Timeouts, Transport


T = TypeVar("T", bound=Answer)

_CLOCKS_DIFFER: Final = 300.0
_logger = logging.getLogger("aiooctopush")
_CLOSED: Final = "this OctopushSession is closed; open a new one"
_OTHER_LOOP: Final = (
    "this OctopushSession belongs to another event loop; use one session for each loop"
)


class Calls:
    """
    What a session shares between its calls, and the path of each: see
    `api._shared.Caller`.

    Attributes:
        closed: Whether the session is.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        credentials: Credentials,
        retry: RetryPolicy,
        timeouts: Timeouts,
        max_in_flight: int,
        observers: tuple[OnAttempt, ...],
        observer: Observer | None,
        base_url: str,
        clock: Clock,
        random: Random,
    ) -> None:
        self._transport = transport
        # With each request, never as defaults of the aiohttp session, which may be
        # shared with other hosts.
        self._headers = credentials.headers
        self._attempt_timeout = timeouts.attempt
        self._observer = observer
        self._base_url = base_url
        self._clock = clock
        self._wall = HighWaterMark(clock)
        self._means = Means(
            policy=retry,
            clock=clock,
            wall=self._wall,
            random=random,
            quota=RetryQuota(retry.quota),
            observers=observers,
        )
        self.gate = Gate(max_in_flight=max_in_flight, clock=clock)
        self.closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._clocks_compared = False
        self._clocks_warned = False

    @property
    def used(self) -> bool:
        """Whether there was a call, so that the session has its event loop."""
        return self._loop is not None

    def check_usable(self) -> None:
        """Refuse a session that is closed, or of another event loop."""
        # Asking for the running loop is a system call on Python 3.11. If our loop
        # runs, and this is its thread, then no other loop can be the one we are in.
        if self._loop is None or self._thread != threading.get_ident():
            self._bind()
        elif not self._loop.is_running():
            raise RuntimeError(_OTHER_LOOP)
        if self.closed:
            raise RuntimeError(_CLOSED)

    def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop not in {None, loop}:
            raise RuntimeError(_OTHER_LOOP)
        self._loop = loop
        self._thread = threading.get_ident()

    def __call__(
        self,
        endpoint: Endpoint[T],
        *,
        body: Any = None,
        query: tuple[tuple[str, str], ...] = (),
        path: str = "",
        new_id: NewId | None = None,
        deadline: float | None = None,
        retry: RetryPolicy | None = None,
        unknown_since: datetime | None = None,
        repeat_unknown: bool = False,
        background: Background | None = None,
        observe: OnAttempt | None = None,
    ) -> Coroutine[Any, Any, T]:
        """See `api._shared.Caller`."""
        self.check_usable()
        means = self._means
        policy = retry or means.policy
        present, started = self._clock.now(), self._clock.monotonic()
        call = Call(
            endpoint,
            body,
            means,
            policy,
            started,
            started + (policy.deadline if deadline is None else deadline),
            unknown_since or self._wall.at(present, started),
        )
        if new_id is not None:
            call.new_id = new_id
        if query:
            call.query = query
        if path:
            call.path = path
        if unknown_since is not None:
            call.unknown_before = True
        if repeat_unknown:
            call.repeat_unknown = True
        if background is not None:
            call.background = background
            call.quota = background.quota
        if observe is not None:
            call.observers = (*call.observers, observe)
        if self._observer is not None:
            return watched(self._observer, self._base_url, call, self._attempt)
        return run(call, self._attempt)

    async def _attempt(self, call: Call[T]) -> T:
        """One try: wait for a slot, carry the bytes, read what the answer proves."""
        if call.unknown_before and call.attempts == 0:
            call.check_protection()
            # The try whose outcome is unknown may still be executing.
            await self._clock.sleep(call.policy.careful_floor)
        # The first try begins with its call, unless it is a repeat itself.
        first = not (call.failures or call.unknown_before)
        now = call.started if first else self._clock.monotonic()
        call.try_began = now
        if self.closed:  # while this call waited for its next try
            raise NotSentError(_CLOSED, backoff=Backoff.NEVER)
        if call.background or now >= call.ends or not self.gate.try_enter(now):
            now = await self._enter(call, now)
        try:
            if not first:
                call.check_protection()
            call.attempts += 1
            call.handed_over = True
            endpoint = call.endpoint
            response = await self._transport.send(
                HttpRequest(
                    method=endpoint.method,
                    path=call.path or endpoint.path,
                    query=call.query,
                    headers=self._headers,
                    body=call.payload,
                    timeout=min(self._attempt_timeout, call.ends - now),
                    fresh_connection=call.wants_fresh_connection,
                )
            )
            call.handed_over = False
        except OctopushError:
            call.handed_over = False
            raise
        # A transport that somebody else wrote may raise anything.
        except Exception as error:
            call.handed_over = False
            msg = f"the transport failed ({type(error).__name__})"
            raise UnknownOutcomeError(msg, backoff=Backoff.NEVER) from error
        finally:
            self.gate.leave()
        if not self._clocks_compared:
            self._compare_clocks(response)
        try:
            return _answers.read(
                call.endpoint,
                response,
                {"request_id": call.request_id, "attempts": call.attempts},
            )
        except OctopushError as error:
            self._compare_clocks(response)
            if isinstance(error, ThrottledError):
                await self._slow_down(call.background, error.retry_after)
            raise

    async def _enter(self, call: Call[T], now: float) -> float:
        """Wait for a turn, where a rate is shared, and for a slot; tell the time."""
        behind = call.background is not None
        if call.background is not None and call.background.pacer is not None:
            await call.background.pacer.turn()
            now = self._clock.monotonic()
        if now >= call.ends or not self.gate.try_enter(now, background=behind):
            await self.gate.enter(call.ends - now, background=behind)
            now = self._clock.monotonic()
        return now

    async def _slow_down(
        self, background: Background | None, retry_after: float | None
    ) -> None:
        """Start nothing before the gateway is ready, nor let those who share a rate."""
        if retry_after is not None:
            self.gate.pause(retry_after)
        if background is not None and background.pacer is not None:
            await background.pacer.throttled(retry_after)

    def _compare_clocks(self, response: HttpResponse) -> None:
        """
        Look at the gateway's own clock: with the first answer, and with every failure,
        when the age of an id may come to count.
        """
        self._clocks_compared = True
        date = _answers.http_date(response.headers.get("date", ""))
        if date is None:
            return
        difference = (date - self._clock.now()).total_seconds()
        if abs(difference) > _CLOCKS_DIFFER and not self._clocks_warned:
            self._clocks_warned = True
            _logger.warning(
                "this machine's clock and the gateway's differ by %d seconds; the "
                "later one decides how long a request_id protects a repeat",
                round(difference),
            )
        self._wall.saw(date)
