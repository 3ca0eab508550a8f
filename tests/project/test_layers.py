"""
Imports point down only, the lower layers never wait, and extras stay at the edges.

The tables are the map of CONTRIBUTING.md; a new file must find its place in them.
"""

import ast
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest

import aiooctopush

# Loaded before tests of pages run pytest inside of pytest, which forgets what it loads.
import aiooctopush.observer.events


PACKAGE = Path(aiooctopush.__file__).parent

# Files and folders by layer, and the rooms of a folder from the lowest to the highest.
# __init__ offers what the layers below the edges hold, so it stands on top of them.
LAYERS = (
    (
        *("_namespaces", "_clock", "_countries", "_lazy", "_limits", "_log"),
        *("_numbering", "_record", "_version"),
        *("errors", "ids"),
        *("phone", "secret", "text"),
    ),
    (
        *("_call", "_deadlines", "_hooks", "_responses", "_telemetry", "_throttle"),
        *("_wire", "observer", "retry", "webhooks"),
    ),
    ("_connection", "_exchange", "_direct", "_pools", "transport"),
    ("_pipeline", "api"),
    ("ledgers",),
    ("bulk", "fleet", "session"),
    ("__init__",),
    ("integrations", "sandbox"),
    ("__main__", "cli"),
)
BELOW_IO = LAYERS.index(("_connection", "_exchange", "_direct", "_pools", "transport"))
EDGES = LAYERS.index(("__init__",)) + 1

# Layers below the transport decide; of their files only these may wait.
MAY_WAIT = {"_call", "_clock", "_deadlines", "_hooks", "_throttle"}

ROOMS = {
    "text": (("merging", "quiet_hours", "segments", "stop"),),
    "ledgers": (
        ("arguments", "records"),
        ("batch",),
        ("leases",),
        ("protocols",),
        ("in_process", "rows"),
        ("memory", "postgres", "sqlite"),
    ),
    "bulk": (
        ("options", "report"),
        ("sources",),
        ("run_options",),
        ("preview", "sending"),
        ("fleet", "review"),
        ("start",),
        ("run",),
    ),
    "cli": (
        ("terminal",),
        ("targets",),
        ("wording",),
        ("bulk",),
        ("account", "doctor", "fleet", "preview", "runs", "sandbox", "cancel", "send"),
        ("completion",),
        ("webhooks",),
        ("app",),
    ),
    "sandbox": (
        ("clock", "settings", "validation"),
        ("sent_log", "campaigns"),
        ("state",),
        ("callbacks", "namespaces"),
        ("gateway",),
        ("faults",),
        ("server", "transport"),
        ("pytest_plugin",),
    ),
}

# The modules that people import from, each with its list of names.
NAMESPACES = tuple(aiooctopush.api.__all__)
PUBLIC = (
    "aiooctopush",
    *(f"aiooctopush.api.{name}" for name in ("sms", *NAMESPACES)),
    *("aiooctopush.bulk", "aiooctopush.fleet", "aiooctopush.ledgers"),
    *("aiooctopush.observer", "aiooctopush.sandbox", "aiooctopush.text"),
    "aiooctopush.webhooks",
)
# This one has no such list: all that it defines is public.
WHOLE = ("aiooctopush.errors",)
# What objects are made with that a session or a source makes, and what sources give to
# readers of ours: nobody else holds one.
INNER = {
    *("Block", "Caller", "Database", "Header", "LineFile", "State", "Table", "Tables"),
}

# yarl and multidict are part of aiohttp's interface.
CORE = {"aiohttp", "attrs", "cattrs", "multidict", "orjson", "tenacity", "yarl"}
EXTRAS = {
    "_numbering": {"phonenumbers"},
    "bulk.preview.doubts": {"phonenumbers"},
    "bulk.sources.spreadsheet": {"python_calamine"},
    "cli": {"click", "jinja2", "platformdirs", "rich", "uvloop"},
    "cli.targets.fleet": {"taskiq"},
    "integrations": {"opentelemetry", "taskiq", "taskiq_aio_pika"},
    "ledgers.postgres": {"asyncpg"},
    "sandbox.pytest_plugin": {"pytest", "pytest_asyncio"},
}

FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


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


def floor_of(name: str, floors: tuple[tuple[str, ...], ...]) -> int | None:
    """Return on which floor of a table a name stands; None if it is not in there."""
    return next((n for n, names in enumerate(floors) if name in names), None)


