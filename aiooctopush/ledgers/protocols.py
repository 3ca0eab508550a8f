"""
Protocols of ledgers: for one run, for the holder of a claim, and for many workers.

`memory` forgets with the process, `sqlite` survives it, `postgres` is shared.
"""

from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from .batch import Job, content_of
from .leases import LEASE, LONGEST_WAIT
from .records import (
    BatchRecord,
    BatchState,
    Pause,
    Progress,
    Receipt,
    Rejection,
    RunRecord,
)


class DeliveryLedger(Protocol):
    """
    Operations for sending a batch that is in a ledger already.

    Every method that writes is one transaction: all of it is durable when it returns,
    or none of it ever was. Cancelled in the middle, it is one or the other.
    """

    @property
    def is_durable(self) -> bool:
        """Whether records survive the process."""

    async def begin(self, run_name: str, batch: BatchRecord) -> None:
        """Write the intent to send a batch that is in the ledger, before it is sent."""

    async def conclude(self, run_name: str, batch: BatchRecord) -> None:
        """
        Record the outcome of a batch.

        Its payload is dropped, except in the states of `KEEPS_PAYLOAD`; a payload of
        None there keeps the stored one.
        """

    async def conclude_soon(
        self, run_name: str, batch: BatchRecord
    ) -> Awaitable[None] | None:
        """
        Record the outcome of a batch, at the latest with the next write.

        A ledger may save a commit in this way. The outcome is yielded only once it is
        durable.

        Returns:
            An awaitable that ends when it is durable, and raises `LedgerError` if it
            cannot be written; None if it is durable already.
        """
        await self.conclude(run_name, batch)
        return None

    async def split(
        self, run_name: str, parent: BatchRecord, parts: Sequence[BatchRecord]
    ) -> None:
        """Replace a batch by its parts: it becomes ``split``, they are new."""


class Ledger(DeliveryLedger, Protocol):
    """
    Where runs record their intents and outcomes.

    Every method that writes is one transaction, as in `DeliveryLedger`.
    """

    async def open_run(self, run: RunRecord) -> RunRecord:
        """
        Begin a run, or load an existing one; no other process may then write to it.

        Args:
            run: As it would be new.

        Returns:
            The run as stored in the ledger, with any settings.

        Raises:
            LedgerError: Another process is at it, or this is no ledger.
        """

    async def plan(
        self,
        run: RunRecord,
        batches: Sequence[BatchRecord],
        rejections: Sequence[Rejection] = (),
    ) -> None:
        """
        Write down new batches, and how far the source was read, together.

        Args:
            run: The new record; replaces the stored one, except for ``paused`` and
                ``purged``, which others may have written meanwhile.
            batches: New ones. Those in state ``sending`` go out next.
            rejections: New ones.
        """

    async def start_run(self, run: RunRecord) -> None:
        """
        Replace the record of a run, and delete its rejections.

        As in `plan`, ``paused`` and ``purged`` stay.
        """

    async def update_run(self, run: RunRecord) -> None:
        """Replace the record of a run, except that a purge is final."""

    def batches(
        self, run_name: str, states: Collection[BatchState] | None = None
    ) -> AsyncIterator[BatchRecord]:
        """
        The batches of a run by number and part, or those in some states only.

        Writing during the iteration is allowed; whether it is seen is undefined.
        """

    def rejections(self, run_name: str) -> AsyncIterator[Rejection]:
        """Rejections, in the order of the source."""

    async def record_receipts(self, run_name: str, receipts: Sequence[Receipt]) -> None:
        """
        Record delivery receipts, in the order of the sequence.

        For each number of a batch the latest status counts, but an intermediate status
        never replaces a final one.
        """

    async def deliveries(self, run_name: str) -> Mapping[str, int]:
        """Count the numbers of a run by delivery status, as reported by the gateway."""

    async def statuses(self, run_name: str, batch: BatchRecord) -> Mapping[str, str]:
        """The latest delivery status of each number of a batch that has one."""

    async def runs(self) -> Sequence[RunRecord]:
        """All runs, the latest begun first."""

    async def purge(self, run_name: str) -> None:
        """
        Delete recipients and texts of a run, and keep the figures.

        The run is ``purged`` from then on: its recipients are no longer known.
        Unfinished batches lose their content, so they are not sent any more.
        """

    async def release_run(self, run_name: str) -> None:
        """
        Release a run that `open_run` locked; without it, the lock lasts until `close`.

        Call it as often as the run was opened; earlier calls do nothing. A file is
        complete from then on, until the next write.
        """

    async def close(self) -> None:
        """Release resources of this ledger. A second call does nothing."""


