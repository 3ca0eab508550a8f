"""How callbacks are written, replies and opt-outs on demand, and where they go."""

import json
from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from sandbox.calling_back import (
    EDIT,
    JSON,
    edit,
    events,
    multichannel,
    plan,
    sent,
    voice,
)
from sandbox.calls import (
    LOGIN,
    ONE,
    TWO,
    ask,
    fresh_gateway,
    send,
    send_body,
)
from sandbox.contract import problems

from aiooctopush import webhooks
from aiooctopush.errors import InvalidFieldError
from aiooctopush.sandbox import (
    CallbackFormat,
    CallbackKind,
)


# --- how they are written -------------------------------------------------------------


def test_an_array_holds_what_is_due_together():
    """Of one kind, up to 100."""
    numbers = [f"+336{n:08d}" for n in range(101)]
    rules = dict.fromkeys(numbers, "ACK")
    array = CallbackFormat.ARRAY
    gateway, callbacks = sent(*numbers, plan=plan(format=array, numbers=rules))
    gateway.clock.advance(1)
    callbacks.reply(numbers[0], "Yes")

    first, second, reply = callbacks.take()

    assert [len(json.loads(one.body)) for one in (first, second, reply)] == [100, 1, 1]
    assert json.loads(first.body) == list(first.events)
    assert first.content_type == JSON
    assert reply.kind is CallbackKind.REPLY


def test_a_form_is_flat():
    """What is null is left out, and figures of a call come to the top."""
    talked = str(events(voice())[1]["meta_data"]["call_duration"])

    _, delivered = voice(format="form")

    assert delivered.content_type == "application/x-www-form-urlencoded"
    assert parse_qsl(delivered.body.decode(), keep_blank_values=True) == [
        ("channel", "voice_sms"),
        ("message_id", "voice_5f3fbce61266e"),
        ("number", ONE),
        ("status", "DELIVERED"),
        ("unit_price", "0.1"),
        ("delivery_date", "2026-01-05 10:00:02"),
        ("pressed_keys_code", ""),
        ("call_duration", talked),
        ("charged_duration", talked),
    ]


def test_an_email_report_has_no_form():
    """None is documented: it comes as JSON."""
    gateway = fresh_gateway()
    multichannel(gateway, "email", {"email": "a@b.org"})

    told = gateway.callbacks(plan(format="form")).take_all()

    assert {one.content_type for one in told} == {JSON}


def test_older_pages_have_other_names():
    """No channel, capitals, and the figures of a call at the top level."""
    first, second = events(voice(older=True))

    assert first == {
        "message_id": "voice_5f3fbce61266e",
        "number": ONE,
        "status": "ACK",
        "DELIVERY_DATE": "2026-01-05 10:00:01",
    }
    assert set(second) - set(first) == {"call_duration", "charged_duration"}


def test_a_number_may_come_without_its_plus():
    """Receivers report both."""
    _, callbacks = sent(plan=plan(without_plus=1))
    callbacks.reply(ONE, "Yes")

    told = events(callbacks.take_all())

    assert {one["number"] for one in told} == {"33600000001"}


SCHEMAS = {
    CallbackKind.RECEIPT: "DeliveryReceiptEvent",
    CallbackKind.EMAIL_REPORT: "EmailDeliveryEvent",
    CallbackKind.REPLY: "InboundMessageEvent",
    CallbackKind.OPT_OUT: "OptOutEvent",
}


@pytest.mark.parametrize("figures_as_text", [False, True], ids=["figures", "text"])
def test_every_callback_fits_the_contract(figures_as_text):
    """The OpenAPI document is the judge."""
    gateway = fresh_gateway(figures_as_text=figures_as_text)
    send(gateway, ONE)
    multichannel(gateway, "email", {"email": "a@b.org"})
    multichannel(gateway, "voice_sms", {"phone_number": ONE})
    callbacks = gateway.callbacks(plan(failures=0.5))
    callbacks.reply(ONE, "Yes")
    callbacks.opt_out(TWO)

    told = callbacks.take_all()

    assert {one.kind for one in told} == set(CallbackKind)
    for one in told:
        schema = f"#/components/schemas/{SCHEMAS[one.kind]}"
        assert problems(schema, json.loads(one.body)) == []


