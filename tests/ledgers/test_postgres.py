"""A ledger in PostgreSQL: who may write to it, and what can go wrong."""

import asyncio
import subprocess
import sys
import zlib
from pathlib import Path

import asyncpg
import pytest
from attrs import evolve
from ledger_kinds import (
    FULL_BATCH,
    FULL_REJECTION,
    FULL_RUN,
    batch_record,
    begun,
    everything,
    listed,
    run_record,
)
from services import postgres

from aiooctopush.errors import InvalidFieldError
from aiooctopush.ledgers.postgres import connection as postgres_database
from aiooctopush.ledgers.postgres import problems as postgres_problems
from aiooctopush.ledgers.postgres import sessions
from aiooctopush.ledgers.postgres.ledger import PostgresLedger
from aiooctopush.ledgers.postgres.schema import MIGRATIONS, within
from aiooctopush.ledgers.records import (
    BatchState,
    LedgerError,
    Pause,
    Receipt,
    Rejection,
)


S = BatchState
PAGE = Path(__file__).parents[2] / "docs" / "fleet-operations.md"
ORDER = "INSERT INTO LEDGER.orders VALUES (7)"
COUNT_ORDERS = "SELECT count(*) FROM LEDGER.orders"
DSN = "postgresql://me:secret@nowhere.invalid/db"
# A version after the newest one, as only a test knows it.
NEWER = (*MIGRATIONS, ("ALTER TABLE LEDGER.runs ADD COLUMN note text DEFAULT 'none'",))


@pytest.fixture
def server():
    """A PostgreSQL of our own."""
    return postgres.server()


@pytest.fixture
def schema(server):
    """The name of a schema that holds an empty ledger."""
    return server.new_schema()


@pytest.fixture
async def ledger(server, schema):
    """A ledger that nobody has used yet."""
    async with PostgresLedger(server.dsn(name=schema), schema=schema) as ledger:
        yield ledger


@pytest.fixture
async def other(server, schema):
    """What another process would use."""
    async with PostgresLedger(server.dsn(name="other"), schema=schema) as ledger:
        yield ledger


@pytest.fixture
async def connection(server, schema):
    """A connection of an application, and its own table."""
    connection = await asyncpg.connect(server.dsn())
    await connection.execute(within(schema, "CREATE TABLE LEDGER.orders (number int)"))
    yield connection
    await connection.close()


async def sql(server, *statements):
    """Do something to the database as any program can."""
    return await asyncio.to_thread(server.do, *statements)


async def problem_of(call):
    """Return the words of the error that a call ends in."""
    # Not caught: Python 3.11 hides from coverage what comes after an await that was.
    (error,) = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(error, LedgerError), repr(error)
    assert error.__cause__ is None or isinstance(error.__cause__, OSError)
    return str(error)


# --- making it ------------------------------------------------------------------------


async def test_a_ledger_is_made_by_migrate_only(server):
    """Whoever names a wrong schema is told, and nothing is made."""
    async with PostgresLedger(server.dsn(), schema="not_yet") as ledger:
        problem = await problem_of(ledger.open_run(run_record()))
        (row,) = await sql(server, "SELECT to_regnamespace('not_yet') IS NULL")
        await ledger.migrate()
        await ledger.open_run(run_record())

    assert problem == (
        "PostgreSQL schema 'not_yet': contains no ledger; check its name, or create "
        "one with PostgresLedger.migrate()."
    )
    assert row[0]


async def test_a_ledger_is_made_once(ledger, other):
    """A second time changes nothing, whoever does it, and also at once."""
    await begun(ledger, batch_record())

    await asyncio.gather(ledger.migrate(), other.migrate(), other.migrate())

    assert await listed(other) == [batch_record()]


async def test_a_ledger_is_made_in_a_schema_that_is_there(server):
    """By somebody who may do no more than that."""
    await sql(
        server,
        "CREATE ROLE clerk LOGIN",
        "CREATE SCHEMA ours AUTHORIZATION clerk",
    )

    async with PostgresLedger(server.dsn(user="clerk"), schema="ours") as ledger:
        await ledger.migrate()

        assert await begun(ledger, batch_record())


