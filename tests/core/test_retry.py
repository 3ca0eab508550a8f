"""The policy: what is done after a try that did not succeed."""

import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush._wire import Idempotency
from aiooctopush.errors import (
    AuthenticationError,
    Backoff,
    DuplicateRequestError,
    InsufficientCreditError,
    InvalidRequestError,
    InvalidResponseError,
    NotSentError,
    Outcome,
    RefusedError,
    ServerError,
    ThrottledError,
    TransportSecurityError,
    UnknownOutcomeError,
)
from aiooctopush.retry import Raise, Retry, RetryContext, RetryPolicy, Return, decide


SAFE, IDEMPOTENT = Idempotency.SAFE, Idempotency.IDEMPOTENT
BY_ID, NONE = Idempotency.REQUEST_ID, Idempotency.NONE
NEVER, FAST = Backoff.NEVER, Backoff.FAST
CAREFUL, THROTTLE = Backoff.CAREFUL, Backoff.THROTTLE

HOUR = 3_600.0
POLICY = RetryPolicy()
GAVE_UP = Raise(gave_up=True)


def situation(*failures, **changes):
    """A first try of a send with an id of ours, and plenty of everything."""
    return RetryContext(
        **{
            "failures": failures,
            "attempts": len(failures),
            "idempotency": BY_ID,
            "elapsed": 0.0,
            "age": 0.0,
            "protected_for": 23 * HOUR,
            "unknown_before": False,
            "repeat_unknown": False,
            "may_replace_id": True,
            "timeout": 60.0,
            "tokens": 500,
            "draw": 0.5,
        }
        | changes
    )


def test_a_situation_is_a_value():
    """So whoever tests a policy compares it, and sees all of it where it differs."""
    assert situation(attempts=2) == situation(attempts=2) != situation(attempts=3)
    assert "attempts=2, idempotency=" in repr(situation(attempts=2))


def decided(*failures, policy=POLICY, **changes):
    """What the policy says in that situation."""
    return decide(policy, situation(*failures, **changes))


# What a try can end with. Each name is a row, or some rows, of the decision table.
DNS = NotSentError("the host name was not found")
REFUSED_CONNECTION = NotSentError("cannot connect")
CERTIFICATE = TransportSecurityError("the certificate is not valid")
PROXY_407 = NotSentError("the proxy refused", backoff=NEVER)
NO_SLOT = NotSentError("no free slot", backoff=NEVER)
RESET = UnknownOutcomeError("the connection failed")
TIME_OUT = UnknownOutcomeError("no response in time")
UNREADABLE = InvalidResponseError("not JSON", status=200, backoff=CAREFUL)
REDIRECT = InvalidResponseError("a redirect", status=302, backoff=NEVER)
HTTP_408 = ServerError("too slow", status=408)
HTTP_425 = ThrottledError("too early", status=425)
HTTP_429 = ThrottledError("too many", status=429)
HTTP_500 = ServerError("failed", status=500)
HTTP_502 = ServerError("failed", status=502)
HTTP_503 = ServerError("failed", status=503)
CODE_125 = ServerError("undefined", status=400, code=125, backoff=CAREFUL)
CODE_438 = ThrottledError("too fast", status=400, code=438, backoff=THROTTLE)
CODE_128 = ThrottledError("wait", status=400, code=128, backoff=NEVER)
BAD_TEXT = InvalidRequestError("bad", status=400, code=121)
BAD_KEY = AuthenticationError("bad", status=401)
NO_CREDIT = InsufficientCreditError("none", status=400, code=104)
WAITING = RefusedError("waiting", status=400, code=126)
FOREIGN = InvalidResponseError("a page", status=403, backoff=NEVER)
DUPLICATE = DuplicateRequestError("used", status=400, code=120)
GONE = InvalidRequestError("gone", status=404)
GONE_BY_CODE = InvalidRequestError("gone", status=400, code=131)


# --- the decision table ---------------------------------------------------------------

