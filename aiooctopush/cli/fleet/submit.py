"""``octopush fleet submit``: plan a run from a file, and wake the workers."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from ...errors import OctopushError
from ...ledgers.records import Pause
from ..bulk.check import FileChecker, people_beside
from ..bulk.look import BulkLook
from ..bulk.options import PlanningOptions, planning_options
from ..bulk.price import Price
from ..bulk.question import show_and_ask
from ..bulk.record import recorded
from ..targets.fleet import app_option, load_fleet, quiet_logs
from ..targets.gateway import surroundings
from ..targets.ledger import LedgerPlace
from ..targets.message import MessageOptions, message_options
from ..targets.recipients import FileReading, recipient_file_options
from ..terminal.console import Screen
from ..terminal.exit_codes import ExitCode
from ..terminal.help import command, option
from ..terminal.interrupt import until_signal
from ..terminal.options import SENDING, json_option
from ..terminal.problems import problem_of
from ..terminal.result import Result, Row, Table, item
from ..terminal.values import counted, printable
from ..wording import PAUSED_BY, RunLocation
from .ending import INTERRUPTED, at_work, batches_of, end, failures
from .run import FleetRun


_SUBMIT_EXAMPLE = """\
octopush fleet submit people.csv --app app:fleet --run november \\
    --sender Acme --purpose alert \\
    --text "Hello {first_name}, your order is on its way"
"""


_SUBMIT_AGAIN: Final = "Nothing is lost. Run the same command again to continue."
_LOST_NOTHING: Final = (
    "Nothing is lost: the run is in the ledger. Once the broker is back, the next "
    "sweep wakes the workers. The scheduler sweeps, and so does `{sweep}`."
)


@frozen(kw_only=True)
class Submission(Result):
    """A run that was planned for workers."""

    name: str = item(doc="of the run")
    planned: int = item(doc="recipients of the run in all")
    batches: int = item()
    new: int = item(doc="recipients that were added now")
    already: int = item(doc="recipients of the file that the run had before")
    duplicates: int = item()
    rejected: int = item()
    woken: int = item(doc="batches that workers were woken for")
    was_planned: bool = item(doc="nothing was added now")
    paused: Pause | None = item(doc="why the run stands still; null if it does not")
    file: str = item()
    first_bad_rows: Sequence[Mapping[str, Any]] = item()
    error: OctopushError | None = item(doc="why no worker was woken")
    location: RunLocation = item(in_json=False)

    json_notes = (
        "With a broker in this process also what `octopush fleet wait --json` gives."
    )

    def headline(self) -> Row:
        """Show the plan."""
        size = f"{counted(self.planned, 'recipient')} in {batches_of(self.batches)}"
        if self.error is not None:
            return f"Planned, but no worker was woken: {size}.", "bold yellow"
        if self.paused is not None:
            return f"Planned, but the run is paused: {size}.", "bold yellow"
        before = " before" * self.was_planned
        return f"Planned{before}: {size}.", "bold green"

    def blocks(self) -> Iterator[str | list[Row] | Table]:
        """Yield the figures."""
        rows = []
        if self.already:
            now = f"{self.new:,} new, {self.already:,} in this run before"
            rows.append(("Now", now))
        if self.paused is not None:
            rows.append(("Paused", PAUSED_BY[self.paused]))
        if self.duplicates:
            rows.append(("Duplicates", counted(self.duplicates, "row")))
        if self.rejected:
            rows.append(("Rejected", counted(self.rejected, "row")))
        rows.append(("Woken", f"workers for {batches_of(self.woken)}"))
        rows.append(("Run", printable(self.name)))
        rows.append(("Fleet", str(self.location.ledger)))
        yield rows

    def advice(self) -> tuple[str, ...]:
        """Say how to watch it."""
        if self.error is not None:
            return ()
        if self.paused is not None:
            resume = self.location.fleet_command("resume")
            return (
                f"Nothing is sent until the cause is resolved. Then run `{resume}`.",
            )
        return (f"  {self.location.fleet_command('status')}",)


@command(
    short_help="Plan a run from a file, and wake the workers.",
    example=_SUBMIT_EXAMPLE,
    result=Submission,
)
@click.argument("file", type=click.Path(path_type=Path))
@app_option()
@message_options
@option(
    "--run",
    "name",
    required=True,
    metavar="NAME",
    heading=SENDING,
    help="Name of the run.",
)
@planning_options
@recipient_file_options
@json_option
def submit(
    *,
    file: Path,
    app: str,
    message: MessageOptions,
    name: str,
    planning: PlanningOptions,
    reading: FileReading,
    as_json: bool,
) -> None:
    """
    Plan a run for the workers of a fleet, and wake them.

    FILE is as in `octopush bulk`. It is checked first, and on a terminal the command
    shows a summary, and asks for confirmation once. Then it is written to the ledger in
    batches. Workers start sending after the whole file has been planned.

    One run name belongs to one message: the same command with a changed file adds the
    new recipients only, and after a crash it continues planning. If another process
    plans the run at the moment, nothing is planned from here. Run it again when that
    has ended.

    With a broker that has no workers (taskiq's InMemoryBroker) this process sends the
    batches itself, and reports their outcome.
    """
    screen = Screen(as_json=as_json)
    clock = surroundings().clock
    place = RunLocation(name=name, ledger=LedgerPlace(app))
    with screen.failures(of_sending=True):
        found = load_fleet(app)
        built = message.built()
        excluding = [reading.open(one) for one in planning.exclude]
        people = people_beside(excluding, planning.on_duplicate)
    with failures(screen, _SUBMIT_AGAIN), quiet_logs():
        before = asyncio.run(recorded(LedgerPlace(app), name, people))
    with screen.failures(of_sending=True):
        checker = FileChecker(
            message=built,
            screen=screen,
            clock=clock,
            planning=planning,
            people=people,
        )
        source, check = checker.check(reading.open(file))
    look = BulkLook.of(
        check,
        file=str(file),
        text=message.text,
        send_at=message.send_at,
        price=Price(euros=planning.price),
        message=built,
        name=name,
        ledger=app,
    )
    show_and_ask(screen, check, look, dry_run=planning.dry_run, yes=planning.yes)
    run = FleetRun(fleet=found, name=name, screen=screen, clock=clock)
    with at_work(screen, interrupted=INTERRUPTED, away=_SUBMIT_AGAIN):
        submission = run.submit(
            built,
            source,
            total=check.found.recipients
            + (0 if before is None else before.run.planned),
            **planning.of_run(excluding),
        )
        submitted = asyncio.run(until_signal(submission))
    document: dict[str, Any] = {
        "file": str(file),
        "woken": submitted.woken,
        "was_planned": submitted.was_planned,
        "first_bad_rows": check.first_bad_rows,
    }
    if submitted.report is not None:
        already = submitted.run.already
        end(screen, submitted.report, place, already=already, **document)
    planned, error = submitted.run, submitted.error
    screen.result(
        Submission.from_fields(
            planned,
            paused=submitted.paused,
            error=error,
            location=place,
            **document,
        )
    )
    if error is not None:
        screen.error(problem_of(error))
        screen.note(_LOST_NOTHING.format(sweep=place.fleet_command("sweep")))
    bad = error is not None or planned.rejected or submitted.paused is not None
    raise click.exceptions.Exit(ExitCode.NOT_ACCEPTED if bad else ExitCode.ACCEPTED)
