"""The fleet over taskiq: messages are wake-ups, and the ledger decides."""

import asyncio
import json
import signal

import pytest
from fleets import MESSAGE, DurableLedger, numbers, planned, states
from taskiq import AsyncBroker, InMemoryBroker
from taskiq.exceptions import SendTaskError

from aiooctopush import InvalidFieldError, OctopushSession
from aiooctopush.integrations.taskiq import BrokerTimeoutError, Fleet
from aiooctopush.ledgers.records import LedgerError, Pause
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxTransport, VirtualClock


class Broker(InMemoryBroker):
    """
    Runs tasks in this process, when it is not away.

    Attributes:
        messages: What it was given to carry.
        deliveries: How often it delivers each.
        away: Whether it takes nothing.
    """

    def __init__(self):
        super().__init__(await_inplace=True)
        self.messages = []
        self.deliveries = 1
        self.away = False

    async def kick(self, message):
        """See `AsyncBroker.kick`."""
        if self.away:
            raise ConnectionError("the broker is away")
        self.messages.append(message.message)
        for _ in range(self.deliveries):
            await super().kick(message)


class Slow:
    """A transport whose requests are answered when they are let go."""

    def __init__(self, gateway):
        self._transport = SandboxTransport(gateway)
        self.reached, self.lets_go = asyncio.Event(), asyncio.Event()

    async def send(self, request):
        """See `Transport.send`."""
        self.reached.set()
        await self.lets_go.wait()
        return await self._transport.send(request)


class Kept(DurableLedger):
    """A ledger that outlives its own end, as a database does."""

    closed = 0

    async def close(self):
        """See `Ledger.close`."""
        self.closed += 1


@pytest.fixture
def gateway():
    """What is sent arrives here."""
    return Gateway(clock=VirtualClock())


@pytest.fixture
def ledger(gateway):
    """Reached by all."""
    return Kept(clock=gateway.clock)


@pytest.fixture
def broker():
    """Carries wake-ups."""
    return Broker()


@pytest.fixture
def sessions():
    """What the fleet has made."""
    return []


@pytest.fixture
def fleet(broker, gateway, ledger, sessions):
    """Client and worker in one process."""

    def session():
        sessions.append(
            OctopushSession(
                "me@example.org",
                "key",
                transport=SandboxTransport(gateway),
                clock=gateway.clock,
            )
        )
        return sessions[-1]

    return Fleet(broker, session=session, ledger=lambda: ledger, rate=100, burst=5)


def times(gateway, count):
    """How often each of the first numbers was accepted."""
    return {gateway.sent_log.times(number) for number in numbers(count)}


async def test_what_is_submitted_is_sent(fleet, gateway):
    """By the workers that it wakes; the report says what became of it."""
    async with fleet:
        run = await fleet.submit("run", MESSAGE, numbers(30), batch_size=10)
        report = await fleet.wait("run")

    assert (run.batches, run.exhausted) == (3, True)
    assert (report.accepted, report.is_complete) == (30, True)
    assert times(gateway, 30) == {1}


async def test_a_message_that_is_delivered_twice_does_nothing(fleet, gateway, broker):
    """Nor one that was sent twice."""
    broker.deliveries = 2
    async with fleet:
        for _ in range(2):
            await fleet.submit("run", MESSAGE, numbers(30), batch_size=10)

    assert times(gateway, 30) == {1}


async def test_a_message_holds_nothing_personal(fleet, broker):
    """The name of a run and of a batch: a wake-up, of less than 300 bytes."""
    async with fleet:
        await fleet.submit("run", MESSAGE, numbers(1))

    (message,) = broker.messages
    told = json.loads(message)
    assert (told["task_name"], told["args"]) == (
        "aiooctopush.send_batch",
        ["run", "1", False],
    )
    assert len(message) < 300
    assert b"Hello" not in message
    assert b"639980" not in message


async def test_a_broker_that_is_away_loses_nothing(fleet, gateway, broker):
    """The error says where the run is; the next sweep wakes the workers."""
    broker.away = True
    async with fleet:
        with pytest.raises(SendTaskError) as caught:
            await fleet.submit("run", MESSAGE, numbers(10))
        broker.away = False
        woken = await fleet.sweep("run")

    assert caught.value.__notes__ == [
        "run 'run' is in the ledger; `sweep` wakes its workers"
    ]
    assert woken == 1
    assert times(gateway, 10) == {1}


