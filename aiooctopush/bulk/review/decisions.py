"""Decisions about batches whose outcome is unknown."""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from attrs import evolve, field, frozen

from ..._clock import Clock
from ...api._shared import to_enum
from ...errors import InvalidFieldError, wrong_value
from ...ledgers.batch import unpack_numbers
from ...ledgers.protocols import Ledger, run_named
from ...ledgers.records import (
    UNFINISHED,
    UNRESOLVED,
    BatchRecord,
    BatchState,
    renewed,
)


class BatchDecision(StrEnum):
    """Decision about a batch that may have been sent."""

    SENT = "sent"
    """It was sent, according to an operator or a delivery receipt."""

    RESEND = "resend"
    """Send it under a new id when the run is resumed; recipients may get it twice."""

    SKIP = "skip"
    """Do not send it again; recipients may not have got it."""


BatchDecisionLike = BatchDecision | Literal["sent", "resend", "skip"]


@frozen(kw_only=True)
class Unresolved:
    """
    A batch that may have been sent, and how to find out.

    Attributes:
        batch: Its name in the run, such as ``7`` or ``7.1``.
        state: ``unknown``, ``presumed`` or ``already_sent``.
        request_id: The id that it was sent under.
        first_tried_at: The gateway has it from this instant on, if at all.
        concluded_at: Up to this instant; None if a crash cut it off.
        numbers: Whom it goes to; empty if the ledger was purged.
        error: Class of the error that it ended with.
    """

    batch: str
    state: BatchState
    request_id: str
    first_tried_at: datetime | None
    concluded_at: datetime | None
    numbers: tuple[str, ...] = field(repr=lambda numbers: f"<{len(numbers)}>")
    error: str | None


_DECIDED_ABOUT: Final = UNRESOLVED | {BatchState.REFUSED}


async def unresolved(ledger: Ledger, run_name: str) -> AsyncIterator[Unresolved]:
    """
    The batches of a run that may have been sent, or were not by this run.

    Delivery receipts for any number of a batch prove that it was sent.
    """
    async for batch in ledger.batches(run_name, UNRESOLVED):
        yield Unresolved(
            batch=batch.name,
            state=batch.state,
            request_id=batch.request_id,
            first_tried_at=batch.first_tried_at,
            concluded_at=batch.concluded_at,
            numbers=unpack_numbers(batch.numbers),
            error=batch.error,
        )


async def resolve(
    ledger: Ledger,
    run_name: str,
    batch: str,
    decision: BatchDecisionLike,
    *,
    by: str,
    clock: Clock,
) -> BatchRecord:
    """
    Decide about a batch, and write down who did.

    Args:
        batch: Its name in the run.
        decision: How to proceed with it.
        by: Who decides; a name, or the grounds.
        clock: For the date of the decision.

    Returns:
        The batch in its new state.

    Raises:
        InvalidFieldError: The batch does not exist, needs no decision, or its content
            was deleted.
    """
    decision = to_enum(BatchDecision, "decision", decision)
    record = await _find(ledger, run_name, batch)
    now = clock.now()
    words = f"{decision}, by {by}, {now.isoformat(timespec='seconds')}"
    if record.state is BatchState.REFUSED and decision is not BatchDecision.RESEND:
        raise InvalidFieldError("decision", "of a refused batch can only be 'resend'")
    if decision is BatchDecision.RESEND:
        if record.payload is None:
            raise InvalidFieldError(
                "batch",
                "cannot be sent again, because the ledger was purged",
                shown=batch,
            )
        record = evolve(renewed(run_name, record), state=BatchState.NOT_SENT)
    else:
        sent = decision is BatchDecision.SENT
        state = BatchState.ACCEPTED if sent else BatchState.SKIPPED
        record = evolve(record, state=state)
    record = evolve(record, resolution=words, concluded_at=now)
    await ledger.conclude(run_name, record)
    return record


async def _find(ledger: Ledger, run_name: str, name: str) -> BatchRecord:
    async for record in ledger.batches(run_name):
        if record.name == name:
            if record.state in _DECIDED_ABOUT:
                return record
            raise wrong_value(
                "batch", f"is {record.state}: there is nothing to decide", name
            )
    raise wrong_value("batch", "is not in this run", name)


async def purge(ledger: Ledger, run_name: str, *, abandon: bool = False) -> None:
    """
    Delete the recipients and texts of a run; its figures stay.

    Args:
        ledger: The ledger of the run.
        run_name: Its name.
        abandon: Also purge a run that is paused, or was interrupted before it had
            planned all of its recipients. It cannot be resumed any more.

    Raises:
        InvalidFieldError: It is not finished, or has batches that are not resolved.
    """
    async for record in ledger.batches(run_name, UNFINISHED | UNRESOLVED):
        raise wrong_value(
            "name",
            f"names a run that is not finished: batch {record.name} is {record.state}; "
            "send or resolve it first",
            run_name,
        )
    # A resumed run would have to know who had the message.
    run = None if abandon else await run_named(ledger, run_name)
    if run is not None and (run.paused is not None or not run.exhausted):
        raise wrong_value(
            "name",
            "names a run that has not reached all of its recipients; resume it "
            "first, or give them up (abandon=True, --abandon)",
            run_name,
        )
    await ledger.purge(run_name)
