"""The aiohttp transport: what each failure proves, and what never leaves a host."""

import asyncio
import gzip
import math
import pickle
import socket
import ssl
import struct
import tracemalloc
import zlib
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import attrs
import pytest
from aiohttp import TraceConfig
from aiohttp.client_exceptions import UnixClientConnectorError
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from aioresponses import CallbackResult, aioresponses
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from aiooctopush._pools import KEEP_ALIVE
from aiooctopush._wire import HttpRequest
from aiooctopush.errors import (
    Backoff,
    InvalidFieldError,
    InvalidResponseError,
    NotSentError,
    OctopushError,
    Outcome,
    TransportSecurityError,
    UnknownOutcomeError,
)
from aiooctopush.transport import AiohttpTransport, Timeouts, translate


pytestmark = pytest.mark.usefixtures("_way")

CERTIFICATES = Path(__file__).parents[1] / "certificates"
MEBIBYTE = 1_048_576
NEVER, FAST, CAREFUL = Backoff.NEVER, Backoff.FAST, Backoff.CAREFUL

SEND = HttpRequest(
    method="POST",
    path="/v1/public/sms-campaign/send",
    headers={"api-login": "me@example.org", "api-key": "canary-key"},
    body=b'{"text": "Hello"}',
)


# --- fakes ----------------------------------------------------------------------------


def answering(body=b"{}", *, status=200, **headers):
    """What a server writes: an answer whose header names have underscores here."""
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n"
    head += "".join(
        f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()
    )
    return head.encode() + b"\r\n" + body


@attrs.define
class Server:
    """
    A loopback server that answers each request with the same bytes.

    Attributes:
        connections: How many were accepted.
        requests: Head and body of each request, as they arrived.
    """

    port: int = 0
    connections: int = 0
    requests: list[bytes] = attrs.Factory(list)

    @property
    def url(self):
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


async def read_request(reader):
    """One request with a body of known length."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head


@asynccontextmanager
async def serving(answer=b"", *, then=None, at_once=None, tls=None):
    """
    A running server.

    Args:
        answer: Written after each request.
        then: Done to the writer after the answer.
        at_once: Done to the writer of a new connection, before reading anything.
        tls: Its context.
    """
    server = Server()
    open_ones = {}

    async def serve(reader, writer):
        open_ones[asyncio.current_task()] = writer
        server.connections += 1
        try:
            if at_once is not None:
                at_once(writer)
            while at_once is None:
                server.requests.append(await read_request(reader))
                writer.write(answer)
                await writer.drain()
                if then is not None:
                    then(writer)
                    break
            # Until the other side closes, or ours was closed above.
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in open_ones.values():
            writer.transport.abort()
        await asyncio.gather(*open_ones)


def reset(writer):
    """Close with RST, as a crash or a firewall does."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, linger
    )
    writer.transport.abort()


def finish(writer):
    """Close with FIN, as a restart does."""
    writer.close()


def hold(_):
    """Keep the connection open, and say nothing more."""


@asynccontextmanager
async def transport_to(base_url, **options):
    """A transport that is closed in the end."""
    transport = AiohttpTransport(base_url, **options)
    try:
        yield transport
    finally:
        await transport.close()


async def failure_of(base_url, request=SEND, **options):
    """What a try ends with."""
    async with transport_to(base_url, **options) as transport:
        with pytest.raises(OctopushError) as caught:
            await transport.send(request)
    return caught.value


