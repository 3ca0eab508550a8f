"""
A file as lines of text: opened, unpacked, decoded, and refused by the line.

The file is read as a stream; at most one line of it is held.
"""

import codecs
import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Generator, Iterator
from itertools import chain
from operator import length_hint
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from ...api._shared import is_utf_8
from ...errors import OctopushError, Outcome


_BUFFER: Final = 128 * 1024
# Bytes that are decoded in one go: some hundred lines.
_AT_A_TIME: Final = 16 * 1024
# Eight times what the csv module lets into one cell: a longer line holds no row, and
# reading on for its end could fill the memory.
_LINE_AT_MOST: Final = 1024 * 1024

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
GZIP: Final = b"\x1f\x8b"
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

# Bytes that are not valid in the encoding are read as these and found line by line;
# the decoder itself works ahead and could not tell the line.
_undecodable = re.compile("[\udc80-\udcff]").search

_CANNOT_OPEN: Final = (
    (FileNotFoundError, "there is no such file; check the path"),
    (IsADirectoryError, "is a folder, not a file"),
    (PermissionError, "is not readable by this user"),
)


class SourceError(OctopushError, ValueError):
    """
    A file, or one line of it, cannot be used.

    This row was not sent; earlier rows may have been.

    Attributes:
        path: The file, as it was given.
        line: Where the row starts, counted from 1; None if it is about the file.
        column: Name of the column in the file, if it is about one.
        field: Field of the recipient that this column is for.
        reason: The problem, without the place.
        shown: The value as it may be shown: a masked number, never a name.
        header: Names of the columns of the file, if it has any.
        cells: The row as in the file, so that it can be written to a file and
            corrected. It is private: no message of the error contains it.
    """

    # "Nothing was sent" would be wrong of the rows before this one.
    outcome: Outcome | None = None

    def __init__(
        self,
        reason: str,
        *,
        path: Path,
        line: int | None = None,
        column: str | None = None,
        field: str | None = None,
        shown: str | None = None,
        header: tuple[str, ...] = (),
        cells: tuple[str, ...] = (),
    ) -> None:
        where = str(path)
        if line is not None:
            where += f", line {line}"
        if column is not None:
            where += f", column {column}"
        got = f" (got {shown})" if shown is not None else ""
        super().__init__(f"{where}: {reason}{got}")
        self.reason = reason
        self.path = path
        self.line = line
        self.column = column
        self.field = field
        self.shown = shown
        self.header = header
        self.cells = cells

    def __reduce__(self) -> tuple[Any, ...]:
        # The row is private: it does not travel to another process.
        build, (kind, words, state) = super().__reduce__()
        return build, (kind, words, state | {"header": (), "cells": ()})


def caused_by(cause: Exception, error: SourceError) -> SourceError:
    """
    Link an error to its cause, without the frames behind either.

    A caller that collects a million bad rows must not keep their sources in memory.
    """
    cause.__context__ = None
    error.__cause__ = cause.with_traceback(None)
    return error


@frozen(kw_only=True)
class Format:
    """
    Expected format of a file, for its errors.

    Attributes:
        name: Such as CSV.
        if_packed: Advice for a workbook or an archive.
        if_not_utf8: Advice for a file in another encoding.
        longest_line: In characters; a longer line is refused.
    """

    name: str
    if_packed: str
    if_not_utf8: str
    longest_line: int = _LINE_AT_MOST


