"""A post over aiohttp's connections: the same to the byte as over aiohttp's session."""

import functools

import aiohttp
import attrs
import pytest
from aioresponses import aioresponses
from direct_ways import ANSWER, HEADERS, SEND, a_server, transport_to, way
from hypothesis import example, given
from hypothesis import strategies as st

from aiooctopush import OctopushError, _direct
from aiooctopush._direct import MAX_HEADS, Direct
from aiooctopush._exchange import WatchedPayload
from aiooctopush.errors import InvalidResponseError, NotSentError, UnknownOutcomeError


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
