"""PostgreSQL as it is run: behind poolers, failed over, in jobs, wrongly addressed."""

import asyncio
import ssl
import threading
from contextlib import ExitStack, asynccontextmanager

import asyncpg
import pytest
from ledger_kinds import batch_record, begun, listed, run_record
from services import postgres
from services.pgbouncer import pgbouncer
from services.postgres import Address, problem_of

from aiooctopush.errors import InvalidFieldError
from aiooctopush.ledgers.postgres.address import read_address
from aiooctopush.ledgers.postgres.ledger import PostgresLedger
from aiooctopush.ledgers.postgres.problems import as_ledger_errors


# The driver looks for certificates in the event loop.
pytestmark = pytest.mark.usefixtures("may_block")

SHARED = (
    "a pooler in transaction mode shares the database sessions, so runs cannot be "
    "locked; use a pooler in session mode, or connect to PostgreSQL directly."
)
READ_ONLY = "the database is read-only; name the primary server."
NO_WRITABLE = (
    "no server at its address accepts writes; wait until one does, or name the "
    "primary server, then resume."
)


@pytest.fixture
def server():
    """A PostgreSQL of our own."""
    return postgres.server()


@pytest.fixture
def schema(server):
    """The name of a schema that holds an empty ledger."""
    return server.new_schema()


@asynccontextmanager
async def bounced(server, **how):
    """The address of a bouncer in front of a server."""
    with ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, pgbouncer(server, **how))
        await asyncio.to_thread(stack.close)


# --- poolers --------------------------------------------------------------------------


async def test_a_ledger_works_through_pgbouncer_in_session_mode(server):
    """As Debian sets it up, which takes no setting that it does not know."""
    async with (
        bounced(server, mode="session") as dsn,
        PostgresLedger(dsn, schema="bounced") as ledger,
    ):
        await ledger.migrate()
        await begun(ledger, batch_record(), key="bounced")
        async with PostgresLedger(dsn, schema="bounced") as other:
            problem = await problem_of(other.open_run(run_record("bounced")))
        await ledger.release_run("bounced")
        batches = await listed(ledger, "bounced")

    assert batches == [batch_record()]
    assert problem.startswith("another process or task is sending run 'bounced'")


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_a_pooler_that_shares_sessions_is_refused(server, mode):
    """When the ledger is made, and before anything is in the database."""
    async with (
        bounced(server, mode=mode) as dsn,
        PostgresLedger(dsn, schema="shared") as ledger,
    ):
        problem = await problem_of(ledger.migrate())
    made = await asyncio.to_thread(
        server.do, "SELECT to_regnamespace('shared') IS NOT NULL"
    )

    assert problem == SHARED
    assert made[0][0] is False


async def test_a_pool_is_as_large_as_it_is_told(server, schema):
    """So a small pooler can be shared."""
    async with (
        bounced(server, mode="session", pool_size=3) as dsn,
        PostgresLedger(dsn, schema=schema, pool_size=3) as ledger,
    ):
        await begun(ledger)
        found = await asyncio.gather(*(listed(ledger) for _ in range(20)))

    assert found == [[]] * 20


@pytest.mark.parametrize("size", [1, 0, 1_001])
def test_a_pool_has_two_connections_or_more(size):
    """One holds a run, and others write."""
    with pytest.raises(
        InvalidFieldError, match="pool_size: must be a whole number from 2 to 1,000"
    ):
        PostgresLedger("postgresql://", pool_size=size)


async def test_a_pool_that_is_given_has_its_own_size(server):
    """It cannot be changed from here."""
    async with asyncpg.create_pool(server.dsn(), min_size=0) as pool:
        with pytest.raises(InvalidFieldError, match="is set by the pool"):
            PostgresLedger(pool, pool_size=5)


# --- failover -------------------------------------------------------------------------


