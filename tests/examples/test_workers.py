"""The workers in examples/, judged by the sent log of the gateway behind them."""

import asyncio
import io
from collections import Counter
from contextlib import redirect_stdout

import asyncpg
import pytest
from running import EXAMPLES, load, run, start
from services.postgres import server

from aiooctopush.sandbox import FaultPlan, Gateway, GatewaySettings, SandboxServer


def numbers(count):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{one:04}" for one in range(count)]


ACCOUNT = {"OCTOPUSH_API_LOGIN": "me@example.org", "OCTOPUSH_API_KEY": "key"}


# --- jobs from standard input ---------------------------------------------------------


async def test_the_worker_sends_a_job_once_though_it_comes_twice(sandbox, monkeypatch):
    """Three lines, two orders, two messages."""
    worker = load("worker", monkeypatch)
    jobs = [f'{{"order": {n}, "phone_number": "+3363998000{n}"}}' for n in (1, 2, 1)]

    with redirect_stdout(io.StringIO()) as printed:
        await worker.main(jobs)

    assert sandbox.gateway.sent_log.numbers() == Counter(
        {"+33639980001": 1, "+33639980002": 1}
    )
    assert sorted(printed.getvalue().splitlines()) == [
        "order 1: accepted",
        "order 1: sent before",
        "order 2: accepted",
    ]


# --- an outbox in PostgreSQL ----------------------------------------------------------

OUTBOX = EXAMPLES / "outbox_worker.py"


@pytest.fixture
def outbox_worker(monkeypatch):
    """The example, imported as a module."""
    return load("outbox_worker", monkeypatch)


@pytest.fixture
async def outbox(outbox_worker):
    """A database of its own with an empty outbox; a pool of connections to it."""
    name = next(server().names)
    server().do(f"CREATE DATABASE {name}")
    async with asyncpg.create_pool(
        server().dsn(database=name), min_size=1, max_size=8
    ) as pool:
        await pool.execute(outbox_worker.SCHEMA)
        yield pool
    server().do(f"DROP DATABASE {name} WITH (FORCE)")


async def put(outbox, *to):
    """Put a message to each number into the outbox."""
    rows = [(one, "Your order has shipped") for one in to]
    await outbox.executemany(
        "INSERT INTO outbox (phone_number, text) VALUES ($1, $2)", rows
    )


async def outcomes(outbox):
    """What became of all messages, in order."""
    rows = await outbox.fetch("SELECT outcome FROM outbox ORDER BY id")
    return [row["outcome"] for row in rows]


async def drain(worker, outbox):
    """Let the example send what is due, and keep its lines to ourselves."""
    async with worker.open_session() as octopush:
        with redirect_stdout(io.StringIO()):
            await worker.drain(octopush, outbox)


async def end_leases(outbox, age="3 minutes"):
    """Let time pass: everything becomes older instead."""
    await outbox.execute(
        "UPDATE outbox SET leased_until = leased_until - $1::text::interval,"
        " first_tried_at = first_tried_at - $1::text::interval",
        age,
    )


def lose_the_answer(faults):
    """Let a message be taken, and its worker not learn of it."""
    faults.fail_next("error_500_after_commit")
    faults.fail_next("firewall_403")


async def test_the_outbox_is_sent_and_settled(sandbox, outbox_worker, outbox):
    """Each row once, however many look at it at the same time."""
    await put(outbox, *numbers(30), "06")

    await asyncio.gather(*[drain(outbox_worker, outbox) for _ in range(3)])
    await drain(outbox_worker, outbox)

    assert sandbox.gateway.sent_log.numbers() == Counter(numbers(30))
    *good, bad = await outcomes(outbox)
    assert good == ["accepted"] * 30
    assert bad.startswith("refused: recipients")


