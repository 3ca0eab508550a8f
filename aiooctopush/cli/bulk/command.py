"""``octopush bulk``: one text to everyone in a file."""

import asyncio
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import attrs
import click

from ...api._shared import Purpose, SmsType
from ...api.sms import Message
from ...bulk.options import OnDuplicate, OnInvalid
from ..targets.gateway import GatewayOptions, connect, gateway_options
from ..targets.recipients import FileReading, recipient_file_options
from ..terminal.console import Screen
from ..terminal.help import Command, typed
from ..terminal.options import (
    json_option,
    message_options,
)
from ..terminal.progress import Progress
from ..wording import RunLocation
from .check import check_message
from .options import bulk_options
from .sending import Sending
from .summary import RunOutcome


_NAME_DIGITS: Final = 12

_EXAMPLE = """\
printf 'phone_number,first_name\\n+33600000001,Ada\\n' > people.csv
octopush bulk people.csv --sandbox --sender Acme --purpose alert \\
    --text "Hello {first_name}, your order is on its way" --ledger run.db
"""

_EPILOG = """\
--json gives: name, items (rows dealt with), planned, duplicates, rejected, batches,
accepted, presumed, refused, not_sent, in_doubt, skipped (left in doubt by decision),
foreign (sent by an earlier run with this name), sending (cut off), sms_needed, cost,
unpriced, residual_credit, attempts, faults, seconds, paused, exhausted, complete,
resumable, problems, recipients (of the file), interrupted, simulated, file, ledger,
first_bad_rows, error, and sandbox_book with --sandbox. If nothing was sent: error (its
class), message, outcome, maybe_sent, request_id, code, and bad_rows with first_bad_rows
if rows are bad. Counts are recipients, batches and attempts requests; money is text.
"""


_SHORT = "Send one text to everyone in a file; start or go on."


@click.command(cls=Command, short_help=_SHORT, example=_EXAMPLE, epilog=_EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@message_options
@bulk_options
@recipient_file_options
@gateway_options
@json_option()
@click.pass_context
def bulk(
    ctx: click.Context,
    /,
    *,
    file: Path,
    text: str,
    sender: str,
    purpose: str,
    type_: str,
    at: datetime | None,
    simulate: bool,
    ledger: Path | None,
    name: str | None,
    reading: FileReading,
    gateway: GatewayOptions,
    as_json: bool,
    **settings: Any,
) -> None:
    """
    Send one text to everyone in a file, and say what became of each.

    FILE is CSV or JSON lines, gzipped or not. The first line of a CSV file names its
    columns: phone_number, and if wanted first_name, last_name, param1 to param5; a
    line of JSON is an object with such fields. The whole file is checked first. Rows
    that cannot be used are listed and left out.

    With --ledger the same command starts a run and goes on with it, after Ctrl-C, a
    crash or a pause: what the ledger says is done is not done again. `octopush runs`,
    `report` and `unresolved` read the ledger.

    Without it the same command sends nothing twice within 23 hours: each request
    carries an id that is derived from the name, the settings and its recipients, and
    the gateway refuses an id that it has seen. To send the same to the same people
    once more on purpose, use another --run name.

    Ctrl-C waits for the requests that are on their way; a second one does not. See
    what a text costs beforehand with `octopush preview`.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        message = Message(
            text=text,
            sender=sender,
            purpose=Purpose(purpose),
            type=SmsType(type_),
            send_at=at,
            simulation_mode=simulate or None,
        )
        source = reading.open(file)
        connection = connect(ctx.obj, gateway)
        place = RunLocation(
            name=_default_name(file, message) if name is None else name, ledger=ledger
        )
        run = connection.session.bulk(
            place.name,
            ledger=ledger,
            **settings,
            **attrs.asdict(message, recurse=False),
        )
        check = check_message(
            source,
            message,
            screen,
            connection.clock,
            batch_size=settings["batch_size"],
            on_duplicate=OnDuplicate(settings["on_duplicate"]),
            on_invalid=OnInvalid(settings["on_invalid"]),
        )
    ending = RunOutcome(
        report=run.report,
        total=check.found.recipients,
        place=place,
        bad_rows=check.found.rejected,
        command=typed(ctx),
        simulated=simulate,
    )
    stages = Progress(screen, connection.clock)
    asyncio.run(Sending(run, source, screen, ending, stages).send(connection))
    ending.tell(
        screen,
        connection,
        file=str(file),
        ledger=None if ledger is None else str(ledger),
        first_bad_rows=check.first_bad_rows,
    )
    raise click.exceptions.Exit(ending.exit_code)


def _default_name(file: Path, message: Message) -> str:
    # Without the content of the file: the id of each request already depends on its
    # recipients. So a file that was changed at its end, after half of it was sent,
    # is still protected where it is the same.
    settings = attrs.asdict(message)
    digest = hashlib.sha256(json.dumps(settings, default=str).encode()).hexdigest()
    return f"{file.name.partition('.')[0]}-{digest[:_NAME_DIGITS]}"
