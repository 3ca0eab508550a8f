"""
A POST over aiohttp's connections, without aiohttp's session.

This is a second way of `aiohttp.ClientSession.post`, for sessions without settings that
change a request. Two thirds of such a post are generality: merged headers, redirects,
cookies, traces, a task that writes the body, an object for the response. Here aiohttp
makes the head once for each path, and it leaves with the body in one piece. Names, TLS,
the pool and the parser stay aiohttp's. The bytes on the wire and the result are the
same: `tests/core/test_direct.py` compares both ways.

The usual way serves sessions whose requests are watched or replaced, your own sessions
with settings, and versions of aiohttp with other internals; see `Direct.takes`.
"""

from collections.abc import Mapping
from functools import cache
from inspect import signature
from types import FunctionType
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
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

# Settings of a session that change a request or its response.
_NOT_GIVEN: Final = (
    *("_default_auth", "_default_headers", "_default_proxy", "_trust_env"),
    *("_skip_auto_headers", "_middlewares"),
)
_AS_BY_DEFAULT: Final = (
    *("request_class", "response_class", "version", "read_bufsize"),
    *("max_line_size", "max_field_size", "max_headers"),
)
_JARS: Final = (aiohttp.CookieJar, aiohttp.DummyCookieJar)

# Undocumented parts of aiohttp in use: by each function, the arguments.
_EXPECTED: Final = (
    (aiohttp.ClientSession, "__init__", set(_AS_BY_DEFAULT)),
    (aiohttp.BaseConnector, "connect", {"req", "traces", "timeout"}),
    (
        *(aiohttp.ClientRequest, "__init__"),
        {"method", "url", "headers", "data", "loop", "session", "ssl"},
    ),
    (ResponseHandler, "set_response_params", {"read_until_eof"}),
    (ResponseHandler, "read", set[str]()),
    (Connection, "release", set[str]()),
    (Connection, "close", set[str]()),
)


@cache
def is_known() -> bool:
    """Whether the inside of this aiohttp is the one that this was written for."""
    functions = [(getattr(kind, name, None), names) for kind, name, names in _EXPECTED]
    return isinstance(getattr(Connection, "protocol", None), property) and all(
        callable(function) and names <= set(signature(function).parameters)
        for function, names in functions
    )


@cache
def _defaults() -> tuple[tuple[str, object], ...]:
    parameters = signature(aiohttp.ClientSession.__init__).parameters
    return tuple((f"_{name}", parameters[name].default) for name in _AS_BY_DEFAULT)


def is_plain(session: aiohttp.ClientSession) -> bool:
    """
    Whether a post of this session is like one of a session without any settings.

    Cookies that a response brings are kept. Once there are some, aiohttp has to choose
    those of a request.
    """
    has = vars(session).get
    return (
        type(session) is aiohttp.ClientSession
        and type(session.cookie_jar) in _JARS
        and not len(session.cookie_jar)
        and not any(has(name, "unknown") for name in _NOT_GIVEN)
        and all(has(name) == default for name, default in _defaults())
        # A test may replace the method of one session alone.
        and has("request") is has("_request") is None
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
    """All that the requests to one path have in common."""

    headers: Mapping[str, str]
    target: Target
    data: bytes


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
            and not (self._is_yours and not is_plain(self._session))
        )

    async def send(  # noqa: PLR0917  # by position, for speed
        self,
        request: HttpRequest,
        url: URL,
        timeout: aiohttp.ClientTimeout,
        witness: Witness,
        deadline: Deadline,
        silence: float,
    ) -> HttpResponse:
        """
        Send a request, and read its response.

        Args:
            request: One that `takes` accepts.
            url: Where it goes.
            timeout: Time limit of connecting.
            witness: Is touched once there is a connection.
            deadline: That of the attempt.
            silence: Maximum seconds without a byte of the body.

        Raises:
            Exception: Any error of aiohttp.
        """
        head = self._heads.get(request.path)
        if head is None or head.headers is not request.headers:
            head = self._make_head(request, url)
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
            transport.write(b"%b%d\r\n\r\n%b" % (head.data, len(body), body))
            while True:
                message, content = await protocol.read()
                status = message.code
                if not 100 <= status < 200 or status == _PROTOCOL_SWITCH:
                    break
            if "Set-Cookie" in message.headers:
                self._session.cookie_jar.update_cookies_from_headers(
                    message.headers.getall("Set-Cookie"), url
                )
            answer = await read_body(content, status, deadline, silence)
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

    def _make_head(self, request: HttpRequest, url: URL) -> Head:
        target = Target(
            "POST",
            url,
            headers=request.headers,
            data=b"-",
            loop=self._session._loop,  # noqa: SLF001
            session=self._session,
            ssl=self._ssl,
        )
        lines = [f"POST {url.raw_path_qs} HTTP/1.1"]
        lines += [
            f"{name}: {value}"
            for name, value in target.headers.items()
            if name != "Content-Length"
        ]
        if any(sign in line for line in lines for sign in "\r\n\0"):
            msg = "a line break or a NUL in a header"
            raise ValueError(msg)
        data = "\r\n".join((*lines, "Content-Length: ")).encode()
        head = Head(request.headers, target, data)
        if len(self._heads) >= MAX_HEADS:
            self._heads.clear()
        self._heads[request.path] = head
        return head
