"""An event loop whose time jumps to the next timer whenever nobody has work."""

import asyncio
from datetime import timedelta

from aiooctopush.sandbox.clock import START


class VirtualLoop(asyncio.SelectorEventLoop):
    """Sleepers wake in the order of their alarms, and nobody waits for them."""

    def __init__(self):
        super().__init__()
        self._virtual = 0.0

    def time(self):
        """See `asyncio.AbstractEventLoop.time`."""
        return self._virtual

    def _run_once(self):
        if not self._ready:
            alarms = (one.when() for one in self._scheduled if not one.cancelled())
            self._virtual = max(self._virtual, min(alarms, default=0.0))
        super()._run_once()


class LoopClock:
    """A `Clock` on the running loop's own time."""

    def now(self):
        """See `Clock.now`."""
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self):
        """See `Clock.monotonic`."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds):
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)


def run(coroutine):
    """What a coroutine gives back that runs in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
