"""Bytes and values: how a call becomes a request, and what an answer proves."""

import contextlib
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aiooctopush._responses import (
    MAX_RETRY_AFTER,
    decode,
    gateway_code,
    http_date,
    read,
    retry_after,
)
from aiooctopush._wire import (
    MAX_BODY,
    Answer,
    Endpoint,
    HttpRequest,
    HttpResponse,
    Idempotency,
    encode,
)
from aiooctopush.api._recipients import Recipient
from aiooctopush.api._shared import Purpose, SmsType
from aiooctopush.api.campaigns import Audience, CampaignState
from aiooctopush.api.sms import SEND, SmsRequest
from aiooctopush.api.sms_campaigns import ENDPOINTS as CAMPAIGNS
from aiooctopush.errors import (
    AuthenticationError,
    Backoff,
    DuplicateRequestError,
    InsufficientCreditError,
    InvalidRequestError,
    InvalidResponseError,
    OctopushError,
    Outcome,
    RefusedError,
    ServerError,
    ThrottledError,
)


def answer_to(endpoint, body, *, status=200, headers=None):
    """What the SDK makes of a success."""
    response = HttpResponse(status=status, headers=headers or {}, body=as_bytes(body))
    return read(endpoint, response, {"request_id": "abc", "attempts": 2})


def failure(body, *, status, endpoint=SEND, headers=None):
    """What the SDK makes of anything else."""
    with pytest.raises(OctopushError) as caught:
        answer_to(endpoint, body, status=status, headers=headers)
    return caught.value


def as_bytes(body):
    """Bytes as they are; anything else as JSON."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


# --- decode ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b"{}", {}, id="object"),
        pytest.param(b' {"a": 1}\r\n', {"a": 1}, id="white space around"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="byte order mark"),
        pytest.param('{"é": "€"}'.encode(), {"é": "€"}, id="UTF-8"),
        pytest.param(rb'{"a": "\u20ac"}', {"a": "€"}, id="escapes"),
        pytest.param(b"[]", [], id="list"),
        pytest.param(b"null", None, id="null"),
        pytest.param(b"[[[[[[[1]]]]]]]", [[[[[[[1]]]]]]], id="nested"),
    ],
)
def test_json_is_read(body, value):
    """What is JSON in UTF-8 comes out as values."""
    assert decode(body) == value


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"a": 1', id="truncated"),
        pytest.param(b'{"a": 1}}', id="something after"),
        pytest.param(b"<html><body>502</body></html>", id="HTML"),
        pytest.param(b"sms_ticket=1", id="form"),
        pytest.param(b'{"a": "\xff"}', id="bad UTF-8"),
        pytest.param('{"a": "é"}'.encode("latin-1"), id="Latin-1"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b'{"total_cost": NaN}', id="NaN inside"),
        pytest.param(b'{"total_cost": Infinity}', id="infinity"),
        pytest.param(b'{"total_cost": -Infinity}', id="negative infinity"),
        pytest.param(b"[" * 100_000, id="100,000 deep"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 deep, closed"),
        pytest.param(b'{"a":' * 100_000, id="100,000 objects deep"),
        pytest.param(b'{"a": ' + b"9" * 5_000 + b"}", id="5,000 digits"),
        pytest.param(b"1e" + b"9" * 40, id="exponent beyond a Decimal"),
        pytest.param(b"\0", id="NUL"),
    ],
)
def test_what_is_not_json_raises_value_error_only(body):
    """Neither RecursionError nor UnicodeDecodeError's siblings ever get out."""
    with pytest.raises(ValueError):  # noqa: PT011 - its words are the library's
        decode(body)


@given(st.binary())
def test_arbitrary_bytes_raise_nothing_but_value_error(body):
    """Whatever a server sends, decoding ends in a value or in ValueError."""
    with contextlib.suppress(ValueError):
        decode(body)


@given(st.text('[]{}",:0123456789eE+-.NaInfity \\u', max_size=60))
@example("1E+999999999999999999999")
def test_near_json_raises_nothing_but_value_error(text):
    """Text made of JSON's own characters is no exception."""
    with contextlib.suppress(ValueError):
        decode(text.encode())


@pytest.mark.parametrize(
    ("written", "money"),
    [
        ("0.1", "0.1"),
        ("0.10", "0.10"),
        ("0.09700000", "0.09700000"),
        ("12345678.12345678", "12345678.12345678"),
        ("1e2", "1E+2"),
        ("-0.0", "-0.0"),
        (
            "0.30000000000000000000000000000000004",
            "0.30000000000000000000000000000000004",
        ),
    ],
)
def test_money_keeps_the_digits_of_the_gateway(written, money):
    """A price never passes through a binary float."""
    assert str(decode(b"[" + written.encode() + b"]")[0]) == money


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_no_figure_ever_becomes_a_float(figure):
    """Any figure of JSON is read exactly."""
    written = str(figure)

    value = decode(written.encode())

    assert (isinstance(value, float), value) == (False, Decimal(written))


# --- Retry-After ----------------------------------------------------------------------

