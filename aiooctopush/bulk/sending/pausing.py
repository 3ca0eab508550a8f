"""When a run pauses, and how long it waits before it resumes."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Final

from attrs import define, field

from ..._clock import Clock
from ...errors import (
    AuthenticationError,
    InsufficientCreditError,
    OctopushError,
    TransportSecurityError,
)
from ...ledgers.batch import Content
from ...ledgers.records import BatchRecord, BatchState, Pause
from ..options import OnAlreadySent
from ..run_options import BulkOptions
from .delivery import BatchDone, BatchResult, BatchSplit, DeliveryEvent
from .departure import is_too_late
from .splitting import speaks_of_recipients


# After this many batches in a row without a response, continuing only adds unknown
# outcomes.
_OUTAGE_AFTER: Final = 20

# The same code this often in a row, with nothing accepted in between: with one text for
# all, the next batch would be refused as well.
_REFUSED_ALIKE: Final = 3

# Two to the ninth is 512: one bad number is alone after ten refusals of its batch, if
# what is accepted of it always comes last. Four times that is no bad number.
_REFUSED_IN_A_ROW: Final = 40
# From then on batches take turns, each to its first accepted part: were all of them
# halved at once, many good parts would wait behind as many refusals.
_SEARCHES_AFTER: Final = 10
# Before that many are decided, a share says little.
_DECIDED_AT_LEAST: Final = 200

_OF_THE_ACCOUNT: Final = (AuthenticationError, InsufficientCreditError)

_PAUSES: Final = (
    (AuthenticationError, Pause.CREDENTIALS),
    (InsufficientCreditError, Pause.CREDIT),
    (TransportSecurityError, Pause.SECURITY),
)


@define
class SplitWatch:
    """
    Distinguishes bad numbers from a cause that splitting cannot find, by recipients.

    Attributes:
        max_refused: Share of the decided recipients who may be refused one by one.
        refused_in_a_row: Requests that were refused since one was accepted.
    """

    max_refused: float
    refused_in_a_row: int = 0
    _decided: int = 0
    _refused: int = 0

    def accepted(self, people: int) -> None:
        """Record that a request for this many recipients was accepted."""
        self.refused_in_a_row = 0
        self._decided += people

    def split(self) -> None:
        """Note that a request was refused, and is going to be cut."""
        self.refused_in_a_row += 1

    def single_refused(self, people: int, *, by_name: bool = False) -> None:
        """
        Record final refusals of recipients that a split isolated.

        Args:
            people: Number of recipients.
            by_name: Whether another request's refusal named them, so that they needed
                none of their own.
        """
        self.refused_in_a_row += not by_name
        self._decided += people
        self._refused += people

    @property
    def searches(self) -> bool:
        """Whether so much is refused that one batch alone should find a good part."""
        return self.refused_in_a_row >= _SEARCHES_AFTER

    @property
    def is_systemic(self) -> bool:
        """Whether splitting on would only cost requests."""
        return self.refused_in_a_row >= _REFUSED_IN_A_ROW or (
            self._decided >= _DECIDED_AT_LEAST
            and self._refused > self.max_refused * self._decided
        )


@define
class PausePolicy:
    """
    Checks each finished batch, and returns a reason to pause, if there is one.

    Attributes:
        unanswered_streak: Batches without a response since the last one with a
            response.
        latest_unanswered: The latest of them, and its content; set if there is any.
        ask_again_at: Monotonic seconds before which the gateway must not get a repeat.
    """

    _options: BulkOptions
    _clock: Clock
    _shares_text: bool
    _is_durable: bool
    unanswered_streak: int = 0
    ask_again_at: float = -math.inf
    _refused_alike: int = 0
    _refused_with: int | None = None
    _splits: SplitWatch = field(init=False)
    latest_unanswered: tuple[BatchRecord, Content] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._splits = SplitWatch(self._options.max_refused)

    @property
    def searches(self) -> bool:
        """Whether only one batch at a time should be sent, to find a good part."""
        return self._splits.searches

    def look_at(self, event: DeliveryEvent) -> Pause | None:
        """
        Check the result of a delivery, and return a reason to pause, if there is one.
        """
        if isinstance(event, BatchDone):
            return self._concluded(event)
        if isinstance(event, BatchSplit) and event.error is not None:
            self._splits.split()
            return self._systemic()
        return None

    def _systemic(self) -> Pause | None:
        return Pause.REFUSALS if self._splits.is_systemic else None

    def _concluded(self, event: BatchDone) -> Pause | None:
        batch, result = event.new, event.result
        if event.old is None:
            self._splits.single_refused(batch.count, by_name=True)
            return self._systemic()
        if batch.state in {BatchState.ACCEPTED, BatchState.PRESUMED}:
            self._splits.accepted(batch.count)
        why = self._outage(batch, event.content, result) or self._refusals(
            batch, result
        )
        if result.error is not None and is_too_late(result.error):
            # Where each has an instant of its own, the next one may be in time.
            why = Pause.OVERDUE if self._shares_text else None
        for kind, pause in _PAUSES:
            if isinstance(result.error, kind):
                why = pause
        if batch.state is BatchState.ALREADY_SENT and self._minds_already_sent:
            why = Pause.ALREADY_SENT
        if self._is_unpriced(batch):
            # Money is never guessed: a bound that cannot be watched is reached.
            why = Pause.MAX_COST
        return why

    @property
    def _minds_already_sent(self) -> bool:
        return self._is_durable and self._options.on_already_sent is OnAlreadySent.PAUSE

    def _is_unpriced(self, batch: BatchRecord) -> bool:
        accepted = batch.state is BatchState.ACCEPTED
        return accepted and batch.cost is None and self._options.max_cost is not None

    def _outage(
        self, batch: BatchRecord, content: Content, result: BatchResult
    ) -> Pause | None:
        unanswered = batch.state in {BatchState.UNKNOWN, BatchState.NOT_SENT}
        if not unanswered or _says_nothing_of_the_gateway(result.error):
            self.unanswered_streak = 0
            return None
        self.unanswered_streak += 1
        self.latest_unanswered = batch, content
        if result.error is not None and result.error.retry_after is not None:
            ready_at = self._clock.monotonic() + result.error.retry_after
            self.ask_again_at = max(self.ask_again_at, ready_at)
        return Pause.OUTAGE if self.unanswered_streak >= _OUTAGE_AFTER else None

    def _refusals(self, batch: BatchRecord, result: BatchResult) -> Pause | None:
        if batch.state is not BatchState.REFUSED or result.error is None:
            self._refused_alike = 0
            return None
        if batch.part or speaks_of_recipients(result.error):
            self._splits.single_refused(batch.count)
            return self._systemic()
        # Where each has a text of its own, the next one may be fine.
        if not self._shares_text:
            return None
        if batch.code != self._refused_with:
            self._refused_alike, self._refused_with = 0, batch.code
        self._refused_alike += 1
        return Pause.REFUSALS if self._refused_alike >= _REFUSED_ALIKE else None


def _says_nothing_of_the_gateway(error: OctopushError | None) -> bool:
    return isinstance(error, _OF_THE_ACCOUNT) or (
        error is not None and is_too_late(error)
    )


Probe = Callable[[], Awaitable[bool]]
"""Repeats one batch that had no response; returns whether there was one now."""

_BALANCE_EVERY: Final = 60.0

# A recovering gateway must not receive all requests at once.
_FIRST_PROBE: Final = 30.0
_LAST_PROBE: Final = 300.0


def probe_delays() -> Iterator[float]:
    """Seconds before each probe of a gateway that was away: longer and longer."""
    delay = _FIRST_PROBE
    while True:
        yield delay
        delay = min(2 * delay, _LAST_PROBE)


class Waiting:
    """
    Waits until a run can resume, as long as its options allow.

    Args:
        clock: Time.
        options: How long to wait.
        balance: Returns the balance of the account, in euros.
    """

    def __init__(
        self,
        clock: Clock,
        options: BulkOptions,
        balance: Callable[[], Awaitable[Decimal]],
    ) -> None:
        self._clock = clock
        self._options = options
        self._balance = balance
        self._too_little = Decimal(0)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Wait no longer, neither now nor later."""
        self._stopped.set()

    async def rest(self, seconds: float) -> bool:
        """Wait this long; returns False if the run was stopped."""
        waiting = asyncio.ensure_future(self._clock.sleep(seconds))
        stopping = asyncio.ensure_future(self._stopped.wait())
        both = (waiting, stopping)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        return not self._stopped.is_set()

    async def for_credit(self, needed: Decimal) -> bool:
        """
        Ask for the balance once a minute until it is enough, or time is up.

        Args:
            needed: Maximum cost of the next batch, in euros, as far as known.
        """
        until = self._clock.monotonic() + self._options.wait_for_credit
        while (left := until - self._clock.monotonic()) > 0:
            if not await self.rest(min(_BALANCE_EVERY, left)):
                return False
            try:
                balance = await self._balance()
            except OctopushError:
                continue
            # What turned out to be too little before is so again.
            if balance >= needed and balance > self._too_little:
                self._too_little = balance
                return True
        return False

    async def for_gateway(self, probe: Probe) -> bool:
        """Repeat one batch now and then until it gets a response, or time is up."""
        until = self._clock.monotonic() + self._options.wait_for_gateway
        delays = probe_delays()
        while (left := until - self._clock.monotonic()) > 0:
            if not await self.rest(min(next(delays), left)):
                return False
            if await probe():
                return True
        return False
