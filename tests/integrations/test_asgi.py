"""Callbacks over ASGI: by the letter of the protocol, and inside frameworks."""

import asyncio
import re
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from integrations.callbacks import (
    TOKEN,
    Recorder,
    StandingClock,
    body,
    receipt,
    until,
)
from starlette.applications import Starlette
from starlette.routing import Mount

from aiooctopush import InvalidFieldError
from aiooctopush.integrations import asgi
from aiooctopush.integrations.asgi import CallbackApp, Limits
from aiooctopush.sandbox import VirtualClock


def app_of(handler, *, clock=None, **limits):
    """Callbacks with these limits."""
    clock = clock or StandingClock()
    return CallbackApp(handler, token=TOKEN, limits=Limits(**limits), clock=clock)


def piece(data, *, more=False):
    """A piece of a body."""
    return {"type": "http.request", "body": data, "more_body": more}


async def serve(app, *messages, headers=(), path=f"/{TOKEN}", method="POST"):
    """Serve one request; give what the application sent."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    left, sent = list(messages or [piece(body(receipt()))]), []

    async def receive():
        return left.pop(0)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


def answer(status, *more):
    """What an application sends for an answer without a body."""
    headers = [(b"content-length", b"0"), *more]
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": b""},
    ]


# --- the protocol ---------------------------------------------------------------------


async def test_a_callback_is_answered_without_a_body_and_handled():
    """In as many messages as it comes; keys that ASGI lets go are not missed."""
    recorder, whole = Recorder(), body(receipt())
    pieces = [piece(whole[:9], more=True), {"type": "http.request", "more_body": True}]
    async with app_of(recorder) as app:
        sent = await serve(app, *pieces, {"type": "http.request", "body": whole[9:]})

    assert sent == answer(200)
    assert recorder.statuses == ["DELIVERED"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param(f"/{TOKEN}", 200, id="alone"),
        pytest.param(f"/octopush/{TOKEN}", 200, id="mounted"),
        pytest.param(f"/{TOKEN}/", 404, id="slash"),
        pytest.param(f"/{TOKEN}x", 404, id="another token"),
        pytest.param(f"/x{TOKEN}", 404, id="something before"),
        pytest.param(f"/{TOKEN}/x", 404, id="something after"),
        pytest.param("/", 404, id="none"),
        pytest.param("", 404, id="nothing"),
    ],
)
async def test_the_token_is_the_end_of_the_path(path, status):
    """Frameworks differ in what they leave before it."""
    async with app_of(Recorder()) as app:
        assert await serve(app, path=path) == answer(status)


async def test_only_post_is_allowed():
    """And the answer says so."""
    async with app_of(Recorder()) as app:
        assert await serve(app, method="GET") == answer(405, (b"allow", b"POST"))


async def test_the_header_decides_where_the_body_does_not():
    """A form that says that it is JSON cannot be read."""
    recorder = Recorder()
    async with app_of(recorder) as app:
        await serve(app, piece(b"visit=1"), headers=[("Content-Type", "text/json")])
        await serve(app, piece(b"visit=1"), headers=[("content-type", "text/plain")])

    assert len(recorder.events) == 1


@pytest.mark.parametrize(
    ("length", "status"),
    [
        pytest.param("65536", 200, id="the limit"),
        pytest.param("65537", 413, id="over it"),
        pytest.param("9" * 18, 413, id="very long"),
        pytest.param("9" * 19, 200, id="too long to be believed"),
        pytest.param("-1", 200, id="negative"),
        pytest.param("²", 200, id="no digit"),
        pytest.param("", 200, id="empty"),
    ],
)
async def test_a_length_is_believed_if_it_is_one(length, status):
    """What comes is counted anyway."""
    headers = [("Content-Length", length)]
    async with app_of(Recorder()) as app:
        assert await serve(app, headers=headers) == answer(status)


async def test_too_much_is_refused_while_it_comes():
    """What goes over the limit is read no further."""
    messages = [piece(bytes(65_536), more=True), piece(b"x", more=True)]
    async with app_of(Recorder()) as app:
        assert await serve(app, *messages) == answer(413)


async def test_a_client_that_leaves_half_way_is_not_answered():
    """And nothing is handled."""
    recorder = Recorder()
    messages = [piece(body(receipt()), more=True), {"type": "http.disconnect"}]
    async with app_of(recorder) as app:
        assert await serve(app, *messages) == []

    assert recorder.started == 0


async def test_without_a_lifespan_nothing_is_taken(caplog):
    """Nobody would handle it; the log says what is missing."""
    assert await serve(app_of(Recorder())) == answer(503)
    assert "lifespan" in caplog.text


async def test_a_full_queue_is_unavailable():
    """So that the gateway may come again."""
    recorder = Recorder()
    recorder.gate.clear()
    async with app_of(recorder, queue_size=1) as app:
        assert await serve(app) == answer(200)
        assert await serve(app) == answer(503)
        assert repr(app) == "<CallbackApp: 1 events waiting>"
        recorder.gate.set()

    assert app.waiting == 0


async def test_the_lifespan_of_a_server_starts_and_drains():
    """It is complete when what was taken is handled."""
    recorder, sent = Recorder(), []
    app = app_of(recorder)
    recorder.gate.clear()
    stop = asyncio.Event()
    messages = ["lifespan.startup", "lifespan.shutdown"]

    async def receive():
        if len(messages) == 1:
            await stop.wait()
        return {"type": messages.pop(0)}

    async def send(message):
        sent.append(message["type"])

    living = asyncio.create_task(app({"type": "lifespan"}, receive, send))
    await until(lambda: sent)
    assert await serve(app) == answer(200)
    stop.set()
    await until(lambda: not messages)
    assert sent == ["lifespan.startup.complete"]
    recorder.gate.set()
    await living

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert recorder.statuses == ["DELIVERED"]


async def test_what_is_left_at_shutdown_is_logged(caplog):
    """After the time limit."""
    recorder = Recorder()
    recorder.gate.clear()
    async with app_of(recorder, clock=VirtualClock()) as app:
        await serve(app)

    assert "1 events were left unhandled" in caplog.text


async def test_web_sockets_are_closed():
    """There is nothing to talk about."""
    sent = []

    async def send(message):
        sent.append(message)

    await app_of(Recorder())({"type": "websocket"}, None, send)

    assert sent == [{"type": "websocket.close", "code": 1000}]


async def test_what_asgi_does_not_know_is_an_error():
    """As its specification asks."""
    with pytest.raises(ValueError, match="'smoke-signal'"):
        await app_of(Recorder())({"type": "smoke-signal"}, None, None)


def test_a_weak_token_is_refused():
    """Before anything is served."""
    with pytest.raises(InvalidFieldError):
        CallbackApp(Recorder(), token="secret")


# --- frameworks -----------------------------------------------------------------------


def client_of(app):
    """A client of an application, without a socket."""
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def mounted_in_fastapi(callbacks, lifespan):
    """The callbacks under a path of FastAPI."""
    app = FastAPI(lifespan=lifespan)
    app.mount("/octopush", callbacks)
    return app


def mounted_in_starlette(callbacks, lifespan):
    """The callbacks under a path of Starlette."""
    return Starlette(routes=[Mount("/octopush", callbacks)], lifespan=lifespan)


@pytest.mark.parametrize("mounted", [mounted_in_fastapi, mounted_in_starlette])
async def test_mounted_it_lives_in_the_lifespan_around_it(mounted):
    """JSON and forms are taken, the rest is as alone."""
    recorder = Recorder()
    callbacks = app_of(recorder)

    @asynccontextmanager
    async def lifespan(_):
        async with callbacks:
            yield

    app = mounted(callbacks, lifespan)
    url = f"/octopush/{TOKEN}"
    async with app.router.lifespan_context(app), client_of(app) as client:
        as_json = await client.post(url, json=receipt(status="ACK"))
        as_form = await client.post(url, data=receipt())
        wrong = await client.post(f"{url}x", json=receipt())
        get = await client.get(url)

    statuses = [one.status_code for one in (as_json, as_form, wrong, get)]
    assert statuses == [200, 200, 404, 405]
    assert as_json.content == b""
    assert recorder.statuses == ["ACK", "DELIVERED"]


async def test_the_example_runs(capsys, monkeypatch):
    """As it stands in the module; the number is masked."""
    monkeypatch.setenv("OCTOPUSH_WEBHOOK_TOKEN", asgi.new_token())
    code = re.search(r"::\n\n((?:    .*\n|\n)+)", asgi.__doc__)[1]
    names = {}
    exec(re.sub("(?m)^    ", "", code), names)  # noqa: S102
    app, url = names["app"], f"/octopush/{names['token']}"
    stop = {"number": "+33600000001", "text": "STOP", "stop_date": "x"}

    async with app.router.lifespan_context(app), client_of(app) as client:
        assert (await client.post(url, json=stop)).status_code == 200

    assert capsys.readouterr().out == (
        "no more messages to OptOut(number='+336****0001', ticket=None, "
        "stop_date=None)\n"
    )
