"""``octopush lookup``: is a line alive, and whose is it."""

import csv
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO

import click
from attrs import define, field

from ...api._chunks import ItemResult, ManyResults
from ...api._recipients import Recipient
from ...api.lookup import HlrResult, MnpResult
from ...session import OctopushSession
from ..bulk.check import refuse
from ..targets.recipients import FileReading
from ..targets.session import CommandSession, open_session
from ..terminal.console import Screen
from ..terminal.export import harmless, new_file
from ..terminal.help import Command, Group, Option
from ..terminal.options import OUTPUT, gateway_options, json_option
from ..terminal.prompts import agree, yes_option
from ..terminal.values import counted, in_euros
from ..wording import plain
from .many import ChunkedCommand, numbers_or_file, open_numbers


_HLR_EXAMPLE = """\
octopush lookup hlr +33600000001
octopush lookup hlr --file people.csv --csv lines.csv
"""

_MNP_EXAMPLE = """\
octopush lookup mnp +33600000001 +33600000002
"""

_EPILOG = """\
--json gives: accepted, presumed, refused, not_sent, unknown (numbers), bad_rows,
duplicates, interrupted, problems, more_problems, error, cost (text; null if the gateway
did not name it), and results: for each number outcome and the columns of --csv; null
with --csv.
"""

_NUMBER: Final = "phone_number"
_NETWORK: Final = (
    "network_name",
    "country_code",
    "mcc",
    "mnc",
    "is_ported",
    "ported_date",
)
_COLUMNS: Final = {
    "hlr": ("state", "line_status", "phone_number_type", *_NETWORK),
    "mnp": ("line_status", *_NETWORK),
}
_SHOWN: Final = {
    "state": "State",
    "line_status": "Line",
    "phone_number_type": "Type",
    "network_name": "Network",
    "country_code": "Country",
    "is_ported": "Ported",
}

Look = Callable[[list[str]], Coroutine[Any, Any, ManyResults[str, Any]]]


@click.group(
    "lookup",
    cls=Group,
    short_help="Look numbers up: alive? whose?",
    example=_HLR_EXAMPLE,
)
def lookup() -> None:
    """
    Look numbers up: is a line alive (hlr), and whose is it now (mnp).

    Every number costs, each time it is asked.
    """


def _lookup_options(function: Any) -> Any:
    for decorate in (
        json_option(),
        gateway_options,
        yes_option("Do not ask before numbers are looked up, which costs."),
        click.option(
            "--csv",
            "csv_path",
            cls=Option,
            metavar="OUT.csv",
            type=click.Path(dir_okay=False, path_type=Path),
            heading=OUTPUT,
            help="Write what was found to this file, for its owner alone.",
        ),
        click.option(
            "--simulate",
            is_flag=True,
            cls=Option,
            heading="How it is asked",
            help="Have the gateway invent the results; it costs nothing.",
        ),
        numbers_or_file,
        click.pass_context,
    ):
        function = decorate(function)
    return function


@lookup.command(
    "hlr",
    cls=Command,
    short_help="Ask whether lines are valid and alive.",
    example=_HLR_EXAMPLE,
    epilog=_EPILOG,
)
@_lookup_options
def hlr(ctx: click.Context, /, *, simulate: bool, **given: Any) -> None:
    """
    Ask whether lines are valid and alive, and whose they are.

    NUMBER is international, such as +33600000001. Every number costs, so it says how
    many there are and asks first. A number that is given twice is asked once, and a
    request without an answer, which may have been paid, is not repeated.
    """

    def look(octopush: OctopushSession) -> Look:
        return lambda numbers: octopush.lookup.hlr(
            numbers, simulation_mode=simulate or None
        )

    _look_up(ctx, "hlr", look, simulate=simulate, **given)


@lookup.command(
    "mnp",
    cls=Command,
    short_help="Ask whose lines are now.",
    example=_MNP_EXAMPLE,
    epilog=_EPILOG,
)
@click.option(
    "--v1",
    cls=Option,
    is_flag=True,
    heading="How it is asked",
    help="The first version of the call: it names no price, and has no --simulate.",
)
@_lookup_options
def mnp(ctx: click.Context, /, *, simulate: bool, v1: bool, **given: Any) -> None:
    """
    Ask which networks numbers belong to now.

    Otherwise it is as `octopush lookup hlr`: every number costs, and it asks first.
    """
    if simulate and v1:
        raise click.UsageError("--simulate and --v1 exclude each other.")

    def look(octopush: OctopushSession) -> Look:
        if v1:
            return octopush.lookup.mnp
        return lambda numbers: octopush.lookup.mnp_v2(
            numbers, simulation_mode=simulate or None
        )

    _look_up(ctx, "mnp", look, simulate=simulate, **given)


