"""A post over a session of yours: its headers and cookies, and what it leaves alone."""

import time
import warnings
from operator import attrgetter
from types import SimpleNamespace

import aiohttp
import attrs
import pytest
from direct_ways import ANSWER, SEND, a_server, transport_to, way
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from aiooctopush import _direct
from aiooctopush.errors import Backoff, NotSentError


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


def test_a_session_without_a_setting_is_not_known():
    """Nobody knows what came in its place."""
    assert not _direct.is_plain(SimpleNamespace(headers={}))
