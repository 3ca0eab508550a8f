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
from .terminal.help import Command, Option
from .terminal.interrupt import on_interrupt
from .terminal.options import Decorator, euros, fault_plan, seconds
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
_CALLBACKS: Final = "What it calls you back about"


def _probability(name: str, words: str) -> Decorator[Any]:
    return click.option(
        f"--callback-{name}",
        name,
        cls=Option,
        type=click.FloatRange(0, 1),
        metavar="PROBABILITY",
        default=0.0,
        show_default=True,
        heading=_CALLBACKS,
        help=words,
    )


@click.command(cls=Command, short_help=_SHORT, example=_EXAMPLE)
@click.option(
    "--host",
    cls=Option,
    default="127.0.0.1",
    show_default=True,
    heading="Where it listens",
    help="Address of this machine.",
)
@click.option(
    "--port",
    cls=Option,
    type=click.IntRange(0, 65_535),
    metavar="N",
    default=DEFAULT_PORT,
    show_default=True,
    heading="Where it listens",
    help="0 takes a free one; the first line of output tells which.",
)
@click.option(
    "--api-login",
    cls=Option,
    metavar="LOGIN",
    heading="Who is let in",
    help="The only login that is let in, together with --api-key. Everybody if left "
    "out.",
)
@click.option(
    "--api-key",
    cls=Option,
    metavar="KEY",
    heading="Who is let in",
    help="The only key that is let in. Make one up: this is not your real one.",
)
@click.option(
    "--faults",
    cls=Option,
    callback=fault_plan,
    metavar="SPEC",
    heading="How it behaves",
    help="What goes wrong: a probability such as 0.1, or KIND=PROBABILITY,…; a wrong "
    "kind lists them all.",
)
@click.option(
    "--duplicate-check",
    cls=Option,
    type=click.Choice(["on-accept", "on-receipt"]),
    default="on-accept",
    show_default=True,
    heading="How it behaves",
    help="When a request_id is used up: once its request is accepted, or as soon as "
    "it is received. Which rule the real gateway follows is not known.",
)
@click.option(
    "--credit",
    cls=Option,
    callback=euros,
    metavar="EUR",
    default="1000",
    show_default=True,
    heading="How it behaves",
    help="What the account has at first.",
)
@click.option(
    "--callback-url",
    cls=Option,
    metavar="URL",
    heading=_CALLBACKS,
    help="Where receipts, replies and opt-outs are posted, unless the account has set "
    "URLs of its own.",
)
@click.option(
    "--callbacks",
    "posts",
    cls=Option,
    is_flag=True,
    heading=_CALLBACKS,
    help="Post to the URLs that accounts have set, and nowhere else.",
)
@click.option(
    "--callback-format",
    "format",
    cls=Option,
    type=click.Choice([str(one) for one in CallbackFormat]),
    default=str(CallbackFormat.JSON),
    show_default=True,
    heading=_CALLBACKS,
    help="How they are written; the documents show the first.",
)
@click.option(
    "--callback-delay",
    "delay",
    cls=Option,
    callback=seconds,
    metavar="SECONDS",
    default="1-5",
    show_default=True,
    heading=_CALLBACKS,
    help="From one status to the next: a figure, or bounds to draw from.",
)
@_probability("failures", "That a message does not arrive.")
@_probability("duplicates", "That a callback comes twice.")
@_probability("disorder", "That those about a message come last first.")
@_probability("loss", "That a callback never comes.")
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
                "nobody is called back without --callback-url or --callbacks."
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
