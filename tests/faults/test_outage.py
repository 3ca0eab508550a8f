"""In an outage a session does not flood, and it never comes back too early."""

import asyncio
from collections import Counter, defaultdict
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise
from random import Random

import pytest
from attrs import frozen
from fakes import MESSAGE, answer, refusal, session_over
from faults import virtual_time
from faults.clients import result_of, session_to
from faults.gateway import FaultGateway
from faults.virtual_time import LoopClock

from aiooctopush import (
    NotSentError,
    Outcome,
    RetryPolicy,
    ThrottledError,
    UnknownOutcomeError,
)
from aiooctopush._wire import Idempotency
from aiooctopush.retry import RetryContext, decide
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


pytestmark = pytest.mark.usefixtures("_way")

PLENTY = 10**9
LATENCY = 0.05
# Sums of floats: a wait of exactly two seconds may come out this much shorter.
A_HAIR = 1e-6


@frozen(kw_only=True)
class Try:
    """One request as the network saw it; instants are seconds of the loop."""

    request: object
    began: float
    ended: float
    answer: object


class Network:
    """
    A transport that asks a function for each answer, and writes down when.

    Attributes:
        tries: Every request that was carried.
    """

    def __init__(self, answers):
        self._answers = answers
        self.tries = []

    async def send(self, request):
        """See `Transport.send`."""
        clock = asyncio.get_running_loop()
        began, met = clock.time(), None
        try:
            met = await self._answers(request)
        except NotSentError as error:
            met = error
            raise
        finally:
            one = Try(request=request, began=began, ended=clock.time(), answer=met)
            self.tries.append(one)
        return met

    def by(self, key):
        """The tries of one thing, in order, for every thing."""
        groups = defaultdict(list)
        for one in sorted(self.tries, key=lambda one: one.began):
            groups[key(one.request)].append(one)
        return groups.values()


async def send_many(octopush, count):
    """Send that many messages, all at once, each with a text of its own."""
    messages = [{**MESSAGE, "text": f"Code {n}"} for n in range(count)]
    return await asyncio.gather(
        *(result_of(octopush.sms.send(**one)) for one in messages)
    )


# --- B9: an outage --------------------------------------------------------------------


async def through_an_outage(policy, *, down, calls=1000):
    """What so many calls become, and when each request arrived."""

    async def answers(_):
        await asyncio.sleep(LATENCY)
        return down() if asyncio.get_running_loop().time() < 60 else answer()

    network = Network(answers)
    async with session_over(
        network, clock=LoopClock(), retry=policy, random=Random(9)
    ) as octopush:
        results = await send_many(octopush, calls)
    return results, [one.began for one in network.tries]


