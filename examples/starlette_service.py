"""
Log in by telephone on Starlette: the gateway makes the code, and checks it.

    pip install aiooctopush starlette uvicorn
    uvicorn --app-dir examples starlette_service:app

    curl -X POST localhost:8000/login -d '{"phone_number": "+33639980001"}'
    curl -X POST localhost:8000/login/check \
         -d '{"phone_number": "+33639980001", "code": "123456"}'

Which account it is, account.py says.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from account import open_session
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from aiooctopush import InvalidFieldError, OctopushError, OctopushSession, Secret


class State(TypedDict):
    """What all requests share."""

    octopush: OctopushSession
    tokens: dict[str, Secret]  # a cache with a time limit in real life


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[State]:
    """Share one session, and so one connection pool, between all requests."""
    async with open_session() as octopush:
        yield {"octopush": octopush, "tokens": {}}


async def fields(request: Request, *names: str) -> list[str]:
    """Read fields of a JSON object; without them it is a bad request."""
    try:
        found = await request.json()
        return [found[name] for name in names]
    except (ValueError, LookupError, TypeError) as error:
        problem = f"must be a JSON object with {' and '.join(names)}"
        raise HTTPException(400, problem) from error


async def start(request: Request) -> JSONResponse:
    """Send a code. Nothing protects a repeat: the person asks for a new one."""
    (number,) = await fields(request, "phone_number")
    try:
        sent = await request.state.octopush.otp.generate(
            number,
            text="Your code is {code}",
            timeout=10,  # a person is waiting
        )
    except InvalidFieldError as error:
        return JSONResponse({"problem": str(error)}, 422)
    except OctopushError as error:
        return JSONResponse({"code_may_come": error.maybe_sent}, 503)
    request.state.tokens[number] = sent.token
    return JSONResponse({"code_may_come": True})


async def check(request: Request) -> JSONResponse:
    """Let in whoever types the right code; a wrong one is no error."""
    number, code = await fields(request, "phone_number", "code")
    token = request.state.tokens.get(number)
    if token is None:
        return JSONResponse({"state": "not_found"}, 403)
    try:
        found = await request.state.octopush.otp.validate(code, token=token)
    except OctopushError:
        return JSONResponse({"state": "try again"}, 503)
    if found:
        del request.state.tokens[number]
    return JSONResponse({"state": str(found.state)}, 200 if found else 403)


app = Starlette(
    routes=[
        Route("/login", start, methods=["POST"]),
        Route("/login/check", check, methods=["POST"]),
    ],
    lifespan=lifespan,
)
