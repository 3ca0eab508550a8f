"""Many workers on one run: who holds a batch may write to it, and nobody else."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from attrs import define, evolve
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st
from ledger_kinds import batch_record, begun, listed, run_record
from services import postgres

from aiooctopush import InvalidFieldError, Recipient, RetryPolicy
from aiooctopush._call import BulkPriority
from aiooctopush._clock import MonotonicWallClock
from aiooctopush._throttle import RetryBudget
from aiooctopush.api.sms import Message
from aiooctopush.bulk.sending.delivery import BatchDone, Delivery, new_record
from aiooctopush.ledgers.leases import GcraState, gcra_parameters
from aiooctopush.ledgers.memory import MemoryLedger
from aiooctopush.ledgers.protocols import FleetLedger
from aiooctopush.ledgers.records import BatchState, LeaseLostError, LedgerError, Pause
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger
from aiooctopush.sandbox import VirtualClock


S = BatchState
HOUR = 3600.0
MESSAGE = {"text": "Hello", "sender": "Acme", "purpose": "alert"}


@define
class World:
    """A ledger, and the time that it lives in."""

    ledger: FleetLedger
    clock: VirtualClock
    schema: str | None = None

    async def wait(self, seconds):
        """Let time pass; for a database everything becomes older instead."""
        self.clock.advance(seconds)
        if self.schema is not None:
            older = postgres.server().make_older
            await asyncio.to_thread(older, self.schema, seconds)

    def now(self):
        """By the ledger's clock."""
        return self.clock.now() if self.schema is None else datetime.now(UTC)


def open_memory(_place, clock):
    """A world in memory."""
    return World(MemoryLedger(clock=clock), clock)


def open_sqlite(place, clock):
    """A world in a file."""
    return World(SQLiteLedger(place / "ledger.db", clock=clock), clock)


def open_postgres(place, clock):
    """A world in a database."""
    ledger = postgres.ledger_at(place)
    return World(ledger, clock, postgres.server().schema_at(place))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def world(request, tmp_path):
    """Each kind of ledger that workers may share."""
    world = globals()[f"open_{request.param}"](tmp_path, VirtualClock())
    yield world
    await world.ledger.close()


@pytest.fixture
def ledger(world):
    """Its ledger."""
    return world.ledger


def waiting(number=1, part="", **values):
    """A batch that nobody has tried."""
    given = {"state": S.NOT_SENT, "first_tried_at": None}
    return batch_record(number, part, **(given | values))


async def planned(ledger, *batches, **values):
    """Plan a run, and leave it to the workers."""
    await begun(ledger, *(batches or (waiting(),)))
    if values:
        await ledger.update_run(run_record(**values))
    await ledger.release_run("run")


async def state_of(ledger, name="1"):
    """The state of one batch."""
    return {batch.name: batch.state for batch in await listed(ledger)}[name]


# --- one batch ------------------------------------------------------------------------


async def test_a_claim_writes_the_intent(world, ledger):
    """Before it returns: the state, and when the id is first tried."""
    await planned(ledger)

    claim = await ledger.claim("run", "1", owner="a")

    (stored,) = await listed(ledger)
    assert claim.record == stored
    assert (stored.state, stored.payload) == (S.SENDING, b"payload")
    assert abs(stored.first_tried_at - world.now()) < timedelta(minutes=1)
    assert (claim.run_name, claim.was_tried) == ("run", False)
    assert claim.ledger.is_durable == ledger.is_durable


async def test_batches_are_added_while_another_is_held(ledger):
    """Its holder writes the outcome meanwhile; the new ones wait for the release."""
    await planned(ledger)
    claim = await ledger.claim("run", "1", owner="a")

    run = await ledger.open_beside_workers(run_record())
    await ledger.plan(evolve(run, batches=2, planned=4), [waiting(2)])
    await claim.ledger.conclude("run", evolve(claim.record, state=S.ACCEPTED))
    await ledger.release_run("run")
    (added,) = await ledger.claim_next("run", owner="b")

    assert added.record.name == "2"
    assert await state_of(ledger) == S.ACCEPTED


