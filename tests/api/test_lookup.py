"""Number lookup: every documented answer, and money that is never spent twice."""

import inspect
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st
from sandbox.contract import (
    cases_of,
    operations,
    problems,
    request_schema,
    sample_problems,
)

from aiooctopush import (
    HttpResponse,
    InsufficientCreditError,
    InvalidFieldError,
    InvalidRequestError,
    InvalidResponseError,
    Outcome,
)
from aiooctopush._wire import converter, encode
from aiooctopush.api.lookup import (
    HLR,
    MNP,
    MNP_V2,
    HlrResult,
    Lookup,
    LookupRequest,
    MnpResult,
    Network,
)
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


ONE = "+33639980001"
TWO = "+33639980002"
ZERO = "+33600000000"  # of the samples
OPERATIONS = {"lookup_hlr": HLR, "lookup_mnp": MNP, "lookup_mnp_v2": MNP_V2}
CALLS = {"lookup_hlr": "hlr", "lookup_mnp": "mnp", "lookup_mnp_v2": "mnp_v2"}
ALL_CALLS = ["hlr", "mnp", "mnp_v2"]

FRANCE = {
    "country_name": "France",
    "country_code_iso3": "FRA",
    "country_code": "FR",
}
HLR_NETWORK = FRANCE | {"mcc": "208", "area": "Europe", "country_prefix": "+33"}
MNP_NETWORK = FRANCE | {"mcc": "208", "country_prefix": "33"}
HLR_LINE = {
    "network_name": "Orange",
    "mnc": "1",
    "phone_number": ZERO,
    "phone_number_type": "mobile",
    "state": "valid",
    "line_status": "live",
}
MNP_LINE = MNP_NETWORK | {
    "network_name": "Bouygues Telecom",
    "mnc": "08",
    "area": "Europe",
    "phone_number": ZERO,
    "line_status": "live",
}
MNP_PORTED = MNP_LINE | {
    "is_ported": True,
    "ported_date": datetime(2019, 5, 21, tzinfo=UTC),
    "original_network_details": Network(**MNP_NETWORK, network_name="Orange", mnc="01"),
}
V2 = MNP_PORTED | {"lookup_id": "2f0c1b9e-8d4a-4b57-9a35-0c9d6a6b8f11"}
SAID = {
    "lookup_hlr/ported": HlrResult(
        **HLR_NETWORK,
        **HLR_LINE,
        is_ported=True,
        ported_date=datetime(2019, 5, 21),  # noqa: DTZ001 - the page names no zone
        original_network_details=Network(**HLR_NETWORK, network_name="SFR", mnc="10"),
    ),
    "lookup_hlr/not_ported": HlrResult(**HLR_NETWORK, **HLR_LINE, is_ported=False),
    "lookup_hlr/invalid": HlrResult(phone_number=ZERO, state="invalid"),
    "lookup_mnp/ported": MnpResult(**MNP_PORTED),
    "lookup_mnp/not_ported": MnpResult(**MNP_LINE, is_ported=False),
    "lookup_mnp_v2/object": MnpResult(**V2),
    "lookup_mnp_v2/in_brackets": MnpResult(**V2),
}


def numbers(count):
    """That many numbers, none of them twice."""
    return [f"+33639{index:06d}" for index in range(count)]


async def look_up(call, *script, asked=(ONE,), **options):
    """What a lookup makes of the given answers."""
    async with session_over(ScriptedTransport(*script)) as octopush:
        return await getattr(octopush.lookup, call)(asked, **options)


# --- against the sandbox --------------------------------------------------------------


async def test_an_hlr_tells_of_each_line_in_the_order_asked(octopush, gateway):
    """And costs for each number."""
    gateway.lines[TWO] = {"status": "invalid", "line_status": "dead"}

    results = await octopush.lookup.hlr([TWO, "+33 6.39-98 00 01"])

    assert [one.item for one in results] == [TWO, ONE]
    assert [one.outcome for one in results] == [Outcome.ACCEPTED] * 2
    assert [one.details.state for one in results] == ["invalid", "valid"]
    assert [one.details.line_status for one in results] == ["dead", "live"]
    assert gateway.credit == Decimal("999.98")
    assert results.cost is None  # this operation names no price


