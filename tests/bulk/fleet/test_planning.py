"""Planning: a run is written down for workers, whole and once, and nothing is sent."""

import asyncio
from collections import Counter

import asyncpg
import pytest
from fleets import MESSAGE, DurableLedger, numbers, states
from ledger_kinds import listed, rejected
from services import postgres

from aiooctopush import (
    InvalidFieldError,
    Message,
    Recipient,
    SmsRequest,
    SQLiteLedger,
)
from aiooctopush.bulk.fleet import planning
from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.bulk.sources import batching
from aiooctopush.ledgers.batch import content_of, unpack_numbers
from aiooctopush.ledgers.records import BatchState, LedgerError, Pause


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def ledger(request, tmp_path):
    """Each kind of ledger that workers may share."""
    made = {
        "memory": DurableLedger,
        "sqlite": lambda: SQLiteLedger(tmp_path / "run.db"),
        "postgres": lambda: postgres.ledger_at(tmp_path),
    }[request.param]()
    yield made
    await made.close()


def people_of(batches):
    """How often each number stands in batches."""
    return Counter(one for batch in batches for one in unpack_numbers(batch.numbers))


def breaking(items, after):
    """A source that ends in an error."""
    yield from items[:after]
    raise OSError("the disk is gone")


async def test_everything_is_written_and_nothing_is_tried(ledger):
    """Each batch says whom and what, under an id that nobody has used."""
    run = await plan(ledger, "run", MESSAGE, numbers(25), batch_size=10)

    batches = await listed(ledger)
    assert [(one.name, one.first, one.count) for one in batches] == [
        ("1", 0, 10),
        ("2", 10, 10),
        ("3", 20, 5),
    ]
    assert {(one.state, one.attempts) for one in batches} == {(BatchState.NOT_SENT, 0)}
    request = content_of(batches[2])
    assert (request.text, request.sender, request.purpose) == ("Hello", "Acme", "alert")
    assert [one.phone_number for one in request.recipients] == numbers(5, start=20)
    assert len({one.request_id for one in batches}) == 3
    assert (run.planned, run.batches, run.exhausted) == (25, 3, True)
    assert [one.exhausted for one in await ledger.runs()] == [True]


async def test_workers_may_claim_what_is_planned(ledger):
    """The planner lets go of the run in the end."""
    await plan(ledger, "run", MESSAGE, numbers(1))

    assert await ledger.claim("run", "1", owner="a") is not None


@pytest.mark.parametrize("good", [0, 1, 5])
async def test_rejections_are_written_before_they_fill_the_memory(
    ledger, monkeypatch, good
):
    """However few of millions of rows are good, and wherever they are."""
    monkeypatch.setattr(batching, "REJECTED_AT_ONCE", 3)
    monkeypatch.setattr(planning, "REJECTED_AT_ONCE", 3)
    people = numbers(good)
    source = [one for number in people for one in (number, "33", "34")]
    seen = []

    run = await plan(
        *(ledger, "run", MESSAGE, ["35"] * 7 + source),
        batch_size=2,
        progress=lambda run: seen.append(run.rejected),
    )

    assert (run.planned, run.rejected, run.exhausted) == (good, 7 + 2 * good, True)
    assert people_of(await listed(ledger)) == Counter(people)
    assert len(await rejected(ledger)) == 7 + 2 * good
    # Two batches are planned together, each with a little more than that.
    assert max(b - a for a, b in zip([0, *seen], seen, strict=False)) <= 5


async def test_what_is_no_recipient_and_who_was_there_is_left_out(ledger):
    """Both are counted, and what is no recipient is listed."""
    source = ["+33639980001", "06 39", "+33639980001", "+33639980002"]

    run = await plan(ledger, "run", MESSAGE, source)

    assert (run.planned, run.duplicates, run.rejected, run.items) == (2, 1, 1, 4)
    assert [one.position for one in await rejected(ledger)] == [1]


async def test_whom_to_exclude_is_not_planned(ledger):
    """He is counted."""
    run = await plan(ledger, "run", MESSAGE, numbers(5), exclude=numbers(2, start=3))

    (batch,) = await listed(ledger)
    assert (run.items, run.planned, run.excluded) == (5, 3, 2)
    assert [one.phone_number for one in content_of(batch).recipients] == numbers(3)


