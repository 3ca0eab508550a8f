"""Callbacks over aiohttp.web: a real server on loopback, alone and inside another."""

import asyncio
import gzip
import re
import socket
import struct

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from integrations.callbacks import (
    TOKEN,
    Recorder,
    StandingClock,
    body,
    receipt,
)

from aiooctopush import InvalidFieldError
from aiooctopush.integrations import aiohttp_web
from aiooctopush.integrations.aiohttp_web import Limits, create_app
from aiooctopush.sandbox import VirtualClock


def client_of(app):
    """A client of an application on a port of its own."""
    return TestClient(TestServer(app))


def app_of(handler, *, clock=None, **limits):
    """Callbacks with these limits."""
    clock = clock or StandingClock()
    return create_app(handler, token=TOKEN, limits=Limits(**limits), clock=clock)


async def test_a_callback_is_answered_without_a_body_and_handled():
    """Alone, at the token."""
    recorder = Recorder()
    async with client_of(app_of(recorder)) as client:
        answer = await client.post(f"/{TOKEN}", data=body(receipt()))
        assert (answer.status, await answer.read()) == (200, b"")

    assert recorder.statuses == ["DELIVERED"]


async def test_a_form_is_taken_too():
    """With the header that belongs to it."""
    recorder = Recorder()
    async with client_of(app_of(recorder)) as client:
        answer = await client.post(f"/{TOKEN}", data=receipt())
        assert answer.status == 200

    assert recorder.statuses == ["DELIVERED"]


async def test_the_header_decides_where_the_body_does_not():
    """A form that says that it is JSON cannot be read."""
    recorder = Recorder()
    async with client_of(app_of(recorder)) as client:
        headers = {"Content-Type": "application/json"}
        answer = await client.post(f"/{TOKEN}", data=b"visit=1", headers=headers)
        assert answer.status == 200

    assert recorder.events == []


async def test_inside_another_application_it_lives_with_it():
    """Under its prefix, started and drained by it."""
    recorder = Recorder()
    recorder.gate.clear()
    app = web.Application()
    app.add_subapp("/octopush", app_of(recorder))
    async with client_of(app) as client:
        answer = await client.post(f"/octopush/{TOKEN}", data=body(receipt()))
        assert answer.status == 200
        assert recorder.events == []
        recorder.gate.set()

    assert recorder.statuses == ["DELIVERED"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_another_token_is_like_any_other_path(method):
    """The same answer, to the byte."""
    async with client_of(app_of(Recorder())) as client:
        wrong = await client.request(method, f"/{TOKEN}x", data=b"x")
        nowhere = await client.request(method, "/no/where", data=b"x")

        assert (wrong.status, nowhere.status) == (404, 404)
        assert await wrong.read() == await nowhere.read()
        assert set(wrong.headers) == set(nowhere.headers)


async def test_only_post_is_allowed():
    """And the answer says so."""
    async with client_of(app_of(Recorder())) as client:
        answer = await client.put(f"/{TOKEN}", data=body(receipt()))

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_too_much_is_refused_while_it_comes():
    """Whether it says its length or not, and unpacked."""
    recorder = Recorder()

    async def large():
        for _ in range(99):
            yield bytes(1_000)

    async with client_of(app_of(recorder)) as client:
        packed = {"Content-Encoding": "gzip"}
        said = await client.post(f"/{TOKEN}", data=bytes(65_537))
        unsaid = await client.post(f"/{TOKEN}", data=large())
        bomb = await client.post(
            f"/{TOKEN}", data=gzip.compress(bytes(65_537)), headers=packed
        )

    assert [said.status, unsaid.status, bomb.status] == [413, 413, 413]
    assert recorder.events == []


async def test_a_full_queue_is_unavailable():
    """So that the gateway may come again."""
    recorder = Recorder()
    recorder.gate.clear()
    async with client_of(app_of(recorder, queue_size=1)) as client:
        first = await client.post(f"/{TOKEN}", data=body(receipt()))
        second = await client.post(f"/{TOKEN}", data=body(receipt()))
        recorder.gate.set()

    assert [first.status, second.status] == [200, 503]
    assert len(recorder.events) == 1


async def test_what_is_left_at_shutdown_is_logged(caplog):
    """After the time limit."""
    recorder = Recorder()
    recorder.gate.clear()
    async with client_of(app_of(recorder, clock=VirtualClock())) as client:
        await client.post(f"/{TOKEN}", data=body(receipt()))

    assert "1 events were left unhandled" in caplog.text


async def test_broken_compression_is_a_bad_request(caplog):
    """No gateway sends that; and nothing is raised in the server."""
    packed = {"Content-Encoding": "gzip"}
    async with client_of(app_of(Recorder())) as client:
        answer = await client.post(f"/{TOKEN}", data=b"not packed", headers=packed)

    assert answer.status == 400


@pytest.mark.parametrize("length", ["Content-Length: 99", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("how", ["in order", "at once"])
async def test_a_client_that_leaves_half_way_is_forgotten(caplog, length, how):
    """Nothing is handled, and nothing is logged as an error."""
    ended = asyncio.Event()
    app = app_of(Recorder())

    @web.middleware
    async def watch(request, handler):
        asyncio.current_task().add_done_callback(lambda _: ended.set())
        began.set()
        return await handler(request)

    began = asyncio.Event()
    app.middlewares.append(watch)
    # As it is run, and not by aiohttp's tools for tests, which take more for granted.
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _, writer = await asyncio.open_connection(*runner.addresses[0])
    head = f"POST /{TOKEN} HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n"
    writer.write(head.encode() + b"1\r\n{\r\n")
    await began.wait()
    if how == "at once":
        reset = struct.pack("ii", 1, 0)
        our_socket = writer.get_extra_info("socket")
        our_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()
    else:
        writer.close()
    await ended.wait()
    await runner.cleanup()

    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


def test_a_weak_token_is_refused():
    """Before an application is made."""
    with pytest.raises(InvalidFieldError):
        create_app(Recorder(), token="secret")


async def test_the_example_runs(capsys, monkeypatch):
    """As it stands in the module; the number is masked."""
    monkeypatch.setenv("OCTOPUSH_WEBHOOK_TOKEN", aiohttp_web.new_token())
    code = re.search(r"::\n\n((?:    .*\n|\n)+)", aiohttp_web.__doc__)[1]
    names = {}
    exec(re.sub("(?m)^    ", "", code), names)  # noqa: S102
    stop = {"number": "+33600000001", "text": "STOP", "stop_date": "x"}

    async with client_of(names["app"]) as client:
        answer = await client.post(f"/octopush/{names['token']}", data=body(stop))
        assert answer.status == 200

    assert capsys.readouterr().out == (
        "no more messages to OptOut(number='+336****0001', ticket=None, "
        "stop_date=None)\n"
    )
