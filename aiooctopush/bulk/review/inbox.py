"""Delivery receipts on their way to a ledger that a run may be holding."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Final

from attrs import define, field

from ..._clock import Clock
from ...ledgers.protocols import Ledger
from ...ledgers.records import LedgerError
from ...ledgers.sqlite.file import open_privately
from ...webhooks import DeliveryReceipt
from ...webhooks.statuses import to_status
from .receipts import ReceiptMatcher


# Put to the ledger together; about 200 kB of a file.
_AT_ONCE: Final = 5_000

IN_MEMORY_AT_MOST: Final = 200_000
"""Receipts that wait without a file: about 50 MB of them."""


class InboxFullError(Exception):
    """The memory for waiting receipts is full."""


@define
class ReceiptFile:
    """
    A file of receipts that are not in the ledger yet, one a line; only ever added to.

    Each receipt is on the disk when `add` returns, and so outlives a kill. When all of
    them are in the ledger the file is emptied.

    Args:
        path: Path of the file; made with the first receipt, for its owner alone.

    Raises:
        LedgerError: Another process receives for the same ledger.
    """

    path: Path
    _descriptor: int | None = None
    _size: int = 0
    _done: int = 0

    def open(self) -> None:
        """Open the receipts that an earlier process may have left."""
        try:
            import fcntl  # noqa: PLC0415  # not on every system

            descriptor = open_privately(
                str(self.path), os.O_RDWR | os.O_CREAT | os.O_APPEND
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BaseException:
                os.close(descriptor)
                raise
        except BlockingIOError:
            raise LedgerError(
                f"{self.path}: another process receives callbacks for this ledger; "
                f"stop it first"
            ) from None
        except (OSError, ImportError) as error:
            raise LedgerError(
                f"{self.path}: receipts cannot be stored there"
            ) from error
        self._descriptor, self._size = descriptor, os.fstat(descriptor).st_size
        self._end_last_line()

    @property
    def has_more(self) -> bool:
        """Whether it holds a receipt that is not in the ledger."""
        return self._done < self._size

    def add(self, receipts: Sequence[DeliveryReceipt]) -> None:
        """
        Write receipts down; they are on the disk when this returns.

        Raises:
            OSError: They are not; nothing of them is kept.
        """
        said = [(one.ticket, one.number, str(one.status)) for one in receipts]
        data = "".join(f"{json.dumps(one)}\n" for one in said).encode()
        try:
            self._write(data)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._opened, self._size)
            raise
        self._size += len(data)

    def next(self) -> tuple[Sequence[DeliveryReceipt], int]:
        """
        Return the next receipts, and where they end; empty at the end of the file.
        """
        receipts: list[DeliveryReceipt] = []
        with open(  # noqa: PTH123  # by its descriptor, wherever the file is now
            os.dup(self._opened), "rb"
        ) as file:
            end = file.seek(self._done)
            while len(receipts) < _AT_ONCE and end < self._size:
                line = file.readline()
                end += len(line)
                receipts += _receipts_of(line)
        return receipts, end

    def forget(self, end: int) -> None:
        """Delete the receipts before a position, because the ledger has them."""
        self._done = end
        if not self.has_more:
            os.ftruncate(self._opened, 0)
            self._size = self._done = 0

    def close(self) -> None:
        """Close the file, and remove it if nothing waits in it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            if not self.has_more:
                self.path.unlink(missing_ok=True)
            os.close(descriptor)

    @property
    def _opened(self) -> int:
        if self._descriptor is None:
            raise LedgerError(f"{self.path}: is not open")
        return self._descriptor

    def _write(self, data: bytes) -> None:
        written = 0
        while written < len(data):
            written += os.write(self._opened, data[written:])
        os.fsync(self._opened)

    def _end_last_line(self) -> None:
        """A receipt that was cut off by a kill was not confirmed: it is no receipt."""
        if self._size:
            last = os.pread(self._opened, 1, self._size - 1)
            if last != b"\n":
                os.write(self._opened, b"\n")
                self._size += 1


def _receipts_of(line: bytes) -> Sequence[DeliveryReceipt]:
    try:
        ticket, number, status = json.loads(line)
    except ValueError:
        return ()
    return (
        DeliveryReceipt(ticket=ticket, number=number, status=to_status(str(status))),
    )


@define
class ReceiptInbox:
    """
    Keeps delivery receipts until they are in a ledger, which a run may be holding.

    With a file none is lost: when `take` has returned, the receipt is on the disk. The
    file is emptied as soon as the ledger has everything. Receipts left by a killed
    process are written by the next one that opens the file. Without a file they wait in
    memory, and when that is full, further receipts are refused.

    Args:
        opened: Opens the ledger for a while, for writing.
        clock: Time.
        file: Where they wait; None keeps them in memory.
    """

    _opened: Callable[[], AbstractAsyncContextManager[Ledger]]
    _clock: Clock
    _file: ReceiptFile | None = None
    _receipts: list[DeliveryReceipt] = field(factory=list, init=False)
    _arriving: list[DeliveryReceipt] = field(factory=list, init=False)
    _adding: asyncio.Lock = field(factory=asyncio.Lock, init=False)
    _matcher: ReceiptMatcher | None = field(default=None, init=False)
    taken: int = field(default=0, init=False)

    @property
    def is_waiting(self) -> bool:
        """Whether there is a receipt that is not in the ledger yet."""
        return bool(self._receipts) or (self._file is not None and self._file.has_more)

    @property
    def proven(self) -> int:
        """Batches that a receipt proved sent."""
        return 0 if self._matcher is None else self._matcher.proven

    @property
    def unmatched(self) -> int:
        """Receipts that belong to no run of the ledger."""
        return 0 if self._matcher is None else self._matcher.unmatched

    @property
    def ambiguous(self) -> int:
        """Receipts that fit several unresolved batches, and so proved none."""
        return 0 if self._matcher is None else self._matcher.ambiguous

    @property
    def in_memory(self) -> int:
        """Receipts that would be lost with this process."""
        return len(self._receipts)

    async def take(self, receipt: DeliveryReceipt) -> None:
        """
        Keep a receipt; with a file it is on the disk when this returns.

        Raises:
            InboxFullError: There is no file, and memory is full.
            OSError: The file could not be written; nothing was kept.
        """
        if self._file is None:
            if len(self._receipts) >= IN_MEMORY_AT_MOST:
                raise InboxFullError
            self._receipts.append(receipt)
            self.taken += 1
            return
        self._arriving.append(receipt)
        async with self._adding:
            # The first task writes all receipts that have arrived since.
            some, self._arriving = self._arriving, []
            if not some:
                return
            try:
                await asyncio.to_thread(self._file.add, some)
            except BaseException:
                # The others retry the write themselves, one after the other.
                others = [one for one in some if one is not receipt]
                self._arriving = [*others, *self._arriving]
                raise
            self.taken += len(some)

    async def write(self) -> None:
        """
        Write waiting receipts to the ledger.

        Raises:
            LedgerError: It cannot be written now; the receipts keep waiting.
        """
        while self.is_waiting:
            if self._file is None:
                some = tuple(self._receipts)
                await self._put(some)
                del self._receipts[: len(some)]
                continue
            receipts, end = await asyncio.to_thread(self._file.next)
            await self._put(receipts)
            async with self._adding:
                await asyncio.to_thread(self._file.forget, end)

    async def _put(self, receipts: Sequence[DeliveryReceipt]) -> None:
        async with self._opened() as ledger:
            if self._matcher is None:
                self._matcher = ReceiptMatcher(ledger, self._clock)
            self._matcher.ledger = ledger
            await self._matcher.take(receipts)
