"""
What a bulk run writes down, and when: intent before the first byte of a batch, its
outcome after the answer, and nothing on the way out.

A `Ledger` keeps that for one or many runs. `MemoryLedger` forgets with the process.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import attrs
from attrs import field, frozen

from ..errors import InvalidFieldError


class BatchState(StrEnum):
    """Where a batch stands; all but the first are final for this run."""

    SENDING = "sending"
    """Intent is written; bytes may have left."""

    ACCEPTED = "accepted"
    """The gateway took it."""

    PRESUMED = "presumed"
    """Refused as a duplicate after an unanswered try of this run: most likely taken."""

    REFUSED = "refused"
    """The gateway refused it; nothing was sent."""

    NOT_SENT = "not_sent"
    """No connection in all tries; nothing was sent."""

    IN_DOUBT = "in_doubt"
    """It may have been sent: no answer in all tries, or none that proves it."""

    FOREIGN = "foreign"
    """
    The gateway knew its request_id before this run tried it: an earlier run under the
    same key, within 24 hours. Nothing was sent now.
    """


@frozen(kw_only=True)
class BatchRecord:
    """
    One request of a run, as a ledger keeps it.

    Attributes:
        number: Of the batch, counted from 1 in the order of the source.
        first: Position of its first recipient in the source, counted from 0.
        count: How many recipients it has.
        digest: SHA-256 of its content, in hexadecimal.
        epoch: How many clean refusals renewed its id.
        request_id: Derived from run key, number, epoch and digest.
        payload: The recipients as JSON, kept until the outcome is known.
        first_tried_at: Wall clock before the first byte under this id.
        attempts: How many tries were made.
        ticket: The gateway's name for it, once accepted.
        code: The gateway's code, if it refused.
    """

    number: int
    first: int
    count: int
    digest: str
    epoch: int = 0
    request_id: str
    payload: bytes | None = field(default=None, repr=False)
    state: BatchState = BatchState.SENDING
    first_tried_at: datetime
    attempts: int = 0
    ticket: str | None = None
    cost: Decimal | None = None
    code: int | None = None


@frozen(kw_only=True)
class RunRecord:
    """
    One run, as a ledger keeps it.

    Attributes:
        key: Names the run.
        settings: SHA-256 of text, sender and the other settings, in hexadecimal.
        cursor: How many items of the source are planned.
    """

    key: str
    settings: str
    cursor: int = 0


class Ledger(Protocol):
    """Where runs write down what they are about to do, and what became of it."""

    async def open_run(self, key: str, settings: str) -> RunRecord:
        """
        Begin a run, or find it as it was left.

        Raises:
            InvalidFieldError: The key names a run with other settings.
        """

    async def plan(self, key: str, batch: BatchRecord, *, cursor: int) -> None:
        """Write the intent and the advanced cursor, together, before the first byte."""

    async def conclude(self, key: str, batch: BatchRecord) -> None:
        """Write the outcome; the payload is dropped."""

    def batches(self, key: str) -> AsyncIterator[BatchRecord]:
        """The batches of a run in the order of their numbers."""

    async def close(self) -> None:
        """Release what this ledger opened."""


class MemoryLedger:
    """A ledger that lives and dies with the process."""

    def __init__(self) -> None:
        self._runs: dict[str, RunRecord] = {}
        self._batches: dict[str, dict[int, BatchRecord]] = {}

    async def open_run(self, key: str, settings: str) -> RunRecord:
        """See `Ledger.open_run`."""
        run = self._runs.setdefault(key, RunRecord(key=key, settings=settings))
        if run.settings != settings:
            raise InvalidFieldError(
                "key", "names a run that began with other settings", shown=repr(key)
            )
        self._batches.setdefault(key, {})
        return run

    async def plan(self, key: str, batch: BatchRecord, *, cursor: int) -> None:
        """See `Ledger.plan`."""
        self._batches[key][batch.number] = batch
        self._runs[key] = attrs.evolve(self._runs[key], cursor=cursor)

    async def conclude(self, key: str, batch: BatchRecord) -> None:
        """See `Ledger.conclude`."""
        self._batches[key][batch.number] = attrs.evolve(batch, payload=None)

    async def batches(self, key: str) -> AsyncIterator[BatchRecord]:
        """See `Ledger.batches`."""
        for batch in self._batches[key].values():
            yield batch

    async def close(self) -> None:
        """See `Ledger.close`."""