# By hand: what was the matter, and the wait after it with the draw 0.5 (the middle of
# each back-off) where a try is repeated; None where it is not. Columns: with
# request_id, whether that id is replaced, without one, and for reads and deletes.
TABLE = [
    ("2 DNS", DNS, 0.05, False, 0.05, 0.05),
    ("3 connection refused", REFUSED_CONNECTION, 0.05, False, 0.05, 0.05),
    ("4 certificate", CERTIFICATE, None, False, None, None),
    ("5 proxy wants a password", PROXY_407, None, False, None, None),
    ("6 no slot", NO_SLOT, None, False, None, None),
    ("7 reset", RESET, 1.25, False, None, 1.25),
    ("9 time-out", TIME_OUT, 1.25, False, None, 1.25),
    ("10 unreadable 2xx", UNREADABLE, 1.25, False, None, 1.25),
    ("11 redirect", REDIRECT, None, False, None, None),
    ("12 HTTP 408", HTTP_408, 1.25, False, None, 1.25),
    ("13 HTTP 425", HTTP_425, 0.5, True, 0.5, 0.5),
    ("14 HTTP 429", HTTP_429, 0.5, True, 0.5, 0.5),
    ("15 HTTP 500", HTTP_500, 1.25, False, None, 1.25),
    ("16 HTTP 502", HTTP_502, 1.25, False, None, 1.25),
    ("17 HTTP 503", HTTP_503, 1.25, False, None, 1.25),
    ("15 code 125", CODE_125, 1.25, False, None, 1.25),
    ("14 code 438", CODE_438, 0.5, True, 0.5, 0.5),
    ("18 code 128", CODE_128, None, False, None, None),
    ("18 bad text", BAD_TEXT, None, False, None, None),
    ("18 campaign waiting", WAITING, None, False, None, None),
    ("19 bad key", BAD_KEY, None, False, None, None),
    ("20 no credit", NO_CREDIT, None, False, None, None),
    ("21 foreign page", FOREIGN, None, False, None, None),
    ("23 duplicate", DUPLICATE, None, False, None, None),
]


def after(wait, *, new_id, failure):
    """The decision that a row of the table stands for."""
    if wait is None:
        return Raise()
    cost = 5 if isinstance(failure, ThrottledError) else 14
    return Retry(delay=wait, new_id=new_id, cost=cost)


@pytest.mark.parametrize(
    ("failure", "wait", "replaced"),
    [pytest.param(row[1], row[2], row[3], id=row[0]) for row in TABLE],
)
def test_with_a_request_id(failure, wait, replaced):
    """What may have been taken keeps its id; a clean refusal gets a new one."""
    assert decided(failure) == after(wait, new_id=replaced, failure=failure)


@pytest.mark.parametrize(
    ("failure", "wait"), [pytest.param(row[1], row[4], id=row[0]) for row in TABLE]
)
def test_without_a_request_id(failure, wait):
    """What has no id is repeated only if it never left or came too fast."""
    decision = decided(
        failure, idempotency=NONE, protected_for=math.inf, may_replace_id=False
    )

    assert decision == after(wait, new_id=False, failure=failure)


@pytest.mark.parametrize("idempotency", [SAFE, IDEMPOTENT])
@pytest.mark.parametrize(
    ("failure", "wait"), [pytest.param(row[1], row[5], id=row[0]) for row in TABLE]
)
def test_reads_and_deletes(idempotency, failure, wait):
    """What changes nothing more when it is repeated is repeated after silence."""
    decision = decided(
        failure, idempotency=idempotency, protected_for=math.inf, may_replace_id=False
    )

    assert decision == after(wait, new_id=False, failure=failure)


@pytest.mark.parametrize(
    ("failure", "wait"), [pytest.param(row[1], row[5], id=row[0]) for row in TABLE]
)
def test_who_prefers_twice_to_not_at_all_gets_it_repeated(failure, wait):
    """By the caller's own word silence is repeated also where nothing protects."""
    decision = decided(
        failure,
        idempotency=NONE,
        protected_for=math.inf,
        may_replace_id=False,
        repeat_unknown=True,
    )

    assert decision == after(wait, new_id=False, failure=failure)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"age": 23 * HOUR}, id="too old"),
        pytest.param({"elapsed": 59.0}, id="too late"),
        pytest.param({"attempts": 4}, id="too often"),
    ],
)
def test_the_callers_word_moves_no_bound(changes):
    """Preferring a duplicate is no reason to go on for ever."""
    assert decided(RESET, repeat_unknown=True, **changes) == GAVE_UP


