"""A limit on time for all that is under way: `asyncio.timeout`, with one timer."""

import asyncio
from contextlib import suppress

import pytest
from faults import virtual_time

from aiooctopush._deadlines import GRAIN, Deadlines


LONG = 3_600.0


class Alarms(virtual_time.VirtualLoop):
    """Counts the timers that are set."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def call_at(self, when, callback, *arguments, context=None):
        """See `asyncio.AbstractEventLoop.call_at`."""
        self.count += 1
        return super().call_at(when, callback, *arguments, context=context)


def now():
    """Seconds of the running loop."""
    return asyncio.get_running_loop().time()


async def ended_at(watch, seconds, takes=LONG):
    """When a block ended, and whether its time was up."""
    try:
        with watch.limit(seconds):
            await asyncio.sleep(takes)
    except TimeoutError:
        return now(), True
    return now(), False


@pytest.mark.parametrize(
    ("seconds", "takes", "ended"),
    [
        pytest.param(5.0, LONG, (5.0, True), id="late"),
        pytest.param(5.0, 2.0, (2.0, False), id="in time"),
        pytest.param(float("inf"), 2.0, (2.0, False), id="no limit"),
    ],
)
def test_a_block_ends_when_it_is_done_or_late(seconds, takes, ended):
    """Whatever comes first."""
    assert virtual_time.run(ended_at(Deadlines(), seconds, takes)) == ended


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_without_time_a_block_ends_at_its_first_wait(seconds):
    """Not before: a block may have something to do without waiting."""
    assert virtual_time.run(ended_at(Deadlines(), seconds)) == (0.0, True)


async def ended_in_steps(watch, limit, *steps):
    """When the time of a block was up that goes on for a while after each step."""
    with suppress(TimeoutError), watch.limit(**limit) as block:
        for takes, more in steps:
            await asyncio.sleep(takes)
            block.extend(more)
        await asyncio.sleep(LONG)
    return now()


@pytest.mark.parametrize(
    ("limit", "steps", "ended"),
    [
        pytest.param({"at_first": 3.0}, [], 3.0, id="no step"),
        pytest.param({"at_first": 60.0}, [], 45.0, id="first is not more than all"),
        pytest.param({"at_first": 3.0}, [(2.0, 10.0)], 12.0, id="longer"),
        pytest.param({"at_first": 30.0}, [(2.0, 5.0)], 7.0, id="shorter"),
        pytest.param({"at_first": 3.0}, [(2.0, 60.0)], 45.0, id="the whole stays"),
        pytest.param(
            {"at_first": 5.0}, [(4.0, 5.0)] * 30, 45.0, id="however often it goes on"
        ),
        pytest.param({}, [(4.0, 5.0)] * 3, 17.0, id="nothing said of the first"),
    ],
)
def test_a_block_may_have_a_limit_for_each_step(limit, steps, ended):
    """Each begins when the block says so, and none outlives the whole."""

    async def main():
        return await ended_in_steps(Deadlines(), {"seconds": 45.0, **limit}, *steps)

    assert virtual_time.run(main()) == pytest.approx(ended, abs=GRAIN)


def test_each_block_has_its_own_limit():
    """One timer, and yet everybody ends when they should, first or last to come."""
    limits = [30.0, 5.0, 45.0, 10.0]

    async def many():
        watch = Deadlines()
        return await asyncio.gather(*(ended_at(watch, one) for one in limits))

    assert virtual_time.run(many()) == [(one, True) for one in limits]


def test_who_comes_later_ends_in_time_as_well():
    """The timer is set already then, for somebody else or for nobody any more."""

    async def one_after_the_other():
        watch = Deadlines()
        await ended_at(watch, 10.0, takes=1.0)
        return await asyncio.gather(ended_at(watch, 10.0), ended_at(watch, 2.0))

    told = virtual_time.run(one_after_the_other())

    assert told == [(11.0, True), (3.0, True)]


def test_limits_close_together_share_a_look():
    """A thousand of them do not mean a thousand looks at a thousand."""

    async def many():
        watch = Deadlines()
        limits = [1.0 + number * GRAIN / 1_000 for number in range(1_000)]
        before = asyncio.get_running_loop().count
        told = await asyncio.gather(*(ended_at(watch, one) for one in limits))
        # Less the sleeps of the blocks.
        return asyncio.get_running_loop().count - before - len(limits), told

    with asyncio.Runner(loop_factory=Alarms) as runner:
        looks, told = runner.run(many())

    assert looks == 2
    assert {late for _, late in told} == {True}
    assert max(ended for ended, _ in told) <= 1.0 + 2 * GRAIN


def test_what_is_quick_sets_no_timer():
    """One for a whole limit, whatever is done meanwhile: that is what it is for."""

    async def many():
        watch = Deadlines()
        for _ in range(1_000):
            with watch.limit(45.0):
                await asyncio.sleep(0)
        return asyncio.get_running_loop().count

    with asyncio.Runner(loop_factory=Alarms) as runner:
        assert runner.run(many()) == 1


def test_a_watch_with_nobody_under_way_rests():
    """Its timer goes off once more, and is not set again."""

    async def one():
        loop = asyncio.get_running_loop()
        await ended_at(Deadlines(), 10.0, takes=1.0)
        before = loop.count
        await asyncio.sleep(LONG)
        return loop.count - before

    with asyncio.Runner(loop_factory=Alarms) as runner:
        assert runner.run(one()) == 1  # the sleep


def test_cancellation_from_outside_passes():
    """It is no time-out, and afterwards the block is forgotten."""

    async def cancelled():
        watch = Deadlines()
        task = asyncio.create_task(ended_at(watch, 5.0))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(LONG)
        return task.cancelling()

    assert virtual_time.run(cancelled()) == 1


def test_cancellation_in_the_moment_of_the_limit_passes():
    """Who cancels is obeyed, even if the time is up as well."""

    async def cancelled():
        task = asyncio.create_task(ended_at(Deadlines(), 5.0))
        await asyncio.sleep(0)
        # Timers of one moment go off one after the other, before any task goes on.
        asyncio.get_running_loop().call_at(5.0, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        return now(), task.cancelling()

    assert virtual_time.run(cancelled()) == (5.0, 1)


def test_after_a_limit_the_task_can_wait_again():
    """Our own cancellation is taken back, for a `TaskGroup` would count on it."""

    async def again():
        await ended_at(Deadlines(), 5.0)
        async with asyncio.timeout(LONG):
            await asyncio.sleep(1.0)
        return now(), asyncio.current_task().cancelling()

    assert virtual_time.run(again()) == (6.0, 0)


def test_another_error_of_a_late_block_is_not_hidden():
    """Whatever the block makes of its end comes out as it is."""

    async def strange():
        with Deadlines().limit(5.0):
            try:
                await asyncio.sleep(LONG)
            except asyncio.CancelledError:
                raise KeyError("strange") from None

    with pytest.raises(KeyError, match="strange"):
        virtual_time.run(strange())


def test_limits_stand_inside_each_other():
    """The inner one ends the inner block only."""

    async def nested():
        watch = Deadlines()
        with watch.limit(5.0):
            inner = await ended_at(watch, 2.0)
            await asyncio.sleep(1.0)
        return inner, now()

    assert virtual_time.run(nested()) == ((2.0, True), 3.0)


def test_a_limit_needs_a_task():
    """Only a task can be ended."""

    async def outside():
        watch, failed = Deadlines(), []

        def callback():
            try:
                watch.limit(5.0)
            except RuntimeError as error:
                failed.append(str(error))

        asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(0)
        return failed

    told = virtual_time.run(outside())

    assert told == ["a limit belongs to a task, and a watch to one event loop"]