@pytest.mark.parametrize("brackets", [False, True])
async def test_mnp_v2_names_the_price_of_all_requests(brackets):
    """In both shapes that its page may mean."""
    gateway = Gateway(GatewaySettings(brackets_mnp=brackets), clock=VirtualClock())
    transport = SandboxTransport(gateway)

    async with session_over(transport, clock=gateway.clock) as octopush:
        results = await octopush.lookup.mnp_v2(numbers(450))

    assert results.cost == Decimal("2.250")
    assert gateway.credit == Decimal(1000) - results.cost
    assert {one.details.lookup_id[-1] for one in results} == {"1", "2", "3"}


async def test_mnp_tells_the_network_with_its_leading_zeros(octopush):
    """They are part of the code."""
    results = await octopush.lookup.mnp([ONE])

    assert (results[0].details.mcc, results[0].details.mnc) == ("208", "08")
    assert results[0].details.lookup_id is None


@pytest.mark.parametrize("call", ["hlr", "mnp_v2"])
async def test_a_simulation_costs_nothing(octopush, gateway, call):
    """simulation_mode is a real True on the wire."""
    results = await getattr(octopush.lookup, call)([ONE], simulation_mode=True)

    assert results.is_complete
    assert (gateway.credit, gateway.lookups) == (1000, {})


def test_mnp_v1_has_no_simulation():
    """The gateway would drop the word, and charge."""
    assert "simulation_mode" not in inspect.signature(Lookup.mnp).parameters


async def test_without_credit_the_rest_is_not_asked(gateway, octopush):
    """What was paid is told; what was not asked is, too."""
    gateway.credit = Decimal(3)

    results = await octopush.lookup.hlr(numbers(1000), concurrency=1)

    assert results.by_outcome == {
        Outcome.ACCEPTED: 200,
        Outcome.REFUSED: 200,
        Outcome.NOT_SENT: 600,
    }
    assert isinstance(results.errors[0], InsufficientCreditError)
    assert gateway.lookups.total() == 200


# --- money ----------------------------------------------------------------------------


@pytest.mark.parametrize("call", ALL_CALLS)
async def test_a_lookup_is_never_repeated_after_silence(call):
    """It may have been paid, and its items say so."""
    transport = ScriptedTransport(answer(500, {}))

    async with session_over(transport) as octopush:
        results = await getattr(octopush.lookup, call)([ONE, TWO])

    assert len(transport.requests) == 1
    assert [one.outcome for one in results] == [Outcome.UNKNOWN] * 2
    assert results[0].error.maybe_sent
    assert results[0].details is None


async def test_a_lookup_that_was_too_fast_is_asked_again():
    """The gateway refused it before doing anything."""
    line = [{"phone_number": ONE}]

    results = await look_up("hlr", refusal(438), answer(200, line))

    assert results.is_complete


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("call", ALL_CALLS)
async def test_under_faults_no_number_is_paid_twice(call, seed):
    """And each that was paid is told as done, or as maybe done."""
    gateway = Gateway(clock=VirtualClock())
    plan = FaultPlan(probability=0.6, seed=seed)

    async with session_over(
        SandboxTransport(gateway, plan), clock=gateway.clock
    ) as octopush:
        results = await getattr(octopush.lookup, call)(numbers(1000), concurrency=2)
    gateway.settle()

    paid = set(gateway.lookups)
    done = {one.item for one in results if one.outcome == "accepted"}
    doubt = {one.item for one in results if one.outcome == "unknown"}
    assert plan.seen
    assert [one.item for one in results] == numbers(1000)
    assert set(gateway.lookups.values()) <= {1}
    assert done <= paid <= done | doubt


@pytest.mark.parametrize("call", ALL_CALLS)
async def test_two_hundred_numbers_leave_in_a_request(call):
    """The limit of the vendor's own client."""
    transport = ScriptedTransport(*[answer(200, [])] * 3)

    async with session_over(transport) as octopush:
        await getattr(octopush.lookup, call)(iter(numbers(401)), timeout=7.0)

    assert [len(one["phone_numbers"]) for one in transport.bodies] == [200, 200, 1]
    assert {request.timeout for request in transport.requests} == {7.0}


# --- reading answers ------------------------------------------------------------------


