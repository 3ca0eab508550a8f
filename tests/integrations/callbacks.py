"""What the tests of receivers post, and handlers that remember it."""

import asyncio
import json


TOKEN = "Zx9-uV_3kQ7mLp0TqW2rYb"  # 22 characters
NUMBER = "+33600000001"


def receipt(number=NUMBER, status="DELIVERED", ticket="sms_1"):
    """A delivery receipt as the gateway posts it."""
    return {
        "message_id": ticket,
        "number": number,
        "status": status,
        "delivery_date": "2020-11-04 11:11:45",
    }


def body(*receipts):
    """One callback: an object, or an array of several."""
    content = receipts[0] if len(receipts) == 1 else receipts
    return json.dumps(content).encode()


class Recorder:
    """
    A handler that notes what it was given, and obeys.

    Attributes:
        events: What was handled to the end.
        started: How many were begun.
        gate: Nothing is handled to its end while it is closed.
    """

    def __init__(self, *raises):
        self.events = []
        self.started = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.raises = list(raises)

    async def __call__(self, event):
        """Handle one event."""
        self.started += 1
        await self.gate.wait()
        if self.raises:
            raise self.raises.pop(0)
        self.events.append(event)

    @property
    def statuses(self):
        """The statuses of what was handled."""
        return [str(event.status) for event in self.events]


class StandingClock:
    """A clock on which no wait ever ends; nobody asks it for the time."""

    async def sleep(self, seconds):
        """Wait until cancelled."""
        await asyncio.Event().wait()


async def until(condition):
    """Let the loop turn until something is so."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)
