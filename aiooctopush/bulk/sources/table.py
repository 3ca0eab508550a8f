"""
Rows of cells as recipients: the common part of CSV files and spreadsheets.

Rows are looked at some hundred at a time, column by column. Good ones become a block;
each of the others is looked at alone, so that its error says what is wrong.
"""

from abc import abstractmethod
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Final

from attrs import field, frozen

from ..._limits import MAX_MERGE_FIELD
from ...api._recipients import NUMBER, Recipient
from ...api._shared import is_utf_8
from ...errors import InvalidFieldError
from ...phone import (
    are_clean,
    are_possible,
    check_possible,
    normalize,
    read_column,
)
from .blocks import Block, RowOrBlock
from .columns import COUNTRY, Header, suggestions
from .rows import FileSource
from .text_file import LineFile, SourceError, caused_by, open_file


IS_EMPTY: Final = "is empty, and the text uses it"


@frozen(kw_only=True)
class Table:
    """
    The rows below a header.

    Attributes:
        header: Which column is which field.
        country: Country of numbers without one, if it was declared.
        required: Fields that no recipient may lack.
        path: Path of the file, for the errors.
    """

    header: Header
    country: str | None
    required: frozenset[str]
    path: Path
    width: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "width", len(self.header.names))

    def rows(
        self, rows: Sequence[Sequence[str]], lines: Sequence[int]
    ) -> Generator[RowOrBlock]:
        """
        Read some rows.

        Args:
            rows: Cells; trailing ones may be left out, or be empty and too many.
            lines: Where each starts.
        """
        columns, odd = self._columns(rows)
        good = self._good(columns, odd)
        if not odd:
            if lines:
                yield Block(lines, good)
            return
        # Good rows between two odd ones stay together.
        begin = 0
        for at in sorted(odd):
            yield from _part(lines, good, begin, at)
            begin = at + 1
            row = self._row(rows[at], lines[at])
            if row is not None:
                yield lines[at], row
        yield from _part(lines, good, begin, len(rows))

    def block(
        self, lines: Sequence[int], columns: dict[str, Sequence[str]]
    ) -> Block | None:
        """Rows that look good already as a block; None if one is to be looked at."""
        missing = any("" in columns[name] for name in self.required)
        if missing or not are_possible(columns[NUMBER]):
            return None
        return Block(lines, columns)

    def _columns(
        self, rows: Sequence[Sequence[str]]
    ) -> tuple[list[Sequence[str]], set[int]]:
        """Cells by column, and the places of rows that have too many."""
        odd: set[int] = set()
        width = self.width
        if set(map(len, rows)) != {width}:
            even = []
            for at, cells in enumerate(rows):
                if len(cells) > width and any(map(str.strip, cells[width:])):
                    odd.add(at)
                short = width - len(cells)
                even.append([*cells[:width], *[""] * short] if short else cells)
            rows = even
        return list(zip(*rows, strict=True)), odd

    def _good(
        self, columns: Sequence[Sequence[str]], odd: set[int]
    ) -> dict[str, Sequence[str]]:
        """Columns by field, and warnings."""
        found: dict[str, Sequence[str]] = {NUMBER: ()}
        if not columns:
            return found
        found[NUMBER] = self._numbers(columns, odd)
        for name, at in self.header.values:
            values = found[name] = list(map(str.strip, columns[at]))
            if max(map(len, values)) > MAX_MERGE_FIELD or not is_utf_8("".join(values)):
                odd.update(
                    place
                    for place, value in enumerate(values)
                    if len(value) > MAX_MERGE_FIELD or not is_utf_8(value)
                )
            if name in self.required and "" in values:
                odd.update(at for at, value in enumerate(values) if not value)
        return found

    def _numbers(
        self, columns: Sequence[Sequence[str]], odd: set[int]
    ) -> Sequence[str]:
        first = list(map(str.strip, columns[self.header.numbers[0]]))
        if are_clean(first) and are_possible(first):
            return first
        numbers = []
        for at, known in enumerate(self._common(first)):
            if known is not None:
                numbers.append(known)
                continue
            number, _, failure = self._number([column[at] for column in columns])
            numbers.append(number)
            if failure is not None:
                odd.add(at)
        return numbers

    def _common(self, numbers: Sequence[str]) -> Sequence[str | None]:
        """Numbers in common notations, unless each row may have another country."""
        if self.header.country_at is not None:
            return [None] * len(numbers)
        return read_column(numbers, self.country)

    def _number(
        self, cells: Sequence[str]
    ) -> tuple[str, int, InvalidFieldError | None]:
        """The first number of a row that can be used, its place, and why none can."""
        country = self.country
        if self.header.country_at is not None:
            country = cells[self.header.country_at].strip() or country
        place, failure = self.header.numbers[0], None
        for at in self.header.numbers:
            try:
                return usable(cells[at], country), at, None
            except InvalidFieldError as error:
                # Of an empty cell there is less to say than of one that is not.
                is_better = cells[at].strip() and not cells[place].strip()
                if failure is None or is_better:
                    # Without this frame, which holds the error: only the garbage
                    # collector could free the two of them.
                    place, failure = at, error.with_traceback(None)
        return "", place, failure

    def _row(self, cells: Sequence[str], line: int) -> Recipient | SourceError | None:
        """A single row, with any content; None if it is empty."""
        if not any(map(str.strip, cells)):
            return None
        if len(cells) > self.width and any(map(str.strip, cells[self.width :])):
            return self.unusable(
                cells,
                line,
                f"has {len(cells)} cells where the header has {self.width}: a cell "
                f"that contains the delimiter must be in double quotes",
            )
        even = [*cells, *[""] * (self.width - len(cells))]
        number, place, failure = self._number(even)
        if failure is not None:
            name = NUMBER
            if failure.field == COUNTRY and self.header.country_at is not None:
                name, place = COUNTRY, self.header.country_at
            reason = failure.limit if even[place].strip() else "is empty"
            error = self.unusable(
                cells, line, reason, column=(name, place), got=failure.shown
            )
            return caused_by(failure, error)
        values = {name: even[at].strip() or None for name, at in self.header.values}
        places = dict(self.header.values)
        for name in self.required:
            if name in places and values[name] is None:
                column = name, places[name]
                return self.unusable(cells, line, IS_EMPTY, column=column)
        try:
            return Recipient(number, **values)
        except InvalidFieldError as error:
            got = f"{len(values[error.field] or '')} characters"
            column = error.field, places[error.field]
            return caused_by(
                error,
                self.unusable(cells, line, error.limit, column=column, got=got),
            )

    def unusable(
        self,
        cells: Sequence[str],
        line: int,
        reason: str,
        *,
        column: tuple[str, int] | None = None,
        got: str | None = None,
    ) -> SourceError:
        """
        Make the error of a row.

        Args:
            cells: Cells of the row, as in the file.
            line: Where it starts.
            reason: The problem.
            column: Field and place of the cell that is to blame.
            got: The value of that cell, as it may be shown.
        """
        name = None if column is None else self.header.name_of(*column)
        return SourceError(
            reason,
            path=self.path,
            line=line,
            column=name,
            field=None if column is None else column[0],
            shown=got,
            header=self.header.names,
            cells=tuple(cells),
        )