DATE = "Mon, 05 Jan 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({"retry-after": "0"}, 0.0, id="0"),
        pytest.param({"retry-after": "30"}, 30.0, id="30"),
        pytest.param({"retry-after": " 30\t"}, 30.0, id="white space"),
        pytest.param({"retry-after": "0030"}, 30.0, id="leading zeros"),
        pytest.param({"retry-after": "3600"}, 3600.0, id="an hour"),
        pytest.param({"retry-after": "3601"}, None, id="over an hour"),
        pytest.param({"retry-after": "999999999"}, None, id="9 digits"),
        pytest.param({"retry-after": "9" * 400}, None, id="400 digits"),
        pytest.param({"retry-after": "9" * 5_000}, None, id="5,000 digits"),
        pytest.param({"retry-after": "-1"}, None, id="negative"),
        pytest.param({"retry-after": "+30"}, None, id="plus"),
        pytest.param({"retry-after": "1.5"}, None, id="fraction"),
        pytest.param({"retry-after": "1e2"}, None, id="exponent"),
        pytest.param({"retry-after": "1_0"}, None, id="underscore"),
        pytest.param({"retry-after": "inf"}, None, id="inf"),
        pytest.param({"retry-after": "nan"}, None, id="nan"),
        pytest.param({"retry-after": "0x10"}, None, id="hexadecimal"),
        pytest.param({"retry-after": "soon"}, None, id="a word"),
        pytest.param({"retry-after": "10, 20"}, None, id="two values"),
        pytest.param({"retry-after": "٣٠"}, None, id="Arabic-Indic digits"),
        pytest.param({"retry-after": "³"}, None, id="superscript"),
        pytest.param({"retry-after": "３０"}, None, id="full-width digits"),
        pytest.param(
            {"retry-after": "Mon, 05 Jan 2026 10:00:30 GMT", "date": DATE},
            30.0,
            id="date",
        ),
        pytest.param(
            {"retry-after": "Mon, 05 Jan 2026 11:00:30 +0100", "date": DATE},
            30.0,
            id="date in another zone",
        ),
        pytest.param(
            {"retry-after": "Monday, 05-Jan-26 10:00:30 GMT", "date": DATE},
            30.0,
            id="date of RFC 850",
        ),
        pytest.param({"retry-after": DATE, "date": DATE}, 0.0, id="date now"),
        pytest.param(
            {"retry-after": "Mon, 05 Jan 2026 11:00:00 GMT", "date": DATE},
            3600.0,
            id="date in an hour",
        ),
        pytest.param(
            {"retry-after": "Mon, 05 Jan 2026 11:00:01 GMT", "date": DATE},
            None,
            id="date in over an hour",
        ),
        pytest.param(
            {"retry-after": "Mon, 05 Jan 2026 09:59:59 GMT", "date": DATE},
            None,
            id="date in the past",
        ),
        pytest.param(
            {"retry-after": "Mon, 05 Jan 2026 10:00:30 GMT"}, None, id="no Date"
        ),
        pytest.param(
            {"retry-after": "Mon, 05 Jan 2026 10:00:30 GMT", "date": "now"},
            None,
            id="odd Date",
        ),
        pytest.param(
            {"retry-after": "Mon, 05 Jan 99999 10:00:30 GMT", "date": DATE},
            None,
            id="year 99999",
        ),
    ],
)
def test_retry_after_is_read_or_not_believed(headers, seconds):
    """Seconds or an HTTP date count; what is odd or beyond an hour does not."""
    assert retry_after(headers) == seconds


HEADER_VALUES = st.one_of(
    st.text(max_size=40),
    st.integers().map(str),
    st.floats().map(str),
    st.text("0123456789 :,+-GMTJanMon", max_size=40),
    st.datetimes().map(lambda instant: instant.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    st.builds(
        "{:%a, %d %b %Y %H:%M:%S} {:+05d}".format,
        st.datetimes(),
        st.integers(-10_000, 10_000),
    ),
)


@given(HEADER_VALUES, HEADER_VALUES)
def test_no_header_can_park_a_task(value, date):
    """Whatever the headers hold, the wait is None or 0 to 3,600 seconds."""
    seconds = retry_after({"retry-after": value, "date": date})

    assert seconds is None or 0 <= seconds <= 3600


def test_the_longest_wait_that_is_believed_is_an_hour():
    """The bound is the one of the specification."""
    assert MAX_RETRY_AFTER == 3600


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        pytest.param(DATE, datetime(2026, 1, 5, 10, tzinfo=UTC), id="GMT"),
        pytest.param(
            "Mon, 05 Jan 2026 10:00:00 -0000",
            datetime(2026, 1, 5, 10, tzinfo=UTC),
            id="zone unknown",
        ),
        pytest.param(
            "Mon, 05 Jan 2026 12:00:00 +0200",
            datetime(2026, 1, 5, 10, tzinfo=UTC),
            id="offset",
        ),
        pytest.param("", None, id="empty"),
        pytest.param("yesterday", None, id="a word"),
        pytest.param("Mon, 32 Jan 2026 10:00:00 GMT", None, id="32 January"),
        pytest.param("Mon, 05 Jan 2026 10:00:00 +9999", None, id="offset of 100 h"),
        pytest.param(
            "Mon, 05 Jan 2026 10:00:00 +99999999999999", None, id="huge offset"
        ),
    ],
)
def test_an_http_date_is_aware_or_none(written, instant):
    """A date that can be read is aware; another is None, never an exception."""
    assert http_date(written) == instant


# --- what each failure proves ---------------------------------------------------------

HTML = b"<html><body>blocked</body></html>"
CODED = {"code": 121, "message": "STOP mention is missing."}
NEVER, CAREFUL, THROTTLE = Backoff.NEVER, Backoff.CAREFUL, Backoff.THROTTLE


