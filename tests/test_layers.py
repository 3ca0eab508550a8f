"""
Imports point down only, the lower layers never wait, and extras stay at the edges.

The tables are the ones in the design; a new file must find its place in them.
"""

import ast
import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import aiooctopush


PACKAGE = Path(aiooctopush.__file__).parent

# Files and folders by layer. __init__ offers what layer 3 and below hold, so it
# stands with them, and only the edges may import from it.
LAYERS = {
    0: {
        "_clock",
        "_later",
        "_limits",
        "_version",
        "errors",
        "ids",
        "phone",
        "secret",
        "text",
    },
    1: {
        "_answers",
        "_call",
        "_engine",
        "_throttle",
        "_watch",
        "_wire",
        "observer",
        "retry",
        "webhooks",
    },
    2: {"transport"},
    3: {"__init__", "_calls", "api", "bulk", "session"},
    4: {"__main__", "cli", "integrations", "sandbox"},
}
LAYER_OF = {unit: layer for layer, units in LAYERS.items() for unit in units}
EDGES = 4

# Layers 0 and 1 decide; of their files only these may wait.
NEVER_WAIT = 1
MAY_WAIT = {"_call", "_clock", "_engine", "_throttle", "_watch", "observer"}

# yarl and multidict are part of aiohttp's interface.
CORE = {"aiohttp", "attrs", "cattrs", "multidict", "orjson", "tenacity", "yarl"}
EXTRAS = {
    "cli": {"click", "rich", "uvloop"},
    "cli._fleet_app": {"taskiq"},
    "integrations": {"opentelemetry", "taskiq", "taskiq_aio_pika"},
    "bulk.postgres": {"asyncpg"},
    "bulk.postgres_database": {"asyncpg"},
    "sandbox.pytest_plugin": {"pytest", "pytest_asyncio"},
}

FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def unit_of(module: str) -> str:
    """Return the row of the table that a module belongs to: `api.sms` is `api`."""
    return module.partition(".")[0]


def imports(module: str, source: str) -> Iterator[str]:
    """Yield what a module imports, at any depth, as absolute dotted names."""
    above = ("aiooctopush", *module.split(".")[:-1])
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = above[: len(above) - node.level + 1] if node.level else ()
            path = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{path}.{alias.name}" for alias in node.names)


def upward_imports(module: str, source: str) -> list[str]:
    """Return the rows above its own that a module imports from."""
    own = LAYER_OF[unit_of(module)]
    inside = [
        # A name that is no row of the table is a name in __init__.
        parts[1] if len(parts) > 1 and parts[1] in LAYER_OF else "__init__"
        for parts in (name.split(".") for name in imports(module, source))
        if parts[0] == "aiooctopush"
    ]
    # Below the edges an import from __init__ is a circle, whatever the layers say.
    return [
        unit
        for unit in inside
        if LAYER_OF[unit] > own or (unit == "__init__" and own < EDGES)
    ]


def foreign_imports(module: str, source: str) -> list[str]:
    """Return the libraries that a module may not import."""
    allowed = {"aiooctopush"} | CORE | sys.stdlib_module_names
    for place, extras in EXTRAS.items():
        if f"{module}.".startswith(f"{place}."):
            allowed |= extras
    names = {name.partition(".")[0] for name in imports(module, source)}
    return sorted(names - allowed)


def waits(module: str, source: str) -> list[str]:
    """Return what lets a module wait: coroutines, and the modules that know time."""
    coroutines = [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AsyncFunctionDef)  # await stands nowhere else
    ]
    names = {name.partition(".")[0] for name in imports(module, source)}
    return coroutines + sorted(names & {"asyncio", "time"})


