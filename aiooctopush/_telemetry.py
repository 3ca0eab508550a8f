"""
The one place that reports a call: to the log, to ``on_attempt``, to the observer.

The log line of an attempt has the values of its `AttemptEvent`, which the hooks get.
"""

import logging
from inspect import iscoroutinefunction
from typing import Any

from . import observer as _observer
from ._call import CallState
from ._hooks import tell
from ._log import logger
from ._wire import Answer
from .errors import OctopushError, Outcome, wrong_type
from .retry import Decision, Raise, Retry, Return


def check_hooks(on_attempt: Any, observer: Any) -> None:
    """
    Require a hook that can be called synchronously, and load the events for both.

    Raises:
        InvalidFieldError: It is no plain function.
    """
    if on_attempt is None and observer is None:
        return
    from .observer import events  # noqa: F401, PLC0415  # no call waits for it

    if on_attempt is not None and (
        not callable(on_attempt) or iscoroutinefunction(on_attempt)
    ):
        raise wrong_type(
            "on_attempt",
            "must be a plain function, not a coroutine: it is not awaited",
            on_attempt,
        )


def call_started(
    call: CallState[Any], observer: "_observer.Observer", base_url: str
) -> None:
    """Report the start of a call to the observer, which then gets the later events."""
    endpoint = call.endpoint
    started = _observer.CallStarted(
        method=endpoint.method, path=endpoint.path, base_url=base_url
    )

    def start(what: "_observer.CallStarted") -> None:
        watcher = observer.on_start(what)
        call.hooks = (*call.hooks, watcher.on_attempt)
        call.watcher = watcher

    tell(start, started, "observer")


def attempt_failed(call: CallState[Any], error: OctopushError) -> None:
    """Report a failed attempt, and the decision after it."""
    decision = call.decision
    _report(
        call,
        logging.WARNING if isinstance(decision, Raise) else logging.DEBUG,
        f"{error.problem}; {_next_step(decision)}",
        # As a duplicate it proves that an earlier one was accepted.
        decision.outcome
        if isinstance(decision, Return)
        else error.outcome or Outcome.UNKNOWN,
        error.status,
        error=error,
        maybe_sent=call.endpoint.writes
        and call.unknown
        and not isinstance(decision, Return),
    )


def call_succeeded(call: CallState[Any], result: Answer) -> None:
    """Report the attempt that was accepted, and the end of its call."""
    outcome = result.outcome
    _report(call, logging.DEBUG, str(outcome), outcome, result.status)
    call_ended(call, result)


def call_ended(call: CallState[Any], result: Answer) -> None:
    """Report to the observer the result of a call whose attempts are reported."""
    _end(call, result.outcome, status=result.status)


def call_failed(call: CallState[Any], error: BaseException) -> None:
    """
    Report the exception that ended a call: our own error, or a mistake in a program.
    """
    name = type(error).__name__
    if not isinstance(error, OctopushError):
        _break_off(call, name)
        return
    _end(
        call,
        error.outcome or Outcome.UNKNOWN,
        maybe_sent=error.maybe_sent,
        status=error.status,
        error=name,
        code=error.code,
    )


def call_cancelled(call: CallState[Any], error: BaseException) -> None:
    """Report a cancellation, and add a note about the unknown outcome."""
    unknown = call.in_transport or call.unknown
    maybe_sent = unknown and call.endpoint.writes
    if maybe_sent:
        error.add_note(
            f"{call.operation} was cancelled and may have been executed"
            + (f", request_id {call.request_id!r}" if call.request_id else "")
        )
    if unknown:
        _report(
            call,
            # A note is lost where tasks are gathered, and then this is all there is.
            logging.WARNING if maybe_sent else logging.DEBUG,
            "cancelled; it may have been executed" if maybe_sent else "cancelled",
            Outcome.UNKNOWN,
            None,
            maybe_sent=maybe_sent,
            is_attempt=call.in_transport,
        )
    _break_off(call, type(error).__name__)


def _break_off(call: CallState[Any], name: str) -> None:
    """The outcome that the attempts prove; no final outcome is known."""
    if call.in_transport or call.unknown:
        writes = call.endpoint.writes
        _end(call, Outcome.UNKNOWN, maybe_sent=writes, error=name)
    else:
        _end(call, Outcome.NOT_SENT, error=name)


def retry_given_up(call: CallState[Any], error: OctopushError) -> None:
    """Log that a retry was waited for but is not made."""
    _report(
        call,
        logging.WARNING,
        f"{error.problem}; giving up",
        Outcome.UNKNOWN if call.unknown else error.outcome or Outcome.UNKNOWN,
        error.status,
        error=error,
        maybe_sent=call.endpoint.writes and call.unknown,
        is_attempt=False,
    )


def _next_step(decision: Decision) -> str:
    if isinstance(decision, Retry):
        return f"next attempt in {decision.delay:.2f} s"
    if isinstance(decision, Return):
        return "an earlier attempt was accepted"
    return "giving up"


def _report(
    call: CallState[Any],
    level: int,
    words: str,
    outcome: Outcome,
    status: int | None,
    *,
    error: OctopushError | None = None,
    maybe_sent: bool = False,
    is_attempt: bool = True,
) -> None:
    """Log the end of an attempt or a call, and pass an attempt to the hooks."""
    retry = call.decision if isinstance(call.decision, Retry) else None
    known: dict[str, Any] = {
        "attempt": call.attempts,
        "outcome": outcome,
        "status": status,
        "elapsed": call.session.clock.monotonic() - call.attempt_started,
        "delay": None if error is None or retry is None else retry.delay,
        "error": None if error is None else type(error).__name__,
        "code": None if error is None else error.code,
        "request_id": call.request_id,
    }
    if logger.isEnabledFor(level):
        # For machines: the same names each time, all plain values.
        plain = known | {
            "operation": call.operation,
            "outcome": str(outcome),
            "maybe_sent": maybe_sent,
        }
        logger.log(
            level,
            "%s attempt %d: %s",
            call.operation,
            call.attempts,
            words,
            extra={f"octopush_{name}": value for name, value in plain.items()},
        )
    if is_attempt and call.hooks:
        event = _observer.AttemptEvent(
            method=call.endpoint.method, path=call.endpoint.path, **known
        )
        for hook in call.hooks:
            tell(hook, event, "on_attempt")


def _end(
    call: CallState[Any],
    outcome: Outcome,
    *,
    maybe_sent: bool = False,
    status: int | None = None,
    error: str | None = None,
    code: int | None = None,
) -> None:
    if call.watcher is None:
        return
    ended = _observer.CallEnded(
        outcome=outcome,
        maybe_sent=maybe_sent,
        request_id=call.request_id,
        attempts=call.attempts,
        status=status,
        error=error,
        code=code,
        elapsed=call.session.clock.monotonic() - call.started,
        retry_tokens=call.budget.tokens,
    )
    tell(call.watcher.on_end, ended, "observer")
