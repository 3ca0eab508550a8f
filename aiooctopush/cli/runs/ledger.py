"""``octopush ledger``: the tables of a ledger that many machines share."""

import asyncio
from typing import Final

import click

from ..targets.fleet import app_option, load_fleet
from ..targets.ledger import LedgerPlace, LedgerType
from ..terminal.console import Screen
from ..terminal.help import Command, Group
from ..terminal.options import json_option


_EXAMPLE = """\
octopush ledger init postgresql://octopush@localhost/octopush
octopush ledger init --app app:fleet
"""

_EPILOG = """\
--json gives: ledger, ready.
"""

_READY: Final = "is ready"
_NO_NEED: Final = "needs no preparation"


@click.group(
    cls=Group, short_help="Prepare a database to be a ledger.", example=_EXAMPLE
)
def ledger() -> None:
    """Prepare a PostgreSQL database to be the ledger of a fleet."""


@ledger.command(
    cls=Command,
    short_help="Make the tables, or lead them to this version.",
    example=_EXAMPLE,
    epilog=_EPILOG,
)
@click.argument("ledger", metavar="[LEDGER]", type=LedgerType(), required=False)
@app_option(required=False)
@json_option()
def init(*, ledger: LedgerPlace | None, app: str | None, as_json: bool) -> None:
    """
    Make the tables of a ledger, or lead them to this version of the library.

    LEDGER is the address of a PostgreSQL database; the tables are made in its schema
    aiooctopush, or another with ?schema=NAME at its end. A password is better kept
    in PGPASSWORD or ~/.pgpass than typed, where other users of the machine may see it.
    With --app it is the ledger of that fleet.

    A second time it changes nothing; workers may go on meanwhile.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        if ledger is None:
            if app is None:
                raise click.UsageError("Name a LEDGER, or the --app that has one.")
            load_fleet(app)  # what it is called must be one, and no file
            ledger = LedgerPlace(app)
        is_made = asyncio.run(_init(ledger))
    screen.say(f"{ledger} {_READY if is_made else _NO_NEED}.")
    screen.document({"ledger": str(ledger), "ready": True})


async def _init(place: LedgerPlace) -> bool:
    """Whether there was anything to prepare."""
    async with place.opened() as found:
        migrate = getattr(found, "migrate", None)
        if migrate is None:
            return False
        await migrate()
    return True
