"""
Events of calls and their attempts: values and protocols, without code.

`Observer` lets tracing open and close a span around a call, without depending on a
tracer. `aiooctopush.integrations.opentelemetry` implements it. `_telemetry` makes these
values and reports them.
"""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from .._record import Record
from ..errors import Outcome


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class AttemptEvent(Record):
    """
    One attempt that has ended, for logs and metrics. Nothing in it is private.

    Attributes:
        method: Method of the HTTP request.
        path: Path of the HTTP request, a template where it holds an argument.
        attempt: Which attempt of the call, counted from 1; 0 if it never got a slot.
        outcome: Outcome of this attempt alone; ``presumed`` if it was refused as a
            duplicate of an earlier one.
        status: HTTP status, None without a response.
        elapsed: Duration of the attempt in seconds, queueing included.
        delay: Seconds before the next attempt, None without one.
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
"""Called after every attempt. Exceptions are logged and never affect a send."""


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class CallStarted(Record):
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


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class CallEnded(Record):
    """
    Outcome of a call, including all its attempts. It contains nothing private.

    Attributes:
        outcome: Outcome of the call; if it was cancelled, as far as it is known.
        maybe_sent: Whether a write may have been executed without our knowing.
        request_id: The id of the last attempt, None if the operation has none.
        attempts: How many attempts were made.
        status: HTTP status of the last response, None without one.
        error: Class of the raised exception, None if there was none.
        code: The gateway's own code, if it refused with one.
        elapsed: Seconds from beginning to end, pauses included.
        retry_tokens: Tokens left in the budget that pays for retries.
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

    It must not wait. Exceptions are logged and never affect a send.
    """

    def on_start(self, call: CallStarted) -> CallObserver:
        """Record the start of a call, and return its observer."""
