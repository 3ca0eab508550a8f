"""A worker: whatever wakes it, a batch is sent once, and all heed what one has met."""

import asyncio
import logging
import os
from contextlib import suppress

import pytest
from attrs import evolve
from fakes import ScriptedTransport, answer, refusal, session_over
from fleets import (
    Away,
    DurableLedger,
    numbers,
    planned,
    states,
    virtual_clock,
    worker_at,
)
from hypothesis import given
from hypothesis import strategies as st
from simulation.virtual import run

from aiooctopush import InvalidFieldError, UnknownOutcomeError
from aiooctopush.bulk.fleet import worker as module
from aiooctopush.bulk.fleet.worker import NoTurnError
from aiooctopush.ledgers.records import BatchState, LedgerError, Pause
from aiooctopush.sandbox import FaultPlan, Gateway, VirtualClock
from aiooctopush.sandbox.clock import START


S = BatchState


@pytest.fixture
def gateway():
    """Its clock is everybody's."""
    return Gateway(clock=VirtualClock())


@pytest.fixture
def ledger(gateway):
    """Reached by all workers."""
    return DurableLedger(clock=gateway.clock)


def scripted(ledger, *script, **options):
    """A worker over a transport that follows a script, and that transport."""
    transport = ScriptedTransport(*script)
    session = session_over(transport, clock=ledger.clock)
    return session.worker(ledger, **options), transport


def times(gateway, count):
    """How often each of the first numbers was accepted."""
    return {gateway.sent_log.times(number) for number in numbers(count)}


# --- one batch ------------------------------------------------------------------------


async def test_a_batch_is_sent_once_however_often_it_is_called_out(gateway, ledger):
    """By whichever worker; the others have nothing to do."""
    await planned(ledger, 2)
    workers = [worker_at(gateway, ledger) for _ in range(3)]

    told = await asyncio.gather(
        *(one.send_batch("run", name) for one in workers for name in ("1", "2", "2"))
    )

    results = sorted((one.number, one.state) for some in told for one in some)
    assert results == [(1, S.ACCEPTED), (2, S.ACCEPTED)]
    assert times(gateway, 20) == {1}


async def test_the_next_batch_is_the_first_that_nobody_is_at(gateway, ledger):
    """In the order of the source; in the end there is none."""
    await planned(ledger, 3)
    worker = worker_at(gateway, ledger)
    await worker.send_batch("run", "1")

    told = [await worker.send_next("run") for _ in range(3)]

    assert [[one.number for one in some] for some in told] == [[2], [3], []]
    assert times(gateway, 30) == {1}


async def test_what_a_killed_worker_left_is_asked_about(gateway, ledger):
    """Under the same id, once the lease has run out: presumed, and sent once."""
    await planned(ledger)
    killed = Away(ledger)

    async def claim(*args, **kwargs):
        found = await ledger.claim(*args, **kwargs)
        return evolve(found, ledger=Away(found.ledger, conclude=100))

    killed.claim = claim
    with pytest.raises(LedgerError):
        await worker_at(gateway, killed).send_batch("run", "1")
    worker = worker_at(gateway, ledger)

    too_early = await worker.send_batch("run", "1")
    gateway.clock.advance(121)
    told = await worker.send_batch("run", "1")

    assert list(too_early) == []
    assert [one.state for one in told] == [S.PRESUMED]
    assert times(gateway, 10) == {1}


async def test_a_cancelled_worker_leaves_the_batch_to_others(gateway, ledger):
    """The cancellation passes, and nothing is written on the way out."""
    await planned(ledger)
    reached = asyncio.Event()

    async def hang(_):
        reached.set()
        await asyncio.Event().wait()

    worker, _ = scripted(ledger, hang)
    task = asyncio.create_task(worker.send_batch("run", "1"))
    await reached.wait()
    task.cancel()

    await asyncio.wait([task])

    assert task.cancelled()
    assert await states(ledger) == {"1": "sending"}


