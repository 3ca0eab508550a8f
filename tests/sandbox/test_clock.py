"""Virtual time."""

import asyncio
from datetime import datetime, timedelta

import pytest

from aiooctopush.sandbox import VirtualClock


async def test_a_wait_moves_both_clocks_at_once_and_is_recorded():
    """What sleeps in virtual time takes none of ours."""
    clock = VirtualClock()
    start = clock.now()

    await clock.sleep(3600)

    assert clock.now() - start == timedelta(hours=1)
    assert clock.monotonic() == 3600
    assert clock.sleeps == [3600]


async def test_a_negative_wait_passes_no_time():
    """Time never goes back because of a wait."""
    clock = VirtualClock()

    await clock.sleep(-5)

    assert (clock.monotonic(), clock.sleeps) == (0, [-5])


async def test_a_wait_is_where_a_cancellation_arrives():
    """A sleeping task can be cancelled, as with the real clock."""
    clock = VirtualClock()

    async def wait_for_ever():
        while True:
            await clock.sleep(1)

    task = asyncio.create_task(wait_for_ever())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_jump_moves_the_wall_clock_only():
    """A suspend shows on the wall and not on the monotonic clock; also backwards."""
    clock = VirtualClock()
    start = clock.now()

    clock.jump(-30)

    assert clock.now() - start == timedelta(seconds=-30)
    assert clock.monotonic() == 0


def test_advancing_moves_both_clocks():
    """Time can pass without anybody waiting."""
    clock = VirtualClock()
    start = clock.now()

    clock.advance(2.5)

    assert clock.now() - start == timedelta(seconds=2.5)
    assert clock.monotonic() == 2.5
    assert clock.sleeps == []


def test_time_cannot_be_advanced_backwards():
    """The monotonic clock is monotonic."""
    with pytest.raises(ValueError, match="jump"):
        VirtualClock().advance(-1)


def test_the_start_must_be_aware():
    """An instant without a zone is no instant."""
    with pytest.raises(ValueError, match="aware"):
        VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake itself


def test_the_wall_clock_is_in_utc():
    """Whatever the zone of the start, the gateway speaks UTC."""
    start = datetime.fromisoformat("2026-07-01T12:00:00+02:00")

    assert VirtualClock(start).now().isoformat() == "2026-07-01T10:00:00+00:00"
