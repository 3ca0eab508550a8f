"""Any number of items for the gateway: read some, ask, and tell what became of each."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import click
from attrs import define, field, frozen

from ...api._chunks import ItemResult, ManyResults
from ...api._recipients import Recipient
from ...bulk.sources.duplicates import SeenNumbers
from ...bulk.sources.text_file import SourceError
from ...errors import (
    AuthenticationError,
    Backoff,
    InsufficientCreditError,
    InvalidFieldError,
    NotSentError,
    OctopushError,
    Outcome,
)
from ..targets.recipients import FileReading, recipient_file_options
from ..targets.session import CommandSession
from ..terminal.console import Screen
from ..terminal.help import Option
from ..terminal.interrupt import interruptible
from ..terminal.options import F
from ..terminal.problems import ExitCode, error_as_json, problem_of
from ..terminal.progress import Progress
from ..terminal.values import counted


AT_A_TIME: Final = 4_000
"""Items that are held at the same time: 20 requests."""

_SHOWN_AT_MOST: Final = 20
_LISTED_AT_MOST: Final = 200

_GOOD: Final = (Outcome.ACCEPTED, Outcome.PRESUMED)

Row = tuple[int, Recipient | SourceError]
Ask = Callable[[list[Recipient]], Coroutine[Any, Any, ManyResults[Any, Any]]]
OnResult = Callable[[ItemResult[Any, Any]], None]


class Rows(Protocol):
    """One pass through a source, as `aiooctopush.bulk.sources.rows.FileRows` is one."""

    total_bytes: int | None

    @property
    def bytes_read(self) -> int:
        """How far it is."""

    def __iter__(self) -> Iterator[Row]:
        """Position, and what stands there."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what was opened."""


class Source(Protocol):
    """Where items come from."""

    def rows(self) -> Rows:
        """
        Begin at the start.

        Raises:
            SourceError: There is nothing that could be read.
        """


class TypedNumbers:
    """
    Numbers of a command line, read as a file would be.

    Raises:
        InvalidFieldError: One of them is no international number.
    """

    def __init__(self, numbers: tuple[str, ...], country: str | None = None) -> None:
        self.total_bytes: int | None = len(numbers)
        self.bytes_read = 0
        self._rows: list[Row] = []
        for position, number in enumerate(numbers, 1):
            try:
                self._rows.append((position, Recipient.of(number, country=country)))
            except InvalidFieldError as error:
                place = f"NUMBER, number {position}"
                raise InvalidFieldError(place, error.limit, shown=error.shown) from None

    def rows(self) -> Self:
        """Begin at the start."""
        return self

    def __iter__(self) -> Iterator[Row]:
        for position, row in self._rows:
            self.bytes_read = position
            yield position, row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""


def numbers_or_file(function: F) -> F:
    """Numbers as arguments, or a file of them."""
    function = recipient_file_options(function)
    function = click.option(
        "--file",
        "path",
        cls=Option,
        metavar="FILE",
        type=click.Path(path_type=Path),
        heading="Which numbers",
        help="Those of a file, instead of NUMBER: CSV, JSON or a spreadsheet.",
    )(function)
    return click.argument("numbers", metavar="[NUMBER]...", nargs=-1)(function)


def open_numbers(
    numbers: tuple[str, ...], path: Path | None, reading: FileReading
) -> Source:
    """
    Take the numbers from where they are.

    Raises:
        UsageError: There are none, or two places for them.
        InvalidFieldError: A number, or a way to read the file, is not valid.
    """
    if path is None:
        if not numbers:
            raise click.UsageError("Which numbers? Give NUMBER or --file.")
        return TypedNumbers(numbers, reading.country)
    if numbers:
        raise click.UsageError("NUMBER and --file exclude each other.")
    return reading.open(path).restricted_to(())


