"""Following a run that workers send: to its end, whatever a broker loses."""

import asyncio
from itertools import pairwise

import pytest
from attrs import evolve
from fleets import (
    MESSAGE,
    Away,
    DurableLedger,
    numbers,
    planned,
    states,
    virtual_clock,
)
from ledger_kinds import run_record
from simulation.virtual import run

from aiooctopush import InvalidFieldError, OctopushSession, SmsRequest
from aiooctopush.bulk.fleet.following import follow, read_report, sweep
from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.errors import UnknownOutcomeError
from aiooctopush.ledgers.records import BatchState, LedgerError, Pause, Rejection
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxTransport, VirtualClock


S = BatchState


class Fleet:
    """
    A gateway, a ledger, a broker and one worker, in virtual time.

    Attributes:
        queue: Wake-ups on their way.
        woken: All names that were woken, in order.
        loses: How many of the next wake-ups the broker loses.
        away: Whether the gateway lets nobody in.
    """

    def __init__(self, *, faults=None, ledger=None):
        self.clock = virtual_clock()
        self.gateway = Gateway(clock=self.clock)
        self.ledger = ledger or DurableLedger(clock=self.clock)
        self.queue = asyncio.Queue()
        self.woken = []
        self.loses = 0
        self.away = False
        self.carried = []
        self._transport = SandboxTransport(self.gateway, faults, latency=0.2)
        self._session = OctopushSession(
            "me@example.org", "key", transport=self, clock=self.clock
        )
        self.worker = self.worker_of(self.ledger)

    def worker_of(self, ledger):
        """A worker at the gateway."""
        return self._session.worker(ledger)

    async def send(self, request):
        """See `Transport.send`."""
        self.carried.append(self.clock.monotonic())
        if self.away:
            await self.clock.sleep(0.2)
            raise UnknownOutcomeError("silence")
        return await self._transport.send(request)

    async def wake(self, key, names, *, include_unknown=False):
        """See `Wake`."""
        for name in names:
            self.woken.append(name)
            if self.loses > 0:
                self.loses -= 1
            else:
                self.queue.put_nowait((key, name, include_unknown))

    async def work(self):
        """Do what one is woken for, until cancelled."""
        while True:
            key, name, include_unknown = await self.queue.get()
            await self.worker.send_batch(key, name, include_unknown=include_unknown)

    def come_back(self):
        """Let everybody in again."""
        self.away = False

    async def follow(self, workers=2, **options):
        """Follow a run with so many tasks at work."""
        tasks = [asyncio.create_task(self.work()) for _ in range(workers)]
        try:
            return await follow(
                self.ledger, self.wake, "run", clock=self.clock, **options
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def times(self, count):
        """How often each of the first numbers was accepted."""
        return {self.gateway.sent_log.times(number) for number in numbers(count)}


def test_a_run_is_followed_to_its_end():
    """What it told on the way, and a report that adds up."""
    looks = []

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 20)
        await sweep(fleet.ledger, fleet.wake, "run")
        return fleet, await fleet.follow(progress=looks.append)

    fleet, report = run(main())

    assert fleet.times(200) == {1}
    assert (report.accepted, report.batches, report.is_complete) == (200, 20, True)
    assert 1.9 < report.seconds < 3
    assert [look.left for look in looks][-1] == 0
    assert len(looks) > 2


def test_a_progress_that_fails_changes_nothing(caplog):
    """The run is followed to its end all the same."""

    def fail(_):
        raise asyncio.CancelledError

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 20)
        await sweep(fleet.ledger, fleet.wake, "run")
        return await fleet.follow(progress=fail)

    assert run(main()).accepted == 200
    assert "progress failed" in caplog.text


def test_what_a_broker_lost_is_woken_again():
    """All of it: after half a minute in which nothing moved."""

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 50, size=1)
        fleet.loses = 50
        await sweep(fleet.ledger, fleet.wake, "run")
        return fleet, await fleet.follow()

    fleet, report = run(main())

    assert report.is_complete
    assert fleet.times(50) == {1}
    assert len(fleet.woken) == 100
    assert 30 < fleet.clock.monotonic() < 40


