"""A look at the whole file before anything is sent."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from attrs import Factory, define

from .._clock import Clock
from ..api._shared import Recipient
from ..bulk.files import SourceError
from ..bulk.seen import SeenNumbers
from ..bulk.sources import CsvSource
from ..errors import shown
from ._console import ExitCode, Screen, counted
from ._progress import meter


SHOWN_AT_MOST: Final = 20
"""Bad lines that are shown one by one."""

_LOOK_EVERY: Final = 5_000


@define
class FileCheck:
    """
    What a file holds.

    Attributes:
        recipients: Rows that can be used.
        bad: The first rows that cannot.
        bad_count: How many there are of them.
        duplicates: Rows whose number stood in an earlier one.
        ignored: Names of columns that are not used.
    """

    recipients: int = 0
    bad: list[SourceError] = Factory(list)
    bad_count: int = 0
    duplicates: int = 0
    ignored: tuple[str, ...] = ()

    def warnings(self) -> Iterator[str]:
        """What is odd, though it can be sent."""
        if self.duplicates:
            yield (
                f"{counted(self.duplicates, 'row')} with a number that stands in the "
                "file already: these people get the message more than once."
            )
        if self.ignored:
            yield f"columns that are not used: {shown(', '.join(self.ignored))}."


def check_file(
    source: CsvSource,
    screen: Screen,
    clock: Clock,
    *,
    look: Callable[[int, Recipient], None],
) -> FileCheck:
    """
    Go through a file once.

    Args:
        source: The file.
        screen: For the progress.
        clock: For the progress.
        look: Called for each recipient with its line.

    Raises:
        SourceError: It is no file that can be read twice, or no CSV file.
    """
    _check_kind(source.path)
    check = FileCheck(ignored=source.ignored_columns())
    seen = SeenNumbers()
    with (
        source.rows() as rows,
        meter(screen, f"Checking {source.path.name}", clock=clock) as progress,
    ):
        for count, (line, row) in enumerate(rows, 1):
            if count % _LOOK_EVERY == 0:
                progress.show(rows.bytes_read, rows.total_bytes or 0)
            if isinstance(row, SourceError):
                check.bad_count += 1
                if check.bad_count <= SHOWN_AT_MOST:
                    check.bad.append(row)
                continue
            check.recipients += 1
            look(line, row)
            seen.add(row.phone_number)
    check.duplicates = check.recipients - len(seen)
    return check


def refuse_bad(check: FileCheck, source: CsvSource, screen: Screen) -> None:
    """
    Show what cannot be used, and exit if there is anything.

    Raises:
        Exit: Bad rows, or no row at all.
    """
    if check.bad_count:
        for error in check.bad:
            screen.note(error.problem)
        more = check.bad_count - len(check.bad)
        if more:
            screen.note(f"… and {more:,} more.")
        _refuse(
            screen,
            f"{check.bad_count:,} of {check.bad_count + check.recipients:,} rows "
            f"of {source.path} cannot be used. Nothing was sent.",
            bad_rows=check.bad_count,
            first_bad_rows=[
                {
                    "line": error.line,
                    "column": error.column,
                    "reason": error.reason,
                    "shown": error.shown,
                }
                for error in check.bad
            ],
        )
    if not check.recipients:
        _refuse(screen, f"{source.path} holds no recipients. Nothing was sent.")


def _refuse(screen: Screen, words: str, **details: Any) -> NoReturn:
    screen.error(words)
    screen.document(
        {
            "error": SourceError.__name__,
            "message": words,
            "outcome": "not_sent",
            "maybe_sent": False,
            "request_id": None,
            "code": None,
        }
        | details
    )
    raise click.exceptions.Exit(ExitCode.BAD_INPUT)


def _check_kind(path: Path) -> None:
    # What cannot be opened is told by the source, in better words.
    if path.exists() and not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
        raise SourceError(
            "must be a file: it is read twice, a pipe only once", path=path
        )