async def test_foreign_tables_are_left_as_they_are(server):
    """A schema that somebody uses is no place for ours; nothing of it is made."""
    await sql(server, "CREATE SCHEMA theirs", "CREATE TABLE theirs.receipts (a int)")

    async with PostgresLedger(server.dsn(), schema="theirs") as ledger:
        problem = await problem_of(ledger.migrate())

    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'theirs'"
    assert [tuple(row) for row in await sql(server, tables)] == [("receipts",)]
    assert problem == (
        "PostgreSQL schema 'theirs': contains tables that are not part of a ledger; "
        "name another schema."
    )


async def test_a_newer_ledger_is_left_as_it_is(server, schema, ledger):
    """Neither used nor migrated back."""
    newer = within(schema, "INSERT INTO LEDGER.ledger_version VALUES (99)")
    await sql(server, newer)

    problems = [await problem_of(ledger.runs()), await problem_of(ledger.migrate())]

    words = (
        f"PostgreSQL schema '{schema}': a newer version of aiooctopush created it, "
        "and it was not changed; update aiooctopush."
    )
    assert problems == [words, words]


async def test_an_older_ledger_is_led_to_this_version(schema, ledger, other):
    """By whoever says so, and not before; it keeps what it holds."""
    await begun(ledger, batch_record())
    other._database.migrations = NEWER

    problem = await problem_of(other.runs())
    await other.migrate()

    assert problem == (
        f"PostgreSQL schema '{schema}': an older version of aiooctopush created it; "
        "migrate it with PostgresLedger.migrate()."
    )
    assert await listed(other) == [batch_record()]


@pytest.mark.parametrize(
    "schema", ["", "Ledger", "1st", "a b", 'a"; DROP', "ü", "a" * 64]
)
def test_a_schema_has_a_plain_name(schema):
    """Which needs no quotes anywhere."""
    with pytest.raises(InvalidFieldError, match="schema: must be 1 to 63 small"):
        PostgresLedger(DSN, schema=schema)


def test_an_address_says_what_it_is_of():
    """Something else is refused, and not shown: it may hold a password."""
    with pytest.raises(InvalidFieldError) as caught:
        PostgresLedger("me:secret@host")

    words = "dsn_or_pool: must begin with 'postgresql://'. Nothing was sent."
    assert str(caught.value) == words


def test_an_address_is_not_shown():
    """It may hold a password."""
    assert repr(PostgresLedger(DSN)) == "<PostgresLedger schema 'aiooctopush'>"


def test_the_core_does_not_need_it():
    """Without the extra, everything else works."""
    words = "import aiooctopush, sys; print('asyncpg' in sys.modules)"

    told = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True
    )

    assert told.stdout == "False\n"


# --- opening and closing --------------------------------------------------------------


async def test_a_pool_of_the_user_stays_open(server, schema):
    """And what was held on it is free again."""
    async with asyncpg.create_pool(server.dsn(), min_size=1, max_size=2) as pool:
        async with PostgresLedger(pool, schema=schema) as ledger:
            await begun(ledger)
        async with PostgresLedger(pool, schema=schema) as second:
            await begun(second, batch_record(), key="b")
            await second.open_run(run_record())

        assert await pool.fetchval("SELECT 1") == 1


async def test_a_closed_ledger_is_not_opened_again(schema, ledger):
    """It says so."""
    await begun(ledger)
    await ledger.close()

    assert await problem_of(ledger.runs()) == (
        f"PostgreSQL schema '{schema}': this ledger was closed; create a new one."
    )


async def test_closing_has_an_end(ledger, monkeypatch):
    """A connection that is never given back does not keep it waiting for ever."""
    await ledger.runs()
    kept = await ledger._database._pool.acquire()
    monkeypatch.setattr(postgres_database, "_PATIENCE", 0.01)

    await asyncio.wait([asyncio.create_task(ledger.close())])

    with pytest.raises(asyncpg.InterfaceError, match="has been released"):
        await kept.execute("SELECT 1")