# Rows 11 to 23 of the decision table, by hand.
@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "backoff"),
    [
        # Never followed, never repeated, and it may have been done.
        pytest.param(300, b"", InvalidResponseError, None, NEVER, id="300"),
        pytest.param(
            300,
            {"sms_ticket": "a"},
            InvalidResponseError,
            None,
            NEVER,
            id="300 with ticket",
        ),
        pytest.param(302, HTML, InvalidResponseError, None, NEVER, id="302"),
        pytest.param(307, CODED, InvalidResponseError, None, NEVER, id="307 with code"),
        pytest.param(399, b"", InvalidResponseError, None, NEVER, id="399"),
        pytest.param(199, b"", InvalidResponseError, None, NEVER, id="199"),
        # The gateway's own refusals.
        pytest.param(400, CODED, InvalidRequestError, 121, NEVER, id="400 with code"),
        pytest.param(
            400, {"code": "121"}, InvalidRequestError, 121, NEVER, id="code as text"
        ),
        pytest.param(404, CODED, InvalidRequestError, 121, NEVER, id="404 with code"),
        pytest.param(409, CODED, InvalidResponseError, 121, NEVER, id="409 with code"),
        pytest.param(422, CODED, InvalidRequestError, 121, NEVER, id="422 with code"),
        pytest.param(499, CODED, InvalidRequestError, 121, NEVER, id="499 with code"),
        pytest.param(400, {"code": 101}, AuthenticationError, 101, NEVER, id="101"),
        pytest.param(400, {"code": 104}, InsufficientCreditError, 104, NEVER, id="104"),
        pytest.param(400, {"code": 120}, DuplicateRequestError, 120, NEVER, id="120"),
        pytest.param(400, {"code": 182}, DuplicateRequestError, 182, NEVER, id="182"),
        pytest.param(400, {"code": 126}, RefusedError, 126, NEVER, id="126"),
        pytest.param(400, {"code": 128}, ThrottledError, 128, NEVER, id="128"),
        pytest.param(400, {"code": 153}, ThrottledError, 153, THROTTLE, id="153"),
        pytest.param(400, {"code": 438}, ThrottledError, 438, THROTTLE, id="438"),
        pytest.param(400, {"code": 125}, ServerError, 125, CAREFUL, id="125"),
        pytest.param(400, {"code": 500}, ServerError, 500, CAREFUL, id="code 500"),
        pytest.param(400, {"code": 777}, InvalidRequestError, 777, NEVER, id="unknown"),
        pytest.param(400, {"code": -1}, InvalidRequestError, -1, NEVER, id="negative"),
        # Refusals that are not the gateway's: they prove nothing.
        pytest.param(400, HTML, InvalidResponseError, None, NEVER, id="400 HTML"),
        pytest.param(400, b"", InvalidResponseError, None, NEVER, id="400 empty"),
        pytest.param(400, {}, InvalidResponseError, None, NEVER, id="400 without code"),
        pytest.param(400, [121], InvalidResponseError, None, NEVER, id="400 list"),
        pytest.param(
            400, b'{"code": 121', InvalidResponseError, None, NEVER, id="400 truncated"
        ),
        pytest.param(
            400, {"code": 0}, InvalidResponseError, None, NEVER, id="400 with code 0"
        ),
        pytest.param(404, HTML, InvalidResponseError, None, NEVER, id="404 HTML"),
        pytest.param(404, {}, InvalidResponseError, None, NEVER, id="404 without code"),
        pytest.param(409, {}, InvalidResponseError, None, NEVER, id="409"),
        pytest.param(451, HTML, InvalidResponseError, None, NEVER, id="451"),
        pytest.param(
            409, {"code": 120}, DuplicateRequestError, 120, NEVER, id="409 duplicate"
        ),
        pytest.param(
            429, {"code": 120}, DuplicateRequestError, 120, NEVER, id="429 duplicate"
        ),
        # Statuses that mean the same whatever the body holds.
        pytest.param(401, HTML, AuthenticationError, None, NEVER, id="401 HTML"),
        pytest.param(401, b"", AuthenticationError, None, NEVER, id="401 empty"),
        pytest.param(408, b"", ServerError, None, CAREFUL, id="408"),
        pytest.param(408, CODED, ServerError, 121, CAREFUL, id="408 with code"),
        pytest.param(413, HTML, InvalidRequestError, None, NEVER, id="413"),
        pytest.param(425, b"", ThrottledError, None, THROTTLE, id="425"),
        pytest.param(429, b"", ThrottledError, None, THROTTLE, id="429 empty"),
        pytest.param(429, HTML, ThrottledError, None, THROTTLE, id="429 HTML"),
        # Statuses that refuse if the gateway is speaking, and not a firewall.
        pytest.param(402, {}, InsufficientCreditError, None, NEVER, id="402"),
        pytest.param(402, b"", InsufficientCreditError, None, NEVER, id="402 empty"),
        pytest.param(402, HTML, InvalidResponseError, None, NEVER, id="402 HTML"),
        pytest.param(403, {}, AuthenticationError, None, NEVER, id="403"),
        pytest.param(403, b"", AuthenticationError, None, NEVER, id="403 empty"),
        pytest.param(403, HTML, InvalidResponseError, None, NEVER, id="403 HTML"),
        pytest.param(403, CODED, AuthenticationError, 121, NEVER, id="403 with code"),
        pytest.param(
            403, {"code": 104}, InsufficientCreditError, 104, NEVER, id="403 with money"
        ),
        # It failed; it may have been done.
        pytest.param(500, b"", ServerError, None, CAREFUL, id="500"),
        pytest.param(500, CODED, ServerError, None, CAREFUL, id="500 with code"),
        pytest.param(502, HTML, ServerError, None, CAREFUL, id="502"),
        pytest.param(503, HTML, ServerError, None, CAREFUL, id="503"),
        pytest.param(504, b"", ServerError, None, CAREFUL, id="504"),
        pytest.param(522, HTML, ServerError, None, CAREFUL, id="522"),
        pytest.param(599, b"", ServerError, None, CAREFUL, id="599"),
        # Success that is none.
        pytest.param(200, CODED, InvalidRequestError, 121, NEVER, id="200 with code"),
        pytest.param(
            200, {"code": 120}, DuplicateRequestError, 120, NEVER, id="200 duplicate"
        ),
        pytest.param(200, {"code": 125}, ServerError, 125, CAREFUL, id="200 with 125"),
        pytest.param(
            200,
            {"code": "121", "sms_ticket": "sms_1"},
            InvalidRequestError,
            121,
            NEVER,
            id="200 with code and ticket",
        ),
        pytest.param(200, b"", InvalidResponseError, None, CAREFUL, id="200 empty"),
        pytest.param(200, HTML, InvalidResponseError, None, CAREFUL, id="200 HTML"),
        pytest.param(200, [], InvalidResponseError, None, CAREFUL, id="200 list"),
        pytest.param(200, {}, InvalidResponseError, None, CAREFUL, id="200 no ticket"),
        pytest.param(
            299, b'{"sms_t', InvalidResponseError, None, CAREFUL, id="299 truncated"
        ),
    ],
)
def test_an_answer_becomes_the_error_that_it_proves(status, body, kind, code, backoff):
    """Class, code and way to wait follow the decision table, row by row."""
    error = failure(body, status=status)

    assert (type(error), error.code, error.backoff) == (kind, code, backoff)


