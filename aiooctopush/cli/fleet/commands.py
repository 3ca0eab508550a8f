"""``octopush fleet``: runs that workers on many machines send."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from attrs import frozen

from ...api._shared import Purpose, SmsType
from ...api.sms import Message
from ...bulk.options import OnDuplicate, OnInvalid, OnMissing
from ...bulk.report import BulkReport
from ...errors import OctopushError
from ...ledgers.records import LedgerError
from ..bulk.check import FileChecker, list_bad
from ..bulk.options import planning_options, waiting_option
from ..bulk.summary import RunResult
from ..targets.fleet import (
    BrokerError,
    app_option,
    load_fleet,
    quiet_logs,
    started,
    wake_lost,
)
from ..targets.gateway import clock_of
from ..targets.ledger import LedgerPlace
from ..targets.recipients import FileReading, recipient_file_options
from ..terminal.console import Screen
from ..terminal.help import Command, Group, Option, typed
from ..terminal.interrupt import InterruptedBySignalError, until_signal
from ..terminal.options import (
    OUTPUT,
    SENDING,
    json_option,
    message_options,
)
from ..terminal.problems import ExitCode, problem_of
from ..terminal.result import Result, Row, Table, item
from ..terminal.values import counted, printable
from ..wording import RunLocation
from .run import FleetRun, check_name, outcome_of
from .status import FleetStatus, Status


_EXAMPLE = """\
export OCTOPUSH_FLEET=app:fleet
octopush fleet submit people.csv --run november --sender Acme --purpose alert \\
    --text "Hello {first_name}, your order is on its way"
octopush fleet status
"""

_SUBMIT_EXAMPLE = """\
octopush fleet submit people.csv --app app:fleet --run november --sender Acme \\
    --purpose alert --text "Hello {first_name}, your order is on its way"
