"""``octopush doctor``: does everything that a send needs work?"""

import asyncio
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click
from attrs import define, field, frozen
from rich.table import Table
from rich.text import Text

from ...api._shared import check_sender
from ...api.wallet import Balance
from ...errors import OctopushError
from ...phone import normalize
from ..targets.gateway import PROXY, GatewayOptions, gateway_options, surroundings
from ..targets.session import CommandSession, give_up
from ..terminal.console import Screen
from ..terminal.exit_codes import ExitCode
from ..terminal.help import command, option
from ..terminal.options import json_option
from ..terminal.prompts import confirm, on_terminal, yes_option
from ..terminal.result import Result, item
from . import checks as _checks
from .checks import Check, State
from .probes import LABELS, Plan, Probing, Reply, send


_EXAMPLE = """\
octopush doctor
octopush doctor --probe --to +33600000001
"""

_EPILOG = """\
Exit codes: 0 if all checks pass, 1 if one fails or a probe has no result, 3 if a
real request of a probe may have been sent without a clear response.
"""

_PROBES: Final = "Probes"


@frozen(kw_only=True)
class Diagnosed(Result):
    """Results for programs; people see each check as it is made."""

    checks: tuple[Check, ...] = item(doc="for each", of=Check)
    probes: dict[str, Any] | None = item(
        doc="null without --probe: id_noted_on, repeat, bad_number, simulation; for "
        "each answer (null if unknown) and words, some with real (false if seen in "
        "simulation mode), status, code, ticket_repeated, named"
    )


_MARKS: Final = {
    State.FINE: ("✓", "+", "green"),
    State.ODD: ("!", "!", "bold yellow"),
    State.WRONG: ("✗", "x", "bold red"),
    State.SKIPPED: ("-", "-", "dim"),
}
_LABEL: Final = 13
_DEADLINE: Final = 15.0


@command(
    example=_EXAMPLE,
    epilog=_EPILOG,
    result=Diagnosed,
)
@option(
    "--probe",
    is_flag=True,
    heading=_PROBES,
    help="Also test undocumented behavior of the gateway against your account, in "
    "simulation mode where possible. Each probe shows what it sends and costs, and "
    "asks.",
)
@option(
    "--to",
    metavar="NUMBER",
    heading=_PROBES,
    help="Your own number, the only one that may get a message.",
)
@option(
    "--sender",
    metavar="NAME",
    default="Octopush",
    heading=_PROBES,
    help="Sender that you may use there.",
)
@yes_option("Do not ask before probes in simulation mode; the others always ask.")
@gateway_options
@json_option
def doctor(
    *,
    probe: bool,
    to: str | None,
    sender: str,
    yes: bool,
    as_json: bool,
    gateway: GatewayOptions,
) -> None:
    """
    Check credentials, network, account and clocks, and show what to do.

    Nothing is sent without --probe, and it costs nothing. With --probe it also tests
    undocumented behavior on which outcomes depend. It finds out when the gateway
    records a request ID, how it refuses a repeat, how it handles one bad number, and
    whether simulation mode respects request IDs.
    """
    screen = Screen(as_json=as_json)
    if probe != (to is not None):
        raise click.UsageError("--probe needs --to, and --to needs --probe.")
    if to is not None:
        with screen.failures():
            to = normalize(to, field="--to")
            check_sender(sender)
    diagnosis = _Diagnosis(screen=screen)
    probing = None
    with _look(diagnosis, gateway) as calls:
        if calls is not None:
            _look_at_account(diagnosis, calls)
        diagnosis.add(_checks.versions())
        diagnosis.add(_checks.proxies(gateway.proxy or os.environ.get(PROXY)))
        if to is not None:
            probing = _probe(diagnosis, calls, to=to, sender=sender, yes=yes)
    screen.result(
        Diagnosed(
            checks=tuple(diagnosis.checks),
            probes=None if probing is None else _findings_of(probing),
        )
    )
    raise click.exceptions.Exit(_exit_code_of(diagnosis, probing))


# --- checks ---------------------------------------------------------------------------


@define(kw_only=True)
class _Diagnosis:
    """Results so far; each check is shown as it is made."""

    screen: Screen
    checks: list[Check] = field(factory=list)

    def add(self, check: Check) -> None:
        self.checks.append(check)
        pretty, plain, style = _MARKS[check.state]
        mark = pretty if _can_write("✓✗") else plain
        grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        grid.add_column(min_width=_LABEL + 2)
        grid.add_column()
        name = Text.assemble((f"{mark} ", style), (check.check.capitalize(), "dim"))
        grid.add_row(name, Text(check.found))
        if check.what_to_do:
            grid.add_row("", Text(check.what_to_do))
        self.screen.show(grid)

    @property
    def is_bad(self) -> bool:
        return any(one.state is State.WRONG for one in self.checks)


