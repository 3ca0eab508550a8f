"""One bulk run: cut the source into batches, keep a few in flight, tell the outcome."""

import asyncio
import hashlib
import itertools
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
)
from contextlib import aclosing, asynccontextmanager
from typing import Final

import attrs
from attrs import field, frozen

from .. import _wire
from .._clock import Clock
from .._wire import Answer
from ..api._shared import MAX_RECIPIENTS, Caller, Recipient
from ..api.sms import SEND, Message, SendResult, SmsRequest
from ..errors import (
    AuthenticationError,
    DuplicateRequestError,
    InsufficientCreditError,
    InvalidFieldError,
    OctopushError,
    Outcome,
    TransportSecurityError,
)
from ..ids import request_id_for
from ..retry import RetryPolicy
from .ledger import BatchRecord, BatchState, Ledger, MemoryLedger
from .report import BulkReport, Pause


Source = Iterable[str | Recipient] | AsyncIterable[str | Recipient]
"""Numbers or recipients; never held in memory as a whole."""

# Nobody waits for a batch, and giving it up leaves 500 people without a message.
BULK_RETRY: Final = RetryPolicy(attempts=12, deadline=900.0)

# Without an answer for that many batches in a row, going on only makes more doubt.
_OUTAGE_AFTER: Final = 20


@frozen(kw_only=True)
class BatchResult:
    """
    What became of one batch.

    Attributes:
        number: Of the batch, counted from 1 in the order of the source.
        state: What became of it.
        recipients: Who was in it.
        request_id: Its last id.
        result: The gateway's answer, if it was accepted or presumed.
        error: Why it was not.
    """

    number: int
    state: BatchState
    recipients: tuple[Recipient, ...] = field(repr=lambda value: f"<{len(value)}>")
    request_id: str
    result: SendResult | None = None
    error: OctopushError | None = None


@frozen(kw_only=True)
class _Batch:
    record: BatchRecord
    recipients: tuple[Recipient, ...]


class BulkRun:
    """
    One text on its way to any number of recipients; `OctopushSession.bulk` makes it.

    Iterate over `send`, or await `send_all`; `report` tells at any time how far it
    is. A run is sent once.
    """

    def __init__(
        self,
        call: Caller,
        clock: Clock,
        *,
        key: str,
        message: Message,
        concurrency: int,
        batch_size: int,
        retry: RetryPolicy = BULK_RETRY,
        ledger: Ledger | None = None,
    ) -> None:
        if not key.strip():
            raise InvalidFieldError("key", "must name the run", shown=repr(key)[:80])
        if concurrency < 1:
            raise InvalidFieldError(
                "concurrency", "must be at least 1", shown=repr(concurrency)
            )
        if not 1 <= batch_size <= MAX_RECIPIENTS:
            raise InvalidFieldError(
                "batch_size", f"must be 1 to {MAX_RECIPIENTS}", shown=repr(batch_size)
            )
        self._call = call
        self._clock = clock
        self._key = key
        self._message = message
        self._concurrency = concurrency
        self._batch_size = batch_size
        self._retry = retry
        self._ledger = MemoryLedger() if ledger is None else ledger
        self._settings = hashlib.sha256(_wire.encode(message)).hexdigest()
        self._report = BulkReport(key=key)
        self._silent_in_a_row = 0
        self._began: float | None = None

    def __repr__(self) -> str:
        return f"<BulkRun {self._key!r}: {self._report.done} recipients done>"

    @property
    def report(self) -> BulkReport:
        """What became of the run so far; it is checked to add up."""
        if self._began is not None:
            self._report.seconds = self._clock.monotonic() - self._began
        self._report.check()
        return self._report

    async def send_all(
        self, source: Source, *, progress: Callable[[BulkReport], None] | None = None
    ) -> BulkReport:
        """
        Send to everyone, and report.

        Args:
            source: Numbers or recipients.
            progress: Called after every batch with the report so far.

        Raises:
            InvalidFieldError: The source yielded what is no recipient. What was taken
                before it has been sent: see `report`.
        """
        async with aclosing(self.send(source)) as results:
            async for _ in results:
                if progress is not None:
                    progress(self.report)
        return self.report

    async def send(self, source: Source) -> AsyncGenerator[BatchResult, None]:
        """
        Send to everyone, and tell what became of each batch as soon as it is known.

        The source is read only as fast as batches leave. If it raises, or yields what
        is no recipient, the batches in flight are finished first, and then the error
        comes out. If the iteration is left early, batches in flight are cancelled:
        each of them may have been sent.

        Batches start in the order of the source and finish in any.

        Raises:
            InvalidFieldError: The source yielded what is no recipient.
            RuntimeError: The run was sent before.
        """
        if self._began is not None:
            msg = "a run is sent once; make a new one with the same key to go on"
            raise RuntimeError(msg)
        self._began = self._clock.monotonic()
        await self._ledger.open_run(self._key, self._settings)
        batches = self._batches(source)
        # A result that nobody has taken yet keeps its place in the window, so that a
        # slow consumer slows the run down instead of filling the memory.
        window = asyncio.Semaphore(2 * self._concurrency)
        results: asyncio.Queue[BatchResult | None] = asyncio.Queue()
        turn = asyncio.Lock()

        async def work() -> None:
            try:
                while True:
                    await window.acquire()
                    # One at a time, so that batches are planned in order. A source
                    # that has failed looks empty to the other workers, which so
                    # finish what is in flight.
                    async with turn:
                        batch = await anext(batches, None)
                    if batch is None:
                        return
                    results.put_nowait(await self._send_batch(batch))
            finally:
                results.put_nowait(None)

        workers = [asyncio.create_task(work()) for _ in range(self._concurrency)]
        try:
            running = len(workers)
            while running:
                result = await results.get()
                if result is None:
                    running -= 1
                    continue
                window.release()
                yield result
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await batches.aclose()

    async def _batches(self, source: Source) -> AsyncGenerator[_Batch, None]:
        """Cut the source into batches, and write down the intent to send each."""
        first = 0
        async with aclosing(_chunks(source, self._batch_size)) as chunks:
            async for recipients in chunks:
                number = first // self._batch_size + 1
                content = self._settings.encode() + _wire.encode(recipients)
                digest = hashlib.sha256(content).hexdigest()
                record = BatchRecord(
                    number=number,
                    first=first,
                    count=len(recipients),
                    digest=digest,
                    request_id=self._request_id(number, 0, digest),
                    first_tried_at=self._clock.now(),
                )
                first += len(recipients)
                await self._ledger.plan(self._key, record, cursor=first)
                self._report.plan(record)
                yield _Batch(record=record, recipients=recipients)
                if self._report.paused is not None:
                    return

    def _request_id(self, number: int, epoch: int, digest: str) -> str:
        return request_id_for(f"{self._key}/{number}/{epoch}/{digest}")

    async def _send_batch(self, batch: _Batch) -> BatchResult:
        record = batch.record
        request = SmsRequest(
            **attrs.asdict(self._message, recurse=False),
            recipients=batch.recipients,
            request_id=record.request_id,
        )
        try:
            # Without new_id: an epoch that is written down nowhere would be unknown to
            # the next run of this key, which would then send the batch again.
            result = await self._call(SEND, body=request, retry=self._retry)
        except OctopushError as error:
            self._pause_for(error)
            return await self._conclude(batch, _state_after(error), error=error)
        self._silent_in_a_row = 0
        state = (
            BatchState.PRESUMED
            if result.outcome is Outcome.PRESUMED
            else BatchState.ACCEPTED
        )
        return await self._conclude(batch, state, result=result)

    async def _conclude(
        self,
        batch: _Batch,
        state: BatchState,
        *,
        result: SendResult | None = None,
        error: OctopushError | None = None,
    ) -> BatchResult:
        """Write down what became of a batch, and count it."""
        told: Answer | OctopushError | None = result or error
        record = attrs.evolve(
            batch.record,
            state=state,
            request_id=getattr(told, "request_id", None) or batch.record.request_id,
            attempts=getattr(told, "attempts", 0),
            ticket=result.ticket if result else None,
            cost=result.total_cost if result else None,
            code=error.code if error else None,
        )
        await self._ledger.conclude(self._key, record)
        self._report.conclude(record, result=result, error=error)
        return BatchResult(
            number=record.number,
            state=state,
            recipients=batch.recipients,
            request_id=record.request_id,
            result=result,
            error=error,
        )

    def _pause_for(self, error: OctopushError) -> None:
        """Stop taking batches from the source if the next one would fare no better."""
        silent = error.outcome in {Outcome.UNKNOWN, Outcome.NOT_SENT}
        self._silent_in_a_row = self._silent_in_a_row + 1 if silent else 0
        pause = next((why for kind, why in _PAUSES if isinstance(error, kind)), None)
        if pause is None and self._silent_in_a_row >= _OUTAGE_AFTER:
            pause = Pause.OUTAGE
        self._report.paused = self._report.paused or pause