@pytest.fixture
def guarded(server):
    """A database with an empty ledger, and what lets new connections only read."""
    name = next(server.names)
    server.do(f"CREATE DATABASE {name}")

    async def set_to(value):
        words = f"ALTER DATABASE {name} SET default_transaction_read_only TO {value}"
        await asyncio.to_thread(server.do, words)

    yield server.dsn(database=name), set_to
    server.do(f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_server_that_can_only_be_read_is_left(guarded):
    """As after a failover; `test_postgres_failover.py` has real ones."""
    dsn, set_read_only = guarded
    async with PostgresLedger(dsn, schema="guarded") as ledger:
        await ledger.migrate()
    async with PostgresLedger(dsn, schema="guarded") as ledger:
        await set_read_only("on")
        before = [
            await problem_of(ledger.reserve("rate", rate=1.0)),
            await problem_of(ledger.reserve("rate", rate=1.0)),
        ]
        await set_read_only("off")
        wait = await ledger.reserve("rate", rate=1.0)

    assert before == [READ_ONLY, NO_WRITABLE]
    assert wait == 0


async def test_connections_of_a_pool_that_can_only_read_are_renewed(guarded):
    """Where they lead to is for the pool to say."""
    dsn, set_read_only = guarded
    async with asyncpg.create_pool(dsn, min_size=0) as pool:
        ledger = PostgresLedger(pool, schema="guarded")
        await ledger.migrate()
        await set_read_only("on")
        await pool.expire_connections()
        before = await problem_of(ledger.reserve("rate", rate=1.0))
        await set_read_only("off")
        wait = await ledger.reserve("rate", rate=1.0)
        await ledger.close()

    assert (before, wait) == (READ_ONLY, 0)


async def test_a_server_that_hangs_up_as_it_refuses_is_left_too(server, schema):
    """Scripted: the connection is gone by then, and the next one is a new one."""
    async with PostgresLedger(server.dsn(), schema=schema) as ledger:
        await begun(ledger)

        async def refused():
            async with ledger._database.own_transaction() as connection:
                connection.terminate()
                raise asyncpg.ReadOnlySQLTransactionError("INSERT")

        problem = await problem_of(refused())
        wait = await ledger.reserve("rate", rate=1.0)

    assert (problem, wait) == (READ_ONLY, 0)


# --- event loops ----------------------------------------------------------------------


def test_a_ledger_serves_one_job_after_the_other(server, schema):
    """Each in an event loop of its own, which has ended before the next begins."""
    ledger = PostgresLedger(server.dsn(name=schema), schema=schema)

    async def job(number):
        await ledger.open_run(run_record(f"job {number}"))
        return len(await ledger.runs())

    counts = [asyncio.run(job(number)) for number in range(3)]

    async def again():
        # What a job held that did not let go is free: its connection is gone.
        await ledger.open_run(run_record("job 0"))
        await ledger.close()

    asyncio.run(again())
    assert counts == [1, 2, 3]


def test_a_run_that_an_ended_loop_held_is_lost(server, schema):
    """Others may have written to it since."""
    ledger = PostgresLedger(server.dsn(), schema=schema)
    run = asyncio.run(begun(ledger))

    problem = asyncio.run(problem_of(ledger.plan(run, [])))

    assert "the connection that held run 'run' was lost" in problem
    asyncio.run(ledger.release_run("run"))
    asyncio.run(ledger.close())


def test_a_ledger_of_a_loop_that_goes_on_is_refused(server, schema):
    """Its connections cannot be used from elsewhere."""
    ledger = PostgresLedger(server.dsn(), schema=schema)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(ledger.runs(), loop).result()
        problem = asyncio.run(problem_of(ledger.runs()))
        asyncio.run_coroutine_threadsafe(ledger.close(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    assert problem == (
        "its connections belong to another event loop; create a ledger in each loop, "
        "from an address or from a pool of that loop."
    )


# --- words ----------------------------------------------------------------------------


@pytest.fixture
def at_home(monkeypatch, tmp_path):
    """A home without certificates."""
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param(
            "sslmode=require",
            "the server does not offer TLS, and its sslmode requires it; turn ssl on "
            "in PostgreSQL, or use sslmode=disable in a trusted network.",
            id="no TLS",
        ),
        pytest.param(
            "sslmode=verify-full",
            "its sslmode requires a root certificate, and ~/.postgresql/root.crt does "
            "not exist; put it there, or name it with sslrootcert=.",
            id="no root certificate",
        ),
        pytest.param(
            "sslmode=verify-full&sslrootcert=/nope.pem",
            "the file that its sslrootcert names does not exist; check the path.",
            id="root certificate is not there",
        ),
        pytest.param(
            "sslmode=often",
            "its address has an invalid value for sslmode.",
            id="sslmode",
        ),
        pytest.param(
            "sslmode=disable&nonsense=1",
            "its address has a parameter that PostgreSQL does not support, "
            "'nonsense'; remove it.",
            id="unknown parameter",
        ),
        pytest.param(
            "sslmode=disable&target_session_attrs=standby",
            NO_WRITABLE,
            id="server attributes",
        ),
    ],
)
async def test_a_mistake_in_an_address_is_named(server, query, words, at_home):
    """Each has its own remedy."""
    schema = await asyncio.to_thread(server.new_schema)
    async with Address(server) as address:
        dsn = address.dsn.replace("sslmode=disable", query)
        async with PostgresLedger(dsn, schema=schema) as ledger:
            problem = await problem_of(ledger.runs())

    assert problem == words


async def test_a_pooler_that_refuses_a_parameter_is_named(server, schema):
    """PgBouncer takes few."""
    async with (
        bounced(server, mode="session") as dsn,
        PostgresLedger(f"{dsn}&work_mem=1MB", schema=schema) as ledger,
    ):
        problem = await problem_of(ledger.runs())

    assert problem == (
        "a pooler refuses 'work_mem' in the address; remove it, or add it to the "
        "pooler's ignore_startup_parameters."
    )


async def test_parameters_of_psql_that_change_nothing_are_left_out(server, schema):
    """Cloud providers print them into their addresses."""
    more = "channel_binding=prefer&connect_timeout=10&keepalives=1&gssencmode=disable"
    async with PostgresLedger(f"{server.dsn()}&{more}", schema=schema) as ledger:
        await begun(ledger)

        assert len(await ledger.runs()) == 1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("channel_binding=require", "asks for channel_binding=require, which the"),
        ("gssencmode=require", "asks for gssencmode=require, which the driver"),
        ("requirepeer=me", "asks for requirepeer, which the driver cannot do"),
        ("connect_timeout=soon", "has a connect_timeout that is no number of seconds"),
    ],
)
def test_what_the_driver_cannot_do_is_refused(query, words):
    """A protection that was asked for is not left out in silence."""
    with pytest.raises(InvalidFieldError, match=words) as caught:
        PostgresLedger(f"postgresql://me:secret@host/db?{query}")
    assert "secret" not in str(caught.value)


