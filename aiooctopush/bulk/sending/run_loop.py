"""One start of a run: look back, read the source again, and send what is left."""

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Final

import attrs
from attrs import evolve, frozen

from ... import _wire
from ..._call import BulkPriority
from ..._clock import Clock, MonotonicWallClock
from ..._throttle import RetryBudget
from ...api._shared import Caller
from ...api.sms import Message
from ...errors import OctopushError
from ...ledgers.batch import Content, Job, new_record
from ...ledgers.protocols import Ledger
from ...ledgers.records import (
    MAY_COST,
    UNFINISHED,
    BatchRecord,
    BatchState,
    Pause,
    RunRecord,
)
from ...retry import RetryPolicy
from ..report import LISTED_AT_MOST, BulkReport
from ..run_options import BulkOptions
from ..sources.batching import BatchReader, Source, starts_anywhere
from ..sources.prefetching import BatchPrefetcher, ReadBatch
from .budget import Budget
from .delivery import BatchResult, Delivery
from .pacing import AdaptiveRate
from .pausing import PausePolicy
from .recovery import Recovery
from .resume import (
    ResumePlan,
    check_settings,
    remember_numbers,
    reread,
    was_set_back,
)


_logger = logging.getLogger("aiooctopush")

_ONE_TRY: Final = RetryPolicy(attempts=1, timeout=90.0)


@frozen
class _Told:
    """What became of one job; most have a place in the window, a probe has none."""

    results: list[BatchResult]
    has_place: bool = True


