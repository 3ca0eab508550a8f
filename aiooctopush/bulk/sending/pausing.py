"""When what becomes of batches says that a run should stand still."""

import math
from typing import Final

from attrs import define, field

from ..._clock import Clock
from ...errors import (
    AuthenticationError,
    InsufficientCreditError,
    TransportSecurityError,
)
from ...ledgers.batch import Content
from ...ledgers.records import BatchRecord, BatchState, Pause
from ..options import OnAlreadySent
from ..run_options import BulkOptions
from .delivery import BatchResult
from .splitting import SplitWatch


# Without an answer for that many batches in a row, going on only makes more doubt.
_OUTAGE_AFTER: Final = 20

# The same code that often in a row, and nothing accepted between: with one text for
# all, the next batch would fare no better.
_REFUSED_ALIKE: Final = 3

_OF_THE_ACCOUNT: Final = (AuthenticationError, InsufficientCreditError)

_PAUSES: Final = (
    (AuthenticationError, Pause.CREDENTIALS),
    (InsufficientCreditError, Pause.CREDIT),
    (TransportSecurityError, Pause.SECURITY),
)


@define
class PausePolicy:
    """
    Looks at each batch that is done, and says why to pause, if there is a reason.

    Attributes:
        unanswered_streak: Batches without an answer since the last one that had one.
        latest_unanswered: The latest of them, and what it said; there if there is any.
        ask_again_at: Monotonic seconds before which the gateway wants to hear nothing
            of what it did not answer.
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
        self._splits = SplitWatch(self._options.split_limit)

    def was_split(self, batch: BatchRecord) -> Pause | None:
        """A batch was refused because of some recipients, and is cut."""
        self._splits.split(batch)
        return Pause.REFUSALS if self._splits.is_systemic else None

    def concluded(
        self, batch: BatchRecord, content: Content, told: BatchResult
    ) -> Pause | None:
        """The outcome of a batch is known."""
        if batch.state in {BatchState.ACCEPTED, BatchState.PRESUMED}:
            self._splits.accepted(batch)
        why = self._outage(batch, content, told) or self._refusals(batch)
        for kind, pause in _PAUSES:
            if isinstance(told.error, kind):
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
        self, batch: BatchRecord, content: Content, told: BatchResult
    ) -> Pause | None:
        unanswered = batch.state in {BatchState.UNKNOWN, BatchState.NOT_SENT}
        if not unanswered or isinstance(told.error, _OF_THE_ACCOUNT):
            self.unanswered_streak = 0
            return None
        self.unanswered_streak += 1
        self.latest_unanswered = batch, content
        if told.error is not None and told.error.retry_after is not None:
            ready_at = self._clock.monotonic() + told.error.retry_after
            self.ask_again_at = max(self.ask_again_at, ready_at)
        return Pause.OUTAGE if self.unanswered_streak >= _OUTAGE_AFTER else None

    def _refusals(self, batch: BatchRecord) -> Pause | None:
        if batch.state is not BatchState.REFUSED:
            self._refused_alike = 0
            return None
        if batch.part:
            self._splits.single_refused(batch)
            return Pause.REFUSALS if self._splits.is_systemic else None
        # Where each has a text of its own, the next one may be fine.
        if not self._shares_text:
            return None
        if batch.code != self._refused_with:
            self._refused_alike, self._refused_with = 0, batch.code
        self._refused_alike += 1
        return Pause.REFUSALS if self._refused_alike >= _REFUSED_ALIKE else None