async def test_results_are_matched_by_number_and_not_by_place():
    """In whatever order and spelling; one that is missing shifts nobody."""
    rows = [
        {"phone_number": "33639980002", "network_name": "two"},
        {"phone_number": "+33 639 980 001", "network_name": "one"},
    ]
    asked = (ONE, "+33639980003", TWO)

    results = await look_up("mnp", answer(200, rows), asked=asked)

    assert [one.item for one in results] == list(asked)
    assert [one.outcome for one in results] == [Outcome.ACCEPTED] * 3
    assert [one.details and one.details.network_name for one in results] == [
        "one",
        None,
        "two",
    ]
    assert results[0].details.phone_number == "+33 639 980 001"


async def test_several_objects_of_version_2_are_not_taken_for_one():
    """Only a list of one is documented; the results of the first prove too little."""
    row = {"phone_number": ONE}

    results = await look_up("mnp_v2", answer(200, [{"results": [row]}] * 2))

    assert (results[0].outcome, results[0].details) == (Outcome.ACCEPTED, None)


async def test_a_number_asked_twice_has_two_results():
    """The gateway may answer it once."""
    row = {"phone_number": ONE, "network_name": "one"}

    results = await look_up("mnp", answer(200, [row]), asked=(ONE, ONE))

    assert [one.details.network_name for one in results] == ["one", "one"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("false", False),
        ("1", True),
        (0, False),
        (None, None),
        ("perhaps", None),
        ([], None),
    ],
    ids=repr,
)
async def test_whether_a_number_was_ported_is_read_in_any_spelling(written, read):
    """A text that says false is not true."""
    row = {"phone_number": ONE, "is_ported": written}

    results = await look_up("hlr", answer(200, [row]))

    assert results[0].details.is_ported is read


async def test_what_cannot_be_read_does_not_cost_the_rest():
    """The numbers were paid for: odd fields, odd rows, and new fields."""
    rows = [
        None,
        "?",
        {"network_name": "nobody's"},
        {
            "phone_number": ONE,
            "mcc": 208,
            "mnc": None,
            "area": {"x": 1},
            "status": 7,
            "ported_date": "0000-00-00 00:00:00",
            "original_network_details": [],
            "news": 1,
        },
    ]

    results = await look_up("hlr", answer(200, rows))

    assert results[0].details == HlrResult(
        phone_number=ONE, mcc="208", area="{'x': 1}", state="7"
    )


async def test_a_result_never_names_an_id_of_its_own():
    """lookup_id is that of the request, and only v2 has one."""
    row = {"phone_number": ONE, "lookup_id": "x", "request_id": "y"}

    results = await look_up("hlr", answer(200, [row]))

    assert results[0].details.lookup_id is None


@pytest.mark.parametrize(
    ("cost", "total"),
    [("0.0050", "0.0050"), (0.005, "0.005"), (1, "1"), ("?", None), (None, None)],
    ids=repr,
)
async def test_the_price_keeps_the_digits_of_the_gateway(cost, total):
    """Text or number; an unreadable one does not spoil the results."""
    body = {"cost": cost, "results": [{"phone_number": ONE}]}

    results = await look_up("mnp_v2", answer(200, body))

    assert results.is_complete
    assert results.cost == (None if total is None else Decimal(total))
    assert str(results.cost) == str(total)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"5",
        b'"none"',
        b"{}",
        b'{"results": {}}',
        b'{"results": null}',
        b"<html>",
        b"[",
    ],
    ids=repr,
)
@pytest.mark.parametrize("call", ALL_CALLS)
async def test_an_answer_without_results_proves_nothing(call, body):
    """The lookup may have been paid."""
    results = await look_up(call, HttpResponse(status=200, body=body))

    assert results[0].outcome is Outcome.UNKNOWN
    assert isinstance(results[0].error, InvalidResponseError)


async def test_a_failure_with_status_200_is_a_refusal():
    """An older habit of the gateway."""
    results = await look_up("hlr", answer(200, {"code": 104, "message": "no"}))

    assert isinstance(results[0].error, InsufficientCreditError)


@pytest.mark.parametrize(
    ("written", "code"),
    [("+33", "+33"), ("33", "+33"), (" 33 ", "+33"), ("", None), (None, None)],
    ids=repr,
)
def test_a_calling_code_has_one_form(written, code):
    """HLR writes the plus, MNP does not."""
    assert Network(country_prefix=written).calling_code == code


