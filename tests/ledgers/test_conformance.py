"""What every ledger does alike, whatever it keeps its records in."""

import asyncio
from datetime import timedelta, timezone

import pytest
from attrs import evolve
from ledger_kinds import (
    DURABLE,
    FULL_BATCH,
    FULL_REJECTION,
    FULL_RUN,
    KINDS,
    NOW,
    batch_record,
    begun,
    everything,
    listed,
    rejected,
    run_record,
)

from aiooctopush.errors import InvalidFieldError
from aiooctopush.ledgers.arguments import check_run_name
from aiooctopush.ledgers.records import (
    BatchState,
    LedgerError,
    Pause,
    Receipt,
    Rejection,
)


S = BatchState
KEEP = (S.NOT_SENT, S.SENDING, S.PRESUMED, S.REFUSED, S.UNKNOWN, S.ALREADY_SENT)
DROP = (S.ACCEPTED, S.SKIPPED, S.SPLIT)


def name_of(kind):
    """The id of a test."""
    return kind.name


@pytest.fixture(params=KINDS, ids=name_of)
def kind(request):
    """Each kind of ledger."""
    return request.param


@pytest.fixture
async def ledger(kind, tmp_path):
    """An empty ledger of each kind."""
    ledger = kind.open(tmp_path)
    yield ledger
    await ledger.close()


# --- runs -----------------------------------------------------------------------------


async def test_a_new_ledger_is_empty(ledger):
    """It holds no run."""
    assert list(await ledger.runs()) == []


async def test_a_run_begins_as_it_is_given(ledger):
    """Each attribute comes back."""
    opened = await ledger.open_run(FULL_RUN)

    assert opened == FULL_RUN
    assert list(await ledger.runs()) == [FULL_RUN]


async def test_a_run_is_found_as_it_was_left(ledger):
    """Whatever it would be like if it were new."""
    await ledger.open_run(run_record(settings={"sender": "Acme"}))

    found = await ledger.open_run(run_record(settings={"sender": "Other"}, items=9))

    assert found == run_record(settings={"sender": "Acme"})
    assert list(await ledger.runs()) == [found]


async def test_a_run_is_replaced_as_a_whole(ledger):
    """Also where an attribute goes back to None."""
    await ledger.open_run(evolve(FULL_RUN, purged=False))
    changed = run_record("full", items=3)

    await ledger.update_run(changed)

    assert list(await ledger.runs()) == [changed]


async def test_runs_come_the_latest_begun_first(ledger):
    """In whatever zone; those of one instant in the order in which they came."""
    for key, minutes, zone in (("a", 1, 0), ("b", 3, 0), ("c", 2, 5), ("d", 3, -5)):
        instant = NOW + timedelta(minutes=minutes)
        began_at = instant.astimezone(timezone(timedelta(hours=zone)))
        await ledger.open_run(run_record(key, began_at=began_at))

    assert [run.name for run in await ledger.runs()] == ["b", "d", "c", "a"]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param(" ", id="space"),
        pytest.param("Black Friday – ключ 😀", id="unicode"),
        pytest.param("'; DROP TABLE runs; --", id="sql"),
        pytest.param("k" * 5_000, id="long"),
    ],
)
async def test_a_key_is_any_text(ledger, key):
    """And names that run alone."""
    await begun(ledger, key="other")

    await begun(ledger, batch_record(), key=key)

    assert await listed(ledger, key) == [batch_record()]
    assert await listed(ledger, "other") == []


async def test_what_the_gateway_says_is_kept_without_nul(ledger):
    """No PostgreSQL text can hold it; a sign stands in its place in every ledger."""
    said = batch_record(
        ticket="sms\0", resolution="me\0", state=BatchState.ACCEPTED, payload=None
    )
    rejection = Rejection(position=1, reason="odd\0", shown="06\0")
    await begun(ledger, said, rejections=[rejection])
    await ledger.record_receipts(
        "run", [Receipt(batch="1", number="+33601020304", status="D\0", is_final=True)]
    )

    (batch,) = await listed(ledger)

    assert (batch.ticket, batch.resolution) == ("sms\ufffd", "me\ufffd")
    assert await rejected(ledger) == [
        Rejection(position=1, reason="odd\ufffd", shown="06\ufffd")
    ]
    assert await ledger.deliveries("run") == {"D\ufffd": 1}


