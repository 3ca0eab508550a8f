"""Which gateway a command talks to, and as whom."""

import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from attrs import field, frozen

from ... import sandbox as _sandbox
from ..._clock import Clock, SystemClock
from ..._connection import check_proxy, tls_of
from ...errors import InvalidFieldError, renamed
from ...session import BASE_URL, OctopushSession
from ..terminal.help import option
from ..terminal.options import GATEWAY, bundled, fault_plan
from ..terminal.prompts import ask, on_terminal
from ..terminal.result import item
from ..terminal.values import counted


# Enough for a bulk of millions, which must not run dry.
_SANDBOX_CREDIT: Final = Decimal(1_000_000)
SANDBOX_SENT_LOG: Final = "Sent (sandbox)"
_LOGIN: Final = "OCTOPUSH_API_LOGIN"
_KEY: Final = "OCTOPUSH_API_KEY"

PROXY: Final = "OCTOPUSH_PROXY"
"""Variable with the proxy, if the command line names none."""

_CA_FILE: Final = "--ca-file"


@frozen(kw_only=True)
class Surroundings:
    """
    Environment of a command; a test passes another one as click's ``obj``.

    Attributes:
        clock: The time of sessions and sandboxes.
        gateway: The sandbox of ``--sandbox``; a new one for each command if None.
    """

    clock: Clock = SystemClock()
    gateway: "_sandbox.Gateway | None" = None


def surroundings() -> Surroundings:
    """Return the surroundings of the present command."""
    return click.get_current_context().obj or Surroundings()


@frozen(kw_only=True)
class Connection:
    """
    A session, and the simulated gateway at its other end if it is one.

    Attributes:
        session: Not opened yet; to be closed by who uses it.
        gateway: None if it is a real one.
        clock: The time of both.
        new_session: Makes another session like it: one serves one event loop.
    """

    session: OctopushSession
    gateway: "_sandbox.Gateway | None"
    clock: Clock
    new_session: Callable[[], OctopushSession] = field(repr=False)

    @property
    def sandbox_sent_log(self) -> dict[str, int] | None:
        """
        Return the content of the sandbox's sent log; None without a sandbox.

        ``numbers`` that get a message, ``messages`` to them, and how many numbers
        get ``more_than_once``.
        """
        if self.gateway is None:
            return None
        times = self.gateway.sent_log.numbers()
        return {
            "numbers": len(times),
            "messages": times.total(),
            "more_than_once": sum(count > 1 for count in times.values()),
        }

    def sent_log(self) -> dict[str, dict[str, int]]:
        """Return the content of the sandbox's sent log, as part of a document."""
        return (
            {}
            if self.sandbox_sent_log is None
            else {"sandbox_sent_log": self.sandbox_sent_log}
        )


def sent_log_in_words(sent_log: Mapping[str, int]) -> str:
    """Describe `Connection.sandbox_sent_log` for people."""
    numbers, twice = sent_log["numbers"], sent_log["more_than_once"]
    words = counted(numbers, "number")
    if not numbers:
        return "empty: no message was sent"
    if twice:
        return (
            f"{words}, {twice:,} of them more than once ({sent_log['messages']:,} SMS)"
        )
    return f"{words}, each exactly once"


def sandbox_item(**settings: Any) -> Any:
    """Describe `Connection.sandbox_sent_log` as a field of a result."""
    return item(
        SANDBOX_SENT_LOG,
        doc="with --sandbox: numbers, messages, more_than_once",
        text=sent_log_in_words,
        optional=True,
        **settings,
    )


@frozen(kw_only=True)
class GatewayOptions:
    """
    Hold the values of `gateway_options`.

    Attributes:
        base_url: Another gateway.
        sandbox: Whether to use a simulated one within this process.
        faults: The planned faults of that one.
        proxy: URL of a proxy, or ``env``.
        ca_file: Certificates of further authorities.
    """

    base_url: str | None
    sandbox: bool
    faults: "_sandbox.FaultPlan | None"
    proxy: str | None
    ca_file: Path | None

    @property
    def address(self) -> str:
        """Return the address of the gateway."""
        return self.base_url or os.environ.get("OCTOPUSH_BASE_URL") or BASE_URL

    def proxy_url(self) -> str | None:
        """
        Return the URL of the proxy, as a session finds it; None to connect directly.

        Raises:
            InvalidFieldError: It is not the URL of an HTTP proxy.
        """
        with _named():
            return check_proxy(
                self.proxy or os.environ.get(PROXY) or None, self.address
            )

    def ssl_context(self) -> ssl.SSLContext | None:
        """
        Return an SSL context that also trusts ``--ca-file``, as that of a session; None
        without one.

        Raises:
            InvalidFieldError: The file cannot be read, or has no certificates.
        """
        with _named():
            return tls_of(None, self.ca_file)


