"""
One start of a run: load it, settle unresolved batches, and send to new recipients.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing, nullcontext, suppress
from typing import Final

from attrs import evolve, frozen

from ..._call import BulkPriority
from ..._clock import Clock, MonotonicWallClock
from ..._log import logger
from ..._throttle import RetryBudget, StopSignal
from ...api._shared import Caller
from ...api.sms import Message
from ...ledgers.batch import Content, Job
from ...ledgers.protocols import Ledger
from ...ledgers.records import (
    MAY_COST,
    BatchRecord,
    BatchState,
    LedgerError,
    Pause,
    RunRecord,
)
from ...retry import RetryPolicy
from ..report import BulkReport
from ..run_options import BulkOptions
from ..sources.opening import Source
from ..sources.prefetching import BatchPrefetcher, ReadBatch
from ..sources.used import check_beforehand
from .accounts import Accounts
from .budget import Budget, Reservation
from .delivery import BatchDone, BatchResult, BatchStarted, Delivery
from .departure import Departure
from .pacing import AdaptiveRate
from .pausing import PausePolicy, Waiting
from .plans import plan_of
from .resume import check_run, load, new_start, reader_of
from .searching import Search


# Turns of the event loop before a commit. The workers whose responses have arrived
# already plan their next batches in them, and share it.
_TURNS: Final = 2

_ONE_TRY: Final = RetryPolicy(attempts=1, timeout=90.0)


@frozen
class _JobDone:
    """
    Result of one job.

    Attributes:
        results: For the caller.
        written: All that makes them durable.
        has_place: Whether it has a place in the window; a probe has none.
    """

    results: Sequence[BatchResult]
    written: Sequence[Awaitable[None]]
    has_place: bool


class RunLoop:
    """
    A run from one start to its end or to a pause that does not pass.

    Args:
        call: The path of every call of the session.
        ledger: Where it is written down.
        clock: Time.
        message: The content that its requests share; None if each has a text of its
            own.
        options: How it is sent.
        report: Report of the run so far.
        waiting: Waits while it is paused.
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
        waiting: Waiting,
        fresh: RunRecord,
    ) -> None:
        self._pace = AdaptiveRate(clock, options.rate)
        self._stop = StopSignal()
        self._delivery = Delivery(
            call=call,
            wall=MonotonicWallClock(clock),
            ledger=ledger,
            run_name=fresh.name,
            message=message,
            retry=options.retry,
            # Of its own, so that an outage met here leaves the single sends theirs.
            background=BulkPriority(budget=RetryBudget(options.retry.budget)),
            pace=self._pace,
            stop=self._stop,
        )
        self._ledger = ledger
        self._wall = self._delivery.wall
        self._clock = clock
        self._options = options
        self._report = report
        self._waiting = waiting
        self._run = fresh
        self._reader = reader_of(message, options)
        self._message = message
        self._departure = Departure(None if message is None else message.send_at, clock)
        self._batches = BatchPrefetcher(self._reader, options.batch_size)
        self._budget = None
        if options.max_cost is not None:
            self._budget = Budget(options.max_cost, message)
        self._accounts = Accounts(report, self._budget)
        self._pause_policy = PausePolicy(
            options,
            clock,
            shares_text=message is not None,
            is_durable=ledger.is_durable,
        )
        self._open: deque[Job] = deque()
        # Written together with another one, for a worker that waits to plan.
        self._planned: deque[Job] = deque()
        self._waiting_workers = 0
        self._has_results = False
        self._done: asyncio.Queue[_JobDone | None] = asyncio.Queue()
        # An unread result keeps its place in the window, so that a slow consumer slows
        # the run down instead of filling the memory.
        self._window = asyncio.Semaphore(2 * options.concurrency)
        self._plan_lock = asyncio.Lock()
        self._pause_lock = asyncio.Lock()
        self._search = Search(lambda: self.stops)
        self._stopping = False
        self._source_ended = False
        self._recovered = False

    def stop(self) -> None:
        """Start no further request, and end every wait."""
        self._stopping = True
        self._waiting.stop()
        self._stop.set()
        self._search.wake()

    async def results(self, source: Source) -> AsyncGenerator[BatchResult, None]:
        """Send the batches of a source, and yield the outcome of each."""
        if self._message is not None:
            await check_beforehand(self._message.text, source, self._options.on_missing)
        await self._departure.begin(self._ledger, self._run.name)
        fresh = self._run
        self._run = await self._ledger.open_run(fresh)
        try:
            async with aclosing(self._start(fresh, source)) as results:
                async for result in results:
                    yield result
        finally:
            # All relevant data is written; the remaining cleanup can happen later.
            with suppress(LedgerError):
                await self._ledger.release_run(fresh.name)

    async def _start(
        self, fresh: RunRecord, source: Source
    ) -> AsyncGenerator[BatchResult, None]:
        left_open = await self._load_run(fresh)
        if self._options.exclude is not None:
            await self._reader.exclude(self._options.exclude)
        async with self._reader.reading(source):
            await self._begin_start()
            await self._settle(left_open)
            async with aclosing(self._batches), aclosing(self._rounds()) as results:
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

    # --- what earlier starts left -----------------------------------------------------

    def _is_too_late(self) -> bool:
        """Whether nothing more may go, for the instant of sending has passed."""
        if self._departure.instant is None:
            return False
        passed = self._departure.passed_meanwhile(self._run)
        if passed:
            self._pause(Pause.OVERDUE)
        return passed

    async def _load_run(self, fresh: RunRecord) -> list[BatchRecord]:
        """Count the existing run, and return its unresolved batches."""
        run = self._run
        await check_run(self._ledger, run, fresh)
        self._delivery.max_batch_size = run.max_batch_size
        self._resume_plan, left_open = await load(
            self._ledger,
            run,
            self._options,
            reader=self._reader,
            accounts=self._accounts,
            wall=self._wall,
            clock=self._clock,
        )
        return left_open

    async def _begin_start(self) -> None:
        """Write that this start begins: its account of the source is empty."""
        lifted = evolve(self._run, paused=None, latest=self._wall.now())
        if self._run.paused is not None:
            # Planning does not remove a pause, because another process may have set it.
            await self._ledger.update_run(lifted)
        self._run = new_start(lifted)
        await self._ledger.start_run(self._run)
        self._report.take(self._run)
        self._report.mark_start()

    async def _settle(self, left_open: Sequence[BatchRecord]) -> None:
        """Queue batches to send or repeat, and record the rest."""
        for batch in left_open:
            job = self._resume_plan.job_of(batch)
            if job is not None:
                self._open.append(job)
                continue
            settled = self._resume_plan.settled(batch)
            if settled != batch:
                await self._ledger.conclude(self._run.name, settled)
                self._accounts.recount(batch, settled)

    # --- sending ----------------------------------------------------------------------

    async def _rounds(self) -> AsyncGenerator[BatchResult, None]:
        """
        Send everything once, and repeat batches without a response; and again after
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
            if not self._open:
                return

    async def _line_up_again(self) -> None:
        """
        Queue batches that were not sent or had no response, when the gateway is ready.
        """
        wait = self._pause_policy.ask_again_at - self._clock.monotonic()
        self._open.extend(await self._resume_plan.jobs_left(self._ledger))
        if self._open and wait > 0:
            await self._waiting.rest(wait)

    async def _round(self) -> AsyncGenerator[BatchResult, None]:
        # No TaskGroup: a failing worker would cancel the task of the caller, at any
        # point of its use of a result (PEP 789).
        workers = [
            asyncio.create_task(self._work()) for _ in range(self._options.concurrency)
        ]
        try:
            running = len(workers)
            while running:
                done = await self._done.get()
                if done is None:
                    running -= 1
                    continue
                for write in done.written:
                    # It is written even if no caller waits for it.
                    await asyncio.shield(write)
                if done.has_place:
                    self._window.release()
                for result in done.results:
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
                if (wait := self._pace.reserve()) > 0:
                    await self._waiting.rest(wait)
                # One at a time, so that batches are planned in order.
                self._waiting_workers += 1
                async with self._plan_lock:
                    self._waiting_workers -= 1
                    planned = await self._next()
                    if planned and self._budget and self._budget.wants_price:
                        # The next one waits for the price of this one.
                        await self._deliver(*planned)
                        continue
                if planned is not None:
                    await self._deliver(*planned)
                    continue
                self._window.release()
                if not self._report.paused:
                    return
        finally:
            self._done.put_nowait(None)

    async def _next(self) -> tuple[Job, Reservation] | None:
        """Give the next batch, its intent written; None without one, or money."""
        if self._planned:
            # Its intent is written, so it is in transit from now on.
            return self._planned.popleft(), nullcontext()
        if self.stops:
            return None
        if self._open:
            if self._is_too_late():
                return None
            job = self._open[0]
            # A possible send under this id is counted already.
            is_counted = job.was_tried and job.record.state in MAY_COST
            reserved = self._reserve(None if is_counted else job.content)
            return None if reserved is None else (self._open.popleft(), reserved)
        if self._source_ended:
            return None
        if self._ledger.is_durable and self._has_results:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if self.stops:
                return None
        try:
            return await self._plan()
        except BaseException:
            # A failure ends the reading, because the rest would be lost.
            self._source_ended = True
            raise

    def _reserve(self, content: Content | None) -> Reservation | None:
        """Set money aside for a batch; None, and a pause, if there is too little."""
        if self._budget is None:
            return nullcontext()
        reserved = self._budget.reserve(content)
        if reserved is None:
            self._pause(Pause.MAX_COST)
        return reserved

    async def _plan(self) -> tuple[Job, Reservation] | None:
        """Read the next batches, and write down the intent to send them."""
        read = await self._batches.next()
        while not (read.content or read.is_end):
            # Nothing but rejections, which the memory need not keep.
            await self._write_plan([read])
            read = await self._batches.next()
        if read.is_end:
            self._source_ended = True
            await self._write_plan([read])
            return None
        reserved = None if self._is_too_late() else self._reserve(read.content)
        if reserved is None:
            # Not planned: the next start reads it again.
            self._source_ended = True
            return None
        some = [read]
        # A commit takes as long for one batch as for all that somebody waits to send.
        # With a bound for costs, each is weighed when those before it are reserved.
        while len(some) <= self._waiting_workers and self._budget is None:
            more = await self._batches.ready()
            if more is None:
                break
            some.append(more)
        jobs = await self._write_plan(some)
        self._planned.extend(jobs[1:])
        return jobs[0], reserved

    async def _write_plan(self, some: Sequence[ReadBatch]) -> Sequence[Job]:
        """Write down how far the source was read, and the batches that came of it."""
        run = evolve(
            self._run,
            max_batch_size=self._delivery.max_batch_size,
            residual_credit=self._report.residual_credit,
        )
        settings, now = self._delivery.settings, self._wall.now()
        plan = plan_of(run, some, settings=settings, at=now)
        records = [job.record for job in plan.jobs]
        await self._ledger.plan(plan.run, records, plan.rejections)
        self._run = plan.run
        self._report.take(plan.run)
        self._report.reject(plan.rejections)
        for record in records:
            self._report.count(record)
        return plan.jobs

    async def _deliver(self, job: Job, reserved: Reservation) -> None:
        with reserved:
            done = await self._sent(self._delivery, job)
        self._has_results = True
        self._done.put_nowait(done)

    async def _sent(
        self, delivery: Delivery, job: Job, *, is_probe: bool = False
    ) -> _JobDone:
        """Send a batch and its parts, as far as nothing stops that in between."""
        results: list[BatchResult] = []
        written: list[Awaitable[None]] = []
        async with aclosing(delivery.send(job)) as events:
            try:
                if self._search.is_on:
                    await self._search.turn_of(job)
                async for event in events:
                    self._accounts.take(event)
                    why = self._pause_policy.look_at(event)
                    searches = self._pause_policy.searches
                    if searches is not self._search.is_on:
                        self._search.set(is_on=searches)
                    self._pause(why)
                    if isinstance(event, BatchStarted):
                        continue
                    if isinstance(event, BatchDone):
                        results.append(event.result)
                        if event.written is not None:
                            written.append(event.written)
                    # The reason to stop may have come while this batch waited.
                    if self._search.is_on:
                        await self._search.turn_of(job)
                    if self.stops and not is_probe:
                        break
            finally:
                if self._search.is_on:
                    self._search.end_of(job)
        return _JobDone(results, written, has_place=not is_probe)

    # --- standing still ---------------------------------------------------------------

    @property
    def stops(self) -> bool:
        """Whether no further request may start."""
        return self._stopping or self._report.paused is not None

    def _pause(self, why: Pause | None) -> None:
        # The first reason is reported.
        if why is None or self._report.paused is not None:
            return
        self._report.paused = why
        self._search.wake()
        logger.warning(
            "bulk run %r pauses: %s",
            *(self._run.name, why),
            extra={"octopush_run": self._run.name, "octopush_paused": str(why)},
        )

    async def _may_go_on(self) -> bool:
        """Whether another request may start; waits if that may change."""
        if not self.stops:
            return True
        async with self._pause_lock:
            if self._report.paused is not None and not self._stopping:
                await self._recover(self._report.paused)
            return not self.stops

    async def _recover(self, why: Pause) -> None:
        passed = False
        if why is Pause.CREDIT:
            passed = await self._waiting.for_credit(self._accounts.dearest)
        elif why is Pause.OUTAGE:
            passed = await self._waiting.for_gateway(self._probe)
        if passed:
            self._report.paused = None
            self._recovered = True
        else:
            self._stopping = True

    async def _probe(self) -> bool:
        """Repeat a batch that had no response, under its present id."""
        record, content = self._pause_policy.latest_unanswered
        job = Job(
            record=record,
            content=content,
            was_tried=record.state is BatchState.UNKNOWN,
        )
        delivery = evolve(self._delivery, retry=_ONE_TRY)
        self._done.put_nowait(await self._sent(delivery, job, is_probe=True))
        return self._pause_policy.unanswered_streak == 0
