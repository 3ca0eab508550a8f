"""
Recipients from JSON lines: one object or one number a line, refused line by line.

Nothing is guessed: a number is a string with its '+', a text is a string, and a field
that stands twice has no value that could be believed.
"""

import json
import os
import re
from collections.abc import Generator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final, NoReturn

from attrs import define, field, frozen

from ...api._recipients import NUMBER, Recipient
from ...errors import InvalidFieldError
from ...phone import mask
from .blocks import RowOrBlock
from .rows import COLUMNS, FileSource
from .text_file import Format, LineFile, Lines, SourceError, caused_by, open_file


_FORMAT: Final = Format(
    name="JSON lines",
    if_packed="unpack it, or write it again as JSON lines",
    if_not_utf8="write the file again as UTF-8, or name its encoding",
)

# A recipient has no depth at all; what is ignored beside it may have some. The
# decoder's own limit depends on who called it, and on the stack of its thread.
_DEPTH_AT_MOST: Final = 32

# Lines that are looked through for names: a typo stands in each of them.
_LOOKED_THROUGH: Final = 1_000

_NAMES: Final = frozenset(COLUMNS)

_WANTED: Final = "each line must be one whole object, or a number in double quotes"

# Strings whole, so that brackets inside them do not count. The last quote may be
# missing: a string without an end is then passed over once, and not from each quote.
_strings_and_brackets = re.compile(
    r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL
).finditer


def read_json_lines(
    path: str | os.PathLike[str], *, encoding: str | None = None
) -> "JsonLinesSource":
    """
    Read recipients from a file of JSON lines, plain or gzipped.

    Each line is an object with a ``phone_number``, and if wanted ``first_name``,
    ``last_name``, ``param1`` to ``param5``, all of them strings; null is None. Other
    fields are ignored, see `JsonLinesSource.ignored_fields`. A string instead of an
    object is a number alone. Blank lines are passed over. Names are told apart by
    case, and values are taken as they stand.

    A line has fewer than 1,048,576 characters, and nests at most 32 deep.

    Nothing is opened before the first row is asked for.

    Args:
        path: The file. Gzip is known by its content, whatever the name.
        encoding: Such as ``utf-16``. By default what a byte-order mark says,
            otherwise UTF-8; a file that is neither is refused, not guessed.

    Raises:
        InvalidFieldError: Unknown encoding.
    """
    return JsonLinesSource(path, encoding=encoding)


@frozen
class JsonLinesSource(FileSource):
    """
    The recipients of a file of JSON lines, as often as they are asked for.

    Iterating reads the file from its start and raises `SourceError` at the first
    line that cannot be used; `items` and `rows` go on after it, except after what
    concerns the rest of the file: another encoding, broken gzip, an endless line,
    one JSON array instead of lines.

    Made by `read_json_lines`.
    """

    def ignored_fields(self) -> tuple[str, ...]:
        """
        Names of the fields that are not used, in the first 1,000 lines.

        In the order in which they turn up; lines that cannot be read are passed over.
        Look at them before a bulk: ``firstname`` instead of ``first_name`` is one.

        Raises:
            SourceError: The file cannot be opened, or not be read that far.
        """
        names: dict[str, None] = {}
        with open_file(self.path) as file, closing(_lines(self, file)) as lines:
            for _, text in islice(lines, _LOOKED_THROUGH):
                found = _decoded(text)
                if isinstance(found, dict):
                    names.update(dict.fromkeys(found))
        return tuple(name for name in names if name not in _NAMES)

    def _read(self, file: LineFile) -> Generator[RowOrBlock]:
        return _rows(self, file)


def _rows(
    source: JsonLinesSource, file: LineFile
) -> Generator[tuple[int, Recipient | SourceError]]:
    with file:
        for line, text in _lines(source, file):
            yield line, _row(text, source.path, line)


def _lines(source: JsonLinesSource, file: LineFile) -> Generator[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    is_first = True
    lines = Lines(file, source.encoding, expected=_FORMAT)
    for line, text in enumerate(lines.each, 1):
        if not text.strip():
            continue
        if is_first and text.lstrip().startswith("["):
            raise SourceError(
                "begins a JSON array, and these are no JSON lines: write each object "
                "in a line of its own, without commas and brackets around",
                path=source.path,
                line=line,
            )
        is_first = False
        yield line, text


# --- one line -------------------------------------------------------------------------


@define
class _Number:
    """A number as it was written: a float would have lost digits."""

    written: str = field(repr=False)


@frozen
class _Problem:
    """Why a line is no JSON that can be believed."""

    reason: str


def _refuse_constant(name: str) -> NoReturn:
    msg = f"holds {name}, which is not JSON: use null"
    raise ValueError(msg)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    # Other names may be anything, even people's, and are not shown.
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
    """What a line holds, or a `_Problem`."""
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


def _row(text: str, path: Path, line: int) -> Recipient | SourceError:
    found = _decoded(text)
    if isinstance(found, str):
        found = {NUMBER: found}
    if not isinstance(found, dict) or NUMBER not in found:
        return _not_an_object(found, path, line)
    values = found
    if not values.keys() <= _NAMES:
        values = {name: found[name] for name in COLUMNS if name in found}
    try:
        return Recipient(**values)
    except InvalidFieldError as error:
        return _unusable(error, values[error.field], path, line)


def _not_an_object(found: object, path: Path, line: int) -> SourceError:
    if isinstance(found, _Problem):
        return SourceError(found.reason, path=path, line=line)
    if isinstance(found, _Number):
        return _lost_its_plus(found, path, line, column=None)
    if isinstance(found, dict):
        reason = f"has no field {NUMBER}: rename the field with the number"
        return SourceError(reason, path=path, line=line)
    return SourceError(f"is {_kind_of(found)}: {_WANTED}", path=path, line=line)


def _unusable(
    error: InvalidFieldError, value: object, path: Path, line: int
) -> SourceError:
    column = error.field
    reason, got = error.limit, error.shown
    if column == NUMBER and isinstance(value, _Number):
        return _lost_its_plus(value, path, line, column=column)
    if not isinstance(value, str):
        reason, got = f"must be text in double quotes, is {_kind_of(value)}", None
    return caused_by(
        error, SourceError(reason, path=path, line=line, column=column, shown=got)
    )


def _lost_its_plus(
    number: _Number, path: Path, line: int, *, column: str | None
) -> SourceError:
    return SourceError(
        "is a JSON number, which cannot keep the '+' of a phone number: write it in "
        "double quotes, with '+' and the country code",
        path=path,
        line=line,
        column=column,
        shown=mask(number.written),
    )


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds = {dict: "an object", list: "an array", _Number: "a number"}
    return kinds.get(type(value), "null")
