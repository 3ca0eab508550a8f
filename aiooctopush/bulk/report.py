"""What became of a run, in numbers that add up."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from attrs import Factory, define, field

from ..ledgers.records import (
    MAY_COST,
    BatchRecord,
    BatchState,
    Pause,
    Rejection,
    RunRecord,
)


LISTED_AT_MOST: Final = 100
"""Rejections that a report lists itself; the ledger lists all."""

_COUNTED: Final = tuple(state for state in BatchState if state is not BatchState.SPLIT)


@define(kw_only=True)
class BulkReport:
    """
    What became of a run so far, all its starts together. Counts are recipients unless
    they say otherwise.

    Attributes:
        name: Names the run.
        items: Of the source that were dealt with; each is a recipient that was
            planned, a duplicate, or rejected. A request with a text of its own is one.
        planned: Recipients in batches.
        duplicates: Recipients left out because they were met before.
        rejected: Items that are no recipients.
        rejections: The first of these, at most 100; the ledger lists all.
        batches: Requests that are done.
        by_state: Recipients by what became of their batch.
        sms_needed: Messages that the gateway bills, as far as it said.
        cost: Euros, as far as the gateway said.
        unpriced: Recipients that were accepted, or may have been, at a price that the
            gateway did not say: those of ``presumed`` batches, for one.
        residual_credit: Euros left after the latest answer that said so.
        attempts: Tries of all requests that are done.
        faults: How often which trouble was met in them, such as ``ServerError 503``.
        seconds: How long the present start has taken.
        paused: Why it stopped before the end of the source; None if it did not.
        exhausted: Whether the source was read to its end.
        problems: Recipients by the error that their batch ended with.
    """

    name: str
    items: int = 0
    planned: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejections: list[Rejection] = Factory(list)
    batches: int = 0
    by_state: dict[BatchState, int] = Factory(lambda: dict.fromkeys(_COUNTED, 0))
    sms_needed: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    residual_credit: Decimal | None = None
    attempts: int = 0
    faults: Counter[str] = field(factory=Counter)
    seconds: float = 0.0
    paused: Pause | None = None
    exhausted: bool = False
    problems: Counter[str] = field(factory=Counter)
    _whole_requests: bool = field(default=False, alias="whole_requests")

    @property
    def accepted(self) -> int:
        """Recipients whose batch the gateway accepted."""
        return self.by_state[BatchState.ACCEPTED]

    @property
    def presumed(self) -> int:
        """Recipients whose batch was most likely accepted, by an unanswered try."""
        return self.by_state[BatchState.PRESUMED]

    @property
    def refused(self) -> int:
        """Recipients whose batch the gateway refused."""
        return self.by_state[BatchState.REFUSED]

    @property
    def not_sent(self) -> int:
        """Recipients whose batch was not sent; it is when the run goes on."""
        return self.by_state[BatchState.NOT_SENT]

    @property
    def unknown(self) -> int:
        """Recipients whose batch may have been sent."""
        return self.by_state[BatchState.UNKNOWN]

    @property
    def already_sent(self) -> int:
        """Recipients whose batch somebody else had sent under this name."""
        return self.by_state[BatchState.ALREADY_SENT]

    @property
    def skipped(self) -> int:
        """Recipients whose batch was left in doubt by decision."""
        return self.by_state[BatchState.SKIPPED]

    @property
    def in_flight(self) -> int:
        """Recipients whose batch is on its way."""
        return self.by_state[BatchState.SENDING]

    @property
    def done(self) -> int:
        """Recipients who were sent to or refused, doubt included; nobody who waits."""
        return self.planned - self.in_flight - self.not_sent

    @property
    def is_complete(self) -> bool:
        """Whether all recipients of the source were accepted, now or earlier."""
        fine = self.accepted + self.presumed + self.already_sent
        return self.exhausted and self.paused is None and fine == self.planned

    @property
    def resumable(self) -> bool:
        """Whether starting the run again may send more."""
        return bool(
            self.paused
            or not self.exhausted
            or self.not_sent
            or self.unknown
            or self.in_flight
        )

    def take(self, run: RunRecord) -> None:
        """Take over how far the source was read."""
        self.items = run.cursor
        self.planned = run.planned
        self.duplicates = run.duplicates
        self.rejected = run.rejected
        self.exhausted = run.exhausted
        if run.residual_credit is not None:
            self.residual_credit = run.residual_credit

    def reject(self, rejections: tuple[Rejection, ...]) -> None:
        """List what was rejected, as long as there is room."""
        room = LISTED_AT_MOST - len(self.rejections)
        self.rejections += rejections[: max(0, room)]

    def count(self, batch: BatchRecord, *, sign: int = 1) -> None:
        """
        Count a batch as it stands.

        Args:
            batch: In any state.
            sign: -1 to take back what was counted before it changed.
        """
        state = batch.state
        if state is BatchState.SPLIT:
            self._count_tries(batch, sign)
            return
        self.by_state[state] += sign * batch.count
        if state is BatchState.SENDING or (
            state is BatchState.NOT_SENT and not batch.attempts
        ):
            return
        self._count_tries(batch, sign)
        self.sms_needed += sign * (batch.sms_needed or 0)
        self.cost += sign * (batch.cost or 0)
        if batch.cost is None and state in MAY_COST:
            self.unpriced += sign * batch.count
        if batch.error is not None:
            name = batch.error + f" (code {batch.code})" * (batch.code is not None)
            self.problems[name] += sign * batch.count
            self.problems += Counter()  # drops what is zero

    def _count_tries(self, batch: BatchRecord, sign: int) -> None:
        # A part that was refused by name was never asked about.
        self.batches += sign * bool(batch.attempts)
        self.attempts += sign * batch.attempts
        if batch.faults:
            for name, times in batch.faults.items():
                self.faults[name] += sign * times
            self.faults += Counter()  # drops what is zero

    def check(self) -> None:
        """
        Make sure that nobody is counted twice or lost.

        Raises:
            RuntimeError: The numbers do not add up, which is a defect of ours.
        """
        total = sum(self.by_state.values())
        if total != self.planned:
            raise RuntimeError(
                f"the report does not add up: {self.planned} planned, {total} counted"
            )
        planned = self.items - self.duplicates - self.rejected
        if planned != self.planned and not self._whole_requests:
            raise RuntimeError(
                f"the report does not add up: {self.items} items less "
                f"{self.duplicates} duplicates and {self.rejected} rejected are not "
                f"the {self.planned} planned"
            )

    def as_dict(self) -> Mapping[str, object]:
        """The report as plain values, for JSON: money as text."""
        return {
            "name": self.name,
            "items": self.items,
            "planned": self.planned,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "batches": self.batches,
            **{str(state): count for state, count in self.by_state.items()},
            "sms_needed": self.sms_needed,
            "cost": str(self.cost),
            "unpriced": self.unpriced,
            "residual_credit": None
            if self.residual_credit is None
            else str(self.residual_credit),
            "attempts": self.attempts,
            "faults": dict(self.faults),
            "seconds": round(self.seconds, 3),
            "paused": None if self.paused is None else str(self.paused),
            "exhausted": self.exhausted,
            "complete": self.is_complete,
            "resumable": self.resumable,
            "problems": dict(self.problems),
        }