def upward_imports(module: str, source: str) -> list[str]:
    """Return what a module imports from above its own place, or from no place."""
    own = module.split(".")
    found = []
    for name in imports(module, source):
        parts = name.split(".")
        if parts[0] != "aiooctopush":
            continue
        # A name that is no row of the table is a name in __init__.
        unit = (
            parts[1]
            if len(parts) > 1 and floor_of(parts[1], LAYERS) is not None
            else "__init__"
        )
        mine, theirs = floor_of(own[0], LAYERS), floor_of(unit, LAYERS)
        if mine is None or theirs > mine:
            found.append(unit)
        elif unit == own[0] and unit in ROOMS and own[1] != "__init__":
            rooms = ROOMS[unit]
            # A name that is no room is in the folder's __init__, which is above all.
            theirs = floor_of(parts[2], rooms) if len(parts) > 2 else None
            mine = floor_of(own[1], rooms)
            if parts[2:3] != own[1:2] and (
                mine is None or theirs is None or theirs >= mine
            ):
                found.append(".".join(parts[1:3]))
    return found


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


def findings(check, modules=FILES) -> dict[str, list[str]]:
    """Return what a check says of these modules, without those it has nothing on."""
    found = {name: check(name, FILES[name].read_text("utf-8")) for name in modules}
    return {name: words for name, words in found.items() if words}


def order(name: str) -> tuple[bool, bool, str]:
    """Return the key of ruff's order of `__all__`: constants, classes, the rest."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.skipif("NOX_CURRENT_SESSION" not in os.environ, reason="nox installs it")
def test_package_is_the_installed_one():
    """What nox tests is what users get, not the checkout."""
    assert "site-packages" in PACKAGE.parts


def test_imports_point_down():
    """No file imports from above its layer, or from above its room in a folder."""
    assert findings(upward_imports) == {
        # For annotations, which load the rest only if somebody asks for them.
        "bulk.run": ["bulk"],
        "bulk.run_options": ["bulk"],
    }


def test_extras_stay_at_the_edges():
    """Besides the core dependencies, a file imports only what its extra brings."""
    assert findings(foreign_imports) == {}


def test_values_and_decisions_never_wait():
    """Below the transport are plain functions, but for the few that hold a call."""
    units = {unit for floor in LAYERS[:BELOW_IO] for unit in floor} - MAY_WAIT
    modules = [name for name in FILES if name.partition(".")[0] in units]

    assert findings(waits, modules) == {}


def test_nothing_hides_its_imports():
    """
    What is imported when it is asked for stands in a block of `late_imports`, where
    the tests above read it.
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
        # The command imports the application that the user names, and a run imports
        # in a thread what stands as an import below that.
        "importlib.import_module": {"_lazy", "bulk.run", "cli.targets.fleet"},
        "aiooctopush._lazy": {
            *("__init__", "api.__init__", "bulk.__init__", "ledgers.__init__"),
            *("cli.app", "observer.__init__", "sandbox.__init__", "text.__init__"),
        },
    }


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_in_order(name):
    """A list of public names is sorted, names nothing twice, and each is there."""
    module = import_module(name)

    assert list(module.__all__) == sorted(set(module.__all__), key=order)
    assert [one for one in module.__all__ if not hasattr(module, one)] == []


def test_all_is_complete():
    """Every name that `__init__` imports is public, and every public name is there."""
    tree = ast.parse(FILES["__init__"].read_text("utf-8"))
    imported = [
        alias.asname or alias.name
        for node in ast.walk(tree)  # also what is loaded later
        if isinstance(node, ast.ImportFrom) and node.module and node.level
        for alias in node.names
    ]

    assert sorted(imported) == sorted(aiooctopush.__all__)


def test_the_face_is_small():
    """What most programs use, and no more: the rest is in its own module."""
    assert len(aiooctopush.__all__) <= 70


