"""
The one seam to the network: `Transport`, and the aiohttp one.

A transport sends one `HttpRequest` and returns the `HttpResponse` that it received,
with any status. It raises `NotSentError` only if no connection was ever handed to the
request, and `UnknownOutcomeError` for all other failures.
"""

import asyncio
import math
import ssl
import weakref
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, Protocol

import aiohttp
from aiohttp.connector import Connection
from attrs import field, frozen
from multidict import CIMultiDict
from yarl import URL

from ._deadlines import Deadlines
from ._direct import Direct
from ._exchange import WatchedPayload, Witness, read_body
from ._hooks import is_cancellation
from ._limits import positive
from ._pools import Pools
from ._record import Record
from ._wire import HttpRequest, HttpResponse
from .errors import (
    Backoff,
    InvalidFieldError,
    InvalidResponseError,
    NotSentError,
    OctopushError,
    TransportSecurityError,
    UnknownOutcomeError,
)


class Transport(Protocol):
    """Anything that can carry a request: aiohttp, the sandbox, your own fake."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """
        Carry one attempt.

        Raises:
            NotSentError: No connection was ever handed to the request.
            UnknownOutcomeError: Any other failure without a response.
        """

    async def close(self) -> None:
        """Release only the resources that this transport opened."""


@frozen(kw_only=True, eq=False, repr=False)
class Timeouts(Record):
    """
    Seconds that one attempt may take; `RetryPolicy` has the deadline of a whole call.

    Attributes:
        connect: For DNS, TCP and TLS together. Cheap to find out: nothing was sent.
        read: For the head of a response, on top of `connect`, and then without a single
            byte; a request for 500 recipients may take a while.
        attempt: For the attempt as a whole, against slow responses.
    """

    connect: float = field(default=5.0, validator=positive)
    read: float = field(default=30.0, validator=positive)
    attempt: float = field(default=45.0, validator=positive)


class _ErrorRule(NamedTuple):
    kind: type[OctopushError]
    problem: str
    backoff: Backoff
    remedy: str = ""


_CHECK_ADDRESS: Final = "Check base_url (OCTOPUSH_BASE_URL) and the network."
_CHECK_PROXY: Final = "Check the proxy (OCTOPUSH_PROXY)."
_START_SANDBOX: Final = "Start `octopush sandbox`, or check base_url."
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


# Exceptions of aiohttp, and their meaning; the first match counts, so subclasses come
# before their parents. Measured with aiohttp 3.14: every error after a connection was
# handed over can hide a request that was executed, a reset as well as a timeout. No
# counter of written bytes can exclude it. Hence the last rows.
_ERROR_RULES: Final[tuple[tuple[type[BaseException], _ErrorRule], ...]] = (
    (
        aiohttp.ClientConnectorCertificateError,
        _ErrorRule(
            TransportSecurityError,
            "the certificate of {} is not valid",
            Backoff.NEVER,
            "If your network re-signs TLS, trust its authority with ca_file.",
        ),
    ),
    (
        aiohttp.ServerFingerprintMismatch,
        _ErrorRule(
            TransportSecurityError,
            "the fingerprint of {} does not match",
            Backoff.NEVER,
        ),
    ),
    (
        aiohttp.ClientConnectorDNSError,
        _ErrorRule(
            NotSentError, "the host {} was not found", Backoff.FAST, _CHECK_ADDRESS
        ),
    ),
    (
        aiohttp.ClientProxyConnectionError,
        _ErrorRule(
            NotSentError,
            "the proxy to {} cannot be reached",
            Backoff.FAST,
            _CHECK_PROXY,
        ),
    ),
    (
        aiohttp.ClientSSLError,
        _ErrorRule(
            NotSentError,
            "the TLS handshake with {} failed",
            Backoff.FAST,
            "Check the scheme and the port of base_url (OCTOPUSH_BASE_URL).",
        ),
    ),
    (
        aiohttp.ClientConnectorError,
        _ErrorRule(NotSentError, "cannot connect to {}", Backoff.FAST, _CHECK_ADDRESS),
    ),
    (
        aiohttp.ConnectionTimeoutError,
        _ErrorRule(
            NotSentError, "no connection to {} in time", Backoff.FAST, _CHECK_ADDRESS
        ),
    ),
    (
        aiohttp.ClientHttpProxyError,
        _ErrorRule(
            NotSentError,
            "the proxy refused to connect to {}",
            Backoff.FAST,
            _CHECK_PROXY,
        ),
    ),
    # Before the errors of an address: a response proves that it was sent.
    (
        aiohttp.RedirectClientError,
        _ErrorRule(InvalidResponseError, "a redirect", Backoff.NEVER),
    ),
    (
        aiohttp.InvalidURL,
        _ErrorRule(NotSentError, "the address is not valid", Backoff.NEVER),
    ),
    (
        aiohttp.NonHttpUrlClientError,
        _ErrorRule(NotSentError, "the address is not one of HTTP", Backoff.NEVER),
    ),
    (
        TimeoutError,
        _ErrorRule(UnknownOutcomeError, "no response in time", Backoff.CAREFUL),
    ),
    (
        aiohttp.ServerDisconnectedError,
        _ErrorRule(
            UnknownOutcomeError, "disconnected before a response", Backoff.CAREFUL
        ),
    ),
    (
        aiohttp.ClientPayloadError,
        _ErrorRule(InvalidResponseError, "the response broke off", Backoff.CAREFUL),
    ),
    # A garbage status line surfaces with status 400 on the exception, after the
    # gateway may have accepted: never read a status off an exception.
    (
        aiohttp.ClientResponseError,
        _ErrorRule(InvalidResponseError, "the response is not HTTP", Backoff.CAREFUL),
    ),
    (
        aiohttp.ClientError,
        _ErrorRule(UnknownOutcomeError, "the connection failed", Backoff.CAREFUL),
    ),
    (
        OSError,
        _ErrorRule(UnknownOutcomeError, "the connection failed", Backoff.CAREFUL),
    ),
    # Not an error of the network: repeating cannot help, but it may have been sent.
    (
        BaseException,
        _ErrorRule(UnknownOutcomeError, "sending failed unexpectedly", Backoff.NEVER),
    ),
)

_PROXY_AUTHENTICATION_REQUIRED = 407


def _address_of(base_url: str) -> str:
    # Only these two parts of the address are never secret.
    url = URL(base_url)
    return f"{url.host}:{url.port}"


def translate(error: BaseException, address: str = "the gateway") -> OctopushError:
    """
    Convert an aiohttp exception to the error that it proves, with its cause.

    Args:
        error: The exception.
        address: Host and port that the request was meant for.
    """
    rule = next(row for kind, row in _ERROR_RULES if isinstance(error, kind))
    backoff = rule.backoff
    if (
        isinstance(error, aiohttp.ClientHttpProxyError)
        # The proxy's response was really received, so its status counts.
        and error.status == _PROXY_AUTHENTICATION_REQUIRED
    ):
        backoff = Backoff.NEVER
    problem = rule.problem.format(address)
    failure = rule.kind(f"{problem} ({type(error).__name__})", backoff=backoff)
    is_here = address.rpartition(":")[0] in _LOOPBACK
    failure.remedy = (
        _START_SANDBOX if is_here and rule.remedy is _CHECK_ADDRESS else rule.remedy
    )
    # One kind of aiohttp's errors holds the request's headers, and shows them in its
    # repr: the key would travel with the traceback.
    if not isinstance(error, aiohttp.ClientResponseError):
        failure.__cause__ = error
    return failure


class AiohttpTransport:
    """
    Carries requests over aiohttp: one pool, no redirects, no cookies, no netrc.

    Args:
        base_url: Scheme, host and optional path prefix.
        timeouts: Seconds for each part of an attempt.
        max_connections: Size of the pool.
        client_session: Your own session to use. It stays open when we close. Its own
            headers, cookies and hooks then apply as well; its middlewares apply only to
            a POST with a body.
        ssl_context: For private certificate authorities. Verification has no switch.
        proxy: URL of an HTTP proxy.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts | None = None,
        max_connections: int = 100,
        client_session: aiohttp.ClientSession | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._ssl = ssl_context
        self._proxy = proxy
        self._user_session = client_session
        self._pools = Pools(self._base, max_connections)
        # Not by __del__: in a cycle, that of aiohttp could come first.
        weakref.finalize(self, self._pools.complain)
        self._direct: Direct | None = None
        self._default_timeout = self._timeout_of(self._timeouts.attempt)
        self._request_kwargs = self._build_request_kwargs()
        self._witnesses_tell = True
        self._deadlines = Deadlines()
        # While connecting, a missing response proves nothing. That limit belongs to
        # aiohttp, which records whether a connection was handed over.
        self._first_byte = (self._default_timeout.connect or 0.0) + self._timeouts.read
        self._closed = False
        # Paths may hold arguments, so their number has no bound of its own.
        # Nothing of it leads back here: a session left open is noticed at once.
        self._url_of = lru_cache(maxsize=256)(partial(_build_url, self._base))

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Carry one attempt; see `Transport.send`."""
        session = self._session(fresh=request.fresh_connection)
        seconds, timeout = request.timeout, self._default_timeout
        if seconds < self._timeouts.attempt:
            timeout = self._timeout_of(seconds)
        else:
            seconds = self._timeouts.attempt
        direct = None if request.fresh_connection else self._direct
        witness, read_timeout = Witness(), self._timeouts.read
        try:
            with self._deadlines.limit(seconds, at_first=self._first_byte) as deadline:
                if direct is not None and direct.takes(request):
                    url = self._url_of(request.path)
                    return await direct.send(
                        request, url, timeout, witness, deadline, read_timeout
                    )
                witness, kwargs = self._watched(request)
                # Awaited, not entered: leaving the block costs as much as reading.
                response = await session.request(
                    request.method,
                    self._url(request),
                    headers=request.headers,
                    timeout=timeout,
                    **kwargs,
                )
                try:
                    body = await read_body(
                        response.content, response.status, deadline, read_timeout
                    )
                finally:
                    # A response read to its end has given it back already.
                    if response.connection is not None:
                        response.release()
        # All exceptions of aiohttp are converted; only a cancellation passes.
        except (Exception, asyncio.CancelledError) as error:
            if is_cancellation(error):
                raise
            failure = (
                error
                if isinstance(error, OctopushError)
                else translate(error, _address_of(self._base))
            )
            if not witness.is_touched and self._witnesses_tell:
                failure = _before_sending(failure, error)
        else:
            if not witness.is_touched:
                # A fake, or an unsupported aiohttp.
                self._witnesses_tell = False
            return HttpResponse(
                status=response.status, headers=CIMultiDict(response.headers), body=body
            )
        # Raised out here, so that it has no context but the cause it was given.
        raise failure

    async def close(self) -> None:
        """Close the pools that this transport opened; nothing is carried after it."""
        self._closed = True
        self._direct = None
        await self._pools.close()

    def _watched(self, request: HttpRequest) -> tuple[Witness, dict[str, Any]]:
        """Return the aiohttp arguments of a request, and its witness."""
        payload = None if request.body is None else WatchedPayload(request.body)
        kwargs = self._request_kwargs | {"data": payload}
        if payload is not None and request.method == "POST":
            return payload, kwargs  # aiohttp never repeats a POST
        guard = _SingleAttempt(self._base)
        kwargs["middlewares"] = (guard,)
        return payload or guard, kwargs

    def _session(self, *, fresh: bool) -> aiohttp.ClientSession:
        if self._closed:
            # A call that waits for its next attempt would open an unused pool.
            msg = "this transport is closed"
            raise NotSentError(msg, backoff=Backoff.NEVER)
        if self._user_session is not None:
            if self._user_session.closed:
                raise InvalidFieldError("client_session", "is closed")
            session = self._user_session
        else:
            session = self._pools.get(fresh=fresh)
        if self._direct is None and self._proxy is None and not fresh:
            is_yours = self._user_session is not None
            self._direct = Direct(session, self._ssl, is_yours=is_yours)
        return session

    def _url(self, request: HttpRequest) -> URL:
        url = self._url_of(request.path)
        return url.with_query(request.query) if request.query else url

    def _build_request_kwargs(self) -> dict[str, Any]:
        """The aiohttp options of an attempt, kept few because each one costs time."""
        kwargs: dict[str, Any] = {
            # aiohttp would forward api-key and api-login to the other host.
            "allow_redirects": False
        }
        if self._ssl is not None:
            kwargs["ssl"] = self._ssl
        if self._proxy is not None:
            kwargs["proxy"] = self._proxy
        if self._user_session is not None:
            # A session of yours may have other settings.
            kwargs |= {"raise_for_status": False, "auto_decompress": True}
        return kwargs

    def _timeout_of(self, attempt: float) -> aiohttp.ClientTimeout:
        # Connecting must end before the whole attempt does: the limit of the attempt
        # does not show whether the request was sent.
        connect = max(0.9 * attempt, 0.0009)  # to aiohttp 0 would mean "no limit"
        return aiohttp.ClientTimeout(
            # We limit the total and the idle time ourselves: see `Deadlines`.
            total=None,
            sock_read=None,
            # In your own session other users may hold the pool, and waiting for it is
            # not a failure to connect; our own pool never has to wait.
            connect=connect
            if self._user_session is not None
            else min(connect, self._timeouts.connect),
            sock_connect=min(connect, self._timeouts.connect),
            # aiohttp would round up to a whole second, and so past the next limit.
            ceil_threshold=math.inf,
        )


def _build_url(base: str, path: str) -> URL:
    return URL(base + path, encoded=True)


def _before_sending(failure: OctopushError, error: BaseException) -> OctopushError:
    """
    The error of a failure if no connection was handed to the request.

    The missing connection decides where the error alone does not. Such errors are a
    timeout, and errors that are not of the network, such as a session of another loop.
    """
    if isinstance(error, TimeoutError):
        backoff = Backoff.FAST
    elif isinstance(error, OctopushError | aiohttp.ClientError | OSError):
        return failure
    else:
        backoff = Backoff.NEVER
    proven = NotSentError(failure.problem, backoff=backoff)
    proven.__cause__ = error
    return proven


class _SingleAttempt(Witness):
    """
    A middleware that prevents aiohttp from repeating a request automatically.

    aiohttp repeats a GET, PUT or DELETE when a connection breaks, but only after errors
    of its own. A second DELETE would find nothing.

    Args:
        base_url: That of the gateway, for its name.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base = base_url

    async def __call__(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Carry the request once."""
        write = request.send

        async def noticed(conn: Connection) -> aiohttp.ClientResponse:
            self.is_touched = True
            return await write(conn)

        # Of this object alone: whose class it is, a session of yours decides.
        request.send = noticed  # type: ignore[method-assign]  # it is meant
        try:
            return await send(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            failure = translate(error, _address_of(self._base))
        raise failure
