"""Detection of the shutdown of the sending process."""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final


# Windows has no SIGHUP.
STOPPING: Final = {
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
}
"""Signals that stop a process."""


class StoppingSignals:
    """
    Calls a function on the current event loop when the process is stopped.

    Existing handlers of such a signal are still called, as before.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop: Callable[[], None] | None = stop
        self._earlier: dict[int, Callable[[int, FrameType | None], Any]] = {}
        # Only the main thread may have handlers.
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                earlier = signal.getsignal(number)
                # Without one the process ends at once, or is not to be stopped by it.
                if callable(earlier):
                    self._earlier[number] = earlier
                    signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop)
        self._earlier[number](number, frame)

    def forget(self) -> None:
        """Call nothing any more; signals go to the handlers that had them before."""
        self._stop = None
        for number, earlier in self._earlier.items():
            # Somebody else may have put himself before us.
            if signal.getsignal(number) == self._handle:
                signal.signal(number, earlier)
