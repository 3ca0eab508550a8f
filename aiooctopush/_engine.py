"""
The loop around `decide`: the tries of a call, and what its caller is told.

tenacity carries the loop; it does not own the policy.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState

from ._call import Call
from ._throttle import RetryQuota
from ._wire import Answer
from .errors import (
    NotSentError,
    OctopushError,
    Outcome,
    UnknownOutcomeError,
)
from .ids import safe_until
from .retry import (
    Decision,
    Raise,
    Retry,
    Return,
    decide,
)


_logger = logging.getLogger("aiooctopush")

T = TypeVar("T", bound=Answer)


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