async def test_a_run_is_added_to_by_one_at_a_time(ledger):
    """Whoever comes second is told what to do, and the first goes on."""
    run = await ledger.open_beside_workers(run_record())

    with pytest.raises(LedgerError, match="is sending run 'run', so nothing"):
        await ledger.open_beside_workers(run_record())
    await ledger.plan(run, [waiting()])
    await ledger.release_run("run")

    assert await ledger.open_beside_workers(run_record()) == run


async def test_a_batch_has_one_holder(ledger):
    """The second gets nothing, however often the batch is called out."""
    await planned(ledger)

    claims = await asyncio.gather(
        *(ledger.claim("run", "1", owner=f"worker {n}") for n in range(8))
    )

    assert sum(claim is not None for claim in claims) == 1


async def test_a_batch_that_was_concluded_is_not_claimed(ledger):
    """A message that is delivered twice does nothing the second time."""
    await planned(ledger)
    claim = await ledger.claim("run", "1", owner="a")

    await claim.ledger.conclude("run", evolve(claim.record, state=S.ACCEPTED))

    assert await ledger.claim("run", "1", owner="b") is None
    assert await state_of(ledger) == S.ACCEPTED


async def test_a_batch_that_was_given_back_is_claimed_at_once(ledger):
    """After a clean refusal, say; the lease ends with the conclusion."""
    await planned(ledger)
    claim = await ledger.claim("run", "1", owner="a")
    await claim.ledger.conclude("run", evolve(claim.record, state=S.NOT_SENT))

    again = await ledger.claim("run", "1", owner="b")

    assert not again.was_tried


async def test_a_dead_workers_batch_is_taken_over_when_its_lease_is_out(world, ledger):
    """Not before; it may have been sent, and keeps the instant of its first try."""
    await planned(ledger)
    first = await ledger.claim("run", "1", owner="a", lease=60)
    await world.wait(50)
    early = await ledger.claim("run", "1", owner="b")
    await world.wait(11)

    late = await ledger.claim("run", "1", owner="b")

    assert early is None
    assert late.was_tried
    age = late.record.first_tried_at - first.record.first_tried_at
    assert age in (timedelta(0), timedelta(seconds=-61))


@pytest.mark.parametrize("act", ["begin", "conclude", "split"])
async def test_who_lost_the_lease_cannot_write(world, ledger, act):
    """Whatever it learned; the new holder asks under the same id, and can."""
    await planned(ledger)
    old = await ledger.claim("run", "1", owner="a", lease=60)
    await world.wait(61)
    new = await ledger.claim("run", "1", owner="a", lease=60)
    before = await listed(ledger)
    parts = {"parts": [waiting(part="1")]} if act == "split" else {}
    record = evolve(old.record, state=S.REFUSED)

    with pytest.raises(LeaseLostError, match="lease of batch 1 of 'run' had expired"):
        await getattr(old.ledger, act)("run", record, **parts)
    with pytest.raises(LeaseLostError):
        await old.ledger.renew()

    assert await listed(ledger) == before
    await new.ledger.conclude("run", evolve(new.record, state=S.ACCEPTED))
    assert await state_of(ledger) == S.ACCEPTED


async def test_a_late_worker_may_write_if_nobody_took_over(world, ledger):
    """What it knows is better than asking again."""
    await planned(ledger)
    claim = await ledger.claim("run", "1", owner="a", lease=60)
    await world.wait(61)

    await claim.ledger.conclude("run", evolve(claim.record, state=S.ACCEPTED))

    assert await state_of(ledger) == S.ACCEPTED


@pytest.mark.parametrize("renew", ["begin", "renew"])
async def test_a_lease_is_renewed_by_another_try_or_by_hand(world, ledger, renew):
    """From then on for the whole of it."""
    await planned(ledger)
    claim = await ledger.claim("run", "1", owner="a", lease=60)
    await world.wait(50)

    if renew == "begin":
        await claim.ledger.begin("run", claim.record)
    else:
        await claim.ledger.renew()
    await world.wait(50)

    assert await ledger.claim("run", "1", owner="b") is None


