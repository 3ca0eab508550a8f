"""
How many workers share one run: each claims a batch for a while, and only who holds it
may write what became of it.

Here are the protocol and what its ledgers have in common. The ledger decides: whatever
wakes a worker, be it twice, late or never, does no harm.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from attrs import field, frozen

from ..errors import InvalidFieldError, shown
from .batch import Job, unpack
from .records import (
    BatchRecord,
    BatchState,
    DeliveryLedger,
    Ledger,
    LedgerError,
    Pause,
    RunRecord,
)


LEASE: Final = 120.0
"""Seconds that a worker has for a batch: half a minute more than all tries may take."""

LONGEST_WAIT: Final = 366 * 86_400.0
"""Seconds; nobody waits longer for a turn, and no database counts further."""

_LONGEST_LEASE: Final = 86_400.0
_LONGEST_PAUSE: Final = 86_400.0
_HIGHEST_RATE: Final = 1_000_000.0
_BATCH: Final = re.compile(r"(\d{1,18})(?:\.(\d+(?:\.\d+)*))?", re.ASCII)
_MICROSECONDS: Final = 1_000_000

CLAIMED: Final = frozenset(
    {BatchState.NOT_SENT, BatchState.SENDING, BatchState.IN_DOUBT}
)
"""States that a batch may be claimed in, some of them on conditions."""


class LeaseLostError(LedgerError):
    """
    Somebody else holds the batch now, or has finished it; nothing was written.

    The lease had run out. What this worker sent stays sent, and whoever took over asks
    under the same id.
    """


@frozen(kw_only=True)
class Claim:
    """
    A batch that one worker holds for a while.

    Attributes:
        key: Of its run.
        record: As it stands now: ``sending``, its intent written.
        was_tried: Whether a try under its id may have been executed, by a worker that
            did not come back.
        ledger: To write through. It takes only what the holder of this claim may
            write: a batch of somebody else raises `LeaseLostError`. What is begun
            renews the lease, also of the parts that the batch was split into.
    """

    key: str
    record: BatchRecord
    was_tried: bool
    ledger: "ClaimLedger" = field(repr=False)

    @property
    def job(self) -> Job:
        """What `Delivery.send` takes."""
        # One without a payload is never claimed.
        payload = self.record.payload or b""
        return Job(
            record=self.record,
            content=unpack(payload),
            is_written=True,
            was_tried=self.was_tried,
        )


@frozen(kw_only=True)
class Progress:
    """
    How far a run is.

    Attributes:
        run: As it stands.
        batches: How many there are in which state; states without any are left out.
        recipients: How many recipients they have. Of what was split only the parts
            count.
    """

    run: RunRecord
    batches: Mapping[BatchState, int]
    recipients: Mapping[BatchState, int]

    @property
    def left(self) -> int:
        """Batches that wait for a worker, or are with one."""
        waiting = self.batches.get(BatchState.NOT_SENT, 0)
        return waiting + self.batches.get(BatchState.SENDING, 0)

    @property
    def is_done(self) -> bool:
        """Whether all of the source was read, and no worker has anything to do."""
        return self.run.exhausted and not self.left


class ClaimLedger(DeliveryLedger, Protocol):
    """A ledger as the holder of one claim sees it."""

    async def renew(self) -> None:
        """
        Hold on to all that this claim still holds, from now on for a whole lease.

        Raises:
            LeaseLostError: It holds nothing any more.
        """


class FleetLedger(Ledger, Protocol):
    """
    A ledger that many workers write to, each the batches that it has claimed.

    A batch is claimed if it is ``not_sent``, or ``sending`` and its lease has run out,
    while its run is not paused and nobody holds it with `open_run`.
    """

    async def leave_run(self, key: str) -> None:
        """Let others at a run that `open_run` took; else they wait until `close`."""

    async def claim(
        self,
        key: str,
        name: str,
        *,
        owner: str,
        lease: float = LEASE,
        in_doubt: bool = False,
    ) -> Claim | None:
        """
        Take a batch, and write the intent to send it.

        Args:
            key: Of the run.
            name: Of the batch, such as ``7`` or ``7.1``.
            owner: Who asks, for people to read.
            lease: Seconds until somebody else may take it. Long enough for all tries
                of one request, for only the next one renews it.
            in_doubt: Whether to ask once more about one that had no answer, under its
                id, as long as that protects it.

        Returns:
            The claim; None if there is nothing to do: it is done, somebody holds it,
            its run stands still or is not there, or what it said was purged. If it was
            sent too long ago for its id to protect it, it is ``in_doubt`` from now on.

        Raises:
            InvalidFieldError: That is no name of a batch, or no lease.
            LedgerError: It could not be written; the batch was not claimed, or is free
                again when the lease runs out.
        """

    async def claim_next(
        self,
        key: str,
        *,
        owner: str,
        lease: float = LEASE,
        limit: int = 1,
        in_doubt: bool = False,
    ) -> Sequence[Claim]:
        """
        Take the next batches that nobody holds, in the order of the source.

        Args:
            limit: At most that many, 1 to 1,000.

        Returns:
            Fewer if there are fewer; none if there is nothing to do now.
        """

    async def wake_list(
        self, key: str, *, limit: int = 1_000, in_doubt: bool = False
    ) -> Sequence[str]:
        """
        Names of batches that `claim` would take now, in the order of the source.

        What was sent too long ago for its id to protect it becomes ``in_doubt``.
        """

    async def pause(self, key: str, why: Pause) -> bool:
        """
        Let nobody claim a batch of this run any more.

        Returns:
            Whether it was not paused before; the first reason stays.
        """

    async def lift(self, key: str) -> None:
        """Let the run go on."""

    async def progress(self, key: str) -> Progress | None:
        """How far a run is; None if there is no such run."""

    async def reserve(
        self,
        name: str,
        *,
        rate: float,
        burst: int = 1,
        at_most: float = LONGEST_WAIT,
    ) -> float:
        """
        Reserve the start of one request among all who share a rate.

        In any span of time at most ``rate * seconds + burst`` reservations start.

        Args:
            name: Of the rate, such as that of the account.
            rate: Requests in a second.
            burst: How many may start at once after a pause, 1 or more.
            at_most: Seconds that it would wait; if that is too short, nothing is
                reserved.

        Returns:
            Seconds to wait before it may start; 0 or more.
        """

    async def throttle(self, name: str, retry_after: float) -> None:
        """
        Let nobody start for that many seconds, a day at most.

        What is reserved from now on starts after that, one after the other and not all
        at once. Who has reserved already, and waits, learns of it from `closed_for`.
        """

    async def closed_for(self, name: str) -> float:
        """
        Seconds until anybody may start after a `throttle`; 0 if that is now.

        To be asked when a turn has come that was waited for. If it is more, that turn
        is to be left unused, and another one reserved.
        """


def place_of(name: str) -> tuple[int, str]:
    """
    Number and part of a batch.

    Raises:
        InvalidFieldError: That is no name of a batch.
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
        raise InvalidFieldError(
            "lease", "must be above 0 and at most 86,400 seconds", shown=repr(lease)
        )
    return timedelta(seconds=lease)


