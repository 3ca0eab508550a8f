"""``octopush unresolved``, ``resolve`` and ``purge``: what a person decides about."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Final

import click
from attrs import evolve, field, frozen

from ..._clock import Clock
from ...bulk.review import decisions as worklist
from ...bulk.review.decisions import BatchDecision
from ...ledgers.batch import unpack_numbers
from ...ledgers.records import UNRESOLVED, BatchRecord, BatchState, RunRecord
from ...phone import mask
from ..targets.gateway import clock_of
from ..targets.ledger import LedgerPlace, ledger_argument
from ..terminal.console import Screen
from ..terminal.export import write_csv
from ..terminal.help import Command, Option
from ..terminal.options import OUTPUT, Decorator, json_option
from ..terminal.problems import ExitCode
from ..terminal.times import at
from ..terminal.values import counted
from ..wording import LABELS, WHAT_TO_DO, RunLocation, error_in_words, plain, resuming
from .details import find_run


WHICH: Final = "Which run"

_HEADINGS: Final = (
    "Batch",
    "State",
    "Recipients",
    "Request id",
    "Tried (UTC)",
    "Until (UTC)",
    "Why",
)
_LEFT: Final = ("Batch", "State", "Request id", "Tried (UTC)", "Until (UTC)", "Why")
_COLUMNS: Final = (
    "batch",
    "state",
    "request_id",
    "first_tried_at",
    "concluded_at",
    "phone_number",
)

_UNRESOLVED_EXAMPLE = """\
octopush unresolved run.db
octopush unresolved run.db --csv check-these.csv
"""

_UNRESOLVED_EPILOG = """\
--json gives: ledger, name, and batches: for each name, state, recipients, request_id,
first_tried_at, concluded_at, error, code, and numbers with --numbers.
"""

_RESOLVE_EXAMPLE = """\
octopush resolve run.db 7 sent --by "Ada, by the receipts"
"""

_RESOLVE_EPILOG = """\
--json gives: ledger, name, batch, state, recipients, resolution.
"""

_PURGE_EXAMPLE = """\
octopush purge run.db --run newsletter-november
"""


def run_option() -> Decorator[Any]:
    """Which run of a ledger."""
    return click.option(
        "--run",
        "name",
        cls=Option,
        metavar="NAME",
        heading=WHICH,
        help="Run to show. Optional if the ledger has only one.",
    )


@frozen(kw_only=True)
class _Batch:
    """One line of the worklist, without what it says."""

    record: BatchRecord
    numbers: tuple[str, ...] = field(repr=False)

    @property
    def reason(self) -> str:
        record = self.record
        code = f" (code {record.code})" * (record.code is not None)
        return error_in_words(f"{record.error}{code}") if record.error else "-"

    def as_row(self) -> tuple[str, ...]:
        record = self.record
        return (
            record.name,
            LABELS[record.state],
            f"{record.count:,}",
            plain(record.request_id),
            at(record.first_tried_at),
            at(record.concluded_at),
            plain(self.reason),
        )

    def as_cells(self) -> Iterator[tuple[str, ...]]:
        record = self.record
        for number in self.numbers:
            yield (
                record.name,
                str(record.state),
                record.request_id,
                at(record.first_tried_at),
                at(record.concluded_at),
                number,
            )

    def as_dict(self) -> dict[str, Any]:
        record = self.record
        first, last = record.first_tried_at, record.concluded_at
        return {
            "name": record.name,
            "state": str(record.state),
            "recipients": record.count,
            "request_id": record.request_id,
            "first_tried_at": None if first is None else first.isoformat(),
            "concluded_at": None if last is None else last.isoformat(),
            "error": record.error,
            "code": record.code,
        }


@click.command(
    cls=Command,
    short_help="List what may have been sent, for a person to decide.",
    example=_UNRESOLVED_EXAMPLE,
    epilog=_UNRESOLVED_EPILOG,
)
@ledger_argument()
@run_option()
@click.option(
    "--refused",
    cls=Option,
    is_flag=True,
    heading="What is listed",
    help="Also what the gateway refused.",
)
@click.option(
    "--numbers",
    cls=Option,
    is_flag=True,
    heading="What is listed",
    help="Also whom each batch goes to, masked: +336****0001.",
)
@click.option(
    "--show-numbers",
    cls=Option,
    is_flag=True,
    heading="What is listed",
    help="The same, in full.",
)
@click.option(
    "--csv",
    "csv_file",
    cls=Option,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    heading=OUTPUT,
    help="Write a line for each number, in full, to a file for you alone.",
)
@json_option()
def unresolved(
    *,
    ledger: LedgerPlace,
    name: str | None,
    refused: bool,
    numbers: bool,
    show_numbers: bool,
    csv_file: Path | None,
    as_json: bool,
) -> None:
    """
    List the batches of a run that may have been sent, or were not by this run.

    Each has a request id and the times between which the gateway may have taken it: a
    delivery receipt for any of its numbers proves that it was sent. `octopush resolve`
    takes your decision. The ledger is only read, also while a run is going on.
    """
    screen = Screen(as_json=as_json)
    states = UNRESOLVED | {BatchState.REFUSED} if refused else UNRESOLVED
    with screen.failures():
        place, batches = asyncio.run(_worklist(ledger, name, states))
        if csv_file is not None:
            rows = (cells for one in batches for cells in one.as_cells())
            write_csv(csv_file, _COLUMNS, rows, numbers={"phone_number"})
            screen.note(f"Numbers in full are in {csv_file}.")
    shown = _shown_as(show_numbers=show_numbers) if numbers or show_numbers else None
    _tell_worklist(screen, place, batches, shown)


def _shown_as(*, show_numbers: bool) -> Callable[[str], str]:
    return str if show_numbers else mask


def _tell_worklist(
    screen: Screen,
    place: RunLocation,
    batches: list[_Batch],
    shown: Callable[[str], str] | None,
) -> None:
    if not batches:
        screen.say(f"Nothing to decide about {plain(place.name)}.")
    else:
        screen.table(_HEADINGS, [one.as_row() for one in batches], words=_LEFT)
    document = []
    for one in batches:
        entry = one.as_dict()
        if shown is not None:
            entry["numbers"] = [shown(number) for number in one.numbers]
            screen.say("")
            screen.say(f"  Batch {one.record.name}", style="dim")
            screen.paragraph("  " + "  ".join(entry["numbers"] or ["purged"]))
        document.append(entry)
    for state in dict.fromkeys(one.record.state for one in batches):
        screen.say("")
        screen.paragraph(WHAT_TO_DO[state])
    if batches:
        words = place.command("resolve", "BATCH", "DECISION", "--by", "NAME")
        screen.say("")
        screen.say(f"  {words}", style="cyan")
    screen.document(
        {"ledger": str(place.ledger), "name": place.name, "batches": document}
    )


async def _worklist(
    place: LedgerPlace, name: str | None, states: Collection[BatchState]
) -> tuple[RunLocation, list[_Batch]]:
    async with place.opened(read_only=True) as ledger:
        run = await find_run(ledger, place, name)
        batches = [
            _Batch(
                record=evolve(one, payload=None), numbers=unpack_numbers(one.numbers)
            )
            async for one in ledger.batches(run.name, states)
        ]
    order = list(WHAT_TO_DO)
    batches.sort(key=lambda one: order.index(one.record.state))
    return RunLocation(name=run.name, ledger=place), batches


@click.command(
    cls=Command,
    short_help="Decide what becomes of such a batch.",
    example=_RESOLVE_EXAMPLE,
    epilog=_RESOLVE_EPILOG,
)
@ledger_argument()
@click.argument("batch")
@click.argument("decision", type=click.Choice([str(one) for one in BatchDecision]))
@click.option(
    "--by",
    cls=Option,
    required=True,
    metavar="NAME",
    heading="The decision",
    help="Who decides, or by what; it is written down.",
)
@click.option(
    "--yes",
    cls=Option,
    is_flag=True,
    heading="The decision",
    help="Resend without being asked.",
)
@run_option()
@json_option()
@click.pass_context
def resolve(
    ctx: click.Context,
    *,
    ledger: LedgerPlace,
    batch: str,
    decision: str,
    by: str,
    yes: bool,
    name: str | None,
    as_json: bool,
) -> None:
    """
    Decide what becomes of a batch that may have been sent, and write down who did.

    BATCH is its name in `octopush unresolved`, such as 7 or 7.1. sent: it was, and
    counts as accepted. resend: send it under a new id when the run goes on; if it was
    sent after all, its people get it twice, and it is billed twice. skip: let it be.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        run, record = asyncio.run(_look_up(ledger, name, batch))
        if decision == BatchDecision.RESEND and record is not None and not yes:
            _ask(record, screen)
        settled = asyncio.run(
            _resolve(
                ledger,
                run,
                batch,
                BatchDecision(decision),
                by=by,
                clock=clock_of(ctx.obj),
            )
        )
    place = RunLocation(name=run.name, ledger=ledger)
    screen.say(f"Batch {settled.name}: {LABELS[settled.state].lower()}.", style="bold")
    if settled.state is BatchState.NOT_SENT:
        screen.paragraph(
            f"It is sent when the run goes on: {resuming(run, place).resumed}."
        )
    screen.document(
        {
            "ledger": str(ledger),
            "name": run.name,
            "batch": settled.name,
            "state": str(settled.state),
            "recipients": settled.count,
            "resolution": settled.resolution,
        }
    )