@pytest.mark.parametrize("format", list(CallbackFormat))
@pytest.mark.parametrize("older", [False, True], ids=["newer", "older"])
@pytest.mark.parametrize("without_plus", [0, 1], ids=["plus", "bare"])
def test_however_it_is_written_a_receiver_reads_the_same(format, older, without_plus):
    """`webhooks.parse` knows every shape."""
    gateway = fresh_gateway()
    send(gateway, ONE)
    multichannel(gateway, "voice_sms", {"phone_number": TWO})
    shape = {"format": format, "older": older, "without_plus": without_plus}
    callbacks = gateway.callbacks(
        plan(numbers={ONE: "BUSY", TWO: "DELIVERED"}, **shape)
    )
    callbacks.reply(ONE, "Sí & no", after=10)
    callbacks.opt_out(TWO, after=10)

    read = [
        event
        for one in callbacks.take_all()
        for event in webhooks.parse(one.body, one.content_type)
    ]

    told = [(one.ticket, one.number) for one in read]
    assert told == [
        ("sms_5f3fbce61266e", ONE),
        ("voice_5f3fbce61266f", TWO),
        ("sms_5f3fbce61266e", ONE),
        ("voice_5f3fbce61266f", TWO),
        ("sms_5f3fbce61266e", ONE),
        ("voice_5f3fbce61266f", TWO),
    ]
    *receipts, reply, stop = read
    assert [one.status for one in receipts] == ["ACK", "ACK", "BUSY", "DELIVERED"]
    assert receipts[2].delivery_date == datetime(2026, 1, 5, 10, 0, 2)  # noqa: DTZ001
    assert 1 <= receipts[3].call_duration == receipts[3].charged_duration <= 60
    assert (reply.text, stop.text) == ("Sí & no", "STOP")
    assert reply.reception_date == stop.stop_date == datetime(2026, 1, 5, 10, 0, 10)  # noqa: DTZ001


def test_an_email_report_is_read_too():
    """Address by address."""
    gateway = fresh_gateway()
    multichannel(gateway, "email", {"email": "a@b.org"}, {"email": "c@d.org"})

    *_, last = gateway.callbacks(plan()).take_all()
    (report,) = webhooks.parse(last.body, last.content_type)

    read = [(one.email, one.status) for one in report.deliveries]
    assert read == [("a@b.org", "DELIVERED"), ("c@d.org", "DELIVERED")]
    assert len(report.deliveries[0].status_history) == 3


# --- on demand ------------------------------------------------------------------------


def test_a_reply_names_the_message_that_it_answers():
    """The last one that has left."""
    gateway, callbacks = sent(plan=plan(numbers={ONE: ()}))
    send(gateway, ONE)
    send(gateway, ONE, send_at="2026-01-05T12:00:00+00:00")

    callbacks.reply("+33 6 00 00 00 01", "Yes")
    (reply,) = callbacks.take()

    assert reply.kind is CallbackKind.REPLY
    assert reply.account == LOGIN
    assert json.loads(reply.body) == {
        "message_id": "sms_5f3fbce61266f",
        "number": ONE,
        "text": "Yes",
        "sim_card_number": "30101",
        "reception_date": "2026-01-05 10:00:00",
    }


def test_a_reply_to_nothing_names_no_message():
    """The ticket is there only if it is found."""
    callbacks = fresh_gateway().callbacks()

    callbacks.reply(ONE, "Who are you?")
    (reply,) = callbacks.take()

    assert reply.events[0]["message_id"] is None
    assert reply.account == ""
    assert reply.url is None


