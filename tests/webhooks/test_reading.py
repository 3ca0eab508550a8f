"""Callbacks: whatever is posted becomes events or one error, and order is no matter."""

import json
import random
import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.contract import document, problems

from aiooctopush import OctopushError, webhooks
from aiooctopush._wire import MAX_BODY
from aiooctopush.errors import WebhookError
from aiooctopush.webhooks import (
    DeliveryReceipt,
    DeliveryStatus,
    EmailDelivery,
    EmailReport,
    OptOut,
    Reply,
    StatusChange,
    UnknownCallback,
    may_replace,
    parse,
)


SAMPLES = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parents[1] / "samples/callbacks").glob("*.json"))
}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
NOON = datetime(2020, 11, 4, 11, 11, 45)  # noqa: DTZ001  # the gateway gives no zone
BEFORE = datetime(2020, 11, 4, 11, 11, 44)  # noqa: DTZ001  # as above
TICKET, NUMBER = "sms_5fa275dbf21dc", "+33600000000"
RECEIPT = {
    "message_id": TICKET,
    "number": NUMBER,
    "status": "DELIVERED",
    "delivery_date": "2020-11-04 11:11:45",
}
DELIVERED = DeliveryReceipt(
    ticket=TICKET,
    number=NUMBER,
    status=DeliveryStatus.DELIVERED,
    delivery_date=NOON,
)
REPLY = Reply(
    ticket=TICKET,
    number="+44600000000",
    text="some reply",
    sim_card_number="12345",
    reception_date=NOON,
)
STOP = OptOut(ticket=TICKET, number=NUMBER, text="stop", stop_date=NOON)


def at(hour, minute, second):
    """An instant on the day of the newer samples; without a zone."""
    return datetime(2025, 1, 22, hour, minute, second)  # noqa: DTZ001


def receipt_of_newer(channel, date, **more):
    """A receipt as the newer reference prints it."""
    return DeliveryReceipt(
        ticket=f"{channel.partition('_')[0]}_0000000000000000000000",
        number="+33600112233",
        status=DeliveryStatus.DELIVERED,
        delivery_date=date,
        channel=channel,
        list_name="List Name",
        unit_price=Decimal("0.5"),
        **more,
    )


KEYS = {"pressed_keys_code": "3545", "call_duration": 35, "charged_duration": 30}
EXPECTED = {
    "sms_receipt": [receipt_of_newer("sms", at(11, 46, 6))],
    "voice_receipt": [
        receipt_of_newer("voice_sms", at(12, 28, 27), meta_data=KEYS, **KEYS)
    ],
    "rcs_receipt": [receipt_of_newer("rcs", at(12, 29, 14))],
    "email_report": [
        EmailReport(
            ticket="email_0000000000000000000000",
            deliveries=(
                EmailDelivery(
                    email="ada@example.org",
                    status=DeliveryStatus.OPENED,
                    unit_price=Decimal("0.5"),
                    delivery_date=at(12, 24, 30),
                    status_history=(
                        StatusChange(
                            status=DeliveryStatus.DELIVERED,
                            delivery_date=at(12, 23, 30),
                        ),
                    ),
                ),
                EmailDelivery(
                    email="bob@example.org",
                    status=DeliveryStatus.SPAM_PRESUMPTION,
                    unit_price=Decimal("0.5"),
                    delivery_date=at(12, 19, 30),
                ),
            ),
            list_name="List Name",
            template_name="Template Name",
            channel="email",
            meta_data={"template_name": "Template Name"},
        )
    ],
    "receipt_older": [DELIVERED],
    "voice_receipt_older": [
        DeliveryReceipt(
            ticket=TICKET,
            number="+44600000000",
            status=DeliveryStatus.DELIVERED,
            delivery_date=NOON,
            call_duration=12,
            charged_duration=30,
        )
    ],
    "reply": [REPLY],
    "reply_answer_date": [REPLY],
    "reply_to_nothing": [
        Reply(
            number="+44600000000",
            text="some reply",
            sim_card_number="12345",
            reception_date=NOON,
        )
    ],
    "opt_out": [STOP],
    "receipt_in_capitals": [DELIVERED],
    "receipt_form": [DELIVERED],
    "receipts_array": [
        DeliveryReceipt(
            ticket=TICKET,
            number=NUMBER,
            status=DeliveryStatus.ACK,
            delivery_date=BEFORE,
        ),
        DELIVERED,
    ],
}


