"""
Tests of your own code: no network, no account, no waiting.

    pip install aiooctopush pytest pytest-asyncio
    pytest examples/test_signup.py

They ask the sandbox's sent log what was accepted, not the code what it believes it
sent.
"""

from typing import TYPE_CHECKING

import pytest

from aiooctopush import OctopushSession, Purpose, UnknownOutcomeError, request_id_for


if TYPE_CHECKING:  # pytest imports its plugins itself
    from aiooctopush.sandbox.pytest_plugin import OctopushSandbox

pytest_plugins = ["aiooctopush.sandbox.pytest_plugin"]  # in your conftest.py
pytestmark = pytest.mark.asyncio

ADA = "+33639980001"


async def send_code(octopush: OctopushSession, signup: int, code: str) -> str:
    """Send a code, once for each sign-up; your own code stands in a file of its own."""
    try:
        sent = await octopush.sms.send(
            text=f"Your code is {code}",
            recipients=[ADA],
            sender="Acme",
            purpose=Purpose.ALERT,
            request_id=request_id_for(f"signup-{signup}"),
            timeout=10,
        )
    except UnknownOutcomeError:
        return "It should be there in a minute."
    return f"Sent, {sent.outcome}."


async def test_a_code_is_sent(
    octopush: OctopushSession, octopush_sandbox: "OctopushSandbox"
) -> None:
    """Judge by the sent log."""
    await send_code(octopush, 42, "1234")

    assert octopush_sandbox.sent_log.texts_to(ADA) == ("Your code is 1234",)


async def test_a_lost_answer_sends_nothing_twice(
    octopush: OctopushSession, octopush_sandbox: "OctopushSandbox"
) -> None:
    """The connection breaks after the gateway has accepted the message."""
    octopush_sandbox.fail_next("rst_after_commit")

    said = await send_code(octopush, 42, "1234")

    assert said == "Sent, presumed."
    assert octopush_sandbox.sent_log.times(ADA) == 1


async def test_an_outage_is_told_to_people(
    octopush: OctopushSession, octopush_sandbox: "OctopushSandbox"
) -> None:
    """All waits of ten seconds pass at once."""
    octopush_sandbox.fail_next("hang_before_commit", times=10)

    said = await send_code(octopush, 42, "1234")

    assert said == "It should be there in a minute."
    assert octopush_sandbox.sent_log.times(ADA) == 0