_PAUSES: Final = (
    (AuthenticationError, Pause.CREDENTIALS),
    (InsufficientCreditError, Pause.CREDIT),
    (TransportSecurityError, Pause.SECURITY),
)


def _state_after(error: OctopushError) -> BatchState:
    if error.outcome is Outcome.UNKNOWN:
        return BatchState.IN_DOUBT
    if error.outcome is Outcome.NOT_SENT:
        return BatchState.NOT_SENT
    if isinstance(error, DuplicateRequestError):
        # After a refused try of ours the gateway may have noted the id then, and
        # nothing was sent; or an earlier run had sent it. Nobody can tell.
        return BatchState.FOREIGN if error.attempts == 1 else BatchState.IN_DOUBT
    return BatchState.REFUSED


async def _chunks(
    source: Source, size: int
) -> AsyncGenerator[tuple[Recipient, ...], None]:
    """Recipients in tuples of that size, the last one shorter."""
    if isinstance(source, str | bytes):
        # A str is iterable: each digit would become a recipient.
        raise InvalidFieldError("source", "must be many numbers, not one string")
    position = itertools.count()
    if isinstance(source, AsyncIterable):
        async with _opened(source) as waited:
            chunk: list[Recipient] = []
            async for item in waited:
                chunk.append(_recipient(item, next(position)))
                if len(chunk) == size:
                    yield tuple(chunk)
                    chunk = []
            if chunk:
                yield tuple(chunk)
    else:
        items = iter(source)
        while some := tuple(
            _recipient(item, next(position)) for item in itertools.islice(items, size)
        ):
            yield some


@asynccontextmanager
async def _opened(
    source: AsyncIterable[str | Recipient],
) -> AsyncIterator[AsyncIterator[str | Recipient]]:
    """Iterate over a source, and close the iterator if it was opened here."""
    items = aiter(source)
    try:
        yield items
    finally:
        if items is not source and isinstance(items, AsyncGenerator):
            await items.aclose()


def _recipient(item: str | Recipient, position: int) -> Recipient:
    if isinstance(item, Recipient):
        return item
    try:
        return Recipient(item)
    except InvalidFieldError as error:
        raise InvalidFieldError(
            f"recipient {position:,} of the source, {error.field}",
            error.limit,
            shown=error.shown,
        ) from None
