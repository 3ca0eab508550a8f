"""
How the tasks of one process share the runs of a ledger that is for that one alone.

States and ids are in the ledger, and as durable as it is. Leases are kept in
memory: no lease can outlive the process, because no other process may write to such a
ledger.
"""

import asyncio
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import define, evolve

from .._clock import Clock
from .._limits import check_whole
from ..errors import DuplicateRequestError
from ..ids import protects
from .leases import (
    CLAIMED,
    CLAIMED_AT_ONCE,
    LEASE,
    LISTED_AT_ONCE,
    LONGEST_WAIT,
    GcraState,
    at_it_already,
    checked_lease,
    checked_pause,
    gcra_parameters,
    place_of,
)
from .protocols import Claim, ClaimLedger, FleetLedger, run_named
from .records import (
    BatchRecord,
    BatchState,
    LeaseLostError,
    LedgerError,
    Progress,
    RunRecord,
    name_of,
)


# Any value would do: from here on a monotonic clock counts.
_START: Final = datetime(2000, 1, 1, tzinfo=UTC)


@define
class _Lease:
    """Who holds a batch, and until when on the monotonic clock."""

    fence: int
    until: float


class LocalClaims(FleetLedger):
    """
    How the tasks of one process claim the batches of a ledger.

    Attributes:
        clock: By which leases run out, turns come, and ids grow old.
    """

    clock: Clock

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._leases: dict[tuple[str, str], _Lease] = {}
        self._turns: dict[str, GcraState] = {}
        self._fence = 0
        self._turn = asyncio.Lock()
        self._added_to: set[str] = set()

    @abstractmethod
    async def find_batch(self, run_name: str, name: str) -> BatchRecord | None:
        """One batch of a run; None if it is not there."""

    async def open_beside_workers(self, run: RunRecord) -> RunRecord:
        if run.name in self._added_to:
            raise LedgerError(at_it_already(run.name, adding=True))
        self._added_to.add(run.name)
        try:
            return await self.open_run(run)
        except BaseException:
            self._added_to.discard(run.name)
            raise

    async def release_run(self, run_name: str) -> None:
        """Let other tasks add to a run; only tasks of this process may write."""
        self._added_to.discard(run_name)

    async def claim(
        self,
        run_name: str,
        name: str,
        *,
        owner: str,  # noqa: ARG002  # there is only this process
        lease: float = LEASE,
        include_unknown: bool = False,
    ) -> Claim | None:
        name = name_of(*place_of(name))
        span = checked_lease(lease)
        async with self._turn:
            if await self._stands_still(run_name):
                return None
            batch = await self.find_batch(run_name, name)
            if batch is None or not self._is_claimable(
                run_name, batch, include_unknown=include_unknown
            ):
                return None
            return await self._take(run_name, batch, span)

    async def claim_next(
        self,
        run_name: str,
        *,
        owner: str,  # noqa: ARG002  # there is only this process
        lease: float = LEASE,
        limit: int = 1,
        include_unknown: bool = False,
    ) -> Sequence[Claim]:
        span = checked_lease(lease)
        check_whole("limit", limit, 1, CLAIMED_AT_ONCE)
        async with self._turn:
            found = await self._claimable(
                run_name, limit, include_unknown=include_unknown
            )
            claims = [await self._take(run_name, batch, span) for batch in found]
        return [claim for claim in claims if claim is not None]

    async def claimable_batches(
        self, run_name: str, *, limit: int = 1_000, include_unknown: bool = False
    ) -> Sequence[str]:
        check_whole("limit", limit, 1, LISTED_AT_ONCE)
        async with self._turn:
            found = await self._claimable(
                run_name, None, include_unknown=include_unknown
            )
            names: list[str] = []
            for batch in found:
                if batch.state is BatchState.SENDING and not self._is_young(batch):
                    await self.conclude(
                        run_name, evolve(batch, state=BatchState.UNKNOWN)
                    )
                elif len(names) < limit:
                    names.append(batch.name)
        return names

    async def progress(self, run_name: str) -> Progress | None:
        """Count how far a run is; it reads all of its batches."""
        run = await run_named(self, run_name)
        if run is None:
            return None
        batches: Counter[BatchState] = Counter()
        recipients: Counter[BatchState] = Counter()
        async for batch in self.batches(run_name):
            batches[batch.state] += 1
            if batch.state is not BatchState.SPLIT:
                recipients[batch.state] += batch.count
        return Progress(run=run, batches=dict(batches), recipients=dict(recipients))

    async def reserve(
        self,
        name: str,
        *,
        rate: float,
        burst: int = 1,
        at_most: float = LONGEST_WAIT,
    ) -> float:
        step, early = gcra_parameters(rate, burst)
        now = self._now()
        turn = self._turns.get(name, GcraState(due=now, closed_until=now - early))
        reserved, wait = turn.next(now, step=step, early=early)
        if wait <= at_most:
            self._turns[name] = reserved
        return wait

    async def throttle(self, name: str, retry_after: float) -> None:
        now = self._now()
        until = now + checked_pause(retry_after)
        turn = self._turns.get(name, GcraState(due=now, closed_until=until))
        closed_until = max(turn.closed_until, until)
        self._turns[name] = evolve(turn, closed_until=closed_until)

    async def closed_for(self, name: str) -> float:
        turn = self._turns.get(name)
        if turn is None:
            return 0.0
        return max((turn.closed_until - self._now()).total_seconds(), 0.0)

    def _now(self) -> datetime:
        """As far as turns go: set back by an hour, a wall clock would stop them."""
        return _START + timedelta(seconds=self.clock.monotonic())

    async def _stands_still(self, run_name: str) -> bool:
        run = await run_named(self, run_name)
        return run is None or run.paused is not None

    async def _claimable(
        self, run_name: str, limit: int | None, *, include_unknown: bool
    ) -> Sequence[BatchRecord]:
        found: list[BatchRecord] = []
        if await self._stands_still(run_name):
            return found
        async for batch in self.batches(run_name, CLAIMED):
            if self._is_claimable(run_name, batch, include_unknown=include_unknown):
                found.append(batch)
                if len(found) == limit:
                    break
        return found

    def _is_claimable(
        self, run_name: str, batch: BatchRecord, *, include_unknown: bool
    ) -> bool:
        if batch.payload is None or batch.state not in CLAIMED:
            return False
        lease = self._leases.get((run_name, batch.name))
        if lease is not None and lease.until >= self.clock.monotonic():
            return False
        if batch.state is not BatchState.UNKNOWN:
            return True
        # A duplicate that is repeated is a duplicate again, which proves nothing new.
        duplicate = batch.error == DuplicateRequestError.__name__
        return include_unknown and self._is_young(batch) and not duplicate

    def _is_young(self, batch: BatchRecord) -> bool:
        """Whether its id still protects a repeat."""
        return protects(batch.first_tried_at, self.clock.now())

    async def _take(
        self, run_name: str, batch: BatchRecord, lease: timedelta
    ) -> Claim | None:
        was_tried = batch.state is not BatchState.NOT_SENT
        if was_tried and not self._is_young(batch):
            await self.conclude(run_name, evolve(batch, state=BatchState.UNKNOWN))
            return None
        record = evolve(batch, state=BatchState.SENDING, error=None, code=None)
        if not was_tried:
            record = evolve(record, first_tried_at=self.clock.now())
        await self.begin(run_name, record)
        self._fence += 1
        seconds = lease.total_seconds()
        self.hold(run_name, record.name, self._fence, seconds)
        held = _Held(self, self._turn, run_name, self._fence, seconds, {record.name})
        return Claim(run_name=run_name, record=record, was_tried=was_tried, ledger=held)

    def hold(self, run_name: str, name: str, fence: int, seconds: float) -> None:
        """Keep others from a batch for that long."""
        until = self.clock.monotonic() + seconds
        self._leases[run_name, name] = _Lease(fence=fence, until=until)

    def is_held(self, run_name: str, name: str, fence: int) -> bool:
        """Whether no worker took a batch over since it was held under a fence."""
        lease = self._leases.get((run_name, name))
        return lease is not None and lease.fence == fence

    def let_go(self, run_name: str, name: str) -> None:
        """Let others at a batch, as far as its state does."""
        del self._leases[run_name, name]


