"""A run starts its requests evenly, down by 0.7 when throttled, and slowly up."""

import math

import pytest

from aiooctopush.bulk.sending.pacing import AdaptiveRate
from aiooctopush.sandbox import VirtualClock


@pytest.fixture
def clock():
    """Time that passes when it is waited for."""
    return VirtualClock()


async def turn(pace, clock):
    """Wait for the start of a request, as a run does."""
    if (wait := pace.reserve()) > 0:
        await clock.sleep(wait)


async def test_without_a_rate_nobody_waits(clock):
    """As fast as requests are answered."""
    pace = AdaptiveRate(clock, None)

    for _ in range(100):
        await turn(pace, clock)

    assert clock.sleeps == []
    assert pace.rate == math.inf


async def test_a_rate_is_kept(clock):
    """From the first request on, and not made up for after a rest."""
    pace = AdaptiveRate(clock, 4)

    await turn(pace, clock)
    await turn(pace, clock)
    clock.advance(10)
    await turn(pace, clock)
    await turn(pace, clock)

    assert clock.sleeps == [0.25, 0.25]


async def test_throttling_costs_three_tenths_once_a_second(clock):
    """Several requests in flight are throttled together."""
    pace = AdaptiveRate(clock, 10)

    pace.back_off()
    pace.back_off()
    assert pace.rate == 7
    clock.advance(1)
    pace.back_off()

    assert pace.rate == pytest.approx(4.9)


async def test_each_clean_minute_brings_five_percent_back(clock):
    """Up to where it began, and not beyond."""
    pace = AdaptiveRate(clock, 10)
    pace.back_off()

    clock.advance(59)
    await turn(pace, clock)
    assert pace.rate == 7
    clock.advance(61)
    await turn(pace, clock)
    assert pace.rate == pytest.approx(7 * 1.05**2)
    clock.advance(3_600)
    await turn(pace, clock)

    assert pace.rate == 10


async def test_without_a_rate_what_was_reached_counts(clock):
    """Of the last ten seconds."""
    pace = AdaptiveRate(clock, None)
    for _ in range(100):
        await turn(pace, clock)
        clock.advance(0.2)

    pace.back_off()

    assert pace.rate == pytest.approx(5 * 0.7, rel=0.05)


async def test_it_never_stands_still(clock):
    """Not even if nothing was started, or everything is throttled."""
    pace = AdaptiveRate(clock, None)

    for _ in range(50):
        pace.back_off()
        clock.advance(1)

    assert pace.rate == 0.1
