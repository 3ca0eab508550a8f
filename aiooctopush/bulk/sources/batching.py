"""
From a source to batches: what is a recipient, what was there before, what is neither.

The same items come out of it in the same batches, however often a source is read: on
that rests that a run can go on after a crash.
"""

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from itertools import islice

from ...api._recipients import NUMBER, CheckedRecipients, Recipient
from ...api.sms import SmsRequest
from ...errors import InvalidFieldError
from ...ledgers.batch import Content
from ...ledgers.records import Rejection, RunRecord
from ...phone import mask, normalize_all
from ..options import Identity, OnDuplicate, OnInvalid
from .blocks import Block, RowOrBlock
from .csv_file import RowSource
from .duplicates import Seen, SeenKeys, SeenNumbers
from .rows import FileSource
from .text_file import SourceError


Item = str | Recipient | SmsRequest | SourceError
"""What a source yields; an error stands for a row that cannot be used."""

Items = Iterable[Item] | AsyncIterable[Item]
"""Items, never held in memory as a whole."""

Source = Items | RowSource | Callable[[int], Items]
"""
Items, or a function that gives them from a position on, counted from 0. A function is
believed: it is not asked for the items before that position, which so are not checked.
"""

_Run = CheckedRecipients | Sequence[Item]
"""Items one after the other, in columns where that is known to be possible."""


class BatchReader:
    """
    A source that is being read, from a position on.

    Attributes:
        position: Items taken so far, counted from the start of the source.
        duplicates: Those left out because they were met before.
        rejected: Those that are no recipients.
        rejections: The latest of these, until `take_rejections` is called.
    """

    def __init__(
        self,
        *,
        whole_requests: bool,
        on_duplicate: OnDuplicate,
        on_invalid: OnInvalid,
        identity: Identity | None,
    ) -> None:
        self._whole_requests = whole_requests
        self._on_duplicate = on_duplicate
        self._on_invalid = on_invalid
        self._identity = identity
        self._seen: Seen | None = None
        if identity is not None:
            self._seen = SeenKeys()
        elif on_duplicate is not OnDuplicate.KEEP and not whole_requests:
            self._seen = SeenNumbers()
        self._items: Iterator[Item] | AsyncIterator[Item] = iter(())
        self._pieces: AsyncGenerator[RowOrBlock, None] | None = None
        self._ahead: deque[_Run] = deque()
        # Of the first of them so many are in a batch already.
        self._begin: int = 0
        self._at_hand: int = 0
        self._failure: Exception | None = None
        self.position: int = 0
        self.duplicates: int = 0
        self.rejected: int = 0
        self.rejections: list[Rejection] = []

    def remember(self, numbers: Sequence[str]) -> None:
        """Note numbers of an earlier batch."""
        if isinstance(self._seen, SeenNumbers):
            self._seen.add_all(numbers)

    def start_at(self, run: RunRecord) -> None:
        """Go on where a run stood, without reading what comes before."""
        self.position = run.cursor
        self.duplicates, self.rejected = run.duplicates, run.rejected

    @asynccontextmanager
    async def reading(self, source: Source) -> AsyncGenerator[None, None]:
        """
        Open a source from the present position on, and close it in the end.

        Raises:
            InvalidFieldError: It is one string, or nothing that can be iterated.
        """
        if isinstance(source, FileSource):
            async with aclosing(source.pieces()) as self._pieces:
                yield
        else:
            async with opened(source, self.position) as self._items:
                yield

    async def take(self, count: int) -> Content | None:
        """
        Content for one batch of at most that many recipients; None at the end.

        Raises:
            InvalidFieldError: An item is no recipient, or was there before, and that
                was asked to be an error; or no run of this kind can send it.
        """
        taken: list[CheckedRecipients] = []
        room = 1 if self._whole_requests else count
        pause_at = self.position + count
        # No more than there is room for: what is not needed stays where it is.
        while some := await self._some(room):
            if self._whole_requests:
                request = self._look_at(some[0])
                if isinstance(request, SmsRequest):
                    return request
            else:
                taken.append(self._look_at_all(some))
                room -= len(taken[-1])
                if not room:
                    break
            # Let others run, should millions of items make no batch.
            if self.position >= pause_at:
                pause_at += count
                await asyncio.sleep(0)
        content = CheckedRecipients.joined(taken) if taken else ()
        return content or None

    async def _some(self, count: int) -> _Run:
        """The next items, as many as asked for or fewer; none at the end."""
        if self._failure is None:
            try:
                await self._read(count)
            except Exception as error:  # noqa: BLE001 - raised below
                # What was read before it comes first.
                self._failure = error
        if not self._ahead:
            if self._failure is not None:
                raise self._failure
            return ()
        some = self._ahead[0][self._begin : self._begin + count]
        self._at_hand -= len(some)
        self._begin += len(some)
        if self._begin == len(self._ahead[0]):
            self._ahead.popleft()
            self._begin = 0
        return some

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
        elif isinstance(self._items, AsyncIterator):
            some: list[Item] = []
            try:
                async for item in self._items:
                    some.append(item)
                    if len(some) >= count:
                        return
            finally:
                # Those before a failure are in there, too.
                self._line_up(some)
        else:
            some = []
            try:
                some.extend(islice(self._items, count))
            finally:
                self._line_up(some)

    def _line_up(self, run: _Run) -> None:
        """Have items at hand: a batch is looked at whole, wherever a block ends."""
        self._at_hand += len(run)
        ahead = self._ahead
        last = ahead[-1] if ahead else None
        if isinstance(run, CheckedRecipients) and isinstance(last, CheckedRecipients):
            if len(ahead) == 1:
                last, self._begin = last[self._begin :], 0
            ahead[-1] = CheckedRecipients.joined([last, run])
        elif run:
            ahead.append(run)

    def take_rejections(self, run: RunRecord) -> tuple[Rejection, ...]:
        """What was rejected since the last call, behind the cursor of the run."""
        # What stands before it is listed already: the source was read again.
        rejections = tuple(one for one in self.rejections if one.position >= run.cursor)
        self.rejections.clear()
        return rejections

    def _look_at_all(self, items: _Run) -> CheckedRecipients:
        """Those of some items that go into a batch."""
        plain = None if self._looks_at_each else _plain(items)
        if plain is None:
            # Whoever wants to know about single items, or has odd ones among them.
            found = map(self._look_at, items)
            return CheckedRecipients.of(one for one in found if one is not None)  # type: ignore[misc]  # and no request: see `take`
        self.position += len(items)
        if isinstance(self._seen, SeenNumbers):
            again = self._seen.note(plain.as_ints)
            if again:
                self.duplicates += len(again)
                chosen = [True] * len(plain)
                for at in again:
                    chosen[at] = False
                return plain.select(chosen)
        return plain

    @property
    def _looks_at_each(self) -> bool:
        """Whether a caller wants to know about single items."""
        is_error = self._on_duplicate is OnDuplicate.ERROR
        return self._whole_requests or self._identity is not None or is_error

    def _look_at(self, item: Item) -> Recipient | SmsRequest | None:
        """
        What one item is, None if it is left out. What raises here leaves the position
        before it.
        """
        self._check_kind(item)
        try:
            content = _content_of(item)
        except (InvalidFieldError, SourceError) as error:
            self._reject(error)
            return None
        if self._seen is not None and not self._seen.add(self._identity_of(content)):
            if self._on_duplicate is OnDuplicate.ERROR:
                raise InvalidFieldError(
                    self._place,
                    "was there before; on_duplicate made that an error",
                    shown=mask(content.phone_number)
                    if isinstance(content, Recipient)
                    else None,
                )
            if self._on_duplicate is OnDuplicate.SKIP:
                self.duplicates += 1
                self.position += 1
                return None
        self.position += 1
        return content

    @property
    def _place(self) -> str:
        return f"item {self.position + 1:,} of the source"

    def _check_kind(self, item: object) -> None:
        """
        Refuse what this run cannot send, whatever `on_invalid` says: it is a mistake
        in the program, and not in the data.
        """
        if self._whole_requests:
            kinds: tuple[type, ...] = (SmsRequest, SourceError)
            wanted = "must be an SmsRequest, for the run has no text of its own"
        else:
            kinds = (Recipient, str, SourceError)
            wanted = "must be a str or a Recipient, for the run has its own text"
        if not isinstance(item, kinds):
            raise InvalidFieldError(self._place, wanted, shown=type(item).__name__)

    def _identity_of(self, content: Recipient | SmsRequest) -> str:
        if self._identity is not None:
            return self._identity(content)
        # Without an identity only recipients are compared.
        return content.phone_number  # type: ignore[union-attr]  # see above

    def _reject(self, error: InvalidFieldError | SourceError) -> None:
        if isinstance(error, SourceError):
            if self._on_invalid is OnInvalid.ERROR:
                raise error
            line, reason = error.line, error.reason
        else:
            if self._on_invalid is OnInvalid.ERROR:
                raise InvalidFieldError(
                    f"{self._place}, {error.field}", error.limit, shown=error.shown
                ) from None
            line, reason = None, error.limit
        self.rejections.append(
            Rejection(
                position=self.position, line=line, reason=reason, shown=error.shown
            )
        )
        self.rejected += 1
        self.position += 1


