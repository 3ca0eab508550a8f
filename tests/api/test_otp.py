"""One-time passwords: a wrong code is a result, and no code is ever shown."""

import inspect
import json
import logging
import pickle
import traceback

import attrs
import pytest
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st
from sandbox.contract import cases_of, problems, request_schema, sample_problems

from aiooctopush import (
    HttpResponse,
    InvalidFieldError,
    InvalidResponseError,
    OctopushError,
    Outcome,
    RefusedError,
    Secret,
    UnknownOutcomeError,
)
from aiooctopush._responses import read
from aiooctopush._wire import converter, encode
from aiooctopush.api.otp import (
    GENERATE,
    VALIDATE,
    Otp,
    OtpChannel,
    OtpCheck,
    OtpRequest,
    OtpSent,
    OtpState,
    OtpValidation,
)
from aiooctopush.api.voice import VoiceGender


NUMBER = "+33639980001"
CODE, TOKEN = "s3cret", "tok3n"
ENDPOINTS = {"generate_otp": GENERATE, "validate_otp": VALIDATE}
SENT = OtpSent(status=200, token=Secret("b2c1a7d0"))
VALID = OtpCheck(status=200, code=0)
REFUSED = OtpCheck(status=400, code=198, outcome=Outcome.REFUSED)
READ = {
    "all_fields": SENT,
    "account_defaults": SENT,
    "valid": VALID,
    "valid_by_number": VALID,
    "wrong": attrs.evolve(REFUSED, code=199, remaining_attempts=2),
    "exhausted": attrs.evolve(REFUSED, code=196),
    "expired": attrs.evolve(REFUSED, code=197),
    "not_found": REFUSED,
}


# --- sending a code -------------------------------------------------------------------


async def test_a_code_is_sent_and_validated(octopush, gateway):
    """By its token, and true only once it is right."""
    sent = await octopush.otp.generate(NUMBER, text="Your code is {code}")

    check = await octopush.otp.validate(gateway.codes[-1].code, token=sent.token)

    assert (sent.outcome, check.outcome) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
    assert (check.state, check.valid, bool(check)) == (OtpState.VALID, True, True)
    assert gateway.sent_log.times(NUMBER) == 1


async def test_the_last_code_of_a_number_is_validated(octopush, gateway):
    """Without a token, white space around it left out."""
    await octopush.otp.generate(NUMBER)
    await octopush.otp.generate(NUMBER)

    check = await octopush.otp.validate(
        f" {gateway.codes[-1].code}\n", phone_number="+33 6 39 98 00 01"
    )

    assert check.valid


async def test_every_parameter_reaches_the_gateway_under_its_own_name(
    octopush, gateway
):
    """Nothing is dropped as unknown on the other side."""
    await octopush.otp.generate(
        NUMBER,
        channel=OtpChannel.VOICE,
        text="{code} until {hh:mm:ss}",
        sender="33700000000",
        voice_gender=VoiceGender.FEMALE,
        voice_language="fr-FR",
        code_length=32,
        allow_digits=False,
        allow_upper_case=True,
        allow_lower_case=True,
        allow_special_chars=True,
        remove_confusing_characters=True,
        validity_period=60,
        max_wrong_attempts=1,
        recipient_ip="2001:db8::1",
    )

    (entry,), (code,) = gateway.sent_log.entries, gateway.codes
    assert entry.ignored_fields == ()
    assert (entry.channel, entry.text) == ("voice_sms", "{code} until {hh:mm:ss}")
    assert len(code.code) == 32
    assert code.remaining_attempts == 1


async def test_a_code_is_not_sent_again_after_silence():
    """Nothing protects a repeat: it may have been sent, and costs."""
    transport = ScriptedTransport(answer(500, {}))

    async with session_over(transport) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.otp.generate(NUMBER)

    assert caught.value.maybe_sent
    assert len(transport.requests) == 1


async def test_a_code_is_sent_again_for_whoever_asks_for_it():
    """Two codes rather than none."""
    transport = ScriptedTransport(answer(500, {}), answer(200, {"code": 0}))

    async with session_over(transport) as octopush:
        sent = await octopush.otp.generate(NUMBER, on_unknown="retry")

    assert (sent.attempts, sent.token) == (2, None)


# --- validating -----------------------------------------------------------------------


async def test_a_wrong_code_is_a_result_with_what_remains(octopush, gateway):
    """False, and no exception; the last attempt ends in exhausted."""
    sent = await octopush.otp.generate(NUMBER, max_wrong_attempts=2)

    checks = [await octopush.otp.validate("######", token=sent.token) for _ in "123"]

    assert [one.state for one in checks] == [
        OtpState.WRONG,
        OtpState.WRONG,
        OtpState.EXHAUSTED,
    ]
    assert [one.remaining_attempts for one in checks] == [1, 0, None]
    assert [bool(one) for one in checks] == [False] * 3
    assert checks[0].outcome is Outcome.REFUSED
    assert checks[0].status == 400


