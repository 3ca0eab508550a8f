"""A short body that leaves at once: the same bytes as from aiohttp, and no task."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest

from aiooctopush._eager import SHORT, EagerRequest, WatchedPayload
from aiooctopush.transport import AiohttpTransport


TARGET = "http://gateway.test/send?to=%2B33"
HEADERS = {"api-key": "canary-key", "content-type": "application/json"}
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
USUAL = aiohttp.ClientRequest


@asynccontextmanager
async def a_server(received):
    """A server that answers everything, also as a proxy; its port is given."""

    async def serve(reader, writer):
        received.append(b"")
        while chunk := await reader.read(65_536):
            received[-1] += chunk
            if received[-1].endswith(b"}"):
                writer.write(ANSWER)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


class Counted(EagerRequest):
    """Counts the tasks that write a body."""

    count = 0

    async def write_bytes(self, *arguments, **options):
        """See `aiohttp.ClientRequest.write_bytes`."""
        Counted.count += 1
        await super().write_bytes(*arguments, **options)


async def exchange(request_class, body, *, method="POST", by_proxy=False):
    """What two requests put on the wire, the port left out."""
    received = []
    async with (
        a_server(received) as port,
        aiohttp.ClientSession(request_class=request_class) as session,
    ):
        at = TARGET if by_proxy else TARGET.replace("gateway.test", f"127.0.0.1:{port}")
        proxy = f"http://127.0.0.1:{port}" if by_proxy else None
        for _ in range(2):
            payload = WatchedPayload(body)
            response = await session.request(
                method, at, data=payload, headers=HEADERS, proxy=proxy
            )
            assert (response.status, await response.read()) == (201, b"{}")
    return [one.replace(b"%d" % port, b"1") for one in received]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"body": b"{}"}, id="short"),
        pytest.param({"body": b"{}", "method": "PUT"}, id="of another method"),
        pytest.param({"body": b"{%b}" % (b" " * (SHORT - 2))}, id="just short"),
        pytest.param({"body": b"{%b}" % (b" " * (SHORT - 1))}, id="long"),
        pytest.param({"body": b"{%b}" % (b" " * 300_000)}, id="very long"),
        pytest.param({"body": b"{}", "by_proxy": True}, id="by a proxy"),
    ],
)
async def test_the_same_bytes_leave_over_one_connection(case):
    """Which way a request went cannot be seen from outside."""
    eager = await exchange(EagerRequest, **case)
    usual = await exchange(USUAL, **case)

    assert eager == usual
    assert len(eager) == 1
    assert eager[0].count(b"canary-key") == 2


@pytest.mark.parametrize(
    ("size", "writers"), [(2, 0), (SHORT, 0), (SHORT + 1, 2)], ids=str
)
async def test_a_short_body_needs_no_task(size, writers, monkeypatch):
    """A longer one has one, so that a response can come before all was taken."""
    monkeypatch.setattr(Counted, "count", 0)

    await exchange(Counted, b"{%b}" % (b" " * (size - 2)))

    assert Counted.count == writers


async def test_only_a_connection_asks_for_a_body():
    """So an attempt that failed before it was not sent."""
    payload = WatchedPayload(b"{}")
    received = []

    assert not payload.is_touched
    async with (
        a_server(received) as port,
        aiohttp.ClientSession(request_class=EagerRequest) as session,
    ):
        await session.post(f"http://127.0.0.1:{port}", data=payload)

    assert payload.is_touched


async def test_a_get_goes_as_it_always_did():
    """It has no body that could leave at once."""
    received = []

    async def serve(reader, writer):
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        for request_class in (EagerRequest, USUAL):
            async with aiohttp.ClientSession(request_class=request_class) as session:
                await session.get(f"http://127.0.0.1:{port}/balance", headers=HEADERS)

    eager, usual = received
    assert eager == usual


async def test_our_own_sessions_use_it_where_connections_are_kept():
    """A fresh connection is closed after its request, and goes as it always did."""
    transport = AiohttpTransport("http://gateway.test")
    kept = transport._session(fresh=False)
    fresh = transport._session(fresh=True)
    await transport.close()

    assert (kept._request_class, fresh._request_class) == (EagerRequest, USUAL)
