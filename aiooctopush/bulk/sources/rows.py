"""
Common part of all files of recipients, which continue after an unusable row.

Rows are read by a thread, some at a time, so that a slow disk does not hold up the
event loop.
"""

import asyncio
import math
import threading
from abc import abstractmethod
from collections.abc import (
    AsyncGenerator,
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing
from pathlib import Path
from time import perf_counter, sleep
from types import TracebackType
from typing import Any, Final, Self

import attrs
from attrs import evolve, field, frozen

from ..._countries import check_country
from ...api._recipients import Recipient
from ...errors import InvalidFieldError, shown
from .blocks import Block, RowOrBlock
from .columns import declared
from .text_file import LineFile, SourceError, open_file


AT_A_TIME: Final = 250
"""
Maximum number of rows that are checked together; more of them would not fit into the
cache of the processor.
"""

# Rows that a thread reads in one go: less than a millisecond of work, if they are good.
_IN_A_THREAD: Final = 2_000

# A thread that works without a pause keeps the event loop waiting for 5 ms each time
# that this wants to run. So it pauses, in seconds, after that much work.
_WORK: Final = 0.001
_PAUSE: Final = 0.000_05


class FileRows(Iterator[tuple[int, Recipient | SourceError]]):
    """
    One pass through a file: the line where each row starts, and its content.

    An unusable row is yielded as a `SourceError`. Only errors that concern the rest of
    the file are raised, such as another encoding.

    It closes the file at its end; use ``with`` to close it before.

    Attributes:
        total_bytes: Size of the file on disk; None for a pipe.
        pieces: Rows, many good ones together; each is given once, here or by
            iterating.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[LineFile], Generator[RowOrBlock]],
    ) -> None:
        self._file = open_file(path)
        self.total_bytes: int | None = self._file.size()
        self.pieces: Generator[RowOrBlock] = read(self._file)
        self._rows = _single(self.pieces)

    @property
    def bytes_read(self) -> int:
        """
        Bytes read from the disk so far, compressed ones for a gzipped file.

        The file is read ahead by up to 128 KiB.
        """
        return self._file.bytes_read

    def __next__(self) -> tuple[int, Recipient | SourceError]:
        return next(self._rows)

    def close(self) -> None:
        """Close the file; nothing comes after it."""
        self._rows.close()
        self.pieces.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _single(
    pieces: Iterable[RowOrBlock],
) -> Generator[tuple[int, Recipient | SourceError]]:
    for piece in pieces:
        if isinstance(piece, Block):
            yield from zip(piece.lines, piece.recipients(), strict=True)
        else:
            yield piece


def _country(country: str | None) -> str | None:
    if country is None:
        return None
    # Here instead of where a row is read, so that the error comes first.
    return check_country(country)


def encoding_field() -> Any:
    """A field for the encoding of a file of text."""
    return field(default=None, kw_only=True, validator=_is_encoding)


def _is_encoding(_: Any, attribute: "attrs.Attribute[Any]", value: str | None) -> None:
    if value is None:
        return
    try:
        "a".encode(value)
    except (LookupError, ValueError) as error:
        problem = "must be an encoding that Python supports, such as 'cp1252'"
        raise InvalidFieldError(attribute.name, problem, shown=shown(value)) from error


@frozen
class FileSource:
    """
    The recipients of a file, which can be read repeatedly; subclasses parse it.

    The file is opened again for each pass, so that a bulk can be resumed from it. Only
    a few rows are in memory, for any size of the file.
    """

    path: Path = field(converter=Path)
    country: str | None = field(default=None, kw_only=True, converter=_country)
    columns: Mapping[str, tuple[str, ...]] = field(
        default=None, kw_only=True, converter=declared, hash=False
    )
    # The fields that a run uses; only `restricted_to` sets them.
    fields: frozenset[str] | None = field(default=None, init=False, repr=False)
    required: frozenset[str] = field(default=frozenset(), init=False, repr=False)

    def restricted_to(
        self, fields: Collection[str], *, required: Collection[str] = ()
    ) -> Self:
        """
        Return the same source, reading no more than phone numbers and these fields.

        Unused values are neither checked nor kept: a run restricts its source to the
        placeholders of its text.

        Args:
            fields: Such as ``first_name``.
            required: Those of them without which a row cannot be used.
        """
        found = evolve(self)
        object.__setattr__(found, "fields", frozenset(fields))
        object.__setattr__(found, "required", frozenset(required))
        return found

    @abstractmethod
    def ignored_columns(self) -> tuple[str, ...]:
        """
        Name the columns that are no field of a recipient, as the file names them.

        Raises:
            SourceError: The file cannot be opened, or not be read that far.
        """

    @abstractmethod
    def missing(self, fields: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """
        Find the fields for which the file has no column.

        Returns:
            By field, the columns that may be meant, as `columns` would name them.

        Raises:
            SourceError: The file cannot be opened, or not be read that far.
        """

    @abstractmethod
    def _read(self, file: LineFile) -> Generator[RowOrBlock]:
        """Go through an open file, and close it at its end."""

    def __iter__(self) -> Generator[Recipient, None, None]:
        with self.rows() as rows:
            for _, row in rows:
                if isinstance(row, SourceError):
                    raise row
                yield row

    async def __aiter__(self) -> AsyncGenerator[Recipient, None]:
        async with aclosing(self.items()) as items:
            async for item in items:
                if isinstance(item, SourceError):
                    raise item
                yield item

    async def items(self) -> AsyncGenerator[Recipient | SourceError, None]:
        """
        Go through the file once, past lines that cannot be used.

        Each of them is given as a `SourceError` with its line. Reads in threads.

        Raises:
            SourceError: The file cannot be opened, or not be read any further. The
                rows before that were given.
        """
        async with aclosing(self.pieces()) as pieces:
            async for piece in pieces:
                if isinstance(piece, Block):
                    for one in piece.recipients():
                        yield one
                else:
                    yield piece[1]

    async def pieces(self) -> AsyncGenerator[RowOrBlock, None]:
        """
        Go through the file as `items` does, many good rows at a time.

        Raises:
            SourceError: As for `items`.
        """
        reader = _Reader(self.rows)
        try:
            while some := await asyncio.to_thread(reader.take):
                for piece in some:
                    yield piece
        finally:
            reader.close()

    async def scan(self, look: Callable[[RowOrBlock], None]) -> None:
        """
        Go through the file as `pieces` does, but look at each in the thread that reads.

        One thread reads all of it, for a change of threads costs as much as to read a
        hundred rows.

        Raises:
            SourceError: As for `items`.
        """
        reader = _Reader(self.rows)
        try:
            while await asyncio.to_thread(reader.hand, look, math.inf):
                pass
        finally:
            reader.close()

    def rows(self) -> FileRows:
        """
        Open the file and go through it once, past lines that cannot be used.

        For a thread of its own or a script: it blocks. Progress is reported in bytes.

        Raises:
            SourceError: The file cannot be opened.
        """
        return FileRows(self.path, self._read)


class _Reader:
    """
    Rows for a task, read in threads.

    A task that is cancelled does not wait for its thread, which may hang on a slow
    disk or an idle pipe: its last user closes the file.
    """

    def __init__(self, opened: Callable[[], FileRows]) -> None:
        self._opened = opened
        self._rows: FileRows | None = None
        self._error: SourceError | None = None
        self._closed = False
        self._lock = threading.Lock()

    def take(self) -> list[RowOrBlock]:
        """Read some rows; an empty list means the end."""
        some: list[RowOrBlock] = []
        self.hand(some.append)
        return some

    def hand(
        self, look: Callable[[RowOrBlock], None], at_least: float = _IN_A_THREAD
    ) -> bool:
        """Read that many rows, and hand them on; whether there were any."""
        try:
            with self._lock:
                return self._hand(look, at_least)
        finally:
            if self._closed:
                self.close()

    def close(self) -> None:
        """Close the file, now or when the thread that reads it is done."""
        self._closed = True
        # Asked again by `hand` once it has let go, so that no order of the two
        # leaves the file open.
        if self._lock.acquire(blocking=False):
            try:
                if self._rows is not None:
                    self._rows.close()
            finally:
                self._lock.release()

    def _hand(self, look: Callable[[RowOrBlock], None], at_least: float) -> bool:
        if self._error is not None:
            raise self._error
        if self._rows is None:
            self._rows = self._opened()
        count, begun = 0, perf_counter()
        try:
            for piece in self._rows.pieces:
                count += len(piece) if isinstance(piece, Block) else 1
                look(piece)
                if count >= at_least or self._closed:
                    break
                if perf_counter() - begun > _WORK:
                    sleep(_PAUSE)
                    begun = perf_counter()
        except SourceError as error:
            # The rows before it come first, as they do without threads.
            if not count:
                raise
            self._error = error
        return count > 0