async def test_a_late_code_is_expired(octopush, gateway):
    """The right one, but too late."""
    sent = await octopush.otp.generate(NUMBER, validity_period=60)
    gateway.clock.advance(60)

    check = await octopush.otp.validate(gateway.codes[-1].code, token=sent.token)

    assert (check.state, check.valid) == (OtpState.EXPIRED, False)


async def test_a_code_that_was_used_is_not_found(octopush, gateway):
    """As one that never was."""
    sent = await octopush.otp.generate(NUMBER)
    code = gateway.codes[-1].code
    await octopush.otp.validate(code, token=sent.token)

    check = await octopush.otp.validate(code, token=sent.token)

    assert check.state is OtpState.NOT_FOUND


@pytest.mark.parametrize("status", [200, 400, 401, 404, 422, 429])
async def test_the_answer_counts_and_not_its_status(status):
    """400 is documented; a code says more than any status."""
    transport = ScriptedTransport(answer(status, {"code": 199, "message": "no"}))

    async with session_over(transport) as octopush:
        check = await octopush.otp.validate("1234", token="t")

    assert check.state is OtpState.WRONG
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"message": "success"}, {"code": None}, {"code": False}, {"code": "yes"}, []],
    ids=str,
)
async def test_nobody_is_let_in_by_an_answer_that_does_not_say_so(body):
    """A 2xx without its code 0 proves nothing."""
    transport = ScriptedTransport(answer(200, body))

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidResponseError):
            await octopush.otp.validate("1234", token="t")


@pytest.mark.parametrize(("status", "code"), [(302, 0), (400, 0), (500, 0), (500, 199)])
async def test_a_code_with_a_status_that_belies_it_is_no_answer(status, code):
    """Only 2xx with code 0 lets somebody in; a server that fails says nothing."""
    transport = ScriptedTransport(answer(status, {"code": code}))

    async with session_over(transport) as octopush:
        with pytest.raises(UnknownOutcomeError):
            await octopush.otp.validate("1234", token="t")


@pytest.mark.parametrize("code", [194, 195, 101], ids=str)
async def test_another_refusal_is_an_error(code):
    """What the person at the keyboard cannot mend."""
    async with session_over(ScriptedTransport(refusal(code))) as octopush:
        with pytest.raises(RefusedError) as caught:
            await octopush.otp.validate("1234", token="t")

    assert caught.value.code == code


async def test_an_attempt_is_not_burnt_twice_by_itself():
    """After silence it is unknown whether the code was right."""
    transport = ScriptedTransport(answer(500, {}))

    async with session_over(transport) as octopush:
        with pytest.raises(UnknownOutcomeError):
            await octopush.otp.validate("1234", token="t")

    assert len(transport.requests) == 1


async def test_a_validation_is_repeated_for_whoever_asks_for_it():
    """It may use up another attempt."""
    transport = ScriptedTransport(answer(500, {}), answer(200, {"code": 0}))

    async with session_over(transport) as octopush:
        check = await octopush.otp.validate("1234", token="t", on_unknown="retry")

    assert (check.attempts, check.valid) == (2, True)


