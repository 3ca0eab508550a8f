"""
Follow a run that workers send to its end, for the process that started it.

This wakes the workers, reads the progress, wakes them again if a broker forgot, and
reports.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from attrs import define, field

from ..._clock import Clock, SystemClock
from ..._hooks import tell
from ..._log import logger
from ...errors import InvalidFieldError, shown, wrong_value
from ...ledgers.leases import LEASE, LISTED_AT_ONCE
from ...ledgers.protocols import FleetLedger, Ledger, run_named
from ...ledgers.records import (
    BatchRecord,
    BatchState,
    LedgerError,
    Pause,
    Progress,
)
from ..report import BulkReport, count_run
from ..sending.pausing import probe_delays
from .patience import patiently


T = TypeVar("T")


_SWEEP_EVERY: Final = 30.0
# While a run is in progress, its first unclaimed batches most likely belong to a worker
# that is gone; the others are still queued.
_WOKEN_IN_PASSING: Final = 20
WOKEN_AT_ONCE: Final = 1_000
"""Batches that one sweep wakes at most, by default."""

_AWAY_AT_MOST: Final = 120.0


class Wake(Protocol):
    """Sends wake-ups, one for each batch; one that gets lost does no harm."""

    async def __call__(
        self, run_name: str, names: Sequence[str], /, *, include_unknown: bool = False
    ) -> None:
        """Schedule a call of `Worker.send_batch` for each name."""


async def read_report(ledger: Ledger, run_name: str) -> BulkReport:
    """
    Outcome of a run, according to its ledger.

    Raises:
        InvalidFieldError: There is no such run.
        LedgerError: It cannot be read, or changed while it was read.
    """
    run = await run_named(ledger, run_name)
    if run is None:
        raise no_such_run(run_name)
    latest = run.latest

    def note(batch: BatchRecord) -> None:
        nonlocal latest
        latest = max(latest, batch.concluded_at or latest)

    report = await count_run(ledger, run, note)
    report.seconds = max(0.0, (latest - run.began_at).total_seconds())
    try:
        report.check()
    except RuntimeError as error:
        raise LedgerError(
            f"run {shown(run_name)} changed while it was read: {error}"
        ) from error
    return report


def no_such_run(run_name: str) -> InvalidFieldError:
    """The exception for a run that is not in the ledger."""
    return InvalidFieldError(
        "name", "names no run of this ledger", shown=shown(run_name)
    )


async def sweep(
    ledger: FleetLedger,
    wake: Wake,
    run_name: str | None = None,
    *,
    limit: int = WOKEN_AT_ONCE,
) -> int:
    """
    Wake unclaimed batches: the broker lost the message, or a worker is gone.

    Waking a batch that is still queued only costs one read of the ledger. A batch that
    was sent too long ago for its id to protect it becomes ``unknown``. Paused runs, and
    runs that are not completely planned, stay as they are. It takes as long as ``wake``
    does: limit that time if your broker may block.

    Args:
        run_name: Name of the run; None for all runs.
        limit: Batches of each run, at most.

    Returns:
        How many were woken.

    Raises:
        InvalidFieldError: There is no such run.
        LedgerError: The ledger cannot be read.
    """
    runs = await ledger.runs()
    if run_name is not None:
        runs = [run for run in runs if run.name == run_name]
        if not runs:
            raise no_such_run(run_name)
    woken = 0
    for run in runs:
        if run.exhausted and run.paused is None:
            names = await ledger.claimable_batches(run.name, limit=limit)
            await wake(run.name, names)
            woken += len(names)
    return woken


async def follow(
    ledger: FleetLedger,
    wake: Wake,
    run_name: str,
    *,
    progress: Callable[[Progress], None] | None = None,
    every: float = 1.0,
    wait_for_gateway: float = 900.0,
    clock: Clock | None = None,
) -> BulkReport:
    """
    Wait until a run is done or paused, and return its report.

    While waiting it sweeps twice a minute. In the end it repeats each batch that had no
    response. A run that is paused because the gateway does not respond is resumed with
    one batch now and then. Any other pause ends the wait, once no batch is being sent.
    Leaving the wait early does not affect the run.

    ``wake`` is awaited while the progress is read, so a broker that blocks does not
    hold up the end. It is cancelled when nothing of the run has moved for two minutes,
    and the next sweep wakes again.

    Args:
        progress: Called after each look. Exceptions are logged and never affect a send.
        every: Seconds between two looks.
        wait_for_gateway: Seconds to wait for a gateway that does not respond.
        clock: Time; replace it in tests.

    Raises:
        InvalidFieldError: There is no such run, or ``every`` is not above 0.
        LedgerError: The ledger was away for two minutes.
    """
    if every <= 0:
        raise wrong_value("every", "must be above 0 seconds", every)
    follower = _Follower(
        ledger=ledger,
        wake=wake,
        run_name=run_name,
        progress=progress,
        every=every,
        wait_for_gateway=wait_for_gateway,
        clock=clock or SystemClock(),
    )
    try:
        await follower.until_done()
        await follower.ask_again()
    finally:
        await follower.leave_wake()
    return await follower.patiently(lambda: read_report(ledger, run_name))


@define(kw_only=True)
class _Follower:
    """One wait for a run."""

    _ledger: FleetLedger
    _wake: Wake
    _run_name: str
    _progress: Callable[[Progress], None] | None
    _every: float
    _wait_for_gateway: float
    _clock: Clock
    _waking: asyncio.Task[None] | None = field(default=None, init=False)
    _woke_at: float = field(default=0.0, init=False)
    _swept_at: float = field(init=False)
    _moved_at: float = field(init=False)
    _seen: Progress | None = field(default=None, init=False)
    _patience: float = field(init=False)
    _delays: Iterator[float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._swept_at = self._moved_at = self._clock.monotonic()
        self._has_answer()

    async def until_done(self) -> None:
        """Read the run until it is done, or paused for good."""
        while True:
            progress = await self._look()
            await self._check_wake()
            why = progress.run.paused
            if why is None and progress.is_done:
                await self.leave_wake(after=self._every)
                return
            if why is not None and not await self._try_gateway_again(why):
                await self.leave_wake(after=LEASE)
                await self._let_conclude()
                return
            due = self._clock.monotonic() >= self._swept_at + _SWEEP_EVERY
            if why is None and due and self._waking is None:
                await self._sweep()
            await self._clock.sleep(self._every)

    async def _let_conclude(self) -> None:
        """Wait for batches that workers are sending, at most as long as a lease."""
        ends = self._clock.monotonic() + LEASE
        while (await self._look()).batches.get(BatchState.SENDING):
            if self._clock.monotonic() >= ends:
                return
            await self._clock.sleep(self._every)

    async def ask_again(self) -> None:
        """Repeat each batch that had no response once more."""
        tries = await self.patiently(self._tries_of_unknown)
        names = await self.patiently(
            lambda: self._ledger.claimable_batches(
                self._run_name, limit=LISTED_AT_ONCE, include_unknown=True
            )
        )
        names = [name for name in names if name in tries]
        if not names:
            return
        self._start_to_wake(names, include_unknown=True)
        before, self._moved_at = tries, self._clock.monotonic()
        while self._waking or self._clock.monotonic() < self._moved_at + LEASE:
            await self._clock.sleep(self._every)
            now = await self.patiently(self._tries_of_unknown)
            if all(now.get(name) != tries[name] for name in names):
                await self.leave_wake(after=self._every)
                return
            if now != before:
                before, self._moved_at = now, self._clock.monotonic()
            await self._check_wake()

    async def leave_wake(self, *, after: float = 0.0) -> None:
        """End the waking that is under way, unless it ends in so many seconds."""
        if self._waking is not None:
            waking, self._waking = self._waking, None
            try:
                await asyncio.wait({waking}, timeout=after)
            finally:
                waking.cancel()
            await asyncio.gather(waking, return_exceptions=True)

    async def patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do something with the ledger, again if it is away for a while."""
        return await patiently(self._clock, step, self._waits())

    def _waits(self) -> Iterator[float]:
        until = self._clock.monotonic() + _AWAY_AT_MOST
        while self._clock.monotonic() < until:
            yield self._every

    async def _look(self) -> Progress:
        progress = await self.patiently(lambda: self._ledger.progress(self._run_name))
        if progress is None:
            raise no_such_run(self._run_name)
        if not progress.run.exhausted:
            raise InvalidFieldError(
                "name",
                "names a run that is not completely planned; submit it again, with "
                "the same source",
                shown=shown(self._run_name),
            )
        before, self._seen = self._seen, progress
        if before is None or before.batches != progress.batches:
            self._moved_at = self._clock.monotonic()
        if before is not None and _answers(before) != _answers(progress):
            self._has_answer()
        if self._progress is not None:
            tell(self._progress, progress, "progress")
        return progress

    async def _sweep(self) -> None:
        self._swept_at = now = self._clock.monotonic()
        moves = now < self._moved_at + _SWEEP_EVERY
        # When none has yet to begin, all that are free were left by who is gone.
        queued = self._seen and self._seen.batches.get(BatchState.NOT_SENT)
        limit = _WOKEN_IN_PASSING if moves and queued else WOKEN_AT_ONCE
        names = await self.patiently(
            lambda: self._ledger.claimable_batches(self._run_name, limit=limit)
        )
        self._start_to_wake(names)

    def _start_to_wake(
        self, names: Sequence[str], *, include_unknown: bool = False
    ) -> None:
        self._woke_at = self._clock.monotonic()
        wake = self._wake(self._run_name, names, include_unknown=include_unknown)
        self._waking = asyncio.ensure_future(wake)

    async def _check_wake(self) -> None:
        """Raise the exception of the waking; end it if it hangs."""
        if self._waking is None:
            return
        if self._waking.done():
            waking, self._waking = self._waking, None
            # The awaited call may have been cancelled, without cancelling this wait.
            if not waking.cancelled():
                waking.result()
        # A wake may send batches in this process: then the run progresses, unless it
        # hangs.
        elif self._clock.monotonic() >= max(self._woke_at, self._moved_at) + LEASE:
            logger.warning(
                "run %r: wake has not returned for %.0f s, and no batch progresses; "
                "it is cancelled, and the next sweep wakes the workers again",
                *(self._run_name, LEASE),
            )
            await self.leave_wake()

    def _has_answer(self) -> None:
        """The gateway is there: the next outage has all patience again."""
        self._patience = self._wait_for_gateway
        self._delays = probe_delays()

    async def _try_gateway_again(self, why: Pause) -> bool:
        """Wait, and let one batch go; whether there was patience left for it."""
        if why is not Pause.OUTAGE or self._patience <= 0:
            return False
        wait = min(next(self._delays), self._patience)
        self._patience -= wait
        await self._clock.sleep(wait)
        await self.leave_wake(after=LEASE)
        await self.patiently(lambda: self._ledger.unpause(self._run_name))
        names = await self.patiently(
            lambda: self._ledger.claimable_batches(
                self._run_name, limit=1, include_unknown=True
            )
        )
        # The next sweep wakes more, unless this one pauses the run again.
        self._swept_at = self._clock.monotonic()
        self._start_to_wake(names, include_unknown=True)
        return True

    async def _tries_of_unknown(self) -> Mapping[str, int]:
        """Attempts of each batch that is unknown, or being repeated."""
        states = {BatchState.UNKNOWN, BatchState.SENDING}
        return {
            batch.name: batch.attempts
            async for batch in self._ledger.batches(self._run_name, states)
        }


def _answers(progress: Progress) -> int:
    """Batches with a response of the gateway."""
    unanswered = (BatchState.NOT_SENT, BatchState.SENDING, BatchState.UNKNOWN)
    return sum(
        count for state, count in progress.batches.items() if state not in unanswered
    )
