"""
Everything that a contributor or CI types: `nox`, or `nox -s NAME`.

Sessions stand in the order lint, typing, tests, pythons, coverage; then what CI adds
(minimums, package); then what runs on demand (bench, soak). A longer check (chaos,
fleet, docs, fuzz, mutation) becomes one more session at the end, and one more name
in `.ci/run`.
"""

import json
import re
import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

import nox


nox.needs_version = ">=2025.10.16"  # older ones fetch missing Pythons by themselves
nox.options.default_venv_backend = "uv|virtualenv"  # uv where it is, pip elsewhere
nox.options.download_python = "never"
# A missing Python is skipped; left alone, nox makes it an error where CI is set.
nox.options.error_on_missing_interpreters = False
nox.options.error_on_external_run = True
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "typing", "pythons", "coverage"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
# Flat layout: without this the checkout would be imported, not what was installed.
# Compiled files are kept, also where somebody forbids it: some tests start Python.
SAFE_PATH = {"PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": None}
MANY = SAFE_PATH | {"HYPOTHESIS_PROFILE": "many"}  # see tests/conftest.py
SCRIPTS = ("benchmarks", "examples", "tests/typing")


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of a dependency group."""
    return nox.project.dependency_groups(PYPROJECT, name)


GITHUB = {
    "dependabot": "dependabot.yml",
    "github-issue-config": "ISSUE_TEMPLATE/config.yml",
    "github-issue-forms": "ISSUE_TEMPLATE/[!c]*.yml",
    "github-workflows": "workflows/*.yml",
}


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format, prose, workflows, forms, and the container file."""
    session.install(*group("lint"))
    session.run("python", "tests/project/prose.py")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    # Nothing runs a workflow here: its schema and an audit say what would go wrong.
    for schema, files in GITHUB.items():
        paths = [str(path) for path in Path(".github").glob(files)]
        session.run("check-jsonschema", f"--builtin-schema=vendor.{schema}", *paths)
    session.run("zizmor", "--offline", "--no-progress", "--quiet", ".github")
    if sys.platform != "win32":  # where hadolint has wheels
        session.run("hadolint", "examples/container/Containerfile")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types, and that every public name has one."""
    session.install(".[all]", *group("typing"), *group("bench"), *group("tests"))
    # mypy refuses a folder without a Python file.
    scripts = [folder for folder in SCRIPTS if any(Path(folder).rglob("*.py"))]
    session.run("mypy", "aiooctopush", "noxfile.py", *scripts)
    session.run("python", "tests/typed_pages.py")  # what the pages show
    # What users may rely on holds for whichever checker they have.
    session.run("pyright", "tests/typing")
    session.run("pyrefly", "check", "--summary=none", "tests/typing")
    session.run("pytest", "tests/completion", env=SAFE_PATH)

    # Pyright's exit code is also 1 for a complete package with a mere warning.
    answer = session.run(
        *("pyright", "--verifytypes", "aiooctopush", "--ignoreexternal"),
        "--outputjson",
        env=SAFE_PATH,
        silent=True,
        success_codes=[0, 1],
    )
    # Before the JSON, pyright may speak of installing itself.
    found = re.search(r"^\{.*^\}", str(answer), re.DOTALL | re.MULTILINE)
    if not found:
        session.error(f"pyright gave no report: {answer}")
    report = json.loads(found[0])["typeCompleteness"]
    for symbol in report["symbols"]:
        for finding in symbol["diagnostics"]:
            if symbol["isExported"] and finding["severity"] == "error":
                session.warn(f"{symbol['name']}: {finding['message']}")
    session.log(f"{report['completenessScore']:.1%} of the public names are typed")
    if report["completenessScore"] < 1:
        session.error("every public name needs a complete type")


QUICK = ("pytest", "--numprocesses=2", "-m", "not exhaustive")
CHAOS = ("tests/simulation", "tests/crash")
CANARY = ("-p", "canary.instrument")
HELPERS = {"PYTHONPATH": str(Path("tests").resolve())}  # where the plugin is


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the installed package: all but the exhaustive ones."""
    pass_tests(session)