async def test_a_sweep_does_not_mind_a_broker_that_is_away(fleet, broker, caplog):
    """Nor does a wait: the next one may find it."""
    async with fleet:
        await fleet.submit("run", MESSAGE, [])
        await planned(fleet.ledger, 2, key="other")
        broker.away = True
        await fleet.sweep()

    assert "the broker did not accept wake-ups for run 'other' (ConnectionError)" in (
        caplog.messages
    )


async def test_a_sweep_is_a_task_too(fleet, gateway, broker):
    """taskiq's scheduler runs it each minute."""
    task = broker.find_task("aiooctopush.sweep")
    async with fleet:
        await planned(fleet.ledger, 2)
        await task.kiq()

    assert task.labels["schedule"] == [{"cron": "* * * * *"}]
    assert times(gateway, 20) == {1}


async def test_a_run_that_stands_still_is_resumed(fleet, gateway, ledger):
    """When the reason is gone."""
    async with fleet:
        await planned(ledger, 2)
        await ledger.pause("run", Pause.CREDIT)
        before = await fleet.wake("run"), len(gateway.sent_log)
        paused = (await fleet.report("run")).paused
        woken = await fleet.resume("run")

    assert (before, paused, woken) == ((0, 0), Pause.CREDIT, 2)
    assert times(gateway, 20) == {1}


async def test_what_had_no_answer_is_asked_about(broker, gateway, ledger):
    """The wait has it done in the end; the wake-up says so."""
    faults = FaultPlan.schedule(["hang_after_commit"] * 2)
    fleet = Fleet(
        broker,
        session=lambda: OctopushSession(
            "me@example.org",
            "key",
            transport=SandboxTransport(gateway, faults),
            clock=gateway.clock,
        ),
        ledger=lambda: ledger,
    )
    async with fleet:
        await fleet.submit("run", MESSAGE, numbers(10))
        before = await states(ledger)
        report = await fleet.wait("run", every=0.001)

    assert before == {"1": "unknown"}
    assert report.presumed == 10
    assert times(gateway, 10) == {1}


async def test_who_starts_the_broker_closes_session_and_ledger(fleet, ledger, sessions):
    """One of each for a process; what comes after that begins anew."""
    async with fleet:
        assert fleet.ledger is ledger
        await fleet.submit("run", MESSAGE, numbers(10))

    (session,) = sessions
    assert ledger.closed == 1
    assert "closed" in repr(session)
    async with fleet:
        assert (await fleet.report("run")).accepted == 10
    assert ledger.closed == 2


async def test_a_worker_that_was_not_started_says_so(fleet, broker):
    """A broker of taskiq runs no task without its hooks."""
    task = broker.find_task("aiooctopush.send_batch")

    with pytest.raises(RuntimeError, match="this process has no session"):
        await task("run", "1")

    await fleet.broker.shutdown()


async def test_a_task_that_finds_no_ledger_fails_and_says_so(fleet, broker, ledger):
    """For taskiq to log it; the batch waits for the next sweep."""

    async def away(*_, **__):
        raise LedgerError("the database is away")

    async with fleet:
        await planned(ledger)
        ledger.claim = away
        task = await broker.find_task("aiooctopush.send_batch").kiq("run", "1")
        result = await task.get_result()

    assert isinstance(result.error, LedgerError)
    assert await states(ledger) == {"1": "not_sent"}


def test_a_rate_has_bounds(broker, ledger):
    """Found out before any worker starts."""
    with pytest.raises(InvalidFieldError, match="rate: must be"):
        Fleet(
            broker,
            session=OctopushSession.from_env,
            ledger=lambda: ledger,
            rate=0,
        )


def test_a_fleet_says_what_carries_it(fleet):
    """And nothing of its addresses, which may hold passwords."""
    assert repr(fleet) == "<Fleet over Broker>"


# --- a broker in this process ---------------------------------------------------------


class Counting(Kept):
    """A ledger that knows how many batches are being sent at once."""

    now = 0
    most = 0

    async def claim(self, *given, **more):
        """See `FleetLedger.claim`."""
        self.now += 1
        self.most = max(self.most, self.now)
        return await super().claim(*given, **more)

    async def conclude(self, *given, **more):
        """See `Ledger.conclude`."""
        await super().conclude(*given, **more)
        self.now -= 1


