"""What is loaded when: with a session what a send needs, the rest when asked for."""

import ast
import builtins
import json
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from threading import Barrier
from typing import get_type_hints

import pytest

import aiooctopush
from aiooctopush import OctopushSession, _lazy, api, bulk, ledgers, observer


PACKAGE = Path(aiooctopush.__file__).parent
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]

# Whoever adds a module to these makes every program slower to start.
WITH_A_SESSION = {
    *("_call", "_namespaces", "_clock", "_connection", "_deadlines"),
    *("_direct", "_exchange", "_pools"),
    *("_hooks", "_lazy", "_log"),
    *("_limits", "_pipeline", "_record", "_telemetry", "_throttle"),
    *("_responses", "_version", "_wire", "errors", "ids", "observer", "phone", "retry"),
    *("secret", "session", "transport"),
    *(
        "api",
        "api._before_sending",
        "api._campaign_calls",
        "api._checked",
        "api._recipients",
        "api._shared",
        "api.sms",
    ),
    *("bulk", "ledgers"),
}
# Whoever adds a module to these makes the first `bulk` hold the event loop for longer.
WITH_A_RUN = {
    *("bulk.options", "bulk.run", "bulk.run_options"),
    *("ledgers.arguments", "text", "text.quiet_hours"),
}
DEPENDENCIES = "aiohttp, attrs, cattrs, orjson, tenacity"
# Of the standard library: what our files need, and neither a send nor a library does.
NOT_AT_IMPORT = {"csv", "difflib", "sqlite3", "unicodedata", "zlib", "zoneinfo"}

IMPORTED = """
import sys
import aiohttp, attrs, cattrs, tenacity
before = set(sys.modules)
from aiooctopush import OctopushSession
print(*sys.modules.keys() - before)
"""

PREPARED = """
import sys
from aiooctopush import OctopushSession
octopush = OctopushSession("me", "key")
before = set(sys.modules)
octopush.bulk("run", text="Hi", sender="Acme", purpose="alert", ledger="run.db")
print(*sys.modules.keys() - before)
"""

OBSERVED = """
import sys
from aiooctopush import OctopushSession
OctopushSession("me", "key")
print("aiooctopush.observer.events" in sys.modules)
OctopushSession("me", "key", {hook}=print)
print("aiooctopush.observer.events" in sys.modules)
"""

SENT = """
import asyncio, sys
from datetime import UTC, datetime
from aiooctopush import HttpResponse, OctopushSession, Purpose, RefusedError

class Clock:
    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC)
    def monotonic(self):
        return 0.0
    async def sleep(self, seconds):
        pass

class Transport:
    script = [(503, b""), (201, b'{"sms_ticket": "1"}'), (400, b'{"code": 100}')]
    async def send(self, request):
        status, body = self.script.pop(0)
        return HttpResponse(status=status, body=body)
    async def close(self):
        pass

async def main():
    async with OctopushSession(
        "me", "key", transport=Transport(), clock=Clock()
    ) as octopush:
        message = dict(
            text="Hi",
            recipients=["+33639980001"],
            sender="Acme",
            purpose=Purpose.ALERT,
        )
        sent = await octopush.sms.send(**message)
        try:
            await octopush.sms.send(**message)
        except RefusedError as error:
            print(sent.outcome, sent.attempts, error.code)

asyncio.run(main())
print(*sys.modules)
"""


def printed(code):
    """Run code in a fresh Python, and return the words that it prints."""
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    return child.stdout.split()


def ours(modules):
    """Return those of the package, without its name."""
    return {
        name.removeprefix("aiooctopush.")
        for name in modules
        if name.startswith("aiooctopush.")
    }


def written(package):
    """Return what the block of late imports of a package says: modules by name."""
    source = Path(package.__file__).read_text("utf-8")
    (block,) = [node for node in ast.parse(source).body if isinstance(node, ast.With)]
    return {
        alias.name: f"{'.' * node.level}{node.module or alias.name}"
        for node in block.body
        for alias in node.names
    }


# --- what is loaded -------------------------------------------------------------------


def test_an_import_loads_what_a_send_needs():
    """Of ours these modules and no other; of Python's own none that only they need."""
    loaded = printed(IMPORTED)
    # An old orjson loads zoneinfo, for example.
    theirs = printed(f"import sys, {DEPENDENCIES}; print(*sys.modules)")

    assert ours(loaded) == WITH_A_SESSION
    assert NOT_AT_IMPORT.intersection(loaded) <= set(theirs)


