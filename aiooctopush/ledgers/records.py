"""
Records of a bulk run: the intent before the first byte of a batch, and its outcome
after the response. A shutdown needs no record.

These are the records; `protocols` has the operations of a ledger.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import evolve, field, frozen
from attrs.converters import optional

from ..errors import OctopushError, Outcome
from ..ids import request_id_for
from ..phone import mask


class BatchState(StrEnum):
    """State of a batch."""

    NOT_SENT = "not_sent"
    """Nothing was sent under its present id; it is sent when the run is resumed."""

    SENDING = "sending"
    """Intent is written; bytes may have left."""

    ACCEPTED = "accepted"
    """The gateway accepted it."""

    PRESUMED = "presumed"
    """
    Refused as a duplicate after an attempt of this run that timed out: almost certainly
    accepted.
    """

    REFUSED = "refused"
    """The gateway refused it; nothing was sent."""

    UNKNOWN = "unknown"
    """
    It may have been sent: no response to any attempt, or none that proves it. The next
    run repeats it under the same id, as long as the id protects it.
    """

    ALREADY_SENT = "already_sent"
    """
    The gateway had its request_id before this run sent it. The id came from an earlier
    run under the same name, within 24 hours, that is not in this ledger. Nothing was
    sent now.
    """

    SKIPPED = "skipped"
    """Left unknown by decision. It may have been sent; it is not repeated."""

    SPLIT = "split"
    """Refused because of some recipients, and cut into parts that count instead."""


UNFINISHED: Final = frozenset(
    {BatchState.NOT_SENT, BatchState.SENDING, BatchState.UNKNOWN}
)
"""Batches that a resumed run checks again."""

UNRESOLVED: Final = frozenset(
    {BatchState.UNKNOWN, BatchState.PRESUMED, BatchState.ALREADY_SENT}
)
"""The worklist: states that a receipt or a person may still decide about."""

KEEPS_PAYLOAD: Final = UNFINISHED | UNRESOLVED | {BatchState.REFUSED}
"""States in which a batch may be sent again, and so keeps its content."""


MAY_COST: Final = frozenset(
    {
        BatchState.ACCEPTED,
        BatchState.PRESUMED,
        BatchState.UNKNOWN,
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
    """Many batches in a row had no response."""

    MAX_COST = "max_cost"
    """The next batch could have cost more than the run may."""

    ALREADY_SENT = "already_sent"
    """The gateway has an id of this run that the ledger does not."""

    REFUSALS = "refusals"
    """So many batches are refused that the cause lies elsewhere."""

    OVERDUE = "overdue"
    """The instant of sending has passed: the gateway would send the rest at once."""


class LedgerError(OctopushError):
    """
    A ledger cannot be read or written.

    Raised before a batch is sent, no message of it was sent. Raised after its response,
    the ledger still has ``sending``, and the next run repeats it under the same id.
    """

    # It depends on the moment; the batch's own state has it.
    outcome: Outcome | None = None


class LeaseLostError(LedgerError):
    """
    Another worker holds the batch now, or has finished it; nothing was written.

    The lease had expired. Messages sent by this worker stay sent, and the next worker
    repeats the request under the same id.
    """


def _without_nul(value: str) -> str:
    """Replace NUL in text from the gateway or a file."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")