def _plain(items: _Run) -> CheckedRecipients | None:
    """Recipients, if all are such, or all are good numbers; otherwise None."""
    if isinstance(items, CheckedRecipients):
        return items
    kinds = set(map(type, items))
    if kinds == {Recipient}:
        return CheckedRecipients.of(items)  # type: ignore[arg-type]  # see above
    if kinds != {str}:
        return None
    try:
        return CheckedRecipients({NUMBER: normalize_all(items)})  # type: ignore[arg-type]  # as above
    except InvalidFieldError:
        return None


def _content_of(item: Item) -> Recipient | SmsRequest:
    if isinstance(item, SourceError):
        raise item
    return Recipient(item) if isinstance(item, str) else item


def _items_of(source: Source, position: int) -> Items:
    if isinstance(source, str | bytes | Mapping):
        # A str is iterable: each digit would become a recipient.
        raise InvalidFieldError(
            "source", "must be many numbers", shown=type(source).__name__
        )
    if isinstance(source, RowSource) and callable(source.items):
        rows: object = source.items()
        # Other things have items as well, such as a column of a data frame.
        if isinstance(rows, AsyncIterable):
            return rows
    if isinstance(source, Iterable | AsyncIterable):
        return source
    if callable(source):
        return source(position)
    raise InvalidFieldError(
        "source",
        "must be iterable, or a function of the position to start from",
        shown=type(source).__name__,
    )


@asynccontextmanager
async def opened(
    source: Source, position: int
) -> AsyncGenerator[Iterator[Item] | AsyncIterator[Item], None]:
    """
    Iterate over a source from a position on.

    Raises:
        InvalidFieldError: It is one string, or nothing that can be iterated.
    """
    items = _items_of(source, position)
    iterator = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
    try:
        yield iterator
    finally:
        # What was passed in stays open; what was opened here is closed.
        if iterator is not source:
            if isinstance(iterator, AsyncGenerator):
                await iterator.aclose()
            elif isinstance(iterator, Generator):
                iterator.close()


def starts_anywhere(source: Source) -> bool:
    """Whether a source gives its items from any position, unread before it."""
    return callable(source) and not isinstance(source, Iterable | AsyncIterable)
