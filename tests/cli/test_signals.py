"""Signals that ask a command to end, in real processes against a gateway in trouble."""

import asyncio
import signal

import pytest

from aiooctopush.cli.terminal.exit_codes import forget_signals
from aiooctopush.cli.terminal.interrupt import InterruptedBySignalError, until_signal


async def never(times):
    """Wait for ever, and with a second signal also while cleaning up."""
    try:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.Event().wait()
    finally:
        for _ in range(1, times):
            signal.raise_signal(signal.SIGTERM)
        if times > 1:
            await asyncio.Event().wait()


@pytest.mark.parametrize("times", [1, 2, 3])
def test_work_ends_at_a_signal(times):
    """The first lets it clean up, the second does not wait; more do nothing."""
    with pytest.raises(InterruptedBySignalError):
        asyncio.run(until_signal(never(times)))


def test_work_that_is_cancelled_by_others():
    """Without a signal it is what it is."""
    forget_signals()

    async def cancelled():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(until_signal(cancelled()))
