"""How callbacks reach a receiver, in process and over a port."""

import asyncio
import json
import logging

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sandbox.calling_back import (
    JSON,
    RECEIVER,
    edit,
    plan,
    sent,
)
from sandbox.calls import (
    HEADERS,
    ONE,
    fresh_gateway,
    send,
    send_body,
)

from aiooctopush.sandbox import (
    CallbackFormat,
    CallbackPoster,
    FaultPlan,
    Gateway,
    SandboxServer,
    VirtualClock,
    create_app,
)


SEND = "/v1/public/sms-campaign/send"


# --- posting --------------------------------------------------------------------------


class Receiver:
    """Takes callbacks in this process; the answers are those that it is given."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.posted = []

    async def __call__(self, url, callback):
        """See `Post`."""
        self.posted.append((url, callback.events[0].get("status")))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer


async def running(poster, until):
    """Let a poster run until something is true."""
    task = asyncio.create_task(poster.run())
    async with asyncio.timeout(5):
        while not until():
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_callbacks_are_posted_when_they_are_due():
    """In virtual time that takes none, and no longer than needed."""
    gateway, callbacks = sent()
    receiver = Receiver()
    poster = CallbackPoster(callbacks, url=RECEIVER, post=receiver)

    await running(poster, lambda: len(receiver.posted) == 2)

    assert receiver.posted == [(RECEIVER, "ACK"), (RECEIVER, "DELIVERED")]
    assert poster.answers == {200: 2}
    assert gateway.clock.sleeps == [1.0, 1.0]


async def test_a_poster_with_nothing_to_do_waits_to_be_woken():
    """And time does not pass meanwhile."""
    gateway = fresh_gateway()
    receiver = Receiver()
    poster = CallbackPoster(gateway.callbacks(plan()), url=RECEIVER, post=receiver)
    task = asyncio.create_task(poster.run())
    for _ in range(10):
        await asyncio.sleep(0)
    slept = list(gateway.clock.sleeps)

    send(gateway)
    poster.wake()
    async with asyncio.timeout(5):
        while len(receiver.posted) < 2:
            await asyncio.sleep(0)
    task.cancel()

    assert slept == []
    with pytest.raises(asyncio.CancelledError):
        await task


class StoppedClock(VirtualClock):
    """Waits on it never end."""

    async def sleep(self, seconds):
        """Wait for ever."""
        self.sleeps.append(seconds)
        await asyncio.Event().wait()


async def test_what_is_due_at_once_does_not_wait_for_what_is_due_later():
    """Being woken ends a wait."""
    gateway = Gateway(clock=StoppedClock())
    callbacks = gateway.callbacks(plan())
    send(gateway)
    receiver = Receiver()
    poster = CallbackPoster(callbacks, url=RECEIVER, post=receiver)

    def replied():
        if gateway.clock.sleeps == [1.0]:
            callbacks.reply(ONE, "Yes")
            gateway.clock.sleeps.clear()
            poster.wake()
        return receiver.posted

    await running(poster, replied)

    assert receiver.posted == [(RECEIVER, None)]


async def test_what_the_account_has_set_goes_before_the_default():
    """The default is for those who have set nothing."""
    gateway, callbacks = sent(plan=plan(numbers={ONE: "ACK"}))
    edit(gateway, callback_url_for_deliveries="https://a.example/")
    callbacks.reply(ONE, "Yes", after=1)
    gateway.clock.advance(1)
    receiver = Receiver()

    await CallbackPoster(callbacks, url=RECEIVER).post_due(receiver)

    assert sorted(receiver.posted, key=str) == [
        (RECEIVER, None),
        ("https://a.example/", "ACK"),
    ]


async def test_without_a_url_nobody_is_called():
    """As with the real one."""
    gateway, callbacks = sent()
    gateway.clock.advance(10)
    receiver = Receiver()
    poster = CallbackPoster(callbacks)

    await poster.post_due(receiver)

    assert receiver.posted == []
    assert poster.answers == {}


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (500, 500, "answered 500"),
        (302, 302, "answered 302"),
        (300, 300, "answered 300"),
        (199, 199, "answered 199"),
        (TimeoutError(), 0, "TimeoutError"),
        (aiohttp.ClientPayloadError("x"), 0, "ClientPayloadError"),
        (ConnectionResetError(), 0, "ConnectionResetError"),
    ],
    ids=["500", "302", "300", "199", "time-out", "broken", "reset"],
)
async def test_what_is_not_taken_is_told_and_not_repeated(
    caplog, answer, status, words
):
    """Repeats are undocumented; the log holds no secret of the URL."""
    gateway, callbacks = sent(plan=plan(numbers={ONE: "ACK"}))
    gateway.clock.advance(1)
    receiver = Receiver(answer)
    poster = CallbackPoster(callbacks, url=RECEIVER)

    with caplog.at_level(logging.WARNING, "aiooctopush"):
        await poster.post_due(receiver)
        await poster.post_due(receiver)

    assert len(receiver.posted) == 1
    assert poster.answers == {status: 1}
    assert caplog.messages == [
        f"receipt not accepted by http://receiver.example:8000: {words}"
    ]


async def test_what_is_taken_is_not_told(caplog):
    """Any 2xx will do."""
    gateway, callbacks = sent()
    gateway.clock.advance(10)

    await CallbackPoster(callbacks, url=RECEIVER).post_due(Receiver(200, 299))

    assert caplog.messages == []


async def test_a_url_that_is_none_ends_nothing(caplog):
    """An owner may give a sub-account any text."""
    gateway, callbacks = sent(plan=plan(numbers={ONE: "ACK"}))
    edit(gateway, callback_url_for_deliveries="http://[a")
    callbacks.reply(ONE, "Yes")

    async with SandboxServer() as server:
        poster = CallbackPoster(callbacks, url=server.url)
        await running(poster, lambda: poster.answers.total() == 2)

    assert poster.answers == {404: 1, 0: 1}
    assert "receipt not accepted by an invalid URL: InvalidUrl" in caplog.text


@pytest.mark.parametrize("url", ["", "receiver", "/path", "ftp://a.example/", "http:"])
def test_a_default_url_must_be_one(url):
    """It is told before anything runs."""
    callbacks = fresh_gateway().callbacks()

    with pytest.raises(ValueError, match="must be a URL such as http"):
        CallbackPoster(callbacks, url=url)


# --- over a port ----------------------------------------------------------------------


async def answered(poster, count):
    """Until so many callbacks were answered."""
    async with asyncio.timeout(5):
        while poster.answers.total() < count:
            await asyncio.sleep(0)


class Listener:
    """A receiver on a port; notes what came."""

    def __init__(self):
        self.came = []

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/octopush", self._take)
        app.router.add_post("/moved", self._move)
        self._server = TestServer(app)
        await self._server.start_server()
        return self

    async def __aexit__(self, *error):
        await self._server.close()

    @property
    def url(self):
        """Where callbacks are taken."""
        return str(self._server.make_url("/octopush"))

    async def _take(self, request):
        self.came.append((request.content_type, await request.read()))
        return web.Response()

    async def _move(self, request):
        raise web.HTTPTemporaryRedirect("/octopush")

    async def wait_for(self, count):
        """Until so many have come."""
        async with asyncio.timeout(5):
            while len(self.came) < count:
                await asyncio.sleep(0)


async def post(url, body=None, **more):
    """Post JSON; the status, and what was answered."""
    async with (
        aiohttp.ClientSession(headers=HEADERS) as session,
        session.post(url, json=body, **more) as response,
    ):
        return response.status, await response.text()


@pytest.mark.parametrize("format", list(CallbackFormat))
async def test_a_server_calls_back_while_it_runs(format):
    """Two statuses over the wire, as they were written."""
    gateway = fresh_gateway()
    rules = plan(format=format)
    expected = [(one.content_type, one.body) for one in sent(plan=rules)[1].take_all()]
    if format is CallbackFormat.ARRAY:
        # Each goes out at its own time, so that none waits for another.
        ack, delivered = sent()[1].take_all()
        expected = [(JSON, b"[" + one.body + b"]") for one in (ack, delivered)]
    async with Listener() as listener:
        poster = CallbackPoster(gateway.callbacks(rules), url=listener.url)
        async with SandboxServer(gateway=gateway, poster=poster) as server:
            status, _ = await post(server.url + SEND, send_body())
            await answered(poster, 2)

    assert status == 201
    assert listener.came == expected
    assert poster.answers == {200: 2}


async def test_a_redirect_is_not_followed():
    """A receiver is where it was said to be; what stands in a callback is private."""
    _, callbacks = sent(plan=plan(numbers={ONE: "ACK"}))
    async with Listener() as listener:
        url = listener.url.replace("/octopush", "/moved")
        poster = CallbackPoster(callbacks, url=url)
        await running(poster, lambda: poster.answers.total() == 1)

    assert poster.answers == {307: 1}
    assert listener.came == []


async def test_what_was_committed_before_a_fault_is_called_back_during_it():
    """The client hears nothing, the receiver does."""
    gateway = fresh_gateway()
    faults = FaultPlan.schedule(["hang_after_commit"])
    async with Listener() as listener:
        poster = CallbackPoster(gateway.callbacks(plan()), url=listener.url)
        async with SandboxServer(
            gateway=gateway, faults=faults, poster=poster
        ) as server:
            hung = asyncio.create_task(post(server.url + SEND, send_body()))
            await listener.wait_for(2)
            answered = hung.done()

    assert not answered
    with pytest.raises(aiohttp.ClientError):
        await hung


async def test_replies_and_opt_outs_are_made_from_outside():
    """They are posted at once."""
    gateway = fresh_gateway()
    async with Listener() as listener:
        poster = CallbackPoster(gateway.callbacks(), url=listener.url)
        async with SandboxServer(gateway=gateway, poster=poster) as server:
            wanted = {"number": ONE, "text": "Yes"}
            reply = await post(f"{server.url}/__sandbox__/reply", wanted)
            await listener.wait_for(1)
            stop = await post(f"{server.url}/__sandbox__/opt-out", {"number": ONE})
            await listener.wait_for(2)

    assert (reply, stop) == ((202, ""), (202, ""))
    assert [json.loads(body)["text"] for _, body in listener.came] == ["Yes", "STOP"]
    assert gateway.blacklist == {ONE}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"number": ONE}, "expected JSON"),
        ({"text": "Yes"}, "expected JSON"),
        ({"number": [], "text": "Yes"}, "expected JSON"),
        ({"number": ONE, "text": 7}, "expected JSON"),
        ([], "expected JSON"),
        (None, "expected JSON"),
        ({"number": "0600000001", "text": "Yes"}, "country code"),
    ],
    ids=["no-text", "no-number", "list", "figure", "array", "empty", "national"],
)
async def test_a_bad_order_from_outside_is_refused(body, words):
    """In words, with 400."""
    gateway = fresh_gateway()
    poster = CallbackPoster(gateway.callbacks(), url=RECEIVER, post=Receiver())
    app = create_app(gateway, poster=poster)
    async with TestClient(TestServer(app)) as client:
        data = b"" if body is None else json.dumps(body)
        response = await client.post("/__sandbox__/reply", data=data)

        assert response.status == 400
        assert words in (await response.json())["message"]


async def test_an_order_that_nobody_would_carry_out_is_refused():
    """Without a poster a reply would lie about for ever."""
    async with SandboxServer() as server:
        wanted = {"number": ONE, "text": "Yes"}
        status, words = await post(f"{server.url}/__sandbox__/reply", wanted)

    assert status == 409
    assert "no callbacks are posted" in words