@pytest.mark.parametrize("name", ["", " ", "a\0b"])
def test_the_name_of_a_run_says_something_and_holds_no_nul(name):
    """It is refused before anything is written."""
    with pytest.raises(InvalidFieldError, match="name: must n"):
        check_run_name(name)


@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("a", "a "), ("é", "e\u0301")])
async def test_keys_that_look_alike_are_different(ledger, one, other):
    """A run goes on under its very key only."""
    await begun(ledger, batch_record(), key=one)

    await ledger.open_run(run_record(other))

    assert len(await ledger.runs()) == 2
    assert await listed(ledger, other) == []


async def test_runs_do_not_meet(ledger):
    """What is written to one of them is not in another, though the numbers are."""
    await begun(ledger, batch_record(), key="a", rejections=[FULL_REJECTION])
    await begun(ledger, batch_record(), key="b")

    await ledger.conclude("a", batch_record(state=S.ACCEPTED))

    assert await listed(ledger, "b") == [batch_record()]
    assert await rejected(ledger, "b") == []


PLANNING = {
    "plan": lambda ledger, run: ledger.plan(run, [batch_record()]),
    "start_run": lambda ledger, run: ledger.start_run(run),
}
EACH_WAY_TO_PLAN = pytest.mark.parametrize("write", PLANNING.values(), ids=PLANNING)


@EACH_WAY_TO_PLAN
async def test_planning_leaves_a_pause_alone(ledger, write):
    """Whoever plans has read the run before somebody paused it."""
    run = await ledger.open_run(run_record())
    await ledger.pause("run", Pause.CREDENTIALS)

    await write(ledger, evolve(run, items=7))

    (found,) = await ledger.runs()
    assert (found.paused, found.items) == (Pause.CREDENTIALS, 7)


@EACH_WAY_TO_PLAN
async def test_planning_brings_no_pause_back(ledger, write):
    """Whoever plans has read the run before somebody lifted the pause."""
    run = await ledger.open_run(run_record(paused=Pause.CREDIT))
    await ledger.unpause("run")

    await write(ledger, evolve(run, items=7))

    assert [(one.paused, one.items) for one in await ledger.runs()] == [(None, 7)]


async def test_a_pause_is_written_once(ledger):
    """Of several workers that pause a run at once one is told that it did."""
    await ledger.open_run(run_record())

    paused = await asyncio.gather(*(ledger.pause("run", why) for why in Pause))

    (found,) = await ledger.runs()
    assert paused.count(True) == 1
    assert found.paused is list(Pause)[paused.index(True)]


@pytest.mark.parametrize("name", [*PLANNING, "update_run"])
async def test_a_purge_is_for_good(ledger, name):
    """Whoever writes a run as it was before does not make it know people again."""
    run = await begun(ledger)
    await ledger.purge("run")

    await (PLANNING | {"update_run": type(ledger).update_run})[name](ledger, run)

    assert [one.purged for one in await ledger.runs()] == [True]


# --- batches --------------------------------------------------------------------------


async def test_a_plan_is_written_as_it_is_given(ledger):
    """Batches, rejections and the run, each attribute of them."""
    state = {"paused": FULL_RUN.paused, "purged": FULL_RUN.purged}
    await ledger.open_run(run_record("full", **state))

    await ledger.plan(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])

    assert await everything(ledger) == [(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])]


async def test_money_keeps_its_digits(ledger):
    """0.10 is not 0.1, and no digit is rounded away."""
    await ledger.open_run(run_record("full"))
    await ledger.plan(FULL_RUN, [FULL_BATCH])

    (run,), (batch,) = await ledger.runs(), await listed(ledger, "full")

    assert str(batch.cost) == "0.10"
    assert str(run.residual_credit) == "12345678901234567890.10"


async def test_instants_are_aware(ledger):
    """They come back with a zone, so that they can be told from each other."""
    await ledger.open_run(run_record("full"))
    await ledger.plan(FULL_RUN, [FULL_BATCH])

    (run,), (batch,) = await ledger.runs(), await listed(ledger, "full")

    instants = (run.began_at, run.latest, batch.first_tried_at, batch.concluded_at)
    assert [instant.utcoffset() is None for instant in instants] == [False] * 4