@frozen(kw_only=True)
class Problem:
    """
    Why some items in a row were not done.

    Attributes:
        first: Position of the first of them, which is its line in a file.
        last: Position of the last.
        count: How many there are.
        outcome: What became of them.
        reason: In words.
        code: The gateway's own, if it gave one.
    """

    first: int
    last: int
    count: int
    outcome: Outcome
    reason: str
    code: int | None = None

    def in_words(self, place: str) -> str:
        """A line for people."""
        where = f"{place} {self.first:,}"
        if self.last > self.first:
            where = f"{place}s {self.first:,} to {self.last:,}"
        return f"{where}: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "first": self.first,
            "last": self.last,
            "items": self.count,
            "outcome": str(self.outcome),
            "reason": self.reason,
            "code": self.code,
        }


@define(kw_only=True)
class ChunkedCommand:
    """
    Items on their way.

    Attributes:
        calls: Where they go.
        source: Where they come from.
        ask: Asks for some of them.
        on_result: Told of each, in order.
        once: Whether a number that was there before is left out.
        counts: How many met each outcome.
        bad: Rows that cannot be used.
        repeated: Rows that were left out.
        problems: The first of what went wrong.
        unlisted: Problems beyond these.
        broken_off: What ended it before its end.
        interrupted: Whether Ctrl-C did.
    """

    calls: CommandSession
    source: Source
    ask: Ask
    on_result: OnResult = field(default=lambda _: None)
    once: bool = False
    counts: Counter[Outcome] = field(factory=Counter, init=False)
    bad: int = field(default=0, init=False)
    repeated: int = field(default=0, init=False)
    problems: list[Problem] = field(factory=list, init=False)
    unlisted: int = field(default=0, init=False)
    broken_off: OctopushError | None = field(default=None, init=False)
    interrupted: bool = field(default=False, init=False)
    _seen: SeenNumbers = field(factory=SeenNumbers, init=False)
    _stopping: bool = field(default=False, init=False)

    @property
    def done(self) -> int:
        """Items that were accepted, presumed ones included."""
        return sum(self.counts[one] for one in _GOOD)

    @property
    def exit_code(self) -> ExitCode:
        """What it means to the shell."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.counts[Outcome.UNKNOWN]:
            return ExitCode.UNKNOWN
        if self.bad and not self.counts:
            return ExitCode.BAD_INPUT
        fine = not self.bad and self.broken_off is None
        fine = fine and self.done == self.counts.total()
        return ExitCode.ACCEPTED if fine else ExitCode.NOT_ACCEPTED

    def count(self) -> int:
        """
        Go through the source without asking for anything.

        Returns:
            How many items would be asked for.

        Raises:
            SourceError: The source cannot be read, or not to its end.
        """
        self._begin()
        with self.source.rows() as rows:
            return sum(1 for _ in self._good(rows))

    def run(self, label: str) -> None:
        """
        Ask for everything, or as much as can be.

        Args:
            label: What is going on.

        Raises:
            SourceError: The source cannot be read at all; nothing was asked.
        """
        self._begin()
        self.calls.run(self._run(label))

    def _begin(self) -> None:
        self.bad, self.repeated, self.unlisted = 0, 0, 0
        self.problems.clear()
        self._seen.clear()

    async def _run(self, label: str) -> None:
        screen, clock = self.calls.screen, self.calls.connection.clock
        with (
            self.source.rows() as rows,
            Progress(screen, clock).begin(label) as progress,
        ):
            good = self._good(rows)
            try:
                async with interruptible(self._stop):
                    while some := self._take(good):
                        await self._ask_for(some)
                        progress.show(rows.bytes_read, rows.total_bytes or 0)
            except TimeoutError:
                self.interrupted = True

    def _take(self, good: Iterator[tuple[int, Recipient]]) -> list[Any]:
        if self.broken_off is not None:
            return []
        some: list[tuple[int, Recipient]] = []
        try:
            for one in good:
                if self._stopping:
                    self.interrupted = True
                    return []
                some.append(one)
                if len(some) == AT_A_TIME:
                    break
        except SourceError as error:
            if not some and not self.counts and not self.bad:
                raise
            self.broken_off = error
        return some

    def _good(self, rows: Rows) -> Iterator[tuple[int, Recipient]]:
        for position, row in rows:
            if isinstance(row, SourceError):
                self.bad += 1
                self._note(_bad_row(position, row))
            elif self.once and not self._seen.add(row.phone_number):
                self.repeated += 1
            else:
                yield position, row

    async def _ask_for(self, some: list[tuple[int, Recipient]]) -> None:
        try:
            results = await self.ask([recipient for _, recipient in some])
        except asyncio.CancelledError:
            self.counts[Outcome.UNKNOWN] += len(some)
            raise
        for one in results:
            self.counts[one.outcome] += 1
            self.on_result(one)
        pairs = zip(some, results, strict=True)
        for error, group in groupby(
            ((position, one) for (position, _), one in pairs),
            key=lambda pair: pair[1].error,
        ):
            if error is not None:
                self._note(_problem(error, [position for position, _ in group]))
        hopeless = (one for one in results.errors if _is_hopeless(one))
        self.broken_off = next(hopeless, self.broken_off)

    def _note(self, problem: Problem) -> None:
        if len(self.problems) < _LISTED_AT_MOST:
            self.problems.append(problem)
        else:
            self.unlisted += 1

    def _stop(self) -> None:
        self._stopping = True
        self.calls.screen.note(
            "Stopping once the requests on their way are answered. Press Ctrl-C "
            "again to leave them: they may be done all the same."
        )

    # --- telling ------------------------------------------------------------------

    def list_problems(self, screen: Screen, place: str) -> None:
        """Show the first of what went wrong, if anything did."""
        for problem in self.problems[:_SHOWN_AT_MOST]:
            screen.note(problem.in_words(place))
        more = len(self.problems[_SHOWN_AT_MOST:]) + self.unlisted
        if more:
            screen.note(f"… and {more:,} more.")

    def figures(self, done: str) -> Iterator[tuple[str, str]]:
        """
        What became of how many, with labels.

        Args:
            done: What those are called that were.
        """
        yield done, f"{self.counts[Outcome.ACCEPTED]:,}"
        labels = {
            Outcome.PRESUMED: "Presumed done",
            Outcome.REFUSED: "Refused",
            Outcome.NOT_SENT: "Not sent",
            Outcome.UNKNOWN: "Unknown",
        }
        for outcome, label in labels.items():
            if self.counts[outcome]:
                yield label, f"{self.counts[outcome]:,}"
        if self.bad:
            yield "Not usable", counted(self.bad, "row")
        if self.repeated:
            yield "Left out", counted(self.repeated, "duplicate")

    def headline(self, good: str) -> tuple[str, str]:
        """
        All of it in one sentence, and the style of that.

        Args:
            good: The sentence if everything went well.
        """
        if self.exit_code is ExitCode.ACCEPTED:
            return good, "bold green"
        some = f"{self.done:,} of {self.counts.total() + self.bad:,}"
        if self.interrupted:
            return f"Interrupted: {some} so far are done.", "bold"
        if self.broken_off is not None:
            return f"Broken off: {problem_of(self.broken_off)}", "bold red"
        return f"Done in part: {some}.", "bold yellow"

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        error = self.broken_off
        return {
            **{str(outcome): self.counts[outcome] for outcome in Outcome},
            "bad_rows": self.bad,
            "duplicates": self.repeated,
            "interrupted": self.interrupted,
            "problems": [one.as_dict() for one in self.problems],
            "more_problems": self.unlisted,
            "error": None if error is None else error_as_json(error),
        }


def _bad_row(position: int, row: SourceError) -> Problem:
    column = "" if row.column is None else f"{row.column} "
    got = "" if row.shown is None else f" (got {row.shown})"
    return Problem(
        first=position,
        last=position,
        count=1,
        outcome=Outcome.NOT_SENT,
        reason=f"{column}{row.reason}{got}",
    )


def _problem(error: OctopushError, positions: list[int]) -> Problem:
    return Problem(
        first=positions[0],
        last=positions[-1],
        count=len(positions),
        outcome=error.outcome or Outcome.UNKNOWN,
        reason=error.problem,
        code=error.code,
    )


def _is_hopeless(error: OctopushError) -> bool:
    """Whether the rest would fare no better."""
    if isinstance(error, AuthenticationError | InsufficientCreditError):
        return True
    # Also what stands for "not asked, since an earlier request failed".
    return isinstance(error, NotSentError) and error.backoff is Backoff.NEVER
