"""The sandbox answers each operation with a success that the document describes."""

import json

import pytest
from contract.table import FALLBACKS, LIST, ONE, ROWS, TAG
from contract.wires import Recorder
from fakes import session_over
from sandbox.contract import operations, problems, response_schema

from aiooctopush.api.contacts import ManyResults
from aiooctopush.sandbox import Gateway, GatewaySettings, SandboxTransport, VirtualClock


# What the documents leave open, one way and the other.
SETTINGS = [
    pytest.param({}, id="as-by-default"),
    pytest.param(
        {
            "strict_unknown_fields": True,
            "figures_as_text": True,
            "misspells_ready": True,
            "duplicate_check": "on_receipt",
            "brackets_mnp": True,
        },
        id="the-other-way",
    ),
]


async def exchange(name, settings):
    """Prepare and make the call: its answer on the wire, and what it was read as."""
    gateway = Gateway(GatewaySettings(**settings), clock=VirtualClock())
    gateway.lists[LIST] = [ONE]
    gateway.tags[TAG] = [ONE]
    recorder = Recorder(SandboxTransport(gateway), without=FALLBACKS.get(name))
    row = ROWS[name]
    async with session_over(recorder, clock=gateway.clock) as octopush:
        subject = await row.prepare(octopush, gateway) or row.subject
        result = await row.call(octopush, subject)
    request, response = recorder.exchanges[-1]
    return request, response, result


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", ROWS)
async def test_a_success_of_the_sandbox_fits_the_document(name, settings):
    """Status and body; no body where the document has none."""
    method, _, _ = operations()[name]

    request, response, _ = await exchange(name, settings)

    assert request.method == method
    assert response.status < 300
    schema = response_schema(name, response.status)
    if schema is None or not response.body:
        # No page shows what confirms a voice campaign: the document guesses.
        assert response.body == b""
        assert schema is None or name.startswith("confirm_voice_campaign")
    else:
        assert problems(schema, json.loads(response.body)) == []


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", ROWS)
async def test_a_success_of_the_sandbox_is_read(name, settings):
    """As the answer of the operation, accepted at the first try."""
    _, response, result = await exchange(name, settings)

    assert type(result) is ROWS[name].answer
    if isinstance(result, ManyResults):
        assert [one.outcome for one in result] == ["accepted"]
    else:
        assert (result.outcome, result.attempts) == ("accepted", 1)
        assert result.status == response.status
