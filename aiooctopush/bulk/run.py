"""
One bulk run for its caller: send, follow, stop, and resolve.

The module `start` does the work. The first of these calls loads it in a thread, because
loading takes longer than anything may hold up the event loop.
"""

import asyncio
import os
import sys
import warnings
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
)
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from .. import bulk as _bulk
from .. import ledgers as _ledgers
from .._clock import Clock
from .._hooks import tell
from ..api._shared import Caller
from ..api.sms import Message
from ..ledgers.arguments import check_ledger, check_run_name
from ..text.quiet_hours import FRENCH_QUIET_HOURS, QuietHours
from .run_options import BulkOptions


if TYPE_CHECKING:
    from .start import Start


_START: Final = f"{__package__}.start"


class BulkRun:
    """
    A message on its way to any number of recipients; `OctopushSession.bulk` makes it.

    Iterate over `stream`, or await `send`; `report` shows the progress at any time. One
    name identifies one message: the same call starts a run, resumes it and adds new
    recipients of the list. One `BulkRun` is one start.
    """

    def __init__(
        self,
        call: Caller,
        clock: Clock,
        *,
        name: str,
        message: Message | None,
        options: BulkOptions,
        ledger: "_ledgers.Ledger | str | os.PathLike[str] | None" = None,
        balance: Callable[[], Awaitable[Decimal]],
    ) -> None:
        check_run_name(name)
        self._call = call
        self._clock = clock
        self._name = name
        self._message = message
        self._options = options
        self._ledger = None if ledger is None else check_ledger(ledger)
        self._balance = balance
        self._began: float | None = None
        self._start: Start | None = None
        self._stopped = False

    def __repr__(self) -> str:
        return f"<BulkRun {self._name!r}: {self._report.done} recipients done>"

    @property
    def name(self) -> str:
        """Name of the run, in its ledger and in the ids of its requests."""
        return self._name

    @cached_property
    def _report(self) -> "_bulk.BulkReport":
        # A start has loaded its module.
        return _bulk.BulkReport(name=self._name)

    @property
    def report(self) -> "_bulk.BulkReport":
        """
        Outcome of the run so far, including earlier starts once it was started.

        Raises:
            RuntimeError: It does not add up, which is a bug in aiooctopush.
        """
        if self._began is not None:
            self._report.seconds = self._clock.monotonic() - self._began
        self._report.check()
        return self._report

    def stop(self) -> None:
        """
        Start no further request, and wait for nothing; those in flight are finished.

        Stopping loses nothing: the next start resumes the run.
        """
        self._stopped = True
        if self._start is not None:
            self._start.stop()

    async def send(
        self,
        source: "_bulk.Source",
        *,
        progress: "Callable[[_bulk.BulkReport], None] | None" = None,
    ) -> "_bulk.BulkReport":
        """
        Send to everyone, and report; see `stream`.

        Args:
            source: Numbers, recipients or requests.
            progress: Called after every batch with the report so far. Its exceptions
                are logged and change nothing; `stop` ends a run.
        """
        async with self._started(source) as results:
            async for _ in results:
                if progress is not None:
                    tell(progress, self.report, "progress")
        return self.report

    def stream(
        self, source: "_bulk.Source"
    ) -> "AsyncGenerator[_bulk.BatchResult, None]":
        """
        Send to all recipients, and yield the outcome of each batch as soon as it is
        known.

        The source is read once, from its start, and only as fast as batches are sent.
        Recipients that were planned under the run's name before are not planned again,
        at any position in the source. New recipients are added. Batches that an earlier
        start left unresolved are repeated or sent first, under their ids.

        If the source raises, the batches in flight are finished first, and then the
        error comes out. If the iteration is left early, batches in flight are
        cancelled; the next start asks about them under the same ids.

        Batches start in the order of the source and may finish in another order. A
        batch of unknown outcome, or one that was not sent, is attempted again at the
        end. So it may be yielded twice; the later result is final.

        Raises:
            InvalidFieldError: The name belongs to a run with other settings; or the
                source yields an item that this run cannot send.
            LedgerError: The ledger cannot be read or written. The next start repeats
                requests without a recorded outcome under the same ids.
            RuntimeError: This start was made before.
        """
        return _Stream(self._results(source))

    async def _results(
        self, source: "_bulk.Source"
    ) -> "AsyncGenerator[_bulk.BatchResult, None]":
        async with self._started(source) as results:
            async for result in results:
                yield result

    @asynccontextmanager
    async def _started(
        self, source: "_bulk.Source"
    ) -> "AsyncGenerator[AsyncIterator[_bulk.BatchResult], None]":
        """Make this start, and end it in order, however far its results were read."""
        if self._began is not None:
            raise RuntimeError(
                "a run object sends once; create a new one with the same name to resume"
            )
        self._began = self._clock.monotonic()
        start = await self._loaded()
        if self._stopped:
            start.stop()
        async with start.results(source) as results:
            yield results

    async def _loaded(self) -> "Start":
        """Return the object that does the work; load its modules first if needed."""
        if _START not in sys.modules:
            # Making this object has imported modules on the loop, so others come first:
            # tasks that are ready have the first turn, timers that are due the second.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.to_thread(import_module, _START)
        if self._start is None:
            from .start import Start  # noqa: PLC0415  # loaded above

            self._start = Start(
                call=self._call,
                clock=self._clock,
                name=self._name,
                message=self._message,
                options=self._options,
                ledger=self._ledger,
                report=self._report,
                balance=self._balance,
            )
        return self._start

    async def preview(
        self,
        source: "_bulk.Source",
        *,
        quiet_hours: QuietHours | None = FRENCH_QUIET_HOURS,
        price_per_sms: Decimal | None = None,
        check_balance: bool = False,
    ) -> "_bulk.Preview":
        """
        Look at everything that would be sent, without sending anything.

        In one pass, and offline unless the balance is requested: numbers, duplicates,
        parts for each recipient, missing values, the STOP mention, quiet hours.
        Recipients planned by an earlier start are counted as `already`, according to
        the ledger, and those of ``exclude=`` as `excluded`.

        Args:
            source: As for `stream`; it is read to its end, as ``exclude=`` is.
            quiet_hours: Quiet hours of marketing to France; None for no warning.
            price_per_sms: In euros, for an estimate of the cost.
            check_balance: Ask the gateway for the balance, and compare it with that.

        Raises:
            InvalidFieldError: An argument is malformed, or this run could not send an
                item; or the name belongs to a run with another message.
            SourceError: A file cannot be opened, or not be read any further.
            LedgerError: The ledger cannot be read.
            OctopushError: The gateway did not report the balance.
        """
        start = await self._loaded()
        return await start.preview(
            source,
            quiet_hours=quiet_hours,
            price_per_sms=price_per_sms,
            check_balance=check_balance,
        )

    async def unresolved(self) -> "AsyncGenerator[_bulk.Unresolved, None]":
        """
        The batches that may have been sent, or were not by this run: a worklist.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        start = await self._loaded()
        async with aclosing(start.unresolved()) as some:
            async for one in some:
                yield one

    async def resolve(
        self, batch: str, decision: "_bulk.BatchDecisionLike", *, by: str
    ) -> None:
        """
        Decide about a batch of the worklist, and write down who did.

        Args:
            batch: Its name, such as ``7`` or ``7.1``.
            decision: ``sent``, ``resend`` or ``skip``.
            by: Who decides.

        Raises:
            InvalidFieldError: There is nothing to decide about it.
            LedgerError: The ledger cannot be written.
        """
        start = await self._loaded()
        await start.resolve(batch, decision, by=by)

    async def purge(self, *, abandon: bool = False) -> None:
        """
        Delete the recipients and texts of the run; its figures stay.

        Args:
            abandon: Also purge a run that is paused, or was interrupted before it had
                planned all of its recipients. It cannot be resumed any more.

        Raises:
            InvalidFieldError: It is not finished, or not resolved.
            LedgerError: The ledger cannot be written.
        """
        start = await self._loaded()
        await start.purge(abandon=abandon)


class _Stream(AsyncGenerator["_bulk.BatchResult", None]):
    """Results of a run; it warns if nothing ever asked for one."""

    def __init__(self, results: "AsyncGenerator[_bulk.BatchResult, None]") -> None:
        self._results = results
        self._was_asked = False

    def __del__(self) -> None:
        if not self._was_asked:
            warnings.warn(
                "run.stream(source) was never iterated, so nothing was sent: use "
                "`async for result in run.stream(source)`, or `await run.send(source)`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )

    def __anext__(self) -> "Coroutine[Any, Any, _bulk.BatchResult]":
        return self.asend(None)

    def asend(self, value: None) -> "Coroutine[Any, Any, _bulk.BatchResult]":
        self._was_asked = True
        return self._results.asend(value)

    def athrow(self, *error: Any) -> "Coroutine[Any, Any, _bulk.BatchResult]":
        return self._results.athrow(*error)

    def aclose(self) -> Coroutine[Any, Any, None]:
        return self._results.aclose()