async def test_a_claim_does_not_write_to_other_batches(ledger):
    """Only what it holds, even if nobody else holds that."""
    await planned(ledger, waiting(1), waiting(2))
    claim = await ledger.claim("run", "1", owner="a")

    with pytest.raises(LeaseLostError):
        await claim.ledger.conclude("run", waiting(2, state=S.ACCEPTED))

    assert await state_of(ledger, "2") == S.NOT_SENT


async def test_an_id_that_is_too_old_is_in_doubt_not_claimed(world, ledger):
    """The gateway would send it a second time."""
    await planned(ledger)
    await ledger.claim("run", "1", owner="a")
    await world.wait(23 * HOUR + 60)

    assert await ledger.claim("run", "1", owner="b") is None
    assert await state_of(ledger) == S.UNKNOWN


async def test_an_id_of_the_future_is_in_doubt(world, ledger):
    """A clock was set back, and nobody knows how old it is."""
    future = world.now() + timedelta(hours=2)
    await planned(ledger, batch_record(first_tried_at=future))

    assert await ledger.claim("run", "1", owner="a") is None
    assert await state_of(ledger) == S.UNKNOWN


async def test_an_intent_without_an_instant_is_in_doubt(ledger):
    """Nobody knows how old it is."""
    await planned(ledger, batch_record(first_tried_at=None))

    assert await ledger.claim_next("run", owner="a") == []
    assert await state_of(ledger) == S.UNKNOWN


@pytest.mark.parametrize(
    ("case", "asked", "expected"),
    [
        pytest.param((1, "ServerError"), True, S.SENDING, id="asked"),
        pytest.param((1, "ServerError"), False, S.UNKNOWN, id="not-wanted"),
        pytest.param((24, "ServerError"), True, S.UNKNOWN, id="too-old"),
        pytest.param((1, "DuplicateRequestError"), True, S.UNKNOWN, id="duplicate"),
    ],
)
async def test_what_had_no_answer_is_asked_again_on_demand(
    world, ledger, case, asked, expected
):
    """Under its id, while that protects it and may still say something new."""
    hours, error = case
    tried = world.now() - timedelta(hours=hours)
    doubted = batch_record(state=S.UNKNOWN, error=error, first_tried_at=tried)
    await planned(ledger, doubted)

    names = await ledger.claimable_batches("run", include_unknown=asked)
    claim = await ledger.claim("run", "1", owner="a", include_unknown=asked)

    assert await state_of(ledger) == expected
    assert names == (["1"] if expected is S.SENDING else [])
    assert claim is None or (claim.was_tried, claim.record.error) == (True, None)


async def test_what_was_purged_is_not_claimed(ledger):
    """Nobody knows any more what it said."""
    await planned(ledger)
    await ledger.purge("run")

    assert await ledger.claim("run", "1", owner="a") is None
    assert await state_of(ledger) == S.NOT_SENT


@pytest.mark.parametrize(("key", "name"), [("run", "2"), ("run", "1.1"), ("no", "1")])
async def test_what_is_not_there_is_not_claimed(ledger, key, name):
    """A message may be older than the ledger."""
    await planned(ledger)

    assert await ledger.claim(key, name, owner="a") is None
    assert await ledger.claim_next("no", owner="a") == []


@pytest.mark.parametrize("name", ["", "x", "1.", "1..2", "-1", "²", "1" * 19])
async def test_a_strange_name_is_refused(name):
    """Before anything is asked of the ledger."""
    with pytest.raises(InvalidFieldError, match="name: is of no batch"):
        await MemoryLedger().claim("run", name, owner="a")


@pytest.mark.parametrize("lease", [0, -1, 86_401, float("nan"), float("inf")])
async def test_a_lease_has_bounds(lease):
    """Without one, a batch would never be free again."""
    with pytest.raises(InvalidFieldError, match="lease: must be above 0"):
        await MemoryLedger().claim("run", "1", owner="a", lease=lease)