def test_the_batch_of_a_worker_that_died_is_taken_up_while_others_go_on():
    """Once its lease has run out; those that wait in the queue are left alone."""

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 2_000, size=1)
        await fleet.ledger.claim("run", "1", owner="who died")
        await sweep(fleet.ledger, fleet.wake, "run", limit=2_000)
        report = await fleet.follow(workers=2)
        return fleet, report

    fleet, report = run(main())

    assert report.is_complete
    assert fleet.times(2_000) == {1}
    assert fleet.clock.monotonic() < 240
    assert len(fleet.woken) < 2_000 + 7 * 20


def test_all_that_dead_workers_left_is_taken_up_at_once_in_the_end():
    """When no batch has yet to begin, none of those that are free waits in a queue."""

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 41, size=1)
        # The first is taken up after a minute, so that the run moves then.
        await fleet.ledger.claim("run", "1", owner="who died", lease=50)
        await fleet.ledger.claim_next("run", owner="who died", lease=80, limit=40)
        return fleet, await fleet.follow()

    fleet, report = run(main())

    assert report.is_complete
    assert fleet.times(41) == {1}
    assert 90 < fleet.clock.monotonic() < 120


def test_a_pause_for_the_account_ends_the_wait():
    """Only a person can help; the report says why."""

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 2)
        await fleet.ledger.pause("run", Pause.CREDIT)
        return await fleet.follow()

    report = run(main())

    assert (report.paused, report.not_sent, report.resumable) == (
        Pause.CREDIT,
        20,
        True,
    )


@pytest.mark.parametrize(("concluded", "unknown"), [(5, 0), (200, 10)])
def test_a_pause_waits_for_what_is_being_sent(concluded, unknown):
    """It is not unknown because others stopped; a dead worker is not awaited."""

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 2)
        claim = await fleet.ledger.claim("run", "1", owner="other", lease=300)
        await fleet.ledger.pause("run", Pause.CREDIT)
        following = asyncio.create_task(fleet.follow())
        await fleet.clock.sleep(concluded)
        if not following.done():
            accepted = evolve(claim.record, state=S.ACCEPTED)
            await claim.ledger.conclude("run", accepted)
        return await following

    report = run(main())

    assert (report.paused, report.in_flight) == (Pause.CREDIT, unknown)
    assert report.accepted == 10 - unknown


def test_an_outage_is_waited_for():
    """With one batch now and then, and then the rest; each is accepted once."""

    async def main():
        fleet = Fleet()
        fleet.away = True
        await planned(fleet.ledger, 60, size=1)
        await sweep(fleet.ledger, fleet.wake, "run")
        asyncio.get_running_loop().call_later(600, fleet.come_back)
        return fleet, await fleet.follow(workers=20)

    fleet, report = run(main())

    assert report.is_complete
    assert fleet.times(60) == {1}
    # Twenty batches of twelve tries each found out; then one by one.
    probes = [at for at in fleet.carried if 120 < at < 600]
    assert 0 < len(probes) < 400


def test_patience_with_an_outage_has_an_end():
    """Then the report says what stands still, and that it can go on."""

    async def main():
        fleet = Fleet()
        fleet.away = True
        await planned(fleet.ledger, 60, size=1)
        await sweep(fleet.ledger, fleet.wake, "run")
        return fleet, await fleet.follow(workers=20, wait_for_gateway=100)

    fleet, report = run(main())

    assert report.paused is Pause.OUTAGE
    assert report.unknown >= 20
    assert report.not_sent > 0
    assert len(fleet.gateway.sent_log) == 0


class Lifted(DurableLedger):
    """Notes when a run was let go on."""

    def __init__(self, clock):
        super().__init__(clock=clock)
        self.lifts = []

    async def unpause(self, key):
        """See `FleetLedger.unpause`."""
        self.lifts.append(self.clock.monotonic())
        await super().unpause(key)


def test_a_gateway_that_stays_away_is_asked_ever_more_rarely():
    """After half a minute, a minute, two, four; and never more than five."""

    async def main():
        fleet = Fleet()
        fleet.away = True
        fleet.ledger = Lifted(fleet.clock)
        fleet.worker = fleet.worker_of(fleet.ledger)
        await planned(fleet.ledger, 60, size=1)
        await sweep(fleet.ledger, fleet.wake, "run")
        await fleet.follow(workers=20, wait_for_gateway=30 + 60 + 120 + 240 + 300 + 9)
        return fleet.ledger.lifts

    lifts = run(main())

    gaps = [after - before for before, after in pairwise(lifts)]
    assert len(lifts) == 6
    # Besides the pause, each has the time of one batch without an answer: the quota
    # of retries is used up by then.
    pauses = [60, 120, 240, 300, 9]
    tries = [gap - pause for gap, pause in zip(gaps, pauses, strict=True)]
    assert all(0 < one < 10 for one in tries)


