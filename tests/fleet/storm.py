"""
A storm over a fleet: each wake-up twice, workers killed, broker and database restarted,
until the run is done. The gateway's sent log is the judge.
"""

import asyncio
import time
from contextlib import suppress
from functools import partial
from random import Random

from attrs import define, field, frozen
from fleet.rig import MESSAGE, Rig, most_within, numbers

from aiooctopush.ledgers.records import BatchState


SEED = 20261122
KEY = "storm"
SURE = (BatchState.ACCEPTED, BatchState.PRESUMED)


@frozen(kw_only=True)
class Storm:
    """
    What is weathered.

    Attributes:
        batches: Requests that it takes.
        size: Recipients of each.
        workers: Processes.
        kills: How many of them are killed with SIGKILL, and replaced by taskiq.
        broker_restarts: In good order and by SIGKILL, in turn.
        database_restarts: As after a crash.
        rate: Requests a second, of the fleet.
        burst: How many may start at once.
        latency: Seconds that the gateway takes.
        lateness: Seconds that a busy machine may be late with a request whose turn has
            come; so much more than a second's worth may arrive within a second.
        lease: Seconds of a claim; None for those of the library.
        sweep_every: Seconds between two sweeps that are not those of `Fleet.wait`.
    """

    batches: int
    size: int = 10
    workers: int = 4
    kills: int
    broker_restarts: int
    database_restarts: int = 1
    rate: float = 50.0
    burst: int = 10
    latency: float = 0.2
    lateness: float = 0.0
    lease: float | None = None
    sweep_every: float | None = None


FULL = Storm(batches=1_000, kills=20, broker_restarts=3)
# Without a rate these four would start 160 a second, and with one for each of them 80.
SHORT = Storm(
    batches=200,
    kills=5,
    broker_restarts=1,
    rate=20,
    lateness=1.0,
    lease=6.0,
    sweep_every=2.0,
)


@define(kw_only=True)
class Found:
    """
    What came of it. Counts are people unless they say otherwise.

    Attributes:
        kills, broker_restarts, database_restarts: That really were.
        requests: That arrived at the gateway.
        most_in_a_second: Of these, in any second.
        lost: Are not in the sent log.
        twice: Are in it more than once.
        states: What the report says of them.
        seconds: From the first wake-up to the report.
    """

    storm: Storm
    kills: int = 0
    broker_restarts: int = 0
    database_restarts: int = 0
    requests: int = 0
    most_in_a_second: int = 0
    lost: int = 0
    twice: int = 0
    states: dict[str, int] = field(factory=dict)
    seconds: float = 0.0

    @property
    def allowed_in_a_second(self):
        """Requests that may arrive in any second."""
        storm = self.storm
        return storm.rate * (1 + storm.lateness) + storm.burst

    def problems(self):
        """What is not as it was promised, in words."""
        storm, people = self.storm, self.storm.batches * self.storm.size
        sure = sum(self.states.get(state, 0) for state in SURE)
        promises = {
            "nobody is lost": not self.lost,
            "nobody gets it twice": not self.twice,
            "the report knows all": sure == people == sum(self.states.values()),
            "the rate is kept": self.most_in_a_second <= self.allowed_in_a_second,
            "workers were killed": self.kills == storm.kills,
            "brokers were stopped": self.broker_restarts == storm.broker_restarts,
            "databases were": self.database_restarts == storm.database_restarts,
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


@define
class _Conductor:
    """Lets things happen once so many requests have arrived."""

    rig: Rig
    storm: Storm
    found: Found
    random: Random = field(factory=partial(Random, SEED))
    arrived: int = 0

    async def conduct(self, workers):
        """All that is to happen, each at its moment, some of it at once."""
        storm = self.storm
        events = [
            *[partial(self.kill, workers)] * storm.kills,
            *[self.restart_broker] * storm.broker_restarts,
            *[self.restart_database] * storm.database_restarts,
        ]
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self.watch())
            waiting = [
                group.create_task(self.at(moment, event))
                for event in events
                for moment in [self.random.randrange(1, storm.batches * 9 // 10)]
            ]
            await asyncio.wait(waiting)
            watching.cancel()

    async def watch(self):
        """Follow how many requests have arrived."""
        while True:
            self.arrived = await asyncio.to_thread(self.rig.gateway.tell, "count")
            await asyncio.sleep(0.05)

    async def at(self, moment, event):
        """Let something happen when so many requests have arrived, and a bit later."""
        while self.arrived < moment:
            await asyncio.sleep(0.02)
        await asyncio.sleep(self.random.uniform(0, self.storm.latency))
        await event()

    async def kill(self, workers):
        """Kill a worker; if just now there is none, the next one."""
        is_killed = False
        while not is_killed:
            await asyncio.sleep(0.02)
            if there := workers.alive():
                is_killed = workers.kill(self.random.choice(there))
        self.found.kills += 1

    async def restart_broker(self):
        """Stop the broker, and start it again on what it has written."""
        self.found.broker_restarts += 1
        broker = self.rig.broker
        in_good_order = self.found.broker_restarts % 2
        await asyncio.to_thread(broker.stop if in_good_order else broker.kill)
        await asyncio.to_thread(broker.start)

    async def restart_database(self):
        """Let the database crash, and start it again."""
        self.found.database_restarts += 1
        await asyncio.to_thread(self.rig.database.stop)
        await asyncio.to_thread(self.rig.database.start)

    async def sweep(self, fleet):
        """What taskiq's scheduler or cron would do, more often."""
        while self.storm.sweep_every:
            await asyncio.sleep(self.storm.sweep_every)
            # The ledger may just be away; then the next one will do.
            with suppress(Exception):
                await fleet.sweep(KEY)


async def weather(storm):
    """One storm, judged."""
    found = Found(storm=storm)
    people = numbers(storm.batches * storm.size)
    with Rig(rate=storm.rate, burst=storm.burst, lease=storm.lease) as rig:
        rig.gateway.tell("take", seconds=storm.latency)
        conductor = _Conductor(rig, storm, found)
        async with rig.client() as fleet:
            await fleet.submit(KEY, MESSAGE, people, batch_size=storm.size)
            # Before anybody is there to take one, so that each is in the queue twice.
            assert await fleet.wake(KEY) == storm.batches
            began = time.monotonic()
            workers = await asyncio.to_thread(rig.hire, storm.workers)
            async with asyncio.TaskGroup() as group:
                group.create_task(conductor.conduct(workers))
                sweeping = group.create_task(conductor.sweep(fleet))
                report = await fleet.wait(KEY)
                sweeping.cancel()
            found.seconds = time.monotonic() - began
        times = await rig.times()
        arrivals = await asyncio.to_thread(rig.gateway.tell, "seen")
    found.requests = len(arrivals)
    found.most_in_a_second = most_within(arrivals, 1.0)
    found.lost = len(set(people) - times.keys())
    found.twice = sum(count > 1 for count in times.values())
    found.states = {state: count for state, count in report.by_state.items() if count}
    return found
