"""How a run goes on where it stood: settings, source, and what was left open."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, field, frozen

from ..._clock import Clock, MonotonicWallClock
from ...errors import (
    DuplicateRequestError,
    InvalidFieldError,
    OctopushError,
    Outcome,
)
from ...ids import SAFE_FOR
from ...ledgers.batch import (
    Job,
    digest_of,
    encode,
    recipients_in,
    renewed,
    unpack,
    unpack_numbers,
)
from ...ledgers.protocols import Ledger
from ...ledgers.records import BatchRecord, BatchState, LedgerError, RunRecord
from ..options import OnUnresolved
from ..sources.batching import BatchReader


# A clock that was set back by more than this hides how much time has passed, and with
# it how old an id is. The hour that SAFE_FOR keeps in hand covers what is less.
_SET_BACK: Final = timedelta(hours=1)


class SourceChangedError(OctopushError):
    """
    The source is not what it was when the run began.

    This start sent nothing; what was sent before stands in the ledger.
    """

    outcome: Outcome | None = None


def check_settings(before: RunRecord, now: RunRecord) -> None:
    """
    Refuse to go on with another message under the same name.

    Raises:
        InvalidFieldError: Names what differs.
    """
    names = before.settings.keys() | now.settings.keys()
    differ = sorted(
        name for name in names if before.settings.get(name) != now.settings.get(name)
    )
    if differ:
        raise InvalidFieldError(
            "name",
            f"names a run that began with another {', '.join(differ)}: take another "
            "name for another message",
            shown=repr(now.name)[:80],
        )


async def reread(
    ledger: Ledger, run: RunRecord, intake: BatchReader, settings: bytes
) -> AsyncGenerator[int, None]:
    """
    Read a source up to where the run stood, and make sure that it is the same.

    Yields:
        After each batch, how many items were read.

    Raises:
        SourceChangedError: Names the first batch that differs.
    """
    async for batch in ledger.batches(run.name):
        if batch.part:
            continue
        begins = intake.position
        # A source in memory never waits, and others want their turn.
        await asyncio.sleep(0)
        content = await intake.take(batch.count)
        where = f"batch {batch.number} (items {begins + 1:,} to {intake.position:,})"
        if content is None or len(recipients_in(content)) < batch.count:
            raise SourceChangedError(
                f"the source ends in batch {batch.number}, which the run has sent: go "
                "on with the source that it began with, or take another name"
            )
        if digest_of(settings, encode(content)) != batch.digest:
            raise SourceChangedError(
                f"{where} is not what it was when the run began: go on with the same "
                "source, or take another name"
            )
        yield intake.position


async def remember_numbers(ledger: Ledger, run: RunRecord, intake: BatchReader) -> None:
    """
    Go on behind the cursor without reading what comes before it.

    Raises:
        LedgerError: The ledger was purged, and cannot tell who was there.
    """
    async for batch in ledger.batches(run.name):
        if batch.part:
            continue
        numbers = unpack_numbers(batch.numbers)
        if not numbers:
            raise LedgerError(
                "the ledger was purged and does not know any more who was there: "
                "give the source as an iterable, which is read from its start"
            )
        intake.remember(numbers)
    intake.start_at(run)


def was_set_back(clock: Clock, latest: datetime) -> bool:
    """Whether a clock shows much less than an earlier start has seen on it."""
    return latest - clock.now() > _SET_BACK


@frozen
class ResumePlan:
    """
    What earlier starts left open, and what to do about it.

    Attributes:
        set_back: Whether the clock was set back since, so that no age is known.
    """

    _run_name: str
    _wall: MonotonicWallClock
    _on_unresolved: OnUnresolved
    set_back: bool = field(kw_only=True)

    def is_protected(self, batch: BatchRecord) -> bool:
        """Whether the gateway still knows the id of a batch that may have been sent."""
        if batch.first_tried_at is None or self.set_back:
            return False
        # Asked once more, it would be a duplicate again, which says nothing new.
        if batch.error == DuplicateRequestError.__name__:
            return False
        return self._wall.now() - batch.first_tried_at < SAFE_FOR

    def job_of(self, batch: BatchRecord) -> Job | None:
        """A batch to send or to ask about once more; None if it is to be left."""
        if batch.payload is None:
            return None
        content = unpack(batch.payload)
        if batch.state is BatchState.NOT_SENT:
            return Job(record=batch, content=content)
        if self.is_protected(batch):
            return Job(record=batch, content=content, was_tried=True)
        if self._on_unresolved is OnUnresolved.RESEND:
            return Job(record=renewed(self._run_name, batch), content=content)
        return None

    def settled(self, batch: BatchRecord) -> BatchRecord:
        """How a batch stands that is neither sent nor asked about."""
        if batch.state is BatchState.NOT_SENT:
            return batch
        if self._on_unresolved is OnUnresolved.SKIP:
            return evolve(
                batch, state=BatchState.SKIPPED, resolution="skip, by on_unresolved"
            )
        return evolve(batch, state=BatchState.UNKNOWN)
