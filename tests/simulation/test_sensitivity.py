"""
B8: would the simulation notice? Each test plants one mistake, and it is caught.

The mistakes are planted in a copy of `decide`, or around it; the package stays as
it is. Each has to be caught within 3,000 seeds.
"""

import math

import pytest
from simulation.judge import report, violations
from simulation.world import simulate

from aiooctopush import DuplicateRequestError, Outcome, _pipeline
from aiooctopush._call import CallState
from aiooctopush._clock import MonotonicWallClock
from aiooctopush.errors import Backoff
from aiooctopush.retry import Retry, Return, decide


AT_MOST = 3_000


def first_caught(words, **world):
    """The report of the first seed with a violation of that kind."""
    worlds = (simulate(seed, **world) for seed in range(AT_MOST))
    judged = ((one, [p for p in violations(one) if words in p]) for one in worlds)
    caught = next((found for found in judged if found[1]), None)
    assert caught is not None, f"{AT_MOST} seeds, and nobody noticed"
    return report(*caught)


def new_id_on_429(policy, now):
    """Row 14 without its condition: although an earlier try was silent."""
    decision = decide(policy, now)
    refused = now.failures[-1].outcome is Outcome.REFUSED
    if isinstance(decision, Retry) and refused and now.may_replace_id:
        return decision._replace(new_id=True)
    return decision


def new_id_after_500(policy, now):
    """Row 15 as if a failure were a refusal."""
    decision = decide(policy, now)
    failed = now.failures[-1].status == 500
    if isinstance(decision, Retry) and failed and now.may_replace_id:
        return decision._replace(new_id=True)
    return decision


def every_duplicate_is_success(policy, now):
    """Row 23 as row 22: although no try of ours was silent."""
    if isinstance(now.failures[-1], DuplicateRequestError):
        return Return()
    return decide(policy, now)


def no_floor(policy, now):
    """The careful back-off without the second that keeps tries apart."""
    decision = decide(policy, now)
    if isinstance(decision, Retry) and now.failures[-1].backoff is Backoff.CAREFUL:
        return decision._replace(delay=max(decision.delay - policy.careful_floor, 0.0))
    return decision


def deaf_to_retry_after(policy, now):
    """Row 17 without its second half."""
    for failure in now.failures:
        failure.retry_after = None
    return decide(policy, now)


def repeats_what_nothing_protects(policy, now):
    """Rows 7 to 17 for a POST without request_id, as if the caller had asked."""
    return decide(policy, now._replace(repeat_unknown=True))


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        pytest.param(new_id_on_429, "2 times", id="new id on 429"),
        pytest.param(new_id_after_500, "2 times", id="new id after 500"),
        pytest.param(
            every_duplicate_is_success,
            "told presumed, and is not in the sent log",
            id="every duplicate is success",
        ),
        pytest.param(no_floor, "s after silence", id="no floor"),
        pytest.param(deaf_to_retry_after, "s after Retry-After", id="no Retry-After"),
        pytest.param(
            repeats_what_nothing_protects, "without an id", id="POST without id"
        ),
    ],
)
def test_a_planted_mistake_is_caught(monkeypatch, planted, words):
    """Some seed shows it, and its report says what went wrong."""
    monkeypatch.setattr(_pipeline, "decide", planted)

    told = first_caught(words)

    assert told.startswith("seed ")
    assert words in told[told.index("VIOLATION") :]


def test_forgetting_the_23_hours_is_caught(monkeypatch):
    """Without the hold, a repeat on the next day is sent twice."""
    monkeypatch.setattr(CallState, "protected_for", math.inf)

    assert "VIOLATION" in first_caught("2 times")


def test_a_mark_that_stands_still_is_caught(monkeypatch):
    """A clock that is set back, without the monotonic one to go on by."""

    def advance(mark, now, _):
        mark._latest = max(mark._latest, now)
        return mark._latest

    monkeypatch.setattr(MonotonicWallClock, "advance", advance)

    assert "VIOLATION" in first_caught("2 times")


def test_believing_the_24_hours_to_the_last_is_not_enough_of_a_mistake(monkeypatch):
    """The hour between 23 and 24 is for clocks that differ; here they do not."""
    monkeypatch.setattr(CallState, "protected_for", 24 * 3600.0 - 300.0)

    assert not any(violations(simulate(seed)) for seed in range(100))


def test_a_caller_who_does_not_trust_presumed_is_caught():
    """Who takes it for an error, and sends again under a new id, sends twice."""
    assert "VIOLATION" in first_caught("2 times", trusts_presumed=False)
