"""When callbacks come, how often, and in which order: by a plan with a seed."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.calling_back import events, plan, sent, statuses
from sandbox.calls import (
    ONE,
    THREE,
    TWO,
)

from aiooctopush.sandbox import (
    CallbackPlan,
)


def test_delays_are_drawn_between_their_bounds():
    """From leaving to the first, and from each to the next."""
    numbers = [f"+336{n:08d}" for n in range(100)]
    gateway, callbacks = sent(*numbers, plan=plan(delay=(2, 10)))
    start = gateway.clock.now()

    told = callbacks.take_all()

    waited = [(one.posted_at - start).total_seconds() for one in told]
    assert waited == sorted(waited)
    assert 2 <= waited[0] < 3
    assert 15 < waited[-1] <= 20


def test_a_callback_may_come_twice():
    """The same bytes, a delay later."""
    _, callbacks = sent(plan=plan(duplicates=1, numbers={ONE: "ACK"}))

    first, second = callbacks.take_all()

    assert first.body == second.body
    assert second.posted_at - first.posted_at == timedelta(seconds=1)


def test_callbacks_may_come_last_first():
    """The dates in them stay true."""
    _, callbacks = sent(plan=plan(disorder=1))

    told = callbacks.take_all()

    assert statuses(told) == ["DELIVERED", "ACK"]
    assert [one["delivery_date"] for one in events(told)] == [
        "2026-01-05 10:00:02",
        "2026-01-05 10:00:01",
    ]


def test_a_callback_may_never_come():
    """What is lost comes not twice either."""
    _, callbacks = sent(plan=plan(loss=1, duplicates=1))

    assert callbacks.take_all() == ()


def count_lost(told):
    """How many of a thousand never came."""
    return 1000 - len(told)


def count_doubled(told):
    """How many came a second time."""
    return len(told) - 1000


def count_turned(told):
    """How many numbers heard the end first."""
    first = {}
    for one in events(told):
        first.setdefault(one["number"], one["status"])
    return Counter(first.values())["DELIVERED"]


def count_bare(told):
    """How many receipts show a number without its plus."""
    return sum(one["number"][0] != "+" for one in events(told))


@pytest.mark.parametrize(
    ("trouble", "measure", "expected"),
    [
        ("loss", count_lost, 250),
        ("duplicates", count_doubled, 250),
        ("disorder", count_turned, 125),
        ("without_plus", count_bare, 250),
    ],
    ids=["loss", "duplicates", "disorder", "without-plus"],
)
def test_trouble_strikes_as_often_as_it_is_said(trouble, measure, expected):
    """One in four; and never if it is not asked for."""
    numbers = [f"+336{n:08d}" for n in range(500)]
    _, quiet = sent(*numbers)
    _, callbacks = sent(*numbers, plan=plan(**{trouble: 0.25}))

    assert measure(quiet.take_all()) == 0
    assert measure(callbacks.take_all()) == pytest.approx(expected, rel=0.2)


@given(st.integers(0, 5), st.lists(st.floats(0, 5), max_size=5))
def test_the_same_seed_gives_the_same_callbacks(seed, pauses):
    """However often and whenever somebody looks."""
    trouble = {
        "failures": 0.5,
        "duplicates": 0.3,
        "disorder": 0.3,
        "loss": 0.2,
        "without_plus": 0.5,
        "delay": (0, 5),
        "seed": seed,
    }
    expected = sent(ONE, TWO, THREE, plan=plan(**trouble))[1].take_all()
    gateway, callbacks = sent(ONE, TWO, THREE, plan=plan(**trouble))

    actual = []
    for pause in pauses:
        gateway.clock.advance(pause)
        actual += callbacks.take()
    actual += callbacks.take_all()

    assert actual == list(expected)


def test_another_seed_gives_others():
    """Which messages fail is drawn."""
    numbers = [f"+336{n:08d}" for n in range(50)]
    one, other = (
        sent(*numbers, plan=plan(failures=0.5, seed=seed))[1].take_all()
        for seed in (1, 2)
    )

    assert one != other


def test_two_streams_of_one_gateway_do_not_disturb_each_other():
    """Each tells everything."""
    gateway, first = sent()
    second = gateway.callbacks(plan())

    assert first.take_all() == second.take_all()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"failures": 1.1}, "failures: must be 0 to 1"),
        ({"failures": {"BUSY": -0.1}}, "failures: BUSY: must be 0 to 1"),
        ({"failures": {"A": 0.6, "B": 0.6}}, "failures: must be 0 to 1"),
        ({"duplicates": -0.1}, "duplicates: must be"),
        ({"disorder": 2}, "disorder: must be"),
        ({"loss": float("nan")}, "loss: must be"),
        ({"without_plus": 2}, "without_plus: must be"),
        ({"delay": -1.0}, "delay: must be 0 or more"),
        ({"delay": (2, 1)}, "delay: must be"),
        ({"delay": float("inf")}, "delay: must be"),
        ({"format": "xml"}, "xml"),
    ],
    ids=str,
)
def test_a_plan_out_of_bounds_is_refused(changes, problem):
    """Both bounds, and what is no number."""
    with pytest.raises(ValueError, match=problem):
        CallbackPlan(**changes)
