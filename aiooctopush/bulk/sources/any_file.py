"""Recipients from a file of any kind: by its name, or else by its content."""

import gzip
import os
from pathlib import Path
from typing import Final, Literal

from ...errors import InvalidFieldError, shown
from .columns import Columns
from .csv_file import read_csv
from .json_lines import read_json_lines
from .rows import FileSource
from .spreadsheet import read_spreadsheet
from .text_file import GZIP, WORKBOOKS


CSV: Final = "csv"
JSON: Final = "json"
EXCEL: Final = "excel"
FORMATS: Final = (CSV, JSON, EXCEL)
"""CSV, JSON (lines or one array), and a spreadsheet."""

FileFormat = Literal["csv", "json", "excel"]

_BY_NAME: Final = {
    **dict.fromkeys((".csv", ".tsv", ".tab"), CSV),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), JSON),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), EXCEL),
}
# Bytes before the first character of a text file.
_BLANK: Final = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"
_LOOKED_AT: Final = 1024


def read_recipients(
    path: str | os.PathLike[str],
    *,
    format: FileFormat | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    country: str | None = None,
    columns: Columns | None = None,
) -> FileSource:
    """
    Read recipients from a CSV file, JSON or a spreadsheet.

    Nothing is read before the first row is requested, except the beginning of a file
    whose name does not show its format.

    Args:
        path: The file; CSV and JSON may be gzipped.
        format: ``csv``, ``json`` (lines or one array) or ``excel`` (also ``.ods``). By
            default detected from the name, or else from the first bytes.
        encoding: Encoding of CSV or JSON, see `read_csv`.
        delimiter: Delimiter of CSV, see `read_csv`.
        sheet: Sheet of a spreadsheet, see `read_spreadsheet`.
        country: Country of national numbers, such as ``FR``; see `phone.normalize`.
        columns: By field, the name of the column in the file; see `read_csv`.

    Raises:
        InvalidFieldError: An argument is not valid, or is of another format, or an
            extra is missing.
    """
    path = Path(path)
    kind: str = format or _BY_NAME.get(_ending(path)) or _by_content(path)
    if kind not in FORMATS:
        words = f"must be one of {', '.join(FORMATS)}"
        raise InvalidFieldError("format", words, shown=shown(kind))
    if sheet is not None and kind != EXCEL:
        raise InvalidFieldError("sheet", "is for spreadsheets", shown=shown(sheet))
    if delimiter is not None and kind != CSV:
        raise InvalidFieldError("delimiter", "is for CSV", shown=shown(delimiter))
    if encoding is not None and kind == EXCEL:
        raise InvalidFieldError("encoding", "is for text", shown=shown(encoding))
    if kind == EXCEL:
        return read_spreadsheet(path, sheet=sheet, country=country, columns=columns)
    if kind == JSON:
        return read_json_lines(
            path, encoding=encoding, country=country, columns=columns
        )
    return read_csv(
        path, encoding=encoding, delimiter=delimiter, country=country, columns=columns
    )


def _ending(path: Path) -> str:
    endings = [one.lower() for one in path.suffixes if one.lower() != ".gz"]
    return endings[-1] if endings else ""


def _by_content(path: Path) -> str:
    # A pipe can be read only once, and then by who wants its rows.
    if not path.is_file():
        return CSV
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
        if start.startswith(GZIP):
            with gzip.open(path) as unpacked:
                start = unpacked.read(_LOOKED_AT)
    except (OSError, EOFError):
        # The reader of the file reports it with a better message.
        return CSV
    if start.startswith(WORKBOOKS):
        return EXCEL
    return JSON if start.lstrip(_BLANK)[:1] in {b"[", b"{"} else CSV
