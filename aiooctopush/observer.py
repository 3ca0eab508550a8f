"""
Watching whole calls, from before the first try to what became of them.

Tracing needs a place to open and close a span around a call; this is it, and knows of
no tracer. `aiooctopush.integrations.opentelemetry` is what stands on it.
"""

import logging
from typing import Protocol, TypeVar

from attrs import frozen

from ._call import AttemptEvent, Call
from ._engine import Attempt, run
from ._wire import Answer
from .errors import OctopushError, Outcome


_logger = logging.getLogger("aiooctopush")

T = TypeVar("T", bound=Answer)


@frozen(kw_only=True)
class CallStarted:
    """
    A call that is about to be made. Nothing in it is private.

    Attributes:
        method: Of the HTTP request.
        path: Its path, a template where it holds an argument.
        base_url: Where the gateway is.
    """

    method: str
    path: str
    base_url: str


@frozen(kw_only=True)
class CallEnded:
    """
    What became of a call, all its tries counted. Nothing in it is private.

    Attributes:
        outcome: What became of it; of a call that was cancelled, what is known.
        maybe_sent: Whether a write may have been executed, and nobody knows.
        request_id: The id of the last try, None if the operation has none.
        attempts: How many tries were made.
        status: HTTP status of the last answer, None without one.
        error: Class of what was raised, None if nothing was.
        code: The gateway's own code, if it refused with one.
        elapsed: Seconds from beginning to end, pauses included.
        retry_tokens: What is left of the quota that pays for retries.
    """

    outcome: Outcome
    maybe_sent: bool
    request_id: str | None
    attempts: int
    status: int | None
    error: str | None
    code: int | None
    elapsed: float
    retry_tokens: int


class CallObserver(Protocol):
    """Watches one call."""

    def tried(self, attempt: AttemptEvent) -> None:
        """Take note of a try that has ended."""

    def ended(self, call: CallEnded) -> None:
        """Take note of the end; cancelled or failed, it always comes, and once."""


class Observer(Protocol):
    """
    Watches the calls of a session, from the task that makes them.

    It must not wait. What it raises is logged and changes nothing.
    """

    def began(self, call: CallStarted) -> CallObserver:
        """Take note of a call that begins, and say who watches it."""


async def watched(
    observer: Observer, base_url: str, call: Call[T], attempt: Attempt[T]
) -> T:
    """Make a call as `run` does, and tell the observer."""
    endpoint = call.endpoint
    started = CallStarted(method=endpoint.method, path=endpoint.path, base_url=base_url)
    try:
        one = observer.began(started)
    # A broken tracer must not decide about a message.
    except Exception:
        _logger.exception("observer failed")
        return await run(call, attempt)
    call.observers = (*call.observers, one.tried)
    try:
        answer = await run(call, attempt)
    except BaseException as error:
        _tell(one, _failed(call, error))
        raise
    _tell(one, _ended(call, answer.outcome, status=answer.status))
    return answer


def _tell(one: CallObserver, end: CallEnded) -> None:
    try:
        one.ended(end)
    except Exception:
        _logger.exception("observer failed")


def _failed(call: Call[T], error: BaseException) -> CallEnded:
    name = type(error).__name__
    if isinstance(error, OctopushError):
        return _ended(
            call,
            error.outcome or Outcome.UNKNOWN,
            maybe_sent=error.maybe_sent,
            status=error.status,
            error=name,
            code=error.code,
        )
    # Cancelled, or a mistake in the program: nobody has said what became of it.
    if call.handed_over or call.unknown:
        outcome, maybe_sent = Outcome.UNKNOWN, call.endpoint.writes
    else:
        outcome, maybe_sent = Outcome.NOT_SENT, False
    return _ended(call, outcome, maybe_sent=maybe_sent, error=name)


def _ended(
    call: Call[T],
    outcome: Outcome,
    *,
    maybe_sent: bool = False,
    status: int | None = None,
    error: str | None = None,
    code: int | None = None,
) -> CallEnded:
    return CallEnded(
        outcome=outcome,
        maybe_sent=maybe_sent,
        request_id=call.request_id,
        attempts=call.attempts,
        status=status,
        error=error,
        code=code,
        elapsed=call.means.clock.monotonic() - call.started,
        retry_tokens=call.quota.tokens,
    )