async def test_a_plan_may_add_nothing_but_what_was_read(ledger):
    """A source of duplicates alone moves the cursor."""
    run = await begun(ledger)

    await ledger.plan(evolve(run, items=7), [])

    assert [one.items for one in await ledger.runs()] == [7]


async def test_a_batch_is_planned_once(ledger):
    """A second plan would lose what is known of it: nothing of that is written."""
    run = await begun(ledger, batch_record(2, state=S.ACCEPTED, payload=None))
    before = await everything(ledger)

    with pytest.raises(LedgerError):
        await ledger.plan(
            evolve(run, items=9_999),
            [batch_record(1), batch_record(2)],
            [FULL_REJECTION],
        )

    assert await everything(ledger) == before


async def test_a_plan_does_not_name_a_batch_twice(ledger):
    """One of the two would be lost."""
    run = await begun(ledger)

    with pytest.raises(LedgerError):
        await ledger.plan(run, [batch_record(), batch_record()])

    assert await listed(ledger) == []


@pytest.mark.parametrize("act", ["begin", "conclude"])
async def test_a_batch_is_replaced_as_a_whole(ledger, act):
    """Each attribute, and also where one goes back to None."""
    await begun(ledger, FULL_BATCH)
    changed = batch_record(7, "1.2", state=S.NOT_SENT, first_tried_at=None)

    await getattr(ledger, act)("run", changed)
    first = await listed(ledger)
    await getattr(ledger, act)("run", FULL_BATCH)

    assert first == [changed]
    assert await listed(ledger) == [FULL_BATCH]


@pytest.mark.parametrize("act", ["begin", "conclude"])
async def test_only_the_batch_named_is_replaced(ledger, act):
    """Neither its parts nor its neighbours."""
    others = [batch_record(1), batch_record(2, "1"), batch_record(3)]
    await begun(ledger, *others, batch_record(2))

    await getattr(ledger, act)("run", batch_record(2, epoch=1))

    whole = batch_record(2, epoch=1)
    assert await listed(ledger) == [others[0], whole, others[1], others[2]]


@pytest.mark.parametrize("act", ["begin", "conclude"])
@pytest.mark.parametrize("state", KEEP, ids=str)
@pytest.mark.parametrize(
    ("given", "expected"), [(None, b"old"), (b"new", b"new"), (b"", b"")]
)
async def test_a_batch_that_may_be_sent_again_keeps_its_payload(
    ledger, act, state, given, expected
):
    """None leaves what was stored."""
    await begun(ledger, batch_record(payload=b"old"))

    await getattr(ledger, act)("run", batch_record(state=state, payload=given))

    assert [batch.payload for batch in await listed(ledger)] == [expected]


@pytest.mark.parametrize("act", ["begin", "conclude"])
@pytest.mark.parametrize("state", DROP, ids=str)
async def test_a_batch_that_is_done_loses_its_payload(ledger, act, state):
    """Even if it is given once more; whom it went to stays."""
    await begun(ledger, batch_record(payload=b"old"))

    await getattr(ledger, act)("run", batch_record(state=state, payload=b"new"))

    (batch,) = await listed(ledger)
    assert (batch.payload, batch.numbers) == (None, b"numbers")


@pytest.mark.parametrize("state", S, ids=str)
async def test_a_new_batch_has_a_payload_only_if_it_may_be_sent(ledger, state):
    """The same law for plans and parts."""
    await begun(ledger, batch_record(1, state=state), batch_record(2))

    await ledger.split("run", batch_record(2), [batch_record(2, "1", state=state)])

    planned, _, part = await listed(ledger)
    expected = b"payload" if state in KEEP else None
    assert (planned.payload, part.payload) == (expected, expected)


async def test_a_split_batch_has_parts_instead(ledger):
    """It keeps what it was, but for its state and its payload."""
    await begun(ledger, batch_record(attempts=1))
    parts = [batch_record(part=part, state=S.NOT_SENT) for part in ("1", "2")]

    await ledger.split("run", batch_record(attempts=2, code=103), parts)

    parent = batch_record(attempts=2, code=103, state=S.SPLIT, payload=None)
    assert await listed(ledger) == [parent, *parts]


