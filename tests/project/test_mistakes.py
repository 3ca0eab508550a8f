"""The table of `mistakes`, each made as a newcomer makes it."""

import importlib
import sys

import pytest
from project.mistakes import PYTHON


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch, tmp_path, may_block):
    """No account in the environment, and no file in the folder."""
    for name in ("OCTOPUSH_API_LOGIN", "OCTOPUSH_API_KEY", "OCTOPUSH_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("mistake", "message"), PYTHON, ids=[str(row) for row in range(len(PYTHON))]
)
async def test_a_mistake_is_answered_with_its_remedy(mistake, message):
    """And no message has left, of which `call` makes sure."""
    with pytest.raises((Exception, ExceptionGroup)) as caught:
        await mistake()

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("module", "library", "extra", "what"),
    [
        (
            "aiooctopush.integrations.taskiq",
            "taskiq",
            "fleet",
            "aiooctopush.integrations.taskiq",
        ),
        (
            "aiooctopush.integrations.opentelemetry",
            "opentelemetry",
            "otel",
            "aiooctopush.integrations.opentelemetry",
        ),
        ("aiooctopush.ledgers.postgres", "asyncpg", "fleet", "PostgresLedger"),
    ],
)
def test_a_missing_extra_is_named_by_the_import(
    module, library, extra, what, monkeypatch
):
    """Python would name the library alone, which no page of ours does."""
    for name in [one for one in sys.modules if one.startswith(library)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, module, raising=False)

    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module(module)

    assert str(caught.value) == (
        f"{what} requires {library}, which is not installed; run pip install "
        f'"aiooctopush[{extra}]"'
    )
