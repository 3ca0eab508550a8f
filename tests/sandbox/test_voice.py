"""Voice in the simulated gateway: as with SMS, but for what is said about voices."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sandbox.calls import ONE, THREE, TWO, ask, call, fresh_gateway, read, send
from sandbox.contract import cases_of, operations, problems, response_schema


SEND = ("POST", "voice-campaign/send")
DRAFT = ("GET", "voice-campaign/draft")
CANCEL = ("DELETE", "voice-campaign/cancel")
CREATE = ("POST", "voice-campaign-on-list/create")
CREATE_TAG = ("POST", "voice-campaign-on-tag/create")
STATUS = ("GET", "voice-campaign-on-list/status")
CONFIRM = ("POST", "voice-campaign-on-list/send")
CONFIRM_TAG = ("POST", "voice-campaign-on-tag/send")
DROP = ("DELETE", "voice-campaign-on-list/cancel")
OPERATIONS = [
    "send_voice_campaign",
    "get_voice_campaign_draft",
    "cancel_voice_campaign",
    "create_voice_campaign_on_list",
    "create_voice_campaign_on_tag",
    "get_voice_campaign_on_list_status",
    "confirm_voice_campaign_on_list",
    "confirm_voice_campaign_on_tag",
    "cancel_voice_campaign_on_list",
]
LAWS = pytest.mark.parametrize("duplicate_check", ["on_accept", "on_receipt"])
DAY = 24 * 3600


def people(**settings):
    """Make a gateway with a list and a tag."""
    gateway = fresh_gateway(**settings)
    gateway.lists["people"] = [ONE, TWO]
    gateway.lists["nobody"] = []
    gateway.tags["vip"] = [THREE]
    return gateway


def body(**changes):
    """Body of a campaign; a field set to None is left out."""
    message = {
        "text": "Hello",
        "sender": "33700000000",
        "purpose": "alert",
        "voice_gender": "female",
        "voice_language": "fr-FR",
    }
    return {
        name: value for name, value in (message | changes).items() if value is not None
    }


def send_body(*numbers, **changes):
    """Body of a send."""
    return body(recipients=[{"phone_number": one} for one in numbers], **changes)


def ready(gateway, **changes):
    """Create a campaign on the list and wait until it is computed."""
    create = body(list_name="people", **changes)
    ticket = ask(gateway, *CREATE, create)[1]["ticket_number"]
    ask(gateway, *STATUS, query=[("ticket_number", ticket)])
    return ticket


def test_a_send_stands_in_the_sent_log_as_voice():
    """One for each recipient, at the price of voice, with a ticket of its own kind."""
    gateway = people(price_per_voice_sms=Decimal("0.2"))

    status, answer = ask(gateway, *SEND, send_body(ONE, TWO, request_id="a"))

    assert status == 201
    assert answer["vocal_ticket"].startswith("voice_")
    assert (answer["number_of_contacts"], answer["total_cost"]) == (2, 0.4)
    assert (answer["residual_credit"], answer["estimated_duration"]) == (999.6, 0.33)
    (entry,) = gateway.sent_log.entries
    assert (entry.channel, entry.type) == ("voice_sms", "voice_sms")
    assert entry.operation == "voice-campaign/send"
    assert (entry.number_of_sms, entry.request_id) == (2, "a")
    assert gateway.sent_log.numbers() == {ONE: 1, TWO: 1}
    assert entry.as_json()["channel"] == "voice_sms"


def test_a_long_text_is_one_call_and_marketing_needs_no_mention():
    """Parts and STOP belong to SMS."""
    gateway = people()

    sent = send_body(ONE, text="x" * 1224, purpose="wholesale")

    assert ask(gateway, *SEND, sent)[0] == 201
    assert gateway.sent_log.entries[0].number_of_sms == 1


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"voice_gender": None}, 400, "voice_gender"),
        ({"voice_language": None}, 400, "voice_language"),
        ({"text": ""}, 107, "text"),
        ({"text": "x" * 1225}, 189, "text"),
        ({"sender": "33"}, 106, "sender"),
        ({"recipients": []}, 103, "recipient"),
        ({"recipients": [{"phone_number": "1"}]}, 103, "recipients.0.phone_number"),
    ],
    ids=[str(number) for number in range(7)],
)
def test_a_bad_send_is_refused(changes, code, told):
    """HTTP 400 and the code of the table; nothing is in the sent log."""
    gateway = people()

    status, answer = ask(gateway, *SEND, send_body(ONE) | changes)

    assert (status, answer["code"]) == (400, code)
    assert told in answer["message"]
    assert len(gateway.sent_log) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("voice_gender", "neutral"),
        ("voice_language", "french"),
        ("voice_language", 7),
        ("type", "vocal_sms"),
        ("with_replies", True),
        ("auto_delete_optout_contacts", True),
        ("get_back_pressed_keys", True),
        ("simulation_mode", "yes"),
    ],
    ids=[str(number) for number in range(8)],
)
def test_what_is_not_understood_is_dropped_and_it_is_sent(field, value):
    """As everywhere; the sent log names it, and it does nothing."""
    gateway = people()
    gateway.blacklist.add(ONE)

    ask(gateway, *SEND, send_body(ONE, **{field: value}))

    assert gateway.sent_log.entries[0].ignored_fields == (field,)
    assert gateway.sent_log.times(ONE) == 1


def test_a_strict_gateway_refuses_what_it_drops_otherwise():
    """With the name of it."""
    gateway = people(strict_unknown_fields=True)

    status, answer = ask(gateway, *SEND, send_body(ONE, voice_gender="x"))

    assert (status, answer["code"]) == (400, 400)
    assert "voice_gender" in answer["message"]


def test_the_stop_list_is_heeded_under_its_name():
    """For a cent, as with SMS."""
    gateway = people()
    gateway.blacklist.add(ONE)
    heeded = send_body(ONE, TWO, auto_remove_blacklisted_numbers=True)

    _, answer = ask(gateway, *SEND, heeded)
    status, refused = ask(
        gateway, *SEND, send_body(ONE, auto_remove_blacklisted_numbers=True)
    )

    assert answer["total_cost"] == 0.11
    assert gateway.sent_log.numbers() == {TWO: 1}
    assert (status, refused["code"]) == (400, 117)


def test_a_simulation_costs_nothing():
    """And reaches nobody."""
    gateway = people()

    ask(gateway, *SEND, send_body(ONE, simulation_mode=True))

    assert (gateway.credit, gateway.sent_log.numbers()) == (1000, {})


@LAWS
def test_an_accepted_id_is_refused_for_a_day(duplicate_check):
    """In the same memory as those of SMS: nobody knows, our choice."""
    gateway = people(duplicate_check=duplicate_check)
    ask(gateway, *SEND, send_body(ONE, request_id="a"))

    assert ask(gateway, *SEND, send_body(ONE, request_id="a"))[1]["code"] == 120
    assert send(gateway, request_id="a")[1]["code"] == 120
    gateway.clock.advance(DAY)
    assert ask(gateway, *SEND, send_body(ONE, request_id="a"))[0] == 201
    assert gateway.sent_log.times(ONE) == 2


@pytest.mark.parametrize(
    ("duplicate_check", "again"),
    [("on_accept", 201), ("on_receipt", 400)],
    ids=["accepted", "received"],
)
@pytest.mark.parametrize(
    ("route", "named"),
    [(SEND, {}), (CREATE, {"list_name": "people"}), (CREATE_TAG, {"tag_name": "vip"})],
    ids=["send", "list", "tag"],
)
def test_a_refused_call_uses_its_id_up_under_one_law_only(
    duplicate_check, again, route, named
):
    """On each route that takes an id."""
    gateway = people(duplicate_check=duplicate_check)
    asked = send_body(ONE, request_id="a") if route is SEND else body(request_id="a")
    ask(gateway, *route, asked | named | {"text": ""})

    assert ask(gateway, *route, asked | named)[0] == again


@pytest.mark.parametrize("route", [SEND, CREATE, CREATE_TAG], ids=lambda one: one[1])
def test_a_request_that_was_only_received_may_burn_its_id(route):
    """As a gateway does that fails after reading."""
    gateway = people(duplicate_check="on_receipt")
    gateway.receive(call(*route, {"request_id": "a"}))

    assert ask(gateway, *SEND, send_body(ONE, request_id="a"))[1]["code"] == 120


def test_a_campaign_is_priced_and_confirmed_without_a_body():
    """Status tells the duration, too; the page of the confirmation shows no body."""
    gateway = people()
    ticket = ready(gateway, get_back_pressed_keys=True, segmentation="filter")
    named = {"ticket_number": ticket}

    assert ask(gateway, *STATUS, query=named.items())[1] == {
        "number_of_contacts": 2,
        "cost": 0.2,
        "status": "ready_to_be_sent",
        "estimated_duration": 0.33,
    }
    assert ask(gateway, *DRAFT)[1]["ticket_number"] == ticket
    assert ask(gateway, *CONFIRM_TAG, named)[1]["code"] == 131
    assert ask(gateway, *CONFIRM, named) == (200, None)
    assert ask(gateway, *CONFIRM, named)[1]["code"] == 132
    assert ask(gateway, *DRAFT)[1]["code"] == 131
    (entry,) = gateway.sent_log.entries
    assert entry.ignored_fields == ()
    assert entry.operation == "voice-campaign-on-list/send"
    assert gateway.credit == Decimal("999.8")


def test_a_campaign_to_nobody_fails():
    """Its status says so."""
    gateway = people(computation_polls=0)
    created = ask(gateway, *CREATE, body(list_name="nobody"))[1]

    assert ask(gateway, *STATUS, query=created.items())[1]["status"] == "failed"


def test_the_namespaces_refuse_each_others_tickets():
    """A wrong path does not go unnoticed; nor is one's draft the other's."""
    gateway = people()
    named = {"ticket_number": ready(gateway)}
    later = (gateway.clock.now() + timedelta(days=1)).isoformat()
    sms = {"ticket_number": send(gateway, send_at=later)[1]["sms_ticket"]}

    assert ask(gateway, "POST", "sms-campaign-on-list/send", named)[1]["code"] == 131
    assert ask(gateway, "DELETE", "sms-campaign/cancel", named)[1]["code"] == 131
    assert ask(gateway, "GET", "sms-campaign/draft")[1]["code"] == 131
    assert ask(gateway, *CANCEL, sms)[1]["code"] == 131
    assert gateway.sent_log.times(ONE) == 1


def test_one_waiting_campaign_for_each_channel_may_be_all():
    """126, but for the other channel: our choice, as each has its own draft."""
    gateway = people(refuses_second_campaign=True)
    ready(gateway)

    second = ask(gateway, *CREATE_TAG, body(tag_name="vip"))

    assert second[1]["code"] == 126


def test_the_limits_of_cancelling_are_those_of_sms():
    """Fewer than 3 recipients, more than 10 minutes ahead."""
    gateway = people()
    soon = (gateway.clock.now() + timedelta(minutes=10)).isoformat()
    later = (gateway.clock.now() + timedelta(minutes=11)).isoformat()

    def cancel(*numbers, send_at):
        sent = ask(gateway, *SEND, send_body(*numbers, send_at=send_at))[1]
        return ask(gateway, *CANCEL, {"ticket_number": sent["vocal_ticket"]})

    assert cancel(ONE, TWO, THREE, send_at=later)[1]["code"] == 400
    assert cancel(ONE, send_at=soon)[1]["code"] == 127
    assert cancel(ONE, send_at=None)[1]["code"] == 132
    assert cancel(ONE, TWO, send_at=later) == (204, None)


def test_the_channels_share_the_month_of_cancellations():
    """A thousand for an account: counted together, our choice."""
    gateway = people()
    later = (gateway.clock.now() + timedelta(hours=1)).isoformat()
    for _ in range(1000):
        sms = send(gateway, send_at=later)[1]["sms_ticket"]
        ask(gateway, "DELETE", "sms-campaign/cancel", {"ticket_number": sms})

    sent = ask(gateway, *SEND, send_body(ONE, send_at=later))[1]["vocal_ticket"]

    assert ask(gateway, *CANCEL, {"ticket_number": sent})[1]["code"] == 128


# --- the document as judge ------------------------------------------------------------


class Checked:
    """A gateway each of whose answers is held against the document."""

    def __init__(self, **settings):
        self.gateway = people(**settings)
        self.seen = set()

    def ask(self, name, sent=None, query=()):
        """Ask, and check the answer."""
        method, path, _ = operations()[name]
        request = call(method, path.removeprefix("/v1/public/"), sent, query=query)
        status, answer = read(self.gateway.handle(request))
        schema = response_schema(name, status)
        # The document guesses the body of a confirmation, of which none is shown.
        if schema and not (name.startswith("confirm") and status == 200):
            assert problems(schema, answer) == []
        self.seen.add((name, status))
        return answer


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"figures_as_text": True},
        {"misspells_ready": True},
        {"pending_as_400": True},
        {"duplicate_check": "on_receipt"},
    ],
    ids=str,
)
def test_every_answer_of_the_gateway_fits_the_document(settings):
    """All nine operations: success, refusal, and the state in between."""
    checked = Checked(**settings)
    later = (checked.gateway.clock.now().replace(year=2030)).isoformat()

    sent = checked.ask("send_voice_campaign", send_body(ONE, send_at=later))
    checked.ask("send_voice_campaign", send_body(ONE, text=""))
    named = {"ticket_number": sent["vocal_ticket"]}
    checked.ask("cancel_voice_campaign", named)
    checked.ask("cancel_voice_campaign", named)
    checked.ask("get_voice_campaign_draft")
    for kind, name in (("list", "people"), ("tag", "vip")):
        create, confirm = (
            f"{verb}_voice_campaign_on_{kind}" for verb in ("create", "confirm")
        )
        prepared = checked.ask(create, body(**{f"{kind}_name": name}))
        checked.ask(create, body())
        checked.ask(confirm, prepared)
        for _ in range(2):
            checked.ask("get_voice_campaign_on_list_status", query=prepared.items())
        checked.ask("get_voice_campaign_draft")
        checked.ask(confirm, prepared)
        checked.ask("get_voice_campaign_on_list_status", query=prepared.items())
        checked.ask("cancel_voice_campaign_on_list", prepared)
        dropped = checked.ask(create, body(**{f"{kind}_name": name}))
        checked.ask("cancel_voice_campaign_on_list", dropped)

    assert {name for name, status in checked.seen if status < 300} == set(OPERATIONS)
    assert {name for name, status in checked.seen if status == 400} == set(OPERATIONS)
    assert checked.gateway.sent_log.numbers() == {ONE: 1, TWO: 1, THREE: 1}


@pytest.mark.parametrize(
    ("name", "sample"),
    [
        one
        for one in cases_of(*(name for name in OPERATIONS if "send" in name))
        if one.values[1]["request"]
    ],
)
def test_the_gateway_answers_a_sample_as_documented(name, sample):
    """The status of the sample, and every field of its answer."""
    gateway = people()
    method, path, _ = operations()[name]

    request = call(method, path.removeprefix("/v1/public/"), sample["request"])
    status, answer = read(gateway.handle(request))

    assert status == sample["status"]
    assert set(answer) == set(sample["response"])
