"""
Where output goes: results to stdout, everything else to stderr, never a traceback.

With ``--json`` stdout holds one JSON document and nothing else.
"""

import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import click
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from ...errors import AuthenticationError, NotSentError, OctopushError, Outcome
from .exit_codes import ExitCode, was_signalled
from .problems import NOTHING_SENT, error_as_json, exit_code_of, problem_of
from .result import Result, Row, Table


# Errors whose reason `octopush doctor` finds.
_FOR_THE_DOCTOR: Final = (NotSentError, AuthenticationError)

# Lines of files and pipes are not wrapped.
_NO_LIMIT: Final = 1_000_000


class Screen:
    """
    Writes the output of a command to its two streams.

    Attributes:
        err: For progress, warnings and errors.
        as_json: Whether stdout is for one JSON document.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = _console(sys.stdout)
        self.err: Console = _console(sys.stderr)

    def result(self, result: Result) -> None:
        """Write the result of a command: for people, or as the JSON document."""
        if self.as_json:
            self.document(result.as_dict())
            return
        headline = result.headline()
        if headline is not None:
            self.show(Text(headline[0], style=headline[1]))
        for number, block in enumerate(result.blocks()):
            if isinstance(block, str):
                self.say(block, style="bold")
            elif isinstance(block, Table):
                if number:
                    self.say("")
                self.table(block.headings, block.rows, words=block.words)
            else:
                self.rows(block)
        for paragraph in result.advice():
            self.say("")
            self.show(Text(paragraph))

    def say(self, words: str, *, style: str = "") -> None:
        """Write a line of the result; none with ``--json``."""
        if not self.as_json:
            self._out.print(Text(words, style=style), soft_wrap=True)

    def rows(self, rows: Iterable[Row]) -> None:
        """Write label and value of each row; none with ``--json``."""
        grid = RichTable.grid(padding=(0, 0, 0, 2), pad_edge=True)
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for row in rows:
            grid.add_row(*map(Text, row))
        self.show(grid)

    def table(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        words: Collection[str] = (),
    ) -> None:
        """
        Write a table; none with ``--json``.

        If a terminal is too narrow for its lines, each row becomes a list: broken
        lines of a table cannot be read.

        Args:
            headings: One for each column.
            rows: A cell for each column.
            words: Headings of the columns that hold words, which begin at the left.
        """
        rows = list(rows)
        table = RichTable(box=None, padding=(0, 1, 0, 2), header_style="dim")
        for heading in headings:
            table.add_column(
                Text(heading),
                justify="left" if heading in words else "right",
                no_wrap=True,
            )
        for row in rows:
            table.add_row(*map(Text, row))
        unlimited = self._out.options.update(max_width=_NO_LIMIT)
        wanted = Measurement.get(self._out, unlimited, table).maximum
        if wanted <= self._out.width:
            self.show(table)
            return
        for row in rows:
            self.rows(zip(headings, row, strict=True))
            self.say("")

    def show(self, *blocks: RenderableType) -> None:
        """Write a rich renderable; nothing with ``--json``."""
        if not self.as_json:
            _print(self._out, Group(*blocks))

    @property
    def is_terminal(self) -> bool:
        """Whether the result appears on a terminal."""
        return self._out.is_terminal

    def document(self, document: Mapping[str, Any]) -> None:
        """Write the JSON document; nothing without ``--json``."""
        if self.as_json:
            self._out.file.write(f"{json.dumps(document, indent=2)}\n")
            self._out.file.flush()

    def note(self, words: str) -> None:
        """Write a line to stderr."""
        self._beside(Text(words))

    def warn(self, words: str) -> None:
        """Write a warning to stderr."""
        self._beside(Text.assemble(("Warning: ", "yellow"), words))

    def error(self, words: str) -> None:
        """Write an error."""
        self._beside(Text.assemble(("Error: ", "bold red"), words))

    def _beside(self, words: Text) -> None:
        self.err.print(words, soft_wrap=not self.err.is_terminal)

    def fail(
        self, error: OctopushError, *, advice: str = "", **details: Any
    ) -> NoReturn:
        """
        Report an error, in one or two lines or as the JSON document, and exit.

        Args:
            error: The error to report.
            advice: A further line for people.
            details: Further keys of the document.
        """
        self.error(problem_of(error))
        if not advice and isinstance(error, _FOR_THE_DOCTOR):
            advice = "Run `octopush doctor` to find the reason."
        if advice:
            self.note(advice)
        self.document(error_as_json(error) | details)
        code = ExitCode.INTERRUPTED if was_signalled() else exit_code_of(error)
        raise click.exceptions.Exit(code)

    @contextmanager
    def failures(self, *, of_sending: bool = False) -> Iterator[None]:
        """
        Convert errors before any send to messages and an exit code.

        Args:
            of_sending: Whether the command was to send. An error about a file or a
                ledger does not name the outcome of the messages, so this does.
        """
        try:
            yield
        except OctopushError as error:
            if not of_sending or error.outcome is not None:
                self.fail(error)
            self.fail(error, advice=NOTHING_SENT, outcome=str(Outcome.NOT_SENT))
        except (KeyboardInterrupt, click.Abort):
            self.note("\nInterrupted. Nothing was sent.")
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


def _console(stream: Any) -> Console:
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _NO_LIMIT
    return console


def _print(console: Console, block: RenderableType) -> None:
    if console.is_terminal:
        console.print(block)
        return
    # Tables fill up their cells; in a file that is a nuisance.
    with console.capture() as capture:
        console.print(block)
    lines = capture.get().splitlines()
    console.file.write("".join(f"{line.rstrip()}\n" for line in lines))
    console.file.flush()