def test_each_outage_has_all_patience_again():
    """Two of them, each almost as long as that; the run is finished."""

    async def main():
        fleet = Fleet()
        fleet.away = True
        await planned(fleet.ledger, 500, size=1)
        await sweep(fleet.ledger, fleet.wake, "run")
        loop = asyncio.get_running_loop()
        loop.call_later(140, fleet.come_back)

        async def watch():
            while len(fleet.gateway.sent_log) < 100:
                await fleet.clock.sleep(0.1)
            fleet.away = True
            loop.call_later(140, fleet.come_back)

        watching = asyncio.create_task(watch())
        report = await fleet.follow(workers=20, wait_for_gateway=140)
        await watching
        return fleet, report

    fleet, report = run(main())

    assert report.is_complete
    assert fleet.times(500) == {1}


def test_what_had_no_answer_is_asked_about_once_more_in_the_end():
    """Under its id: it turns out to have been taken."""

    async def main():
        fleet = Fleet(faults=FaultPlan.schedule(["hang_after_commit"] * 2))
        await planned(fleet.ledger, 3)
        await sweep(fleet.ledger, fleet.wake, "run")
        return fleet, await fleet.follow()

    fleet, report = run(main())

    assert (report.presumed, report.unknown, report.accepted) == (20, 0, 10)
    assert fleet.times(30) == {1}


def test_what_nobody_asks_about_stays_in_doubt():
    """The wait for that ends with the time that one claim may take."""

    async def main():
        fleet = Fleet(faults=FaultPlan.schedule(["hang_after_commit"] * 2))
        await planned(fleet.ledger, 1)
        await sweep(fleet.ledger, fleet.wake, "run")
        following = asyncio.create_task(fleet.follow())
        while "unknown" not in (await states(fleet.ledger)).values():
            await fleet.clock.sleep(0.1)
        fleet.loses = 100
        return fleet, await following

    fleet, report = run(main())

    assert report.unknown == 10
    assert 210 < fleet.clock.monotonic() < 230


# --- a wake that hangs ----------------------------------------------------------------


class Blocked(Fleet):
    """
    A fleet whose broker blocks.

    Attributes:
        blocks: How many of the next calls hang.
        left: How many of them were cancelled.
    """

    def __init__(self, blocks, **options):
        super().__init__(**options)
        self.blocks = blocks
        self.left = 0

    async def wake(self, key, names, *, include_unknown=False):
        """See `Wake`."""
        if self.blocks > 0:
            self.blocks -= 1
            try:
                await asyncio.Event().wait()
            finally:
                self.left += 1
        await super().wake(key, names, include_unknown=include_unknown)


def test_a_wait_ends_with_its_run_though_a_wake_hangs():
    """Others sent the batches meanwhile."""

    async def main():
        fleet = Blocked(100)
        await planned(fleet.ledger, 2)
        following = asyncio.create_task(fleet.follow())
        await fleet.clock.sleep(40)  # so it has swept
        for name in await fleet.ledger.claimable_batches("run", limit=9):
            await fleet.worker.send_batch("run", name)
        return fleet, await following

    fleet, report = run(main())

    assert (report.accepted, fleet.left) == (20, 1)
    assert fleet.clock.monotonic() < 45


def test_a_wake_that_hangs_is_left_and_the_next_sweep_wakes(caplog):
    """Two minutes without anything that moves; nothing is lost."""

    async def main():
        fleet = Blocked(1)
        await planned(fleet.ledger, 5)
        return fleet, await fleet.follow()

    fleet, report = run(main())

    assert (report.accepted, fleet.left) == (50, 1)
    assert fleet.times(50) == {1}
    assert fleet.clock.monotonic() < 160
    assert "run 'run': wake has not returned for 120 s" in caplog.text


