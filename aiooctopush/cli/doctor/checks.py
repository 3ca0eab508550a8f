"""Checks of `octopush doctor`: each is a line, with advice."""

import os
import platform
import socket
import ssl
from asyncio import StreamWriter, get_running_loop, open_connection, timeout
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Protocol, Self

from attrs import frozen
from yarl import URL

from ..._clock import Clock
from ..._direct import is_known
from ..._responses import http_date
from ..._version import __version__
from ...errors import (
    AuthenticationError,
    InvalidFieldError,
    OctopushError,
    UnknownOutcomeError,
    shown,
)
from ...secret import Credentials
from ...session import BASE_URL, OctopushSession
from ..terminal.result import Result, item
from ..terminal.times import span
from ..terminal.values import in_euros


CONNECT_SECONDS: Final = 5.0
"""For DNS, TCP and TLS together, as in a call."""

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_SANDBOX: Final = "Check that `octopush sandbox` is running, and its port."
_ENDS_SOON: Final = timedelta(days=14)
_CLOCKS_DIFFER: Final = timedelta(minutes=5)

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_QUOTES: Final = "\"'`"


class State(StrEnum):
    """How a check went."""

    FINE = "fine"
    ODD = "odd"
    WRONG = "wrong"
    SKIPPED = "skipped"


@frozen(kw_only=True)
class Check(Result):
    """Hold one line of the diagnosis."""

    check: str = item()
    state: State = item(doc='"fine", "odd", "wrong" or "skipped"')
    found: str = item()
    what_to_do: str | None = item(key="advice", default=None)

    @classmethod
    def fine(cls, check: str, found: str) -> Self:
        """Nothing is to be done."""
        return cls(check=check, state=State.FINE, found=found)

    @classmethod
    def odd(cls, check: str, found: str, advice: str) -> Self:
        """It works, and something may be better."""
        return cls(check=check, state=State.ODD, found=found, what_to_do=advice)

    @classmethod
    def wrong(cls, check: str, found: str, advice: str) -> Self:
        """Nothing works before it is mended."""
        return cls(check=check, state=State.WRONG, found=found, what_to_do=advice)

    @classmethod
    def skipped(cls, check: str, found: str) -> Self:
        """It was not made."""
        return cls(check=check, state=State.SKIPPED, found=found)


class Answered(Protocol):
    """Any object with the headers of a response: a result or an error."""

    @property
    def headers(self) -> Mapping[str, str]:
        """With names in lower case."""


def credentials() -> Check:
    """Check that login and key are present and well-formed, without a request."""
    names = ("OCTOPUSH_API_LOGIN", "OCTOPUSH_API_KEY")
    login, key = (os.environ.get(name, "") for name in names)
    missing = [
        name for name, value in zip(names, (login, key), strict=True) if not value
    ]
    if missing:
        return Check.wrong(
            "credentials",
            f"not set: {', '.join(missing)}",
            f"Set it: export {missing[0]}=…; the gateway's web site shows both.",
        )
    try:
        Credentials(login, key)
    except InvalidFieldError as error:
        return Check.wrong(
            "credentials",
            f"{error.field.upper()} {error.limit}",
            "Copy it again, without the characters around it.",
        )
    for name, value in zip(names, (login, key), strict=True):
        if value[0] in _QUOTES or value[-1] in _QUOTES:
            return Check.odd(
                "credentials",
                f"{name} holds quotes",
                "Leave them out if they are not part of it.",
            )
    if "@" not in login:
        return Check.odd(
            "credentials",
            "OCTOPUSH_API_LOGIN is not an e-mail address",
            "The login is the address of the account.",
        )
    return Check.fine("credentials", "login and key are set, well-formed")


def address(given: str | None) -> tuple[Check | None, str]:
    """
    The gateway, and the problem of its address, if there is any.

    Args:
        given: On the command line.
    """
    url = given or os.environ.get("OCTOPUSH_BASE_URL") or BASE_URL
    try:
        # Building one does nothing.
        OctopushSession("doctor", "doctor", base_url=url)
    except InvalidFieldError as error:
        limit = error.limit.partition("; allow_")[0]
        wrong = Check.wrong(
            "connection",
            f"the address {limit}",
            "See --base-url and OCTOPUSH_BASE_URL.",
        )
        return wrong, url
    return None, url


# --- DNS, TCP, TLS --------------------------------------------------------------------


def through_proxy(url: str) -> Check:
    """Return that a proxy makes the connection, and which; without its password."""
    parts = URL(url)
    return Check.skipped(
        "connection",
        f"made by the proxy {parts.host}, port {parts.port}; see the account",
    )


async def connection(
    url: str, clock: Clock, given: ssl.SSLContext | None = None
) -> Check:
    """Whether the gateway can be reached, and with which certificate."""
    parsed = URL(url)
    host, port = str(parsed.host), parsed.port or 0
    tls = given or ssl.create_default_context() if parsed.scheme == "https" else None
    writer: StreamWriter | None = None
    try:
        async with timeout(CONNECT_SECONDS):
            found = await get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
            _, writer = await open_connection(host, port, ssl=tls)
    except (OSError, ValueError) as error:
        return _unreachable(error, host, port)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    where = f"{host}, port {port} ({found[0][4][0]})"
    if certificate is None:
        return Check.fine(
            "connection", f"{where}, without TLS, as only this machine may be"
        )
    return _certified(where, certificate, clock.now())


