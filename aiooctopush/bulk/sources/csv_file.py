"""
Recipients from a CSV file: read as a stream, refused line by line, never guessed.

It also has the methods that a bulk needs to continue after a bad row.
"""

import csv
import os
import re
from collections.abc import (
    AsyncGenerator,
    Callable,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import Any, Final, Protocol, Self, runtime_checkable

import attrs
from attrs import field, frozen

from ..._limits import MAX_MERGE_FIELD
from ...api._recipients import NUMBER, Recipient
from ...errors import InvalidFieldError, shown
from ...phone import CLEAN_NUMBER
from .blocks import Block, RowOrBlock
from .columns import Columns, Header, plain_name, understood
from .rows import AT_A_TIME, encoding_field
from .table import Table, TableSource
from .text_file import (
    Format,
    LineFile,
    Lines,
    SourceError,
    caused_by,
    line_ends,
)


_DELIMITERS: Final = ",;\t"

_FORMAT: Final = Format(
    name="CSV",
    if_packed="save the sheet as CSV (UTF-8)",
    if_not_utf8=(
        'if the file comes from Excel on Windows, pass encoding="cp1252", or save it '
        'as "CSV UTF-8"'
    ),
)

_CUT_OFF: Final = (
    "is the last line and ends before its last cell; the file was probably cut off"
)

# A first line for spreadsheets.
_separator_line = re.compile(r"sep=(.)").fullmatch


@runtime_checkable
class RowSource(Protocol):
    """
    A source that continues after an unusable row.

    A bulk reads ``items()`` of a source that has it: it then counts and lists such
    rows, and sends to the others. `CsvSource` and `JsonLinesSource` have it, and so may
    a class of your own. A dict has another ``items()``, and is no source.
    """

    def items(self) -> AsyncGenerator[Recipient | SourceError, None]:
        """
        Read from the start: recipients, and unusable rows.

        Each error is yielded instead of raised, and has its line. A raised error ends
        the reading.
        """
        ...


def read_csv(
    path: str | os.PathLike[str],
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    country: str | None = None,
    columns: Columns | None = None,
) -> "CsvSource":
    """
    Read recipients from a CSV file, plain or gzipped.

    The first line names the columns, in any order: ``phone_number``, and if wanted
    ``first_name``, ``last_name``, ``param1`` to ``param5``. Case, accents, spaces,
    hyphens and underscores make no difference. Other columns are ignored, see
    `CsvSource.ignored_columns`, unless ``columns`` names them. Cells are stripped of
    white space, an empty one yields None, and empty lines are passed over. Trailing
    cells that are left out are empty.

    Nothing is opened before the first row is requested.

    Args:
        path: The file. Gzip is detected by its content, with any name.
        encoding: Such as ``cp1252``. By default from the byte-order mark, otherwise
            UTF-8; a file in another encoding is refused.
        delimiter: One character. By default from a first line ``sep=;``, or else the
            comma, semicolon or tab that splits the header.
        country: Two letters, such as ``FR``, of the national numbers in the file; see
            `phone.normalize`. Needs the extra ``phone``.
        columns: By field, the name of the column in the file, such as
            ``{"phone_number": "Téléphone"}``. For ``phone_number`` these may be
            several: the first usable number counts. The field ``country`` contains the
            country of each row.

    Raises:
        InvalidFieldError: Unknown encoding, country or field, a delimiter that cannot
            be one, or a missing extra.
    """
    return CsvSource(
        path, encoding=encoding, delimiter=delimiter, country=country, columns=columns
    )


def _is_delimiter(_: Any, attribute: "attrs.Attribute[Any]", value: str | None) -> None:
    if value is None or value == "\t":
        return
    # A letter, digit, quote or space would split values.
    good = len(value) == 1 and value.isprintable() and not value.isalnum()
    if not good or value in " \"'+_":
        raise InvalidFieldError(
            attribute.name, "must be one character, such as ';'", shown=shown(value)
        )


@frozen
class CsvSource(TableSource):
    """
    The recipients of a CSV file, as often as they are asked for.

    Iterating reads the file from its start and raises `SourceError` at the first
    unusable line. `items` and `rows` continue after it. They end at a problem that
    concerns the rest of the file: a bad header, another encoding, broken gzip, a quote
    that is never closed.

    Made by `read_csv`.
    """

    encoding: str | None = encoding_field()
    delimiter: str | None = field(default=None, kw_only=True, validator=_is_delimiter)

    def _header(self, file: LineFile) -> Header:
        return _CsvTable.of(self, file).table.header

    def _read(self, file: LineFile) -> Generator[RowOrBlock]:
        return _pieces(self, file)


@frozen
class _CsvTable:
    """
    The header understood, and the rows below it.

    Attributes:
        lines: Lines of the file.
        rows: Rows as lists of cells.
        skipped: Lines before the header.
        delimiter: Between cells.
        table: The table that makes recipients of cells.
    """

    lines: Lines
    rows: Any  # the type of csv.reader has no public name
    skipped: int
    delimiter: str
    table: Table
    _are_plain: Callable[[str], object] = field(init=False)

    def __attrs_post_init__(self) -> None:
        header = self.table.header
        values = {at for _, at in header.values}
        other = rf"""[^{re.escape(self.delimiter)}"\r\n]"""
        cells = [
            CLEAN_NUMBER
            if at == header.numbers[0]
            # As in `Table`; a long value may be valid once it is stripped.
            else other + (f"{{0,{MAX_MERGE_FIELD}}}+" if at in values else "*+")
            for at in range(self.table.width)
        ]
        row = re.escape(self.delimiter).join(cells)
        rows = re.compile(rf"(?:{row}\r?\n)*")
        object.__setattr__(self, "_are_plain", rows.fullmatch)

    @classmethod
    def of(cls, source: "CsvSource", file: LineFile) -> Self:
        lines = Lines(file, source.encoding, expected=_FORMAT)
        skipped, named = 0, None
        for first in lines.each:
            separator = _separator_line(first.strip())
            if separator and named is None:
                named = separator[1]
            elif first.strip():
                break
            skipped += 1
        else:
            raise SourceError(
                "is empty; the first line must name the columns, such as "
                "phone_number,first_name",
                path=source.path,
            )
        plain = first.strip().strip('"')
        delimiter = source.delimiter or named or _delimiter_of(plain, source.columns)
        rows = _reader(chain([first], lines.each), delimiter)
        number = skipped + 1
        try:
            cells = _unwrapped(next(rows), delimiter, width=0)
        except csv.Error as error:
            raise _broken(error, source.path, number) from error
        header = understood(
            cells, source.columns, source.fields, path=source.path, line=number
        )
        return cls(
            lines=lines,
            rows=rows,
            skipped=skipped,
            delimiter=delimiter,
            table=source.table(header),
        )

    def block(self, text: str, line: int) -> Block | None:
        """
        A second way of `_rows_at_hand`: whole lines as a block, without the csv module.

        It makes the same of them where nothing is quoted. None if a line may hold
        another thing than a row of a good recipient.

        Args:
            text: Lines, each with its end.
            line: Number of the first.
        """
        if len(text) > csv.field_size_limit() or not self._are_plain(text):
            return None
        cells = (
            text.replace("\r", "").replace("\n", self.delimiter).split(self.delimiter)
        )
        # Behind the last line end there is nothing.
        del cells[-1]
        header, width = self.table.header, self.table.width
        columns: dict[str, Sequence[str]] = {NUMBER: cells[header.numbers[0] :: width]}
        for name, at in header.values:
            columns[name] = list(map(str.strip, cells[at::width]))
        return self.table.block(range(line, line + len(columns[NUMBER])), columns)


def _reader(lines: Iterable[str], delimiter: str) -> Any:
    # Strict, so that a quote that is never closed does not swallow the file.
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _delimiter_of(first: str, columns: Mapping[str, tuple[str, ...]]) -> str:
    """The delimiter that sets the numbers apart, or else the one found most."""
    wanted = {plain_name(one) for one in columns.get(NUMBER, (NUMBER,))}
    for delimiter in _DELIMITERS:
        if wanted.intersection(map(plain_name, first.split(delimiter))):
            return delimiter
    return max(_DELIMITERS, key=first.count)


def _unwrapped(cells: list[str], delimiter: str, width: int) -> list[str]:
    """The cells of a line that was put into quotes as a whole."""
    if len(cells) != 1 or width == 1 or delimiter not in cells[0]:
        return cells
    try:
        found: list[str] = next(_reader(cells, delimiter))
    except csv.Error:
        return cells
    return found


def _pieces(source: "CsvSource", file: LineFile) -> Generator[RowOrBlock]:
    with file:
        table = _CsvTable.of(source, file)
        lines, rows = table.lines, table.rows
        # The reader counts the lines that it was given.
        passed = table.skipped
        while True:
            start = passed + rows.line_num + 1
            if not lines.left:
                text = lines.text()
                if text is None:
                    return
                block = table.block(text, start)
                if block is not None:
                    lines.used(len(block))
                    passed += len(block)
                    yield block
                    continue
                lines.give_back(text)
            yield from _rows_at_hand(table, passed, source.path)


def _rows_at_hand(table: _CsvTable, passed: int, path: Path) -> Generator[RowOrBlock]:
    """Some rows, as the csv module reads them from the lines at hand."""
    lines, rows = table.lines, table.rows
    start = passed + rows.line_num + 1
    some: list[list[str]] = []
    failure: csv.Error | SourceError | None = None
    try:
        # It includes the rows before a failure.
        some.extend(islice(rows, min(AT_A_TIME, lines.left or AT_A_TIME)))
    except (csv.Error, SourceError) as error:
        failure = error
    numbers: Sequence[int] = range(start, start + len(some) + 1)
    if passed + rows.line_num + 1 != numbers[-1]:
        numbers = list(accumulate(map(_height, some), initial=start))
    width = table.table.width
    cells = [_unwrapped(row, table.delimiter, width) for row in some]
    cut_off = lines.is_cut_off and not lines.left and failure is None
    last = cells[-1:]
    if cut_off and last and 0 < len(last[0]) < width:
        del cells[-1]
    else:
        last = []
    yield from table.table.rows(cells, numbers[: len(cells)])
    for row in last:
        yield numbers[-2], table.table.unusable(row, numbers[-2], _CUT_OFF)
    if isinstance(failure, SourceError):
        raise failure
    if failure is not None:
        broken = _broken(failure, path, numbers[-1])
        # After a problem in one line the next is sound. A problem that spans several
        # lines may have swallowed recipients, and must not count as one bad row.
        if passed + rows.line_num > numbers[-1]:
            raise broken from failure
        yield numbers[-1], broken


def _height(row: Iterable[str]) -> int:
    """Number of lines of a row in the file, including line ends in cells."""
    return 1 + line_ends(",".join(row))


def _broken(error: csv.Error, path: Path, line: int) -> SourceError:
    return caused_by(
        error,
        SourceError(
            f"cannot be read as CSV: {error}; double a quote inside a quoted cell, "
            "and close each quoted cell with a quote",
            path=path,
            line=line,
        ),
    )
