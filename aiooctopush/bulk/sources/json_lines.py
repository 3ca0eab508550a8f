"""
Recipients from JSON lines: one object or one number a line, refused line by line.

Nothing is guessed: a number is a string with its '+', a text is a string, and a
duplicate field is an error.
"""

import json
import os
import re
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import Any, Final, NoReturn

from attrs import define, field, frozen

from ...api._recipients import NUMBER, Recipient
from ...errors import InvalidFieldError
from ...phone import mask
from .blocks import RowOrBlock, in_blocks
from .columns import COLUMNS, COUNTRY, Columns, plain_name, suggestions
from .rows import FileSource, encoding_field
from .table import IS_EMPTY, usable
from .text_file import Format, LineFile, Lines, SourceError, caused_by, open_file


_FORMAT: Final = Format(
    name="JSON lines",
    if_packed="unpack it, or write it again as JSON lines",
    if_not_utf8="write the file again as UTF-8, or name its encoding",
    # An array is often in one line.
    longest_line=16 * 1024 * 1024,
)

# An element may not be longer than a line of its own could be.
_ELEMENT_AT_MOST: Final = 1024 * 1024

# A recipient has no depth at all; what is ignored beside it may have some. The
# decoder's own limit depends on who called it, and on the stack of its thread.
_DEPTH_AT_MOST: Final = 32

# Rows of a block: about a millisecond of work, after which the thread has a pause.
_AT_A_TIME: Final = 100

# Lines that are looked through for names: a typo stands in each of them.
_LOOKED_THROUGH: Final = 1_000

# Names that are remembered; a file may have a new one in each line.
_NAMES_AT_MOST: Final = 1_000

_LOST_PLUS: Final = (
    "is a JSON number, which cannot keep the '+' of a phone number; write it in "
    "double quotes, with '+' and the country code"
)

_WANTED: Final = "each line must be one whole object, or a number in double quotes"

# Strings whole, so that brackets inside them do not count. The last quote may be
# missing: a string without an end is then passed over once, and not from each quote.
_strings_and_brackets = re.compile(
    r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL
).finditer


# Whole strings, and the separators of array elements.
_strings_and_marks = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]|,').finditer


def read_json_lines(
    path: str | os.PathLike[str],
    *,
    encoding: str | None = None,
    country: str | None = None,
    columns: Columns | None = None,
) -> "JsonLinesSource":
    """
    Read recipients from a file of JSON lines, or of one JSON array, plain or gzipped.

    Each line or element is an object with a ``phone_number``, and if wanted
    ``first_name``, ``last_name``, ``param1`` to ``param5``, all of them strings; null
    becomes None. Other fields are ignored, see `JsonLinesSource.ignored_columns`,
    unless ``columns`` names them. A string instead of an object is a number alone.
    Blank lines are passed over. Values are kept unchanged.

    A line has fewer than 16,777,216 characters, an object fewer than 1,048,576, and
    it nests at most 32 deep.

    Nothing is opened before the first row is requested.

    Args:
        path: The file. Gzip is detected by its content, with any name.
        encoding: Such as ``utf-16``. By default from the byte-order mark, otherwise
            UTF-8; a file in another encoding is refused.
        country: Two letters, such as ``FR``, of the national numbers in the file; see
            `phone.normalize`. Needs the extra ``phone``.
        columns: By field, the name that the file has for it; see `read_csv`.

    Raises:
        InvalidFieldError: Unknown encoding, country or field, or a missing extra.
    """
    return JsonLinesSource(path, encoding=encoding, country=country, columns=columns)


