"""Examples as their readers run them: imported by a server, or as a program."""

import asyncio
import os
import sys
from pathlib import Path

import aiooctopush


EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name, monkeypatch):
    """Import an example by its name."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return __import__(name)


async def start(*words, cwd, **variables):
    """Start a program with this Python, and with these variables besides ours."""
    env = {name: value for name, value in os.environ.items() if "PYTHON" not in name}
    # Where the tests found the package; the folder of a script is found by itself.
    env["PYTHONPATH"] = str(Path(aiooctopush.__file__).parents[1])
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *map(str, words)),
        cwd=cwd,
        env=env | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(*words, cwd, **variables):
    """Run a program to its end; give its exit code and what it printed."""
    program = await start(*words, cwd=cwd, **variables)
    out, err = await program.communicate()
    return program.returncode, out.decode(), err.decode()
