"""What the calls of a session share: slots, a pause, and a quota for retries."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush._clock import SystemClock
from aiooctopush._throttle import ConcurrencyLimiter, RetryBudget, StopSignal
from aiooctopush.errors import Backoff, NotSentError
from aiooctopush.sandbox.clock import VirtualClock


MINUTE = 60.0
# Real seconds: too short for anybody to notice, and never waited for a free slot.
SOON = 0.001


class MeddlingClock(VirtualClock):
    """Does something in the middle of each of the first waits."""

    def __init__(self, *steps):
        super().__init__()
        self.steps = list(steps)

    async def sleep(self, seconds):
        """See `Clock.sleep`."""
        await super().sleep(seconds)
        if self.steps:
            self.steps.pop(0)()


def gate_of(slots, clock=None):
    """A limiter in virtual time."""
    return ConcurrencyLimiter(max_in_flight=slots, clock=clock or VirtualClock())


async def settle():
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def free_slots(limiter):
    """How many can still enter; they stay inside."""
    count = 0
    while True:
        try:
            await limiter.acquire(SOON)
        except NotSentError:
            return count
        count += 1


# --- in the background ----------------------------------------------------------------


async def test_the_background_leaves_a_tenth_of_the_slots_free():
    """They are for what must not wait."""
    limiter = gate_of(20)

    entered = [limiter.try_acquire(0.0, low_priority=True) for _ in range(20)]

    assert entered == [True] * 18 + [False] * 2
    assert limiter.try_acquire(0.0)
    assert limiter.try_acquire(0.0)
    assert not limiter.try_acquire(0.0)


async def test_the_background_waits_behind_everything_else():
    """Whoever came first."""
    limiter = gate_of(1)
    order = []
    limiter.try_acquire(0.0)

    async def come(name, *, low_priority):
        await limiter.acquire(MINUTE, low_priority=low_priority)
        order.append(name)
        limiter.release()

    tasks = [
        asyncio.create_task(come("bulk", low_priority=True)),
        asyncio.create_task(come("code", low_priority=False)),
        asyncio.create_task(come("other", low_priority=False)),
    ]
    await settle()
    limiter.release()
    await asyncio.gather(*tasks)

    assert order == ["code", "other", "bulk"]
    assert await free_slots(limiter) == 1


async def test_a_slot_of_the_reserve_does_not_go_to_the_background():
    """Not even when it is given back."""
    limiter = gate_of(10)
    for _ in range(9):
        limiter.try_acquire(0.0, low_priority=True)
    limiter.try_acquire(0.0)
    waiting = asyncio.create_task(limiter.acquire(MINUTE, low_priority=True))
    await settle()

    limiter.release()
    await settle()
    assert not waiting.done()
    limiter.release()
    await waiting

    assert await free_slots(limiter) == 1


async def test_whoever_gave_up_in_the_background_is_passed_over():
    """The slot goes to the next."""
    limiter = gate_of(1)
    limiter.try_acquire(0.0)
    first = asyncio.create_task(limiter.acquire(MINUTE, low_priority=True))
    second = asyncio.create_task(limiter.acquire(MINUTE, low_priority=True))
    await settle()
    first.cancel()
    await settle()

    limiter.release()
    await second

    assert await free_slots(limiter) == 0


# --- slots ----------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 2, 7])
async def test_no_more_than_the_bound_are_let_in(slots):
    """As many as there are slots enter, and not one more."""
    assert await free_slots(gate_of(slots)) == slots


async def test_the_bound_holds_while_others_come_and_go():
    """At no moment are more tries in flight than there are slots."""
    limiter, inside, most = gate_of(3), 0, 0

    async def attempt():
        nonlocal inside, most
        await limiter.acquire(MINUTE)
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        limiter.release()

    await asyncio.gather(*(attempt() for _ in range(50)))

    assert most == 3


async def test_who_came_first_is_served_first():
    """No call is overtaken in the queue."""
    limiter, order = gate_of(1), []
    await limiter.acquire(MINUTE)

    async def attempt(number):
        await limiter.acquire(MINUTE)
        order.append(number)
        limiter.release()

    waiting = [asyncio.create_task(attempt(number)) for number in range(10)]
    await settle()
    limiter.release()
    await asyncio.gather(*waiting)

    assert order == list(range(10))


async def test_a_newcomer_does_not_take_the_slot_of_who_waits():
    """A slot that was just given back belongs to the queue."""
    limiter, order = gate_of(1), []
    await limiter.acquire(MINUTE)

    async def attempt(name):
        await limiter.acquire(MINUTE)
        order.append(name)
        limiter.release()

    waiting = asyncio.create_task(attempt("waiting"))
    await settle()
    limiter.release()
    await attempt("newcomer")
    await waiting

    assert order == ["waiting", "newcomer"]


async def test_a_slot_given_back_can_be_taken_again():
    """One slot serves any number of calls, one after the other."""
    limiter = gate_of(1)

    for _ in range(100):
        await limiter.acquire(SOON)
        limiter.release()

    assert await free_slots(limiter) == 1


async def test_waiting_too_long_for_a_slot_sends_nothing_and_is_not_repeated():
    """The deadline of the call ends the queueing, and a repeat would only queue."""
    limiter = gate_of(1)
    await limiter.acquire(MINUTE)

    with pytest.raises(NotSentError, match="no free slot before") as caught:
        await limiter.acquire(0.0)

    assert caught.value.backoff is Backoff.NEVER


async def test_waiting_too_long_loses_no_slot():
    """Who gave up in the queue is not handed the next slot."""
    limiter = gate_of(1)
    await limiter.acquire(MINUTE)
    with pytest.raises(NotSentError):
        await limiter.acquire(0.0)

    limiter.release()

    assert await free_slots(limiter) == 1


async def test_cancellation_in_the_queue_passes_and_loses_no_slot():
    """A cancelled call leaves the queue without a trace."""
    limiter = gate_of(1)
    await limiter.acquire(MINUTE)
    waiting = asyncio.create_task(limiter.acquire(MINUTE))
    await settle()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    limiter.release()

    assert await free_slots(limiter) == 1


async def test_cancellation_at_the_moment_of_the_hand_over_loses_no_slot():
    """A slot handed to a call that is cancelled in the same instant goes on."""
    limiter = gate_of(1)
    await limiter.acquire(MINUTE)
    waiting = asyncio.create_task(limiter.acquire(MINUTE))
    await settle()

    limiter.release()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await free_slots(limiter) == 1


class Crowd:
    """Calls that come and go at a limiter."""

    def __init__(self, limiter):
        self.limiter = limiter
        self.inside = 0
        self.tasks = []

    def come(self, seconds=MINUTE):
        """One more call."""
        self.tasks.append(asyncio.create_task(self._enter(seconds)))

    def come_late(self):
        """A call that has no time to wait."""
        self.come(0.0)

    def release(self):
        """One of those inside is done."""
        if self.inside:
            self.inside -= 1
            self.limiter.release()

    def cancel(self):
        """Who came last is cancelled, wherever it is."""
        for task in self.tasks[-1:]:
            task.cancel()

    def nothing(self):
        """Time to settle."""

    async def go_home(self):
        """Everybody leaves, in the end."""
        while self.inside or not all(task.done() for task in self.tasks):
            self.release()
            await settle()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _enter(self, seconds):
        await self.limiter.acquire(seconds)
        self.inside += 1


EVENTS = ["come", "come_late", "release", "cancel", "nothing"]


@given(
    st.integers(1, 3), st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 3)))
)
def test_no_order_of_events_loses_or_makes_a_slot(slots, events):
    """Whatever happens in the queue, in the end there are as many slots as before."""

    async def play():
        limiter = gate_of(slots)
        crowd = Crowd(limiter)
        for event, steps in events:
            getattr(crowd, event)()
            # Sometimes the next event comes before anybody noticed this one.
            for _ in range(steps):
                await asyncio.sleep(0)
        await crowd.go_home()
        return await free_slots(limiter)

    assert asyncio.run(play()) == slots


async def test_without_time_left_nobody_is_let_in():
    """A free slot is no reason to send after the deadline."""
    with pytest.raises(NotSentError, match="no time left before") as caught:
        await gate_of(1).acquire(0.0)

    assert caught.value.backoff is Backoff.NEVER


async def test_who_came_without_time_loses_no_slot():
    """The slot that was free stays free."""
    limiter = gate_of(1)

    with pytest.raises(NotSentError):
        await limiter.acquire(-1.0)

    assert await free_slots(limiter) == 1


# --- without waiting ------------------------------------------------------------------


async def test_a_free_slot_is_taken_without_waiting():
    """Most tries find a slot at once, and it counts like any other."""
    limiter = gate_of(2)

    assert (limiter.try_acquire(0.0), await free_slots(limiter)) == (True, 1)


async def test_without_a_free_slot_nobody_gets_in_without_waiting():
    """The bound holds for the short way, too."""
    limiter = gate_of(1)
    await limiter.acquire(MINUTE)

    assert limiter.try_acquire(0.0) is False


async def test_the_short_way_does_not_lead_past_the_queue():
    """A slot that was just given back belongs to who waits for it."""
    limiter = gate_of(1)
    await limiter.acquire(MINUTE)
    waiting = asyncio.create_task(limiter.acquire(MINUTE))
    await settle()

    limiter.release()

    assert limiter.try_acquire(0.0) is False
    await waiting


@pytest.mark.parametrize(("now", "enters"), [(0.0, False), (6.9, False), (7.0, True)])
async def test_the_short_way_is_closed_during_a_pause(now, enters):
    """A pause holds everyone, and ends at its moment."""
    limiter = gate_of(1)
    limiter.pause(7.0)

    assert limiter.try_acquire(now) is enters


async def test_who_was_not_let_in_takes_no_slot():
    """Trying costs nothing."""
    clock = VirtualClock()
    limiter = gate_of(1, clock)
    limiter.pause(7.0)
    limiter.try_acquire(0.0)
    clock.advance(7.0)

    assert await free_slots(limiter) == 1


# --- the pause ------------------------------------------------------------------------


async def test_a_pause_holds_everyone_for_that_long():
    """After a word of the gateway nobody sends before its time is over."""
    clock = VirtualClock()
    limiter = gate_of(5, clock)
    limiter.pause(7.0)

    await limiter.acquire(MINUTE)

    assert clock.monotonic() == 7.0


async def test_a_pause_that_is_over_holds_nobody():
    """Who comes afterwards does not wait."""
    clock = VirtualClock()
    limiter = gate_of(5, clock)
    limiter.pause(7.0)
    clock.advance(7.0)

    await limiter.acquire(MINUTE)

    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("pauses", "until"),
    [
        pytest.param([7.0, 3.0], 7.0, id="shorter after longer"),
        pytest.param([3.0, 7.0], 7.0, id="longer after shorter"),
        pytest.param([3.0, 3.0], 3.0, id="the same twice"),
        pytest.param([5.0, 0.0], 5.0, id="none after some"),
        pytest.param([0.25], 0.25, id="less than a second"),
    ],
)
async def test_a_pause_only_moves_forward(pauses, until):
    """The longest word counts; none takes another back, and they do not add up."""
    clock = VirtualClock()
    limiter = gate_of(1, clock)

    for seconds in pauses:
        limiter.pause(seconds)
    await limiter.acquire(MINUTE)

    assert clock.monotonic() == until


async def test_a_pause_beyond_the_deadline_ends_the_call_at_once():
    """Nobody waits for a moment at which there is no time left; it says how long."""
    clock = VirtualClock()
    limiter = gate_of(1, clock)
    limiter.pause(30.0)

    with pytest.raises(NotSentError, match="to slow down, beyond") as caught:
        await limiter.acquire(10.0)

    assert (caught.value.retry_after, caught.value.backoff, clock.sleeps) == (
        30.0,
        Backoff.NEVER,
        [],
    )


async def test_a_pause_beyond_the_deadline_loses_no_slot():
    """The slot of the call that could not wait is free for others."""
    clock = VirtualClock()
    limiter = gate_of(1, clock)
    limiter.pause(30.0)
    with pytest.raises(NotSentError):
        await limiter.acquire(10.0)

    clock.advance(30.0)

    assert await free_slots(limiter) == 1


async def test_a_pause_up_to_the_very_deadline_leaves_no_time():
    """At the deadline it is too late to send."""
    limiter = gate_of(1)
    limiter.pause(10.0)

    with pytest.raises(NotSentError, match="no time left"):
        await limiter.acquire(10.0)


async def test_a_pause_prolonged_in_the_meantime_is_waited_out():
    """Who wakes up looks again before sending."""
    clock = MeddlingClock(lambda: limiter.pause(5.0))
    limiter = gate_of(1, clock)
    limiter.pause(3.0)

    await limiter.acquire(MINUTE)

    assert clock.sleeps == [3.0, 5.0]


async def test_a_pause_prolonged_beyond_the_deadline_ends_the_call():
    """The deadline counts from when the call came, not from when it woke up."""
    clock = MeddlingClock(lambda: limiter.pause(5.0))
    limiter = gate_of(1, clock)
    limiter.pause(3.0)

    with pytest.raises(NotSentError, match="beyond the deadline") as caught:
        await limiter.acquire(7.0)

    assert (caught.value.retry_after, clock.sleeps) == (5.0, [3.0])


async def test_cancellation_during_a_pause_passes_and_loses_no_slot():
    """A call that is cancelled while it is held gives its slot back."""
    clock = VirtualClock()
    limiter = gate_of(1, clock)
    limiter.pause(3.0)
    waiting = asyncio.create_task(limiter.acquire(MINUTE))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (clock.sleeps, await free_slots(limiter)) == ([3.0], 1)


# --- the quota ------------------------------------------------------------------------


def test_the_figures_are_those_of_the_specification():
    """500 tokens, 14 for a retry after a failure, 5 after throttling, 1 for a call."""
    assert (
        RetryBudget().tokens,
        RetryBudget.FAILURE,
        RetryBudget.THROTTLE,
        RetryBudget.CLEAN,
        RetryBudget.PER_SECOND,
    ) == (500, 14, 5, 1, 14)


def test_a_retry_costs_what_it_costs():
    """What was taken is gone."""
    quota = RetryBudget(20)

    quota.take(14)

    assert quota.tokens == 6


def test_what_a_retry_cost_comes_back():
    """A retry that succeeded was free."""
    quota = RetryBudget(20)
    quota.take(14)

    quota.refund(14)

    assert quota.tokens == 20


def test_quiet_times_save_nothing_up():
    """However many calls succeed, the quota is never above its capacity."""
    quota = RetryBudget(20)
    quota.take(5)

    quota.refund(1_000)

    assert quota.tokens == 20


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([1, 5, 14]))))
def test_the_quota_stays_within_its_bounds(steps):
    """Who looks before taking never finds less than nothing or more than all."""
    quota = RetryBudget(50)

    left = [quota.tokens]

    for takes, tokens in steps:
        if takes:
            quota.take(min(tokens, quota.tokens))
        else:
            quota.refund(tokens)
        left.append(quota.tokens)

    assert all(0 <= tokens <= 50 for tokens in left)


async def test_time_brings_tokens_back():
    """Fourteen a second, up to the capacity."""
    clock = VirtualClock()
    budget = RetryBudget(20, clock)
    budget.take(20)

    clock.advance(0.5)
    assert budget.tokens == 7
    clock.advance(60)
    assert budget.tokens == 20


async def test_who_waits_for_tokens_comes_first():
    """Whoever comes later finds none, and whoever waits longest gets the next."""
    clock, order = VirtualClock(), []
    budget = RetryBudget(14, clock)
    budget.take(14)

    async def come(name):
        assert await budget.acquire(14, MINUTE)
        order.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(come(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    assert budget.tokens == 0
    await asyncio.gather(*tasks)

    assert order == [("first", pytest.approx(1.0)), ("second", pytest.approx(2.0))]


async def test_tokens_that_come_too_late_are_not_taken():
    """Who has no time left for them leaves them to the next."""
    clock = VirtualClock()
    budget = RetryBudget(14, clock)
    budget.take(14)

    assert not await budget.acquire(14, 0.9)
    assert not await budget.acquire(14, 0.0)
    assert await budget.acquire(14, 1.1)


async def test_who_waits_behind_others_waits_no_longer_than_it_may():
    """The first in the row may wait for long."""
    budget = RetryBudget(14, SystemClock())
    budget.take(14 * 60)
    first = asyncio.create_task(budget.acquire(14, 10 * MINUTE))
    await settle()

    assert not await budget.acquire(14, 0.001)
    first.cancel()


async def test_without_a_clock_nothing_is_waited_for():
    """Time brings nothing back there."""
    budget = RetryBudget(14)
    budget.take(14)

    assert not await budget.acquire(14, MINUTE)


# --- stopping -------------------------------------------------------------------------


async def test_a_signal_ends_a_wait_at_once():
    """However long it would have been."""
    signal = StopSignal()

    async def wait():
        async with signal.ends_wait("stopped"):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await settle()
    signal.set()
    signal.set()
    with pytest.raises(NotSentError, match="stopped") as caught:
        await task

    assert caught.value.backoff is Backoff.NEVER


async def test_a_signal_that_was_set_lets_no_wait_begin():
    """It is for good."""
    signal = StopSignal()
    signal.set()

    with pytest.raises(NotSentError):
        await signal.ends_wait("stopped").__aenter__()


async def test_a_cancellation_in_a_wait_is_none_of_the_signal():
    """It passes."""
    signal = StopSignal()

    async def wait():
        async with signal.ends_wait("stopped"):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_idle_means_that_every_slot_is_free():
    """Whoever waits for that waits for the last one."""
    limiter = gate_of(2)
    await limiter.wait_until_idle()
    limiter.try_acquire(0.0)
    limiter.try_acquire(0.0)
    waiting = [asyncio.create_task(limiter.wait_until_idle()) for _ in range(2)]

    await settle()
    limiter.release()
    await settle()
    assert not any(task.done() for task in waiting)
    limiter.release()
    await asyncio.gather(*waiting)
