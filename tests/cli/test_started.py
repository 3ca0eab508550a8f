"""The command as a program that is started: what it loads, and what it lacks."""

import os
import subprocess
import sys

import pytest


pytestmark = pytest.mark.exhaustive


def command(*arguments):
    """The command, in a process of its own."""
    return [sys.executable, "-m", "aiooctopush", *arguments]


def test_version():
    """The command tells the version, in a process of its own."""
    done = subprocess.run(
        command("--version"), capture_output=True, text=True, check=True
    )

    assert done.stdout == "octopush, version 0.1.0\n"


HELP_LOADS = {
    *("__main__", "_lazy", "_version", "cli", "cli.app", "cli.terminal"),
    *("cli.terminal.exit_codes", "cli.terminal.help", "cli.terminal.streams"),
}


LOADED = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
sys.argv[0] = "octopush"
from aiooctopush.__main__ import main
main()
"""


def loaded(*arguments, **environment):
    """Run a command in a process of its own, and return what it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, **environment},
    )
    modules = done.stderr.split()
    ours = {name for name in modules if name.startswith("aiooctopush.")}
    return modules, {name.removeprefix("aiooctopush.") for name in ours}


def test_help_loads_no_command():
    """Nor what commands need: people read it more often than anything else."""
    modules, ours = loaded("--help")

    assert ours == HELP_LOADS
    assert {"aiohttp", "asyncio", "attr", "rich"}.isdisjoint(modules)


def test_names_are_completed_without_their_commands():
    """Where Click completes, it starts this program at each press of TAB."""
    _, ours = loaded(
        _OCTOPUSH_COMPLETE="bash_complete", COMP_WORDS="octopush ", COMP_CWORD="1"
    )

    assert ours == HELP_LOADS


def test_a_command_loads_no_other():
    """A page of a run and a preview are much to read in for one message."""
    _, ours = loaded("send", "--help")

    assert "cli.send" in ours
    assert {"cli.bulk", "cli.doctor", "cli.fleet", "cli.runs"}.isdisjoint(ours)
    assert {"bulk.sources", "sandbox.gateway", "sandbox.server"}.isdisjoint(ours)


@pytest.mark.parametrize(
    ("missing", "arguments"), [("click", []), ("rich", ["send", "--help"])]
)
def test_missing_extra(missing, arguments):
    """Without click or rich one plain line says what to install."""
    block = f"import sys; sys.modules[{missing!r}] = None; "
    start = "from aiooctopush.__main__ import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", block + start, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert 'pip install "aiooctopush[cli]"' in done.stderr


def test_another_missing_module_is_not_hidden():
    """A defect of the installation is no missing extra."""
    script = (
        "import sys; sys.modules['shlex'] = None\n"
        "from aiooctopush.__main__ import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
