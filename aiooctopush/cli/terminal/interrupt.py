"""
Ctrl-C, SIGTERM and SIGHUP: the first one finishes requests in flight, the second
cancels.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

from .exit_codes import note_signal, was_signalled


T = TypeVar("T")

# A dropped SSH connection sends a hangup; Windows has none.
_SIGNALS: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)


class InterruptedBySignalError(Exception):
    """A signal asked the command to end, and it has cleaned up."""


@contextmanager
def on_signal(handle: Callable[[], object]) -> Iterator[None]:
    """
    Call a function on the event loop at each signal that asks the command to end.

    A signal that is ignored, such as SIGHUP under nohup, stays ignored. It works on
    every platform, unlike ``loop.add_signal_handler``, because waking the loop from
    the handler is enough.
    """
    loop = asyncio.get_running_loop()

    def received(number: int, _: object) -> None:
        note_signal(number)
        loop.call_soon_threadsafe(handle)

    before = {
        number: signal.signal(number, received)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@asynccontextmanager
async def interruptible(first: Callable[[], object]) -> AsyncIterator[None]:
    """
    Call a function at the first signal, and leave at the second.

    Raises:
        TimeoutError: At the second; the awaited call has been cancelled.
    """
    loop = asyncio.get_running_loop()
    times = 0

    async with asyncio.timeout(None) as limit:

        def handle() -> None:
            nonlocal times
            times += 1
            if times == 1:
                first()
            # An expired limit cannot be moved again, which is not necessary.
            elif times == 2:
                limit.reschedule(loop.time())

        with on_signal(handle):
            yield


async def until_signal(work: Coroutine[Any, Any, T]) -> T:
    """
    Do something until a signal comes, which cancels it; a second does not wait for it.

    Raises:
        InterruptedBySignalError: A signal came.
    """
    task = asyncio.ensure_future(work)
    try:
        async with interruptible(task.cancel):
            return await task
    except (asyncio.CancelledError, TimeoutError) as error:
        if was_signalled():
            raise InterruptedBySignalError from error
        raise