async def test_nothing_stays_connected_after_it_was_closed(server, schema, ledger):
    """Not even what held a run."""
    await begun(ledger, batch_record())
    await listed(ledger)
    await ledger.close()

    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
    (row,) = await sql(server, f"{count}'{schema}' AND state <> 'idle'")
    assert row[0] == 0


# --- who may write to a run -----------------------------------------------------------


async def test_a_run_that_is_held_is_written_by_its_holder_only(schema, ledger, other):
    """Others neither begin, write nor claim; they may read, and record receipts."""
    await begun(ledger, batch_record(state=S.NOT_SENT))

    opening = {
        await problem_of(other.open_run(run_record())),
        await problem_of(other.open_beside_workers(run_record())),
    }
    problems = {
        await problem_of(other.conclude("run", batch_record())),
        await problem_of(other.update_run(run_record())),
        await problem_of(other.purge("run")),
    }
    claims = [
        await other.claim("run", "1", owner="b"),
        *await other.claimable_batches("run"),
    ]
    receipt = Receipt(batch="1", number="+33639980001", status="NO", is_final=True)
    await other.record_receipts("run", [receipt])

    start = f"PostgreSQL schema '{schema}': another process"
    at_it = f"{start} or task is sending run 'run', so nothing was"
    again = "Start again when it is done; new recipients of the list are added then."
    assert opening == {
        f"{at_it} changed or sent from here: start again when it is done.",
        f"{at_it} planned from here. {again}",
    }
    assert problems == {
        f"{start} is sending run 'run', and nothing was written; wait for it."
    }
    assert claims == [None]
    assert await listed(other) == [batch_record(state=S.NOT_SENT)]
    assert await other.deliveries("run") == {"NO": 1}


async def test_runs_are_held_one_by_one(ledger, other):
    """Another key is free."""
    await begun(ledger, key="a")

    await begun(other, batch_record(), key="b")

    assert await listed(ledger, "b") == [batch_record()]


@pytest.mark.parametrize("leave", ["release_run", "close"])
async def test_a_run_is_free_when_its_holder_leaves(ledger, other, leave):
    """Then the next may go on where it stands."""
    await begun(ledger, batch_record())
    await begun(ledger, key="second")

    await (ledger.close() if leave == "close" else ledger.release_run("run"))
    await other.open_run(run_record())

    assert await listed(other) == [batch_record()]


async def test_a_run_is_free_when_it_is_left_as_often_as_it_was_opened(ledger, other):
    """Two tasks of one process may have it open, and the first to end frees nothing."""
    await ledger.open_run(run_record())
    await ledger.open_run(run_record())

    await ledger.release_run("run")
    problem = await problem_of(other.open_run(run_record()))
    await ledger.update_run(run_record(items=7))
    await ledger.release_run("run")

    assert "is sending run 'run'" in problem
    assert (await other.open_run(run_record())).items == 7


@pytest.mark.parametrize("second", ["open_run", "open_beside_workers"])
async def test_a_run_that_is_added_to_is_opened_once_in_a_process(ledger, second):
    """Another task is refused as another process is, and ends nothing of the first."""
    run = await ledger.open_beside_workers(run_record())

    problem = await problem_of(getattr(ledger, second)(run))
    await ledger.plan(run, [batch_record()])

    assert "another process or task is sending run 'run'" in problem


async def test_leaving_what_is_not_held_does_nothing(ledger):
    """It is free already."""
    await ledger.release_run("run")