@pytest.mark.parametrize("limit", [0, 1_001])
async def test_a_limit_has_bounds(limit):
    """Nobody can hold more than it can send."""
    with pytest.raises(
        InvalidFieldError, match="limit: must be a whole number from 1 to 1,000"
    ):
        await MemoryLedger().claim_next("run", owner="a", limit=limit)


# --- several batches ------------------------------------------------------------------


async def test_the_next_batches_come_in_the_order_of_the_source(ledger):
    """Each once, until there are none."""
    names = [(3, ""), (1, ""), (2, "2"), (2, "1")]
    done = waiting(9, state=S.ACCEPTED)
    await planned(ledger, *(waiting(*name) for name in names), done)

    taken = [await ledger.claim_next("run", owner="a", limit=3) for _ in range(3)]

    assert [[claim.record.name for claim in claims] for claims in taken] == [
        ["1", "2.1", "2.2"],
        ["3"],
        [],
    ]


async def test_workers_that_ask_at_once_get_different_batches(ledger):
    """And together all of them."""
    await planned(ledger, *(waiting(n) for n in range(1, 41)))

    taken = await asyncio.gather(
        *(ledger.claim_next("run", owner=str(n), limit=10) for n in range(4))
    )

    names = [claim.record.number for claims in taken for claim in claims]
    assert sorted(names) == list(range(1, 41))


async def test_claimable_batches_names_what_can_be_claimed(world, ledger):
    """Not what somebody holds; what is too old is in doubt from now on."""
    await planned(ledger, *(waiting(n) for n in (1, 2, 3, 4)))
    await ledger.claim("run", "2", owner="a")
    await world.wait(24 * HOUR)
    await ledger.claim("run", "3", owner="a", lease=60)

    names = await ledger.claimable_batches("run")

    assert names == ["1", "4"]
    assert await state_of(ledger, "2") == S.UNKNOWN
    assert await ledger.claimable_batches("run", limit=1) == ["1"]
    await world.wait(61)
    assert await ledger.claimable_batches("run") == ["1", "3", "4"]


async def test_parts_are_held_by_who_made_them(world, ledger):
    """Until each is concluded; another try of one renews all."""
    await planned(ledger)
    claim = await ledger.claim("run", "1", owner="a", lease=60)
    parts = [waiting(part="1"), waiting(part="2"), waiting(part="3", state=S.REFUSED)]
    await claim.ledger.split("run", claim.record, parts)
    await world.wait(50)
    await claim.ledger.begin("run", waiting(part="1", state=S.SENDING))
    await world.wait(50)

    held = [await ledger.claim("run", name, owner="b") for name in ("1.1", "1.2")]
    await claim.ledger.conclude("run", waiting(part="1", state=S.ACCEPTED))
    await world.wait(11)

    assert held == [None, None]
    assert await ledger.claimable_batches("run") == ["1.2"]
    with pytest.raises(LeaseLostError):
        await claim.ledger.conclude("run", waiting(part="3", state=S.ACCEPTED))
    with pytest.raises(LeaseLostError):
        await claim.ledger.begin("run", claim.record)


# --- pause, progress ------------------------------------------------------------------


async def test_a_paused_run_is_not_claimed(ledger):
    """By nobody, until it is lifted; the first reason stays."""
    await planned(ledger)

    first = await ledger.pause("run", Pause.CREDENTIALS)
    second = await ledger.pause("run", Pause.CREDIT)
    paused = [
        await ledger.claim("run", "1", owner="a"),
        *await ledger.claim_next("run", owner="a"),
        *await ledger.claimable_batches("run"),
    ]
    why = (await ledger.progress("run")).run.paused
    await ledger.unpause("run")

    assert (first, second, paused, why) == (True, False, [None], Pause.CREDENTIALS)
    assert await ledger.claim("run", "1", owner="a") is not None


async def test_what_is_under_way_is_concluded_in_a_pause(ledger):
    """A pause stops nobody in the middle."""
    await planned(ledger)
    claim = await ledger.claim("run", "1", owner="a")
    await ledger.pause("run", Pause.CREDIT)

    await claim.ledger.conclude("run", evolve(claim.record, state=S.ACCEPTED))

    assert await state_of(ledger) == S.ACCEPTED


