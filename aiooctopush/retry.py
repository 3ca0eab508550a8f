"""
The retry policy: `decide` says what to do after a try, and waits for nothing.

Three rules carry it. Keep the request_id as long as any try under it is of unknown
outcome, and take a new one only after a clean refusal. A duplicate after our own
unanswered try is success. A write without request_id is repeated only if it never
left, or if the gateway was throttling.

tenacity carries the loop; it does not own the policy.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from random import Random
from typing import Any, Generic, TypeVar

from attrs import Factory, define, evolve, field, frozen
from attrs.validators import ge, gt
from tenacity import AsyncRetrying, RetryCallState

from ._clock import Clock, HighWaterMark
from ._throttle import RetryQuota
from ._wire import Answer, Endpoint, Idempotency, encode
from .errors import (
    Backoff,
    DuplicateRequestError,
    NotSentError,
    OctopushError,
    Outcome,
    UnknownOutcomeError,
)
from .ids import SAFE_FOR, safe_until


_logger = logging.getLogger("aiooctopush")
_logger.addHandler(logging.NullHandler())

T = TypeVar("T", bound=Answer)


@frozen(kw_only=True)
class RetryPolicy:
    """
    How often, how long, and with which pauses a call is tried.

    Every duration is in seconds. The waits are, with ``i`` counting retries from 0:

    - nothing was sent: ``uniform(0, min(fast_cap, fast_base · 2^i))``
    - outcome unknown: ``1 + uniform(0, min(careful_cap, careful_base · 2^i))``
    - throttled: ``uniform(0, min(throttle_cap, throttle_base · 2^i))``

    and never less than the gateway's ``Retry-After``.

    Attributes:
        attempts: Tries in all, the first included; 1 switches retries off.
        deadline: For the whole call: all tries, waits and queueing.
        careful_floor: What is always waited after silence, so that two tries of one
            message never overlap: the first may still be executing.
        quota: Tokens for retries that all calls of a session share.
    """

    attempts: int = field(default=4, validator=ge(1))
    deadline: float = field(default=60.0, validator=gt(0))
    fast_base: float = field(default=0.1, validator=ge(0))
    fast_cap: float = field(default=5.0, validator=ge(0))
    careful_floor: float = field(default=1.0, validator=ge(1))
    careful_base: float = field(default=0.5, validator=ge(0))
    careful_cap: float = field(default=20.0, validator=ge(0))
    throttle_base: float = field(default=1.0, validator=ge(0))
    throttle_cap: float = field(default=20.0, validator=ge(0))
    quota: int = field(default=500, validator=ge(0))

    def wait(self, backoff: Backoff, retries: int, draw: float) -> float:
        """
        Seconds before the next try, without a word from the gateway.

        Args:
            backoff: How to wait; not `Backoff.NEVER`.
            retries: How many retries were made already.
            draw: The random number, at least 0 and below 1.
        """
        floor, base, cap = {
            Backoff.FAST: (0.0, self.fast_base, self.fast_cap),
            Backoff.CAREFUL: (self.careful_floor, self.careful_base, self.careful_cap),
            Backoff.THROTTLE: (0.0, self.throttle_base, self.throttle_cap),
        }[backoff]
        # From the 1,024th retry on, the power would be beyond any float.
        return floor + draw * min(cap, base * 2.0 ** min(retries, 64))


@frozen
class Return:
    """Give the caller a result: an earlier try of ours was taken."""

    outcome: Outcome = Outcome.PRESUMED


@frozen
class Raise:
    """Give the caller the error."""

    gave_up: bool = False
    """Whether another try would have been allowed, had there been time or quota."""
    quota_exhausted: bool = False


@frozen
class Retry:
    """Try again."""

    delay: float
    """Seconds to wait first."""
    new_id: bool
    """Whether to take a new request_id: only after a clean refusal."""
    cost: int
    """Tokens of the retry quota."""


Decision = Return | Raise | Retry


@frozen(kw_only=True)
class Situation:
    """
    All that `decide` looks at.

    Attributes:
        failures: What each try so far ended with, oldest first; not empty.
        attempts: How many tries were made.
        idempotency: Of the endpoint.
        removes: Whether the call asks to remove something.
        elapsed: Monotonic seconds since the call began.
        age: Wall-clock seconds since the first try under this id, never shrinking.
        protected_for: Up to which age a repeat is safe; infinity without request_id.
        unknown_before: Whether an earlier call under this id had an unknown outcome,
            as a resumed or settled one has.
        repeat_unknown: Whether the caller prefers doing it twice to not at all.
        may_replace_id: Whether the id is ours alone, so that nobody misses it.
        deadline: Seconds that this call may take.
        tokens: Left in the retry quota.
        draw: A random number, at least 0 and below 1.
    """

    failures: Sequence[OctopushError]
    attempts: int
    idempotency: Idempotency
    elapsed: float
    age: float
    protected_for: float
    unknown_before: bool
    removes: bool = False
    repeat_unknown: bool = False
    may_replace_id: bool
    deadline: float
    tokens: int
    draw: float

    @property
    def unknown(self) -> bool:
        """Whether any try under this id may have been executed."""
        return self.unknown_before or _any_unknown(self.failures)

    @property
    def unknown_earlier(self) -> bool:
        """The same, for the tries before the last."""
        return self.unknown_before or _any_unknown(self.failures[:-1])


def _any_unknown(failures: Sequence[OctopushError]) -> bool:
    return any(one.outcome is Outcome.UNKNOWN for one in failures)


_NOT_FOUND = 404
_CAMPAIGN_NOT_FOUND = 131


def _proves_earlier_try(last: OctopushError, now: Situation) -> bool:
    """Whether this refusal means that an unanswered try of ours was taken."""
    if now.idempotency is Idempotency.REQUEST_ID:
        return isinstance(last, DuplicateRequestError)
    # What we asked to remove is gone.
    return now.removes and (
        last.status == _NOT_FOUND or last.code == _CAMPAIGN_NOT_FOUND
    )


def decide(policy: RetryPolicy, now: Situation) -> Decision:
    """
    What to do after a try that did not succeed. Pure.

    The order of the questions is the order of the specification: what the answer
    means, whether a repeat is allowed at all, and only then whether there are tries,
    time, protection and quota left for it.
    """
    last = now.failures[-1]
    if now.unknown_earlier and _proves_earlier_try(last, now):
        return Return()
    if last.backoff is Backoff.NEVER:
        return Raise()
    protected = now.idempotency is not Idempotency.NONE or now.repeat_unknown
    if last.outcome is Outcome.UNKNOWN and not protected:
        return Raise()
    delay = max(
        policy.wait(last.backoff, now.attempts - 1, now.draw), last.retry_after or 0.0
    )
    if now.attempts >= policy.attempts or now.elapsed + delay >= now.deadline:
        return Raise(gave_up=True)
    if now.unknown and now.age + delay >= now.protected_for:
        return Raise(gave_up=True)
    throttled = last.backoff is Backoff.THROTTLE
    cost = RetryQuota.THROTTLE if throttled else RetryQuota.FAILURE
    if cost > now.tokens:
        return Raise(gave_up=True, quota_exhausted=True)
    return Retry(
        delay=delay,
        # A gateway that notes ids on receipt would refuse the old id for ever.
        new_id=last.outcome is Outcome.REFUSED
        and now.may_replace_id
        and not now.unknown,
        cost=cost,
    )


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
    """

    method: str
    path: str
    attempt: int
    outcome: Outcome
    status: int | None
    elapsed: float
    delay: float | None


