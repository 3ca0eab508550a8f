"""
Sign-up codes from a FastAPI service, and what became of them.

    pip install aiooctopush fastapi uvicorn
    uvicorn --app-dir examples fastapi_service:app

    curl -X POST localhost:8000/codes -H 'content-type: application/json' \
         -d '{"phone_number": "+33639980001", "signup": "42"}'
    curl localhost:8000/codes/42

Receipts come to `/octopush/TOKEN`, the URL to enter in the gateway's settings; set
CALLBACK_TOKEN to 22 random letters or more, or else each start prints a new one. Which
account it is, account.py says.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from account import callback_token, open_session
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
    webhooks,
)
from aiooctopush.integrations import asgi


@dataclass
class Signup:
    """Somebody who wants to sign up; a row of a database in real life."""

    phone_number: str
    code: str = field(
        default_factory=lambda: f"{secrets.randbelow(1_000_000):06}", repr=False
    )
    outcome: str = "not sent"
    delivery: str = "not known yet"


signups: dict[str, Signup] = {}


async def take(event: webhooks.Event) -> None:
    """Note what a receipt says; one may come twice, and before our own answer."""
    if isinstance(event, webhooks.DeliveryReceipt):
        for signup in signups.values():
            if signup.phone_number == event.number:
                signup.delivery = str(event.status)


callbacks = asgi.CallbackApp(take, token=callback_token())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Share one session, and so one connection pool, between all requests."""
    async with open_session() as octopush, callbacks:
        app.state.octopush = octopush
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/octopush", callbacks)


class Wanted(BaseModel):
    """Who wants a code; `signup` names the attempt in our own data."""

    phone_number: str
    signup: str


@app.post("/codes")
async def send_code(wanted: Wanted, request: Request) -> dict[str, str]:
    """
    Send a code, once for each sign-up however often the browser asks.

    The same sign-up has the same code and the same request_id, so that asking again
    after a time-out cannot send a second message.
    """
    octopush: OctopushSession = request.app.state.octopush
    signup = signups.setdefault(wanted.signup, Signup(wanted.phone_number))
    try:
        sent = await octopush.sms.send(
            text=f"Your code is {signup.code}",
            recipients=[signup.phone_number],
            sender="Acme",
            purpose=Purpose.ALERT,
            request_id=request_id_for(f"signup-{wanted.signup}"),
            timeout=10,  # a person is waiting
        )
    except InvalidFieldError as error:
        del signups[wanted.signup]
        raise HTTPException(422, str(error)) from error
    except DuplicateRequestError:
        return {"outcome": "sent before"}
    except NotSentError as error:
        raise HTTPException(503, "try again in a moment") from error
    except (RefusedError, UnknownOutcomeError) as error:
        # It may have arrived: let the person look, and offer to ask again.
        signup.outcome = "unknown" if error.maybe_sent else "refused"
        if not error.maybe_sent:
            raise HTTPException(502, "the gateway refused") from error
    else:
        signup.outcome = str(sent.outcome)
    return {"outcome": signup.outcome}


@app.get("/codes/{signup}")
async def look(signup: str) -> dict[str, str]:
    """Tell what the gateway said of a code, and whether the telephone got it."""
    if signup not in signups:
        raise HTTPException(404)
    return {"outcome": signups[signup].outcome, "delivery": signups[signup].delivery}
