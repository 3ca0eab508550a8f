"""Ctrl-C, twice: the first stops what is not begun, the second what is."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final


# What a service manager sends must not lose what is known of messages either.
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_interrupt(handle: Callable[[], object]) -> Iterator[None]:
    """
    Call something on the event loop at Ctrl-C, or when the process is to end.

    It works on every platform, unlike ``loop.add_signal_handler``: waking the loop
    from the handler is enough.
    """
    loop = asyncio.get_running_loop()

    def received(*_: object) -> None:
        loop.call_soon_threadsafe(handle)

    before = {number: signal.signal(number, received) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@asynccontextmanager
async def interruptible(first: Callable[[], object]) -> AsyncIterator[None]:
    """
    Tell of the first Ctrl-C, and leave at the second.

    Raises:
        TimeoutError: At the second; what was awaited has been cancelled.
    """
    loop = asyncio.get_running_loop()
    times = 0

    async with asyncio.timeout(None) as limit:

        def handle() -> None:
            nonlocal times
            times += 1
            if times == 1:
                first()
            # An expired limit cannot be moved again, and need not be.
            elif times == 2:
                limit.reschedule(loop.time())

        with on_interrupt(handle):
            yield
