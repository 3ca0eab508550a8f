"""A post over aiohttp's connections: the same to the byte as over aiohttp's session."""

import asyncio
import functools
import struct
import time
import warnings
from contextlib import asynccontextmanager
from operator import attrgetter
from socket import SO_LINGER, SOL_SOCKET
from types import SimpleNamespace

import aiohttp
import attrs
import pytest
from aioresponses import aioresponses
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from aiooctopush import OctopushError, _direct
from aiooctopush._direct import MAX_HEADS, Direct
from aiooctopush._exchange import WatchedPayload
from aiooctopush._wire import HttpRequest
from aiooctopush.errors import (
    Backoff,
    InvalidResponseError,
    NotSentError,
    UnknownOutcomeError,
)
from aiooctopush.transport import AiohttpTransport


HEADERS = {"api-key": "canary-key", "content-type": "application/json"}
SEND = HttpRequest(
    method="POST", path="/v1/public/sms-campaign/send", headers=HEADERS, body=b"{}"
)
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def a_server(answer=ANSWER, *, ends=False, hears=None):
    """
    A server that gives one answer to every body; port and what it received.

    Args:
        answer: Its bytes.
        ends: Whether it closes the connection after it: "reset", or in order.
        hears: How many bytes it reads before it answers; all if None.
    """
    received, open_ones = [], set()

    async def serve(reader, writer):
        open_ones.add(writer)
        number = len(received)
        received.append(b"")
        while chunk := await reader.read(hears or 65_536):
            received[number] += chunk
            if hears or received[number].endswith(b"}"):
                writer.write(answer)
                if ends or hears:
                    break
        if hears:
            await asyncio.Event().wait()
        if ends == "reset":
            linger = struct.pack("ii", 1, 0)
            socket = writer.get_extra_info("socket")
            socket.setsockopt(SOL_SOCKET, SO_LINGER, linger)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        try:
            yield listening.sockets[0].getsockname()[1], received
        finally:
            for writer in open_ones:
                writer.transport.abort()


@asynccontextmanager
async def transport_to(port, *, path="", **options):
    """A transport that is closed in the end."""
    transport = AiohttpTransport(f"http://127.0.0.1:{port}{path}", **options)
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def way(name):
    """Have posts take one way; the list has the paths of those that were direct."""
    taken, send = [], Direct.send

    async def noticed(self, request, *arguments):
        taken.append(request.path)
        return await send(self, request, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Direct, "send", noticed)
        if name == "usual":
            patch.setattr(_direct, "is_known", lambda: False)
        yield taken


async def exchange(name, requests, **options):
    """What requests in turn put on the wire, the port left out."""
    async with (
        way(name) as taken,
        a_server() as (port, received),
        transport_to(port, **options) as transport,
    ):
        for request in requests:
            response = await transport.send(request)
            assert (response.status, response.body) == (201, b"{}")
    assert len(taken) == (len(requests) if name == "direct" else 0)
    return [one.replace(b"%d" % port, b"1") for one in received]


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param([SEND], id="one"),
        pytest.param([SEND, SEND], id="two over one connection"),
        pytest.param([attrs.evolve(SEND, body=b"{%b}" % (b" " * 4_095))], id="long"),
        pytest.param([attrs.evolve(SEND, body=b"{%b}" % (b" " * 300_000))], id="huge"),
        pytest.param([SEND, attrs.evolve(SEND, path="/v1/a%20b?c=d")], id="two paths"),
        pytest.param(
            [SEND, attrs.evolve(SEND, headers=HEADERS | {"api-key": "other-key"})],
            id="two keys",
        ),
    ],
)
@pytest.mark.parametrize("path", ["", "/prefix"])
async def test_the_same_bytes_leave_over_one_connection(requests, path):
    """Which way a request went cannot be seen from outside."""
    direct = await exchange("direct", requests, path=path)
    usual = await exchange("usual", requests, path=path)

    assert direct == usual
    assert len(direct) == 1
    assert direct[0].count(b"POST ") == len(requests)