async def test_planning_goes_on_after_a_crash(ledger):
    """With the same batches as if nothing had happened, each once."""
    source = numbers(250)
    with pytest.raises(OSError, match="the disk is gone"):
        await plan(ledger, "run", MESSAGE, breaking(source, 215), batch_size=10)
    before = await listed(ledger)

    run = await plan(ledger, "run", MESSAGE, source, batch_size=10)

    whole = DurableLedger()
    await plan(whole, "run", MESSAGE, source, batch_size=10)
    assert len(before) == 20
    assert await listed(ledger) == await listed(whole)
    assert (run.planned, run.batches, run.exhausted) == (250, 25, True)


async def test_a_pause_that_falls_into_planning_stays(ledger):
    """A worker met a wrong key meanwhile: what is added waits like all else."""

    async def source():
        for one in numbers(250):
            if one == numbers(1, start=215)[0]:
                await ledger.pause("run", Pause.CREDENTIALS)
            yield one

    run = await plan(ledger, "run", MESSAGE, source(), batch_size=10)

    assert [one.paused for one in await ledger.runs()] == [Pause.CREDENTIALS]
    assert await ledger.claim_next("run", owner="a") == []
    assert (run.planned, run.exhausted) == (250, True)


async def test_a_paused_run_can_be_added_to(ledger):
    """It stands still afterwards as before, until somebody resumes it."""
    await plan(ledger, "run", MESSAGE, numbers(10), batch_size=10)
    await ledger.pause("run", Pause.CREDIT)

    await plan(ledger, "run", MESSAGE, numbers(20), batch_size=10)

    assert [one.paused for one in await ledger.runs()] == [Pause.CREDIT]
    assert await ledger.claim_next("run", owner="a") == []


async def test_two_who_plan_at_once_plan_nobody_twice(ledger):
    """One is told to start again; the other's people are known to that start."""
    here, there = numbers(50), [*numbers(10, start=900), *numbers(40)]

    async def source():
        for one in here:
            yield one
        with pytest.raises(LedgerError, match="so nothing was planned from here"):
            await plan(ledger, "run", MESSAGE, there, batch_size=10)

    await plan(ledger, "run", MESSAGE, source(), batch_size=10)
    before = people_of(await listed(ledger))
    run = await plan(ledger, "run", MESSAGE, there, batch_size=10)

    assert before == Counter(here)
    assert people_of(await listed(ledger)) == Counter([*here, *there[:10]])
    assert (run.new, run.already) == (10, 40)


@pytest.mark.parametrize("goes_on", [False, True])
async def test_another_message_needs_another_key(ledger, goes_on):
    """Whether the run was planned to its end or not."""
    source = numbers(250)
    if goes_on:
        with pytest.raises(OSError, match="the disk is gone"):
            await plan(ledger, "run", MESSAGE, breaking(source, 215), batch_size=10)
    else:
        await plan(ledger, "run", MESSAGE, source, batch_size=10)
    other = Message(text="Bye", sender="Acme", purpose="alert")

    with pytest.raises(InvalidFieldError, match="began with another text"):
        await plan(ledger, "run", other, source, batch_size=10)


async def test_a_planned_run_is_for_workers_alone(ledger):
    """Its ids come from whole requests: another way to send it would send it twice."""
    await plan(ledger, "run", MESSAGE, numbers(1))
    (run,) = await ledger.runs()

    assert run.settings["planned_for"] == "workers"
    assert "Hello" not in str(run.settings)


async def test_requests_with_a_text_of_their_own_are_a_batch_each(ledger):
    """They keep what they say; their ids become those of the run."""
    requests = [
        SmsRequest(
            text=f"Code {number}",
            recipients=[Recipient(one)],
            sender="Acme",
            purpose="alert",
        )
        for number, one in enumerate(numbers(3))
    ]

    run = await plan(ledger, "run", None, requests)

    batches = await listed(ledger)
    texts = [content_of(one).text for one in batches]
    assert texts == ["Code 0", "Code 1", "Code 2"]
    assert {one.request_id for one in batches}.isdisjoint(
        one.request_id for one in requests
    )
    assert run.batches == 3


