"""
Where words go: results to stdout, everything else to stderr, and never a traceback.

With ``--json`` stdout holds one JSON document and nothing else.
"""

import codecs
import errno
import io
import json
import sys
import textwrap
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final, NoReturn, TextIO

import click
from rich.console import Console, Group, RenderableType
from rich.text import Text

from ...errors import (
    AuthenticationError,
    InvalidFieldError,
    NotSentError,
    OctopushError,
    Outcome,
)


class ExitCode(IntEnum):
    """What the command says to the shell."""

    ACCEPTED = 0
    """Everything was accepted, or presumed to be."""

    NOT_ACCEPTED = 1
    """Something was refused or not sent, or the run paused."""

    BAD_INPUT = 2
    """Bad input or usage; nothing was sent."""

    UNKNOWN = 3
    """The outcome of something is unknown."""

    INTERRUPTED = 130
    """Ctrl-C, as shells say it: 128 + SIGINT."""


# What stands in for what a terminal cannot write; the rest is taken apart by Unicode
# itself, so that an accent is lost and not the letter.
_PLAIN: Final = {
    "€": "EUR",
    "…": "...",
    "–": "-",
    "—": "-",
    "×": "x",
    "’": "'",
    "“": '"',
    "”": '"',
}
_FALLBACK: Final = "aiooctopush.plain"

# Which errors `octopush doctor` finds the reason of.
_FOR_THE_DOCTOR: Final = (NotSentError, AuthenticationError)

_NO_LIMIT: Final = 100_000
_NOT_SAID: Final = "not said by the gateway"

# What an argument of the library is called here.
_OPTIONS: Final = {
    "sender": "--sender",
    "text": "--text",
    "purpose": "--purpose",
    "type": "--type",
    "send_at": "--at",
    "request_id": "--request-id",
    "key": "--key",
    "concurrency": "--concurrency",
    "batch": "BATCH",
    "decision": "DECISION",
    "max_cost": "--max-cost",
    "encoding": "--encoding",
    "delimiter": "--delimiter",
    "base_url": "--base-url",
    "dsn_or_pool": "LEDGER",
    "schema": "LEDGER, schema",
    "api_login": "OCTOPUSH_API_LOGIN",
    "api_key": "OCTOPUSH_API_KEY",
}


# What a ledger says to those who use it from Python.
_FOR_PROGRAMS: Final = {
    ", or another ledger of this one": "",
    ", or open it read_only": "",
    "PostgresLedger.migrate()": "`octopush ledger init`",
}


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = ""
    for character in error.object[error.start : error.end]:
        parts = unicodedata.normalize("NFKD", character).encode("ascii", "ignore")
        plain += _PLAIN.get(character) or parts.decode() or ascii(character)[1:-1]
    return plain, error.end


codecs.register_error(_FALLBACK, _plainly)


