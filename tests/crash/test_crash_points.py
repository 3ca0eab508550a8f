"""
B6: whoever dies at any step of a run, goes on with the next start.

Every single point, and pairs of points drawn by a seed. `CRASH_POINTS=all` takes 200
pairs, and where there is trouble every point in both laws; the default run takes the
first 24 pairs, and there the odd points in one law and the even ones in the other.
"""

import asyncio
import json
from collections import Counter, defaultdict

import pytest
from crash.judge import adds_up, against_the_sent_log, of_each, problems
from crash.lives import is_done
from crash.planted import PLANTED
from crash.schedules import APART, LAWS, NEEDS_FORK, PAIRS, lives
from crash.world import (
    BATCH,
    NAMED,
    PEOPLE,
    TOGETHER,
    UNNAMED,
    Plan,
    SentLog,
    Steps,
    one_life,
)

from aiooctopush import BatchState


pytestmark = [NEEDS_FORK, pytest.mark.timeout(300)]
EDITED = ("--edit", TOGETHER)


@pytest.mark.parametrize("law", LAWS)
def test_a_death_at_any_point_loses_nobody_and_reaches_nobody_twice(law):
    """Twelve batches, each with a plan, a request and an outcome."""
    schedules, broken = lives(*law)

    assert broken == []
    assert schedules > 12 * 7


@pytest.mark.parametrize(
    ("law", "first"),
    [
        pytest.param((), 1, id="on acceptance"),
        pytest.param(("--burns-ids",), APART, id="burnt"),
    ],
)
def test_trouble_has_crash_points_of_its_own(law, first):
    """Throttling, silence, a lost answer, no credit, and two bad numbers."""
    schedules, broken = lives(
        "--troubled", *law, f"--first={first}", f"--apart={APART}"
    )

    assert broken == []
    assert schedules * APART > 12 * 8


def test_a_start_on_the_next_day_repeats_nothing_that_may_have_been_sent():
    """What was in flight is held, for the gateway has forgotten its id."""
    schedules, broken = lives("--late", f"--apart={APART}")

    assert broken == []
    assert schedules * APART > 12 * 7


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("trouble", [(), ("--troubled",)], ids=["calm", "troubled"])
def test_two_deaths_are_survived_as_well_as_one(law, trouble):
    """Whoever dies while it recovers from a death recovers from that too."""
    pairs = PAIRS // 4

    schedules, broken = lives(*law, *trouble, f"--pairs={pairs}", "--concurrency=3")

    assert (schedules, broken) == (pairs, [])


@pytest.mark.parametrize(
    ("planted", "arguments", "words"),
    [
        ("new_id_on_resume", (), "gets it 2 times"),
        ("in_flight_dropped", (), "is accepted, and is not in the sent log"),
        ("concluded_before_it_is_sent", (), "is accepted, and is not in the sent log"),
        ("epoch_not_written", ("--troubled",), "gets it 2 times"),
        ("no_hold", ("--late",), "gets it 2 times"),
        ("people_not_remembered", EDITED, "gets it 2 times"),
        ("only_finished_remembered", EDITED, "gets it 2 times"),
        ("open_left_to_the_list", EDITED, "has no end"),
    ],
)
def test_a_planted_mistake_is_caught(planted, arguments, words):
    """Otherwise the deaths would prove nothing."""
    _, broken = lives(f"--planted={planted}", *arguments)

    assert any(words in problem for problem in broken)


def test_every_planted_mistake_has_its_test():
    """A new one needs a line above."""
    assert set(PLANTED) == {
        "new_id_on_resume",
        "in_flight_dropped",
        "concluded_before_it_is_sent",
        "epoch_not_written",
        "no_hold",
        "people_not_remembered",
        "only_finished_remembered",
        "open_left_to_the_list",
    }


@pytest.fixture
def finished(tmp_path, may_block):
    """A world without deaths: where it is, its report and its steps."""
    # The sent log is a file that is written on the loop, before each answer.
    steps = Steps()
    one_life(tmp_path, Plan(), steps)
    return tmp_path, json.loads((tmp_path / "note").read_text())["report"], steps


def test_a_world_without_deaths_is_a_run(finished):
    """Everybody is in the sent log once."""
    folder, report, steps = finished

    assert is_done(report)
    assert asyncio.run(problems(folder, Plan(), report)) == []
    assert dict(SentLog(folder / "sent_log").sent) == dict.fromkeys(PEOPLE, 1)
    assert steps.names.count("its answer arrives") == 12


