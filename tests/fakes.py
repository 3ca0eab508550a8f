"""Stand-ins for the network: a transport that follows a script, and short hands."""

import json

from aiooctopush import HttpResponse, OctopushSession
from aiooctopush.sandbox import VirtualClock


ACCEPTED = {"sms_ticket": "sms_1", "number_of_contacts": 1, "total_cost": 0.05}


def answer(status=201, body=None, **headers):
    """An answer of the gateway; header names with underscores."""
    return HttpResponse(
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=json.dumps(ACCEPTED if body is None else body).encode(),
    )


def refusal(code, status=400, **headers):
    """A refusal with a code of the gateway."""
    return answer(status, {"code": code, "message": "no"}, **headers)


class ScriptedTransport:
    """
    Plays a list: answers are returned, exceptions raised, callables called.

    Attributes:
        requests: What was carried so far.
    """

    def __init__(self, *script):
        self.script = list(script)
        self.requests = []

    async def send(self, request):
        """See `Transport.send`."""
        self.requests.append(request)
        step = self.script.pop(0)
        if callable(step):
            step = await step(request)
        if isinstance(step, BaseException):
            raise step
        return step

    @property
    def bodies(self):
        """The bodies of all requests, read as JSON."""
        return [json.loads(request.body) for request in self.requests]

    @property
    def ids(self):
        """The request ids of all requests."""
        return [body["request_id"] for body in self.bodies]


class FixedRandom:
    """Draws the same number for ever."""

    def __init__(self, draw=0.5):
        self.draw = draw

    def random(self):
        """See `random.Random.random`."""
        return self.draw


def session_over(transport, *, clock=None, **options):
    """A session in virtual time over a transport."""
    options.setdefault("random", FixedRandom())
    return OctopushSession(
        "me@example.org",
        "key-of-the-tests",
        transport=transport,
        clock=clock or VirtualClock(),
        **options,
    )


MESSAGE = {
    "text": "Your code is 1234",
    "recipients": ["+33639980001"],
    "sender": "Acme",
    "purpose": "alert",
}
