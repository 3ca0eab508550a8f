"""List and tag campaigns from creation to sending."""

from datetime import timedelta

import pytest
from sandbox.calls import (
    HEADERS,
    ONE,
    THREE,
    TWO,
    ask,
    call,
    fresh_gateway,
    read,
    send_body,
)


CREATE = ("POST", "sms-campaign-on-list/create")
CREATE_TAG = ("POST", "sms-campaign-on-tag/create")
STATUS = ("GET", "sms-campaign-on-list/status")
CONFIRM = ("POST", "sms-campaign-on-list/send")
CONFIRM_TAG = ("POST", "sms-campaign-on-tag/send")
DROP = ("DELETE", "sms-campaign-on-list/cancel")
CANCEL = ("DELETE", "sms-campaign/cancel")
DRAFT = ("GET", "sms-campaign/draft")


def gateway_with_people(**settings):
    """Make a gateway with a list, a tag, an empty list, and one of bad numbers."""
    gateway = fresh_gateway(**settings)
    gateway.lists["people"] = [ONE, {"phone_number": TWO, "first_name": "Al"}]
    gateway.lists["nobody"] = []
    gateway.lists["bad"] = ["123", {"phone_number": None}, {}]
    gateway.tags["vip"] = [THREE]
    return gateway


def body(name="people", **changes):
    """Body of a create call."""
    return send_body(**({"recipients": None, "list_name": name} | changes))


def create(gateway, *names, **changes):
    """Create a campaign; its ticket."""
    status, answer = ask(gateway, *CREATE, body(*names, **changes))
    assert status == 201
    return answer["ticket_number"]


def status_of(gateway, ticket):
    """Ask for the status."""
    return ask(gateway, *STATUS, query=[("ticket_number", ticket)])


def ready(gateway, *names, **changes):
    """Create a campaign and wait until it is computed."""
    ticket = create(gateway, *names, **changes)
    while status_of(gateway, ticket)[1].get("status") in (None, "under_computation"):
        pass
    return ticket


def test_nothing_is_sent_before_the_confirmation():
    """Creating and asking cost nothing."""
    gateway = gateway_with_people()

    ready(gateway)

    assert (len(gateway.sent_log), gateway.credit) == (0, 1000)


def test_the_status_tells_contacts_and_price_once_computed():
    """First under_computation, then ready_to_be_sent."""
    gateway = gateway_with_people(computation_polls=2)
    ticket = create(gateway)

    answers = [status_of(gateway, ticket) for _ in range(4)]

    pending = {"number_of_contacts": 0, "cost": 0.0, "status": "under_computation"}
    done = {"number_of_contacts": 2, "cost": 0.1, "status": "ready_to_be_sent"}
    assert answers == [(200, pending)] * 2 + [(200, done)] * 2


def test_the_computation_may_take_time():
    """Seconds on the gateway's clock, besides polls."""
    gateway = gateway_with_people(computation_seconds=60, computation_polls=0)
    ticket = create(gateway)

    gateway.clock.advance(59)
    assert status_of(gateway, ticket)[1]["status"] == "under_computation"
    gateway.clock.advance(1)
    assert status_of(gateway, ticket)[1]["status"] == "ready_to_be_sent"


def test_pending_may_be_a_refusal():
    """The status page announces a 400 while the campaign is not ready."""
    gateway = gateway_with_people(pending_as_400=True)
    ticket = create(gateway)

    status, answer = status_of(gateway, ticket)

    assert (status, answer["code"]) == (400, 129)
    assert status_of(gateway, ticket)[1]["status"] == "ready_to_be_sent"


def test_ready_may_be_misspelt():
    """A page's own sample prints it so."""
    gateway = gateway_with_people(misspells_ready=True, computation_polls=0)

    assert status_of(gateway, create(gateway))[1]["status"] == "ready_to_be_send"


def test_a_confirmed_campaign_is_sent_at_once():
    """It is paid and in the sent log, with the id of its creation."""
    gateway = gateway_with_people()
    ticket = ready(gateway, request_id="a", text="Hi {first_name}")

    status, answer = ask(gateway, *CONFIRM, {"ticket_number": ticket})

    assert (status, answer) == (200, {"sending_date": "2026-01-05T10:00:00+00:00"})
    (entry,) = gateway.sent_log.entries
    assert entry.recipients == (ONE, TWO)
    assert entry.texts == ("Hi ", "Hi Al")
    assert (entry.ticket, entry.request_id) == (ticket, "a")
    assert entry.operation == "sms-campaign-on-list/send"
    assert float(gateway.credit) == 999.9


def test_a_confirmed_campaign_may_leave_later():
    """The sending date is the one that was asked for."""
    gateway = gateway_with_people()
    ticket = ready(gateway, send_at="2026-06-01T12:00:00+03:00")

    _, answer = ask(gateway, *CONFIRM, {"ticket_number": ticket})

    assert answer == {"sending_date": "2026-06-01T12:00:00+03:00"}
    assert gateway.sent_log.entries[0].send_at.isoformat() == answer["sending_date"]


