"""An outcome waits for the next intent, and is told when it is durable."""

import asyncio
import threading
from contextlib import aclosing

import pytest
from fakes import ScriptedTransport, answer, session_over

from aiooctopush import BatchState, LedgerError, SQLiteLedger


RUN = {"text": "Hi", "sender": "Acme", "purpose": "alert"}


def numbers(count):
    """Made-up numbers in a range for fiction."""
    return [f"+3363998{one:04d}" for one in range(count)]


@pytest.fixture
def ledger(tmp_path):
    """A ledger in a new file."""
    return SQLiteLedger(tmp_path / "run.db")


@pytest.fixture
def sending(ledger, monkeypatch):
    """How many batches the file says are on their way, after each commit."""
    counted = []
    write = ledger._file.write

    def noting(work):
        result = write(work)
        query = "SELECT count(*) FROM batches WHERE state = 'sending'"
        counted.extend(ledger._file.read(lambda file: file.execute(query).fetchone()))
        return result

    monkeypatch.setattr(ledger._file, "write", noting)
    return counted


async def slow(request):
    """Answer after some turns of the loop, some requests later than others."""
    for _ in range(len(request.body) % 7):
        await asyncio.sleep(0)
    return answer(201, {"sms_ticket": "sms_1", "total_cost": 0.05})


def over(ledger, batches, **options):
    """A run of one person a batch."""
    transport = ScriptedTransport(*[slow] * batches)
    octopush = session_over(transport)
    return octopush.bulk("run", **RUN, batch_size=1, ledger=ledger, **options)


async def test_a_result_is_durable_when_it_is_told(ledger, tmp_path):
    """Whoever opens the file at that moment finds its outcome."""
    run = over(ledger, 20, concurrency=3)
    found = []
    async with (
        ledger,
        SQLiteLedger(tmp_path / "run.db", read_only=True) as reader,
        aclosing(run.stream(numbers(20))) as results,
    ):
        async for result in results:
            batch = await reader.find_batch("run", str(result.number))
            found.append((batch.number, batch.state, batch.ticket))

    assert sorted(found) == [
        (number, BatchState.ACCEPTED, "sms_1") for number in range(1, 21)
    ]


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_no_commit_leaves_more_open_than_may_be_on_their_way(
    ledger, sending, concurrency
):
    """The commit that plans a batch has the outcome of the one before it."""
    async with ledger:
        await over(ledger, 20, concurrency=concurrency).send(numbers(20))

    assert max(sending) == concurrency
    assert sending[-1] == 0


async def test_an_outcome_and_the_next_intent_are_one_commit(ledger, sending):
    """With one request in flight, a commit for each batch, and not two."""
    async with ledger:
        await over(ledger, 20, concurrency=1).send(numbers(20))

    # One for each batch, and those that begin and end a run.
    assert len(sending) <= 20 + 5


async def test_who_is_answered_together_plans_together(ledger, sending):
    """Four batches, of which none waits for another, share each commit."""
    together = asyncio.Barrier(4)

    async def at_once(_):
        await together.wait()
        return answer(201, {"sms_ticket": "sms_1", "total_cost": 0.05})

    octopush = session_over(ScriptedTransport(*[at_once] * 40))
    run = octopush.bulk("run", **RUN, batch_size=1, ledger=ledger, concurrency=4)
    async with ledger:
        await run.send(numbers(40))

    assert max(sending) == 4
    assert len(sending) <= 10 + 5


async def test_a_run_that_stops_before_a_commit_plans_no_more(ledger, monkeypatch):
    """What was not read is read by the next start."""
    run = over(ledger, 4, concurrency=1)
    turn = asyncio.sleep

    async def stopping(seconds):
        run.stop()
        await turn(seconds)

    monkeypatch.setattr("aiooctopush.bulk.sending.run_loop.asyncio.sleep", stopping)
    async with ledger:
        report = await run.send(numbers(4))

    assert (report.batches, report.is_complete) == (1, False)


async def test_a_result_that_cannot_be_written_is_not_told(ledger, monkeypatch):
    """The run ends with what went wrong."""
    replace, told = ledger._replace, []

    def fails(connection, run_name, batch):
        if batch.number == 2:
            raise LedgerError("the disk is full")
        replace(connection, run_name, batch)

    monkeypatch.setattr(ledger, "_replace", fails)
    run = over(ledger, 4, concurrency=1)

    async def listen():
        async with ledger, aclosing(run.stream(numbers(4))) as results:
            async for result in results:
                told.append(result.number)  # noqa: PERF401  # what came before it

    with pytest.raises(LedgerError, match="the disk is full"):
        await listen()

    assert told == [1]


async def test_who_leaves_finds_the_outcomes_in_the_file(ledger, tmp_path):
    """A cancelled run is torn down, and forgets nothing that it knew."""
    leaving = asyncio.Event()

    async def last(_):
        leaving.set()
        await asyncio.Event().wait()

    transport = ScriptedTransport(slow, slow, last)
    octopush = session_over(transport)
    run = octopush.bulk("run", **RUN, batch_size=1, ledger=ledger, concurrency=1)
    async with ledger:
        task = asyncio.create_task(run.send(numbers(3)))
        await leaving.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with SQLiteLedger(tmp_path / "run.db", read_only=True) as left:
        states = [batch.state async for batch in left.batches("run")]

    assert states == [BatchState.ACCEPTED, BatchState.ACCEPTED, BatchState.SENDING]


async def test_who_leaves_while_an_outcome_waits_finds_it_in_the_file(
    ledger, tmp_path, monkeypatch
):
    """Its write is not cancelled with who waits for it."""
    conclude, may_write = ledger.conclude_soon, threading.Event()
    is_asked = asyncio.Event()

    async def concluding(*args):
        blocked = ledger._commits.do(may_write.wait)
        written = await conclude(*args)
        is_asked.set()
        assert not blocked.done()
        return written

    monkeypatch.setattr(ledger, "conclude_soon", concluding)
    run = over(ledger, 1, concurrency=1)
    async with ledger:
        task = asyncio.create_task(run.send(numbers(1)))
        await is_asked.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        may_write.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with SQLiteLedger(tmp_path / "run.db", read_only=True) as left:
        states = [batch.state async for batch in left.batches("run")]

    assert states == [BatchState.ACCEPTED]
