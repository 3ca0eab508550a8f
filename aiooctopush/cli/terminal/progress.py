"""How far something is: a bar on a terminal, now and then a line elsewhere."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from ..._clock import Clock
from .console import Screen


_LINE_EVERY_SECONDS: Final = 10.0
_LINES: Final = 20  # one for each 5 %

# Below that many columns the bar leaves its room to the figures.
_NARROW: Final = 72


class Meter(Protocol):
    """Where progress goes."""

    def show(self, done: int, total: int, words: str = "") -> None:
        """
        Tell how far it is.

        Args:
            done: Of whatever is counted.
            total: The same; 0 if nobody knows.
            words: What became of it so far.
        """


@contextmanager
def meter(
    screen: Screen,
    label: str,
    *,
    clock: Clock,
    unit: str | None = None,
    before: int = 0,
) -> Iterator[Meter]:
    """
    Show progress on stderr until the block is left.

    Args:
        screen: With ``--json``, a stderr that is no terminal stays silent.
        label: What is going on.
        clock: For rate and time left.
        unit: What is counted; with None only a percentage is shown, and outside of
            a terminal nothing before 10 seconds have passed.
        before: What was done before this began, and so says nothing about the rate.
    """
    pace = _Pace(clock, unit, before)
    if not screen.err.is_terminal:
        yield _Silence() if screen.as_json else _Lines(screen, label, pace, clock)
        return
    with _Bar(screen.err, label, pace) as bar:
        yield bar


class Stages:
    """
    What is done one after the other, each with a meter of its own.

    Use it as a context manager: the last meter is closed at its end.

    Attributes:
        label: Of the present one.
    """

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._open = ExitStack()
        self._meter: Meter = _Silence()
        self.label: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def begin(self, label: str, *, unit: str | None = None, before: int = 0) -> None:
        """End the present stage, and begin the next; see `meter`."""
        self._open.close()
        self.label = label
        self._meter = self._open.enter_context(
            meter(self._screen, label, clock=self._clock, unit=unit, before=before)
        )

    def show(self, done: int, total: int, words: str = "") -> None:
        """Tell how far the present stage is; see `Meter.show`."""
        self._meter.show(done, total, words)


def clock_time(seconds: float) -> str:
    """A duration such as ``0:07`` or ``1:02:03``."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


class _Pace:
    """Figures of what is done, from the time since the start."""

    def __init__(self, clock: Clock, unit: str | None, before: int) -> None:
        self._clock = clock
        self._unit = unit
        self._before = before
        self._began = clock.monotonic()

    def figures(self, done: int, total: int) -> list[str]:
        share = f"{done / total:.0%}" if total else ""
        if self._unit is None:
            return [share]
        seconds = self._clock.monotonic() - self._began
        figures = [f"{done:,}/{total:,}"]
        now = done - self._before
        if now > 0 and seconds:
            figures += [
                f"{now / seconds:,.0f}/s",
                f"{clock_time((total - done) * seconds / now)} left",
            ]
        return figures

    @property
    def is_counted(self) -> bool:
        return self._unit is not None


class _Silence:
    def show(self, done: int, total: int, words: str = "") -> None:
        """Show nothing."""


class _Lines:
    """A line for each 5 %, and one at least every 10 seconds."""

    def __init__(self, screen: Screen, label: str, pace: _Pace, clock: Clock) -> None:
        self._screen = screen
        self._label = label
        self._pace = pace
        self._clock = clock
        self._said_at = clock.monotonic()
        self._said_step = 0

    def show(self, done: int, total: int, words: str = "") -> None:
        """Write a line if it is time for one."""
        step = done * _LINES // total if total and self._pace.is_counted else 0
        now = self._clock.monotonic()
        if step == self._said_step and now - self._said_at < _LINE_EVERY_SECONDS:
            return
        self._said_step, self._said_at = step, now
        figures = ", ".join(filter(None, [*self._pace.figures(done, total), words]))
        self._screen.note(": ".join(filter(None, [self._label, figures])))


class _Bar(Progress):
    """A bar with figures, and a second line on what became of the recipients."""

    def __init__(self, console: Console, label: str, pace: _Pace) -> None:
        # Before the parent's initialiser, which draws already.
        self._words = ""
        columns = [TextColumn(label), BarColumn(bar_width=None)]
        if console.width < _NARROW:
            columns.pop(0)
        super().__init__(
            *columns,
            TextColumn("{task.fields[figures]}"),
            console=console,
            expand=True,
            transient=True,
        )
        self._pace = pace
        self._bar: TaskID = self.add_task(label, total=None, figures="")

    def get_renderables(self) -> Iterator[RenderableType]:
        """The bar, and below it what became of the recipients."""
        yield from super().get_renderables()
        if self._words:
            yield Text(self._words, "dim")

    def show(self, done: int, total: int, words: str = "") -> None:
        """Move the bar."""
        self._words = words
        self.update(
            self._bar,
            completed=done,
            total=total or None,
            figures="  ".join(self._pace.figures(done, total)),
        )
