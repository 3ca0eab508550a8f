"""
Fixtures for the tests of code that uses aiooctopush: no network, no account, no wait.

Switch it on with ``pytest -p``, or in the ``conftest.py`` at the root of your tests::

    pytest_plugins = ["aiooctopush.sandbox.pytest_plugin"]

``octopush`` is an `OctopushSession` over a simulated gateway. ``octopush_sandbox`` is
that gateway, with its sent log, its faults, and its time. If a test fails, its report
shows the requests that the gateway received. The fixtures are plain ones: they work
with pytest-asyncio in both modes and any loop scope, and with anyio.

There is no entry point ``pytest11`` on purpose. It would import aiohttp and this
package at the start of every test run of every project that has aiooctopush installed,
before coverage is measured. It would also add names that a project may not want.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Any, Final

import pytest

from ..phone import mask
from ..session import OctopushSession
from .callbacks.schedule import Callbacks
from .clock import VirtualClock
from .faults import FaultPlan
from .gateway import Gateway
from .sent_log import Entry, SentLog
from .transport import SandboxTransport


_LOGIN: Final = "me@example.org"
_KEY: Final = "key"
_TITLE: Final = "octopush sandbox"
# Of a report: entries, and recipients of each.
_MOST_ENTRIES = 20
_MOST_RECIPIENTS = 5


class OctopushSandbox:
    """
    A simulated gateway in virtual time, as the fixture ``octopush_sandbox`` gives it.

    Args:
        gateway: The gateway that executes the requests; its clock must be a
            `VirtualClock`.

    Attributes:
        gateway: The gateway, for lists, blacklist, one-time codes and the rest.
        clock: Its time and that of the sessions; waits end immediately.
        faults: The planned faults.

    Raises:
        TypeError: The gateway's clock is not a virtual one.
    """

    def __init__(self, gateway: Gateway) -> None:
        clock = gateway.clock
        if not isinstance(clock, VirtualClock):
            raise TypeError("give the gateway virtual time: clock=VirtualClock()")
        self.gateway: Gateway = gateway
        self.clock: VirtualClock = clock
        self.faults: FaultPlan = FaultPlan.schedule(())

    def __repr__(self) -> str:
        return f"<OctopushSandbox: {self.sent_log!r}>"

    @property
    def sent_log(self) -> SentLog:
        """Accepted messages: ``sent_log.times("+33600000001") == 1``."""
        return self.gateway.sent_log

    @property
    def credit(self) -> Decimal:
        """Credit left, in euros; set it to test low credit."""
        return self.gateway.credit

    @credit.setter
    def credit(self, euros: Decimal | int) -> None:
        self.gateway.credit = Decimal(euros)

    @cached_property
    def callbacks(self) -> Callbacks:
        """
        Receipts, replies and opt-outs, for ``webhooks.parse``; nothing is posted.

        For messages that fail, ``gateway.callbacks(CallbackPlan(failures=1))``.
        """
        return self.gateway.callbacks()

    def fail_next(self, kind: str, *, times: int = 1) -> None:
        """
        Set the fault of the next attempts; each retry is an attempt of its own.

        Args:
            kind: A name in `aiooctopush.sandbox.faults.KINDS`, which documents for each
                whether the gateway has executed the request.
            times: Number of attempts. A second call continues after the first.

        Raises:
            ValueError: There is no such kind, or ``times`` is less than 1.
        """
        self.faults.fail_next(kind, times=times)

    def advance(self, **duration: float) -> None:
        """
        Let time pass for the gateway and the sessions, at once.

        Args:
            **duration: Arguments of `datetime.timedelta`: ``hours=25`` exceeds the
                memory of request ids.

        Raises:
            ValueError: It would go back.
        """
        self.clock.advance(timedelta(**duration).total_seconds())

    def session(self, **settings: Any) -> OctopushSession:
        """
        Make another session with this gateway, as another process would have it.

        Args:
            **settings: Those of `OctopushSession` that are to be different.
        """
        return OctopushSession(
            **{
                "api_login": _LOGIN,
                "api_key": _KEY,
                "transport": SandboxTransport(self.gateway, self.faults),
                "clock": self.clock,
                # A seed: the same test waits the same time.
                "random": Random(0),
                **settings,
            }
        )

    def describe(self) -> str:
        """
        Describe the requests that the gateway received; numbers are masked, texts left
        out.
        """
        entries = self.sent_log.entries
        lines = [
            f"{self.clock.now():%Y-%m-%d %H:%M:%S} UTC, credit {self.credit:f} EUR",
            f"accepted: {len(entries) or 'nothing'}",
            *map(_line, entries[:_MOST_ENTRIES]),
        ]
        if len(entries) > _MOST_ENTRIES:
            lines.append(f"  … {len(entries) - _MOST_ENTRIES} more")
        met = [f"{kind} ×{times}" for kind, times in self.faults.seen.items()]
        lines.append(f"faults met: {', '.join(met) or 'none'}")
        if self.faults.waiting:
            lines.append(f"faults not met yet: {', '.join(self.faults.waiting)}")
        return "\n".join(lines)


def _line(entry: Entry) -> str:
    shown = [mask(one) for one in entry.recipients[:_MOST_RECIPIENTS]]
    if entry.number_of_contacts > _MOST_RECIPIENTS:
        shown.append(f"… {entry.number_of_contacts - _MOST_RECIPIENTS} more")
    state = "cancelled" if entry.cancelled else "simulated" if entry.simulated else ""
    return " ".join(
        (
            f"  {entry.accepted_at:%H:%M:%S}",
            entry.channel,
            entry.ticket,
            "to",
            ", ".join(shown),
            *([f"({state})"] if state else []),
        )
    )


@pytest.fixture
def octopush_gateway() -> Gateway:
    """Give the gateway of ``octopush_sandbox``; override it to set it up otherwise."""
    return Gateway(clock=VirtualClock())


@pytest.fixture
def octopush_sandbox(octopush_gateway: Gateway) -> OctopushSandbox:
    """Give a simulated gateway in virtual time, with its sent log."""
    return OctopushSandbox(octopush_gateway)


@pytest.fixture
def octopush(octopush_sandbox: OctopushSandbox) -> Iterator[OctopushSession]:
    """Give a session over ``octopush_sandbox``, and close it at the end."""
    session = octopush_sandbox.session()
    yield session
    # Nothing is awaited here, because the transport does not belong to the session. So
    # no event loop is needed, and the test's loop may be closed already.
    with suppress(StopIteration):
        session.close().send(None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the gateway's requests to the report of a failed test."""
    report = yield
    sandbox = getattr(item, "funcargs", {}).get("octopush_sandbox")
    if report.when == "call" and report.failed and isinstance(sandbox, OctopushSandbox):
        report.sections.append((_TITLE, sandbox.describe()))
    return report