async def run_named(ledger: Ledger, name: str) -> RunRecord | None:
    """Return the run of that name in a ledger; None if it is not there."""
    return next((run for run in await ledger.runs() if run.name == name), None)


class ClaimLedger(DeliveryLedger, Protocol):
    """A ledger as the holder of one claim sees it."""

    async def renew(self) -> None:
        """
        Hold on to all that this claim still holds, from now on for a whole lease.

        Raises:
            LeaseLostError: It holds nothing any more.
        """


@frozen(kw_only=True)
class Claim:
    """
    A batch that one worker holds for a while.

    Attributes:
        run_name: Name of its run.
        record: Its current record: ``sending``, with its intent written.
        was_tried: Whether an attempt under its id may have been executed, by a worker
            that did not return.
        ledger: For writing. It accepts only writes of the holder of this claim; a batch
            of another worker raises `LeaseLostError`. Recording an intent renews the
            lease, also of the parts that the batch was split into.
    """

    run_name: str
    record: BatchRecord
    was_tried: bool
    ledger: ClaimLedger = field(repr=False)

    @property
    def job(self) -> Job:
        """The argument of `Delivery.send`."""
        # One without a payload is never claimed.
        return Job(
            record=self.record,
            content=content_of(self.record),
            is_written=True,
            was_tried=self.was_tried,
        )


class FleetLedger(Ledger, Protocol):
    """
    A ledger that many workers write to, each the batches that it has claimed.

    A batch is claimed if it is ``not_sent``, or ``sending`` with an expired lease,
    while its run is not paused and not held by `open_run`.
    """

    async def open_beside_workers(self, run: RunRecord) -> RunRecord:
        """
        Open a run as `open_run` does, to add batches while workers send others.

        They finish their claimed batches; nothing more is claimed until the run is
        released.

        Raises:
            LedgerError: Another process or task adds to it, or this is no ledger.
                Nothing was planned.
        """

    async def claim(
        self,
        run_name: str,
        name: str,
        *,
        owner: str,
        lease: float = LEASE,
        include_unknown: bool = False,
    ) -> Claim | None:
        """
        Take a batch, and write the intent to send it.

        Args:
            run_name: Name of the run.
            name: Name of the batch, such as ``7`` or ``7.1``.
            owner: Name of the worker, for people.
            lease: Seconds until another worker may take it. Long enough for all
                attempts of one request, because only the next one renews it.
            include_unknown: Whether to repeat a batch that had no response, under its
                id, as long as the id protects it.

        Returns:
            The claim. None if there is nothing to do: the batch is done or held, its
            run is paused or does not exist, or its content was purged. If it was sent
            too long ago for its id to protect it, it is ``unknown`` from now on.

        Raises:
            InvalidFieldError: The name is not that of a batch, or the lease is not one.
            LedgerError: It could not be written; the batch was not claimed, or is free
                again when the lease runs out.
        """

    async def claim_next(
        self,
        run_name: str,
        *,
        owner: str,
        lease: float = LEASE,
        limit: int = 1,
        include_unknown: bool = False,
    ) -> Sequence[Claim]:
        """
        Claim the next unclaimed batches, in the order of the source.

        Args:
            limit: At most that many, 1 to 1,000.

        Returns:
            Fewer if there are fewer; an empty sequence if nothing is to be done now.
        """

    async def claimable_batches(
        self, run_name: str, *, limit: int = 1_000, include_unknown: bool = False
    ) -> Sequence[str]:
        """
        Names of batches that `claim` would accept now, in the order of the source.

        A batch that was sent too long ago for its id to protect it becomes ``unknown``.
        """

    async def pause(self, run_name: str, why: Pause) -> bool:
        """
        Prevent further claims of this run, also while a process adds to it.

        Returns:
            Whether it was not paused before; the first reason stays.
        """

    async def unpause(self, run_name: str) -> None:
        """Resume the run."""

    async def progress(self, run_name: str) -> Progress | None:
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
            name: Name of the rate, such as that of the account.
            rate: Requests in a second.
            burst: How many may start at once after a pause, 1 or more.
            at_most: Seconds that it would wait; if that is too short, nothing is
                reserved.

        Returns:
            Seconds to wait before it may start; 0 or more.
        """

    async def throttle(self, name: str, retry_after: float) -> None:
        """
        Delay all further requests by this many seconds, a day at most.

        Requests reserved from now on start after that, one after the other. Waiting
        requests that were reserved before are notified through `closed_for`.
        """

    async def closed_for(self, name: str) -> float:
        """
        Seconds until the next request may start after a `throttle`; 0 if that is now.

        To be asked when a turn has come that was waited for. If it is more, that turn
        is to be left unused, and another one reserved.
        """
