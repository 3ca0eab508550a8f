"""
A gateway on raw sockets that fails as it is told, and its sent log of who got what.

It shares no code with the sandbox, to be a second opinion on what the SDK does. A
fault has the sandbox's name where it is the same fault.
"""

import asyncio
import json
import socket
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import cache
from random import Random

from attrs import frozen


# What becomes of the request that meets a fault.
NEVER, RECEIVED, BEFORE, LATE = "never", "received", "before", "late"
# How much of it is read first.
NOTHING, HEADERS, ALL = "nothing", "headers", "all"
# How the connection goes on after what was written.
KEEP, FIN, RST, HANG, DRIP, RST_LATER = "keep", "fin", "rst", "hang", "drip", "later"

HTML = "text/html; charset=utf-8"
DRIP_EVERY = 0.02
WHOLE = 201


@frozen(kw_only=True)
class Request:
    """One request as it arrived, and on which connection, counted from 1."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict
    connection: int

    @property
    def request_id(self):
        """The id that it carries, if any."""
        return self.body.get("request_id")


@frozen(kw_only=True)
class Kind:
    """
    One kind of fault.

    Attributes:
        commits: Whether the request is executed, and when.
        answer: Written in place of the real answer; may be made from it.
        then: How the connection goes on.
        reads: How much is read before.
    """

    commits: str = NEVER
    answer: bytes | Callable = b""
    then: str = KEEP
    reads: str = ALL


def http(status, body=b"", *, length=None, kind="application/json", **headers):
    """An answer as bytes; header names have underscores here."""
    fields = {"Content-Type": kind, "Content-Length": length or len(body), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode() + body


def refusal(status, code, **headers):
    """The gateway's own refusal."""
    return http(status, b'{"code": %d, "message": "no"}' % code, **headers)


def page(status, **headers):
    """A page of somebody on the way."""
    return http(status, b"<!doctype html><h1>No</h1>", kind=HTML, **headers)


def spoilt(body, **headers):
    """Another body under the real status, so that no refusal becomes a success."""
    return lambda gateway, status, real: http(status, body, **headers)


def redirect(status):
    """A redirect to wherever the gateway is told."""
    return lambda gateway, _, real: http(status, Location=gateway.redirect_to)


@cache
def bomb():
    """Some 200 kB that unpack to 200 MiB."""
    packer = zlib.compressobj(wbits=31)
    blocks = [
        packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
        for _ in range(2)
    ]
    return blocks[0] + blocks[1] * 199


def after_commit(answer, then=KEEP):
    """A request that was executed, and an answer that does not say so."""
    return Kind(commits=BEFORE, answer=answer, then=then)


def only_received(answer, then=KEEP):
    """A request that arrived and was not executed."""
    return Kind(commits=RECEIVED, answer=answer, then=then)


