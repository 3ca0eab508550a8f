"""A gateway, and a session over it, for the tests of all namespaces."""

import pytest
from fakes import session_over

from aiooctopush.sandbox import (
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


@pytest.fixture
def gateway():
    """A gateway in virtual time, which refuses fields that no page knows."""
    return Gateway(GatewaySettings(strict_unknown_fields=True), clock=VirtualClock())


@pytest.fixture
async def octopush(gateway):
    """A session over that gateway."""
    async with session_over(SandboxTransport(gateway), clock=gateway.clock) as session:
        yield session


@pytest.fixture
def audiences(gateway):
    """One list and one tag that the gateway knows."""
    gateway.lists["customers"] = ["+33639980001", "+33639980002"]
    gateway.tags["vip"] = ["+33639980003"]
