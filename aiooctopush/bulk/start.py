"""The work of a `BulkRun`, loaded by its first call that needs it."""

import asyncio
import os
import zoneinfo  # noqa: F401  # loaded here: a preview reads the clock of France
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal

from attrs import define, field

from .._clock import Clock

# Loaded here: a run that waits for credit loads nothing on its way.
from ..api import wallet  # noqa: F401
from ..api._shared import Caller
from ..api.sms import Message
from ..ledgers.memory import MemoryLedger
from ..ledgers.protocols import Ledger, run_named
from ..ledgers.records import RunRecord
from ..ledgers.sqlite.ledger import SQLiteLedger
from ..text import QuietHours
from .preview.check import preview
from .preview.findings import Preview
from .report import BulkReport
from .review import decisions as worklist
from .review.decisions import BatchDecisionLike, Unresolved
from .run_options import BulkOptions
from .sending.delivery import BatchResult
from .sending.pausing import Waiting
from .sending.resume import check_run, known_batches, reader_of, settings_of
from .sending.run_loop import RunLoop
from .sources.opening import Source
from .sources.people import People


def _in_memory(
    ledger: Ledger | str | os.PathLike[str] | None,
) -> Ledger | str | os.PathLike[str]:
    return MemoryLedger() if ledger is None else ledger


@define(kw_only=True)
class Start:
    """
    One start of a run, and the other operations on that run.

    Args:
        call: The path of every call of the session.
        clock: Time.
        name: Name of the run.
        message: The content that its requests share; None if each has a text of its
            own.
        options: How it is sent.
        ledger: Where it is written down, or its path; None for memory.
        report: Report of the run so far.
        balance: Asks for the balance of the account.
    """

    _call: Caller
    _clock: Clock
    _name: str
    _message: Message | None
    _options: BulkOptions
    _ledger: Ledger | str | os.PathLike[str] = field(converter=_in_memory)
    _report: BulkReport
    _balance: Callable[[], Awaitable[Decimal]]
    _loop: RunLoop | None = field(default=None, init=False)
    _stopped: bool = field(default=False, init=False)

    def stop(self) -> None:
        """Start no further request, now or later."""
        self._stopped = True
        if self._loop is not None:
            self._loop.stop()

    @asynccontextmanager
    async def results(
        self, source: Source
    ) -> AsyncGenerator[AsyncIterator[BatchResult], None]:
        """Send to everyone, and end in order, however far the results were read."""
        async with self._open_ledger() as ledger:
            self._loop = RunLoop(
                call=self._call,
                ledger=ledger,
                clock=self._clock,
                message=self._message,
                options=self._options,
                report=self._report,
                waiting=Waiting(self._clock, self._options, self._balance),
                fresh=self._fresh(),
            )
            if self._stopped:
                self._loop.stop()
            async with aclosing(self._loop.results(source)) as results:
                yield results

    async def preview(
        self,
        source: Source,
        *,
        quiet_hours: QuietHours | None,
        price_per_sms: Decimal | None,
        check_balance: bool,
    ) -> Preview:
        """Look at a source; see `BulkRun.preview`."""
        return await preview(
            source,
            message=self._message,
            clock=self._clock,
            options=self._options,
            quiet_hours=quiet_hours,
            price_per_sms=price_per_sms,
            balance=await self._balance() if check_balance else None,
            people=await self._known_people(),
        )

    async def unresolved(self) -> AsyncGenerator[Unresolved, None]:
        """Give the worklist of the run."""
        async with self._open_ledger() as ledger:
            async for one in worklist.unresolved(ledger, self._name):
                yield one

    async def resolve(
        self, batch: str, decision: BatchDecisionLike, *, by: str
    ) -> None:
        """Decide about a batch of the worklist."""
        async with self._open_ledger() as ledger:
            await worklist.resolve(
                ledger, self._name, batch, decision, by=by, clock=self._clock
            )

    async def purge(self, *, abandon: bool) -> None:
        """Forget the recipients and the texts of the run."""
        async with self._open_ledger() as ledger:
            await worklist.purge(ledger, self._name, abandon=abandon)

    async def _known_people(self) -> People:
        """Return recipients whom an earlier start has planned, and excluded ones."""
        reader = reader_of(self._message, self._options)
        if self._options.exclude is not None:
            await reader.exclude(self._options.exclude)
        # A look makes no file, where there is none.
        if isinstance(self._ledger, str | os.PathLike) and not await asyncio.to_thread(
            os.path.exists, self._ledger
        ):
            return reader.people
        async with self._open_ledger(read_only=True) as ledger:
            run = await run_named(ledger, self._name)
            if run is not None:
                await check_run(ledger, run, self._fresh())
                async for _ in known_batches(ledger, run, reader):
                    pass
        return reader.people

    @asynccontextmanager
    async def _open_ledger(
        self, *, read_only: bool = False
    ) -> AsyncGenerator[Ledger, None]:
        """Yield the ledger; close it only if it was opened here."""
        if not isinstance(self._ledger, str | os.PathLike):
            yield self._ledger
            return
        async with SQLiteLedger(self._ledger, read_only=read_only) as ledger:
            yield ledger

    def _fresh(self) -> RunRecord:
        now = self._clock.now()
        settings = settings_of(self._message, self._options.identity)
        return RunRecord(name=self._name, settings=settings, began_at=now, latest=now)
