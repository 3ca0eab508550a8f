"""
Workflows run only sessions of nox, with pinned actions and few permissions.

`nox -s lint` holds them against their schema and audits them; here is what only this
project knows.
"""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml


ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
if not FOLDER.exists():
    pytest.skip("an sdist has no workflows", allow_module_level=True)

TEXTS = {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yml"))}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = {
    (name, job): body
    for name, workflow in WORKFLOWS.items()
    for job, body in workflow["jobs"].items()
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHONS = [
    one.rpartition(" ")[2]
    for one in PROJECT["classifiers"]
    if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", one)
]
NOX = re.compile(r"nox (?:--error-on-missing-interpreters )?-s (?P<rest>.+)")


def sessions():
    """The names of the sessions of the noxfile."""
    tree = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
    return {
        one.name
        for one in tree.body
        if isinstance(one, ast.FunctionDef)
        and any("session" in ast.unparse(mark) for mark in one.decorator_list)
    }


def commands(body):
    """What a job runs, word for word."""
    return [step["run"] for step in body.get("steps", ()) if "run" in step]


def run_by(body):
    """What a job gives to nox, with the values of its matrix filled in."""
    matrix = body.get("strategy", {}).get("matrix", {})
    for command in commands(body):
        found = NOX.match(command)
        if found and "$SESSION" in found["rest"]:
            yield from matrix["session"]
        elif found and "$RUN" in found["rest"]:
            yield from matrix["run"]
        elif found:
            yield found["rest"].partition(" #")[0]


def test_each_workflow_is_read():
    """Four of them: whoever adds one looks at what is asked of it here."""
    assert list(WORKFLOWS) == ["ci", "docs", "nightly", "release"]


def test_workflows_run_sessions_and_prepare_them():
    """Nothing is checked that a contributor could not type."""
    others = {
        command.split("\n")[0]
        for body in JOBS.values()
        for command in commands(body)
        if not NOX.match(command)
    }

    assert others == {"python -m pip install nox[uv]", "sudo apt-get update --quiet=2"}


@pytest.mark.parametrize(("workflow", "job"), JOBS)
def test_sessions_of_a_job_exist(workflow, job):
    """A session that was renamed is noticed here, and not after the tag."""
    names = {one.split()[0] for one in run_by(JOBS[workflow, job])}

    assert {re.sub(r"-3\.\d+$", "", name) for name in names} <= sessions()


def test_everything_that_a_release_needs_is_run():
    """By a change, or in the night."""
    run = {one.split()[0] for body in JOBS.values() for one in run_by(body)}

    assert run >= {
        *("lint", "typing", "tests", "coverage", "docs", "package", "minimums"),
        *(
            "canary",
            "container",
            "contract",
            "chaos",
            "fleet",
            "fuzz",
            "mutation",
            "audit",
            "soak",
        ),
        *("exhaustive-3.11", "exhaustive-3.13"),
    }


def test_each_python_that_we_support_must_pass():
    """A further one may fail: it is not among our classifiers."""
    matrix = JOBS["ci", "tests"]["strategy"]["matrix"]

    assert matrix["python"] == PYTHONS
    assert matrix["experimental"] == [False]
    further = [one["python"] for one in matrix["include"] if one["experimental"]]
    assert further == ["3.14"]
    assert not set(further) & set(PYTHONS)


@pytest.mark.parametrize("workflow", ["ci", "nightly"])
def test_a_session_finds_its_python(workflow):
    """Each chooses one of those we support, and a missing one is a failure there."""
    (setup,) = (
        step["with"]["python-version"]
        for step in JOBS[workflow, "sessions"]["steps"]
        if "setup-python" in step.get("uses", "")
    )

    assert setup.split() == PYTHONS
    (command,) = (one for one in commands(JOBS[workflow, "sessions"]) if NOX.match(one))
    assert "--error-on-missing-interpreters" in command


def test_actions_are_pinned_by_commit():
    """With the version beside it, and one commit for each action."""
    used = [
        found
        for text in TEXTS.values()
        for found in re.findall(r"uses: (?!\$/)(.+)", text)
    ]
    pinned = [
        re.fullmatch(r"([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", one)
        for one in used
    ]

    assert [one for one, found in zip(used, pinned, strict=True) if not found] == []
    actions = {found[1] for found in pinned if found}
    assert len({found.groups() for found in pinned if found}) == len(actions)


def test_no_job_has_more_permissions_than_it_needs():
    """The one that publishes can ask for an identity, and for nothing else."""
    given = {name: body["permissions"] for name, body in JOBS.items()}
    reading = {"contents": "read"}

    assert all(workflow["permissions"] == {} for workflow in WORKFLOWS.values())
    assert {name: one for name, one in given.items() if one != reading} == {
        ("docs", "deploy"): {"id-token": "write", "pages": "write"},
        ("release", "attest"): {"attestations": "write", "id-token": "write"},
        ("release", "publish"): {"id-token": "write"},
    }
    assert "secrets." not in "".join(TEXTS.values())


def test_a_release_is_checked_built_attested_and_approved():
    """In this order, from a tag alone; what was built is what is published."""
    jobs = WORKFLOWS["release"]["jobs"]

    # YAML reads the word `on` as a truth.
    assert WORKFLOWS["release"][True] == {"push": {"tags": ["v*"]}}
    assert [(name, body.get("needs")) for name, body in jobs.items()] == [
        ("check", None),
        ("build", "check"),
        ("attest", "build"),
        ("publish", "attest"),
    ]
    assert jobs["publish"]["environment"] == "pypi"
    assert list(run_by(jobs["build"])) == [
        "audit -- required",
        'package -- "$GITHUB_REF_NAME"',
    ]
    assert commands(jobs["publish"]) == []
