"""What stands in examples/fleet/ runs as it stands."""

import asyncio
import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

import asyncpg
import pytest
from services import postgres
from taskiq import InMemoryBroker

from aiooctopush import Message
from aiooctopush._clock import SystemClock
from aiooctopush.integrations.taskiq import Fleet
from aiooctopush.sandbox import Gateway, SandboxServer


FOLDER = Path(__file__).parents[2] / "examples" / "fleet"
NUMBER = "+33639980001"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Let waits pass at once."""

    async def sleep(_, seconds):
        await asyncio.sleep(0)

    monkeypatch.setattr(SystemClock, "sleep", sleep)


@pytest.fixture
def load(monkeypatch, tmp_path):
    """Import an example by its name, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))

    def load(name):
        monkeypatch.delitem(sys.modules, name, raising=False)
        return __import__(name)

    yield load
    for name in ("app", "in_memory", "outbox"):
        sys.modules.pop(name, None)


@pytest.fixture
async def sandbox(monkeypatch):
    """A served gateway that the environment points to."""
    async with SandboxServer(gateway=Gateway()) as server:
        monkeypatch.setenv("OCTOPUSH_BASE_URL", server.url)
        yield server


@pytest.fixture
def database(monkeypatch):
    """An empty database that the environment points to."""
    server = postgres.server()
    server.do("DROP SCHEMA IF EXISTS aiooctopush CASCADE")
    server.do("DROP TABLE IF EXISTS shipped")
    monkeypatch.setenv("OCTOPUSH_LEDGER", server.dsn())
    return server


@pytest.fixture
async def app(load, monkeypatch, database, sandbox):
    """The example, with a broker that has its workers in this process."""
    module = load("app")
    monkeypatch.setattr(
        module,
        "fleet",
        Fleet(
            InMemoryBroker(await_inplace=True),
            session=module.session,
            ledger=module.ledger,
        ),
    )
    async with module.ledger() as ledger:
        await ledger.migrate()
    return module


async def test_the_fleet_in_one_process_sends_to_everybody_once(load):
    """As the gateway's sent log tells, though much goes wrong; so does the output."""
    module = load("in_memory")

    with redirect_stdout(io.StringIO()) as printed:
        await module.main()

    lines = printed.getvalue().splitlines()
    times = module.GATEWAY.sent_log.numbers()
    assert (len(times), times.total()) == (10_000, 10_000)
    assert lines[1] == "in doubt 0, refused 0"
    assert lines[3] == "received by 10,000, more than once by 0"


async def test_its_second_start_sends_nothing(load):
    """What is in the file is done."""
    await load("in_memory").main()
    again = load("in_memory")

    await again.main()

    assert len(again.GATEWAY.sent_log) == 0


async def test_the_fleet_of_the_example_sends(app, sandbox):
    """By the session, the ledger and the gateway that the environment names."""
    async with app.fleet as fleet:
        message = Message(text="Hi", sender="Acme", purpose="alert")
        await fleet.submit("november", message, [NUMBER])
        report = await fleet.wait("november")

    assert report.accepted == 1
    assert sandbox.gateway.sent_log.times(NUMBER) == 1


def test_the_broker_of_the_example_is_made_without_being_reached(load, monkeypatch):
    """And the sweep is on the scheduler's list."""
    monkeypatch.setenv("OCTOPUSH_BROKER", "amqp://nobody@nowhere")

    module = load("app")
    tasks = module.broker.get_all_tasks()

    assert set(tasks) >= {"aiooctopush.send_batch", "aiooctopush.sweep"}
    assert tasks["aiooctopush.sweep"].labels["schedule"] == [{"cron": "* * * * *"}]


async def test_the_outbox_writes_the_order_and_sends(app, load, database, sandbox):
    """Once it is committed."""
    await load("outbox").main(database.dsn(), 17, NUMBER)

    assert [row["id"] for row in database.do("SELECT id FROM shipped")] == [17]
    assert sandbox.gateway.sent_log.times(NUMBER) == 1


async def test_what_is_rolled_back_is_not_planned(app, load, database, sandbox):
    """The order was there already: nobody is told of it once more."""
    outbox = load("outbox")
    await outbox.main(database.dsn(), 17, NUMBER)
    database.do("TRUNCATE aiooctopush.runs CASCADE")

    with pytest.raises(asyncpg.UniqueViolationError):
        await outbox.main(database.dsn(), 17, NUMBER)

    assert database.do("SELECT * FROM aiooctopush.runs") == []
    assert sandbox.gateway.sent_log.times(NUMBER) == 1
