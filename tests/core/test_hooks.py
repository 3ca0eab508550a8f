"""What a hook raises decides nothing; a cancellation of the task passes."""

import asyncio

import pytest
from fakes import MESSAGE, ScriptedTransport, answer, refusal, session_over

from aiooctopush import (
    InvalidRequestError,
    NotSentError,
    Outcome,
    RetryPolicy,
    UnknownOutcomeError,
)
from aiooctopush._hooks import is_cancellation, tell


class Watcher:
    """An observer that raises where it is told to."""

    def __init__(self, place, error):
        self.place, self.error = place, error

    def on_start(self, call):
        """See `Observer.on_start`."""
        self.fall("on_start")
        return self

    def on_attempt(self, attempt):
        """See `CallObserver.on_attempt`."""
        self.fall("on_attempt")

    def on_end(self, call):
        """See `CallObserver.on_end`."""
        self.fall("on_end")

    def fall(self, place):
        """Raise, if this is the place."""
        if place == self.place:
            raise self.error


PLACES = ["hook", "on_start", "on_attempt", "on_end"]
ERRORS = [LookupError("no span"), asyncio.CancelledError()]


def broken(place, error):
    """Options of a session with something broken in it."""

    def fail(_):
        raise error

    return (
        {"on_attempt": fail} if place == "hook" else {"observer": Watcher(place, error)}
    )


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_what_a_hook_raises_hides_no_result(caplog, place, error):
    """The message was accepted, and its caller learns of it."""
    transport = ScriptedTransport(answer())

    async with session_over(transport, **broken(place, error)) as octopush:
        sent = await octopush.sms.send(**MESSAGE)

    assert (sent.outcome, len(transport.requests)) == (Outcome.ACCEPTED, 1)
    assert caplog.text.count(type(error).__name__) >= 1


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_what_a_hook_raises_hides_no_error(place, error):
    """The caller gets the gateway's word."""
    transport = ScriptedTransport(refusal(121))

    async with session_over(transport, **broken(place, error)) as octopush:
        with pytest.raises(InvalidRequestError):
            await octopush.sms.send(**MESSAGE)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_what_a_hook_raises_hides_no_cancellation(place, error):
    """Nor its note that it may have been sent."""
    reached = asyncio.Event()

    async def hang(_):
        reached.set()
        await asyncio.Event().wait()

    async with session_over(
        ScriptedTransport(hang), **broken(place, error)
    ) as octopush:
        task = asyncio.create_task(octopush.sms.send(**MESSAGE))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task

    assert task.cancelled()
    assert "may have been executed" in caught.value.__notes__[0]


async def test_a_hook_may_cancel_the_task():
    """That is a cancellation, and comes at the latest with the end of the task."""

    def stop(_):
        asyncio.current_task().cancel()

    async with session_over(ScriptedTransport(answer()), on_attempt=stop) as octopush:
        task = asyncio.create_task(octopush.sms.send(**MESSAGE))
        await asyncio.wait({task})

    assert task.cancelled()


async def test_a_cancellation_that_a_hook_meets_passes():
    """As where it waits with greenlets."""

    def meet(_):
        asyncio.current_task().cancel()
        raise asyncio.CancelledError

    async def tell_it():
        tell(meet, None, "hook")

    task = asyncio.create_task(tell_it())
    await asyncio.wait({task})

    assert task.cancelled()


async def test_a_clean_up_may_send():
    """A task that was cancelled before: what a hook raises hides no result there."""

    async def clean_up():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            async with session_over(
                ScriptedTransport(answer()), **broken("hook", ERRORS[1])
            ) as octopush:
                return (await octopush.sms.send(**MESSAGE)).outcome

    task = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    task.cancel()

    assert await task is Outcome.ACCEPTED


async def test_outside_of_a_task_there_is_nothing_to_cancel():
    """A hook may be told from a callback of the loop."""
    told = []
    asyncio.get_running_loop().call_soon(tell, told.append, 1, "hook")
    await asyncio.sleep(0)

    assert told == [1]


def test_an_interrupt_passes():
    """Somebody pressed Ctrl-C while a hook ran."""

    def interrupt(_):
        raise KeyboardInterrupt

    async def main():
        tell(interrupt, None, "hook")

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


async def test_what_a_transport_awaited_may_be_cancelled():
    """That is a failure of the attempt: nobody cancelled the call."""

    async def fail(_):
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    once = RetryPolicy(attempts=1)
    async with session_over(ScriptedTransport(fail), retry=once) as octopush:
        with pytest.raises(UnknownOutcomeError, match="CancelledError") as caught:
            await octopush.sms.send(**MESSAGE)

    assert caught.value.maybe_sent


async def test_only_a_cancellation_is_one():
    """Not an error, and not what something else was cancelled by."""
    assert not is_cancellation(NotSentError("x"))
    assert not is_cancellation(asyncio.CancelledError())
