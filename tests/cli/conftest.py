"""The command, run in this process against a sandbox in virtual time."""

import asyncio
import signal
import threading
import types
from contextlib import contextmanager

import click
import pytest
from click.testing import CliRunner

from aiooctopush.cli.app import octopush
from aiooctopush.cli.targets.gateway import Surroundings
from aiooctopush.cli.terminal import prompts as _questions
from aiooctopush.ledgers.records import LedgerError
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxServer,
    VirtualClock,
)


MESSAGE = ("--text", "Your code is 1234", "--sender", "Acme", "--purpose", "alert")


class PressingClock(VirtualClock):
    """In the first wait somebody presses Ctrl-C, so many times."""

    def __init__(self, presses):
        super().__init__()
        self._presses = presses

    async def sleep(self, seconds):
        """Let time pass; after a second Ctrl-C what is awaited never comes."""
        presses, self._presses = self._presses, 0
        for _ in range(presses):
            signal.raise_signal(signal.SIGINT)
        if presses > 1:
            await asyncio.Event().wait()
        await super().sleep(seconds)


@pytest.fixture
def pressing():
    """Make a clock with impatient people."""
    return PressingClock


@pytest.fixture(autouse=True)
def _has_the_loop_to_itself(may_block):
    """A command reads and writes files on the loop."""


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Record runs in a folder of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "octopush" / "runs"


@pytest.fixture
def clock():
    """The time of command and sandbox."""
    return VirtualClock()


@pytest.fixture
def gateway(clock):
    """The sandbox of ``--sandbox``; its sent log is the judge."""
    return Gateway(clock=clock)


@pytest.fixture
def run(gateway):
    """Run a command line; keywords are those of click's runner."""

    def run(*arguments, clock=None, env=None, gateway=gateway, **settings):
        around = Surroundings(gateway=gateway, clock=clock or gateway.clock)
        return CliRunner().invoke(
            octopush,
            [str(one) for one in arguments],
            obj=around,
            # Wide, so that lines break where the tests expect it.
            env={"COLUMNS": "200", **(env or {})},
            **settings,
        )

    return run


@pytest.fixture
def scheduled(monkeypatch):
    """Have ``--faults`` name what the requests meet, one after the other."""

    def parse(text, **_):
        return FaultPlan.schedule(text.split(","))

    monkeypatch.setattr(FaultPlan, "parse", parse)


@pytest.fixture
def send(run):
    """Run ``octopush send`` in the sandbox, to one number."""

    def send(*arguments, **settings):
        return run(
            "send",
            "--sandbox",
            "--to",
            "+33600000001",
            *MESSAGE,
            *arguments,
            **settings,
        )

    return send


@pytest.fixture
def somebody(monkeypatch):
    """Somebody is there to be asked; what they type is the runner's ``input``."""
    terminal = types.SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(_questions, "sys", types.SimpleNamespace(stdin=terminal))


@pytest.fixture
def people(tmp_path):
    """Write a file of that many people, or of these lines."""

    def people(count=3, *, lines=None, name="people.csv"):
        numbers = [f"+336{number:08},Ada" for number in range(count)]
        path = tmp_path / name
        rows = ["phone_number,first_name", *(numbers if lines is None else lines)]
        path.write_text("\n".join(rows), encoding="utf-8")
        return path

    return people


@pytest.fixture
def bulk(run):
    """Run ``octopush bulk`` in the sandbox."""

    def bulk(path, *arguments, text="Hello {first_name}", **settings):
        options = ("--sandbox", "--sender", "Acme", "--purpose", "alert")
        return run("bulk", path, *options, "--text", text, *arguments, **settings)

    return bulk


@contextmanager
def serving(server):
    """Serve in a thread, as another program would."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    do(server.__aenter__())
    try:
        yield server
    finally:
        do(server.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def server():
    """A sandbox on a port, which lets one account in."""
    with serving(
        SandboxServer(gateway=Gateway(GatewaySettings(api_login="me", api_key="k3y")))
    ) as it:
        yield it


@pytest.fixture
def visited(monkeypatch):
    """Have a command that serves visited once it is ready, and then told to stop."""
    echo = click.echo

    def visited(visit, number=signal.SIGINT):
        async def come_and_go(ready):
            try:
                await visit(ready)
            finally:
                signal.raise_signal(number)

        def announce(words, **how):
            echo(words, **how)
            visits.append(asyncio.get_running_loop().create_task(come_and_go(words)))

        visits = []  # a task that nobody keeps may vanish
        monkeypatch.setattr(click, "echo", announce)
        return visits

    return visited


@pytest.fixture
def empty_ledger(tmp_path):
    """A ledger without any run."""

    async def make():
        async with SQLiteLedger(path) as ledger:
            # Locked and made at the first write, which this one is not allowed.
            with pytest.raises(LedgerError):
                await ledger.purge("none")

    path = tmp_path / "empty.db"
    asyncio.run(make())
    return path