def test_a_step_that_is_the_last_ends_it():
    """It counts from 1, and does not go on."""
    ended = []
    steps = Steps(die_at=2, die=lambda: ended.append(len(steps.names)))

    for name in "abc":
        steps.step(name)

    assert ended == [2]


def test_the_judge_sees_through_a_false_report(finished):
    """What the run says is compared with the ledger, and that with the sent log."""
    folder, report, _ = finished
    SentLog(folder / "sent_log").write({"sent": [PEOPLE[0], "+33639990000"]})

    found = asyncio.run(
        problems(folder, Plan(), {**report, "accepted": 47, "now": {"items": 47}})
    )

    assert found == [
        f"{PEOPLE[0]} gets it 2 times",
        "+33639990000 is in nobody's list",
        "the report says 47 accepted, the ledger not",
        "the report does not say that it is done",
    ]


ONE = PEOPLE[0]
BESIDE = {
    one
    for at in range(0, len(PEOPLE), BATCH)
    for one in PEOPLE[at : at + BATCH]
    if {UNNAMED, NAMED} & set(PEOPLE[at : at + BATCH])
}


@pytest.mark.parametrize(
    ("words", "plan", "sent", "told"),
    [
        (
            {"accepted": [ONE]},
            Plan(),
            [],
            f"{ONE} is accepted, and is not in the sent log",
        ),
        (
            {"presumed": [ONE]},
            Plan(),
            [],
            f"{ONE} is presumed, and is not in the sent log",
        ),
        ({"sending": [ONE]}, Plan(), [ONE], "1 are sending in the end"),
        ({"already_sent": [ONE]}, Plan(), [], "1 are already_sent in the end"),
        ({"refused": [ONE]}, Plan(troubled=True), [], "1 are refused in the end"),
        (
            {"refused": [NAMED]},
            Plan(troubled=True),
            [NAMED],
            "somebody is refused, and is in the sent log",
        ),
    ],
    ids=["accepted", "presumed", "sending", "already_sent", "refused", "bad and sent"],
)
def test_the_judge_compares_every_word_with_the_sent_log(words, plan, sent, told):
    """Who is said to have it has it, and who is said not to has not."""
    words = {BatchState(state): numbers for state, numbers in words.items()}

    assert list(against_the_sent_log(Counter(sent), words, plan, BESIDE)) == [told]


@pytest.mark.parametrize(
    ("plan", "sent", "told"),
    [
        (Plan(), [], [f"{ONE} does not get it"]),
        (Plan(troubled=True), [], []),
        (Plan(late=True), [], []),
        (Plan(), [ONE, ONE], [f"{ONE} gets it 2 times"]),
        (Plan(), [ONE, NAMED], [f"{NAMED} is in nobody's list"]),
    ],
    ids=["missed", "trouble", "too late to ask", "twice", "uncalled for"],
)
def test_the_judge_counts_what_each_has(plan, sent, told):
    """Once each where there is no doubt, and at most once everywhere."""
    assert list(of_each(Counter(sent), plan, {ONE})) == told


@pytest.mark.parametrize(
    ("words", "plan"),
    [
        ({BatchState.PRESUMED: [ONE]}, Plan(burns_ids=True, troubled=True)),
        ({BatchState.REFUSED: [NAMED]}, Plan(troubled=True)),
        ({BatchState.UNKNOWN: [NAMED]}, Plan(troubled=True)),
        ({BatchState.UNKNOWN: [ONE]}, Plan(late=True)),
    ],
    ids=["presumed, burnt", "refused", "in doubt", "too late to ask"],
)
def test_the_judge_allows_what_nobody_can_know(words, plan):
    """With burnt ids a repeat is refused; a bad number is, and after silence, too."""
    assert list(against_the_sent_log(Counter(), words, plan, BESIDE)) == []


def test_the_judge_misses_whoever_is_missing():
    """Also in a report that agrees with the ledger."""
    report = {"planned": 48, "now": {"items": 48}, "paused": None}

    assert list(adds_up(defaultdict(list), report, set(PEOPLE), items=48)) == [
        "the ledger has not everybody once"
    ]
