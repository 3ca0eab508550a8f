"""``octopush unresolved``: the batches that a person may have to decide about."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from ...ledgers.batch import unpack_numbers
from ...ledgers.records import UNRESOLVED, BatchRecord, BatchState
from ...phone import mask
from ..targets.ledger import LedgerPlace
from ..targets.runs import RunTarget, find_target, run_argument
from ..terminal.console import Screen
from ..terminal.export import new_csv
from ..terminal.help import command, option
from ..terminal.options import csv_option, shows_result
from ..terminal.result import Result, Row, Table, item
from ..terminal.times import at
from ..terminal.values import printable
from ..wording import LABELS, WHAT_TO_DO, RunLocation
from .details import find_run, reason_of


LISTED: Final = "Selection"

_COLUMNS: Final = (
    "batch",
    "state",
    "request_id",
    "first_tried_at",
    "concluded_at",
    "phone_number",
)

_EXAMPLE = """\
octopush unresolved
octopush unresolved week-48 --csv check-these.csv
"""


@frozen(kw_only=True)
class UnresolvedBatch(Result):
    """One batch of the list."""

    name: str = item("Batch")
    state: BatchState = item("State", text=LABELS.__getitem__)
    recipients: int = item("Recipients")
    request_id: str = item("Request ID")
    first_tried_at: datetime | None = item("First attempt (UTC)")
    concluded_at: datetime | None = item("Last attempt (UTC)")
    error: str | None = item(doc="class of the error")
    code: int | None = item(doc="the gateway's")
    reason: str = item("Reason", in_json=False)
    numbers: tuple[str, ...] | None = item(doc="with --numbers", optional=True)


@frozen(kw_only=True)
class UnresolvedBatches(Result):
    """The batches of a run that may have been sent."""

    ledger: str = item()
    name: str = item(doc="of the run")
    batches: tuple[UnresolvedBatch, ...] = item(
        "Batches", of=UnresolvedBatch, doc="for each"
    )
    location: RunLocation = item(in_json=False)

    def headline(self) -> Row | None:
        """Say so if there is nothing to decide."""
        if self.batches:
            return None
        return f"Nothing to decide about {printable(self.name)}.", ""

    def blocks(self) -> Iterator[str | list[Row] | Table]:
        """Yield the batches, then the numbers of each."""
        if self.batches:
            yield UnresolvedBatch.table(self.batches)
        for one in self.batches:
            if one.numbers is not None:
                yield f"\nBatch {one.name}"
                yield [("", "  ".join(one.numbers) or "purged")]

    def advice(self) -> Iterator[str]:
        """Explain each state, and how to decide."""
        for state in dict.fromkeys(one.state for one in self.batches):
            yield WHAT_TO_DO[state]
        if self.batches:
            decide = ("resolve", "BATCH", "DECISION", "--by", "NAME")
            yield f"  {self.location.command(*decide)}"


@command(
    example=_EXAMPLE,
    result=UnresolvedBatches,
)
@run_argument
@option(
    "--refused",
    is_flag=True,
    heading=LISTED,
    help="Also list batches that the gateway refused.",
)
@option(
    "--numbers",
    is_flag=True,
    heading=LISTED,
    help="Also list the recipients of each batch, masked: +336****0001.",
)
@option(
    "--show-numbers",
    is_flag=True,
    heading=LISTED,
    help="Also list the recipients of each batch, in full.",
)
@csv_option("Write a line for each number, in full, to a file for you alone.")
@shows_result
def unresolved(
    screen: Screen,
    /,
    *,
    run: str | None,
    name: str | None,
    refused: bool,
    numbers: bool,
    show_numbers: bool,
    csv_file: Path | None,
) -> UnresolvedBatches:
    """
    List the batches of a run that may have been sent, or were not sent by this run.

    RUN is a run or its ledger, as in `octopush report`; without it, the latest run.

    Each batch has a request ID (idempotency key) and the times between which the
    gateway may have accepted it. A delivery receipt for any of its numbers proves that
    it was sent. `octopush resolve` records your decision.
    """
    states = UNRESOLVED | {BatchState.REFUSED} if refused else UNRESOLVED
    target = find_target(run, name)
    location, batches = asyncio.run(_worklist(target, states))
    if csv_file is not None:
        with new_csv(csv_file, _COLUMNS, numbers={"phone_number"}) as write:
            for cells in _cells(batches):
                write(cells)
        screen.note(f"Wrote the numbers, in full, to {csv_file}.")
    shown: Callable[[str], str] | None = None
    if numbers or show_numbers:
        shown = str if show_numbers else mask
    return UnresolvedBatches(
        ledger=str(location.ledger),
        name=location.name,
        batches=tuple(_listed(one, shown) for one in batches),
        location=location,
    )


def _listed(batch: BatchRecord, shown: Callable[[str], str] | None) -> UnresolvedBatch:
    return UnresolvedBatch.from_fields(
        batch,
        recipients=batch.count,
        reason=reason_of(batch) or "-",
        numbers=None if shown is None else tuple(map(shown, _numbers(batch))),
    )


def _cells(batches: Collection[BatchRecord]) -> Iterator[tuple[str, ...]]:
    for batch in batches:
        for number in _numbers(batch):
            yield (
                batch.name,
                str(batch.state),
                batch.request_id,
                at(batch.first_tried_at),
                at(batch.concluded_at),
                number,
            )


def _numbers(batch: BatchRecord) -> tuple[str, ...]:
    return unpack_numbers(batch.numbers)


async def _worklist(
    target: RunTarget, states: Collection[BatchState]
) -> tuple[RunLocation, list[BatchRecord]]:
    place: LedgerPlace = target.ledger
    async with place.opened(read_only=True) as ledger:
        run = await find_run(ledger, place, target.name)
        # Without the texts, which may be long and many.
        batches = [
            evolve(one, payload=None) async for one in ledger.batches(run.name, states)
        ]
    order = list(WHAT_TO_DO)
    batches.sort(key=lambda one: order.index(one.state))
    return RunLocation(name=run.name, ledger=place), batches