def harden(stream: TextIO) -> None:
    """Let a stream write what its encoding does not have as something similar."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_FALLBACK)


def problem_of(error: OctopushError) -> str:
    """An error in the words of the command line; what became of the message too."""
    if not isinstance(error, InvalidFieldError):
        words = str(error)
        for said, here in _FOR_PROGRAMS.items():
            words = words.replace(said, here)
        return words
    place = _OPTIONS.get(error.field, error.field)
    if error.field.startswith("recipients["):
        place = f"--to, number {int(error.field[11:].partition(']')[0]) + 1}"
    got = "" if error.shown is None else f" (got {error.shown})"
    # The rest of such a limit speaks of an argument of the library.
    return f"{place}: {error.limit.partition('; allow_')[0]}{got}"


def in_euros(amount: Decimal | None) -> str:
    """An amount for people."""
    return _NOT_SAID if amount is None else f"{amount:,.2f} €"


def in_figures(count: int | None) -> str:
    """A count for people."""
    return _NOT_SAID if count is None else f"{count:,}"


def counted(count: int, thing: str) -> str:
    """A count with its noun, such as ``1 row`` or ``3,000 rows``."""
    return f"{count:,} {thing}{'s' * (count != 1)}"


def exit_code_of(error: OctopushError) -> ExitCode:
    """What an error that ended a command means to the shell."""
    if error.maybe_sent or error.outcome is Outcome.UNKNOWN:
        return ExitCode.UNKNOWN
    # What is malformed is refused before any I/O: bad fields, bad files.
    if isinstance(error, ValueError):
        return ExitCode.BAD_INPUT
    return ExitCode.NOT_ACCEPTED


def error_as_json(error: OctopushError) -> dict[str, Any]:
    """An error as plain data; nothing in it is private."""
    return {
        "error": type(error).__name__,
        "message": problem_of(error),
        "outcome": None if error.outcome is None else str(error.outcome),
        "maybe_sent": error.maybe_sent,
        "request_id": error.request_id,
        "code": error.code,
    }


class Screen:
    """
    The two streams of a command.

    Attributes:
        err: For progress, warnings and errors.
        as_json: Whether stdout is for one JSON document.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = _console(sys.stdout)
        self.err = _console(sys.stderr)

    def say(self, words: str, *, style: str = "") -> None:
        """Write a line of the result; none with ``--json``."""
        if not self.as_json:
            _write(self._out, Text(words, style), soft_wrap=True)

    def rows(self, rows: Iterable[tuple[str, str]]) -> None:
        """Write what a result consists of, one row each; none with ``--json``."""
        rows = list(rows)
        width = max(len(label) for label, _ in rows) + 4
        room = self.room(width)
        for label, value in rows:
            first, *others = textwrap.wrap(value, room) or [""]
            self.say_parts((f"  {label:{width - 2}}", "dim"), first)
            for line in others:
                self.say(f"{'':{width}}{line}")

    def room(self, beside: int) -> int:
        """Columns for words beside something that wide."""
        return max(self._out.width - beside, 20) if self._out.is_terminal else _NO_LIMIT

    @property
    def is_terminal(self) -> bool:
        """Whether somebody sees the result as it comes."""
        return self._out.is_terminal

    def table(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        words: Collection[str] = (),
    ) -> None:
        """
        Write a table of figures; none with ``--json``.

        Where a terminal is too narrow for its lines, each row becomes a list: lines
        that a terminal breaks cannot be read.

        Args:
            headings: Of its columns.
            rows: A cell for each of them.
            words: Headings of the columns that hold words, which begin at the left.
        """
        columns = list(zip(headings, *rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        if sum(widths) + 3 * len(widths) - 1 > self.room(0):
            for row in list(zip(*columns, strict=True))[1:]:
                self.rows(zip(headings, row, strict=True))
                self.say("")
            return
        for number, row in enumerate(zip(*columns, strict=True)):
            cells = (
                f"{cell:{'<' if heading in words else '>'}{width}}"
                for cell, width, heading in zip(row, widths, headings, strict=True)
            )
            line = "  " + "   ".join(cells)
            self.say(line.rstrip(), style="" if number else "dim")

    def show(self, *blocks: RenderableType) -> None:
        """Write what knows how to draw itself; nothing with ``--json``."""
        if not self.as_json:
            _write(self._out, Group(*blocks), soft_wrap=False)

    def say_parts(self, *parts: str | tuple[str, str]) -> None:
        """Write a line of parts, with or without a style; none with ``--json``."""
        if not self.as_json:
            _write(self._out, Text.assemble(*parts), soft_wrap=True)

    def paragraph(self, words: str) -> None:
        """Write a longer part of the result, wrapped; none with ``--json``."""
        if not self.as_json:
            _write(self._out, Text(words), soft_wrap=not self._out.is_terminal)

    def document(self, document: Mapping[str, Any]) -> None:
        """Write the JSON document; nothing without ``--json``."""
        if self.as_json:
            _write(self._out, Text(json.dumps(document, indent=2)), soft_wrap=True)

    def note(self, words: str) -> None:
        """Write a line beside the result."""
        self._beside(Text(words))

    def warn(self, words: str) -> None:
        """Write a warning beside the result."""
        self._beside(Text.assemble(("Warning: ", "yellow"), words))

    def error(self, words: str) -> None:
        """Write what went wrong."""
        self._beside(Text.assemble(("Error: ", "bold red"), words))

    def _beside(self, words: Text) -> None:
        _write(self.err, words, soft_wrap=not self.err.is_terminal)

    def fail(
        self, error: OctopushError, *, advice: str = "", **details: Any
    ) -> NoReturn:
        """
        Say what went wrong, in one or two lines or as the JSON document, and exit.

        Args:
            error: What went wrong.
            advice: A further line for people.
            details: Further keys of the document.
        """
        self.error(problem_of(error))
        if not advice and isinstance(error, _FOR_THE_DOCTOR):
            advice = "`octopush doctor` looks for the reason."
        if advice:
            self.note(advice)
        self.document(error_as_json(error) | details)
        raise click.exceptions.Exit(exit_code_of(error))

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn what is raised before anything is sent into words and an exit code."""
        try:
            yield
        except OctopushError as error:
            self.fail(error)
        except (KeyboardInterrupt, click.Abort):
            self.note("\nInterrupted: nothing was sent.")
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to us, as older releases of rich do; newer ones turn off stdout."""
        raise BrokenPipeError(errno.EPIPE, "nobody reads this stream")


def _console(stream: TextIO) -> _Console:
    return _Console(file=stream, highlight=False, markup=False, emoji=False)


def _write(console: Console, words: RenderableType, *, soft_wrap: bool) -> None:
    """Write, unless nobody reads any more, as in ``octopush … | head``."""
    # What is being sent goes on, and the exit code still says what became of it.
    with suppress(BrokenPipeError):
        console.print(words, soft_wrap=soft_wrap)
        return
    # Python would try again on its way out, and say so.
    if console.file is sys.stdout:
        sys.stdout = io.StringIO()
    else:
        sys.stderr = io.StringIO()
