"""
What a bulk run writes down, and when: intent before the first byte of a batch, its
outcome after the answer, and nothing on the way out.

Here are the records and the protocol. `memory` forgets with the process, `sqlite`
survives it.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from attrs import field, frozen

from ..errors import OctopushError, Outcome
from ..phone import mask


class BatchState(StrEnum):
    """Where a batch stands."""

    NOT_SENT = "not_sent"
    """Nothing was sent under its present id; it is sent when the run goes on."""

    SENDING = "sending"
    """Intent is written; bytes may have left."""

    ACCEPTED = "accepted"
    """The gateway took it."""

    PRESUMED = "presumed"
    """Refused as a duplicate after an unanswered try of this run: most likely taken."""

    REFUSED = "refused"
    """The gateway refused it; nothing was sent."""

    IN_DOUBT = "in_doubt"
    """
    It may have been sent: no answer in all tries, or none that proves it. The next run
    asks again under the same id, as long as that protects it.
    """

    FOREIGN = "foreign"
    """
    The gateway knew its request_id before this run tried it: an earlier run under the
    same key, within 24 hours, that this ledger does not know. Nothing was sent now.
    """

    SKIPPED = "skipped"
    """In doubt, and left so by decision: it may have been sent, and is not repeated."""

    SPLIT = "split"
    """Refused because of some recipients, and cut into parts that count instead."""


UNFINISHED: Final = frozenset(
    {BatchState.NOT_SENT, BatchState.SENDING, BatchState.IN_DOUBT}
)
"""What a run looks at again when it goes on."""

UNRESOLVED: Final = frozenset(
    {BatchState.IN_DOUBT, BatchState.PRESUMED, BatchState.FOREIGN}
)
"""The worklist: states that a receipt or a person may still decide about."""

KEEPS_PAYLOAD: Final = UNFINISHED | UNRESOLVED | {BatchState.REFUSED}
"""States in which a batch may be sent once more, and so keeps what it says to whom."""


MAY_COST: Final = frozenset(
    {
        BatchState.ACCEPTED,
        BatchState.PRESUMED,
        BatchState.IN_DOUBT,
        BatchState.SKIPPED,
    }
)
"""States of batches that were sent by this run, or may have been."""


class Pause(StrEnum):
    """Why a run stopped before the end of its source."""

    CREDIT = "credit"
    """The account has not enough credit."""

    CREDENTIALS = "credentials"
    """The gateway refuses login or key, or the account may not send."""

    SECURITY = "security"
    """The certificate of the gateway is not valid."""

    OUTAGE = "outage"
    """Many batches in a row had no answer."""

    MAX_COST = "max_cost"
    """The next batch could have cost more than the run may."""

    FOREIGN = "foreign"
    """The gateway knows an id of this run that its ledger does not."""

    REFUSALS = "refusals"
    """So many batches are refused that the cause lies elsewhere."""


class LedgerError(OctopushError):
    """
    A ledger cannot be read or written.

    Raised before a batch is sent, nothing of it was; raised after its answer, the
    ledger still says ``sending``, and the next run asks under the same id.
    """

    # It depends on the moment; the batch's own state tells.
    outcome: Outcome | None = None


@frozen(kw_only=True)
class BatchRecord:
    """
    One request of a run, as a ledger keeps it.

    Attributes:
        number: Of the batch, counted from 1 in the order of the source.
        part: Which piece of a split batch: ``1``, ``2``, ``1.2`` …; empty if whole.
        first: Position of its first recipient in the source, counted from 0.
        count: How many recipients it has.
        digest: SHA-256 of what it says to whom, in hexadecimal.
        epoch: How many clean refusals renewed its id.
        request_id: Derived from run key, number, part, epoch and digest.
        payload: What it says to whom, as `packing.pack` writes it. Kept in the states
            of `KEEPS_PAYLOAD` only.
        numbers: Whom it goes to, as `packing.pack_numbers` writes it; kept for audit
            until `Ledger.purge`.
        first_tried_at: Wall clock before the first byte under this id; None if it was
            never tried.
        concluded_at: When its outcome became known.
        attempts: How many tries were made, under all its ids.
        faults: How often which trouble was met in them, such as ``ServerError 503``.
        ticket: The gateway's name for it, once accepted.
        sms_needed: Messages that the gateway bills, if it said so.
        cost: In euros, if the gateway said so.
        code: The gateway's code, if it refused.
        error: Class of the error that it ended with.
        resolution: Who decided what about it, if anybody did.
    """

    number: int
    part: str = ""
    first: int
    count: int
    digest: str
    epoch: int = 0
    request_id: str
    payload: bytes | None = field(default=None, repr=False)
    numbers: bytes = field(default=b"", repr=False)
    state: BatchState = BatchState.SENDING
    first_tried_at: datetime | None = None
    concluded_at: datetime | None = None
    attempts: int = 0
    faults: Mapping[str, int] = field(factory=dict)
    ticket: str | None = None
    sms_needed: int | None = None
    cost: Decimal | None = None
    code: int | None = None
    error: str | None = None
    resolution: str | None = None

    @property
    def name(self) -> str:
        """Number and part, such as ``7`` or ``7.1.2``."""
        return name_of(self.number, self.part)


def name_of(number: int, part: str) -> str:
    """The name of a batch, from what it is made of."""
    return f"{number}.{part}" if part else str(number)


@frozen(kw_only=True)
class Rejection:
    """
    An item of the source that is no recipient, and was not sent.

    Attributes:
        position: In the source, counted from 0.
        line: In the file, counted from 1; None if it was no file.
        reason: What is wrong with it.
        shown: The value as it may be shown, such as a masked number.
    """

    position: int
    line: int | None = None
    reason: str
    shown: str | None = None

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        if self.line is not None:
            return f"line {self.line:,}"
        return f"item {self.position + 1:,}"


@frozen(kw_only=True)
class Receipt:
    """
    What the network said about one number of a batch.

    Attributes:
        batch: Name of the batch in its run.
        number: In international form.
        status: The gateway's word.
        is_final: Whether nothing better or worse can follow.
    """

    batch: str
    number: str = field(repr=mask)
    status: str
    is_final: bool


@frozen(kw_only=True)
class RunRecord:
    """
    One run, as a ledger keeps it.

    Attributes:
        key: Names the run.
        settings: What must not change from one start to the next, by name: values as
            text, of the message's text only a digest.
        cursor: How many items of the source are dealt with: planned, skipped as
            duplicates, or rejected.
        planned: Recipients in batches.
        duplicates: Recipients left out because they were met before.
        rejected: Items that are no recipients.
        batches: How many batches were cut, parts not counted.
        exhausted: Whether the source was read to its end.
        paused: Why it stands still, if it does.
        largest: Recipients that the gateway takes in one request, if it refused more.
        began_at: Wall clock of its first start.
        latest: The latest instant that it knows of, so that a clock that steps back
            is noticed.
        residual_credit: Euros left after the latest answer that said so.
    """

    key: str
    settings: Mapping[str, str]
    cursor: int = 0
    planned: int = 0
    duplicates: int = 0
    rejected: int = 0
    batches: int = 0
    exhausted: bool = False
    paused: Pause | None = None
    largest: int | None = None
    began_at: datetime
    latest: datetime
    residual_credit: Decimal | None = None


class DeliveryLedger(Protocol):
    """
    What it takes to send a batch that is in a ledger already.

    Every method that writes is one transaction: all of it is durable when it returns,
    or none of it ever was. Cancelled in the middle, it is one or the other.
    """

    @property
    def is_durable(self) -> bool:
        """Whether what is written outlives the process."""

    async def begin(self, key: str, batch: BatchRecord) -> None:
        """Write the intent to send a batch that is in the ledger, before it is sent."""

    async def conclude(self, key: str, batch: BatchRecord) -> None:
        """
        Write what became of a batch.

        Its payload is dropped, except in the states of `KEEPS_PAYLOAD`; one that is
        None there leaves what was stored.
        """

    async def split(
        self, key: str, parent: BatchRecord, parts: Sequence[BatchRecord]
    ) -> None:
        """Replace a batch by its parts: it becomes ``split``, they are new."""


class Ledger(DeliveryLedger, Protocol):
    """
    Where runs write down what they are about to do, and what became of it.

    Every method that writes is one transaction, as in `DeliveryLedger`.
    """

    async def open_run(self, run: RunRecord) -> RunRecord:
        """
        Begin a run, or find it as it was left; nobody else may then write to it.

        Args:
            run: As it would be new.

        Returns:
            The run as it stands in the ledger, whatever its settings.

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
            run: As it stands now; replaces what was there.
            batches: New ones. Those in state ``sending`` go out next.
            rejections: New ones.
        """

    async def update_run(self, run: RunRecord) -> None:
        """Replace what the ledger says of a run as a whole."""

    def batches(
        self, key: str, states: Collection[BatchState] | None = None
    ) -> AsyncIterator[BatchRecord]:
        """
        The batches of a run by number and part, or those in some states only.

        Writing while this is iterated is allowed; what is seen of it is not defined.
        """

    def rejections(self, key: str) -> AsyncIterator[Rejection]:
        """What was rejected, in the order of the source."""

    async def record_receipts(self, key: str, receipts: Sequence[Receipt]) -> None:
        """
        Write down what the network said, in the order of the sequence.

        For each number of a batch the latest counts, but what is not final never
        replaces what is.
        """

    async def deliveries(self, key: str) -> Mapping[str, int]:
        """How many numbers of a run stand at which status, by the gateway's word."""

    async def runs(self) -> Sequence[RunRecord]:
        """All runs, the latest begun first."""

    async def purge(self, key: str) -> None:
        """
        Forget whom a run went to and what it said, and keep the figures.

        Batches that are not finished lose what they would send: they are not sent any
        more.
        """

    async def close(self) -> None:
        """Release what this ledger opened. A second time does nothing."""


def numbered(batch: BatchRecord) -> tuple[int, str]:
    """The order of batches: by number, then by part, of which each is one digit."""
    return batch.number, batch.part


def part_of(parent: str, index: int) -> str:
    """The part of a part: ``1`` of the whole is ``1``, its second is ``1.2``."""
    return f"{parent}.{index}" if parent else str(index)