def test_a_run_is_prepared_with_little():
    """It is made on the event loop; a thread loads the rest before the first batch."""
    loaded = printed(PREPARED)

    assert ours(loaded) == WITH_A_RUN
    assert NOT_AT_IMPORT.isdisjoint(loaded)


@pytest.mark.parametrize("hook", ["on_attempt", "observer"])
def test_a_session_with_a_hook_loads_its_events(hook):
    """No call waits for them, and no other session has them."""
    assert printed(OBSERVED.format(hook=hook)) == ["False", "True"]


@pytest.mark.exhaustive
def test_a_send_loads_nothing_of_ours():
    """Nor does a retry or a refusal: no message waits for a module, or fails by one."""
    outcome, attempts, code, *loaded = printed(SENT)

    assert (outcome, attempts, code) == ("accepted", "2", "100")
    assert ours(loaded) == WITH_A_SESSION


def test_the_package_alone_loads_nothing():
    """Neither ours nor that of others: the command imports it, too, for its help."""
    loaded = printed("import sys, aiooctopush; print(*sys.modules)")

    assert ours(loaded) == {"_lazy", "_version"}
    assert {"aiohttp", "asyncio", "attrs", "cattrs"}.isdisjoint(loaded)


def test_a_run_has_what_it_may_ask():
    """The balance is asked for in the middle of a run: its chapter is there by then."""
    loaded = printed("import sys, aiooctopush.bulk.start; print(*sys.modules)")

    assert "aiooctopush.api.wallet" in loaded


# --- names ----------------------------------------------------------------------------


def test_a_name_is_that_of_its_module():
    """It is the very same object, however it is imported."""
    for package in (aiooctopush, api, bulk, ledgers, observer):
        for name, place in written(package).items():
            module = import_module(place, package.__name__)
            expected = module if place == f".{name}" else getattr(module, name)
            assert getattr(package, name) is expected, (package, name)


@pytest.mark.parametrize(
    "package",
    [aiooctopush, api, bulk, ledgers, observer],
    ids=lambda package: package.__name__,
)
def test_what_is_not_there_is_missed_as_ever(package):
    """A name with a mistake is an AttributeError that knows where it was looked for."""
    with pytest.raises(AttributeError) as caught:
        package.Sesion  # noqa: B018

    error = caught.value
    assert str(error) == f"module {package.__name__!r} has no attribute 'Sesion'"
    assert (error.name, error.obj) == ("Sesion", package)


@pytest.mark.exhaustive
def test_dir_and_star_have_what_is_not_yet_loaded():
    """Neither a prompt that completes nor a star import knows a difference."""
    listed = printed("import aiooctopush; print(*dir(aiooctopush))")
    starred = printed("from aiooctopush import *; print(*dir())")

    assert set(listed) >= {*aiooctopush.__all__, "__doc__", "session"}
    assert listed == sorted(listed)
    assert set(starred) >= set(aiooctopush.__all__)


# --- namespaces -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("contacts", "lookup", "multichannel", "otp", "settings", "sms"),
        *("subaccounts", "voice", "wallet"),
    ],
)
def test_a_chapter_is_made_once(name):
    """Of the kind that its annotation says, and then always the same."""
    session = OctopushSession("me", "key")

    chapter = getattr(session, name)

    assert type(chapter) is get_type_hints(OctopushSession)[name]
    assert getattr(session, name) is chapter


def test_the_class_has_the_namespaces_too():
    """As it has properties: whoever looks at it, or makes a mock of it, sees them."""
    session = OctopushSession("me", "key")

    assert OctopushSession.otp is vars(OctopushSession)["otp"]
    assert {"contacts", "otp", "sms", "wallet"} <= set(dir(session))


@pytest.mark.parametrize("call", ["bulk", "worker", "raw", "from_env", "__init__"])
def test_hints_of_the_session_can_be_read(call):
    """Also those of classes that are not loaded yet."""
    assert "return" in get_type_hints(getattr(OctopushSession, call))


# --- how it is done -------------------------------------------------------------------


PLANTED = """
from aiooctopush._lazy import late_imports

loads = []

with late_imports(globals()):
    from . import part
    from .part import Thing
    import json
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a module that counts how often it is loaded."""
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "__init__.py").write_text(PLANTED)
    (folder / "part.py").write_text(
        "from . import loads\nloads.append(1)\nThing = object()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module("planted")
    for name in ("planted", "planted.part"):
        sys.modules.pop(name, None)


def test_only_what_is_relative_is_put_off(package):
    """Other imports in the block are made at once, as everywhere."""
    assert package.loads == []
    assert vars(package)["json"] is json
    assert {"Thing", "part"}.isdisjoint(vars(package))
    assert {"Thing", "part", "json"} <= set(dir(package))


def test_imports_of_others_go_on_meanwhile(monkeypatch):
    """Another module that is imported while the block is open is really imported."""
    ours = {"__name__": "planted"}
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)

    with _lazy.late_imports(ours):
        module = import_module("colorsys")
        exec("import colorsys", elsewhere := {})  # noqa: S102

    assert elsewhere["colorsys"] is module