@define(kw_only=True)
class _Findings:
    """
    What was found, as it comes in.

    Attributes:
        columns: What is kept of each number.
        file: Where it is written; None if it is held.
        results: What is held.
        cost: In euros, as far as the gateway named it.
    """

    columns: tuple[str, ...]
    file: TextIO | None
    results: list[dict[str, Any]] = field(factory=list, repr=False)
    cost: Decimal | None = None

    def begin(self) -> None:
        """Write the headings."""
        self._write((_NUMBER, "outcome", *self.columns))

    def add(self, one: ItemResult[str, MnpResult | HlrResult]) -> None:
        """Take a number in."""
        values = {
            name: _value(getattr(one.details, name, None)) for name in self.columns
        }
        if self.file is None:
            known = {_NUMBER: one.item, "outcome": str(one.outcome)}
            self.results.append(known | values)
            return
        # The number keeps its plus, quoted as text.
        cells = (harmless(_cell(value)) for value in values.values())
        self._write((one.item, str(one.outcome), *cells))

    def _write(self, cells: tuple[str, ...]) -> None:
        if self.file is not None:
            csv.writer(self.file, quoting=csv.QUOTE_ALL).writerow(cells)

    def table(self, screen: Screen) -> None:
        """Show what is held."""
        headings = ("Number", *(_SHOWN[one] for one in self.columns if one in _SHOWN))
        rows = [
            (
                one[_NUMBER],
                *(
                    plain(_cell(one[name])) or "-"
                    for name in self.columns
                    if name in _SHOWN
                ),
            )
            for one in self.results
        ]
        screen.table(headings, rows, words=headings)


def _look_up(
    ctx: click.Context,
    kind: str,
    look: Callable[[OctopushSession], Look],
    *,
    simulate: bool,
    numbers: tuple[str, ...],
    path: Path | None,
    reading: FileReading,
    csv_path: Path | None,
    yes: bool,
    as_json: bool,
    **gateway: Any,
) -> None:
    screen = Screen(as_json=as_json)
    with screen.failures():
        source = open_numbers(numbers, path, reading)
    with open_session(ctx, screen, gateway) as calls:
        many, findings = _prepare(calls, source, look(calls.session), kind)
        with screen.failures():
            count = many.count()
        if not count:
            many.list_problems(screen, "line")
            refuse(screen, f"{path} holds no number that can be used.")
        rest = f" ({counted(many.bad, 'row')} cannot be used)" * bool(many.bad)
        question = f"Look up {counted(count, 'number')}{rest}, each of which costs?"
        agree(screen, question, yes=yes or simulate, otherwise="Nothing was asked.")
        # Opened first, so that nothing is paid that cannot be written down.
        with screen.failures(), _opened(csv_path) as findings.file:
            findings.begin()
            many.run("Looking up")
    many.list_problems(screen, "NUMBER" if path is None else "line")
    _tell(screen, many, findings, csv_path, simulated=simulate)


def _prepare(
    calls: CommandSession, source: Any, look: Look, kind: str
) -> tuple[ChunkedCommand, _Findings]:
    findings = _Findings(columns=_COLUMNS[kind], file=None)

    async def ask(some: list[Recipient]) -> ManyResults[str, Any]:
        results = await look([one.phone_number for one in some])
        if results.cost is not None:
            findings.cost = (findings.cost or Decimal(0)) + results.cost
        return results

    many = ChunkedCommand(
        calls=calls, source=source, ask=ask, on_result=findings.add, once=True
    )
    return many, findings


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    with new_file(path, private=True) as file:
        yield file


def _tell(
    screen: Screen,
    many: ChunkedCommand,
    findings: _Findings,
    csv_path: Path | None,
    *,
    simulated: bool,
) -> None:
    total = counted(many.done, "number")
    good = f"Done: {total} looked up."
    if simulated:
        good = f"Simulated: {total}, with results that are invented."
    words, style = many.headline(good)
    screen.say(words, style=style)
    if csv_path is None:
        screen.say("")
        findings.table(screen)
        screen.say("")
    rows = [*many.figures("Looked up"), ("Cost", in_euros(findings.cost))]
    if csv_path is not None:
        rows.append(("Written to", str(csv_path)))
    screen.rows(rows)
    screen.document(
        {
            **many.as_dict(),
            "cost": None if findings.cost is None else str(findings.cost),
            "results": findings.results if csv_path is None else None,
        }
    )
    raise click.exceptions.Exit(many.exit_code)


def _value(value: Any) -> Any:
    """A value that JSON knows, or an instant as text."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