HOST = "http://127.0.0.1"
KEEP = "cookie_jar.update_cookies_from_headers"
OTHER = attrs.evolve(SEND, path="/v1/other")
BARE = attrs.evolve(SEND, headers={"Api-Key": "canary-key"}, body=b"{  }")
NAMES = st.sampled_from(
    [
        *("X-Service", "x-service", "API-KEY", "api-key", "Content-Type", "accept"),
        *("Accept-Encoding", "User-Agent", "user-agent", "Host", "host", "Cookie"),
        *("Authorization", "Connection", "Content-Encoding", "Set-Cookie", "Upgrade"),
    ]
)
VALUES = st.sampled_from(["shop", "a=b; node=1", "close", "gzip", "café\t", ""])
COOKIES = st.lists(
    st.sampled_from(
        [
            *("node=7", "node=8; Path=/", "a=1; Path=/v1", "a=2; Path=/v1/", "b=3"),
            *("a=4; Path=/other", "b=5; Secure; Path=/", "node=; Max-Age=0; Path=/"),
            *('c="quoted, 6"; Path=/', "d=7; Domain=example.org; Path=/"),
            "e=8; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/",
        ]
    ),
    max_size=3,
)
URLS = st.sampled_from([f"{HOST}/v1/public/x", HOST, "http://example.org/v1/x"])
JARS = st.sampled_from(
    [
        *(lambda: aiohttp.CookieJar(unsafe=True), aiohttp.DummyCookieJar),
        *(
            aiohttp.CookieJar,
            lambda: aiohttp.CookieJar(unsafe=True, quote_cookie=False),
        ),
    ]
)
# The name of a method of the session, and its arguments.
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("headers.add"), NAMES, VALUES),
        st.tuples(st.just("headers.__setitem__"), NAMES, VALUES),
        st.tuples(st.just("headers.popall"), NAMES, st.none()),
        st.tuples(
            *(st.just(KEEP), COOKIES, URLS.map(URL)),
        ),
        st.tuples(st.just("cookie_jar.update_cookies"), st.just({"node": "shared"})),
        st.tuples(st.just("cookie_jar.clear")),
    ),
    max_size=3,
)
REQUESTS = st.sampled_from([SEND, OTHER, BARE])


async def with_settings(name, jar, settings, steps, brings):
    """
    What leaves over a session of yours, and the cookies that it then has.

    Args:
        name: That of the way.
        jar: Makes its cookie jar.
        settings: Others of it.
        steps: Changes of it, each with the request that follows them.
        brings: Cookies that each response sets.
    """
    lines = b"".join(b"\r\nSet-Cookie: %b" % one.encode() for one in brings)
    async with (
        way(name) as taken,
        a_server(ANSWER.replace(b"\r\n\r\n", lines + b"\r\n\r\n")) as (port, received),
        aiohttp.ClientSession(cookie_jar=jar(), **settings) as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        for changes, request in steps:
            for method, *arguments in changes:
                attrgetter(method)(yours)(*arguments)
            assert (await transport.send(request)).status == 201
        assert len(taken) == (len(steps) if name == "direct" else 0)
        return (
            [one.replace(b"%d" % port, b"1") for one in received],
            sorted((one.key, one.value) for one in yours.cookie_jar),
        )


@example(
    jar=aiohttp.CookieJar,
    headers=[
        ("Host", "shop"),
        ("api-key", "a"),
        ("API-Key", "b"),
        ("x", "1"),
        ("X", "2"),
    ],
    skipped=["accept", "content-type"],
    steps=[
        ([], SEND),
        ([("headers.__setitem__", "x", "3")], SEND),
        ([("headers.popall", "Host", None)], BARE),
    ],
    brings=[],
)
@example(
    jar=lambda: aiohttp.CookieJar(unsafe=True),
    headers=[("cookie", "a=0; z=0")],
    skipped=[],
    steps=[
        ([(KEEP, ["a=1; Path=/v1", "b=2; Secure"], URL(HOST))], SEND),
        ([(KEEP, ["a=2; Path=/v1"], URL(HOST))], SEND),
        ([(KEEP, ["a=3; Path=/v1"], URL(HOST))], SEND),
        ([(KEEP, ["c=3; Path=/v1/other"], URL(HOST))], OTHER),
        ([("cookie_jar.clear",)], SEND),
    ],
    brings=["node=7"],
)
@given(
    jar=JARS,
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=4),
    skipped=st.lists(NAMES, max_size=2),
    steps=st.lists(st.tuples(CHANGES, REQUESTS), min_size=1, max_size=4),
    brings=COOKIES,
)
async def test_both_ways_send_what_a_session_adds(jar, headers, skipped, steps, brings):
    """Its headers and cookies as they are at each post, byte by byte."""
    settings = {"headers": headers, "skip_auto_headers": skipped}

    direct = await with_settings("direct", jar, settings, steps, brings)

    assert direct == await with_settings("usual", jar, settings, steps, brings)