@define
class _Held(ClaimLedger):
    """
    Writes of the holder of a claim: its batch, and the parts of it.

    Attributes:
        names: Names of the batches that it holds. Taking a batch over uses another
            fence, and writes under the old one are refused.
    """

    _ledger: LocalClaims
    _turn: asyncio.Lock
    _run_name: str
    _fence: int
    _lease: float
    names: set[str]

    @property
    def is_durable(self) -> bool:
        return self._ledger.is_durable

    async def begin(self, run_name: str, batch: BatchRecord) -> None:
        async with self._turn:
            self._check(batch)
            await self._ledger.begin(run_name, batch)
            self._renew()

    async def conclude(self, run_name: str, batch: BatchRecord) -> None:
        async with self._turn:
            self._check(batch)
            await self._ledger.conclude(run_name, batch)
            self._let_go(batch)

    async def split(
        self, run_name: str, parent: BatchRecord, parts: Sequence[BatchRecord]
    ) -> None:
        # The parts are held, too, until they are concluded.
        async with self._turn:
            self._check(parent)
            await self._ledger.split(run_name, parent, parts)
            self._let_go(parent)
            for part in parts:
                if part.state is BatchState.NOT_SENT:
                    self.names.add(part.name)
                    self._ledger.hold(run_name, part.name, self._fence, self._lease)

    async def renew(self) -> None:
        if not self._renew():
            raise LeaseLostError(
                f"the lease of a batch of {self._run_name!r} had expired, and another "
                "worker took it over"
            )

    def _renew(self) -> bool:
        held = [name for name in self.names if self._holds(name)]
        for name in held:
            self._ledger.hold(self._run_name, name, self._fence, self._lease)
        return bool(held)

    def _holds(self, name: str) -> bool:
        return self._ledger.is_held(self._run_name, name, self._fence)

    def _check(self, batch: BatchRecord) -> None:
        if batch.name not in self.names or not self._holds(batch.name):
            raise LeaseLostError(
                f"the lease of batch {batch.name} of {self._run_name!r} had expired, "
                "and another worker took it over"
            )

    def _let_go(self, batch: BatchRecord) -> None:
        self.names.discard(batch.name)
        self._ledger.let_go(self._run_name, batch.name)