class RunLoop:
    """
    A run from one start to its end or to a pause that does not pass.

    Args:
        call: The path of every call of the session.
        ledger: Where it is written down.
        clock: Time.
        message: What its requests share; None if each has a text of its own.
        options: How it is sent.
        report: What became of it so far.
        recovery: Waits when it stands still.
        fresh: The run as it would be new.
    """

    def __init__(
        self,
        *,
        call: Caller,
        ledger: Ledger,
        clock: Clock,
        message: Message | None,
        options: BulkOptions,
        report: BulkReport,
        recovery: Recovery,
        fresh: RunRecord,
    ) -> None:
        self._delivery = Delivery(
            call=call,
            wall=MonotonicWallClock(clock),
            ledger=ledger,
            run_name=fresh.name,
            settings=b""
            if message is None
            else hashlib.sha256(_wire.encode(message)).hexdigest().encode(),
            shared={} if message is None else attrs.asdict(message, recurse=False),
            retry=options.retry,
            # Of its own, so that an outage met here leaves the single sends theirs.
            background=BulkPriority(budget=RetryBudget(options.retry.budget)),
            watcher=self,
        )
        self._ledger = ledger
        self._wall = self._delivery.wall
        self._clock = clock
        self._options = options
        self._report = report
        self._recovery = recovery
        self._run = fresh
        self._intake = BatchReader(
            whole_requests=message is None,
            on_duplicate=options.on_duplicate,
            on_invalid=options.on_invalid,
            identity=options.identity,
        )
        self._cuts = BatchPrefetcher(self._intake, options.batch_size)
        self._budget = Budget(options.max_cost, message)
        self._pace = AdaptiveRate(clock, options.rate)
        self._pause_policy = PausePolicy(
            options,
            clock,
            shares_text=message is not None,
            is_durable=ledger.is_durable,
        )
        self._leftovers: deque[Job] = deque()
        # Written together with another one, for who waits for his turn.
        self._planned: deque[Job] = deque()
        self._queueing = 0
        self._told: asyncio.Queue[_Told | None] = asyncio.Queue()
        # A result that nobody has taken yet keeps its place in the window, so that a
        # slow consumer slows the run down instead of filling the memory.
        self._window = asyncio.Semaphore(2 * options.concurrency)
        self._turn = asyncio.Lock()
        self._door = asyncio.Lock()
        self._stopping = False
        self._source_ended = False
        self._probing = False
        self._recovered = False
        self._dearest = Decimal("0.01")

    def stop(self) -> None:
        """Start no further request."""
        self._stopping = True
        self._recovery.stop()

    async def results(self, source: Source) -> AsyncGenerator[BatchResult, None]:
        """See `BulkRun.stream`."""
        leftovers = await self._load_run()
        skips = starts_anywhere(source) and self._options.identity is None
        if skips and self._run.cursor:
            await remember_numbers(self._ledger, self._run, self._intake)
        async with self._intake.reading(source):
            if not skips:
                settings = self._delivery.settings
                async for _ in reread(self._ledger, self._run, self._intake, settings):
                    if self._stopping:
                        # What was not looked at may have changed.
                        return
            self._run = evolve(self._run, paused=None, latest=self._wall.now())
            await self._ledger.update_run(self._run)
            await self._open_again(leftovers)
            async with aclosing(self._cuts), aclosing(self._rounds()) as results:
                async for result in results:
                    yield result
            self._run = evolve(
                self._run,
                paused=self._report.paused,
                latest=self._wall.now(),
                max_batch_size=self._delivery.max_batch_size,
                residual_credit=self._report.residual_credit,
            )
            await self._ledger.update_run(self._run)

    # --- looking back -----------------------------------------------------------------

    async def _load_run(self) -> list[BatchRecord]:
        """Find the run as it was left, count it, and give what is not finished."""
        fresh = self._run
        self._run = run = await self._ledger.open_run(fresh)
        check_settings(run, fresh)
        self._delivery.max_batch_size = run.max_batch_size
        self._report.take(run)
        async for rejection in self._ledger.rejections(run.name):
            self._report.reject((rejection,))
            if len(self._report.rejections) == LISTED_AT_MOST:
                break
        leftovers = []
        latest = run.latest
        async for batch in self._ledger.batches(run.name):
            self._report.count(batch)
            self._budget.learn(batch)
            latest = max(latest, batch.first_tried_at or latest)
            latest = max(latest, batch.concluded_at or latest)
            if batch.state in UNFINISHED:
                leftovers.append(batch)
        self._resume_plan = ResumePlan(
            run.name,
            self._wall,
            self._options.on_unresolved,
            set_back=was_set_back(self._clock, latest),
        )
        self._wall.resume_from(latest)
        return leftovers

    async def _open_again(self, batches: Sequence[BatchRecord]) -> None:
        """Line up what is to be sent or asked about again, and write down the rest."""
        for batch in batches:
            job = self._resume_plan.job_of(batch)
            if job is not None:
                self._leftovers.append(job)
                continue
            left = self._resume_plan.settled(batch)
            if left != batch:
                await self._ledger.conclude(self._run.name, left)
                self._recount(batch, left)

    # --- sending ----------------------------------------------------------------------

    async def _rounds(self) -> AsyncGenerator[BatchResult, None]:
        """
        Everything once, and what had no answer a second time; and once more after
        each pause that has passed.
        """
        again = True
        while True:
            self._recovered = False
            async with aclosing(self._round()) as results:
                async for result in results:
                    yield result
            if self.stops or not (again or self._recovered):
                return
            again = False
            await self._line_up_again()
            if not self._leftovers:
                return

    async def _line_up_again(self) -> None:
        """Line up what was not sent or had no answer, when the gateway is ready."""
        wait = self._pause_policy.ask_again_at - self._clock.monotonic()
        states = {BatchState.NOT_SENT, BatchState.UNKNOWN}
        async for batch in self._ledger.batches(self._run.name, states):
            open_still = batch.state is BatchState.NOT_SENT
            if open_still or self._resume_plan.is_protected(batch):
                job = self._resume_plan.job_of(batch)
                self._leftovers.extend(() if job is None else (job,))
        if self._leftovers and wait > 0:
            await self._recovery.rest(wait)

    async def _round(self) -> AsyncGenerator[BatchResult, None]:
        workers = [
            asyncio.create_task(self._work()) for _ in range(self._options.concurrency)
        ]
        try:
            running = len(workers)
            while running:
                told = await self._told.get()
                if told is None:
                    running -= 1
                    continue
                if told.has_place:
                    self._window.release()
                for result in told.results:
                    yield result
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        try:
            while await self._may_go_on():
                await self._window.acquire()
                await self._pace.turn()
                # One at a time, so that batches are planned in order.
                self._queueing += 1
                async with self._turn:
                    self._queueing -= 1
                    job = await self._next()
                    if job is not None and self._budget.wants_price:
                        # The next one waits for what this one costs.
                        await self._deliver(job)
                        continue
                if job is not None:
                    await self._deliver(job)
                    continue
                self._window.release()
                if not self._report.paused:
                    return
        finally:
            self._told.put_nowait(None)

    async def _next(self) -> Job | None:
        """The next batch, its intent written; None if there is none, or no money."""
        if self._planned:
            # Its intent is written: it is on its way, whatever comes.
            return self._planned.popleft()
        if self.stops:
            return None
        if self._leftovers:
            job = self._leftovers[0]
            # What may have been sent under this id is counted already.
            is_counted = job.was_tried and job.record.state in MAY_COST
            estimate = self._budget.estimate(job.content)
            if self._has_money(Decimal(0) if is_counted else estimate):
                return self._leftovers.popleft()
            return None
        if self._source_ended:
            return None
        try:
            return await self._plan()
        except BaseException:
            # Nobody reads on behind a failure: what it hid would be lost.
            self._source_ended = True
            raise

    async def _plan(self) -> Job | None:
        """Read the next batches from the source, and write down the intent to send."""
        cut = await self._cuts.next(self._run)
        if cut.is_end:
            self._source_ended = True
            await self._read_so_far([cut], ())
            return None
        if not self._has_money(self._budget.estimate(cut.content)):
            # Not planned: the next start reads it again.
            self._source_ended = True
            return None
        cuts = [cut]
        # A commit takes as long for one batch as for all that somebody waits to send.
        # With a bound for costs, each is weighed when those before it are reserved.
        while len(cuts) <= self._queueing and self._options.max_cost is None:
            more = await self._cuts.ready(self._run)
            if more is None:
                break
            cuts.append(more)
        jobs = self._jobs_of(cuts)
        await self._read_so_far(cuts, jobs)
        self._planned.extend(jobs[1:])
        return jobs[0]

    def _jobs_of(self, cuts: Sequence[ReadBatch]) -> list[Job]:
        starts = [self._run.cursor, *(cut.position for cut in cuts)]
        now = self._wall.now()
        jobs = []
        for index, cut in enumerate(cuts):
            record = new_record(
                self._run.name,
                cut.content,
                self._delivery.settings,
                number=self._run.batches + index + 1,
                first=starts[index],
                state=BatchState.SENDING,
                at=now,
                # It is dropped with the answer, a moment later: to pack it would take
                # more time than to write what packing saves. What stays is packed then.
                compress=False,
                delta_encode=self._ledger.is_durable,
            )
            jobs.append(Job(record=record, content=cut.content, is_written=True))
        return jobs

    async def _read_so_far(
        self, cuts: Sequence[ReadBatch], jobs: Sequence[Job]
    ) -> None:
        """Write down how far the source was read, and the batches that came of it."""
        records = [job.record for job in jobs]
        rejections = tuple(one for cut in cuts for one in cut.rejections)
        last = cuts[-1]
        run = evolve(
            self._run,
            cursor=last.position,
            planned=self._run.planned + sum(record.count for record in records),
            duplicates=last.duplicates,
            rejected=last.rejected,
            batches=self._run.batches + len(records),
            latest=self._wall.now(),
            max_batch_size=self._delivery.max_batch_size,
            residual_credit=self._report.residual_credit,
            exhausted=last.is_end,
        )
        await self._ledger.plan(run, records, rejections)
        self._run = run
        self._report.take(run)
        self._report.reject(rejections)
        for record in records:
            self._report.count(record)

    async def _deliver(self, job: Job) -> None:
        estimate = self._budget.estimate(job.content)
        self._budget.reserved += estimate
        try:
            async with aclosing(self._delivery.send(job)) as results:
                told = [result async for result in results]
        finally:
            self._budget.reserved -= estimate
        self._told.put_nowait(_Told(told))

    # --- standing still ---------------------------------------------------------------

    def _pause(self, why: Pause | None) -> None:
        # The first reason is the one that is told.
        if why is None or self._report.paused is not None:
            return
        self._report.paused = why
        _logger.warning(
            "bulk run %r pauses: %s",
            *(self._run.name, why),
            extra={"octopush_run": self._run.name, "octopush_paused": str(why)},
        )

    def _has_money(self, estimate: Decimal) -> bool:
        if self._budget.allows(estimate):
            return True
        self._pause(Pause.MAX_COST)
        return False

    async def _may_go_on(self) -> bool:
        """Whether another request may start; waits if that may change."""
        if not self.stops:
            return True
        async with self._door:
            if self._report.paused is not None and not self._stopping:
                await self._recover(self._report.paused)
            return not self.stops

    async def _recover(self, why: Pause) -> None:
        passed = False
        if why is Pause.CREDIT:
            passed = await self._recovery.for_credit(self._dearest)
        elif why is Pause.OUTAGE:
            passed = await self._recovery.for_gateway(self._probe)
        if passed:
            self._report.paused = None
            self._recovered = True
        else:
            self._stopping = True

    async def _probe(self) -> bool:
        """Ask once more about a batch that had no answer, under its present id."""
        record, content = self._pause_policy.latest_unanswered
        job = Job(
            record=record,
            content=content,
            was_tried=record.state is BatchState.UNKNOWN,
        )
        self._probing = True
        try:
            delivery = evolve(self._delivery, retry=_ONE_TRY)
            async with aclosing(delivery.send(job)) as results:
                told = [result async for result in results]
        finally:
            self._probing = False
        self._told.put_nowait(_Told(told, has_place=False))
        return self._pause_policy.unanswered_streak == 0

    # --- what the delivery tells ------------------------------------------------------

    @property
    def stops(self) -> bool:
        """See `Watcher.stops`."""
        if self._probing:
            return False
        return self._stopping or self._report.paused is not None

    def began(self, old: BatchRecord, new: BatchRecord) -> None:
        """See `Watcher.began`."""
        self._recount(old, new)

    def throttled(self) -> None:
        """See `Watcher.throttled`."""
        self._pace.throttled()

    def was_split(
        self,
        old: BatchRecord,
        parent: BatchRecord,
        parts: Sequence[BatchRecord],
        error: OctopushError | None,
    ) -> None:
        """See `Watcher.was_split`."""
        self._recount(old, parent)
        for part in parts:
            self._report.count(part)
        if error is not None:
            self._pause(self._pause_policy.was_split(parent))

    def concluded(
        self, old: BatchRecord, new: BatchRecord, content: Content, told: BatchResult
    ) -> None:
        """See `Watcher.concluded`."""
        self._recount(old, new, content)
        if told.result is not None and told.result.residual_credit is not None:
            self._report.residual_credit = told.result.residual_credit
        if new.cost is not None:
            self._dearest = max(self._dearest, new.cost)
        self._pause(self._pause_policy.concluded(new, content, told))

    def _recount(
        self, old: BatchRecord, new: BatchRecord, content: Content | None = None
    ) -> None:
        """Count a batch as it stands now, and not any more as it stood."""
        self._report.count(old, sign=-1)
        self._report.count(new)
        self._budget.learn(old, content, sign=-1)
        self._budget.learn(new, content)
