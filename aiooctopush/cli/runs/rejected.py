"""``octopush rejected``: the rows of a run that were rejected, and why."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from ...ledgers.records import Rejection
from ..targets.runs import RunTarget, find_target, run_argument
from ..terminal.console import Screen
from ..terminal.help import command
from ..terminal.options import csv_option, shows_result
from ..terminal.problems import in_options
from ..terminal.result import Result, Row, Table, item
from ..terminal.values import counted, printable
from ..wording import in_its_column, rejected_row
from .details import find_run
from .repair import write_repairs


_ROWS_SHOWN: Final = 20

_EXAMPLE = """\
octopush rejected
octopush rejected week-48 --csv repair.csv
"""


@frozen(kw_only=True)
class RejectedRows(Result):
    """The rows that the latest starts of a run rejected."""

    ledger: str = item()
    name: str = item(doc="of the run")
    rejected: int = item()
    reasons: Mapping[str, int] = item(doc="rows by reason, the most frequent first")
    csv: str | None = item(doc="the file that was written")
    first: tuple[Rejection, ...] = item(in_json=False)

    def headline(self) -> Row:
        """Say how many there are."""
        rows = f"{counted(self.rejected, 'row')} of {printable(self.name)}"
        return f"{rows} {'was' if self.rejected == 1 else 'were'} rejected.", ""

    def blocks(self) -> Iterator[str | list[Row] | Table]:
        """Yield the reasons, and the first rows."""
        if self.reasons:
            yield [
                (f"{count:,} ×", printable(reason))
                for reason, count in self.reasons.items()
            ]
            yield "\nThe first rows"
            yield [rejected_row(one) for one in self.first]

    def advice(self) -> Iterator[str]:
        """Say what to do with them."""
        if self.rejected:
            yield (
                "Rejected rows were never sent to. Correct them in the file, or in the "
                "one of --csv, and send that with the same options as before: only the "
                "corrected rows are new."
            )


@command(
    example=_EXAMPLE,
    result=RejectedRows,
)
@run_argument
@csv_option(
    "Write all of them to a CSV file for you alone: the cells of the file, followed "
    "by line, column and reason. Correct it, and send it with "
    "the same options. It holds whole numbers; a cell that a spreadsheet would run "
    "gets an apostrophe in front."
)
@shows_result
def rejected(
    screen: Screen, /, *, run: str | None, name: str | None, csv_file: Path | None
) -> RejectedRows:
    """
    List the rows of a run that were rejected, and count them by reason.

    RUN is a run or its ledger, as in `octopush report`; without it, the latest run. The
    ledger is only read, also while the run is sending.
    """
    target = find_target(run, name)
    found, rows = asyncio.run(_rejected(target))
    if csv_file is not None:
        write_repairs(csv_file, rows)
        screen.note(f"Wrote {counted(len(rows), 'row')} to {csv_file}.")
    reasons = Counter(in_its_column(one, in_options(one.reason)) for one in rows)
    return RejectedRows(
        ledger=str(target.ledger),
        name=found,
        rejected=len(rows),
        reasons=dict(reasons.most_common()),
        csv=None if csv_file is None else str(csv_file),
        first=tuple(rows[:_ROWS_SHOWN]),
    )


async def _rejected(target: RunTarget) -> tuple[str, list[Rejection]]:
    async with target.ledger.opened(read_only=True) as ledger:
        run = await find_run(ledger, target.ledger, target.name)
        return run.name, [one async for one in ledger.rejections(run.name)]