async def test_a_run_that_workers_send_is_not_opened(schema, ledger, other):
    """Until their leases have run out, and then they cannot write any more."""
    await begun(ledger, batch_record(state=S.NOT_SENT))
    await ledger.release_run("run")
    claim = await other.claim("run", "1", owner="b")

    problem = await problem_of(ledger.open_run(run_record()))
    await asyncio.to_thread(postgres.server().make_older, schema, 121)
    await ledger.open_run(run_record())

    assert problem == (
        f"PostgreSQL schema '{schema}': workers are sending run 'run', so nothing was "
        "changed or sent from here; wait for them."
    )
    lost = await problem_of(claim.ledger.conclude("run", claim.record))
    assert lost == (
        f"PostgreSQL schema '{schema}': the lease of batch 1 of 'run' had expired, "
        "and another worker took it over."
    )


async def test_any_other_write_ends_a_claim(ledger, other):
    """A person who decides about a batch has the last word."""
    await begun(ledger, batch_record(state=S.NOT_SENT))
    await ledger.release_run("run")
    claim = await other.claim("run", "1", owner="b")
    await ledger.conclude("run", evolve(claim.record, state=S.SKIPPED))

    problem = await problem_of(claim.ledger.conclude("run", claim.record))

    assert "the lease of batch 1 of 'run' had expired" in problem


# --- in a transaction of the application ----------------------------------------------


@pytest.mark.parametrize("commits", [True, False], ids=["commit", "rollback"])
async def test_a_run_is_planned_with_the_rows_it_is_about_or_not_at_all(
    schema, ledger, connection, commits
):
    """Nobody sees one without the other."""
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(within(schema, ORDER))
    await begun(
        ledger.bound_to(connection), batch_record(), rejections=[FULL_REJECTION]
    )
    seen = await everything(ledger)

    await (transaction.commit() if commits else transaction.rollback())

    orders = await connection.fetchval(within(schema, COUNT_ORDERS))
    assert seen == []
    assert orders == len(await ledger.runs()) == len(await listed(ledger)) == commits


async def test_what_fails_in_a_transaction_is_undone_alone(schema, ledger, connection):
    """The application may catch it, and go on."""
    async with connection.transaction():
        bound = ledger.bound_to(connection)
        run = await begun(bound, batch_record())
        await connection.execute(within(schema, ORDER))
        problem = await problem_of(bound.plan(run, [batch_record(2), batch_record()]))

    assert problem == (
        f"PostgreSQL schema '{schema}': holds a batch of that number already; nothing "
        "of this was written."
    )
    assert await connection.fetchval(within(schema, COUNT_ORDERS)) == 1
    assert await listed(ledger) == [batch_record()]


async def test_a_run_is_held_until_the_transaction_ends(ledger, other, connection):
    """Then it is free without being closed."""
    await begun(ledger)
    await ledger.release_run("run")
    async with connection.transaction():
        await ledger.bound_to(connection).open_run(run_record())
        problem = await problem_of(other.open_run(run_record()))

    assert "another process or task is sending run 'run'" in problem
    assert await other.open_run(run_record()) is not None


async def test_without_a_transaction_nothing_is_bound(schema, ledger, connection):
    """It would be written at once, and alone."""
    bound = ledger.bound_to(connection)

    problem = await problem_of(bound.open_run(run_record()))
    await bound.close()

    assert problem == (
        f"PostgreSQL schema '{schema}': the connection is not in a transaction; begin "
        "one first."
    )
    assert await connection.fetchval("SELECT 1") == 1


# --- what can go wrong ----------------------------------------------------------------


async def test_a_run_is_started_again_when_its_connection_was_lost(
    server, schema, ledger
):
    """For others may have written to it; what was written before stays."""
    run = await begun(ledger, batch_record())
    await asyncio.to_thread(server.cut_off, schema)

    first = await problem_of(ledger.plan(run, [batch_record(2)]))
    second = await problem_of(ledger.plan(run, [batch_record(2)]))
    await ledger.open_run(run_record())
    await ledger.plan(run, [batch_record(2)])

    lost = (
        f"PostgreSQL schema '{schema}': the connection that held run 'run' was lost, "
        "and other processes may have written to it since; start it again."
    )
    # Whether the server's farewell was read before we wrote depends on the moment.
    said = (lost, "stopped or started: wait", "the connection to the database was lost")
    assert any(words in first for words in said)
    assert second == lost
    assert await listed(ledger) == [batch_record(1), batch_record(2)]


