"""The only door to time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol


_BELIEVED: Final = timedelta(days=1)


class Clock(Protocol):
    """All access to time; replace it to test in virtual time."""

    def now(self) -> datetime:
        """The wall clock: aware, in UTC. It may jump, and runs through a suspend."""

    def monotonic(self) -> float:
        """Seconds that never decrease. On Linux they stop during a suspend."""

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


class MonotonicWallClock:
    """
    A wall clock that never goes back and never stops.

    The age of a ``request_id`` is measured on it. A clock that steps back must not make
    an old id look young, because a repeat would then be sent twice. It follows the
    latest time of the machine's clock and of the observed instants, and advances at
    least as fast as the monotonic clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest = clock.now()
        self._at = clock.monotonic()

    def now(self) -> datetime:
        """The present instant, as late as anything seen so far allows."""
        now = self._clock.now()
        return self.advance(now, self._clock.monotonic())

    def read(self) -> tuple[datetime, float]:
        """Return the present instant, and the monotonic seconds of the same moment."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        return self.advance(now, monotonic), monotonic

    def advance(self, now: datetime, monotonic: float) -> datetime:
        """Return the current time, given new readings of the two clocks."""
        # Also while the clock is ahead of the observed time: it may have stepped back
        # and passed it again since.
        passed = monotonic - self._at
        if (now - self._latest).total_seconds() < passed:
            now = self._latest + timedelta(seconds=passed)
        self._latest, self._at = now, monotonic
        return now

    def skew(self) -> timedelta:
        """How much later than the machine's own clock it is."""
        return self.now() - self._clock.now()

    def resume_from(self, instant: datetime) -> None:
        """Continue from the latest instant of an earlier process, which was our own."""
        self._latest = max(self.now(), instant)

    def observe(self, instant: datetime) -> None:
        """
        Take note of another wall clock, such as the gateway's ``Date``.

        Times more than a day ahead are ignored: they would age every id.
        """
        now = self.now()
        if now < instant <= now + _BELIEVED:
            self._latest = instant