def free_port():
    """A port on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Resolver(aiohttp.abc.AbstractResolver):
    """Knows every name, or none."""

    def __init__(self, host=None):
        self.host = host

    async def resolve(self, host, port=0, family=socket.AF_INET):
        """See `aiohttp.abc.AbstractResolver.resolve`."""
        if self.host is None:
            msg = "nobody knows that name"
            raise OSError(msg)
        return [
            {
                "hostname": host,
                "host": self.host,
                "port": port,
                "family": family,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self):
        """See `aiohttp.abc.AbstractResolver.close`."""


# --- what an exception proves ---------------------------------------------------------

KEY = ConnectionKey("gateway.test", 443, True, True, None, None, None, None)  # noqa: FBT003 - of aiohttp
INFO = RequestInfo(URL("https://gateway.test"), "POST", CIMultiDictProxy(CIMultiDict()))
REFUSED = ConnectionRefusedError(111, "refused")


# Section 2.1 of the specification, by hand.
@pytest.mark.parametrize(
    ("error", "kind", "backoff"),
    [
        pytest.param(
            aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown")),
            NotSentError,
            FAST,
            id="DNS",
        ),
        pytest.param(
            aiohttp.ClientConnectorError(KEY, REFUSED), NotSentError, FAST, id="refused"
        ),
        pytest.param(
            UnixClientConnectorError("/tmp/x", KEY, REFUSED),  # noqa: S108 - never opened
            NotSentError,
            FAST,
            id="Unix socket",
        ),
        pytest.param(
            aiohttp.ConnectionTimeoutError("slow"), NotSentError, FAST, id="connecting"
        ),
        pytest.param(
            aiohttp.ClientConnectorCertificateError(
                KEY, ssl.SSLCertVerificationError(1, "self-signed")
            ),
            TransportSecurityError,
            NEVER,
            id="certificate",
        ),
        pytest.param(
            aiohttp.ServerFingerprintMismatch(b"a", b"b", "gateway.test", 443),
            TransportSecurityError,
            NEVER,
            id="fingerprint",
        ),
        pytest.param(
            aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "bad record")),
            NotSentError,
            FAST,
            id="TLS",
        ),
        pytest.param(
            aiohttp.ClientSSLError(KEY, ssl.SSLError(1, "bad record")),
            NotSentError,
            FAST,
            id="TLS, base class",
        ),
        pytest.param(
            aiohttp.ClientProxyConnectionError(KEY, REFUSED),
            NotSentError,
            FAST,
            id="no proxy",
        ),
        pytest.param(
            aiohttp.ClientHttpProxyError(INFO, (), status=503),
            NotSentError,
            FAST,
            id="proxy refuses",
        ),
        pytest.param(
            aiohttp.ClientHttpProxyError(INFO, (), status=407),
            NotSentError,
            NEVER,
            id="proxy wants a password",
        ),
        pytest.param(aiohttp.InvalidURL("x"), NotSentError, NEVER, id="URL"),
        pytest.param(
            aiohttp.NonHttpUrlClientError("ftp://x"), NotSentError, NEVER, id="scheme"
        ),
        pytest.param(
            aiohttp.InvalidUrlRedirectClientError("x"),
            InvalidResponseError,
            NEVER,
            id="redirect to a bad URL",
        ),
        pytest.param(
            aiohttp.ClientOSError(104, "reset"),
            UnknownOutcomeError,
            CAREFUL,
            id="reset",
        ),
        pytest.param(
            aiohttp.ClientConnectionResetError("closing"),
            UnknownOutcomeError,
            CAREFUL,
            id="reset while writing",
        ),
        pytest.param(
            aiohttp.ServerDisconnectedError(),
            UnknownOutcomeError,
            CAREFUL,
            id="disconnected",
        ),
        pytest.param(
            aiohttp.SocketTimeoutError("slow"), UnknownOutcomeError, CAREFUL, id="hang"
        ),
        pytest.param(TimeoutError(), UnknownOutcomeError, CAREFUL, id="total time"),
        pytest.param(
            aiohttp.ClientPayloadError("400, broken"),
            InvalidResponseError,
            CAREFUL,
            id="truncated",
        ),
        pytest.param(
            aiohttp.ClientResponseError(INFO, (), status=400),
            InvalidResponseError,
            CAREFUL,
            id="garbage status line",
        ),
        pytest.param(
            ConnectionResetError(104, "reset"),
            UnknownOutcomeError,
            CAREFUL,
            id="bare OSError",
        ),
        pytest.param(
            aiohttp.ClientError("odd"), UnknownOutcomeError, CAREFUL, id="base class"
        ),
        pytest.param(
            RuntimeError("Session is closed"), UnknownOutcomeError, NEVER, id="bug"
        ),
    ],
)
def test_an_exception_becomes_what_it_proves(error, kind, backoff):
    """Class and way to wait follow the specification, row by row."""
    translated = translate(error)

    assert (type(translated), translated.backoff) == (kind, backoff)


# Section 2.1, "The N set is exactly …", by hand and by name.
NOT_SENT = {
    "ClientConnectorError",
    "ClientConnectorDNSError",
    "ClientConnectorSSLError",
    "ClientConnectorCertificateError",
    "ClientProxyConnectionError",
    "ClientHttpProxyError",
    "ClientSSLError",
    "ConnectionTimeoutError",
    "InvalidURL",
    "InvalidUrlClientError",
    "NonHttpUrlClientError",
    "ServerFingerprintMismatch",
    "UnixClientConnectorError",
}


def family(kind):
    """A class and all classes below it."""
    return {kind}.union(*(family(child) for child in kind.__subclasses__()))


CLIENT_ERRORS = sorted(
    (
        kind
        for kind in family(aiohttp.ClientError)
        if kind.__module__.startswith("aiohttp.")
    ),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", CLIENT_ERRORS, ids=lambda kind: kind.__name__)
def test_only_the_errors_before_a_connection_prove_that_nothing_was_sent(kind):
    """Of all errors of aiohttp exactly the N set is "not sent"."""
    error = kind.__new__(kind)
    error.status = 0

    translated = translate(error)

    assert (translated.outcome is Outcome.NOT_SENT) == (kind.__name__ in NOT_SENT)


def test_every_name_of_the_n_set_is_an_error_of_aiohttp():
    """A class that aiohttp renames does not leave the set unnoticed."""
    assert {kind.__name__ for kind in CLIENT_ERRORS} >= NOT_SENT


@pytest.mark.parametrize("status", [200, 400, 401, 429])
def test_no_status_is_read_off_an_exception(status):
    """Only an answer that was received has a status."""
    error = aiohttp.ClientResponseError(INFO, (), status=status)

    translated = translate(error)

    assert (translated.status, translated.outcome) == (None, Outcome.UNKNOWN)


# A class for each row of the table, and its words by hand.
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            aiohttp.ClientConnectorCertificateError,
            "the certificate of gw:1 is not valid",
        ),
        (
            aiohttp.ServerFingerprintMismatch,
            "the fingerprint of gw:1 does not match",
        ),
        (aiohttp.ClientConnectorDNSError, "the host gw:1 was not found"),
        (
            aiohttp.ClientProxyConnectionError,
            "the proxy to gw:1 cannot be reached",
        ),
        (aiohttp.ClientConnectorSSLError, "the TLS handshake with gw:1 failed"),
        (aiohttp.ClientConnectorError, "cannot connect to gw:1"),
        (aiohttp.ConnectionTimeoutError, "no connection to gw:1 in time"),
        (aiohttp.ClientHttpProxyError, "the proxy refused to connect to gw:1"),
        (aiohttp.RedirectClientError, "a redirect"),
        (aiohttp.InvalidURL, "the address is not valid"),
        (aiohttp.NonHttpUrlClientError, "the address is not one of HTTP"),
        (aiohttp.SocketTimeoutError, "no response in time"),
        (aiohttp.ServerDisconnectedError, "disconnected before a response"),
        (aiohttp.ClientPayloadError, "the response broke off"),
        (aiohttp.ClientResponseError, "the response is not HTTP"),
        (aiohttp.ClientOSError, "the connection failed"),
        (ConnectionResetError, "the connection failed"),
        (KeyError, "sending failed unexpectedly"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_the_words_say_what_happened_and_what_aiohttp_called_it(kind, words):
    """Who reads the log can look the cause up."""
    error = kind.__new__(kind)
    error.status = 0

    assert translate(error, "gw:1").problem == f"{words} ({kind.__name__})"


def test_the_words_repeat_nothing_private():
    """An address or a header inside the exception stays there."""
    error = aiohttp.InvalidURL("https://user:canary@gateway.test")

    assert translate(error).problem == "the address is not valid (InvalidURL)"


# --- what a try carries ---------------------------------------------------------------


async def test_a_try_carries_method_path_headers_and_body():
    """What the request says is what arrives."""
    async with serving(answering()) as server, transport_to(server.url) as transport:
        await transport.send(SEND)

    head, body = server.requests[0].split(b"\r\n\r\n")
    assert (
        head.split(b"\r\n")[0],
        b"api-login: me@example.org" in head,
        b"api-key: canary-key" in head,
        body,
    ) == (
        b"POST /v1/public/sms-campaign/send HTTP/1.1",
        True,
        True,
        b'{"text": "Hello"}',
    )


async def test_a_delete_carries_its_body():
    """The gateway takes the arguments of a removal as a body."""
    request = HttpRequest(method="DELETE", path="/a", body=b'{"ticket_number": "1"}')

    async with serving(answering()) as server, transport_to(server.url) as transport:
        await transport.send(request)

    assert server.requests[0].endswith(b'\r\n\r\n{"ticket_number": "1"}')


async def test_a_query_is_percent_encoded():
    """No value can add a parameter of its own, or end the query."""
    request = HttpRequest(
        method="GET", path="/a", query=(("t", "a&b=c#d+é/ %"), ("u", "1"))
    )

    async with serving(answering()) as server, transport_to(server.url) as transport:
        await transport.send(request)

    line = server.requests[0].split(b"\r\n")[0]
    assert line == b"GET /a?t=a%26b%3Dc%23d%2B%C3%A9/+%25&u=1 HTTP/1.1"


async def test_the_query_of_one_try_is_not_that_of_the_next():
    """Nothing of a request is kept for another one on the same path."""
    request = HttpRequest(method="GET", path="/a", query=(("t", "1"),))

    async with serving(answering()) as server, transport_to(server.url) as transport:
        await transport.send(request)
        await transport.send(attrs.evolve(request, query=()))

    assert server.requests[1].split(b"\r\n")[0] == b"GET /a HTTP/1.1"


async def test_a_path_that_was_quoted_is_not_quoted_again():
    """The segment that the endpoint made is the segment that arrives."""
    request = HttpRequest(method="GET", path="/subaccount/a%2Fb%40c")

    async with serving(answering()) as server, transport_to(server.url) as transport:
        await transport.send(request)

    assert server.requests[0].startswith(b"GET /subaccount/a%2Fb%40c HTTP/1.1")


async def test_the_path_of_the_base_url_comes_first():
    """A gateway behind a prefix is reached, with or without its last slash."""
    async with (
        serving(answering()) as server,
        transport_to(server.url + "/octopush/") as transport,
    ):
        await transport.send(HttpRequest(method="GET", path="/a"))

    assert server.requests[0].startswith(b"GET /octopush/a HTTP/1.1")


async def test_an_answer_keeps_status_body_and_headers():
    """Whatever the status, an answer that was received is given back."""
    async with (
        serving(answering(b"no", status=429, **{"ReTry-After": 7})) as server,
        transport_to(server.url) as transport,
    ):
        response = await transport.send(SEND)

    assert (response.status, response.body) == (429, b"no")
    assert response.headers["retry-after"] == response.headers["Retry-After"] == "7"
    assert set(response.headers) == {"Content-Length", "Retry-After"}
    assert pickle.loads(pickle.dumps(response)) == response  # noqa: S301 - our own


async def test_cookies_are_neither_kept_nor_sent():
    """One call leaves nothing behind for the next."""
    async with (
        serving(answering(Set_Cookie="canary=1; Path=/")) as server,
        # By name: aiohttp's own jar would ignore the cookies of an address.
        transport_to(f"http://localhost:{server.port}") as transport,
    ):
        await transport.send(SEND)
        await transport.send(SEND)

    assert b"canary=1" not in server.requests[1]


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    """A variable of the machine does not change where a key goes."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)

    async with serving(answering()) as server, transport_to(server.url) as transport:
        response = await transport.send(SEND)

    assert response.status == 200