async def test_a_lost_run_can_be_left_and_closed(server, schema, ledger):
    """There is nothing to let go of any more."""
    await begun(ledger, key="a")
    await begun(ledger, key="b")
    await asyncio.to_thread(server.cut_off, schema)
    await problem_of(ledger.update_run(run_record("a")))

    await ledger.release_run("a")
    await ledger.close()


async def break_own(ledger):
    """Lose the connection that holds runs, in a way that its pool does not notice."""
    own = ledger._database._own
    own._con._protocol.abort()
    assert own.is_closed()


async def test_a_ledger_whose_connection_broke_closes_at_once(ledger):
    """It does not wait for what will never be given back."""
    await begun(ledger, key="a")
    await break_own(ledger)

    async with asyncio.timeout(10):
        await ledger.close()


@pytest.mark.parametrize("turns", range(6))
async def test_a_ledger_closes_while_its_server_hangs_up(server, schema, ledger, turns):
    """Also if the goodbye has arrived, and the end of the connection not yet."""
    await begun(ledger)
    server.cut_off(schema)
    for _ in range(turns):
        await asyncio.sleep(0)

    await ledger.close()


async def test_broken_connections_use_up_no_pool(server, schema):
    """Each gives back its place, so that the next start of a run finds one."""
    async with PostgresLedger(server.dsn(), schema=schema, pool_size=2) as ledger:
        for key in "abc":
            await begun(ledger, key=key)
            await break_own(ledger)
            async with asyncio.timeout(10):
                await begun(ledger, key=f"{key}{key}")


@pytest.mark.exhaustive
async def test_a_database_that_is_restarted_is_used_again(server, schema, ledger):
    """What fails meanwhile says what to do; no claim is lost."""
    await begun(ledger, batch_record(state=S.NOT_SENT))
    await ledger.release_run("run")
    claim = await ledger.claim("run", "1", owner="a")

    await asyncio.to_thread(server.stop)
    down = await problem_of(ledger.claim("run", "1", owner="a"))
    gone = await problem_of(ledger.runs())
    await asyncio.to_thread(server.start)
    await claim.ledger.conclude("run", evolve(claim.record, state=S.ACCEPTED))

    assert down.startswith(f"PostgreSQL schema '{schema}': the ")
    assert gone == (
        f"PostgreSQL schema '{schema}': the database cannot be reached; check that it "
        "runs, and its address."
    )
    assert [batch.state for batch in await listed(ledger)] == [S.ACCEPTED]


async def settings_of(ledger):
    """When the server confirms a commit: any, and one of a run that is held."""
    ask = "SHOW synchronous_commit"
    await ledger.open_run(run_record())
    async with ledger._database.connected() as connection:
        anyone = await connection.fetchval(ask)
    async with ledger._database.transaction("run") as connection:
        return anyone, await connection.fetchval(ask)


