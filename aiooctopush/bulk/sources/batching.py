"""
From a source to batches: new recipients, planned ones, and invalid items.

Known recipients may be anywhere in a source. The same new ones come out of it
in the same batches, however often it is read: so a lost ledger gives the same ids.
"""

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from itertools import islice
from typing import Final

from ...api._recipients import MAX_RECIPIENTS, NUMBER, CheckedRecipients, Recipient
from ...api.sms import SmsRequest
from ...errors import InvalidFieldError
from ...ledgers.batch import (
    Content,
    ints_in,
    unpack_identities,
    unpack_lanes,
)
from ...ledgers.records import BatchRecord, LedgerError, Rejection
from ...phone import mask, normalize_all
from ..options import Identity, OnDuplicate, OnInvalid, OnMissing
from .blocks import Block, RowOrBlock
from .opening import Item, Source, opened
from .people import (
    AGAIN,
    ALREADY,
    EXCLUDED,
    NEW,
    People,
    SiftedPeople,
    known_by,
)
from .rows import FileSource
from .text_file import SourceError
from .unchanged import RecordedOrder
from .used import UsedValues


REJECTED_AT_ONCE: Final = 10_000
"""
So many rejections are written down before more are read: ten megabytes with their rows.
"""

Recall = Callable[[], AsyncIterable[BatchRecord]]
"""Reads the batches of earlier starts, and has them remembered."""

_Run = CheckedRecipients | Sequence[Item]
"""Items one after the other, in columns where possible."""


