"""The gateway behind aiohttp.web, with faults that happen on a real socket."""

import asyncio
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Final, Self

from aiohttp import web
from attrs import define, field, frozen
from yarl import URL

from .._wire import HttpRequest, HttpResponse
from ..errors import InvalidFieldError
from .callbacks.posting import CallbackPoster
from .callbacks.schedule import Callbacks
from .faults import LIVE_KINDS, Fault, FaultPlan
from .gateway import Gateway
from .namespaces.otp import OneTimeCode
from .sent_log import Entry


SENT_PATH: Final = "/__sandbox__/sent"
CODES_PATH: Final = "/__sandbox__/codes"
RESET_PATH: Final = "/__sandbox__/reset"
REPLY_PATH: Final = "/__sandbox__/reply"
OPT_OUT_PATH: Final = "/__sandbox__/opt-out"

# A batch of 500 personalized recipients takes about 150 kB.
_MOST_BYTES = 16 * 1024 * 1024
_MEBIBYTE = bytes(1024 * 1024).replace(b"\0", b"0")
_BOMB_MEBIBYTES = 128
# How soon a hung request notices that its client has left; and a byte of the drip.
_LOOK_AGAIN = 0.05
_SHUTDOWN_SECONDS = 1.0

# Raw bytes: aiohttp.web refuses to write invalid HTTP.
_HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
_Break = Callable[[asyncio.Transport, asyncio.Event], Awaitable[None]]

_STOPPING: Final = web.AppKey("stopping", asyncio.Event)
_POSTING: Final = web.AppKey("posting", asyncio.Task)


@frozen(kw_only=True)
class ServedRequest:
    """
    A request that a server of the sandbox is done with.

    Attributes:
        method: Such as ``POST``.
        path: As it was requested, without the query.
        status: Status of the response; None if the client gets no HTTP response.
        fault: The kind of fault that it met, or None.
        accepted: The entries that joined the sent log since the request before it.
        codes: The one-time codes that were sent since the request before it.
    """

    method: str
    path: str
    status: int | None
    fault: str | None
    accepted: tuple[Entry, ...]
    codes: tuple[OneTimeCode, ...]


def create_app(
    gateway: Gateway | None = None,
    faults: FaultPlan | None = None,
    *,
    poster: CallbackPoster | None = None,
    on_request: Callable[[ServedRequest], None] | None = None,
) -> web.Application:
    """
    Put a gateway behind HTTP.

    ``GET /__sandbox__/sent`` gives the sent log as JSON, ``GET /__sandbox__/codes``
    the one-time codes, and ``POST /__sandbox__/reset`` empties both. ``POST
    /__sandbox__/reply`` with ``{"number": …, "text": …}`` plays a reply of that
    number, ``/__sandbox__/opt-out`` likewise, where STOP is the text by default.
    None of them meets a fault.

    Args:
        gateway: The gateway that executes the requests; a fresh one by default.
        faults: The planned faults; none by default. Kinds that only a client without a
            connection can meet are left out of its default kinds.
        poster: Posts the callbacks of this gateway while the application runs; by
            default none are posted.
        on_request: Called with each request once the gateway has executed it, and
            before a fault holds its response back; must not raise. Requests to
            ``/__sandbox__/`` are left out.

    Raises:
        ValueError: The plan names a kind that a live server cannot play:
            ``connection_refused``, ``dns_failure``, ``connect_timeout``,
            ``tls_failure`` or ``bad_certificate``.
    """
    if faults is not None:
        faults.restrict(LIVE_KINDS)
    door = _Door(gateway or Gateway(), faults, poster, on_request)
    app = web.Application(client_max_size=_MOST_BYTES)
    app[_STOPPING] = asyncio.Event()
    app.on_shutdown.append(_stop)
    app.router.add_get(SENT_PATH, door.sent)
    app.router.add_get(CODES_PATH, door.codes)
    app.router.add_post(RESET_PATH, door.reset)
    app.router.add_post(REPLY_PATH, door.reply)
    app.router.add_post(OPT_OUT_PATH, door.opt_out)
    app.on_startup.append(door.start)
    app.on_cleanup.append(door.finish)
    app.router.add_route("*", "/{path:.*}", door.serve)
    return app


