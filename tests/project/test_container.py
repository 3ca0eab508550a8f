"""
The container file, as far as it can be looked at without an engine.

`nox -s lint` has hadolint read it; `nox -s container` takes its steps in a virtual
environment.
"""

import ast
import re
import tomllib
from pathlib import Path

import containers
import pytest


ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "container"
STAGES = containers.read(FOLDER / "Containerfile")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_its_stages_are_the_documented_ones():
    """One to build in, the command, and a worker on top of the command."""
    assert [(one.name, one.base) for one in STAGES.values()] == [
        ("build", "python:3.13-slim-trixie"),
        ("octopush", "python:3.13-slim-trixie"),
        ("worker", "octopush"),
    ]
    page = (FOLDER / "README.md").read_text("utf-8")
    assert re.findall(r"--target (\w+)", page) == ["octopush", "worker"]


def test_what_is_copied_exists():
    """From the checkout, which is the context of the build; or from another stage."""
    copied = [words.split() for one in STAGES.values() for words in one.all("COPY")]
    own = [words for words in copied if not words[0].startswith("--from=")]

    sources = [name for words in own for name in words[:-1]]
    assert len(sources) == 5
    assert [name for name in sources if not (ROOT / name).exists()] == []
    for words in copied:
        if words not in own:
            assert words[0].removeprefix("--from=") in STAGES


def test_it_copies_all_that_a_build_reads():
    """The readme and the license that pyproject.toml names, and the package."""
    copied = " ".join(STAGES["build"].all("COPY")).split()

    assert {PROJECT["readme"], *PROJECT["license-files"]} <= set(copied)
    assert {"pyproject.toml", "aiooctopush"} <= set(copied)


def test_it_installs_extras_that_there_are():
    """By their names, and the Python is one of ours."""
    (command,) = STAGES["build"].all("RUN")
    extras = re.findall(r'"\.\[([\w,]+)\]"', command)

    assert extras == ["cli,fast,fleet"]
    assert set(extras[0].split(",")) <= set(PROJECT["optional-dependencies"])
    version = STAGES["build"].base.split(":")[1].split("-")[0]
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


@pytest.mark.parametrize("name", ["octopush", "worker"])
def test_it_does_not_run_as_root(name):
    """A number that is not 0, which a cluster can check; the worker inherits it."""
    users = STAGES["octopush"].all("USER") + STAGES[name].all("USER")

    assert int(users[-1]) > 0


def test_it_runs_the_command_that_is_installed():
    """As the package names it; each without a shell, so that signals arrive."""
    first = STAGES["octopush"].words("ENTRYPOINT")

    assert first == ["octopush"]
    assert set(first) <= set(PROJECT["scripts"])


def test_the_worker_finds_its_broker():
    """The module is the one that is copied, and it has that name in it."""
    program, verb, place = STAGES["worker"].words("ENTRYPOINT")
    module, _, name = place.partition(":")
    (copied,) = STAGES["worker"].all("COPY")
    path = ROOT / copied.split()[0]

    assert (program, verb, path.stem) == ("taskiq", "worker", module)
    tree = ast.parse(path.read_text("utf-8"))
    assert name in {
        one.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for one in node.targets
        if isinstance(one, ast.Name)
    }


def test_what_it_reads_from_the_environment_is_documented():
    """Each name that the worker's module asks for stands in the readme."""
    asked = set(
        re.findall(r"OCTOPUSH_\w+", (ROOT / "examples/fleet/app.py").read_text())
    )
    page = (FOLDER / "README.md").read_text("utf-8")

    assert len(asked) == 5
    assert [name for name in asked if name not in page] == []
