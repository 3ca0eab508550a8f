"""A bulk run in progress, and its display."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Final, NoReturn

from attrs import define, field

from ...bulk.run import BulkRun
from ...bulk.sources.rows import FileSource
from ...errors import OctopushError, Outcome
from ...ledgers.records import Pause
from ..targets.gateway import Connection
from ..terminal.console import Screen
from ..terminal.interrupt import interruptible
from ..terminal.problems import NOTHING_SENT
from ..terminal.progress import Progress
from ..wording import waiting_for
from .summary import RunOutcome, counts_of


_LOOK_EVERY_SECONDS: Final = 1.0

_COMPARING: Final = "Comparing with the ledger"
_SENDING: Final = "Sending"


@define
class Sending:
    """
    One start of a run, with its progress on the screen.

    Attributes:
        items: Rows of the file, for the progress of a start without new recipients.
    """

    _run: BulkRun
    _source: FileSource
    _screen: Screen
    _outcome: RunOutcome
    _stages: Progress
    items: int = 0
    _stopping: bool = field(default=False, init=False)
    _paused: Pause | None = field(default=None, init=False)
    _next_look: asyncio.TimerHandle = field(init=False)

    async def send(self, connection: Connection) -> None:
        """
        Send everything, or as much as can be, and note how it ended.

        Raises:
            Exit: This start could not begin; the reason was shown.
        """
        outcome = self._outcome
        try:
            with self._stages, self._watching():
                async with connection.session, interruptible(self._stop):
                    await self._take_results()
        except TimeoutError:
            outcome.interrupted = True
        except OctopushError as error:
            if not self._has_begun:
                self._fail(error)
            outcome.error = error
        outcome.report = self._run.report
        outcome.interrupted |= self._stopping and not outcome.is_fine

    async def _take_results(self) -> None:
        async with aclosing(self._run.stream(self._source)) as results:
            async for batch in results:
                self._begin_sending()
                self._outcome.count(batch)
                self._show()

    @property
    def _has_begun(self) -> bool:
        """Whether something was sent by this start, or may have been."""
        report = self._run.report
        return bool(report.in_flight or report.done > self._outcome.done_before)

    @property
    def _is_sending(self) -> bool:
        return self._stages.label == _SENDING

    def _begin_sending(self) -> None:
        if not self._is_sending:
            before = self._outcome.done_before
            self._stages.begin(_SENDING, unit="recipients", before=before)
            self._show()

    def _show(self) -> None:
        report = self._run.report
        total = max(report.planned, self._outcome.done_before + self._outcome.new)
        self._stages.show(report.done, total, counts_of(report))

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Show now and then why the run is waiting."""
        self._look_later()
        try:
            yield
        finally:
            self._next_look.cancel()

    def _look_later(self) -> None:
        # In real time, with any clock of the run, because people wait for it.
        loop = asyncio.get_running_loop()
        self._next_look = loop.call_later(_LOOK_EVERY_SECONDS, self._look)

    def _look(self) -> None:
        if self._has_begun or not self._outcome.done_before:
            self._begin_sending()
        else:
            if self._stages.label is None:
                self._stages.begin(_COMPARING)
            self._stages.show(self._run.report.items, self.items)
        self._say_what_it_waits_for()
        self._look_later()

    def _say_what_it_waits_for(self) -> None:
        paused = self._run.report.paused
        if paused is self._paused:
            return
        self._paused = paused
        words = None if paused is None else waiting_for(paused)
        if words is not None and not self._stopping:
            self._screen.note(words)

    def _stop(self) -> None:
        self._stopping = True
        self._run.stop()
        self._screen.note(
            "Stopping once the requests in transit have ended. Press Ctrl-C again to "
            "leave them: they may be sent all the same."
        )

    def _fail(self, error: OctopushError) -> NoReturn:
        outcome = self._outcome
        advice = "" if error.outcome is Outcome.NOT_SENT else NOTHING_SENT
        if outcome.planned_before:
            report = outcome.place.command("report")
            advice = f"Nothing was sent now. Earlier sends are listed by `{report}`."
        self._screen.fail(error, advice=advice)