@pytest.fixture
def here(gateway):
    """A fleet over taskiq's own broker, which starts every task at once."""
    ledger = Counting(clock=gateway.clock)

    def session():
        transport = SandboxTransport(gateway)
        return OctopushSession("me", "key", transport=transport, clock=gateway.clock)

    return Fleet(InMemoryBroker(), session=session, ledger=lambda: ledger)


async def test_leaving_waits_for_what_was_woken(here, gateway):
    """Nobody else would send it."""
    async with here:
        await here.submit("run", MESSAGE, numbers(30), batch_size=10)

    assert here.is_in_process
    assert times(gateway, 30) == {1}


async def test_leaving_with_an_error_waits_for_no_ledger(here, monkeypatch):
    """Were a batch on its way for ever, this would be, too."""
    monkeypatch.setattr("aiooctopush.integrations.taskiq._CLOSE_WITHIN", 0.01)
    monkeypatch.setattr(here.ledger, "claim", lambda *_, **__: asyncio.Event().wait())

    async def leave():
        async with here:
            await here.submit("run", MESSAGE, numbers(30), batch_size=10)
            raise KeyError

    with pytest.raises(KeyError):
        await leave()


async def test_leaving_what_is_closed_already(here):
    """A second time does nothing."""
    async with here:
        await here.close()


async def test_a_few_batches_are_sent_at_once(here):
    """However many were woken; or their claims would run out in the queue."""
    ledger = here.ledger
    async with here:
        await here.submit("run", MESSAGE, numbers(40), batch_size=1)

    assert 1 < ledger.most <= 8


async def test_a_fleet_is_closed_without_its_broker(fleet, ledger):
    """By whoever only read from the ledger; it may be used again."""
    await planned(fleet.ledger)
    await fleet.close()

    assert ledger.closed == 1
    assert (await fleet.report("run")).planned == 10


# --- a worker that is told to stop ----------------------------------------------------


@pytest.fixture
def signals():
    """Have a handler for SIGTERM, as `taskiq worker` does; gives what it was told."""
    told = []
    earlier = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    yield told
    signal.signal(signal.SIGTERM, earlier)


class Delivering(AsyncBroker):
    """A broker of a worker: what it is given is delivered by hand."""

    kick = listen = None


async def test_a_worker_that_is_told_to_stop_begins_nothing(signals, gateway, ledger):
    """What is in flight is answered, what waits ends, and what comes later stays."""
    broker = Delivering()
    broker.is_worker_process = True
    transport = Slow(gateway)

    def session():
        return OctopushSession("me", "key", transport=transport, clock=gateway.clock)

    Fleet(broker, session=session, ledger=lambda: ledger)
    await planned(ledger, 3)
    await broker.startup()
    send = broker.find_task("aiooctopush.send_batch").original_func
    first = asyncio.create_task(send("run", "1"))
    await transport.reached.wait()

    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(0.01)
    await send("run", "2")
    transport.lets_go.set()
    await first
    await broker.shutdown()

    assert signals == [signal.SIGTERM, signal.SIGTERM]
    assert await states(ledger) == {"1": "accepted", "2": "not_sent", "3": "not_sent"}
    assert ledger.closed == 1


async def test_a_worker_that_has_ended_is_told_nothing(signals, silent):
    """A signal that comes with its end."""
    fleet = silent()
    fleet._stop_sending()

    assert fleet._stopping is None


# --- a broker that is there, and does not answer --------------------------------------


class Silent(AsyncBroker):
    """
    A broker that hangs where it is told to.

    Attributes:
        hangs: What never ends.
        kicked: Names of the batches that it took.
    """

    def __init__(self, *hangs):
        super().__init__()
        self.hangs = set(hangs)
        self.kicked = []

    async def _hang(self, what):
        if what in self.hangs:
            await asyncio.Event().wait()

    async def startup(self):
        """See `AsyncBroker.startup`."""
        await self._hang("startup")
        await super().startup()

    async def kick(self, message):
        """See `AsyncBroker.kick`."""
        await self._hang("kick")
        self.kicked.append(json.loads(message.message)["args"][1])

    listen = None  # nothing is delivered

    async def shutdown(self):
        """See `AsyncBroker.shutdown`."""
        await super().shutdown()
        await self._hang("shutdown")