@pytest.mark.parametrize(
    ("said", "meant"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
)
async def test_commits_wait_for_the_disk(server, schema, said, meant):
    """Else a crash of the server would lose the intent of what has left."""
    dsn = f"{server.dsn()}&synchronous_commit={said}"
    async with PostgresLedger(dsn, schema=schema) as ledger:
        assert await settings_of(ledger) == (meant, meant)


async def test_commits_of_a_run_wait_for_the_disk_in_a_pool_that_was_given(
    server, schema
):
    """The pool is the caller's, and the connection that holds a run is ours."""
    dsn = f"{server.dsn()}&synchronous_commit=off"
    async with asyncpg.create_pool(dsn, min_size=0, max_size=2) as pool:
        async with PostgresLedger(pool, schema=schema) as ledger:
            assert await settings_of(ledger) == ("off", "on")
        assert await pool.fetchval("SHOW synchronous_commit") == "off"


async def is_free(server, schema):
    """Whether another process can open the run."""
    async with PostgresLedger(server.dsn(), schema=schema) as other:
        (opened,) = await asyncio.gather(
            other.open_run(run_record()), return_exceptions=True
        )
    return not isinstance(opened, LedgerError)


async def test_a_run_whose_opening_was_cancelled_is_free(
    server, schema, ledger, monkeypatch
):
    """Nobody knows that it is held, so nobody would release it."""
    hold = postgres_database.Database.hold

    async def hold_and_be_cancelled(self, *args, **options):
        await hold(self, *args, **options)
        asyncio.current_task().cancel()

    monkeypatch.setattr(postgres_database.Database, "hold", hold_and_be_cancelled)

    (opened,) = await asyncio.gather(
        ledger.open_run(run_record()), return_exceptions=True
    )

    assert isinstance(opened, asyncio.CancelledError)
    assert await is_free(server, schema)


async def test_a_second_opening_that_was_cancelled_counts_for_nothing(
    server, schema, ledger, monkeypatch
):
    """The first one releases the run."""
    await ledger.open_run(run_record())
    with monkeypatch.context() as patched:
        hold = postgres_database.Database.hold

        async def hold_and_be_cancelled(self, *args, **options):
            await hold(self, *args, **options)
            asyncio.current_task().cancel()

        patched.setattr(postgres_database.Database, "hold", hold_and_be_cancelled)
        await asyncio.gather(ledger.open_run(run_record()), return_exceptions=True)
    was_free = await is_free(server, schema)

    await ledger.release_run("run")

    assert not was_free
    assert await is_free(server, schema)


@pytest.mark.parametrize("has_its_turn", [False, True])
async def test_a_run_whose_release_was_cancelled_is_free(
    server, schema, ledger, has_its_turn
):
    """Also if another run was at the connection, and goes on with it."""
    await begun(ledger, key="other")
    await ledger.open_run(run_record())
    turn = ledger._database._turn
    if not has_its_turn:
        await turn.acquire()

    task = asyncio.create_task(ledger.release_run("run"))
    while not turn.locked() or not (has_its_turn or turn._waiters):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    if not has_its_turn:
        turn.release()
    await asyncio.wait([task])

    assert task.cancelled()
    assert await is_free(server, schema)
    await ledger.update_run(run_record("other"))


async def test_what_a_batch_says_is_packed_on_its_way(ledger):
    """It crosses a network, and the server would keep it as it is."""
    plain = b"[" + b'"nobody",' * 5_000 + b'"nobody"]'
    run = await begun(ledger)

    await ledger.plan(run, [batch_record(1, payload=plain)])

    (batch,) = await listed(ledger)
    assert zlib.decompress(batch.payload) == plain


async def test_a_write_that_was_cancelled_again_and_again_is_undone(ledger):
    """If need be with its connection; the next one is not a part of it."""
    run = await begun(ledger)

    task = asyncio.create_task(ledger.plan(run, [batch_record()]))
    while not ledger._database._turn.locked():
        await asyncio.sleep(0)
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    opened = LedgerError("not yet")
    while isinstance(opened, LedgerError):
        # The server takes a moment to notice that a connection was given up.
        call = ledger.open_run(run_record())
        (opened,) = await asyncio.gather(call, return_exceptions=True)
    await ledger.update_run(evolve(run, paused=Pause.CREDIT))

    assert task.cancelled()
    assert [one.paused for one in await ledger.runs()] == [Pause.CREDIT]
    assert await listed(ledger) == []


@pytest.mark.parametrize(
    "error",
    [asyncio.CancelledError, asyncpg.InterfaceError, asyncpg.InternalClientError],
)
async def test_what_cannot_be_undone_ends_with_its_connection(error):
    """Whatever the reason, nothing stays open in it."""

    class Connection:
        is_over = False

        async def execute(self, statement):
            raise error("no")

        def is_closed(self):
            return self.is_over

        def terminate(self):
            self.is_over = True

    connection = Connection()

    call = sessions.do_or_end(connection, "ROLLBACK")
    (raised,) = await asyncio.gather(call, return_exceptions=True)

    assert connection.is_over
    assert isinstance(raised, asyncio.CancelledError | None)


async def test_a_write_that_fails_leaves_nothing_locked(ledger):
    """Its transaction ends with it."""
    await begun(ledger)

    await problem_of(ledger.conclude("run", batch_record()))

    assert not ledger._database._own.is_in_transaction()


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        pytest.param(
            {"database": "none"},
            "database 'none' does not exist; create it with createdb, or name another "
            "one.",
            id="database",
        ),
        pytest.param(
            {"user": "nobody"},
            "the database refuses this user; check name and password.",
            id="user",
        ),
        pytest.param(
            {"user": "guest"},
            "this user lacks a right: CREATE on the database to make a ledger; to use "
            "one, USAGE of the schema, and SELECT, INSERT, UPDATE and DELETE on its "
            "tables.",
            id="right",
        ),
    ],
)
async def test_what_the_database_refuses_is_told_with_what_to_do(
    server, schema, dsn, words
):
    """In our words, without its own."""
    await sql(server, "DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN")

    async with PostgresLedger(server.dsn(**dsn), schema=schema) as ledger:
        problem = await problem_of(ledger.runs())

    assert problem == f"PostgreSQL schema '{schema}': {words}"


