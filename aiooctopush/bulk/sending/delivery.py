"""
Delivery of one batch: intent, attempts, outcome, and its parts if it is split.

It does not depend on sources or on the scheduling of batches.
"""

import hashlib
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from typing import Any, Final

import orjson
from attrs import define, evolve, field, frozen

from ... import _wire
from ..._call import BulkPriority, CallOptions
from ..._clock import MonotonicWallClock
from ..._throttle import StopSignal
from ...api._checked import CheckedRequest
from ...api._recipients import CheckedRecipients, Recipient
from ...api._shared import Caller
from ...api.sms import SEND, Message, SendResult, SmsRequest
from ...errors import (
    AuthenticationError,
    DuplicateRequestError,
    InsufficientCreditError,
    InvalidFieldError,
    OctopushError,
    Outcome,
    ThrottledError,
)
from ...ledgers.batch import (
    Content,
    Job,
    encode,
    new_record,
    pack,
    recipients_in,
)
from ...ledgers.protocols import DeliveryLedger
from ...ledgers.records import (
    KEEPS_PAYLOAD,
    BatchRecord,
    BatchState,
    LedgerError,
    part_of,
    renewed,
)
from ...retry import RetryPolicy
from ...text import as_sent
from .departure import check_in_time
from .pacing import AdaptiveRate
from .splitting import cut, is_too_large, named_in, speaks_of_recipients


@frozen(kw_only=True)
class BatchResult:
    """
    Result of one batch.

    Attributes:
        number: Number of the batch, counted from 1 in the order of the source.
        part: Which piece of it, if it had to be split; empty if it is whole.
        state: Its state.
        recipients: Who was in it.
        request_id: Its last id.
        result: The gateway's response, if it was accepted or presumed.
        error: Why it was not.
    """

    number: int
    part: str = ""
    state: BatchState
    _people: Sequence[Recipient] = field(alias="recipients", repr=False)
    request_id: str
    result: SendResult | None = None
    error: OctopushError | None = None

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """The recipients of the batch, made on access: few of millions are read."""
        return tuple(self._people)

    def __repr__(self) -> str:
        return (
            f"BatchResult(number={self.number}, part={self.part!r}, "
            f"state={self.state!r}, recipients=<{len(self._people)}>, "
            f"request_id={self.request_id!r}, result={self.result!r}, "
            f"error={self.error!r})"
        )


@frozen
class BatchStarted:
    """The intent to send a batch is written; its request is next."""

    old: BatchRecord
    new: BatchRecord


@frozen
class BatchSplit:
    """
    A batch was replaced by its parts in the ledger.

    Attributes:
        old: Its earlier record.
        parent: Its new record.
        parts: The parts that count instead.
        error: Why; None if it only was too large.
    """

    old: BatchRecord
    parent: BatchRecord
    parts: Sequence[BatchRecord]
    error: OctopushError | None


@frozen
class BatchDone:
    """
    The outcome of a batch is known, and being written to the ledger.

    Attributes:
        old: Its earlier record; None if it was refused by name, in a split.
        new: Its new record.
        content: Its text and recipients.
        result: Result for the caller, who gets it when it is durable.
        written: Is done when it is; None if it is already.
    """

    old: BatchRecord | None
    new: BatchRecord
    content: Content = field(repr=False)
    result: BatchResult
    written: Awaitable[None] | None = field(default=None, repr=False)


DeliveryEvent = BatchStarted | BatchSplit | BatchDone
"""Events of a delivery, in order; between two of them it may be stopped."""