@pytest.mark.parametrize("way", ["by its name", "as the next one"])
async def test_a_batch_in_doubt_is_asked_about_if_that_is_wanted(gateway, ledger, way):
    """Under its id: the gateway knows it, or takes it now."""
    await planned(ledger)
    silent, _ = scripted(ledger, *(UnknownOutcomeError("silence") for _ in range(12)))
    await silent.send_batch("run", "1")
    worker = worker_at(gateway, ledger)

    async def call_out(**options):
        if way == "by its name":
            return await worker.send_batch("run", "1", **options)
        return await worker.send_next("run", **options)

    unasked = await call_out()
    told = await call_out(include_unknown=True)

    assert list(unasked) == []
    assert [one.state for one in told] == [S.ACCEPTED]
    assert times(gateway, 10) == {1}


async def test_one_bad_number_is_cut_out(gateway, ledger):
    """The parts are told, and sent by the same worker."""
    await planned(ledger, size=4)
    worker, transport = scripted(
        ledger,
        refusal(103),  # a recipient is not valid; nobody says which
        answer(),
        refusal(103),
        answer(),
        refusal(103),
    )

    told = await worker.send_batch("run", "1")

    assert {one.part: str(one.state) for one in told} == {
        "1": "accepted",
        "2.1": "accepted",
        "2.2": "refused",
    }
    assert len(transport.requests) == 5


async def test_the_size_that_the_gateway_takes_is_remembered(ledger):
    """For the next batches of the run, by this worker."""
    await planned(ledger, 2, size=4)
    worker, transport = scripted(ledger, answer(413), *(answer() for _ in range(4)))

    await worker.send_batch("run", "1")
    await worker.send_batch("run", "2")

    sizes = [len(body["recipients"]) for body in transport.bodies]
    assert sizes == [4, 2, 2, 2, 2]


async def test_what_is_no_batch_is_refused(gateway, ledger):
    """Before anything is sent."""
    await planned(ledger)

    with pytest.raises(InvalidFieldError, match="name: is of no batch"):
        await worker_at(gateway, ledger).send_batch("run", "one")

    assert len(gateway.sent_log) == 0


# --- standing still -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "why"),
    [
        (refusal(101, 401), Pause.CREDENTIALS),
        (refusal(104, 402), Pause.CREDIT),
    ],
)
async def test_what_is_wrong_with_the_account_stops_all_workers(
    gateway, ledger, answered, why, caplog
):
    """The ledger says why; once that is lifted, the batch goes out."""
    await planned(ledger, 2)
    one, _ = scripted(ledger, answered)
    other = worker_at(gateway, ledger)

    await one.send_batch("run", "1")
    stopped = await other.send_batch("run", "2")
    paused = (await ledger.progress("run")).run.paused
    await ledger.unpause("run")
    for name in ("1", "2"):
        await other.send_batch("run", name)

    assert list(stopped) == []
    assert paused is why
    assert f"run 'run' is paused for all workers: {why}" in caplog.messages
    assert times(gateway, 20) == {1}


async def test_a_pause_is_written_once(gateway, ledger, caplog):
    """The first reason stays, and is logged by who wrote it."""
    await planned(ledger, 1)
    both = [scripted(ledger, refusal(101, 401))[0] for _ in range(2)]
    await ledger.pause("run", Pause.CREDIT)
    watch = both[0]._watch_of("run")
    watch.why = Pause.CREDENTIALS

    await both[0]._heed("run", watch)

    assert (await ledger.progress("run")).run.paused is Pause.CREDIT
    assert caplog.messages == []


def test_a_worker_says_who_it_is(gateway, ledger):
    """As the ledger calls it: by default host and process."""
    host, _, process = repr(worker_at(gateway, ledger)).partition(":")

    assert (host[:9], process) == ("<Worker '", f"{os.getpid()}'>")
    assert repr(worker_at(gateway, ledger, owner="me")) == "<Worker 'me'>"


