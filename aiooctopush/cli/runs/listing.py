"""``octopush runs``: what a ledger holds."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from ..targets.gateway import clock_of
from ..targets.ledger import LedgerPlace, ledger_argument
from ..terminal.console import Screen
from ..terminal.help import Command
from ..terminal.options import json_option
from ..terminal.times import at
from ..terminal.values import in_euros
from ..wording import PAUSED_BY, at_least, plain
from .details import RunDetails, details_of


_EXAMPLE = """\
octopush runs run.db
"""

_EPILOG = """\
--json gives: ledger, and runs: for each run name, state, begun, latest (instants), and
what `octopush bulk --json` gives of a report.
"""

_HEADINGS = (
    "Run",
    "State",
    "Started (UTC)",
    "Planned/rows",
    "Accepted",
    "Presumed",
    "Unknown",
    "Refused",
    "Cost",
)
_WORDS = ("Run", "State", "Started (UTC)")

_SHORT = "List the runs of a ledger."


@click.command(cls=Command, short_help=_SHORT, example=_EXAMPLE, epilog=_EPILOG)
@ledger_argument()
@json_option()
@click.pass_context
def runs(ctx: click.Context, *, ledger: LedgerPlace, as_json: bool) -> None:
    """
    List the runs of a ledger, the latest begun first.

    LEDGER is what `octopush bulk` was given as --ledger; or a PostgreSQL database, as
    postgresql://user@host/database; or the fleet of a program, such as app:fleet. It
    is only read, also while a run is going on. A run is done; paused, which `octopush
    report` explains; running?, if it wrote something within two minutes; or else
    unfinished. All but those that are done go on with their `octopush bulk` command.
    """
    screen = Screen(as_json=as_json)
    now = clock_of(ctx.obj).now()
    with screen.failures():
        detailss = asyncio.run(_all(ledger))
    if detailss:
        screen.table(_HEADINGS, [_row(one, now) for one in detailss], words=_WORDS)
    else:
        screen.say(f"{ledger} holds no run.")
    for line in _notes(detailss):
        screen.say("")
        screen.paragraph(line)
    screen.document(
        {"ledger": str(ledger), "runs": [as_dict(one, now) for one in detailss]}
    )


def as_dict(details: RunDetails, now: datetime) -> dict[str, Any]:
    """A run as plain values; money and instants as text."""
    run = details.run
    return {
        "name": run.name,
        "state": details.state(now).value.rstrip("?"),
        "begun": run.began_at.isoformat(),
        "latest": run.latest.isoformat(),
        **details.report.as_dict(),
    }


async def _all(place: LedgerPlace) -> list[RunDetails]:
    held = await asyncio.to_thread(place.is_held)
    async with place.opened(read_only=True) as ledger:
        return [
            await details_of(ledger, one.name, is_held=held)
            for one in await ledger.runs()
        ]


def _row(details: RunDetails, now: datetime) -> tuple[str, ...]:
    report = details.report
    return (
        plain(report.name),
        str(details.state(now)),
        at(details.run.began_at),
        f"{report.planned:,}/{report.items:,}",
        f"{report.accepted:,}",
        f"{report.presumed:,}",
        f"{report.unknown:,}",
        f"{report.refused:,}",
        f"{at_least(report)}{in_euros(report.cost)}",
    )


def _notes(detailss: list[RunDetails]) -> Iterator[str]:
    for one in detailss:
        if one.run.paused is not None:
            yield f"{plain(one.run.name)} is paused: {PAUSED_BY[one.run.paused]}."