BODIES = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(
        st.sampled_from(["code", "message", "sms_ticket", "outcome", "total_cost"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.just({})),
    ).map(as_bytes),
)
ENDPOINTS = [
    SEND,
    CAMPAIGNS.draft,
    CAMPAIGNS.cancel_send,
    CAMPAIGNS.create_on_list,
    CAMPAIGNS.status,
    CAMPAIGNS.confirm[Audience.LIST],
]


@given(st.sampled_from(ENDPOINTS), st.integers(100, 999), BODIES)
@example(SEND, 200, b'{"sms_ticket": "sms_1", "total_cost": 1e' + b"9" * 40 + b"}")
@example(SEND, 400, b'{"code": 121, "message": ' + b"[" * 5_000 + b"]" * 5_000 + b"}")
def test_nothing_but_our_own_errors_gets_out(endpoint, status, body):
    """Any status with any body is a result or an error of ours, and says so."""
    response = HttpResponse(status=status, body=body)

    try:
        outcome = read(endpoint, response, {"request_id": None, "attempts": 1}).outcome
    except OctopushError as error:
        outcome = error.outcome

    assert outcome in {Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN}


@given(st.integers(100, 599).filter(lambda status: not 200 <= status < 300), BODIES)
def test_only_2xx_is_ever_accepted(status, body):
    """No body turns another status into success."""
    response = HttpResponse(status=status, body=body)

    with pytest.raises(OctopushError):
        read(CAMPAIGNS.cancel_send, response, {})


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, HTML), (429, b""), (400, CODED), (200, b""), (302, b""), (403, {})],
)
def test_an_error_keeps_what_the_answer_said(status, body):
    """Status, headers and Retry-After are on every error of an answer."""
    headers = {"retry-after": "7", "x-request": "1"}

    error = failure(body, status=status, headers=headers)

    assert (error.status, error.headers, error.retry_after) == (status, headers, 7.0)


def test_an_error_keeps_the_rest_of_the_body():
    """What stands beside the code is there for whoever knows what it means."""
    body = {"code": 199, "message": "no", "remaining_number_of_attempts": 2}

    error = failure(body, status=400)

    assert error.details == {"message": "no", "remaining_number_of_attempts": 2}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(
            CODED,
            "refused with code 121, STOP mention missing from a marketing text: "
            "'STOP mention is missing.'",
            id="with message",
        ),
        pytest.param(
            {"code": 777}, "refused with code 777, unknown code", id="without"
        ),
        pytest.param(
            {"code": 103, "message": "+33 6 00 00 00 01 is bad\r\n"},
            "refused with code 103, a recipient was refused, or the list is empty: "
            r"'*** is bad\r\n'",
            id="masked",
        ),
    ],
)
def test_the_problem_holds_code_meaning_and_masked_words(body, problem):
    """The gateway's words are shown, its phone numbers and line breaks are not."""
    assert failure(body, status=400).problem == problem


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, HTML, "a response that is not JSON (HTTP 200)"),
        (200, [], "a response of an undocumented shape (HTTP 200)"),
        (200, {}, "a response without a required field (HTTP 200)"),
        (302, b"", "a redirect, which is never followed (HTTP 302)"),
        (418, HTML, "a refusal that does not come from the gateway (HTTP 418)"),
        (401, b"", "the credentials were refused (HTTP 401)"),
        (402, b"", "not enough credit (HTTP 402)"),
        (408, b"", "the gateway timed out waiting for the request (HTTP 408)"),
        (413, b"", "the request is too large (HTTP 413)"),
        (425, b"", "too early (HTTP 425)"),
        (429, b"", "too many requests (HTTP 429)"),
        (403, b"", "access was refused (HTTP 403)"),
        (503, b"", "the gateway failed (HTTP 503)"),
    ],
)
def test_the_problem_names_the_status(status, body, problem):
    """Whoever reads the log knows what came back, and none of the page."""
    assert failure(body, status=status).problem == problem