def posted(content):
    """What goes over the wire: text as it is, everything else as JSON."""
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def read(content, content_type=None):
    """The one event of a callback."""
    (event,) = parse(posted(content), content_type)
    return event


# --- documented samples ---------------------------------------------------------------


@pytest.mark.parametrize("case", SAMPLES)
def test_samples_are_read(case):
    """As documented, and as others met them; each names its source."""
    sample = SAMPLES[case]
    assert sample["source"]

    events = parse(posted(sample["body"]), sample["content_type"])

    assert list(events) == EXPECTED[case]


@pytest.mark.parametrize(
    "case", [case for case, sample in SAMPLES.items() if sample["callback"]]
)
def test_samples_fit_the_document(case):
    """The OpenAPI document describes them."""
    callback = SAMPLES[case]["callback"]
    place = f"#/webhooks/{callback}/post/requestBody/content/application~1json/schema"

    assert problems(place, SAMPLES[case]["body"]) == []


def test_the_statuses_are_those_of_the_document():
    """Neither more nor fewer."""
    schema = document()["components"]["schemas"]["DeliveryStatus"]

    assert set(DeliveryStatus) == set(schema["x-known-values"])


# --- what tells the kinds apart -------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param({"number": NUMBER, "stop_date": ""}, OptOut, id="empty date"),
        pytest.param(
            {**RECEIPT, "stop_date": None}, DeliveryReceipt, id="null beside a date"
        ),
        pytest.param(
            {**RECEIPT, "stop_date": "", "reception_date": ""},
            DeliveryReceipt,
            id="empty ones beside a date",
        ),
        pytest.param(
            {**RECEIPT, "reception_date": "x"}, Reply, id="reply before receipt"
        ),
        pytest.param(
            {**RECEIPT, "stop_date": "x", "reception_date": "x"},
            OptOut,
            id="opt-out before reply",
        ),
        pytest.param(
            {"message_id": "e", "deliveries": [], "stop_date": "x"},
            EmailReport,
            id="deliveries first",
        ),
        pytest.param({}, UnknownCallback, id="empty object"),
        pytest.param({"visit": 1}, UnknownCallback, id="visit"),
        pytest.param({**RECEIPT, "number": ""}, UnknownCallback, id="no number"),
        pytest.param({**RECEIPT, "number": True}, UnknownCallback, id="odd number"),
        pytest.param({**RECEIPT, "status": None}, UnknownCallback, id="no status"),
        pytest.param({**RECEIPT, "message_id": []}, UnknownCallback, id="no ticket"),
        pytest.param({"stop_date": "x"}, UnknownCallback, id="STOP of nobody"),
        pytest.param({"answer_date": "x"}, UnknownCallback, id="reply of nobody"),
        pytest.param({"deliveries": []}, UnknownCallback, id="e-mails of no send"),
        pytest.param(
            {"message_id": "e", "deliveries": [{"email": "a@b"}]},
            UnknownCallback,
            id="e-mail without status",
        ),
        pytest.param(
            {"message_id": "e", "deliveries": [{"status": "READ"}, 3]},
            UnknownCallback,
            id="e-mail to nobody",
        ),
    ],
)
def test_the_keys_tell_the_kind(content, kind):
    """A date with a value first; what lacks what it must hold is handed over raw."""
    assert type(read(content)) is kind


def test_the_unknown_is_handed_over_as_it_came():
    """Names in capitals stay so."""
    assert read({"Visit": [1.5, None]}).content == {"Visit": [Decimal("1.5"), None]}


