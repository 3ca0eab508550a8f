"""
Recipients from a CSV file: read as a stream, refused line by line, never guessed.

And what a bulk asks of a source, if it is to go on after a bad row.
"""

import csv
import os
import re
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import Any, Final, Protocol, Self, runtime_checkable

import attrs
from attrs import field, frozen

from ..._limits import MAX_MERGE_FIELD
from ...api._recipients import NUMBER, Recipient
from ...errors import InvalidFieldError, shown
from ...phone import CLEAN_NUMBER
from .blocks import Block, RowOrBlock, block_of
from .rows import AT_A_TIME, COLUMNS, FileSource
from .text_file import (
    Format,
    LineFile,
    Lines,
    SourceError,
    caused_by,
    line_ends,
    open_file,
)


_DELIMITERS: Final = ",;\t"

_FORMAT: Final = Format(
    name="CSV",
    if_packed="save the sheet as CSV (UTF-8)",
    if_not_utf8="if the file comes from Excel on Windows, say "
    'encoding="cp1252", or save it as "CSV UTF-8"',
)

# So few rows, one of which is odd, are not worth halving.
_ONE_BY_ONE: Final = 8

# What no name of a column looks like: six digits in a row, an address, 3.36E+10.
_like_data = re.compile(r"[0-9](?:[ .\-]?[0-9]){5}|@|[0-9][eE]\+").search

_is_bare = re.compile(r"[1-9][0-9]{7,15}").fullmatch
_is_rounded = re.compile(r"\+?[0-9]+(?:[.,][0-9]*)?[eE]\+?[0-9]+").fullmatch
_is_decimal = re.compile(r"\+?[0-9]{8,16}[.,]0+").fullmatch


@runtime_checkable
class RowSource(Protocol):
    """
    A source that goes on after a row that cannot be used.

    A source that has ``items()`` is asked for it: a bulk then counts and lists such
    rows, and sends to the others. `CsvSource` and `JsonLinesSource` have it, and so
    may a class of your own. A dict has another ``items()``, and is no source.
    """

    def items(self) -> AsyncGenerator[Recipient | SourceError, None]:
        """
        Read from the start: who is to get the message, and what cannot be used.

        Each error is given, not raised, and says its line. Whatever is raised ends
        the reading.
        """
        ...