async def test_a_part_is_made_once(ledger):
    """The parent stays as it was if one of its parts is there."""
    await begun(ledger, batch_record(), batch_record(part="2", state=S.ACCEPTED))
    before = await everything(ledger)

    with pytest.raises(LedgerError):
        await ledger.split(
            "run", batch_record(), [batch_record(part="1"), batch_record(part="2")]
        )

    assert await everything(ledger) == before


WRITES = {
    "plan": lambda ledger, key: ledger.plan(run_record(key), [batch_record()]),
    "begin": lambda ledger, key: ledger.begin(key, batch_record()),
    "conclude": lambda ledger, key: ledger.conclude(key, batch_record()),
    "split": lambda ledger, key: ledger.split(key, batch_record(), []),
    "start_run": lambda ledger, key: ledger.start_run(run_record(key)),
    "update_run": lambda ledger, key: ledger.update_run(run_record(key)),
    "purge": lambda ledger, key: ledger.purge(key),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
async def test_what_is_no_run_cannot_be_written_to(ledger, write):
    """A run begins with `open_run` only; the error names the key."""
    await begun(ledger)
    before = await everything(ledger)

    with pytest.raises(LedgerError, match="holds no run 'other'"):
        await write(ledger, "other")

    assert await everything(ledger) == before


@pytest.mark.parametrize("name", ["begin", "conclude", "split"])
async def test_what_is_no_batch_cannot_be_written_to(ledger, name):
    """A batch is planned first, with its cursor; the error names the batch."""
    await begun(ledger, batch_record(2))

    with pytest.raises(LedgerError, match="holds no batch 1 of 'run'"):
        await WRITES[name](ledger, "run")

    assert await listed(ledger) == [batch_record(2)]


async def test_a_split_of_what_is_no_batch_adds_no_parts(ledger):
    """They would be recipients of nobody's batch."""
    await begun(ledger)

    with pytest.raises(LedgerError):
        await ledger.split("run", batch_record(), [batch_record(part="1")])

    assert await listed(ledger) == []


# --- reading --------------------------------------------------------------------------


async def test_batches_come_by_number_and_part(ledger):
    """However they were written."""
    names = [(10, ""), (2, "2"), (2, ""), (1, ""), (2, "1.2"), (2, "1"), (2, "1.1")]
    await begun(ledger, *(batch_record(*name) for name in names))

    assert [batch.name for batch in await listed(ledger)] == [
        *("1", "2", "2.1", "2.1.1", "2.1.2", "2.2", "10")
    ]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param(None, [1, 2, 3, 4], id="all"),
        pytest.param({S.ACCEPTED}, [2, 4], id="one"),
        pytest.param([S.SENDING, S.UNKNOWN], [1, 3], id="two"),
        pytest.param({S.ALREADY_SENT}, [], id="none-such"),
        pytest.param((), [], id="none-asked"),
    ],
)
async def test_batches_can_be_those_in_some_states(ledger, states, expected):
    """In the same order."""
    found = (S.SENDING, S.ACCEPTED, S.UNKNOWN, S.ACCEPTED)
    await begun(ledger, *(batch_record(n, state=s) for n, s in enumerate(found, 1)))

    batches = await listed(ledger, states=states)

    assert [batch.number for batch in batches] == expected


