"""``octopush sandbox``: a simulated gateway on a port of this machine."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any, Final

import click

from ..phone import mask
from ..sandbox import (
    CallbackFormat,
    CallbackPlan,
    CallbackPoster,
    DuplicateCheck,
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxServer,
)
from ..sandbox.faults import LIVE_KINDS
from ..sandbox.sent_log import Entry
from ..sandbox.server import SENT_PATH, ServedRequest
from .terminal.console import Screen
from .terminal.exit_codes import ExitCode
from .terminal.help import Decorator, command, option
from .terminal.interrupt import on_signal
from .terminal.options import (
    OUTPUT,
    EnumChoice,
    address_options,
    euros,
    fault_plan,
    seconds,
)
from .terminal.problems import cannot_listen
from .terminal.values import counted, printable


DEFAULT_PORT: Final = 8025

_EXAMPLE = f"""\
octopush sandbox
# and in another terminal:
export OCTOPUSH_BASE_URL=http://127.0.0.1:{DEFAULT_PORT}
export OCTOPUSH_API_LOGIN=me OCTOPUSH_API_KEY=any
octopush send --to +33600000001 --sender Acme --purpose alert --text Hello
"""


_CALLBACKS: Final = "Callbacks"


def _probability(name: str, words: str) -> Decorator[Any]:
    return option(
        f"--callback-{name}",
        name,
        type=click.FloatRange(0, 1),
        metavar="PROBABILITY",
        default=0.0,
        heading=_CALLBACKS,
        help=words,
    )


@command(example=_EXAMPLE)
@address_options(DEFAULT_PORT)
@option(
    "--api-login",
    metavar="LOGIN",
    heading="Credentials",
    help="The only login to accept, together with --api-key. Default: any.",
)
@option(
    "--api-key",
    metavar="KEY",
    heading="Credentials",
    help="The only key to accept. Invent one; do not use your real key.",
)
@option(
    "--faults",
    callback=partial(fault_plan, kinds=LIVE_KINDS),
    metavar="SPEC",
    heading="Behavior",
    help="Faults: a probability such as 0.1, or KIND=PROBABILITY,…; a wrong kind lists "
    "them all.",
)
@option(
    "--duplicate-check",
    type=click.Choice(["on-accept", "on-receipt"]),
    default="on-accept",
    heading="Behavior",
    help="When a request ID counts as used: once its request is accepted, or as soon "
    "as it is received. It is unknown which of them the real gateway does.",
)
@option(
    "--credit",
    callback=euros,
    metavar="EUR",
    default="1000",
    heading="Behavior",
    help="Credit of the account at the start.",
)
@option(
    "--callback-url",
    metavar="URL",
    heading=_CALLBACKS,
    help="URL for receipts, replies and opt-outs, unless the account has set URLs of "
    "its own.",
)
@option(
    "--callbacks",
    "posts",
    is_flag=True,
    heading=_CALLBACKS,
    help="Post to the URLs that accounts have set, and nowhere else.",
)
@option(
    "--callback-format",
    "format",
    type=EnumChoice(CallbackFormat),
    default=str(CallbackFormat.JSON),
    heading=_CALLBACKS,
    help="Format of callbacks; the gateway's documents show json.",
)
@option(
    "--callback-delay",
    "delay",
    callback=seconds,
    metavar="SECONDS",
    default="1-5",
    heading=_CALLBACKS,
    help="Time from one status to the next: a figure, or bounds to draw from.",
)
@_probability("failures", "Probability that a message is not delivered.")
@_probability("duplicates", "Probability that a callback is posted twice.")
@_probability(
    "disorder", "Probability that the callbacks of a message come in reverse order."
)
@_probability("loss", "Probability that a callback is never posted.")
@option(
    "--quiet",
    is_flag=True,
    heading=OUTPUT,
    help="Write no line for each request.",
)
def sandbox(
    *,
    host: str,
    port: int,
    api_login: str | None,
    api_key: str | None,
    faults: FaultPlan | None,
    duplicate_check: str,
    credit: Decimal,
    callback_url: str | None,
    posts: bool,
    quiet: bool,
    **plan: Any,
) -> None:
    """
    Serve a simulated gateway, for trials without an account.

    It responds as documented for the real gateway, and writes a line for each request
    to stderr: the outcome, masked numbers, and one-time codes. GET /__sandbox__/sent
    returns the sent log, GET /__sandbox__/codes the one-time codes, and POST
    /__sandbox__/reset empties both. A POST to /__sandbox__/reply or
    /__sandbox__/opt-out, with a JSON object of number and text, simulates a reply or
    an opt-out. Press Ctrl-C to end it.
    """
    if (api_login is None) != (api_key is None):
        raise click.UsageError("--api-login and --api-key belong together.")
    gateway = Gateway(
        GatewaySettings(
            api_login=api_login,
            api_key=api_key,
            credit=credit,
            duplicate_check=DuplicateCheck(duplicate_check.replace("-", "_")),
        )
    )
    poster = _poster(gateway, callback_url, posts=posts, plan=CallbackPlan(**plan))
    screen = Screen()

    def report(request: ServedRequest) -> None:
        for line in _lines(request):
            screen.note(line)

    try:
        server = SandboxServer(
            gateway=gateway,
            faults=faults,
            poster=poster,
            host=host,
            port=port,
            on_request=None if quiet else report,
        )
    except ValueError as error:
        raise click.UsageError(f"--faults: {error}") from error
    try:
        asyncio.run(_serve(server))
    except OSError as error:
        screen.error(cannot_listen(host, port, error))
        raise click.exceptions.Exit(ExitCode.BAD_INPUT) from error


def _lines(request: ServedRequest) -> Iterator[str]:
    """Describe a request, without whole numbers and texts."""
    status = "no response" if request.status is None else str(request.status)
    words = f"{request.method} {printable(request.path)}: {status}"
    if request.fault is not None:
        words += f", fault {request.fault}"
    for entry in request.accepted:
        words += f", accepted for {_recipients(entry)}"
        words += ", simulated" * entry.simulated
    yield words
    for code in request.codes:
        yield f"  One-time code for {mask(code.phone_number)}: {code.code}"


def _recipients(entry: Entry) -> str:
    if len(entry.recipients) == 1:
        return mask(entry.recipients[0])
    return counted(entry.number_of_contacts, "recipient")


def _poster(
    gateway: Gateway, url: str | None, *, posts: bool, plan: CallbackPlan
) -> CallbackPoster | None:
    if url is None and not posts:
        if plan != CallbackPlan():
            raise click.UsageError(
                "Options of callbacks need --callback-url or --callbacks."
            )
        return None
    try:
        return CallbackPoster(gateway.callbacks(plan), url=url)
    except ValueError as error:
        raise click.UsageError(f"--callback-url: {error}") from error


async def _serve(server: SandboxServer) -> None:
    stop = asyncio.Event()
    with on_signal(stop.set):
        async with server:
            # One line, written out at once: programs wait for it.
            click.echo(f"Sandbox gateway ready on {server.url} (sent log: {SENT_PATH})")
            await stop.wait()
