"""What the tests of the fleet share."""

import pytest
from services import rabbitmq


def pytest_collection_modifyitems(items):
    """Processes are started and servers are killed: give each test its time."""
    for item in items:
        if item.path.parent.name == "fleet":
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session", autouse=True)
def _no_broker_is_left():
    """Stop the RabbitMQ that some tests start."""
    yield
    rabbitmq.remove()