# --- duplicates: rows 22 to 24 --------------------------------------------------------


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([RESET], id="reset"),
        pytest.param([UNREADABLE], id="unreadable"),
        pytest.param([HTTP_503], id="HTTP 503"),
        pytest.param([RESET, DNS], id="silence, then not sent"),
        pytest.param([RESET, HTTP_429], id="silence, then throttled"),
        pytest.param([DNS, RESET], id="not sent, then silence"),
    ],
)
def test_a_duplicate_after_our_own_silence_is_success(history):
    """Somebody used the id, and it can only have been us."""
    assert decided(*history, DUPLICATE) == Return(Outcome.PRESUMED)


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([], id="first try"),
        pytest.param([DNS], id="not sent"),
        pytest.param([HTTP_429], id="throttled"),
        pytest.param([DNS, HTTP_429], id="both"),
    ],
)
def test_a_duplicate_without_silence_is_an_error(history):
    """Somebody else used the id, and what they sent nobody knows."""
    assert decided(*history, DUPLICATE) == Raise()


def test_a_duplicate_on_resume_is_success():
    """An earlier call under this id may have been taken, as row 24 says."""
    assert decided(DUPLICATE, unknown_before=True) == Return(Outcome.PRESUMED)


@pytest.mark.parametrize("idempotency", [SAFE, IDEMPOTENT, NONE])
def test_a_duplicate_proves_nothing_where_there_is_no_id(idempotency):
    """Code 120 from an operation without request_id is just a refusal."""
    assert decided(RESET, DUPLICATE, idempotency=idempotency) == Raise()


@pytest.mark.parametrize("gone", [GONE, GONE_BY_CODE], ids=["404", "code 131"])
def test_what_was_to_be_removed_and_is_gone_after_silence_is_success(gone):
    """The try without an answer removed it."""
    decision = decided(RESET, gone, idempotency=IDEMPOTENT, removes=True)

    assert decision == Return(Outcome.PRESUMED)


@pytest.mark.parametrize("gone", [GONE, GONE_BY_CODE], ids=["404", "code 131"])
def test_what_was_not_to_be_removed_is_not_done_by_being_gone(gone):
    """An update of something that is not there has updated nothing."""
    assert decided(RESET, gone, idempotency=IDEMPOTENT) == Raise()


@pytest.mark.parametrize("gone", [GONE, GONE_BY_CODE], ids=["404", "code 131"])
@pytest.mark.parametrize(
    ("history", "idempotency"),
    [
        pytest.param([], IDEMPOTENT, id="first try"),
        pytest.param([DNS], IDEMPOTENT, id="not sent before"),
        pytest.param([RESET], SAFE, id="a read"),
        pytest.param([RESET], BY_ID, id="a send"),
        pytest.param([RESET], NONE, id="without id"),
    ],
)
def test_what_is_not_there_is_otherwise_an_error(gone, history, idempotency):
    """Only a removal that may have been done explains that something is gone."""
    assert decided(*history, gone, idempotency=idempotency) == Raise()


@pytest.mark.parametrize("refusal", [BAD_TEXT, BAD_KEY, NO_CREDIT, WAITING])
@pytest.mark.parametrize("idempotency", list(Idempotency))
def test_no_other_refusal_after_silence_is_success(refusal, idempotency):
    """A refusal of the repeat says nothing about the try before it."""
    assert decided(RESET, refusal, idempotency=idempotency) == Raise()


# --- the id ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "changes", "new_id"),
    [
        pytest.param([HTTP_429], {}, True, id="refused"),
        pytest.param([DNS, HTTP_429], {}, True, id="not sent, then refused"),
        pytest.param([HTTP_429, HTTP_429], {}, True, id="refused twice"),
        pytest.param([DNS], {}, False, id="not sent"),
        pytest.param([HTTP_429, DNS], {}, False, id="refused, then not sent"),
        pytest.param([RESET], {}, False, id="unknown"),
        pytest.param([RESET, HTTP_429], {}, False, id="unknown, then refused"),
        pytest.param(
            [RESET, DNS, HTTP_429], {}, False, id="unknown, not sent, refused"
        ),
        pytest.param(
            [HTTP_429], {"unknown_before": True}, False, id="unknown in another call"
        ),
        pytest.param(
            [HTTP_429], {"may_replace_id": False}, False, id="chosen by the caller"
        ),
    ],
)
def test_an_id_is_replaced_only_after_a_clean_refusal(history, changes, new_id):
    """As long as any try under an id may have been taken, the id stays."""
    assert decided(*history, **changes).new_id is new_id


# --- bounds ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "made", "again"),
    [(1, 1, False), (2, 1, True), (2, 2, False), (4, 3, True), (4, 4, False)],
)
def test_no_more_tries_than_allowed(allowed, made, again):
    """The number counts tries in all, the first included."""
    policy = RetryPolicy(attempts=allowed)

    decision = decided(*[DNS] * made, policy=policy)

    assert (isinstance(decision, Retry), decision == GAVE_UP) == (again, not again)


