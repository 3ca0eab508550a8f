"""``octopush fleet``: runs that workers on many machines send."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from ...api._shared import Purpose, SmsType
from ...api.sms import Message
from ...bulk.options import OnDuplicate, OnInvalid
from ...bulk.report import BulkReport
from ...ledgers.records import LedgerError
from ..bulk.check import check_message
from ..bulk.options import planning_options, waiting_option
from ..targets.fleet import BrokerError, app_option, load_fleet, quiet_logs, started
from ..targets.gateway import clock_of
from ..targets.ledger import LedgerPlace
from ..targets.recipients import FileReading, recipient_file_options
from ..terminal.console import Screen
from ..terminal.help import Command, Group, Option, typed
from ..terminal.options import (
    OUTPUT,
    SENDING,
    json_option,
    message_options,
)
from ..terminal.problems import ExitCode, error_as_json, problem_of
from ..terminal.values import counted
from ..wording import RunLocation, plain
from .run import FleetRun, Submitted, check_name, outcome_of
from .status import Status


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

_SUBMIT_EPILOG = """\
--json gives: name, planned, batches, duplicates, rejected, woken (batches that workers
were told of), was_planned (nothing was added now), file, first_bad_rows, error. With a
broker in this process also what `octopush fleet wait --json` gives.
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

_RESUME_EPILOG = """\
--json gives: name, woken (batches that workers were told of); with a broker in this
process also what `octopush fleet wait --json` gives.
"""

_SWEEP_EPILOG = """\
--json gives: name, woken (batches that workers were told of).
"""

_WAIT_EPILOG = """\
--json gives what `octopush bulk --json` gives of a run; file and ledger aside.
"""

_STATUS_EPILOG = """\
--json gives: runs: for each name, stage (planning, sending, paused, done), paused
(why), begun, planned and done (recipients), and by state recipients
and batches.
"""

# What is said beside the reason if the ledger or the broker is away.
_SUBMIT_AGAIN: Final = "Nothing is lost: the same command goes on where it stood."
_RESUME_AGAIN: Final = "Nothing is lost: the same command has the run go on."
_SWEEP_AGAIN: Final = "Nothing is lost: the next sweep wakes the workers."
_WAIT_AGAIN: Final = (
    "Only the wait has ended. The run stands in the ledger, and the workers go on with "
    "it as soon as they can."
)
_LOST_NOTHING: Final = (
    "Nothing is lost: the run stands in the ledger. Once the broker is back, the next "
    "sweep wakes the workers: that of the scheduler, or `{sweep}`."
)


@click.group(
    cls=Group, short_help="Bulk runs that many machines send.", example=_EXAMPLE
)
def fleet() -> None:
    """
    Start, watch and wake bulk runs that workers on many machines send.

    The fleet is that of your program, such as app:fleet; its workers are started with
    `taskiq worker app:broker`. The ledger knows what became of every batch, and the
    broker only carries wake-ups: what it loses, `sweep` sends again.
    """


_name_argument = click.argument("name")


@contextmanager
def _interrupted(words: str, screen: Screen) -> Iterator[None]:
    """
    Say what Ctrl-C means here.

    Raises:
        Exit: Somebody pressed it.
    """
    try:
        yield
    except KeyboardInterrupt:
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
    epilog=_SUBMIT_EPILOG,
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
    on_duplicate: str,
    reading: FileReading,
    as_json: bool,
) -> None:
    """
    Write a run down for the workers of a fleet, and wake them.

    FILE is what `octopush bulk` takes. It is checked first, then written to the ledger
    in batches; only then does anybody send. The same command after a crash goes on
    planning where it stood, and once all is planned it only wakes the workers again:
    nothing is sent twice.

    With a broker that has no workers (taskiq's InMemoryBroker) this process sends the
    batches itself, and tells what became of them.
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
        source = reading.open(file)
        check = check_message(
            source,
            message,
            screen,
            clock,
            batch_size=batch_size,
            on_duplicate=OnDuplicate(on_duplicate),
            on_invalid=OnInvalid(on_invalid),
        )
    run = FleetRun(fleet=found, name=name, screen=screen, clock=clock)
    with (
        _failures(screen, _SUBMIT_AGAIN),
        quiet_logs(),
        _interrupted("Interrupted: the same command goes on.", screen),
    ):
        submitted = asyncio.run(
            run.submit(
                message,
                source,
                total=check.found.recipients,
                batch_size=batch_size,
                on_duplicate=OnDuplicate(on_duplicate),
                on_invalid=OnInvalid(on_invalid),
            )
        )
    document = {
        "file": str(file),
        "woken": submitted.woken,
        "was_planned": submitted.was_planned,
        "first_bad_rows": check.first_bad_rows,
    }
    if submitted.report is not None:
        _end(screen, submitted.report, place, typed(ctx), **document)
    _tell_submitted(screen, submitted, place, document)
    bad = submitted.error is not None or submitted.run.rejected
    raise click.exceptions.Exit(ExitCode.NOT_ACCEPTED if bad else ExitCode.ACCEPTED)


def _tell_submitted(
    screen: Screen, submitted: Submitted, place: RunLocation, document: dict[str, Any]
) -> None:
    run, error = submitted.run, submitted.error
    size = f"{counted(run.planned, 'recipient')} in {_batches(run.batches)}"
    if error is not None:
        screen.say(f"Planned, and no worker knows: {size}.", style="bold yellow")
    elif submitted.was_planned:
        screen.say(f"Planned before: {size}.", style="bold green")
    else:
        screen.say(f"Planned: {size}.", style="bold green")
    screen.rows(_rows(submitted, place))
    if error is not None:
        screen.error(problem_of(error))
        screen.note(_LOST_NOTHING.format(sweep=place.fleet_command("sweep")))
    else:
        screen.say("")
        screen.say(f"  {place.fleet_command('status')}", style="cyan")
    screen.document(
        {
            "name": run.name,
            "planned": run.planned,
            "batches": run.batches,
            "duplicates": run.duplicates,
            "rejected": run.rejected,
            **document,
            "error": None if error is None else error_as_json(error),
        }
    )


def _rows(submitted: Submitted, place: RunLocation) -> Iterator[tuple[str, str]]:
    run = submitted.run
    if run.duplicates:
        yield "Left out", counted(run.duplicates, "duplicate")
    if run.rejected:
        yield "Not usable", counted(run.rejected, "row")
    yield "Woken", f"workers for {_batches(submitted.woken)}"
    yield "Run", plain(run.name)
    yield "Fleet", str(place.ledger)


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
    short_help="Wait until a run is done, and tell what became of it.",
    example=_WAIT_EXAMPLE,
    epilog=_WAIT_EPILOG,
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
    Wait until a run is done or stands still, and tell what became of it.

    Meanwhile it wakes batches that nobody is at, and in the end has each asked about
    once more that had no answer. Ctrl-C ends the wait; the run goes on without.
    """
    screen = Screen(as_json=as_json)
    clock = clock_of(ctx.obj)
    with (
        _failures(screen, _WAIT_AGAIN),
        quiet_logs(),
        _interrupted("No longer waiting; the workers go on.", screen),
    ):
        found = load_fleet(app)
        run = FleetRun(fleet=found, name=name, screen=screen, clock=clock)
        report = asyncio.run(run.wait(wait_for_gateway=wait_for_gateway))
    _end(screen, report, RunLocation(name=name, ledger=LedgerPlace(app)), typed(ctx))


