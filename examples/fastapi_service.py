"""
Sign-up codes from a FastAPI service.

    pip install aiooctopush fastapi uvicorn
    octopush sandbox &                                    # or your own account
    export OCTOPUSH_BASE_URL=http://127.0.0.1:8025
    export OCTOPUSH_API_LOGIN=me@example.org OCTOPUSH_API_KEY=key
    uvicorn --app-dir examples fastapi_service:app
    curl -X POST localhost:8000/codes -H 'content-type: application/json' \
         -d '{"phone_number": "+33639980001", "signup": "42"}'
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from aiooctopush import (
    DuplicateRequestError,
    InvalidFieldError,
    NotSentError,
    OctopushSession,
    Purpose,
    RefusedError,
    UnknownOutcomeError,
    request_id_for,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Share one session, and so one connection pool, between all requests."""
    async with OctopushSession.from_env() as octopush:
        app.state.octopush = octopush
        app.state.codes = {}  # a database in real life
        yield


app = FastAPI(lifespan=lifespan)


class Signup(BaseModel):
    """Who wants a code; `signup` names the attempt in our own data."""

    phone_number: str
    signup: str


@app.post("/codes")
async def send_code(wanted: Signup, request: Request) -> dict[str, str]:
    """
    Send a code, once for each sign-up however often the browser asks.

    The same sign-up has the same code and the same request_id, so that asking again
    after a time-out cannot send a second message.
    """
    octopush: OctopushSession = request.app.state.octopush
    code = request.app.state.codes.setdefault(
        wanted.signup, f"{secrets.randbelow(1_000_000):06}"
    )
    try:
        sent = await octopush.sms.send(
            text=f"Your code is {code}",
            recipients=[wanted.phone_number],
            sender="Acme",
            purpose=Purpose.ALERT,
            request_id=request_id_for(f"signup-{wanted.signup}"),
            deadline=10,  # a person is waiting
        )
    except InvalidFieldError as error:
        raise HTTPException(422, str(error)) from error
    except DuplicateRequestError:
        return {"outcome": "sent before"}
    except RefusedError as error:
        if error.maybe_sent:
            return {"outcome": "unknown"}
        raise HTTPException(502, "the gateway refused") from error
    except NotSentError as error:
        raise HTTPException(503, "try again in a moment") from error
    except UnknownOutcomeError:
        # It may have arrived: let the person look, and offer to ask again.
        return {"outcome": "unknown"}
    return {"outcome": str(sent.outcome)}