# A reset is waited for 1.25 seconds.
@pytest.mark.parametrize(
    ("elapsed", "again"),
    [(0.0, True), (58.5, True), (58.75, False), (59.0, False), (61.0, False)],
)
def test_no_try_begins_at_or_after_the_deadline(elapsed, again):
    """A wait that leaves no time for the try itself is not begun."""
    decision = decided(RESET, elapsed=elapsed, timeout=60.0)

    assert (isinstance(decision, Retry), decision == GAVE_UP) == (again, not again)


@pytest.mark.parametrize(
    ("age", "again"), [(0.0, True), (98.5, True), (98.75, False), (100.0, False)]
)
def test_an_unknown_try_is_not_repeated_once_its_protection_ends(age, again):
    """When the gateway may have forgotten the id, a repeat could be sent twice."""
    decision = decided(RESET, age=age, protected_for=100.0)

    assert (isinstance(decision, Retry), decision == GAVE_UP) == (again, not again)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="not sent"),
        pytest.param({"failures": [HTTP_429]}, id="refused"),
    ],
)
def test_the_age_does_not_matter_while_nothing_is_unknown(changes):
    """An id that no try may have used protects nothing, and needs nothing."""
    now = situation(DNS, age=1e9)._replace(**changes)

    assert isinstance(decide(POLICY, now), Retry)


def test_the_age_matters_after_silence_in_another_call():
    """A resumed call is as old as its first try, whatever happened since."""
    assert decided(DNS, unknown_before=True, age=23 * HOUR) == GAVE_UP


def test_the_age_matters_after_silence_in_an_earlier_try():
    """A later try that never left does not make the first one young."""
    assert decided(RESET, DNS, age=23 * HOUR) == GAVE_UP


@pytest.mark.parametrize(
    ("failure", "tokens", "again"),
    [
        pytest.param(DNS, 14, True, id="failure, enough"),
        pytest.param(DNS, 13, False, id="failure, too few"),
        pytest.param(RESET, 14, True, id="silence, enough"),
        pytest.param(RESET, 13, False, id="silence, too few"),
        pytest.param(HTTP_429, 5, True, id="throttled, enough"),
        pytest.param(HTTP_429, 4, False, id="throttled, too few"),
        pytest.param(DNS, 0, False, id="nothing left"),
    ],
)
def test_a_retry_that_cannot_be_paid_is_not_made(failure, tokens, again):
    """In an outage the session goes quiet, and the error says why."""
    decision = decided(failure, tokens=tokens)

    expected = Raise(gave_up=True, budget_exhausted=True)
    assert (isinstance(decision, Retry), decision == expected) == (again, not again)


def test_the_quota_is_no_excuse_for_what_would_not_be_repeated_anyway():
    """The flag means that only the quota stood in the way."""
    assert decided(DNS, attempts=4, tokens=0) == Raise(
        gave_up=True, budget_exhausted=False
    )


# --- waits ----------------------------------------------------------------------------

ALMOST_ONE = math.nextafter(1.0, 0.0)


# By hand from the parameters: the lowest and the highest wait of each retry.
@pytest.mark.parametrize(
    ("backoff", "retries", "lowest", "highest"),
    [
        (FAST, 0, 0.0, 0.1),
        (FAST, 1, 0.0, 0.2),
        (FAST, 5, 0.0, 3.2),
        (FAST, 6, 0.0, 5.0),
        (FAST, 60, 0.0, 5.0),
        (CAREFUL, 0, 1.0, 1.5),
        (CAREFUL, 1, 1.0, 2.0),
        (CAREFUL, 5, 1.0, 17.0),
        (CAREFUL, 6, 1.0, 21.0),
        (CAREFUL, 60, 1.0, 21.0),
        (THROTTLE, 0, 0.0, 1.0),
        (THROTTLE, 1, 0.0, 2.0),
        (THROTTLE, 4, 0.0, 16.0),
        (THROTTLE, 5, 0.0, 20.0),
        (THROTTLE, 60, 0.0, 20.0),
    ],
)
def test_the_waits_have_the_bounds_of_the_specification(
    backoff, retries, lowest, highest
):
    """The draw spreads the wait over its whole range, and not beyond."""
    waits = [POLICY.wait(backoff, retries, draw) for draw in (0.0, ALMOST_ONE)]

    assert waits == [lowest, pytest.approx(highest)]