HEAD = b"HTTP/1.1 201 Created\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
KINDS = {
    # Before TLS, where there is any.
    "tls_garbage": Kind(reads=NOTHING, answer=http(200), then=FIN),
    "tls_stall": Kind(reads=NOTHING, then=HANG),
    # A proxy that opens no tunnel.
    **{
        f"proxy_{n}": Kind(reads=HEADERS, answer=http(n), then=FIN)
        for n in (403, 407, 502)
    },
    # Connections that break.
    "rst_accept": Kind(reads=NOTHING, then=RST),
    "fin_accept": Kind(reads=NOTHING, then=FIN),
    "rst_after_headers": Kind(reads=HEADERS, then=RST),
    "rst_after_commit": after_commit(b"", RST),
    "fin_after_commit": after_commit(b"", FIN),
    "half_a_header_after_commit": after_commit(HEAD + b"Content-", FIN),
    "hang_before_commit": only_received(b"", HANG),
    "hang_after_commit": after_commit(b"", HANG),
    "slow_loris_after_commit": after_commit(http(201, length=9999), DRIP),
    # Connections that break later: the request itself is answered.
    "reset_as_the_client_writes": Kind(commits=BEFORE, answer=WHOLE, then=RST_LATER),
    "closed_while_idle": Kind(commits=BEFORE, answer=WHOLE, then=FIN),
    # Statuses that prove nothing.
    "error_500": only_received(refusal(500, 500)),
    "error_500_after_commit": after_commit(refusal(500, 500)),
    "error_502": only_received(page(502)),
    "error_502_late_commit": Kind(commits=LATE, answer=page(502)),
    "error_504_after_commit": after_commit(page(504)),
    "error_522": only_received(page(522)),
    "error_503": only_received(page(503, Retry_After=2)),
    "error_503_bare": only_received(page(503)),
    "error_503_for_long": only_received(page(503, Retry_After=3000)),
    "timeout_408": only_received(page(408)),
    "firewall_403": Kind(answer=page(403)),
    "conflict_409": only_received(page(409)),
    **{f"redirect_{n}": Kind(answer=redirect(n)) for n in (301, 302, 303, 307, 308)},
    # Refusals.
    "throttled_429": only_received(refusal(429, 438, Retry_After=2)),
    "throttled_429_bare": only_received(http(429)),
    "throttled_429_for_long": only_received(refusal(429, 438, Retry_After=3000)),
    "too_early_425": only_received(page(425)),
    "refused_121": only_received(refusal(400, 121)),
    "refused_unknown_code": only_received(refusal(400, 98765)),
    "wrong_key_401": only_received(refusal(401, 101)),
    "wrong_key_401_page": only_received(page(401)),
    "forbidden_403": only_received(refusal(403, 209)),
    "no_credit_400": only_received(refusal(400, 104)),
    "no_credit_402": only_received(http(402)),
    "too_large_413": only_received(page(413)),
    # Answers to what was executed that nobody can read.
    "truncated_after_commit": after_commit(http(201, b"{", length=999), FIN),
    "broken_chunking_after_commit": after_commit(CHUNKED + b"zz\r\n{}\r\n", FIN),
    "bad_status_line_after_commit": after_commit(b"\x16\x03 garbage\r\n\r\n", FIN),
    "big_header_after_commit": after_commit(http(201, b"{}", X="x" * 9000), FIN),
    "bad_gzip_after_commit": after_commit(spoilt(b"no gzip", Content_Encoding="gzip")),
    "oversized_after_commit": after_commit(
        lambda gateway, status, real: http(status, bomb(), Content_Encoding="gzip")
    ),
    "html_after_commit": after_commit(spoilt(b"<html>Welcome", kind=HTML)),
    "empty_after_commit": after_commit(spoilt(b"")),
    "bad_json_after_commit": after_commit(spoilt(b'{"sms_ticket": "s')),
    "no_ticket_after_commit": after_commit(spoilt(b'{"total_cost": 1}')),
    "bad_utf8_after_commit": after_commit(spoilt(b'{"sms_ticket": "\xff"}')),
    "deep_nesting_after_commit": after_commit(spoilt(b"[" * 100_000)),
    "giant_integer_after_commit": after_commit(
        spoilt(b'{"sms_ticket": "s", "number_of_contacts": %s}' % (b"1" * 5000))
    ),
    "nan_after_commit": after_commit(spoilt(b'{"sms_ticket": "s", "total_cost": NaN}')),
}
HEALTHY = Kind(commits=BEFORE, answer=WHOLE)