def test_an_error_in_the_block_leaves_imports_as_they_were():
    """Python's own function is put back, whatever happens."""
    before = builtins.__import__

    with pytest.raises(ZeroDivisionError), _lazy.late_imports({}):
        1 / 0  # noqa: B018

    assert builtins.__import__ is before


def test_threads_that_ask_at_once_get_one_object(package):
    """Python's own lock on imports keeps a module from being made twice."""
    get = vars(package)["__getattr__"]
    barrier = Barrier(8)

    def ask(_):
        barrier.wait()
        return get("Thing")

    with ThreadPoolExecutor(8) as threads:
        things = set(threads.map(ask, range(8)))

    assert things == {package.Thing}
    assert package.loads == [1]


def test_a_name_is_asked_for_once(package):
    """After that it is an attribute like any other."""
    thing = package.Thing

    assert vars(package)["Thing"] is thing


def test_what_could_not_be_loaded_is_tried_again(package):
    """A process that was out of file handles for a moment is not broken for good."""
    path = Path(package.__file__).with_name("part.py")
    good = path.read_text()
    path.write_text("raise OSError(24, 'Too many open files')\n")
    with pytest.raises(OSError, match="Too many open files"):
        package.part  # noqa: B018

    path.write_text(good)

    assert package.part.Thing is not None


# --- extras ---------------------------------------------------------------------------

# Run in a Python that finds no library of these names.
WITHOUT = """
import sys
import aiooctopush
for name in ("asyncpg", "taskiq", "opentelemetry"):
    sys.modules[name] = None
try:
    {code}
except ModuleNotFoundError as error:
    print(error)
"""


MISSING = [
    (
        "from aiooctopush import PostgresLedger",
        "PostgresLedger",
        "asyncpg",
        "fleet",
    ),
    ("import aiooctopush.ledgers.postgres", "PostgresLedger", "asyncpg", "fleet"),
    (
        "import aiooctopush.integrations.taskiq",
        "aiooctopush.integrations.taskiq",
        "taskiq",
        "fleet",
    ),
    (
        "import aiooctopush.integrations.opentelemetry",
        "aiooctopush.integrations.opentelemetry",
        "opentelemetry",
        "otel",
    ),
]


@pytest.mark.parametrize(("code", "what", "library", "extra"), MISSING)
def test_a_missing_extra_is_named(code, what, library, extra):
    """With the command that installs it."""
    words = " ".join(printed(WITHOUT.format(code=code)))

    assert words == (
        f"{what} requires {library}, which is not installed; run pip install "
        f'"aiooctopush[{extra}]"'
    )


BARE = """
import inspect, sys
sys.modules["asyncpg"] = None
from aiooctopush import *
from aiooctopush.ledgers import *
import aiooctopush.ledgers
for package in (aiooctopush, aiooctopush.ledgers):
    names = {name for name, _ in inspect.getmembers(package)}
    print("SQLiteLedger" in names, "PostgresLedger" in {*names, *globals()})
"""


def test_without_an_extra_all_other_names_are_there():
    """For a star import, and for who looks around in a prompt."""
    assert printed(BARE) == ["True", "False", "True", "False"]


def test_each_extra_that_is_asked_for_has_a_case():
    """And it can be installed, alone and with all others."""
    asked = {
        tuple(ast.literal_eval(one) for one in call.args)
        for path in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "needs_extra"
    }
    extras = PROJECT["optional-dependencies"]
    in_all = re.findall(r"\w+", extras["all"][0].partition("[")[2])

    assert asked == {(extra, what) for _, what, _, extra in MISSING}
    assert sorted(in_all) == sorted(extras.keys() - {"all"})
    for _, what, library, extra in MISSING:
        names = {re.match(r"\w+", one)[0] for one in extras[extra]}
        assert library in names, f"{what} needs {library}"


def test_another_failure_is_not_taken_for_a_missing_extra():
    """What goes wrong while the library is imported comes out as it is."""
    with pytest.raises(OSError, match="full"), _lazy.needs_extra("fleet", "x"):
        raise OSError("full")
