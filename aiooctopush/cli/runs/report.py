"""``octopush report``: what became of a run, from its ledger."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from ..bulk.summary import figures_of
from ..targets.gateway import clock_of
from ..targets.ledger import LedgerPlace, ledger_argument
from ..terminal.console import Screen
from ..terminal.export import new_file
from ..terminal.help import Command, Option
from ..terminal.options import OUTPUT, json_option
from ..terminal.times import at, span
from ..wording import (
    RunLocation,
    accepted_in_words,
    advice_on,
    error_in_words,
    plain,
    resuming,
)
from .details import RunDetails, RunState, details_of, find_run
from .html.page import page_of
from .listing import as_dict
from .unresolved import run_option


_ROWS_SHOWN: Final = 20
_FAULTS_SHOWN: Final = 5

_HEADLINES: Final = {
    RunState.RUNNING: ("Running", "bold"),
    RunState.MAYBE_RUNNING: ("Most likely running", "bold"),
    RunState.PAUSED: ("Paused", "bold red"),
    RunState.DONE: ("Done", "bold green"),
    RunState.UNFINISHED: ("Unfinished", "bold yellow"),
}

_EXAMPLE = """\
octopush report run.db --html report.html
"""

_EPILOG = """\
--json gives what `octopush runs --json` gives of a run, and ledger, settings, ended
(when the latest outcome became known), rejections (the first 100), unresolved and
refused_batches (the first 200 of each state; some of their numbers, masked),
deliveries (numbers by what the network said last, in the gateway's words), html.
"""


@click.command(
    cls=Command,
    short_help="Tell what became of a run, also as a page to look at.",
    example=_EXAMPLE,
    epilog=_EPILOG,
)
@ledger_argument()
@run_option()
@click.option(
    "--html",
    cls=Option,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    heading=OUTPUT,
    help="Write one page that a browser shows and prints; it needs no network and "
    "holds no number in full.",
)
@json_option()
@click.pass_context
def report(
    ctx: click.Context,
    *,
    ledger: LedgerPlace,
    name: str | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """
    Tell what became of a run: all its starts together, as its ledger has them.

    LEDGER is a file, a PostgreSQL database or the fleet of a program; see `octopush
    runs --help`. It is only read, also while the run is going on.
    """
    screen = Screen(as_json=as_json)
    now = clock_of(ctx.obj).now()
    with screen.failures():
        details = asyncio.run(_details(ledger, name))
        if html is not None:
            with new_file(html, private=False) as file:
                file.write(page_of(details, ledger, now))
    _tell(screen, details, ledger, now)
    if html is not None:
        screen.note(f"Wrote the report to {html}.")
    screen.document(_document(details, ledger, now, html))


async def _details(place: LedgerPlace, name: str | None) -> RunDetails:
    held = await asyncio.to_thread(place.is_held)
    async with place.opened(read_only=True) as ledger:
        run = await find_run(ledger, place, name)
        return await details_of(ledger, run.name, is_held=held)


def _tell(
    screen: Screen, details: RunDetails, ledger: LedgerPlace, now: datetime
) -> None:
    report = details.report
    words, style = _HEADLINES[details.state(now)]
    words += f": {accepted_in_words(report, report.planned)}"
    words += " The file was not read to its end." * (not report.exhausted)
    screen.say(words, style=style)
    screen.rows(_rows(details, ledger))
    if report.rejections:
        screen.say("")
        for one in report.rejections[:_ROWS_SHOWN]:
            got = "" if one.shown is None else f" (got {plain(one.shown)})"
            screen.say(f"  {one.place}: {plain(one.reason)}{got}")
        more = report.rejected - min(len(report.rejections), _ROWS_SHOWN)
        if more:
            screen.say(f"  … and {more:,} more.")
    place = RunLocation(name=report.name, ledger=ledger)
    for paragraph in advice_on(report, place, how=resuming(details.run, place)):
        screen.say("")
        screen.paragraph(plain(paragraph))


def _rows(details: RunDetails, ledger: LedgerPlace) -> Iterator[tuple[str, str]]:
    report, run = details.report, details.run
    yield from figures_of(report, total=report.planned)
    for name, times in report.faults.most_common(_FAULTS_SHOWN):
        yield "Errors", f"{times:,} × {plain(error_in_words(name))}"
    for status, count in details.deliveries.items():
        yield "Delivery", f"{count:,} × {plain(status)}"
    yield "Started", f"{at(run.began_at)} UTC"
    if details.ended_at is not None:
        after = span(details.ended_at - run.began_at)
        yield "Latest", f"{at(details.ended_at)} UTC, after {after}"
    yield "Run", plain(run.name)
    yield "Ledger", str(ledger)


def _document(
    details: RunDetails, ledger: LedgerPlace, now: datetime, html: Path | None
) -> dict[str, Any]:
    ended = details.ended_at
    return as_dict(details, now) | {
        "ledger": str(ledger),
        # Of the text there is only a digest.
        "settings": {
            name: value
            for name, value in details.run.settings.items()
            if name != "text"
        },
        "ended": None if ended is None else ended.isoformat(),
        "rejections": [
            {"line": one.line, "reason": one.reason, "shown": one.shown}
            for one in details.report.rejections
        ],
        "unresolved": [
            one.as_dict() for entries in details.unresolved.values() for one in entries
        ],
        "refused_batches": [one.as_dict() for one in details.refused],
        "deliveries": dict(details.deliveries),
        "html": None if html is None else str(html),
    }