@pytest.mark.parametrize("backoff", [FAST, CAREFUL, THROTTLE])
@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_the_waits_never_shrink(backoff, retries, draw):
    """With the same draw, a later retry never waits less."""
    earlier = POLICY.wait(backoff, retries, draw)

    assert POLICY.wait(backoff, retries + 1, draw) >= earlier


@pytest.mark.parametrize("retries", [1_023, 1_024, 10**9])
def test_a_patient_policy_never_runs_out_of_numbers(retries):
    """A run that retries for days waits for the cap, and does not overflow."""
    assert POLICY.wait(FAST, retries, 0.5) == 2.5


@pytest.mark.parametrize(
    ("made", "wait"), [(1, 0.05), (2, 0.1), (3, 0.2)], ids=["1st", "2nd", "3rd"]
)
def test_the_wait_grows_with_the_tries_that_were_made(made, wait):
    """The first retry waits for the base, and each one after it for twice as long."""
    assert decided(*[DNS] * made).delay == pytest.approx(wait)


@pytest.mark.parametrize(
    ("failure", "wait"),
    [
        pytest.param(
            ThrottledError("slow", status=429, retry_after=7.0), 7.0, id="longer"
        ),
        pytest.param(
            ThrottledError("slow", status=429, retry_after=0.25), 0.5, id="shorter"
        ),
        pytest.param(
            ThrottledError("slow", status=429, retry_after=0.0), 0.5, id="none"
        ),
        pytest.param(
            ServerError("down", status=503, retry_after=7.0), 7.0, id="HTTP 503"
        ),
    ],
)
def test_the_gateways_own_word_is_the_least_wait(failure, wait):
    """Retry-After is never cut short, and never shortens our own wait."""
    assert decided(failure).delay == wait


def test_a_word_beyond_the_deadline_ends_the_call_now():
    """The caller is told at once, and not after a useless wait."""
    slow = ThrottledError("slow", status=429, retry_after=60.0)

    assert decided(slow, timeout=60.0) == GAVE_UP


# --- laws -----------------------------------------------------------------------------

FAILURES = st.builds(
    lambda row, seconds: _with_retry_after(row[1], seconds),
    st.sampled_from([*TABLE, ("gone", GONE), ("gone by code", GONE_BY_CODE)]),
    st.none() | st.floats(0, 3_600),
)


def _with_retry_after(failure, seconds):
    return type(failure)(
        failure.problem,
        status=failure.status,
        code=failure.code,
        retry_after=seconds,
        backoff=failure.backoff,
    )


@st.composite
def situations(draw, *, idempotency=None, last=FAILURES, repeat_unknown=None):
    """Any situation at all."""
    failures = [*draw(st.lists(FAILURES, max_size=4)), draw(last)]
    return RetryContext(
        failures=failures,
        attempts=len(failures),
        idempotency=idempotency or draw(st.sampled_from(Idempotency)),
        elapsed=draw(st.floats(0, 120)),
        age=draw(st.floats(0, 200_000)),
        protected_for=draw(st.sampled_from([82_800.0, math.inf])),
        unknown_before=draw(st.booleans()),
        repeat_unknown=draw(st.booleans())
        if repeat_unknown is None
        else repeat_unknown,
        may_replace_id=draw(st.booleans()),
        timeout=draw(st.floats(0.1, 1_000)),
        tokens=draw(st.integers(0, 500)),
        draw=draw(st.floats(0, 1, exclude_max=True)),
    )


PATIENT = RetryPolicy(attempts=6)
SILENCES = st.sampled_from([RESET, TIME_OUT, UNREADABLE, HTTP_503, CODE_125, FOREIGN])


def patiently(now):
    """What a policy with tries to spare says."""
    return decide(PATIENT, now)


@given(situations(idempotency=NONE, last=SILENCES, repeat_unknown=False))
def test_a_write_without_id_is_never_repeated_after_silence(now):
    """It could be done twice, and nothing would notice."""
    assert isinstance(patiently(now), Raise)


@given(situations(last=SILENCES))
def test_after_silence_at_least_a_second_passes(now):
    """Two tries of one message never overlap."""
    decision = patiently(now)

    assert not isinstance(decision, Retry) or decision.delay >= 1.0


