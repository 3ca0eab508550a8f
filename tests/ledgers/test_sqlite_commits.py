"""What waits for the disk together is written together, and answered one by one."""

import asyncio
import shutil
import threading
from contextlib import asynccontextmanager

import pytest
from attrs import evolve
from ledger_kinds import batch_record, begun, listed, run_record

from aiooctopush.ledgers.records import BatchState, LedgerError
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


ACCEPTED = BatchState.ACCEPTED
BOTH = [ACCEPTED, ACCEPTED]


@pytest.fixture
def path(tmp_path):
    """Where the ledger is."""
    return tmp_path / "ledger.db"


@pytest.fixture
async def ledger(path):
    """A ledger with two batches that are on their way."""
    async with SQLiteLedger(path) as ledger:
        await begun(ledger, batch_record(1), batch_record(2))
        yield ledger


@pytest.fixture
def commits(ledger, monkeypatch):
    """How often the disk was waited for."""
    counted = []
    write = ledger._file.write

    def noting(work):
        result = write(work)
        counted.append(work)
        return result

    monkeypatch.setattr(ledger._file, "write", noting)
    return counted


@asynccontextmanager
async def busy(ledger):
    """Keep the thread busy meanwhile, so that what is asked has to wait."""
    gate = threading.Event()
    working = asyncio.ensure_future(ledger._commits.do(gate.wait))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        gate.set()
    await working


async def asked(*calls):
    """Start calls in their order, each until it waits."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    return tasks


def accepted(ledger, number):
    """Conclude a batch."""
    return ledger.conclude("run", batch_record(number, state=ACCEPTED))


async def states(ledger):
    """Where the batches stand."""
    return [batch.state for batch in await listed(ledger)]


async def test_what_waits_together_is_one_commit(ledger, commits):
    """The intent of one batch and the outcome of another wait for the disk once."""
    (run,) = await ledger.runs()
    async with busy(ledger):
        tasks = await asked(
            accepted(ledger, 1),
            ledger.plan(run, [batch_record(3)]),
            accepted(ledger, 2),
        )
    await asyncio.gather(*tasks)

    assert len(commits) == 1
    assert await states(ledger) == [*BOTH, BatchState.SENDING]


async def test_each_is_answered_with_its_own(ledger, commits):
    """Whatever else was written with it."""
    async with busy(ledger):
        tasks = await asked(
            accepted(ledger, 1),
            ledger.open_run(run_record("one")),
            ledger.open_run(run_record("other")),
        )
    found = await asyncio.gather(*tasks)

    assert found == [None, run_record("one"), run_record("other")]
    assert len(commits) == 1


async def test_what_does_not_wait_is_not_kept_waiting(ledger, commits):
    """A write that is alone has a commit of its own, at once."""
    await accepted(ledger, 1)
    await accepted(ledger, 2)

    assert len(commits) == 2


async def test_what_is_asked_is_done_in_its_order(ledger, commits):
    """Who reads between two writes sees the first and not the second."""
    async with busy(ledger):
        _, reading, _ = tasks = await asked(
            accepted(ledger, 1), ledger.find_batch("run", "2"), accepted(ledger, 2)
        )
    await asyncio.gather(*tasks)

    assert reading.result().state is BatchState.SENDING
    assert len(commits) == 2


async def test_of_two_writes_of_a_batch_the_later_one_stays(ledger):
    """Also in one commit."""
    async with busy(ledger):
        tasks = await asked(
            ledger.begin("run", batch_record(1, epoch=1)),
            ledger.begin("run", batch_record(1, epoch=2)),
        )
    await asyncio.gather(*tasks)

    assert [batch.epoch for batch in await listed(ledger)] == [2, 0]


async def test_what_cannot_be_written_fails_who_asked_for_it_alone(ledger, path):
    """What was written with it is rolled back, and written without it."""
    async with busy(ledger):
        tasks = await asked(
            accepted(ledger, 1),
            accepted(ledger, 9),
            ledger.begin("run", batch_record(2, ticket="\ud800")),
            accepted(ledger, 2),
        )
    first, missing, odd, last = await asyncio.gather(*tasks, return_exceptions=True)

    assert (first, last) == (None, None)
    assert str(missing) == f"{path}: holds no batch 9 of 'run'."
    assert "cannot store such a value" in str(odd)
    assert await states(ledger) == BOTH


async def test_a_disk_that_fails_tells_all_who_wrote(ledger, monkeypatch):
    """And the ledger goes on as soon as the disk does."""
    write = ledger._file.write

    def fails(work):
        raise LedgerError("the disk failed")

    monkeypatch.setattr(ledger._file, "write", fails)
    async with busy(ledger):
        tasks = await asked(accepted(ledger, 1), accepted(ledger, 2))
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    monkeypatch.setattr(ledger._file, "write", write)

    assert [str(one) for one in errors] == ["the disk failed."] * 2
    assert errors[0] is not errors[1]
    assert await states(ledger) == [BatchState.SENDING] * 2
    await accepted(ledger, 1)


async def test_nobody_is_answered_before_the_commit(ledger, path, tmp_path):
    """A crash in the middle of a commit leaves nothing of what is in it."""
    place = tmp_path / "crashed"
    place.mkdir()
    answered = []

    def crash(_):
        # Both are written here, and none of them is on the disk for good.
        answered.extend(task.done() for task in tasks)
        for name in (path.name, f"{path.name}-wal"):
            shutil.copy(path.with_name(name), place)

    async with busy(ledger):
        tasks = await asked(
            accepted(ledger, 1), accepted(ledger, 2), ledger._commits.write(crash)
        )
    await asyncio.gather(*tasks)

    async with SQLiteLedger(place / path.name) as left:
        assert await states(left) == [BatchState.SENDING] * 2
    assert answered == [False] * 3
    assert await states(ledger) == BOTH


async def test_who_leaves_while_he_waits_takes_nobody_along(ledger, commits):
    """What he asked is not done, and the others' is."""
    async with busy(ledger):
        tasks = await asked(*(accepted(ledger, number) for number in (1, 2)))
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
    await tasks[1]

    assert await states(ledger) == [BatchState.SENDING, ACCEPTED]
    assert len(commits) == 1


