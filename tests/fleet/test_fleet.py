"""Fleets of real processes on a real broker and a real database."""

import asyncio
import os
import signal
import time
from contextlib import contextmanager

import pytest
from fleet.app import KEY, PATIENCE
from fleet.rig import MESSAGE, WITHIN, Rig, numbers, wait_until
from fleet.storm import SHORT, weather
from services import rabbitmq

from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.integrations.taskiq import BrokerTimeoutError
from aiooctopush.ledgers.records import Pause


EVERYTHING = "state, attempts, faults, ticket, cost, error, owner, fence, concluded_at"


async def test_each_gets_one_message():
    """Workers send what a client submitted, and the client learns of it."""
    with Rig() as rig:
        rig.hire(2)
        async with rig.client() as fleet:
            await fleet.submit("run", MESSAGE, numbers(200), batch_size=10)
            report = await fleet.wait("run", every=0.1)
        times = await rig.times()

    assert report.is_complete
    assert report.accepted == 200
    assert times == dict.fromkeys(numbers(200), 1)


async def test_a_storm_loses_nobody_and_writes_to_nobody_twice():
    """
    Each wake-up twice, workers killed, broker and database restarted: nobody is lost,
    nobody gets it twice, and the gateway sees no more than the rate and the burst.
    """
    found = await weather(SHORT)

    assert not found.problems(), found


@pytest.fixture
def alarm():
    """The alarm of the broker's memory; it is over in the end."""
    server = rabbitmq.server()
    yield server.alarm
    server.alarm(rings=False)


@contextmanager
def impatient(fleet):
    """
    Give a broker little time, where it has none to give.

    To connect, and to confirm, it has as much as a busy machine needs.
    """
    patience, fleet._broker_timeout = fleet._broker_timeout, 3.0
    try:
        yield
    finally:
        fleet._broker_timeout = patience


async def test_a_broker_that_is_blocked_loses_nothing(alarm):
    """Submitting ends with words; afterwards a sweep finishes the run."""
    with Rig() as rig:
        # Before anybody connects: who does later is blocked from the start.
        await asyncio.to_thread(alarm, rings=True)
        async with rig.client() as fleet:
            with impatient(fleet), pytest.raises(BrokerTimeoutError):
                await fleet.submit("run", MESSAGE, numbers(200), batch_size=10)
            await asyncio.to_thread(alarm, rings=False)
            # Before anybody is there to send: the broker may deliver what it took late.
            woken = await fleet.sweep()
            await asyncio.to_thread(rig.hire, 2)
            report = await fleet.wait("run", every=0.1)
        times = await rig.times()

    assert woken == 20
    assert report.accepted == 200
    assert times == dict.fromkeys(numbers(200), 1)


async def test_a_wait_ends_beside_a_broker_that_is_blocked(alarm):
    """Workers finish what they were woken for, and whoever waits learns of it."""
    with Rig() as rig:
        async with rig.client() as fleet:
            await fleet.submit("run", MESSAGE, numbers(200), batch_size=10)
            await asyncio.to_thread(alarm, rings=True)
            await asyncio.to_thread(rig.hire, 2)
            with impatient(fleet):
                async with asyncio.timeout(WITHIN):
                    report = await fleet.wait("run", every=0.1)

    assert report.accepted == 200


async def test_a_broker_that_says_nothing_is_not_waited_for():
    """It takes connections, and that is all."""

    async def say_nothing(_reader, writer):
        await ended.wait()
        writer.close()

    ended = asyncio.Event()
    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with Rig() as rig:
        fleet = rig.client(amqp=f"amqp://me:secret@127.0.0.1:{port}/", patience=1.0)
        with pytest.raises(BrokerTimeoutError):
            await fleet.__aenter__()
    ended.set()
    silent.close()


