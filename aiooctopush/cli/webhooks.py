"""
``octopush webhooks``: receive the gateway's callbacks, and write them to a ledger.
"""

import asyncio
import os
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Final

import click
from aiohttp import web
from attrs import define, field

from .._clock import Clock
from ..bulk.review.inbox import ReceiptFile, ReceiptInbox
from ..integrations._receiver import new_token
from ..integrations.aiohttp_web import create_app
from ..ledgers.records import LedgerError
from ..phone import mask
from ..webhooks import DeliveryReceipt, Event, OptOut, Reply
from .targets.gateway import surroundings
from .targets.ledger import LedgerPlace, LedgerType
from .terminal.console import Screen
from .terminal.exit_codes import ExitCode
from .terminal.export import ExportError
from .terminal.help import group, option
from .terminal.interrupt import on_signal
from .terminal.options import OUTPUT, address_options
from .terminal.problems import cannot_listen, problem_of
from .terminal.values import counted, printable


DEFAULT_PORT: Final = 8026
_VARIABLE: Final = "OCTOPUSH_WEBHOOK_TOKEN"

# Receipts are written together: each writing opens the ledger, so that a run can have
# it in between.
_WRITE_EVERY: Final = 5.0

# Seconds for a callback in progress when the command is stopped.
_GOODBYE: Final = 2.0

_EXAMPLE = f"""\
octopush webhooks serve --ledger run.db
# and in another terminal, to see it work:
octopush sandbox --callback-url http://127.0.0.1:{DEFAULT_PORT}/TOKEN
"""


@group(example=_EXAMPLE)
def webhooks() -> None:
    """Receive the callbacks of the gateway."""


@webhooks.command(
    short_help="Receive delivery receipts into a ledger.", example=_EXAMPLE
)
@option(
    "--ledger",
    type=LedgerType(),
    required=True,
    metavar="LEDGER",
    heading="Ledger",
    help="Ledger of `octopush bulk --ledger`, or of a fleet: postgresql://user@host/"
    "database, or its program, such as app:fleet.",
)
@address_options(DEFAULT_PORT, "The gateway needs HTTPS: put a reverse proxy in front.")
@option(
    "--opt-outs",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    heading="Opt-outs",
    help="CSV file to append the numbers of opt-outs (STOP) to. `octopush bulk "
    "--exclude` reads it.",
)
@option(
    "--quiet",
    is_flag=True,
    heading=OUTPUT,
    help="Write no line for each callback.",
)
def serve(
    *,
    ledger: LedgerPlace,
    host: str,
    port: int,
    opt_outs: Path | None,
    quiet: bool,
) -> None:
    """
    Receive delivery receipts over HTTP, and write them to the ledger of a bulk run.

    A receipt for any number of a batch with an unknown or presumed outcome confirms
    that the batch was sent, and the batch becomes accepted. `octopush report` then also
    shows deliveries. The ledger does not have to exist yet. While a run holds it,
    receipts wait in a file next to it.

    The path contains a secret, because nothing else distinguishes the gateway from a
    stranger. It comes from OCTOPUSH_WEBHOOK_TOKEN, or is generated and shown. Press
    Ctrl-C to end it.
    """
    screen = Screen()
    clock = surroundings().clock
    with screen.failures():
        token = os.environ.get(_VARIABLE) or new_token()
        file = None
        if (path := ledger.path) is not None:
            file = ReceiptFile(path.with_name(f"{path.name}-receipts"))
            file.open()
        stops = None if opt_outs is None else OptOutFile(opt_outs)
        inbox = _Inbox(
            ReceiptInbox(ledger.opened, clock, file),
            file,
            clock,
            screen,
            opt_outs=stops,
            quiet=quiet,
        )
        app = create_app(
            inbox.take, token=token, answer_after_handling=True, clock=clock
        )
    with nullcontext() if file is None else closing(file):
        try:
            asyncio.run(_serve(app, inbox, host, port, token))
        except OSError as error:
            screen.error(cannot_listen(host, port, error))
            raise click.exceptions.Exit(ExitCode.BAD_INPUT) from error
        finally:
            words = inbox.in_words()
    screen.say(words)
    raise click.exceptions.Exit(
        ExitCode.NOT_ACCEPTED if inbox.is_lost else ExitCode.ACCEPTED
    )


