"""
The worker of a shared run: claims a batch, sends it, and pauses all workers if there is
a reason.

It does not depend on its trigger: a message of a broker, a timer, or a loop.
"""

import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final

from attrs import define, field, frozen

from ..._call import BulkPriority
from ..._clock import Clock, MonotonicWallClock
from ..._log import logger
from ..._throttle import RetryBudget
from ...api._shared import Caller
from ...errors import Backoff, NotSentError
from ...ledgers.leases import LEASE, gcra_parameters
from ...ledgers.protocols import Claim, ClaimLedger, DeliveryLedger, FleetLedger
from ...ledgers.records import BatchRecord, LeaseLostError, LedgerError, Pause
from ...retry import RetryPolicy
from ..run_options import BulkOptions
from ..sending.delivery import BatchDone, BatchResult, Delivery, DeliveryEvent
from ..sending.pausing import PausePolicy
from .patience import patiently


# All attempts of a request, with the waits between them, end while the claim is valid;
# the rest of the time is for recording the outcome.
_DEADLINE: Final = 0.75 * LEASE
_TURN_AT_MOST: Final = 30.0

# Requests reach the gateway with varying delays. So more of them can arrive within a
# second than were started in it. Requests are spaced out by that much.
_LATE: Final = 0.05

# A turn is waited for by this machine's clock, and judged by the ledger's: who is early
# by no more than this waits for the rest, and keeps it.
_SHARP: Final = 0.01
# A ledger that takes longer than this to grant a request would delay many, which would
# then start at the same time.
_TOO_SLOW: Final = 0.5

# A database that is started again is away for seconds.
_WHEN_AWAY: Final = (0.5, 1.0, 2.0, 4.0, 8.0)

# The delay after "too many requests" without a Retry-After.
_UNSAID: Final = 1.0

_RUNS_REMEMBERED: Final = 1_000


class NoTurnError(NotSentError):
    """The rate that all workers share had no turn for this request."""

    backoff = Backoff.NEVER


class Worker:
    """
    Sends batches of runs that are in a ledger; `OctopushSession.worker` makes it.

    One per process, shared by its tasks. It never waits for more work: `send_batch` and
    `send_next` send the available batches, and return.
    """

    def __init__(
        self,
        call: Caller,
        clock: Clock,
        ledger: FleetLedger,
        *,
        rate: float | None,
        burst: int,
        account: str,
        owner: str | None,
    ) -> None:
        limiter = None
        if rate is not None:
            pace = rate / (1 + _LATE)
            gcra_parameters(pace, burst)
            limiter = _Turns(ledger, clock, account, pace, burst)
        self._call = call
        self._clock = clock
        self._wall = MonotonicWallClock(clock)
        self._ledger = ledger
        self._owner = owner or f"{socket.gethostname()}:{os.getpid()}"
        self._retry = RetryPolicy(attempts=12, timeout=_DEADLINE)
        self._background = BulkPriority(
            budget=RetryBudget(self._retry.budget), rate_limiter=limiter
        )
        self._watches: dict[str, _Watch] = {}

    def __repr__(self) -> str:
        return f"<Worker {self._owner!r}>"

    async def send_batch(
        self, run_name: str, name: str, *, include_unknown: bool = False
    ) -> Sequence[BatchResult]:
        """
        Send one batch, unless it is done, claimed, or its run is paused.

        The batch is sent once, even if many workers call this many times.

        Args:
            run_name: Name of the run.
            name: Name of the batch, such as ``7`` or ``7.1``.
            include_unknown: Repeat a batch that had no response once more, under its
                id.

        Returns:
            Its outcome, or the outcomes of its parts if it was split; empty if there
            was nothing to do. The ledger records whether it paused the run.

        Raises:
            InvalidFieldError: ``name`` is not the name of a batch.
            LedgerError: The ledger is away, or damaged. A request without a recorded
                outcome is repeated under the same id, once the lease has run out.
        """

        async def claim() -> Sequence[Claim]:
            found = await self._ledger.claim(
                run_name, name, owner=self._owner, include_unknown=include_unknown
            )
            return () if found is None else (found,)

        return await self._send(run_name, claim)

    async def send_next(
        self, run_name: str, *, include_unknown: bool = False
    ) -> Sequence[BatchResult]:
        """
        Send the next unclaimed batch of a run; see `send_batch`.

        Returns:
            None if there is nothing to do now.
        """

        async def claim() -> Sequence[Claim]:
            return await self._ledger.claim_next(
                run_name, owner=self._owner, include_unknown=include_unknown
            )

        return await self._send(run_name, claim)

    async def _send(
        self, run_name: str, claim: Callable[[], Awaitable[Sequence[Claim]]]
    ) -> Sequence[BatchResult]:
        results: list[BatchResult] = []
        for claimed in await patiently(self._clock, claim, _WHEN_AWAY):
            watch = self._watch_of(run_name)
            delivery = Delivery(
                call=self._call,
                wall=self._wall,
                ledger=_PatientLedger(claimed.ledger, self._clock),
                run_name=run_name,
                retry=self._retry,
                background=self._background,
                max_batch_size=watch.max_batch_size,
            )
            try:
                async with aclosing(delivery.send(claimed.job)) as events:
                    async for event in events:
                        watch.look_at(event)
                        if isinstance(event, BatchDone):
                            results.append(event.result)
                        if watch.why is not None:
                            break
            except LeaseLostError:
                # The worker that has it now repeats it under the same id.
                logger.warning(
                    "another worker took over batch %s of run %r",
                    claimed.record.name,
                    run_name,
                )
            watch.max_batch_size = delivery.max_batch_size
            await self._heed(run_name, watch)
        return results

    async def _heed(self, run_name: str, watch: "_Watch") -> None:
        """Pause all workers if there is a reason."""
        why, watch.why = watch.why, None
        if why is None:
            return

        async def pause() -> bool:
            return await self._ledger.pause(run_name, why)

        if await patiently(self._clock, pause, _WHEN_AWAY):
            logger.warning("run %r is paused for all workers: %s", run_name, why)

    def _watch_of(self, run_name: str) -> "_Watch":
        watch = self._watches.pop(run_name, None)
        if watch is None:
            watch = _Watch(
                policy=PausePolicy(
                    BulkOptions(), self._clock, shares_text=True, is_durable=True
                )
            )
        # The last one is the latest; who was not met for long is forgotten.
        self._watches[run_name] = watch
        if len(self._watches) > _RUNS_REMEMBERED:
            del self._watches[next(iter(self._watches))]
        return watch


