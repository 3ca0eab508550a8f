"""Transports between a session and what answers it: they keep what was carried."""

import json
from urllib.parse import unquote

from contract.table import FALLBACKS
from fakes import answer, session_over
from sandbox.contract import cases_of, operations, parameters, problems

from aiooctopush import HttpResponse


class Recorder:
    """
    Carries on to another transport.

    Args:
        inner: What answers.
        without: A path of which the gateway knows nothing, it seems.

    Attributes:
        exchanges: Requests and their answers so far.
    """

    def __init__(self, inner, *, without=None):
        self.inner = inner
        self.without = without
        self.exchanges = []

    async def send(self, request):
        """See `Transport.send`."""
        if request.path == self.without:
            response = answer(404, {"code": 404, "message": "Not found"})
        else:
            response = await self.inner.send(request)
        self.exchanges.append((request, response))
        return response


class Said:
    """Answers every request alike."""

    def __init__(self, response):
        self.response = response

    async def send(self, _):
        """See `Transport.send`."""
        return self.response


def response(status, body):
    """A body on the wire; None for an empty one."""
    return HttpResponse(
        status=status, body=b"" if body is None else json.dumps(body).encode()
    )


async def request_of(name, call):
    """What a call puts on the wire, if it is answered as documented."""
    sample = next(
        one.values[1] for one in cases_of(name) if one.values[1]["status"] < 300
    )
    recorder = Recorder(
        Said(response(sample["status"], sample["response"] or {})),
        without=FALLBACKS.get(name),
    )
    async with session_over(recorder) as octopush:
        await call(octopush)
    request, _ = recorder.exchanges[-1]
    return request


def path_problems(operation_id, path):
    """What is wrong with the arguments in a path, in words; nothing if they fit."""
    template = operations()[operation_id][1]
    given = dict(zip(template.split("/"), path.split("/"), strict=True))
    return [
        problem
        for one in parameters(operation_id, "path")
        for problem in problems(one["schema"], unquote(given[f"{{{one['name']}}}"]))
    ]