def test_a_phone_number_in_the_place_of_a_code_is_not_shown():
    """A code has at most six digits; anything longer is somebody's number."""
    error = failure({"code": 33600000001, "message": "no"}, status=400)

    assert (error.code, "33600000001" in str(error)) == (None, False)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": 121}, 121),
        ({"code": 0}, 0),
        ({"code": "121"}, 121),
        ({"code": "000"}, 0),
        ({"code": "999999"}, 999_999),
        ({"code": "1000000"}, None),
        ({"code": 999_999}, 999_999),
        ({"code": 1_000_000}, None),
        ({"code": -1_000_000}, None),
        ({"code": True}, None),
        ({"code": Decimal("121.0")}, None),
        ({"code": "ERR"}, None),
        ({"code": ""}, None),
        ({"code": "-1"}, None),
        ({"code": "١٢١"}, None),
        ({"code": "²"}, None),
        ({"code": None}, None),
        ({}, None),
        ([121], None),
        (None, None),
    ],
    ids=repr,
)
def test_the_code_is_an_integer_also_as_text(body, code):
    """Numbers and their texts are codes; everything else is none."""
    assert gateway_code(body) == code


# --- what a success holds -------------------------------------------------------------


def test_the_documented_answer_to_a_send_is_read():
    """The sample of the documentation becomes a result, figure by figure."""
    sent = answer_to(
        SEND,
        b'{"sms_ticket": "sms_5f3fbce61266e", "number_of_contacts": 2,'
        b' "total_cost": 0.09700000, "number_of_sms_needed": 4,'
        b' "residual_credit": 12.50}',
        status=201,
        headers={"date": DATE},
    )

    assert attrs.asdict(sent) == {
        "outcome": Outcome.ACCEPTED,
        "request_id": "abc",
        "attempts": 2,
        "status": 201,
        "headers": {"date": DATE},
        "ticket": "sms_5f3fbce61266e",
        "number_of_contacts": 2,
        "total_cost": Decimal("0.09700000"),
        "number_of_sms_needed": 4,
        "residual_credit": Decimal("12.50"),
    }


def test_money_of_a_result_keeps_its_digits():
    """Two digits after the point stay two, and eight stay eight."""
    sent = answer_to(SEND, b'{"sms_ticket": "a", "total_cost": 0.09700000}')

    assert str(sent.total_cost) == "0.09700000"


@pytest.mark.parametrize("status", [200, 201, 202, 206, 299])
def test_any_2xx_is_success(status):
    """The pages disagree about the number, so none is insisted on."""
    assert answer_to(SEND, {"sms_ticket": "a"}, status=status).status == status


@pytest.mark.parametrize("code", [0, "0", "000", None], ids=repr)
def test_code_0_is_success(code):
    """A code that says "no error" is none."""
    assert answer_to(SEND, {"sms_ticket": "a", "code": code}).ticket == "a"


@pytest.mark.parametrize(
    ("body", "ticket"),
    [
        pytest.param({"sms_ticket": "a"}, "a", id="sms_ticket"),
        pytest.param({"vocal_ticket": "a"}, "a", id="vocal_ticket"),
        pytest.param({"voice_ticket": "a"}, "a", id="voice_ticket"),
        pytest.param({"ticket_number": "a"}, "a", id="ticket_number"),
        pytest.param({"sms_ticket": "a", "ticket_number": "b"}, "a", id="both"),
        pytest.param({"sms_ticket": None, "ticket_number": "b"}, "b", id="first null"),
    ],
)
def test_a_ticket_is_found_under_any_of_its_names(body, ticket):
    """Every page has another name for it; the result has one."""
    assert answer_to(SEND, body).ticket == ticket


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="missing"),
        pytest.param({"sms_ticket": None}, id="null"),
        pytest.param({"sms_ticket": ""}, id="empty"),
        pytest.param({"sms_ticket": 42}, id="number"),
        pytest.param({"sms_ticket": ["a"]}, id="list"),
        pytest.param({"SMS_TICKET": "a"}, id="another spelling"),
    ],
)
def test_a_success_without_a_ticket_proves_nothing(body):
    """Without a ticket nobody can say that it was accepted."""
    error = failure(body, status=200)

    assert (error.outcome, error.backoff) == (Outcome.UNKNOWN, Backoff.CAREFUL)


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("3", 3),
        ('"3"', 3),
        ("3.0", 3),
        ('"3.0"', 3),
        ('" 3 "', 3),
        ("0", 0),
        ("1e3", 1000),
        ("null", None),
        ('"NULL"', None),
        ('""', None),
        ('"three"', None),
        ("3.5", None),
        ("true", None),
        ("[]", None),
        ("{}", None),
        ("1e30", None),
        ("1e999999", None),
        ('"1e999999999"', None),
        ("1e-31", None),
        ('"NaN"', None),
        ('"Infinity"', None),
        pytest.param("9" * 30, int("9" * 30), id="30 digits"),
        pytest.param("1" + "0" * 30, None, id="31 digits"),
        pytest.param("9" * 4_000, None, id="4,000 digits"),
    ],
)
def test_a_count_is_read_or_none(written, count):
    """One unreadable figure does not make an accepted message uncertain."""
    body = b'{"sms_ticket": "a", "number_of_contacts": %b}' % written.encode()

    assert answer_to(SEND, body).number_of_contacts == count