@define(kw_only=True)
class Delivery:
    """
    Sends batches of one run, and records their outcomes.

    Attributes:
        run_name: Names the run.
        message: Text and options of all requests; None if each has its own text.
        settings: The same as a digest; part of the digests of all batches.
        pace: Informed about attempts that found the gateway too busy.
        stop: Ends the waits between the attempts of a request.
        max_batch_size: Recipients that the gateway accepts in one request, if it
            refused more.
    """

    call: Caller
    wall: MonotonicWallClock
    ledger: DeliveryLedger
    run_name: str
    message: Message | None = None
    settings: bytes = field(init=False)
    # Its content, built once.
    _shared: Mapping[str, Any] = field(init=False, repr=False)
    retry: RetryPolicy
    background: BulkPriority
    pace: AdaptiveRate | None = None
    stop: StopSignal | None = None
    max_batch_size: int | None = None

    def __attrs_post_init__(self) -> None:
        self.settings, self._shared = b"", {}
        if self.message is not None:
            digest = hashlib.sha256(_wire.encode(self.message))
            self.settings = digest.hexdigest().encode()
            said = evolve(self.message, text=as_sent(self.message.text))
            self._shared = _wire.converter.unstructure(said)

    async def send(self, job: Job) -> AsyncGenerator[DeliveryEvent, None]:
        """
        Send a batch, and its parts if it is split; yield the outcome of each.

        Ending the iteration stops it there; unsent parts stay unsent in the ledger.

        Raises:
            LedgerError: It could not be written. Before a batch was sent: nothing of
                it was. After that: it is asked again under the same id.
        """
        jobs = deque([job])
        while jobs:
            job = jobs.popleft()
            if self._is_too_large(job):
                parts, record, error = self._cut(job, set()), job.record, None
            else:
                begun = job.record
                if not job.is_written:
                    begun = await self._begin(job)
                    yield BatchStarted(job.record, begun)
                record, response, error = await self._try(job, begun)
                parts = self._parts_after(job, error)
                if not parts:
                    yield await self._conclude(job, record, response, error)
                    continue
            yield await self._split(record, parts, error)
            for part in parts:
                if part.record.state is BatchState.REFUSED:
                    result = _result_of(part, part.record, error=error)
                    yield BatchDone(None, part.record, part.content, result)
            open_still = [p for p in parts if p.record.state is BatchState.NOT_SENT]
            jobs.extendleft(reversed(open_still))

    def _is_too_large(self, job: Job) -> bool:
        # An attempted batch keeps its id, and so its size.
        max_batch_size = self.max_batch_size
        return (
            max_batch_size is not None
            and job.record.count > max_batch_size
            and not job.was_tried
        )

    async def _try(
        self, job: Job, record: BatchRecord
    ) -> tuple[BatchRecord, SendResult | None, OctopushError | None]:
        """
        Send until the outcome is known or given up; the outcome is not written yet.
        """
        faults: Counter[str] = Counter(record.faults)

        def note_failure(error: OctopushError) -> None:
            status = "" if error.status is None else f" {error.status}"
            faults[f"{type(error).__name__}{status}"] += 1
            if self.pace is not None and isinstance(error, ThrottledError):
                self.pace.back_off()

        async def renew() -> str:
            nonlocal record
            record = evolve(
                renewed(self.run_name, record), first_tried_at=self.wall.now()
            )
            await self.ledger.begin(self.run_name, record)
            return record.request_id

        unknown_since = None
        if job.was_tried and record.first_tried_at is not None:
            # According to the machine's clock. Our clock may be ahead of it, and the
            # age counts.
            unknown_since = record.first_tried_at - self.wall.skew()
        result: SendResult | None = None
        failure: OctopushError | None = None
        late = self._too_late(job)
        try:
            if late is not None:
                raise late
            result = await self.call(
                SEND,
                CallOptions(
                    body=self._request(record, job.content),
                    retry=self.retry,
                    # An epoch that outlives no crash would be unknown to the next run
                    # of this name, which would then send the batch again.
                    owns_id=self.ledger.is_durable,
                    new_id=renew,
                    unknown_since=unknown_since,
                    priority=self.background,
                    on_failure=note_failure,
                    stop=self.stop,
                ),
            )
            attempts = result.attempts
        except LedgerError:
            raise
        except OctopushError as error:
            failure = error
            attempts = error.attempts
        record = evolve(
            record, attempts=record.attempts + attempts, faults=dict(faults)
        )
        return record, result, failure

    def _too_late(self, job: Job) -> InvalidFieldError | None:
        """Say that the instant of sending has passed, if it has."""
        said = job.content if isinstance(job.content, SmsRequest) else self.message
        if said is None or said.send_at is None:
            return None
        try:
            check_in_time(said.send_at, self.wall.now())
        except InvalidFieldError as error:
            # An earlier attempt may have been in time, which this one does not show.
            error.outcome = Outcome.UNKNOWN if job.was_tried else Outcome.NOT_SENT
            error.attempts = 0
            return error
        return None

    async def _begin(self, job: Job) -> BatchRecord:
        """Write the intent."""
        record = evolve(job.record, state=BatchState.SENDING, error=None, code=None)
        if not job.was_tried:
            record = evolve(record, first_tried_at=self.wall.now())
        await self.ledger.begin(self.run_name, record)
        return record

    def _request(
        self, record: BatchRecord, content: Content
    ) -> SmsRequest | CheckedRequest:
        if isinstance(content, SmsRequest):
            return evolve(
                content, text=as_sent(content.text), request_id=record.request_id
            )
        recipients = orjson.Fragment(
            # A batch that was just planned is encoded already, for its digest.
            content.json if isinstance(content, CheckedRecipients) else encode(content)
        )
        return CheckedRequest(self._shared, record.request_id, recipients)

    def _parts_after(self, job: Job, error: OctopushError | None) -> Sequence[Job]:
        """Replacement of a refused batch, if splitting may help."""
        if error is None or job.record.count == 1:
            return ()
        if is_too_large(error):
            half = (job.record.count + 1) // 2
            self.max_batch_size = min(half, self.max_batch_size or half)
            return self._cut(job, set())
        if not speaks_of_recipients(error):
            return ()
        named = {at for at in named_in(error) if at < job.record.count}
        bad, rest = self._cut(job, named)
        if 0 < len(named) < job.record.count:
            # These are the bad ones, and need no request of their own.
            refused = evolve(
                bad.record,
                state=BatchState.REFUSED,
                concluded_at=self.wall.now(),
                **_words_of(error),
            )
            bad = evolve(bad, record=refused)
        return bad, rest

    def _cut(self, job: Job, named: set[int]) -> Sequence[Job]:
        parts = []
        halves = cut(recipients_in(job.content), named)
        for index, recipients in enumerate(halves, 1):
            content: Content = recipients
            if isinstance(job.content, SmsRequest):
                content = evolve(job.content, recipients=recipients)
            record = new_record(
                self.run_name,
                content,
                self.settings,
                number=job.record.number,
                part=part_of(job.record.part, index),
                first=job.record.first,
                state=BatchState.NOT_SENT,
            )
            parts.append(Job(record=record, content=content))
        return parts

    async def _split(
        self, old: BatchRecord, parts: Sequence[Job], error: OctopushError | None
    ) -> BatchSplit:
        """Write the parts down in place of the whole."""
        parent = evolve(old, state=BatchState.SPLIT, concluded_at=self.wall.now())
        if error is not None:
            parent = evolve(parent, **_words_of(error))
        records = [part.record for part in parts]
        await self.ledger.split(self.run_name, parent, records)
        return BatchSplit(old, parent, records, error)

    async def _conclude(
        self,
        job: Job,
        old: BatchRecord,
        response: SendResult | None,
        error: OctopushError | None,
    ) -> BatchDone:
        """Record the outcome of a batch."""
        state = self._state_after(old, response, error)
        found: dict[str, Any] = {} if error is None else _words_of(error)
        if response is not None:
            found = {
                "ticket": response.ticket,
                "sms_needed": response.number_of_sms_needed,
                "cost": response.total_cost,
            }
        record = evolve(old, state=state, concluded_at=self.wall.now(), **found)
        result = _result_of(job, record, response=response, error=error)
        if error is not None:
            refused = error.outcome is Outcome.REFUSED
            if state is BatchState.NOT_SENT and refused and self.ledger.is_durable:
                # A gateway that notes ids on receipt would refuse this one for ever.
                record = renewed(self.run_name, record)
        if record.payload is not None and state in KEEPS_PAYLOAD:
            # It may stay for long.
            record = evolve(record, payload=pack(record.payload))
        written = await self.ledger.conclude_soon(self.run_name, record)
        return BatchDone(old, record, job.content, result, written)

    def _state_after(
        self,
        record: BatchRecord,
        response: SendResult | None,
        error: OctopushError | None,
    ) -> BatchState:
        if error is None:
            presumed = response is not None and response.outcome is Outcome.PRESUMED
            return BatchState.PRESUMED if presumed else BatchState.ACCEPTED
        if error.outcome is Outcome.UNKNOWN:
            return BatchState.UNKNOWN
        if error.outcome is Outcome.NOT_SENT or isinstance(error, _TRIED_AGAIN_LATER):
            return BatchState.NOT_SENT
        if isinstance(error, DuplicateRequestError):
            # After a refused try of ours under this id the gateway may have noted it
            # then, and nothing was sent; or somebody else had sent it. Nobody can
            # tell. With a durable ledger each refusal is followed by a new id.
            ours = record.attempts > 1 and not self.ledger.is_durable
            return BatchState.UNKNOWN if ours else BatchState.ALREADY_SENT
        return BatchState.REFUSED


_TRIED_AGAIN_LATER: Final = (
    AuthenticationError,
    InsufficientCreditError,
    ThrottledError,
)
"""Refusals that concern the account and the moment rather than the batch."""


def _result_of(
    job: Job,
    record: BatchRecord,
    *,
    response: SendResult | None = None,
    error: OctopushError | None = None,
) -> BatchResult:
    content = job.content
    return BatchResult(
        number=record.number,
        part=record.part,
        state=record.state,
        # Who keeps the result does not keep the JSON of its recipients.
        recipients=CheckedRecipients(content.columns)
        if isinstance(content, CheckedRecipients)
        else recipients_in(content),
        request_id=record.request_id,
        result=response,
        error=error,
    )


def _words_of(error: OctopushError) -> dict[str, Any]:
    return {"code": error.code, "error": type(error).__name__}