def test_a_schedule_that_passed_before_the_confirmation_means_at_once():
    """What counts is the moment of the confirmation."""
    gateway = gateway_with_people()
    send_at = (gateway.clock.now() + timedelta(hours=1)).isoformat()
    ticket = ready(gateway, send_at=send_at)
    gateway.clock.advance(7200)

    _, answer = ask(gateway, *CONFIRM, {"ticket_number": ticket})

    assert answer == {"sending_date": "2026-01-05T12:00:00+00:00"}
    assert gateway.sent_log.entries[0].send_at is None


def test_confirming_twice_sends_once():
    """The second time it was already sent."""
    gateway = gateway_with_people()
    ticket = ready(gateway)
    ask(gateway, *CONFIRM, {"ticket_number": ticket})

    status, answer = ask(gateway, *CONFIRM, {"ticket_number": ticket})

    assert (status, answer["code"]) == (400, 132)
    assert gateway.sent_log.times(ONE) == 1
    assert status_of(gateway, ticket)[1]["code"] == 132


def test_confirming_too_early_is_refused():
    """129, until it is computed."""
    gateway = gateway_with_people()
    ticket = create(gateway)

    assert ask(gateway, *CONFIRM, {"ticket_number": ticket})[1]["code"] == 129
    assert len(gateway.sent_log) == 0


def test_confirming_without_credit_is_refused():
    """And works once somebody has paid in."""
    gateway = gateway_with_people(credit=0)
    ticket = ready(gateway)

    assert ask(gateway, *CONFIRM, {"ticket_number": ticket})[1]["code"] == 104
    gateway.credit = 1
    assert ask(gateway, *CONFIRM, {"ticket_number": ticket})[0] == 200


def test_creating_twice_with_one_id_is_refused():
    """And does not give the first ticket back."""
    gateway = gateway_with_people()
    ticket = create(gateway, request_id="a")

    status, answer = ask(gateway, *CREATE, body(request_id="a"))

    assert (status, answer["code"]) == (400, 120)
    assert ticket not in str(answer)


@pytest.mark.parametrize("route", [CONFIRM, DROP, CANCEL])
def test_a_campaign_of_another_account_is_unknown(route):
    """Whatever is asked of it."""
    gateway = gateway_with_people()
    ticket = {"ticket_number": ready(gateway)}
    stranger = HEADERS | {"api-login": "you@example.org"}

    _, answer = read(gateway.handle(call(*route, ticket, headers=stranger)))

    assert answer["code"] == 131
    assert ask(gateway, *CONFIRM, ticket)[0] == 200


def test_confirming_does_not_renew_the_id():
    """It is remembered from the creation on, and for a day."""
    gateway = gateway_with_people()
    ticket = ready(gateway, request_id="a")
    gateway.clock.advance(24 * 3600)
    ask(gateway, *CONFIRM, {"ticket_number": ticket})

    assert ask(gateway, *CREATE, body(request_id="a"))[0] == 201


@pytest.mark.parametrize("name", ["nobody", "bad"])
def test_a_campaign_without_a_valid_number_fails(name):
    """Its status says so, and it cannot be confirmed."""
    gateway = gateway_with_people()
    ticket = ready(gateway, name)

    assert status_of(gateway, ticket)[1]["status"] == "failed"
    assert ask(gateway, *CONFIRM, {"ticket_number": ticket})[1]["code"] == 134
    assert ask(gateway, *DRAFT)[1]["code"] == 131


def test_a_tag_campaign_is_confirmed_on_its_own_path():
    """Status and cancel are those of lists."""
    gateway = gateway_with_people()
    tagged = body(None, tag_name="vip")
    ticket = ask(gateway, *CREATE_TAG, tagged)[1]["ticket_number"]
    status_of(gateway, ticket)

    assert ask(gateway, *CONFIRM, {"ticket_number": ticket})[1]["code"] == 131
    assert ask(gateway, *CONFIRM_TAG, {"ticket_number": ticket})[0] == 200
    assert gateway.sent_log.numbers() == {THREE: 1}


@pytest.mark.parametrize(
    ("route", "changes", "code", "told"),
    [
        pytest.param(CREATE, {"list_name": "?"}, 303, "list_name", id="unknown list"),
        pytest.param(CREATE_TAG, {"tag_name": "?"}, 303, "tag_name", id="unknown tag"),
        pytest.param(CREATE, {"list_name": None}, 400, "list_name", id="no list"),
        pytest.param(CREATE, {"list_name": ""}, 400, "list_name", id="empty name"),
        pytest.param(CREATE_TAG, {}, 400, "tag_name", id="no tag"),
        pytest.param(CREATE, {"text": ""}, 107, "text", id="no text"),
        pytest.param(CREATE, {"purpose": None}, 121, "STOP", id="no STOP"),
        pytest.param(CREATE, {"type": "sms_vocal"}, 208, "type", id="voice type"),
    ],
)
def test_a_bad_campaign_is_refused(route, changes, code, told):
    """HTTP 400 and the code of the table."""
    status, answer = ask(gateway_with_people(), *route, body(**changes))

    assert (status, answer["code"]) == (400, code)
    assert told in answer["message"]


