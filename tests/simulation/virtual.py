"""Time for a whole event loop: waits run side by side and take no time at all."""

import asyncio
import selectors
from datetime import datetime, timedelta

from aiooctopush.sandbox.clock import START


class _Instant(selectors.SelectSelector):
    """Instead of waiting for a socket, let that much time have passed."""

    passed = 0.0

    def select(self, timeout=None):
        """Give no socket, ever; without a time-out nothing could ever happen again."""
        if timeout is None:
            raise RuntimeError("every task waits for another one")
        self.passed += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time: no socket, no thread, no waiting."""

    def __init__(self):
        self._instant = _Instant()
        super().__init__(self._instant)

    def time(self):
        """Virtual seconds since the loop was made."""
        return self._instant.passed


def run(main):
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class TrueClock:
    """What time it really is: the gateway's own clock."""

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self.suspended = 0.0

    def monotonic(self):
        """Seconds that passed, also while the client's machine slept."""
        return self._loop.time() + self.suspended

    def now(self):
        """The instant."""
        return START + timedelta(seconds=self.monotonic())


class ClientClock:
    """
    The clocks of the client's machine.

    The monotonic one stands still while the machine is suspended, the wall clock
    runs on; an operator, or NTP, sets the wall clock alone.
    """

    def __init__(self, truth: TrueClock):
        self._truth = truth
        self._loop = asyncio.get_running_loop()
        self.offset = 0.0

    def now(self) -> datetime:
        """See `Clock`."""
        return self._truth.now() + timedelta(seconds=self.offset)

    def monotonic(self):
        """See `Clock`."""
        return self._loop.time()

    async def sleep(self, seconds):
        """See `Clock`."""
        await asyncio.sleep(seconds)