def test_a_reply_comes_when_it_is_told_to():
    """So many seconds later, and dated so."""
    gateway, callbacks = sent(plan=plan(numbers={ONE: ()}, older=True))

    callbacks.reply(ONE, "Yes", after=90)
    early = callbacks.take()
    gateway.clock.advance(90)
    (reply,) = callbacks.take()

    assert early == ()
    assert reply.events[0]["answer_date"] == "2026-01-05 10:01:30"
    assert "reception_date" not in reply.events[0]


def test_the_option_of_the_account_adds_a_node():
    """What stands in it is undocumented."""
    gateway, callbacks = sent(plan=plan(numbers={ONE: ()}))
    edit(gateway, use_metadata_node_for_inbound=True)

    callbacks.reply(ONE, "Yes")

    assert callbacks.take()[0].events[0]["metadata"] == {}


def test_who_opts_out_is_on_the_blacklist():
    """From then on, and for all."""
    gateway, callbacks = sent(plan=plan(numbers={ONE: ()}))

    callbacks.opt_out(ONE)
    (stop,) = callbacks.take()

    assert stop.kind is CallbackKind.OPT_OUT
    assert json.loads(stop.body) == {
        "message_id": "sms_5f3fbce61266e",
        "number": ONE,
        "text": "STOP",
        "stop_date": "2026-01-05 10:00:00",
    }
    assert gateway.blacklist == {ONE}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("0600000001", "Yes"), InvalidFieldError),
        ((ONE, 7), TypeError),
        ((ONE, "Yes", -1), ValueError),
        ((ONE, "Yes", float("inf")), ValueError),
    ],
    ids=["national", "no-text", "past", "never"],
)
def test_a_bad_order_changes_nothing(arguments, problem):
    """Nobody is called back, and nobody is on the blacklist."""
    gateway = fresh_gateway()
    callbacks = gateway.callbacks()
    number, text, *after = arguments

    with pytest.raises(problem):
        callbacks.opt_out(number, text, **({"after": after[0]} if after else {}))

    assert callbacks.take_all() == ()
    assert gateway.blacklist == set()


# --- where to -------------------------------------------------------------------------


def test_each_kind_goes_to_the_url_that_the_account_has_set():
    """One URL for each kind, or the same."""
    gateway, callbacks = sent(plan=plan(numbers={ONE: "ACK"}))
    gateway.clock.advance(1)
    callbacks.reply(ONE, "Yes")
    callbacks.opt_out(ONE)
    edit(
        gateway,
        callback_url_for_deliveries="https://a.example/receipts",
        callback_url_for_inbounds="https://a.example/replies",
        callback_url_for_blacklisted_numbers=None,
    )

    urls = {one.kind: one.url for one in callbacks.take()}

    assert urls == {
        CallbackKind.RECEIPT: "https://a.example/receipts",
        CallbackKind.REPLY: "https://a.example/replies",
        CallbackKind.OPT_OUT: None,
    }


def test_a_subaccount_has_urls_of_its_own():
    """Those that its owner gave it, unless it has set others itself."""
    gateway = fresh_gateway()
    details = {"first_name": "A", "last_name": "B", "password": "c"}
    callback = {"callback_url_for_deliveries": "https://owner.example/"}
    body = {**details, "callbacks": callback}
    login = ask(gateway, "POST", "subaccount/create", body)[1]["login"]
    key = ask(gateway, "GET", f"subaccount/{login}")[1]["api_key"]
    own = {"api-login": login, "api-key": key}
    message = send_body(simulation_mode=None, purpose="alert")
    gateway._state.subaccounts[login].credit = Decimal(10)
    path = "sms-campaign/send"
    callbacks = gateway.callbacks(plan(numbers={ONE: "ACK"}))

    def url():
        assert ask(gateway, "POST", path, message, headers=own)[0] == 201
        return callbacks.take_all()[0].url

    given = url()
    theirs = {"callbacks": {"callback_url_for_deliveries": "https://own.example/"}}
    assert ask(gateway, *EDIT, theirs, headers=own)[0] == 200

    assert given == "https://owner.example/"
    assert url() == "https://own.example/"
