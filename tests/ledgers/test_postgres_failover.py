"""A PostgreSQL that is replaced by the server that followed it."""

import asyncio
from contextlib import ExitStack

import asyncpg
import pytest
from ledger_kinds import batch_record, begun, listed, run_record
from services import postgres
from services.postgres import Address, problem_of
from services.standby import Primary, Standby

from aiooctopush.ledgers.postgres.ledger import PostgresLedger
from aiooctopush.ledgers.records import LedgerError


# The driver looks for certificates in the event loop.
pytestmark = [pytest.mark.exhaustive, pytest.mark.usefixtures("may_block")]

READ_ONLY = "the database is read-only; name the primary server."
NO_WRITABLE = (
    "no server at its address accepts writes; wait until one does, or name the "
    "primary server, then resume."
)


@pytest.fixture
def pair():
    """A server and one that follows it."""
    programs = postgres.folder_of_programs()
    if programs is None:
        pytest.skip(postgres.HOW_TO_GET_IT)
    with ExitStack() as stack:
        primary = Primary(programs)
        stack.callback(primary.remove)
        standby = Standby(primary)
        stack.callback(standby.remove)
        yield primary, standby


async def within(attempts, call):
    """What a call gives in the end, and what went wrong before."""
    results = [
        result
        for _ in range(attempts)
        for result in await asyncio.gather(call(), return_exceptions=True)
    ]
    problems = [one for one in results if isinstance(one, LedgerError)]
    return next(one for one in results if one not in problems), problems


@pytest.mark.parametrize("hosts", ["one address", "two hosts"])
async def test_the_server_that_can_be_written_is_found_after_a_failover(pair, hosts):
    """Also without target_session_attrs, and though its connections stay open."""
    primary, standby = pair
    schema = await asyncio.to_thread(primary.new_schema)
    async with Address(primary) as address:
        dsn = (
            address.dsn
            if hosts == "one address"
            else f"postgresql://{postgres.USER}@/postgres"
            f"?host={primary.folder},{standby.folder}"
        )
        async with PostgresLedger(dsn, schema=schema) as ledger:
            await begun(ledger, batch_record())
            await ledger.release_run("run")
            await asyncio.to_thread(standby.promote)
            await asyncio.to_thread(primary.follow_nobody)
            # Nobody has told the load balancer yet: all there is can only be read.
            before = [
                await asyncio.gather(
                    *(ledger.reserve("rate", rate=1000.0) for _ in range(4)),
                    return_exceptions=True,
                )
                for _ in range(2)
            ]
            address.leads_to = standby
            _, after = await within(3, lambda: ledger.reserve("rate", rate=1000.0))
            await ledger.update_run(run_record(items=7))
            runs = await ledger.runs()

    if hosts == "one address":
        assert all(isinstance(one, LedgerError) for one in before[-1])
        assert {str(one).partition(": ")[2] for one in before[-1]} == {NO_WRITABLE}
    assert len(after) <= 1
    assert [run.items for run in runs] == [7]


async def test_a_run_that_was_held_is_not_gone_on_with_elsewhere(pair):
    """Its lock stayed with the server that held it; who plans starts again."""
    primary, standby = pair
    schema = await asyncio.to_thread(primary.new_schema)
    async with (
        Address(primary) as address,
        PostgresLedger(address.dsn, schema=schema) as ledger,
    ):
        run = await begun(ledger, batch_record())
        await asyncio.to_thread(standby.promote)
        await asyncio.to_thread(primary.follow_nobody)
        address.leads_to = standby
        problem = await problem_of(ledger.plan(run, [batch_record(2)]))
        again = await ledger.open_run(run_record())
        await ledger.plan(again, [batch_record(2)])
        batches = await listed(ledger)

    assert "the connection that held run 'run' was lost" in problem
    assert batches == [batch_record(), batch_record(2)]


async def test_a_pool_that_is_given_is_led_to_another_server(pair):
    """Its connections are renewed; where they lead to is its own."""
    primary, standby = pair
    schema = await asyncio.to_thread(primary.new_schema)
    async with (
        Address(primary) as address,
        asyncpg.create_pool(address.dsn, min_size=0) as pool,
    ):
        ledger = PostgresLedger(pool, schema=schema)
        await begun(ledger)
        await ledger.release_run("run")
        await asyncio.to_thread(standby.promote)
        await asyncio.to_thread(primary.follow_nobody)
        _, _ = await within(5, ledger.runs)
        before = await problem_of(ledger.reserve("rate", rate=1.0))
        address.leads_to = standby
        _, after = await within(3, lambda: ledger.reserve("rate", rate=1.0))
        await ledger.close()

    assert before == READ_ONLY
    assert len(after) <= 1