def checked_limit(limit: int, most: int) -> int:
    """
    How many at once.

    Raises:
        InvalidFieldError: Less than 1, or more than is allowed.
    """
    if not 1 <= limit <= most:
        raise InvalidFieldError(
            "limit", f"must be 1 to {most:,}", shown=repr(limit)[:80]
        )
    return limit


def checked_pause(retry_after: float) -> timedelta:
    """A wait that the gateway asked for; at most a day, whatever it says."""
    if math.isnan(retry_after):
        raise InvalidFieldError("retry_after", "must be a number of seconds")
    return timedelta(seconds=min(max(retry_after, 0.0), _LONGEST_PAUSE))


def spacing(rate: float, burst: int) -> tuple[timedelta, timedelta]:
    """
    What a rate means in time.

    Returns:
        From one start to the next, rounded up to the microsecond, and by how much a
        start may be ahead of that.

    Raises:
        InvalidFieldError: No rate above 0, or a burst below 1.
    """
    if not 0 < rate <= _HIGHEST_RATE or 1 / rate > _LONGEST_PAUSE:
        raise InvalidFieldError(
            "rate", "must be one in a day to 1,000,000 a second", shown=repr(rate)
        )
    if not 1 <= burst <= _HIGHEST_RATE:
        raise InvalidFieldError(
            "burst", "must be 1 to 1,000,000", shown=repr(burst)[:80]
        )
    step = timedelta(microseconds=math.ceil(_MICROSECONDS / rate))
    return step, step * (burst - 1)


@frozen(kw_only=True)
class Turn:
    """
    What a fleet knows of a rate: when the next start is due, were they evenly spaced.

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
    ) -> tuple["Turn", float]:
        """
        Reserve a start.

        Args:
            now: The present instant.
            step: From one start to the next.
            early: By how much it may be ahead.

        Returns:
            What is known after it, and the seconds to wait.
        """
        due = max(self.due, now, self.closed_until + early)
        wait = max(due - early - now, timedelta(0)).total_seconds()
        return Turn(due=due + step, closed_until=self.closed_until), wait
