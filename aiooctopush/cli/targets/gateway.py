"""Which gateway a command talks to, and as whom."""

import os
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import click
from attrs import frozen

from ..._clock import Clock, SystemClock
from ...errors import InvalidFieldError
from ...sandbox import FaultPlan, Gateway, GatewaySettings, SandboxTransport
from ...session import BASE_URL, OctopushSession
from ..terminal.result import item
from ..terminal.values import counted


# Enough for a bulk of millions: running dry is not what it is to show.
_SANDBOX_CREDIT: Final = Decimal(1_000_000)
SANDBOX_BOOK: Final = "Sandbox's book"
_LOGIN: Final = "OCTOPUSH_API_LOGIN"
_KEY: Final = "OCTOPUSH_API_KEY"


@frozen(kw_only=True)
class Surroundings:
    """
    What a command runs in; a test passes another one as click's ``obj``.

    Attributes:
        clock: The time of sessions and sandboxes.
        gateway: The sandbox of ``--sandbox``; a new one for each command if None.
    """

    clock: Clock = SystemClock()
    gateway: Gateway | None = None


def clock_of(surroundings: Surroundings | None) -> Clock:
    """The time of a command that talks to no gateway."""
    return (surroundings or Surroundings()).clock


@frozen(kw_only=True)
class Connection:
    """
    A session, and the simulated gateway at its other end if it is one.

    Attributes:
        session: Not opened yet; to be closed by who uses it.
        gateway: None if it is a real one.
        clock: The time of both.
    """

    session: OctopushSession
    gateway: Gateway | None
    clock: Clock

    @property
    def sandbox_book(self) -> dict[str, int] | None:
        """
        Return what the sandbox's book holds; None without a sandbox.

        ``numbers`` that get a message, ``messages`` to them, and how many numbers
        get ``more_than_once``.
        """
        if self.gateway is None:
            return None
        times = self.gateway.book.numbers()
        return {
            "numbers": len(times),
            "messages": times.total(),
            "more_than_once": sum(count > 1 for count in times.values()),
        }

    def book(self) -> dict[str, dict[str, int]]:
        """Return what the sandbox's book holds, as part of a document."""
        return {} if self.sandbox_book is None else {"sandbox_book": self.sandbox_book}

    def book_in_words(self) -> Iterator[str]:
        """The same for people: one line, or none without a sandbox."""
        if self.sandbox_book is not None:
            yield book_in_words(self.sandbox_book)


def book_in_words(book: Mapping[str, int]) -> str:
    """Describe `Connection.sandbox_book` for people."""
    numbers, twice = book["numbers"], book["more_than_once"]
    words = counted(numbers, "number")
    if not numbers:
        return "empty: nobody got a message"
    if twice:
        return f"{words}, {twice:,} of them more than once ({book['messages']:,} SMS)"
    return f"{words}, each exactly once"


def sandbox_item() -> Any:
    """Describe `Connection.sandbox_book` as a field of a result."""
    return item(
        SANDBOX_BOOK,
        doc="with --sandbox: numbers, messages, more_than_once",
        text=book_in_words,
        optional=True,
    )


def connect(
    surroundings: Surroundings | None,
    *,
    base_url: str | None,
    sandbox: bool,
    faults: FaultPlan | None,
) -> Connection:
    """
    Find gateway and credentials; nothing is opened yet.

    Raises:
        InvalidFieldError: Credentials or address are missing or malformed.
    """
    around = surroundings or Surroundings()
    if sandbox and base_url:
        raise click.UsageError("--sandbox and --base-url exclude each other.")
    if faults is not None and not sandbox:
        raise click.UsageError("--faults needs --sandbox.")
    if sandbox:
        gateway = around.gateway or Gateway(
            GatewaySettings(credit=_SANDBOX_CREDIT), clock=around.clock
        )
        transport = SandboxTransport(gateway, faults, clock=around.clock)
        session = OctopushSession(
            "sandbox", "sandbox", transport=transport, clock=around.clock
        )
        return Connection(session=session, gateway=gateway, clock=around.clock)
    login, key = _credentials()
    session = OctopushSession(
        login,
        key,
        base_url=base_url or os.environ.get("OCTOPUSH_BASE_URL") or BASE_URL,
        clock=around.clock,
    )
    return Connection(session=session, gateway=None, clock=around.clock)


def _credentials() -> tuple[str, str]:
    return (
        os.environ.get(_LOGIN) or _ask(_LOGIN, "Octopush login (e-mail address)"),
        os.environ.get(_KEY) or _ask(_KEY, "Octopush API key", hide_input=True),
    )


def _ask(variable: str, question: str, **settings: Any) -> str:
    if not sys.stdin.isatty():
        raise InvalidFieldError(
            variable,
            "this environment variable is not set, and nobody is there to be asked; "
            "--sandbox needs none",
        )
    # On stderr, so that stdout keeps to the result.
    return str(click.prompt(question, err=True, **settings))
