"""
Receive the gateway's callbacks in any ASGI application: FastAPI, Starlette, Litestar,
or none. Mounted, it is entered in the lifespan of the application around it::

    import os
    from contextlib import asynccontextmanager

    from fastapi import FastAPI

    from aiooctopush import webhooks
    from aiooctopush.integrations import asgi

    async def handle(event: webhooks.Event) -> None:
        if isinstance(event, webhooks.OptOut):
            print("no more messages to", event)  # the number is masked

    token = os.environ["OCTOPUSH_WEBHOOK_TOKEN"]  # made once, by asgi.new_token()
    callbacks = asgi.CallbackApp(handle, token=token)

    @asynccontextmanager
    async def lifespan(app):
        async with callbacks:  # leaving it handles what was taken
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/octopush", callbacks)

Alone (``uvicorn module:callbacks``) it needs none of that, because the server's
lifespan does the same.

The URL to give to the gateway is then ``https://example.org/octopush/TOKEN``. Use
HTTPS only, because any sender with the token can post any event. Keep it out of access
logs, which show the path of each request.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Self

from .._clock import Clock
from ..secret import Secret
from ._receiver import (
    DEFAULT_LIMITS,
    METHOD_NOT_ALLOWED,
    Handler,
    Limits,
    Receiver,
    new_token,
)


__all__ = [
    "DEFAULT_LIMITS",
    "CallbackApp",
    "Handler",
    "Limits",
    "Receive",
    "Scope",
    "Send",
    "new_token",
]

Scope = MutableMapping[str, Any]
"""The scope of a connection."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""The receive function of the server."""

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
"""The send function of the server."""

_MAX_DIGITS = 18


class _ClientLeftError(Exception):
    """The client has disconnected."""


class CallbackApp:
    """
    An ASGI application that receives callbacks at any path that ends in ``/TOKEN``.

    It responds at once and without a body, and handles events afterwards. The status is
    200 also for unreadable callbacks. It is 404 for another token, 405 for another
    method, 413 over the limit, 503 while the queue is full. At shutdown accepted events
    are handled, within the limit; the log contains the number of events left.

    Frameworks do not pass the lifespan to mounted applications: enter it there with
    ``async with``. Without it, the application responds with 503 and logs the reason.

    Args:
        handler: Awaited for every event; its exceptions are logged, without their
            messages.
        token: The secret in the path; `new_token` makes one.
        limits: Limits of size, queue and time.
        answer_after_handling: Whether the handler is awaited before the response: 503
            if it fails, so that the gateway may post again. It must be quick, such as
            one that writes events to a disk.
        clock: For the time limit at shutdown.

    Raises:
        InvalidFieldError: The token is guessable, or the handler is not async.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        token: str | Secret,
        limits: Limits = DEFAULT_LIMITS,
        answer_after_handling: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._receiver = Receiver(
            handler,
            token=token,
            limits=limits,
            answer_after_handling=answer_after_handling,
            clock=clock,
        )

    def __repr__(self) -> str:
        return f"<CallbackApp: {self.waiting} events waiting>"

    @property
    def waiting(self) -> int:
        """Events that were accepted and are not handled yet."""
        return self._receiver.waiting

    async def __aenter__(self) -> Self:
        await self._receiver.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._receiver.__aexit__(*error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI 3 has it."""
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close", "code": 1000})
            case other:
                raise ValueError(f"no ASGI connection that we know: {other!r}")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        async with self:
            await send({"type": "lifespan.startup.complete"})
            await receive()  # lifespan.shutdown
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name.lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        length = headers.get(b"content-length", "")
        # Frameworks differ in how much of a mounted path they leave: the end is ours.
        token = scope["path"].rpartition("/")[2]
        try:
            status = await self._receiver.receive(
                method=scope["method"],
                token=token,
                content_type=headers.get(b"content-type"),
                length=int(length) if _is_length(length) else None,
                chunks=_chunks(receive),
            )
        except _ClientLeftError:
            return
        answer: list[tuple[bytes, bytes]] = [(b"content-length", b"0")]
        if status == METHOD_NOT_ALLOWED:
            answer.append((b"allow", b"POST"))
        start = {"type": "http.response.start", "status": status, "headers": answer}
        await send(start)
        await send({"type": "http.response.body", "body": b""})


def _is_length(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _ClientLeftError
        yield message.get("body", b"")
        more = message.get("more_body", False)