class BatchReader:
    """
    A source that is being read, from its start to its end.

    Attributes:
        items: Items read so far: the sum of the next five.
        new: Items that went into batches.
        already: Items that an earlier start has planned.
        excluded: Items left out by ``exclude=``.
        duplicates: Items left out because they came twice.
        rejected: Items that are no recipients.
        first: Where the latest batch begins, counted from 0; None if it is empty.
        rejections: The rejections met on the way to the latest batch.
        identities: Digests of its items, if numbers do not identify them.
    """

    def __init__(
        self,
        *,
        whole_requests: bool,
        on_duplicate: OnDuplicate,
        on_invalid: OnInvalid,
        identity: Identity | None,
        text: str | None = None,
        on_missing: OnMissing | None = OnMissing.SEND,
    ) -> None:
        self._used = UsedValues(text, on_missing, identity)
        self._is_first = True
        self._whole_requests = whole_requests
        self._on_duplicate = on_duplicate
        self._on_invalid = on_invalid
        self._identity = identity
        # Numbers identify items, unless each item has more than a number.
        self._by_number = identity is None and not whole_requests
        self._people = People(
            by_number=self._by_number,
            keeps_copies=on_duplicate is OnDuplicate.KEEP
            or (whole_requests and identity is None),
        )
        self.identities: list[bytes] = []
        self._items: Iterator[Item] | AsyncIterator[Item] = iter(())
        self._pieces: AsyncGenerator[RowOrBlock, None] | None = None
        self._ahead: deque[_Run] = deque()
        # This many of the first of them were looked at already.
        self._begin: int = 0
        self._at_hand: int = 0
        # Until the source differs from what was planned, see `defer`.
        self._order: RecordedOrder | None = None
        self._recall: Recall
        # Looked at, and not in a batch yet.
        self._sifted: SiftedPeople | None = None
        self._failure: Exception | None = None
        self.first: int | None = None
        self.items: int = 0
        self.new: int = 0
        self.already: int = 0
        self.excluded: int = 0
        self.duplicates: int = 0
        self.rejected: int = 0
        self.rejections: list[Rejection] = []

    @property
    def people(self) -> People:
        """Recipients who were planned before, and excluded ones."""
        return self._people

    def defer(self, recall: Recall) -> None:
        """
        Remember digests of batches only, as long as the source is as it was planned.

        Args:
            recall: Gives the same batches to `remember` once more.
        """
        if self._by_number and self._on_duplicate is not OnDuplicate.KEEP:
            self._order, self._recall = RecordedOrder(), recall

    def remember(self, batch: BatchRecord) -> None:
        """Note whom a batch of an earlier start was planned for."""
        if self._order is not None:
            self._order.note(unpack_lanes(batch.numbers))
        elif self._by_number:
            self._people.remember_numbers(unpack_lanes(batch.numbers))
        else:
            self._people.remember(unpack_identities(batch.identities))

    async def exclude(self, source: Source) -> None:
        """
        Leave out all numbers of a source, at any position.

        Raises:
            InvalidFieldError: It yields an item that is not a recipient, or this reads
                whole requests, which may have other recipients.
            SourceError: One of its rows cannot be read, so an excluded recipient might
                get a message.
        """
        if self._whole_requests:
            raise InvalidFieldError(
                "exclude", "cannot be used where each request has a text of its own"
            )
        left_out = BatchReader(
            whole_requests=False,
            on_duplicate=OnDuplicate.SKIP,
            on_invalid=OnInvalid.ERROR,
            identity=None,
        )
        if isinstance(source, FileSource):
            source = source.restricted_to(())
        async with left_out.reading(source, "exclude"):
            while (content := await left_out.take(MAX_RECIPIENTS)) is not None:
                self._people.excluded.note(ints_in(content))
                # Let others run: this may be a million that are all at hand.
                await asyncio.sleep(0)

    @asynccontextmanager
    async def reading(
        self, source: Source, name: str = "source"
    ) -> AsyncGenerator[None, None]:
        """
        Open a source, and close it in the end.

        Args:
            source: The source of the items.
            InvalidFieldError: It yields an item that is not a recipient, or this reads
                whole requests, which may have other recipients.

        Raises:
            InvalidFieldError: It is one string, or nothing that can be iterated.
        """
        source = self._used.source(source)
        if isinstance(source, FileSource):
            async with aclosing(source.pieces()) as self._pieces:
                yield
        else:
            async with opened(source, name) as self._items:
                yield

    async def take(self, count: int) -> Content | None:
        """
        Content for one batch of at most that many recipients; None at the end.

        So that rejections do not fill the memory, many of them end a batch, which may
        then be empty.

        Raises:
            InvalidFieldError: An item is not a recipient, or a duplicate that the
                options make an error; or no run of this kind can send it.
        """
        self.first = None
        self.rejections.clear()
        self.identities.clear()
        taken: list[CheckedRecipients] = []
        if self._whole_requests:
            count = 1
        pause_at = self.items + count
        full = self.new + count
        while len(self.rejections) < REJECTED_AT_ONCE and await self._has_more(
            full - self.new, count
        ):
            if self._order is not None:
                await self._follow(self._order)
            elif self._whole_requests:
                request = self._look_at(self._ahead[0][self._begin])
                self._pass(1)
                if isinstance(request, SmsRequest):
                    return request
            else:
                # No more than fit: the rest stays in place.
                taken.append(self._chosen(full - self.new, count))
                if self.new == full:
                    break
            # Let others run, should millions of items make no batch.
            if self.items >= pause_at:
                pause_at += count
                await asyncio.sleep(0)
        if self._is_first:
            self._is_first = False
            self._used.check_most(self.items)
        if self.new > full - count:
            return CheckedRecipients.joined(taken)
        return () if len(self.rejections) >= REJECTED_AT_ONCE else None

    async def _has_more(self, room: int, count: int) -> bool:
        """Whether an item is at hand; reads some if none is."""
        if self._sifted is not None:
            return True
        if self._failure is None:
            try:
                # Many are looked at together, also where few fit; but who waits for
                # each of them waits for no more than a batch needs.
                is_waiting = isinstance(self._items, AsyncIterator)
                recorded = 0 if self._order is None else self._order.next_count
                await self._read(room if is_waiting else max(count, recorded))
            except Exception as error:  # noqa: BLE001 - raised below
                # Items read before come first.
                self._failure = error
        if not self._ahead and self._failure is not None:
            raise self._failure
        return bool(self._ahead)

    def _pass(self, count: int) -> None:
        """Leave items at hand behind."""
        self._at_hand -= count
        self._begin += count
        if self._begin == len(self._ahead[0]):
            self._ahead.popleft()
            self._begin = 0

    async def _read(self, count: int) -> None:
        """Have so many items at hand, if there are."""
        if self._pieces is not None:
            while self._at_hand < count:
                piece = await anext(self._pieces, None)
                if piece is None:
                    return
                self._line_up(
                    piece.recipients() if isinstance(piece, Block) else (piece[1],)
                )
        elif self._at_hand >= count:
            return
        elif isinstance(self._items, AsyncIterator):
            some: list[Item] = []
            try:
                async for item in self._items:
                    some.append(item)
                    if len(some) + self._at_hand >= count:
                        return
            finally:
                # Those before a failure are in there, too.
                self._line_up(some)
        else:
            some = []
            try:
                some.extend(islice(self._items, count - self._at_hand))
            finally:
                self._line_up(some)

    def _line_up(self, run: _Run) -> None:
        """Have items at hand: a batch is read as a whole, even across blocks."""
        self._at_hand += len(run)
        ahead = self._ahead
        if len(ahead) == 1:
            ahead[0], self._begin = ahead[0][self._begin :], 0
        last = ahead[-1] if ahead else None
        if isinstance(run, CheckedRecipients) and isinstance(last, CheckedRecipients):
            ahead[-1] = CheckedRecipients.joined([last, run])
        elif isinstance(run, list) and isinstance(last, list):
            ahead[-1] = last + run
        elif run:
            ahead.append(run)

    async def _follow(self, order: RecordedOrder) -> None:
        """Pass over a batch as it was planned, or recall all people if it differs."""
        count = order.next_count
        some = self._ahead[0][self._begin : self._begin + count]
        if count == len(some) > 0 and self._is_next(order, some):
            self._pass(count)
            self._count(bytes([ALREADY]) * count)
            return
        self._order = None
        if order.count:
            self._people.expect(order.count)
            async for _ in self._recall():
                pass
        if self._people.remembered != order.count:
            raise LedgerError("the ledger lost recipients while it was read")

    def _is_next(self, order: RecordedOrder, items: _Run) -> bool:
        people: CheckedRecipients | None
        if isinstance(items, CheckedRecipients):
            people = items
        elif isinstance(items[0], str):
            people = CheckedRecipients({NUMBER: items})  # type: ignore[dict-item]
        else:
            people = _plain(items)
        if people is not None:
            # A known recipient who lacks a value is refused, as a new one is.
            people = self._used.kept_if_complete(people)
        return people is not None and order.goes_on_with(people.numbers)

    def _chosen(self, room: int, count: int) -> CheckedRecipients:
        """Look at so many items at hand, and give the new ones that fit."""
        if self._sifted is None:
            people = self._columns(count)
            if people is None:
                return self._chosen_one_by_one(count, room)
            kinds = self._people.sift(people.as_ints, people.as_ints)
            self._sifted = SiftedPeople(people, kinds)
        sifted = self._sifted
        begin = sifted.begin
        chosen, kinds = sifted.cut(room)
        if sifted.begin == len(sifted.kinds):
            self._sifted = None
        if self.first is None and NEW in kinds:
            self.first = self.items + kinds.index(NEW)
        self._count(kinds)
        if not begin:
            self._pass(len(sifted.kinds))
        return chosen

    def _columns(self, count: int) -> CheckedRecipients | None:
        """The next items in columns; None if each is handled, or one is unusual."""
        if self._looks_at_each:
            return None
        some = self._ahead[0][self._begin : self._begin + count]
        plain = some if isinstance(some, CheckedRecipients) else _plain(some)
        return None if plain is None else self._used.kept_if_complete(plain)

    def _chosen_one_by_one(self, count: int, room: int) -> CheckedRecipients:
        """Do so if the caller handles single items, or one of them is unusual."""
        found: list[Recipient] = []
        for item in self._ahead[0][self._begin : self._begin + count]:
            content = self._look_at(item)
            self._pass(1)
            if content is not None:
                found.append(content)  # type: ignore[arg-type]  # no request: see `take`
                if len(found) == room:
                    break
        return self._used.kept(CheckedRecipients.of(found))

    def _count(self, kinds: bytes) -> None:
        """Count items that are recipients."""
        self.items += len(kinds)
        self.new += kinds.count(NEW)
        self.already += kinds.count(ALREADY)
        self.excluded += kinds.count(EXCLUDED)
        self.duplicates += kinds.count(AGAIN)

    @property
    def _looks_at_each(self) -> bool:
        """Whether a caller handles single items."""
        is_error = self._on_duplicate is OnDuplicate.ERROR
        return self._whole_requests or self._identity is not None or is_error

    def _look_at(self, item: Item) -> Recipient | SmsRequest | None:
        """Classify one item; None if it is left out."""
        self._check_kind(item)
        if isinstance(item, SourceError):
            # Not raised: it would hold the frames on its way, and all items with them.
            self._reject(item)
            return None
        try:
            content = Recipient(item) if isinstance(item, str) else item
            self._used.check(content)
        except InvalidFieldError as error:
            self._reject(error)
            return None
        value, number = known_by(content, self._identity)
        kinds = self._people.sift((value,), () if number is None else (number,))
        if AGAIN in kinds and self._on_duplicate is OnDuplicate.ERROR:
            raise InvalidFieldError(
                self._place,
                "was there before; on_duplicate made that an error",
                shown=mask(content.phone_number)
                if isinstance(content, Recipient)
                else None,
            )
        self._count(kinds)
        if NEW not in kinds:
            return None
        if self.first is None:
            self.first = self.items - 1
        if not self._by_number:
            self.identities.append(value)
        return content

    @property
    def _place(self) -> str:
        return f"item {self.items + 1:,} of the source"

    def _check_kind(self, item: object) -> None:
        """
        Refuse an item that this run cannot send, with any `on_invalid`, because it is a
        mistake in the program.
        """
        if self._whole_requests:
            kinds: tuple[type, ...] = (SmsRequest, SourceError)
            wanted = "must be an SmsRequest, because the run has no text of its own"
        else:
            kinds = (Recipient, str, SourceError)
            wanted = "must be a str or a Recipient, because the run has its own text"
        if not isinstance(item, kinds):
            raise InvalidFieldError(self._place, wanted, shown=type(item).__name__)

    def _reject(self, error: InvalidFieldError | SourceError) -> None:
        if isinstance(error, SourceError):
            if self._on_invalid is OnInvalid.ERROR:
                raise error
            rejection = Rejection(
                position=self.items,
                line=error.line,
                column_name=error.column,
                reason=error.reason,
                shown=error.shown,
                header=getattr(error, "header", ()),
                cells=getattr(error, "cells", ()),
            )
        else:
            if self._on_invalid is OnInvalid.ERROR:
                raise InvalidFieldError(
                    f"{self._place}, {error.field}", error.limit, shown=error.shown
                ) from None
            rejection = Rejection(
                position=self.items, reason=error.limit, shown=error.shown
            )
        self._used.note(rejection.reason)
        self.rejections.append(rejection)
        self.rejected += 1
        self.items += 1


def _plain(items: Sequence[Item]) -> CheckedRecipients | None:
    """Recipients, if all are such, or all are good numbers; otherwise None."""
    kinds = set(map(type, items))
    if kinds == {Recipient}:
        return CheckedRecipients.of(items)  # type: ignore[arg-type]  # by their kinds
    if kinds != {str}:
        return None
    try:
        return CheckedRecipients({NUMBER: normalize_all(items)})  # type: ignore[arg-type]  # by their kinds
    except InvalidFieldError:
        return None
