"""Files with recipients: the options for reading them, and opening them."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import click
from attrs import frozen

from ...api._recipients import Recipient
from ...bulk.sources.any_file import FORMATS, read_recipients
from ...bulk.sources.columns import Columns
from ...bulk.sources.rows import FileSource
from ...errors import InvalidFieldError
from ..terminal.help import option
from ..terminal.options import FILE, bundled, country_option


_BLOCK: Final = 1024 * 1024

STDIN: Final = Path("-")
"""Name of standard input in place of a file."""


@frozen(kw_only=True)
class FileReading:
    """How a file with recipients is read; `recipient_file_options` makes it."""

    format: Any = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    country: str | None = None
    columns: Columns | None = None

    def open(self, path: Path) -> FileSource:
        """
        Open a file as the given format, or as its name or content indicates.

        Args:
            path: The file. ``-`` is standard input, which is copied to a private file
                until the command ends, because a file is read twice.

        Raises:
            InvalidFieldError: Unknown encoding, country or field, a delimiter that
                cannot be one, or an option that the format does not have.
        """
        return read_recipients(
            _kept() if path == STDIN else path, **attrs.asdict(self, recurse=False)
        )


@frozen
class SeveralFiles:
    """The recipients of several files, one after the other: whom nothing is sent to."""

    sources: Sequence[FileSource]

    def __iter__(self) -> Iterator[Recipient]:
        for source in self.sources:
            yield from source.restricted_to(())


def _columns(
    _: click.Context, __: click.Parameter, given: tuple[str, ...]
) -> dict[str, tuple[str, ...]] | None:
    """Read ``FIELD=HEADER,HEADER``."""
    found: dict[str, tuple[str, ...]] = {}
    for one in given:
        name, equals, headers = one.partition("=")
        if not equals:
            raise click.BadParameter(
                f"{one!r} must be FIELD=HEADER, such as phone_number=Mobile.",
                param_hint="--column",
            )
        if name.strip() in found:
            raise click.BadParameter(
                f"{name.strip()} is given twice; several columns are separated by "
                "commas.",
                param_hint="--column",
            )
        # A header may hold a comma only if it is the one column of another field.
        several = headers.split(",") if name.strip() == "phone_number" else [headers]
        found[name.strip()] = tuple(header.strip() for header in several)
    return found or None


recipient_file_options: Final = bundled(
    "reading",
    FileReading,
    country_option(),
    option(
        "--column",
        "columns",
        multiple=True,
        callback=_columns,
        metavar="FIELD=HEADER[,HEADER…]",
        heading=FILE,
        help="Which column is which field, such as phone_number=Mobile or "
        "first_name=Prénom. If several columns are given for phone_number, the first "
        "usable number counts. country=HEADER names the column with the country of "
        "each row. Repeatable.",
    ),
    option(
        "--sheet",
        metavar="NAME",
        heading=FILE,
        help="Sheet of a spreadsheet; by default the first visible one.",
    ),
    option(
        "--format",
        type=click.Choice(FORMATS),
        heading=FILE,
        help=(
            "csv, json (lines or one array) or excel (also .ods). By default detected "
            "from the name or the content. CSV and JSON may be gzipped."
        ),
    ),
    option(
        "--encoding",
        metavar="NAME",
        heading=FILE,
        help="Such as cp1252, for CSV files of Excel on Windows. Default: UTF-8.",
    ),
    option(
        "--delimiter",
        metavar="CHARACTER",
        heading=FILE,
        help="Separator of CSV columns. By default comma, semicolon or tab is found "
        "automatically.",
    ),
)
"""Add options for reading a file with recipients."""


def _kept() -> Path:
    """Standard input as a file, until the command ends."""
    if sys.stdin is None or sys.stdin.isatty():
        kind = "closed" if sys.stdin is None else "a terminal"
        raise InvalidFieldError("-", f"reads standard input, which is {kind} here")
    stream = sys.stdin.buffer
    folder = tempfile.TemporaryDirectory(prefix="octopush-")
    click.get_current_context().call_on_close(folder.cleanup)
    path = Path(folder.name, "standard-input")
    with path.open("wb") as file:
        while some := stream.read(_BLOCK):
            file.write(some)
    return path
