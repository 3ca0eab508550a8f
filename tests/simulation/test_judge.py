"""The judge itself: each promise, broken by hand, is found."""

import pytest
from simulation.judge import violations
from simulation.world import Try, Word, World, simulate


@pytest.fixture
def world():
    """Live through a seed in which the first errand is a send that is accepted."""
    return next(
        lived
        for lived in map(simulate, range(100))
        if lived.plan.errands[0] == "send" and lived.words[-1].outcome == "accepted"
    )


def word(**changes):
    """What a caller who never asked for anything might have been told."""
    said = {
        "who": "m9",
        "call": 0,
        "outcome": "unknown",
        "maybe_sent": True,
        "attempts": 0,
        "ticket": None,
        "at": 1e9,
    }
    return Word(**said | changes)


def a_try(**changes):
    """A try of nobody that was met by silence."""
    made = {
        "who": "m9",
        "call": 0,
        "session": 9,
        "id": "id 9",
        "began": 1e9,
        "ended": 1e9 + 1,
        "fault": "",
        "answer": "silence",
        "silent": True,
        "retry_after": None,
    }
    return Try(**made | changes)


def test_an_unknown_outcome_is_never_a_lie(world: World):
    """Who says that it does not know is right either way."""
    world.log.append(word())

    assert violations(world) == []


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        pytest.param(
            {"outcome": "accepted", "maybe_sent": False},
            "told accepted, and is not in the sent log",
            id="accepted",
        ),
        pytest.param({"ticket": "sms_0"}, "a ticket that nobody knows", id="ticket"),
        pytest.param({"outcome": "refused"}, "contradicts itself", id="contradiction"),
        pytest.param({"attempts": 3}, "after 3 tries, but there were 0", id="attempts"),
        pytest.param({"outcome": "presumed"}, "no try of it was silent", id="presumed"),
    ],
)
def test_a_lie_is_found(world: World, lie, words):
    """A word that the sent log, or the wire, contradicts."""
    world.log.append(word(**lie))

    assert any(words in problem for problem in violations(world))


def test_a_denial_is_found(world: World):
    """Being told that nothing was sent, although it was."""
    accepted = world.words[-1]
    world.log.append(
        accepted._replace(outcome="refused", ticket=None, at=accepted.at + 1)
    )

    assert any(
        "told refused, and is in the sent log" in problem
        for problem in violations(world)
    )


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        pytest.param({}, {"began": 1e9 + 0.5}, "overlap", id="overlap"),
        pytest.param({}, {"began": 1e9 + 1.5}, "0.500 s after silence", id="floor"),
        pytest.param(
            {"retry_after": 5.0, "silent": False},
            {"began": 1e9 + 3},
            "2.000 s after Retry-After",
            id="Retry-After",
        ),
        pytest.param(
            {"who": "m9 confirm", "id": None},
            {"who": "m9 confirm", "id": None, "began": 1e9 + 60},
            "without an id",
            id="without id",
        ),
        pytest.param(
            {"retry_after": 5.0, "silent": False},
            {"who": "m8", "began": 1e9 + 3},
            "within the pause",
            id="pause",
        ),
    ],
)
def test_bad_timing_is_found(world: World, first, second, words):
    """Two tries too close to each other, or one too many."""
    world.log += [a_try(**first), a_try(**{"ended": 2e9} | second)]

    assert any(words in problem for problem in violations(world))
