"""
A POST over aiohttp's connections, without aiohttp's session.

This is a second way of `aiohttp.ClientSession.post`. Two thirds of such a post are
generality: merged headers, redirects, cookies, traces, a task that writes the body, an
object for the response. Here aiohttp makes the head once for each path, from the
session's headers and cookies as well, and it leaves with the body in one piece. Names,
TLS, the pool and the parser stay aiohttp's. The bytes on the wire and the result are
the same: `tests/core/test_direct*.py` compare both ways.

The usual way serves sessions whose requests are watched or replaced, your own sessions
with other settings than headers and cookies, and versions of aiohttp with other
internals; see `Direct.takes`.
"""

from collections.abc import Mapping
from functools import cache
from http.cookies import BaseCookie
from inspect import signature
from operator import itemgetter
from types import FunctionType
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp import hdrs, http_writer
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, getversion
from yarl import URL

from ._deadlines import Deadline
from ._exchange import Witness, read_body
from ._wire import HttpRequest, HttpResponse


MAX_HEADS: Final = 64
"""Heads that are kept; paths may hold arguments, so their number has no bound."""

_PROTOCOL_SWITCH: Final = 101


def own_method(kind: type, name: str) -> FunctionType | None:
    """Return a method of aiohttp, None if a tool replaced it before this import."""
    method = getattr(kind, name)
    # A wrapper may copy the name of the module, but its globals are its own.
    if (
        type(method) is FunctionType
        and method.__globals__["__name__"] == kind.__module__
    ):
        return method
    return None


# Functions that aioresponses, VCR.py and tracers replace, some before this import.
_SESSION_REQUEST: Final = own_method(aiohttp.ClientSession, "_request")
_PUBLIC_REQUEST: Final = own_method(aiohttp.ClientSession, "request")
_REQUEST_SEND: Final = own_method(aiohttp.ClientRequest, "send")

# Settings of a session that change a request or its response, and their attributes.
_SETTINGS: Final = {
    "auth": "_default_auth",
    "proxy": "_default_proxy",
    **{
        name: f"_{name}"
        for name in (
            *("trust_env", "middlewares", "request_class", "response_class", "version"),
            *("read_bufsize", "max_line_size", "max_field_size", "max_headers"),
        )
    },
}
_settings_of: Final = itemgetter(*_SETTINGS.values())

# Others may do anything with a cookie.
_JARS: Final = (aiohttp.CookieJar, aiohttp.DummyCookieJar)

# Undocumented parts of aiohttp in use: by each function, the arguments.
_EXPECTED: Final = (
    (aiohttp.ClientSession, "__init__", set(_SETTINGS)),
    (aiohttp.ClientSession, "_prepare_headers", {"headers"}),
    (aiohttp.BaseConnector, "connect", {"req", "traces", "timeout"}),
    (
        *(aiohttp.ClientRequest, "__init__"),
        {"method", "url", "headers", "skip_auto_headers", "data", "cookies", "loop"}
        | {"session", "ssl"},
    ),
    (http_writer, "_serialize_headers", {"status_line", "headers"}),
    (ResponseHandler, "set_response_params", {"read_until_eof"}),
    (ResponseHandler, "read", set[str]()),
    (Connection, "release", set[str]()),
    (Connection, "close", set[str]()),
)


@cache
def is_known() -> bool:
    """Whether the inside of this aiohttp is the one that this was written for."""
    try:
        return isinstance(Connection.protocol, property) and all(
            names <= set(signature(getattr(owner, name)).parameters)
            for owner, name, names in _EXPECTED
        )
    except (AttributeError, TypeError, ValueError):  # none, or none to be looked into
        return False


@cache
def _defaults() -> tuple[object, ...]:
    parameters = signature(aiohttp.ClientSession.__init__).parameters
    return tuple(parameters[name].default for name in _SETTINGS)


def is_plain(session: aiohttp.ClientSession) -> bool:
    """Whether headers and cookies are all by which this session changes a post."""
    inside, headers = vars(session), session.headers
    try:
        has_defaults = _settings_of(inside) == _defaults()
    except KeyError:
        return False
    return (
        has_defaults
        and type(session) is aiohttp.ClientSession
        and type(session.cookie_jar) in _JARS
        # These decide how a body is written.
        and hdrs.CONTENT_LENGTH not in headers
        and hdrs.EXPECT not in headers
        and hdrs.TRANSFER_ENCODING not in headers
        # A test may replace the method of one session alone.
        and inside.keys().isdisjoint(("request", "_request"))
    )


class Target(aiohttp.ClientRequest):
    """A description of a request for the connector; it is never sent itself."""

    _key: ConnectionKey | None = None

    @property
    def connection_key(self) -> ConnectionKey:
        """Which connections of the pool will do."""
        if self._key is None:
            self._key = super().connection_key
        return self._key


