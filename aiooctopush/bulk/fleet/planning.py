"""Cutting a source into batches that workers send later."""

from collections.abc import Callable
from typing import Final

import attrs
from attrs import define, evolve, field

from ..._clock import Clock, SystemClock
from ..._hooks import tell
from ...api._recipients import MAX_RECIPIENTS
from ...api.sms import Message, SmsRequest
from ...ledgers.arguments import check_run_name
from ...ledgers.batch import Content, new_record
from ...ledgers.protocols import FleetLedger
from ...ledgers.records import (
    BatchRecord,
    BatchState,
    Rejection,
    RunRecord,
)
from ..options import (
    Identity,
    OnDuplicate,
    OnDuplicateLike,
    OnInvalid,
    OnInvalidLike,
    OnMissingLike,
)
from ..run_options import BulkOptions
from ..sending.departure import Departure, too_late_for_the_rest
from ..sending.resume import (
    check_run,
    known_batches,
    new_start,
    reader_of,
    settings_of,
)
from ..sources.batching import REJECTED_AT_ONCE, BatchReader
from ..sources.opening import Source
from ..sources.prefetching import BatchPrefetcher
from ..sources.used import check_beforehand


# Each is a complete request, so batches share no settings.
_SHARED: Final = b""

# So many batches are written in one transaction: 10,000 recipients, two megabytes.
_AT_ONCE: Final = 20


async def plan(
    ledger: FleetLedger,
    name: str,
    message: Message | None,
    source: Source,
    *,
    batch_size: int = MAX_RECIPIENTS,
    on_duplicate: OnDuplicateLike = OnDuplicate.SKIP,
    on_invalid: OnInvalidLike = OnInvalid.SKIP,
    on_missing: OnMissingLike | None = None,
    identity: Identity | None = None,
    exclude: Source | None = None,
    progress: Callable[[RunRecord], None] | None = None,
    clock: Clock | None = None,
) -> RunRecord:
    """
    Record all batches of a run for workers to send, without sending anything.

    The same call continues after a crash, and adds new recipients of a list that has
    changed since, also while workers are sending. Recipients that were planned under
    the name before are not planned again, at any position in the source.

    Args:
        ledger: Ledger of the fleet. In your transaction, with
            `PostgresLedger.bound_to`, it is all or nothing.
        name: Names the run; the ids of its requests are derived from it.
        message: Text and options; None if the source yields whole SmsRequests.
        source: As for `BulkRun.stream`.
        batch_size: Recipients of one request, 1 to 500.
        on_duplicate: As for `OctopushSession.bulk`, like the next four.
        progress: Called after each transaction with the run so far. Its exceptions are
            logged and change nothing.
        clock: Time; replace it in tests.

    Returns:
        The run, its source read to the end.

    Raises:
        InvalidFieldError: An argument is malformed, or the name belongs to a run with
            another message. Or the time of sending has passed, and a recipient is new.
            Or this run cannot send an item; the items planned before it stay.
        LedgerError: It cannot be written; or another process is planning this run.
    """
    check_run_name(name)
    options = BulkOptions(
        batch_size=batch_size,
        on_duplicate=on_duplicate,
        on_invalid=on_invalid,
        on_missing=on_missing,
        identity=identity,
        exclude=exclude,
    )
    if message is not None:
        await check_beforehand(message.text, source, options.on_missing)
    clock = clock or SystemClock()
    now = clock.now()
    departure = Departure(None if message is None else message.send_at, clock)
    await departure.begin(ledger, name)
    settings = {"planned_for": "workers", **settings_of(message, identity)}
    fresh = RunRecord(name=name, settings=settings, began_at=now, latest=now)
    run = await ledger.open_beside_workers(fresh)
    try:
        await check_run(ledger, run, fresh)
        planning = _Planning(ledger, message, options, progress, departure)
        return await planning.go_on(run, source)
    finally:
        await ledger.release_run(name)


@define
class _Planning:
    """One run on its way into the ledger."""

    _ledger: FleetLedger
    _message: Message | None
    _options: BulkOptions
    _progress: Callable[[RunRecord], None] | None
    _departure: Departure
    _reader: BatchReader = field(init=False)
    _batches: BatchPrefetcher = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._reader = reader_of(self._message, self._options)
        self._batches = BatchPrefetcher(self._reader, self._options.batch_size)

    async def go_on(self, run: RunRecord, source: Source) -> RunRecord:
        """Read a source from its start to its end, and plan new recipients."""
        async for _ in known_batches(self._ledger, run, self._reader):
            pass
        if self._options.exclude is not None:
            await self._reader.exclude(self._options.exclude)
        async with self._reader.reading(source):
            run = new_start(run)
            await self._ledger.start_run(run)
            while not run.exhausted:
                run = await self._next(run)
        return run

    async def _next(self, run: RunRecord) -> RunRecord:
        """Plan some more batches, in one transaction."""
        batches: list[BatchRecord] = []
        rejections: list[Rejection] = []
        while len(batches) < _AT_ONCE and len(rejections) < REJECTED_AT_ONCE:
            read = await self._batches.next()
            rejections += read.rejections
            if not read.content:
                break
            if self._departure.began_late:
                raise too_late_for_the_rest(run)
            record = new_record(
                run.name,
                self._whole(read.content),
                _SHARED,
                number=run.batches + len(batches) + 1,
                first=read.first,
                state=BatchState.NOT_SENT,
                identities=read.identities,
            )
            batches.append(record)
        run = evolve(
            run,
            **read.counts,
            planned=run.planned + sum(batch.count for batch in batches),
            batches=run.batches + len(batches),
            exhausted=read.is_end,
        )
        await self._ledger.plan(run, batches, rejections)
        if self._progress is not None:
            tell(self._progress, run, "progress")
        return run

    def _whole(self, content: Content) -> Content:
        """Build a request that contains all settings of a batch."""
        if self._message is None:
            return content
        shared = attrs.asdict(self._message, recurse=False)
        return SmsRequest(**shared, recipients=content)  # type: ignore[arg-type]  # with a message there are no requests
