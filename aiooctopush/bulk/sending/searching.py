"""One batch at a time, to find a good part while nothing but refusals comes."""

import asyncio
from collections.abc import Callable

from attrs import define, field


@define
class Search:
    """
    Lets one batch be halved to its end while the others wait for the result.

    Attributes:
        is_on: Whether so much is refused that only one may be sent.
    """

    _stops: Callable[[], bool]
    is_on: bool = False
    _searcher: object | None = None
    _moves: asyncio.Event = field(factory=asyncio.Event)

    async def turn_of(self, one: object) -> None:
        """Wait until a batch may send its next request, or the run stops."""
        while self.is_on and not self._stops():
            if self._searcher is None:
                self._searcher = one
            if self._searcher is one:
                return
            self._moves.clear()
            await self._moves.wait()

    def set(self, *, is_on: bool) -> None:
        """Begin, or release all waiting batches."""
        self.is_on = is_on
        if not is_on:
            self._searcher = None
            self.wake()

    def end_of(self, one: object) -> None:
        """Note that a batch is done: if it searched, another one does."""
        if self._searcher is one:
            self._searcher = None
        self.wake()

    def wake(self) -> None:
        """Have all who wait look again."""
        self._moves.set()