@define(kw_only=True)
class _Watch:
    """
    State of a run as one worker has seen it.

    Attributes:
        why: Reason to pause the run, until it is recorded.
        max_batch_size: Recipients that the gateway accepts in one request, if it
            refused more.
    """

    policy: PausePolicy
    why: Pause | None = None
    max_batch_size: int | None = None

    def look_at(self, event: DeliveryEvent) -> None:
        """Check the result of a delivery for a reason to pause."""
        # A missing grant in this process is no statement about the gateway.
        if isinstance(event, BatchDone) and isinstance(event.result.error, NoTurnError):
            return
        self.why = self.why or self.policy.look_at(event)


@frozen
class _Turns:
    """A rate that all workers share, kept in their ledger."""

    _ledger: FleetLedger
    _clock: Clock
    _name: str
    _rate: float
    _burst: int

    async def acquire(self) -> None:
        """Wait for a place in the rate that all workers share."""
        until = self._clock.monotonic() + _TURN_AT_MOST
        holds = False
        while not holds:
            patience = max(until - self._clock.monotonic(), 0.0)
            wait = await self._reserve(patience)
            await self._clock.sleep(min(wait, patience))
            if wait > patience:
                raise NoTurnError(
                    f"the rate limit allows no request for another "
                    f"{wait - patience:,.0f} seconds"
                )
            # A request that does not wait was reserved with the ledger's latest
            # knowledge.
            holds = not wait or await self._still_holds()

    async def _reserve(self, at_most: float) -> float:
        async def reserve() -> float:
            return await self._ledger.reserve(
                self._name, rate=self._rate, burst=self._burst, at_most=at_most
            )

        try:
            return await patiently(self._clock, reserve, _WHEN_AWAY)
        except LedgerError as error:
            raise NoTurnError(
                "the ledger is unreachable, and with it the shared rate"
            ) from error

    async def _still_holds(self) -> bool:
        """
        Whether a turn that was waited for is still one.

        The gateway may have throttled another worker since it was reserved. Then it is
        left unused, and another one is reserved. The new turns start one after the
        other once the rate is open. So each span of time gets at most as many starts as
        it had.
        """
        asked = self._clock.monotonic()
        try:
            closed = await self._ledger.closed_for(self._name)
        except LedgerError:
            # All whose turn came meanwhile would start at once when it is back.
            return False
        if closed > _SHARP or self._clock.monotonic() - asked > _TOO_SLOW:
            return False
        await self._clock.sleep(closed)
        return True

    async def back_off(self, retry_after: float | None) -> None:
        """Note that the gateway has throttled, for all workers."""
        wait = _UNSAID if retry_after is None else retry_after
        try:
            await self._ledger.throttle(self._name, wait)
        except LedgerError:
            # The refusal of this attempt counts, and is kept.
            logger.warning(
                "the ledger is unreachable; other workers are not informed of a 429"
            )


@frozen
class _PatientLedger(DeliveryLedger):
    """
    Retries a write once that a restarting ledger could not accept.

    Without it, known outcomes would be requested from the gateway again.
    """

    _ledger: ClaimLedger
    _clock: Clock = field(repr=False)

    @property
    def is_durable(self) -> bool:
        """Whether recorded outcomes survive a crash."""
        return self._ledger.is_durable

    async def begin(self, run_name: str, batch: BatchRecord) -> None:
        """Write down that a batch is about to be sent."""
        await self._patiently(lambda: self._ledger.begin(run_name, batch))

    async def conclude(self, run_name: str, batch: BatchRecord) -> None:
        """Record the outcome of a batch."""
        await self._patiently(lambda: self._ledger.conclude(run_name, batch))

    async def split(
        self, run_name: str, parent: BatchRecord, parts: Sequence[BatchRecord]
    ) -> None:
        """Write down the parts that a batch is split into."""
        await self._patiently(lambda: self._ledger.split(run_name, parent, parts))

    async def _patiently(self, write: Callable[[], Awaitable[None]]) -> None:
        await patiently(self._clock, write, _WHEN_AWAY)
