"""
The thread of an SQLite ledger, its callers, and their shared commits.

To wait for the disk takes more time of the processor than all else that a write does.
It takes as long for one batch as for ten. So writes that several tasks ask for while
the disk is busy become one transaction. Each task gets its result when the transaction
is on the disk. A write that is not allowed is refused to its own task alone.

A write that can wait, such as the outcome of a batch, waits for the next urgent
operation. The intent to send another batch is urgent. Then they share a commit, in
their order.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import define

from ..records import LedgerError
from .file import LedgerFile


T = TypeVar("T")

# Seconds. A run that has more to send plans it in a fraction of this.
_LONGEST_WAIT: Final = 0.005

Write = Callable[[sqlite3.Connection], T]
"""
Work in a transaction, and only there: if another part of its group fails, all are
rolled back, and it is done again.
"""


@define(eq=False, repr=False)
class _Asked:
    """
    Work for the thread, and its result.

    Attributes:
        alone: Does it, in a transaction of its own if it writes.
        write: Its work in a transaction; None if it has none.
        answer: Future of the caller.
    """

    alone: Callable[[], Any]
    write: Write[Any] | None
    answer: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def do_alone(self) -> None:
        try:
            self.result = self.alone()
        except BaseException as error:  # noqa: BLE001  # it is for who asked
            self.error = error

    def tell(self) -> None:
        """Answer who asked, unless he has left."""
        if self.answer.done():
            return
        if self.error is None:
            self.answer.set_result(self.result)
        else:
            self.answer.set_exception(self.error)


class Commits:
    """
    Does what is asked of a file in one thread, in the order in which it was asked.

    Cancelled while it waits for its turn, something is not done; else to its end.

    Args:
        path: Path of the file, for errors.
        file: Is used in the thread alone.
    """

    def __init__(self, path: Path, file: LedgerFile) -> None:
        self._path = path
        self._file = file
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: deque[_Asked] = deque()
        # What can wait until anything else is asked, and the end of its patience.
        self._patient: deque[_Asked] = deque()
        self._patience: asyncio.TimerHandle | None = None
        self._is_closed = False

    def write(self, work: Write[T], *, can_wait: bool = False) -> asyncio.Future[T]:
        """
        Write something, which is on the disk when that is done.

        Args:
            can_wait: Whether it waits a moment for something to share a commit with.

        Raises:
            LedgerError: Nothing of it was written.
        """
        return self._ask(partial(self._file.write, work), work, can_wait=can_wait)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """
        Read something, after all that was asked before.

        Raises:
            LedgerError: It could not be read.
        """
        return self._ask(partial(self._file.read, work))

    def do(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do something else with the file, after all that was asked before."""
        return self._ask(work)

    async def close(self) -> None:
        """
        Do what was asked, then close the file; also if this is cancelled.

        A second time does nothing.
        """
        self._is_closed = True
        self._set_out()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        loop = asyncio.get_running_loop()
        closing = loop.run_in_executor(thread, self._file.close)
        # The thread finishes its work, and ends.
        thread.shutdown(wait=False)
        await asyncio.shield(closing)

    def _ask(
        self,
        alone: Callable[[], T],
        write: Write[T] | None = None,
        *,
        can_wait: bool = False,
    ) -> asyncio.Future[T]:
        if self._is_closed:
            raise LedgerError(f"{self._path}: this ledger was closed; create a new one")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._patient.append(_Asked(alone, write, answer))
        if not can_wait:
            self._set_out()
        elif self._patience is None:
            self._patience = loop.call_later(_LONGEST_WAIT, self._set_out)
        return answer

    def _set_out(self) -> None:
        """Give the thread all that was asked, in its order."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        asked = list(self._patient)
        self._patient.clear()
        self._waiting.extend(asked)
        # Where more waits, the thread is on its way, and does not leave before nothing
        # waits. Looked at after ours was added: before, it might leave then.
        if asked and len(self._waiting) == len(asked):
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, "aiooctopush-ledger")
            self._thread.submit(self._serve)

    # --- in the thread ----------------------------------------------------------------

    def _serve(self) -> None:
        """Do all waiting work, including work that arrives in the meantime."""
        while self._waiting:
            group = [one for one in self._take() if not one.answer.cancelled()]
            if not self._do_together(group):
                for one in group:
                    one.do_alone()
            _tell(group)

    def _take(self) -> list[_Asked]:
        """Return the next operation, or all writes up to the next other operation."""
        taken = [self._waiting.popleft()]
        if taken[0].write is not None:
            while self._waiting and self._waiting[0].write is not None:
                taken.append(self._waiting.popleft())
        return taken

    def _do_together(self, group: Sequence[_Asked]) -> bool:
        """Write it in one transaction, if it is several writes; whether that worked."""
        writes = [one.write for one in group if one.write is not None]
        if len(writes) < 2:
            return False
        try:
            results = self._file.write(lambda file: [write(file) for write in writes])
        except BaseException:  # noqa: BLE001  # nothing was written
            # Alone, each of them gets its own error.
            return False
        for one, result in zip(group, results, strict=True):
            one.result = result
        return True


def _tell(group: Sequence[_Asked]) -> None:
    """Wake up all who asked, once for each loop."""
    for loop, asked in groupby(group, lambda one: one.answer.get_loop()):
        # A closed loop has no waiting callers.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_answer, list(asked))


def _answer(asked: Sequence[_Asked]) -> None:
    for one in asked:
        one.tell()
