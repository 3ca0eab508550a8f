"""
Batches as they are cut from a source, the next one while the last is written down.

Batches that are cut by the time that the sender is ready can be written down in one
transaction. No batch waits for that: from a slow source each goes out alone.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from ...ledgers.batch import Content
from ...ledgers.records import Rejection
from .batching import BatchReader


# Turns of the loop, enough for a batch of which a half or more is known: it is filled
# in several reads, with a turn between them.
_TURNS: Final = 4


@frozen(kw_only=True)
class ReadBatch:
    """
    A batch, and how far the source was read for it.

    Attributes:
        content: Its text and recipients; empty at the end of the source, and after very
            many rejections.
        identities: Digests of its items, if numbers do not identify them.
        first: Where it begins in the source, counted from 0.
        is_end: True at the end of the source.
        counts: Counts of all items so far, by their names in a run.
        rejections: Those since the batch before.
    """

    content: Content = field(repr=False)
    identities: bytes = field(repr=False)
    first: int
    is_end: bool
    counts: Mapping[str, Any]
    rejections: tuple[Rejection, ...]


class BatchPrefetcher:
    """
    Cuts batches from an intake, in its order, for one caller at a time.

    Args:
        intake: Is used by this alone until `aclose`.
        size: Recipients of a batch at most.
    """

    def __init__(self, intake: BatchReader, size: int) -> None:
        self._intake = intake
        self._size = size
        self._ahead: asyncio.Task[ReadBatch] | None = None

    async def next(self) -> ReadBatch:
        """
        Give the next batch.

        Raises:
            InvalidFieldError: See `BatchReader.take`.
        """
        if self._ahead is None:
            return await self._cut()
        ahead, self._ahead = self._ahead, None
        return await ahead

    async def ready(self) -> ReadBatch | None:
        """
        Return the next batch if it is read at once; None otherwise, or at the end.
        """
        if self._ahead is None:
            self._ahead = asyncio.create_task(self._cut())
            for _ in range(_TURNS):
                if not self._ahead.done():
                    await asyncio.sleep(0)
        ahead = self._ahead
        # The end, and errors after this batch, are for the next caller.
        if not ahead.done() or ahead.cancelled() or ahead.exception() is not None:
            return None
        cut = ahead.result()
        if cut.is_end:
            return None
        self._ahead = None
        return cut

    async def aclose(self) -> None:
        """
        Stop reading; batches that were read but not requested are read again next time.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def _cut(self) -> ReadBatch:
        reader = self._intake
        content = await reader.take(self._size)
        return ReadBatch(
            content=() if content is None else content,
            identities=b"".join(reader.identities),
            first=reader.first or 0,
            is_end=content is None,
            counts={
                "items": reader.items,
                "new": reader.new,
                "already": reader.already,
                "duplicates": reader.duplicates,
                "excluded": reader.excluded,
                "rejected": reader.rejected,
            },
            rejections=tuple(reader.rejections),
        )
