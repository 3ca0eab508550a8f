"""What to do when a run stands still: wait for credit, or for the gateway."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final

from .._clock import Clock
from ..errors import OctopushError
from .options import BulkOptions


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

    async def for_credit(self, needed: Decimal) -> bool:
        """
        Ask for the balance once a minute until it is enough, or time is up.

        Args:
            needed: What the next batch may cost, in euros, as far as is known.
        """
        until = self._clock.monotonic() + self._options.wait_for_credit
        while (left := until - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(_BALANCE_EVERY, left))
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
            await self._clock.sleep(min(delay, left))
            if await probe():
                return True
            delay = min(2 * delay, _LAST_PROBE)
        return False
