"""
Whatever anybody sends, the sandbox answers as documented and never fails.

Requests are made of documented ones, with values of any kind put in their places;
several of them meet one gateway, so that later ones find what earlier ones left.
"""

import json
import os

import pytest
from contract.table import LIST, LOGIN, ONE, ROWS, TAG
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.calls import HEADERS, fresh_gateway
from sandbox.contract import (
    cases_of,
    operations,
    problems,
    request_schema,
    resolved,
    response_schema,
)

from aiooctopush._wire import HttpRequest


# More of them in the session contract.
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "50"))
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
SUBACCOUNT = "sandbox1@sub-accounts.com"
ERROR = "#/components/schemas/Error"

# Among them what exists: in the gateway below, or after an earlier request.
known = st.sampled_from(
    [
        ONE,
        "+999000000",
        LIST,
        TAG,
        SUBACCOUNT,
        "sms_5f3fbce61266e",
        "voice_5f3fbce61266e",
        "wallet_pack_1",
        f"token-{2:026x}",
        "2026-01-05T12:00:00+00:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2026-01-05 12:00:00",
        "FR",
        "true",
        "email",
        "voice_sms",
    ]
)
numbers = st.integers() | st.sampled_from([0, 1, 2**31, 2**64, 10**40, -(10**40)])
leaves = (
    st.none()
    | st.booleans()
    | numbers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | known
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["phone_number", "email", "param1", "type", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def documented_bodies(name):
    """What the samples of an operation ask for."""
    bodies = [one.values[1]["request"] for one in cases_of(name)]
    return [body for body in bodies if body] or [{}]


def carried(body):
    """A body as bytes; now and then what is no object, and no JSON."""
    if body is None:
        return st.none()
    written = st.just(json.dumps(body).encode())
    return st.one_of(*[written] * 9, st.binary(max_size=9))


@st.composite
def requests(draw):
    """A request to some operation, with its name."""
    name = draw(st.sampled_from(list(ROWS)))
    method, path, row = operations()[name]
    body, query = None, ()
    pointer = request_schema(name)
    if pointer:
        fields = [*resolved(pointer)["properties"], "request_id"]
        changes = draw(st.dictionaries(st.sampled_from(fields), anything, max_size=3))
        body = draw(st.sampled_from(documented_bodies(name))) | changes
    for one in map(resolved, row.get("parameters", ())):
        values = draw(st.lists(st.text(max_size=3) | known, max_size=2))
        query += tuple((one["name"], value) for value in values)
    request = HttpRequest(
        method=method,
        path=path.replace("{login}", draw(st.sampled_from([SUBACCOUNT, LOGIN, "x"]))),
        query=query,
        headers=HEADERS,
        body=draw(carried(body)),
    )
    return name, request


def check(name, response):
    """Hold an answer against the document; whatever it does not list is an error."""
    listed = str(response.status) in operations()[name][2]["responses"]
    success = response.status < 300
    schema = response_schema(name, response.status) if listed or success else ERROR
    assert response.status < 500
    if response.body:
        assert response.headers["content-type"] == "application/json"
        assert problems(schema, json.loads(response.body)) == []
    else:
        # No page shows what confirms a voice campaign: the document guesses.
        assert schema is None or name.startswith("confirm_voice_campaign")


@pytest.mark.timeout(max(20, EXAMPLES // 5))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "strict_unknown_fields": True,
            "figures_as_text": True,
            "duplicate_check": "on_receipt",
        },
    ],
    ids=["as-by-default", "the-other-way"],
)
@settings(max_examples=EXAMPLES)
@given(sent=st.lists(requests(), min_size=1, max_size=6))
def test_the_sandbox_answers_whatever_is_sent(options, sent):
    """No failure of its own, and every answer as the document describes it."""
    gateway = fresh_gateway(**options)
    gateway.lists[LIST] = [ONE]
    gateway.tags[TAG] = [ONE]

    for name, request in sent:
        check(name, gateway.handle(request))


def methods_of(path):
    """The methods that the document has for a path."""
    return {method for method, known, _ in operations().values() if known == path}


PATHS = sorted({path for _, path, _ in operations().values()})


@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_refused(path):
    """405, with those that would do, as HTTP wants it; before any credentials."""
    allowed = methods_of(path)
    asked = path.replace("{login}", SUBACCOUNT)

    answers = [
        fresh_gateway().handle(HttpRequest(method=method, path=asked))
        for method in METHODS
        if method not in allowed
    ]

    assert {one.status for one in answers} == {405}
    assert {one.headers["allow"] for one in answers} == {", ".join(sorted(allowed))}