async def test_a_statement_that_takes_too_long_is_told_so(server, schema):
    """The database sets the limit."""
    dsn = f"{server.dsn()}&statement_timeout=50"
    async with (
        PostgresLedger(dsn, schema=schema) as ledger,
        PostgresLedger(server.dsn(), schema=schema) as other,
    ):
        await begun(other)
        async with other._database.transaction() as connection:
            await connection.execute(f"LOCK TABLE {schema}.runs")
            problem = await problem_of(ledger.runs())

    assert problem == (
        "a statement was cancelled, by statement_timeout or an administrator, and was "
        "rolled back; allow this user more time, then resume."
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(
            ssl.SSLCertVerificationError(1, "self-signed"),
            "the certificate of the server is not trusted; name its root certificate "
            "with sslrootcert=, and use the host name of the certificate.",
            id="certificate",
        ),
        pytest.param(
            ssl.SSLError(1, "handshake"),
            "TLS with the server failed; check its certificate and yours.",
            id="TLS",
        ),
        pytest.param(
            asyncpg.UndefinedObjectError('role "secret" does not exist'),
            "cannot be used (SQLSTATE 42704); check the database, then resume.",
            id="an object that is no parameter",
        ),
        pytest.param(
            asyncpg.InvalidCatalogNameError("secret"),
            "the database does not exist; create it with createdb, or name another "
            "one.",
            id="database of a pool",
        ),
    ],
)
async def test_what_is_met_seldom_has_words_too(error, words):
    """Scripted, and without what the driver says."""

    async def fail():
        with as_ledger_errors("here"):
            raise error

    assert await problem_of(fail()) == words


async def test_an_object_that_the_address_does_not_name_is_not_blamed_on_it():
    """The parameter that it has is not what the database lacks."""
    address = read_address("postgresql://host/db?work_mem=1MB")

    async def fail():
        with as_ledger_errors("here", address):
            raise asyncpg.UndefinedObjectError('type "secret" does not exist')

    assert await problem_of(fail()) == (
        "cannot be used (SQLSTATE 42704); check the database, then resume."
    )
