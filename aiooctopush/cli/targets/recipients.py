"""A file with recipients, whichever way it is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from ...bulk.sources.csv_file import CsvSource, read_csv
from ...bulk.sources.json_lines import JsonLinesSource, read_json_lines
from ..terminal.help import Option
from ..terminal.options import F


FileSource = CsvSource | JsonLinesSource

CSV: Final = "csv"
JSON_LINES: Final = "jsonl"
FORMATS: Final = (CSV, JSON_LINES)

_ENDINGS: Final = {".jsonl", ".ndjson"}


def format_option() -> Callable[[F], F]:
    """Which way a file is written, if its name does not tell."""
    return click.option(
        "--format",
        "file_format",
        cls=Option,
        type=click.Choice(FORMATS),
        heading="How the file is read",
        help="By default the name tells: .jsonl and .ndjson are JSON lines, all else "
        "is CSV. Either may be gzipped.",
    )


def open_source(
    path: Path, *, file_format: str | None, encoding: str | None, delimiter: str | None
) -> FileSource:
    """
    Take a file for what it is said to be, or what its name says.

    Raises:
        InvalidFieldError: Unknown encoding, or a delimiter that cannot be one.
        UsageError: JSON lines have no delimiter.
    """
    if (file_format or _format_of(path)) == CSV:
        return read_csv(path, encoding=encoding, delimiter=delimiter)
    if delimiter is not None:
        raise click.UsageError("--delimiter is for CSV; JSON lines have none.")
    return read_json_lines(path, encoding=encoding)


def ignored_in(source: FileSource) -> tuple[str, ...]:
    """
    Names of columns or fields that are not used.

    Raises:
        SourceError: The file cannot be opened, or not be read that far.
    """
    if isinstance(source, CsvSource):
        return source.ignored_columns()
    return source.ignored_fields()


def _format_of(path: Path) -> str:
    endings = [one.lower() for one in path.suffixes if one.lower() != ".gz"]
    return JSON_LINES if endings and endings[-1] in _ENDINGS else CSV
