"""One call: its frozen options, and the state that its attempts share."""

import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import Any, Final, Generic, Protocol, TypeVar

from attrs import evolve

from . import observer as _observer
from ._clock import Clock, MonotonicWallClock
from ._throttle import RetryBudget, StopSignal
from ._wire import Answer, Endpoint, Idempotency, encode
from .errors import Backoff, OctopushError, UnknownOutcomeError
from .ids import SAFE_FOR, new_request_id
from .retry import Decision, Raise, Retry, RetryContext, RetryPolicy, any_unknown


T = TypeVar("T", bound=Answer)


NewId = Callable[[], Awaitable[str]]
"""Makes the next id after a clean refusal, and writes it down first."""

_UNDECIDED: Final = Raise()


class RateLimiter(Protocol):
    """Says when an attempt may start, where many processes share a rate."""

    async def acquire(self) -> None:
        """
        Wait until the next attempt may start.

        Raises:
            NotSentError: The wait would be too long.
        """

    async def back_off(self, retry_after: float | None) -> None:
        """The gateway was too busy; it may have given a delay in seconds."""


# Not attrs, here and below: these have only an `__init__`, and attrs takes a hundred
# times as long to make it.
class BulkPriority:
    """
    Priority of the calls of a bulk run, which is lower than that of single calls.

    Calls of the run wait behind all single calls of the same session, which must not
    suffer from the run.

    Attributes:
        budget: Retry tokens of its own.
        rate_limiter: Asked before each attempt, if there is a rate to keep.
    """

    def __init__(
        self, *, budget: RetryBudget, rate_limiter: RateLimiter | None = None
    ) -> None:
        self.budget = budget
        self.rate_limiter = rate_limiter


class CallOptions:
    """
    Method, path and arguments of a call to an endpoint.

    Attributes:
        body: A request record; its ``request_id``, if any, protects repeats.
        query: Names and values of the query.
        path: Where it goes, if the path of the endpoint is only a template.
        timeout: Seconds for the whole call; the policy's own if None.
        retry: The retry policy; the session's own if None.
        owns_id: Whether the id is ours alone, so that a clean refusal may be followed
            by another one: an id that the caller may have stored is never replaced.
        new_id: Makes that next id, where it must be written down first.
        unknown_since: Time of the first attempt of an earlier call under this id whose
            outcome is unknown.
        repeat_unknown: Whether to repeat an unprotected call after a lost response.
        priority: Set for a call that lets single calls go first.
        on_failure: Called with the failure of each attempt of this call.
        stop: Ends its waits, and so the call; the session has one of its own as well.
    """

    def __init__(
        self,
        *,
        body: Any = None,
        query: tuple[tuple[str, str], ...] = (),
        path: str = "",
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        owns_id: bool = False,
        new_id: NewId | None = None,
        unknown_since: datetime | None = None,
        repeat_unknown: bool = False,
        priority: BulkPriority | None = None,
        on_failure: Callable[[OctopushError], None] | None = None,
        stop: StopSignal | None = None,
    ) -> None:
        self.body = body
        self.query = query
        self.path = path
        self.timeout = timeout
        self.retry = retry
        self.owns_id = owns_id
        self.new_id = new_id
        self.unknown_since = unknown_since
        self.repeat_unknown = repeat_unknown
        self.priority = priority
        self.on_failure = on_failure
        self.stop = stop


class SessionState:
    """
    State shared by the calls of a session.

    Attributes:
        policy: Default retry policy of calls.
        clock: Time.
        wall_clock: The clock on which the age of an id is measured.
        random: Randomness of the pauses.
        budget: Retry tokens of the single calls.
        hooks: Called after every attempt that has ended.
    """

    def __init__(
        self,
        *,
        policy: RetryPolicy,
        clock: Clock,
        wall_clock: MonotonicWallClock,
        random: Random,
        budget: RetryBudget,
        hooks: "tuple[_observer.OnAttempt, ...]",
    ) -> None:
        self.policy = policy
        self.clock = clock
        self.wall_clock = wall_clock
        self.random = random
        self.budget = budget
        self.hooks = hooks


