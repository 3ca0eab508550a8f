"""``octopush runs``: the runs that were recorded on this machine, or in a ledger."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import click
from attrs import frozen

from ...ledgers.records import LedgerError
from ..bulk.summary import REPORT_KEYS
from ..targets.gateway import surroundings
from ..targets.ledger import LedgerPlace
from ..targets.runs import find_target, recorded_runs, runs_folder
from ..terminal.console import Screen
from ..terminal.help import command
from ..terminal.options import shows_result
from ..terminal.problems import problem_of
from ..terminal.result import Result, Row, item
from ..terminal.values import in_euros, printable
from ..wording import PAUSED_BY, at_least
from .details import RunDetails, RunState, details_of


_EXAMPLE = """\
octopush runs
octopush runs run.db
"""

_IN_WORDS = {state: str(state) for state in RunState} | {
    RunState.MAYBE_RUNNING: "running?"
}


@frozen(kw_only=True)
class ListedRun(Result):
    """One run of a list."""

    name: str = item("Run")
    state: RunState = item("State", text=_IN_WORDS.__getitem__)
    begun: datetime = item("Started (UTC)")
    latest: datetime = item(doc="when it wrote last")
    ledger: str = item(doc="where it is recorded")
    planned: int = item("Planned", in_json=False)
    report: Mapping[str, Any] = item(merge=True, doc=REPORT_KEYS)
    accepted: int = item("Accepted", in_json=False)
    presumed: int = item("Presumed", in_json=False)
    unknown: int = item("Unknown", in_json=False)
    refused: int = item("Refused", in_json=False)
    cost: str = item("Cost", in_json=False)
    paused: str = item(in_json=False)

    @classmethod
    def of(
        cls, details: RunDetails, now: datetime, *, ledger: LedgerPlace
    ) -> "ListedRun":
        """Return the list entry of a run."""
        run, report = details.run, details.report
        return cls.from_fields(
            report,
            name=run.name,
            state=details.state(now),
            begun=run.began_at,
            latest=run.latest,
            ledger=str(ledger),
            report=report.as_dict(),
            cost=f"{at_least(report)}{in_euros(report.cost)}",
            paused="" if run.paused is None else PAUSED_BY[run.paused],
        )


@frozen(kw_only=True)
class Runs(Result):
    """The runs of this machine, or of a ledger."""

    runs: tuple[ListedRun, ...] = item("Runs", of=ListedRun, doc="for each run")
    looked_in: str = item(in_json=False)

    def headline(self) -> Row | None:
        """State that the ledger holds no run, if so."""
        return None if self.runs else (f"{self.looked_in} holds no run.", "")

    def advice(self) -> Iterator[str]:
        """Say why runs are paused."""
        for one in self.runs:
            if one.paused:
                yield f"{printable(one.name)} is paused: {one.paused}."


@command(
    example=_EXAMPLE,
    result=Runs,
)
@click.argument("ledger", metavar="[LEDGER]", required=False)
@shows_result
def runs(screen: Screen, /, *, ledger: str | None) -> Runs:
    """
    List the runs of this machine, or those of a LEDGER, the latest first.

    LEDGER is a file of `octopush bulk --ledger`, a PostgreSQL database such as
    postgresql://user@host/database, or the fleet of a program such as app:fleet.
    Ledgers are only read, also while a run is sending.

    A run is done, paused, running or unfinished; `octopush report` explains a pause. A
    run that is not done is resumed by its `octopush bulk` command.
    """
    now = surroundings().clock.now()
    if ledger is None:
        found = asyncio.run(_recorded(screen, recorded_runs()))
    else:
        place = find_target(ledger, None).ledger
        found = [(place, one) for one in asyncio.run(_all(place))]
    return Runs(
        runs=tuple(
            ListedRun.of(details, now, ledger=place) for place, details in found
        ),
        looked_in=str(runs_folder() if ledger is None else ledger),
    )


async def _recorded(
    screen: Screen, places: Iterable[LedgerPlace]
) -> list[tuple[LedgerPlace, RunDetails]]:
    found = []
    for place in places:
        # A damaged file must not hide the others.
        try:
            found += [(place, one) for one in await _all(place)]
        except LedgerError as error:
            screen.warn(problem_of(error))
    return found


async def _all(place: LedgerPlace) -> list[RunDetails]:
    held = await asyncio.to_thread(place.is_held)
    async with place.opened(read_only=True) as ledger:
        return [
            await details_of(ledger, one.name, is_held=held)
            for one in await ledger.runs()
        ]