def _unreachable(error: Exception, host: str, port: int) -> Check:
    """In which of its stages a connection failed; children before parents."""
    network = "Check the network and its firewall."
    if isinstance(error, socket.gaierror):
        found, advice = f"the name {host} was not found", "Check the name and DNS."
    elif isinstance(error, ssl.SSLCertVerificationError):
        found = f"the certificate of {host} is not valid: {error.verify_message}"
        advice = (
            "Nothing is sent to it. Check this machine's clock and certificates. If a "
            "company proxy inspects the traffic, trust its certificate with --ca-file "
            "or SSL_CERT_FILE."
        )
    elif isinstance(error, ssl.SSLError):
        found = f"the TLS handshake with {host} failed: {error.reason}"
        advice = f"Something else may answer on port {port}."
    elif isinstance(error, TimeoutError):
        found = f"no connection to {host}, port {port}, in {CONNECT_SECONDS:g} s"
        advice = network
    else:
        number = getattr(error, "errno", None)
        words = os.strerror(number) if number else "none of its addresses responds"
        found = f"cannot connect to {host}, port {port}: {words}"
        advice = network if host not in _THIS_MACHINE else _NO_SANDBOX
    return Check.wrong("connection", found, advice)


def _certified(where: str, certificate: Mapping[str, Any], now: datetime) -> Check:
    names = dict(pair for part in certificate["issuer"] for pair in part)
    issuer = names.get("organizationName") or names.get("commonName") or "nobody"
    seconds = ssl.cert_time_to_seconds(certificate["notAfter"])
    ends = datetime.fromtimestamp(seconds, UTC)
    soon = ends - now < _ENDS_SOON
    return Check(
        check="connection",
        state=State.ODD if soon else State.FINE,
        found=f"{where}, certificate by {shown(issuer)} until {ends:%Y-%m-%d}",
        what_to_do="The certificate ends soon; the gateway should renew it."
        if soon
        else None,
    )


# --- what the gateway answers ---------------------------------------------------------


def account(amount: Any) -> Check:
    """Check of the balance."""
    if amount <= 0:
        return Check.odd(
            "account",
            f"login and key are accepted; balance {in_euros(amount)}",
            "Top it up: nothing can be sent.",
        )
    return Check.fine(
        "account", f"login and key are accepted; balance {in_euros(amount)}"
    )


def failed_account(error: OctopushError) -> Check:
    """Why there is no balance."""
    advice = "See the message."
    if isinstance(error, AuthenticationError):
        advice = (
            "Check OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY: the login is the address "
            "of the account, the key is no password."
        )
    elif isinstance(error, UnknownOutcomeError):
        advice = "The gateway, or a proxy in front of it, is out of order. Try later."
    return Check.wrong("account", error.problem, advice)


def clocks(answer: Answered, now: datetime) -> Check:
    """How far this machine's clock and the gateway's differ."""
    date = http_date(answer.headers.get("date", ""))
    if date is None:
        return Check.skipped("clock", "the gateway did not report its time")
    difference = abs(now - date)
    # It has whole seconds, and takes time to arrive.
    if difference < timedelta(seconds=3):
        return Check.fine("clock", "the same as the gateway's")
    found = f"{span(difference)} {'ahead of' if now > date else 'behind'} the gateway's"
    if difference <= _CLOCKS_DIFFER:
        return Check.fine("clock", found)
    return Check.odd(
        "clock",
        found,
        "Synchronize it with NTP; duplicate protection depends on the clock.",
    )


# --- this machine ---------------------------------------------------------------------


def versions() -> Check:
    """Check of installed packages."""
    try:
        loop = f"uvloop {version('uvloop')}"
    except PackageNotFoundError:
        loop = "no uvloop"
    found = (
        f"aiooctopush {__version__}, Python {platform.python_version()}, "
        f"aiohttp {version('aiohttp')}, {loop}"
    )
    if is_known():
        return Check.fine("versions", found)
    return Check.odd(
        "versions",
        f"{found}; the internals of this aiohttp version differ from the tested "
        "versions",
        "Sends work as always, but each costs more processor time. Install "
        "an aiohttp that this version of aiooctopush was tested with.",
    )


def proxies(used: str | None = None) -> Check:
    """
    Return which proxy is used, or which variables name one that is not.

    Args:
        used: The value of ``--proxy`` or ``OCTOPUSH_PROXY``.
    """
    if used:
        words = "as --proxy or OCTOPUSH_PROXY names it"
        return Check.fine("proxy", f"used, {words}")
    names = [
        name
        for upper in _PROXIES
        for name in (upper, upper.lower())
        if os.environ.get(name)
    ]
    if not names:
        return Check.fine("proxy", "no proxy variables are set")
    # Their values may hold passwords.
    return Check.odd(
        "proxy",
        f"ignored: {', '.join(names)}",
        "This command connects directly. Use --proxy env or "
        "OCTOPUSH_PROXY=env to follow them; in a program, OctopushSession(proxy=…).",
    )