@pytest.mark.parametrize("count", [199, 200, 201, 450])
async def test_no_batch_is_lost_between_pages(ledger, count):
    """Nor read twice, nor any rejection."""
    await begun(
        ledger,
        *(batch_record(1 + n // 3, str(n % 3)) for n in range(count)),
        rejections=[Rejection(position=n, reason="no") for n in range(count)],
    )

    batches, rejections = await listed(ledger), await rejected(ledger)

    assert [(b.number, b.part) for b in batches] == [
        (1 + n // 3, str(n % 3)) for n in range(count)
    ]
    assert [rejection.position for rejection in rejections] == list(range(count))


async def test_writing_while_batches_are_read_is_allowed(ledger):
    """Each batch is met once, even if it changes under way."""
    await begun(ledger, *(batch_record(n) for n in range(1, 301)))
    met = []

    async for batch in ledger.batches("run", {S.SENDING, S.UNKNOWN}):
        met.append(batch.number)
        await ledger.conclude("run", evolve(batch, state=S.UNKNOWN))

    assert met == list(range(1, 301))


async def test_reading_may_be_left_in_the_middle(ledger):
    """Nothing stays open that would stop a writer."""
    await begun(ledger, *(batch_record(n) for n in range(1, 301)))

    await anext(ledger.batches("run"))
    await ledger.purge("run")

    assert {batch.payload for batch in await listed(ledger)} == {None}


async def test_rejections_come_in_the_order_of_the_source(ledger):
    """However they were written."""
    run = await begun(ledger)
    for positions in ((5, 30), (7, 1)):
        rejections = [Rejection(position=one, reason="no") for one in positions]
        await ledger.plan(run, [], rejections)

    assert [one.position for one in await rejected(ledger)] == [1, 5, 7, 30]


async def test_an_unknown_run_is_empty(ledger):
    """Reading does not begin it."""
    assert await listed(ledger, "other") == []
    assert await rejected(ledger, "other") == []
    assert list(await ledger.runs()) == []


# --- purge, close, tasks --------------------------------------------------------------


async def test_a_purge_keeps_the_figures(ledger):
    """Whom it went to, what it said and who was rejected is forgotten; no more."""
    before = evolve(FULL_RUN, purged=False)
    await ledger.open_run(before)
    await ledger.plan(before, [FULL_BATCH], [FULL_REJECTION])

    await ledger.purge("full")

    batch = evolve(FULL_BATCH, payload=None, numbers=b"", identities=b"")
    purged = evolve(FULL_RUN, purged=True)
    assert await everything(ledger) == [(purged, [batch], [])]


async def test_a_purge_is_of_one_run(ledger):
    """Others keep everything."""
    await begun(ledger, batch_record(), key="a", rejections=[FULL_REJECTION])
    await begun(ledger, batch_record(), key="b", rejections=[FULL_REJECTION])

    await ledger.purge("a")

    assert await listed(ledger, "b") == [batch_record()]
    assert await rejected(ledger, "b") == [FULL_REJECTION]


async def test_a_run_can_be_purged_again(ledger):
    """A second time finds nothing to forget."""
    await begun(ledger, batch_record())

    await ledger.purge("run")
    await ledger.purge("run")

    assert [batch.numbers for batch in await listed(ledger)] == [b""]


async def test_a_ledger_can_be_closed_twice(ledger):
    """And before it was used."""
    await ledger.close()
    await ledger.close()


async def test_many_tasks_may_write_at_once(ledger):
    """Each of them is answered when its own is written."""
    await begun(ledger, *(batch_record(n) for n in range(1, 21)))

    async with asyncio.TaskGroup() as group:
        for number in range(1, 21):
            batch = batch_record(number, state=S.ACCEPTED, ticket=f"sms_{number}")
            group.create_task(ledger.conclude("run", batch))

    assert [batch.ticket for batch in await listed(ledger)] == [
        f"sms_{number}" for number in range(1, 21)
    ]


@pytest.mark.parametrize("steps", range(4))
async def test_a_cancelled_write_is_whole_or_never_was(ledger, steps):
    """And the ledger works on."""
    run = await begun(ledger)
    before = await everything(ledger)
    planned = evolve(run, items=1_000)
    batches = [batch_record(n) for n in range(1, 101)]

    task = asyncio.create_task(ledger.plan(planned, batches, [FULL_REJECTION]))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    after = await everything(ledger)
    assert after in (before, [(planned, batches, [FULL_REJECTION])])
    await ledger.update_run(evolve(run, items=5))
    assert [one.items for one in await ledger.runs()] == [5]


# --- durable ledgers ------------------------------------------------------------------


def test_a_ledger_says_whether_it_is_durable(kind, tmp_path):
    """Before anything is opened."""
    assert kind.open(tmp_path).is_durable == (kind in DURABLE)


@pytest.mark.parametrize("kind", DURABLE, ids=name_of)
async def test_everything_is_there_after_it_was_closed(kind, tmp_path):
    """Another ledger in the same place reads it."""
    first = kind.open(tmp_path)
    await first.open_run(FULL_RUN)
    await first.plan(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])
    await first.close()

    second = kind.open(tmp_path)
    found = await everything(second)
    await second.close()

    assert found == [(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])]


@pytest.mark.parametrize("kind", DURABLE, ids=name_of)
async def test_everything_is_there_after_a_crash(kind, tmp_path):
    """What a method returned from needs no closing."""
    places = [tmp_path / "before", tmp_path / "after"]
    for place in places:
        place.mkdir()
    first = kind.open(places[0])
    await first.open_run(FULL_RUN)
    await first.plan(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])
    kind.crash(*places)
    await first.close()

    second = kind.open(places[1])
    found = await everything(second)
    await second.close()

    assert found == [(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])]


