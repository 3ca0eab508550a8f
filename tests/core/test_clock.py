"""The door to time, and the mark that never goes back."""

import asyncio
import inspect
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush._clock import MonotonicWallClock, SystemClock
from aiooctopush.sandbox.clock import VirtualClock


NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
DAY = 86_400.0


def test_the_wall_clock_is_aware_and_in_utc():
    """Instants are never naive."""
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_the_wall_clock_is_the_machines():
    """Between two looks at the machine's clock lies ours."""
    before = datetime.now(UTC)
    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)


def test_monotonic_seconds_are_those_of_the_machine_and_of_the_loop():
    """A deadline computed here can be compared with one of the event loop."""
    loop = asyncio.new_event_loop()
    before = loop.time()
    now = SystemClock().monotonic()
    after = loop.time()
    loop.close()

    assert before <= now <= after


async def test_sleeping_lets_others_run():
    """A wait gives the event loop away."""
    seen = []
    asyncio.get_running_loop().call_soon(seen.append, "other")

    await SystemClock().sleep(0)

    assert seen == ["other"]


async def test_sleeping_waits_for_as_long_as_it_was_told(monkeypatch):
    """The number goes to the event loop unchanged, in seconds."""
    loop = asyncio.get_running_loop()
    asked = []

    def at_once(seconds, callback, *args, **options):
        asked.append(seconds)
        return loop.call_soon(callback, *args, **options)

    monkeypatch.setattr(loop, "call_later", at_once)
    await SystemClock().sleep(3_600.0)

    assert asked == [3_600.0]


def test_both_clocks_of_the_package_have_the_same_methods():
    """What runs in virtual time runs in real time."""
    for name in ("now", "monotonic", "sleep"):
        ours, theirs = getattr(SystemClock, name), getattr(VirtualClock, name)

        assert inspect.signature(ours) == inspect.signature(theirs)


def test_the_mark_follows_the_clock():
    """While the clock runs forward, the mark is the clock."""
    clock = VirtualClock(NOON)
    mark = MonotonicWallClock(clock)

    clock.advance(5)

    assert mark.now() == NOON + timedelta(seconds=5)


def test_a_clock_that_steps_back_takes_no_age_away():
    """An operator who sets the clock back does not make an old id young again."""
    clock = VirtualClock(NOON)
    mark = MonotonicWallClock(clock)
    clock.advance(DAY)
    mark.now()

    clock.jump(-2 * DAY)

    assert mark.now() == NOON + timedelta(days=1)


def test_the_mark_remembers_the_instant_at_which_it_was_made():
    """A clock that steps back before the first look is noticed, too."""
    clock = VirtualClock(NOON)
    mark = MonotonicWallClock(clock)

    clock.jump(-60)

    assert mark.now() == NOON


def test_a_later_clock_elsewhere_moves_the_mark():
    """If the gateway's clock is ahead of ours, ids are as old as it says."""
    mark = MonotonicWallClock(VirtualClock(NOON))

    mark.observe(NOON + timedelta(minutes=7))

    assert mark.now() == NOON + timedelta(minutes=7)


def test_an_earlier_clock_elsewhere_changes_nothing():
    """The later of the two clocks counts."""
    mark = MonotonicWallClock(VirtualClock(NOON))

    mark.observe(NOON - timedelta(hours=7))

    assert mark.now() == NOON


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["advance", "jump", "observe"]),
            st.floats(-1e6, 1e6, allow_nan=False),
        )
    )
)
def test_the_mark_never_goes_back(steps):
    """Whatever the clocks do, no id ever gets younger."""
    clock = VirtualClock(NOON)
    mark = MonotonicWallClock(clock)
    seen = [mark.now()]

    for step, seconds in steps:
        if step == "observe":
            mark.observe(NOON + timedelta(seconds=seconds))
        else:
            getattr(clock, step)(abs(seconds) if step == "advance" else seconds)
        seen.append(mark.now())

    assert seen == sorted(seen)


def test_a_mark_that_is_ahead_goes_on_by_the_monotonic_clock():
    """It never stands still, or an id would not grow older."""
    clock = VirtualClock()
    mark = MonotonicWallClock(clock)
    mark.observe(clock.now() + timedelta(hours=1))
    first = mark.now()

    clock.advance(600)

    assert mark.now() - first == timedelta(seconds=600)


def test_a_clock_that_stepped_back_does_not_stop_the_mark():
    """Time passes for an id, whatever the wall clock says."""
    clock = VirtualClock()
    mark = MonotonicWallClock(clock)
    first = mark.now()

    clock.jump(-48 * 3600)
    clock.advance(600)

    assert mark.now() - first == timedelta(seconds=600)


@pytest.mark.parametrize(
    ("ahead", "believed"),
    [(timedelta(days=1), True), (timedelta(days=1, seconds=1), False)],
    ids=["a day", "a second more"],
)
def test_what_is_more_than_a_day_ahead_is_not_believed(ahead, believed):
    """A date at the end of time would make every id too old, for ever."""
    clock = VirtualClock()
    mark = MonotonicWallClock(clock)

    mark.observe(clock.now() + ahead)

    assert (mark.now() > clock.now()) is believed
