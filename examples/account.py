"""
Where the examples get their session from.

Without an account it is a gateway inside the program, where nobody gets a message.
With one, real messages go out, and cost money:

    export OCTOPUSH_API_LOGIN=me@example.org OCTOPUSH_API_KEY=key

Your own code needs none of this: it calls `OctopushSession.from_env()`.
"""

import os

from aiooctopush import Observer, OctopushSession
from aiooctopush.integrations.asgi import new_token
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxTransport


def open_session(
    *, faults: FaultPlan | None = None, observer: Observer | None = None
) -> OctopushSession:
    """Open a session with the account of the environment, or else with a sandbox."""
    if "OCTOPUSH_API_KEY" in os.environ:
        return OctopushSession.from_env(observer=observer)
    return OctopushSession(
        "me@example.org",
        "key",
        transport=SandboxTransport(Gateway(), faults),
        observer=observer,
    )


def callback_token() -> str:
    """Read the secret part of the callback URL, or make one and show it."""
    token = os.environ.get("CALLBACK_TOKEN")
    if not token:
        token = new_token()
        print(f"No CALLBACK_TOKEN is set: callbacks go to /octopush/{token} this time.")
    return token
