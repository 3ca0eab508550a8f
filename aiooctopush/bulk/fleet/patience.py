"""Patience with a ledger that is away, such as one that is started again."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ..._clock import Clock
from ...ledgers.records import LeaseLostError, LedgerError


T = TypeVar("T")


async def patiently(
    clock: Clock, step: Callable[[], Awaitable[T]], waits: Iterable[float]
) -> T:
    """
    Do something with a ledger, and again if it is away.

    Args:
        clock: Time.
        step: The action.
        waits: Seconds before each repeat.

    Raises:
        LeaseLostError: Another worker has the batch now; a retry changes nothing.
        LedgerError: It is still away after the last wait.
    """
    for wait in waits:
        try:
            return await step()
        except LeaseLostError:
            raise
        except LedgerError:
            await clock.sleep(wait)
    return await step()
