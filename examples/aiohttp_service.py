"""
A shop on aiohttp.web: tells customers that their order is on its way, and keeps to it
when they want no more messages.

    pip install aiooctopush
    python examples/aiohttp_service.py

    curl -X POST localhost:8080/orders/17/shipped -d '{"phone_number": "+33639980001"}'

Opt-outs come to `/octopush/TOKEN`, the URL to enter in the gateway's settings; set
CALLBACK_TOKEN to 22 random letters or more, or else each start prints a new one. Which
account it is, account.py says.
"""

from collections.abc import AsyncIterator

from account import callback_token, open_session
from aiohttp import web

from aiooctopush import (
    DuplicateRequestError,
    InvalidFieldError,
    OctopushError,
    OctopushSession,
    Purpose,
    request_id_for,
    webhooks,
)
from aiooctopush.integrations import aiohttp_web
from aiooctopush.phone import normalize


OCTOPUSH = web.AppKey("OCTOPUSH", OctopushSession)
OPTED_OUT = web.AppKey("OPTED_OUT", set[str])  # a table in real life


async def session(app: web.Application) -> AsyncIterator[None]:
    """Share one session, and so one connection pool, between all requests."""
    async with open_session() as octopush:
        app[OCTOPUSH] = octopush
        yield


async def shipped(request: web.Request) -> web.Response:
    """Tell a customer, once for each order however often this is asked."""
    try:
        wanted = await request.json()
        # As an opt-out has it, however the shop writes it.
        number = normalize(wanted["phone_number"])
    except InvalidFieldError as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from error
    except (ValueError, LookupError, TypeError) as error:
        problem = "must be a JSON object with phone_number"
        raise web.HTTPBadRequest(text=problem) from error
    if number in request.app[OPTED_OUT]:
        return web.json_response({"outcome": "opted out"})
    order = request.match_info["order"]
    try:
        sent = await request.app[OCTOPUSH].sms.send(
            text=f"Your order {order} is on its way",
            recipients=[number],
            sender="Acme",
            purpose=Purpose.ALERT,
            request_id=request_id_for(f"order-{order}-shipped"),
        )
    except DuplicateRequestError:
        return web.json_response({"outcome": "sent before"})
    except OctopushError as error:
        # Asked again, it has the same id: nothing is sent twice.
        outcome = "unknown" if error.maybe_sent else str(error.outcome)
        return web.json_response({"outcome": outcome}, status=503)
    return web.json_response({"outcome": str(sent.outcome)})


def create_app(token: str) -> web.Application:
    """Make the application; the token is the secret part of the callback URL."""
    app = web.Application()
    app[OPTED_OUT] = set()
    app.cleanup_ctx.append(session)
    app.router.add_post("/orders/{order}/shipped", shipped)

    async def take(event: webhooks.Event) -> None:
        if isinstance(event, webhooks.OptOut):
            app[OPTED_OUT].add(event.number)

    app.add_subapp("/octopush", aiohttp_web.create_app(take, token=token))
    return app


if __name__ == "__main__":
    # A log of requests would show the token.
    web.run_app(create_app(callback_token()), access_log=None)
