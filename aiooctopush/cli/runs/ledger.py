"""``octopush ledger``: the tables of a shared ledger, and copies of a file."""

import asyncio
from pathlib import Path
from typing import Final

import click
from attrs import frozen

from ...ledgers.sqlite.backup import backup as copy_ledger
from ..targets.fleet import app_option, load_fleet
from ..targets.ledger import LedgerPlace, LedgerType
from ..targets.runs import find_target
from ..terminal.console import Screen
from ..terminal.help import group
from ..terminal.options import shows_result
from ..terminal.result import Result, Row, item


_EXAMPLE = """\
octopush ledger init postgresql://octopush@localhost/octopush
octopush ledger init --app app:fleet
"""

_READY: Final = "is ready"
_NO_NEED: Final = "needs no preparation"


@frozen(kw_only=True)
class Ready(Result):
    """A ledger that is ready."""

    ledger: str = item()
    ready: bool = item()
    words: str = item(in_json=False)

    def headline(self) -> Row:
        """Say so."""
        return f"{self.ledger} {self.words}.", ""


@frozen(kw_only=True)
class Copied(Result):
    """A copy of a ledger."""

    ledger: str = item()
    copy: str = item()

    def headline(self) -> Row:
        """Say where it is."""
        return f"Copied {self.ledger} to {self.copy}.", ""


@group(example=_EXAMPLE)
def ledger() -> None:
    """Prepare a PostgreSQL database to be a ledger, or copy the ledger of a run."""


@ledger.command(
    short_help="Create or migrate the tables.",
    example=_EXAMPLE,
    result=Ready,
)
@click.argument("ledger", metavar="[LEDGER]", type=LedgerType(), required=False)
@app_option(required=False)
@shows_result
def init(_: Screen, /, *, ledger: LedgerPlace | None, app: str | None) -> Ready:
    """
    Create the tables of a ledger, or migrate them to this version of the library.

    LEDGER is the address of a PostgreSQL database. The tables are created in its schema
    aiooctopush, or in another with ?schema=NAME at its end. Keep a password in
    PGPASSWORD or ~/.pgpass, because other users of the machine may see the command
    line. With --app it is the ledger of that fleet.

    A second time it changes nothing. Workers may continue meanwhile.
    """
    if ledger is None:
        if app is None:
            raise click.UsageError("Name a LEDGER, or the --app that has one.")
        load_fleet(app)  # what it is called must be one, and no file
        ledger = LedgerPlace(app)
    words = _READY if asyncio.run(_init(ledger)) else _NO_NEED
    return Ready(ledger=str(ledger), ready=True, words=words)


@ledger.command(
    short_help="Copy the ledger of a run into one file.",
    example="octopush ledger backup week-48 week-48-copy.db",
    result=Copied,
)
@click.argument("run")
@click.argument("copy", type=click.Path(path_type=Path))
@shows_result
def backup(_: Screen, /, *, run: str, copy: Path) -> Copied:
    """
    Copy the ledger of a run into one complete file, also while it is sending.

    RUN is the name of a run or the file of its ledger. COPY must not exist. A plain
    `cp` of a ledger in use lacks the data in its log.
    """
    place = find_target(run, None).ledger
    if place.is_address or place.is_app:
        raise click.UsageError(
            "Only a ledger in a file is copied. Use pg_dump for PostgreSQL."
        )
    copy_ledger(str(place), copy)
    return Copied(ledger=str(place), copy=str(copy))


async def _init(place: LedgerPlace) -> bool:
    """Whether there was anything to prepare."""
    async with place.opened() as found:
        migrate = getattr(found, "migrate", None)
        if migrate is None:
            return False
        await migrate()
    return True