@pytest.mark.exhaustive
async def test_a_killed_worker_sends_nothing_twice(outbox_worker, outbox):
    """Killed after the gateway has accepted, and before that is written down."""
    faults = FaultPlan.schedule(["hang_after_commit"] * 5)
    await put(outbox, *numbers(5))
    database = server().dsn(database=await outbox.fetchval("SELECT current_database()"))

    async with SandboxServer(gateway=Gateway(), faults=faults) as gateway:
        settings = ACCOUNT | {
            "OCTOPUSH_BASE_URL": gateway.url,
            "DATABASE_URL": database,
        }
        sent_log = gateway.gateway.sent_log
        first = await start(OUTBOX, cwd=EXAMPLES, **settings)
        while sent_log.numbers().total() < 5:
            await asyncio.sleep(0)
            assert first.returncode is None
        first.kill()
        await first.communicate()
        before = await outcomes(outbox)
        await end_leases(outbox)

        second = await start(OUTBOX, cwd=EXAMPLES, **settings)
        lines = [(await second.stdout.readline()).decode() for _ in range(5)]
        second.kill()
        await second.communicate()

    assert before == [None] * 5
    assert sorted(lines) == [f"{one}: sent before\n" for one in range(1, 6)]
    assert await outcomes(outbox) == ["sent before"] * 5
    assert sent_log.numbers() == Counter(numbers(5))


async def test_a_message_in_doubt_stays_until_its_lease_is_over(
    sandbox, faults, outbox_worker, outbox
):
    """Then it is asked about under the same id."""
    await put(outbox, *numbers(1))
    lose_the_answer(faults)

    await drain(outbox_worker, outbox)
    await drain(outbox_worker, outbox)
    doubtful = await outcomes(outbox)
    await end_leases(outbox)
    await drain(outbox_worker, outbox)

    assert doubtful == [None]
    assert await outcomes(outbox) == ["sent before"]
    assert sandbox.gateway.sent_log.numbers() == Counter(numbers(1))


async def test_an_id_too_old_to_protect_is_left_to_a_person(
    sandbox, faults, outbox_worker, outbox
):
    """The gateway forgets ids after a day: sent again, it could be sent twice."""
    await put(outbox, *numbers(1))
    lose_the_answer(faults)
    await drain(outbox_worker, outbox)
    await end_leases(outbox, "23 hours")

    await drain(outbox_worker, outbox)

    assert await outcomes(outbox) == [None]
    assert sum(faults.seen.values()) == 2


# --- a Django command -----------------------------------------------------------------


@pytest.mark.exhaustive
async def test_a_campaign_in_django_is_sent_once(tmp_path):
    """To those who want it alone; the same command again sends nothing more."""
    command = EXAMPLES / "django_bulk.py"

    async with SandboxServer(gateway=Gateway()) as gateway:
        settings = ACCOUNT | {"OCTOPUSH_BASE_URL": gateway.url}
        first = await run(command, "summer-sale", cwd=tmp_path, **settings)
        again = await run(command, "summer-sale", cwd=tmp_path, **settings)

    said = "accepted 500 of 500, in doubt 0, rejected 0, cost 25.0 EUR\n"
    assert first == (0, said, "")
    assert again == first
    assert gateway.gateway.sent_log.numbers() == Counter(numbers(1_000)[::2])


@pytest.mark.exhaustive
async def test_a_campaign_in_django_that_stops_says_why(tmp_path):
    """And goes on with the same command."""
    gateway = Gateway(GatewaySettings(credit=0))
    command = EXAMPLES / "django_bulk.py"

    async with SandboxServer(gateway=gateway) as served:
        settings = ACCOUNT | {"OCTOPUSH_BASE_URL": served.url}
        code, _, problem = await run(command, "sale", cwd=tmp_path, **settings)
        gateway.credit = 100
        again = await run(command, "sale", cwd=tmp_path, **settings)

    assert (code, problem) == (1, "CommandError: not complete: credit\n")
    assert again[0] == 0
    assert gateway.sent_log.numbers() == Counter(numbers(1_000)[::2])


@pytest.mark.exhaustive
async def test_a_campaign_in_django_needs_no_account(tmp_path):
    """It has a gateway of its own then."""
    code, said, _ = await run(EXAMPLES / "django_bulk.py", "sale", cwd=tmp_path)

    assert code == 0
    assert said.startswith("accepted 500 of 500")