@pytest.mark.parametrize(
    "headers", [{}, {"retry_after": "2"}], ids=["bare", "Retry-After"]
)
def test_an_outage_is_not_answered_with_a_flood(headers):
    """A thousand calls against 503 are a thousand requests, 35, and one a second."""
    results, arrived = virtual_time.run(
        through_an_outage(RetryPolicy(), down=lambda: answer(503, {}, **headers))
    )

    assert 0 <= len(arrived) - (1000 + 500 // 14) <= 60
    assert max(arrived) < 60
    assert all(one.maybe_sent for one in results)
    assert sum(one.retry_budget_exhausted for one in results) >= 950


async def at_sustained_faults(calls=1200, share=0.25):
    """What calls become if so many requests in a hundred have no answer, for ever."""
    chance = Random(25)

    async def answers(_):
        await asyncio.sleep(LATENCY)
        return answer(503, {}) if chance.random() < share else answer()

    network = Network(answers)
    async with session_over(network, clock=LoopClock(), random=Random(9)) as octopush:
        return await send_many(octopush, calls)


def test_sustained_faults_leave_hardly_any_call_open():
    """Of 1,200 sends at 25 % faults, 100 in flight, at most 2 % are unknown."""
    results = virtual_time.run(at_sustained_faults())

    unknown = [one for one in results if isinstance(one, UnknownOutcomeError)]
    assert len(results) == 1200
    assert len(unknown) <= 24


def test_without_the_quota_it_would_be_a_flood():
    """The control: four requests for each call."""
    results, arrived = virtual_time.run(
        through_an_outage(
            RetryPolicy(budget=PLENTY), down=lambda: answer(503, {}), calls=200
        )
    )

    assert (len(results), len(arrived)) == (200, 800)


def test_throttling_for_a_minute_is_no_flood_either():
    """A throttled session makes a hundred retries, and three a second."""
    results, arrived = virtual_time.run(
        through_an_outage(
            RetryPolicy(), down=lambda: refusal(438, 429, retry_after="5")
        )
    )

    assert len(arrived) <= 1000 + (500 + 60 * 14) // 5
    assert Counter(type(one) for one in results)[UnknownOutcomeError] == 0


class StandingClock(VirtualClock):
    """A clock whose pauses end at once, and take no time at all."""

    def advance(self, seconds):
        """Stand still."""


async def test_an_outage_of_a_real_server():
    """The same over real sockets, where the server counts."""
    async with (
        FaultGateway(probability=1.0, kinds=("error_503",)) as gateway,
        session_to(
            gateway.url,
            clock=StandingClock(),
            timeouts=None,
            retry=RetryPolicy(timeout=4.0),
        ) as octopush,
    ):
        results = await send_many(octopush, 1000)

    assert gateway.tries == 1000 + 500 // 14
    assert {one.outcome for one in results} == {Outcome.UNKNOWN}
    assert gateway.sent_log.total() == 0


# --- B10: Retry-After -----------------------------------------------------------------


def retry_after_headers(seconds, *, as_date):
    """``Retry-After`` in one of its two forms."""
    if not as_date:
        return {"retry_after": str(seconds)}
    now = LoopClock().now()
    until = now + timedelta(seconds=seconds)
    dates = (format_datetime(one, usegmt=True) for one in (now, until))
    return dict(zip(("date", "retry_after"), dates, strict=True))


async def told_to_wait(status):
    """Tries of a thousand calls that are told once to wait, and how long."""
    random, asked = Random(10), {}

    async def answers(request):
        await asyncio.sleep(LATENCY)
        if request.body in asked or (status == 429 and text_of(request) in asked):
            return answer()
        seconds = random.randint(1, 20)
        asked[text_of(request)] = asked[request.body] = seconds
        return answer(
            status, {}, **retry_after_headers(seconds, as_date=random.random() < 0.5)
        )

    network = Network(answers)
    policy = RetryPolicy(budget=PLENTY, timeout=3600.0)
    async with session_over(
        network, clock=LoopClock(), retry=policy, random=random
    ) as octopush:
        results = await send_many(octopush, 1000)
    assert {one.outcome for one in results} == {Outcome.ACCEPTED}
    return network, asked


def text_of(request):
    """What a request is about, under whatever id."""
    return request.body.partition(b'"text":')[2].partition(b",")[0]


@pytest.mark.parametrize("status", [429, 503])
def test_no_retry_comes_before_retry_after(status):
    """Not one of a thousand, whether it was said in seconds or as a date."""
    network, asked = virtual_time.run(told_to_wait(status))

    waits = [
        (second.began - first.ended, asked[text_of(first.request)])
        for first, second in network.by(text_of)
    ]
    assert len(waits) == 1000
    assert [one for one in waits if one[0] < one[1] - A_HAIR] == []


def test_nobody_starts_while_the_gateway_wants_peace():
    """A 429 holds all calls of the session, not only its own."""
    network, asked = virtual_time.run(told_to_wait(429))

    starts = sorted(one.began for one in network.tries)
    throttled = [one for one in network.tries if one.answer.status == 429]
    early = [
        start
        for one in throttled
        for start in starts
        if one.ended < start < one.ended + asked[text_of(one.request)] - A_HAIR
    ]
    assert (len(throttled), early) == (1000, [])


# --- B10: jitter ----------------------------------------------------------------------


def situation(error, attempts, draw):
    """A failed try, as `decide` sees it."""
    return RetryContext(
        failures=[error],
        attempts=attempts,
        idempotency=Idempotency.REQUEST_ID,
        elapsed=0.0,
        age=0.0,
        protected_for=PLENTY,
        unknown_before=False,
        may_replace_id=True,
        timeout=PLENTY,
        tokens=PLENTY,
        draw=draw,
    )


@pytest.mark.parametrize("attempts", [1, 4, 9])
@pytest.mark.parametrize(
    ("error", "floor", "base", "cap"),
    [
        pytest.param(NotSentError("no"), 0.0, 0.1, 5.0, id="fast"),
        pytest.param(UnknownOutcomeError("no"), 1.0, 0.5, 20.0, id="careful"),
        pytest.param(ThrottledError("no"), 0.0, 1.0, 20.0, id="throttle"),
    ],
)
def test_pauses_are_spread_evenly(error, floor, base, cap, attempts):
    """Ten thousand pauses fall into ten bins of a thousand, give or take a fifth."""
    random, policy = Random(attempts), RetryPolicy(attempts=99)
    width = min(cap, base * 2 ** (attempts - 1))

    delays = [
        decide(policy, situation(error, attempts, random.random())).delay
        for _ in range(10_000)
    ]

    bins = Counter(int((delay - floor) / width * 10) for delay in delays)
    assert sorted(bins) == list(range(10))
    assert all(800 <= count <= 1200 for count in bins.values())


async def test_every_pause_has_its_own_draw():
    """What the engine sleeps is drawn anew for each retry of each call."""
    clock = VirtualClock()

    async def answers(_):
        return answer(503, {})

    policy = RetryPolicy(budget=PLENTY, timeout=PLENTY)
    async with session_over(
        Network(answers), clock=clock, retry=policy, random=Random(3)
    ) as octopush:
        await send_many(octopush, 200)

    assert len(set(clock.sleeps)) == len(clock.sleeps) == 600


# --- B10: no overlap ------------------------------------------------------------------


async def through_a_storm(seed, *, burns_ids):
    """Tries of two hundred calls of which half of the tries meet a fault."""
    clock = LoopClock()
    gateway = Gateway(
        GatewaySettings(duplicate_check="on_receipt" if burns_ids else "on_accept"),
        clock=clock,
    )
    faults = FaultPlan(probability=0.5, seed=seed)
    network = Network(SandboxTransport(gateway, faults, latency=LATENCY).send)
    policy = RetryPolicy(attempts=8, timeout=3600.0, budget=PLENTY)
    async with session_over(
        network, clock=clock, retry=policy, random=Random(seed)
    ) as octopush:
        results = await send_many(octopush, 200)
    return network, results


def id_of(request):
    """The request_id in the body."""
    return request.body.partition(b'"request_id":')[2].partition(b",")[0]


@pytest.mark.parametrize("burns_ids", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_tries_of_one_id_never_overlap(seed, burns_ids):
    """A try begins after the one before, and a second later if that was unknown."""
    network, results = virtual_time.run(through_a_storm(seed, burns_ids=burns_ids))

    gaps = [
        (second.began - first.ended, 1.0 if silent(first) else 0.0)
        for tries in network.by(id_of)
        for first, second in pairwise(tries)
    ]
    assert sum(needed > 0 for _, needed in gaps) > 50
    assert [one for one in gaps if one[0] < one[1] - A_HAIR] == []
    assert {one.outcome for one in results} & {Outcome.ACCEPTED, Outcome.PRESUMED}


def silent(one):
    """Whether a try neither failed to leave nor was throttled."""
    if isinstance(one.answer, NotSentError):
        return False
    return one.answer is None or one.answer.status not in {425, 429}