"""

_WAIT_EXAMPLE = """\
octopush fleet wait november --app app:fleet
"""

_RESUME_EXAMPLE = """\
octopush fleet resume november --app app:fleet
"""

_SWEEP_EXAMPLE = """\
octopush fleet sweep --app app:fleet
"""

_STATUS_EXAMPLE = """\
octopush fleet status --app app:fleet
octopush fleet status november --app app:fleet --once
"""

# What is said beside the reason if the ledger or the broker is away.
_SUBMIT_AGAIN: Final = "Nothing is lost. Run the same command again to continue."
_RESUME_AGAIN: Final = "Nothing is lost. Run the same command again to resume."
_SWEEP_AGAIN: Final = "Nothing is lost. The next sweep wakes the workers."
_WAIT_AGAIN: Final = (
    "Only the wait has ended. The run is in the ledger, and the workers continue as "
    "soon as they can."
)
_LOST_NOTHING: Final = (
    "Nothing is lost: the run is in the ledger. Once the broker is back, the next "
    "sweep wakes the workers. The scheduler sweeps, and so does `{sweep}`."
)


@frozen(kw_only=True)
class Submission(Result):
    """A run that was planned for workers."""

    name: str = item(doc="of the run")
    planned: int = item()
    batches: int = item()
    duplicates: int = item()
    rejected: int = item()
    woken: int = item(doc="batches that workers were told of")
    was_planned: bool = item(doc="nothing was added now")
    file: str = item()
    first_bad_rows: Sequence[Mapping[str, Any]] = item()
    error: OctopushError | None = item(doc="why no worker was woken")
    location: RunLocation = item(in_json=False)

    json_notes = (
        "With a broker in this process also what `octopush fleet wait --json` gives."
    )

    def headline(self) -> Row:
        """Say what was planned."""
        size = f"{counted(self.planned, 'recipient')} in {_batches(self.batches)}"
        if self.error is not None:
            return f"Planned, but no worker was woken: {size}.", "bold yellow"
        before = " before" * self.was_planned
        return f"Planned{before}: {size}.", "bold green"

    def blocks(self) -> Iterator[str | list[Row] | Table]:
        """Yield the figures."""
        rows = []
        if self.duplicates:
            rows.append(("Duplicates", counted(self.duplicates, "row")))
        if self.rejected:
            rows.append(("Rejected", counted(self.rejected, "row")))
        rows.append(("Woken", f"workers for {_batches(self.woken)}"))
        rows.append(("Run", printable(self.name)))
        rows.append(("Fleet", str(self.location.ledger)))
        yield rows

    def advice(self) -> tuple[str, ...]:
        """Say how to watch it."""
        if self.error is not None:
            return ()
        return (f"  {self.location.fleet_command('status')}",)


@frozen(kw_only=True)
class Woken(Result):
    """What a sweep woke."""

    name: str | None = item(doc="of the run; null for all")
    woken: int = item(doc="batches that workers were told of")
    words: str = item(in_json=False)

    def headline(self) -> Row:
        """Say how many."""
        return self.words, ""


@frozen(kw_only=True)
class Resumed(Woken):
    """A run that was resumed."""

    json_notes = (
        "With a broker in this process also what `octopush fleet wait --json` gives."
    )


@click.group(
    cls=Group,
    short_help="Distribute a bulk run across several machines.",
    example=_EXAMPLE,
)
def fleet() -> None:
    """
    Distribute bulk runs across workers on several machines.

    The fleet is an object of your program, such as app:fleet. Its workers are started
    with `taskiq worker app:broker`. The ledger records the outcome of every batch; the
    broker only carries wake-ups, and `sweep` repeats those that it loses.
    """


_name_argument = click.argument("name")


@contextmanager
def _interrupted(words: str, screen: Screen) -> Iterator[None]:
    """
    Say what Ctrl-C means here, and every other signal to end.

    Raises:
        Exit: There was one.
    """
    try:
        yield
    except (KeyboardInterrupt, InterruptedBySignalError):
        screen.note(f"\n{words}")
        raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


@contextmanager
def _failures(screen: Screen, away: str) -> Iterator[None]:
    """
    Turn what goes wrong into words and an exit code.

    Args:
        screen: Where they go.
        away: What it means if the ledger or the broker is away.
    """
    with screen.failures():
        try:
            yield
        except (BrokerError, LedgerError) as error:
            screen.fail(error, advice=away)


@fleet.command(
    cls=Command,
    short_help="Plan a run from a file, and wake the workers.",
    example=_SUBMIT_EXAMPLE,
    result=Submission,
)
@click.argument("file", type=click.Path(path_type=Path))
@app_option()
@message_options
@click.option(
    "--run",
    "name",
    cls=Option,
    required=True,
    metavar="NAME",
    heading=SENDING,
    help="Name of the run.",
)
@planning_options
@recipient_file_options
@json_option()
@click.pass_context
def submit(
    ctx: click.Context,
    /,
    *,
    file: Path,
    app: str,
    text: str,
    sender: str,
    purpose: str,
    type_: str,
    at: datetime | None,
    simulate: bool,
    name: str,
    batch_size: int,
    on_invalid: str,
    on_missing: str | None,
    on_duplicate: str,
    reading: FileReading,
    as_json: bool,
) -> None:
    """
    Plan a run for the workers of a fleet, and wake them.

    FILE is what `octopush bulk` takes. It is checked first, then written to the ledger
    in batches. Workers start sending after the whole file has been planned. Under one
    name there is one message: the same command with a changed file adds the new people
    only, and after a crash it continues planning.

    With a broker that has no workers (taskiq's InMemoryBroker) this process sends the
    batches itself, and reports their outcome.
    """
    screen = Screen(as_json=as_json)
    clock = clock_of(ctx.obj)
    place = RunLocation(name=name, ledger=LedgerPlace(app))
    with screen.failures():
        found = load_fleet(app)
        message = Message(
            text=text,
            sender=sender,
            purpose=Purpose(purpose),
            type=SmsType(type_),
            send_at=at,
            simulation_mode=simulate or None,
        )
        checker = FileChecker(
            message=message,
            screen=screen,
            clock=clock,
            batch_size=batch_size,
            on_duplicate=OnDuplicate(on_duplicate),
            on_invalid=OnInvalid(on_invalid),
            on_missing=None if on_missing is None else OnMissing(on_missing),
        )
        source, check = checker.check(reading.open(file))
    list_bad(check, screen)
    for words in check.warnings:
        screen.warn(words)
    run = FleetRun(fleet=found, name=name, screen=screen, clock=clock)
    with (
        _failures(screen, _SUBMIT_AGAIN),
        quiet_logs(),
        _interrupted("Interrupted. Run the same command again to continue.", screen),
    ):
        submission = run.submit(
            message,
            source,
            total=check.found.recipients,
            batch_size=batch_size,
            on_duplicate=OnDuplicate(on_duplicate),
            on_invalid=OnInvalid(on_invalid),
        )
        submitted = asyncio.run(until_signal(submission))
    document: dict[str, Any] = {
        "file": str(file),
        "woken": submitted.woken,
        "was_planned": submitted.was_planned,
        "first_bad_rows": check.first_bad_rows,
    }
    if submitted.report is not None:
        _end(screen, submitted.report, place, typed(ctx), **document)
    planned, error = submitted.run, submitted.error
    screen.result(
        Submission(
            name=planned.name,
            planned=planned.planned,
            batches=planned.batches,
            duplicates=planned.duplicates,
            rejected=planned.rejected,
            error=error,
            location=place,
            **document,
        )
    )
    if error is not None:
        screen.error(problem_of(error))
        screen.note(_LOST_NOTHING.format(sweep=place.fleet_command("sweep")))
    bad = submitted.error is not None or submitted.run.rejected
    raise click.exceptions.Exit(ExitCode.NOT_ACCEPTED if bad else ExitCode.ACCEPTED)


def _batches(count: int) -> str:
    return f"{count:,} batch{'es' * (count != 1)}"


def _end(
    screen: Screen, report: BulkReport, place: RunLocation, command: str, **more: Any
) -> NoReturn:
    """Tell what became of a run, and exit."""
    ending = outcome_of(report, place, command=command)
    ending.tell(screen, None, **more)
    raise click.exceptions.Exit(ending.exit_code)


@fleet.command(
    cls=Command,
    short_help="Wait until a run is done, and report its outcome.",
    example=_WAIT_EXAMPLE,
    result=RunResult,
)
@_name_argument
@app_option()
@waiting_option
@json_option()
@click.pass_context
def wait(
    ctx: click.Context,
    /,
    *,
    name: str,
    app: str,
    wait_for_gateway: float,
    as_json: bool,
) -> None:
    """
    Wait until a run is done or paused, and report its outcome.

    Meanwhile it wakes unclaimed batches, and in the end has each batch without a
    response checked once more. Ctrl-C ends the wait; the workers continue.
    """
    screen = Screen(as_json=as_json)
    clock = clock_of(ctx.obj)
    with (
        _failures(screen, _WAIT_AGAIN),
        quiet_logs(),
        _interrupted("No longer waiting. The workers continue.", screen),
    ):
        found = load_fleet(app)
        run = FleetRun(fleet=found, name=name, screen=screen, clock=clock)
        waiting = run.wait(wait_for_gateway=wait_for_gateway)
        report = asyncio.run(until_signal(waiting))
    _end(screen, report, RunLocation(name=name, ledger=LedgerPlace(app)), typed(ctx))


@fleet.command(
    cls=Command,
    short_help="Resume a paused run.",
    example=_RESUME_EXAMPLE,
    result=Resumed,
)
@_name_argument
@app_option()
@json_option()
@click.pass_context
def resume(ctx: click.Context, /, *, name: str, app: str, as_json: bool) -> None:
    """
    Resume a paused run, and wake the workers.

    Do so once the reason that `octopush fleet status` names is gone: credit is topped
    up, credentials are correct again. For a run that is not paused the workers are only
    woken.
    """
    screen = Screen(as_json=as_json)
    clock = clock_of(ctx.obj)
    place = RunLocation(name=name, ledger=LedgerPlace(app))
    with (
        _failures(screen, _RESUME_AGAIN),
        quiet_logs(),
        _interrupted("Interrupted. Run the same command again to continue.", screen),
    ):
        found = load_fleet(app)
        run = FleetRun(fleet=found, name=name, screen=screen, clock=clock)
        woken, report = asyncio.run(until_signal(run.resume()))
    if report is not None:
        _end(screen, report, place, typed(ctx), woken=woken)
    words = f"Resumed {printable(name)}: woke workers for {_batches(woken)}."
    screen.result(Resumed(name=name, woken=woken, words=words))


@fleet.command(
    cls=Command,
    short_help="Re-queue unclaimed batches.",
    example=_SWEEP_EXAMPLE,
    result=Woken,
)
@click.argument("name", required=False)
@app_option()
@json_option()
def sweep(*, name: str | None, app: str, as_json: bool) -> None:
    """
    Re-queue unclaimed batches, of one run or of all.

    A broker may have lost its messages, or a worker may be gone. A sweep does no harm
    however often it runs, so cron may run it each minute. `octopush fleet wait` and the
    scheduler of taskiq sweep automatically. Paused runs stay paused.
    """
    screen = Screen(as_json=as_json)

    async def sweep() -> int:
        async with started(found):
            if name is not None:
                await check_name(found.ledger, name)
            return await wake_lost(found, name)

    with (
        _failures(screen, _SWEEP_AGAIN),
        quiet_logs(),
        _interrupted("Interrupted. The next sweep wakes the rest.", screen),
    ):
        found = load_fleet(app)
        woken = asyncio.run(until_signal(sweep()))
    words = f"Woke workers for {_batches(woken)}."
    if found.is_in_process:
        words = f"Woke {_batches(woken)}, and sent them in this process."
    screen.result(Woken(name=name, woken=woken, words=words))


@fleet.command(
    cls=Command,
    short_help="Show the progress of runs.",
    example=_STATUS_EXAMPLE,
    result=FleetStatus,
)
@click.argument("name", required=False)
@app_option()
@click.option(
    "--watch/--once",
    cls=Option,
    default=None,
    heading=OUTPUT,
    help="Watch until nothing is being sent any more, or look once. By default it "
    "watches on a terminal.",
)
@json_option()
@click.pass_context
def status(
    ctx: click.Context,
    /,
    *,
    name: str | None,
    app: str,
    watch: bool | None,
    as_json: bool,
) -> None:
    """
    Show the progress of the runs of a fleet: one of them, or all.

    The ledger is only read, so this needs neither broker nor workers.
    """
    if watch and as_json:
        raise click.UsageError("--watch and --json exclude each other.")
    screen = Screen(as_json=as_json)
    if watch is None:
        watch = screen.is_terminal and screen.err.is_terminal and not as_json
    with (
        screen.failures(),
        quiet_logs(),
        _interrupted("No longer watching. The workers continue.", screen),
    ):
        found = load_fleet(app)
        seen = Status(
            fleet=found, app=app, name=name, screen=screen, clock=clock_of(ctx.obj)
        )
        asyncio.run(until_signal(seen.watch() if watch else seen.once()))
