"""Sources of recipients: what may be one, and how it is opened and closed."""

import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import asynccontextmanager
from types import AsyncGeneratorType, GeneratorType

from ...api._recipients import Recipient
from ...api.sms import SmsRequest
from ...errors import InvalidFieldError
from .csv_file import RowSource
from .text_file import SourceError


Item = str | Recipient | SmsRequest | SourceError
"""The items of a source; an error represents an unusable row."""

Items = Iterable[Item] | AsyncIterable[Item]
"""Items, never held in memory as a whole."""

Source = Items | RowSource
"""Any iterable of items; each start reads it once, from its beginning to its end."""


def _items_of(source: Source, name: str) -> Items:
    if isinstance(source, str | bytes | Mapping | os.PathLike | Recipient):
        # A str is iterable: each digit would become a recipient.
        has_letters = isinstance(source, str) and any(map(str.isalpha, source))
        is_file = has_letters or isinstance(source, os.PathLike)
        how = "for a file use read_csv(path)" if is_file else "[one] for a single one"
        raise InvalidFieldError(
            name,
            f"must be an iterable of recipients; {how}",
            shown=type(source).__name__,
        )
    if isinstance(source, RowSource) and callable(source.items):
        rows: object = source.items()
        # Other things have items as well, such as a column of a data frame.
        if isinstance(rows, AsyncIterable):
            return rows
    if isinstance(source, Iterable | AsyncIterable):
        _check_unread(source, name)
        return source
    raise InvalidFieldError(
        name,
        "must be an iterable of recipients",
        shown=type(source).__name__,
    )


def _check_unread(source: Items, name: str) -> None:
    """Refuse a generator that has ended: its run would have no recipients."""
    frame = (
        source.gi_frame
        if isinstance(source, GeneratorType)
        else source.ag_frame
        if isinstance(source, AsyncGeneratorType)
        else source
    )
    if frame is None:
        problem = "is a generator that has been read to its end; create a new one"
        raise InvalidFieldError(name, problem)


@asynccontextmanager
async def opened(
    source: Source,
    name: str = "source",
) -> AsyncGenerator[Iterator[Item] | AsyncIterator[Item], None]:
    """
    Iterate over a source.

    Args:
        source: The source of the items.
        name: Argument that it was passed as, for the error.

    Raises:
        InvalidFieldError: It is one string, nothing that can be iterated, or a
            generator that has ended.
    """
    items = _items_of(source, name)
    iterator = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
    try:
        yield iterator
    finally:
        # Sources that were passed in stay open; those opened here are closed.
        if iterator is not source:
            if isinstance(iterator, AsyncGenerator):
                await iterator.aclose()
            elif isinstance(iterator, Generator):
                iterator.close()
