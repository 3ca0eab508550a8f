"""
Batches as they are cut from a source, the next one while the last is written down.

Batches that are cut by the time that somebody is ready to send them can be written down
in one transaction. None waits for that: from a slow source each goes out by itself.
"""

import asyncio

from attrs import field, frozen

from ...ledgers.batch import Content
from ...ledgers.records import Rejection, RunRecord
from .batching import BatchReader


@frozen(kw_only=True)
class ReadBatch:
    """
    A batch, and how far the source was read for it.

    Attributes:
        content: What it says to whom; to nobody at the end of the source.
        is_end: Whether that is reached.
        position: See `BatchReader`.
        duplicates: See `BatchReader`.
        rejected: See `BatchReader`.
        rejections: Those since the cut before.
    """

    content: Content = field(repr=False)
    is_end: bool
    position: int
    duplicates: int
    rejected: int
    rejections: tuple[Rejection, ...]


class BatchPrefetcher:
    """
    What is cut from an intake, in its order, and for one caller at a time.

    Args:
        intake: Is used by this alone until `aclose`.
        size: Recipients of a batch at most.
    """

    def __init__(self, intake: BatchReader, size: int) -> None:
        self._intake = intake
        self._size = size
        self._ahead: asyncio.Task[ReadBatch] | None = None

    async def next(self, run: RunRecord) -> ReadBatch:
        """
        The next batch.

        Args:
            run: Who rejections before its cursor are known to.

        Raises:
            InvalidFieldError: See `BatchReader.take`.
        """
        if self._ahead is None:
            return await self._cut(run)
        ahead, self._ahead = self._ahead, None
        return await ahead

    async def ready(self, run: RunRecord) -> ReadBatch | None:
        """The next batch if it needs no waiting; None if it does, or there is none."""
        if self._ahead is None:
            self._ahead = asyncio.create_task(self._cut(run))
            # One turn of the loop: enough for what is read already.
            await asyncio.sleep(0)
        ahead = self._ahead
        # The end, and what went wrong behind this batch, is for who comes next.
        if not ahead.done() or ahead.cancelled() or ahead.exception() is not None:
            return None
        cut = ahead.result()
        if cut.is_end:
            return None
        self._ahead = None
        return cut

    async def aclose(self) -> None:
        """Read no further. What was read and not asked for is read again next time."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def _cut(self, run: RunRecord) -> ReadBatch:
        content = await self._intake.take(self._size)
        return ReadBatch(
            content=() if content is None else content,
            is_end=content is None,
            position=self._intake.position,
            duplicates=self._intake.duplicates,
            rejected=self._intake.rejected,
            rejections=self._intake.take_rejections(run),
        )
