"""``octopush sandbox``: a simulated gateway on a port of this machine."""

import asyncio
from decimal import Decimal
from typing import Any, Final

import click

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
from ..sandbox.server import SENT_PATH
from .terminal.console import Screen
from .terminal.help import Decorator, command, option
from .terminal.interrupt import on_interrupt
from .terminal.options import euros, fault_plan, seconds
from .terminal.problems import ExitCode


DEFAULT_PORT: Final = 8025

_EXAMPLE = f"""\
octopush sandbox
# and in another terminal:
export OCTOPUSH_BASE_URL=http://127.0.0.1:{DEFAULT_PORT}
export OCTOPUSH_API_LOGIN=me OCTOPUSH_API_KEY=any
octopush send --to +33600000001 --sender Acme --purpose alert --text Hello
"""


_SHORT = "Serve a simulated gateway."
_CALLBACKS: Final = "Callbacks"


def _probability(name: str, words: str) -> Decorator[Any]:
    return option(
        f"--callback-{name}",
        name,
        type=click.FloatRange(0, 1),
        metavar="PROBABILITY",
        default=0.0,
        show_default=True,
        heading=_CALLBACKS,
        help=words,
    )


@command(short_help=_SHORT, example=_EXAMPLE)
@option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    heading="Address",
    help="Address to listen on.",
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
    callback=fault_plan,
    metavar="SPEC",
    heading="Behavior",
    help="Faults: a probability such as 0.1, or KIND=PROBABILITY,…; a wrong kind lists "
    "them all.",
)
@option(
    "--duplicate-check",
    type=click.Choice(["on-accept", "on-receipt"]),
    default="on-accept",
    show_default=True,
    heading="Behavior",
    help="When a request ID counts as used: once its request is accepted, or as soon "
    "as it is received. It is unknown which of them the real gateway does.",
)
@option(
    "--credit",
    callback=euros,
    metavar="EUR",
    default="1000",
    show_default=True,
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
    type=click.Choice([str(one) for one in CallbackFormat]),
    default=str(CallbackFormat.JSON),
    show_default=True,
    heading=_CALLBACKS,
    help="Format of callbacks; the gateway's documents show json.",
)
@option(
    "--callback-delay",
    "delay",
    callback=seconds,
    metavar="SECONDS",
    default="1-5",
    show_default=True,
    heading=_CALLBACKS,
    help="Time from one status to the next: a figure, or bounds to draw from.",
)
@_probability("failures", "Probability that a message is not delivered.")
@_probability("duplicates", "Probability that a callback is posted twice.")
@_probability(
    "disorder", "Probability that the callbacks of a message come in reverse order."
)
@_probability("loss", "Probability that a callback is never posted.")
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
    **plan: Any,
) -> None:
    """
    Serve a simulated gateway, to try things out without an account.

    It answers as the documents of the gateway say, and logs what it accepted. GET
    /__sandbox__/sent shows the sent log, /__sandbox__/codes the one-time codes, and
    POST /__sandbox__/reset empties both.
    POST {"number": …, "text": …} to /__sandbox__/reply or /__sandbox__/opt-out, and
    somebody answers. Ctrl-C ends it.
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
    try:
        server = SandboxServer(
            gateway=gateway, faults=faults, poster=poster, host=host, port=port
        )
    except ValueError as error:
        raise click.UsageError(f"--faults: {error}") from error
    try:
        asyncio.run(_serve(server))
    except OSError as error:
        Screen().error(f"cannot listen on {host}, port {port}: {error.strerror}")
        raise click.exceptions.Exit(ExitCode.BAD_INPUT) from error


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
    with on_interrupt(stop.set):
        async with server:
            # One line, written out at once: programs wait for it.
            click.echo(f"Sandbox gateway ready on {server.url} (sent log: {SENT_PATH})")
            await stop.wait()
