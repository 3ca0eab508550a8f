"""
The loop around `decide`: one call on its way, its tries, and what its caller is told.

tenacity carries the loop; it does not own the policy.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import Any, Generic, Protocol, TypeVar

from attrs import define, evolve, frozen
from tenacity import AsyncRetrying, RetryCallState

from ._clock import Clock, HighWaterMark
from ._throttle import RetryQuota
from ._wire import Answer, Endpoint, Idempotency, encode
from .errors import (
    Backoff,
    NotSentError,
    OctopushError,
    Outcome,
    UnknownOutcomeError,
)
from .ids import SAFE_FOR, safe_until
from .retry import (
    Decision,
    Raise,
    Retry,
    RetryPolicy,
    Return,
    Situation,
    any_unknown,
    decide,
)


_logger = logging.getLogger("aiooctopush")
_logger.addHandler(logging.NullHandler())

T = TypeVar("T", bound=Answer)


@frozen(kw_only=True)
class AttemptEvent:
    """
    One try that has ended, for logs and metrics. Nothing in it is private.

    Attributes:
        method: Of the HTTP request.
        path: Its path, a template where it holds an argument.
        attempt: Which try of the call, counted from 1; 0 if it never got a slot.
        outcome: What became of this try alone; ``presumed`` if it was refused as a
            duplicate of an earlier one.
        status: HTTP status, None without an answer.
        elapsed: Seconds that the try took, queueing included.
        delay: Seconds before the next try, None if there is none.
        error: Class of the error that it ended with, None if there was none.
        code: The gateway's own code, if it refused with one.
    """

    method: str
    path: str
    attempt: int
    outcome: Outcome
    status: int | None
    elapsed: float
    delay: float | None
    error: str | None = None
    code: int | None = None


OnAttempt = Callable[[AttemptEvent], None]
"""Called after every try. What it raises is logged and changes nothing."""


NewId = Callable[[], Awaitable[str]]
"""Makes the next id after a clean refusal; it may have to be written down first."""


class Pacer(Protocol):
    """Who says when a try may start, where many processes share a rate."""

    async def turn(self) -> None:
        """
        Wait until the next try may start.

        Raises:
            NotSentError: That is too long to wait for.
        """

    async def throttled(self, retry_after: float | None) -> None:
        """The gateway found it too busy; it may have said how many seconds to wait."""


@frozen(kw_only=True)
class Background:
    """
    What sets the calls of a bulk apart from the single ones of the same session, which
    must not suffer from them.

    Attributes:
        quota: Retry tokens of its own.
        pacer: Asked before each try, if there is a rate to keep.
    """

    quota: RetryQuota
    pacer: Pacer | None = None


@frozen(kw_only=True)
class Means:
    """
    What the calls of a session have in common.

    Attributes:
        policy: How calls are tried that have no policy of their own.
        clock: Time.
        wall: The wall clock on which ages are measured.
        random: Randomness of the pauses.
        quota: Retry tokens of the single calls.
        observers: Told about every try that has ended.
    """

    policy: RetryPolicy
    clock: Clock
    wall: HighWaterMark
    random: Random
    quota: RetryQuota
    observers: tuple[OnAttempt, ...] = ()


@define(init=False, eq=False, repr=False)
class Call(Generic[T]):
    """
    One call on its way: what is shared by its tries.

    Attributes:
        endpoint: What is asked.
        record: What is asked, as a request record; None if there is nothing to say.
        payload: The body as bytes, the same for every try under one id.
        request_id: The present id, None if the operation has none.
        means: What the session gives to all its calls.
        policy: How it is tried.
        started: Monotonic seconds when the call began.
        ends: Monotonic seconds of its deadline.
        first_tried_at: Wall clock of the first try under this id.
        query: Names and values of the query.
        path: Where it goes, arguments filled in; empty if the endpoint has none.
        new_id: Makes the next id after a clean refusal. None if the id is not ours
            alone: one that the caller chose, or may have stored, is never replaced.
        unknown_before: Whether an earlier call under this id had an unknown outcome.
        repeat_unknown: Whether to repeat after silence what nothing protects.
        background: There if single calls go first.
        quota: Retry tokens that it may take.
        observers: Told about every try that has ended.
        attempts: How many tries were begun.
        failures: What they ended with, oldest first.
        handed_over: Whether the present try reached the transport.
        try_began: Monotonic seconds when the present try began.
        renews: Whether the next try takes a new id.
        paid: Tokens that the last retry cost.
    """

    endpoint: Endpoint[T]
    record: Any
    payload: bytes | None
    request_id: str | None
    means: Means
    policy: RetryPolicy
    started: float
    ends: float
    first_tried_at: datetime
    query: tuple[tuple[str, str], ...]
    path: str
    new_id: NewId | None
    unknown_before: bool
    repeat_unknown: bool
    background: Background | None
    quota: RetryQuota
    observers: tuple[OnAttempt, ...]
    attempts: int
    failures: tuple[OctopushError, ...]
    handed_over: bool
    try_began: float
    renews: bool
    paid: int

    # By hand, and by position: what attrs would write takes every one of these by its
    # name, which for the commonest call took twice the time.
    def __init__(  # noqa: PLR0917
        self,
        endpoint: Endpoint[T],
        record: Any,
        means: Means,
        policy: RetryPolicy,
        started: float,
        ends: float,
        first_tried_at: datetime,
    ) -> None:
        self.endpoint = endpoint
        self.record = record
        self.payload = None if record is None else encode(record)
        self.request_id = getattr(record, "request_id", None)
        self.means = means
        self.policy = policy
        self.started = self.try_began = started
        self.ends = ends
        self.first_tried_at = first_tried_at
        self.query = ()
        self.path = ""
        self.new_id = None
        self.unknown_before = self.repeat_unknown = False
        self.background = None
        self.quota = means.quota
        self.observers = means.observers
        self.attempts = self.paid = 0
        self.failures = ()
        self.handed_over = self.renews = False

    async def renew_id(self, new_id: NewId) -> None:
        """Go on under another id."""
        self.request_id = request_id = await new_id()
        self.renews = False
        self.first_tried_at = self.means.wall.now()
        self.record = evolve(self.record, request_id=request_id)
        self.payload = encode(self.record)

    @property
    def age(self) -> float:
        """Wall-clock seconds since the first try under this id."""
        return (self.means.wall.now() - self.first_tried_at).total_seconds()

    @property
    def protected_for(self) -> float:
        """Up to which age a repeat is safe."""
        if self.endpoint.idempotency is Idempotency.REQUEST_ID:
            return SAFE_FOR.total_seconds()
        return math.inf

    @property
    def unknown(self) -> bool:
        """Whether any try under this id may have been executed."""
        return self.unknown_before or any_unknown(self.failures)

    @property
    def wants_fresh_connection(self) -> bool:
        """After silence every idle connection is under suspicion."""
        return bool(self.failures) and self.failures[-1].outcome is Outcome.UNKNOWN

    def tell(
        self,
        outcome: Outcome,
        status: int | None,
        *,
        delay: float | None = None,
        error: OctopushError | None = None,
    ) -> None:
        """Tell about a try that has ended, if anybody wants to know."""
        if not self.observers:
            return
        event = AttemptEvent(
            method=self.endpoint.method,
            path=self.endpoint.path,
            attempt=self.attempts,
            outcome=outcome,
            status=status,
            elapsed=self.means.clock.monotonic() - self.try_began,
            delay=delay,
            error=None if error is None else type(error).__name__,
            code=None if error is None else error.code,
        )
        for observe in self.observers:
            try:
                observe(event)
            # A broken metric must not decide about a message.
            except Exception:
                _logger.exception("on_attempt failed")

    def check_protection(self) -> None:
        """
        Look at the wall clock right before a try: a machine may have been suspended
        for a day while the monotonic clock stood still.

        Raises:
            UnknownOutcomeError: A repeat could be sent twice.
        """
        if self.unknown and self.age >= self.protected_for:
            msg = "the request_id is too old to protect a repeat"
            raise UnknownOutcomeError(msg, backoff=Backoff.NEVER)

    def situation(self) -> Situation:
        """What `decide` needs to know now."""
        return Situation(
            failures=self.failures,
            attempts=self.attempts,
            idempotency=self.endpoint.idempotency,
            elapsed=self.means.clock.monotonic() - self.started,
            age=self.age,
            protected_for=self.protected_for,
            unknown_before=self.unknown_before,
            removes=self.endpoint.method == "DELETE",
            repeat_unknown=self.repeat_unknown,
            may_replace_id=self.new_id is not None,
            deadline=self.ends - self.started,
            tokens=self.quota.tokens,
            draw=self.means.random.random(),
        )


Attempt = Callable[[Call[T]], Awaitable[T]]


async def run(call: Call[T], attempt: Attempt[T]) -> T:
    """
    Try until `decide` says otherwise.

    The first try stays outside tenacity: most calls need no other, and a tenacity
    call costs as much as several of ours.
    """
    try:
        try:
            result = await attempt(call)
        except OctopushError as error:
            return await _try_again(call, attempt, error)
    except asyncio.CancelledError as cancelled:
        if call.handed_over:
            call.tell(Outcome.UNKNOWN, None)
        if call.endpoint.writes and (call.handed_over or call.unknown):
            cancelled.add_note(
                f"{_operation(call)} was cancelled and may have been executed"
                + (f", request_id {call.request_id!r}" if call.request_id else "")
            )
        raise
    call.quota.refund(RetryQuota.CLEAN)
    _log_success(call, result)
    if call.observers:
        call.tell(result.outcome, result.status)
    return result


async def _try_again(call: Call[T], attempt: Attempt[T], first: OctopushError) -> T:
    decision: Decision = Raise()
    pending: OctopushError | None = first

    async def once() -> T:
        nonlocal pending
        if pending is not None:
            # tenacity takes over with the first failure in hand.
            error, pending = pending, None
            raise error
        if call.renews and call.new_id is not None:
            await call.renew_id(call.new_id)
        return await attempt(call)

    def may_retry(state: RetryCallState) -> bool:
        nonlocal decision
        error = state.outcome and state.outcome.exception()
        # Cancellation and mistakes in the program are none of the policy's business.
        if not isinstance(error, OctopushError):
            return False
        call.failures = (*call.failures, error)
        decision = decide(call.policy, call.situation())
        _log(call, error, decision)
        _tell_failure(call, error, decision)
        if isinstance(decision, Retry):
            _prepare(call, decision)
        return isinstance(decision, Retry)

    def wait(_: RetryCallState) -> float:
        return decision.delay if isinstance(decision, Retry) else 0.0

    # A controller of its own for each call: a shared one mixes concurrent calls.
    controller = AsyncRetrying(
        retry=may_retry, wait=wait, sleep=call.means.clock.sleep, reraise=True
    )
    try:
        result: T = await controller(once)
    except OctopushError as error:
        if isinstance(decision, Return):
            return call.endpoint.answer(
                outcome=decision.outcome,
                request_id=call.request_id,
                attempts=call.attempts,
                status=error.status,
                headers=error.headers,
            )
        explained = _explained(call, error, decision)
        raise explained from explained.__cause__
    call.quota.refund(call.paid)
    _log_success(call, result)
    call.tell(result.outcome, result.status)
    return result


def _prepare(call: Call[T], retry: Retry) -> None:
    call.quota.take(retry.cost)
    # Only the last retry's cost comes back, and only if that retry succeeds.
    call.paid = retry.cost
    call.renews = retry.new_id


def _explained(
    call: Call[T], error: OctopushError, decision: Decision
) -> OctopushError:
    """The error that the caller gets: what became of the call, all tries counted."""
    unknown = call.unknown
    gave_up = isinstance(decision, Raise) and decision.gave_up
    unsaid = gave_up or type(error) is NotSentError
    if unknown and unsaid and not isinstance(error, UnknownOutcomeError):
        # The last try alone would say "not sent" or "refused", which is not the
        # whole truth.
        last, error = (
            error,
            UnknownOutcomeError(
                f"an earlier try had no answer; the last one: {error.problem}",
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
    error.request_id = call.request_id
    error.attempts = call.attempts
    error.operation = _operation(call)
    if call.request_id is not None:
        # As this machine's clock will show it, which may be behind the mark: another
        # process has nothing else to go by.
        ahead = call.means.wall.ahead()
        error.safe_to_retry_until = safe_until(call.first_tried_at) - ahead
    error.retry_quota_exhausted = (
        isinstance(decision, Raise) and decision.quota_exhausted
    )
    return error


def _tell_failure(call: Call[T], error: OctopushError, decision: Decision) -> None:
    delay = decision.delay if isinstance(decision, Retry) else None
    call.tell(_became(error, decision), error.status, delay=delay, error=error)


def _became(error: OctopushError, decision: Decision) -> Outcome:
    """What became of a try that ended with an error."""
    if isinstance(decision, Return):
        return decision.outcome
    return error.outcome or Outcome.UNKNOWN


def _operation(call: Call[T]) -> str:
    return f"{call.endpoint.method} {call.endpoint.path}"


def _log(call: Call[T], error: OctopushError, decision: Decision) -> None:
    level = logging.WARNING if isinstance(decision, Raise) else logging.DEBUG
    if not _logger.isEnabledFor(level):
        return
    _logger.log(
        level,
        "%s try %d: %s; %s",
        _operation(call),
        call.attempts,
        error.problem,
        f"again in {decision.delay:.2f} s"
        if isinstance(decision, Retry)
        else "giving up"
        if isinstance(decision, Raise)
        else "an earlier try was taken",
        extra=_extra(
            call,
            _became(error, decision),
            error.status,
            error=error,
            maybe_sent=call.endpoint.writes
            and call.unknown
            and not isinstance(decision, Return),
            delay=decision.delay if isinstance(decision, Retry) else None,
        ),
    )


def _log_success(call: Call[T], result: T) -> None:
    if _logger.isEnabledFor(logging.DEBUG):
        _logger.debug(
            "%s try %d: %s",
            _operation(call),
            call.attempts,
            result.outcome,
            extra=_extra(call, result.outcome, result.status),
        )


def _extra(
    call: Call[T],
    outcome: Outcome,
    status: int | None,
    *,
    error: OctopushError | None = None,
    maybe_sent: bool = False,
    delay: float | None = None,
) -> dict[str, object]:
    """What a log line says to machines: the same names each time, all plain values."""
    return {
        "octopush_operation": _operation(call),
        "octopush_attempt": call.attempts,
        "octopush_request_id": call.request_id,
        "octopush_outcome": str(outcome),
        "octopush_maybe_sent": maybe_sent,
        "octopush_status": status,
        "octopush_error": error and type(error).__name__,
        "octopush_code": error and error.code,
        "octopush_elapsed": call.means.clock.monotonic() - call.try_began,
        "octopush_delay": delay,
    }