async def test_many_silent_batches_stop_all_workers(ledger):
    """Twenty in a row by one of them: going on only makes more doubt."""
    await planned(ledger, 21, size=1)
    silence = [UnknownOutcomeError("silence") for _ in range(12 * 20)]
    worker, transport = scripted(ledger, *silence)

    for name in range(1, 22):
        await worker.send_batch("run", str(name))

    found = await states(ledger)
    assert (await ledger.progress("run")).run.paused is Pause.OUTAGE
    assert list(found.values()).count("unknown") == 20
    assert found["21"] == "not_sent"
    assert transport.script


async def test_forty_refusals_in_a_row_stop_all_workers(ledger):
    """The cause lies elsewhere than in single numbers."""
    await planned(ledger, 15, size=2)
    worker, transport = scripted(ledger, *(refusal(103) for _ in range(50)))

    for name in range(1, 16):
        await worker.send_batch("run", str(name))

    found = await states(ledger)
    assert (await ledger.progress("run")).run.paused is Pause.REFUSALS
    assert found["15"] == "not_sent"
    assert len(transport.requests) == 40


async def test_runs_are_forgotten_after_a_thousand(gateway, ledger, monkeypatch):
    """A worker lives long, and remembers the latest only."""
    monkeypatch.setattr(module, "_RUNS_REMEMBERED", 2)
    worker = worker_at(gateway, ledger)
    first = worker._watch_of("a")

    kept = [worker._watch_of(key) for key in ("b", "a")]
    worker._watch_of("c")

    assert kept[1] is first
    assert worker._watch_of("a") is first
    assert worker._watch_of("b") is not kept[0]


# --- one rate for all -----------------------------------------------------------------


async def test_all_workers_keep_one_rate(gateway, ledger):
    """A burst at once, then one after the other, whoever sends."""
    await planned(ledger, 5)
    workers = [worker_at(gateway, ledger, rate=0.1, burst=2) for _ in range(2)]
    began, starts = gateway.clock.monotonic(), []

    for name in range(1, 6):
        await workers[name % 2].send_batch("run", str(name))
        starts.append(gateway.clock.monotonic() - began)

    # A twentieth rarer than allowed, for those that reach the gateway late.
    assert starts == pytest.approx([0, 0, 10.5, 21, 31.5])
    assert times(gateway, 50) == {1}