@pytest.mark.parametrize("typed", ["", "  ", "12", "1" * 33, "12 34", "é123", "١٢٣٤"])
async def test_what_cannot_be_a_code_is_wrong_without_asking(typed):
    """People type anything: no exception, no request, no attempt used up."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        check = await octopush.otp.validate(typed, phone_number=NUMBER)

    assert (check.state, check.outcome) == (OtpState.WRONG, Outcome.NOT_SENT)
    assert (check.attempts, check.remaining_attempts) == (0, None)
    assert not check


@pytest.mark.parametrize("typed", ["123", "1" * 32, "aZ9!#$%&?@"])
async def test_what_may_be_a_code_is_asked(typed):
    """The documented lengths and characters, the bounds included."""
    transport = ScriptedTransport(answer(200, {"code": 0}))

    async with session_over(transport) as octopush:
        await octopush.otp.validate(typed, token="t")

    assert transport.bodies == [{"code": typed, "otp_request_token": "t"}]


@pytest.mark.parametrize(
    "named", [{}, {"token": "t", "phone_number": NUMBER}, {"token": ""}], ids=str
)
async def test_exactly_one_of_token_and_number_is_needed(named):
    """What the gateway would make of both is undocumented."""
    async with session_over(ScriptedTransport()) as octopush:
        with pytest.raises(InvalidFieldError, match="token"):
            await octopush.otp.validate("1234", **named)


@pytest.mark.parametrize("code", [None, 1234, b"1234"], ids=str)
async def test_a_code_is_a_text(code):
    """A number has lost its leading noughts; it is not shown."""
    async with session_over(ScriptedTransport()) as octopush:
        with pytest.raises(InvalidFieldError, match="must be a str") as caught:
            await octopush.otp.validate(code, token="t")

    assert "1234" not in str(caught.value)


async def test_the_try_is_told_as_what_it_was():
    """A wrong code is no accepted one, nor a failure that is tried again."""
    told = []
    transport = ScriptedTransport(refusal(199))

    async with session_over(transport, on_attempt=told.append) as octopush:
        await octopush.otp.validate("1234", token="t")

    assert [(one.outcome, one.status, one.delay) for one in told] == [
        (Outcome.REFUSED, 400, None)
    ]


# --- nothing is shown -----------------------------------------------------------------


def echo(status, code=None):
    """An answer that repeats all that is secret."""
    said = {"message": "s3cret tok3n is wrong", "text": "s3cret", "token": "tok3n"}
    return answer(status, said if code is None else {**said, "code": code})


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(echo(400, 400), id="400 with a code"),
        pytest.param(echo(400, 12345), id="400 with an unknown code"),
        pytest.param(echo(400), id="400 without"),
        pytest.param(echo(401), id="401"),
        pytest.param(echo(402), id="402"),
        pytest.param(echo(403, 101), id="403"),
        pytest.param(echo(413), id="413"),
        pytest.param(echo(500, 125), id="500"),
        pytest.param(echo(200, 106), id="200 with a code"),
        pytest.param(HttpResponse(status=200, body=b"s3cret tok3n"), id="no JSON"),
        pytest.param(HttpResponse(status=400, body=b"s3cret tok3n"), id="400, no JSON"),
    ],
)
async def test_no_error_repeats_a_code_or_a_token(step, caplog):
    """Whatever the gateway repeats: not in the error, its details, or a log."""
    caplog.set_level(logging.DEBUG, "aiooctopush")

    async with session_over(ScriptedTransport(step)) as octopush:
        with pytest.raises(OctopushError) as caught:
            # By name, for a traceback quotes this line.
            await octopush.otp.validate(CODE, token=TOKEN)

    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error.details)
    shown += caplog.text + repr(error.headers)
    shown += repr(pickle.loads(pickle.dumps(error)).details)  # noqa: S301 - our own
    assert CODE not in shown
    assert TOKEN not in shown
    assert caplog.records


async def test_no_error_repeats_the_text_of_a_code():
    """Which may hold a name."""
    transport = ScriptedTransport(answer(400, {"code": 400, "message": "s3cret: no"}))

    async with session_over(transport) as octopush:
        with pytest.raises(RefusedError) as caught:
            await octopush.otp.generate(NUMBER, text="s3cret {code}")

    assert CODE not in str(caught.value) + repr(caught.value.details)


async def test_no_record_or_result_shows_a_code_or_a_token(caplog):
    """Its repr may stand in a log."""
    caplog.set_level(logging.DEBUG, "aiooctopush")
    said = {"code": 0, "otp_request_token": "tok3n", "message": "s3cret"}
    transport = ScriptedTransport(answer(200, said), answer(200, said))
    request = OtpRequest(phone_number=NUMBER, text="hush {code}", recipient_ip="::1")
    typed = OtpValidation(code="s3cret", otp_request_token="tok3n")
    by_number = OtpValidation(code="s3cret", phone_number=NUMBER)

    async with session_over(transport) as octopush:
        sent = await octopush.otp.generate(NUMBER)
        check = await octopush.otp.validate("s3cret", token="tok3n")

    shown = "".join(map(repr, (request, typed, by_number, sent, check)))
    shown += caplog.text
    assert sent.token.reveal() == TOKEN
    for private in ("s3cret", "tok3n", "hush", "::1", "39980001"):
        assert private not in shown


# --- limits ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("text", "{code}".rjust(1224)),
        ("code_length", 3),
        ("code_length", 32),
        ("validity_period", 1),
        ("validity_period", 2**31 - 1),
        ("max_wrong_attempts", 1),
        ("channel", "whatsapp"),
        ("sender", "Acme"),
        ("voice_gender", "male"),
        ("allow_digits", False),
        ("recipient_ip", "192.0.2.1"),
    ],
    ids=[str(number) for number in range(12)],
)
def test_a_value_within_its_limit_is_taken(field, value):
    """The last value on the good side."""
    request = OtpRequest(phone_number=NUMBER, **{field: value})

    assert getattr(request, field) == value


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("phone_number", "0639980001", "must start with"),
        ("text", "x" * 1225, "1,225 characters"),
        ("text", "Your code is {CODE}", "must contain {code}"),
        ("text", "Your code", "must contain {code}"),
        ("text", 7, "must be a str"),
        ("code_length", 2, "from 3 to 32"),
        ("code_length", 33, "from 3 to 32"),
        ("code_length", True, "from 3 to 32"),
        ("code_length", "6", "from 3 to 32"),
        ("code_length", 6.0, "from 3 to 32"),
        ("validity_period", 0, r"from 1 to 2,147,483,647 \(got 0\)"),
        ("validity_period", 2**31, "from 1 to 2,147,483,647"),
        ("max_wrong_attempts", 0, r"from 1 to 2,147,483,647 \(got 0\)"),
        ("max_wrong_attempts", 10**40, "from 1 to 2,147,483,647"),
        ("channel", "sms", "'text_sms', 'voice_sms'"),
        ("sender", "ab", "3 to 11"),
        ("voice_gender", "x", "'female' or 'male'"),
        ("voice_language", "french", "code such as"),
        ("allow_upper_case", 1, "True, False or None"),
        ("remove_confusing_characters", "no", "True, False or None"),
        ("recipient_ip", "192.0.2.256", "must be an IP address"),
        ("recipient_ip", 1, "must be an IP address"),
    ],
    ids=[str(number) for number in range(22)],
)
def test_a_value_beyond_its_limit_is_refused(field, value, words):
    """The first value on the bad side, with its field and the limit."""
    with pytest.raises(InvalidFieldError, match=words) as caught:
        OtpRequest(**{"phone_number": NUMBER, field: value})

    assert caught.value.field == field


def test_a_code_is_made_of_something():
    """All four alphabets refused leave nothing."""
    with pytest.raises(InvalidFieldError, match="leaves no characters"):
        OtpRequest(
            phone_number=NUMBER,
            allow_digits=False,
            allow_upper_case=False,
            allow_lower_case=False,
            allow_special_chars=False,
        )


def test_an_unreadable_check_cannot_be_built():
    """Neither from an answer nor by hand."""
    with pytest.raises(ValueError, match="no response"):
        OtpCheck()


# --- keywords, round trips and samples ------------------------------------------------


@pytest.mark.parametrize(
    ("call", "record", "others"),
    [
        (Otp.generate, OtpRequest, set()),
        (Otp.validate, OtpValidation, {"token"}),
    ],
)
def test_keywords_and_fields_are_the_same(call, record, others):
    """The list is written twice, for editors; the token has its short name."""
    keywords = set(inspect.signature(call).parameters)
    keywords -= {"self", "timeout", "on_unknown"} | others
    fields = {one.name for one in attrs.fields(record)} - {"otp_request_token"}

    assert keywords == fields


flags = st.none() | st.booleans()
requests = st.builds(
    OtpRequest,
    phone_number=st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True),
    channel=st.none() | st.sampled_from(OtpChannel),
    text=st.none()
    | st.just("")
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(
        "{{code}} {}".format
    ),
    sender=st.none() | st.from_regex(r"[A-Za-z0-9]{3,11}", fullmatch=True),
    voice_gender=st.none() | st.sampled_from(VoiceGender),
    voice_language=st.none() | st.just("en-GB"),
    code_length=st.none() | st.integers(3, 32),
    allow_digits=st.none(),
    allow_upper_case=flags,
    allow_lower_case=flags,
    allow_special_chars=flags,
    remove_confusing_characters=flags,
    validity_period=st.none() | st.integers(1, 10**6),
    max_wrong_attempts=st.none() | st.integers(1, 100),
    recipient_ip=st.none() | st.ip_addresses().map(str),
)


@given(record=requests)
def test_a_request_is_what_the_document_describes(record):
    """The body that goes out fits the OpenAPI document, and is read back the same."""
    body = encode(record)

    assert problems(request_schema("generate_otp"), json.loads(body)) == []
    assert converter.structure(json.loads(body), OtpRequest) == record


@pytest.mark.parametrize(
    "record",
    [
        OtpValidation(code="123", otp_request_token="t"),
        OtpValidation(code="x" * 32, phone_number=NUMBER),
    ],
    ids=["token", "number"],
)
def test_a_validation_is_what_the_document_describes(record):
    """By token or by number."""
    body = json.loads(encode(record))

    assert problems(request_schema("validate_otp"), body) == []


@pytest.mark.parametrize(("name", "sample"), cases_of(*ENDPOINTS))
def test_samples_fit_the_document(name, sample):
    """What is sent and what comes back; each names its source."""
    assert sample_problems(name, sample) == []


@pytest.mark.parametrize(
    ("name", "case", "sample"),
    [
        pytest.param(one.values[0], one.id.partition("/")[2], one.values[1], id=one.id)
        for one in cases_of(*ENDPOINTS)
    ],
)
def test_samples_are_read(name, case, sample):
    """Right or wrong, each is a result."""
    response = HttpResponse(
        status=sample["status"], body=json.dumps(sample["response"]).encode()
    )

    assert read(ENDPOINTS[name], response, {}) == READ[case]
