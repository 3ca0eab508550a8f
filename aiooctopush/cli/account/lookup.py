"""``octopush lookup``: number status (HLR) and operator (MNP)."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs
import click
from attrs import define, field, frozen

from ...api._chunks import ItemResult, ManyResults
from ...api._recipients import Recipient
from ...api.lookup import HlrResult, MnpResult
from ...errors import Outcome
from ..bulk.check import refuse
from ..targets.recipients import FileReading
from ..targets.session import CommandSession, makes_calls
from ..terminal.export import new_csv
from ..terminal.help import group, option, together
from ..terminal.options import csv_option
from ..terminal.prompts import yes_option
from ..terminal.result import Result, item
from ..terminal.values import counted, in_words
from .many import ChunkedCommand, ChunkedResult, numbers_or_file, open_numbers


_HLR_EXAMPLE = """\
octopush lookup hlr +33600000001
octopush lookup hlr --file people.csv --csv lines.csv
"""

Answers = Coroutine[Any, Any, ManyResults[str, Any]]


@frozen(kw_only=True)
class Line(Result):
    """Operator of a number (MNP)."""

    phone_number: str = item("Number")
    outcome: Outcome = item()
    line_status: str | None = item("Line")
    network_name: str | None = item("Network")
    country_code: str | None = item("Country")
    mcc: str | None = item()
    mnc: str | None = item()
    is_ported: bool | None = item("Ported")
    ported_date: date | None = item()


@frozen(kw_only=True)
class LiveLine(Line):
    """Status of a number (HLR)."""

    state: str | None = item("State")
    phone_number_type: str | None = item("Type")


@frozen(kw_only=True)
class Lookups(ChunkedResult):
    """
    Outcome of many lookups.

    Attributes:
        written_to: The file of ``--csv``.
    """

    cost: Decimal | None = item("Cost", doc="text; null if not reported")
    written_to: Path | None = item("Written to", in_json=False, optional=True)
    results: tuple[Line, ...] | None = item(
        doc="null with --csv; for each number the columns of --csv"
    )

    def blocks(self) -> Iterator[Any]:
        """Yield figures and the table of numbers, whose columns depend on the kind."""
        yield from super().blocks()
        if self.results:
            yield type(self.results[0]).table(self.results)


@group(
    "lookup",
    example=_HLR_EXAMPLE,
)
def lookup() -> None:
    """
    Look up number status (HLR) and operator (MNP).

    Every number costs, each time it is looked up.
    """


_lookup_options: Final = together(
    numbers_or_file,
    option(
        "--simulate",
        is_flag=True,
        heading="Lookup",
        help="Let the gateway invent the results; it costs nothing.",
    ),
    csv_option("Write the results to this file, readable by its owner only."),
    yes_option("Do not ask before numbers are looked up, which costs."),
)


@lookup.command(
    "hlr",
    short_help="Look up whether numbers are valid and in use.",
    example=_HLR_EXAMPLE,
    result=Lookups,
)
@_lookup_options
@makes_calls
def hlr(calls: CommandSession, /, *, simulate: bool, **given: Any) -> Lookups:
    """
    Look up whether numbers are valid and in use, and their operators (HLR).

    NUMBER is international, such as +33600000001. Every number costs, so the command
    shows how many there are and asks for confirmation. A number that is given twice
    is looked up once. A request without a response is not retried: it may have been
    charged.
    """

    def look(numbers: list[str]) -> Answers:
        hlr = calls.session.lookup.hlr
        return hlr(numbers, simulation_mode=simulate or None)

    return _look_up(calls, LiveLine, look, simulate=simulate, **given)


@lookup.command(
    "mnp",
    short_help="Look up the operators of numbers.",
    example="octopush lookup mnp +33600000001 +33600000002",
    result=Lookups,
)
@option(
    "--v1",
    is_flag=True,
    heading="Lookup",
    help="Use the first version of the call: it reports no price, and has no "
    "--simulate.",
)
@_lookup_options
@makes_calls
def mnp(calls: CommandSession, /, *, simulate: bool, v1: bool, **given: Any) -> Lookups:
    """
    Look up the present operators of numbers (MNP).

    As with `octopush lookup hlr`, every number costs, and the command asks for
    confirmation.
    """
    if simulate and v1:
        raise click.UsageError("--simulate and --v1 exclude each other.")

    def look(numbers: list[str]) -> Answers:
        if v1:
            return calls.session.lookup.mnp(numbers)
        mnp_v2 = calls.session.lookup.mnp_v2
        return mnp_v2(numbers, simulation_mode=simulate or None)

    return _look_up(calls, Line, look, simulate=simulate, **given)


@define(kw_only=True)
class _Findings:
    """
    Keeps results, or writes them to a file.

    Attributes:
        kind: The record of a number.
        write: Writes a row of the file; None if results are kept.
        results: The kept results.
        cost: In euros, as far as the gateway reported it.
    """

    kind: type[Line]
    write: Callable[[Sequence[str]], None] | None = None
    results: list[Line] = field(factory=list, repr=False)
    cost: Decimal | None = None

    def add(self, one: ItemResult[str, MnpResult | HlrResult]) -> None:
        """Take the result of a number."""
        own: dict[str, Any] = {"phone_number": one.item, "outcome": one.outcome}
        details: dict[str, Any] = {
            field.name: getattr(one.details, field.name, None)
            for field in attrs.fields(self.kind)
            if field.name not in own
        }
        line = self.kind(**own, **details)
        if self.write is None:
            self.results.append(line)
        else:
            self.write([_cell(value) for value in attrs.astuple(line)])


def _look_up(
    calls: CommandSession,
    kind: type[Line],
    look: Callable[[list[str]], Answers],
    *,
    simulate: bool,
    numbers: tuple[str, ...],
    path: Path | None,
    reading: FileReading,
    csv_file: Path | None,
    yes: bool,
) -> Lookups:
    screen = calls.screen
    with screen.failures():
        source = open_numbers(numbers, path, reading)
    many, findings = _prepare(calls, source, look, kind)
    with screen.failures():
        count = many.count()
    if not count:
        many.list_problems("line")
        refuse(screen, f"{path} holds no number that can be used.")
    rest = f" ({counted(many.bad, 'row')} cannot be used)" * bool(many.bad)
    question = f"Look up {counted(count, 'number')}{rest}, each of which costs?"
    calls.require_agreement(
        question, yes=yes or simulate, otherwise="Nothing was looked up."
    )
    # Opened first, so that nothing is paid that cannot be written down.
    with screen.failures(), _rows_of(csv_file, kind) as findings.write:
        many.run("Looking up")
    many.list_problems("NUMBER" if path is None else "line")
    total = counted(many.done, "number")
    done = f"Done: {total} looked up."
    if simulate:
        done = f"Simulated: {total}, with results that are invented."
    return Lookups(
        **many.fields(done),
        cost=findings.cost,
        written_to=csv_file,
        results=None if csv_file is not None else tuple(findings.results),
    )


def _prepare(
    calls: CommandSession,
    source: Any,
    look: Callable[[list[str]], Answers],
    kind: type[Line],
) -> tuple[ChunkedCommand, _Findings]:
    findings = _Findings(kind=kind)

    async def request(some: list[Recipient]) -> ManyResults[str, Any]:
        results = await look([one.phone_number for one in some])
        if results.cost is not None:
            findings.cost = (findings.cost or Decimal(0)) + results.cost
        return results

    many = ChunkedCommand(
        calls=calls, source=source, request=request, on_result=findings.add, unique=True
    )
    return many, findings


def _rows_of(
    path: Path | None, kind: type[Line]
) -> AbstractContextManager[Callable[[Sequence[str]], None] | None]:
    if path is None:
        return nullcontext()
    headings = [one.name for one in attrs.fields(kind)]
    return new_csv(path, headings, numbers={"phone_number"})


def _cell(value: Any) -> str:
    return "" if value is None else in_words(value)
