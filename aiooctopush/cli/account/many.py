"""Commands for any number of items, which are read and requested some at a time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import click
from attrs import define, field, frozen

from ...api._chunks import ItemResult, ManyResults
from ...api._recipients import Recipient
from ...bulk.sources.duplicates import SeenNumbers
from ...bulk.sources.rows import FileRows, FileSource
from ...bulk.sources.text_file import SourceError
from ...errors import (
    AuthenticationError,
    Backoff,
    InsufficientCreditError,
    InvalidFieldError,
    NotSentError,
    OctopushError,
    Outcome,
    renamed,
)
from ..targets.recipients import FileReading, recipient_file_options
from ..targets.session import CommandSession
from ..terminal.exit_codes import ExitCode
from ..terminal.help import option, together
from ..terminal.interrupt import interruptible
from ..terminal.problems import in_options, problem_of
from ..terminal.progress import Progress
from ..terminal.result import Result, item
from ..terminal.values import counted


AT_A_TIME: Final = 4_000
"""Items that are held at the same time: 20 requests."""

_SHOWN_AT_MOST: Final = 20
_LISTED_AT_MOST: Final = 200

_GOOD: Final = (Outcome.ACCEPTED, Outcome.PRESUMED)

Row = tuple[int, Recipient | SourceError]
Request = Callable[[list[Recipient]], Coroutine[Any, Any, ManyResults[Any, Any]]]
OnResult = Callable[[ItemResult[Any, Any]], None]
Source = FileSource | list[Row]


def typed_numbers(numbers: tuple[str, ...], country: str | None = None) -> list[Row]:
    """
    Take numbers of a command line, each with its position.

    Args:
        numbers: As they were typed.
        country: Country of national numbers, such as ``FR``.

    Raises:
        InvalidFieldError: One of them is no international number.
    """
    rows: list[Row] = []
    for position, number in enumerate(numbers, 1):
        try:
            rows.append((position, Recipient.of(number, country=country)))
        except InvalidFieldError as error:
            raise renamed(error, f"NUMBER, number {position}") from None
    return rows


numbers_or_file: Final = together(
    click.argument("numbers", metavar="[NUMBER]...", nargs=-1),
    option(
        "--file",
        "path",
        metavar="FILE",
        type=click.Path(path_type=Path),
        heading="Numbers",
        help="File with the numbers, instead of NUMBER: CSV, JSON or a spreadsheet.",
    ),
    recipient_file_options,
)
"""Take numbers as arguments, or a file of them."""


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
            raise click.UsageError("Give NUMBER or --file.")
        return typed_numbers(numbers, reading.country)
    if numbers:
        raise click.UsageError("NUMBER and --file exclude each other.")
    return reading.open(path).restricted_to(())


@frozen(kw_only=True)
class Problem(Result):
    """Hold why some items in a row were not done."""

    first: int = item(doc="first line")
    last: int = item(doc="last line")
    items: int = item()
    outcome: Outcome = item()
    reason: str = item()
    code: int | None = item(default=None)

    def in_words(self, place: str) -> str:
        """Return a line for people."""
        where = f"{place} {self.first:,}"
        if self.last > self.first:
            where = f"{place}s {self.first:,} to {self.last:,}"
        return f"{where}: {self.reason}"


def _in_rows(count: int) -> str:
    return counted(count, "row")


def _in_duplicates(count: int) -> str:
    return counted(count, "duplicate")


@frozen(kw_only=True)
class ChunkedResult(Result):
    """
    Outcome of many items; commands add fields of their own.

    Attributes:
        done: The sentence if everything was accepted.
        exit_code: The exit code of `ChunkedCommand`.
    """

    accepted: int = item("Accepted")
    presumed: int = item("Presumed accepted", skip_empty=True)
    refused: int = item("Refused", skip_empty=True)
    not_sent: int = item("Not sent", skip_empty=True)
    unknown: int = item("Unknown", skip_empty=True)
    bad_rows: int = item("Not usable", skip_empty=True, text=_in_rows)
    duplicates: int = item("Left out", skip_empty=True, text=_in_duplicates)
    interrupted: bool = item()
    problems: tuple[Problem, ...] = item(doc="the first 200; for each", of=Problem)
    more_problems: int = item()
    error: OctopushError | None = item(doc="what broke it off")
    done: str = item(in_json=False)
    exit_code: ExitCode = item(in_json=False)

    def headline(self) -> tuple[str, str]:
        """Return all of it in one sentence."""
        good = self.accepted + self.presumed
        total = good + self.refused + self.not_sent + self.unknown + self.bad_rows
        some = f"{good:,} of {total:,}"
        if self.exit_code is ExitCode.ACCEPTED:
            return self.done, "bold green"
        if self.interrupted:
            return f"Interrupted: {some} so far are done.", "bold"
        if self.error is not None:
            return f"Stopped early: {problem_of(self.error)}", "bold red"
        return f"Done in part: {some}.", "bold yellow"


@define(kw_only=True)
class ChunkedCommand:
    """
    Read items, request them in chunks, and record the outcome of each.

    Attributes:
        calls: The session of the command.
        source: Where the items come from.
        request: Makes the requests for some of them.
        on_result: Called with each result, in order.
        unique: Whether a number that occurred before is left out.
        counts: How many items met each outcome.
        bad: Rows that cannot be used.
        repeated: Rows that were left out.
        problems: The first problems.
        unlisted: Problems beyond these.
        error: The error that ended it early.
        interrupted: Whether a signal did.
    """

    calls: CommandSession
    source: Source
    request: Request
    on_result: OnResult = field(default=lambda _: None)
    unique: bool = False
    counts: Counter[Outcome] = field(factory=Counter, init=False)
    bad: int = field(default=0, init=False)
    repeated: int = field(default=0, init=False)
    problems: list[Problem] = field(factory=list, init=False)
    unlisted: int = field(default=0, init=False)
    error: OctopushError | None = field(default=None, init=False)
    interrupted: bool = field(default=False, init=False)
    _seen: SeenNumbers = field(factory=SeenNumbers, init=False)
    _stopping: bool = field(default=False, init=False)

    @property
    def done(self) -> int:
        """Items that were accepted, presumed ones included."""
        return sum(self.counts[one] for one in _GOOD)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.counts[Outcome.UNKNOWN]:
            return ExitCode.UNKNOWN
        if self.bad and not self.counts:
            return ExitCode.BAD_INPUT
        fine = not self.bad and self.error is None
        fine = fine and self.done == self.counts.total()
        return ExitCode.ACCEPTED if fine else ExitCode.NOT_ACCEPTED

    def count(self) -> int:
        """
        Go through the source without any request.

        Returns:
            How many items requests would be made for.

        Raises:
            SourceError: The source cannot be read, or not to its end.
        """
        self._begin()
        with self._rows() as rows:
            return sum(1 for _ in self._good(rows))

    def run(self, label: str) -> None:
        """
        Make the requests for all items, or for as many as possible.

        Args:
            label: Current activity, for people.

        Raises:
            SourceError: The source cannot be read at all; no request was made.
        """
        self._begin()
        self.calls.run(self._run(label))

    def _begin(self) -> None:
        self.bad, self.repeated, self.unlisted = 0, 0, 0
        self.problems.clear()
        self._seen.clear()

    async def _run(self, label: str) -> None:
        screen, clock = self.calls.screen, self.calls.connect().clock
        with (
            self._rows() as rows,
            Progress(screen, clock).begin(label) as progress,
        ):
            good = self._good(rows)
            try:
                async with interruptible(self._stop):
                    while some := self._take(good):
                        await self._ask_for(some)
                        if not isinstance(rows, list):
                            progress.show(rows.bytes_read, rows.total_bytes or 0)
            except TimeoutError:
                self.interrupted = True

    @contextmanager
    def _rows(self) -> Iterator["FileRows | list[Row]"]:
        if isinstance(self.source, list):
            yield self.source
            return
        with self.source.rows() as rows:
            yield rows

    def _take(self, good: Iterator[tuple[int, Recipient]]) -> list[Any]:
        if self.error is not None:
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
            self.error = error
        return some

    def _good(self, rows: Iterable[Row]) -> Iterator[tuple[int, Recipient]]:
        for position, row in rows:
            if isinstance(row, SourceError):
                self.bad += 1
                self._note(_bad_row(position, row))
            elif self.unique and not self._seen.add(row.phone_number):
                self.repeated += 1
            else:
                yield position, row

    async def _ask_for(self, some: list[tuple[int, Recipient]]) -> None:
        try:
            results = await self.request([recipient for _, recipient in some])
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
        self.error = next(hopeless, self.error)

    def _note(self, problem: Problem) -> None:
        if len(self.problems) < _LISTED_AT_MOST:
            self.problems.append(problem)
        else:
            self.unlisted += 1

    def _stop(self) -> None:
        self._stopping = True
        self.calls.screen.note(
            "Stopping after the requests in flight. Press Ctrl-C again to abandon "
            "them; they may be carried out all the same."
        )

    def list_problems(self, place: str) -> None:
        """Write the first problems, if there are any."""
        screen = self.calls.screen
        for problem in self.problems[:_SHOWN_AT_MOST]:
            screen.note(problem.in_words(place))
        more = len(self.problems[_SHOWN_AT_MOST:]) + self.unlisted
        if more:
            screen.note(f"… and {more:,} more.")

    def fields(self, done: str) -> dict[str, Any]:
        """
        Return the fields of `ChunkedResult`.

        Args:
            done: The sentence if everything was accepted.
        """
        return {
            **{str(outcome): self.counts[outcome] for outcome in Outcome},
            "bad_rows": self.bad,
            "duplicates": self.repeated,
            "interrupted": self.interrupted,
            "problems": tuple(self.problems),
            "more_problems": self.unlisted,
            "error": self.error,
            "done": done,
            "exit_code": self.exit_code,
        }


def _bad_row(position: int, row: SourceError) -> Problem:
    column = "" if row.column is None else f"{row.column} "
    got = "" if row.shown is None else f" (got {row.shown})"
    return Problem(
        first=position,
        last=position,
        items=1,
        outcome=Outcome.NOT_SENT,
        reason=f"{column}{in_options(row.reason)}{got}",
    )


def _problem(error: OctopushError, positions: list[int]) -> Problem:
    return Problem(
        first=positions[0],
        last=positions[-1],
        items=len(positions),
        outcome=error.outcome or Outcome.UNKNOWN,
        reason=error.problem,
        code=error.code,
    )


def _is_hopeless(error: OctopushError) -> bool:
    """Whether the rest would fare no better."""
    if isinstance(error, AuthenticationError | InsufficientCreditError):
        return True
    # Also for "not requested, because an earlier request failed".
    return isinstance(error, NotSentError) and error.backoff is Backoff.NEVER