async def test_netrc_is_not_read(monkeypatch, tmp_path):
    """A password of another program does not travel with our key."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login canary password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    async with serving(answering()) as server, transport_to(server.url) as transport:
        await transport.send(SEND)

    assert b"authorization" not in server.requests[0].lower()


async def test_the_proxy_that_was_given_is_used():
    """A request through a proxy goes to the proxy, which learns the address."""
    async with (
        serving(answering()) as proxy,
        transport_to("http://gateway.test", proxy=proxy.url) as transport,
    ):
        await transport.send(SEND)

    assert proxy.requests[0].startswith(
        b"POST http://gateway.test/v1/public/sms-campaign/send HTTP/1.1"
    )


# --- redirects ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status):
    """Neither key nor request ever reach a host that an answer names."""
    async with serving(answering()) as other:
        answer = answering(b"", status=status, Location=other.url)
        async with (
            serving(answer) as server,
            transport_to(server.url) as transport,
        ):
            response = await transport.send(SEND)

    assert (response.status, other.connections, other.requests) == (status, 0, [])


# --- faults of a real socket ----------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param({"at_once": reset}, UnknownOutcomeError, id="RST at once"),
        pytest.param({"at_once": finish}, UnknownOutcomeError, id="FIN at once"),
        pytest.param({"then": reset}, UnknownOutcomeError, id="RST after the request"),
        pytest.param({"then": finish}, UnknownOutcomeError, id="FIN after the request"),
        pytest.param(
            {"answer": HEAD + b"Content-", "then": finish},
            UnknownOutcomeError,
            id="half a head",
        ),
        pytest.param(
            {"answer": HEAD + b"Content-Length: 9\r\n\r\n{}", "then": finish},
            InvalidResponseError,
            id="truncated body",
        ),
        pytest.param(
            {
                "answer": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                "then": finish,
            },
            InvalidResponseError,
            id="broken chunks",
        ),
        pytest.param(
            {"answer": answering(b"no gzip", Content_Encoding="gzip"), "then": finish},
            InvalidResponseError,
            id="broken gzip",
        ),
        pytest.param(
            {"answer": b"\x16\x03\x01 garbage\r\n\r\n", "then": finish},
            InvalidResponseError,
            id="garbage status line",
        ),
        pytest.param(
            {"answer": HEAD + b"A: " + b"b" * 20_000 + b"\r\n\r\n", "then": finish},
            InvalidResponseError,
            id="endless header",
        ),
    ],
)
async def test_a_fault_after_the_connection_proves_nothing(fault, kind):
    """Whatever breaks once a connection was there may hide a message that was taken."""
    async with serving(**fault) as server:
        error = await failure_of(server.url)

    assert (type(error), error.outcome, error.backoff, error.status) == (
        kind,
        Outcome.UNKNOWN,
        CAREFUL,
        None,
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_request_is_never_repeated_by_the_library(method):
    """aiohttp would do so with these; whether to try again is ours to decide."""
    async with serving(answer=b"", then=finish) as server:
        error = await failure_of(server.url, attrs.evolve(SEND, method=method))

    assert error.outcome is Outcome.UNKNOWN
    assert len(server.requests) == 1


async def test_no_answer_in_time_proves_nothing():
    """The request was there; what became of it is unknown."""
    async with serving(then=hold) as server:
        error = await failure_of(server.url, attrs.evolve(SEND, timeout=0.2))

    assert (type(error), error.backoff) == (UnknownOutcomeError, CAREFUL)


async def test_without_time_left_a_try_ends_at_once():
    """No time left never becomes no limit at all, which aiohttp calls 0."""
    async with serving(then=hold) as server:
        error = await failure_of(server.url, attrs.evolve(SEND, timeout=0.0))

    assert isinstance(error, OctopushError)


async def test_a_refused_connection_proves_that_nothing_was_sent():
    """Nobody was there to hear it."""
    error = await failure_of(f"http://127.0.0.1:{free_port()}")

    assert (type(error), error.backoff) == (NotSentError, FAST)


async def test_an_unknown_host_proves_that_nothing_was_sent():
    """A name without an address leads nowhere."""
    connector = aiohttp.TCPConnector(resolver=Resolver())
    async with aiohttp.ClientSession(connector=connector) as session:
        error = await failure_of("http://gateway.test", client_session=session)

    assert (type(error), error.problem) == (
        NotSentError,
        "the host gateway.test:80 was not found (ClientConnectorDNSError)",
    )


@pytest.mark.parametrize(("status", "backoff"), [(407, NEVER), (503, FAST)])
async def test_a_proxy_that_refuses_proves_that_nothing_was_sent(status, backoff):
    """The request waits for the tunnel; a wrong password stays wrong."""
    async with serving(answering(b"", status=status), then=finish) as proxy:
        error = await failure_of("https://gateway.test", proxy=proxy.url)

    assert (type(error), error.backoff, proxy.requests[0].split()[0]) == (
        NotSentError,
        backoff,
        b"CONNECT",
    )


async def test_cancellation_passes_as_it_is():
    """A task that is cancelled in the middle of a try is cancelled, and not failed."""
    arrived = asyncio.Event()

    async with (
        serving(then=lambda _: arrived.set()) as server,
        transport_to(server.url) as transport,
    ):
        task = asyncio.create_task(transport.send(SEND))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_cause_of_an_error_is_kept():
    """Who debugs finds what aiohttp said."""
    error = await failure_of(f"http://127.0.0.1:{free_port()}")

    assert type(error.__cause__) is aiohttp.ClientConnectorError


# --- TLS ------------------------------------------------------------------------------


@pytest.fixture
def tls_server():
    """The context of a server with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        CERTIFICATES / "self-signed.pem", CERTIFICATES / "self-signed-key.pem"
    )
    return context