async def ending(name, answer, ends):
    """
    What a transport makes of an answer: its fields, or class and words.

    And the cookies that a session of yours then has.
    """
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        way(name),
        a_server(answer, ends=ends) as (port, _),
        aiohttp.ClientSession(cookie_jar=jar) as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        try:
            response = await transport.send(SEND)
        except OctopushError as error:
            problem = error.problem.replace(str(port), "1")
            said = type(error), problem, error.backoff, error.status, error.outcome
        else:
            said = response.status, dict(response.headers), response.body
        return said, {one.key: one.value for one in jar}


LINES = st.sampled_from(
    [
        *(b"Content-Length: 2", b"Content-Length: 9", b"content-length: x"),
        *(b"Transfer-Encoding: chunked", b"Content-Encoding: gzip", b"Date: now"),
        *(b"Connection: close", b"Connection: keep-alive", b"Set-Cookie: a=b"),
        *(b"no colon", b"Location: /elsewhere", b"Content-Type: text/html", b""),
    ]
)
STATUSES = st.sampled_from([100, 101, 103, 199, 200, 204, 302, 304, 400, 500, 999])
BODIES = st.sampled_from(
    [
        *(b"{}", b"", b"2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}", b"HTTP/1.1 200 OK\r\n\r\n"),
        *(b"{" + b" " * 70_000 + b"}", b"zz\r\n", ANSWER),
    ]
)


@example(versions=b"HTTP/1.1", status=103, lines=[], body=ANSWER, ends="in order")
@given(
    versions=st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"garbage"]),
    status=STATUSES,
    lines=st.lists(LINES, max_size=3),
    body=BODIES,
    ends=st.sampled_from(["reset", "in order"]),
)
async def test_both_ways_make_the_same_of_an_answer(
    versions, status, lines, body, ends
):
    """Result, class of error, words and backoff, whatever the gateway answers."""
    answer = b"%b %d Word\r\n%b\r\n%b" % (
        *(versions, status),
        *(b"".join(line + b"\r\n" for line in lines), body),
    )
    if ends == "reset":
        # What had arrived before a reset depends on luck: let nothing arrive.
        answer = b""

    assert await ending("direct", answer, ends) == await ending("usual", answer, ends)


async def test_what_is_no_post_of_our_own_goes_the_usual_way():
    """So does a post on a fresh connection, for which nothing was measured."""
    requests = [
        attrs.evolve(SEND, method="GET", body=None),
        attrs.evolve(SEND, method="PUT"),
        attrs.evolve(SEND, query=(("a", "b"),)),
        attrs.evolve(SEND, body=None),
        attrs.evolve(SEND, fresh_connection=True),
    ]
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with way("direct") as taken:
        for request in requests:
            async with (
                a_server(answer, hears=1) as (port, _),
                transport_to(port) as transport,
            ):
                assert (await transport.send(request)).status == 200

    assert taken == []