def test_a_result_shows_its_number_masked():
    """Its repr may stand in a log."""
    request = LookupRequest(phone_numbers=(ONE, TWO))
    shown = repr(HlrResult(phone_number=ONE)) + repr(request)

    assert shown.count("+336****0001") == 2
    assert "39980001" not in shown


# --- arguments ------------------------------------------------------------------------


@pytest.mark.parametrize("call", ALL_CALLS)
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ([ONE, "0639980002"], "phone_numbers[1]"),
        ([None], "phone_numbers[0]"),
        (ONE, "phone_numbers"),
        (7, "phone_numbers"),
    ],
    ids=repr,
)
async def test_one_bad_number_is_refused_before_any_request(call, asked, field):
    """With its place, and without its digits."""
    with pytest.raises(InvalidFieldError) as caught:
        await look_up(call, asked=asked)

    assert caught.value.field == field
    assert "39980002" not in str(caught.value)


@pytest.mark.parametrize("value", ["yes", 1, 0, ""], ids=repr)
@pytest.mark.parametrize("call", ["hlr", "mnp_v2"])
async def test_a_simulation_is_true_or_false(call, value):
    """A misspelt one would be dropped, and charged."""
    with pytest.raises(InvalidFieldError, match="simulation_mode"):
        await look_up(call, asked=[], simulation_mode=value)


async def test_no_number_is_no_request():
    """And no mistake."""
    results = await look_up("hlr", asked=[])

    assert (len(results), results.is_complete, results.cost) == (0, True, None)


# --- documents ------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "sample"), cases_of(*OPERATIONS))
def test_samples_fit_the_document(name, sample):
    """What is asked and what comes back; each names its source."""
    assert sample_problems(name, sample) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_rows_say_what_the_document_says(name):
    """Method, path, and above all what a repeat does."""
    method, path, row = operations()[name]
    endpoint = OPERATIONS[name]

    assert (endpoint.method, endpoint.path) == (method, path)
    assert str(endpoint.idempotency) == row["x-idempotency"]


@pytest.mark.parametrize(("name", "sample"), cases_of(*OPERATIONS))
async def test_every_sample_is_asked_and_read(name, sample, request):
    """The same request on the wire; the conflicts between the pages included."""
    transport = ScriptedTransport(answer(sample["status"], sample["response"]))
    case = request.node.callspec.id

    async with session_over(transport) as octopush:
        call = getattr(octopush.lookup, CALLS[name])
        results = await call(**sample["request"])

    assert transport.bodies == [sample["request"]]
    assert results[0].details == SAID.get(case)
    assert results.cost == (Decimal("0.0050") if name == "lookup_mnp_v2" else None)
    assert isinstance(results[0].error, InvalidRequestError) is (case not in SAID)


phones = st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True)
chunks = st.lists(phones, min_size=1, max_size=4).map(tuple)
requests = st.one_of(
    st.tuples(st.just("lookup_mnp"), st.builds(LookupRequest, phone_numbers=chunks)),
    st.tuples(
        st.sampled_from(["lookup_hlr", "lookup_mnp_v2"]),
        st.builds(
            LookupRequest,
            phone_numbers=chunks,
            simulation_mode=st.none() | st.booleans(),
        ),
    ),
)


@given(asked=requests)
def test_every_request_that_can_be_built_fits_the_document(asked):
    """And comes back as it was from JSON."""
    name, record = asked

    body = encode(record)

    assert problems(request_schema(name), json.loads(body)) == []
    assert converter.structure(json.loads(body), LookupRequest) == record


words = st.none() | st.text(max_size=9)
networks = {
    "network_name": words,
    "mcc": words,
    "mnc": words,
    "country_prefix": words,
}
details = {
    **networks,
    "phone_number": words,
    "is_ported": st.none() | st.booleans(),
    "ported_date": st.none() | st.datetimes(),
    "original_network_details": st.none() | st.builds(Network, **networks),
}
results_ = st.builds(MnpResult, **details) | st.builds(
    HlrResult, **details, state=words
)


@given(result=results_)
def test_a_result_survives_the_way_through_plain_data(result):
    """What came back can be stored and read again."""
    plain = json.loads(encode(result))

    assert converter.structure(plain, type(result)) == result
