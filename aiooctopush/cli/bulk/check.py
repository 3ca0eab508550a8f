"""A look at the whole file before anything is sent."""

import stat
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from attrs import frozen

from ..._clock import Clock
from ...api.sms import Message
from ...bulk.options import OnDuplicate, OnInvalid
from ...bulk.preview.findings import Preview
from ...bulk.preview.inspection import Inspection
from ...bulk.preview.tallies import LISTED_AT_MOST
from ...bulk.sources.blocks import Block
from ...bulk.sources.rows import FileSource
from ...bulk.sources.text_file import SourceError
from ...errors import shown
from ..terminal.console import Screen
from ..terminal.problems import ExitCode
from ..terminal.progress import Progress
from ..terminal.values import counted


_SHOW_EVERY: Final = 5_000


@frozen(kw_only=True)
class FileCheck:
    """
    What a file holds.

    Attributes:
        found: What would become of its rows.
        bad: The first rows that cannot be used.
        ignored: Names of columns that are not used.
    """

    found: Preview
    bad: tuple[SourceError, ...]
    ignored: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd, though it can be sent."""
        if not self.ignored:
            return self.found.warnings
        columns = shown(", ".join(self.ignored))
        return (*self.found.warnings, f"columns that are not used: {columns}.")

    @property
    def first_bad_rows(self) -> list[dict[str, Any]]:
        """The first rows that cannot be used, as plain values."""
        return [
            {
                "line": error.line,
                "column": error.column,
                "reason": error.reason,
                "shown": error.shown,
            }
            for error in self.bad
        ]


def check_file(
    source: FileSource,
    screen: Screen,
    clock: Clock,
    *,
    inspection: Inspection,
) -> FileCheck:
    """
    Go through a file once.

    Args:
        source: The file.
        screen: For the progress.
        clock: For the progress.
        inspection: Looks at each row.

    Raises:
        SourceError: It is no file that can be read twice, or not as it should be.
    """
    _check_kind(source.path)
    ignored = source.ignored_columns()
    source = inspection.prepared(source)
    bad: list[SourceError] = []
    with (
        source.rows() as rows,
        Progress(screen, clock).begin(f"Checking {source.path.name}") as progress,
    ):
        unshown = 0
        for piece in rows.pieces:
            inspection.look_at(piece)
            unshown += len(piece) if isinstance(piece, Block) else 1
            if unshown >= _SHOW_EVERY:
                progress.show(rows.bytes_read, rows.total_bytes or 0)
                unshown = 0
            if not isinstance(piece, Block):
                _, row = piece
                if isinstance(row, SourceError) and len(bad) < LISTED_AT_MOST:
                    bad.append(row)
    return FileCheck(found=inspection.result(), bad=tuple(bad), ignored=ignored)


def check_message(
    source: FileSource,
    message: Message,
    screen: Screen,
    clock: Clock,
    *,
    batch_size: int,
    on_duplicate: OnDuplicate,
    on_invalid: OnInvalid,
) -> FileCheck:
    """
    Go through a file once, and say what is wrong with it, or odd about the message.

    Raises:
        SourceError: See `check_file`.
        Exit: Nothing is to be sent; why is told.
    """
    inspection = Inspection(
        message.text,
        purpose=message.purpose,
        type=message.type,
        send_at=message.send_at,
        now=clock.now(),
        on_duplicate=on_duplicate,
        batch_size=batch_size,
    )
    check = check_file(source, screen, clock, inspection=inspection)
    if on_duplicate is OnDuplicate.ERROR and check.found.duplicates:
        refuse(
            screen,
            f"{source.path} has {counted(check.found.duplicates, 'row')} with a number "
            "that stands there already. Nothing was sent.",
            duplicates=check.found.duplicates,
        )
    if on_invalid is OnInvalid.ERROR or not check.found.recipients:
        refuse_bad(check, source, screen)
    list_bad(check, screen)
    for words in check.warnings:
        screen.warn(words)
    if message.send_at is not None and message.send_at <= clock.now():
        screen.warn("--at is in the past: the gateway sends at once.")
    return check


def list_bad(check: FileCheck, screen: Screen) -> None:
    """Show the first rows that cannot be used, if there are any."""
    for error in check.bad:
        screen.note(error.problem)
    more = check.found.rejected - len(check.bad)
    if check.bad and more:
        screen.note(f"… and {more:,} more.")


def refuse_bad(check: FileCheck, source: FileSource, screen: Screen) -> None:
    """
    Show what cannot be used, and exit if there is anything.

    Raises:
        Exit: Bad rows, or no row at all.
    """
    found = check.found
    if found.rejected:
        list_bad(check, screen)
        refuse(
            screen,
            f"{found.rejected:,} of {found.items:,} rows "
            f"of {source.path} cannot be used. Nothing was sent.",
            bad_rows=found.rejected,
            first_bad_rows=check.first_bad_rows,
        )
    if not found.recipients:
        refuse(screen, f"{source.path} holds no recipients. Nothing was sent.")


def refuse(screen: Screen, words: str, **details: Any) -> NoReturn:
    """
    Say what is wrong with a file, and exit.

    Raises:
        Exit: Always.
    """
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