async def test_only_a_run_can_be_paused(ledger):
    """Or lifted; the error names it."""
    with pytest.raises(LedgerError, match="holds no run 'run'"):
        await ledger.pause("run", Pause.CREDIT)
    with pytest.raises(LedgerError, match="holds no run 'run'"):
        await ledger.unpause("run")


async def test_progress_counts_batches_and_recipients(ledger):
    """Those that were split count once, as their parts."""
    await planned(
        ledger,
        waiting(1, count=2, state=S.SPLIT),
        waiting(1, "1", count=1),
        waiting(1, "2", count=1, state=S.REFUSED),
        waiting(2, count=500, state=S.SENDING),
        waiting(3, count=300, state=S.ACCEPTED),
        waiting(4, count=400, state=S.ACCEPTED),
        exhausted=True,
    )

    progress = await ledger.progress("run")

    assert progress.run == run_record(exhausted=True)
    one_each = {S.SPLIT: 1, S.NOT_SENT: 1, S.REFUSED: 1, S.SENDING: 1}
    assert progress.batches == {**one_each, S.ACCEPTED: 2}
    each = {S.NOT_SENT: 1, S.REFUSED: 1, S.SENDING: 500, S.ACCEPTED: 700}
    assert progress.recipients == each
    assert (progress.left, progress.is_done) == (2, False)


@pytest.mark.parametrize("exhausted", [True, False])
async def test_a_run_is_done_when_its_source_is(ledger, exhausted):
    """As long as it is planned, more may come."""
    await planned(ledger, waiting(state=S.REFUSED), exhausted=exhausted)

    assert (await ledger.progress("run")).is_done == exhausted


async def test_a_run_without_batches_has_no_figures(ledger):
    """And one that is not there has no progress."""
    await ledger.open_run(run_record())

    progress = await ledger.progress("run")

    assert (progress.batches, progress.recipients) == ({}, {})
    assert await ledger.progress("other") is None


# --- delivery -------------------------------------------------------------------------


def delivery_of(claim, transport, clock):
    """What sends a claimed batch."""
    return Delivery(
        call=session_over(transport, clock=clock)._call,
        wall=MonotonicWallClock(clock),
        ledger=claim.ledger,
        run_name="run",
        message=Message(**MESSAGE),
        retry=RetryPolicy(attempts=3),
        background=BulkPriority(budget=RetryBudget(500)),
    )


def recipients(count):
    """So many numbers."""
    return tuple(Recipient(f"+3363998{n:04}") for n in range(count))


async def send(claim, transport, clock):
    """Send what a claim holds; return the states of its results."""
    delivery = delivery_of(claim, transport, clock)
    return [
        event.new.state
        async for event in delivery.send(claim.job)
        if isinstance(event, BatchDone)
    ]


def real(count=1):
    """A batch as a run plans it."""
    return new_record(
        "run", recipients(count), b"", number=1, first=0, state=S.NOT_SENT
    )


async def test_a_delivery_sends_what_was_claimed(world, ledger):
    """And writes its outcome through the claim."""
    await planned(ledger, real())
    claim = await ledger.claim("run", "1", owner="a")
    transport = ScriptedTransport(answer())

    states = await send(claim, transport, world.clock)

    assert states == [S.ACCEPTED]
    assert transport.ids == [claim.record.request_id]
    (batch,) = await listed(ledger)
    assert (batch.state, batch.ticket, batch.payload) == (S.ACCEPTED, "sms_1", None)


async def test_a_worker_that_takes_over_presumes_what_was_sent(world, ledger):
    """The gateway knows the id from the try of the one that died."""
    await planned(ledger, real())
    await ledger.claim("run", "1", owner="a", lease=60)
    await world.wait(61)
    claim = await ledger.claim("run", "1", owner="b")
    # The clock of this worker is that of the ledger.
    clock = VirtualClock(world.now())

    states = await send(claim, ScriptedTransport(refusal(120)), clock)

    assert states == [S.PRESUMED]
    assert await state_of(ledger) == S.PRESUMED