class Head(NamedTuple):
    """
    All that the requests to one path have in common.

    Attributes:
        headers: Headers of the request.
        version: Version of the session's headers.
        cookies: Cookies that the jar of the session has for the path.
        target: For the connector.
        before: The bytes up to the length of the body.
        after: The bytes between it and the body.
    """

    headers: Mapping[str, str]
    version: int
    cookies: BaseCookie[str]
    target: Target
    before: bytes
    after: bytes


class Direct:
    """
    Posts over the connections of one session.

    Args:
        session: A session that the transport opened, or your own.
        ssl: How TLS is verified, None for the authorities of the system.
        is_yours: Whether it is yours, and so may have settings.
    """

    def __init__(
        self, session: aiohttp.ClientSession, ssl: Any, *, is_yours: bool = False
    ) -> None:
        connector = session.connector
        if connector is None:
            msg = "a closed session has no connections"
            raise ValueError(msg)
        self._session, self._connector = session, connector
        self._ssl = True if ssl is None else ssl
        self._is_yours = is_yours
        self._heads: dict[str, Head] = {}

    def takes(self, request: HttpRequest) -> bool:
        """Whether a request can go this way, if no tool watches the session."""
        return (
            request.method == "POST"
            and request.body is not None
            and not request.query
            and aiohttp.ClientSession._request is _SESSION_REQUEST  # noqa: SLF001
            and aiohttp.ClientSession.request is _PUBLIC_REQUEST
            and aiohttp.ClientRequest.send is _REQUEST_SEND
            and not self._session.trace_configs
            and is_known()
            # It would have each request ask for the end of its connection.
            and not self._connector.force_close
            and not (self._is_yours and not is_plain(self._session))
        )

    async def send(  # noqa: PLR0917  # by position, for speed
        self,
        request: HttpRequest,
        url: URL,
        timeout: aiohttp.ClientTimeout,
        witness: Witness,
        deadline: Deadline,
        read_timeout: float,
    ) -> HttpResponse:
        """
        Send a request, and read its response.

        Args:
            request: One that `takes` accepts.
            url: Where it goes.
            timeout: Time limit of connecting.
            witness: Is touched once there is a connection.
            deadline: That of the attempt.
            read_timeout: Maximum seconds without a byte of the body.

        Raises:
            Exception: Any error of aiohttp.
        """
        session = self._session
        version = getversion(session.headers)  # type: ignore[arg-type]  # of any values
        cookies = session.cookie_jar.filter_cookies(url)
        head = self._heads.get(request.path)
        if (
            head is None
            or head.headers is not request.headers
            or head.version != version
            or head.cookies != cookies
        ):
            head = self._make_head(request, url, version, cookies)
        try:
            connection = await self._connector.connect(head.target, [], timeout)
        except TimeoutError as error:
            msg = "Connection timeout"
            raise aiohttp.ConnectionTimeoutError(msg) from error
        witness.is_touched = True
        try:
            protocol = connection.protocol
            transport = None if protocol is None else protocol.transport
            if protocol is None or transport is None or transport.is_closing():
                msg = "Cannot write to closing transport"
                raise aiohttp.ClientConnectionResetError(msg)  # noqa: TRY301
            protocol.set_response_params(read_until_eof=True)
            body = request.body or b""
            transport.write(
                b"%b\r\nContent-Length: %d%b%b"
                % (head.before, len(body), head.after, body)
            )
            while True:
                message, content = await protocol.read()
                status = message.code
                if not 100 <= status < 200 or status == _PROTOCOL_SWITCH:
                    break
            if "Set-Cookie" in message.headers:
                session.cookie_jar.update_cookies_from_headers(
                    message.headers.getall("Set-Cookie"), url
                )
            answer = await read_body(content, status, deadline, read_timeout)
        except HttpProcessingError as error:
            connection.close()
            raise aiohttp.ClientResponseError(
                head.target.request_info, (), status=error.code, message=error.message
            ) from error
        except BaseException:
            connection.close()
            raise
        if transport.get_write_buffer_size():  # it answered before it had heard all
            connection.close()
        else:
            connection.release()
        return HttpResponse(
            status=status, headers=CIMultiDict(message.headers), body=answer
        )

    def _make_head(
        self, request: HttpRequest, url: URL, version: int, cookies: BaseCookie[str]
    ) -> Head:
        session = self._session
        target = Target(
            "POST",
            url,
            headers=session._prepare_headers(request.headers),  # noqa: SLF001
            skip_auto_headers=session.skip_auto_headers or None,
            data=b"-",
            cookies=cookies,
            loop=session._loop,  # noqa: SLF001
            session=session,
            ssl=self._ssl,
        )
        # It refuses a line break in a header.
        data = http_writer._serialize_headers(  # noqa: SLF001
            f"POST {url.raw_path_qs} HTTP/1.1", target.headers
        )
        before, _, after = data.partition(b"\r\nContent-Length: 1")
        head = Head(request.headers, version, cookies, target, before, after)
        if len(self._heads) >= MAX_HEADS:
            self._heads.clear()
        self._heads[request.path] = head
        return head