class CallState(Generic[T]):
    """
    State shared by the attempts of one call.

    Attributes:
        endpoint: The operation that is asked.
        options: Arguments of the call.
        session: State that all calls of the session share.
        policy: When to attempt it again, and for how long.
        budget: Retry budget of the call.
        hooks: Called after every attempt that has ended.
        started: Monotonic seconds when the call began.
        ends: Monotonic seconds of its deadline.
        first_tried_at: Wall clock of the first attempt under this id.
        payload: The body as bytes, the same for every attempt under one id.
        request_id: The present id, None if the operation has none.
        record: The body as a record, the same but for the id.
        attempts: How many attempts were begun.
        failures: Errors that they ended with, oldest first.
        decision: The decision after the last of them.
        suspects_connections: Whether idle connections are under suspicion, because the
            last attempt had no response.
        in_transport: Whether the present attempt reached the transport.
        attempt_started: Monotonic seconds when the present attempt began.
        retry_cost: Tokens that the last retry cost.
        watcher: The observer of this call, if the session has one.
    """

    # By position: keyword arguments would take a microsecond longer.
    def __init__(
        self,
        endpoint: Endpoint[T],
        options: CallOptions,
        session: SessionState,
        started: float,
        now: datetime,
    ) -> None:
        """
        Begin a call.

        Args:
            endpoint: The operation that is asked.
            options: Arguments of the call.
            session: State that all calls of the session share.
            started: Monotonic seconds.
            now: Wall clock.
        """
        policy, body = options.retry or session.policy, options.body
        priority, timeout = options.priority, options.timeout
        self.endpoint = endpoint
        self.options = options
        self.session = session
        self.policy = policy
        self.budget = session.budget if priority is None else priority.budget
        self.hooks = session.hooks
        self.started = started
        self.ends = started + (policy.timeout if timeout is None else timeout)
        self.first_tried_at = options.unknown_since or now
        self.payload = None if body is None else encode(body)
        self.request_id: str | None = getattr(body, "request_id", None)
        self.record: Any = None
        self.attempts = 0
        self.failures: tuple[OctopushError, ...] = ()
        self.decision: Decision = _UNDECIDED
        self.suspects_connections = False
        self.in_transport = False
        self.attempt_started = 0.0
        self.retry_cost = 0
        self.watcher: _observer.CallObserver | None = None

    @property
    def delay(self) -> float:
        """Seconds to wait before the next attempt."""
        return self.decision.delay if isinstance(self.decision, Retry) else 0.0

    async def renew_id_if_needed(self) -> None:
        """Continue under another id, if it was decided so."""
        if not isinstance(self.decision, Retry) or not self.decision.new_id:
            return
        make = self.options.new_id
        request_id = new_request_id() if make is None else await make()
        self.request_id = request_id
        self.first_tried_at = self.session.wall_clock.now()
        self.record = evolve(self.record or self.options.body, request_id=request_id)
        self.payload = encode(self.record)

    @property
    def operation(self) -> str:
        """Method and path, for errors and logs."""
        return f"{self.endpoint.method} {self.endpoint.path}"

    @property
    def age(self) -> float:
        """Wall-clock seconds since the first attempt under this id."""
        return (self.session.wall_clock.now() - self.first_tried_at).total_seconds()

    @property
    def protected_for(self) -> float:
        """Up to which age a repeat is safe."""
        if self.endpoint.idempotency is Idempotency.REQUEST_ID:
            return SAFE_FOR.total_seconds()
        return math.inf

    @property
    def unknown_before(self) -> bool:
        """Whether an earlier call under this id had an unknown outcome."""
        return self.options.unknown_since is not None

    @property
    def unknown(self) -> bool:
        """Whether any attempt under this id may have been executed."""
        return self.unknown_before or any_unknown(self.failures)

    def check_protection(self) -> None:
        """
        Read the wall clock right before an attempt: a machine may have been suspended
        for a day while the monotonic clock stopped.

        Raises:
            UnknownOutcomeError: A repeat could be sent twice.
        """
        if self.unknown and self.age >= self.protected_for:
            msg = "the request_id is too old to protect a retry"
            raise UnknownOutcomeError(msg, backoff=Backoff.NEVER)

    def context(self) -> RetryContext:
        """The inputs of `decide` at this moment."""
        return RetryContext(
            failures=self.failures,
            attempts=self.attempts,
            idempotency=self.endpoint.idempotency,
            elapsed=self.session.clock.monotonic() - self.started,
            age=self.age,
            protected_for=self.protected_for,
            unknown_before=self.unknown_before,
            removes=self.endpoint.method == "DELETE",
            repeat_unknown=self.options.repeat_unknown,
            may_replace_id=self.options.owns_id,
            timeout=self.ends - self.started,
            tokens=self.budget.tokens,
            # A run checks its unresolved batches automatically, after a pause.
            may_wait_for=0 if self.options.priority else self.budget.capacity,
            draw=self.session.random.random(),
        )