def test_who_asks_again_does_not_wait_for_a_wake_that_hangs():
    """What was in doubt stays so; the report says it."""

    async def main():
        fleet = Blocked(0, faults=FaultPlan.schedule(["hang_after_commit"] * 2))
        await planned(fleet.ledger, 1)
        await sweep(fleet.ledger, fleet.wake, "run")
        following = asyncio.create_task(fleet.follow())
        while "unknown" not in (await states(fleet.ledger)).values():
            await fleet.clock.sleep(0.1)
        fleet.blocks = 100
        return fleet, await following

    fleet, report = run(main())

    assert (report.unknown, fleet.left) == (10, 1)
    assert fleet.clock.monotonic() < 230


def test_a_wake_that_sends_by_itself_has_the_time_it_needs():
    """As long as something moves."""

    async def main():
        fleet = Fleet(faults=FaultPlan.schedule(["hang_after_commit"] * 6))
        await planned(fleet.ledger, 3)
        for name in await fleet.ledger.claimable_batches("run", limit=9):
            await fleet.worker.send_batch("run", name)

        async def wake(key, names, *, include_unknown=False):
            for name in names:
                await fleet.clock.sleep(100)
                await fleet.worker.send_batch(
                    key, name, include_unknown=include_unknown
                )

        began = fleet.clock.monotonic()
        report = await follow(fleet.ledger, wake, "run", clock=fleet.clock)
        return fleet, report, fleet.clock.monotonic() - began

    fleet, report, seconds = run(main())

    assert (report.presumed, report.unknown) == (30, 0)
    assert fleet.times(30) == {1}
    assert 300 < seconds < 310


def test_a_run_that_stands_still_ends_the_wait_though_a_wake_hangs():
    """After the time that a wake has."""

    async def main():
        fleet = Blocked(100)
        await planned(fleet.ledger, 2)
        following = asyncio.create_task(fleet.follow())
        await fleet.clock.sleep(40)
        await fleet.ledger.pause("run", Pause.CREDIT)
        return fleet, await following

    fleet, report = run(main())

    assert (report.paused, fleet.left) == (Pause.CREDIT, 1)
    assert fleet.clock.monotonic() < 170


def test_a_gateway_is_tried_again_though_a_wake_hangs():
    """The next wake goes through."""

    async def main():
        fleet = Blocked(1)
        await planned(fleet.ledger, 2)
        following = asyncio.create_task(fleet.follow())
        await fleet.clock.sleep(40)
        await fleet.ledger.pause("run", Pause.OUTAGE)
        return fleet, await following

    fleet, report = run(main())

    assert (report.accepted, fleet.left) == (20, 1)


def test_what_a_wake_raises_ends_the_wait():
    """A mistake of the program is not hidden."""

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 1)

        async def wake(key, names, *, include_unknown=False):
            raise LookupError("no such queue")

        with pytest.raises(LookupError, match="no such queue"):
            await follow(fleet.ledger, wake, "run", clock=fleet.clock)

    run(main())


def test_a_wake_whose_own_work_was_cancelled_does_not_cancel_the_wait():
    """The next sweep wakes again."""

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 1)
        fails = [asyncio.CancelledError()]

        async def wake(key, names, *, include_unknown=False):
            if fails:
                raise fails.pop()
            await fleet.worker.send_batch(key, names[0])

        return await follow(fleet.ledger, wake, "run", clock=fleet.clock)

    assert run(main()).accepted == 10


def test_a_wait_that_is_cancelled_leaves_no_wake_behind():
    """It is cancelled, too."""

    async def main():
        fleet = Blocked(1)
        await planned(fleet.ledger, 1)
        following = asyncio.create_task(fleet.follow())
        await fleet.clock.sleep(40)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        return fleet.left

    assert run(main()) == 1


# --- a ledger that is away ------------------------------------------------------------


def test_a_ledger_may_be_away_for_a_while():
    """A database that is started again does not end the wait."""

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 5)
        await sweep(fleet.ledger, fleet.wake, "run")
        fleet.ledger = Away(fleet.ledger, progress=60, runs=1)
        return fleet, await fleet.follow()

    fleet, report = run(main())

    assert report.is_complete
    assert fleet.clock.monotonic() > 60


