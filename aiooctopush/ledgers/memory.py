"""A ledger that lives and dies with the process."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from attrs import evolve

from .._clock import Clock, SystemClock
from .in_process import LocalClaims
from .records import (
    BatchRecord,
    BatchState,
    LedgerError,
    Receipt,
    Rejection,
    RunRecord,
    numbered,
    without_payload,
)


class MemoryLedger(LocalClaims):
    """
    Keeps runs while the process lives: enough to go on after a pause, not a crash.

    Of each batch that is done it keeps about 2.5 kB.

    Args:
        clock: By which leases of a fleet in this process run out; the machine's.
    """

    is_durable = False

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__(clock or SystemClock())
        self._runs: dict[str, RunRecord] = {}
        self._batches: dict[str, dict[str, BatchRecord]] = {}
        self._rejections: dict[str, list[Rejection]] = {}
        self._receipts: dict[str, dict[tuple[str, str], Receipt]] = {}
        self._deliveries: dict[str, Counter[str]] = {}

    async def open_run(self, run: RunRecord) -> RunRecord:
        self._batches.setdefault(run.key, {})
        self._rejections.setdefault(run.key, [])
        self._receipts.setdefault(run.key, {})
        self._deliveries.setdefault(run.key, Counter())
        return self._runs.setdefault(run.key, run)

    async def plan(
        self,
        run: RunRecord,
        batches: Sequence[BatchRecord],
        rejections: Sequence[Rejection] = (),
    ) -> None:
        self._batches_of(run.key).update(self._new(run.key, batches))
        self._runs[run.key] = run
        self._rejections[run.key] += rejections

    async def begin(self, key: str, batch: BatchRecord) -> None:
        self._batches_of(key)[batch.name] = self._kept(key, batch)

    async def conclude(self, key: str, batch: BatchRecord) -> None:
        self._batches_of(key)[batch.name] = self._kept(key, batch)

    async def split(
        self, key: str, parent: BatchRecord, parts: Sequence[BatchRecord]
    ) -> None:
        whole = self._kept(key, evolve(parent, state=BatchState.SPLIT))
        self._batches[key].update({whole.name: whole} | self._new(key, parts))

    async def update_run(self, run: RunRecord) -> None:
        self._batches_of(run.key)
        self._runs[run.key] = run

    async def batches(
        self, key: str, states: Collection[BatchState] | None = None
    ) -> AsyncIterator[BatchRecord]:
        for batch in sorted(self._batches.get(key, {}).values(), key=numbered):
            if states is None or batch.state in states:
                yield batch

    async def find_batch(self, key: str, name: str) -> BatchRecord | None:
        """One batch of a run; None if it is not there."""
        return self._batches.get(key, {}).get(name)

    async def rejections(self, key: str) -> AsyncIterator[Rejection]:
        for rejection in sorted(self._rejections.get(key, ()), key=_position):
            yield rejection

    async def record_receipts(self, key: str, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            if receipt.batch not in self._batches_of(key):
                raise LedgerError(f"the ledger holds no batch {receipt.batch}")
        kept, counts = self._receipts[key], self._deliveries[key]
        for receipt in receipts:
            old = kept.get((receipt.batch, receipt.number))
            if old is not None:
                if not receipt.replaces(is_final=old.is_final):
                    continue
                counts[old.status] -= 1
            kept[receipt.batch, receipt.number] = receipt
            counts[receipt.status] += 1

    async def deliveries(self, key: str) -> Mapping[str, int]:
        return dict(+self._deliveries.get(key, Counter()))

    async def runs(self) -> Sequence[RunRecord]:
        return sorted(self._runs.values(), key=_began, reverse=True)

    async def purge(self, key: str) -> None:
        self._batches[key] = {
            name: evolve(batch, payload=None, numbers=b"")
            for name, batch in self._batches_of(key).items()
        }
        self._rejections[key] = []
        self._receipts[key] = {}

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _batches_of(self, key: str) -> dict[str, BatchRecord]:
        if key not in self._batches:
            raise LedgerError(f"the ledger holds no run {key!r}")
        return self._batches[key]

    def _kept(self, key: str, batch: BatchRecord) -> BatchRecord:
        """What is kept of a batch that is there already."""
        old = self._batches_of(key).get(batch.name)
        if old is None:
            raise LedgerError(f"the ledger holds no batch {batch.name} of {key!r}")
        if batch.payload is None:
            batch = evolve(batch, payload=old.payload)
        return without_payload(batch)

    def _new(self, key: str, batches: Iterable[BatchRecord]) -> dict[str, BatchRecord]:
        """What is kept of batches that must not be there yet."""
        new: dict[str, BatchRecord] = {}
        for batch in batches:
            if batch.name in new or batch.name in self._batches_of(key):
                raise LedgerError(f"the ledger holds a batch {batch.name} already")
            new[batch.name] = without_payload(batch)
        return new


def _began(run: RunRecord) -> datetime:
    return run.began_at


def _position(rejection: Rejection) -> int:
    return rejection.position