@pytest.mark.parametrize(
    ("written", "money"),
    [
        ("0.097", "0.097"),
        ('"0.097"', "0.097"),
        ('"0.09700000"', "0.09700000"),
        ("1", "1"),
        ("-2.50", "-2.50"),
        ("null", "None"),
        ('"NULL"', "None"),
        ('"12,50"', "None"),
        ("false", "None"),
        ("[0.1]", "None"),
        ("1e29", "1E+29"),
        ("1e30", "None"),
        ("1e-29", "1E-29"),
        ("1e-30", "None"),
        ("1e999999999", "None"),
        ('"-Infinity"', "None"),
        ('"sNaN"', "None"),
    ],
)
def test_money_is_read_exactly_or_none(written, money):
    """A price keeps its digits, also as text; an odd one is None."""
    body = b'{"sms_ticket": "a", "total_cost": %b}' % written.encode()

    assert str(answer_to(SEND, body).total_cost) == money


def test_what_may_be_missing_is_none():
    """Some pages leave figures out; the message was accepted all the same."""
    sent = answer_to(SEND, {"sms_ticket": "a"})

    assert (sent.number_of_sms_needed, sent.residual_credit) == (None, None)


def test_unknown_fields_are_ignored():
    """The gateway may add fields without breaking anybody."""
    sent = answer_to(SEND, {"sms_ticket": "a", "new": {"deep": [1]}})

    assert sent.ticket == "a"


@pytest.mark.parametrize(
    "endpoint", [SEND, CAMPAIGNS.cancel_send], ids=["send", "cancel"]
)
def test_a_body_never_claims_what_only_we_know(endpoint):
    """Outcome, tries, id, status and headers are ours, whatever a body says."""
    body = {
        "sms_ticket": "a",
        "outcome": "presumed",
        "request_id": "theirs",
        "attempts": 99,
        "headers": {"date": "theirs"},
    }

    answer = answer_to(endpoint, body)

    assert (
        answer.outcome,
        answer.request_id,
        answer.attempts,
        answer.status,
        answer.headers,
    ) == (Outcome.ACCEPTED, "abc", 2, 200, {})


def test_an_odd_outcome_in_a_body_changes_nothing():
    """A field of that name, with a meaning of its own, does no harm."""
    assert answer_to(SEND, {"sms_ticket": "a", "outcome": 7}).ticket == "a"


def test_the_fields_that_the_caller_knows_are_left_as_they_are():
    """Reading one answer leaves nothing behind for the next."""
    meta = {"request_id": "abc", "attempts": 1}

    read(SEND, HttpResponse(status=200, body=b'{"sms_ticket": "a"}'), meta)

    assert meta == {"request_id": "abc", "attempts": 1}


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("ready_to_be_sent", CampaignState.READY_TO_BE_SENT),
        ("ready_to_be_send", CampaignState.READY_TO_BE_SENT),
        ("under_computation", CampaignState.UNDER_COMPUTATION),
        ("failed", CampaignState.FAILED),
        ("postponed", "postponed"),
    ],
)
def test_the_state_of_a_campaign_is_ours_or_the_gateways_word(word, state):
    """Both spellings are known, and an unknown word is kept."""
    status = answer_to(
        CAMPAIGNS.status, {"status": word, "cost": 1.5, "number_of_contacts": 3}
    )

    assert status.state == state


def test_the_status_of_http_and_of_the_campaign_are_two_things():
    """The gateway's field ``status`` never hides the status of the answer."""
    status = answer_to(CAMPAIGNS.status, {"status": "failed"}, status=201)

    assert (status.status, status.state) == (201, CampaignState.FAILED)


@pytest.mark.parametrize("body", [{}, {"status": None}, {"status": ""}, {"status": 3}])
def test_a_campaign_without_state_proves_nothing(body):
    """A status without its one word is not an answer."""
    error = failure(body, status=200, endpoint=CAMPAIGNS.status)

    assert type(error) is InvalidResponseError


def test_the_documented_draft_is_read():
    """The sample of the documentation, with its code 0 and its empty message."""
    draft = answer_to(
        CAMPAIGNS.draft,
        b'{"ticket_number": "sms_1", "number_of_contacts": 3,'
        b' "number_of_sms_needed": 3, "residual_credit": 100.10,'
        b' "total_cost": 0.30, "status": "validated", "message": "", "code": 0}',
    )

    assert attrs.asdict(draft) == {
        "outcome": Outcome.ACCEPTED,
        "request_id": "abc",
        "attempts": 2,
        "status": 200,
        "headers": {},
        "ticket": "sms_1",
        "number_of_contacts": 3,
        "number_of_sms_needed": 3,
        "residual_credit": Decimal("100.10"),
        "total_cost": Decimal("0.30"),
        "state": "validated",
        "message": "",
    }


def test_an_empty_draft_is_an_answer():
    """What the gateway says without a draft is undocumented; nothing is required."""
    draft = answer_to(CAMPAIGNS.draft, {})

    assert (draft.ticket, draft.state, draft.total_cost) == (None, None, None)


