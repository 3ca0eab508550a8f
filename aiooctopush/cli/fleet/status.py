"""``octopush fleet status``: one look, or one after the other."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen
from rich.console import Group
from rich.live import Live
from rich.text import Text

from ..._clock import Clock
from ...ledgers.records import LedgerError
from ..targets.ledger import LedgerPlace
from ..terminal.console import Screen
from ..terminal.problems import problem_of
from ..terminal.result import Result, item
from ..wording import RunLocation
from .run import check_name
from .view import RunView, Stage, Watch, as_dict


if TYPE_CHECKING:
    from ...integrations.taskiq import Fleet


_LOOK_EVERY: Final = 1.0
_LINE_EVERY: Final = 10.0

# A database that is started again must not end the watch.
_AWAY_AT_MOST: Final = 120.0
_LOOKING_AGAIN: Final = "Looking again."

# Who asks about all runs wants those that move, and the latest.
_SHOWN_AT_MOST: Final = 10


@frozen(kw_only=True)
class FleetStatus(Result):
    """The progress of the runs of a fleet."""

    runs: Sequence[Mapping[str, Any]] = item(
        doc="for each name, stage (planning, sending, paused, done), paused (why), "
        "begun, planned and done (recipients), and by state recipients and batches"
    )


@define(kw_only=True)
class Status:
    """
    The looks at the runs of a fleet, one or one after the other.

    Attributes:
        fleet: Fleet; only its ledger is used.
        app: Its name, for commands to paste.
        name: Name of the run; None for all of them.
        screen: The latest look goes to its result, others to stderr.
        clock: Clock of looks and rates.
    """

    fleet: "Fleet"
    app: str
    name: str | None
    screen: Screen
    clock: Clock
    _watch: Watch = field(factory=Watch, init=False)
    _names: list[str] | None = field(default=None, init=False)
    _hidden: int = field(default=0, init=False)

    async def once(self) -> None:
        """
        Show how far they are.

        Raises:
            InvalidFieldError: There is no such run.
            LedgerError: The ledger cannot be read.
        """
        try:
            self._tell(await self._look())
        finally:
            await self.fleet.close()

    async def watch(self) -> None:
        """
        Show the progress until nothing is sent any more, then report.

        Raises:
            InvalidFieldError: There is no such run.
            LedgerError: The ledger cannot be read, or was away for two minutes.
        """
        try:
            follow = self._draw if self.screen.err.is_terminal else self._write
            self._tell(await follow())
        finally:
            await self.fleet.close()

    async def _draw(self) -> list[RunView]:
        views: list[RunView] = []
        with Live(
            console=self.screen.err, transient=True, auto_refresh=False
        ) as screen:
            async with aclosing(self._looks(_LOOK_EVERY)) as looks:
                async for views, trouble in looks:
                    said = [Text(trouble, "yellow")] if trouble else []
                    screen.update(Group(*views, *said), refresh=True)
        return views

    async def _write(self) -> list[RunView]:
        views: list[RunView] = []
        written: set[str] = set()
        async with aclosing(self._looks(_LINE_EVERY)) as looks:
            async for views, trouble in looks:
                lines = [trouble] if trouble else [one.in_one_line() for one in views]
                for line in lines if _is_moving(views) else ():
                    if line not in written:
                        self.screen.note(line)
                written = set(lines)
        return views

    async def _looks(
        self, every: float
    ) -> AsyncGenerator[tuple[list[RunView], str], None]:
        """
        Yield the runs again and again, until nothing is being sent any more.

        While the ledger is unreachable, yield the last known state and the problem.
        """
        views, problem = await self._look(), ""
        seen_at = self.clock.monotonic()
        yield views, problem
        while _is_moving(views):
            await self.clock.sleep(every)
            try:
                views, problem = await self._look(), ""
                seen_at = self.clock.monotonic()
            except LedgerError as error:
                if self.clock.monotonic() - seen_at > _AWAY_AT_MOST:
                    raise
                problem = f"{problem_of(error)} {_LOOKING_AGAIN}"
            yield views, problem

    async def _look(self) -> list[RunView]:
        ledger = self.fleet.ledger
        if self._names is None:
            if self.name is not None:
                await check_name(ledger, self.name)
                self._names = [self.name]
            else:
                self._names = [run.name for run in await ledger.runs()]
        views = [
            self._watch.look(
                progress,
                self.clock.monotonic(),
                RunLocation(name=name, ledger=LedgerPlace(self.app)),
            )
            for name in self._names
            if (progress := await ledger.progress(name)) is not None
        ]
        return self._most_telling(views)

    def _most_telling(self, views: list[RunView]) -> list[RunView]:
        """Select unfinished runs and the latest ones; the others are not read again."""
        shown = [
            view
            for place, view in enumerate(views)
            if place < _SHOWN_AT_MOST or view.stage is not Stage.DONE
        ]
        self._hidden += len(views) - len(shown)
        self._names = [view.progress.run.name for view in shown]
        return shown

    def _tell(self, views: list[RunView]) -> None:
        for view in views:
            if self.screen.is_terminal:
                self.screen.show(view)
            else:
                for line in view.lines():
                    self.screen.say(line.plain)
        if not views:
            self.screen.say("The ledger holds no run.")
        if self._hidden:
            words = f"and {self._hidden:,} more that are done: octopush runs {self.app}"
            self.screen.say(f"… {words}", style="dim")
        runs = tuple(as_dict(view.progress) for view in views)
        self.screen.document(FleetStatus(runs=runs).as_dict())


def _is_moving(views: list[RunView]) -> bool:
    """Whether it is worth another look."""
    return any(view.stage in {Stage.SENDING, Stage.PLANNING} for view in views)