@contextmanager
def _named() -> Iterator[None]:
    """Return the name of an argument on the command line."""
    try:
        yield
    except InvalidFieldError as error:
        name = {"proxy": "--proxy", "ca_file": _CA_FILE}.get(error.field, error.field)
        raise renamed(error, name) from error


gateway_options: Final = bundled(
    "gateway",
    GatewayOptions,
    option(
        "--base-url",
        metavar="URL",
        heading=GATEWAY,
        help="Address of another gateway. Default: OCTOPUSH_BASE_URL, or else "
        "the real one.",
    ),
    option(
        "--sandbox",
        is_flag=True,
        heading=GATEWAY,
        help=(
            "Use a simulated gateway within this command: no account, no "
            "network, no message sent."
        ),
    ),
    option(
        "--faults",
        callback=fault_plan,
        metavar="SPEC",
        heading=GATEWAY,
        help="Faults of the sandbox: a probability such as 0.1, or KIND=PROBABILITY,…",
    ),
    option(
        "--proxy",
        metavar="URL",
        heading=GATEWAY,
        help="HTTP proxy, such as http://proxy.example:3128, or 'env' for "
        f"HTTPS_PROXY and NO_PROXY. Default: {PROXY}, or else none.",
    ),
    option(
        _CA_FILE,
        type=click.Path(path_type=Path),
        metavar="FILE",
        heading=GATEWAY,
        help=(
            "Certificates (PEM) of authorities to trust in addition to those "
            "of the system, such as that of a company's proxy."
        ),
    ),
)
"""Add options for the gateway, the connection to it, and faults of a sandbox."""


def connect(gateway: GatewayOptions, *, asks: bool = True) -> Connection:
    """
    Find gateway and credentials; nothing is opened yet.

    Args:
        gateway: Values of `gateway_options`.
        asks: Whether to ask a person for missing credentials.

    Raises:
        InvalidFieldError: Credentials, address, proxy or certificates are missing or
            malformed.
    """
    around = surroundings()
    if gateway.faults is not None and not gateway.sandbox:
        raise click.UsageError("--faults needs --sandbox.")
    if not gateway.sandbox:
        proxy, ssl_context = gateway.proxy_url(), gateway.ssl_context()
        login, key = _credentials(asks=asks)
        make = partial(
            OctopushSession,
            login,
            key,
            base_url=gateway.address,
            clock=around.clock,
            proxy=proxy,
            ssl_context=ssl_context,
        )
        return Connection(
            session=make(), gateway=None, clock=around.clock, new_session=make
        )
    for name in ("base_url", "proxy", "ca_file"):
        if getattr(gateway, name):
            other = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"--sandbox and {other} exclude each other.")
    simulated = around.gateway or _sandbox.Gateway(
        _sandbox.GatewaySettings(credit=_SANDBOX_CREDIT), clock=around.clock
    )
    transport = _sandbox.SandboxTransport(simulated, gateway.faults, clock=around.clock)
    make = partial(
        OctopushSession, "sandbox", "sandbox", transport=transport, clock=around.clock
    )
    return Connection(
        session=make(), gateway=simulated, clock=around.clock, new_session=make
    )


def _credentials(*, asks: bool) -> tuple[str, str]:
    ask_for = partial(_ask, asks=asks)
    return (
        os.environ.get(_LOGIN) or ask_for(_LOGIN, "Octopush login (e-mail address)"),
        os.environ.get(_KEY) or ask_for(_KEY, "Octopush API key", hide_input=True),
    )


def _ask(variable: str, question: str, *, asks: bool, **settings: Any) -> str:
    if not asks:
        raise InvalidFieldError(variable, "this environment variable is not set")
    if not on_terminal():
        raise InvalidFieldError(
            variable,
            "this environment variable is not set, and there is no terminal to ask "
            "on; set it, or use --sandbox, which needs no account",
        )
    return ask(question, **settings)