async def test_a_proxy_goes_the_usual_way():
    """There a post needs another head."""
    async with (
        way("direct") as taken,
        a_server() as (port, received),
        transport_to(9, proxy=f"http://127.0.0.1:{port}") as by_proxy,
    ):
        await by_proxy.send(SEND)

    assert taken == []
    assert received[0].split()[1] == b"http://127.0.0.1:9/v1/public/sms-campaign/send"


class ACookieJar(aiohttp.CookieJar):
    """One of somebody's own, who may choose other cookies."""


class ARequest(aiohttp.ClientRequest):
    """One of somebody's own."""


class AResponse(aiohttp.ClientResponse):
    """One of somebody's own."""


async def as_it_was(request, send):
    """A middleware."""
    return await send(request)


@pytest.mark.parametrize(
    ("settings", "is_direct"),
    [
        ({}, True),
        ({"timeout": aiohttp.ClientTimeout(total=9)}, True),
        ({"raise_for_status": True}, True),
        ({"auto_decompress": False}, True),
        ({"base_url": "http://127.0.0.1:9"}, True),
        ({"headers": {"x-shop": "Acme"}}, True),
        ({"headers": {"content-length": "2"}}, False),
        ({"headers": {"expect": "nothing"}}, False),
        ({"headers": {"transfer-encoding": "chunked"}}, False),
        ({"cookies": {"a": "b"}}, True),
        ({"skip_auto_headers": ["User-Agent"]}, True),
        ({"middlewares": [as_it_was]}, False),
        ({"trace_configs": [aiohttp.TraceConfig()]}, False),
        ({"trust_env": True}, False),
        ({"request_class": ARequest}, False),
        ({"response_class": AResponse}, False),
        ({"version": aiohttp.HttpVersion10}, False),
        ({"read_bufsize": 1_000}, False),
        ({"max_line_size": 1_000}, False),
        ({"max_field_size": 1_000}, False),
        ({"max_headers": 50}, False),
    ],
)
async def test_a_session_of_yours_is_asked_if_it_has_settings(settings, is_direct):
    """Other ones than headers and cookies change how a post leaves, or its result."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        way("direct") as taken,
        a_server() as (port, received),
        aiohttp.ClientSession(cookie_jar=jar, **settings) as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        assert (await transport.send(SEND)).status == 201

    assert (len(taken), len(received)) == (int(is_direct), 1)


async def test_a_kind_of_session_of_your_own_is_asked():
    """It may do anything with a request."""
    with pytest.warns(DeprecationWarning, match="discouraged"):

        class Session(aiohttp.ClientSession):
            async def _request(self, method, url, **options):
                return await super()._request(method, f"{url}?own=1", **options)

    async with (
        way("direct") as taken,
        a_server() as (port, received),
        Session() as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        await transport.send(SEND)

    assert taken == []
    assert b"/send?own=1 " in received[0]


async def test_a_jar_of_your_own_is_asked():
    """It may change its cookies without a trace."""
    async with (
        way("direct") as taken,
        a_server() as (port, received),
        aiohttp.ClientSession(cookie_jar=ACookieJar()) as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        await transport.send(SEND)

    assert (len(taken), len(received)) == (0, 1)


async def test_a_session_that_keeps_no_connection_says_so():
    """The gateway may then close it."""
    async with (
        way("direct") as taken,
        a_server() as (port, received),
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True)
        ) as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        await transport.send(SEND)
        await transport.send(SEND)

    assert taken == []
    assert [b"\r\nConnection: close\r\n" in one for one in received] == [True, True]


async def test_a_default_login_of_your_session_is_used():
    """With a header of the same name it is an error, which aiohttp states."""
    with warnings.catch_warnings(action="ignore"):  # deprecated by aiohttp
        login = aiohttp.BasicAuth("Aladdin", "open sesame")
        yours = aiohttp.ClientSession(auth=login)
    async with (
        way("direct") as taken,
        a_server() as (port, received),
        yours,
        transport_to(port, client_session=yours) as transport,
    ):
        await transport.send(SEND)

    assert taken == []
    assert b"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" in received[0]


async def test_who_replaces_a_method_of_one_session_is_asked():
    """As a test may do it, at any time."""
    async with (
        way("direct") as taken,
        a_server() as (port, _),
        aiohttp.ClientSession() as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        await transport.send(SEND)
        assert len(taken) == 1
        for name in ("request", "_request"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(yours, name, getattr(yours, name), raising=False)
                await transport.send(SEND)
                patch.undo()
                vars(yours).pop(name, None)

    assert len(taken) == 1


async def test_a_default_proxy_of_your_session_is_used():
    """It is the only way out of some networks."""
    async with (
        way("direct") as taken,
        a_server() as (port, received),
        aiohttp.ClientSession(proxy=f"http://127.0.0.1:{port}") as yours,
        transport_to(9, client_session=yours) as transport,
    ):
        await transport.send(SEND)

    assert (len(taken), len(received)) == (0, 1)


@pytest.mark.parametrize("name", ["direct", "usual"])
async def test_cookies_of_the_gateway_come_back_to_it(name):
    """As a balancer wants that keeps a client at one machine."""
    answer = ANSWER.replace(b"\r\n\r\n", b"\r\nSet-Cookie: node=7; Path=/\r\n\r\n")
    async with (
        way(name) as taken,
        a_server(answer) as (port, received),
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        await transport.send(SEND)
        await transport.send(SEND)

    assert len(taken) == (2 if name == "direct" else 0)
    first, second = received[0].split(b"{}", 1)
    assert b"Cookie: node=7" not in first
    assert b"Cookie: node=7" in second


@pytest.mark.parametrize("name", ["direct", "usual"])
async def test_a_cookie_ends_in_time(name):
    """Though nothing happened to the jar."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        way(name),
        a_server() as (port, received),
        aiohttp.ClientSession(cookie_jar=jar) as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        jar.update_cookies_from_headers(["a=1; Max-Age=10; Path=/"], URL(HOST))
        await transport.send(SEND)
        with pytest.MonkeyPatch.context() as patch:
            later = time.time() + 11
            patch.setattr(
                aiohttp.cookiejar, "time", SimpleNamespace(time=lambda: later)
            )
            await transport.send(SEND)

    assert received[0].count(b"Cookie: a=1\r\n") == 1