class LineFile(io.FileIO):
    """A file that counts the bytes read, also for a pipe."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path: Path = path
        self.bytes_read: int = 0

    def readinto(self, buffer: Any, /) -> int | None:
        """Read as any file does, and count."""
        count = super().readinto(buffer)
        self.bytes_read += count or 0
        return count

    def size(self) -> int | None:
        """Bytes on disk; None for a pipe."""
        status = os.fstat(self.fileno())
        return status.st_size if stat.S_ISREG(status.st_mode) else None


def open_file(path: Path) -> LineFile:
    """
    Open a file for `Lines`.

    Raises:
        SourceError: It cannot be opened.
    """
    try:
        return LineFile(path)
    except OSError as error:
        words = (words for kind, words in _CANNOT_OPEN if isinstance(error, kind))
        reason = next(words, f"cannot be opened: {error.strerror}")
        raise SourceError(reason, path=path) from error


def _opened(
    file: LineFile, encoding: str | None, expected: Format
) -> tuple[io.BufferedReader | gzip.GzipFile, io.IncrementalNewlineDecoder]:
    """Undo gzip, and find the encoding."""
    plain: io.BufferedReader | gzip.GzipFile = io.BufferedReader(file, _BUFFER)
    if plain.peek(len(GZIP)).startswith(GZIP):
        plain = gzip.GzipFile(fileobj=plain)
    start = plain.peek(len(WORKBOOKS[0]))
    if start.startswith(WORKBOOKS):
        raise SourceError(
            f"is a workbook or an archive, not {expected.name}: {expected.if_packed}",
            path=file.path,
        )
    marked = (name for mark, name in _BYTE_ORDER_MARKS if start.startswith(mark))
    found = encoding or next(marked, "utf-8")
    decoder = codecs.getincrementaldecoder(found)("surrogateescape")
    # It keeps both halves of a line end together. Line ends stay as they are, for
    # those inside quotes are the csv module's business.
    return plain, io.IncrementalNewlineDecoder(decoder, translate=False)


class Lines:
    """
    A file line by line, or some hundred lines as one text where that is enough.

    Closes the file at its end.

    Args:
        file: Just opened.
        encoding: By default from the byte-order mark, otherwise UTF-8.
        expected: The expected format, for the errors.

    Attributes:
        each: The lines. Requesting a line or a text may raise `SourceError`: the file
            is damaged, not text, or in another encoding.
        is_cut_off: Whether the line that was read last has no end.
    """

    def __init__(
        self, file: LineFile, encoding: str | None, *, expected: Format
    ) -> None:
        self._file = file
        self._encoding = encoding
        self._expected = expected
        self._number = 0
        self._texts = self._read()
        self._again: str | None = None
        self.is_cut_off: bool = False
        self._at_hand: Iterator[str] = iter(())
        # Chained in C: a generator that passes each on would take as long as csv.
        self.each: Iterator[str] = chain.from_iterable(self._split())

    @property
    def left(self) -> int:
        """Unread lines of the current text."""
        return length_hint(self._at_hand)

    def text(self) -> str | None:
        """
        The next text, if no line is left of the one before; None at the end.

        The user confirms it by `used`, or gives it back.
        """
        again, self._again = self._again, None
        if again is not None:
            return again
        text = next(self._texts, None)
        if text is not None:
            self.is_cut_off = text[-1] not in "\r\n"
        return text

    def used(self, count: int) -> None:
        """Skip a text of this many lines; counting them here would take longer."""
        self._number += count

    def give_back(self, text: str) -> None:
        """Have a text line by line after all."""
        self._again = text

    def _split(self) -> Generator[Iterator[str]]:
        while (text := self.text()) is not None:
            lines = _lines_of(text)
            self._number += len(lines)
            self._at_hand = iter(lines)
            yield self._at_hand

    def _read(self) -> Generator[str]:
        """Some whole lines at a time, as far as they are text."""
        path, encoding = self._file.path, self._encoding
        try:
            # Closed here, before the layers above it are dropped, which would warn.
            with self._file as file:
                plain, decoder = _opened(file, encoding, self._expected)
                for at, text in enumerate(
                    _some_lines(plain, decoder, self._expected.longest_line)
                ):
                    good, problem = _good_part(
                        text if at else text.removeprefix(_MARK),
                        encoding,
                        self._expected,
                    )
                    if good:
                        yield good
                    if problem:
                        raise SourceError(problem, path=path, line=self._number + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(
                f"cannot be read beyond line {self._number}: it is damaged or was cut "
                f"off ({type(error).__name__})",
                path=path,
            ) from error
        except UnicodeError as error:
            raise SourceError(
                f"is not {encoding or 'text'} somewhere beyond line {self._number}: "
                "name the right encoding",
                path=path,
            ) from error


def _lines_of(text: str) -> list[str]:
    """The lines of a text with their ends, which the csv module wants as they are."""
    return list(io.StringIO(text, newline=""))


def line_ends(text: str) -> int:
    """How many lines end in a text."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _some_lines(
    plain: io.BufferedReader | gzip.GzipFile,
    decoder: io.IncrementalNewlineDecoder,
    longest: int,
) -> Generator[str]:
    """Whole lines, and the one that is too long as far as it was read."""
    held: list[str] = []
    size, is_over = 0, False
    while not is_over:
        # No more than there is: who reads from a pipe does not wait for it to fill.
        read = plain.read1(_AT_A_TIME)
        is_over = not read
        text = decoder.decode(read, final=is_over)
        end = max(text.rfind("\n"), text.rfind("\r")) + 1
        # A line that is too long already does not have to be complete.
        if is_over or (size if not end else -end) + len(text) >= longest:
            end = len(text)
        if end or is_over:
            held.append(text[:end])
            whole = "".join(held)
            held, size = [], 0
            if whole:
                yield whole
        if end < len(text):
            held.append(text[end:])
            size += len(text) - end


def _good_part(
    text: str, encoding: str | None, expected: Format
) -> tuple[str, str | None]:
    """The lines before the first that is not text, and its problem."""
    # All at once, for nearly always all of them are.
    if len(text) < expected.longest_line and "\0" not in text and is_utf_8(text):
        return text, None
    good = 0
    for line in _lines_of(text):
        problem = _not_text(line, encoding, expected)
        if problem:
            return text[:good], problem
        good += len(line)
    return text, None


def _not_text(line: str, encoding: str | None, expected: Format) -> str | None:
    if "\0" in line:
        return (
            "contains a NUL character; the file is no text, or it is UTF-16 without a "
            'byte-order mark: then pass encoding="utf-16-le"'
        )
    if not line.isascii() and _undecodable(line):
        if encoding is None:
            return f"is not UTF-8: {expected.if_not_utf8}"
        return f"is not {encoding}: name the right encoding"
    if len(line) >= expected.longest_line:
        return (
            f"has {expected.longest_line:,} characters or more: this is no "
            f"{expected.name} file"
        )
    return None
