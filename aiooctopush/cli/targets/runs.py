"""Which run a command is about: by name, by path, or the latest one."""

import hashlib
import re
from pathlib import Path
from typing import Final

import click
from attrs import frozen
from platformdirs import user_state_path

from ...errors import InvalidFieldError, shown
from ..terminal.help import option, together
from .ledger import LedgerPlace


WHICH: Final = "Run"

_SUFFIX: Final = ".db"
_DIGEST: Final = 16

# Characters that are safe in file names and in words of a shell.
_is_plain = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}").fullmatch
_is_path = re.compile(r".*[/\\].*|.*\.(db|sqlite|sqlite3)").fullmatch


@frozen(kw_only=True)
class RunTarget:
    """
    A run that a command is about.

    Attributes:
        ledger: Where it is recorded.
        name: Name of the run; None for the only one of the ledger.
    """

    ledger: LedgerPlace
    name: str | None


def runs_folder() -> Path:
    """Return the folder where runs are recorded unless --ledger names a file."""
    return user_state_path("octopush", appauthor=False) / "runs"


def ledger_of(name: str) -> Path:
    """Return the file that records a run of this name, if none was chosen."""
    if _is_plain(name) and not _is_path(name):
        return runs_folder() / f"{name}{_SUFFIX}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return runs_folder() / f"run-{digest}{_SUFFIX}"


def new_ledger_of(name: str) -> Path:
    """
    Return that file after making its folder, for the user alone.

    Raises:
        InvalidFieldError: The folder cannot be made.
    """
    folder = runs_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidFieldError(
            "--ledger",
            f"must name a file, because {folder} cannot be made ({error.strerror}); "
            "--no-ledger sends without a record",
        ) from error
    return ledger_of(name)


def recorded_runs() -> list[LedgerPlace]:
    """Return the ledgers in that folder, the latest written first."""
    found = sorted(runs_folder().glob(f"*{_SUFFIX}"), key=_written_at, reverse=True)
    return [LedgerPlace(str(one)) for one in found]


def is_recorded_as(place: Path | LedgerPlace, name: str) -> bool:
    """Return whether the name of a run alone finds its ledger."""
    return not Path(name).exists() and str(place) == str(ledger_of(name))


def find_target(word: str | None, name: str | None) -> RunTarget:
    """
    Find the run that a command line means.

    Args:
        word: A name, a file, an address or a fleet; None for the latest run.
        name: Value of ``--run``.

    Raises:
        InvalidFieldError: There is no such run.
    """
    if word is None:
        return _recorded(name) if name is not None else _latest()
    place = LedgerPlace(word)
    if place.is_address or Path(word).exists():
        return RunTarget(ledger=place, name=name)
    if ledger_of(word).exists():
        return RunTarget(ledger=LedgerPlace(str(ledger_of(word))), name=name or word)
    if place.is_app or _is_path(word):
        return RunTarget(ledger=place, name=name)
    return _recorded(word)


run_option: Final = option(
    "--run",
    "name",
    metavar="NAME",
    heading=WHICH,
    help="Name of the run. Optional if the ledger has only one.",
)
"""Add the option --run for `find_target`."""

run_argument: Final = together(
    click.argument("run", metavar="[RUN]", required=False), run_option
)
"""Add the argument RUN and the option --run for `find_target`."""


def _recorded(name: str) -> RunTarget:
    path = ledger_of(name)
    if not path.exists():
        raise InvalidFieldError(
            "RUN",
            "is neither a file nor a run that was recorded on this machine; "
            "`octopush runs` lists these",
            shown=shown(name),
        )
    return RunTarget(ledger=LedgerPlace(str(path)), name=name)


def _latest() -> RunTarget:
    found = recorded_runs()
    if not found:
        raise InvalidFieldError(
            "RUN", f"must name a run or a ledger, because {runs_folder()} holds none"
        )
    return RunTarget(ledger=found[0], name=None)


def _written_at(path: Path) -> float:
    """The latest time that a ledger or its log was written."""
    log = path.with_name(f"{path.name}-wal")
    return max(one.stat().st_mtime for one in (path, log) if one.exists())
