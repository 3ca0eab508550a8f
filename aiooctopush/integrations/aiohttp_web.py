"""
Receive the gateway's callbacks with aiohttp.web, alone or inside an application::

    import os

    from aiohttp import web
    from aiooctopush import webhooks
    from aiooctopush.integrations import aiohttp_web

    async def handle(event: webhooks.Event) -> None:
        if isinstance(event, webhooks.OptOut):
            print("no more messages to", event)  # the number is masked

    token = os.environ["OCTOPUSH_WEBHOOK_TOKEN"]  # made once, by new_token()
    app = web.Application()
    app.add_subapp("/octopush", aiohttp_web.create_app(handle, token=token))

The URL to give to the gateway is then ``https://example.org/octopush/TOKEN``. Use
HTTPS only, because any sender with the token can post any event. Keep it out of access
logs, which show the path of each request.
"""

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from .._clock import Clock
from ..secret import Secret
from ._receiver import (
    BAD_REQUEST,
    DEFAULT_LIMITS,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    Handler,
    Limits,
    Receiver,
    new_token,
)


__all__ = ["DEFAULT_LIMITS", "Handler", "Limits", "create_app", "new_token"]

_ALLOWED: Final = {"Allow": "POST"}


def create_app(
    handler: Handler,
    *,
    token: str | Secret,
    limits: Limits = DEFAULT_LIMITS,
    answer_after_handling: bool = False,
    clock: Clock | None = None,
) -> web.Application:
    """
    An application that receives callbacks at ``/TOKEN``; run it, or add it to yours.

    It responds at once and without a body, and handles events afterwards. The status is
    200 also for unreadable callbacks. It is 404 for another token, 405 for another
    method, 413 over the limit, 503 while the queue is full. At shutdown accepted events
    are handled, within the limit; the log contains the number of events left.

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
    receiver = Receiver(
        handler,
        token=token,
        limits=limits,
        answer_after_handling=answer_after_handling,
        clock=clock,
    )

    async def run(_: web.Application) -> AsyncIterator[None]:
        async with receiver:
            yield

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            status = await receiver.receive(
                method=request.method,
                token=request.match_info["token"],
                content_type=request.headers.get("Content-Type"),
                length=request.content_length,
                chunks=request.content.iter_any(),
            )
        except web.RequestPayloadError:
            # Broken chunks or compression: no server of HTTP sends that.
            raise web.HTTPBadRequest from None
        except ConnectionError:
            # The client disconnected early and cannot receive a response.
            return web.Response(status=BAD_REQUEST)
        if status == NOT_FOUND:
            # The same as for any other path, so that this path is not revealed.
            raise web.HTTPNotFound
        headers = _ALLOWED if status == METHOD_NOT_ALLOWED else None
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.cleanup_ctx.append(run)
    app.router.add_route("*", "/{token}", answer)
    return app