def test_what_is_no_object_in_an_array_is_handed_over_too():
    """One odd element loses none of the others."""
    events = parse(posted([3, RECEIPT, [RECEIPT]]))

    assert events[0] == UnknownCallback(content=3)
    assert events[1] == DELIVERED
    assert events[2] == UnknownCallback(content=[RECEIPT])


def test_an_empty_array_holds_nothing():
    """That is not an error."""
    assert parse(b"[]") == ()


# --- bodies ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [JSON, FORM, "text/html", "", None],
)
def test_what_begins_like_json_is_json(content_type):
    """PHP posts JSON as a form if nobody says otherwise."""
    assert parse(b"\xef\xbb\xbf\r\n " + posted(RECEIPT), content_type) == (DELIVERED,)


@pytest.mark.parametrize("content_type", [FORM, "text/html", "", None])
def test_everything_else_is_a_form(content_type):
    """Unless it says that it is JSON."""
    form = SAMPLES["receipt_form"]["body"].encode()

    assert parse(form, content_type) == (DELIVERED,)


def test_a_form_counts_what_is_nested():
    """As PHP writes it; the e-mail report of the sample, cut short."""
    form = (
        "message_id=e&meta_data[template_name]=T"
        "&deliveries%5B0%5D%5Bemail%5D=a%40b.org&deliveries[0][status]=OPENED"
        "&deliveries[0][status_history][0][status]=DELIVERED"
        "&deliveries[1][email]=c@d.org&deliveries[1][status]=READ"
    )

    assert read(form) == EmailReport(
        ticket="e",
        template_name="T",
        meta_data={"template_name": "T"},
        deliveries=(
            EmailDelivery(
                email="a@b.org",
                status=DeliveryStatus.OPENED,
                status_history=(StatusChange(status=DeliveryStatus.DELIVERED),),
            ),
            EmailDelivery(email="c@d.org", status=DeliveryStatus.READ),
        ),
    )


def test_a_form_may_hold_json():
    """Where it has no word for an object or a list."""
    form = (
        'message_id=e&meta_data={"template_name":"T"}'
        '&deliveries=[{"email":"a@b.org","status":"READ"}]'
    )
    report = read(form)

    assert report.template_name == "T"
    assert report.deliveries == (
        EmailDelivery(email="a@b.org", status=DeliveryStatus.READ),
    )


def test_text_that_only_looks_like_json_holds_nothing():
    """The receipt around it stays readable."""
    assert read({**RECEIPT, "meta_data": "{not json"}) == DELIVERED


def test_a_form_may_contradict_itself():
    """What was a text becomes what is nested in it; the last word counts."""
    assert read("a=1&a[b]=2&a[b]=3").content == {"a": {"b": "3"}}


def test_a_form_nests_only_so_deep():
    """Beyond that a name is a name."""
    shallow, deep = "a" + "[b]" * 7, "a" + "[b]" * 8

    assert list(read(f"{shallow}=1").content) == ["a"]
    assert list(read(f"{deep}=1").content) == [deep]


