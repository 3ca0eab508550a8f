"""Files for others to read: whole or not at all, and safe in a spreadsheet."""

import csv
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from ...errors import OctopushError, Outcome


# A cell that begins so is a formula to a spreadsheet.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class ExportError(OctopushError, ValueError):
    """A file cannot be written."""

    # It is about a file of ours, and no message.
    outcome: Outcome | None = None


@contextmanager
def new_file(path: Path, *, private: bool) -> Iterator[TextIO]:
    """
    Write a new file; it replaces one of that name only when it is complete.

    Args:
        path: The file.
        private: Whether it is for its owner alone.

    Raises:
        ExportError: It cannot be written.
    """
    aside = path.with_name(f"{path.name}.new")
    mode = 0o600 if private else 0o666

    def create(name: str, flags: int) -> int:
        # Created here or not at all, so that no existing link is followed.
        return os.open(name, flags | os.O_EXCL, mode)

    try:
        aside.unlink(missing_ok=True)
        try:
            # The writer determines the line ends.
            with open(aside, "w", encoding="utf-8", newline="", opener=create) as file:
                yield file
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror})") from error


@contextmanager
def new_csv(
    path: Path, headings: Sequence[str], *, numbers: Collection[str]
) -> Iterator[Callable[[Sequence[str]], None]]:
    """
    Write a CSV file, row by row, that a spreadsheet shows and does not run.

    Args:
        path: The file, for its owner alone.
        headings: Headings of its columns.
        numbers: Headings of columns with phone numbers, which keep their ``+``.

    Returns:
        A function that writes a row.

    Raises:
        ExportError: It cannot be written.
    """
    with new_file(path, private=True) as file:
        # Quoted, so that numbers are text.
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(headings)

        def write(row: Sequence[str]) -> None:
            writer.writerow(
                cell if heading in numbers else harmless(cell)
                for heading, cell in zip(headings, row, strict=True)
            )

        yield write


def harmless(cell: str) -> str:
    """A cell that no spreadsheet interprets as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
