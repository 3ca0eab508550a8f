"""A session under real load: ten thousand single sends at once, a hundred in flight."""

import asyncio
import gc
import json
import tracemalloc
from collections import Counter
from decimal import Decimal

import pytest
from fakes import session_over
from faults import virtual_time
from faults.clients import result_of
from faults.virtual_time import LoopClock

from aiooctopush import NotSentError, OctopushSession, Outcome, Purpose
from aiooctopush.sandbox import (
    Gateway,
    GatewaySettings,
    SandboxServer,
    SandboxTransport,
)


pytestmark = pytest.mark.exhaustive

SENDS = 10_000
IN_FLIGHT = 100
NUMBERS = [f"+3363998{one:08d}" for one in range(SENDS)]


class Watched(SandboxTransport):
    """
    Writes down what is handed to it.

    Attributes:
        came: The numbers, in order.
        most: How many tries were in flight at most.
    """

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.came = []
        self.most = 0
        self._now = 0

    async def send(self, request):
        """See `Transport.send`."""
        self.came.append(json.loads(request.body)["recipients"][0]["phone_number"])
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            return await super().send(request)
        finally:
            self._now -= 1


def rich_gateway(clock=None):
    """A gateway whose credit never ends here."""
    return Gateway(GatewaySettings(credit=Decimal(1_000_000)), clock=clock)


def one_send(octopush, number):
    """A message to one number."""
    return octopush.sms.send(
        text="Your code is 1234",
        recipients=[number],
        sender="Acme",
        purpose=Purpose.ALERT,
    )


async def send_all_at_once(octopush, numbers):
    """What becomes of a message to each, in the order of the numbers."""
    calls = (result_of(one_send(octopush, number)) for number in numbers)
    return await asyncio.gather(*calls)


async def under_load(latency):
    """The transport, what became of each message, and when the last was done."""
    clock = LoopClock()
    transport = Watched(rich_gateway(clock=clock), latency=latency)
    async with session_over(
        transport, clock=clock, max_in_flight=IN_FLIGHT
    ) as octopush:
        results = await send_all_at_once(octopush, NUMBERS)
    return transport, results, clock.monotonic()


def furthest_ahead(gateway):
    """By how many places somebody is in the sent log before those who came earlier."""
    places = enumerate(entry.recipients[0] for entry in gateway.sent_log.entries)
    came = {number: place for place, number in enumerate(NUMBERS)}
    return max(came[number] - place for place, number in places)


def test_who_waits_for_a_slot_does_not_time_out():
    """
    The last wait 49.5 seconds for their turn: longer than connecting, silence or a
    whole try may take, since waiting is none of these. All are sent once, in the
    order in which they came, a hundred at a time.
    """

    async def load():
        transport, results, took = await under_load(latency=0.5)
        assert [one.outcome for one in results] == [Outcome.ACCEPTED] * SENDS
        assert {one.attempts for one in results} == {1}
        assert transport.gateway.sent_log.numbers() == Counter(NUMBERS)
        assert transport.came == NUMBERS
        assert furthest_ahead(transport.gateway) < IN_FLIGHT
        assert transport.most == IN_FLIGHT
        assert took == pytest.approx(SENDS / IN_FLIGHT * 0.5)

    virtual_time.run(load())


def test_whose_turn_does_not_come_was_not_sent():
    """
    Of a minute of waiting, only what fits into the minute is sent, first come, first
    served; the others are told that they were not, and the sent log agrees.
    """

    async def load():
        transport, results, took = await under_load(latency=1.0)
        sent = 60 * IN_FLIGHT
        assert [one.outcome for one in results[:sent]] == [Outcome.ACCEPTED] * sent
        assert {type(one) for one in results[sent:]} == {NotSentError}
        assert not any(one.maybe_sent for one in results[sent:])
        assert transport.gateway.sent_log.numbers() == Counter(NUMBERS[:sent])
        assert took == pytest.approx(60.0, abs=0.1)

    virtual_time.run(load())


def test_who_waits_takes_little_memory_and_leaves_none_behind():
    """Eight kilobytes for each call at most, its task included; afterwards nothing."""
    calls = 2_000

    async def load():
        clock = LoopClock()
        transport = SandboxTransport(rich_gateway(clock=clock), latency=0.5)
        async with session_over(
            transport, clock=clock, max_in_flight=IN_FLIGHT
        ) as octopush:
            await send_all_at_once(octopush, NUMBERS[:calls])  # what is made once
            transport.gateway.sent_log.clear()
            gc.collect()
            tracemalloc.start()
            # What the process makes once is there after a few times, such as the room
            # of asyncio's set of all tasks.
            for _ in range(4):
                before = tracemalloc.get_traced_memory()[0]
                tasks = [
                    asyncio.create_task(one_send(octopush, number))
                    for number in NUMBERS[:calls]
                ]
                await asyncio.sleep(0)
                waiting = tracemalloc.get_traced_memory()[0] - before
                await asyncio.gather(*tasks)
                tasks.clear()
                transport.gateway.reset()
                await asyncio.sleep(0)  # the loop still holds what it ran last
                gc.collect()
                left = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
        return waiting / calls, left / calls

    waiting, left = virtual_time.run(load())

    assert waiting < 8_000
    assert left < 100


async def test_thousands_at_once_on_real_sockets():
    """
    All are sent once. Who comes later never gets a slot earlier: nobody is further
    ahead in the sent log than the hundred in flight allow.
    """
    gateway, numbers = rich_gateway(), NUMBERS[:2_000]
    async with (
        SandboxServer(gateway=gateway) as server,
        OctopushSession("me@example.org", "key", base_url=server.url) as octopush,
    ):
        results = await send_all_at_once(octopush, numbers)

    assert {one.outcome for one in results} == {Outcome.ACCEPTED}
    assert gateway.sent_log.numbers() == Counter(numbers)
    assert furthest_ahead(gateway) < IN_FLIGHT
