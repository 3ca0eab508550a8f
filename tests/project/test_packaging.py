"""What an installed aiooctopush is: typed, of one version, and quiet on import."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.resources import files
from itertools import chain
from pathlib import Path

import aiooctopush


# The audit hook sees what no list of modules shows; -B keeps Python itself from
# writing byte code.
QUIET_IMPORT = """
import os, sys, threading

importing = True

def refuse(event, args):
    if not importing:  # a measured run writes down its coverage at the end
        return
    if event.startswith(("socket.", "sqlite3.", "subprocess.", "os.system")):
        raise SystemExit(f"import did {event} {args!r}")
    if event == "open" and (args[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        raise SystemExit(f"import wrote {args!r}")

sys.addaudithook(refuse)
import aiooctopush
importing = False
extras = set(sys.argv[1:])
edges = {f"aiooctopush.{edge}" for edge in ("cli", "integrations", "sandbox")}
loaded = sorted((extras | edges) & set(sys.modules))
if loaded or threading.active_count() > 1:
    raise SystemExit(f"import loaded {loaded}, {threading.enumerate()}")
"""


# Where a library is not imported by the name that it is installed by.
IMPORTED_AS = {"opentelemetry_api": "opentelemetry", "phonenumberslite": "phonenumbers"}


def of_extras():
    """What each extra brings, as it is imported."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"].values()
    names = {re.match(r"[\w-]+", one)[0].replace("-", "_") for one in chain(*extras)}
    return {IMPORTED_AS.get(name, name) for name in names} - {"aiooctopush"}


def test_version_is_that_of_the_metadata():
    """The version is written once, in pyproject.toml."""
    assert aiooctopush.__version__ == version("aiooctopush")


def test_types_are_shipped():
    """Type checkers of users read our annotations."""
    assert files("aiooctopush").joinpath("py.typed").is_file()


def test_import_is_quiet():
    """Importing loads no extra, opens no socket, writes no file, starts no thread."""
    child = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", QUIET_IMPORT, *of_extras()],
        capture_output=True,
        check=False,
        text=True,
    )

    assert (child.returncode, child.stderr) == (0, "")