def _can_write(characters: str) -> bool:
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _look(
    diagnosis: _Diagnosis, gateway: GatewayOptions
) -> Iterator[CommandSession | None]:
    """Make the checks before any call; return None if no call is possible."""
    if gateway.sandbox:
        with CommandSession(diagnosis.screen, gateway) as calls:
            for name, found in (
                ("credentials", "not needed: the sandbox accepts any"),
                ("connection", "not needed: the sandbox is in this process"),
            ):
                diagnosis.add(Check.skipped(name, found))
            yield calls
        return
    diagnosis.add(_checks.credentials())
    wrong, url = _checks.address(gateway.address)
    with diagnosis.screen.failures():
        proxy, tls = gateway.proxy_url(), gateway.ssl_context()
    if wrong is None and proxy is None:
        clock = surroundings().clock
        diagnosis.add(asyncio.run(_checks.connection(url, clock, tls)))
    else:
        diagnosis.add(wrong or _checks.through_proxy(str(proxy)))
    if diagnosis.is_bad:
        found = "not checked: fix the errors above first"
        diagnosis.add(Check.skipped("account", found))
        yield None
        return
    with CommandSession(diagnosis.screen, gateway) as calls:
        yield calls


def _look_at_account(diagnosis: _Diagnosis, calls: CommandSession) -> None:
    answered: Balance | OctopushError
    try:
        answered = calls.attempt(calls.session.wallet.balance(timeout=_DEADLINE))
    except OctopushError as error:
        answered = error
        diagnosis.add(_checks.failed_account(error))
    except TimeoutError:
        give_up(diagnosis.screen, reads=True)
    else:
        diagnosis.add(_checks.account(answered.amount))
    diagnosis.add(_checks.clocks(answered, calls.connect().clock.now()))


# --- probes ---------------------------------------------------------------------------


def _probe(
    diagnosis: _Diagnosis,
    calls: CommandSession | None,
    *,
    to: str,
    sender: str,
    yes: bool,
) -> Probing | None:
    screen = diagnosis.screen
    if calls is None or diagnosis.is_bad:
        screen.warn("no probe was made: fix the errors first.")
        return None

    def ask(body: Mapping[str, Any]) -> Reply:
        return calls.attempt(send(calls.session, body))

    def agreed(plan: Plan) -> bool:
        return _agreed(screen, plan, yes=yes)

    probing = Probing(to=to, sender=sender, send=ask, agreed=agreed)
    try:
        probing.run()
    except (TimeoutError, click.Abort):
        probing.interrupted = True
        screen.note("Interrupted. The results so far are shown.")
    screen.say("")
    screen.say("Behavior of the gateway", style="bold")
    screen.rows((LABELS[one], said.words) for one, said in probing.findings.items())
    return probing


def _agreed(screen: Screen, plan: Plan, *, yes: bool) -> bool:
    """Show the requests of a probe, their recipient and their cost; then ask."""
    screen.note("")
    for words in (
        f"Probe: {plan.question}",
        f"  Sends: {plan.sends}.",
        f"  Costs: {plan.cost}.",
    ):
        screen.note(_hanging(screen, words))
    if yes and plan.is_free:
        return True
    if not on_terminal():
        screen.note("  Skipped: there is no terminal to confirm on.")
        return False
    return confirm("  Make it?")


def _hanging(screen: Screen, words: str) -> str:
    """Words for stderr, with further lines of a terminal indented."""
    if not screen.err.is_terminal:
        return words
    width = screen.err.width
    return textwrap.fill(words, width, subsequent_indent=" " * 9)


def _findings_of(probing: Probing) -> dict[str, Any]:
    return {str(one): said.as_dict() for one, said in probing.findings.items()}


def _exit_code_of(diagnosis: _Diagnosis, probing: Probing | None) -> ExitCode:
    if probing is not None and probing.interrupted:
        return ExitCode.INTERRUPTED
    if probing is not None and probing.maybe_sent:
        return ExitCode.UNKNOWN
    if diagnosis.is_bad or (probing is not None and probing.could_not_tell):
        return ExitCode.NOT_ACCEPTED
    return ExitCode.ACCEPTED