@pytest.mark.parametrize(
    ("number", "left"),
    [(2, BOTH), (9, [ACCEPTED, BatchState.SENDING])],
    ids=["written", "refused"],
)
async def test_who_leaves_in_the_middle_takes_nobody_along(ledger, number, left):
    """What he asked is done to its end, and nobody is there to hear what came of it."""
    loop = asyncio.get_running_loop()
    reached, gate = asyncio.Event(), threading.Event()

    def wait(_):
        loop.call_soon_threadsafe(reached.set)
        gate.wait()

    async with busy(ledger):
        waiting, leaving, staying = await asked(
            ledger._commits.write(wait), accepted(ledger, number), accepted(ledger, 1)
        )
    await reached.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    gate.set()
    await asyncio.gather(waiting, staying)

    assert leaving.cancelled()
    assert await states(ledger) == left


def test_a_loop_that_is_closed_holds_up_nobody(path):
    """The next one goes on with the same ledger."""
    ledger = SQLiteLedger(path)
    gate = threading.Event()
    first = asyncio.new_event_loop()
    run = first.run_until_complete(begun(ledger, batch_record(1)))

    async def hold():
        await ledger._commits.do(gate.wait)

    left = first.create_task(hold())
    later = first.create_task(ledger.update_run(evolve(run, items=7)))
    first.run_until_complete(asyncio.sleep(0))
    left._log_destroy_pending = later._log_destroy_pending = False
    first.close()
    gate.set()

    async def go_on():
        async with ledger:
            return [run.items for run in await ledger.runs()]

    assert asyncio.run(go_on()) == [7]


def soon(ledger, number):
    """Conclude a batch, which can wait."""
    return ledger.conclude_soon("run", batch_record(number, state=ACCEPTED))


async def test_outcomes_are_written_with_the_next_intent(ledger, commits):
    """Before it, and in the same commit."""
    (run,) = await ledger.runs()
    outcomes = [await soon(ledger, 1), await soon(ledger, 2)]
    await asyncio.sleep(0)
    begun_before = len(commits)
    await ledger.plan(run, [batch_record(3)])

    assert begun_before == 0
    assert [one.result() for one in outcomes] == [None, None]
    assert len(commits) == 1
    assert await states(ledger) == [*BOTH, BatchState.SENDING]


async def test_an_outcome_is_written_by_itself_after_a_moment(ledger, commits):
    """Where nothing else is written."""
    await (await soon(ledger, 1))
    await (await soon(ledger, 2))

    assert len(commits) == 2
    assert await states(ledger) == BOTH


async def test_who_reads_sees_the_outcomes_that_wait(ledger):
    """Nobody is told an older state."""
    await soon(ledger, 1)
    found = await ledger.find_batch("run", "1")

    assert found.state is ACCEPTED


async def test_outcomes_that_wait_are_written_when_the_ledger_is_closed(path):
    """And the file stands alone then."""
    async with SQLiteLedger(path) as ledger:
        await begun(ledger, batch_record(1))
        outcome = await soon(ledger, 1)
    async with SQLiteLedger(path, read_only=True) as left:
        assert await states(left) == [ACCEPTED]
    assert outcome.done()


async def test_an_outcome_that_cannot_be_written_fails_nobody_else(ledger):
    """Whoever asked for it is told."""
    (run,) = await ledger.runs()
    outcome = await soon(ledger, 9)
    await ledger.plan(run, [batch_record(3)])

    with pytest.raises(LedgerError, match="holds no batch 9"):
        await outcome