async def _look_up(
    place: LedgerPlace, name: str | None, batch: str
) -> tuple[RunRecord, BatchRecord | None]:
    # Read first: writing to a ledger that is not there would make one.
    async with place.opened(read_only=True) as ledger:
        run = await find_run(ledger, place, name)
        async for one in ledger.batches(run.name):
            if one.name == batch:
                return run, one
    return run, None


async def _resolve(
    place: LedgerPlace,
    run: RunRecord,
    batch: str,
    decision: BatchDecision,
    *,
    by: str,
    clock: Clock,
) -> BatchRecord:
    async with place.holding(run) as ledger:
        return await worklist.resolve(
            ledger, run.name, batch, decision, by=by, clock=clock
        )


def _ask(batch: BatchRecord, screen: Screen) -> None:
    """
    Make sure that a repeat is meant.

    Raises:
        Exit: It is not, or nobody is there to be asked.
    """
    people = counted(batch.count, "recipient")
    risk = (
        "Whoever got it gets it twice, and it is billed twice."
        if batch.state in UNRESOLVED
        else "Nothing of it was sent so far."
    )
    try:
        # On stderr, so that stdout keeps to the result.
        if click.confirm(f"Send batch {batch.name} ({people}) again? {risk}", err=True):
            return
    except click.Abort:
        screen.note("")
    screen.note("Left as it was. Where nobody can be asked, say --yes.")
    raise click.exceptions.Exit(ExitCode.NOT_ACCEPTED)


@click.command(
    cls=Command,
    short_help="Forget whom a run went to and what it said.",
    example=_PURGE_EXAMPLE,
)
@ledger_argument()
@run_option()
@json_option()
def purge(*, ledger: LedgerPlace, name: str | None, as_json: bool) -> None:
    """
    Forget whom a run went to and what it said; its figures stay.

    Numbers, texts and rejected rows are dropped for good. A run that is not finished,
    or of which something is not resolved, is left as it is.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        run_name = asyncio.run(_purge(ledger, name))
    screen.say(f"Purged {plain(run_name)}: only its figures are left.")
    screen.document({"ledger": str(ledger), "name": run_name, "purged": True})


async def _purge(place: LedgerPlace, name: str | None) -> str:
    async with place.opened(read_only=True) as ledger:
        run = await find_run(ledger, place, name)
    async with place.holding(run) as ledger:
        await worklist.purge(ledger, run.name)
    return run.name
