"""Progress of long work: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Iterator
from typing import Final, Self

from rich.console import RenderableType
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from ..._clock import Clock
from .console import Screen


_RATE_AFTER_SECONDS: Final = 1.0  # a rate of less says nothing
_LINE_EVERY_SECONDS: Final = 10.0
_LINES: Final = 20  # one for each 5 %

# Below that many columns the bar leaves its room to the figures.
_NARROW: Final = 72


class Progress:
    """
    Show on stderr how far each stage of some work is.

    Use it as a context manager: the last stage ends with it. With ``--json``, nothing
    is written to a stderr without a terminal.

    Attributes:
        label: The present stage.
    """

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._bar: _Bar | None = None
        self._unit: str | None = None
        self._before = 0
        self._began = clock.monotonic()
        self._said_at = self._began
        self._said_step = 0
        self.label: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def begin(self, label: str, *, unit: str | None = None, before: int = 0) -> Self:
        """
        End the present stage, and begin the next.

        Args:
            label: Its name for people.
            unit: Name of the counted items. With None only a percentage is shown, and
                outside of a terminal nothing before 10 seconds have passed.
            before: Items done before it began, which do not count for the rate.
        """
        self._end()
        self.label, self._unit, self._before = label, unit, before
        self._began = self._said_at = self._clock.monotonic()
        self._said_step = 0
        if self._screen.err.is_terminal:
            self._bar = _Bar(label, self._screen)
            self._bar.start()
        return self

    def show(self, done: int, total: int, words: str = "") -> None:
        """
        Show how far the present stage is.

        Args:
            done: Items or bytes that are done.
            total: Items or bytes that there are; 0 if that is unknown.
            words: Outcomes so far.
        """
        if self._bar is not None:
            figures = "  ".join(self._figures(done, total))
            self._bar.show(done, total, figures=figures, words=words)
        elif not self._screen.as_json:
            self._write_line(done, total, words)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _write_line(self, done: int, total: int, words: str) -> None:
        """Write a line for each 5 %, and one at least every 10 seconds."""
        step = done * _LINES // total if total and self._unit is not None else 0
        now = self._clock.monotonic()
        if step == self._said_step and now - self._said_at < _LINE_EVERY_SECONDS:
            return
        self._said_step, self._said_at = step, now
        figures = ", ".join(filter(None, [*self._figures(done, total), words]))
        self._screen.note(": ".join(filter(None, [self.label, figures])))

    def _figures(self, done: int, total: int) -> list[str]:
        if self._unit is None:
            return [f"{done / total:.0%}" if total else ""]
        seconds = self._clock.monotonic() - self._began
        figures = [f"{done:,}/{total:,}"]
        now = done - self._before
        if now > 0 and seconds >= _RATE_AFTER_SECONDS:
            figures += [
                f"{now / seconds:,.0f}/s",
                f"{clock_time((total - done) * seconds / now)} left",
            ]
        return figures


def clock_time(seconds: float) -> str:
    """Write a duration such as ``0:07`` or ``1:02:03``."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


class _Bar(RichProgress):
    """Draw a bar with figures, and a second line with outcomes."""

    def __init__(self, label: str, screen: Screen) -> None:
        # Before the parent's initialiser, which draws already.
        self._words = ""
        columns = [TextColumn(label), BarColumn(bar_width=None)]
        if screen.err.width < _NARROW:
            columns.pop(0)
        super().__init__(
            *columns,
            TextColumn("{task.fields[figures]}"),
            console=screen.err,
            expand=True,
            transient=True,
        )
        self._bar: TaskID = self.add_task(label, total=None, figures="")

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yield the bar, and below it the outcomes."""
        yield from super().get_renderables()
        if self._words:
            yield Text(self._words, "dim")

    def show(self, done: int, total: int, *, figures: str, words: str) -> None:
        """Move the bar."""
        self._words = words
        self.update(self._bar, completed=done, total=total or None, figures=figures)
