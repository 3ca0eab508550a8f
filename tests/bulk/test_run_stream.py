"""The stream of a run's results: what it takes to send, and what it says if not."""

from contextlib import aclosing

import pytest

from aiooctopush import OctopushSession
from aiooctopush.sandbox import Gateway, SandboxTransport


RUN = {"text": "Hi", "sender": "Acme", "purpose": "alert"}
ONE = "+33639980001"


@pytest.fixture
async def octopush():
    """A session over a gateway of its own."""
    async with OctopushSession(
        "me@example.org", "key", transport=SandboxTransport(Gateway())
    ) as session:
        yield session


async def test_a_stream_that_was_never_iterated_warns(octopush):
    """It looks like a send, and has sent nothing."""
    with pytest.warns(RuntimeWarning) as caught:
        octopush.bulk("week-48", **RUN).stream([ONE])

    (warning,) = caught
    assert str(warning.message) == (
        "run.stream(source) was never iterated, so nothing was sent: use `async for "
        "result in run.stream(source)`, or `await run.send(source)`"
    )
    assert warning.filename == __file__


async def test_a_stream_that_was_only_closed_warns(octopush):
    """Closing it is not reading it."""
    with pytest.warns(RuntimeWarning, match="was never iterated"):
        async with aclosing(octopush.bulk("week-48", **RUN).stream([ONE])):
            pass


async def test_a_stream_that_was_left_early_does_not_warn(octopush):
    """What it has given is known, and any warning fails this test."""
    async with aclosing(octopush.bulk("week-48", **RUN).stream([ONE])) as results:
        assert (await anext(results)).state == "accepted"


async def test_a_stream_passes_on_what_is_thrown_into_it(octopush):
    """It is an asynchronous generator in all respects."""
    results = octopush.bulk("week-48", **RUN).stream([ONE])
    await anext(results)

    with pytest.raises(KeyError):
        await results.athrow(KeyError("x"))
    with pytest.raises(StopAsyncIteration):
        await anext(results)
