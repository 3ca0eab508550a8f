"""A scheduled run: nothing of it goes out at a time that nobody asked for."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from fleets import DurableLedger, numbers, states, worker_at

from aiooctopush import (
    BatchState,
    InvalidFieldError,
    Message,
    OctopushSession,
    RetryPolicy,
    SmsRequest,
)
from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.ledgers.records import Pause
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


HOUR = 3_600
RUN = {"text": "Hi", "sender": "Acme", "purpose": "alert"}


@pytest.fixture
def gateway():
    """A gateway in virtual time, with credit for all."""
    return Gateway(GatewaySettings(credit=Decimal(1_000)), clock=VirtualClock())


@pytest.fixture
def ledger(gateway):
    """Kept from one start to the next."""
    return DurableLedger(clock=gateway.clock)


@pytest.fixture
def start(gateway, ledger):
    """Make a start of the run, which sends in an hour from the first one."""
    send_at = gateway.clock.now() + timedelta(hours=1)

    def start(faults=None, **options):
        octopush = OctopushSession(
            "me@example.org",
            "key",
            transport=SandboxTransport(gateway, faults),
            clock=gateway.clock,
        )
        settings = {"batch_size": 10, "concurrency": 1, "ledger": ledger}
        return octopush.bulk("run", **{**RUN, "send_at": send_at, **settings} | options)

    return start


async def test_new_run_that_is_too_late(gateway, ledger, start):
    """It is refused before anything is written."""
    gateway.clock.advance(HOUR + 61)

    with pytest.raises(InvalidFieldError, match="send_at: must not be in the past"):
        await start().send(numbers(10))

    assert await ledger.runs() == []
    assert len(gateway.sent_log) == 0


async def test_a_minute_is_in_time(gateway, start):
    """Clocks differ by as much."""
    gateway.clock.advance(HOUR + 59)

    report = await start().send(numbers(10))

    assert report.accepted == 10


async def test_resumed_when_all_is_sent(gateway, start):
    """Nobody is left, so that it is not too late for anybody."""
    await start().send(numbers(10))
    gateway.clock.advance(2 * HOUR)

    report = await start().send(numbers(10))

    assert (report.is_complete, report.already) == (True, 10)
    assert gateway.sent_log.numbers() == Counter(numbers(10))


async def test_resumed_with_somebody_new(gateway, ledger, start):
    """He is not planned, and the words say what to do."""
    await start().send(numbers(10))
    gateway.clock.advance(2 * HOUR)

    with pytest.raises(InvalidFieldError, match="another run name and a later time"):
        await start().send(numbers(11))

    assert gateway.sent_log.numbers() == Counter(numbers(10))
    assert [one.planned for one in await ledger.runs()] == [10]


async def test_resumed_with_somebody_left(gateway, ledger, start):
    """What was not sent in time stays so."""
    gateway.credit = Decimal(0)
    paused = await start().send(numbers(10))
    gateway.credit = Decimal(1_000)
    gateway.clock.advance(2 * HOUR)

    with pytest.raises(InvalidFieldError, match="has passed since this run began"):
        await start().send(numbers(10))

    assert (paused.paused, paused.not_sent) == (Pause.CREDIT, 10)
    assert len(gateway.sent_log) == 0
    assert await states(ledger) == {"1": "not_sent"}


async def test_resumed_with_something_in_doubt(gateway, ledger, start):
    """It is not asked about: if it was never there, it would go out now."""
    one_try = RetryPolicy(attempts=1)
    faults = FaultPlan.schedule(["hang_before_commit", "hang_before_commit"])
    first = await start(faults, retry=one_try).send(numbers(10))
    gateway.clock.advance(2 * HOUR)

    with pytest.raises(InvalidFieldError, match="send_at"):
        await start().send(numbers(10))

    assert first.unknown == 10
    assert len(gateway.sent_log) == 0
    assert await states(ledger) == {"1": "unknown"}


async def test_time_runs_out_meanwhile(gateway, ledger, start):
    """Those behind are not planned, and the report says why."""
    report = await start(rate=0.0005).send(numbers(40))

    assert report.paused is Pause.OVERDUE
    assert 0 < report.accepted < 40
    assert report.planned == report.accepted
    assert gateway.sent_log.numbers() == Counter(numbers(report.accepted))
    assert [one.paused for one in await ledger.runs()] == [Pause.OVERDUE]


async def test_time_runs_out_in_a_pause(gateway, start):
    """What waited for credit does not go out when there is some."""
    gateway.credit = Decimal("0.5")
    run = start(wait_for_credit=3 * HOUR)

    async def results():
        async for result in run.stream(numbers(20)):
            yield result
            if result.state is BatchState.NOT_SENT:
                gateway.clock.advance(2 * HOUR)
                gateway.credit = Decimal(1_000)

    told = [one.state async for one in results()]

    assert told == [BatchState.ACCEPTED, BatchState.NOT_SENT]
    assert run.report.paused is Pause.OVERDUE
    assert gateway.sent_log.numbers() == Counter(numbers(10))


async def test_requests_with_instants_of_their_own(gateway, start):
    """Only what is too late is left out, and told with its reason."""
    now = gateway.clock.now()
    people = numbers(25)
    requests = [
        SmsRequest(
            **RUN, recipients=[one], send_at=now + timedelta(hours=1 if at else -1)
        )
        for at, one in enumerate(people)
    ]
    run = start(text=None, sender=None, purpose=None, send_at=None)

    told = [one async for one in run.stream([requests[0]] * 22 + requests[1:])]

    late = [one for one in told if one.state is BatchState.NOT_SENT]
    assert {one.error.field for one in late} == {"send_at"}
    assert run.report.paused is None
    assert (run.report.accepted, run.report.not_sent) == (24, 22)
    assert gateway.sent_log.numbers() == Counter(people[1:])


# --- a fleet --------------------------------------------------------------------------


@pytest.fixture
def message(gateway):
    """It goes out in an hour."""
    return Message(**RUN, send_at=gateway.clock.now() + timedelta(hours=1))


async def test_plan_that_is_too_late(gateway, ledger, message):
    """It is refused before anything is written."""
    gateway.clock.advance(2 * HOUR)

    with pytest.raises(InvalidFieldError, match="must not be in the past"):
        await plan(ledger, "run", message, numbers(10), clock=gateway.clock)

    assert await ledger.runs() == []


async def test_plan_that_adds_somebody_too_late(gateway, ledger, message):
    """Only if somebody is new; whoever is known is no reason to refuse it."""
    await plan(ledger, "run", message, numbers(10), clock=gateway.clock)
    gateway.clock.advance(2 * HOUR)

    again = await plan(ledger, "run", message, numbers(10), clock=gateway.clock)
    with pytest.raises(InvalidFieldError, match="another run name and a later time"):
        await plan(ledger, "run", message, numbers(11), clock=gateway.clock)

    assert (again.planned, again.already) == (10, 10)
    assert await states(ledger) == {"1": "not_sent"}


async def test_worker_that_comes_too_late(gateway, ledger, message):
    """It sends nothing, and all workers stand still."""
    people = numbers(20)
    await plan(ledger, "run", message, people, batch_size=10, clock=gateway.clock)
    worker = worker_at(gateway, ledger)
    await worker.send_next("run")
    gateway.clock.advance(2 * HOUR)

    (late,) = await worker.send_next("run")

    assert (late.state, late.error.field) == (BatchState.NOT_SENT, "send_at")
    assert gateway.sent_log.numbers() == Counter(people[:10])
    assert (await ledger.progress("run")).run.paused is Pause.OVERDUE
    assert await worker.send_next("run") == []


async def test_worker_that_is_too_late_for_a_question(gateway, ledger, message):
    """What is in doubt stays so."""
    await plan(ledger, "run", message, numbers(10), clock=gateway.clock)
    faults = FaultPlan.schedule(["hang_after_commit"] * 12)
    await worker_at(gateway, ledger, faults).send_next("run")
    gateway.clock.advance(2 * HOUR)

    (late,) = await worker_at(gateway, ledger).send_next("run", include_unknown=True)

    assert late.state is BatchState.UNKNOWN
    assert await states(ledger) == {"1": "unknown"}