def test_an_odd_byte_loses_no_stop():
    """It is replaced in the text, as JSON and as a form."""
    json_body = b'{"number": "+33600000000", "text": "stop \xe9", "stop_date": ""}'
    form = b"number=%2B33600000000&text=stop+\xe9&stop_date="

    assert parse(json_body)[0].text == "stop �"
    assert parse(form)[0].text == "stop �"


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        pytest.param(b"", None, "neither JSON nor a form", id="nothing"),
        pytest.param(b"", JSON, "not JSON", id="nothing as JSON"),
        pytest.param(b"hello", FORM, "neither JSON nor a form", id="words"),
        pytest.param(b"a=b", "application/JSON", "not JSON", id="form as JSON"),
        pytest.param(b'{"a": 1', None, "not JSON", id="cut"),
        pytest.param(b'{"a": NaN}', None, "not JSON", id="not a number"),
        pytest.param(b"[" * 60_000, None, "not JSON", id="too deep"),
        pytest.param(b"[%b]" % (b"9" * 5_000), None, "not JSON", id="too many digits"),
        pytest.param(b"3", JSON, "neither an object nor", id="a number"),
        pytest.param(b'"x"', JSON, "neither an object nor", id="a text"),
        pytest.param(b"null", JSON, "neither an object nor", id="null"),
        pytest.param(b"<p class=x>", FORM, "neither JSON nor a form", id="a page"),
        pytest.param(b"a=&" * 10_001, FORM, "too many fields", id="many fields"),
        pytest.param(b"[%b]" % (b" " * MAX_BODY), None, "bytes", id="too long"),
    ],
)
def test_the_unreadable_is_one_error(body, content_type, problem):
    """That we raise, that belongs to no call, and that says what is wrong."""
    with pytest.raises(WebhookError, match=problem) as caught:
        parse(body, content_type)

    assert isinstance(caught.value, OctopushError)
    assert caught.value.outcome is None


def test_the_longest_is_read():
    """One mebibyte, to the byte."""
    assert parse(b"[%b]" % (b" " * (MAX_BODY - 2))) == ()


# --- fields ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        pytest.param("+33600000001", "+33600000001", id="clean"),
        pytest.param("33600000001", "+33600000001", id="without plus"),
        pytest.param(33600000001, "+33600000001", id="as a number"),
        pytest.param(" 33600000001", "+33600000001", id="plus lost in a form"),
        pytest.param("+33 6 00 00 00 01", "+33600000001", id="spaced"),
        pytest.param("+33.600.000.001", "+33600000001", id="dotted"),
        pytest.param("12345678", "+12345678", id="eight digits"),
        pytest.param("1234567", "1234567", id="short code"),
        pytest.param("1" * 16, "+" + "1" * 16, id="sixteen digits"),
        pytest.param("1" * 17, "1" * 17, id="too long"),
        pytest.param("0600000001", "0600000001", id="national"),
        pytest.param("0033600000001", "0033600000001", id="two noughts"),
        pytest.param("33 600000001", "33 600000001", id="spaced without plus"),
        pytest.param("٣٣٦٠٠٠٠٠٠٠١", "٣٣٦٠٠٠٠٠٠٠١", id="other digits"),
        pytest.param("Acme", "Acme", id="a name"),
    ],
)
def test_numbers_are_normalized_where_certain(came, expected):
    """Else they stay as they came."""
    assert read({**RECEIPT, "number": came}).number == expected


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        pytest.param("2020-11-04 11:11:45", NOON, id="without zone"),
        pytest.param("2020-11-04T11:11:45Z", NOON.replace(tzinfo=UTC), id="with zone"),
        pytest.param("0000-00-00 00:00:00", None, id="noughts"),
        pytest.param("yesterday", None, id="words"),
        pytest.param(1604488305, None, id="a number"),
    ],
)
def test_dates_without_zone_stay_naive(came, expected):
    """And an unreadable one loses nothing else."""
    assert read({**RECEIPT, "delivery_date": came}).delivery_date == expected


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        pytest.param("ACK", DeliveryStatus.ACK, id="known"),
        pytest.param(" delivered ", DeliveryStatus.DELIVERED, id="small and spaced"),
        pytest.param("Teleported", "Teleported", id="unknown"),
    ],
)
def test_unknown_statuses_are_kept(came, expected):
    """As the gateway wrote them."""
    actual = read({**RECEIPT, "status": came}).status

    assert (type(actual), actual) == (type(expected), expected)


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        pytest.param({"text": "OK"}, "OK", id="text"),
        pytest.param({"text": 1}, "1", id="one digit"),
        pytest.param({"text": 1.5}, "1.5", id="a fraction"),
        pytest.param({}, "", id="missing"),
    ],
)
def test_a_reply_has_a_text(came, expected):
    """Also where PHP took it for a number, and where nothing was said."""
    assert read({"number": NUMBER, "reception_date": "", **came}).text == expected