class SandboxServer:
    """
    A gateway on a port of this machine, for the length of an ``async with``.

    Args:
        gateway: The gateway that executes the requests; a fresh one by default.
        faults: The planned faults; see `create_app`.
        poster: Posts the callbacks of this gateway; see `create_app`.
        on_request: Called with each request that was served; see `create_app`.
        host: Address to listen on.
        port: 0 selects a free one.

    Attributes:
        gateway: The gateway, with its sent log.
    """

    def __init__(
        self,
        *,
        gateway: Gateway | None = None,
        faults: FaultPlan | None = None,
        poster: CallbackPoster | None = None,
        on_request: Callable[[ServedRequest], None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.gateway: Gateway = gateway or Gateway()
        self._app = create_app(
            self.gateway, faults, poster=poster, on_request=on_request
        )
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:8080``; without a slash."""
        if self._runner is None:
            raise RuntimeError("the server is not running: use `async with`")
        port = self._runner.addresses[0][1]
        # yarl adds brackets to an address if necessary.
        return str(URL.build(scheme="http", host=self._host, port=port))

    async def __aenter__(self) -> Self:
        runner = web.AppRunner(
            self._app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        try:
            await runner.setup()
            await web.TCPSite(runner, self._host, self._port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        return self

    async def __aexit__(self, *_: object) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


async def _stop(app: web.Application) -> None:
    app[_STOPPING].set()


@define
class _Door:
    _gateway: Gateway
    _faults: FaultPlan | None
    _poster: CallbackPoster | None = None
    _on_request: Callable[[ServedRequest], None] | None = None
    _reported: tuple[int, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._reported = len(self._gateway.sent_log), len(self._gateway.codes)

    async def start(self, app: web.Application) -> None:
        if self._poster is not None:
            # No task group: aiohttp may start and stop an application in two tasks.
            app[_POSTING] = asyncio.create_task(self._poster.run())

    async def finish(self, app: web.Application) -> None:
        if self._poster is not None:
            app[_POSTING].cancel()
            with suppress(asyncio.CancelledError):
                await app[_POSTING]

    async def sent(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self._gateway.sent_log.as_json())

    async def codes(self, _: web.Request) -> web.StreamResponse:
        return web.json_response([one.as_json() for one in self._gateway.codes])

    async def reset(self, _: web.Request) -> web.StreamResponse:
        self._gateway.reset()
        self._reported = 0, 0
        return web.Response(status=204)

    async def reply(self, web_request: web.Request) -> web.StreamResponse:
        return await self._on_demand(web_request, Callbacks.reply)

    async def opt_out(self, web_request: web.Request) -> web.StreamResponse:
        return await self._on_demand(web_request, Callbacks.opt_out, text="STOP")

    async def _on_demand(
        self,
        web_request: web.Request,
        order: Callable[[Callbacks, str, str], None],
        **default: str,
    ) -> web.StreamResponse:
        if self._poster is None:
            return _problem(409, "no callbacks are posted: give a URL to post them to")
        try:
            wanted = default | await web_request.json()
            order(self._poster.callbacks, wanted["number"], wanted["text"])
        except InvalidFieldError as error:
            return _problem(400, str(error))
        except (KeyError, TypeError, ValueError):
            return _problem(400, 'expected JSON with "number" and "text"')
        self._wake()
        return web.Response(status=202)

    def _wake(self) -> None:
        if self._poster is not None:
            self._poster.wake()

    def _report(
        self, request: HttpRequest, answer: HttpResponse | None, fault: Fault | None
    ) -> None:
        if self._on_request is None:
            return
        entries, codes = self._reported
        sent_log, sent = self._gateway.sent_log, self._gateway.codes
        self._reported = len(sent_log), len(sent)
        self._on_request(
            ServedRequest(
                method=request.method,
                path=request.path,
                status=None if answer is None else answer.status,
                fault=None if fault is None else fault.kind,
                accepted=sent_log.since(entries),
                codes=sent[codes:],
            )
        )

    async def serve(self, web_request: web.Request) -> web.StreamResponse:
        client = web_request.transport
        if client is None:
            return _gone()  # it left before anybody looked at its request
        # The plan decides on method, path and headers: some faults strike before
        # the body is read.
        head = _request(web_request, None)
        fault = self._faults.next(head) if self._faults else None
        if fault is not None and fault.kind in _UNREAD:
            self._report(head, None, fault)
            _reset(client)
            return _gone()
        request = _request(web_request, await web_request.read())
        if fault is None:
            answer = self._gateway.handle(request)
            self._report(request, answer, None)
            self._wake()
            return _answer(answer)
        spoilt = fault.play(self._gateway, request)
        # Before the client meets the fault: it may hang for long.
        self._report(request, spoilt, fault)
        self._wake()
        if spoilt is not None:
            return _answer(spoilt)
        await _BREAKS[fault.kind](client, web_request.app[_STOPPING])
        return _gone()


def _request(web_request: web.Request, body: bytes | None) -> HttpRequest:
    return HttpRequest(
        method=web_request.method,
        path=web_request.rel_url.raw_path,
        query=tuple(web_request.query.items()),
        headers={name.lower(): value for name, value in web_request.headers.items()},
        body=body or None,
    )


def _answer(response: HttpResponse) -> web.Response:
    return web.Response(
        status=response.status, headers=response.headers, body=response.body
    )


def _problem(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


def _gone() -> web.Response:
    # aiohttp wants a response; the connection it would go to is closed.
    return web.Response()


# --- faults that happen on the socket -------------------------------------------------


def _reset(client: asyncio.Transport) -> None:
    connection = client.get_extra_info("socket")
    # Lingering for nought seconds turns the close into a reset.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.abort()


async def _break_off(client: asyncio.Transport, _: asyncio.Event) -> None:
    _reset(client)


async def _hang(client: asyncio.Transport, stopping: asyncio.Event) -> None:
    await _drip_on(client, stopping, b"")


async def _drip(client: asyncio.Transport, stopping: asyncio.Event) -> None:
    # Spaces before the JSON are legal, so the response stays valid so far.
    client.write(_HEAD + b"Content-Length: 1000000\r\n\r\n")
    await _drip_on(client, stopping, b" ")


async def _drip_on(
    client: asyncio.Transport, stopping: asyncio.Event, drop: bytes
) -> None:
    while not (stopping.is_set() or client.is_closing()):
        client.write(drop)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN):
                await stopping.wait()
    client.close()


async def _explode(client: asyncio.Transport, _: asyncio.Event) -> None:
    client.write(await asyncio.to_thread(_bomb))
    client.close()


def _say(raw: bytes) -> _Break:
    async def say(client: asyncio.Transport, _: asyncio.Event) -> None:
        client.write(raw)
        client.close()

    return say


def _packed(body: bytes) -> bytes:
    length = f"Content-Length: {len(body)}\r\n".encode()
    return _HEAD + b"Content-Encoding: gzip\r\n" + length + b"\r\n" + body


@cache
def _bomb() -> bytes:
    # 130 kB on the wire.
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    pieces = [packer.compress(b'{"sms_ticket": "')]
    pieces += [packer.compress(_MEBIBYTE) for _ in range(_BOMB_MEBIBYTES)]
    pieces += [packer.compress(b'"}'), packer.flush()]
    return _packed(b"".join(pieces))


_UNREAD: Final = frozenset({"rst_accept", "rst_after_headers"})

_BREAKS: Final[Mapping[str, _Break]] = {
    "fin_accept": _say(b""),
    "rst_after_commit": _break_off,
    "fin_after_commit": _say(b""),
    "hang_before_commit": _hang,
    "hang_after_commit": _hang,
    "truncated_after_commit": _say(
        _HEAD + b'Content-Length: 9999\r\n\r\n{"sms_ticket": "sms_5f3f'
    ),
    "bad_status_line_after_commit": _say(b"HTP/9 what? \x00\xff\r\n\r\n"),
    "bad_gzip_after_commit": _say(_packed(b"this was never packed")),
    "oversized_after_commit": _explode,
    "slow_loris_after_commit": _drip,
}