@frozen(kw_only=True)
class BatchRecord:
    """
    One request of a run, as a ledger keeps it.

    Attributes:
        number: Number of the batch, counted from 1 in the order of the source.
        part: Which piece of a split batch: ``1``, ``2``, ``1.2`` …; empty if whole.
        first: Position of its first recipient in the source, counted from 0.
        count: How many recipients it has.
        digest: SHA-256 of its content, in hexadecimal.
        epoch: How many clean refusals renewed its id.
        request_id: Derived from run name, number, part, epoch and digest.
        payload: Its content without the numbers, as `batch.payload_of` writes it,
            packed or not. Kept in the states of `KEEPS_PAYLOAD` only.
        numbers: Its recipients, as written by `pack_figures`. A later start recognizes
            planned recipients by them; kept until `Ledger.purge`.
        identities: Digests of the items, if numbers do not identify them: 16 bytes for
            each of its items. The parts of a batch have none.
        first_tried_at: Wall clock before the first byte under this id; None if it was
            never sent.
        concluded_at: Time of its outcome.
        attempts: Number of attempts, under all its ids.
        faults: How often which trouble was met in them, such as ``ServerError 503``.
        ticket: The gateway's name for it, once accepted.
        sms_needed: Messages that the gateway bills, if reported.
        cost: In euros, if reported.
        code: The gateway's code, if it refused.
        error: Class of the error that it ended with.
        resolution: The decision about it and its author, if there is one.
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
    identities: bytes = field(default=b"", repr=False)
    state: BatchState = BatchState.SENDING
    first_tried_at: datetime | None = None
    concluded_at: datetime | None = None
    attempts: int = 0
    faults: Mapping[str, int] = field(factory=dict)
    ticket: str | None = field(default=None, converter=optional(_without_nul))
    sms_needed: int | None = None
    cost: Decimal | None = None
    code: int | None = None
    error: str | None = None
    resolution: str | None = field(default=None, converter=optional(_without_nul))

    @property
    def name(self) -> str:
        """Number and part, such as ``7`` or ``7.1.2``."""
        return name_of(self.number, self.part)


def name_of(number: int, part: str) -> str:
    """The name of a batch, derived from its position."""
    return f"{number}.{part}" if part else str(number)


def id_of(run_name: str, number: int, part: str, digest: str, *, epoch: int = 0) -> str:
    """The id of a batch, which depends on its position and content."""
    return request_id_for(f"{run_name}/{name_of(number, part)}/{epoch}/{digest}")


def renewed(run_name: str, batch: BatchRecord) -> BatchRecord:
    """The batch under its next, unused id."""
    epoch = batch.epoch + 1
    request_id = id_of(run_name, batch.number, batch.part, batch.digest, epoch=epoch)
    return evolve(batch, epoch=epoch, request_id=request_id, first_tried_at=None)


@frozen(kw_only=True)
class Rejection:
    """
    An item of the source that is no recipient and was not sent.

    Attributes:
        position: In the source, counted from 0.
        line: In the file, counted from 1; None if it was no file.
        column_name: The column that is wrong, as the file names it, if one is.
        reason: Why it is not valid.
        shown: The value as it may be shown, such as a masked number.
        header: The columns of the file, as it names them; empty if it was no file.
        cells: The row as the file has it, to be repaired; empty if it was no file.
    """

    position: int
    line: int | None = None
    column_name: str | None = field(default=None, converter=optional(_without_nul))
    reason: str = field(converter=_without_nul)
    shown: str | None = field(default=None, converter=optional(_without_nul))
    header: tuple[str, ...] = field(default=(), converter=tuple, repr=False)
    cells: tuple[str, ...] = field(default=(), converter=tuple, repr=False)

    @property
    def place(self) -> str:
        """Its position, for people."""
        if self.line is not None:
            return f"line {self.line:,}"
        return f"item {self.position + 1:,}"


@frozen(kw_only=True)
class Receipt:
    """
    Delivery status of one number of a batch.

    Attributes:
        batch: Name of the batch in its run.
        number: In international form.
        status: Status as the gateway reported it.
        is_final: Whether nothing better or worse can follow.
    """

    batch: str
    number: str = field(repr=mask)
    status: str = field(converter=_without_nul)
    is_final: bool

    def replaces(self, *, is_final: bool) -> bool:
        """
        Whether it counts in place of an earlier receipt of the same number.

        The latest counts, but an intermediate status never replaces a final one.
        """
        return self.is_final or not is_final


@frozen(kw_only=True)
class RunRecord:
    """
    One run, as a ledger keeps it.

    Attributes:
        name: Names the run; see `check_run_name`.
        settings: Settings that must not change from one start to the next, by name.
            Values are text; of the message's text only a digest is kept.
        items: How many items of its source the latest start has dealt with: the sum
            of the next five.
        new: Those of them that it planned.
        already: Items that the run had planned before, in an earlier start.
        duplicates: Items that it left out because they came twice.
        excluded: Items left out by ``exclude=``.
        rejected: Items that are no recipients.
        planned: Recipients in batches, of all starts.
        batches: How many batches were cut in all starts, parts not counted.
        exhausted: Whether the latest start read its source to the end.
        paused: Why it is paused; None if it is not.
        purged: Whether its recipients were deleted, so that it cannot be resumed.
        max_batch_size: Recipients that the gateway accepts in one request, if it
            refused more.
        began_at: Wall clock of its first start.
        latest: The latest recorded time, so that a clock that steps back is noticed.
        residual_credit: Euros left after the latest response that reported them.
    """

    name: str
    settings: Mapping[str, str]
    items: int = 0
    new: int = 0
    already: int = 0
    duplicates: int = 0
    excluded: int = 0
    rejected: int = 0
    planned: int = 0
    batches: int = 0
    exhausted: bool = False
    paused: Pause | None = None
    purged: bool = False
    max_batch_size: int | None = None
    began_at: datetime
    latest: datetime
    residual_credit: Decimal | None = None


@frozen(kw_only=True)
class Progress:
    """
    How far a run is.

    Attributes:
        run: Its record.
        batches: How many there are in which state; states without any are left out.
        recipients: Number of their recipients. For split batches only the parts count.
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
        """Whether all of the source was read and the workers have nothing to do."""
        return self.run.exhausted and not self.left


def without_payload(batch: BatchRecord) -> BatchRecord:
    """The batch without its content, unless it may be sent again."""
    return batch if batch.state in KEEPS_PAYLOAD else evolve(batch, payload=None)


def numbered(batch: BatchRecord) -> tuple[int, str]:
    """The order of batches: by number, then by part, of which each is one digit."""
    return batch.number, batch.part


def part_of(parent: str, index: int) -> str:
    """The part of a part: ``1`` of the whole is ``1``, its second is ``1.2``."""
    return f"{parent}.{index}" if parent else str(index)