async def test_who_only_uses_a_ledger_needs_these_rights(server, schema):
    """Those of the page: to plan, send, count and purge, but not to make one."""
    page = await asyncio.to_thread(PAGE.read_text)
    grants = page.partition("```sql\n")[2].partition("```")[0]
    grants = grants.replace("aiooctopush", schema).split(";")
    await sql(server, "CREATE ROLE worker LOGIN", *grants)
    rejection = Rejection(position=1, reason="empty")
    receipt = Receipt(batch="1", number="+33639980001", status="OK", is_final=True)

    async with PostgresLedger(server.dsn(user="worker"), schema=schema) as ledger:
        await ledger.migrate()
        run = await ledger.open_run(run_record())
        await ledger.plan(run, [batch_record(state=S.NOT_SENT)], [rejection])
        await ledger.release_run("run")
        await ledger.reserve("default", rate=1)
        await ledger.throttle("default", 0)
        claim = await ledger.claim("run", "1", owner="a")
        await claim.ledger.conclude("run", evolve(claim.record, state=S.ACCEPTED))
        await ledger.record_receipts("run", [receipt])
        await ledger.purge("run")
        batches = await listed(ledger)
    async with PostgresLedger(server.dsn(user="worker"), schema="of_worker") as ledger:
        problem = await problem_of(ledger.migrate())
    await sql(server, "DROP OWNED BY worker", "DROP ROLE worker")

    assert [batch.state for batch in batches] == [S.ACCEPTED]
    assert "CREATE on the database to make a ledger" in problem


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me:secret@host:port/db",
        "postgresql://?host=/nowhere&port=a",
        "postgresql://me:secret@[::1/db",
    ],
)
async def test_an_address_that_is_none_is_told_without_it(dsn):
    """It may hold a password."""
    async with PostgresLedger(dsn) as ledger:
        problem = await problem_of(ledger.runs())

    assert problem == (
        "PostgreSQL schema 'aiooctopush': its address is not valid; write "
        "postgresql://user@host/database."
    )


async def test_a_database_that_does_not_answer_is_given_up(ledger, schema, monkeypatch):
    """After a while, and it is said."""
    monkeypatch.setattr(postgres_database, "_PATIENCE", 2.0)
    impatient = PostgresLedger(postgres.server().dsn(), schema=schema)
    await impatient.runs()
    async with ledger._database.transaction() as connection:
        await connection.execute(within(schema, "LOCK TABLE LEDGER.runs"))
        problem = await problem_of(impatient.runs())
    await impatient.close()

    assert problem == (
        f"PostgreSQL schema '{schema}': the database does not respond; check it and "
        "the network, then resume."
    )


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(batch_record(first=2**63), id="number"),
        pytest.param(batch_record(error="secret\ud800"), id="text"),
    ],
)
async def test_what_postgresql_cannot_hold_is_refused(ledger, schema, batch):
    """Nothing of it is written, and it is not shown."""
    run = await begun(ledger)

    problem = await problem_of(ledger.plan(run, [batch_record(2), batch]))

    assert problem == (
        f"PostgreSQL schema '{schema}': cannot store such a value; numbers have at "
        "most 64 bits, and text must be valid Unicode without NUL."
    )
    assert await listed(ledger) == []