@pytest.mark.parametrize("name", ["metadata", "meta_data"])
def test_the_metadata_of_a_reply_comes_as_it_is(name):
    """Its content, and even its name, is undocumented."""
    reply = read({"number": NUMBER, "reception_date": "", name: {"a": [1]}})

    assert reply.metadata == {"a": [1]}


@pytest.mark.parametrize("empty", [{}, [], "", None, "x", 3])
def test_meta_data_may_be_anything(empty):
    """What is no object counts as an empty one."""
    assert read({**RECEIPT, "meta_data": empty}) == DELIVERED


def test_unreadable_figures_lose_nothing_else():
    """Neither price nor duration is what matters."""
    odd = {"unit_price": "NULL", "call_duration": "long", "charged_duration": 1.5}

    assert read({**RECEIPT, **odd}) == DELIVERED


def test_an_unreadable_history_loses_no_email():
    """What has no status is left out of it."""
    report = read(
        {
            "message_id": "e",
            "deliveries": [
                {"email": "a@b", "status": "READ", "status_history": [3, {"x": 1}]}
            ],
        }
    )

    assert report.deliveries[0].status_history == ()


# --- order and repeats ----------------------------------------------------------------

FINAL = {
    "DELIVERED",
    "READ",
    "OPENED",
    "CLICKED",
    "NOT_DELIVERED",
    "NOT_DELIVERABLE",
    "NOT_ALLOWED",
    "BAD_DESTINATION",
    "BLACKLISTED_NUMBER",
    "BUSY",
    "REFUSED",
    "SPAM_PRESUMPTION",
    "UNKNOWN_DELIVERY",
    "UNDEFINED",
    "EXPIRED",
    "ANTI_FLOODING",
}


@pytest.mark.parametrize("status", DeliveryStatus)
def test_final_statuses_are_those_of_the_table(status):
    """The rest is on its way."""
    assert status.is_final is (status in FINAL)
    assert status.is_delivered is (status in {"DELIVERED", "READ", "OPENED", "CLICKED"})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(DeliveryStatus.DELIVERED, True, id="final"),
        pytest.param(DeliveryStatus.ACK, False, id="intermediate"),
        pytest.param("TELEPORTED", False, id="unknown"),
    ],
)
def test_a_receipt_says_whether_it_is_final(status, expected):
    """What we do not know is not."""
    receipt = DeliveryReceipt(ticket=TICKET, number=NUMBER, status=status)

    assert receipt.is_final is expected


@pytest.mark.parametrize(
    ("newer", "older", "expected"),
    [
        pytest.param("ACK", None, True, id="first"),
        pytest.param("ACK", "PROCESSED", True, id="progress"),
        pytest.param("ACK", "DELIVERED", False, id="late ACK"),
        pytest.param("ACK", "NOT_DELIVERED", False, id="late ACK after failure"),
        pytest.param("ACK", "UNKNOWN_DELIVERY", False, id="late ACK after doubt"),
        pytest.param("ACK", "ACK", False, id="repeat"),
        pytest.param("ACK", "TELEPORTED", False, id="late ACK after the unknown"),
        pytest.param("DELIVERED", "ACK", True, id="delivery"),
        pytest.param("DELIVERED", "UNKNOWN_DELIVERY", True, id="doubt resolved"),
        pytest.param("NOT_DELIVERED", "UNDEFINED", True, id="doubt resolved badly"),
        pytest.param("DELIVERED", "NOT_DELIVERED", True, id="arrived after all"),
        pytest.param("NOT_DELIVERED", "DELIVERED", False, id="arrived is arrived"),
        pytest.param("READ", "DELIVERED", True, id="read"),
        pytest.param("CLICKED", "OPENED", True, id="clicked"),
        pytest.param("OPENED", "CLICKED", False, id="opened late"),
        pytest.param("EXPIRED", "REFUSED", False, id="as good as the first"),
        pytest.param("TELEPORTED", "ACK", True, id="the unknown after ACK"),
        pytest.param("TELEPORTED", "UNDEFINED", False, id="the unknown after the end"),
        pytest.param("DELIVERED", "TELEPORTED", True, id="known after unknown"),
        pytest.param("delivered", " ack ", True, id="as stored elsewhere"),
    ],
)
def test_a_receipt_replaces_what_says_less(newer, older, expected):
    """By function, and by both kinds of receipt."""
    receipt = read({**RECEIPT, "status": newer})
    email = EmailDelivery(email="a@b", status=receipt.status)

    assert may_replace(newer, older) is expected
    assert receipt.may_replace(older) is expected
    assert email.may_replace(older) is expected


