"""What becomes of messages, and who is called back about them."""

import json
from collections import Counter
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sandbox.calling_back import (
    JSON,
    RECEIVER,
    edit,
    events,
    multichannel,
    plan,
    sent,
    statuses,
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
    send_call,
)
from sandbox.contract import problems

from aiooctopush.sandbox import (
    CallbackKind,
)
from aiooctopush.sandbox.callbacks.payloads import FAILURES, NORMAL_LIVES


# --- receipts -------------------------------------------------------------------------


def test_a_message_is_acknowledged_and_then_delivered():
    """Each status when its time has come, and once."""
    gateway, callbacks = sent()

    assert callbacks.take() == ()
    gateway.clock.advance(1)
    first = callbacks.take()
    gateway.clock.advance(1)
    second = callbacks.take()

    assert statuses(first) == ["ACK"]
    assert statuses(second) == ["DELIVERED"]
    assert callbacks.take_all() == ()


def test_a_receipt_is_written_as_documented():
    """All its names, a date without zone, a content type."""
    _, callbacks = sent()

    (callback, _) = callbacks.take_all()

    event = {
        "channel": "sms",
        "list_name": None,
        "message_id": "sms_5f3fbce61266e",
        "number": ONE,
        "status": "ACK",
        "unit_price": 0.05,
        "delivery_date": "2026-01-05 10:00:01",
        "meta_data": {},
    }
    assert callback.events == (event,)
    assert json.loads(callback.body) == event
    assert callback.content_type == JSON
    assert callback.kind is CallbackKind.RECEIPT
    assert callback.account == LOGIN
    assert callback.posted_at.isoformat() == "2026-01-05T10:00:01+00:00"


def test_repr_shows_nobody():
    """Neither a number, nor a text, nor a URL, nor an account."""
    gateway, callbacks = sent(plan=plan(numbers={ONE: "BUSY"}))
    edit(gateway, callback_url_for_deliveries=RECEIVER)
    gateway.clock.advance(1)

    shown = f"{callbacks.take()!r} {callbacks!r} {plan(numbers={ONE: 'BUSY'})!r}"

    assert "<Callbacks: 1 to come>" in shown
    for private in (ONE.removeprefix("+"), "secret", LOGIN, "Hello"):
        assert private not in shown


def test_dates_are_those_of_the_zone():
    """Which zone the gateway writes is unknown: a receiver must not guess."""
    paris = ZoneInfo("Europe/Paris")
    _, callbacks = sent(plan=plan(zone=paris))

    dates = [one["delivery_date"] for one in events(callbacks.take_all())]

    assert dates == ["2026-01-05 11:00:01", "2026-01-05 11:00:02"]


def test_a_scheduled_message_has_no_receipt_before_it_leaves():
    """Its life begins then."""
    gateway, callbacks = sent(send_at="2026-01-05T12:00:00+00:00")

    assert callbacks.take_all() == ()
    assert callbacks.next_at.isoformat() == "2026-01-05T12:00:00+00:00"
    gateway.clock.advance(7200)

    assert callbacks.take() == ()
    assert callbacks.next_at.isoformat() == "2026-01-05T12:00:01+00:00"
    assert statuses(callbacks.take_all()) == ["ACK", "DELIVERED"]


def test_what_was_cancelled_has_no_receipt():
    """Also if it was seen before."""
    gateway, callbacks = sent(send_at="2026-01-05T12:00:00+00:00")
    callbacks.take()
    ticket = {"ticket_number": gateway.sent_log.only().ticket}

    assert ask(gateway, "DELETE", "sms-campaign/cancel", ticket)[0] == 204
    gateway.clock.advance(86_400)

    assert callbacks.take_all() == ()


@pytest.mark.parametrize(
    "changes",
    [{"simulation_mode": True}, {"type": "sms_low_cost"}],
    ids=["simulated", "low-cost"],
)
def test_what_has_no_receipts(changes):
    """A simulation reaches nobody, and the cheap route reports nothing."""
    _, callbacks = sent(**changes)

    assert callbacks.take_all() == ()
    assert callbacks.next_at is None


@pytest.mark.parametrize("duplicate_check", ["on_accept", "on_receipt"])
def test_what_was_not_sent_has_no_receipt(duplicate_check):
    """Whatever became of its id: refused, or received and then broken."""
    gateway = fresh_gateway(duplicate_check=duplicate_check)
    callbacks = gateway.callbacks(plan())

    assert send(gateway, sender="-", request_id="a")[0] == 400
    gateway.receive(send_call(TWO, request_id="b"))
    send(gateway, TWO, request_id="b")
    told = [one["number"] for one in events(callbacks.take_all())]

    assert told == ([] if duplicate_check == "on_receipt" else [TWO, TWO])