def test_a_word_that_came_as_a_number_is_kept_as_text():
    """The gateway casts types as it likes; a text field holds text."""
    assert answer_to(CAMPAIGNS.draft, {"ticket_number": 42}).ticket == "42"


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        pytest.param(
            "2018-10-03T07:42:39-07:00",
            datetime(2018, 10, 3, 7, 42, 39, tzinfo=timezone(timedelta(hours=-7))),
            id="offset",
        ),
        pytest.param(
            "2026-01-05T10:00:00Z", datetime(2026, 1, 5, 10, tzinfo=UTC), id="Z"
        ),
        # Its zone is undocumented, so none is made up.
        pytest.param(
            "2026-01-05 10:00:00",
            datetime(2026, 1, 5, 10),  # noqa: DTZ001
            id="without zone",
        ),
        pytest.param("tomorrow", None, id="a word"),
        pytest.param("", None, id="empty"),
        pytest.param(1767607200, None, id="number"),
        pytest.param(None, None, id="null"),
    ],
)
def test_an_instant_is_read_or_none(written, instant):
    """An odd date does not make a confirmed campaign uncertain."""
    confirmed = answer_to(CAMPAIGNS.confirm[Audience.LIST], {"sending_date": written})

    assert confirmed.sending_date == instant


def test_a_prepared_campaign_has_its_ticket():
    """List campaigns have another name for the ticket than sends."""
    assert (
        answer_to(CAMPAIGNS.create_on_list, {"ticket_number": "sms_1"}).ticket
        == "sms_1"
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(204, b"", id="204"),
        pytest.param(200, b"", id="200 empty"),
        pytest.param(200, b"{}", id="200 with an object"),
        pytest.param(200, b"OK", id="200 with a word"),
        pytest.param(200, b"[]", id="200 with a list"),
        pytest.param(200, b'{"code": 0}', id="200 with code 0"),
    ],
)
def test_an_answer_without_a_documented_body_needs_none(status, body):
    """A cancellation is done by its status alone."""
    answer = answer_to(CAMPAIGNS.cancel_send, body, status=status)

    assert (type(answer), answer.outcome, answer.status) == (
        Answer,
        Outcome.ACCEPTED,
        status,
    )


def test_a_page_is_no_answer_to_a_cancellation():
    """It comes from somebody on the way, and proves nothing."""
    page = HttpResponse(status=200, body=b" \n<!doctype html><h1>Welcome</h1>")

    with pytest.raises(InvalidResponseError, match=r"a page.*\(HTTP 200\)") as caught:
        read(CAMPAIGNS.cancel_send, page, {})

    assert caught.value.backoff is CAREFUL


def test_a_refusal_with_status_200_is_one_also_without_a_documented_body():
    """A cancellation that was refused is not reported as done."""
    error = failure(
        {"code": 131, "message": "no"}, status=200, endpoint=CAMPAIGNS.cancel_send
    )

    assert (error.outcome, error.code) == (Outcome.REFUSED, 131)


# --- requests -------------------------------------------------------------------------


def sms(**fields):
    """A request with what it must have, and more."""
    return SmsRequest(
        **{
            "text": "Hello",
            "recipients": ["+33600000001"],
            "sender": "Acme",
            "purpose": "alert",
            "request_id": "abc",
        }
        | fields
    )


def test_none_is_left_out_and_our_own_defaults_are_kept():
    """The gateway's defaults are its own; ours are said, because they differ."""
    assert json.loads(encode(sms())) == {
        "recipients": [{"phone_number": "+33600000001"}],
        "text": "Hello",
        "sender": "Acme",
        "type": "sms_premium",
        "purpose": "alert",
        "request_id": "abc",
    }


def test_false_and_empty_values_are_sent():
    """Only None means "not said"."""
    body = json.loads(
        encode(
            sms(
                with_replies=False,
                recipients=[Recipient("+33600000001", first_name="")],
            )
        )
    )

    assert (body["with_replies"], body["recipients"][0]["first_name"]) == (False, "")


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (datetime(2026, 1, 5, 10, tzinfo=UTC), "2026-01-05T10:00:00+00:00"),
        (
            datetime(2018, 10, 3, 7, 42, 39, tzinfo=timezone(timedelta(hours=-7))),
            "2018-10-03T07:42:39-07:00",
        ),
        (
            datetime(2026, 7, 5, 10, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "2026-07-05T10:00:00+05:30",
        ),
    ],
)
def test_an_instant_is_sent_in_iso_8601_with_its_offset(instant, written):
    """The gateway reads an instant without offset as Central European time."""
    assert json.loads(encode(sms(send_at=instant)))["send_at"] == written


def test_text_is_sent_as_utf_8():
    """Every alphabet arrives as it was written, without escapes."""
    assert "Žluťoučký 👋 €".encode() in encode(sms(text="Žluťoučký 👋 €"))


def test_a_plain_dict_is_sent_as_it_is():
    """Small bodies need no record, and their None is theirs."""
    assert json.loads(encode({"ticket_number": "a", "note": None})) == {
        "ticket_number": "a",
        "note": None,
    }


def test_money_is_sent_as_text():
    """An amount never passes through a binary float on its way out either."""
    assert json.loads(encode({"amount": Decimal("0.10")})) == {"amount": "0.10"}


