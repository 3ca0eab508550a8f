"""A bulk run on its way, and what is shown of it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Final, NoReturn

from attrs import define, field

from ...api._recipients import Recipient
from ...bulk.run import BulkRun
from ...bulk.sending.resume import SourceChangedError
from ...bulk.sources.rows import FileSource
from ...bulk.sources.text_file import SourceError
from ...errors import OctopushError
from ...ledgers.records import Pause
from ..targets.gateway import Connection
from ..terminal.console import Screen
from ..terminal.interrupt import interruptible
from ..terminal.progress import Progress
from ..wording import waiting_for
from .summary import RunOutcome, counts_of


_SHOW_EVERY: Final = 5_000

_LOOK_EVERY_SECONDS: Final = 1.0

_READING: Final = "Reading again what is done"
_SENDING: Final = "Sending"


class _StoppedError(Exception):
    """Ctrl-C while nothing is on its way, and nothing need be waited for."""


@define
class Sending:
    """
    One start of a run.

    It stands before the source, so that it sees how far that is read: a run that goes
    on reads again what is done, which may take long.
    """

    _run: BulkRun
    _source: FileSource
    _screen: Screen
    _ending: RunOutcome
    _stages: Progress
    _stopping: bool = field(default=False, init=False)
    _paused: Pause | None = field(default=None, init=False)
    _next_look: asyncio.TimerHandle = field(init=False)

    async def send(self, connection: Connection) -> None:
        """
        Send everything, or as much as can be, and note how it ended.

        Raises:
            Exit: This start could not begin; why is told.
        """
        ending = self._ending
        try:
            with self._stages, self._watching():
                async with connection.session, interruptible(self._stop):
                    await self._take_results()
        except (_StoppedError, TimeoutError):
            ending.interrupted = True
        except OctopushError as error:
            if isinstance(error, SourceChangedError) or not self._is_sending:
                self._fail(error)
            ending.error = error
        ending.report = self._run.report
        ending.interrupted |= self._stopping and not ending.is_fine

    async def items(self) -> AsyncGenerator[Recipient | SourceError, None]:
        """Those of the file, as a `RowSource` gives them."""
        # What the ledger knows is counted before the source is asked.
        already = self._run.report.items
        self._ending.begin(self._run.report)
        async with aclosing(self._source.items()) as items:
            if already:
                self._stages.begin(_READING)
                count = 0
                async for item in items:
                    if self._stopping:
                        raise _StoppedError
                    count += 1
                    if count % _SHOW_EVERY == 0:
                        self._stages.show(count, already)
                    yield item
                    if count == already:
                        break
            self._begin_sending()
            async for item in items:
                yield item

    async def _take_results(self) -> None:
        async with aclosing(self._run.stream(self)) as results:
            async for batch in results:
                self._begin_sending()
                self._ending.count(batch)
                self._show()

    @property
    def _is_sending(self) -> bool:
        return self._stages.label == _SENDING

    def _begin_sending(self) -> None:
        if not self._is_sending:
            before = self._run.report.done
            self._stages.begin(_SENDING, unit="recipients", before=before)
            self._show()

    def _show(self) -> None:
        report = self._run.report
        self._stages.show(report.done, self._ending.total, counts_of(report))

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Say now and then what the run waits for."""
        self._look_later()
        try:
            yield
        finally:
            self._next_look.cancel()

    def _look_later(self) -> None:
        # In real time, whatever the clock of the run: people wait in it.
        loop = asyncio.get_running_loop()
        self._next_look = loop.call_later(_LOOK_EVERY_SECONDS, self._look)

    def _look(self) -> None:
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
        if self._is_sending:
            self._screen.note(
                "Stopping once the requests on their way are answered. Press Ctrl-C "
                "again to leave them: they may be sent all the same."
            )

    def _fail(self, error: OctopushError) -> NoReturn:
        place = self._ending.place
        advice = ""
        if place.ledger is not None:
            advice = (
                "Nothing was sent now. What was sent before: "
                f"`{place.command('report')}`."
            )
        self._screen.fail(error, advice=advice)