words = st.sampled_from([*DeliveryStatus, "TELEPORTED"])


def settled(statuses):
    """What a store holds after these receipts."""
    kept = None
    for status in statuses:
        if may_replace(status, kept):
            kept = status
    return kept


@given(first=words, second=words)
def test_intermediate_never_overwrites_final(first, second):
    """Whatever comes when."""
    if first in FINAL and second not in FINAL:
        assert may_replace(second, first) is False


@given(statuses=st.lists(words, min_size=1, max_size=4))
def test_order_does_not_matter(statuses):
    """Every order settles on statuses of which none would replace another."""
    ends = {settled(order) for order in permutations(statuses)}

    assert [(a, b) for a in ends for b in ends if may_replace(a, b)] == []


def test_a_repeat_has_the_same_identity():
    """Ticket, number and status, however the number was written."""
    bare = read({**RECEIPT, "number": "33600000000", "list_name": "x"})

    assert DELIVERED.identity == (TICKET, NUMBER, "DELIVERED")
    assert bare.identity == DELIVERED.identity


def test_replies_and_stops_are_known_by_their_date():
    """Without it the same words may come from another day."""
    assert REPLY.identity == (
        "reply",
        TICKET,
        "+44600000000",
        "2020-11-04T11:11:45",
        # printf "some reply" | sha256sum | cut -c -32
        "10f6778748045aa3eb1f39d1202bb988",
    )
    assert STOP.identity == ("opt_out", TICKET, NUMBER, "2020-11-04T11:11:45")
    assert Reply(number=NUMBER, text="OK").identity is None
    assert OptOut(number=NUMBER, text="STOP").identity is None
    assert UnknownCallback(content={}).identity is None


def test_a_text_with_half_a_surrogate_has_an_identity():
    """JSON can hold what is no text."""
    body = b'{"number": "1", "text": "\\ud800", "reception_date": "2020-11-04"}'
    (reply,) = parse(body)

    assert len(reply.identity) == 5


def test_a_report_on_emails_is_known_by_addresses_and_statuses():
    """In whatever order they stand."""
    one, two = (
        EmailDelivery(email=email, status="READ") for email in ("a@b.org", "c@d.org")
    )
    opened = EmailDelivery(email="a@b.org", status="OPENED")
    first = EmailReport(ticket="e", deliveries=(one, two))

    assert first.identity[:2] == ("email", "e")
    assert EmailReport(ticket="e", deliveries=(two, one)).identity == first.identity
    assert EmailReport(ticket="e", deliveries=(opened, two)).identity != first.identity


# --- privacy --------------------------------------------------------------------------


def test_representations_show_neither_number_nor_text():
    """Nor addresses, nor what was typed, nor what nobody knows."""
    private = {
        **RECEIPT,
        "status": "sent to 33600000000",
        "meta_data": {"pressed_keys_code": "3545"},
    }
    reply = {"number": NUMBER, "sim_card_number": NUMBER, "text": "hush"}
    emails = {
        "message_id": "e",
        "deliveries": [{"email": "ada@example.org", "status": "READ"}],
    }
    contents = [
        private,
        {**reply, "reception_date": "x", "metadata": "hush"},
        {**reply, "stop_date": "x"},
        emails,
        {"hush": "hush"},
    ]

    shown = repr(parse(posted(contents)))

    assert "+336****0000" in shown
    assert re.search("3600000000|hush|ada|3545", shown) is None


