"""``octopush send``: one text to a few numbers."""

import json
import signal
import types
from decimal import Decimal

import pytest

from aiooctopush import request_id_for
from aiooctopush.cli import _connection
from aiooctopush.sandbox import Gateway, VirtualClock


class PressingClock(VirtualClock):
    """Somebody presses Ctrl-C, so many times, in the first wait."""

    def __init__(self, presses):
        super().__init__()
        self._presses = presses

    async def sleep(self, seconds):
        """Wait as long as the command is patient, for ever after a second Ctrl-C."""
        presses, self._presses = self._presses, 0
        for _ in range(presses):
            signal.raise_signal(signal.SIGINT)
        if presses > 1:
            await never()
        await super().sleep(seconds)


async def never():
    """Wait for what does not come."""
    await __import__("asyncio").Event().wait()


def test_says_what_became_of_it(send, gateway):
    """One number gets one message, and the command says so."""
    result = send()

    assert result.exit_code == 0
    assert result.stdout.startswith("Accepted for 1 recipient.\n  Ticket ")
    assert "Cost            0.05 €" in result.stdout
    assert "Sandbox's book  1 number, each exactly once" in result.stdout
    assert result.stderr == ""
    assert gateway.book.times("+33600000001") == 1
