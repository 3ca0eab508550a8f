"""Time that passes only on request of a test."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final


START: Final = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
"""A working Monday, within the hours in which marketing may be sent."""


class VirtualClock:
    """
    A `Clock` whose waits end immediately.

    Several tasks that sleep at once do so one after the other: the clock moves by the
    sum of their waits instead of the longest.

    Args:
        start: First time of the wall clock; aware.

    Attributes:
        sleeps: Every wait so far, in seconds and in order.
    """

    def __init__(self, start: datetime = START) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be aware, with a time zone")
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since this clock was made; `jump` does not move them."""
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        """
        Let that many seconds pass at once.

        Control goes to the event loop once, so that a cancellation is delivered
        here just as it would be in a real wait.
        """
        self.sleeps.append(seconds)
        self.advance(max(seconds, 0.0))
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Advance both clocks, without a wait."""
        if seconds < 0:
            raise ValueError("time passes forward; jump() sets the wall clock back")
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone: a suspend, an operator, a leap; also back."""
        self._now += timedelta(seconds=seconds)
