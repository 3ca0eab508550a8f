"""Matches delivery receipts with the batches of a ledger."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from attrs import evolve

from ..._clock import Clock
from ...errors import InvalidFieldError
from ...ledgers.batch import unpack_numbers
from ...ledgers.protocols import Ledger
from ...ledgers.records import BatchRecord, BatchState, Receipt
from ...phone import normalize
from ...webhooks import DeliveryReceipt


# A receipt proves that these were sent. An already_sent batch was sent by another
# process.
_PROVEN_BY_RECEIPT: Final = frozenset({BatchState.PRESUMED, BatchState.UNKNOWN})

# A run in progress adds batches; reading twenty thousand of them takes a second.
_LOOK_AGAIN_AFTER: Final = 60.0


class _Place(NamedTuple):
    run_name: str
    batch: str


class ReceiptMatcher:
    """
    Takes delivery receipts, and writes them down where they belong.

    A receipt for any number of a presumed or unknown batch proves that the
    batch was sent: it becomes ``accepted``, with the ticket of the receipt. This
    requires that only one such batch has the number; otherwise the match is ambiguous.

    Receipts are hints, and may come from a stranger: they never make anything be sent.

    Args:
        ledger: The ledger of the batches, open for writing; the caller closes it.
        clock: Time.

    Attributes:
        ledger: May be replaced by another one that opens the same file.
        unmatched: Receipts for tickets and numbers that are not in the ledger.
        ambiguous: Receipts for a number of several unresolved batches: they prove none.
        proven: Batches that were resolved.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.ledger = ledger
        self._clock = clock
        self._looked_at: float | None = None
        self._tickets: dict[str, _Place] = {}
        self._open: dict[str, list[_Place]] = {}
        self._records: dict[_Place, BatchRecord] = {}
        self.unmatched: int = 0
        self.ambiguous: int = 0
        self.proven: int = 0

    async def take(self, receipts: Iterable[DeliveryReceipt]) -> None:
        """
        Write receipts down, in the order in which they came.

        One that comes twice, or late, changes nothing.

        Raises:
            LedgerError: The ledger cannot be read or written; pass the same receipts
                again later.
        """
        found: dict[str, list[Receipt]] = {}
        unmatched = ambiguous = 0
        for receipt in receipts:
            number = _number_of(receipt)
            place = None if number is None else await self._place(receipt, number)
            if number is None or place is None:
                if number is not None and self._open.get(number):
                    ambiguous += 1
                else:
                    unmatched += 1
                continue
            found.setdefault(place.run_name, []).append(
                Receipt(
                    batch=place.batch,
                    number=number,
                    status=str(receipt.status),
                    is_final=receipt.is_final,
                )
            )
        for run_name, some in found.items():
            await self.ledger.record_receipts(run_name, some)
        self.unmatched += unmatched
        self.ambiguous += ambiguous

    async def _place(self, receipt: DeliveryReceipt, number: str) -> _Place | None:
        place = self._tickets.get(receipt.ticket)
        if place is None and self._is_stale:
            await self._look()
            place = self._tickets.get(receipt.ticket)
        if place is not None:
            return place
        candidates = self._open.get(number, [])
        if len(candidates) != 1:
            return None
        await self._prove(candidates[0], receipt.ticket)
        return self._tickets[receipt.ticket]

    @property
    def _is_stale(self) -> bool:
        looked_at = self._looked_at
        if looked_at is None:
            return True
        return self._clock.monotonic() - looked_at >= _LOOK_AGAIN_AFTER

    async def _look(self) -> None:
        """Add the tickets, and the numbers of unresolved batches."""
        # Unless it comes to its end, nothing of it counts.
        self._looked_at = None
        self._tickets.clear()
        self._open.clear()
        self._records.clear()
        for run in await self.ledger.runs():
            async for batch in self.ledger.batches(run.name):
                place = _Place(run.name, batch.name)
                if batch.ticket is not None:
                    self._tickets[batch.ticket] = place
                if batch.state in _PROVEN_BY_RECEIPT:
                    self._records[place] = batch
                    for number in set(unpack_numbers(batch.numbers)):
                        self._open.setdefault(number, []).append(place)
        self._looked_at = self._clock.monotonic()

    async def _prove(self, place: _Place, ticket: str) -> None:
        batch = self._records[place]
        now = self._clock.now()
        words = f"sent, by a delivery receipt, {now.isoformat(timespec='seconds')}"
        await self.ledger.conclude(
            place.run_name,
            evolve(batch, state=BatchState.ACCEPTED, ticket=ticket, resolution=words),
        )
        self.proven += 1
        self._tickets[ticket] = place
        del self._records[place]
        for number in set(unpack_numbers(batch.numbers)):
            self._open[number].remove(place)


def _number_of(receipt: DeliveryReceipt) -> str | None:
    try:
        return normalize(receipt.number)
    except InvalidFieldError:
        return None
