"""A process that is told to stop tells the event loop, and whoever was told before."""

import asyncio
import signal

import pytest

from aiooctopush import OctopushSession
from aiooctopush.integrations._stopping import STOPPING, StoppingSignals
from aiooctopush.sandbox import Gateway, SandboxTransport


@pytest.fixture
def told():
    """Who had the signals before, and what he was told; he has them in the end."""
    numbers = []
    earlier = {
        number: signal.signal(number, lambda number, _: numbers.append(number))
        for number in STOPPING
    }
    yield numbers
    for number, handler in earlier.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPPING)
async def test_a_signal_calls_the_function_and_who_was_there_before(told, number):
    """On the event loop, once for each signal."""
    stopped = []
    signals = StoppingSignals(lambda: stopped.append(asyncio.get_running_loop()))

    signal.raise_signal(number)
    await asyncio.sleep(0.01)
    signals.forget()

    assert stopped == [asyncio.get_running_loop()]
    assert told == [number]


async def test_what_is_forgotten_is_not_called(told):
    """The handler of before has it alone again."""
    stopped, before = [], signal.getsignal(signal.SIGTERM)
    signals = StoppingSignals(lambda: stopped.append(1))
    signals.forget()

    assert signal.getsignal(signal.SIGTERM) is before
    signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(0.01)
    assert (stopped, told) == ([], [signal.SIGTERM])


async def test_who_came_later_is_left_alone(told):
    """Two fleets in one process: in whatever order they end, no handler is lost."""
    stopped = []
    first = StoppingSignals(lambda: stopped.append(1))
    second = StoppingSignals(lambda: stopped.append(2))
    first.forget()

    signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(0.01)
    second.forget()

    assert (stopped, told) == ([2], [signal.SIGTERM])


async def test_a_signal_that_nobody_handles_stays_as_it_is():
    """It ends the process, or is ignored, as somebody wanted it."""
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals = StoppingSignals(lambda: None)
    handler = signal.getsignal(signal.SIGHUP)
    signals.forget()
    signal.signal(signal.SIGHUP, earlier)

    assert handler == signal.SIG_IGN


async def test_in_another_thread_there_are_no_signals(told):
    """As in a program that runs its worker there."""

    async def make():
        StoppingSignals(lambda: None).forget()

    await asyncio.to_thread(asyncio.run, make())

    signal.raise_signal(signal.SIGTERM)
    assert told == [signal.SIGTERM]


async def test_a_program_keeps_its_signals():
    """A session and a run have no handlers: who stops them is the program."""
    before = [signal.getsignal(number) for number in STOPPING]
    during = []

    transport = SandboxTransport(Gateway())
    async with OctopushSession("me", "key", transport=transport) as octopush:
        run = octopush.bulk("run", text="Hi", sender="Acme", purpose="alert")
        await run.send(
            ["+33639980001"],
            progress=lambda _: during.extend(map(signal.getsignal, STOPPING)),
        )

    assert during == before