def classes_in(annotation: object) -> Iterator[type]:
    """Yield the classes that an annotation names, at any depth."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    origin = get_origin(annotation)
    if isinstance(origin, type):
        yield origin
    for argument in get_args(annotation):
        several = argument if isinstance(argument, list) else [argument]
        for one in several:
            yield from classes_in(one)


def bound_in(kind: type) -> dict[object, object]:
    """Return what the type variables of the bases of a class stand for in it."""
    return {
        variable: argument
        for base in getattr(kind, "__orig_bases__", ())
        if get_args(base)
        for variable, argument in zip(
            getattr(get_origin(base), "__parameters__", ()),
            get_args(base),
            strict=False,
        )
    }


def annotations_of(value: object) -> Iterator[object]:
    """Yield what a public function or class takes, gives and holds."""
    if inspect.isfunction(value):
        yield from get_type_hints(value).values()
    if not isinstance(value, type):
        return
    with suppress(NameError):  # a Protocol of a library
        yield from get_type_hints(value).values()
    bound = bound_in(value)
    for name, member in inspect.getmembers_static(value):
        if name.startswith("_") and name != "__init__":
            continue
        call = getattr(member, "__func__", member)
        call = call.fget if isinstance(call, property) else call
        if inspect.isfunction(call) and call.__module__.startswith("aiooctopush"):
            for hint in get_type_hints(call).values():
                yield bound.get(hint, hint)


def public_values() -> dict[str, object]:
    """Return every public value by its module and name."""
    modules = {name: import_module(name) for name in (*PUBLIC, *WHOLE)}
    return {
        f"{name}.{one}": getattr(module, one)
        for name, module in modules.items()
        for one in getattr(module, "__all__", vars(module))
        if not one.startswith("_")
    }


def test_what_a_call_takes_and_gives_is_public():
    """
    Who writes a function around a call can name its arguments and its result: each
    class of ours in a public signature, field or base has a public name.
    """
    values = public_values()
    public = {id(value) for value in values.values()}
    hidden = {
        f"{kind.__module__}.{kind.__qualname__}": where
        for where, value in values.items()
        for annotation in annotations_of(value)
        for kind in classes_in(annotation)
        if kind.__module__.startswith("aiooctopush")
        and id(kind) not in public
        and not kind.__name__.startswith("_")
        and kind.__name__ not in INNER
    }

    assert len(values) > 150
    assert hidden == {}


def test_checker_sees_upward_imports():
    """The check of imports itself can fail."""
    cases = [
        ("ids", "from .errors import X", []),
        ("session", "from .transport import X", []),
        ("api.sms", "from .._wire import X", []),
        ("api.sms", "from ._shared import X", []),
        ("ids", "from ._wire import X", ["_wire"]),
        ("ids", "from . import retry, text", ["retry"]),
        ("api.sms", "from .. import cli", ["cli"]),
        ("api.sms", "from ..cli.run import X", ["cli"]),
        ("ids", "import aiooctopush.bulk.run", ["bulk"]),
        ("_wire", "from aiooctopush.api import X", ["api"]),
        ("retry", "def f():\n from . import cli", ["cli"]),
        ("session", "from . import Outcome", ["__init__"]),
        ("session", "import aiooctopush", ["__init__"]),
        ("cli.run", "from aiooctopush import Outcome", []),
        ("__init__", "from .session import X", []),
        ("__init__", "from .cli import X", ["cli"]),
        ("of_no_layer", "from .errors import X", ["errors"]),
        ("bulk.run", "from .sending.delivery import X", []),
        ("bulk.sending.delivery", "from .splitting import X", []),
        ("bulk.sending.delivery", "from ..run import X", ["bulk.run"]),
        ("bulk.preview.check", "from ..sending.budget import X", ["bulk.sending"]),
        ("bulk.new_room", "from .options import X", ["bulk.options"]),
        ("bulk.__init__", "from . import run", []),
    ]

    for module, source, expected in cases:
        assert upward_imports(module, source) == expected, (module, source)


def test_checker_sees_foreign_imports():
    """The check of extras itself can fail."""
    cases = [
        ("transport", "import aiohttp.web, json", []),
        ("transport", "from .errors import X", []),
        ("transport", "import requests", ["requests"]),
        ("cli.send", "import click", []),
        ("session", "from click import echo", ["click"]),
        ("ledgers.postgres.ledger", "import asyncpg", []),
        ("bulk.run", "import asyncpg", ["asyncpg"]),
        ("integrations.taskiq", "from taskiq import X", []),
        ("integrations.taskiq", "import rich", ["rich"]),
    ]

    for module, source, expected in cases:
        assert foreign_imports(module, source) == expected, (module, source)


def test_checker_sees_waiting():
    """The check of waiting itself can fail."""
    cases = [
        ("import datetime\ndef f(): pass", []),
        ("async def f(): pass", ["f"]),
        ("class A:\n async def f(self):\n  await g()", ["f"]),
        ("from time import sleep", ["time"]),
        ("def f():\n import asyncio", ["asyncio"]),
    ]

    for source, expected in cases:
        assert waits("ids", source) == expected, source


def test_order_is_that_of_the_linter():
    """Constants come first, then classes, then the rest."""
    names = ["send", "Zone", "LIMIT", "Alert", "__version__"]

    assert sorted(names, key=order) == ["LIMIT", "Alert", "Zone", "__version__", "send"]
