"""
The path of every call of a session.

From top to bottom: admit it, attempt it, read the response. After a failure decide, and
attempt it again.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from random import Random
from typing import Any, Final, TypeVar

from tenacity import AsyncRetrying, RetryCallState

from . import _telemetry
from . import observer as _observer
from ._call import CallOptions, CallState, SessionState
from ._clock import Clock, MonotonicWallClock
from ._hooks import is_cancellation
from ._limits import check_number
from ._log import logger
from ._responses import http_date, read
from ._throttle import ConcurrencyLimiter, RetryBudget, StopSignal
from ._wire import (
    Answer,
    Endpoint,
    HttpRequest,
    HttpResponse,
    Idempotency,
)
from .errors import (
    Backoff,
    NotSentError,
    OctopushError,
    Outcome,
    ThrottledError,
    UnknownOutcomeError,
)
from .ids import safe_until
from .retry import Raise, Retry, RetryPolicy, Return, decide
from .secret import Credentials
from .transport import Timeouts, Transport


T = TypeVar("T", bound=Answer)

_CLOCKS_DIFFER: Final = 300.0
_CLOSED: Final = "this OctopushSession is closed; open a new one"
_STOPPED: Final = "stopped before this attempt"
_NO_OPTIONS: Final = CallOptions()
_OTHER_LOOP: Final = (
    "this OctopushSession belongs to another event loop; use one session for each loop"
)


class Pipeline:
    """
    Makes the calls of a session; the only part of it that the namespaces of `api` use.

    Attributes:
        limiter: Bounds the attempts that are under way at the same time.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        credentials: Credentials,
        retry: RetryPolicy,
        timeouts: Timeouts,
        max_in_flight: int,
        hooks: "tuple[_observer.OnAttempt, ...]",
        observer: "_observer.Observer | None",
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
        self._wall_clock = MonotonicWallClock(clock)
        self._session = SessionState(
            policy=retry,
            clock=clock,
            wall_clock=self._wall_clock,
            random=random,
            budget=RetryBudget(retry.budget, clock),
            hooks=hooks,
        )
        self.limiter = ConcurrencyLimiter(max_in_flight=max_in_flight, clock=clock)
        self._stop = StopSignal()
        self._attempting: set[asyncio.Task[Any] | None] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._clocks_compared = False
        self._clocks_warned = False

    @property
    def closed(self) -> bool:
        """True if the session is closed."""
        return self._stop.is_set

    @property
    def used(self) -> bool:
        """Whether there was a call, so that the session has its event loop."""
        return self._loop is not None

    def check_usable(self) -> None:
        """Refuse a session that is closed, or of another event loop."""
        # Asking for the running loop is a system call on Python 3.11. If our loop
        # runs, and this is its thread, then no other loop can be the one we are in.
        if self._loop is None or self._thread != threading.get_ident():
            loop = asyncio.get_running_loop()
            if self._loop not in {None, loop}:
                raise RuntimeError(_OTHER_LOOP)
            self._loop, self._thread = loop, threading.get_ident()
        elif not self._loop.is_running():
            raise RuntimeError(_OTHER_LOOP)
        if self._stop.is_set:
            raise RuntimeError(_CLOSED)

    @property
    def is_attempting(self) -> bool:
        """Whether the present task is within an attempt, as a hook of a request is."""
        return bool(self._attempting) and asyncio.current_task() in self._attempting

    def stop(self) -> None:
        """Start no further attempt, and end all waits."""
        self._stop.set()

    async def close(self) -> None:
        """
        Start no further attempt, end all waits, and let requests in transit finish.

        This takes as long as one attempt at most.
        """
        self.stop()
        if self.limiter.is_idle:
            return  # nor is an event loop needed for that
        with suppress(TimeoutError):
            async with asyncio.timeout(self._attempt_timeout):
                await self.limiter.wait_until_idle()

    async def __call__(
        self, endpoint: Endpoint[T], options: CallOptions = _NO_OPTIONS
    ) -> T:
        """Make a call: attempt it by the retry policy, and read the response."""
        self.check_usable()
        call = self._admit(endpoint, options)
        if self._observer is not None:
            _telemetry.call_started(call, self._observer, self._base_url)
        try:
            try:
                result = await self._attempt(call)
            # The first attempt stays outside tenacity: most calls need no other, and
            # a tenacity call costs as much as several of ours.
            except OctopushError as failure:
                return await self._attempt_again(call, failure)
        except asyncio.CancelledError as error:
            _telemetry.call_cancelled(call, error)
            raise
        except BaseException as error:
            _telemetry.call_failed(call, error)
            raise
        call.budget.refund(RetryBudget.CLEAN)
        if call.hooks or logger.isEnabledFor(logging.DEBUG):
            _telemetry.call_succeeded(call, result)
        return result

    # --- admit ------------------------------------------------------------------------

    def _admit(self, endpoint: Endpoint[T], options: CallOptions) -> CallState[T]:
        now, started = self._wall_clock.read()
        if options.timeout is not None:
            check_number("timeout", options.timeout)
        return CallState(endpoint, options, self._session, started, now)

    async def _wait_for_earlier_call(self, call: CallState[T]) -> None:
        call.check_protection()
        # The attempt whose outcome is unknown may still be executing.
        async with self._stoppable(call):
            await self._clock.sleep(call.policy.careful_floor)

    async def _wait_for_slot(self, call: CallState[T], now: float) -> float:
        """Wait for a turn, where a rate is shared, and for a slot; return the time."""
        priority = call.options.priority
        is_low = priority is not None
        async with self._stoppable(call):
            if priority is not None and priority.rate_limiter is not None:
                await priority.rate_limiter.acquire()
                now = self._clock.monotonic()
            if now >= call.ends or not self.limiter.try_acquire(
                now, low_priority=is_low
            ):
                await self.limiter.acquire(call.ends - now, low_priority=is_low)
            now = self._clock.monotonic()
        return now  # noqa: RET504  # after the block, which may swallow an error

    @asynccontextmanager
    async def _stoppable(self, call: CallState[T]) -> AsyncIterator[None]:
        """End a wait when the session, or the owner of the call, is closed."""
        async with self._stop.ends_wait(_CLOSED), AsyncExitStack() as waits:
            if call.options.stop is not None:
                await waits.enter_async_context(call.options.stop.ends_wait(_STOPPED))
            yield

    # --- attempt ----------------------------------------------------------------------

    async def _attempt(self, call: CallState[T]) -> T:
        """Wait for a slot, carry the request once, and read the response."""
        is_repeat = bool(call.failures)
        if call.options.unknown_since is not None:
            is_repeat = True
            if not call.attempts:
                await self._wait_for_earlier_call(call)
        now = self._clock.monotonic() if is_repeat else call.started
        call.attempt_started = now
        if self._stop.is_set:  # while this call waited for its next attempt
            raise NotSentError(_CLOSED, backoff=Backoff.NEVER)
        if call.options.stop is not None and call.options.stop.is_set:
            raise NotSentError(_STOPPED, backoff=Backoff.NEVER)
        priority = call.options.priority
        if (
            (priority is not None and priority.rate_limiter is not None)
            or now >= call.ends
            or not self.limiter.try_acquire(now, low_priority=priority is not None)
        ):
            now = await self._wait_for_slot(call, now)
        task = asyncio.current_task()
        self._attempting.add(task)
        try:
            if is_repeat:
                call.check_protection()
            call.attempts += 1
            call.in_transport = True
            try:
                response = await self._transport.send(
                    HttpRequest(
                        method=call.endpoint.method,
                        path=call.options.path or call.endpoint.path,
                        query=call.options.query,
                        headers=self._headers,
                        body=call.payload,
                        timeout=min(self._attempt_timeout, call.ends - now),
                        fresh_connection=call.suspects_connections,
                    )
                )
            # If it is cancelled instead, the outcome of this attempt is unknown.
            except (Exception, asyncio.CancelledError) as error:
                if is_cancellation(error):
                    raise
                call.in_transport = False
                if isinstance(error, OctopushError):
                    raise
                # A user's own transport may raise anything.
                msg = f"the transport failed ({type(error).__name__})"
                raise UnknownOutcomeError(msg, backoff=Backoff.NEVER) from error
            call.in_transport = False
            return self._read(call, response)
        finally:
            self._attempting.discard(task)
            self.limiter.release()

    def _read(self, call: CallState[T], response: HttpResponse) -> T:
        proven = {"request_id": call.request_id, "attempts": call.attempts}
        try:
            result = read(call.endpoint, response, proven)
        except OctopushError:
            # Now the age of an id may come to count.
            self._compare_clocks(response)
            raise
        if not self._clocks_compared:
            self._compare_clocks(response)
        return result

    async def _slow_down(self, call: CallState[T], retry_after: float | None) -> None:
        """Start nothing before the gateway is ready; inform calls that share a rate."""
        if retry_after is not None:
            self.limiter.pause(retry_after)
        priority = call.options.priority
        if priority is not None and priority.rate_limiter is not None:
            await priority.rate_limiter.back_off(retry_after)

    def _compare_clocks(self, response: HttpResponse) -> None:
        self._clocks_compared = True
        date = http_date(response.headers.get("date", ""))
        if date is None:
            return
        difference = (date - self._clock.now()).total_seconds()
        if abs(difference) > _CLOCKS_DIFFER and not self._clocks_warned:
            self._clocks_warned = True
            logger.warning(
                "this machine's clock and the gateway's differ by %d seconds; the "
                "later one decides how long a request_id protects a retry",
                round(difference),
            )
        self._wall_clock.observe(date)

    # --- decide, and attempt again ----------------------------------------------------

    async def _attempt_again(self, call: CallState[T], failure: OctopushError) -> T:
        """Attempt it until `decide` ends it; tenacity runs the loop."""
        if await self._decide(call, failure):
            try:
                await self._pause(call, call.delay)
                async for attempt in AsyncRetrying(
                    retry=partial(self._decide_on, call),
                    wait=lambda _: call.delay,
                    sleep=partial(self._pause, call),
                ):
                    with attempt:
                        await call.renew_id_if_needed()
                        result = await self._attempt(call)
            except OctopushError as last:
                failure = last
            else:
                call.budget.refund(call.retry_cost)
                _telemetry.call_succeeded(call, result)
                return result
        return self._conclude(call, failure)

    async def _decide(self, call: CallState[T], failure: BaseException | None) -> bool:
        """Decide whether to attempt it again after this failure; note the decision."""
        # Cancellation and mistakes in the program are none of the policy's business.
        if not isinstance(failure, OctopushError):
            return False
        if isinstance(failure, ThrottledError):
            await self._slow_down(call, failure.retry_after)
        call.failures = (*call.failures, failure)
        call.suspects_connections = failure.outcome is Outcome.UNKNOWN
        call.decision = decide(call.policy, call.context())
        _telemetry.attempt_failed(call, failure)
        if call.options.on_failure is not None:
            call.options.on_failure(failure)
        if not isinstance(call.decision, Retry):
            return False
        if not call.decision.is_queued:
            call.budget.take(call.decision.cost)
        # Only the last retry's cost comes back, and only if that retry succeeds.
        call.retry_cost = call.decision.cost
        return True

    async def _pause(self, call: CallState[T], delay: float) -> None:
        """Wait for the tokens of a retry, if there were none, and until it is due."""
        began = self._clock.monotonic()
        async with self._stoppable(call):
            if isinstance(call.decision, Retry) and call.decision.is_queued:
                patience = call.ends - began - delay
                if not await call.budget.acquire(call.retry_cost, patience):
                    _telemetry.retry_given_up(call, call.failures[-1])
                    call.decision = Raise(gave_up=True, budget_exhausted=True)
                    raise call.failures[-1]
            waited = self._clock.monotonic() - began
            if waited < delay:
                await self._clock.sleep(delay - waited)

    async def _decide_on(self, call: CallState[T], state: RetryCallState) -> bool:
        outcome = state.outcome
        return await self._decide(
            call, None if outcome is None else outcome.exception()
        )

    # --- conclude ---------------------------------------------------------------------

    def _conclude(self, call: CallState[T], failure: OctopushError) -> T:
        """Return the result that the last failure proves, or raise the final error."""
        if isinstance(call.decision, Return):
            result: T = call.endpoint.answer(
                outcome=call.decision.outcome,
                request_id=call.request_id,
                attempts=call.attempts,
                status=failure.status,
                headers=failure.headers,
            )
            _telemetry.call_ended(call, result)
            return result
        error = self._final_error(call, failure)
        if isinstance(call.decision, Retry):  # it was stopped before that
            _telemetry.retry_given_up(call, failure)
        raise error from error.__cause__

    def _final_error(self, call: CallState[T], error: OctopushError) -> OctopushError:
        """Build the error for the caller from all attempts together."""
        decision, unknown = call.decision, call.unknown
        gave_up = isinstance(decision, Raise) and decision.gave_up
        unsaid = gave_up or type(error) is NotSentError
        if unknown and unsaid and not isinstance(error, UnknownOutcomeError):
            # The last attempt alone would report "not sent" or "refused", which is
            # incomplete.
            last, error = (
                error,
                UnknownOutcomeError(
                    "an earlier attempt had no response; the last one: "
                    f"{error.problem}",
                    status=error.status,
                    headers=error.headers,
                    code=error.code,
                    retry_after=error.retry_after,
                ),
            )
            error.__cause__ = last
        if unknown:
            error.outcome = Outcome.UNKNOWN
            error.maybe_sent = call.endpoint.writes
        error.repeat_is_harmless = call.endpoint.idempotency is Idempotency.IDEMPOTENT
        error.request_id = call.request_id
        error.attempts = call.attempts
        error.operation = call.operation
        if call.request_id is not None:
            # As this machine's clock will show it, which may be behind ours: another
            # process has nothing else to go by.
            skew = self._wall_clock.skew()
            error.safe_to_retry_until = safe_until(call.first_tried_at) - skew
        error.retry_budget_exhausted = (
            isinstance(decision, Raise) and decision.budget_exhausted
        )
        return error