async def test_a_value_that_makes_no_sense_is_damage(server, schema, ledger):
    """Somebody changed it by hand; it is not shown."""
    await begun(ledger, batch_record())
    await sql(server, within(schema, "UPDATE LEDGER.batches SET state = 'secret'"))

    problem = await problem_of(listed(ledger))

    assert problem == (
        f"PostgreSQL schema '{schema}': is damaged; keep it. A copy lacks the "
        "recipients who were planned after it was made: read docs/ledger.md before you "
        "continue with one."
    )


async def test_a_problem_that_postgresql_alone_can_name_has_its_code(
    server, schema, ledger
):
    """And none of its words, which may show a row."""
    await begun(ledger, batch_record())
    table = f"{schema}.batches"
    await sql(server, f"ALTER TABLE {table} ADD CHECK (state <> 'accepted')")

    problem = await problem_of(ledger.conclude("run", batch_record(state=S.ACCEPTED)))

    assert problem == (
        f"PostgreSQL schema '{schema}': cannot be used (SQLSTATE 23514); check the "
        "database, then resume."
    )


async def test_a_failure_inside_the_driver_is_a_lost_connection(ledger, schema):
    """It says what it knows in words of its own."""

    async def fail():
        with postgres_problems.as_ledger_errors("here"):
            raise asyncpg.ProtocolError("secret")

    assert await problem_of(fail()) == (
        "here: the connection to the database was lost, and it is unknown whether the "
        "last write succeeded; wait until it is back, then resume."
    )


# --- what the tables look like --------------------------------------------------------


async def test_words_can_be_read_in_the_tables(server, schema, ledger):
    """They are kept as they are."""
    await begun(ledger, batch_record(error="A\\0B"), key="news é")

    (row,) = await sql(
        server, within(schema, "SELECT name, error FROM LEDGER.runs, LEDGER.batches")
    )

    assert tuple(row) == ("news é", "A\\0B")


async def test_two_who_record_receipts_at_once_count_each_once(ledger, other):
    """Whichever comes first."""
    await begun(ledger, batch_record())
    await ledger.release_run("run")
    receipts = [
        Receipt(batch="1", number=f"+3363998{n:04}", status="OK", is_final=True)
        for n in range(50)
    ]

    await asyncio.gather(
        ledger.record_receipts("run", receipts),
        other.record_receipts("run", receipts[::-1]),
    )

    assert await ledger.deliveries("run") == {"OK": 50}


async def test_everything_of_a_full_record_is_kept(ledger, other):
    """And read by others."""
    await ledger.open_run(FULL_RUN)
    await ledger.plan(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])

    assert await everything(other) == [(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])]


# --- the server of these tests --------------------------------------------------------


def test_where_there_is_no_postgresql_a_test_says_how_to_get_it(monkeypatch):
    """It is skipped, and nothing is left to remove."""
    monkeypatch.setattr(postgres.Running, "server", None)
    monkeypatch.setattr(postgres.shutil, "which", lambda name, path: None)

    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"):
        postgres.server()

    postgres.remove()


@pytest.mark.parametrize(("user", "expected"), [(0, "setpriv"), (1_000, None)])
def test_the_server_is_never_run_by_root(monkeypatch, user, expected):
    """It would refuse; anybody else runs it as they are."""
    monkeypatch.setattr(postgres.os, "geteuid", lambda: user)

    assert next(iter(postgres.as_somebody_else()), None) == expected
