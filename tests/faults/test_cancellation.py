"""Cancelled at any moment: it always works, nothing is left, and nothing is lost."""

import asyncio
from random import Random

import pytest
from fakes import MESSAGE, session_over
from faults.clients import NUMBER, result_of, session_to
from faults.gateway import FaultGateway

from aiooctopush import Outcome, RetryPolicy, SmsRequest
from aiooctopush.ids import safe_until
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)
from aiooctopush.sandbox.clock import START
from aiooctopush.sandbox.faults import DEFAULT_KINDS


pytestmark = pytest.mark.usefixtures("_way")

LAWS = [pytest.param(False, id="on acceptance"), pytest.param(True, id="on receipt")]
UNTIL = safe_until(START)


async def cancelled_after(steps, call, *, at_most):
    """
    Cancel a call after some steps of the loop.

    Returns:
        Whether it was cancelled, rather than over already.
    """
    task = asyncio.ensure_future(call)
    for _ in range(steps):
        await asyncio.sleep(0)
    asked = task.cancel()
    left = at_most
    while left and not task.done():
        left -= 1
        await asyncio.sleep(0)
    await asyncio.wait({task}, timeout=0)
    assert task.done(), f"still running {at_most} steps after its cancellation"
    assert task.cancelled() is asked, "a cancellation was swallowed"
    if not asked:
        task.exception()
    return asked


def got_it_once(times, result, *, burns_ids):
    """
    Whether nothing was lost and nothing sent twice.

    A gateway that burns ids may have burnt this one for nothing: that is why the
    result is called presumed, and not accepted.
    """
    return times == 1 or (
        burns_ids and times == 0 and result.outcome is Outcome.PRESUMED
    )


def request_number(moment):
    """A request of its own for each moment."""
    return SmsRequest(**{**MESSAGE, "text": f"Code {moment}"})


# --- in process -----------------------------------------------------------------------


def world_of(moment, *, burns_ids):
    """A gateway and a session whose course the moment determines."""
    clock = VirtualClock()
    gateway = Gateway(
        GatewaySettings(duplicate_check="on_receipt" if burns_ids else "on_accept"),
        clock=clock,
    )
    faults = FaultPlan(kinds=DEFAULT_KINDS, probability=0.7, seed=moment)
    flaky = SandboxTransport(gateway, faults, latency=moment % 2)
    return gateway, session_over(flaky, clock=clock, random=Random(moment))


async def steps_of(call):
    """How many steps of the loop a call takes that nobody cancels."""
    task, steps = asyncio.ensure_future(result_of(call)), 0
    while not task.done():
        await asyncio.sleep(0)
        steps += 1
    return steps


@pytest.mark.parametrize("burns_ids", LAWS)
async def test_a_thousand_moments(burns_ids):
    """A call that is cancelled and settled later is there once, whatever it met."""
    random = Random(17)

    for moment in range(1000):
        request = request_number(moment)
        _, twin = world_of(moment, burns_ids=burns_ids)
        async with twin:
            steps = await steps_of(twin.sms.send_request(request))
        gateway, octopush = world_of(moment, burns_ids=burns_ids)
        async with octopush:
            assert await cancelled_after(
                random.randrange(steps), octopush.sms.send_request(request), at_most=5
            )
            assert octopush._call.limiter._free == 100
        calm = SandboxTransport(gateway)
        async with session_over(calm, clock=gateway.clock) as octopush:
            result = await octopush.sms.settle(request, safe_to_retry_until=UNTIL)

        times = gateway.sent_log.times(NUMBER)
        assert got_it_once(times, result, burns_ids=burns_ids), moment
        assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("burns_ids", LAWS)
async def test_a_thousand_moments_without_faults(burns_ids):
    """Then it is there once under either law, and never merely presumed for nothing."""
    random, cancelled = Random(18), 0
    clock = VirtualClock()
    gateway = Gateway(
        GatewaySettings(duplicate_check="on_receipt" if burns_ids else "on_accept"),
        clock=clock,
    )

    async with session_over(SandboxTransport(gateway), clock=clock) as octopush:
        for moment in range(1000):
            request = request_number(moment)
            cancelled += await cancelled_after(
                random.randrange(6), octopush.sms.send_request(request), at_most=5
            )
            await octopush.sms.settle(request, safe_to_retry_until=UNTIL)
            assert gateway.sent_log.times(NUMBER) == moment + 1
            clock.jump(-(clock.now() - START).total_seconds())

    assert cancelled > 400
    assert len({entry.text for entry in gateway.sent_log.entries}) == 1000


async def test_the_others_go_on():
    """One of five in a queue for one slot is cancelled; the other four get theirs."""
    random = Random(19)

    for moment in range(200):
        gateway = Gateway(clock=VirtualClock())
        async with session_over(
            SandboxTransport(gateway), clock=gateway.clock, max_in_flight=1
        ) as octopush:
            tasks = [
                asyncio.ensure_future(octopush.sms.send_request(request_number(n)))
                for n in range(5)
            ]
            for _ in range(random.randrange(12)):
                await asyncio.sleep(0)
            victim = tasks.pop(random.randrange(5))
            victim.cancel()
            results = await asyncio.gather(*tasks)
            await asyncio.wait({victim})
            assert octopush._call.limiter._free == 1

        assert {one.outcome for one in results} == {Outcome.ACCEPTED}, moment
        assert gateway.sent_log.times(NUMBER) in {4, 5}


# --- over real sockets ----------------------------------------------------------------

QUICK_KINDS = (
    "rst_accept",
    "fin_accept",
    "rst_after_headers",
    "rst_after_commit",
    "fin_after_commit",
    "error_500",
    "error_500_after_commit",
    "error_502_late_commit",
    "throttled_429",
    "html_after_commit",
    "truncated_after_commit",
    "bad_status_line_after_commit",
    "closed_while_idle",
    "reset_as_the_client_writes",
)


@pytest.mark.parametrize("burns_ids", LAWS)
async def test_moments_over_real_sockets(burns_ids):
    """The same with aiohttp in between: no connection is left, none is mixed up."""
    random, cancelled, faulty = Random(20), 0, 0.3

    async with FaultGateway(
        probability=faulty, seed=20, kinds=QUICK_KINDS, burns_ids=burns_ids
    ) as gateway:
        async with session_to(
            gateway.url, timeouts=None, retry=RetryPolicy(budget=10**9)
        ) as octopush:
            for moment in range(250):
                request = request_number(moment)
                cancelled += await cancelled_after(
                    random.randrange(12), octopush.sms.send_request(request), at_most=20
                )
                result = await result_of(
                    octopush.sms.settle(request, safe_to_retry_until=UNTIL)
                )
                gateway.settle()
                times = gateway.sent_log[NUMBER, request.text]
                undecided = result.outcome is Outcome.UNKNOWN
                assert times <= 1
                assert undecided or got_it_once(times, result, burns_ids=burns_ids)
                assert octopush._call.limiter._free == 100
        await gateway.quiet()

    assert cancelled > 150
    assert len(gateway.seen) == 1 + len(QUICK_KINDS)
