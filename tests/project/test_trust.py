"""
What the package never does, read from its source, and seen while it is imported.

Ruff knows some of these rules, too, but a comment can silence it; nothing silences
these tests.
"""

import ast
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import aiooctopush


PACKAGE = Path(aiooctopush.__file__).parent
FILES = {
    path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))
}

# Modules that make code or objects of bytes, or start other programs.
BANNED_MODULES = {
    *("cPickle", "code", "codeop", "commands", "dill", "marshal", "pickle", "pty"),
    *("runpy", "shelve", "subprocess", "telnetlib", "xmlrpc", "yaml"),
}
BANNED_CALLS = {
    *("__import__", "breakpoint", "compile", "eval", "exec", "input", "print"),
    *("os.execv", "os.fork", "os.popen", "os.spawnv", "os.system", "tempfile.mktemp"),
    *("ssl._create_unverified_context", "asyncio.create_subprocess_exec"),
    "asyncio.create_subprocess_shell",
}
# Python 3.11.0 to 3.11.4 let such a group match what it does not: of a list without a
# last line end the last recipient was lost. "()*+," are neighbors in ASCII.
BANNED_PATTERN = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+(?!,)|\(\?>")
# Arguments that switch a check of the peer off.
BANNED_ARGUMENTS = {
    ("check_hostname", False),
    ("shell", True),
    ("ssl", False),
    ("trust_env", True),
    ("verify", False),
    ("verify_ssl", False),
}
# May print before it is known whether the command line is installed.
MAY_PRINT = {"__main__.py"}


def dotted(node):
    """Return a name as it is written, such as `os.system`; empty if it is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = dotted(node.value)
        return f"{above}.{node.attr}" if above else ""
    return ""


def offences(source):
    """Yield what a file does that nothing of ours may, with its line."""
    for node in ast.walk(ast.parse(source)):
        found = []
        if isinstance(node, ast.Assert):
            found = ["assert"]  # python -O leaves it out
        elif isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
            found = [name for name in found if name.split(".")[0] in BANNED_MODULES]
        elif isinstance(node, ast.ImportFrom):
            name = (node.module or "").split(".")[0]
            found = [name] if not node.level and name in BANNED_MODULES else []
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            found = [name] if name in BANNED_CALLS else []
            found += [
                f"{one.arg}={one.value.value}"
                for one in node.keywords
                if isinstance(one.value, ast.Constant)
                and any(
                    one.arg == name and one.value.value is value
                    for name, value in BANNED_ARGUMENTS
                )
            ]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = BANNED_PATTERN.findall(node.value)
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            found = ["except:"]  # catches a cancellation
        yield from (f"line {node.lineno}: {one}" for one in found)


def test_nothing_dangerous_is_done():
    """No code from bytes, no other program, no check that -O or a flag leaves out."""
    found = [
        f"{name}, {one}"
        for name, path in FILES.items()
        for one in offences(path.read_text("utf-8"))
        if name not in MAY_PRINT or not one.endswith(": print")
    ]

    assert found == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pickle", ["line 1: pickle"]),
        ("import json, marshal as m", ["line 1: marshal"]),
        ("from pickle import loads", ["line 1: pickle"]),
        ("def f():\n import subprocess", ["line 2: subprocess"]),
        ("from .code import x", []),
        ("x = eval(y)", ["line 1: eval"]),
        ("re.compile(y)", []),
        ("os.system(y)", ["line 1: os.system"]),
        ("assert x", ["line 1: assert"]),
        ("get(url, ssl=False)", ["line 1: ssl=False"]),
        ("get(url, ssl=context)", []),
        ("get(url, ssl=0)", []),
        ("try:\n x\nexcept:\n y", ["line 3: except:"]),
        ("try:\n x\nexcept OSError:\n y", []),
        ("f()()", []),
        ("x = '(?:ab)*+'", ["line 1: )*+"]),
        ("x = f'(?:{y}b){{1,2}}+'", ["line 1: ){1,2}+"]),
        ("x = '(?>ab)'", ["line 1: (?>"]),
        ("x = '[ab]*+(?:ab)+'", []),
    ],
)
def test_the_reader_sees_what_is_banned(source, expected):
    """The check itself can fail."""
    assert list(offences(source)) == expected


IMPORT_ALL = """
import importlib, os, pkgutil, sys, threading

importing = True

def refuse(event, args):
    if not importing:  # a measured run writes down its coverage at the end
        return
    if event.startswith(("socket.", "sqlite3.", "subprocess.", "os.system")):
        os._exit(fail(f"{name} did {event} {args!r}"))
    if event in {"os.mkdir", "os.remove", "os.rename", "shutil.copyfile"}:
        os._exit(fail(f"{name} did {event} {args!r}"))
    if event == "open" and (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        os._exit(fail(f"{name} wrote {args!r}"))

def fail(words):
    os.write(2, words.encode())
    return 1

import aiooctopush
found = pkgutil.walk_packages(aiooctopush.__path__, "aiooctopush.")
names = [module.name for module in found]
name = "nothing"
sys.addaudithook(refuse)
for name in names:
    importlib.import_module(name)
importing = False
print(len(names), threading.active_count())
"""


run = partial(subprocess.run, capture_output=True, check=False, text=True)
ANOTHER_PYTHON = (sys.executable, "-B", "-c")


@pytest.mark.exhaustive
def test_no_module_does_anything_when_it_is_imported():
    """Edges included: no connection, no file written, no program, no thread."""
    modules = len(FILES) - 1  # the package itself is there already

    child = run([*ANOTHER_PYTHON, IMPORT_ALL])

    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout.split() == [str(modules), "1"]


@pytest.mark.parametrize(
    ("deed", "event"),
    [
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "socket."),
        ("open('planted', 'w')", "wrote"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
    ],
    ids=["connection", "file", "program"],
)
@pytest.mark.exhaustive
def test_the_watch_over_imports_sees_a_deed(deed, event):
    """The check itself can fail."""
    planted = IMPORT_ALL.replace("importlib.import_module(name)", deed)

    child = run([*ANOTHER_PYTHON, planted])

    assert child.returncode == 1
    assert event in child.stderr
