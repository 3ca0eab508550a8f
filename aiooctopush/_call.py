"""
One call on its way: what its tries share, and who is told when one has ended.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import Any, Generic, Protocol, TypeVar

from attrs import define, evolve, frozen

from ._clock import Clock, HighWaterMark
from ._throttle import RetryQuota
from ._wire import Answer, Endpoint, Idempotency, encode
from .errors import (
    Backoff,
    OctopushError,
    Outcome,
    UnknownOutcomeError,
)
from .ids import SAFE_FOR
from .retry import (
    RetryPolicy,
    Situation,
    any_unknown,
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
