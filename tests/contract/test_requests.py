"""Whatever keywords a call is given, its request fits the document."""

import json
from urllib.parse import unquote

import pytest
from contract.keywords import CALLS
from contract.table import ONE
from contract.wires import path_problems, request_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.contract import problems, query_problems, request_schema


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=15)
@given(data=st.data())
async def test_whatever_is_asked_fits_the_document(name, data):
    """Every choice of keywords that a call takes, up to their limits."""
    call, strategy = CALLS[name]
    keywords = data.draw(
        st.fixed_dictionaries(strategy) if isinstance(strategy, dict) else strategy
    )
    namespace, verb = call.split(".")

    request = await request_of(
        name,
        lambda octopush: getattr(getattr(octopush, namespace), verb)(**keywords),
    )

    assert path_problems(name, request.path) == []
    if "login" in keywords:
        assert keywords["login"] in map(unquote, request.path.split("/"))
    assert query_problems(name, request.query) == []
    pointer = request_schema(name)
    if pointer:
        assert problems(pointer, json.loads(request.body)) == []


async def test_an_id_of_yours_may_hold_more_than_the_document_says():
    """Hyphens and underscores: its pattern is a careful choice, and no fact."""
    request = await request_of(
        "send_sms_campaign",
        lambda octopush: octopush.sms.send(
            text="Hello",
            recipients=[ONE],
            sender="Acme",
            purpose="alert",
            request_id="order-17_b",
        ),
    )

    body = json.loads(request.body)
    assert body["request_id"] == "order-17_b"
    assert problems(request_schema("send_sms_campaign"), body) == [
        "$.request_id: 'order-17_b' does not match '^[0-9A-Za-z]+$'"
    ]