def order(name: str) -> tuple[bool, bool, str]:
    """Return the key of ruff's order of `__all__`: constants, classes, the rest."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.skipif("NOX_CURRENT_SESSION" not in os.environ, reason="nox installs it")
def test_package_is_the_installed_one():
    """What nox tests is what users get, not the checkout."""
    assert "site-packages" in PACKAGE.parts


@pytest.mark.parametrize("module", FILES)
def test_file_has_a_layer(module):
    """Whoever adds a file says where it stands."""
    assert unit_of(module) in LAYER_OF


@pytest.mark.parametrize("module", FILES)
def test_imports_point_down(module):
    """No file imports from a layer above its own."""
    assert upward_imports(module, FILES[module].read_text("utf-8")) == []


@pytest.mark.parametrize("module", FILES)
def test_extras_stay_at_the_edges(module):
    """Besides the core dependencies, a file imports only what its extra brings."""
    assert foreign_imports(module, FILES[module].read_text("utf-8")) == []


def test_nothing_hides_its_imports():
    """
    What is imported when it is asked for stands under TYPE_CHECKING as well, where the
    tests above read it; `test_later.py` compares the two.
    """
    users = {
        name: {
            module
            for module, path in FILES.items()
            if name in set(imports(module, path.read_text("utf-8")))
        }
        for name in ("importlib.import_module", "aiooctopush._lazy")
    }

    assert users == {
        # The command imports the application that the user names.
        "importlib.import_module": {"_later", "cli._fleet_app"},
        "aiooctopush._lazy": {"__init__", "api.__init__", "bulk.__init__"},
    }


@pytest.mark.parametrize(
    "module",
    [
        module
        for module in FILES
        if LAYER_OF.get(unit_of(module), EDGES) <= NEVER_WAIT
        and unit_of(module) not in MAY_WAIT
    ],
)
def test_values_and_decisions_never_wait(module):
    """Layers 0 and 1 are plain functions, but for the few that hold a call."""
    assert waits(module, FILES[module].read_text("utf-8")) == []


def test_all_is_in_order():
    """The list of public names is sorted and names nothing twice."""
    names = aiooctopush.__all__

    assert list(names) == sorted(set(names), key=order)


def test_all_is_complete():
    """Every name that `__init__` binds is public, and every public name is there."""
    tree = ast.parse(FILES["__init__"].read_text("utf-8"))
    imported = [
        alias.asname or alias.name
        for node in ast.walk(tree)  # also what is loaded later
        if isinstance(node, ast.ImportFrom) and node.module and node.level
        for alias in node.names
    ]

    assert sorted(imported) == sorted(aiooctopush.__all__)
    assert [n for n in aiooctopush.__all__ if not hasattr(aiooctopush, n)] == []


def classes_in(annotation: object) -> Iterator[type]:
    """Yield the classes that an annotation names, at any depth."""
    if isinstance(annotation, type):
        yield annotation
    for argument in get_args(annotation):
        yield from classes_in(argument)


def test_what_a_call_returns_is_public():
    """Who writes a function around a call can name its result."""
    session = aiooctopush.OctopushSession
    chapters = {
        kind
        for name, kind in get_type_hints(session).items()
        if not name.startswith("_")
    }
    returned = {
        one.__name__
        for kind in (session, *chapters)
        for name, call in vars(kind).items()
        if inspect.isfunction(call) and not name.startswith("_")
        for one in classes_in(get_type_hints(call)["return"])
        if one.__module__.startswith("aiooctopush")
    }

    assert len(chapters) == 9
    assert {"SendResult", "BulkRun", "HlrResult"} <= returned
    assert returned - set(aiooctopush.__all__) == set()


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        pytest.param("ids", "from .errors import X", [], id="beside"),
        pytest.param("session", "from .transport import X", [], id="down"),
        pytest.param("api.sms", "from .._wire import X", [], id="down-from-folder"),
        pytest.param("api.sms", "from ._shared import X", [], id="in-folder"),
        pytest.param("ids", "from ._wire import X", ["_wire"], id="up"),
        pytest.param("ids", "from . import retry, text", ["retry"], id="up-module"),
        pytest.param("api.sms", "from .. import cli", ["cli"], id="up-from-folder"),
        pytest.param("api.sms", "from ..cli.run import X", ["cli"], id="up-deep"),
        pytest.param("ids", "import aiooctopush.bulk.run", ["bulk"], id="absolute"),
        pytest.param("_wire", "from aiooctopush.api import X", ["api"], id="from-abs"),
        pytest.param("retry", "def f():\n from . import cli", ["cli"], id="lazy"),
        pytest.param("session", "from . import Outcome", ["__init__"], id="root-name"),
        pytest.param("session", "import aiooctopush", ["__init__"], id="root"),
        pytest.param("cli.run", "from aiooctopush import Outcome", [], id="edge-root"),
        pytest.param("__init__", "from .session import X", [], id="init-down"),
        pytest.param("__init__", "from .cli import X", ["cli"], id="init-up"),
    ],
)
def test_checker_sees_upward_imports(module, source, expected):
    """The check of imports itself can fail."""
    assert upward_imports(module, source) == expected


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("transport", "import aiohttp.web, json", []),
        ("transport", "from .errors import X", []),
        ("transport", "import requests", ["requests"]),
        ("cli.send", "import click", []),
        ("session", "from click import echo", ["click"]),
        ("bulk.postgres", "import asyncpg", []),
        ("bulk.run", "import asyncpg", ["asyncpg"]),
        ("integrations.taskiq", "from taskiq import X", []),
        ("integrations.taskiq", "import rich", ["rich"]),
    ],
)
def test_checker_sees_foreign_imports(module, source, expected):
    """The check of extras itself can fail."""
    assert foreign_imports(module, source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import datetime\ndef f(): pass", []),
        ("async def f(): pass", ["f"]),
        ("class A:\n async def f(self):\n  await g()", ["f"]),
        ("from time import sleep", ["time"]),
        ("def f():\n import asyncio", ["asyncio"]),
    ],
)
def test_checker_sees_waiting(source, expected):
    """The check of waiting itself can fail."""
    assert waits("ids", source) == expected


def test_order_is_that_of_the_linter():
    """Constants come first, then classes, then the rest."""
    names = ["send", "Zone", "LIMIT", "Alert", "__version__"]

    assert sorted(names, key=order) == ["LIMIT", "Alert", "Zone", "__version__", "send"]