async def test_a_delivery_splits_what_was_claimed(world, ledger):
    """Its parts are concluded through the same claim."""
    await planned(ledger, real(2))
    claim = await ledger.claim("run", "1", owner="a")
    transport = ScriptedTransport(refusal(103), answer(), refusal(103))

    states = await send(claim, transport, world.clock)

    assert states == [S.ACCEPTED, S.REFUSED]
    found = {batch.name: batch.state for batch in await listed(ledger)}
    assert found == {"1": S.SPLIT, "1.1": S.ACCEPTED, "1.2": S.REFUSED}


async def test_a_delivery_stops_when_its_lease_is_lost(world, ledger):
    """It is not tried under another id: somebody else does that now."""
    await planned(ledger, real())
    claim = await ledger.claim("run", "1", owner="a", lease=60)

    async def take_over(_request):
        await world.wait(61)
        assert await ledger.claim("run", "1", owner="b") is not None
        return refusal(128, 429)

    with pytest.raises(LeaseLostError):
        await send(claim, ScriptedTransport(take_over), world.clock)

    assert await state_of(ledger) == S.SENDING


# --- rate -----------------------------------------------------------------------------

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)


@given(
    rate=st.floats(0.01, 1_000),
    burst=st.integers(1, 50),
    events=st.lists(
        st.tuples(
            st.floats(0, 3), st.none() | st.floats(0, 10)
        ),  # how long after the last one; a pause instead of a reservation
        min_size=1,
        max_size=60,
    ),
    seconds=st.floats(0.001, 20),
)
def test_no_span_of_time_has_more_starts_than_its_rate_allows(
    rate, burst, events, seconds
):
    """At most rate × seconds + burst, wherever it begins, and none in a pause."""
    step, early = gcra_parameters(rate, burst)
    now, turn, starts = EPOCH, GcraState(due=EPOCH, closed_until=EPOCH), []
    for elapsed, pause in events:
        now += timedelta(seconds=elapsed)
        if pause is not None:
            until = max(turn.closed_until, now + timedelta(seconds=pause))
            turn = evolve(turn, closed_until=until)
            continue
        turn, wait = turn.next(now, step=step, early=early)
        starts.append(now + timedelta(seconds=wait))
        assert wait >= 0
        assert starts[-1] >= turn.closed_until

    span = timedelta(seconds=seconds)
    for first in starts:
        count = sum(first <= start <= first + span for start in starts)
        assert count <= rate * seconds + burst + 1e-9


async def test_a_burst_starts_at_once_and_the_rest_is_spaced(world, ledger):
    """By what others have reserved, under the same name only."""
    waits = [await ledger.reserve("eu", rate=0.001, burst=3) for _ in range(5)]
    other = await ledger.reserve("us", rate=0.001, burst=3)
    await world.wait(4_000)
    later = await ledger.reserve("eu", rate=0.001, burst=3)

    assert [*waits, other, later] == pytest.approx(
        [0, 0, 0, 1_000, 2_000, 0, 0], abs=60
    )


async def test_nobody_starts_before_the_gateway_is_ready_again(world, ledger):
    """Those that come meanwhile start one after the other; a pause only grows."""
    await ledger.reserve("eu", rate=0.001, burst=3)
    await ledger.throttle("eu", 10_000)
    await ledger.throttle("eu", 5_000)

    waits = [await ledger.reserve("eu", rate=0.001, burst=3) for _ in range(3)]
    await world.wait(20_000)
    later = await ledger.reserve("eu", rate=0.001, burst=3)

    assert waits == pytest.approx([10_000, 11_000, 12_000], abs=60)
    assert later == 0


async def test_a_rate_is_closed_after_a_429_for_as_long_as_that_said(world, ledger):
    """Under its own name, and no shorter for a second one; before and after not."""
    never = await ledger.closed_for("eu")
    await ledger.reserve("eu", rate=0.001)
    before = await ledger.closed_for("eu")
    await ledger.throttle("eu", 10_000)
    await ledger.throttle("eu", 5_000)

    closed = await ledger.closed_for("eu")
    other = await ledger.closed_for("us")
    await world.wait(20_000)
    after = await ledger.closed_for("eu")

    assert closed == pytest.approx(10_000, abs=60)
    assert [never, before, other, after] == [0, 0, 0, 0]


