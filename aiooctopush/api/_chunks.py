"""
Many items for a gateway that takes a few at a time: cut, ask, and tell of each.

One request that fails says nothing about the others, so nothing is raised for it:
every item carries what became of its own request.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from attrs import Factory, define, field, frozen

from ..errors import (
    AuthenticationError,
    Backoff,
    InsufficientCreditError,
    InvalidFieldError,
    NotSentError,
    OctopushError,
    Outcome,
    TransportSecurityError,
)
from ..phone import mask, normalise


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
    What became of one item.

    Attributes:
        item: As it was asked: a number in its normal form, or a `Recipient`.
        outcome: What became of the request that held it. ``unknown`` if it may have
            been done.
        details: What the gateway said about it. None if it was not done, if the
            operation tells nothing, or if the gateway left this item out.
        error: Why it was not done, or is not known to be; the items of one request
            share it.
    """

    item: T = field(repr=_shown)
    outcome: Outcome
    details: D | None = None
    error: OctopushError | None = None


def _count(items: Sequence[object]) -> str:
    return f"<{len(items):,}>"


@frozen(kw_only=True)
class ManyResults(Generic[T, D]):
    """
    What became of many items: iterate over it, in the order in which they were given.

    Nothing was raised for what failed: look at `is_complete`, or call `raise_error`.

    Attributes:
        items: One result for each item.
        cost: In euros, of all requests whose price the gateway named; None if it
            named none.
    """

    items: tuple[ItemResult[T, D], ...] = field(repr=_count)
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

        It speaks of its own request only; the others are in `items`.

        Raises:
            OctopushError: What its request ended with.
        """
        for error in self.errors:
            raise error


@frozen(kw_only=True)
class Reply(Generic[D]):
    """
    What one request was answered.

    Attributes:
        outcome: ``accepted`` or ``presumed``.
        details: One for each item of the request, None where nothing was said.
        cost: Of the request, in euros, if the gateway named it.
    """

    outcome: Outcome
    details: Sequence[D | None]
    cost: Decimal | None = None


Ask = Callable[[tuple[T, ...]], Awaitable[Reply[D]]]
"""Asks for the items of one request; raises what the call raises."""


def read_items(
    items: Iterable[Any], name: str, read: Callable[[Any, str], T]
) -> tuple[T, ...]:
    """
    All items, each read before anything is asked.

    Args:
        items: What the caller gave.
        name: Of the argument, for the error.
        read: Makes an item of what was given, or refuses it under the given name,
            which holds its position, counted from 0.

    Raises:
        InvalidFieldError: It is no collection of items, or one of them is not valid.
    """
    # A str is iterable: each digit would become an item.
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise InvalidFieldError(
            name, "must be a list of items", shown=type(items).__name__
        )
    return tuple(read(item, f"{name}[{index}]") for index, item in enumerate(items))


def read_number(item: Any, place: str) -> str:
    """Read an item that is a phone number."""
    return normalise(item, field=place)


def masked_numbers(numbers: tuple[str, ...]) -> str:
    """How many numbers there are, and the first of them, masked."""
    first = f": {mask(numbers[0])} …" if numbers else ""
    return f"<{len(numbers)}{first}>"


async def ask_in_chunks(
    ask: Ask[T, D], items: tuple[T, ...], *, size: int, concurrency: int
) -> ManyResults[T, D]:
    """
    Ask for all items, a few requests at a time.

    The first request goes alone: if the key is wrong, or a list has to be made, the
    others find that settled. After a failure that the others would share, and after
    5 requests in a row without an answer, the rest is not asked.

    Args:
        ask: Asks for the items of one request.
        items: All of them; none is fine.
        size: Items of one request.
        concurrency: Requests in flight at the same time.

    Raises:
        InvalidFieldError: ``concurrency`` is no number of requests.
    """
    if isinstance(concurrency, bool) or not isinstance(concurrency, int):
        raise InvalidFieldError(
            "concurrency", "must be an int", shown=f"{concurrency!r:.40}"
        )
    if concurrency < 1:
        raise InvalidFieldError(
            "concurrency", "must be at least 1", shown=f"{concurrency}"
        )
    rest = iter(items)
    chunks = list(iter(lambda: tuple(islice(rest, size)), ()))
    course: _Course[T, D] = _Course(ask=ask, chunks=chunks)
    await course.run(concurrency)
    return ManyResults(
        items=tuple(
            one for number in range(len(chunks)) for one in course.told[number]
        ),
        cost=sum(course.costs, Decimal(0)) if course.costs else None,
    )


@define(kw_only=True)
class _Course(Generic[T, D]):
    """
    The requests of one call, on their way.

    Attributes:
        begun: How many chunks were taken up.
        told: Results by the number of their chunk.
        costs: In euros, of the requests whose price the gateway named.
        silent_in_a_row: Requests without an answer since the last one with.
        stopped_by: Why the rest is not asked; None if it is.
    """

    ask: Ask[T, D]
    chunks: list[tuple[T, ...]] = field(repr=False)  # of numbers, mostly
    begun: int = 0
    told: dict[int, list[ItemResult[T, D]]] = Factory(dict)
    costs: list[Decimal] = Factory(list)
    silent_in_a_row: int = 0
    stopped_by: NotSentError | None = None

    async def run(self, concurrency: int) -> None:
        """Ask for every chunk, the first one alone."""
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
                f"of {len(self.chunks):,} requests {len(self.told):,} had ended, "
                f"{self.begun - len(self.told):,} more may have been executed"
            )
            raise

    async def _work(self, numbers: Iterator[int]) -> None:
        # The workers share the iterator: each takes up what comes next.
        for number in numbers:
            self.begun += 1
            self.told[number] = await self._settle(self.chunks[number])

    async def _settle(self, chunk: tuple[T, ...]) -> list[ItemResult[T, D]]:
        if self.stopped_by is not None:
            return _failed(chunk, self.stopped_by)
        try:
            reply = await self.ask(chunk)
        except OctopushError as error:
            if _is_too_long(error) and len(chunk) > 1:
                half = len(chunk) // 2
                return await self._settle(chunk[:half]) + await self._settle(
                    chunk[half:]
                )
            self._judge(error)
            return _failed(chunk, error)
        self.silent_in_a_row = 0
        if reply.cost is not None:
            self.costs.append(reply.cost)
        return [
            ItemResult(item=item, outcome=reply.outcome, details=details)
            for item, details in zip(chunk, reply.details, strict=True)
        ]

    def _judge(self, error: OctopushError) -> None:
        """Look whether it is any use to go on."""
        silent = error.outcome in {Outcome.UNKNOWN, Outcome.NOT_SENT}
        self.silent_in_a_row = self.silent_in_a_row + 1 if silent else 0
        if isinstance(error, _HOPELESS) or self.silent_in_a_row >= _OUTAGE_AFTER:
            self.stopped_by = NotSentError(
                f"not asked, since an earlier request failed: {error.problem}",
                backoff=Backoff.NEVER,
            )
            self.stopped_by.__cause__ = error


def _is_too_long(error: OctopushError) -> bool:
    # How many contacts a request may have is undocumented; that there is a limit is
    # known from this code alone. Source: gateway documentation, "Return codes"
    # (documented, unseen).
    return error.code == _TOO_MANY_CONTACTS and error.outcome is Outcome.REFUSED


def _failed(chunk: tuple[T, ...], error: OctopushError) -> list[ItemResult[T, Any]]:
    outcome = error.outcome or Outcome.UNKNOWN
    return [ItemResult(item=item, outcome=outcome, error=error) for item in chunk]
