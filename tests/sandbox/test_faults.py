"""Faults as data, and the plans that give them out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.calls import call, send_call

from aiooctopush.sandbox import FaultPlan
from aiooctopush.sandbox.faults import DEFAULT_KINDS, KINDS, LIVE_KINDS, Commit


def kinds(plan, count=1000):
    """Names of what a plan gives out."""
    request = send_call()
    return [
        fault and fault.kind for fault in (plan.next(request) for _ in range(count))
    ]


def test_a_name_says_whether_the_gateway_commits():
    """``_after_commit``, ``_late_commit``, and everything else: never."""
    for kind, fault in KINDS.items():
        expected = (
            {Commit.BEFORE}
            if kind.endswith("_after_commit")
            else {Commit.LATE}
            if kind.endswith("_late_commit")
            else {Commit.NEVER, Commit.RECEIVED}
        )
        assert fault.commits in expected, kind


def test_all_public_kinds_exist():
    """Their names are what command lines and tests are written with."""
    assert set(KINDS) == {
        "bad_certificate",
        "bad_gzip_after_commit",
        "bad_json_after_commit",
        "bad_status_line_after_commit",
        "conflict_409",
        "connect_timeout",
        "connection_refused",
        "dns_failure",
        "empty_after_commit",
        "error_500",
        "error_500_after_commit",
        "error_502_late_commit",
        "error_503",
        "error_504_after_commit",
        "fin_accept",
        "fin_after_commit",
        "firewall_403",
        "hang_after_commit",
        "hang_before_commit",
        "html_after_commit",
        "no_ticket_after_commit",
        "oversized_after_commit",
        "redirect_307",
        "rst_accept",
        "rst_after_commit",
        "rst_after_headers",
        "slow_loris_after_commit",
        "throttled_429",
        "timeout_408",
        "tls_failure",
        "too_early_425",
        "truncated_after_commit",
    }


def test_weather_is_drawn_by_default():
    """A wrong certificate is none: it is configuration, or an attack."""
    drawn = set(kinds(FaultPlan(probability=1), 2000))

    assert drawn == set(DEFAULT_KINDS) == set(KINDS) - {"bad_certificate"}


@given(st.integers(), st.floats(0, 1))
def test_the_same_seed_gives_the_same_faults(seed, probability):
    """A storm can be run again."""
    first = FaultPlan(probability=probability, seed=seed)
    second = FaultPlan(probability=probability, seed=seed)

    assert kinds(first, 50) == kinds(second, 50)


def test_other_kinds_hit_the_same_requests():
    """Who is hit depends on the seed and the probability alone."""
    some = kinds(FaultPlan(kinds=["error_500", "fin_accept"]))
    other = kinds(FaultPlan(kinds=["throttled_429"]))

    assert [one is None for one in some] == [one is None for one in other]


def test_the_probability_is_kept():
    """One request in ten, give or take."""
    given_out = [kind for kind in kinds(FaultPlan(), 10_000) if kind]

    assert 900 < len(given_out) < 1100


@pytest.mark.parametrize(("probability", "expected"), [(0, 0), (1, 100)])
def test_never_and_always_are_exact(probability, expected):
    """The bounds are bounds."""
    plan = FaultPlan(probability=probability)

    assert sum(kind is not None for kind in kinds(plan, 100)) == expected
    assert plan.seen.total() == expected


def test_weights_are_kept():
    """A kind of nine times the weight is given out nine times as often."""
    plan = FaultPlan(
        kinds={"error_500": 9, "error_503": 1, "rst_accept": 0}, probability=1
    )

    kinds(plan, 10_000)

    assert set(plan.seen) == {"error_500", "error_503"}
    assert 8_800 < plan.seen["error_500"] < 9_200


def test_a_schedule_is_played_in_order_and_then_ends():
    """None is a request without a fault."""
    plan = FaultPlan.schedule(["error_500", None, "throttled_429"])

    assert kinds(plan, 5) == ["error_500", None, "throttled_429", None, None]
    assert plan.seen == {"error_500": 1, "throttled_429": 1}


def test_an_empty_schedule_plays_nothing():
    """Whatever comes."""
    assert kinds(FaultPlan.schedule([]), 2) == [None, None]


@pytest.mark.parametrize(
    "plan",
    [
        FaultPlan.schedule(
            ["error_500"], only=lambda request: request.method == "POST"
        ),
        FaultPlan(
            kinds=["error_500"],
            probability=1,
            only=lambda request: request.method == "POST",
        ),
    ],
    ids=["schedule", "chance"],
)
def test_requests_that_are_not_meant_use_up_nothing(plan):
    """A plan may be for writes only."""
    assert plan.next(call("GET", "sms-campaign/draft")) is None
    assert plan.next(send_call()).kind == "error_500"


def test_a_plain_figure_is_a_probability():
    """``--faults 0.25`` on a command line."""
    assert kinds(FaultPlan.parse("0.25", seed=3)) == kinds(
        FaultPlan(probability=0.25, seed=3)
    )


def test_pairs_are_a_probability_for_each_kind():
    """Spaces are allowed; the rest of the requests meets nothing."""
    plan = FaultPlan.parse("error_500=0.05, rst_after_commit=0.15", seed=1)

    kinds(plan, 10_000)

    assert 400 < plan.seen["error_500"] < 600
    assert 1_350 < plan.seen["rst_after_commit"] < 1_650
    assert plan.seen.total() == plan.seen["error_500"] + plan.seen["rst_after_commit"]


@pytest.mark.parametrize(
    "text",
    ["", "often", "error_500", "error_500=", "error_500=x", "error_501=0.1", "a=1,"],
)
def test_text_that_is_no_plan_is_refused_with_each_kind_once(text):
    """Whoever mistypes a kind sees them all."""
    with pytest.raises(ValueError, match="The kinds are connection_refused") as raised:
        FaultPlan.parse(text)

    _, _, listed = str(raised.value).partition("The kinds are ")
    assert listed == f"{', '.join(KINDS)}."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.5", "probability: must be 0 to 1, not 1.5"),
        ("-0.1", "probability: must be 0 to 1, not -0.1"),
        ("nan", "probability: must be 0 to 1, not nan"),
        ("error_500=-1", "probability: must be 0 to 1, not -1.0"),
        ("error_500=-1,fin_accept=1.5", "error_500: must be 0 or more, not -1.0"),
        ("error_500=nan", "probability: must be 0 to 1, not nan"),
        ("error_500=inf", "probability: must be 0 to 1, not inf"),
        ("error_500=0.6,error_503=0.6", "probability: must be 0 to 1, not 1.2"),
        ("error_500=0.1,error_500=0.2", "names a kind twice"),
    ],
)
def test_figures_that_are_none_of_a_plan_are_refused(text, words):
    """A probability of each kind, and of all together."""
    with pytest.raises(ValueError, match=words):
        FaultPlan.parse(text)


@pytest.mark.parametrize(
    "settings",
    [
        {"probability": 1.1},
        {"probability": float("nan")},
        {"kinds": ["nonsense"]},
        {"kinds": {"error_500": -1}},
        {"kinds": []},
        {"kinds": {"error_500": 0}},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(settings):
    """Better than a test that quietly meets no fault."""
    with pytest.raises(ValueError, match=r"probability|kind|fault|error_500"):
        FaultPlan(**settings)


def test_a_schedule_with_an_unknown_kind_is_refused():
    """At once, not when its turn comes."""
    with pytest.raises(ValueError, match="nonsense"):
        FaultPlan.schedule(["nonsense"])


def test_default_kinds_shrink_to_what_a_door_can_play():
    """A live server plays nothing that happens before a connection."""
    plan = FaultPlan(probability=1)

    plan.restrict(LIVE_KINDS)

    assert set(kinds(plan, 2000)) == set(LIVE_KINDS)


@pytest.mark.parametrize(
    "plan",
    [FaultPlan(kinds=["dns_failure"]), FaultPlan.schedule([None, "dns_failure"])],
    ids=["chance", "schedule"],
)
def test_a_kind_asked_for_by_name_must_be_playable(plan):
    """Or a test would wait for it in vain."""
    with pytest.raises(ValueError, match="dns_failure"):
        plan.restrict(LIVE_KINDS)


@pytest.mark.parametrize(
    "planned",
    [FaultPlan.schedule(["error_500"]), FaultPlan(probability=1, kinds=["error_500"])],
    ids=["schedule", "drawn"],
)
def test_what_comes_next_comes_before_what_was_planned(planned):
    """In the order in which it was said, and nothing planned is used up."""
    planned.fail_next("fin_accept", times=2)
    planned.fail_next("rst_accept")
    waiting = planned.waiting

    kinds = [planned.next(None).kind for _ in range(4)]

    assert waiting == ("fin_accept", "fin_accept", "rst_accept")
    assert kinds == ["fin_accept", "fin_accept", "rst_accept", "error_500"]
    assert planned.waiting == ()
    assert planned.seen == {"fin_accept": 2, "rst_accept": 1, "error_500": 1}


@pytest.mark.parametrize(
    ("kind", "times", "problem"),
    [
        ("eror_500", 1, "There is no fault 'eror_500'. Did you mean 'error_500'. The"),
        (
            "weather",
            1,
            "There is no fault 'weather'. The kinds are rst_accept, fin",
        ),
        ("error_500", 0, "times: must be at least 1, not 0"),
        ("dns_failure", 1, "cannot be simulated here: dns_failure"),
    ],
    ids=["near", "far", "nought", "impossible"],
)
def test_what_cannot_come_next_is_refused(kind, times, problem):
    """Before a request meets it."""
    planned = FaultPlan.schedule(())
    planned.restrict(LIVE_KINDS)

    with pytest.raises(ValueError, match=problem):
        planned.fail_next(kind, times=times)

    assert planned.waiting == ()