class OptOutFile:
    """
    Append the numbers of opt-outs to a CSV file, for its owner alone.

    Args:
        path: The file; it is created if it does not exist.

    Raises:
        ExportError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._append("")

    def add(self, number: str) -> None:
        """
        Append a number.

        Raises:
            ExportError: It cannot be written.
        """
        self._append(f"{number}\n")

    def _append(self, line: str) -> None:
        def private(name: str, flags: int) -> int:
            return os.open(name, flags, 0o600)

        try:
            with open(self._path, "a", encoding="utf-8", opener=private) as file:
                if file.tell() == 0:
                    file.write("phone_number\n")
                file.write(line)
        except OSError as error:
            raise ExportError(
                f"{self._path}: cannot be written ({error.strerror})"
            ) from error


@define
class _Inbox:
    """Receipts that are not in the ledger yet, and their summary."""

    _inbox: ReceiptInbox
    _file: ReceiptFile | None
    _clock: Clock
    _screen: Screen
    _opt_outs: OptOutFile | None = field(default=None, kw_only=True)
    _quiet: bool = field(default=True, kw_only=True)
    _complained: str | None = None

    async def take(self, event: Event) -> None:
        """Keep a receipt, and write the number of an opt-out to its file."""
        if not self._quiet:
            self._screen.note(_line(event))
        if isinstance(event, DeliveryReceipt):
            await self._inbox.take(event)
        elif isinstance(event, OptOut) and self._opt_outs is not None:
            # If it fails, the gateway gets an error, and may post it again.
            self._opt_outs.add(event.number)

    async def write(self) -> None:
        """Write waiting receipts, or keep them waiting."""
        try:
            await self._inbox.write()
        except LedgerError as error:
            # Told once, and not every few seconds.
            if self._complained != error.problem:
                self._complained = error.problem
                self._screen.warn(f"Receipts must wait. {problem_of(error)}")
            return
        self._complained = None

    async def write_now_and_then(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._clock.sleep(_WRITE_EVERY)
            await self.write()

    @property
    def is_lost(self) -> bool:
        """Whether something ends with this process."""
        return self._inbox.in_memory > 0

    def in_words(self) -> str:
        """Describe the outcome of all receipts."""
        inbox = self._inbox
        words = f"Received {counted(inbox.taken, 'receipt')}."
        if inbox.proven:
            words += f" Confirmed {inbox.proven:,} batch{'es' * (inbox.proven != 1)}."
        elif inbox.taken > inbox.unmatched + inbox.ambiguous and not inbox.is_waiting:
            words += " No matched batch was waiting for confirmation."
        if inbox.unmatched:
            words += f" {inbox.unmatched:,} matched no batch of this ledger."
        if inbox.ambiguous:
            words += (
                f" {inbox.ambiguous:,} matched several batches, as of two runs to the "
                "same recipients, and so confirmed none. `octopush unresolved` lists "
                "the batches."
            )
        if self.is_lost:
            words += f" {inbox.in_memory:,} could not be written, and are lost."
        elif self._file is not None and inbox.is_waiting:
            words += (
                f" Receipts remain in {self._file.path}. Start this command again when "
                "the run is over, and it writes them."
            )
        return words


def _line(event: Event) -> str:
    """Describe a callback, without its whole number and text."""
    if isinstance(event, DeliveryReceipt):
        return f"{printable(str(event.status))}: {mask(event.number)}, {event.ticket}"
    if isinstance(event, OptOut):
        return f"STOP: {mask(event.number)}"
    if isinstance(event, Reply):
        return f"Reply: {mask(event.number)}"
    return f"Ignored: {type(event).__name__}"


async def _serve(
    app: web.Application, inbox: _Inbox, host: str, port: int, token: str
) -> None:
    stop = asyncio.Event()
    # The log of requests would show the secret.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GOODBYE)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        address = runner.addresses[0]
        writing = asyncio.create_task(inbox.write_now_and_then())
        with on_signal(stop.set):
            click.echo(f"Receiving at http://{address[0]}:{address[1]}/{token}")
            await stop.wait()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    finally:
        # Handles accepted events, and so comes before the last write.
        await runner.cleanup()
    await inbox.write()