@fleet.command(
    cls=Command,
    short_help="Let a run go on that stands still.",
    example=_RESUME_EXAMPLE,
    epilog=_RESUME_EPILOG,
)
@_name_argument
@app_option()
@json_option()
@click.pass_context
def resume(ctx: click.Context, /, *, name: str, app: str, as_json: bool) -> None:
    """
    Let a run go on that stands still, and wake the workers.

    Do it once the reason is gone that `octopush fleet status` tells: credit is topped
    up, credentials are right again. A run that does not stand still is only woken.
    """
    screen = Screen(as_json=as_json)
    clock = clock_of(ctx.obj)
    place = RunLocation(name=name, ledger=LedgerPlace(app))
    with (
        _failures(screen, _RESUME_AGAIN),
        quiet_logs(),
        _interrupted("Interrupted: the same command goes on.", screen),
    ):
        found = load_fleet(app)
        run = FleetRun(fleet=found, name=name, screen=screen, clock=clock)
        woken, report = asyncio.run(run.resume())
    if report is not None:
        _end(screen, report, place, typed(ctx), woken=woken)
    screen.say(f"{plain(name)} goes on: woke workers for {_batches(woken)}.")
    screen.document({"name": name, "woken": woken})


@fleet.command(
    cls=Command,
    short_help="Wake what a broker has lost.",
    example=_SWEEP_EXAMPLE,
    epilog=_SWEEP_EPILOG,
)
@click.argument("name", required=False)
@app_option()
@json_option()
def sweep(*, name: str | None, app: str, as_json: bool) -> None:
    """
    Wake workers for the batches that nobody is at, of one run or of all.

    A broker may have lost its messages, or a worker is gone. It does no harm as often
    as it is done, so cron may do it each minute; `octopush fleet wait` and the
    scheduler of taskiq do it by themselves. Runs that stand still sleep on.
    """
    screen = Screen(as_json=as_json)

    async def sweep() -> int:
        async with started(found):
            if name is not None:
                await check_name(found.ledger, name)
            return await found.sweep(name)

    with (
        _failures(screen, _SWEEP_AGAIN),
        quiet_logs(),
        _interrupted("Interrupted: what is left, the next sweep wakes.", screen),
    ):
        found = load_fleet(app)
        woken = asyncio.run(sweep())
    if found.is_in_process:
        screen.say(f"Woke {_batches(woken)}, and sent them in this process.")
    else:
        screen.say(f"Woke workers for {_batches(woken)}.")
    screen.document({"name": name, "woken": woken})


@fleet.command(
    cls=Command,
    short_help="Show how far the runs are, as they go.",
    example=_STATUS_EXAMPLE,
    epilog=_STATUS_EPILOG,
)
@click.argument("name", required=False)
@app_option()
@click.option(
    "--watch/--once",
    cls=Option,
    default=None,
    heading=OUTPUT,
    help="Go on until nothing is being sent any more, or look once. By default it "
    "goes on where somebody can see it: on a terminal.",
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
    Show how far the runs of a fleet are: one of them, or all.

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
        _interrupted("No longer watching; the workers go on.", screen),
    ):
        found = load_fleet(app)
        seen = Status(
            fleet=found, app=app, name=name, screen=screen, clock=clock_of(ctx.obj)
        )
        asyncio.run(seen.watch() if watch else seen.once())