OnAttempt = Callable[[AttemptEvent], None]
"""Called after every try. What it raises is logged and changes nothing."""


@define(kw_only=True)
class Call(Generic[T]):
    """
    One call on its way: what is shared by its tries.

    Attributes:
        record: What is asked, as a request record.
        payload: The record as bytes, the same for every try under one id.
        started: Monotonic seconds when the call began.
        ends: Monotonic seconds of its deadline.
        request_id: The present id, None if the operation has none.
        new_id: Makes the next id after a clean refusal. None if the id is not ours
            alone: one that the caller chose, or may have stored, is never replaced.
        first_tried_at: Wall clock of the first try under this id.
        unknown_before: Whether an earlier call under this id had an unknown outcome.
        repeat_unknown: Whether to repeat after silence what nothing protects.
        handed_over: Whether the present try reached the transport.
        try_began: Monotonic seconds when the present try began.
        on_attempt: Told about every try that has ended.
    """

    endpoint: Endpoint[T]
    record: Any = field(default=None, repr=False)
    payload: bytes | None = field(default=None, repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    policy: RetryPolicy
    clock: Clock
    wall: HighWaterMark
    random: Random
    quota: RetryQuota
    started: float
    ends: float
    first_tried_at: datetime
    request_id: str | None = None
    new_id: Callable[[], str] | None = None
    unknown_before: bool = False
    repeat_unknown: bool = False
    attempts: int = 0
    handed_over: bool = False
    try_began: float = 0.0
    on_attempt: OnAttempt | None = field(default=None, repr=False)
    failures: list[OctopushError] = Factory(list)
    paid: int = 0

    def renew_id(self, request_id: str) -> None:
        """Go on under another id."""
        self.request_id = request_id
        self.first_tried_at = self.wall.now()
        self.record = evolve(self.record, request_id=request_id)
        self.payload = encode(self.record)

    @property
    def age(self) -> float:
        """Wall-clock seconds since the first try under this id."""
        return (self.wall.now() - self.first_tried_at).total_seconds()

    @property
    def protected_for(self) -> float:
        """Up to which age a repeat is safe."""
        if self.endpoint.idempotency is Idempotency.REQUEST_ID:
            return SAFE_FOR.total_seconds()
        return math.inf

    @property
    def unknown(self) -> bool:
        """Whether any try under this id may have been executed."""
        return self.unknown_before or _any_unknown(self.failures)

    @property
    def wants_fresh_connection(self) -> bool:
        """After silence every idle connection is under suspicion."""
        return bool(self.failures) and self.failures[-1].outcome is Outcome.UNKNOWN

    def tell(
        self, outcome: Outcome, status: int | None, delay: float | None = None
    ) -> None:
        """Tell about a try that has ended, if anybody wants to know."""
        if self.on_attempt is None:
            return
        event = AttemptEvent(
            method=self.endpoint.method,
            path=self.endpoint.path,
            attempt=self.attempts,
            outcome=outcome,
            status=status,
            elapsed=self.clock.monotonic() - self.try_began,
            delay=delay,
        )
        try:
            self.on_attempt(event)
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
            elapsed=self.clock.monotonic() - self.started,
            age=self.age,
            protected_for=self.protected_for,
            unknown_before=self.unknown_before,
            removes=self.endpoint.method == "DELETE",
            repeat_unknown=self.repeat_unknown,
            may_replace_id=self.new_id is not None,
            deadline=self.ends - self.started,
            tokens=self.quota.tokens,
            draw=self.random.random(),
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
    call.tell(Outcome.ACCEPTED, result.status)
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
        return await attempt(call)

    def may_retry(state: RetryCallState) -> bool:
        nonlocal decision
        error = state.outcome and state.outcome.exception()
        # Cancellation and mistakes in the program are none of the policy's business.
        if not isinstance(error, OctopushError):
            return False
        call.failures.append(error)
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
        retry=may_retry, wait=wait, sleep=call.clock.sleep, reraise=True
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
    call.tell(Outcome.ACCEPTED, result.status)
    return result


def _prepare(call: Call[T], retry: Retry) -> None:
    call.quota.take(retry.cost)
    # Only the last retry's cost comes back, and only if that retry succeeds.
    call.paid = retry.cost
    if retry.new_id and call.new_id is not None:
        call.renew_id(call.new_id())


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
        error.safe_to_retry_until = safe_until(call.first_tried_at)
    error.retry_quota_exhausted = (
        isinstance(decision, Raise) and decision.quota_exhausted
    )
    return error


def _tell_failure(call: Call[T], error: OctopushError, decision: Decision) -> None:
    outcome = error.outcome or Outcome.UNKNOWN
    if isinstance(decision, Return):
        outcome = decision.outcome
    delay = decision.delay if isinstance(decision, Retry) else None
    call.tell(outcome, error.status, delay)


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
        extra={
            "octopush_operation": _operation(call),
            "octopush_attempt": call.attempts,
            "octopush_request_id": call.request_id,
            "octopush_outcome": str(error.outcome),
            "octopush_status": error.status,
        },
    )