FLAGS = [
    "with_replies",
    "simulation_mode",
    "auto_optimize_text",
    "auto_remove_blacklisted_numbers",
    "recipient_tracking",
]
MERGE = ["first_name", "last_name", "param1", "param2", "param3", "param4", "param5"]
# Surrogates cannot be written as UTF-8 and are refused when a record is built.
UNICODE = st.characters(exclude_categories=["Cs"])
SENDERS = st.from_regex(r"[A-Za-z0-9]{3,11}", fullmatch=True)
PEOPLE = st.builds(
    lambda number, merged: {"phone_number": number} | merged,
    st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True),
    st.dictionaries(st.sampled_from(MERGE), st.text(UNICODE, max_size=50)),
)
REQUESTS = st.fixed_dictionaries(
    {
        "text": st.text(UNICODE, min_size=1, max_size=160).filter(
            lambda text: not text.isspace()
        ),
        "sender": SENDERS,
        "purpose": st.sampled_from(["alert", "wholesale"]),
        "type": st.sampled_from(["sms_premium", "sms_low_cost"]),
        "request_id": st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
        "recipients": st.lists(PEOPLE, min_size=1, max_size=5),
    },
    optional={name: st.booleans() for name in FLAGS}
    | {"list_name": st.text(UNICODE, min_size=1, max_size=30)},
)


@given(REQUESTS)
def test_a_request_is_sent_exactly_as_it_was_built(fields):
    """Every field arrives under its own name with its own value, and no other."""
    people = [Recipient(**person) for person in fields["recipients"]]

    sent = encode(SmsRequest(**fields | {"recipients": people}))

    assert json.loads(sent) == fields


@given(REQUESTS)
def test_the_same_request_is_always_the_same_bytes(fields):
    """A repeat in another process carries what the first try carried."""

    def once():
        people = [Recipient(**person) for person in fields["recipients"]]
        return encode(SmsRequest(**fields | {"recipients": people}))

    assert once() == once()


def test_enums_are_sent_as_the_gateways_words():
    """A member and its word make the same request."""
    assert encode(sms(purpose=Purpose.WHOLESALE, type=SmsType.LOW_COST)) == encode(
        sms(purpose="wholesale", type="sms_low_cost")
    )


# --- the values of the seam -----------------------------------------------------------


def test_a_request_needs_no_more_than_method_and_path():
    """Whoever writes a transport of their own can make one in a line."""
    request = HttpRequest(method="GET", path="/a")

    assert attrs.asdict(request) == {
        "method": "GET",
        "path": "/a",
        "query": (),
        "headers": {},
        "body": None,
        "timeout": 45.0,
        "fresh_connection": False,
    }


def test_a_response_needs_no_more_than_a_status():
    """An answer without headers and body is one, too."""
    assert attrs.asdict(HttpResponse(status=204)) == {
        "status": 204,
        "headers": {},
        "body": b"",
    }


def test_an_answer_is_accepted_at_the_first_try_unless_it_says_otherwise():
    """Whoever makes a result for a test of theirs gets a plain one."""
    assert attrs.asdict(Answer()) == {
        "outcome": Outcome.ACCEPTED,
        "request_id": None,
        "attempts": 1,
        "status": None,
        "headers": {},
    }


def test_the_repr_of_a_request_shows_method_and_path_only():
    """Neither key nor numbers nor text get into a log with a request."""
    request = HttpRequest(
        method="POST",
        path="/v1/public/sms-campaign/send",
        query=(("login", "canary-query"),),
        headers={"api-key": "canary-key"},
        body=b"canary-body",
    )

    assert repr(request) == (
        "HttpRequest(method='POST', path='/v1/public/sms-campaign/send', "
        "timeout=45.0, fresh_connection=False)"
    )


def test_the_repr_of_a_request_masks_a_number_in_its_path():
    """One endpoint carries the number there."""
    request = HttpRequest(method="GET", path="/v1/public/number/33639980001/state")

    assert "path='/v1/public/number/336****0001/state'" in repr(request)


def test_the_repr_of_a_response_shows_no_body():
    """An answer may repeat numbers, and one of them holds an API key."""
    assert "canary" not in repr(HttpResponse(status=200, body=b"canary"))


def test_the_repr_of_an_answer_shows_no_headers():
    """A result in a log is one short line."""
    answer = answer_to(CAMPAIGNS.cancel_send, b"", headers={"set-cookie": "canary"})

    assert "canary" not in repr(answer)


@pytest.mark.parametrize(
    ("idempotency", "writes"),
    [
        (Idempotency.SAFE, False),
        (Idempotency.IDEMPOTENT, True),
        (Idempotency.REQUEST_ID, True),
        (Idempotency.NONE, True),
    ],
)
def test_everything_but_a_read_writes(idempotency, writes):
    """Only a read leaves nothing behind that might have been done."""
    endpoint = Endpoint(method="GET", path="/a", idempotency=idempotency, answer=Answer)

    assert endpoint.writes is writes


def test_an_answer_may_have_a_mebibyte():
    """The bound is the one of the specification."""
    assert MAX_BODY == 1_048_576


def test_an_error_with_deep_details_survives_pickle():
    """Only plain values are kept of what else a refusal holds."""
    deep = b'{"code": 121, "why": ' + b"[" * 500 + b"]" * 500 + b', "left": 2}'

    error = failure(deep, status=400)

    assert pickle.loads(pickle.dumps(error)).details == {"left": 2}  # noqa: S301


def test_headers_of_an_answer_are_written_as_json():
    """A result can be stored as a whole."""
    answer = Answer(headers=CIMultiDict({"Date": "today"}))

    assert json.loads(encode(answer))["headers"] == {"Date": "today"}
