"""``octopush report``: the outcome of a run, from its ledger."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from ...ledgers.batch import unpack_numbers
from ...ledgers.records import BatchState
from ..bulk.summary import figures_of
from ..targets.gateway import surroundings
from ..targets.ledger import LedgerPlace
from ..targets.runs import RunTarget, find_target, run_argument
from ..terminal.console import Screen
from ..terminal.export import new_csv, new_file
from ..terminal.help import command
from ..terminal.options import csv_option, file_option, shows_result
from ..terminal.problems import in_options
from ..terminal.result import Result, Row, Table, item
from ..terminal.times import at, span
from ..terminal.values import printable
from ..wording import (
    RunLocation,
    accepted_in_words,
    advice_on,
    departure_of,
    error_in_words,
    rejected_row,
    resuming,
)
from .details import Entry, RunDetails, RunState, details_of, find_run
from .listing import ListedRun


_ROWS_SHOWN: Final = 20
_FAULTS_SHOWN: Final = 5

_HEADLINES: Final = {
    RunState.RUNNING: ("Running", "bold"),
    RunState.MAYBE_RUNNING: ("Most likely running", "bold"),
    RunState.PAUSED: ("Paused", "bold red"),
    RunState.DONE: ("Done", "bold green"),
    RunState.UNFINISHED: ("Unfinished", "bold yellow"),
}

_COLUMNS: Final = ("phone_number", "batch", "state", "ticket", "code", "delivery")

_EXAMPLE = """\
octopush report
octopush report week-48 --html report.html
"""


@frozen(kw_only=True)
class RunReport(Result):
    """The outcome of a run, all its starts together."""

    run: ListedRun = item(merge=True, of=ListedRun)
    settings: Mapping[str, str] = item()
    goes_out: str | None = item(doc="when, for people; null for at once")
    ended: datetime | None = item(doc="when the latest outcome became known")
    rejections: tuple[Mapping[str, Any], ...] = item(doc="the first 100")
    unresolved: tuple[Entry, ...] = item(
        doc="the first 200 batches of each state, some of their numbers masked"
    )
    refused_batches: tuple[Entry, ...] = item(doc="the first 200, likewise")
    deliveries: Mapping[str, int] = item(
        doc="numbers by their latest status, as the gateway spells it"
    )
    html: str | None = item(doc="the page that was written")
    csv: str | None = item(doc="the file with a row for each recipient")
    details: RunDetails = item(in_json=False)
    location: RunLocation = item(in_json=False)

    @classmethod
    def of(
        cls,
        details: RunDetails,
        ledger: LedgerPlace,
        now: datetime,
        *,
        html: Path | None = None,
        csv: Path | None = None,
    ) -> "RunReport":
        """Return the report entry of a run."""
        unresolved = details.unresolved.values()
        return cls(
            run=ListedRun.of(details, now, ledger=ledger),
            # Only a digest of the text is stored.
            settings={
                name: value
                for name, value in details.run.settings.items()
                if name != "text"
            },
            goes_out=departure_of(details.run),
            ended=details.ended_at,
            rejections=tuple(
                {
                    "line": one.line,
                    "reason": in_options(one.reason),
                    "shown": one.shown,
                }
                for one in details.report.rejections
            ),
            unresolved=tuple(one for batches in unresolved for one in batches),
            refused_batches=tuple(details.refused),
            deliveries=details.deliveries,
            html=None if html is None else str(html),
            csv=None if csv is None else str(csv),
            details=details,
            location=RunLocation(name=details.run.name, ledger=ledger),
        )

    def headline(self) -> Row:
        """Sum the run up in one sentence."""
        report = self.details.report
        words, style = _HEADLINES[self.run.state]
        words += f": {accepted_in_words(report, report.planned)}"
        words += " The file was not read to its end." * (not report.exhausted)
        return words, style

    def blocks(self) -> Iterator[str | list[Row] | Table]:
        """Yield the figures, and the first rows that were rejected."""
        report = self.details.report
        yield list(self._rows())
        listed = report.rejections[:_ROWS_SHOWN]
        if listed:
            yield "\nRejected rows"
            yield [rejected_row(one) for one in listed]

    def advice(self) -> Iterator[str]:
        """Say what to do about the run."""
        report = self.details.report
        more = report.rejected - min(len(report.rejections), _ROWS_SHOWN)
        if more:
            yield f"{more:,} more rows were rejected."
        how = resuming(self.details.run, self.location)
        yield from map(printable, advice_on(report, self.location, how=how))

    def _rows(self) -> Iterator[Row]:
        report, run, ended = self.details.report, self.details.run, self.ended
        yield from figures_of(report)
        for name, times in report.faults.most_common(_FAULTS_SHOWN):
            yield "Errors", f"{times:,} × {printable(error_in_words(name))}"
        for status, count in self.deliveries.items():
            yield "Delivery", f"{count:,} × {printable(status)}"
        yield "Started", f"{at(run.began_at)} UTC"
        if ended is not None:
            yield "Latest", f"{at(ended)} UTC, after {span(ended - run.began_at)}"
        if self.goes_out is not None:
            yield "Goes out", self.goes_out
        yield "Run", printable(run.name)
        yield "Ledger", str(self.location.ledger)


@command(
    example=_EXAMPLE,
    result=RunReport,
)
@run_argument
@file_option(
    "--html",
    help="Write one page for a browser or a printer. It needs no network, and numbers "
    "are masked.",
)
@csv_option(
    "Write a row for each recipient, with the number in full, to a file for you "
    "alone: number, batch, state, ticket, code and delivery status."
)
@shows_result
def report(
    screen: Screen,
    /,
    *,
    run: str | None,
    name: str | None,
    html: Path | None,
    csv_file: Path | None,
) -> RunReport:
    """
    Show the outcome of a run, all its starts together.

    RUN is the name of a run, or its ledger: a file, a PostgreSQL database or the fleet
    of a program, as in `octopush runs --help`. Without it the latest run of this
    machine is shown. The ledger is only read, also while the run is sending.
    """
    now = surroundings().clock.now()
    target = find_target(run, name)
    details = asyncio.run(_details(target))
    if html is not None:
        from .html.page import page_of  # noqa: PLC0415  # its library starts slowly

        with new_file(html, private=False) as file:
            people = None if csv_file is None else _beside(csv_file, html)
            page = page_of(details, target.ledger, now, people=people)
            file.write(page)
        screen.note(f"Wrote the report to {html}.")
    if csv_file is not None:
        asyncio.run(_write_people(target.ledger, details, csv_file))
        screen.note(f"Wrote a row for each recipient to {csv_file}.")
    return RunReport.of(details, target.ledger, now, html=html, csv=csv_file)


def _beside(file: Path, page: Path) -> str:
    """The path from a page to a file, for a link in it."""
    try:
        path = os.path.relpath(file.resolve(), page.resolve().parent)
    except ValueError:  # on another drive of Windows
        return file.name
    return path.replace(os.sep, "/")


async def _details(target: RunTarget) -> RunDetails:
    held = await asyncio.to_thread(target.ledger.is_held)
    async with target.ledger.opened(read_only=True) as ledger:
        run = await find_run(ledger, target.ledger, target.name)
        return await details_of(ledger, run.name, is_held=held)


async def _write_people(place: LedgerPlace, details: RunDetails, path: Path) -> None:
    name = details.run.name
    with new_csv(path, _COLUMNS, numbers={"phone_number"}) as write:
        async with place.opened(read_only=True) as ledger:
            async for batch in ledger.batches(name):
                if batch.state is BatchState.SPLIT:
                    continue
                statuses = await ledger.statuses(name, batch)
                code = "" if batch.code is None else str(batch.code)
                what = (batch.name, str(batch.state), batch.ticket or "", code)
                for number in unpack_numbers(batch.numbers):
                    write((number, *what, statuses.get(number, "")))