async def test_a_broker_may_forget_all_it_was_told():
    """A queue that was purged is filled again by a sweep, and the run is finished."""
    with Rig() as rig:
        async with rig.client() as fleet:
            await fleet.submit("run", MESSAGE, numbers(200), batch_size=10)
            lost = await asyncio.to_thread(rig.broker.purge)
            await asyncio.to_thread(rig.hire, 2)
            before = await rig.times()
            woken = await fleet.sweep()
            report = await fleet.wait("run", every=0.1)
        times = await rig.times()

    assert (lost, woken) == (20, 20)
    assert not before
    assert report.accepted == 200
    assert times == dict.fromkeys(numbers(200), 1)


async def test_who_lost_its_lease_cannot_write():
    """
    A worker that is frozen while it sends, and wakes up when another one has taken over
    and is done, changes nothing: not in the ledger, and not in the sent log.
    """
    # One at a time, or the broker gives the frozen one more until it misses it.
    with Rig(tasks=1) as rig:
        first = await asyncio.to_thread(rig.hire)
        rig.gateway.tell("close")
        async with rig.client() as fleet:
            await fleet.submit("run", MESSAGE, numbers(10))
            await asyncio.to_thread(
                wait_until, lambda: rig.gateway.tell("count") == 1, "it sends"
            )
            (frozen,) = first.alive()
            os.kill(frozen, signal.SIGSTOP)
            rig.gateway.tell("open")  # the answer waits for it, too
            await asyncio.to_thread(rig.make_older, 150)
            await asyncio.to_thread(rig.hire)
            await fleet.sweep()
            report = await fleet.wait("run", every=0.1)
            done = await asyncio.to_thread(rig.rows, EVERYTHING)
            os.kill(frozen, signal.SIGCONT)
            # It finishes what it was at.
            await asyncio.to_thread(first.stop)
        after = await asyncio.to_thread(rig.rows, EVERYTHING)
        times = await rig.times()

    # Asked under the id of the frozen one: the gateway has it already.
    assert report.presumed == 10
    assert after == done
    assert times == dict.fromkeys(numbers(10), 1)


async def test_two_fleets_may_have_one_run():
    """Two brokers, each with its workers, and one ledger: each batch is sent once."""
    with Rig() as rig:
        rig.gateway.tell("take", seconds=0.05)
        one, two = ({"amqp": rig.broker.url(name)} for name in rabbitmq.VHOSTS)
        async with rig.client(**one) as first, rig.client(**two) as second:
            for place in (one, two):
                await asyncio.to_thread(rig.hire, **place)
            await plan(first.ledger, "run", MESSAGE, numbers(200), batch_size=5)
            await asyncio.gather(first.wake("run"), second.wake("run"))
            await asyncio.gather(
                first.wait("run", every=0.1), second.wait("run", every=0.1)
            )
        times = await rig.times()
        requests = rig.gateway.tell("count")

    assert times == dict.fromkeys(numbers(200), 1)
    assert requests == 40


@pytest.mark.parametrize("why", [Pause.CREDENTIALS, Pause.CREDIT])
async def test_a_refusal_of_the_account_stops_all(why):
    """
    A wrong key, or an empty account, makes the run stand still for all workers, and the
    ledger says why; once that is mended, it goes on, and nobody is left out.
    """
    with Rig() as rig:
        if why is Pause.CREDIT:
            rig.gateway.tell("pay_in", euros=5)  # for 100 of 200
        key = "wrong" if why is Pause.CREDENTIALS else KEY
        broken = await asyncio.to_thread(rig.hire, 2, key=key)
        async with rig.client() as fleet:
            await fleet.submit("run", MESSAGE, numbers(200), batch_size=10)
            stands = await fleet.wait("run", every=0.1)
            (run,) = await fleet.ledger.runs()
            before = await rig.times()

            broken.remove()
            await asyncio.to_thread(rig.make_older, 150)
            await asyncio.to_thread(rig.hire, 2)
            rig.gateway.tell("pay_in", euros=100)
            await fleet.resume("run")
            report = await fleet.wait("run", every=0.1)
        times = await rig.times()

    assert (stands.paused, run.paused) == (why, why)
    assert len(before) == (100 if why is Pause.CREDIT else 0)
    assert report.is_complete
    assert times == dict.fromkeys(numbers(200), 1)


