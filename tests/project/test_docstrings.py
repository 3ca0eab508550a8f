"""What docstrings show as code runs as it stands; for README and docs/ see `pages`."""

import ast
import re
from pathlib import Path
from textwrap import dedent

import pytest
from taskiq_aio_pika import AioPikaBroker

import aiooctopush
from aiooctopush import OctopushSession
from aiooctopush.integrations.aiohttp_web import new_token
from aiooctopush.integrations.taskiq import Fleet
from aiooctopush.ledgers.postgres.ledger import PostgresLedger


PACKAGE = Path(aiooctopush.__file__).parent
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
BLOCK = re.compile(r"::\n\n((?:    .*\n|\n)+)")


def blocks():
    """Every block of code in a docstring, by the place where it stands."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, DOCUMENTED):
                words = f"{ast.get_docstring(node) or ''}\n"
                place = f"{path.relative_to(PACKAGE)} {getattr(node, 'name', '')}"
                found |= {place.strip(): dedent(one) for one in BLOCK.findall(words)}
    return found


BLOCKS = blocks()

# What each finds, as the words around it say. What some of them do is tested where
# they stand; here they must run.
GIVEN = {
    "integrations/aiohttp_web.py": {},
    "integrations/asgi.py": {},
    "integrations/opentelemetry.py": {"login": "me@example.org", "key": "key"},
    "integrations/taskiq.py Fleet": {
        "AioPikaBroker": AioPikaBroker,
        "Fleet": Fleet,
        "OctopushSession": OctopushSession,
        "PostgresLedger": PostgresLedger,
    },
    "sandbox/pytest_plugin.py": {},
    "webhooks/__init__.py": {
        "body": b'{"number": "+33600000001", "text": "STOP", "stop_date": "x"}',
        "content_type": "application/json",
        "statuses": {},
        "stopped": set(),
    },
}


@pytest.mark.parametrize("place", sorted(BLOCKS))
async def test_code_of_a_docstring_runs(place, monkeypatch):
    """Whoever adds one says here what it finds."""
    monkeypatch.setenv("OCTOPUSH_WEBHOOK_TOKEN", new_token())
    names = dict(GIVEN[place])

    exec(BLOCKS[place], names)  # noqa: S102


def test_no_example_is_forgotten():
    """The collector finds all that there are."""
    assert set(BLOCKS) == set(GIVEN)
