"""One shape for several channels, in the simulated gateway."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sandbox.calls import HEADERS, ONE, THREE, TWO, ask, call, fresh_gateway, read, send
from sandbox.contract import cases_of, problems, response_schema


SEND = ("POST", "multi-channel/send")
CANCEL = ("DELETE", "multi-channel/cancel")
MAIL = "me@example.org"


def body(**changes):
    """Body of a send; a field set to None is left out."""
    message = {
        "channel": "sms",
        "text": "Hello",
        "recipients": [{"phone_number": ONE}],
        "sender": "Acme",
        "purpose": "alert",
        "metadata": {"type": "sms_premium"},
    }
    return {
        name: value for name, value in (message | changes).items() if value is not None
    }


def later(gateway, **by):
    """An instant of its future, as text."""
    return (gateway.clock.now() + timedelta(**by)).isoformat()


@pytest.mark.parametrize(
    ("changes", "prefix", "cost", "whom"),
    [
        ({}, "sms_", 0.05, ONE),
        ({"metadata": {"type": "sms_low_cost"}}, "sms_", 0.03, ONE),
        ({"metadata": None}, "sms_", 0.05, ONE),
        ({"channel": "voice_sms"}, "voice_", 0.1, ONE),
        ({"channel": "rcs", "sender": "Acme's agent no. 1"}, "rcs_", 0.02, ONE),
        ({"channel": "rcs", "text": None}, "rcs_", 0.02, ONE),
        ({"channel": "email", "recipients": [{"email": MAIL}]}, "email_", 0.02, MAIL),
        (
            {"channel": "live_chat", "recipients": [{"conversation_id": "c-1"}]},
            "live_chat_",
            0.02,
            "c-1",
        ),
        ({"channel": "live_chat"}, "live_chat_", 0.02, ONE),
    ],
    ids=[str(number) for number in range(9)],
)
def test_each_channel_has_its_price_and_its_place_in_the_sent_log(
    changes, prefix, cost, whom
):
    """Told apart by channel, and by ticket."""
    gateway = fresh_gateway()

    status, answer = ask(gateway, *SEND, body(**changes))

    assert status == 201
    assert answer["ticket_number"].startswith(prefix)
    assert (answer["number_of_contacts"], answer["total_cost"]) == (1, cost)
    (entry,) = gateway.sent_log.entries
    assert entry.channel == changes.get("channel", "sms")
    assert entry.recipients == (whom,)
    assert entry.ignored_fields == ()
    assert gateway.credit == 1000 - Decimal(str(cost))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"channel": None}, 400),
        ({"channel": "pigeon"}, 400),
        ({"channel": ["sms"]}, 400),
        ({"text": None}, 107),
        ({"text": "x" * 1225, "channel": "rcs"}, 189),
        ({"sender": "ab"}, 106),
        ({"sender": "", "channel": "rcs"}, 106),
        ({"recipients": [{"email": MAIL}]}, 400),
        ({"recipients": [None]}, 400),
        ({"channel": "email"}, 400),
        ({"channel": "email", "recipients": [{"email": "me"}]}, 103),
        ({"purpose": "wholesale"}, 121),
        ({"metadata": {"type": "voice_sms"}}, 208),
    ],
    ids=[str(number) for number in range(13)],
)
def test_a_bad_send_is_refused(changes, code):
    """HTTP 400 and the code of the table; nothing is in the sent log."""
    gateway = fresh_gateway()

    status, answer = ask(gateway, *SEND, body(**changes))

    assert (status, answer["code"]) == (400, code)
    assert len(gateway.sent_log) == 0


@pytest.mark.parametrize(
    ("changes", "dropped"),
    [
        ({"request_id": "a"}, "request_id"),
        ({"type": "sms_low_cost"}, "type"),
        ({"metadata": "sms_low_cost"}, "metadata"),
        ({"metadata": {"voice_gender": "x"}}, "metadata.voice_gender"),
        ({"metadata": {"with_replies": "no"}}, "with_replies"),
        ({"auto_remove_blacklisted_numbers": True}, "auto_remove_blacklisted_numbers"),
        (
            {"recipients": [{"phone_number": ONE, "first_name": "Al"}]},
            "recipients.*.first_name",
        ),
    ],
    ids=[str(number) for number in range(7)],
)
def test_what_is_not_understood_is_dropped_and_it_is_sent(changes, dropped):
    """As everywhere; the sent log names it."""
    gateway = fresh_gateway()

    ask(gateway, *SEND, body(**changes))

    assert gateway.sent_log.entries[0].ignored_fields == (dropped,)
    assert gateway.sent_log.entries[0].type == "sms_premium"


def test_keys_of_metadata_that_nobody_knows_are_no_mistake():
    """The page breaks off in every copy."""
    gateway = fresh_gateway(strict_unknown_fields=True)

    assert ask(gateway, *SEND, body(metadata={"template": 7}))[0] == 201


def test_nothing_protects_a_repeat():
    """Not even a request_id: it is sent twice."""
    gateway = fresh_gateway(duplicate_check="on_receipt")

    for _ in range(2):
        ask(gateway, *SEND, body(request_id="a"))

    assert gateway.sent_log.times(ONE) == 2


@pytest.mark.parametrize(
    "name", ["auto_delete_optout_contacts", "auto_remove_blacklisted_contacts"]
)
def test_the_stop_list_is_heeded_under_both_names(name):
    """Those of the two editions."""
    gateway = fresh_gateway()
    gateway.blacklist.add(ONE)
    both = [{"phone_number": ONE}, {"phone_number": TWO}]

    ask(gateway, *SEND, body(recipients=both, **{name: True}))
    _, refused = ask(gateway, *SEND, body(**{name: True}))

    assert gateway.sent_log.numbers() == {TWO: 1}
    assert gateway.sent_log.entries[0].ignored_fields == ()
    assert refused["code"] == 117


@pytest.mark.parametrize("simulated", [False, True])
def test_recipients_may_be_stored_as_a_list(simulated):
    """Their numbers: our choice. A simulation stores nothing."""
    gateway = fresh_gateway()
    both = [{"phone_number": ONE}, {"conversation_id": "c-1"}]

    for _ in range(2):
        ask(
            gateway,
            *SEND,
            body(
                channel="live_chat",
                recipients=both,
                list_name="new",
                simulation_mode=simulated,
            ),
        )

    assert gateway.lists == ({} if simulated else {"new": [ONE, ONE]})


def test_a_scheduled_send_can_be_cancelled_once():
    """The money comes back; the second time it is not found."""
    gateway = fresh_gateway()
    sent = ask(gateway, *SEND, body(send_at=later(gateway, days=1)))[1]
    named = {"channel": "sms", "ticket_number": sent["ticket_number"]}

    assert ask(gateway, *CANCEL, named) == (204, None)
    assert ask(gateway, *CANCEL, named)[1]["code"] == 131
    assert (gateway.sent_log.numbers(), gateway.credit) == ({}, 1000)


def test_the_limits_of_cancelling_are_those_of_sms():
    """Fewer than 3 recipients, more than 10 minutes ahead, not yet left."""
    gateway = fresh_gateway()
    three = [{"phone_number": one} for one in (ONE, TWO, THREE)]

    def cancel(**changes):
        sent = ask(gateway, *SEND, body(**changes))[1]["ticket_number"]
        return ask(gateway, *CANCEL, {"channel": "sms", "ticket_number": sent})[1]

    assert cancel(recipients=three, send_at=later(gateway, days=1))["code"] == 400
    assert cancel(send_at=later(gateway, minutes=10))["code"] == 127
    assert cancel()["code"] == 132


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"channel": "rcs"}, 131),
        ({"channel": "live_chat"}, 400),
        ({"channel": None}, 400),
        ({"channel": {}}, 400),
        ({"ticket_number": ""}, 400),
        ({"ticket_number": "sms_1"}, 131),
    ],
    ids=[str(number) for number in range(6)],
)
def test_a_bad_cancellation_is_refused(changes, code):
    """And leaves the send as it was."""
    gateway = fresh_gateway()
    sent = ask(gateway, *SEND, body(send_at=later(gateway, days=1)))[1]
    named = {"channel": "sms", "ticket_number": sent["ticket_number"]}

    _, answer = ask(gateway, *CANCEL, named | changes)

    assert answer["code"] == code
    assert gateway.sent_log.times(ONE) == 1


def test_the_namespaces_refuse_each_others_tickets():
    """A wrong path does not go unnoticed; nor does another account's ticket."""
    gateway = fresh_gateway()
    tomorrow = later(gateway, days=1)
    ours = ask(gateway, *SEND, body(send_at=tomorrow))[1]
    sms = {
        "channel": "sms",
        "ticket_number": send(gateway, send_at=tomorrow)[1]["sms_ticket"],
    }
    stranger = call(
        *CANCEL,
        {"channel": "sms", "ticket_number": ours["ticket_number"]},
        headers=HEADERS | {"api-login": "you@example.org"},
    )
    named = {"ticket_number": ours["ticket_number"]}

    assert ask(gateway, "DELETE", "sms-campaign/cancel", named)[1]["code"] == 131
    assert ask(gateway, *CANCEL, sms)[1]["code"] == 131
    assert read(gateway.handle(stranger))[1]["code"] == 131


@pytest.mark.parametrize(("name", "sample"), cases_of("send_multi_channel"))
def test_the_gateway_takes_every_sample(name, sample):
    """And nothing of it is dropped; the answer fits the document."""
    gateway = fresh_gateway(strict_unknown_fields=True)

    status, answer = ask(gateway, *SEND, sample["request"])

    assert status == sample["status"]
    assert problems(response_schema(name, status), answer) == []
