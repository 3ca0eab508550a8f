"""``octopush resolve`` and ``purge``: decisions about a run."""

import asyncio
from typing import Final

import click
from attrs import frozen

from ..._clock import Clock
from ...bulk.review import decisions as worklist
from ...bulk.review.decisions import BatchDecision
from ...ledgers.records import UNRESOLVED, BatchRecord, BatchState, RunRecord
from ..targets.gateway import surroundings
from ..targets.ledger import LedgerPlace
from ..targets.runs import RunTarget, find_target, run_argument, run_option
from ..terminal.console import Screen
from ..terminal.exit_codes import ExitCode
from ..terminal.help import command, option
from ..terminal.options import shows_result
from ..terminal.result import Result, Row, item
from ..terminal.values import counted, printable
from ..wording import LABELS, RunLocation, resuming
from .details import find_run


_DECISION: Final = "Decision"
_WORDS: Final = 2

_RESOLVE_EXAMPLE = """\
octopush resolve 7 sent --by "Ada, by the receipts"
octopush resolve week-48 7.1 skip --by Ada
"""


@frozen(kw_only=True)
class Resolved(Result):
    """A batch after a decision."""

    ledger: str = item()
    name: str = item(doc="of the run")
    batch: str = item()
    state: BatchState = item()
    recipients: int = item()
    resolution: str | None = item(doc="who decided what")
    resumed: str = item(in_json=False)

    def headline(self) -> Row:
        """Show the new state of the batch."""
        return f"Batch {self.batch}: {LABELS[self.state].lower()}.", "bold"

    def advice(self) -> tuple[str, ...]:
        """Say when it is sent."""
        if self.state is not BatchState.NOT_SENT:
            return ()
        return (f"To send it, {self.resumed}.",)


@frozen(kw_only=True)
class Purged(Result):
    """A run that was purged."""

    ledger: str = item()
    name: str = item(doc="of the run")
    purged: bool = item()

    def headline(self) -> Row:
        """Show the remaining batches."""
        return f"Purged {printable(self.name)}: only its figures are left.", ""


@command(
    example=_RESOLVE_EXAMPLE,
    result=Resolved,
)
@click.argument("words", nargs=-1, metavar="[RUN] BATCH DECISION")
@run_option
@option(
    "--by",
    required=True,
    metavar="NAME",
    heading=_DECISION,
    help="Who decides, or on what grounds. The ledger records it.",
)
@option(
    "--yes",
    is_flag=True,
    heading=_DECISION,
    help="Resend without a question.",
)
@shows_result
def resolve(
    screen: Screen,
    /,
    *,
    words: tuple[str, ...],
    name: str | None,
    by: str,
    yes: bool,
) -> Resolved:
    """
    Decide what to do with a batch that may have been sent, and record who decided.

    RUN is a run or its ledger, as in `octopush report`; without it, the latest run.
    BATCH is a name that `octopush unresolved` lists, such as 7 or 7.1.

    DECISION is sent, resend or skip. With sent, the batch counts as accepted. With
    resend, the resumed run sends it again under a new ID, so recipients may get it
    twice. With skip, it is never sent again.
    """
    run, batch, decision = _parsed(words)
    target = find_target(run, name)
    record, found = asyncio.run(_look_up(target, batch))
    if decision == BatchDecision.RESEND and found is not None and not yes:
        _ask(found, screen)
    settled = asyncio.run(
        _resolve(
            target.ledger,
            record,
            batch,
            BatchDecision(decision),
            by=by,
            clock=surroundings().clock,
        )
    )
    location = RunLocation(name=record.name, ledger=target.ledger)
    return Resolved(
        ledger=str(target.ledger),
        name=record.name,
        batch=settled.name,
        state=settled.state,
        recipients=settled.count,
        resolution=settled.resolution,
        resumed=resuming(record, location).resumed,
    )


def _parsed(words: tuple[str, ...]) -> tuple[str | None, str, str]:
    if not _WORDS <= len(words) <= _WORDS + 1:
        raise click.UsageError("Name a BATCH and a DECISION; a RUN may come first.")
    decisions = [str(one) for one in BatchDecision]
    if words[-1] not in decisions:
        raise click.BadParameter(
            f"{words[-1]!r} is not one of {', '.join(decisions)}.",
            param_hint="DECISION",
        )
    return (words[0] if len(words) > _WORDS else None), words[-2], words[-1]


async def _look_up(
    target: RunTarget, batch: str
) -> tuple[RunRecord, BatchRecord | None]:
    # Read first: writing to a ledger that is not there would make one.
    async with target.ledger.opened(read_only=True) as ledger:
        run = await find_run(ledger, target.ledger, target.name)
        found = [one async for one in ledger.batches(run.name) if one.name == batch]
    return run, found[0] if found else None


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
        Exit: It is not, or there is no terminal to ask on.
    """
    people = counted(batch.count, "recipient")
    risk = (
        "Recipients who have it get it twice, and it is billed twice."
        if batch.state in UNRESOLVED
        else "Nothing of it was sent so far."
    )
    try:
        # On stderr, so that stdout keeps to the result.
        if click.confirm(f"Send batch {batch.name} ({people}) again? {risk}", err=True):
            return
    except click.Abort:
        screen.note("")
    screen.note("Nothing was changed. Without a terminal, confirm with --yes.")
    raise click.exceptions.Exit(ExitCode.NOT_ACCEPTED)


@command(
    example="octopush purge newsletter-november",
    result=Purged,
)
@run_argument
@option(
    "--abandon",
    is_flag=True,
    heading=_DECISION,
    help="Also purge a run that is paused, or was interrupted before it had planned "
    "all of its recipients.",
)
@shows_result
def purge(_: Screen, /, *, run: str | None, name: str | None, abandon: bool) -> Purged:
    """
    Delete the numbers, texts and rejected rows of a run for good; its figures stay.

    RUN is a run or its ledger, as in `octopush report`; without it, the latest run. A
    run that is not finished, or has unresolved batches, is not changed. A purged run
    has no recipients any more, so it cannot be resumed.
    """
    target = find_target(run, name)
    purged = asyncio.run(_purge(target, abandon=abandon))
    return Purged(ledger=str(target.ledger), name=purged, purged=True)


async def _purge(target: RunTarget, *, abandon: bool) -> str:
    async with target.ledger.opened(read_only=True) as ledger:
        run = await find_run(ledger, target.ledger, target.name)
    async with target.ledger.holding(run) as ledger:
        await worklist.purge(ledger, run.name, abandon=abandon)
    return run.name