async def test_no_cookie_comes_into_our_own_session():
    """It has nothing to do with what the gateway accepts."""
    answer = ANSWER.replace(b"\r\n\r\n", b"\r\nSet-Cookie: node=7; Path=/\r\n\r\n")
    async with (
        way("direct") as taken,
        a_server(answer) as (port, received),
        transport_to(port) as transport,
    ):
        await transport.send(SEND)
        await transport.send(SEND)

    assert len(taken) == 2
    assert b"Cookie: node" not in received[0]


async def test_who_stands_in_for_a_session_is_asked():
    """aioresponses, and whoever replaces the method that is documented."""
    asked = []

    async def request(_, method, url, **__):
        asked.append((method, str(url)))
        raise aiohttp.ServerDisconnectedError

    async with way("direct") as taken, transport_to(9) as transport:
        with aioresponses() as server:
            server.post(f"http://127.0.0.1:9{SEND.path}", status=201, body="{}")
            assert (await transport.send(SEND)).status == 201
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(aiohttp.ClientSession, "request", request)
            with pytest.raises(UnknownOutcomeError):
                await transport.send(SEND)

    assert taken == []
    assert asked == [("POST", f"http://127.0.0.1:9{SEND.path}")]


async def test_who_replaces_how_a_request_is_written_is_asked():
    """As agents do that add a header to each request."""
    write = aiohttp.ClientRequest.send

    async def marked(self, conn):
        self.headers["x-trace"] = "1"
        return await write(self, conn)

    async with (
        way("direct") as taken,
        a_server() as (port, received),
        transport_to(port) as transport,
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(aiohttp.ClientRequest, "send", marked)
            await transport.send(SEND)

    assert taken == []
    assert b"x-trace: 1" in received[0]


async def test_who_traces_a_session_sees_its_requests():
    """Tracers add their hooks to each session that is opened."""
    seen = []

    async def started(_, __, params):
        seen.append(params.method)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(started)
    trace.freeze()
    async with (
        way("direct") as taken,
        a_server() as (port, _),
        transport_to(port) as transport,
    ):
        transport._session(fresh=False).trace_configs.append(trace)
        await transport.send(SEND)

    assert (taken, seen) == ([], ["POST"])


async def test_an_answer_before_all_was_heard_ends_the_connection():
    """The rest of that request would be read as the head of the next one."""
    async with (
        way("direct") as taken,
        a_server(hears=10) as (port, received),
        transport_to(port) as transport,
    ):
        huge = attrs.evolve(SEND, body=b"{%b}" % (b" " * 20_000_000))
        assert (await transport.send(huge)).status == 201
        assert (await transport.send(huge)).status == 201

    assert (len(taken), len(received)) == (2, 2)


async def test_a_connection_that_just_closed_carries_nothing():
    """That a post never left is not proven by it: aiohttp's session says the same."""
    async with (
        way("direct") as taken,
        a_server() as (port, received),
        transport_to(port) as transport,
    ):
        await transport.send(SEND)
        connect = aiohttp.TCPConnector.connect

        async def closing(*arguments):
            connection = await connect(*arguments)
            connection.protocol.transport.close()
            return connection

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(aiohttp.TCPConnector, "connect", closing)
            with pytest.raises(UnknownOutcomeError) as caught:
                await transport.send(SEND)

    assert str(caught.value).startswith("the connection failed")
    assert (len(taken), len(received), received[0].count(b"POST")) == (2, 1, 1)


async def test_connecting_too_long_is_said_in_the_same_words():
    """Nothing was sent, and it was the connection that took the time."""

    async def stalling(*_, **__):
        raise TimeoutError

    problems = []
    for name in ("direct", "usual"):
        async with way(name), transport_to(9) as transport:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(aiohttp.TCPConnector, "connect", stalling)
                with pytest.raises(NotSentError) as caught:
                    await transport.send(SEND)
                problems.append(caught.value.problem)

    assert (
        problems
        == ["no connection to 127.0.0.1:9 in time (ConnectionTimeoutError)"] * 2
    )


@pytest.mark.parametrize("name", ["direct", "usual"])
@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0b", "a\x01b", 5])
async def test_a_header_of_your_session_that_is_none_is_never_sent(name, value):
    """Both ways say so in the same words, until it is gone."""
    async with (
        way(name),
        a_server() as (port, received),
        aiohttp.ClientSession() as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        await transport.send(SEND)
        yours.headers["x-shop"] = value
        with pytest.raises(NotSentError) as caught:
            await transport.send(SEND)
        assert b"".join(received).count(b"POST") == 1
        del yours.headers["x-shop"]
        await transport.send(SEND)

    kind = "TypeError" if value == 5 else "ValueError"
    assert caught.value.problem == f"sending failed unexpectedly ({kind})"
    assert caught.value.backoff is Backoff.NEVER
    assert b"".join(received).count(b"POST") == 2


@pytest.mark.parametrize("sign", ["\r", "\n", "\0"])
async def test_a_header_with_a_line_break_is_never_sent(sign):
    """It would be two headers."""
    request = attrs.evolve(SEND, headers={"api-key": f"canary{sign}b: c"})
    async with (
        way("direct"),
        a_server() as (port, received),
        transport_to(port) as transport,
    ):
        with pytest.raises(NotSentError) as caught:
            await transport.send(request)

    assert received == []
    assert "canary" not in str(caught.value)


async def test_a_head_is_made_once():
    """Merging headers and cookies for each post is what this way saves."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        a_server() as (port, _),
        aiohttp.ClientSession(cookie_jar=jar, headers={"x-shop": "Acme"}) as yours,
        transport_to(port, client_session=yours) as transport,
    ):
        jar.update_cookies({"node": "7"}, URL(HOST))
        heads = []
        for _ in range(2):
            await transport.send(SEND)
            heads += transport._direct._heads.values()

    first, second = heads
    assert first is second


async def test_heads_are_kept_for_a_few_paths():
    """Paths may hold arguments, so there is no end to them."""
    async with (
        way("direct"),
        a_server() as (port, received),
        transport_to(port) as transport,
    ):
        for number in range(MAX_HEADS + 1):
            await transport.send(attrs.evolve(SEND, path=f"/{number}"))

        assert len(transport._direct._heads) == 1
    assert received[0].count(b"POST /") == MAX_HEADS + 1


async def test_what_was_not_read_is_given_up_with_its_connection():
    """Of a GET, which goes the usual way, as well."""
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b" " * 9_000_000
    async with a_server(long, hears=1) as (port, _), transport_to(port) as transport:
        with pytest.raises(InvalidResponseError):
            await transport.send(attrs.evolve(SEND, method="GET", body=None))

        assert not transport._pools.get(fresh=False).connector._acquired


async def test_only_a_connection_asks_for_a_body():
    """So an attempt that failed before it was not sent."""
    payload = WatchedPayload(b"{}")

    assert not payload.is_touched
    async with a_server() as (port, _), aiohttp.ClientSession() as session:
        await session.post(f"http://127.0.0.1:{port}", data=payload)

    assert payload.is_touched


async def test_a_closed_session_has_no_connections():
    """Nobody asks for it; but if so, it is said at once."""
    session = aiohttp.ClientSession()
    await session.close()

    with pytest.raises(ValueError, match="closed session"):
        Direct(session, None)


class Replaced:
    """As tracers wrap a method: it pretends to be that method."""

    __module__ = "aiohttp.client"
    __globals__ = vars(aiohttp.client)

    def __call__(self):
        """Call it."""


def test_who_replaced_a_method_before_us_is_seen():
    """Agents do it while aiohttp is imported, which is before this package."""

    class Watched(aiohttp.ClientSession.__base__):
        __module__ = "aiohttp.client"
        wrapped = functools.wraps(aiohttp.ClientSession._request)(lambda: None)
        replaced = Replaced()

    assert _direct.own_method(Watched, "wrapped") is None
    assert _direct.own_method(Watched, "replaced") is None
    for kind, name in (
        (aiohttp.ClientSession, "_request"),
        (aiohttp.ClientSession, "request"),
        (aiohttp.ClientRequest, "send"),
    ):
        assert _direct.own_method(kind, name) is getattr(kind, name)


# --- aiohttp's inside -----------------------------------------------------------------


async def another_connect(self, request, timeout):
    """As in an aiohttp that does not exist yet."""


@pytest.mark.parametrize(
    ("owner", "name", "instead", "known"),
    [
        (_direct, "MAX_HEADS", 1, True),
        (aiohttp.BaseConnector, "connect", another_connect, False),
        (_direct.ResponseHandler, "read", None, False),
        (_direct.ResponseHandler, "set_response_params", another_connect, False),
        (_direct.Connection, "protocol", None, False),
        (_direct.Connection, "release", None, False),
        (_direct.Connection, "close", None, False),
        (aiohttp.ClientRequest, "__init__", another_connect, False),
        (aiohttp.ClientSession, "__init__", another_connect, False),
        (aiohttp.ClientSession, "_prepare_headers", another_connect, False),
        (_direct.http_writer, "_serialize_headers", another_connect, False),
        (_direct.http_writer, "_serialize_headers", dict.update, False),
    ],
)
def test_another_inside_is_not_known(owner, name, instead, known, monkeypatch):
    """Then posts go the usual way."""
    monkeypatch.setattr(owner, name, instead)

    assert _direct.is_known.__wrapped__() is known


def test_a_session_without_a_setting_is_not_known():
    """Nobody knows what came in its place."""
    assert not _direct.is_plain(SimpleNamespace(headers={}))