@pytest.fixture
def trusting():
    """The context of a client that trusts that very certificate."""
    return ssl.create_default_context(cafile=CERTIFICATES / "self-signed.pem")


async def test_a_certificate_that_nobody_vouches_for_is_refused(tls_server):
    """It is configuration or an attack: nothing is sent, and nothing is repeated."""
    async with serving(answering(), tls=tls_server) as server:
        error = await failure_of(f"https://127.0.0.1:{server.port}")

    assert (type(error), error.backoff, server.requests) == (
        TransportSecurityError,
        NEVER,
        [],
    )


async def test_a_certificate_for_another_name_is_refused(tls_server, trusting):
    """A good certificate of somebody else is as bad as none."""
    connector = aiohttp.TCPConnector(resolver=Resolver("127.0.0.1"))
    async with (
        serving(answering(), tls=tls_server) as server,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        error = await failure_of(
            f"https://gateway.test:{server.port}",
            client_session=session,
            ssl_context=trusting,
        )

    assert (type(error), server.requests) == (TransportSecurityError, [])


async def test_a_private_authority_can_be_trusted(tls_server, trusting):
    """The context that was passed in decides whom to trust."""
    async with (
        serving(answering(), tls=tls_server) as server,
        transport_to(
            f"https://127.0.0.1:{server.port}", ssl_context=trusting
        ) as transport,
    ):
        response = await transport.send(SEND)

    assert response.status == 200


async def test_a_handshake_that_fails_proves_that_nothing_was_sent():
    """A server that speaks no TLS gets no request."""
    async with serving(at_once=lambda writer: writer.write(answering())) as server:
        error = await failure_of(f"https://127.0.0.1:{server.port}")

    assert (type(error), error.backoff, server.requests) == (NotSentError, FAST, [])


# --- the size of an answer ------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, MEBIBYTE])
async def test_an_answer_of_up_to_a_mebibyte_is_read(size):
    """The largest answer that is believed is read to its last byte."""
    async with (
        serving(answering(b"x" * size)) as server,
        transport_to(server.url) as transport,
    ):
        response = await transport.send(SEND)

    assert len(response.body) == size


@pytest.mark.parametrize(
    ("status", "backoff"), [(200, CAREFUL), (299, CAREFUL), (300, NEVER), (400, NEVER)]
)
async def test_a_larger_answer_proves_nothing(status, backoff):
    """It is not read; as a success it is worth a repeat, as a refusal it is not."""
    async with serving(answering(b"x" * (MEBIBYTE + 1), status=status)) as server:
        error = await failure_of(server.url)

    assert (type(error), error.problem, error.status, error.backoff) == (
        InvalidResponseError,
        f"a response of over 1048576 bytes (HTTP {status})",
        status,
        backoff,
    )


def bomb(mebibytes):
    """So many mebibytes of nothing, as a thousandth of them."""
    packer = zlib.compressobj(9, wbits=31)
    packed = [packer.compress(bytes(MEBIBYTE)) for _ in range(mebibytes)]
    return b"".join([*packed, packer.flush()])


async def test_a_small_bomb_stays_small():
    """Bytes are counted after decompression, and the rest is never unpacked."""
    async with serving(answering(bomb(64), Content_Encoding="gzip")) as server:
        tracemalloc.start()
        error = await failure_of(server.url)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (type(error), most < 8 * MEBIBYTE) == (InvalidResponseError, True)


async def test_an_answer_that_comes_in_one_piece_is_counted_too():
    """A session of yours with a large buffer changes nothing about the bound."""
    packed = gzip.compress(bytes(3 * MEBIBYTE))
    async with (
        serving(answering(packed, Content_Encoding="gzip")) as server,
        aiohttp.ClientSession(read_bufsize=64 * MEBIBYTE) as session,
    ):
        error = await failure_of(server.url, client_session=session)

    assert type(error) is InvalidResponseError


# --- connections ----------------------------------------------------------------------


async def test_a_connection_is_kept_for_the_next_try():
    """A burst of calls pays for one handshake."""
    async with serving(answering()) as server, transport_to(server.url) as transport:
        for _ in range(3):
            await transport.send(SEND)

    assert server.connections == 1


async def test_a_fresh_connection_is_neither_an_old_one_nor_kept():
    """After silence no idle connection is trusted."""
    fresh = attrs.evolve(SEND, fresh_connection=True)

    async with serving(answering()) as server, transport_to(server.url) as transport:
        await transport.send(SEND)
        await transport.send(fresh)
        await transport.send(fresh)

    assert server.connections == 3


async def test_an_idle_connection_is_kept_for_10_seconds_at_most(monkeypatch):
    """The gateway drops idle connections, so they are kept for bursts only."""
    made = []
    connector = aiohttp.TCPConnector

    def noted(**options):
        made.append(options)
        return connector(**options)

    monkeypatch.setattr(aiohttp, "TCPConnector", noted)
    async with (
        serving(answering()) as server,
        transport_to(server.url) as usual,
        transport_to(server.url, max_connections=7) as small,
    ):
        await usual.send(SEND)
        await small.send(attrs.evolve(SEND, fresh_connection=True))

    assert (KEEP_ALIVE, made) == (
        10.0,
        [
            {"limit": 100, "keepalive_timeout": 10.0},
            {"limit": 7, "force_close": True},
        ],
    )


async def test_what_was_opened_is_closed():
    """No socket outlives the transport, and a second close does nothing."""
    ended = asyncio.Event()

    async def serve(reader, writer):
        await read_request(reader)
        writer.write(answering())
        await reader.read()
        writer.close()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        transport = AiohttpTransport(f"http://127.0.0.1:{port}")
        await transport.send(SEND)

        await transport.close()
        await transport.close()

        await ended.wait()


# --- a session of yours ---------------------------------------------------------------


async def test_a_session_that_was_passed_in_is_used():
    """Its connector, its hooks and its headers apply."""
    started = []

    async def on_start(*values):
        started.append(values[-1].method)

    hooks = TraceConfig()
    hooks.on_request_start.append(on_start)
    async with (
        serving(answering()) as server,
        aiohttp.ClientSession(
            trace_configs=[hooks], headers={"x-yours": "1"}
        ) as session,
        transport_to(server.url, client_session=session) as transport,
    ):
        await transport.send(SEND)

    assert (started, b"x-yours: 1" in server.requests[0]) == (["POST"], True)


async def test_a_session_that_was_passed_in_stays_open():
    """Whoever opened it closes it."""
    async with serving(answering()) as server, aiohttp.ClientSession() as session:
        async with transport_to(server.url, client_session=session) as transport:
            await transport.send(SEND)

        assert not session.closed


async def test_a_session_that_is_closed_is_refused_before_anything_is_sent():
    """The mistake is named, and is not taken for an error of the network."""
    async with aiohttp.ClientSession() as session:
        pass

    error = await failure_of("http://127.0.0.1:1", client_session=session)

    assert (type(error), error.field, error.limit) == (
        InvalidFieldError,
        "client_session",
        "is closed",
    )


async def test_a_session_that_raises_for_a_status_loses_no_refusal():
    """Its own idea of an error must not hide what the gateway said."""
    async with (
        serving(answering(b'{"code": 121}', status=400)) as server,
        aiohttp.ClientSession(raise_for_status=True) as session,
        transport_to(server.url, client_session=session) as transport,
    ):
        response = await transport.send(SEND)

    assert (response.status, response.body) == (400, b'{"code": 121}')


async def test_a_session_that_unpacks_nothing_loses_no_answer():
    """An answer is unpacked, whatever else the session is used for."""
    packed = gzip.compress(b'{"code": 0}')
    async with (
        serving(answering(packed, Content_Encoding="gzip")) as server,
        aiohttp.ClientSession(auto_decompress=False) as session,
        transport_to(server.url, client_session=session) as transport,
    ):
        response = await transport.send(SEND)

    assert response.body == b'{"code": 0}'


# --- time limits ----------------------------------------------------------------------


async def limits_of(request, **options):
    """What aiohttp is told about time."""
    seen = []

    def answer(_, **called):
        seen.append(called["timeout"])
        return CallbackResult(status=200, body=b"{}")

    with aioresponses() as fake:
        fake.post(f"http://gateway.test{SEND.path}", callback=answer)
        async with transport_to("http://gateway.test", **options) as transport:
            await transport.send(request)
    (limits,) = seen
    return limits


@pytest.mark.parametrize(
    ("timeouts", "attempt", "limits"),
    [
        pytest.param(None, 45.0, (5.0, 5.0), id="defaults"),
        pytest.param(None, 3.0, (2.7, 2.7), id="little time left"),
        pytest.param(None, 900.0, (5.0, 5.0), id="much time left"),
        pytest.param(None, 0.0, (0.0009, 0.0009), id="no time left"),
        pytest.param(None, -1.0, (0.0009, 0.0009), id="too late"),
        pytest.param(Timeouts(connect=8.0), 6.0, (5.4, 5.4), id="connect above 5"),
        pytest.param(
            Timeouts(connect=1.0, read=2.0, attempt=3.0),
            45.0,
            (1.0, 1.0),
            id="all given",
        ),
    ],
)
async def test_the_limits_reach_aiohttp(timeouts, attempt, limits):
    """Those of connecting, to the fraction; silence and the whole are ours to limit."""
    request = attrs.evolve(SEND, timeout=attempt)

    told = await limits_of(request, timeouts=timeouts)

    assert (told.connect, told.sock_connect) == pytest.approx(limits)
    assert (told.total, told.sock_read, told.ceil_threshold) == (None, None, math.inf)


def hooked(hook, place="on_request_start"):
    """A session of yours whose requests meet a hook."""
    tracing = TraceConfig()
    getattr(tracing, place).append(hook)
    return aiohttp.ClientSession(trace_configs=[tracing])


REQUESTS = [
    pytest.param(SEND, id="POST"),
    pytest.param(HttpRequest(method="POST", path="/a"), id="POST without a body"),
    pytest.param(HttpRequest(method="GET", path="/a"), id="GET"),
    pytest.param(HttpRequest(method="PUT", path="/a", body=b"{}"), id="PUT"),
    pytest.param(HttpRequest(method="DELETE", path="/a"), id="DELETE"),
]


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("place", ["on_request_start", "on_connection_create_start"])
@pytest.mark.parametrize(
    ("error", "backoff"),
    [
        pytest.param(LookupError("no span"), NEVER, id="a broken hook"),
        pytest.param(TimeoutError(), FAST, id="a timeout"),
        pytest.param(asyncio.CancelledError(), NEVER, id="a future that was cancelled"),
    ],
)
async def test_what_fails_before_a_connection_was_not_sent(
    request_, place, error, backoff
):
    """Whatever it is, and whatever is asked: no connection was handed over."""

    async def fail(*_):
        raise error

    async with serving(answering()) as server, hooked(fail, place) as session:
        failure = await failure_of(server.url, request_, client_session=session)

    assert type(failure) is NotSentError
    cause = failure.__cause__
    # aiohttp wraps a timeout of connecting.
    assert (failure.backoff, error in {cause, cause.__cause__}) == (backoff, True)
    assert server.requests == []


@pytest.mark.parametrize("request_", REQUESTS)
async def test_a_hook_that_fails_after_the_request_proves_nothing(request_):
    """The gateway may have it."""

    async def fail(*_):
        raise LookupError("no span")

    tracing = TraceConfig()
    tracing.on_request_end.append(fail)
    async with (
        serving(answering()) as server,
        aiohttp.ClientSession(trace_configs=[tracing]) as session,
    ):
        failure = await failure_of(server.url, request_, client_session=session)

    assert type(failure) is UnknownOutcomeError
    assert len(server.requests) == 1


async def test_an_error_of_the_network_is_judged_by_its_kind_alone():
    """A hook that says "disconnected" is believed, though nothing was asked for."""

    async def fail(*_):
        raise aiohttp.ServerDisconnectedError

    async with serving(answering()) as server, hooked(fail) as session:
        failure = await failure_of(server.url, client_session=session)

    assert type(failure) is UnknownOutcomeError


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_session_of_another_event_loop_has_sent_nothing(request_):
    """Nothing can have left over it, and the error says so."""
    elsewhere = asyncio.new_event_loop()

    async def opened():
        return aiohttp.ClientSession()

    async def send(session):
        async with serving(answering()) as server:
            failure = await failure_of(server.url, request_, client_session=session)
            return failure, server

    session = elsewhere.run_until_complete(opened())
    failure, server = asyncio.run(send(session))
    elsewhere.run_until_complete(session.close())
    elsewhere.close()

    assert type(failure) is NotSentError
    assert (failure.backoff, server.requests) == (NEVER, [])


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_where_a_request_leaves_unseen_its_absence_proves_nothing(method):
    """A fake answers without a connection: from then on a timeout is unknown again."""
    request = HttpRequest(method=method, path="/a", body=b"{}")
    with aioresponses() as fake:
        fake.add("http://gateway.test/a", method, status=200, body=b"{}")
        fake.add("http://gateway.test/a", method, exception=TimeoutError())
        async with transport_to("http://gateway.test") as transport:
            await transport.send(request)
            with pytest.raises(UnknownOutcomeError):
                await transport.send(request)


@pytest.mark.parametrize(
    ("attempt", "left"),
    [
        pytest.param(0.2, 45.0, id="of a try"),
        pytest.param(45.0, 0.2, id="of the call"),
    ],
)
async def test_the_lesser_limit_ends_a_try(attempt, left):
    """A hanging try ends with what it may take, or with what the call has left."""
    async with serving(then=hold) as server:
        error = await failure_of(
            server.url,
            attrs.evolve(SEND, timeout=left),
            timeouts=Timeouts(attempt=attempt),
        )

    assert (type(error), error.backoff) == (UnknownOutcomeError, CAREFUL)
    assert error.problem == "no response in time (TimeoutError)"


async def test_an_answer_that_drips_ends_with_its_try():
    """There is always another byte before the silence is too long."""
    dripping = {"answer": HEAD + b"Content-Length: 9\r\n\r\n{", "then": hold}
    async with serving(**dripping) as server:
        error = await failure_of(server.url, attrs.evolve(SEND, timeout=0.2))

    assert (type(error), error.outcome) == (UnknownOutcomeError, Outcome.UNKNOWN)


async def test_waiting_for_a_pool_of_yours_is_no_failure_to_connect():
    """In a session of yours others may hold the connections."""
    async with aiohttp.ClientSession() as session:
        told = await limits_of(SEND, client_session=session)

    assert (told.connect, told.sock_connect) == (40.5, 5.0)


async def test_a_handshake_that_stalls_until_the_deadline_was_not_sent():
    """Connecting ends before the whole try does, however little time is left."""

    # The kernel takes the connection, and nobody ever answers the handshake.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        async with transport_to(url) as transport:
            with pytest.raises(NotSentError):
                await transport.send(attrs.evolve(SEND, timeout=1.0))


async def test_a_closed_transport_carries_nothing():
    """A call that waited for its next try opens no pool for nobody."""
    transport = AiohttpTransport("http://gateway.test")
    await transport.close()

    with pytest.raises(NotSentError, match="closed"):
        await transport.send(SEND)


def test_the_limits_are_those_of_the_specification():
    """5 seconds to connect, 30 without a byte, 45 for the try as a whole."""
    assert attrs.astuple(Timeouts()) == (5.0, 30.0, 45.0)


@pytest.mark.parametrize("name", ["connect", "read", "attempt"])
def test_any_time_at_all_is_a_limit(name):
    """Whoever is in a hurry may be."""
    assert getattr(Timeouts(**{name: 0.001}), name) == 0.001


@pytest.mark.parametrize("name", ["connect", "read", "attempt"])
@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_limit_that_is_none_is_refused(name, seconds):
    """No time at all would be no limit at all."""
    with pytest.raises(ValueError, match=name):
        Timeouts(**{name: seconds})


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="before it begins"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-", id="in its head"),
        pytest.param(b"HTTP/1.1 201 X\r\nContent-Length: 9\r\n\r\n{", id="in its body"),
    ],
)
async def test_silence_ends_a_try_long_before_the_whole(answer):
    """Wherever an answer stops: the try proves nothing, and is not waited for."""
    async with serving(answer, then=hold) as server:
        error = await failure_of(
            server.url, timeouts=Timeouts(connect=0.2, read=0.05, attempt=3_600.0)
        )

    assert (type(error), error.backoff) == (UnknownOutcomeError, CAREFUL)
    assert "no response in time" in error.problem


async def test_silence_while_it_connects_is_no_silence_of_an_answer():
    """However little time an answer has, a stalled handshake has sent nothing."""
    async with serving(at_once=hold) as server:
        error = await failure_of(
            server.url.replace("http:", "https:"),
            timeouts=Timeouts(connect=0.2, read=0.01, attempt=3_600.0),
        )

    assert (type(error), error.backoff) == (NotSentError, FAST)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_host_that_cannot_be_reached_is_named_with_what_to_do(method):
    """A GET goes through a guard, whose errors are translated before ours see them."""
    request = attrs.evolve(SEND, method=method, body=None)

    async with transport_to("http://127.0.0.1:9") as transport:
        with pytest.raises(NotSentError) as caught:
            await transport.send(request)

    assert str(caught.value) == (
        "cannot connect to 127.0.0.1:9 (ClientConnectorError). Nothing was sent. Start "
        "`octopush sandbox`, or check base_url."
    )
