"""``octopush webhooks``: take the gateway's callbacks, and put them to a ledger."""

import asyncio
import os
from typing import Final

import click
from aiohttp import web
from attrs import define

from .._clock import Clock
from ..bulk.review.inbox import ReceiptFile, ReceiptInbox
from ..integrations._receiver import new_token
from ..integrations.aiohttp_web import create_app
from ..ledgers.records import LedgerError
from ..webhooks import DeliveryReceipt, Event
from .targets.gateway import clock_of
from .targets.ledger import LedgerPlace, LedgerType
from .terminal.console import Screen
from .terminal.help import group, option
from .terminal.interrupt import on_interrupt
from .terminal.problems import ExitCode, problem_of
from .terminal.values import counted


DEFAULT_PORT: Final = 8026
_VARIABLE: Final = "OCTOPUSH_WEBHOOK_TOKEN"

# Receipts are written together: each writing opens the ledger, so that a run can have
# it in between.
_WRITE_EVERY: Final = 5.0

_EXAMPLE = f"""\
octopush webhooks serve --ledger run.db
# and in another terminal, to see it work:
octopush sandbox --callback-url http://127.0.0.1:{DEFAULT_PORT}/TOKEN
"""


@group(short_help="Receive delivery receipts.", example=_EXAMPLE)
def webhooks() -> None:
    """Receive the callbacks of the gateway."""


@webhooks.command(
    short_help="Receive delivery receipts into a ledger.", example=_EXAMPLE
)
@option(
    "--ledger",
    type=LedgerType(exists=True),
    required=True,
    metavar="LEDGER",
    heading="Ledger",
    help="Ledger of `octopush bulk --ledger`, or of a fleet: postgresql://user@host/"
    "database, or its program, such as app:fleet.",
)
@option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    heading="Address",
    help="Address to listen on. The gateway needs HTTPS: put a reverse proxy in front.",
)
@option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="N",
    default=DEFAULT_PORT,
    show_default=True,
    heading="Address",
    help="Port; 0 takes a free one, which the first line of output shows.",
)
@click.pass_context
def serve(ctx: click.Context, *, ledger: LedgerPlace, host: str, port: int) -> None:
    """
    Take delivery receipts over HTTP, and write them to the ledger of a bulk run.

    A receipt for any number of a batch that was presumed, or in doubt, proves that it
    was sent: the batch becomes accepted. `octopush report` then shows deliveries, too.
    While a run holds the ledger, receipts wait in a file beside it.

    The path holds a secret, for nothing else tells the gateway from a stranger. It is
    taken from OCTOPUSH_WEBHOOK_TOKEN, or made up and shown. Ctrl-C ends it.
    """
    screen = Screen()
    clock = clock_of(ctx.obj)
    with screen.failures():
        token = os.environ.get(_VARIABLE) or new_token()
        file = None
        if (path := ledger.path) is not None:
            file = ReceiptFile(path.with_name(f"{path.name}-receipts"))
            file.open()
        inbox = _Inbox(ReceiptInbox(ledger.opened, clock, file), file, clock, screen)
        app = create_app(
            inbox.take, token=token, answer_after_handling=True, clock=clock
        )
    try:
        asyncio.run(_serve(app, inbox, host, port, token))
    except OSError as error:
        screen.error(f"cannot listen on {host}, port {port}: {error.strerror}")
        raise click.exceptions.Exit(ExitCode.BAD_INPUT) from error
    finally:
        words = inbox.in_words()
        if file is not None:
            file.close()
    screen.say(words)
    raise click.exceptions.Exit(
        ExitCode.NOT_ACCEPTED if inbox.is_lost else ExitCode.ACCEPTED
    )


@define
class _Inbox:
    """Receipts on their way to the ledger, and what is told of them."""

    _inbox: ReceiptInbox
    _file: ReceiptFile | None
    _clock: Clock
    _screen: Screen
    _complained: str | None = None

    async def take(self, event: Event) -> None:
        """Keep a receipt; nothing else is kept."""
        if isinstance(event, DeliveryReceipt):
            await self._inbox.take(event)

    async def write(self) -> None:
        """Write what is waiting, or leave it waiting."""
        try:
            await self._inbox.write()
        except LedgerError as error:
            # Told once, and not every few seconds.
            if self._complained != error.problem:
                self._complained = error.problem
                self._screen.warn(f"receipts wait: {problem_of(error)}")
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
        """What became of everything."""
        inbox = self._inbox
        words = f"Took {counted(inbox.taken, 'receipt')}."
        if inbox.proven:
            words += f" Batches that they prove sent: {inbox.proven:,}."
        if inbox.unmatched:
            words += f" {inbox.unmatched:,} belong to no run of this ledger."
        if self.is_lost:
            words += f" {inbox.in_memory:,} could not be written, and are lost."
        elif self._file is not None and inbox.is_waiting:
            words += (
                f" Some wait in {self._file.path}: start this command again when the "
                "run is over, and it writes them."
            )
        return words


async def _serve(
    app: web.Application, inbox: _Inbox, host: str, port: int, token: str
) -> None:
    stop = asyncio.Event()
    # The log of requests would show the secret.
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        address = runner.addresses[0]
        writing = asyncio.create_task(inbox.write_now_and_then())
        with on_interrupt(stop.set):
            click.echo(f"Receiving at http://{address[0]}:{address[1]}/{token}")
            await stop.wait()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    finally:
        # Handles what was taken, and so comes before the last writing.
        await runner.cleanup()
    await inbox.write()
