"""What to do when a run stands still: wait for credit, or for the gateway."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final

from ..._clock import Clock
from ...errors import OctopushError
from ..run_options import BulkOptions


Probe = Callable[[], Awaitable[bool]]
"""Sends one batch that had no answer, once more; whether there was an answer now."""

_BALANCE_EVERY: Final = 60.0

# A gateway that comes back must not be met by everybody at once, nor asked for ever.
_FIRST_PROBE: Final = 30.0
_LAST_PROBE: Final = 300.0


class Recovery:
    """
    Waits until a run can go on, as long as its options allow.

    Args:
        clock: Time.
        options: How long to wait.
        balance: Asks what the account has, in euros.
    """

    def __init__(
        self,
        clock: Clock,
        options: BulkOptions,
        balance: Callable[[], Awaitable[Decimal]],
    ) -> None:
        self._clock = clock
        self._options = options
        self._balance = balance
        self._too_little = Decimal(0)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Wait no longer, neither now nor later."""
        self._stopped.set()

    async def rest(self, seconds: float) -> bool:
        """Wait that long; whether nobody stopped it."""
        waiting = asyncio.ensure_future(self._clock.sleep(seconds))
        stopping = asyncio.ensure_future(self._stopped.wait())
        both = (waiting, stopping)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        return not self._stopped.is_set()

    async def for_credit(self, needed: Decimal) -> bool:
        """
        Ask for the balance once a minute until it is enough, or time is up.

        Args:
            needed: What the next batch may cost, in euros, as far as is known.
        """
        until = self._clock.monotonic() + self._options.wait_for_credit
        while (left := until - self._clock.monotonic()) > 0:
            if not await self.rest(min(_BALANCE_EVERY, left)):
                return False
            try:
                balance = await self._balance()
            except OctopushError:
                continue
            # What turned out to be too little before is so again.
            if balance >= needed and balance > self._too_little:
                self._too_little = balance
                return True
        return False

    async def for_gateway(self, probe: Probe) -> bool:
        """Try one batch now and then until it is answered, or time is up."""
        until = self._clock.monotonic() + self._options.wait_for_gateway
        delay = _FIRST_PROBE
        while (left := until - self._clock.monotonic()) > 0:
            if not await self.rest(min(delay, left)):
                return False
            if await probe():
                return True
            delay = min(2 * delay, _LAST_PROBE)
        return False
