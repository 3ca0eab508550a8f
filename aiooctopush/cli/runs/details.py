"""A run as recorded in its ledger, for people."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final

from attrs import define, field, frozen

from ...bulk.report import BulkReport, count_run
from ...errors import InvalidFieldError, shown
from ...ledgers.batch import unpack_numbers
from ...ledgers.protocols import Ledger
from ...ledgers.records import (
    UNRESOLVED,
    BatchRecord,
    BatchState,
    LedgerError,
    RunRecord,
)
from ...phone import mask
from ..terminal.result import Result, item
from ..terminal.values import printable
from ..wording import WHAT_TO_DO, error_in_words


LISTED_AT_MOST: Final = 200
"""Batches of a kind that are listed; all of them are counted."""

_KEYS_SHOWN: Final = 10
_OF_EACH_REQUEST: Final = "of each request"
_NUMBERS_SHOWN: Final = 3

# A run writes at least after each request. Without a lock, one that waits longer than
# this for the gateway looks like one that was killed.
_ALIVE_FOR: Final = timedelta(minutes=2)

# Another process may have written between the run and its batches; a retry fits.
_LOOKS: Final = 5


class RunState(StrEnum):
    """State of a run, according to its ledger."""

    RUNNING = "running"
    """A process holds the lock of its ledger."""

    MAYBE_RUNNING = "maybe_running"
    """It wrote to a ledger without such a lock within two minutes."""

    PAUSED = "paused"
    """It stopped for a reason, and can be resumed."""

    DONE = "done"
    """Nothing is left to do."""

    UNFINISHED = "unfinished"
    """It was interrupted or killed, or has unknown outcomes; it can be resumed."""


@frozen(kw_only=True)
class Entry(Result):
    """
    One batch of a list.

    Attributes:
        name: In the run, such as ``7`` or ``7.1``.
        state: Its state.
        count: How many recipients it has.
        request_id: Its latest id.
        first_tried_at: The gateway has it from this instant on, if at all.
        concluded_at: Up to this instant; None if a crash cut it off.
        reason: Why it ended, for people; None if it was completed.
        numbers: Whom it goes to, the first few masked; none if they were purged.
    """

    name: str = item()
    state: BatchState = item()
    count: int = item(key="recipients")
    request_id: str = item()
    first_tried_at: datetime | None = item()
    concluded_at: datetime | None = item()
    reason: str | None = item()
    numbers: tuple[str, ...] = item()

    @classmethod
    def of(cls, batch: BatchRecord) -> "Entry":
        """For a batch as the ledger has it."""
        return cls.from_fields(
            batch,
            reason=reason_of(batch),
            numbers=tuple(
                mask(one)
                for one in islice(unpack_numbers(batch.numbers), _NUMBERS_SHOWN)
            ),
        )


def reason_of(batch: BatchRecord) -> str | None:
    """Explain why a batch ended, for people; None if it was completed."""
    if batch.error is None:
        return None
    code = f" (code {batch.code})" * (batch.code is not None)
    return error_in_words(f"{batch.error}{code}")


@define(kw_only=True)
class RunDetails:
    """
    A run as its ledger records it.

    Attributes:
        run: Settings and progress.
        report: Outcomes of all starts together.
        is_held: Whether a process holds the lock of the ledger; None if the ledger has
            no lock that can be asked.
        ended_at: Time of the latest outcome; None before the first.
        over_time: Recipients by state (accepted, refused or unknown) and by the second
            since 1970 of their outcome.
        priced: Recipients for whom the gateway reported how many SMS it bills.
        refused: The first batches that were refused.
        unresolved: By state, the first batches that may have been sent, or were not by
            this run.
        batches: How many batches are in which state.
        deliveries: Numbers by their latest delivery status, as the gateway spells it.
    """

    run: RunRecord
    report: BulkReport
    is_held: bool | None = None
    ended_at: datetime | None = None
    over_time: dict[BatchState, Counter[int]] = field(
        factory=lambda: defaultdict(Counter)
    )
    priced: int = 0
    refused: list[Entry] = field(factory=list)
    unresolved: dict[BatchState, list[Entry]] = field(
        factory=lambda: {state: [] for state in WHAT_TO_DO if state in UNRESOLVED}
    )
    batches: Counter[BatchState] = field(factory=Counter)
    deliveries: Mapping[str, int] = field(factory=dict)

    @property
    def has_whole_requests(self) -> bool:
        """Whether each request has a text of its own, and items are no recipients."""
        return self.run.settings.get("text") == _OF_EACH_REQUEST

    def look(self, batch: BatchRecord) -> None:
        """Take note of a batch."""
        self.batches[batch.state] += 1
        if batch.sms_needed:
            self.priced += batch.count
        listed = self.unresolved.get(batch.state)
        if batch.state is BatchState.REFUSED:
            listed = self.refused
        if listed is not None and len(listed) < LISTED_AT_MOST:
            listed.append(Entry.of(batch))
        if batch.concluded_at is None or batch.state is BatchState.SPLIT:
            return
        if self.ended_at is None or batch.concluded_at > self.ended_at:
            self.ended_at = batch.concluded_at
        shown_as = _SHOWN_AS.get(batch.state)
        if shown_as is not None:
            second = int(batch.concluded_at.timestamp())
            self.over_time[shown_as][second] += batch.count

    def state(self, now: datetime) -> RunState:
        """Return the state of the run at a time."""
        if self.run.paused is not None:
            return RunState.PAUSED
        if not self.report.resumable:
            return RunState.DONE
        latest = max(self.run.latest, self.ended_at or self.run.latest)
        if self.is_held is None and now - latest < _ALIVE_FOR:
            return RunState.MAYBE_RUNNING
        return RunState.RUNNING if self.is_held else RunState.UNFINISHED


# In the colors of a chart; batches in transit or not sent have no outcome.
_SHOWN_AS: Final = {
    BatchState.ACCEPTED: BatchState.ACCEPTED,
    BatchState.PRESUMED: BatchState.ACCEPTED,
    BatchState.ALREADY_SENT: BatchState.ACCEPTED,
    BatchState.REFUSED: BatchState.REFUSED,
    BatchState.UNKNOWN: BatchState.UNKNOWN,
    BatchState.SKIPPED: BatchState.UNKNOWN,
}


async def find_run(ledger: Ledger, place: object, name: str | None) -> RunRecord:
    """
    The run of that name, or the only one.

    Raises:
        InvalidFieldError: No run matches, or there are several and the name is missing.
    """
    runs = await ledger.runs()
    if name is None and len(runs) == 1:
        return runs[0]
    for run in runs:
        if run.name == name:
            return run
    keys = ", ".join(printable(one.name) for one in runs[:_KEYS_SHOWN])
    more = f" and {len(runs) - _KEYS_SHOWN:,} more" * (len(runs) > _KEYS_SHOWN)
    held = f"{place} holds {keys}{more}" if runs else f"{place} holds no run"
    if name is None and runs:
        raise InvalidFieldError("name", f"must name the run; {held}")
    raise InvalidFieldError("name", f"names no run: {held}", shown=name and shown(name))


async def details_of(
    ledger: Ledger, name: str, *, is_held: bool | None = None
) -> RunDetails:
    """
    Read everything that a ledger records of a run.

    Args:
        ledger: Read only.
        name: Name of the run.
        is_held: Whether a process holds the lock of the ledger; None if unknown.

    Raises:
        LedgerError: It cannot be read, or does not add up.
    """
    for _ in range(_LOOKS):
        details = await _look_through(ledger, name)
        details.is_held = is_held
        try:
            details.report.check()
        except RuntimeError:
            continue
        return details
    raise LedgerError(
        f"run {shown(name)} does not add up: it changes while it is read, or the "
        "ledger is damaged. Try again"
    )


async def _look_through(ledger: Ledger, name: str) -> RunDetails:
    run = next(one for one in await ledger.runs() if one.name == name)
    details = RunDetails(run=run, report=BulkReport(name=name))
    details.deliveries = await ledger.deliveries(name)
    details.report = await count_run(ledger, run, details.look)
    return details