def test_a_429_makes_all_workers_wait():
    """For as long as the gateway said, not only the one who met it."""

    async def main():
        clock = virtual_clock()
        gateway, ledger = Gateway(clock=clock), DurableLedger(clock=clock)
        await planned(ledger, 2)
        faults = FaultPlan.schedule(["throttled_429"])  # for two seconds
        one = worker_at(gateway, ledger, faults, rate=1.0)
        other = worker_at(gateway, ledger, rate=1.0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(one.send_batch("run", "1"))
            await asyncio.sleep(0.1)
            tasks.create_task(other.send_batch("run", "2"))
        return [entry.accepted_at - START for entry in gateway.sent_log.entries]

    starts = sorted(at.total_seconds() for at in run(main()))

    assert len(starts) == 2
    assert starts[0] >= 2
    assert starts[1] >= starts[0] + 1.05


class Throttled(DurableLedger):
    """Notes when turns were reserved, and is told what somebody else's 429 said."""

    def __init__(self, clock):
        super().__init__(clock=clock)
        self.reserved = self.looked = 0

    async def reserve(self, name, **options):
        """See `FleetLedger.reserve`."""
        self.reserved += 1
        return await super().reserve(name, **options)

    async def closed_for(self, name):
        """See `FleetLedger.closed_for`."""
        self.looked += 1
        return await super().closed_for(name)


def turns_of(ledger, *, rate, burst=1):
    """The turns of one process, at exactly that rate."""
    return module._Turns(ledger, ledger.clock, "default", rate, burst)


async def take_turns(ledger, count, *, rate, burst=1):
    """When each of many that wait at once may start, or None; in order."""
    loop, starts = asyncio.get_running_loop(), []

    async def take():
        try:
            await turns_of(ledger, rate=rate, burst=burst).acquire()
        except NoTurnError:
            starts.append(None)
        else:
            starts.append(loop.time())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(take())
    return starts


def test_a_429_holds_up_who_has_reserved_already():
    """They take another turn, once it is open: one after the other."""

    async def main():
        ledger = Throttled(virtual_clock())
        waiting = asyncio.create_task(take_turns(ledger, 4, rate=1.0))
        await asyncio.sleep(0.5)
        await ledger.throttle("default", 5)
        return await waiting, ledger.reserved, ledger.looked

    starts, reserved, looked = run(main())

    # Without the 429 these would have been 0, 1, 2 and 3 seconds.
    assert starts == pytest.approx([0, 5.5, 6.5, 7.5])
    assert (reserved, looked) == (7, 6)


def test_a_429_costs_none_its_turn_that_comes_after_it():
    """Who waits for longer than the gateway asked keeps it, and is not delayed."""

    async def main():
        ledger = Throttled(virtual_clock())
        waiting = asyncio.create_task(take_turns(ledger, 5, rate=1.0))
        await asyncio.sleep(0.5)
        await ledger.throttle("default", 2)
        return await waiting

    # The second and the third, who were to start meanwhile, are now the last.
    assert run(main()) == pytest.approx([0, 3, 4, 5, 6])


def test_a_429_may_be_followed_by_another():
    """Each look at the ledger may find it closed once more."""

    async def main():
        ledger = Throttled(virtual_clock())
        waiting = asyncio.create_task(take_turns(ledger, 2, rate=1.0))
        for _ in range(3):
            await asyncio.sleep(0.9)
            await ledger.throttle("default", 2)
        return await waiting

    assert run(main()) == pytest.approx([0, 4.7])


def test_who_was_held_up_waits_half_a_minute_in_all():
    """Then the batch is given back, whatever the gateway says next."""

    async def main():
        ledger = Throttled(virtual_clock())
        waiting = asyncio.create_task(take_turns(ledger, 2, rate=0.1))
        await asyncio.sleep(9)
        await ledger.throttle("default", 25)
        return await waiting, asyncio.get_running_loop().time()

    assert run(main()) == ([0, None], pytest.approx(30))


@given(
    rate=st.floats(0.5, 50),
    burst=st.integers(1, 8),
    waiting=st.lists(st.floats(0, 6), min_size=1, max_size=40),
    pauses=st.lists(st.tuples(st.floats(0, 8), st.floats(0, 8)), max_size=5),
)
def test_whoever_waits_keeps_to_the_rate_and_to_every_429(rate, burst, waiting, pauses):
    """
    Nobody starts while it is closed, no span of time has more starts than rate and
    burst, and nobody waits for more than half a minute.
    """

    async def main():
        loop, clock = asyncio.get_running_loop(), virtual_clock()
        ledger = DurableLedger(clock=clock)
        starts, waits = [], []

        async def start(after):
            await asyncio.sleep(after)
            began = loop.time()
            with suppress(NoTurnError):
                await turns_of(ledger, rate=rate, burst=burst).acquire()
                starts.append(loop.time())
            waits.append(loop.time() - began)

        async def pause(after, seconds):
            await asyncio.sleep(after)
            await ledger.throttle("default", seconds)

        async with asyncio.TaskGroup() as tasks:
            for pair in pauses:
                tasks.create_task(pause(*pair))
            for after in waiting:
                tasks.create_task(start(after))
        return starts, waits

    starts, waits = run(main())

    # Instants are whole microseconds, and a turn may be waited for by ten milliseconds.
    for after, seconds in pauses:
        assert not [at for at in starts if after + 1e-5 < at < after + seconds - 1e-5]
    for seconds in (0.1, 1.0, 5.0):
        for first in starts:
            count = sum(first <= at <= first + seconds for at in starts)
            assert count <= rate * (seconds + module._SHARP) + burst
    assert len(waits) == len(waiting)
    assert max(waits) <= 30 + module._SHARP + 1e-5


async def test_who_need_not_wait_looks_no_further(gateway):
    """What was reserved for now was reserved with every 429 in sight."""
    ledger = Throttled(gateway.clock)

    await turns_of(ledger, rate=1.0).acquire()

    assert (ledger.reserved, ledger.looked) == (1, 0)


async def test_who_is_early_by_little_waits_for_the_rest(gateway):
    """Clocks differ: a turn is not thrown away for some milliseconds."""
    ledger = Throttled(gateway.clock)
    turns = turns_of(ledger, rate=1.0)
    await turns.acquire()

    async def closed_for(_):
        return 0.008

    ledger.closed_for = closed_for
    await turns.acquire()

    assert gateway.clock.sleeps == [0, pytest.approx(1), 0.008]
    assert ledger.reserved == 2


@pytest.mark.parametrize("trouble", ["away", "slow"])
def test_a_turn_that_nobody_can_vouch_for_is_taken_anew(trouble):
    """Else all who waited would start at once when the ledger is back."""

    async def main():
        ledger = Throttled(virtual_clock())
        back_at, loop = 3.6, asyncio.get_running_loop()
        look = ledger.closed_for

        async def closed_for(name):
            if loop.time() < back_at and trouble == "away":
                raise LedgerError("the database is being started again")
            if loop.time() < back_at:
                await asyncio.sleep(back_at - loop.time())
            return await look(name)

        ledger.closed_for = closed_for
        return await take_turns(ledger, 5, rate=1.0)

    starts = run(main())

    assert starts[0] == 0
    # Those of the second, third and fourth second came too soon to be sure of.
    assert starts[1:] == pytest.approx([4, 5, 6, 7])


async def test_a_cancellation_ends_a_wait_for_a_turn(gateway, ledger):
    """Nothing was sent, and nothing is written on the way out."""
    await planned(ledger)
    reached = asyncio.Event()

    async def closed_for(_):
        reached.set()
        await asyncio.Event().wait()

    ledger.closed_for = closed_for
    await ledger.reserve("default", rate=1.0)
    worker = worker_at(gateway, ledger, rate=1.0)
    task = asyncio.create_task(worker.send_batch("run", "1"))
    await reached.wait()
    task.cancel()

    await asyncio.wait([task])

    assert task.cancelled()
    assert await states(ledger) == {"1": "sending"}
    assert len(gateway.sent_log) == 0


async def test_a_429_without_a_word_closes_for_a_second(ledger):
    """For the others; who met it backs off anyway."""
    await planned(ledger, 1)
    told = []

    async def throttle(name, retry_after):
        told.append((name, retry_after))

    ledger.throttle = throttle
    worker, _ = scripted(ledger, refusal(428, 429), answer(), rate=100.0)

    await worker.send_batch("run", "1")

    assert told == [("default", 1.0)]


async def test_who_gets_no_turn_gives_the_batch_back(gateway, ledger):
    """After half a minute; it is sent when there is one, and no alarm is raised."""
    await planned(ledger, 30, size=1)
    await ledger.throttle("eu", 3_600)
    worker = worker_at(gateway, ledger, rate=1.0, account="eu")
    began = gateway.clock.monotonic()

    told = [await worker.send_batch("run", str(name)) for name in range(1, 31)]
    waited = gateway.clock.monotonic() - began
    gateway.clock.advance(3_600)
    late = await worker.send_batch("run", "1")

    assert {type(one.error) for some in told for one in some} == {NoTurnError}
    assert waited == pytest.approx(30 * 30)
    assert (await ledger.progress("run")).run.paused is None
    assert [one.state for one in late] == [S.ACCEPTED]
    assert len(gateway.sent_log) == 1


async def test_a_turn_that_is_too_late_is_left_to_others(gateway, ledger):
    """Nothing was reserved by those who gave up."""
    await planned(ledger, 3)
    await ledger.throttle("default", 100)
    worker = worker_at(gateway, ledger, rate=0.1)
    for name in ("1", "2", "3"):
        await worker.send_batch("run", name)
    began = gateway.clock.monotonic()

    told = await worker.send_batch("run", "1")

    assert [one.state for one in told] == [S.ACCEPTED]
    assert gateway.clock.monotonic() - began == pytest.approx(10, abs=1)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_rate_has_bounds(gateway, ledger, rate, burst):
    """Found out when the worker is made."""
    with pytest.raises(InvalidFieldError, match="must be"):
        worker_at(gateway, ledger, rate=rate, burst=burst)


# --- a ledger that is away ------------------------------------------------------------


async def test_a_ledger_may_be_away_for_a_moment(gateway, ledger):
    """Before the claim, before the turn, and when a run is to be paused."""
    await planned(ledger, 2)
    away = Away(ledger, claim=2, claim_next=1, reserve=2, pause=1)
    worker = worker_at(gateway, away, rate=10.0)

    told = [await worker.send_batch("run", "1"), await worker.send_next("run")]
    await ledger.unpause("run")

    assert [one.state for some in told for one in some] == [S.ACCEPTED] * 2
    assert away.failing == {"claim": 0, "claim_next": 0, "reserve": 0, "pause": 1}


async def test_a_ledger_that_stays_away_is_an_error(gateway, ledger):
    """After a quarter of a minute; nothing was sent."""
    await planned(ledger)
    worker = worker_at(gateway, Away(ledger, claim=100))

    with pytest.raises(LedgerError, match="being started again"):
        await worker.send_batch("run", "1")

    assert len(gateway.sent_log) == 0
    assert sum(gateway.clock.sleeps) == pytest.approx(15.5)


@pytest.mark.parametrize("method", ["conclude", "begin", "split"])
async def test_an_outcome_is_written_as_soon_as_the_ledger_is_back(
    gateway, ledger, method
):
    """A ticket that is known is not lost to a database that is started again."""
    await planned(ledger, size=2)
    away, failing = Away(ledger), {method: 3}

    async def claim(*args, **kwargs):
        found = await ledger.claim(*args, **kwargs)
        half = Away(found.ledger)
        half.failing = failing
        return evolve(found, ledger=half)

    away.claim = claim
    worker, _ = scripted(away, refusal(103), answer(), refusal(103))

    await worker.send_batch("run", "1")

    assert failing == {method: 0}
    assert await states(ledger) == {"1": "split", "1.1": "accepted", "1.2": "refused"}


async def test_without_the_shared_rate_nothing_is_sent(gateway, ledger):
    """A ledger that is away cannot say whose turn it is."""
    await planned(ledger)
    worker = worker_at(gateway, Away(ledger, reserve=100), rate=10.0)

    (told,) = await worker.send_batch("run", "1")

    assert (told.state, type(told.error)) == (S.NOT_SENT, NoTurnError)
    assert "the ledger is unreachable" in str(told.error)
    assert len(gateway.sent_log) == 0


async def test_a_refusal_stays_one_if_nobody_can_be_told(ledger, caplog):
    """Of a 429 the other workers do not know then; the next try has a new id."""
    await planned(ledger)
    away = Away(ledger, throttle=100)
    worker, transport = scripted(away, refusal(428, 429), answer(), rate=10.0)

    (told,) = await worker.send_batch("run", "1")

    assert told.state is S.ACCEPTED
    assert len(set(transport.ids)) == 2
    assert caplog.record_tuples[0][1:] == (
        logging.WARNING,
        "the ledger is unreachable; other workers are not informed of a 429",
    )


async def test_who_comes_back_too_late_writes_nothing(gateway, ledger, caplog):
    """Somebody else has taken over; both asked under the same id."""
    await planned(ledger)

    async def too_late(request):
        gateway.handle(request)
        gateway.clock.advance(121)
        other = worker_at(gateway, ledger)
        assert [one.state for one in await other.send_batch("run", "1")] == [S.PRESUMED]
        return answer()

    late, _ = scripted(ledger, too_late)

    told = await late.send_batch("run", "1")

    assert list(told) == []
    assert await states(ledger) == {"1": "presumed"}
    assert times(gateway, 10) == {1}
    # The floor of who asked again; nobody waits for a lease to come back.
    assert gateway.clock.sleeps == [1.0]
    assert "another worker took over batch 1 of run 'run'" in caplog.messages