@given(situations())
def test_no_retry_comes_before_the_gateways_own_word(now):
    """0 of any number of retries are early."""
    decision = patiently(now)

    assert not isinstance(decision, Retry) or (
        decision.delay >= (now.failures[-1].retry_after or 0.0)
    )


@given(situations())
def test_an_id_is_never_replaced_while_any_try_under_it_is_unknown(now):
    """A new id would send what may have been sent."""
    decision = patiently(now)
    unknown = now.unknown_before or any(
        failure.outcome is Outcome.UNKNOWN for failure in now.failures
    )

    assert not (unknown and isinstance(decision, Retry) and decision.new_id)


@given(situations())
def test_an_id_is_never_replaced_against_the_callers_will(now):
    """An id that somebody chose or stored is theirs."""
    decision = patiently(now)

    assert now.may_replace_id or not getattr(decision, "new_id", False)


@given(situations())
def test_every_retry_begins_before_the_deadline(now):
    """Nothing is sent after the caller stopped waiting."""
    decision = patiently(now)

    assert not isinstance(decision, Retry) or (
        now.elapsed + decision.delay < now.timeout
    )


@given(situations())
def test_no_unknown_try_is_repeated_beyond_its_protection(now):
    """Past 23 hours nothing is sent again by itself."""
    decision = patiently(now)
    unknown = now.unknown_before or any(
        failure.outcome is Outcome.UNKNOWN for failure in now.failures
    )

    assert not (unknown and isinstance(decision, Retry)) or (
        now.age + decision.delay < now.protected_for
    )


@given(situations())
def test_every_retry_is_within_tries_and_quota(now):
    """No situation makes the policy spend what it does not have."""
    decision = patiently(now)

    assert not isinstance(decision, Retry) or (
        now.attempts < 6 and decision.cost <= now.tokens
    )


@given(situations())
def test_success_is_only_ever_presumed_after_silence(now):
    """Without a try that may have been taken, an error is an error."""
    earlier = now.unknown_before or any(
        failure.outcome is Outcome.UNKNOWN for failure in now.failures[:-1]
    )

    assert earlier or not isinstance(patiently(now), Return)


@given(situations())
def test_the_same_situation_is_always_decided_the_same_way(now):
    """The decision depends on nothing that cannot be seen in the situation."""
    assert patiently(now) == patiently(now)


def test_a_plain_raise_claims_no_reason():
    """Only a try that would have been made otherwise was given up."""
    assert (Raise().gave_up, Raise().budget_exhausted) == (False, False)


# --- the policy itself ----------------------------------------------------------------


def test_the_defaults_are_those_of_the_specification():
    """4 tries in 60 seconds, with the waits and the quota of the design."""
    assert attrs.asdict(RetryPolicy()) == {
        "attempts": 4,
        "timeout": 60.0,
        "fast_base": 0.1,
        "fast_cap": 5.0,
        "careful_floor": 1.0,
        "careful_base": 0.5,
        "careful_cap": 20.0,
        "throttle_base": 1.0,
        "throttle_cap": 20.0,
        "budget": 500,
    }


@pytest.mark.parametrize(
    ("name", "least", "too_little"),
    [
        ("attempts", 1, 0),
        ("timeout", 0.001, 0.0),
        ("fast_base", 0.0, -0.1),
        ("fast_cap", 0.0, -0.1),
        ("careful_floor", 1.0, 0.9),
        ("careful_base", 0.0, -0.1),
        ("careful_cap", 0.0, -0.1),
        ("throttle_base", 0.0, -0.1),
        ("throttle_cap", 0.0, -0.1),
        ("budget", 0, -1),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(name, least, too_little):
    """The least value is accepted, and anything below it is not."""
    RetryPolicy(**{name: least})

    with pytest.raises(ValueError, match=name):
        RetryPolicy(**{name: too_little})


@pytest.mark.parametrize(
    ("failures", "before", "unknown", "unknown_earlier"),
    [
        pytest.param([DNS], False, False, False, id="nothing"),
        pytest.param([RESET], False, True, False, id="the last"),
        pytest.param([RESET, DNS], False, True, True, id="an earlier one"),
        pytest.param([DNS], True, True, True, id="another call"),
    ],
)
def test_a_situation_knows_whether_anything_may_have_been_done(
    failures, before, unknown, unknown_earlier
):
    """Any try under the id counts; for a duplicate, only those before it."""
    now = situation(*failures, unknown_before=before)

    assert (now.unknown, now.unknown_earlier) == (unknown, unknown_earlier)
