"""The recipes of the pages about fleets, run as their engines run them."""

import asyncio
import sys
import types
from collections import Counter
from pathlib import Path

import pages
import pytest

import aiooctopush
from aiooctopush import MemoryLedger, Message, OctopushSession, Recipient
from aiooctopush._clock import SystemClock
from aiooctopush.bulk.fleet.following import follow, sweep
from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxTransport, VirtualClock


DOCS = Path(__file__).parents[2] / "docs"
RECIPES = {
    item.file: item.code
    for page in ("fleet.md", "fleet-engines.md")
    for item in pages.read((DOCS / page).read_text("utf-8"))
    if item.file
}
MESSAGE = Message(text="Hello", sender="Acme", purpose="alert")
PEOPLE = [Recipient(f"+3363998{number:04}", first_name="Ada") for number in range(20)]


class Kept(MemoryLedger):
    """Outlives its end, as what is in a database does."""

    is_durable = True
    closed = 0

    async def close(self):
        """See `Ledger.close`."""
        self.closed += 1


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Let waits of the library pass at once."""
    sleep = asyncio.sleep

    async def pass_at_once(_, seconds):
        await sleep(0)

    monkeypatch.setattr(SystemClock, "sleep", pass_at_once)


@pytest.fixture
def gateway():
    """What is sent arrives here."""
    return Gateway(clock=VirtualClock())


@pytest.fixture
def ledger(monkeypatch):
    """What the recipes find in place of PostgreSQL."""
    kept = Kept()
    monkeypatch.setattr(aiooctopush, "PostgresLedger", lambda dsn: kept)
    return kept


@pytest.fixture
def session(gateway, monkeypatch):
    """Make sessions over the gateway, as `from_env` does from now on."""

    def session(faults=None):
        transport = SandboxTransport(gateway, faults)
        return OctopushSession("me", "key", transport=transport, clock=gateway.clock)

    monkeypatch.setattr(OctopushSession, "from_env", session)
    return session


def recipe(name, monkeypatch):
    """A recipe of the page, as a module."""
    module = types.ModuleType(Path(name).stem)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(RECIPES[name], name, "exec"), vars(module))  # noqa: S102
    return module


def each_once():
    """What the sent log of the gateway should hold."""
    return Counter(one.phone_number for one in PEOPLE)


async def test_plain_workers_send_to_everybody_once(gateway, session, monkeypatch):
    """Though one request in three goes wrong."""
    plain = recipe("plain.py", monkeypatch)
    monkeypatch.setattr(plain, "IDLE", 0)

    async with session(FaultPlan(probability=0.3, seed=1)) as octopush:
        report = await plain.main(octopush, MemoryLedger(), PEOPLE)

    assert report.is_complete
    assert gateway.sent_log.numbers() == each_once()


async def test_a_faststream_subscriber_sends(gateway, ledger, session, monkeypatch):
    """With FastStream's own test broker, which delivers in this process."""
    pytest.importorskip("faststream", reason="needs faststream[rabbit]")
    from faststream.rabbit import TestRabbitBroker  # noqa: PLC0415

    recipe_ = recipe("with_faststream.py", monkeypatch)
    await plan(ledger, "nov", MESSAGE, PEOPLE, batch_size=5)

    async with TestRabbitBroker(recipe_.broker):
        await recipe_.start(recipe_.app.context)
        await sweep(ledger, recipe_.wake)
        report = await follow(ledger, recipe_.wake, "nov")
        await recipe_.stop(recipe_.app.context)

    assert report.is_complete
    assert gateway.sent_log.numbers() == each_once()
    assert ledger.closed == 1


class Redis:
    """What arq gives a job to enqueue others; it delivers each twice."""

    def __init__(self, module, ctx):
        self.functions = {one.__name__: one for one in module.WorkerSettings.functions}
        self.ctx = ctx

    async def enqueue_job(self, name, *args):
        """Run it as a worker would."""
        for _ in range(2):
            await self.functions[name](self.ctx, *args)


async def test_an_arq_worker_sends(gateway, ledger, session, monkeypatch):
    """With the hooks and the sweep of the page, called as arq calls them."""
    module = recipe("with_arq.py", monkeypatch)
    await plan(ledger, "nov", MESSAGE, PEOPLE, batch_size=5)
    ctx = {}
    ctx["redis"] = Redis(module, ctx)

    await module.WorkerSettings.on_startup(ctx)
    await module.sweep(ctx)
    await module.WorkerSettings.on_shutdown(ctx)

    assert gateway.sent_log.numbers() == each_once()
    assert ledger.closed == 1


def test_the_module_of_the_page_is_a_fleet(monkeypatch):
    """It is made without reaching anything."""
    monkeypatch.setenv("OCTOPUSH_LEDGER", "postgresql://nobody@nowhere/nothing")

    app = recipe("app.py", monkeypatch)

    assert repr(app.fleet) == "<Fleet over AioPikaBroker>"


def test_every_recipe_is_run():
    """Whoever adds one adds a test."""
    assert sorted(RECIPES) == [
        "app.py",
        "plain.py",
        "with_arq.py",
        "with_faststream.py",
    ]