def test_a_ledger_that_stays_away_ends_the_wait():
    """After two minutes; the run goes on without."""

    async def main():
        fleet = Fleet()
        await planned(fleet.ledger, 1)
        fleet.ledger = Away(fleet.ledger, progress=1_000)
        with pytest.raises(LedgerError, match="being started again"):
            await fleet.follow()
        return fleet.clock.monotonic()

    assert 119 < run(main()) < 123


@pytest.mark.parametrize(
    ("key", "every", "words"),
    [
        ("other", 1.0, "name: names no run of this ledger"),
        ("half", 1.0, "name: names a run that is not completely planned; submit it"),
        ("run", 0, "every: must be above 0"),
    ],
)
async def test_what_cannot_be_followed_is_refused(key, every, words):
    """At once, and by name."""
    ledger = DurableLedger(clock=VirtualClock())
    await planned(ledger)
    await ledger.open_run(run_record("half"))

    with pytest.raises(InvalidFieldError, match=words):
        await follow(ledger, wake_nobody, key, every=every, clock=ledger.clock)


async def wake_nobody(key, names, *, include_unknown=False):
    """A broker that loses everything."""


# --- sweep ----------------------------------------------------------------------------


async def test_a_sweep_wakes_all_runs_that_go_on():
    """Not one that stands still, nor one that is not planned to its end."""
    ledger, woken = DurableLedger(clock=VirtualClock()), {}
    for key in ("one", "two", "still"):
        await planned(ledger, 3, key=key)
    await ledger.pause("still", Pause.CREDIT)
    half = await ledger.open_run(run_record("half"))
    await ledger.update_run(evolve(half, items=1))

    async def wake(key, names, *, include_unknown=False):
        woken[key] = list(names), include_unknown

    count = await sweep(ledger, wake, limit=2)

    assert woken == {"one": (["1", "2"], False), "two": (["1", "2"], False)}
    assert count == 4


async def test_a_sweep_may_be_of_one_run():
    """Which has to be there."""
    ledger, woken = DurableLedger(clock=VirtualClock()), []

    async def wake(key, names, *, include_unknown=False):
        woken.append(key)

    for key in ("one", "two"):
        await planned(ledger, key=key)

    await sweep(ledger, wake, "two")

    assert woken == ["two"]
    with pytest.raises(InvalidFieldError, match="names no run"):
        await sweep(ledger, wake, "three")


# --- report ---------------------------------------------------------------------------


async def test_a_report_lists_what_was_rejected():
    """At most a hundred of it; the ledger lists all."""
    ledger = DurableLedger(clock=VirtualClock())
    source = [*("x" for _ in range(150)), numbers(1)[0]]
    await plan(ledger, "run", MESSAGE, source, clock=ledger.clock)

    report = await read_report(ledger, "run")

    assert (report.rejected, len(report.rejections), report.planned) == (150, 100, 1)
    assert isinstance(report.rejections[0], Rejection)


async def test_a_report_of_whole_requests_counts_recipients():
    """Two in one request are two; the source had one item."""
    ledger = DurableLedger(clock=VirtualClock())
    request = SmsRequest(
        text="Hello", recipients=numbers(2), sender="Acme", purpose="alert"
    )
    await plan(ledger, "run", None, [request], clock=ledger.clock)

    report = await read_report(ledger, "run")

    assert (report.items, report.planned, report.not_sent) == (1, 2, 2)


async def test_a_report_that_does_not_add_up_is_an_error():
    """Somebody changed the run while it was read, or it is damaged."""
    ledger = DurableLedger(clock=VirtualClock())
    found = await planned(ledger)
    await ledger.update_run(evolve(found, planned=11))

    with pytest.raises(LedgerError, match=r"changed while it was read.*add up"):
        await read_report(ledger, "run")


async def test_a_report_is_of_one_look():
    """What is planned while the run is read is not counted by halves."""
    ledger = DurableLedger(clock=VirtualClock())
    found = await planned(ledger, 2)
    await ledger.update_run(evolve(found, planned=10, items=10, new=10, batches=1))

    report = await read_report(ledger, "run")

    assert (report.planned, report.not_sent) == (10, 10)


async def test_a_report_needs_a_run():
    """Its key has to be there."""
    with pytest.raises(InvalidFieldError, match="names no run"):
        await read_report(DurableLedger(), "run")
