"""``octopush bulk``: one text to everyone in a file."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Final

import attrs
import click
from attrs import define

from ..api._shared import Purpose, Recipient, SmsType
from ..api.sms import Message
from ..bulk.run import BulkRun
from ..bulk.sources import CsvSource, read_csv
from ..errors import OctopushError
from ..sandbox import FaultPlan
from ._check import FileCheck, check_file, refuse_bad
from ._connection import Connection, connect
from ._console import Screen
from ._help import Command, Option
from ._interrupt import interruptible
from ._options import (
    SENDING,
    file_options,
    gateway_options,
    json_option,
    message_options,
)
from ._progress import Meter, meter
from ._summary import Ending, counts_of
from ._text import Gaps, warnings_of


_KEY_DIGITS: Final = 12

_EXAMPLE = """\
printf 'phone_number,first_name\\n+33600000001,Ada\\n' > people.csv
octopush bulk people.csv --sandbox --sender Acme --purpose alert \\
    --text "Hello {first_name}, your order is on its way"
"""

_EPILOG = """\
--json gives: key, planned, batches, accepted, presumed, refused, not_sent, in_doubt,
foreign (sent by an earlier run with this key), sending (cut off by Ctrl-C),
sms_needed, cost, residual_credit, attempts, seconds, paused, complete, problems,
recipients (of the file), interrupted, simulated, file, duplicates, error, and
sandbox_book with --sandbox. If nothing was sent: error (its class), message, outcome,
maybe_sent, request_id, code, and bad_rows with first_bad_rows if rows are bad. Counts
are recipients, batches and attempts requests; money is text.
"""


_SHORT = "Send one text to everyone in a CSV file."


@click.command(cls=Command, short_help=_SHORT, example=_EXAMPLE, epilog=_EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@message_options
@click.option(
    "--key",
    cls=Option,
    metavar="TEXT",
    heading=SENDING,
    help="Names the run. By default the file's name and a digest of text, sender and "
    "the other settings.",
)
@click.option(
    "--concurrency",
    cls=Option,
    type=click.IntRange(min=1),
    metavar="N",
    default=4,
    show_default=True,
    heading=SENDING,
    help="Requests at the same time, each for up to 500 recipients.",
)
@file_options
@gateway_options
@json_option()
@click.pass_context
def bulk(
    ctx: click.Context,
    *,
    file: Path,
    text: str,
    sender: str,
    purpose: str,
    type_: str,
    at: datetime | None,
    simulate: bool,
    key: str | None,
    concurrency: int,
    encoding: str | None,
    delimiter: str | None,
    base_url: str | None,
    sandbox: bool,
    faults: FaultPlan | None,
    as_json: bool,
) -> None:
    """
    Send one text to everyone in a CSV file, and say what became of each.

    The first line of FILE names its columns: phone_number, and if wanted first_name,
    last_name, param1 to param5. The whole file is checked first; if a row cannot be
    used, such rows are listed and nothing is sent.

    The same command run again within 23 hours sends nothing twice: each request
    carries an id that is derived from the key, the settings and its recipients, and
    the gateway refuses an id that it has seen. So this is also how to go on after an
    interruption. To send the same to the same people once more on purpose, give the
    run another --key.

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
        source = read_csv(file, encoding=encoding, delimiter=delimiter)
        connection = connect(ctx.obj, base_url=base_url, sandbox=sandbox, faults=faults)
        run = connection.session.bulk(
            _default_key(file, message) if key is None else key,
            concurrency=concurrency,
            **attrs.asdict(message, recurse=False),
        )
        gaps = Gaps(text)
        check = check_file(source, screen, connection.clock, look=gaps.look)
    refuse_bad(check, source, screen)
    _warn(screen, message, check, gaps, connection)
    ending = Ending(report=run.report, total=check.recipients, simulated=simulate)
    asyncio.run(_Sending(run, source, screen, ending).send(connection))
    ending.tell(screen, connection, file=str(file), duplicates=check.duplicates)
    raise click.exceptions.Exit(ending.exit_code)


def _default_key(file: Path, message: Message) -> str:
    # Without the content of the file: the id of each request already depends on its
    # recipients. So a file that was changed at its end, after half of it was sent,
    # is still protected where it is the same.
    settings = attrs.asdict(message)
    digest = hashlib.sha256(json.dumps(settings, default=str).encode()).hexdigest()
    return f"{file.name.partition('.')[0]}-{digest[:_KEY_DIGITS]}"


def _warn(
    screen: Screen,
    message: Message,
    check: FileCheck,
    gaps: Gaps,
    connection: Connection,
) -> None:
    """Say what is odd, though it can be sent."""
    for words in warnings_of(message.text, message.purpose, message.type):
        screen.warn(words)
    for words in gaps.in_words():
        screen.warn(words)
    for words in check.warnings():
        screen.warn(words)
    if message.send_at is not None and message.send_at <= connection.clock.now():
        screen.warn("--at is in the past: the gateway sends at once.")


class _StoppedError(Exception):
    """Ctrl-C: the source gives out no more batches."""


@define
class _Sending:
    """A run on its way, and what is shown of it."""

    _run: BulkRun
    _source: CsvSource
    _screen: Screen
    _ending: Ending
    _stopping: bool = False

    async def send(self, connection: Connection) -> None:
        """Send everything, or as much as can be, and note how it ended."""
        ending = self._ending
        try:
            with meter(
                self._screen, "Sending", clock=connection.clock, unit="recipients"
            ) as progress:
                async with connection.session, interruptible(self._stop):
                    await self._take_results(progress)
        except (_StoppedError, TimeoutError):
            ending.interrupted = True
        except OctopushError as error:
            ending.error = error
        ending.report = self._run.report

    async def _take_results(self, progress: Meter) -> None:
        total = self._ending.total
        progress.show(0, total)
        async with aclosing(self._run.send(self._recipients())) as results:
            async for batch in results:
                self._ending.count(batch)
                report = self._run.report
                progress.show(report.done, total, counts_of(report))

    def _recipients(self) -> Iterator[Recipient]:
        for recipient in self._source:
            # Raised and not ended early, or a batch shorter than planned would get
            # another id, and its recipients the message twice when the run goes on.
            if self._stopping:
                raise _StoppedError
            yield recipient

    def _stop(self) -> None:
        self._stopping = True
        self._screen.note(
            "Stopping once the requests on their way are answered. Press Ctrl-C again "
            "to leave them: they may be sent all the same."
        )
