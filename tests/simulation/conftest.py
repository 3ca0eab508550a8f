"""The simulation loses thousands of messages on purpose; its log would be long."""

import logging

import pytest


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """Keep the warnings of given-up calls out of the captured log."""
    caplog.set_level(logging.CRITICAL, logger="aiooctopush")
