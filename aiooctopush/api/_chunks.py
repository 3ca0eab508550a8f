"""
Calls with many items: cut into requests, sent a few at a time, each item reported.

A failed request proves nothing about the others, so it raises no exception. Every item
carries the outcome of its own request.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from attrs import Factory, define, field, frozen

from .._limits import check_whole
from ..errors import (
    AuthenticationError,
    Backoff,
    InsufficientCreditError,
    NotSentError,
    OctopushError,
    Outcome,
    TransportSecurityError,
    wrong_type,
)
from ..phone import mask, normalize
from ._shared import count_only


T = TypeVar("T")
D = TypeVar("D")

CONCURRENCY: Final = 4
"""Requests in flight at the same time, by default: as in a bulk."""

_TOO_MANY_CONTACTS: Final = 305

# Each of these requests may have been paid; more of them only make more doubt.
_OUTAGE_AFTER: Final = 5

# The next request would fare no better.
_HOPELESS: Final = (
    AuthenticationError,
    InsufficientCreditError,
    TransportSecurityError,
)
_DONE: Final = frozenset({Outcome.ACCEPTED, Outcome.PRESUMED})


def _shown(item: object) -> str:
    return mask(item) if isinstance(item, str) else repr(item)


@frozen(kw_only=True)
class ItemResult(Generic[T, D]):
    """
    The outcome of one item.

    Attributes:
        item: As it was asked: a number in its normal form, or a `Recipient`.
        outcome: Outcome of the request that contained it. ``unknown`` if it may have
            been done.
        details: The gateway's result for it. None if it was not done, if the operation
            returns nothing, or if the gateway left this item out.
        error: Why it was not done, or why the outcome is unknown; the items of one
            request share it.
    """

    item: T = field(repr=_shown)
    outcome: Outcome
    details: D | None = None
    error: OctopushError | None = None


@frozen(kw_only=True)
class ManyResults(Generic[T, D]):
    """
    The outcomes of many items; iterate over it, in the order of the items.

    Failures raise no exception. Check `is_complete`, or call `raise_error`.

    Attributes:
        items: One result for each item.
        cost: In euros, of all requests whose price the gateway named; None if it
            named none.
    """

    items: tuple[ItemResult[T, D], ...] = field(repr=count_only)
    cost: Decimal | None = None

    def __iter__(self) -> Iterator[ItemResult[T, D]]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> ItemResult[T, D]:
        return self.items[index]

    @property
    def is_complete(self) -> bool:
        """Whether every item was done, presumed ones included."""
        return all(one.outcome in _DONE for one in self.items)

    @property
    def by_outcome(self) -> Mapping[Outcome, int]:
        """How many items met each outcome; the counts add up to all of them."""
        return Counter(one.outcome for one in self.items)

    @property
    def errors(self) -> tuple[OctopushError, ...]:
        """The errors, in order, each once: one for every request that failed."""
        found = {id(one.error): one.error for one in self.items if one.error}
        return tuple(found.values())

    def raise_error(self) -> None:
        """
        Raise the error of the first item that was not done, if there is one.

        It describes its own request only; the others are in `items`.

        Raises:
            OctopushError: The error that its request ended with.
        """
        for error in self.errors:
            raise error


@frozen(kw_only=True)
class ChunkReply(Generic[D]):
    """
    The response to one request of many.

    Attributes:
        outcome: ``accepted`` or ``presumed``.
        details: One for each item of the request, None if nothing was reported about
            it; empty if the operation reports nothing at all.
        cost: Cost of the request, in euros, if the gateway named it.
    """

    outcome: Outcome
    details: Sequence[D | None] = ()
    cost: Decimal | None = None


Request = Callable[[tuple[T, ...]], Awaitable[ChunkReply[D]]]
"""Sends one request for a few items; raises the exceptions of the call."""


def read_items(
    items: Iterable[Any], name: str, read: Callable[[Any, str], T]
) -> tuple[T, ...]:
    """
    All items, each read before anything is asked.

    Args:
        items: Items as the caller gave them.
        name: Name of the argument, for the error.
        read: Converts an argument to an item, or refuses it under the given name, which
            contains its position, counted from 0.

    Raises:
        InvalidFieldError: It is no collection of items, or one of them is not valid.
    """
    # A str is iterable: each digit would become an item.
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise wrong_type(name, "must be a list of items, [one] for a single one", items)
    return tuple(read(item, f"{name}[{index}]") for index, item in enumerate(items))


def read_number(item: Any, place: str) -> str:
    """Read an item that is a phone number."""
    return normalize(item, field=place)


def masked_numbers(numbers: tuple[str, ...]) -> str:
    """How many numbers there are, and the first of them, masked."""
    first = f": {mask(numbers[0])} …" if numbers else ""
    return f"<{len(numbers)}{first}>"


async def call_in_chunks(
    request: Request[T, D], items: tuple[T, ...], *, size: int, concurrency: int
) -> ManyResults[T, D]:
    """
    Send requests for all items, a few at a time.

    The first request goes alone. A wrong key, or a list that has to be created, is then
    settled for the others. After a failure that the others would share, and after 5
    requests in a row without a response, the rest is not requested.

    Args:
        request: Sends one request for the given items.
        items: All of them; none is fine.
        size: Items of one request.
        concurrency: Requests in flight at once.

    Raises:
        InvalidFieldError: ``concurrency`` is no number of requests.
    """
    check_whole("concurrency", concurrency, 1)
    rest = iter(items)
    chunks = list(iter(lambda: tuple(islice(rest, size)), ()))
    call: _ChunkedCall[T, D] = _ChunkedCall(request=request, chunks=chunks)
    await call.run(concurrency)
    return ManyResults(
        items=tuple(
            one for number in range(len(chunks)) for one in call.results[number]
        ),
        cost=sum(call.costs, Decimal(0)) if call.costs else None,
    )


@define(kw_only=True)
class _ChunkedCall(Generic[T, D]):
    """
    The requests of one call and their results so far.

    Attributes:
        started: Number of chunks that were started.
        results: Results by the number of their chunk.
        costs: In euros, of the requests whose price the gateway named.
        unanswered_streak: Requests without a response since the last one with a
            response.
        stopped_by: Why the rest is not asked; None if it is.
    """

    request: Request[T, D]
    chunks: list[tuple[T, ...]] = field(repr=False)  # of numbers, mostly
    started: int = 0
    results: dict[int, list[ItemResult[T, D]]] = Factory(dict)
    costs: list[Decimal] = Factory(list)
    unanswered_streak: int = 0
    stopped_by: NotSentError | None = None

    async def run(self, concurrency: int) -> None:
        """Send every chunk, the first one alone."""
        numbers = iter(range(len(self.chunks)))
        try:
            await self._work(islice(numbers, 1))
            async with asyncio.TaskGroup() as group:
                for _ in range(min(concurrency, len(self.chunks) - 1)):
                    group.create_task(self._work(numbers))
        except ExceptionGroup as several:
            # None of ours is raised, so it is a mistake in the program: as it is.
            raise several.exceptions[0] from several
        except asyncio.CancelledError as cancelled:
            cancelled.add_note(
                f"of {len(self.chunks):,} requests {len(self.results):,} had ended, "
                f"{self.started - len(self.results):,} more may have been executed"
            )
            raise

    async def _work(self, numbers: Iterator[int]) -> None:
        # The workers share the iterator: each takes the next chunk.
        for number in numbers:
            self.started += 1
            self.results[number] = await self._settle(self.chunks[number])

    async def _settle(self, chunk: tuple[T, ...]) -> list[ItemResult[T, D]]:
        if self.stopped_by is not None:
            return _failed(chunk, self.stopped_by)
        try:
            reply = await self.request(chunk)
        except OctopushError as error:
            if _is_too_long(error) and len(chunk) > 1:
                half = len(chunk) // 2
                return await self._settle(chunk[:half]) + await self._settle(
                    chunk[half:]
                )
            self._judge(error)
            return _failed(chunk, error)
        self.unanswered_streak = 0
        if reply.cost is not None:
            self.costs.append(reply.cost)
        return [
            ItemResult(item=item, outcome=reply.outcome, details=details)
            for item, details in zip(
                chunk, reply.details or (None,) * len(chunk), strict=True
            )
        ]

    def _judge(self, error: OctopushError) -> None:
        """Stop the rest if the next request would fail too."""
        unanswered = error.outcome in {Outcome.UNKNOWN, Outcome.NOT_SENT}
        self.unanswered_streak = self.unanswered_streak + 1 if unanswered else 0
        if isinstance(error, _HOPELESS) or self.unanswered_streak >= _OUTAGE_AFTER:
            self.stopped_by = NotSentError(
                f"not requested, because an earlier request failed: {error.problem}",
                backoff=Backoff.NEVER,
            )
            self.stopped_by.__cause__ = error


def _is_too_long(error: OctopushError) -> bool:
    # The limit of contacts per request is undocumented. This code is the only evidence
    # that a limit exists. Source: gateway documentation, "Return codes" (documented,
    # unseen).
    return error.code == _TOO_MANY_CONTACTS and error.outcome is Outcome.REFUSED


def _failed(chunk: tuple[T, ...], error: OctopushError) -> list[ItemResult[T, Any]]:
    outcome = error.outcome or Outcome.UNKNOWN
    return [ItemResult(item=item, outcome=outcome, error=error) for item in chunk]
