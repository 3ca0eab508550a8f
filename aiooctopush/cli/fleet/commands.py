"""``octopush fleet``: runs that workers on many machines send."""

import asyncio
from typing import Final

import click
from attrs import frozen

from ..bulk.options import waiting_option
from ..bulk.summary import RunResult
from ..targets.fleet import (
    app_option,
    broker_errors,
    load_fleet,
    started,
)
from ..targets.gateway import surroundings
from ..targets.ledger import LedgerPlace
from ..terminal.console import Screen
from ..terminal.help import group, option
from ..terminal.interrupt import until_signal
from ..terminal.options import (
    OUTPUT,
    json_option,
    shows_result,
)
from ..terminal.result import Result, Row, item
from ..terminal.values import printable
from ..wording import RunLocation
from .ending import INTERRUPTED, at_work, batches_of, end
from .run import FleetRun, check_name
from .status import FleetStatus, Status
from .submit import submit


_EXAMPLE = """\
export OCTOPUSH_FLEET=app:fleet
octopush fleet submit people.csv --run november \\
    --sender Acme --purpose alert \\
    --text "Hello {first_name}, your order is on its way"
octopush fleet status
"""

_STATUS_EXAMPLE = """\
octopush fleet status --app app:fleet
octopush fleet status november --app app:fleet --once
"""

# Shown with the reason if the ledger or the broker is unreachable.
_RESUME_AGAIN: Final = "Nothing is lost. Run the same command again to resume."
_SWEEP_AGAIN: Final = "Nothing is lost. The next sweep wakes the workers."
_WAIT_AGAIN: Final = (
    "Only the wait has ended. The run is in the ledger, and the workers continue as "
    "soon as they can."
)


@frozen(kw_only=True)
class Woken(Result):
    """Result of a sweep."""

    name: str | None = item(doc="of the run; null for all")
    woken: int = item(doc="batches that workers were woken for")
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


@group(
    example=_EXAMPLE,
)
def fleet() -> None:
    """
    Distribute bulk runs across workers on several machines.

    The fleet is an object of your program, such as app:fleet. Its workers are started
    with `taskiq worker app:broker`. The ledger records the outcome of every batch; the
    broker only carries wake-ups, and `sweep` repeats lost ones.
    """


_name_argument = click.argument("name")


fleet.add_command(submit)


@fleet.command(
    short_help="Show the progress of runs.",
    example=_STATUS_EXAMPLE,
    result=FleetStatus,
)
@click.argument("name", required=False)
@app_option()
@option(
    "--watch/--once",
    default=None,
    heading=OUTPUT,
    help="Watch until nothing is being sent any more, or look once. By default it "
    "watches on a terminal.",
)
@json_option
def status(
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
    with at_work(screen, interrupted="No longer watching. The workers continue."):
        found = load_fleet(app)
        seen = Status(
            fleet=found, app=app, name=name, screen=screen, clock=surroundings().clock
        )
        asyncio.run(until_signal(seen.watch() if watch else seen.once()))


@fleet.command(
    short_help="Wait until a run is done, and report its outcome.",
    example="octopush fleet wait november --app app:fleet",
    result=RunResult,
)
@_name_argument
@app_option()
@waiting_option
@json_option
def wait(*, name: str, app: str, wait_for_gateway: float, as_json: bool) -> None:
    """
    Wait until a run is done or paused, and report its outcome.

    Meanwhile it wakes unclaimed batches, and in the end has each batch without a
    response checked once more. Ctrl-C ends the wait; the workers continue.
    """
    screen = Screen(as_json=as_json)
    clock = surroundings().clock
    stopped = "No longer waiting. The workers continue."
    with at_work(screen, interrupted=stopped, away=_WAIT_AGAIN):
        found = load_fleet(app)
        run = FleetRun(fleet=found, name=name, screen=screen, clock=clock)
        waiting = run.wait(wait_for_gateway=wait_for_gateway)
        report = asyncio.run(until_signal(waiting))
    end(screen, report, RunLocation(name=name, ledger=LedgerPlace(app)))


@fleet.command(
    short_help="Resume a paused run.",
    example="octopush fleet resume november --app app:fleet",
    result=Resumed,
)
@_name_argument
@app_option()
@shows_result
def resume(screen: Screen, /, *, name: str, app: str) -> Resumed:
    """
    Resume a paused run, and wake the workers.

    Do so once the reason that `octopush fleet status` names is gone: credit is topped
    up, credentials are correct again. For a run that is not paused the workers are only
    woken.
    """
    clock = surroundings().clock
    place = RunLocation(name=name, ledger=LedgerPlace(app))
    with at_work(screen, interrupted=INTERRUPTED, away=_RESUME_AGAIN):
        found = load_fleet(app)
        run = FleetRun(fleet=found, name=name, screen=screen, clock=clock)
        woken, report = asyncio.run(until_signal(run.resume()))
    if report is not None:
        end(screen, report, place, woken=woken)
    words = f"Resumed {printable(name)}: woke workers for {batches_of(woken)}."
    return Resumed(name=name, woken=woken, words=words)


@fleet.command(
    short_help="Re-queue unclaimed batches.",
    example="octopush fleet sweep --app app:fleet",
    result=Woken,
)
@click.argument("name", required=False)
@app_option()
@shows_result
def sweep(screen: Screen, /, *, name: str | None, app: str) -> Woken:
    """
    Re-queue unclaimed batches, of one run or of all.

    A broker may have lost its messages, or a worker may be gone. A sweep does no harm
    however often it runs, so cron may run it each minute. `octopush fleet wait` and the
    scheduler of taskiq sweep automatically. Paused runs stay paused.
    """

    async def sweep() -> int:
        async with started(found):
            if name is not None:
                await check_name(found.ledger, name)
            with broker_errors():
                return await found.sweep(name)

    stopped = "Interrupted. The next sweep wakes the rest."
    with at_work(screen, interrupted=stopped, away=_SWEEP_AGAIN):
        found = load_fleet(app)
        woken = asyncio.run(until_signal(sweep()))
    words = f"Woke workers for {batches_of(woken)}."
    if found.is_in_process:
        words = f"Woke {batches_of(woken)}, and sent them in this process."
    return Woken(name=name, woken=woken, words=words)