@frozen
class TableSource(FileSource):
    """The recipients of a file with a header; subclasses read it."""

    @abstractmethod
    def _header(self, file: LineFile) -> Header:
        """Read the names of the columns."""

    def ignored_columns(self) -> tuple[str, ...]:
        """
        Return the names of unused columns, as in the header.

        Look at them before a bulk: ``firstname`` is ``first_name``, ``prénom`` is not.

        Raises:
            SourceError: The file, or its header, cannot be read.
        """
        with open_file(self.path) as file:
            return self._header(file).ignored

    def missing(self, fields: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """
        Find the fields for which the header has no column.

        Returns:
            By field, the columns that may be meant.

        Raises:
            SourceError: The file, or its header, cannot be read.
        """
        with open_file(self.path) as file:
            header = self._header(file)
        found = dict(header.values)
        meant = suggestions(header.ignored)
        return {
            name: tuple(meant.get(name, ())) for name in fields if name not in found
        }

    def table(self, header: Header) -> Table:
        """Converts the rows below a header to recipients."""
        return Table(
            header=header,
            country=self.country,
            required=self.required,
            path=self.path,
        )


def usable(number: str, country: str | None) -> str:
    """
    Read a number of a file, and refuse one that no phone can have.

    Raises:
        InvalidFieldError: See `phone.normalize`; where the extra ``phone`` is there,
            also an international number that cannot exist.
    """
    found = normalize(number, country=country)
    if country is None:
        check_possible(found)
    return found


def _part(
    lines: Sequence[int], columns: dict[str, Sequence[str]], begin: int, end: int
) -> Generator[Block]:
    if begin < end:
        some = {name: column[begin:end] for name, column in columns.items()}
        yield Block(lines[begin:end], some)
