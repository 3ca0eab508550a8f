"""What the gateway refuses, with status and code, and what it drops."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.calls import (
    HEADERS,
    LOGIN,
    ONE,
    ROOT,
    THREE,
    TWO,
    ask,
    call,
    fresh_gateway,
    read,
    send,
    send_body,
)

from aiooctopush._wire import HttpRequest
from aiooctopush.sandbox.namespaces.sms import _SEND_FIELDS
from aiooctopush.sandbox.validation import parts


SEND = "sms-campaign/send"


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        pytest.param({"recipients": None}, 110, "recipients", id="no recipients"),
        pytest.param({"recipients": ONE}, 110, "recipients", id="not a list"),
        pytest.param({"recipients": []}, 103, "recipient", id="empty list"),
        pytest.param(
            {"recipients": [{"phone_number": "0600000000"}]},
            103,
            "recipients.0.phone_number",
            id="national number",
        ),
        pytest.param(
            {"recipients": [{"phone_number": "1"}, {"phone_number": "2"}]},
            117,
            "no valid number",
            id="only bad numbers",
        ),
        pytest.param(
            {"recipients": [{"phone_number": ONE}, {}]},
            400,
            "recipients.1.phone_number",
            id="recipient without a number",
        ),
        pytest.param(
            {"recipients": [ONE]}, 400, "recipients.0.phone_number", id="bare number"
        ),
        pytest.param(
            {"recipients": [{"phone_number": ONE, "param2": "x" * 51}]},
            400,
            "recipients.0.param2",
            id="long field",
        ),
        pytest.param(
            {"recipients": [{"phone_number": ONE}] * 501}, 400, "recipients", id="501"
        ),
        pytest.param({"text": None}, 107, "text", id="no text"),
        pytest.param({"text": ""}, 107, "text", id="empty text"),
        pytest.param({"text": 12}, 107, "text", id="text of another type"),
        pytest.param({"text": "x" * 1225}, 189, "1224", id="long text"),
        pytest.param({"sender": "ab"}, 106, "sender", id="short sender"),
        pytest.param({"sender": "abcdefghijkl"}, 106, "sender", id="long sender"),
        pytest.param({"sender": "Acmé"}, 106, "sender", id="accent in sender"),
        pytest.param({"sender": " Acme"}, 106, "sender", id="space around sender"),
        pytest.param({"sender": 12345}, 106, "sender", id="sender of another type"),
        pytest.param({"type": "sms_vocal"}, 208, "type", id="voice type"),
        pytest.param({"type": ["sms_premium"]}, 208, "type", id="type in a list"),
        pytest.param(
            {"type": "sms_low_cost", "text": "x" * 161}, 119, "160", id="long low cost"
        ),
        pytest.param({"purpose": "wholesale"}, 121, "STOP au 30101", id="no STOP"),
        pytest.param({"purpose": None}, 121, "STOP", id="marketing by default"),
        pytest.param(
            {"purpose": "wholesale", "text": "Sale. STOP at XXXXX"},
            121,
            "STOP",
            id="STOP in English",
        ),
        pytest.param(
            {"purpose": "wholesale", "type": "sms_low_cost"},
            122,
            "no PUB=STOP",
            id="low cost without STOP",
        ),
    ],
)
def test_a_bad_send_is_refused_and_nothing_is_sent(changes, code, told):
    """HTTP 400, the code of the table, and a message that names the place."""
    gateway = fresh_gateway()

    status, answer = send(gateway, **changes)

    assert (status, answer["code"]) == (400, code)
    assert told in answer["message"]
    assert len(gateway.sent_log) == 0
    assert gateway.credit == 1000


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"recipients": [{"phone_number": "+123123"}]}, id="6 digits"),
        pytest.param(
            {"recipients": [{"phone_number": "+2222333334444555"}]}, id="16 digits"
        ),
        pytest.param({"text": "x" * 1224}, id="longest text"),
        pytest.param({"sender": "abc"}, id="shortest sender"),
        pytest.param({"sender": "My Shop 123"}, id="longest sender, with spaces"),
        pytest.param({"sender": None}, id="no sender"),
        pytest.param({"type": None}, id="no type"),
        pytest.param({"type": "sms_low_cost", "text": "x" * 160}, id="low cost"),
        pytest.param(
            {"purpose": "wholesale", "text": "Sale. STOP au XXXXX"}, id="STOP"
        ),
        pytest.param({"purpose": None, "text": "STOP au 30101"}, id="STOP by number"),
        pytest.param(
            {"purpose": "wholesale", "recipients": [{"phone_number": "+4915112345"}]},
            id="marketing outside France",
        ),
        pytest.param(
            {
                "purpose": "wholesale",
                "type": "sms_low_cost",
                "text": "Sale. no PUB=STOP",
            },
            id="low cost with STOP",
        ),
        pytest.param({"recipients": [{"phone_number": ONE}] * 500}, id="500"),
    ],
)
def test_what_the_documents_allow_is_accepted(changes):
    """The bounds themselves are inside."""
    gateway = fresh_gateway()

    status, _ = send(gateway, **changes)

    assert status == 201
    assert len(gateway.sent_log) == 1


def test_one_bad_number_refuses_all_and_is_named():
    """The other 499 get nothing, and the message says where it is."""
    gateway = fresh_gateway()
    numbers = [ONE] * 17 + ["+33bad"] + [TWO] * 482

    status, answer = send(gateway, *numbers)

    assert (status, answer["code"]) == (400, 103)
    assert "recipients.17.phone_number" in answer["message"]
    assert len(gateway.sent_log) == 0


def test_a_gateway_may_keep_the_place_of_a_bad_number_to_itself():
    """Then whoever sends has to find it."""
    gateway = fresh_gateway(names_bad_recipient=False)

    _, answer = send(gateway, ONE, "bad")

    assert answer == {"code": 103, "message": "A recipient was refused"}


def test_a_space_in_a_number_is_removed():
    """A sample of the documents has one after the plus."""
    gateway = fresh_gateway()

    send(gateway, "+ 336 00000001")

    assert gateway.sent_log.times(ONE) == 1


def test_the_length_of_low_cost_is_that_of_the_merged_text():
    """The template may fit where the message does not."""
    recipients = [{"phone_number": ONE, "param1": "x" * 50}]
    text = "x" * 111 + "{param1}"

    status, answer = send(
        fresh_gateway(), recipients=recipients, text=text, type="sms_low_cost"
    )

    assert (status, answer["code"]) == (400, 119)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({"simulation-mode": True}, "simulation-mode", id="misspelt"),
        pytest.param({"simulation_mode": "true"}, "simulation_mode", id="text flag"),
        pytest.param(
            {"purpose": "ALERT", "text": "STOP au XXXXX"}, "purpose", id="word"
        ),
        pytest.param({"send_at": "tomorrow"}, "send_at", id="instant"),
        pytest.param({"send_at": 1735689600}, "send_at", id="instant as a number"),
        pytest.param({"request_id": 17}, "request_id", id="id as a number"),
        pytest.param({"request_id": ""}, "request_id", id="empty id"),
        pytest.param(
            {"recipients": [{"phone_number": ONE, "nickname": "Al"}]},
            "recipients.*.nickname",
            id="field of a recipient",
        ),
        pytest.param(
            {"recipients": [{"phone_number": ONE, "param1": ["x"]}]},
            "recipients.*.param1",
            id="list to merge",
        ),
    ],
)
def test_what_is_not_understood_is_dropped_and_sent_all_the_same(changes, name):
    """It really sends and costs; the sent log tells what was dropped."""
    gateway = fresh_gateway()

    status, _ = send(gateway, **changes)

    assert status == 201
    assert gateway.sent_log.entries[0].ignored_fields == (name,)
    assert gateway.sent_log.times(ONE) == 1
    assert gateway.credit < 1000


def test_a_strict_gateway_refuses_what_it_would_drop():
    """For whoever wants to find a misspelt field in a test."""
    gateway = fresh_gateway(strict_unknown_fields=True)

    status, answer = send(gateway, simulationmode=True)

    assert (status, answer["code"]) == (400, 400)
    assert "simulationmode" in answer["message"]
    assert len(gateway.sent_log) == 0


def test_a_strict_gateway_accepts_what_is_documented():
    """Every documented field, null values to merge included."""
    gateway = fresh_gateway(strict_unknown_fields=True)

    status, _ = send(
        gateway,
        recipients=[{"phone_number": ONE, "first_name": "Al", "param5": None}],
        with_replies=False,
        simulation_mode=False,
        request_id="a1",
        auto_optimize_text=True,
        recipient_tracking=True,
        send_at="2018-10-03T07:42:39-07:00",
    )

    assert status == 201
    assert gateway.sent_log.entries[0].ignored_fields == ()


def test_figures_to_merge_are_cast():
    """Wrong types are cast where that is possible."""
    gateway = fresh_gateway()

    send(gateway, recipients=[{"phone_number": ONE, "param1": 17}], text="No {param1}")

    assert gateway.sent_log.entries[0].texts == ("No 17",)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(None, 100, id="nothing"),
        pytest.param(b"", 100, id="empty"),
        pytest.param(b"{", 400, id="not JSON"),
        pytest.param(b"\xff\xfe{", 400, id="not UTF-8"),
        pytest.param(b"[" * 100_000, 400, id="too deep"),
        pytest.param(b"[]", 400, id="not an object"),
    ],
)
def test_a_body_that_is_no_object_is_refused(body, code):
    """Whatever arrives, there is an answer."""
    request = HttpRequest(method="POST", path=ROOT + SEND, headers=HEADERS, body=body)

    status, answer = read(fresh_gateway().handle(request))

    assert (status, answer["code"]) == (400, code)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"api-login": LOGIN}, id="no key"),
        pytest.param({"api-key": "key"}, id="no login"),
        pytest.param({"api-login": "", "api-key": "key"}, id="empty login"),
    ],
)
def test_missing_credentials_are_refused(headers):
    """Also where any credentials would do."""
    request = call("POST", SEND, send_body(), headers=headers)

    status, answer = read(fresh_gateway().handle(request))

    assert (status, answer["code"]) == (401, 101)


@pytest.mark.parametrize("header", ["api-login", "api-key"])
def test_wrong_credentials_are_refused(header):
    """If the gateway was given the right ones."""
    gateway = fresh_gateway(api_login=LOGIN, api_key="key")
    wrong = call("POST", SEND, send_body(), headers=HEADERS | {header: "wrong"})

    assert read(gateway.handle(wrong))[0] == 401
    assert send(gateway)[0] == 201
    assert len(gateway.sent_log) == 1


def test_names_of_headers_are_case_insensitive():
    """As usual in HTTP."""
    headers = {"Api-Login": LOGIN, "API-KEY": "key"}

    status, _ = read(
        fresh_gateway().handle(call("POST", SEND, send_body(), headers=headers))
    )

    assert status == 201


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "sms-campaign/confirm", 404),
        ("POST", "../v2/public/sms-campaign/send", 404),
        ("GET", SEND, 405),
        ("PUT", "sms-campaign/cancel", 405),
    ],
)
def test_an_unknown_route_is_refused_in_json(method, path, status):
    """No path of the documents, or not with this method."""
    got, answer = ask(fresh_gateway(), method, path, {})

    assert (got, answer["code"]) == (status, status)


def test_a_refused_method_is_told_which_ones_would_do():
    """As HTTP wants it (RFC 9110)."""
    response = fresh_gateway().handle(call("GET", SEND))

    assert (response.status, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("x" * 160, 1, id="160"),
        pytest.param("x" * 161, 2, id="161"),
        pytest.param("x" * 306, 2, id="306"),
        pytest.param("x" * 307, 3, id="307"),
        pytest.param("€" * 80, 1, id="80 double characters"),
        pytest.param("€" * 81, 2, id="81 double characters"),
        pytest.param("é" * 160, 1, id="accents of the alphabet"),
        pytest.param("ê" * 70, 1, id="70 as Unicode"),
        pytest.param("ê" * 71, 2, id="71 as Unicode"),
        pytest.param("ê" * 135, 3, id="135 as Unicode"),
        pytest.param("😀" * 35, 1, id="35 emoji are 70 units"),
        pytest.param("😀" * 36, 2, id="36 emoji"),
        pytest.param("\ud800", 1, id="half an emoji"),
    ],
)
def test_parts_are_counted_as_the_documents_say(text, expected):
    """160 or 153 characters each, 70 or 67 as Unicode."""
    assert parts(text) == expected


def test_different_numbers_are_all_in_the_sent_log():
    """The order of the call is kept."""
    gateway = fresh_gateway()

    send(gateway, THREE, ONE, TWO)

    assert gateway.sent_log.entries[0].recipients == (THREE, ONE, TWO)


_ODD = [None, True, 0, -1, 1.5, "", "x", "+33600000001", "\ud800", "\0", [], {}, [[]]]
_ODD += [[None], [{}], [{"phone_number": 1}], {"a": 1}, ["x"], 10**400, float("nan")]


@given(st.dictionaries(st.sampled_from(sorted(_SEND_FIELDS)), st.sampled_from(_ODD)))
def test_whatever_the_fields_hold_there_is_an_answer(changes):
    """Accepted and in the sent log, or refused and not in the sent log."""
    gateway = fresh_gateway()

    request = call("POST", SEND, send_body() | changes)
    status, answer = read(gateway.handle(request))

    assert (status, len(gateway.sent_log)) in {(201, 1), (400, 0)}
    assert ("code" in answer) == (status == 400)
    assert (
        json.loads(json.dumps(gateway.sent_log.as_json()))["entries"] or status == 400
    )


@pytest.mark.parametrize(
    "instant",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01", "now"],
)
def test_the_ends_of_the_calendar_are_instants_too(instant):
    """No overflow, whatever the offset."""
    assert send(fresh_gateway(), send_at=instant)[0] == 201
