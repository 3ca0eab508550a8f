"""A look at the whole file before anything is sent."""

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from attrs import evolve, frozen

from ..._clock import Clock
from ...api.sms import Message
from ...bulk.options import OnDuplicate, OnInvalid
from ...bulk.preview.findings import Preview
from ...bulk.preview.inspection import Inspection
from ...bulk.sources.blocks import Block
from ...bulk.sources.people import People
from ...bulk.sources.rows import FileSource
from ...bulk.sources.text_file import SourceError
from ...errors import Outcome, shown
from ..terminal.console import Screen
from ..terminal.exit_codes import ExitCode
from ..terminal.problems import in_options, outcome_document
from ..terminal.progress import Progress
from ..terminal.values import counted
from ..wording import TOO_LATE, rejected_because
from .options import PlanningOptions


_SHOW_EVERY: Final = 5_000


@frozen(kw_only=True)
class FileCheck:
    """
    Content of a file.

    Attributes:
        path: Its name.
        found: Preview of the messages that a run would send.
        ignored: Names of columns that are not used.
    """

    path: Path
    found: Preview
    ignored: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about a file that can be sent."""
        found = tuple(map(in_options, self.found.warnings))
        if not self.ignored:
            return found
        columns = shown(", ".join(self.ignored))
        return (*found, f"columns that are not used: {columns}.")

    @property
    def first_bad_rows(self) -> list[dict[str, Any]]:
        """The first rows that are rejected, as plain values."""
        return [
            {
                "line": one.line,
                "column": one.column_name,
                "reason": in_options(one.reason),
                "shown": one.shown,
            }
            for one in self.found.rejections
        ]


def check_file(
    source: FileSource,
    screen: Screen,
    clock: Clock,
    *,
    inspection: Inspection,
) -> tuple[FileSource, FileCheck]:
    """
    Go through a file once, and refuse nothing of it.

    Args:
        source: The file.
        screen: For the progress.
        clock: For the progress.
        inspection: Looks at each row.

    Returns:
        The file as it is to be sent, which is read no further than the text needs.

    Raises:
        SourceError: It is no file that can be read twice, or not as it should be.
    """
    _check_kind(source.path)
    ignored = source.ignored_columns()
    used: FileSource = inspection.prepared(source)
    with (
        used.rows() as rows,
        Progress(screen, clock).begin(f"Checking {source.path.name}") as progress,
    ):
        unshown = 0
        for piece in rows.pieces:
            inspection.look_at(piece)
            unshown += len(piece) if isinstance(piece, Block) else 1
            if unshown >= _SHOW_EVERY:
                progress.show(rows.bytes_read, rows.total_bytes or 0)
                unshown = 0
    return used, FileCheck(
        path=source.path,
        found=inspection.result(),
        ignored=ignored,
    )


@frozen(kw_only=True)
class FileChecker:
    """
    Checks a file before it is sent, and refuses obvious mistakes.

    Attributes:
        message: The message to send.
        screen: For the progress, and for errors.
        clock: For the progress, and for times in the past.
        planning: As for the run.
        people: Recipients whom the run has planned before, and excluded ones.
    """

    message: Message
    screen: Screen
    clock: Clock
    planning: PlanningOptions
    people: People

    def check(self, source: FileSource) -> tuple[FileSource, FileCheck]:
        """
        Check a file, and report its problems.

        Returns:
            The file to send, and its content.

        Raises:
            SourceError: See `check_file`.
            Exit: Nothing is to be sent; the reason is on the screen.
        """
        message = self.message
        inspection = Inspection(
            message.text,
            purpose=message.purpose,
            type=message.type,
            send_at=message.send_at,
            now=self.clock.now(),
            on_duplicate=self.planning.on_duplicate,
            on_missing=self.planning.on_missing,
            batch_size=self.planning.batch_size,
            people=self.people,
        )
        used, check = check_file(
            source,
            self.screen,
            self.clock,
            inspection=inspection,
        )
        if check.found.already and not check.found.recipients:
            # Nobody is left for whom it could be too late.
            check = evolve(check, found=evolve(check.found, overdue=None))
        self._refuse_all(check)
        self._refuse_rows(check)
        return used, check

    def _refuse_all(self, check: FileCheck) -> None:
        refusals = tuple(map(in_options, check.found.refusals))
        if not refusals:
            return
        list_bad(check, self.screen)
        for words in refusals[1:]:
            self.screen.error(words)
        ending = "Nothing was sent."
        if check.found.overdue is not None and len(self.people.known):
            ending = f"Nothing was sent now. {TOO_LATE}"
        refuse(
            self.screen,
            f"{refusals[0].rstrip('.')}. {ending}",
            refusals=list(refusals),
        )

    def _refuse_rows(self, check: FileCheck) -> None:
        if self.planning.on_duplicate is OnDuplicate.ERROR and check.found.duplicates:
            refuse(
                self.screen,
                f"{check.path} has {counted(check.found.duplicates, 'row')} with a "
                "number that occurs before. Nothing was sent.",
                duplicates=check.found.duplicates,
            )
        if self.planning.on_invalid is OnInvalid.ERROR or not check.found.people:
            refuse_bad(check, self.screen)


def list_bad(check: FileCheck, screen: Screen) -> None:
    """Show the first rows that are rejected, if there are any."""
    listed = check.found.rejections
    for one in listed:
        column = f", column {one.column_name}" if one.column_name else ""
        words = f"{check.path}, {one.place}{column}: {rejected_because(one)}"
        screen.note(words)
    more = check.found.rejected - len(listed)
    if more:
        screen.note(f"… and {more:,} more.")


def refuse_bad(check: FileCheck, screen: Screen) -> None:
    """
    Show the rows that are rejected, and exit if there are any.

    Raises:
        Exit: Bad rows, or no row at all.
    """
    found = check.found
    if found.rejected:
        list_bad(check, screen)
        refuse(
            screen,
            f"{found.rejected:,} of {found.items:,} rows "
            f"of {check.path} cannot be used. Nothing was sent.",
            bad_rows=found.rejected,
            first_bad_rows=check.first_bad_rows,
        )
    if not found.people:
        refuse(screen, f"{check.path} holds no recipients. Nothing was sent.")


def refuse(screen: Screen, words: str, **details: Any) -> NoReturn:
    """
    Report the problem of a file, and exit.

    Raises:
        Exit: Always.
    """
    screen.error(words)
    document = outcome_document(SourceError.__name__, words, Outcome.NOT_SENT)
    screen.document(document | details)
    raise click.exceptions.Exit(ExitCode.BAD_INPUT)


def people_beside(excluded: Iterable[FileSource], on_duplicate: OnDuplicate) -> People:
    """
    Read whom nothing is sent to; a ledger adds those whom its run has planned.

    Raises:
        SourceError: A file or one of its rows cannot be read, so the exclusions would
            be incomplete.
    """
    people = People(by_number=True, keeps_copies=on_duplicate is OnDuplicate.KEEP)
    for source in excluded:
        _check_kind(source.path)
        for recipient in source.restricted_to(()):
            people.excluded.add(recipient.phone_number)
    return people


def _check_kind(path: Path) -> None:
    # The source itself reports files that cannot be opened, with a better message.
    if path.exists() and not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
        raise SourceError(
            "must be a file: it is read twice, a pipe only once", path=path
        )