@nox.session(python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """The same on each Python that we support and the machine has."""
    pass_tests(session)


def pass_tests(session: nox.Session) -> None:
    """Install the package, and run pytest, or what the arguments say."""
    session.install(".[all]", *group("tests"))
    session.run(
        *(("pytest", *session.posargs) if session.posargs else QUICK), env=SAFE_PATH
    )


@nox.session(python=[PYTHONS[0], PYTHONS[-1]])
def exhaustive(session: nox.Session) -> None:
    """
    Run what goes through many cases: faults, simulation, crashes, contract.

    On the last Python `chaos` goes through more simulated runs and crashes than this.
    In their place are all tests there that hypothesis has examples for, with four times
    as many.
    """
    session.install(".[all]", *group("tests"))
    marks, but = "exhaustive", list[str]()
    if session.python == PYTHONS[-1]:
        marks = "exhaustive or hypothesis"
        but = [f"--ignore={folder}" for folder in CHAOS]
    session.run("pytest", "--numprocesses=2", "-m", marks, *but, env=MANY)


@nox.session(python=PYTHONS[-1])
def coverage(session: nox.Session) -> None:
    """
    Run the same tests once more, measured; fail under 100 %.

    On one Python, since no line depends on the version, and it takes longer. On the
    newest: 3.11 loses its trace of a coroutine behind a timeout.
    """
    session.install(".[all]", *group("tests"))
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", *QUICK, env=SAFE_PATH)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session(python=PYTHONS[0])
def minimums(session: nox.Session) -> None:
    """Run the tests with the oldest dependencies that we say we support."""
    session.install("uv")  # pip cannot resolve downwards
    oldest = str(Path(session.create_tmp()) / "oldest.txt")
    session.run(
        *("uv", "pip", "compile", "--quiet", "--resolution=lowest-direct"),
        *("--all-extras", "--no-header", f"--output-file={oldest}", "pyproject.toml"),
    )
    # Only ours are old: the tools of the tests stay as new as these allow.
    session.install(".[all]", *group("tests"), "--constraint", oldest)
    session.run(*QUICK, env=SAFE_PATH)


@nox.session
def package(session: nox.Session) -> None:
    """
    Build what would be published, and look into it.

    With a tag as the argument, as in a release, version and changelog must be its own.
    """
    for tag in session.posargs:
        check_version(session, tag)
    session.install(*group("package"))
    folders = [Path(session.create_tmp()).resolve() / name for name in "ab"]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        session.run(
            *("python", "-m", "build", "--no-isolation", f"--outdir={folder}"),
            env={"SOURCE_DATE_EPOCH": "1767225600"},  # any; the same for both builds
            silent=True,
        )
    first, second = (sorted(folder.iterdir()) for folder in folders)
    session.run("twine", "check", "--strict", *map(str, first))

    for one, other in zip(first, second, strict=True):
        if one.read_bytes() != other.read_bytes():
            session.error(f"{one.name}: two builds of one checkout differ")

    wheel = next(path for path in first if path.suffix == ".whl")
    names = ZipFile(wheel).namelist()
    ours = re.compile(r"aiooctopush(-.+\.dist-info)?/")
    strays = [name for name in names if not ours.match(name)]
    if strays or "aiooctopush/py.typed" not in names:
        session.error(f"{wheel.name}: py.typed is missing, or too much: {strays}")

    # The wheel alone, without an extra, must be importable, and brings what its
    # bill of materials names.
    users = Path(session.create_tmp()).resolve() / "users"
    python = str(users / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    session.run("uv", "venv", "--quiet", "--clear", str(users))
    session.run("uv", "pip", "install", "--quiet", f"--python={python}", str(wheel))
    session.run(
        *(python, "-W", "error", "-c", "import aiooctopush"),
        env=SAFE_PATH,
        external=True,
    )
    bill = first[0].parent / f"{wheel.name.rpartition('-py3')[0]}.cdx.json"
    session.run(
        *("cyclonedx-py", "environment", "--pyproject=pyproject.toml"),
        *("--mc-type=library", "--output-reproducible", "--validate"),
        *(f"--output-file={bill}", python),
        silent=True,
    )
    installed = session.run(
        *("uv", "pip", "list", "--quiet", f"--python={python}", "--format=json"),
        silent=True,
    )
    check_bill(session, bill, {one["name"] for one in json.loads(str(installed))})

    # What a release takes: the index wants wheel and sdist, and nothing beside them.
    for target, files in {"dist": first, "sbom": [bill]}.items():
        shutil.rmtree(target, ignore_errors=True)
        Path(target).mkdir()
        for path in files:
            shutil.copy(path, target)


def check_version(session: nox.Session, tag: str) -> None:
    """Fail if a tag is not that of the version, or the changelog has no such part."""
    version = PYPROJECT["project"]["version"]
    heading = f"## [{version}]"
    if tag != f"v{version}":
        session.error(f"the tag is {tag}, the version {version}")
    if f"\n{heading}" not in Path("CHANGELOG.md").read_text("utf-8"):
        session.error(f"CHANGELOG.md has no part {heading}")


def normal(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_bill(session: nox.Session, bill: Path, installed: set[str]) -> None:
    """Fail if a bill of materials names anything but our dependencies, or not all."""
    told = json.loads(bill.read_text("utf-8"))
    root = told["metadata"]["component"]
    named = {one["bom-ref"]: normal(one["name"]) for one in told["components"]}
    (direct,) = (
        {named.get(ref, ref) for ref in one.get("dependsOn", ())}
        for one in told["dependencies"]
        if one["ref"] == root["bom-ref"]
    )
    ours = {
        normal(re.split(r"[^\w.-]", one)[0])
        for one in PYPROJECT["project"]["dependencies"]
    }
    if root["name"] != "aiooctopush" or direct != ours:
        session.error(f"{bill.name}: {root['name']} needs {direct}, want {ours}")
    every = {normal(one) for one in installed} - {"aiooctopush"}
    if set(named.values()) != every:
        session.error(f"{bill.name}: names {set(named.values())}, want {every}")
    session.log(f"{bill.name}: {len(ours)} dependencies, {len(every)} with theirs")


def flaws(session: nox.Session, pins: Path) -> list[str] | None:
    """Return what advisories say of pinned releases; None if nobody could be asked."""
    report = pins.with_suffix(".json")
    report.unlink(missing_ok=True)
    # It ends with 1 after findings, and without a connection; the report tells which.
    words = session.run(
        *("pip-audit", "--no-deps", "--disable-pip", f"--requirement={pins}"),
        *("--progress-spinner=off", "--format=json", f"--output={report}"),
        silent=True,
        success_codes=[0, 1],
    )
    if not report.exists():
        if "connect" in str(words).lower():
            return None
        session.error(f"pip-audit gave no report: {words}")
    told = json.loads(report.read_text("utf-8"))["dependencies"]
    # An index without advisories answers for none, and pip-audit calls that success.
    skipped = [one["name"] for one in told if "skip_reason" in one]
    if len(skipped) == len(told):
        return None
    if skipped:
        session.error(f"not known to the advisory service: {skipped}")
    return [
        f"{one['name']} {one['version']}: {flaw['id']}, see {flaw['fix_versions']}"
        for one in told
        for flaw in one["vulns"]
    ]


@nox.session
def audit(session: nox.Session) -> None:
    """
    Ask whether an advisory was published for what we bring; fail if one was.

    What users get today, and the oldest that we allow. Where no advisory service can
    be reached it says so and passes; with `-- required`, as before a release, it fails.
    """
    session.install(*group("audit"))
    for resolution in ("highest", "lowest-direct"):
        pins = Path(session.create_tmp()).resolve() / f"{resolution}.txt"
        session.run(
            *("uv", "pip", "compile", "--quiet", f"--resolution={resolution}"),
            *("--all-extras", "--no-header", f"--output-file={pins}", "pyproject.toml"),
        )
        found = flaws(session, pins)
        if found:
            session.error(f"{resolution}: published advisories: {found}")
        if found is None:
            words = f"{resolution}: NOT AUDITED, no advisory service answered"
            if "required" in session.posargs:
                session.error(words)
            session.warn(words)
        else:
            session.log(f"{resolution}: no advisory")


@nox.session(python=PYTHONS[len(PYTHONS) // 2])
def canary(session: nox.Session) -> None:
    """
    Run the quick tests, and look whether anything private gets out anywhere.

    On the Python in the middle, so that CI need not run them there without the look.
    """
    session.install(".[all]", *group("tests"))
    session.run(*QUICK, *CANARY, env=SAFE_PATH | HELPERS)


@nox.session(python=PYTHONS[-1])
def bench(session: nox.Session) -> None:
    """
    Print how fast we are, and ask about what got slower; no number fails.

    Without arguments it rewrites what the documentation shows of it. On the newest
    Python, since each has other ratios.
    """
    session.install(".[all]", *group("bench"))
    # These import each other: the folder of a script is its own, and not the checkout.
    session.run("python", "benchmarks/bench.py", *(session.posargs or ["--write"]))


@nox.session
def soak(session: nox.Session) -> None:
    """Send for three minutes, or as long as `--minutes` says, and look for leaks."""
    session.install(".[all]")
    session.run("python", "benchmarks/soak.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, and search it; a warning, or a dead link, fails."""
    session.install(".[all]", *group("docs"), *group("tests"))
    session.run(
        *("sphinx-build", "-E", "-W", "--keep-going", "--nitpicky", "--quiet"),
        *("--builder=html", "docs", "docs/_build/html"),
        env=SAFE_PATH,
    )
    session.run("pytest", "tests/site", env=SAFE_PATH)
    session.log("open docs/_build/html/index.html")


@nox.session(python=PYTHONS[-1])
def container(session: nox.Session) -> None:
    """Take the steps of the container file, without an engine for containers."""
    session.install("attrs")
    session.run("python", "tests/container_steps.py")


@nox.session(python=PYTHONS[-1])
def chaos(session: nox.Session) -> None:
    """
    Live through 10,000 simulated worlds, a crash at every point, edited lists, every
    fault on real sockets, bad numbers, and runs of a million in which the process is
    killed again and again.

    Without arguments it rewrites what the documentation shows of it; with any, the
    storm is a short one.
    """
    session.install(".[all]", *group("tests"))
    session.run(
        *("pytest", "--numprocesses=2", *CHAOS),
        env=MANY | {"SIMULATION_SEEDS": "10000", "CRASH_POINTS": "all"},
    )
    arguments = session.posargs or ["--write"]
    session.run("python", "benchmarks/chaos.py", *arguments, env=SAFE_PATH)
    # These import each other: the folder of a script is its own, and not the checkout.
    if session.posargs:
        session.run("python", "benchmarks/edited_lists.py", "--short")
        session.run("python", "benchmarks/bad_numbers.py", "--short")
        session.run("python", "benchmarks/storm.py", "--short")
        session.run("python", "benchmarks/memory.py", "--counts", "10000", "1000000")
    else:
        for script in ("edited_lists", "bad_numbers", "storm", "memory"):
            session.run("python", f"benchmarks/{script}.py", "--write")
    if "--write" in arguments:
        for script in ("chart", "page"):
            session.run("python", f"benchmarks/chaos_{script}.py")


@nox.session(python=PYTHONS[0])
def fleet(session: nox.Session) -> None:
    """
    Weather a storm with a real broker and database, and measure what a fleet costs.

    Before that, a database fails over and a broker blocks. Without arguments it
    rewrites what the documentation shows of it.
    """
    session.install(".[all]", *group("tests"))
    session.run(
        *("pytest", "--numprocesses=0", "-k", "after_a_failover or blocked"),
        *("tests/ledgers/test_postgres_failover.py", "tests/fleet/test_fleet.py"),
        env=SAFE_PATH,
    )
    arguments = session.posargs or ["--write"]
    session.run("python", "benchmarks/fleet_proof.py", *arguments)


@nox.session(python=PYTHONS[0])
def fuzz(session: nox.Session) -> None:
    """Throw a million odd answers at decoding, or as many as the argument says."""
    session.install(".[all]", *group("tests"))
    runs = session.posargs[0] if session.posargs else "1000000"
    session.run("pytest", "tests/fuzz", env=MANY | {"FUZZ_RUNS": runs})
    if sys.platform == "linux":  # where atheris has wheels
        session.install(*group("fuzz"))
        session.run("python", "tests/fuzz/guided.py", f"-runs={runs}", silent=True)


@nox.session(python=PYTHONS[0])
def contract(session: nox.Session) -> None:
    """Ask the sandbox for all that its document describes, and for what it does not."""
    session.install(".[all]", *group("tests"), *group("contract"))
    session.run(
        *("pytest", "--numprocesses=2", "tests/contract"),
        env=MANY | {"CONTRACT_EXAMPLES": "500"},
    )
    arguments = session.posargs or ["--max-examples=15"]  # half a minute
    session.run(
        *("python", "tests/contract/under_schemathesis.py", *arguments), env=SAFE_PATH
    )


MUTATION_GOAL = 0.95
NOTICED = {"killed", "timeout"}
# Policy and loop; and of the wire and the transport what says what an answer proves.
MUTATED = re.compile(
    r"aiooctopush\.((retry|_call|_pipeline|_telemetry|_deadlines)\..+"
    r"|_responses\..+"
    r"|_wire\.x_(_decimal|_optional_int)__mutmut"
    r"|transport\.(x_(translate|_read_body)|xǁ_SingleAttemptǁ__call__)__mutmut).*"
)
MUTMUT = """\
[mutmut]
source_paths=aiooctopush
only_mutate=
    aiooctopush/_responses.py
    aiooctopush/_call.py
    aiooctopush/_pipeline.py
    aiooctopush/_telemetry.py
    aiooctopush/_deadlines.py
    aiooctopush/retry.py
    aiooctopush/_wire.py
    aiooctopush/transport.py
use_setproctitle=false
pytest_add_cli_args=
    -x
    --deselect=tests/api/test_sms.py::test_a_value_within_its_limit_is_taken
pytest_add_cli_args_test_selection=
    tests/core/test_retry.py
    tests/core/test_retry_engine.py
    tests/core/test_session.py
    tests/api/test_sms.py
    tests/core/test_throttle.py
    tests/core/test_transport.py
    tests/core/test_deadlines.py
    tests/core/test_wire.py
    tests/simulation/test_survivors.py
"""


@nox.session(python=PYTHONS[0])
def mutation(session: nox.Session) -> None:
    """Plant mistakes in policy and classification; nearly all must be noticed."""
    requirements = PYPROJECT["project"]["dependencies"]
    # Not the package: what is imported has to be the copy with the mistakes in it.
    session.install(*requirements, *group("tests"), *group("mutation"))
    copy = Path(session.create_tmp()).resolve() / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    for folder in ("aiooctopush", "tests"):
        shutil.copytree(folder, copy / folder)
    shutil.copy("pyproject.toml", copy)
    (copy / "setup.cfg").write_text(MUTMUT)
    with session.chdir(copy):
        session.run("mutmut", "run", "--max-children=2", silent=True)
        told = str(session.run("mutmut", "results", "--all=true", silent=True))
        found = [
            (name, state)
            for name, state in re.findall(r"^ *(\S+): (.+)$", told, re.MULTILINE)
            if MUTATED.match(name)
        ]
        survivors = [name for name, state in found if state not in NOTICED]
        for name in survivors:
            session.run("mutmut", "show", name)
    score = 1 - len(survivors) / len(found)
    session.log(f"{len(found)} mistakes, {len(survivors)} not noticed: {score:.1%}")
    if score < MUTATION_GOAL:
        session.error(f"want {MUTATION_GOAL:.0%}")
