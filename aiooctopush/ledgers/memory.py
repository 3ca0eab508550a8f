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
    Pause,
    Receipt,
    Rejection,
    RunRecord,
    numbered,
    without_payload,
)


class MemoryLedger(LocalClaims):
    """
    Keeps runs in memory until the process ends.

    A run can be resumed after a pause; a crash loses it. About 2.5 kB are kept of each
    batch that is done.

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
        self._batches.setdefault(run.name, {})
        self._rejections.setdefault(run.name, [])
        self._receipts.setdefault(run.name, {})
        self._deliveries.setdefault(run.name, Counter())
        return self._runs.setdefault(run.name, run)

    async def plan(
        self,
        run: RunRecord,
        batches: Sequence[BatchRecord],
        rejections: Sequence[Rejection] = (),
    ) -> None:
        self._batches_of(run.name).update(self._new(run.name, batches))
        self._replace_planned(run)
        self._rejections[run.name] += rejections

    async def begin(self, run_name: str, batch: BatchRecord) -> None:
        self._batches_of(run_name)[batch.name] = self._kept(run_name, batch)

    async def conclude(self, run_name: str, batch: BatchRecord) -> None:
        self._batches_of(run_name)[batch.name] = self._kept(run_name, batch)

    async def split(
        self, run_name: str, parent: BatchRecord, parts: Sequence[BatchRecord]
    ) -> None:
        whole = self._kept(run_name, evolve(parent, state=BatchState.SPLIT))
        self._batches[run_name].update({whole.name: whole} | self._new(run_name, parts))

    async def start_run(self, run: RunRecord) -> None:
        self._replace_planned(run)
        self._rejections[run.name] = []

    async def update_run(self, run: RunRecord) -> None:
        purged = self._run_of(run.name).purged
        self._runs[run.name] = evolve(run, purged=purged)

    async def pause(self, run_name: str, why: Pause) -> bool:
        run = self._run_of(run_name)
        self._runs[run_name] = evolve(run, paused=run.paused or why)
        return run.paused is None

    async def unpause(self, run_name: str) -> None:
        self._runs[run_name] = evolve(self._run_of(run_name), paused=None)

    async def batches(
        self, run_name: str, states: Collection[BatchState] | None = None
    ) -> AsyncIterator[BatchRecord]:
        for batch in sorted(self._batches.get(run_name, {}).values(), key=numbered):
            if states is None or batch.state in states:
                yield batch

    async def find_batch(self, run_name: str, name: str) -> BatchRecord | None:
        """One batch of a run; None if it is not there."""
        return self._batches.get(run_name, {}).get(name)

    async def rejections(self, run_name: str) -> AsyncIterator[Rejection]:
        for rejection in sorted(self._rejections.get(run_name, ()), key=_position):
            yield rejection

    async def record_receipts(self, run_name: str, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            if receipt.batch not in self._batches_of(run_name):
                raise LedgerError(f"the ledger holds no batch {receipt.batch}")
        kept, counts = self._receipts[run_name], self._deliveries[run_name]
        for receipt in receipts:
            old = kept.get((receipt.batch, receipt.number))
            if old is not None:
                if not receipt.replaces(is_final=old.is_final):
                    continue
                counts[old.status] -= 1
            kept[receipt.batch, receipt.number] = receipt
            counts[receipt.status] += 1

    async def deliveries(self, run_name: str) -> Mapping[str, int]:
        return dict(+self._deliveries.get(run_name, Counter()))

    async def statuses(self, run_name: str, batch: BatchRecord) -> Mapping[str, str]:
        return {
            number: receipt.status
            for (name, number), receipt in self._receipts.get(run_name, {}).items()
            if name == batch.name
        }

    async def runs(self) -> Sequence[RunRecord]:
        return sorted(self._runs.values(), key=_began, reverse=True)

    async def purge(self, run_name: str) -> None:
        self._batches[run_name] = {
            name: evolve(batch, payload=None, numbers=b"", identities=b"")
            for name, batch in self._batches_of(run_name).items()
        }
        self._rejections[run_name] = []
        self._receipts[run_name] = {}
        self._runs[run_name] = evolve(self._runs[run_name], purged=True)

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _run_of(self, run_name: str) -> RunRecord:
        if run_name not in self._runs:
            raise LedgerError(f"the ledger holds no run {run_name!r}")
        return self._runs[run_name]

    def _batches_of(self, run_name: str) -> dict[str, BatchRecord]:
        self._run_of(run_name)
        return self._batches[run_name]

    def _replace_planned(self, run: RunRecord) -> None:
        """Replace a run, except for fields that others may have written meanwhile."""
        old = self._run_of(run.name)
        self._runs[run.name] = evolve(run, paused=old.paused, purged=old.purged)

    def _kept(self, run_name: str, batch: BatchRecord) -> BatchRecord:
        """Stored record of an existing batch."""
        old = self._batches_of(run_name).get(batch.name)
        if old is None:
            raise LedgerError(f"the ledger holds no batch {batch.name} of {run_name!r}")
        if batch.payload is None:
            batch = evolve(batch, payload=old.payload)
        return without_payload(batch)

    def _new(
        self, run_name: str, batches: Iterable[BatchRecord]
    ) -> dict[str, BatchRecord]:
        """Stored records of new batches."""
        new: dict[str, BatchRecord] = {}
        for batch in batches:
            if batch.name in new or batch.name in self._batches_of(run_name):
                raise LedgerError(f"the ledger holds a batch {batch.name} already")
            new[batch.name] = without_payload(batch)
        return new


def _began(run: RunRecord) -> datetime:
    return run.began_at


def _position(rejection: Rejection) -> int:
    return rejection.position
