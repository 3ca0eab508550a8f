"""How fast a run starts its requests: down when the gateway throttles, slowly up."""

import math
from collections import deque
from typing import Final

from ..._clock import Clock


_DOWN: Final = 0.7
_UP: Final = 1.05
_MINUTE: Final = 60.0
_SLOWEST: Final = 0.1  # requests a second: a run that stands still helps nobody

# Several requests in flight are throttled together; that is one piece of news.
_ONE_NEWS: Final = 1.0
# Time span of the measured rate, if none was given.
_WINDOW: Final = 10.0


class AdaptiveRate:
    """
    Spaces the requests of a run evenly.

    A throttled attempt lowers its rate to 0.7 times. Each minute without one raises it
    by 5 %, up to the initial rate.

    Args:
        clock: Time.
        rate: Requests a second at most; None for no limit.
    """

    def __init__(self, clock: Clock, rate: float | None) -> None:
        self._clock = clock
        self._most = math.inf if rate is None else rate
        self._rate = self._most
        self._free_at = -math.inf
        self._throttled_at = -math.inf
        self._raised_at = clock.monotonic()
        self._started: deque[float] = deque()

    @property
    def rate(self) -> float:
        """Requests a second at present; infinity if nothing holds them up."""
        return self._rate

    def reserve(self) -> float:
        """Reserve the start of a request; seconds to wait until it may start."""
        now = self._clock.monotonic()
        minutes = math.floor((now - self._raised_at) / _MINUTE)
        if self._rate < self._most and minutes > 0:
            self._raised_at += minutes * _MINUTE
            self._rate = min(self._most, self._rate * _UP**minutes)
        starts_at = max(now, self._free_at)
        self._free_at = starts_at + 1 / self._rate
        self._started.append(starts_at)
        while self._started[0] < now - _WINDOW:
            self._started.popleft()
        return starts_at - now

    def back_off(self) -> None:
        """Take note that the gateway found us too fast."""
        now = self._clock.monotonic()
        if now - self._throttled_at < _ONE_NEWS:
            return
        self._throttled_at = self._raised_at = now
        rate = self._rate
        if math.isinf(rate):
            rate = self._measured(now)
        self._rate = max(_SLOWEST, rate * _DOWN)

    def _measured(self, now: float) -> float:
        recent = [at for at in self._started if at > now - _WINDOW]
        if not recent:
            return 0.0
        return len(recent) / max(_ONE_NEWS, now - recent[0])