@pytest.fixture
def silent(ledger):
    """Makes a fleet over a broker that hangs, which gives it little time."""

    def make(*hangs):
        return Fleet(
            Silent(*hangs),
            session=None,
            ledger=lambda: ledger,
            broker_timeout=0.3,
        )

    return make


async def test_a_broker_that_blocks_loses_nothing(silent):
    """Submitting ends, and says where the run is; so does waking."""
    fleet = silent("kick")
    async with fleet:
        with pytest.raises(BrokerTimeoutError) as caught:
            await fleet.submit("run", MESSAGE, numbers(30), batch_size=10)
        with pytest.raises(BrokerTimeoutError):
            await fleet.sweep("run")
        fleet.broker.hangs.clear()
        woken = await fleet.sweep("run")

    assert (
        str(caught.value)
        == "The broker does not respond; it is blocked, full, or hangs"
    )
    assert caught.value.__notes__ == [
        "run 'run' is in the ledger; `sweep` wakes its workers"
    ]
    assert (woken, fleet.broker.kicked) == (3, ["1", "2", "3"])


async def test_a_broker_that_is_silent_is_not_waited_for(silent, ledger):
    """Starting ends, and what was opened is closed."""
    fleet = silent("startup", "kick")
    assert fleet.ledger is ledger

    with pytest.raises(BrokerTimeoutError):
        await fleet.__aenter__()

    assert ledger.closed == 1


async def test_a_wait_ends_though_the_broker_blocks(silent, gateway, ledger, sessions):
    """What is woken in vain is sent by others, and then the run is done."""
    fleet = silent("kick")
    session = OctopushSession(
        "me@example.org",
        "key",
        transport=SandboxTransport(gateway),
        clock=gateway.clock,
    )
    async with fleet, session:
        await planned(ledger, 2)
        worker = session.worker(ledger)
        ledger.clock.advance(60)
        waiting = asyncio.create_task(fleet.wait("run", every=0.001))
        await asyncio.sleep(0)
        for name in await ledger.claimable_batches("run"):
            await worker.send_batch("run", name)
        report = await waiting

    assert report.accepted == 20
    assert times(gateway, 20) == {1}


async def test_a_broker_that_does_not_close_is_left(silent, caplog, monkeypatch):
    """With one line in the log; the ledger is closed before."""
    monkeypatch.setattr("aiooctopush.integrations.taskiq._CLOSE_WITHIN", 0.01)

    async with silent("shutdown"):
        pass

    assert "the broker did not close its connections within 0 s" in caplog.messages


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_broker_has_some_time(broker, seconds):
    """Without any, nothing could be sent."""
    with pytest.raises(InvalidFieldError, match="broker_timeout: must be above 0"):
        Fleet(broker, session=None, ledger=None, broker_timeout=seconds)


class RobustConnection:
    """As that of aio-pika, it tries again when it is cancelled once."""

    def __init__(self, cancellations):
        self.left = cancellations

    async def connect(self):
        """Wait for ever, and longer."""
        while self.left:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.left -= 1


async def test_attempts_to_connect_end_with_the_wait(silent, monkeypatch):
    """Else the program could not end; what is not the broker's goes on."""
    monkeypatch.setattr("aiooctopush.integrations.taskiq._MOMENT", 0.01)
    fleet = silent()
    own = asyncio.create_task(RobustConnection(1).connect())
    attempt, stubborn = RobustConnection(2), RobustConnection(9)

    async def startup():
        fleet.tasks = [
            asyncio.create_task(one.connect()) for one in (attempt, stubborn)
        ]
        await asyncio.Event().wait()

    fleet.broker.startup = startup
    with pytest.raises(BrokerTimeoutError):
        await fleet.__aenter__()
    is_own_left, ended = not own.done(), [task.done() for task in fleet.tasks]
    own.cancel()
    while not fleet.tasks[1].done():
        fleet.tasks[1].cancel()
        await asyncio.sleep(0)
    await asyncio.wait([own])

    assert (is_own_left, ended, attempt.left) == (True, [True, False], 0)
