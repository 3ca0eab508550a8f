"""Resuming a run: its message, its recipients, and its unresolved batches."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from functools import partial
from typing import Final

import attrs
from attrs import evolve, field, frozen

from ..._clock import Clock, MonotonicWallClock
from ...api.sms import Message
from ...errors import DuplicateRequestError, InvalidFieldError
from ...ids import SET_BACK, protects
from ...ledgers.batch import Job, content_of
from ...ledgers.protocols import Ledger
from ...ledgers.records import (
    UNFINISHED,
    BatchRecord,
    BatchState,
    RunRecord,
    renewed,
)
from ..options import Identity, OnUnresolved
from ..run_options import BulkOptions
from ..sources.batching import BatchReader
from .accounts import Accounts


OF_EACH_REQUEST: Final = "of each request"
"""Text in the settings of a run if each request has its own text."""

_REACHED: Final = frozenset(
    {BatchState.ACCEPTED, BatchState.PRESUMED, BatchState.ALREADY_SENT}
)


def settings_of(
    message: Message | None, identity: Identity | None
) -> Mapping[str, str]:
    """
    Digest of the settings that must not change between starts of a run.

    It covers the message and the identity of recipients; it leaves out the source.
    """
    settings = {} if identity is None else {"identity": "of the caller"}
    if message is None:
        return settings | {"text": OF_EACH_REQUEST}
    values = attrs.asdict(message, recurse=False)
    # A text may be private, and more people read a ledger.
    text = hashlib.sha256(values.pop("text").encode()).hexdigest()[:16]
    said = {name: str(value) for name, value in values.items() if value is not None}
    return settings | {"text": text} | said


async def check_run(ledger: Ledger, known: RunRecord, fresh: RunRecord) -> None:
    """
    Refuse to resume with another message, or a purged run.

    Raises:
        InvalidFieldError: Names the differences, and how many recipients got the first
            message.
    """
    if known.purged:
        raise InvalidFieldError(
            "name",
            "names a purged run, which no longer records who got the message and "
            "would send it to everyone again. Use another name to "
            "send it to everyone in the list",
            shown=repr(known.name)[:80],
        )
    names = known.settings.keys() | fresh.settings.keys()
    differ = sorted(
        name for name in names if known.settings.get(name) != fresh.settings.get(name)
    )
    if not differ:
        return
    had_it = 0
    async for batch in ledger.batches(known.name, _REACHED):
        had_it += batch.count
    people = "1 person has" if had_it == 1 else f"{had_it:,} people have"
    raise InvalidFieldError(
        "name",
        f"names a run that began with another {', '.join(differ)}, which {people} had; "
        "another name starts another run, which sends to all of them again",
        shown=repr(known.name)[:80],
    )


def new_start(run: RunRecord) -> RunRecord:
    """Give a run whose account of the source is empty again."""
    return evolve(
        run,
        items=0,
        new=0,
        already=0,
        duplicates=0,
        excluded=0,
        rejected=0,
        exhausted=False,
    )


def reader_of(message: Message | None, options: BulkOptions) -> BatchReader:
    """
    Return the reader of a run, which finds new recipients, and makes batches of them.
    """
    return BatchReader(
        whole_requests=message is None,
        on_duplicate=options.on_duplicate,
        on_invalid=options.on_invalid,
        identity=options.identity,
        text=None if message is None else message.text,
        on_missing=options.on_missing,
    )


async def known_batches(
    ledger: Ledger, run: RunRecord, reader: BatchReader
) -> AsyncIterator[BatchRecord]:
    """Give all batches of a run, and have a reader remember whom they are for."""
    async for batch in ledger.batches(run.name):
        # The parts of a batch have the recipients of the whole.
        if not batch.part:
            reader.remember(batch)
        yield batch


async def load(
    ledger: Ledger,
    run: RunRecord,
    options: BulkOptions,
    *,
    reader: BatchReader,
    accounts: Accounts,
    wall: MonotonicWallClock,
    clock: Clock,
) -> tuple["ResumePlan", list[BatchRecord]]:
    """Count an existing run; return its unresolved batches, and the plan for them."""
    plan = ResumePlan(
        run.name,
        wall,
        options.on_unresolved,
        set_back=False,
        retry_refused=options.retry_refused,
    )
    left_open = []
    latest = run.latest
    reader.defer(partial(known_batches, ledger, run, reader))
    async for batch in known_batches(ledger, run, reader):
        accounts.load(batch)
        latest = max(latest, batch.first_tried_at or latest)
        latest = max(latest, batch.concluded_at or latest)
        if plan.is_open(batch):
            left_open.append(batch)
    plan = evolve(plan, set_back=was_set_back(clock, latest))
    wall.resume_from(latest)
    return plan, left_open


def was_set_back(clock: Clock, latest: datetime) -> bool:
    """Whether a clock shows much less than an earlier start has seen on it."""
    return latest - clock.now() > SET_BACK


@frozen
class ResumePlan:
    """
    Unresolved batches of earlier starts, and the plan for them.

    Attributes:
        set_back: True if the clock was set back since, so that no age is known.
        retry_refused: Whether to retry refused recipients under new ids.
    """

    _run_name: str
    _wall: MonotonicWallClock
    _on_unresolved: OnUnresolved
    set_back: bool = field(kw_only=True)
    retry_refused: bool = field(kw_only=True)

    def is_protected(self, batch: BatchRecord) -> bool:
        """Whether the gateway still has the id of a batch that may have been sent."""
        # A duplicate that is repeated is a duplicate again, which proves nothing new.
        duplicate = batch.error == DuplicateRequestError.__name__
        if self.set_back or duplicate:
            return False
        return protects(batch.first_tried_at, self._wall.now())

    def is_open(self, batch: BatchRecord) -> bool:
        """Whether something may be left to do about a batch."""
        return batch.state in UNFINISHED or (
            self.retry_refused and batch.state is BatchState.REFUSED
        )

    def job_of(self, batch: BatchRecord) -> Job | None:
        """A batch to send or to ask about once more; None if it is to be left."""
        if batch.payload is None:
            return None
        content = content_of(batch)
        if batch.state is BatchState.NOT_SENT:
            return Job(record=batch, content=content)
        if batch.state is BatchState.REFUSED:
            return Job(record=renewed(self._run_name, batch), content=content)
        if self.is_protected(batch):
            return Job(record=batch, content=content, was_tried=True)
        if self._on_unresolved is OnUnresolved.RESEND:
            return Job(record=renewed(self._run_name, batch), content=content)
        return None

    def settled(self, batch: BatchRecord) -> BatchRecord:
        """New state of a batch that is neither sent nor repeated."""
        if batch.state in {BatchState.NOT_SENT, BatchState.REFUSED}:
            return batch
        if self._on_unresolved is OnUnresolved.SKIP:
            return evolve(
                batch, state=BatchState.SKIPPED, resolution="skip (on_unresolved)"
            )
        return evolve(batch, state=BatchState.UNKNOWN)

    async def jobs_left(self, ledger: Ledger) -> list[Job]:
        """
        Batches that were not sent or had no response, and may be sent or repeated.
        """
        states = {BatchState.NOT_SENT, BatchState.UNKNOWN}
        jobs = [
            self.job_of(batch)
            async for batch in ledger.batches(self._run_name, states)
            if batch.state is BatchState.NOT_SENT or self.is_protected(batch)
        ]
        return [job for job in jobs if job is not None]