def test_what_is_executed_late_has_its_receipts():
    """Once it is executed."""
    gateway = fresh_gateway()
    callbacks = gateway.callbacks(plan())

    gateway.defer(send_call(), seconds=5)
    early = callbacks.take_all()
    gateway.clock.advance(5)

    assert early == ()
    assert statuses(callbacks.take_all()) == ["ACK", "DELIVERED"]


def test_after_a_reset_nothing_old_comes():
    """And what is new does."""
    gateway, callbacks = sent(ONE)
    callbacks.take()
    callbacks.reply(ONE, "Yes")

    gateway.reset()
    send(gateway, TWO)
    told = events(callbacks.take_all())

    assert [one["number"] for one in told] == [TWO, TWO]


def test_a_reset_forgets_what_is_scheduled():
    """No message, no receipt."""
    gateway, callbacks = sent(send_at="2026-01-05T12:00:00+00:00")
    callbacks.take()

    gateway.reset()

    assert callbacks.next_at is None


def test_each_number_of_a_call_has_its_own_receipts():
    """Under one ticket; a number that stands twice in it gets two messages."""
    _, callbacks = sent(ONE, TWO, ONE)

    told = events(callbacks.take_all())

    assert Counter((one["number"], one["status"]) for one in told) == {
        (ONE, "ACK"): 2,
        (ONE, "DELIVERED"): 2,
        (TWO, "ACK"): 1,
        (TWO, "DELIVERED"): 1,
    }
    assert len({one["message_id"] for one in told}) == 1


def test_the_list_of_a_campaign_is_named():
    """As the newer reference says."""
    gateway = fresh_gateway(computation_polls=0)
    gateway.lists["customers"] = [ONE]
    body = send_body(recipients=None, list_name="customers")
    chapter = "sms-campaign-on-list"
    ticket = ask(gateway, "POST", f"{chapter}/create", body)[1]
    ask(gateway, "POST", f"{chapter}/send", ticket)

    told = events(gateway.callbacks(plan()).take_all())

    assert [one["list_name"] for one in told] == ["customers", "customers"]


@pytest.mark.parametrize("name", ["", 7], ids=["empty", "number"])
def test_a_list_without_a_name_is_none(name):
    """It is dropped, as everywhere."""
    gateway, _ = sent(list_name=name)

    assert gateway.sent_log.only().list_name is None


@pytest.mark.parametrize("channel", ["rcs", "live_chat"])
def test_other_channels_have_lives_of_their_own(channel):
    """Chats are read."""
    gateway = fresh_gateway()
    multichannel(gateway, channel, {"phone_number": ONE})

    told = gateway.callbacks(plan()).take_all()

    expected = ["DELIVERED", "READ"]
    assert statuses(told) == (["ACK", *expected] if channel == "rcs" else expected)
    assert {one["channel"] for one in events(told)} == {channel}


def test_a_call_has_its_length():
    """Once it has ended, and within a minute."""
    acknowledged, delivered = [one["meta_data"] for one in events(voice())]

    assert acknowledged == {}
    assert set(delivered) == {"pressed_keys_code", "call_duration", "charged_duration"}
    assert delivered["pressed_keys_code"] == ""
    assert 1 <= delivered["call_duration"] == delivered["charged_duration"] <= 60


def test_nobody_talks_in_a_call_that_fails():
    """Neither talked nor charged."""
    _, failed = events(voice(numbers={ONE: "BUSY"}))

    assert failed["status"] == "BUSY"
    assert failed["meta_data"]["call_duration"] == 0
    assert failed["meta_data"]["charged_duration"] == 0