def read_csv(
    path: str | os.PathLike[str],
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> "CsvSource":
    """
    Read recipients from a CSV file, plain or gzipped.

    The first line names the columns, in any order and case: ``phone_number``, and if
    wanted ``first_name``, ``last_name``, ``param1`` to ``param5``. Others are
    ignored, see `CsvSource.ignored_columns`. Cells are stripped of white space, an
    empty one is None, and empty lines are passed over. Every row must have as many
    cells as the header: a shorter one may have been cut off.

    Nothing is opened before the first row is asked for.

    Args:
        path: The file. Gzip is known by its content, whatever the name.
        encoding: Such as ``cp1252``. By default what a byte-order mark says,
            otherwise UTF-8; a file that is neither is refused, not guessed.
        delimiter: One character. By default the comma, semicolon or tab that splits
            the header.

    Raises:
        InvalidFieldError: Unknown encoding, or a delimiter that cannot be one.
    """
    return CsvSource(path, encoding=encoding, delimiter=delimiter)


def _is_delimiter(_: Any, attribute: "attrs.Attribute[Any]", value: str | None) -> None:
    if value is None or value == "\t":
        return
    # A letter, digit, quote or space would split what belongs together.
    good = len(value) == 1 and value.isprintable() and not value.isalnum()
    if not good or value in " \"'+_":
        raise InvalidFieldError(
            attribute.name, "must be one character, such as ';'", shown=shown(value)
        )


@frozen
class CsvSource(FileSource):
    """
    The recipients of a CSV file, as often as they are asked for.

    Iterating reads the file from its start and raises `SourceError` at the first
    line that cannot be used; `items` and `rows` go on after it, except after what
    concerns the rest of the file: a bad header, another encoding, broken gzip, a
    quote that is never closed.

    Made by `read_csv`.
    """

    delimiter: str | None = field(default=None, kw_only=True, validator=_is_delimiter)

    def ignored_columns(self) -> tuple[str, ...]:
        """
        Names of the columns that are not used, as they stand in the header.

        Look at them before a bulk: ``firstname`` instead of ``first_name`` is one.

        Raises:
            SourceError: The file, or its header, cannot be read.
        """
        with open_file(self.path) as file:
            return _Table.of(self, file).ignored

    def _read(self, file: LineFile) -> Generator[RowOrBlock]:
        return _pieces(self, file)


@frozen
class _Table:
    """
    The header understood, and the rows below it.

    Attributes:
        lines: Of the file.
        rows: The same as lists of cells.
        skipped: Lines before the header.
        delimiter: Between cells.
        width: Cells of a row.
        used: Names of the columns that are used, and where they stand.
        ignored: Names of the others.
    """

    lines: Lines
    rows: Any  # the type of csv.reader has no public name
    skipped: int
    delimiter: str
    width: int
    used: tuple[tuple[str, int], ...]
    ignored: tuple[str, ...]
    _are_plain: Callable[[str], object] = field(init=False)

    def __attrs_post_init__(self) -> None:
        names = {at: name for name, at in self.used}
        other = rf"""[^{re.escape(self.delimiter)}"\r\n]"""
        cells = [
            CLEAN_NUMBER
            if names.get(at) == NUMBER
            # As in `block_of`; what is too long may be fine once it is stripped.
            else other + (f"{{0,{MAX_MERGE_FIELD}}}+" if at in names else "*+")
            for at in range(self.width)
        ]
        row = re.escape(self.delimiter).join(cells)
        rows = re.compile(rf"(?:{row}\r?\n)*+")
        object.__setattr__(self, "_are_plain", rows.fullmatch)

    @classmethod
    def of(cls, source: CsvSource, file: LineFile) -> Self:
        lines = Lines(file, source.encoding, expected=_FORMAT)
        skipped = 0
        for first in lines.each:
            if first.strip():
                break
            skipped += 1
        else:
            raise SourceError(
                "is empty: the first line must name the columns, such as "
                "phone_number,first_name",
                path=source.path,
            )
        delimiter = source.delimiter or _delimiter_of(first)
        rows = _reader(chain([first], lines.each), delimiter)
        number = skipped + 1
        try:
            cells = next(rows)
        except csv.Error as error:
            raise _broken(error, source.path, number) from error
        names = [_plain(cell) for cell in cells]
        problem = _header_problem(cells, names)
        if problem:
            raise SourceError(problem, path=source.path, line=number)
        known = frozenset(COLUMNS).intersection(names)
        return cls(
            lines=lines,
            rows=rows,
            skipped=skipped,
            delimiter=delimiter,
            width=len(names),
            used=tuple((name, names.index(name)) for name in COLUMNS if name in known),
            ignored=tuple(
                cell.strip()
                for cell, name in zip(cells, names, strict=True)
                if name and name not in known
            ),
        )

    def block(self, text: str, line: int) -> Block | None:
        """
        Whole lines as a block, if the csv module would make the same of them.

        That is so where nothing is quoted; it takes two fifths of the time. None if a
        line may hold another thing than a row of a good recipient.

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
        columns = {
            name: cells[at :: self.width]
            if name == NUMBER
            else list(map(str.strip, cells[at :: self.width]))
            for name, at in self.used
        }
        return Block(range(line, line + len(columns[NUMBER])), columns)


def _reader(lines: Iterable[str], delimiter: str) -> Any:
    # Strict, so that a quote that is never closed does not swallow the file.
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _plain(cell: str) -> str:
    return cell.strip().strip("\"'").strip().lower()


def _delimiter_of(first: str) -> str:
    """The delimiter that sets `phone_number` apart, or else the one found most."""
    for delimiter in _DELIMITERS:
        if NUMBER in map(_plain, first.split(delimiter)):
            return delimiter
    return max(_DELIMITERS, key=first.count)


def _header_problem(cells: Sequence[str], names: Sequence[str]) -> str | None:
    twice = sorted({name for name in names if names.count(name) > 1} & {*COLUMNS})
    if twice:
        return f"has the column {twice[0]} twice: rename or remove one"
    if NUMBER in names:
        return None
    # Somebody's name must not get into an error, so this is asked first.
    if any(map(_like_data, cells)):
        return (
            f"has no column {NUMBER}, and looks like data: put a line before it that "
            "names the columns, such as phone_number,first_name"
        )
    return (
        f"has no column {NUMBER}, only {shown(', '.join(cells))}: rename the column "
        "with the numbers, or name the delimiter"
    )


def _pieces(source: CsvSource, file: LineFile) -> Generator[RowOrBlock]:
    with file:
        table = _Table.of(source, file)
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


def _rows_at_hand(table: _Table, passed: int, path: Path) -> Generator[RowOrBlock]:
    """Some rows, as the csv module reads them from the lines at hand."""
    lines, rows = table.lines, table.rows
    start = passed + rows.line_num + 1
    some: list[list[str]] = []
    failure: csv.Error | SourceError | None = None
    try:
        # What comes before a failure is in there, too.
        some.extend(islice(rows, min(AT_A_TIME, lines.left or AT_A_TIME)))
    except (csv.Error, SourceError) as error:
        failure = error
    numbers: Sequence[int] = range(start, start + len(some) + 1)
    if passed + rows.line_num + 1 != numbers[-1]:
        numbers = list(accumulate(map(_height, some), initial=start))
    yield from _some_pieces(table, some, numbers[:-1], path)
    if isinstance(failure, SourceError):
        raise failure
    if failure is not None:
        broken = _broken(failure, path, numbers[-1])
        # Inside one line the next is sound; what spans several may have swallowed
        # people, and must not pass for one bad row.
        if passed + rows.line_num > numbers[-1]:
            raise broken from failure
        yield numbers[-1], broken


def _height(row: Iterable[str]) -> int:
    """How many lines of the file a row takes: line ends in cells are as they were."""
    return 1 + line_ends(",".join(row))


def _some_pieces(
    table: _Table, rows: Sequence[list[str]], lines: Sequence[int], path: Path
) -> Generator[RowOrBlock]:
    """Rows as one block, or, as long as that cannot be, each half of them."""
    if len(rows) < _ONE_BY_ONE:
        for cells, line in zip(rows, lines, strict=True):
            row = _row(table, cells, path, line)
            if row is not None:
                yield line, row
        return
    if set(map(len, rows)) == {table.width}:
        columns = list(zip(*rows, strict=True))
        block = block_of(
            lines, {name: list(map(str.strip, columns[at])) for name, at in table.used}
        )
        if block is not None:
            yield block
            return
    half = len(rows) // 2
    yield from _some_pieces(table, rows[:half], lines[:half], path)
    yield from _some_pieces(table, rows[half:], lines[half:], path)


def _row(
    table: _Table, cells: list[str], path: Path, line: int
) -> Recipient | SourceError | None:
    """A row by itself, whatever it holds; None if that is nothing."""
    if len(cells) != table.width:
        if any(map(str.strip, cells)):
            return _uneven(len(cells), table.width, path, line)
        return None
    values: dict[str, Any] = {
        name: cells[index].strip() or None for name, index in table.used
    }
    try:
        return Recipient(**values)
    except InvalidFieldError as error:
        if not any(map(str.strip, cells)):
            return None
        return _unusable(error, values[error.field], path, line)


def _uneven(cells: int, width: int, path: Path, line: int) -> SourceError:
    if cells > width:
        advice = "a cell that holds the delimiter must stand in double quotes"
    else:
        advice = "the row may have been cut off; leave cells empty, not out"
    return SourceError(
        f"has {cells} cells where the header has {width}: {advice}",
        path=path,
        line=line,
    )


def _broken(error: csv.Error, path: Path, line: int) -> SourceError:
    return caused_by(
        error,
        SourceError(
            f"cannot be read as CSV: {error}; a double quote inside a quoted cell is "
            "written twice, and each cell that begins with one ends with one",
            path=path,
            line=line,
        ),
    )


def _unusable(
    error: InvalidFieldError, cell: str | None, path: Path, line: int
) -> SourceError:
    if error.field != NUMBER:
        reason, got = error.limit, f"{len(cell or '')} characters"
    elif cell is None:
        reason, got = "is empty", None
    else:
        reason, got = _number_problem(cell) or error.limit, error.shown
    return caused_by(
        error,
        SourceError(reason, path=path, line=line, column=error.field, shown=got),
    )


def _number_problem(cell: str) -> str | None:
    """What spreadsheets and data frames do to phone numbers."""
    if _is_bare(cell):
        return (
            "must start with '+' and the country code; it looks like a spreadsheet "
            "dropped the '+': format the column as text and write the numbers again"
        )
    if _is_rounded(cell):
        return (
            "was rounded by a spreadsheet, and its last digits are lost: format the "
            "column as text and write the numbers again"
        )
    if _is_decimal(cell):
        return (
            "was written as a decimal number by another program: have it write the "
            "column as text, with '+' and the country code"
        )
    return None
