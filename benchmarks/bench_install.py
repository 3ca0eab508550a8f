"""
What an import takes, and what an installation brings, beside others.

Each is installed by pip from the package registry, without compiling, into a folder
that is kept for the next time. What cannot be installed is left out, and why is said.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen
from bench_figures import Figure, figure


OURS: Final = "aiooctopush"
CHECKOUT: Final = Path(__file__).parent.parent
PEERS: Final = ("twilio", "vonage", "telnyx", "infobip-api-python-client")

IMPORT_GOAL, HELP_GOAL = 1.10, 1.3
# The package alone loads nothing: this loads all that a first send needs.
START: Final = f"from {OURS} import OctopushSession"
FLOOR: Final = "import aiohttp, attrs, cattrs, tenacity"
HELP_FLOOR: Final = "import click, rich.console"

_MEBIBYTE: Final = 1024 * 1024
_IMPORT: Final = """\
import time
began = time.process_time()
{}
print(time.process_time() - began)
"""


@frozen(kw_only=True)
class Installed:
    """
    What an installation brings.

    Attributes:
        version: Of the package itself.
        packages: It and all that it needs.
        size: Bytes of all files.
        wheel: Bytes of its own wheels, as they are downloaded: what is named as it
            is, since one of them comes in twenty parts.
    """

    version: str
    packages: int
    size: int
    wheel: int


# --- import ---------------------------------------------------------------------------


def import_time(statement: str) -> float:
    """Milliseconds of processor time, in a fresh interpreter."""
    command = [sys.executable, "-I", "-c", _IMPORT.format(statement)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(told.stdout) * 1e3


def process_time(*arguments: str) -> float:
    """Milliseconds of processor time of a whole process of Python."""
    before = os.times()
    command = [sys.executable, "-I", *arguments]
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    user = after.children_user - before.children_user
    return (user + after.children_system - before.children_system) * 1e3


def measure_import(*, short: bool) -> list[Figure]:
    """Our import and our help, beside those of what we stand on, in turn."""
    rounds = range(9 if short else 25)
    imports = [(import_time(START), import_time(FLOOR)) for _ in rounds]
    helps = [
        (process_time("-m", OURS, "--help"), process_time("-c", HELP_FLOOR))
        for _ in rounds
    ]
    return [
        _beside("import", START, FLOOR, imports, IMPORT_GOAL),
        _beside(
            "import_help",
            "octopush --help",
            HELP_FLOOR,
            helps,
            HELP_GOAL,
        ),
    ]


def _beside(
    name: str,
    title: str,
    beside: str,
    pairs: Sequence[tuple[float, float]],
    goal: float,
) -> Figure:
    pairs = pairs[1:]  # the first writes byte code
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    return figure(
        name,
        title,
        beside=beside,
        ours=ours,
        theirs=theirs,
        unit="ms",
        samples=[mine / other for mine, other in pairs],
        goal=goal,
    )


# --- installation ---------------------------------------------------------------------


def install(name: str, pip: Sequence[str], folder: Path) -> Installed:
    """
    Install one package into a folder of its own, and count.

    Raises:
        subprocess.CalledProcessError: pip could not.
    """
    wanted = str(CHECKOUT) if name == OURS else name
    wheels, target = folder / "wheels", folder / "all"
    quiet = ("--quiet", "--disable-pip-version-check")
    if name == OURS:  # it may have changed
        shutil.rmtree(folder, ignore_errors=True)
    if not (target.exists() and wheels.exists()):
        shutil.rmtree(folder, ignore_errors=True)
        _run(*pip, "wheel", *quiet, f"--wheel-dir={wheels}", wanted)
        _run(
            *(*pip, "install", *quiet, "--no-compile", f"--target={target}"),
            *("--no-index", f"--find-links={wheels}", name),
        )
    own = name.partition("-")[0]
    version = re.compile(rf"{re.sub('[-_.]', '[-_.]', name)}-(.+)\.dist-info")
    found = list(target.glob("*.dist-info"))
    return Installed(
        version=next(m[1] for one in found if (m := version.fullmatch(one.name))),
        packages=len(found),
        size=_bytes(target.rglob("*")),
        wheel=_bytes(wheels.glob(f"{own}*.whl")),
    )


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def install_all(cache: Path) -> tuple[dict[str, Installed], dict[str, str]]:
    """All of them; and of those that could not be installed, why."""
    done: dict[str, Installed] = {}
    skipped: dict[str, str] = {}
    try:
        if not (cache / "pip").exists():
            venv.create(cache / "pip", with_pip=True)
    except subprocess.CalledProcessError:
        return {}, {OURS: "this Python cannot make a virtual environment with pip"}
    python = cache / "pip" / ("Scripts" if os.name == "nt" else "bin") / "python"
    for name in (OURS, *PEERS):
        try:
            done[name] = install(name, (str(python), "-m", "pip"), cache / name)
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
            skipped[name] = " ".join(last) or "pip failed"
    return done, skipped


def measure_install() -> tuple[list[Figure], dict[str, str], dict[str, str]]:
    """Figures, versions, and what was left out and why."""
    cache = Path(tempfile.gettempdir()) / "aiooctopush-bench" / _python()
    cache.mkdir(parents=True, exist_ok=True)
    done, skipped = install_all(cache)
    if OURS not in done:
        return [], {}, skipped
    versions = {name: one.version for name, one in done.items()}
    return [*compare(done)], versions, skipped


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def compare(done: Mapping[str, Installed]) -> list[Figure]:
    """Ours beside each of the others: bytes, packages, the wheel alone."""
    ours = done[OURS]
    figures = []
    for name, other in done.items():
        if name == OURS:
            continue
        short = name.removesuffix("-api-python-client")
        for what, title, unit, mine, theirs in (
            ("size", "an install brings", "MiB", ours.size, other.size),
            (
                "packages",
                "an install brings",
                "packages",
                ours.packages,
                other.packages,
            ),
            ("wheel", "its own wheels", "MiB", ours.wheel, other.wheel),
        ):
            scale = _MEBIBYTE if unit == "MiB" else 1
            figures.append(
                figure(
                    f"{what}_{short}",
                    f"{title}, {unit}",
                    beside=f"{short} {other.version}",
                    ours=mine / scale,
                    theirs=theirs / scale,
                    unit=unit,
                    samples=[mine / theirs],
                    goal=1.0,
                )
            )
    return figures