def test_an_email_is_shown_without_its_address():
    """On its own, too."""
    shown = repr(EmailDelivery(email="ada@example.org", status="READ"))

    assert shown.startswith("EmailDelivery(status=")
    assert "ada" not in shown


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"text": "hush 0600000001"', id="JSON"),
        pytest.param(b"hush 0600000001", id="words"),
        pytest.param(b"hush=0600000001" + b"&a=" * 10_001, id="form"),
        pytest.param(b'"hush 0600000001"', id="scalar"),
    ],
)
def test_the_error_quotes_nothing(body):
    """Nor do the errors behind it."""
    with pytest.raises(WebhookError) as caught:
        parse(body, JSON if body.startswith(b'"') else None)

    said = f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert "hush" not in said
    assert "0600000001" not in said


def test_events_can_be_kept_in_sets():
    """Also those that hold what cannot be hashed."""
    events = parse(posted([{**RECEIPT, "meta_data": {"a": []}}, {"x": []}]))

    assert len(set(events)) == 2


# --- any bytes ------------------------------------------------------------------------


def check_any(body, content_type):
    """Events or our one error; and every event can be shown, kept and compared."""
    try:
        events = parse(body, content_type)
    except WebhookError:
        return
    for event in events:
        assert repr(event).startswith(type(event).__name__)
        assert event.identity is None or len(event.identity) >= 3
        hash(event)


content_types = st.sampled_from([JSON, FORM, None])
names = st.sampled_from(
    [
        "message_id",
        "number",
        "text",
        "deliveries",
        "stop_date",
        "Reception_Date",
        "answer_date",
        "DELIVERY_DATE",
        "status",
        "meta_data",
        "email",
        "unit_price",
        "status_history",
        "call_duration",
        "metadata",
        "sim_card_number",
        "channel",
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["ACK", "+33600000001", "2020-11-04 11:11:45", "[1]", "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner),
    max_leaves=12,
)


@given(body=st.binary(max_size=200), content_type=content_types)
def test_any_bytes_become_events_or_our_error(body, content_type):
    """Nothing else comes out."""
    check_any(body, content_type)


@given(content=st.dictionaries(names, values), content_type=content_types)
def test_any_object_becomes_one_event(content, content_type):
    """Readable is readable, whatever it holds."""
    body = json.dumps(content).encode()

    assert len(parse(body, content_type)) == 1
    check_any(body, content_type)


def test_spoiled_samples_become_events_or_our_error():
    """Two thousand bodies with flipped, cut and doubled bytes; the seed is fixed."""
    draw = random.Random(20261122)
    bodies = [posted(sample["body"]) for sample in SAMPLES.values()]

    for _ in range(2_000):
        body = bytearray(draw.choice(bodies))
        for _ in range(draw.randint(1, 4)):
            start = draw.randrange(len(body))
            end = min(len(body), start + draw.randint(0, 12))
            body[start:end] = draw.choice(
                [b"", body[start:end] * 2, draw.randbytes(3), b'"', b"[", b"\\ud800"]
            )
            body = body or bytearray(b"x")
        check_any(bytes(body), draw.choice([JSON, FORM, None]))


# --- the docstring --------------------------------------------------------------------


def test_the_example_runs():
    """As it stands in the module."""
    code = re.search(r"::\n\n((?:    .*\n|\n)+)", webhooks.__doc__)[1]
    body = posted([RECEIPT, {**RECEIPT, "status": "ACK"}, SAMPLES["opt_out"]["body"]])
    names_ = {"body": body, "content_type": JSON, "statuses": {}, "stopped": set()}

    exec(re.sub("(?m)^    ", "", code), names_)  # noqa: S102

    assert names_["statuses"] == {(TICKET, NUMBER): "DELIVERED"}
    assert names_["stopped"] == {NUMBER}