@frozen
class JsonLinesSource(FileSource):
    """
    The recipients of a file of JSON, as often as they are asked for.

    Iterating reads the file from its start and raises `SourceError` at the first
    unusable line. `items` and `rows` continue after it. They end at a problem that
    concerns the rest of the file: another encoding, broken gzip, an endless line.

    Made by `read_json_lines`.
    """

    encoding: str | None = encoding_field()

    def ignored_columns(self) -> tuple[str, ...]:
        """
        Name the fields that are not used, in the first 1,000 lines.

        In the order in which they turn up; lines that cannot be read are passed over.

        Raises:
            SourceError: The file cannot be opened, or not be read that far.
        """
        names = _Names(self.columns, None)
        return tuple(name for name in self._first_names() if names.of(name) is None)

    def missing(self, fields: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """
        Find the fields that none of the first 1,000 lines has.

        Returns:
            By field, the names that may be meant.

        Raises:
            SourceError: The file cannot be opened, or not be read that far.
        """
        names = _Names(self.columns, None)
        first = self._first_names()
        known = {found[0] for name in first if (found := names.of(name))}
        meant = suggestions(name for name in first if names.of(name) is None)
        return {
            name: tuple(meant.get(name, ())) for name in fields if name not in known
        }

    def _first_names(self) -> tuple[str, ...]:
        names: dict[str, None] = {}
        with open_file(self.path) as file, closing(_texts(self, file)) as texts:
            for _, text in islice(texts, _LOOKED_THROUGH):
                found = _decoded(text)
                if isinstance(found, dict):
                    names.update(dict.fromkeys(found))
        return tuple(names)

    def _read(self, file: LineFile) -> Generator[RowOrBlock]:
        return in_blocks(_rows(self, file), _AT_A_TIME)


class _Names:
    """Which name in the file is which field; each is looked up once."""

    def __init__(
        self, columns: Mapping[str, tuple[str, ...]], fields: Collection[str] | None
    ) -> None:
        self._places = {
            plain_name(name): (name, 0) for name in COLUMNS if name not in columns
        }
        for name, several in columns.items():
            for rank, one in enumerate(several):
                self._places[plain_name(one)] = name, rank
        self._fields = fields
        self._known: dict[str, tuple[str, int] | None] = {}

    def of(self, name: str) -> tuple[str, int] | None:
        """The field and its rank among several for it; None if it is not used."""
        if name not in self._known:
            if len(self._known) > _NAMES_AT_MOST:
                self._known.clear()
            found = self._places.get(plain_name(name))
            is_used = found is None or self._fields is None or found[0] in self._fields
            self._known[name] = found if is_used else None
        return self._known[name]


def _rows(
    source: JsonLinesSource, file: LineFile
) -> Generator[tuple[int, Recipient | SourceError]]:
    always = (NUMBER, COUNTRY)
    fields = None if source.fields is None else {*source.fields, *always}
    reader = _RowReader(source, _Names(source.columns, fields))
    with file:
        for line, text in _texts(source, file):
            yield line, reader.row(text, line)


def _texts(source: JsonLinesSource, file: LineFile) -> Generator[tuple[int, str]]:
    """The lines that are not blank, or the elements of an array, with their lines."""
    lines = Lines(file, source.encoding, expected=_FORMAT)
    numbered = ((line, text) for line, text in enumerate(lines.each, 1) if text.strip())
    for line, text in numbered:
        if text.lstrip().startswith("["):
            yield from _elements(source, chain([(line, text)], numbered))
            return
        yield line, text
        break
    yield from numbered


def _elements(
    source: JsonLinesSource, lines: Iterable[tuple[int, str]]
) -> Generator[tuple[int, str]]:
    """The elements of an array, each with the line where it begins."""
    array, line = _Array(), 0
    for line, text in lines:
        if array.is_over:
            array.rest += text
            break
        yield from array.elements(line, text)
        if array.size >= _ELEMENT_AT_MOST:
            reason = "contains an object that does not end; this is no JSON file"
            raise SourceError(reason, path=source.path, line=line)
    if not array.is_over:
        reason = "ends within its array; it was probably cut off"
        raise SourceError(reason, path=source.path)
    if array.rest.strip():
        reason = "contains more than one array; write each object on its own line"
        raise SourceError(reason, path=source.path, line=line)


class _Array:
    """
    An array that is read line by line.

    Attributes:
        is_over: Whether it has ended.
        rest: The text after its end.
        size: Characters of the element that has not ended yet.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._parts: list[str] = []
        self._begin: int | None = None
        self.is_over: bool = False
        self.rest: str = ""
        self.size: int = 0

    def elements(self, line: int, text: str) -> Generator[tuple[int, str]]:
        """The elements that end in a line."""
        at = 0
        for found in _strings_and_marks(text):
            mark = found[0]
            if mark in "[{":
                self._depth += 1
                if self._depth == 1:
                    at = found.end()
            elif mark in "]}":
                self._depth -= 1
            if not self._depth or (self._depth == 1 and mark == ","):
                self._keep(line, text[at : found.start()])
                at = found.end()
                if self._begin is not None:
                    yield self._begin, "".join(self._parts).strip()
                self._parts, self._begin, self.size = [], None, 0
            if not self._depth:
                self.is_over, self.rest = True, text[at:]
                return
        self._keep(line, text[at:])

    def _keep(self, line: int, part: str) -> None:
        if part.strip():
            self._begin = line if self._begin is None else self._begin
            self._parts.append(part)
            self.size += len(part)


# --- one line -------------------------------------------------------------------------


@define
class _Number:
    """A number as it was written: a float would have lost digits."""

    written: str = field(repr=False)


@frozen
class _Problem:
    """Why a line is not valid JSON."""

    reason: str


def _refuse_constant(name: str) -> NoReturn:
    msg = f"contains {name}, which is not JSON; use null"
    raise ValueError(msg)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    # Other names may be anything, even names of people, and are not shown.
    known = (f"the field {name}" for name in COLUMNS if names.count(name) > 1)
    msg = f"has {next(known, 'an ignored field')} twice: remove one"
    raise ValueError(msg)


# Made once: `json.loads` with arguments builds one for every line.
_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_refuse_constant,
    parse_float=_Number,
    parse_int=_Number,
)


def _decoded(text: str) -> Any:
    """The content of a line, or a `_Problem`."""
    if _is_too_deep(text):
        return _Problem(f"nests more than {_DEPTH_AT_MOST} deep")
    try:
        # With its end, a string that is not closed would hold a control character.
        return _decoder.decode(text.rstrip("\r\n"))
    # Neither is kept as a cause: the first holds the whole line.
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at").removesuffix(" starting")
        return _Problem(
            f"cannot be read as JSON: {what}, at character {error.pos + 1}; {_WANTED}"
        )
    except ValueError as error:
        return _Problem(str(error))


def _is_too_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= _DEPTH_AT_MOST:
        return False
    depth = 0
    for found in _strings_and_brackets(text):
        mark = found[0]
        if mark in "{[":
            depth += 1
            if depth > _DEPTH_AT_MOST:
                return True
        elif mark in "]}":
            depth -= 1
    return False


class _RowReader:
    """Converts lines to recipients."""

    def __init__(self, source: JsonLinesSource, names: _Names) -> None:
        self._path = source.path
        self._country = source.country
        self._required = source.required
        self._names = names

    def row(self, text: str, line: int) -> Recipient | SourceError:
        """The content of a line."""
        found = _decoded(text)
        if isinstance(found, str):
            found = {NUMBER: found}
        if not isinstance(found, dict):
            return self._not_an_object(found, line)
        values: dict[str, Any] = {}
        numbers: list[tuple[int, str, Any]] = []
        columns: dict[str, str] = {}
        for name, value in found.items():
            place = self._names.of(name)
            if place is None:
                continue
            if place[0] == NUMBER:
                numbers.append((place[1], name, value))
            elif place[0] in values:
                return self._error(found, line, f"has the field {place[0]} twice")
            else:
                values[place[0]], columns[place[0]] = value, name
        if not numbers:
            reason = f"has no field {NUMBER}; rename the field with the number"
            return self._error(found, line, reason)
        return self._recipient(found, line, sorted(numbers), values, columns)

    def _recipient(
        self,
        found: Mapping[str, Any],
        line: int,
        numbers: Sequence[tuple[int, str, Any]],
        values: dict[str, Any],
        columns: Mapping[str, str],
    ) -> Recipient | SourceError:
        country = (
            columns.get(COUNTRY, COUNTRY),
            values.pop(COUNTRY, None) or self._country,
        )
        _, name, value = numbers[0]
        number = self._number(found, line, name, value, country)
        for _, name, value in numbers[1:]:
            if isinstance(number, SourceError):
                other = self._number(found, line, name, value, country)
                number = other if isinstance(other, str) else number
        if isinstance(number, SourceError):
            return number
        for name in self._required:
            if not values.get(name):
                column = name, columns.get(name, name)
                return self._error(found, line, IS_EMPTY, column=column)
        try:
            return Recipient(number, **values)
        except InvalidFieldError as error:
            value = values[error.field]
            reason, got = error.limit, error.shown
            if not isinstance(value, str):
                reason = f"must be text in double quotes, is {_kind_of(value)}"
                got = None
            column = error.field, columns[error.field]
            return caused_by(
                error, self._error(found, line, reason, column=column, got=got)
            )

    def _number(
        self,
        found: Mapping[str, Any],
        line: int,
        name: str,
        value: Any,
        where: tuple[str, Any],
    ) -> str | SourceError:
        column: tuple[str, str] | None = (NUMBER, name)
        # Name in the file, and content.
        country_name, country = where
        if country is not None and not isinstance(country, str):
            reason = f"must be text in double quotes, is {_kind_of(country)}"
            return self._error(found, line, reason, column=(COUNTRY, country_name))
        if isinstance(value, _Number):
            # With a country, nothing depends on a plus that JSON cannot keep.
            if country is None:
                return self._error(
                    found, line, _LOST_PLUS, column=column, got=mask(value.written)
                )
            value = value.written
        if not isinstance(value, str):
            reason = f"must be text in double quotes, is {_kind_of(value)}"
            return self._error(found, line, reason, column=column)
        try:
            return usable(value, country)
        except InvalidFieldError as error:
            if error.field == COUNTRY:
                column = COUNTRY, country_name
            return caused_by(
                error,
                self._error(found, line, error.limit, column=column, got=error.shown),
            )

    def _not_an_object(self, found: object, line: int) -> SourceError:
        if isinstance(found, _Problem):
            return SourceError(found.reason, path=self._path, line=line)
        if isinstance(found, _Number):
            got = mask(found.written)
            return SourceError(_LOST_PLUS, path=self._path, line=line, shown=got)
        reason = f"is {_kind_of(found)}: {_WANTED}"
        return SourceError(reason, path=self._path, line=line)

    def _error(
        self,
        found: Mapping[str, Any],
        line: int,
        reason: str,
        *,
        column: tuple[str, str] | None = None,
        got: str | None = None,
    ) -> SourceError:
        name = None if column is None else column[1]
        if column is not None and name is not None:
            is_same = plain_name(name) == plain_name(column[0])
            name = column[0] if is_same else name
        return SourceError(
            reason,
            path=self._path,
            line=line,
            column=name,
            field=None if column is None else column[0],
            shown=got,
            header=tuple(found),
            cells=tuple(map(_as_cell, found.values())),
        )


def _as_cell(value: Any) -> str:
    if isinstance(value, _Number):
        return value.written
    return value if isinstance(value, str) else json.dumps(value, default=_as_cell)


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds = {dict: "an object", list: "an array", _Number: "a number"}
    return kinds.get(type(value), "null")
