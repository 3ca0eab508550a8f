"""A run as its ledger has it, gathered for people to read."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from attrs import define, field, frozen

from ...bulk.report import LISTED_AT_MOST as REJECTIONS_AT_MOST
from ...bulk.report import BulkReport
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
from ..wording import WHAT_TO_DO, error_in_words, plain


LISTED_AT_MOST: Final = 200
"""Batches of a kind that are listed; all of them are counted."""

_KEYS_SHOWN: Final = 10
_OF_EACH_REQUEST: Final = "of each request"
_NUMBERS_SHOWN: Final = 3

# A run writes at least whenever a request ends; one that waits longer than this for
# the gateway is hard to tell from one that was killed.
_ALIVE_FOR: Final = timedelta(minutes=2)

# Between the run and its batches somebody may have written; soon it fits.
_LOOKS: Final = 5


class RunState(StrEnum):
    """Where a run stands, as far as its ledger tells."""

    RUNNING = "running?"
    """It wrote something just now, and most likely goes on."""

    PAUSED = "paused"
    """It stopped for a reason, and can go on."""

    DONE = "done"
    """Nothing is left to do."""

    UNFINISHED = "unfinished"
    """It was interrupted or killed, or left something in doubt; it can go on."""


@frozen(kw_only=True)
class Entry:
    """
    One batch of a list.

    Attributes:
        name: In the run, such as ``7`` or ``7.1``.
        state: Where it stands.
        count: How many recipients it has.
        request_id: Its latest id.
        first_tried_at: The gateway has it from this instant on, if at all.
        concluded_at: Up to this instant; None if a crash cut it off.
        reason: What it ended with, for people; None if nothing was wrong.
        numbers: Whom it goes to, the first few masked; none if they were purged.
    """

    name: str
    state: BatchState
    count: int
    request_id: str
    first_tried_at: datetime | None
    concluded_at: datetime | None
    reason: str | None
    numbers: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values; instants as text."""
        first, last = self.first_tried_at, self.concluded_at
        return {
            "name": self.name,
            "state": str(self.state),
            "recipients": self.count,
            "request_id": self.request_id,
            "first_tried_at": None if first is None else first.isoformat(),
            "concluded_at": None if last is None else last.isoformat(),
            "reason": self.reason,
            "numbers": list(self.numbers),
        }

    @classmethod
    def of(cls, batch: BatchRecord) -> "Entry":
        """For a batch as the ledger has it."""
        code = f" (code {batch.code})" * (batch.code is not None)
        return cls(
            name=batch.name,
            state=batch.state,
            count=batch.count,
            request_id=batch.request_id,
            first_tried_at=batch.first_tried_at,
            concluded_at=batch.concluded_at,
            reason=None if batch.error is None else error_in_words(batch.error + code),
            numbers=tuple(
                mask(one)
                for one in islice(unpack_numbers(batch.numbers), _NUMBERS_SHOWN)
            ),
        )


@define(kw_only=True)
class Account:
    """
    A run as its ledger has it.

    Attributes:
        run: How far it is.
        report: What became of whom.
        ended_at: When the latest outcome became known; None if none is.
        reached: By second since 1970, recipients that were accepted then, or presumed.
        missed: The same of those that were refused, or left in doubt.
        refused: The first batches that were refused.
        unresolved: By state, the first batches that may have been sent, or were not by
            this run.
        batches: How many batches stand in which state.
        deliveries: By the gateway's word, how many numbers stand at it.
    """

    run: RunRecord
    report: BulkReport
    ended_at: datetime | None = None
    reached: Counter[int] = field(factory=Counter)
    missed: Counter[int] = field(factory=Counter)
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
        self.report.count(batch)
        self.batches[batch.state] += 1
        listed = self.unresolved.get(batch.state)
        if batch.state is BatchState.REFUSED:
            listed = self.refused
        if listed is not None and len(listed) < LISTED_AT_MOST:
            listed.append(Entry.of(batch))
        if batch.concluded_at is None or batch.state is BatchState.SPLIT:
            return
        if self.ended_at is None or batch.concluded_at > self.ended_at:
            self.ended_at = batch.concluded_at
        if batch.state in _REACHED:
            self.reached[int(batch.concluded_at.timestamp())] += batch.count
        elif batch.state is not BatchState.NOT_SENT:
            self.missed[int(batch.concluded_at.timestamp())] += batch.count

    def state(self, now: datetime) -> RunState:
        """Where the run stands at an instant."""
        if self.run.paused is not None:
            return RunState.PAUSED
        if not self.report.resumable:
            return RunState.DONE
        latest = max(self.run.latest, self.ended_at or self.run.latest)
        return RunState.RUNNING if now - latest < _ALIVE_FOR else RunState.UNFINISHED


_REACHED: Final = (BatchState.ACCEPTED, BatchState.PRESUMED, BatchState.ALREADY_SENT)


async def find_run(ledger: Ledger, place: object, key: str | None) -> RunRecord:
    """
    The run of that name, or the only one.

    Raises:
        InvalidFieldError: There is none, or there are several and no name was given.
    """
    runs = await ledger.runs()
    if key is None and len(runs) == 1:
        return runs[0]
    for run in runs:
        if run.name == key:
            return run
    keys = ", ".join(plain(one.name) for one in runs[:_KEYS_SHOWN])
    more = f" and {len(runs) - _KEYS_SHOWN:,} more" * (len(runs) > _KEYS_SHOWN)
    held = f"{place} holds {keys}{more}" if runs else f"{place} holds no run"
    if key is None and runs:
        raise InvalidFieldError("key", f"must say which run is meant: {held}")
    raise InvalidFieldError("key", f"names no run: {held}", shown=key and shown(key))


async def account_of(ledger: Ledger, key: str) -> Account:
    """
    Everything that a ledger says of a run.

    Raises:
        LedgerError: It cannot be read, or does not add up.
    """
    for _ in range(_LOOKS):
        account = await _look_through(ledger, key)
        try:
            account.report.check()
        except RuntimeError:
            continue
        return account
    raise LedgerError(
        f"run {shown(key)} does not add up: it changes while it is read, or the "
        "ledger is damaged; try again"
    )


async def _look_through(ledger: Ledger, key: str) -> Account:
    run = next(one for one in await ledger.runs() if one.name == key)
    whole_requests = run.settings.get("text") == _OF_EACH_REQUEST
    report = BulkReport(name=key, whole_requests=whole_requests)
    account = Account(run=run, report=report)
    report.take(run)
    account.deliveries = await ledger.deliveries(key)
    # As the latest start left it; a report itself speaks of the present one.
    report.paused = run.paused
    async for batch in ledger.batches(key):
        # What was planned after the run was read is not of this look.
        if batch.number <= run.batches:
            account.look(batch)
    async for rejection in ledger.rejections(key):
        report.reject((rejection,))
        if len(report.rejections) == REJECTIONS_AT_MOST:
            break
    return account
