"""What holds for every test: no blocking on the loop, no borrowed credentials."""

import logging
import os
import signal
from pathlib import Path
from unittest.mock import patch

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings
from services import postgres

from aiooctopush import _direct


# Without a deadline: a busy machine is not a counterexample. The same examples on each
# machine of CI; many of them are for the exhaustive tests.
settings.register_profile("fast", max_examples=25, deadline=None)
settings.register_profile(
    "ci", settings.get_profile("fast"), derandomize=True, print_blob=True
)
settings.register_profile("many", settings.get_profile("ci"), max_examples=100)
# Set explicitly, for hypothesis would choose a profile of its own where CI is set.
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "fast")
)

# A job in the background of a script ignores Ctrl-C, one under nohup a hangup as well,
# and so would what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(getattr(signal, "SIGHUP", signal.SIGTERM), signal.SIG_DFL)

TESTS = Path(__file__).parent
# What goes through many cases to be sure of one thing; a session of its own runs it.
EXHAUSTIVE = {
    "canary",
    "completion",
    "contract",
    "crash",
    "faults",
    "fleet",
    "fuzz",
    "simulation",
    "site",
}


def pytest_ignore_collect(collection_path, config):
    """Read no exhaustive test where none is run: that alone takes seconds."""
    if config.option.markexpr == "not exhaustive" and collection_path.is_dir():
        return collection_path.parent == TESTS and collection_path.name in EXHAUSTIVE
    return None


def pytest_collection_modifyitems(items):
    """Mark what is exhaustive by its folder."""
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in EXHAUSTIVE:
            item.add_marker("exhaustive")


@pytest.fixture(scope="session", autouse=True)
def _watch_over_the_loop():
    """
    Make a blocking call on the event loop an error.

    Counted are calls with the package somewhere on the stack: a test may read a
    file, and aiohttp's test server may start, but what we await may not block.
    """
    with blockbuster_ctx("aiooctopush") as detector:
        # Coverage locks its own data when another thread has been measured.
        for lock in ("threading.Lock.acquire", "threading.Lock.acquire_lock"):
            detector.functions[lock].can_block_in("coverage/collector.py", "lock_data")
        # Small files that it looks for whenever it connects: passwords, certificates.
        detector.functions["os.stat"].can_block_in(
            "asyncpg/connect_utils.py", "_parse_connect_dsn_and_args"
        )
        yield detector


@pytest.fixture(params=["direct", pytest.param("usual", marks=pytest.mark.exhaustive)])
def _way(request, monkeypatch):
    """Carry posts both ways: over aiohttp's connections, and over its session."""
    monkeypatch.setattr(_direct, "is_known", lambda: request.param == "direct")


@pytest.fixture(scope="module")
def may_block(_watch_over_the_loop):
    """Let a module's tests block the event loop: a command has it to itself."""
    _watch_over_the_loop.deactivate()
    yield
    _watch_over_the_loop.activate()


@pytest.fixture(scope="session", autouse=True)
def _no_server_is_left():
    """Stop the PostgreSQL that some tests start."""
    yield
    postgres.remove()


@pytest.fixture(autouse=True)
def _no_logging_is_left():
    """Take back what a page or an example has set up: others would log it all."""
    loggers = logging.getLogger(), logging.getLogger("aiooctopush")
    before = [(one, one.level, one.handlers[:]) for one in loggers]
    yield
    for one, level, handlers in before:
        one.setLevel(level)
        one.handlers[:] = handlers


@pytest.fixture(autouse=True)
def _no_variable_is_left():
    """Take back what a page or an example has set in the environment."""
    before = dict(os.environ)
    yield
    before["PYTEST_CURRENT_TEST"] = os.environ["PYTEST_CURRENT_TEST"]
    if os.environ != before:
        os.environ.update(before)
        for name in os.environ.keys() - before.keys():
            del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside():
    """Hide the OCTOPUSH_* variables of whoever runs the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OCTOPUSH_")}
    with patch.dict(os.environ, kept, clear=True):
        yield
