"""Cutting a source into batches that workers send later."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from attrs import evolve

from ..._clock import Clock, SystemClock
from ...api._recipients import MAX_RECIPIENTS
from ...api.sms import Message, SmsRequest
from ...errors import InvalidFieldError
from ...ledgers.batch import Content, new_record
from ...ledgers.protocols import FleetLedger
from ...ledgers.records import BatchRecord, BatchState, RunRecord
from ..options import Identity, OnDuplicate, OnDuplicateLike, OnInvalid, OnInvalidLike
from ..run_options import BulkOptions
from ..sending.resume import check_settings, remember_numbers, reread
from ..sources.batching import BatchReader, Source, starts_anywhere


# Each is a request of its own that says everything, so batches share no settings.
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
    identity: Identity | None = None,
    progress: Callable[[RunRecord], None] | None = None,
    clock: Clock | None = None,
) -> RunRecord:
    """
    Write a run down for workers to send: all of its batches, and nothing is sent.

    The same call after a crash goes on where it stood, and reads the source again up
    to there, to make sure that it is the same. Of a run that was planned to its end
    the source is not read again: a second call does nothing.

    Args:
        ledger: Of the fleet. In a transaction of yours, with
            `PostgresLedger.bound_to`, it is all or nothing.
        name: Names the run; the ids of its requests are derived from it.
        message: What is said; None if the source yields whole SmsRequests.
        source: As for `BulkRun.stream`.
        batch_size: Recipients of one request, 1 to 500.
        on_duplicate: As for `OctopushSession.bulk`, like the next two.
        progress: Called after each transaction with the run so far.
        clock: Time; replace it in tests.

    Returns:
        The run, its source read to the end.

    Raises:
        InvalidFieldError: An argument is malformed, or the name is that of a run with
            another message; or an item is none that this run can send, and what was
            planned before it stays.
        SourceChangedError: The source is not what it was when planning began.
        LedgerError: It cannot be written; or workers are at this run already.
    """
    if not name.strip():
        raise InvalidFieldError("name", "must name the run", shown=repr(name)[:80])
    options = BulkOptions(
        batch_size=batch_size,
        on_duplicate=on_duplicate,
        on_invalid=on_invalid,
        identity=identity,
    )
    now = (clock or SystemClock()).now()
    fresh = RunRecord(
        name=name, settings=_settings(message, options), began_at=now, latest=now
    )
    known = await ledger.progress(name)
    if known is not None and known.run.exhausted:
        check_settings(known.run, fresh)
        return known.run
    run = await ledger.open_run(fresh)
    try:
        check_settings(run, fresh)
        planning = _Planning(ledger, message, options, progress)
        return await planning.go_on(run, source)
    finally:
        await ledger.release_run(name)


def _settings(message: Message | None, options: BulkOptions) -> Mapping[str, str]:
    """What must not change while a run is planned; of the text only a digest."""
    settings = {
        "planned_for": "workers",
        "on_duplicate": str(options.on_duplicate),
        "batch_size": str(options.batch_size),
    }
    if message is None:
        return settings | {"text": "of each request"}
    values = attrs.asdict(message, recurse=False)
    values["text"] = hashlib.sha256(values["text"].encode()).hexdigest()[:16]
    said = {name: str(value) for name, value in values.items() if value is not None}
    return settings | said


class _WholeRequests(BatchReader):
    """A source of which each batch becomes a request that says everything."""

    def __init__(self, message: Message | None, options: BulkOptions) -> None:
        super().__init__(
            whole_requests=message is None,
            on_duplicate=options.on_duplicate,
            on_invalid=options.on_invalid,
            identity=options.identity,
        )
        self._shared: dict[str, Any] | None = None
        if message is not None:
            self._shared = attrs.asdict(message, recurse=False)

    async def take(self, count: int) -> Content | None:
        """See `BatchReader.take`."""
        content = await super().take(count)
        if content is None or self._shared is None:
            return content
        return SmsRequest(**self._shared, recipients=content)  # type: ignore[arg-type]  # recipients: with a message there are no requests


class _Planning:
    """One run on its way into the ledger."""

    def __init__(
        self,
        ledger: FleetLedger,
        message: Message | None,
        options: BulkOptions,
        progress: Callable[[RunRecord], None] | None,
    ) -> None:
        self._ledger = ledger
        self._options = options
        self._progress = progress
        self._intake = _WholeRequests(message, options)

    async def go_on(self, run: RunRecord, source: Source) -> RunRecord:
        """Read a source from where the run stands, or from its start, to its end."""
        intake = self._intake
        skips = starts_anywhere(source) and self._options.identity is None
        if skips and run.cursor:
            await remember_numbers(self._ledger, run, intake)
        async with intake.reading(source):
            if not skips:
                async for _ in reread(self._ledger, run, intake, _SHARED):
                    pass
            while not run.exhausted:
                run = await self._next(run)
        return run

    async def _next(self, run: RunRecord) -> RunRecord:
        """Plan some more batches, in one transaction."""
        intake = self._intake
        batches: list[BatchRecord] = []
        content: Content | None = ()
        while len(batches) < _AT_ONCE:
            first = intake.position
            content = await intake.take(self._options.batch_size)
            if content is None:
                break
            record = new_record(
                run.name,
                content,
                _SHARED,
                number=run.batches + len(batches) + 1,
                first=first,
                state=BatchState.NOT_SENT,
            )
            batches.append(record)
        rejections = intake.take_rejections(run)
        run = evolve(
            run,
            cursor=intake.position,
            planned=run.planned + sum(batch.count for batch in batches),
            duplicates=intake.duplicates,
            rejected=intake.rejected,
            batches=run.batches + len(batches),
            exhausted=content is None,
        )
        await self._ledger.plan(run, batches, rejections)
        if self._progress is not None:
            self._progress(run)
        return run
