"""The aiohttp sessions of a transport: what is said of one that was left open."""

import asyncio
import gc
import warnings

import pytest

from aiooctopush import OctopushError, OctopushSession, RetryPolicy
from aiooctopush.sandbox import SandboxServer


MESSAGE = {
    "text": "Hi",
    "sender": "Acme",
    "purpose": "alert",
    "recipients": ["+33600000001"],
}
ONCE = RetryPolicy(attempts=1)


def left_open(program):
    """What asyncio and Python report of a program, and how often each says it."""
    reported = []

    async def watched():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context))
        await program()

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        asyncio.run(watched())
        gc.collect()
    return reported, [(one.category, str(one.message)) for one in warned]


def test_a_session_that_was_left_open_is_named_in_our_words():
    """aiohttp would name a connector, which the program has never seen."""
    addresses = []

    async def program():
        async with SandboxServer() as server:
            addresses.append(server.url)
            octopush = OctopushSession("me@example.org", "key", base_url=server.url)
            await octopush.sms.send(**MESSAGE)

    reported, warned = left_open(program)

    words = (
        f"the OctopushSession for {addresses[0]} was not closed: use `async with "
        "OctopushSession(…) as octopush`, or `await octopush.close()`"
    )
    assert reported == [{"message": words}]
    assert warned == [(ResourceWarning, words)]


def test_a_session_that_outlives_its_loop_is_named_once():
    """A module that holds a session drops it when nothing runs any more."""
    kept = []

    async def program():
        async with SandboxServer() as server:
            kept.append(OctopushSession("a", "b", base_url=server.url))
            await kept[0].sms.send(**MESSAGE)

    assert left_open(program) == ([], [])
    with pytest.warns(ResourceWarning) as caught:
        kept.clear()

    assert len(caught) == 1
    assert str(caught[0].message).startswith("the OctopushSession for http://127.0.0.1")


def test_a_session_that_failed_is_named_though_its_error_holds_it():
    """The frames of a traceback make a cycle, which is collected in any order."""

    async def program():
        octopush = OctopushSession("a", "b", base_url="http://127.0.0.1:9", retry=ONCE)
        with pytest.raises(OctopushError) as caught:
            await octopush.sms.send(**MESSAGE)
        octopush.cycle = [caught, octopush]

    reported, warned = left_open(program)

    words = (
        "the OctopushSession for http://127.0.0.1:9 was not closed: use `async with "
        "OctopushSession(…) as octopush`, or `await octopush.close()`"
    )
    assert reported == [{"message": words}]
    assert warned == [(ResourceWarning, words)]


async def _closed():
    async with (
        SandboxServer() as server,
        OctopushSession("me@example.org", "key", base_url=server.url) as octopush,
    ):
        await octopush.sms.send(**MESSAGE)


async def _never_used():
    OctopushSession("me@example.org", "key")


@pytest.mark.parametrize("program", [_closed, _never_used])
def test_nothing_is_said_of_a_session_that_left_nothing_open(program):
    """Building one opens nothing."""
    assert left_open(program) == ([], [])