async def test_progress_is_told_after_each_transaction():
    """Twenty batches at a time, and the end."""
    seen = []

    await plan(
        DurableLedger(),
        "run",
        MESSAGE,
        numbers(45),
        batch_size=1,
        progress=lambda run: seen.append((run.planned, run.exhausted)),
    )

    assert seen == [(20, False), (40, False), (45, True)]


async def test_a_progress_that_fails_changes_nothing(caplog):
    """The run is planned to its end."""

    def fail(_):
        raise asyncio.CancelledError

    run = await plan(DurableLedger(), "run", MESSAGE, numbers(45), progress=fail)

    assert (run.planned, run.exhausted) == (45, True)
    assert "progress failed" in caplog.text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"key": " "}, "name: must name the run"),
        ({"key": "a\0b"}, "name: must not hold a NUL"),
        ({"batch_size": 501}, "batch_size: must be a whole number from 1 to 500"),
        ({"on_duplicate": "perhaps"}, "on_duplicate: must be"),
        (
            {"source": "+33639980001"},
            r"source: must be an iterable of recipients; \[one\] for a single one",
        ),
    ],
)
async def test_bad_arguments_are_refused(values, words):
    """Nothing is written."""
    ledger = DurableLedger()
    given = {"key": "run", "source": numbers(1)} | values
    key, source = given.pop("key"), given.pop("source")

    with pytest.raises(InvalidFieldError, match=words):
        await plan(ledger, key, MESSAGE, source, **given)

    assert await states(ledger) == {}


async def test_a_run_is_planned_together_with_other_rows_or_not_at_all(tmp_path):
    """An outbox: what the application undoes was never planned."""
    ledger = postgres.ledger_at(tmp_path)
    connection = await asyncpg.connect(postgres.server().dsn())
    try:
        transaction = connection.transaction()
        await transaction.start()
        bound = ledger.bound_to(connection)
        await plan(bound, "undone", MESSAGE, numbers(1))
        await transaction.rollback()
        async with connection.transaction():
            await plan(ledger.bound_to(connection), "done", MESSAGE, numbers(1))
        runs = await ledger.runs()
    finally:
        await connection.close()
        await ledger.close()

    assert [(run.name, run.exhausted) for run in runs] == [("done", True)]


async def test_two_processes_that_plan_one_run_at_once(tmp_path):
    """Also in the moment in which it begins: one plans, the other starts again."""
    here, there = numbers(50), [*numbers(10, start=900), *numbers(40)]
    async with postgres.ledger_at(tmp_path) as one, postgres.ledger_at(tmp_path) as two:
        ends = await asyncio.gather(
            plan(one, "run", MESSAGE, here, batch_size=10),
            plan(two, "run", MESSAGE, there, batch_size=10),
            return_exceptions=True,
        )
        before = people_of(await listed(one))
        for ledger, source in ((one, here), (two, there)):
            await plan(ledger, "run", MESSAGE, source, batch_size=7)
        after = people_of(await listed(one))

    everybody = Counter([*here, *there[:10]])
    refused = [str(one) for one in ends if isinstance(one, LedgerError)]
    # On a slow machine one is done before the other begins: then none is refused.
    planned = (Counter(here), Counter(there)) if refused else (everybody,)
    assert len(refused) <= 1
    assert all("Start again when it is done" in words for words in refused)
    assert before in planned
    assert after == everybody


async def test_a_run_is_planned_on_while_it_is_sent(tmp_path):
    """A worker that holds a batch keeps nobody from adding others."""
    ledger = postgres.ledger_at(tmp_path)
    async with ledger:
        with pytest.raises(OSError, match="the disk is gone"):
            await plan(
                ledger, "run", MESSAGE, breaking(numbers(250), 215), batch_size=10
            )
        await ledger.claim("run", "1", owner="a")

        run = await plan(ledger, "run", MESSAGE, numbers(250), batch_size=10)

    assert (run.planned, run.exhausted) == (250, True)