# --- receipts -------------------------------------------------------------------------


def receipt(number=1, status="DELIVERED", *, batch="1", is_final=True):
    """What the network said about a number."""
    return Receipt(
        batch=batch, number=f"+3363998000{number}", status=status, is_final=is_final
    )


@pytest.fixture
async def two_batches(ledger):
    """A ledger that holds a run with a batch, and a part of another one."""
    await ledger.open_run(run_record())
    parts = [batch_record(1), batch_record(2, part="1.2")]
    await ledger.plan(run_record(), parts)
    return ledger


async def test_deliveries_are_counted_by_status(two_batches):
    """Each number of each batch once, in the gateway's words."""
    await two_batches.record_receipts("run", [receipt(1), receipt(2), receipt(3, "NO")])
    await two_batches.record_receipts("run", [receipt(1, batch="2.1.2")])

    assert await two_batches.deliveries("run") == {"DELIVERED": 3, "NO": 1}


async def test_statuses_of_a_batch(two_batches):
    """The latest status of each of its numbers, and of no other batch."""
    part = batch_record(2, part="1.2")
    await two_batches.record_receipts(
        "run", [receipt(1, "ACK"), receipt(1), receipt(2)]
    )
    await two_batches.record_receipts("run", [receipt(3, batch="2.1.2")])

    found = await two_batches.statuses("run", batch_record(1))

    assert found == {receipt(1).number: "DELIVERED", receipt(2).number: "DELIVERED"}
    assert await two_batches.statuses("run", part) == {receipt(3).number: "DELIVERED"}
    assert await two_batches.statuses("other", part) == {}


async def test_the_latest_receipt_of_a_number_counts(two_batches):
    """One that is told twice changes nothing."""
    told = [receipt(status="ACK", is_final=False), receipt(), receipt()]

    await two_batches.record_receipts("run", told)

    assert await two_batches.deliveries("run") == {"DELIVERED": 1}


async def test_a_late_word_never_replaces_a_final_one(two_batches):
    """Receipts come in any order; a final one may be corrected by a final one."""
    await two_batches.record_receipts("run", [receipt()])
    await two_batches.record_receipts("run", [receipt(status="ACK", is_final=False)])
    assert await two_batches.deliveries("run") == {"DELIVERED": 1}

    await two_batches.record_receipts("run", [receipt(status="NO")])

    assert await two_batches.deliveries("run") == {"NO": 1}


async def test_a_receipt_for_no_batch_is_an_error_and_none_is_kept(two_batches):
    """All of them are written, or none."""
    with pytest.raises(LedgerError, match="no batch 9"):
        await two_batches.record_receipts("run", [receipt(), receipt(batch="9")])
    with pytest.raises(LedgerError, match="no run"):
        await two_batches.record_receipts("other", [receipt()])

    assert await two_batches.deliveries("run") == {}


async def test_of_a_run_that_is_not_there_nothing_is_delivered(ledger):
    """It is no error to ask."""
    assert await ledger.deliveries("run") == {}


async def test_purging_keeps_what_was_delivered_as_figures(two_batches):
    """Though not to whom."""
    await two_batches.record_receipts("run", [receipt()])

    await two_batches.purge("run")

    assert await two_batches.deliveries("run") == {"DELIVERED": 1}
