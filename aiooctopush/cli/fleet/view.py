"""Progress of the runs of a fleet, for people."""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

from attrs import define, field, frozen
from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...ledgers.records import BatchState, Progress
from ..terminal.progress import clock_time
from ..terminal.values import printable
from ..wording import LABELS, PAUSED_BY, RunLocation


# A rate is that of the last seconds; one over all would never show that all stopped.
_RATE_OVER: Final = 30.0

_BAR_AT_MOST: Final = 40
_BESIDE_THE_BAR: Final = 44  # so that the bar seldom changes its length
_INDENT: Final = 4
_BAR_AT_LEAST: Final = 10

_ON_THE_WAY: Final = {
    BatchState.SENDING: "on their way",
    BatchState.NOT_SENT: "waiting",
}


class Stage(StrEnum):
    """State of a run of a fleet."""

    PLANNING = "planning"
    """Its source is being read, or planning was broken off."""

    SENDING = "sending"
    """Workers have something to do."""

    PAUSED = "paused"
    """It is paused for a reason."""

    DONE = "done"
    """No worker has anything to do."""


_STYLES: Final = {
    Stage.PLANNING: "yellow",
    Stage.SENDING: "bold",
    Stage.PAUSED: "bold red",
    Stage.DONE: "green",
}


def stage_of(progress: Progress) -> Stage:
    """State of a run."""
    if progress.run.paused is not None:
        return Stage.PAUSED
    if not progress.run.exhausted:
        return Stage.PLANNING
    return Stage.DONE if progress.is_done else Stage.SENDING


def done_of(progress: Progress) -> int:
    """Recipients with an outcome, including unknown ones."""
    return sum(
        count
        for state, count in progress.recipients.items()
        if state not in _ON_THE_WAY and state is not BatchState.SPLIT
    )


def counts_of(progress: Progress) -> str:
    """Recipients by state so far, without empty states."""
    words = {**LABELS, **_ON_THE_WAY}
    # Recipients still to come are last.
    counts = (
        f"{words[state].lower()} {progress.recipients[state]:,}"
        for state in (*(one for one in LABELS if one not in _ON_THE_WAY), *_ON_THE_WAY)
        if progress.recipients.get(state)
    )
    return "  ".join(counts)


def as_dict(progress: Progress) -> dict[str, Any]:
    """A run as plain values."""
    run = progress.run
    return {
        "name": run.name,
        "stage": str(stage_of(progress)),
        "paused": None if run.paused is None else str(run.paused),
        "begun": run.began_at.isoformat(),
        "planned": run.planned,
        "done": done_of(progress),
        "recipients": {str(one): n for one, n in progress.recipients.items()},
        "batches": {str(one): n for one, n in progress.batches.items()},
    }


@frozen
class RunView:
    """
    One run, as it is shown.

    Attributes:
        progress: How far it is.
        rate: Recipients per second at the moment; None if unknown.
    """

    progress: Progress
    rate: float | None
    _place: RunLocation

    @property
    def stage(self) -> Stage:
        """State of the run."""
        return stage_of(self.progress)

    def figures(self) -> str:
        """How far it is, and how fast."""
        done, planned = done_of(self.progress), self.progress.run.planned
        figures = [f"{done / planned:.0%}"] if planned else []
        figures.append(f"{done:,}/{planned:,}")
        if self.rate and self.stage is Stage.SENDING:
            left = clock_time((planned - done) / self.rate)
            figures += [f"{self.rate:,.0f}/s", f"{left} left"]
        return "  ".join(figures)

    def notes(self) -> Iterator[str]:
        """Recipients by state, and advice."""
        yield counts_of(self.progress)
        paused = self.progress.run.paused
        if paused is not None:
            yield f"{PAUSED_BY[paused]}; then {self._place.fleet_command('resume')}"
        elif self.stage is Stage.PLANNING:
            yield "if its planning was interrupted, submit it again"

    def lines(self) -> Iterator[Text]:
        """Yield the view line by line, without a bar."""
        yield Text.assemble(
            (printable(self.progress.run.name), "bold"),
            "  ",
            (str(self.stage), _STYLES[self.stage]),
        )
        yield Text(f"  {self.figures()}")
        for words in filter(None, self.notes()):
            yield Text(f"  {printable(words)}", "dim")

    def in_one_line(self) -> str:
        """Return the view as a line of a log."""
        parts = (str(self.stage), self.figures(), *self.notes())
        return f"{printable(self.progress.run.name)}: {', '.join(filter(None, parts))}"

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        heading, figures, *notes = self.lines()
        yield heading
        beside = max(len(self.figures()) + _INDENT, _BESIDE_THE_BAR)
        room = options.max_width - beside
        if room < _BAR_AT_LEAST:
            yield figures
        else:
            bar = ProgressBar(
                total=self.progress.run.planned or 1,
                completed=done_of(self.progress),
                width=min(room, _BAR_AT_MOST),
            )
            row = Table.grid(padding=(0, 1))
            row.add_row(" ", bar, self.figures())
            yield row
        yield from notes


@define
class Watch:
    """Observations of runs so far, to calculate their rate."""

    _seen: dict[str, deque[tuple[float, int]]] = field(factory=dict, init=False)

    def look(self, progress: Progress, at: float, place: RunLocation) -> RunView:
        """
        Take note of a run.

        Args:
            progress: How far it is.
            at: When, in seconds of a clock that never steps back.
            place: Where it is.
        """
        done = done_of(progress)
        seen = self._seen.setdefault(progress.run.name, deque())
        seen.append((at, done))
        while at - seen[0][0] > _RATE_OVER:
            seen.popleft()
        began, before = seen[0]
        rate = (done - before) / (at - began) if at > began else None
        return RunView(progress, rate, place)
