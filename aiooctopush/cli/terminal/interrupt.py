"""
Ctrl-C, SIGTERM and SIGHUP: the first one finishes requests in flight, the second
cancels.

A command that a signal stopped exits with 128 and the number of the signal, as shells
have it: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

from attrs import define

from .problems import ExitCode


T = TypeVar("T")

# A dropped SSH connection sends a hangup; Windows has none.
_SIGNALS: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)


class InterruptedBySignalError(Exception):
    """A signal asked the command to end, and it has cleaned up."""


@define
class _Received:
    """Keep the signal that stopped the command, for its exit code."""

    number: int | None = None


_received = _Received()


def forget_signals() -> None:
    """Begin a command: no signal was received."""
    _received.number = None


def was_signalled() -> bool:
    """Return whether a signal asked the command to end."""
    return _received.number is not None


def with_signal(code: int | str | None) -> int | str | None:
    """
    Return the exit code of a command, with the number of the signal that stopped it.

    Args:
        code: `ExitCode.INTERRUPTED` if a signal stopped it.
    """
    if code == ExitCode.INTERRUPTED and _received.number is not None:
        return 128 + _received.number
    return code


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
        _received.number = number
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