async def test_a_turn_that_a_429_overtook_is_given_back(ledger):
    """Whoever reserves once more comes after all others, and after the pause."""
    overtaken = [await ledger.reserve("eu", rate=0.001) for _ in range(3)]
    await ledger.throttle("eu", 1_500)

    again = [await ledger.reserve("eu", rate=0.001) for _ in range(2)]

    assert [*overtaken, *again] == pytest.approx(
        [0, 1_000, 2_000, 3_000, 4_000], abs=60
    )


@pytest.mark.parametrize("kind", [MemoryLedger, SQLiteLedger])
@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
async def test_turns_go_by_a_clock_that_nobody_sets(tmp_path, kind, seconds):
    """In one process; a wall clock that is set neither stops nor hurries them."""
    place = [tmp_path / "ledger.db"] if kind is SQLiteLedger else []
    ledger = kind(*place, clock=(clock := VirtualClock()))
    await ledger.reserve("eu", rate=0.1)
    await ledger.throttle("us", 5)

    clock.jump(seconds)

    assert await ledger.reserve("eu", rate=0.1) == pytest.approx(10)
    assert await ledger.closed_for("us") == pytest.approx(5)
    await ledger.close()


async def test_a_turn_that_is_too_far_away_is_not_reserved(ledger):
    """Who will not wait takes it from nobody."""
    await ledger.reserve("eu", rate=0.0001)
    given_up = [
        await ledger.reserve("eu", rate=0.0001, at_most=5_000) for _ in range(2)
    ]

    reserved = await ledger.reserve("eu", rate=0.0001, at_most=15_000)

    assert [*given_up, reserved] == pytest.approx([10_000] * 3, abs=60)


async def test_a_pause_may_come_before_the_first_request(ledger):
    """Another program may have met it; a whole day is the longest."""
    await ledger.throttle("eu", 1e300)

    assert await ledger.reserve("eu", rate=1) == pytest.approx(86_400, abs=60)


@pytest.mark.parametrize(
    ("rate", "burst", "words"),
    [
        (0, 1, "rate: must be"),
        (-1, 1, "rate: must be"),
        (float("nan"), 1, "rate: must be"),
        (1e7, 1, "rate: must be"),
        (1e-9, 1, "rate: must be"),
        (1, 0, "burst: must be"),
        (1, 10**7, "burst: must be"),
    ],
)
async def test_a_rate_has_bounds(rate, burst, words):
    """Before anything is asked of the ledger."""
    with pytest.raises(InvalidFieldError, match=words):
        await MemoryLedger().reserve("eu", rate=rate, burst=burst)


async def test_a_pause_is_a_number():
    """Less than nothing is none."""
    with pytest.raises(InvalidFieldError, match="retry_after: must be a number"):
        await MemoryLedger().throttle("eu", float("nan"))

    await MemoryLedger().throttle("eu", -1)


async def test_workers_on_one_database_keep_one_rate(tmp_path):
    """Whichever of them asks; seen from outside, give or take the slowest answer."""
    first = postgres.ledger_at(tmp_path)
    second = postgres.ledger_at(tmp_path)
    clock = asyncio.get_running_loop()
    rate, burst, starts, slowest = 50.0, 5, [], 0.0

    async def work(ledger):
        nonlocal slowest
        for _ in range(10):
            asked = clock.time()
            wait = await ledger.reserve("eu", rate=rate, burst=burst)
            slowest = max(slowest, clock.time() - asked)
            starts.append(clock.time() + wait)

    async with first, second:
        await asyncio.gather(*(work(ledger) for ledger in (first, second) * 4))

    assert len(starts) == 80
    for seconds in (0.05, 0.2, 1.0):
        allowed = rate * (seconds + slowest) + burst
        for begin in starts:
            count = sum(begin <= start <= begin + seconds for start in starts)
            assert count <= allowed