async def streams(peer, tls):
    """Reader and writer of a socket that was accepted, after its TLS handshake."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, peer, ssl=tls)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class FaultGateway:
    """
    A server on the loopback, to be used with ``async with``.

    Args:
        script: What each connection meets, and each further request on one that is
            kept: a name of `KINDS`, or None for a healthy answer.
        seed: Of what is met after the script.
        probability: That a fault is met after the script at all.
        kinds: What is drawn from then.
        burns_ids: The law: ids are noted on receipt, else on acceptance.
        redirect_to: Where redirects point.
        tls: The context of a server that speaks TLS.
        date: What every answer says that the time is.

    Attributes:
        sent_log: Who got what, and how often.
        requests: Every request that arrived whole.
        heads: The head of every request, as it arrived.
        tries: How often a client tried, whatever arrived.
        open: Connections that are open now.
        noted: Ids that are refused as duplicates.
        port: Where it listens on 127.0.0.1.
        seen: How often each kind was met.
    """

    def __init__(
        self,
        *script,
        seed=0,
        probability=0.0,
        kinds=tuple(KINDS),
        burns_ids=False,
        redirect_to="",
        tls=None,
        date=None,
    ):
        self.sent_log = Counter()
        self.requests, self.heads = [], []
        self.tries = self.connections = self.open = 0
        self.noted = set()
        self.redirect_to = redirect_to
        self.seen = Counter()
        self._script = list(script)
        self._random = Random(seed)
        self._probability = probability
        self._kinds = kinds
        self._burns_ids = burns_ids
        self._tls = tls
        self._date = f"\r\nDate: {date}".encode() if date else b""
        self._late = []
        self._tasks = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self._listening.settimeout(0)
        self.port = self._listening.getsockname()[1]

    @property
    def url(self):
        """Where it listens."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    @property
    def ids(self):
        """The request ids of all requests that arrived whole."""
        return [one.request_id for one in self.requests]

    async def __aenter__(self):
        self._tasks.append(asyncio.ensure_future(self._accept()))
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._listening.close()
        self.settle()

    async def quiet(self):
        """Wait until no connection is open, and the client knows it."""
        calm = 0
        while calm < 5:
            await asyncio.sleep(0)
            calm = 0 if self.open else calm + 1

    def settle(self):
        """Execute what was answered with an error first."""
        late, self._late = self._late, []
        for request, known in late:
            self._execute(request, known=known)

    def _draw(self):
        self.tries += 1
        name = self._script.pop(0) if self._script else None
        if name is None and self._random.random() < self._probability:
            name = self._random.choice(self._kinds)
        self.seen[name] += 1
        return KINDS[name] if name else HEALTHY

    async def _accept(self):
        while True:
            peer, _ = await asyncio.get_running_loop().sock_accept(self._listening)
            self._tasks.append(asyncio.ensure_future(self._serve(peer)))

    async def _serve(self, peer):
        self.open += 1
        self.connections += 1
        connection, kind, first = self.connections, self._draw(), b""
        try:
            tls = self._tls if kind.reads != NOTHING else None
            reader, writer = await streams(peer, tls)
            with closing(writer):
                while await self._play(kind, reader, writer, connection, first) == KEEP:
                    first = await reader.read(1)
                    if not first:
                        break
                    kind = self._draw()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client has left
        finally:
            self.open -= 1

    async def _play(self, kind, reader, writer, connection, first):
        answer = kind.answer
        if kind.reads != NOTHING:
            head = first + await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
        if kind.reads == ALL:
            request = await self._read(head, reader, connection)
            status, body = self._process(request, kind.commits)
            if answer == WHOLE:
                answer = http(status, body)
            elif callable(answer):
                answer = answer(self, status, body)
        status_line, end, rest = answer.partition(b"\r\n")
        writer.write(status_line + self._date + end + rest)
        await writer.drain()
        await self._go_on(kind.then, reader, writer)
        return kind.then

    async def _go_on(self, then, reader, writer):
        if then == RST_LATER:
            await reader.read(1)
            self.tries += 1
        if then in {RST, RST_LATER}:
            now = struct.pack("ii", 1, 0)
            peer = writer.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            writer.transport.abort()
        elif then == HANG:
            await reader.read()
        elif then == DRIP:
            left = asyncio.ensure_future(reader.read())
            while not (await asyncio.wait({left}, timeout=DRIP_EVERY))[0]:
                writer.write(b" ")

    async def _read(self, head, reader, connection):
        start, *lines = head.decode().split("\r\n")
        method, target, _ = start.split(" ")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(
            method=method,
            path=target.partition("?")[0],
            headers=headers,
            body=json.loads(body or b"{}"),
            connection=connection,
        )
        self.requests.append(request)
        return request

    def _process(self, request, commits):
        """Do with a request what a fault lets the gateway do; give the real answer."""
        self.settle()
        known = request.request_id in self.noted
        if self._burns_ids and commits != NEVER:
            self.noted.add(request.request_id)
        if commits == LATE:
            self._late.append((request, known))
        return self._execute(request, known=known) if commits == BEFORE else (200, b"")

    def _execute(self, request, *, known):
        ticket = request.body.get("ticket_number")
        if request.method == "GET":
            return 200, b'{"ticket_number": "sms_1", "status": "validated"}'
        if request.method == "DELETE":
            if self.sent_log["cancel", ticket]:
                return 404, b'{"code": 131, "message": "no"}'
            self.sent_log["cancel", ticket] += 1
            return 200, b"{}"
        if ticket is not None:
            # Unlike the real one it does it again, so that the sent log shows it.
            self.sent_log["confirm", ticket] += 1
            return 200, b'{"sending_date": "2026-01-05 10:00:00"}'
        # Only a repeat of another request can have been noted in between.
        if known or (not self._burns_ids and request.request_id in self.noted):
            return 400, b'{"code": 120, "message": "no"}'
        self.noted.add(request.request_id)
        for one in request.body["recipients"]:
            self.sent_log[one["phone_number"], request.body["text"]] += 1
        return 201, b'{"sms_ticket": "sms_1", "number_of_contacts": 1}'
