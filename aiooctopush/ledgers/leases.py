"""
The rules of leases and of shared rates, which all ledgers have in common.

A worker holds a batch for a limited time, and only its holder may write its outcome.
The ledger decides. So it is harmless to wake a worker twice, late or never.
"""

import math
import re
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from ..errors import InvalidFieldError, shown, wrong_value
from .records import BatchState


LEASE: Final = 120.0
"""
Seconds that a worker has for a batch: half a minute more than all attempts may take.
"""

LONGEST_WAIT: Final = 366 * 86_400.0
"""Seconds that a request waits at most, and the most that a database counts."""

_LONGEST_LEASE: Final = 86_400.0
_LONGEST_PAUSE: Final = 86_400.0
_HIGHEST_RATE: Final = 1_000_000.0
_BATCH: Final = re.compile(r"(\d{1,18})(?:\.(\d+(?:\.\d+)*))?", re.ASCII)
_MICROSECONDS: Final = 1_000_000

CLAIMED: Final = frozenset(
    {BatchState.NOT_SENT, BatchState.SENDING, BatchState.UNKNOWN}
)
"""States that a batch may be claimed in, some of them on conditions."""


def at_it_already(run_name: str, *, adding: bool) -> str:
    """Explain that a run is held, the result of the request, and the advice."""
    words = f"another process or task is sending run {run_name!r}, so nothing was"
    if adding:
        return (
            f"{words} planned from here. Start again when it is done; new recipients "
            "of the list are added then"
        )
    return f"{words} changed or sent from here: start again when it is done"


def place_of(name: str) -> tuple[int, str]:
    """
    Number and part of a batch.

    Raises:
        InvalidFieldError: The name is not that of a batch.
    """
    found = _BATCH.fullmatch(name)
    if found is None:
        raise InvalidFieldError("name", "is of no batch", shown=shown(name))
    return int(found[1]), found[2] or ""


def checked_lease(lease: float) -> timedelta:
    """
    A lease as a span of time.

    Raises:
        InvalidFieldError: Not above 0, or longer than a day.
    """
    if not 0 < lease <= _LONGEST_LEASE:
        raise wrong_value("lease", "must be above 0 and at most 86,400 seconds", lease)
    return timedelta(seconds=lease)


CLAIMED_AT_ONCE: Final = 1_000
"""Maximum number of batches of one claim."""

LISTED_AT_ONCE: Final = 1_000_000
"""Batches that one look for claimable ones lists at most."""


def checked_pause(retry_after: float) -> timedelta:
    """A wait that the gateway requested; a day at most."""
    if math.isnan(retry_after):
        raise InvalidFieldError("retry_after", "must be a number of seconds")
    return timedelta(seconds=min(max(retry_after, 0.0), _LONGEST_PAUSE))


def gcra_parameters(rate: float, burst: int) -> tuple[timedelta, timedelta]:
    """
    Durations that follow from a rate.

    Returns:
        From one start to the next, rounded up to the microsecond, and by how much a
        start may be ahead of that.

    Raises:
        InvalidFieldError: No rate above 0, or a burst below 1.
    """
    if not 0 < rate <= _HIGHEST_RATE or 1 / rate > _LONGEST_PAUSE:
        raise wrong_value("rate", "must be one in a day to 1,000,000 a second", rate)
    if not 1 <= burst <= _HIGHEST_RATE:
        raise wrong_value("burst", "must be 1 to 1,000,000", burst)
    step = timedelta(microseconds=math.ceil(_MICROSECONDS / rate))
    return step, step * (burst - 1)


@frozen(kw_only=True)
class GcraState:
    """
    Shared state of a rate: the time of the next start, if they were evenly spaced.

    This is the generic cell rate algorithm: starts are due one spacing apart, and each
    may be early by the spacing of a burst.

    Attributes:
        due: When the next one is due.
        closed_until: Until when none may start.
    """

    due: datetime
    closed_until: datetime

    def next(
        self, now: datetime, *, step: timedelta, early: timedelta
    ) -> tuple["GcraState", float]:
        """
        Reserve a start.

        Args:
            now: The present instant.
            step: From one start to the next.
            early: By how much it may be ahead.

        Returns:
            The state after it, and the seconds to wait.
        """
        due = max(self.due, now, self.closed_until + early)
        wait = max(due - early - now, timedelta(0)).total_seconds()
        return GcraState(due=due + step, closed_until=self.closed_until), wait
