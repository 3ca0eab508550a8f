"""What an installed aiooctopush is: typed, of one version, and quiet on import."""

import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files

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
extras = {"asyncpg", "click", "jinja2", "opentelemetry", "rich", "taskiq", "uvloop"}
edges = {f"aiooctopush.{edge}" for edge in ("cli", "integrations", "sandbox")}
loaded = sorted((extras | edges) & set(sys.modules))
if loaded or threading.active_count() > 1:
    raise SystemExit(f"import loaded {loaded}, {threading.enumerate()}")
"""


def test_version_is_that_of_the_metadata():
    """The version is written once, in pyproject.toml."""
    assert aiooctopush.__version__ == version("aiooctopush")


def test_types_are_shipped():
    """Type checkers of users read our annotations."""
    assert files("aiooctopush").joinpath("py.typed").is_file()


def test_import_is_quiet():
    """Importing loads no extra, opens no socket, writes no file, starts no thread."""
    child = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", QUIET_IMPORT],
        capture_output=True,
        check=False,
        text=True,
    )

    assert (child.returncode, child.stderr) == (0, "")
