"""Outcome of a run, in numbers that add up."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from attrs import Factory, define, field

from .. import ledgers as _ledgers
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

_OF_THIS_START: Final = (
    *("items", "new", "already", "duplicates"),
    *("excluded", "rejected"),
)
"""Counts of this start: the items that were read, and their parts."""

_ANSWERED: Final = (BatchState.ACCEPTED, BatchState.PRESUMED, BatchState.REFUSED)
_COUNTED: Final = tuple(state for state in BatchState if state is not BatchState.SPLIT)


@define(kw_only=True)
class BulkReport:
    """
    Outcome of a run so far: the source as read by this start, and the totals of all
    starts. Counts are recipients unless documented otherwise.

    For this start ``items`` is the sum of ``new``, ``already``, ``duplicates``,
    ``excluded`` and ``rejected``. For the run ``planned`` is the sum of ``by_state``.

    Attributes:
        name: Names the run.
        items: Items that this start has read of its source. A request with a
            text of its own is one item.
        new: Items of these that were planned.
        already: Items that an earlier start of the run had planned.
        duplicates: Items left out because they came twice.
        excluded: Items left out by ``exclude=``.
        rejected: Items that are no recipients.
        rejections: The first of these, at most 100; the ledger lists all.
        planned: Recipients in batches, of all starts.
        batches: Requests that are done.
        by_state: Recipients by the state of their batch.
        sms_needed: Messages that the gateway bills, as far as reported.
        cost: Euros, as far as reported.
        unpriced: Recipients that were accepted, or may have been, at a price that the
            gateway did not report, such as those of ``presumed`` batches.
        residual_credit: Euros left after the latest response that reported them.
        attempts: Tries of all requests that are done.
        faults: How often which trouble was met in them, such as ``ServerError 503``.
        seconds: Duration of the current start.
        paused: Why it stopped before the end of the source; None if it did not.
        exhausted: Whether the source was read to its end.
        problems: Recipients by the error that their batch ended with.
    """

    name: str
    items: int = 0
    new: int = 0
    already: int = 0
    duplicates: int = 0
    excluded: int = 0
    rejected: int = 0
    planned: int = 0
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
    _before: Counter[BatchState] = field(factory=Counter, init=False, repr=False)

    @property
    def accepted(self) -> int:
        """Recipients whose batch the gateway accepted."""
        return self.by_state[BatchState.ACCEPTED]

    @property
    def presumed(self) -> int:
        """
        Recipients whose batch was almost certainly accepted, by an attempt that timed
        out.
        """
        return self.by_state[BatchState.PRESUMED]

    @property
    def refused(self) -> int:
        """Recipients whose batch the gateway refused."""
        return self.by_state[BatchState.REFUSED]

    @property
    def not_sent(self) -> int:
        """Recipients whose batch was not sent; it is sent when the run is resumed."""
        return self.by_state[BatchState.NOT_SENT]

    @property
    def unknown(self) -> int:
        """Recipients whose batch may have been sent."""
        return self.by_state[BatchState.UNKNOWN]

    @property
    def already_sent(self) -> int:
        """Recipients whose batch another process had sent under this run name."""
        return self.by_state[BatchState.ALREADY_SENT]

    @property
    def skipped(self) -> int:
        """Recipients whose batch stays unresolved by decision."""
        return self.by_state[BatchState.SKIPPED]

    @property
    def in_flight(self) -> int:
        """Recipients whose batch is on its way."""
        return self.by_state[BatchState.SENDING]

    @property
    def done(self) -> int:
        """
        Recipients who were sent to or refused, including unknown outcomes; waiting ones
        excluded.
        """
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
        for name in (*_OF_THIS_START, "planned", "exhausted"):
            setattr(self, name, getattr(run, name))
        if run.residual_credit is not None:
            self.residual_credit = run.residual_credit

    def reject(self, rejections: Sequence[Rejection]) -> None:
        """Add a rejection to the list, up to its limit."""
        room = LISTED_AT_MOST - len(self.rejections)
        self.rejections += rejections[: max(0, room)]

    def count(self, batch: BatchRecord, *, sign: int = 1) -> None:
        """
        Count a batch in its current state.

        Args:
            batch: In any state.
            sign: -1 to subtract a batch before its state changes.
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

    def recount(self, old: BatchRecord, new: BatchRecord) -> None:
        """Count a batch in its current state instead of its earlier one."""
        self.count(old, sign=-1)
        self.count(new)

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
        Check that each recipient is counted exactly once.

        Raises:
            RuntimeError: The numbers do not add up, which is a bug in aiooctopush.
        """
        total = sum(self.by_state.values())
        if total != self.planned:
            raise RuntimeError(
                f"the report does not add up: {self.planned} planned, {total} counted"
            )
        dealt_with = sum(getattr(self, name) for name in _OF_THIS_START[1:])
        if dealt_with != self.items:
            raise RuntimeError(
                f"the report does not add up: {self.items} items, but outcomes for "
                f"{dealt_with}"
            )

    def mark_start(self) -> None:
        """Attribute all counts so far to earlier starts."""
        self._before = Counter(self.by_state)

    def as_dict(self) -> Mapping[str, object]:
        """
        Give the report as plain values, for JSON: money as text.

        ``now`` is the account of this start, all else that of the run.
        """
        return {
            "name": self.name,
            "now": {
                **{name: getattr(self, name) for name in _OF_THIS_START},
                **{
                    str(state): self.by_state[state] - self._before[state]
                    for state in _ANSWERED
                },
            },
            "planned": self.planned,
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


async def count_run(
    ledger: "_ledgers.Ledger", run: RunRecord, look: Callable[[BatchRecord], None]
) -> BulkReport:
    """
    Count a run as its ledger has it; whether that adds up is not looked at yet.

    Args:
        run: As it was read just before.
        look: Called with each of its batches.

    Raises:
        LedgerError: It cannot be read.
    """
    report = BulkReport(name=run.name)
    report.take(run)
    # As the latest start left it; a report itself describes the current start.
    report.paused = run.paused
    async for batch in ledger.batches(run.name):
        # Recipients planned after the run was read do not belong to this report.
        if batch.number <= run.batches:
            report.count(batch)
            look(batch)
    # Its end without a break is not reported by every Python.
    async for rejection in ledger.rejections(run.name):  # pragma: no branch
        report.reject((rejection,))
        if len(report.rejections) == LISTED_AT_MOST:
            break
    return report
