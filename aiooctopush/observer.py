"""
What is reported about calls and their attempts: values and protocols, and no code.

Tracing needs a place to open and close a span around a call; `Observer` is it, and
knows of no tracer. `aiooctopush.integrations.opentelemetry` stands on it. `_telemetry`
makes these values and reports them.
"""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from .errors import Outcome


@frozen(kw_only=True)
class AttemptEvent:
    """
    One attempt that has ended, for logs and metrics. Nothing in it is private.

    Attributes:
        method: Method of the HTTP request.
        path: Path of the HTTP request, a template where it holds an argument.
        attempt: Which attempt of the call, counted from 1; 0 if it never got a slot.
        outcome: What became of this attempt alone; ``presumed`` if it was refused as
            a duplicate of an earlier one.
        status: HTTP status, None without a response.
        elapsed: Seconds that the attempt took, queueing included.
        delay: Seconds before the next attempt, None if there is none.
        error: Class of the error that it ended with, None if there was none.
        code: The gateway's own code, if it refused with one.
        request_id: The id under which it was made, None if the operation has none.
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
    request_id: str | None = None


OnAttempt = Callable[[AttemptEvent], None]
"""Called after every attempt. What it raises is logged and changes nothing."""


@frozen(kw_only=True)
class CallStarted:
    """
    A call that is about to be made. Nothing in it is private.

    Attributes:
        method: Method of the HTTP request.
        path: Path of the HTTP request, a template where it holds an argument.
        base_url: Where the gateway is.
    """

    method: str
    path: str
    base_url: str


@frozen(kw_only=True)
class CallEnded:
    """
    What became of a call, all its attempts counted. Nothing in it is private.

    Attributes:
        outcome: What became of it; if it was cancelled, what is known.
        maybe_sent: Whether a write may have been executed without our knowing.
        request_id: The id of the last attempt, None if the operation has none.
        attempts: How many attempts were made.
        status: HTTP status of the last response, None without one.
        error: Class of what was raised, None if nothing was.
        code: The gateway's own code, if it refused with one.
        elapsed: Seconds from beginning to end, pauses included.
        retry_tokens: What is left of the budget that pays for retries.
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
    """Watches one call; `Observer.on_start` returns it."""

    def on_attempt(self, attempt: AttemptEvent) -> None:
        """Take note of an attempt that has ended."""

    def on_end(self, call: CallEnded) -> None:
        """Take note of the end; cancelled or failed, it always comes, and once."""


class Observer(Protocol):
    """
    Watches the calls of a session, from the task that makes them.

    It must not wait. What it raises is logged and changes nothing.
    """

    def on_start(self, call: CallStarted) -> CallObserver:
        """Take note of a call that begins, and return what watches it."""
