"""
Recipients from a spreadsheet: one sheet of an Excel or OpenDocument file.

Numbers that the sheet holds as numbers are read exactly. A spreadsheet is held in
memory as a whole while it is read, so that its size has a limit.
"""

import os
import zipfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from ...errors import InvalidFieldError, shown
from .blocks import RowOrBlock
from .columns import Columns, Header, understood
from .rows import AT_A_TIME
from .table import TableSource
from .text_file import LineFile, SourceError


if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook


ROWS_AT_MOST: Final = 500_000
"""Maximum rows of a sheet; Excel itself allows 1,048,576."""

# Unpacked, before anything is read: a small file can claim any size.
_BYTES_AT_MOST: Final = 1024 * 1024 * 1024

# The part of a compound file that holds a workbook with a password.
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")

_AS_CSV: Final = "save the sheet as CSV (UTF-8), with its numbers formatted as text"


def read_spreadsheet(
    path: str | os.PathLike[str],
    *,
    sheet: str | None = None,
    country: str | None = None,
    columns: Columns | None = None,
) -> "SpreadsheetSource":
    """
    Read recipients from a sheet of an ``.xlsx``, ``.xls`` or ``.ods`` file.

    The first row that is not empty names the columns, as in `read_csv`. A cell with a
    number is read as its digits, so that ``country`` gives it back the ``+`` or the 0
    that a spreadsheet drops. A formula is read as its stored result.

    Nothing is opened before the first row is requested. At most 500,000 rows.

    Args:
        path: The file.
        sheet: Name of the sheet; by default the first one that is visible.
        country: Two letters, such as ``FR``, of the national numbers in the file; see
            `phone.normalize`. Needs the extra ``phone``.
        columns: By field, the name of the column in the file; see `read_csv`.

    Raises:
        InvalidFieldError: Unknown country or field, or a missing extra: ``excel``
            reads the file, ``phone`` the national numbers.
    """
    try:
        import python_calamine  # noqa: F401, PLC0415  # an extra
    except ModuleNotFoundError as error:
        raise InvalidFieldError(
            "path",
            "is a spreadsheet, and needs the extra excel, which is not installed: "
            'pip install "aiooctopush[excel]"',
            shown=shown(path),
        ) from error
    return SpreadsheetSource(path, sheet=sheet, country=country, columns=columns)


@frozen
class SpreadsheetSource(TableSource):
    """
    The recipients of a sheet, as often as they are asked for.

    Iterating reads the file from its start and raises `SourceError` at the first
    unusable row; `items` and `rows` continue after it.

    Made by `read_spreadsheet`.
    """

    sheet: str | None = field(default=None, kw_only=True)

    def _header(self, file: LineFile) -> Header:
        return self._open(file)[0]

    def _read(self, file: LineFile) -> Generator[RowOrBlock]:
        with file:
            header, rows = self._open(file)
            table = self.table(header)
            while some := list(islice(rows, AT_A_TIME)):
                lines = [line for line, _ in some]
                yield from table.rows([cells for _, cells in some], lines)

    def _open(self, file: LineFile) -> tuple[Header, Iterator[tuple[int, list[str]]]]:
        """The header, and the rows below it with their lines."""
        sheet = self._sheet(self._workbook(file))
        if sheet.total_height > ROWS_AT_MOST:
            raise SourceError(
                f"has {sheet.total_height:,} rows, and a sheet of more than "
                f"{ROWS_AT_MOST:,} is not read: {_AS_CSV}",
                path=self.path,
            )
        rows = _numbered(sheet.iter_rows())
        for line, cells in rows:
            header = understood(
                cells, self.columns, self.fields, path=self.path, line=line
            )
            return header, rows
        raise SourceError(
            f"has nothing in the sheet {shown(sheet.name)}: the first row must name "
            "the columns",
            path=self.path,
        )

    def _workbook(self, file: LineFile) -> "CalamineWorkbook":
        from python_calamine import (  # noqa: PLC0415  # an extra
            CalamineError,
            CalamineWorkbook,
            PasswordError,
        )

        self._check_size(file)
        try:
            return CalamineWorkbook.from_filelike(file)
        except (CalamineError, OSError, ValueError) as error:
            if isinstance(error, PasswordError) or _is_encrypted(file):
                reason = f"is protected by a password: remove it, or {_AS_CSV}"
                raise SourceError(reason, path=self.path) from error
            reason = f"is no spreadsheet that can be read ({error}): {_AS_CSV}"
            raise SourceError(reason, path=self.path) from error

    def _check_size(self, file: LineFile) -> None:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                size = sum(one.file_size for one in packed.infolist())
            if size > _BYTES_AT_MOST:
                reason = f"is too large, {size:,} bytes when unpacked: {_AS_CSV}"
                raise SourceError(reason, path=self.path)
        file.seek(0)

    def _sheet(self, book: "CalamineWorkbook") -> "CalamineSheet":
        from python_calamine import (  # noqa: PLC0415  # an extra
            CalamineError,
            SheetTypeEnum,
            SheetVisibleEnum,
        )

        visible = [
            one.name
            for one in book.sheets_metadata
            if one.visible == SheetVisibleEnum.Visible
            and one.typ == SheetTypeEnum.WorkSheet
        ]
        name = self.sheet if self.sheet is not None else next(iter(visible), None)
        if name is None:
            raise SourceError("has no visible sheet", path=self.path)
        if name not in book.sheet_names:
            names = shown(", ".join(book.sheet_names))
            reason = f"has no sheet {shown(name)}, only {names}"
            raise SourceError(reason, path=self.path)
        try:
            return book.get_sheet_by_name(name)
        except CalamineError as error:
            reason = f"has a sheet {shown(name)} that cannot be read ({error})"
            raise SourceError(reason, path=self.path) from error


def _is_encrypted(file: LineFile) -> bool:
    """Whether a workbook is wrapped into a compound file, as a password does it."""
    file.seek(0)
    return _ENCRYPTED in file.read()


def _numbered(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, as text, with their lines."""
    for line, row in enumerate(rows, 1):
        cells = list(map(_as_text, row))
        if any(map(str.strip, cells)):
            yield line, cells


def _as_text(value: object) -> str:
    """The text of a cell: whole numbers without a decimal point, dates as ISO 8601."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return "" if value is None else str(value)
