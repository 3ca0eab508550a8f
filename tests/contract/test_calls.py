"""Each operation is reached by a public call, whose request fits the document."""

import json
import re
from urllib.parse import unquote

import pytest
from contract.table import FALLBACKS, ROWS
from contract.wires import Recorder, Said, path_problems, request_of, response
from fakes import session_over
from sandbox.contract import (
    operations,
    problems,
    query_problems,
    request_schema,
)


LOGIN = "me@example.org"
KEY = "key-of-the-tests"
SETTINGS = response(200, {})


async def requested(name):
    """What the public call of an operation puts on the wire, at last."""
    row = ROWS[name]
    return await request_of(name, lambda octopush: row.call(octopush, row.subject))


@pytest.mark.parametrize("name", ROWS)
async def test_a_public_call_reaches_the_operation(name):
    """Its method, and its path with the argument in its place."""
    method, path, _ = operations()[name]
    template = re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(path))

    request = await requested(name)

    found = re.fullmatch(template, request.path)
    assert request.method == method
    assert found is not None
    assert [unquote(one) for one in found.groups()] == [ROWS[name].subject] * (
        path.count("{")
    )


@pytest.mark.parametrize("name", ROWS)
async def test_a_request_fits_the_document(name):
    """Body, query and path; a body only where the document has one."""
    pointer = request_schema(name)

    request = await requested(name)

    assert path_problems(name, request.path) == []
    assert query_problems(name, request.query) == []
    assert (request.body is None) == (pointer is None)
    if pointer:
        assert problems(pointer, json.loads(request.body)) == []


@pytest.mark.parametrize("name", ROWS)
async def test_a_request_carries_the_headers_of_every_page(name):
    """Login and key, and that the body is JSON."""
    request = await requested(name)

    assert {
        header: request.headers[header]
        for header in ("api-login", "api-key", "content-type")
    } == {"api-login": LOGIN, "api-key": KEY, "content-type": "application/json"}


@pytest.mark.parametrize("name", ROWS)
async def test_credentials_travel_in_headers_alone(name):
    """Paths and queries end up in the logs of everything on the way."""
    request = await requested(name)

    parts = [request.path, *(text for pair in request.query for text in pair)]
    carried = " ".join([*map(unquote, parts), (request.body or b"").decode()])
    assert LOGIN not in carried
    assert KEY not in carried
    others = {
        header: value
        for header, value in request.headers.items()
        if header not in {"api-login", "api-key"}
    }
    assert KEY not in str(others)
    assert LOGIN not in str(others)


@pytest.mark.parametrize("name", FALLBACKS)
async def test_an_alias_is_asked_only_if_the_first_address_is_not_found(name):
    """Conflict 23: two pages, two addresses; the older one first."""
    _, alias, _ = operations()[name]
    recorder = Recorder(Said(SETTINGS), without=FALLBACKS[name])
    found = Recorder(Said(SETTINGS))

    for transport in (recorder, found):
        async with session_over(transport) as octopush:
            await ROWS[name].call(octopush, ROWS[name].subject)

    asked = [
        [request.path for request, _ in one.exchanges] for one in (recorder, found)
    ]
    assert asked == [[FALLBACKS[name], alias], [FALLBACKS[name]]]