async def test_all_wait_when_one_is_throttled():
    """
    A 429 with Retry-After for one worker: from when the ledger knows, nobody starts
    until then, though all had a turn already; and then they do one after the other.
    """
    rate, burst, seconds = 5, 2, 3
    with Rig(rate=rate, burst=burst) as rig:
        await asyncio.to_thread(rig.hire, 3)
        async with rig.client() as fleet:
            await plan(fleet.ledger, "run", MESSAGE, numbers(150), batch_size=5)
            began = time.monotonic()
            await fleet.wake("run")
            # By now 24 have a turn, for the next five seconds.
            await asyncio.to_thread(
                wait_until, lambda: rig.gateway.tell("count") >= 4, "some are sent"
            )
            rig.gateway.tell("throttle", seconds=seconds)
            report = await fleet.wait("run", every=0.1)
        arrivals = await asyncio.to_thread(rig.gateway.tell, "seen")
        until = await asyncio.to_thread(rig.closed_until)
        times = await rig.times()

    # However slow the machine is: more had no turn before the ledger knew.
    on_the_way = burst + rate * (until - seconds - began)
    assert sum(at < until - 0.001 for at in arrivals) <= on_the_way
    for count, at in enumerate(sorted(arrivals), 1):
        if at >= until:
            assert count <= on_the_way + 1 + rate * (at - until)
    assert report.is_complete
    assert times == dict.fromkeys(numbers(150), 1)


# A request that is being written while the signal is on its way is none after it.
ON_ITS_WAY = 0.5


def silent(gateway):
    """Let nobody have an answer."""
    gateway.tell("close")


def throttling(gateway):
    """Ask everybody to come again in five minutes."""
    gateway.tell("throttle", seconds=300, requests=10_000)


def ended(workers):
    """Have `taskiq worker` end, which it does with a code of its own."""
    assert workers.stop(signal.SIGTERM) == 0


def hung_up(workers):
    """Have a process of it end, which `taskiq worker` then replaces."""
    (process,) = workers.alive()
    os.kill(process, signal.SIGHUP)
    wait_until(lambda: not is_there(process), "it is gone")


def is_there(process):
    """Whether a process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("end", [ended, hung_up])
@pytest.mark.parametrize("trouble", [silent, throttling])
async def test_a_worker_that_is_told_to_stop_begins_nothing(trouble, end):
    """
    Whatever the gateway is at: it is gone within the limit of an attempt, and what it
    leaves is sent by others, once.
    """
    with Rig() as rig:
        trouble(rig.gateway)
        first = await asyncio.to_thread(rig.hire)
        async with rig.client() as fleet:
            await fleet.submit("run", MESSAGE, numbers(200), batch_size=10)
            await asyncio.to_thread(
                wait_until, lambda: rig.gateway.tell("count"), "it sends"
            )
            signalled = time.monotonic()
            # Who replaces it would begin again: it is there for a moment only.
            await asyncio.to_thread(end, first)
            took = time.monotonic() - signalled
            first.remove()
            arrivals = await asyncio.to_thread(rig.gateway.tell, "seen")

            rig.gateway.tell("open")
            await asyncio.to_thread(rig.make_older, 150)
            await asyncio.to_thread(rig.hire, 2)
            await fleet.resume("run")
            report = await fleet.wait("run", every=0.1)
        times = await rig.times()

    assert took < PATIENCE.attempt
    # One that `taskiq worker` started afterwards would take seconds to be there.
    assert not [at for at in arrivals if at > signalled + ON_ITS_WAY]
    assert report.accepted + report.presumed == 200
    assert times == dict.fromkeys(numbers(200), 1)
