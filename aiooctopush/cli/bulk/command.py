"""``octopush bulk``: one text to everyone in a file."""

import asyncio
from pathlib import Path
from typing import Any

import attrs
import click

from ..targets.gateway import GatewayOptions, connect, gateway_options
from ..targets.ledger import LedgerPlace
from ..targets.message import MessageOptions, message_options
from ..targets.recipients import FileReading, recipient_file_options
from ..targets.runs import new_ledger_of
from ..terminal.console import Screen
from ..terminal.help import command, typed
from ..terminal.options import json_option
from ..terminal.progress import Progress
from ..wording import RunLocation
from .check import FileChecker, people_beside
from .look import BulkLook
from .options import PlanningOptions, bulk_options
from .price import Price, asked_price
from .question import is_asked, show_and_ask
from .record import default_name, recorded
from .sending import Sending
from .summary import RunOutcome, RunResult


_EXAMPLE = """\
printf 'phone_number,first_name\\n+33600000001,Ada\\n' > people.csv
octopush bulk people.csv --sandbox --sender Acme --purpose alert \\
    --text "Hello {first_name}, your order is on its way"
"""


@command(
    example=_EXAMPLE,
    result=RunResult,
)
@click.argument("file", type=click.Path(path_type=Path))
@message_options
@bulk_options
@recipient_file_options
@gateway_options
@json_option
@click.pass_context
def bulk(
    ctx: click.Context,
    /,
    *,
    file: Path,
    message: MessageOptions,
    ledger: Path | None,
    no_ledger: bool,
    name: str | None,
    planning: PlanningOptions,
    reading: FileReading,
    gateway: GatewayOptions,
    as_json: bool,
    **settings: Any,
) -> None:
    """
    Send one text to everyone in a file, and report the outcome for each.

    FILE is CSV, JSON or a spreadsheet; `-` is standard input. Its columns are
    phone_number and, if the text uses them, first_name, last_name and param1 to param5.
    The whole file is checked first. Rejected rows are listed and left out. On a
    terminal the command then shows a summary, and asks for confirmation once.

    The run is recorded in a ledger, and the same command resumes it after Ctrl-C, a
    crash or a pause. One run name belongs to one message. Recipients who were planned
    before are not planned again, at any position in the file; new recipients are added.
    A corrected number counts as a new recipient. By default the name is made of text,
    sender and purpose. To send the same message to the same recipients once more, give
    the run a name of its own with --run. `octopush runs`, `report`, `unresolved` and
    `rejected` read the ledger.

    With --no-ledger, or --sandbox without --ledger, nothing is recorded. The same
    command with the same file is then safe for 23 hours: the gateway rejects a request
    ID (idempotency key) that it has seen. With another file it may send twice.

    Ctrl-C waits for the requests in transit; a second one does not.
    """
    screen = Screen(as_json=as_json)
    if ledger is not None and no_ledger:
        raise click.UsageError("--ledger and --no-ledger exclude each other.")
    with screen.failures(of_sending=True):
        built = message.built()
        connection = connect(gateway)
        if name is None:
            name = default_name(built, gateway.address)
        if ledger is None and not no_ledger and not gateway.sandbox:
            ledger = new_ledger_of(name)
        place = None if ledger is None else LedgerPlace(str(ledger))
        excluding = [reading.open(one) for one in planning.exclude]
        people = people_beside(excluding, planning.on_duplicate)
        before = None if place is None else asyncio.run(recorded(place, name, people))
        checker = FileChecker(
            message=built,
            screen=screen,
            clock=connection.clock,
            planning=planning,
            people=people,
        )
        source, check = checker.check(reading.open(file))
        run = connection.session.bulk(
            name,
            ledger=ledger,
            **planning.of_run(excluding),
            **settings,
            **attrs.asdict(message, recurse=False),
        )
    yes = planning.yes or gateway.sandbox
    price = Price(euros=planning.price)
    is_shown = planning.dry_run or is_asked(screen, check, yes=yes)
    if price.euros is None and is_shown:
        session = connection.new_session()
        price = asked_price(session, check.found.countries, message.type)
    look = BulkLook.of(
        check,
        file=str(file),
        text=message.text,
        send_at=message.send_at,
        price=price,
        message=built,
        name=name,
        ledger=None if ledger is None else str(ledger),
    )
    show_and_ask(screen, check, look, dry_run=planning.dry_run, yes=yes)
    outcome = RunOutcome(
        report=run.report,
        total=check.found.recipients + check.found.already,
        place=RunLocation(name=name, ledger=ledger),
        bad_rows=check.found.rejected,
        command=typed(ctx),
        file=file.name,
        ended_at=None if before is None else before.ended_at,
        done_before=0 if before is None else before.done,
        planned_before=0 if before is None else before.run.planned,
        new=check.found.recipients,
        already=check.found.already,
        excluded=check.found.excluded,
        simulated=bool(message.simulation_mode),
    )
    progress = Progress(screen, connection.clock)
    sending = Sending(run, source, screen, outcome, progress, items=check.found.items)
    asyncio.run(sending.send(connection))
    outcome.tell(
        screen,
        connection,
        file=str(file),
        ledger=None if ledger is None else str(ledger),
        goes_out=look.goes_out,
        first_bad_rows=check.first_bad_rows,
    )
    raise click.exceptions.Exit(outcome.exit_code)
