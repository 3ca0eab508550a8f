"""An observer is told when a call begins, of each try, and what became of it."""

import asyncio
import contextvars

import pytest
from attrs import asdict
from fakes import MESSAGE, ScriptedTransport, answer, refusal, session_over

from aiooctopush import (
    InvalidRequestError,
    NotSentError,
    Outcome,
    RetryPolicy,
    UnknownOutcomeError,
)
from aiooctopush.sandbox import VirtualClock


PATH = "/v1/public/sms-campaign/send"
WHERE = contextvars.ContextVar("where", default="outside")


class Recorder:
    """Keeps what it is told."""

    def __init__(self):
        self.started, self.tries, self.ends = [], [], []

    def on_start(self, call):
        """See `Observer.on_start`."""
        self.started.append(call)
        return RecorderOfOne(self)


class RecorderOfOne:
    """Marks the context of one call."""

    def __init__(self, recorder):
        self.recorder = recorder
        self.token = WHERE.set("inside")

    def on_attempt(self, attempt):
        """See `CallObserver.on_attempt`."""
        self.recorder.tries.append((attempt.attempt, str(attempt.outcome)))

    def on_end(self, call):
        """See `CallObserver.on_end`."""
        WHERE.reset(self.token)
        self.recorder.ends.append(call)


class BrokenObserver:
    """Raises where it is told to."""

    def __init__(self, *places):
        self.places = places

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
        if place in self.places:
            raise LookupError(place)


def silence():
    """No readable answer."""
    return UnknownOutcomeError("silence")


async def hang(_):
    """A transport that never answers."""
    await asyncio.Event().wait()


async def test_a_call_is_told_from_beginning_to_end():
    """With what became of it, all tries counted."""
    watching, clock = Recorder(), VirtualClock()
    transport = ScriptedTransport(silence(), refusal(120))

    async with session_over(transport, observer=watching, clock=clock) as octopush:
        sent = await octopush.sms.send(**MESSAGE)

    assert [asdict(one) for one in watching.started] == [
        {"method": "POST", "path": PATH, "base_url": "https://api.octopush.com"}
    ]
    assert watching.tries == [(1, "unknown"), (2, "presumed")]
    assert [asdict(one) for one in watching.ends] == [
        {
            "outcome": Outcome.PRESUMED,
            "maybe_sent": False,
            "request_id": sent.request_id,
            "attempts": 2,
            "status": 400,
            "error": None,
            "code": None,
            "elapsed": 1.25,
            "retry_tokens": 500,
        }
    ]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            [refusal(121)],
            (Outcome.REFUSED, False, 400, "InvalidRequestError", 121),
            id="refused",
        ),
        pytest.param(
            [NotSentError("no route")],
            (Outcome.NOT_SENT, False, None, "NotSentError", None),
            id="not sent",
        ),
        pytest.param(
            [answer(503, {})],
            (Outcome.UNKNOWN, True, 503, "ServerError", None),
            id="unknown",
        ),
    ],
)
async def test_a_failed_call_is_told_as_its_caller_is(script, expected):
    """Outcome, doubt, status, class and code are those of the error."""
    watching, once = Recorder(), RetryPolicy(attempts=1)

    async with session_over(
        ScriptedTransport(*script), observer=watching, retry=once
    ) as octopush:
        with pytest.raises((InvalidRequestError, NotSentError, UnknownOutcomeError)):
            await octopush.sms.send(**MESSAGE)

    (end,) = watching.ends
    assert (end.outcome, end.maybe_sent, end.status, end.error, end.code) == expected


async def test_a_call_cancelled_on_its_way_may_have_been_sent():
    """The end is told all the same, and the cancellation passes."""
    watching, transport = Recorder(), ScriptedTransport(hang)

    async with session_over(transport, observer=watching) as octopush:
        task = asyncio.create_task(octopush.sms.send(**MESSAGE))
        while not transport.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    (end,) = watching.ends
    assert (end.outcome, end.maybe_sent) == (Outcome.UNKNOWN, True)
    assert (end.error, end.attempts) == ("CancelledError", 1)


async def test_a_read_cancelled_on_its_way_has_sent_nothing():
    """Its outcome is unknown, which harms nobody."""
    watching, transport = Recorder(), ScriptedTransport(hang)

    async with session_over(transport, observer=watching) as octopush:
        task = asyncio.create_task(octopush.wallet.balance())
        while not transport.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    (end,) = watching.ends
    assert (end.outcome, end.maybe_sent) == (Outcome.UNKNOWN, False)


async def test_a_call_cancelled_in_the_queue_was_not_sent():
    """It never had a slot."""
    watching, transport = Recorder(), ScriptedTransport(hang)

    async with (
        session_over(transport, observer=watching, max_in_flight=1) as octopush,
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(octopush.sms.send(**MESSAGE))
        second = group.create_task(octopush.sms.send(**MESSAGE))
        while not transport.requests:
            await asyncio.sleep(0)
        second.cancel()
        while not second.done():
            await asyncio.sleep(0)
        first.cancel()

    assert [(one.outcome, one.maybe_sent, one.attempts) for one in watching.ends] == [
        (Outcome.NOT_SENT, False, 0),
        (Outcome.UNKNOWN, True, 1),
    ]


async def test_an_observer_lives_in_the_context_of_the_caller():
    """What it sets is there for the transport, and gone afterwards."""
    seen = []

    async def look(_):
        seen.append(WHERE.get())
        return answer()

    async with session_over(ScriptedTransport(look), observer=Recorder()) as octopush:
        await octopush.sms.send(**MESSAGE)

    assert seen == ["inside"]
    assert WHERE.get() == "outside"


async def test_both_hooks_may_be_used_at_once():
    """One does not take the place of the other."""
    watching, events = Recorder(), []

    async with session_over(
        ScriptedTransport(answer()), observer=watching, on_attempt=events.append
    ) as octopush:
        await octopush.sms.send(**MESSAGE)

    assert len(watching.tries) == len(events) == 1


@pytest.mark.parametrize("place", ["on_start", "on_attempt", "on_end"])
async def test_a_broken_observer_does_not_decide_about_a_message(caplog, place):
    """It is logged, and the message goes its way."""
    transport = ScriptedTransport(answer())

    async with session_over(transport, observer=BrokenObserver(place)) as octopush:
        sent = await octopush.sms.send(**MESSAGE)

    assert (sent.outcome, len(transport.requests)) == (Outcome.ACCEPTED, 1)
    assert caplog.text.count("failed") == 1
    assert f"LookupError: {place}" in caplog.text


async def test_a_broken_observer_does_not_hide_an_error():
    """The caller gets the gateway's word, not the observer's."""
    async with session_over(
        ScriptedTransport(refusal(121)), observer=BrokenObserver("on_attempt", "on_end")
    ) as octopush:
        with pytest.raises(InvalidRequestError):
            await octopush.sms.send(**MESSAGE)
