"""Limits shared by the calls of a session: concurrency, a pause, a retry budget."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ._clock import Clock
from .errors import Backoff, NotSentError


class ConcurrencyLimiter:
    """
    Lets a bounded number of attempts through, first come, first served, and holds all
    of them during a pause.

    Low-priority calls wait for all others, and leave a tenth of the slots free. A
    one-time code must not wait for the half minute that a request of a bulk may take.

    Waiting here does not count as a connection timeout. Only the deadline of the whole
    call ends it, and then nothing was sent.
    """

    def __init__(self, *, max_in_flight: int, clock: Clock) -> None:
        self._slots = self._free = max_in_flight
        self._idle: asyncio.Future[None] | None = None
        self._reserved = max_in_flight // 10
        self._queue: deque[asyncio.Future[None]] = deque()
        self._low_priority: deque[asyncio.Future[None]] = deque()
        self._clock = clock
        self._paused_until = -math.inf

    def try_acquire(self, now: float, *, low_priority: bool = False) -> bool:
        """Take a slot if there is no reason to wait, as for most attempts."""
        if self._paused_until > now or not self._has_room(low_priority=low_priority):
            return False
        self._free -= 1
        return True

    async def acquire(self, seconds: float, *, low_priority: bool = False) -> None:
        """
        Wait for a slot, at most that many seconds.

        Raises:
            NotSentError: The time was up, or the pause is longer than that.
        """
        give_up_at = self._clock.monotonic() + seconds
        await self._take_slot(seconds, low_priority=low_priority)
        try:
            await self._wait_out_pause(give_up_at)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give the slot to the next in the queue, or back."""
        self._free += 1
        for queue in (self._queue, self._low_priority):
            while queue and self._has_room(low_priority=queue is self._low_priority):
                turn = queue.popleft()
                if not turn.done():
                    self._free -= 1
                    turn.set_result(None)
                    return
        if self._idle is not None and self.is_idle:
            self._idle.set_result(None)
            self._idle = None

    @property
    def is_idle(self) -> bool:
        """True if every slot is free."""
        return self._free == self._slots

    async def wait_until_idle(self) -> None:
        """Wait until every slot is free."""
        while not self.is_idle:
            self._idle = self._idle or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)

    def pause(self, seconds: float) -> None:
        """Hold everyone for that long; a pause only ever moves forward."""
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)

    def _has_room(self, *, low_priority: bool) -> bool:
        return self._free > (self._reserved if low_priority else 0)

    async def _take_slot(self, seconds: float, *, low_priority: bool) -> None:
        if self._has_room(low_priority=low_priority):  # so nobody is in the queue
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        (self._low_priority if low_priority else self._queue).append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            # It may have been our turn in the same moment: pass it on.
            if turn.done() and not turn.cancelled():
                self.release()
            if isinstance(error, TimeoutError):
                msg = "no free slot before the deadline: too many calls in flight"
                raise NotSentError(msg, backoff=Backoff.NEVER) from error
            raise

    async def _wait_out_pause(self, give_up_at: float) -> None:
        # A loop, because the pause may be prolonged while we sleep.
        while (left := self._paused_until - self._clock.monotonic()) > 0:
            if self._paused_until > give_up_at:
                msg = "the gateway asked this session to slow down, beyond the deadline"
                raise NotSentError(msg, retry_after=left, backoff=Backoff.NEVER)
            await self._clock.sleep(left)
        if self._clock.monotonic() >= give_up_at:
            msg = "no time left before the deadline"
            raise NotSentError(msg, backoff=Backoff.NEVER)


_CRUMB: Final = 1e-6


class StopSignal:
    """
    Ends every wait of the calls that have it, at once and for good.

    A waiting call (for a slot, a rate, a retry) ends with the outcome of its attempts
    so far. A call in transit is finished, without further attempts.
    """

    def __init__(self) -> None:
        self.is_set: bool = False
        self._waits: set[asyncio.Timeout] = set()

    def set(self) -> None:
        """End all waits. A second time does nothing."""
        self.is_set = True
        for wait in self._waits:
            wait.reschedule(0.0)

    @asynccontextmanager
    async def ends_wait(self, words: str) -> AsyncIterator[None]:
        """
        Return a block that waits, and that the signal ends.

        Args:
            words: Why nothing more was attempted.

        Raises:
            NotSentError: The signal was set.
        """
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                if self.is_set:
                    wait.reschedule(0.0)
                    await asyncio.sleep(math.inf)
                yield
        except TimeoutError as error:
            raise NotSentError(words, backoff=Backoff.NEVER) from error
        finally:
            self._waits.discard(wait)


class RetryBudget:
    """
    A budget of tokens for retries, which prevents retry storms during an outage.

    The figures are those of the AWS SDKs' standard mode: 500 tokens, 14 for a retry
    after a failure, 5 after throttling. A retry that succeeds gives its cost back, and
    every call that needed no retry gives one token. Time brings back 14 a second. In a
    full outage a session makes about 35 retries, and then one a second.

    Args:
        capacity: Tokens at most, and to begin with.
        clock: Time. Without it, time restores no tokens, as in a bulk run, which checks
            its unresolved batches automatically.
    """

    FAILURE = 14
    THROTTLE = 5
    CLEAN = 1
    PER_SECOND = 14

    def __init__(self, capacity: int = 500, clock: Clock | None = None) -> None:
        self.capacity = capacity
        self._tokens = float(capacity)
        self._clock = clock
        self._filled_at = 0.0 if clock is None else clock.monotonic()
        self._turn = asyncio.Lock()

    @property
    def tokens(self) -> int:
        """Tokens available now; none while others wait for them."""
        if self._turn.locked():
            return 0
        self._refill()
        return int(self._tokens)

    def take(self, cost: int) -> None:
        """Pay for one retry; the caller has looked at `tokens` before."""
        self._tokens -= cost

    def refund(self, tokens: int) -> None:
        """Put back, never beyond the capacity."""
        self._tokens = min(self.capacity, self._tokens + tokens)

    async def acquire(self, cost: int, seconds: float) -> bool:
        """
        Wait for tokens, first come, first served; whether they came in that time.

        Args:
            cost: Tokens to take, at most the capacity.
            seconds: How long to wait at most.
        """
        clock = self._clock
        if clock is None:
            return False
        give_up_at = clock.monotonic() + seconds
        try:
            async with asyncio.timeout(seconds), self._turn:
                # A crumb that rounding left would be waited for without an end.
                while (missing := cost - self._refill()) > _CRUMB:
                    wait = missing / self.PER_SECOND
                    if clock.monotonic() + wait >= give_up_at:
                        return False
                    await clock.sleep(wait)
                self.take(cost)
                return True
        except TimeoutError:
            return False

    def _refill(self) -> float:
        if self._clock is not None:
            now = self._clock.monotonic()
            fresh = (now - self._filled_at) * self.PER_SECOND
            self._filled_at = now
            self._tokens = min(self.capacity, self._tokens + fresh)
        return self._tokens
