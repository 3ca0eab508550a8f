"""A gateway for the examples that run in the process of the test."""

import asyncio

import pytest
from integrations.callbacks import TOKEN

from aiooctopush._clock import SystemClock
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxServer


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Let waits pass at once."""

    async def sleep(_, seconds):
        await asyncio.sleep(0)

    monkeypatch.setattr(SystemClock, "sleep", sleep)


@pytest.fixture
def faults():
    """What the gateway's next answers meet."""
    return FaultPlan.schedule(())


@pytest.fixture
async def sandbox(faults, monkeypatch):
    """A served gateway that the environment points to."""
    async with SandboxServer(gateway=Gateway(), faults=faults) as server:
        monkeypatch.setenv("OCTOPUSH_API_LOGIN", "me@example.org")
        monkeypatch.setenv("OCTOPUSH_API_KEY", "key")
        monkeypatch.setenv("OCTOPUSH_BASE_URL", server.url)
        monkeypatch.setenv("CALLBACK_TOKEN", TOKEN)
        yield server