def test_a_dropped_campaign_is_gone():
    """204; nothing can be done with it any more."""
    gateway = gateway_with_people()
    ticket = ready(gateway)

    assert ask(gateway, *DROP, {"ticket_number": ticket}) == (204, None)
    assert ask(gateway, *DROP, {"ticket_number": ticket})[1]["code"] == 131
    assert status_of(gateway, ticket)[1]["code"] == 131
    assert ask(gateway, *CONFIRM, {"ticket_number": ticket})[1]["code"] == 131


def test_a_sent_campaign_cannot_be_dropped():
    """It has left."""
    gateway = gateway_with_people()
    ticket = ready(gateway)
    ask(gateway, *CONFIRM, {"ticket_number": ticket})

    assert ask(gateway, *DROP, {"ticket_number": ticket})[1]["code"] == 132
    assert gateway.sent_log.times(ONE) == 1


@pytest.mark.parametrize("route", [DROP, CANCEL], ids=["on-list", "direct"])
def test_a_confirmed_campaign_can_be_called_back_until_it_leaves(route):
    """Nobody gets it, the money comes back, and it is gone for every call."""
    gateway = gateway_with_people()
    ticket = ready(gateway, send_at="2026-06-01T12:00:00+03:00")
    ask(gateway, *CONFIRM, {"ticket_number": ticket})

    assert ask(gateway, *route, {"ticket_number": ticket})[0] == 204
    assert (gateway.sent_log.numbers(), gateway.credit) == ({}, 1000)
    assert status_of(gateway, ticket)[1]["code"] == 131


def test_a_scheduled_campaign_that_has_left_cannot_be_dropped():
    """The schedule follows the clock."""
    gateway = gateway_with_people()
    ticket = ready(gateway, send_at=(gateway.clock.now() + timedelta(1)).isoformat())
    ask(gateway, *CONFIRM, {"ticket_number": ticket})
    gateway.clock.advance(86400)

    assert ask(gateway, *DROP, {"ticket_number": ticket})[1]["code"] == 132


def test_a_simulated_campaign_reaches_nobody():
    """It may be confirmed, costs nothing, and then counts as sent."""
    gateway = gateway_with_people(credit=0)
    ticket = ready(gateway, simulation_mode=True)

    assert ask(gateway, *CONFIRM, {"ticket_number": ticket})[0] == 200
    assert gateway.sent_log.entries[0].simulated
    assert gateway.sent_log.numbers() == {}
    assert ask(gateway, *DROP, {"ticket_number": ticket})[1]["code"] == 132
    assert ask(gateway, *CANCEL, {"ticket_number": ticket})[1]["code"] == 132


def test_the_draft_is_the_campaign_that_waits():
    """Created, computed and not yet confirmed; code 0 is success."""
    gateway = gateway_with_people()
    create(gateway)
    ticket = create(gateway)
    assert ask(gateway, *DRAFT)[1]["code"] == 129
    status_of(gateway, ticket)

    status, answer = ask(gateway, *DRAFT)

    assert status == 200
    assert answer == {
        "ticket_number": ticket,
        "number_of_contacts": 2,
        "number_of_sms_needed": 2,
        "residual_credit": 1000.0,
        "total_cost": 0.1,
        "status": "validated",
        "message": "",
        "code": 0,
    }


def test_without_a_waiting_campaign_there_is_no_draft():
    """Neither before one is created, nor after it is sent, nor for another account."""
    gateway = gateway_with_people()
    assert ask(gateway, *DRAFT)[1]["code"] == 131
    ticket = ready(gateway)
    other = call(*DRAFT, headers=HEADERS | {"api-login": "you@example.org"})
    assert read(gateway.handle(other))[1]["code"] == 131

    ask(gateway, *CONFIRM, {"ticket_number": ticket})

    assert ask(gateway, *DRAFT)[1]["code"] == 131


def test_the_draft_can_be_cancelled_within_the_limits():
    """Operation 3 works on it as well: fewer than 3 recipients."""
    gateway = gateway_with_people()
    gateway.lists["three"] = [ONE, TWO, THREE]

    assert ask(gateway, *CANCEL, {"ticket_number": ready(gateway)})[0] == 204
    three = {"ticket_number": ready(gateway, "three")}
    assert ask(gateway, *CANCEL, three)[1]["code"] == 400


def test_a_gateway_may_allow_one_waiting_campaign_only():
    """As the legacy code 126 suggests; the next may come once it is sent."""
    gateway = gateway_with_people(refuses_second_campaign=True)
    ticket = ready(gateway)

    assert ask(gateway, *CREATE, body())[1]["code"] == 126
    ask(gateway, *CONFIRM, {"ticket_number": ticket})
    assert ask(gateway, *CREATE, body())[0] == 201


def test_blacklisted_contacts_are_left_out():
    """As with direct sends."""
    gateway = gateway_with_people()
    gateway.blacklist.add(ONE)
    ticket = ready(gateway, auto_remove_blacklisted_numbers=True)

    ask(gateway, *CONFIRM, {"ticket_number": ticket})

    assert gateway.sent_log.numbers() == {TWO: 1}
