"""The only door to time."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the SDK needs to know of time; replace it to test in virtual time."""

    def now(self) -> datetime:
        """The wall clock: aware, in UTC. It may jump, and runs through a suspend."""

    def monotonic(self) -> float:
        """Seconds that never go back. On Linux they stand still in a suspend."""

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await asyncio.sleep(seconds)


class HighWaterMark:
    """
    The latest instant seen on any wall clock, which therefore never goes back.

    The age of a ``request_id`` is measured on this mark: a clock that steps back
    must not make an old id look young again, or a repeat would be sent twice.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest = clock.now()

    def now(self) -> datetime:
        """The later of the clock and everything seen so far."""
        self._latest = max(self._latest, self._clock.now())
        return self._latest

    def saw(self, instant: datetime) -> None:
        """Take note of another wall clock, such as the gateway's ``Date``."""
        self._latest = max(self._latest, instant)