def test_an_email_is_reported_for_several_addresses_at_once():
    """With what was before; who has failed early is in no later report."""
    gateway = fresh_gateway()
    multichannel(gateway, "email", {"email": "a@b.org"}, {"email": "c@d.org"})
    rules = {"c@d.org": ("TRANSMITTED", "SPAM_PRESUMPTION")}

    told = gateway.callbacks(plan(numbers=rules)).take_all()

    assert [one.kind for one in told] == [CallbackKind.EMAIL_REPORT] * 3
    rows = [
        [(one["email"], one["status"]) for one in event["deliveries"]]
        for event in events(told)
    ]
    assert rows == [
        [("a@b.org", "TRANSMITTED"), ("c@d.org", "TRANSMITTED")],
        [("a@b.org", "ISP_SEND"), ("c@d.org", "SPAM_PRESUMPTION")],
        [("a@b.org", "DELIVERED")],
    ]
    assert events(told)[2]["deliveries"][0] == {
        "email": "a@b.org",
        "status": "DELIVERED",
        "unit_price": 0.02,
        "delivery_date": "2026-01-05 10:00:03",
        "status_history": [
            {"status": "TRANSMITTED", "delivery_date": "2026-01-05 10:00:01"},
            {"status": "ISP_SEND", "delivery_date": "2026-01-05 10:00:02"},
            {"status": "DELIVERED", "delivery_date": "2026-01-05 10:00:03"},
        ],
    }


# --- what becomes of messages ---------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("NOT_DELIVERED", ["ACK", "NOT_DELIVERED"]),
        ("DELIVERED", ["ACK", "DELIVERED"]),
        ("ACK", ["ACK"]),
        ("BLACKLISTED_NUMBER", ["BLACKLISTED_NUMBER"]),
        ("MADE_UP_TOMORROW", ["ACK", "MADE_UP_TOMORROW"]),
        (("DELIVERED", "ACK"), ["DELIVERED", "ACK"]),
        ((), []),
    ],
    ids=str,
)
def test_a_rule_says_what_becomes_of_a_number(rule, expected):
    """A final status, or all of them, or silence; others are not concerned."""
    _, callbacks = sent(ONE, TWO, plan=plan(numbers={ONE: rule}))

    told = callbacks.take_all()

    assert statuses(told) == expected
    assert statuses(told, TWO) == ["ACK", "DELIVERED"]


def test_who_is_on_the_blacklist_is_reported_so():
    """Unless a rule says otherwise."""
    gateway, callbacks = sent(ONE, TWO, plan=plan(numbers={TWO: "DELIVERED"}))
    gateway.blacklist.update({ONE, TWO})

    told = callbacks.take_all()

    assert statuses(told) == ["BLACKLISTED_NUMBER"]
    assert statuses(told, TWO) == ["ACK", "DELIVERED"]


def finals(count=1000, **changes):
    """How often each last status comes to that many numbers."""
    gateway = fresh_gateway(credit=Decimal(10_000))
    numbers = [f"+336{n:08d}" for n in range(count)]
    for start in range(0, count, 500):
        send(gateway, *numbers[start : start + 500])
    last = {}
    for one in events(gateway.callbacks(plan(**changes)).take_all()):
        last[one["number"]] = one["status"]
    return Counter(last.values())


def test_a_share_of_the_messages_fails():
    """Evenly spread over the failures of the channel."""
    counted = finals(failures=0.4)

    assert set(counted) == {"DELIVERED", *FAILURES["sms"]}
    assert 550 < counted["DELIVERED"] < 650
    assert all(70 < counted[one] < 130 for one in FAILURES["sms"])


def test_each_failure_may_have_a_probability():
    """What is left over arrives."""
    counted = finals(failures={"NOT_DELIVERED": 0.5, "EXPIRED": 0.2})

    assert set(counted) == {"DELIVERED", "NOT_DELIVERED", "EXPIRED"}
    assert 450 < counted["NOT_DELIVERED"] < 550
    assert 160 < counted["EXPIRED"] < 240


def test_a_channel_without_failures_of_its_own_has_doubts():
    """The statuses that any channel may have."""
    gateway = fresh_gateway()
    multichannel(gateway, "rcs", {"phone_number": ONE})

    *_, last = statuses(gateway.callbacks(plan(failures=1)).take_all())

    assert last in {"UNKNOWN_DELIVERY", "UNDEFINED"}


def test_every_status_is_one_of_the_table():
    """The OpenAPI document lists them."""
    known = problems("#/components/schemas/DeliveryStatus", "ACK")
    lives = {one for life in NORMAL_LIVES.values() for one in life}
    failures = {one for life in FAILURES.values() for one in life}

    assert known == []
    assert (lives | failures) <= {
        *("ACK", "DELIVERED", "READ", "TRANSMITTED", "ISP_SEND", "NOT_DELIVERED"),
        *("BAD_DESTINATION", "NOT_ALLOWED", "UNKNOWN_DELIVERY", "NOT_DELIVERABLE"),
        *("BUSY", "REFUSED", "SPAM_PRESUMPTION"),
    }
