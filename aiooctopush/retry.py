"""
The retry policy: `decide` returns the next step after an attempt, without waiting.

It follows three rules. Keep the request_id while any attempt under it has an unknown
outcome, and take a new one only after a clean refusal. A duplicate after a timed-out
attempt counts as success. Repeat a write without request_id only if it was never sent,
or if the gateway was throttling.

`_pipeline` carries it out.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from attrs import fields, frozen

from ._limits import check_at_least, check_positive
from ._record import Record
from ._throttle import RetryBudget
from ._wire import Idempotency
from .errors import Backoff, DuplicateRequestError, OctopushError, Outcome


_AT_LEAST_ONE: Final = ("attempts", "careful_floor")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class RetryPolicy(Record):
    """
    Number, duration and pauses of the attempts of a call.

    Every duration is in seconds. The waits are, with ``i`` counting retries from 0:

    - nothing was sent: ``uniform(0, min(fast_cap, fast_base · 2^i))``
    - outcome unknown: ``1 + uniform(0, min(careful_cap, careful_base · 2^i))``
    - throttled: ``uniform(0, min(throttle_cap, throttle_base · 2^i))``

    and never less than the gateway's ``Retry-After``.

    Attributes:
        attempts: Attempts in all, the first included; 1 switches retries off.
        timeout: For the whole call: all attempts, waits and queueing.
        careful_floor: Minimum wait after a timeout, so that two attempts of one message
            never overlap. The first may still be executing.
        budget: Tokens for retries that all calls of a session share.
    """

    attempts: int = 4
    timeout: float = 60.0
    fast_base: float = 0.1
    fast_cap: float = 5.0
    careful_floor: float = 1.0
    careful_base: float = 0.5
    careful_cap: float = 20.0
    throttle_base: float = 1.0
    throttle_cap: float = 20.0
    budget: int = 500

    def __attrs_post_init__(self) -> None:
        check_positive("timeout", self.timeout)
        for one in fields(RetryPolicy):
            least = 1 if one.name in _AT_LEAST_ONE else 0
            check_at_least(one.name, getattr(self, one.name), least)

    def wait(self, backoff: Backoff, retries: int, draw: float) -> float:
        """
        Seconds before the next attempt, without a word from the gateway.

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


# No user waits for a batch, and giving it up leaves 500 recipients without a message.
BULK_RETRY: Final = RetryPolicy(attempts=12, timeout=900.0)


class Return(NamedTuple):
    """Return a result: an earlier attempt was accepted."""

    outcome: Outcome = Outcome.PRESUMED


class Raise(NamedTuple):
    """Give the caller the error."""

    gave_up: bool = False
    """Whether another attempt would have been allowed, had time or budget sufficed."""
    budget_exhausted: bool = False


class Retry(NamedTuple):
    """Try again."""

    delay: float
    """Seconds to wait first."""
    new_id: bool
    """Whether to use a new request_id; only after a clean refusal."""
    cost: int
    """Tokens of the retry budget."""
    is_queued: bool = False
    """Whether to wait for the tokens first: there are too few of them now."""


Decision = Return | Raise | Retry


class RetryContext(NamedTuple):
    """
    All that `decide` looks at.

    Attributes:
        failures: Errors that the attempts so far ended with, oldest first; not empty.
        attempts: How many attempts were made.
        idempotency: Idempotency of the endpoint.
        elapsed: Monotonic seconds since the call began.
        age: Wall-clock seconds since the first attempt under this id, never shrinking.
        protected_for: Up to which age a repeat is safe; infinity without request_id.
        unknown_before: Whether an earlier call under this id had an unknown outcome,
            as a resumed or settled one has.
        may_replace_id: Whether the id was generated, so that it may be replaced.
        timeout: Seconds that the call may take.
        tokens: Left in the retry budget.
        draw: A random number, at least 0 and below 1.
        removes: Whether the call asks to remove something.
        repeat_unknown: Whether the caller prefers doing it twice to not at all.
        may_wait_for: Tokens that it may wait for, if its outcome is unknown.
    """

    failures: Sequence[OctopushError]
    attempts: int
    idempotency: Idempotency
    elapsed: float
    age: float
    protected_for: float
    unknown_before: bool
    may_replace_id: bool
    timeout: float
    tokens: int
    draw: float
    removes: bool = False
    repeat_unknown: bool = False
    may_wait_for: int = 0

    @property
    def unknown(self) -> bool:
        """Whether any attempt under this id may have been executed."""
        return self.unknown_before or any_unknown(self.failures)

    @property
    def unknown_earlier(self) -> bool:
        """Whether any attempt before the last may have been executed."""
        return self.unknown_before or any_unknown(self.failures[:-1])


def any_unknown(failures: Sequence[OctopushError]) -> bool:
    """Whether any of these attempts may have been executed."""
    return any(one.outcome is Outcome.UNKNOWN for one in failures)


_NOT_FOUND = 404
_CAMPAIGN_NOT_FOUND = 131


def _proves_earlier_try(last: OctopushError, now: RetryContext) -> bool:
    """True if this refusal proves that a timed-out attempt was accepted."""
    if now.idempotency is Idempotency.REQUEST_ID:
        return isinstance(last, DuplicateRequestError)
    # The object to be deleted no longer exists.
    return now.removes and (
        last.status == _NOT_FOUND or last.code == _CAMPAIGN_NOT_FOUND
    )


def decide(policy: RetryPolicy, now: RetryContext) -> Decision:
    """
    Decide the next step after an attempt that did not succeed; a pure function.

    The checks follow the order of the specification: the meaning of the response,
    whether a repeat is allowed, then attempts, time, protection and budget left.
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
    if now.attempts >= policy.attempts or now.elapsed + delay >= now.timeout:
        return Raise(gave_up=True)
    if now.unknown and now.age + delay >= now.protected_for:
        return Raise(gave_up=True)
    throttled = last.backoff is Backoff.THROTTLE
    cost = RetryBudget.THROTTLE if throttled else RetryBudget.FAILURE
    is_queued = cost > now.tokens
    # An unknown outcome is worth a wait; the outcome of an unsent request is known.
    if is_queued and not (now.unknown and cost <= now.may_wait_for):
        return Raise(gave_up=True, budget_exhausted=True)
    return Retry(
        delay=delay,
        # A gateway that notes ids on receipt would refuse the old id for ever.
        new_id=last.outcome is Outcome.REFUSED
        and now.may_replace_id
        and not now.unknown,
        cost=cost,
        is_queued=is_queued,
    )
