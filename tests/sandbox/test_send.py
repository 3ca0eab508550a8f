"""Direct sends: answers, money, schedule, cancellation."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sandbox.calls import (
    HEADERS,
    NOON,
    ONE,
    THREE,
    TWO,
    ask,
    call,
    fresh_gateway,
    read,
    send,
    send_call,
)

from aiooctopush._clock import SystemClock
from aiooctopush.sandbox import Gateway, VirtualClock


CANCEL = ("DELETE", "sms-campaign/cancel")


def in_minutes(gateway, minutes):
    """Instant as it is sent."""
    return (gateway.clock.now() + timedelta(minutes=minutes)).isoformat()


def test_an_accepted_send_is_answered_as_documented():
    """201, a ticket like the sample's, and figures as numbers."""
    gateway = fresh_gateway()

    status, answer = send(gateway, ONE, TWO, text="x" * 161)

    assert status == 201
    assert answer == {
        "sms_ticket": "sms_5f3fbce61266e",
        "number_of_contacts": 2,
        "total_cost": 0.2,
        "number_of_sms_needed": 4,
        "residual_credit": 999.8,
    }


def test_an_accepted_send_is_in_the_sent_log():
    """With all that tests want to know."""
    gateway = fresh_gateway()

    send(gateway, ONE, request_id="abc", text="Hi")

    (entry,) = gateway.sent_log.entries
    assert entry.ticket == "sms_5f3fbce61266e"
    assert entry.request_id == "abc"
    assert entry.operation == "sms-campaign/send"
    assert entry.account == "me@example.org"
    assert entry.recipients == (ONE,)
    assert (entry.text, entry.sender) == ("Hi", "Acme")
    assert (entry.type, entry.purpose) == ("sms_premium", "alert")
    assert entry.send_at is None
    assert entry.accepted_at == gateway.clock.now()
    assert (entry.number_of_sms, entry.cost) == (1, Decimal("0.05"))
    assert not entry.simulated


def test_answers_carry_the_time_of_the_gateway():
    """A client may read how far the clocks are apart."""
    gateway = Gateway(clock=VirtualClock(NOON))

    response = gateway.handle(call("GET", "sms-campaign/draft"))

    assert response.headers["date"] == "Mon, 05 Jan 2026 12:00:00 GMT"


def test_a_gateway_has_the_clock_of_the_machine_by_default():
    """Virtual time is asked for."""
    assert isinstance(Gateway().clock, SystemClock)


def test_repr_of_a_gateway_shows_counts_only():
    """It may get into a failing test's output."""
    gateway = fresh_gateway()
    send(gateway)

    assert repr(gateway) == "<Gateway: <SentLog: 1 entries, 1 recipients>>"


def test_figures_may_come_as_text():
    """As the first PHP read-me shows them."""
    _, answer = send(fresh_gateway(figures_as_text=True))

    assert answer["number_of_contacts"] == "1"
    assert answer["total_cost"] == "0.05"
    assert answer["residual_credit"] == "999.95"


def test_tickets_are_unique_and_repeatable():
    """Two gateways give out the same tickets; one never gives one out twice."""

    def tickets(gateway):
        return [send(gateway)[1]["sms_ticket"] for _ in range(3)]

    gateway = fresh_gateway()
    first = tickets(gateway)
    gateway.reset()

    assert len({*first, *tickets(gateway)}) == 6
    assert first == tickets(fresh_gateway())


def test_low_cost_has_its_own_price():
    """And so has premium."""
    gateway = fresh_gateway(
        price_per_sms=Decimal("0.1"), low_cost_price_per_sms=Decimal("0.02")
    )

    assert send(gateway)[1]["total_cost"] == 0.1
    assert send(gateway, type="sms_low_cost")[1]["total_cost"] == 0.02


def test_cost_counts_the_merged_text_of_each_recipient():
    """Ann's fits into one part, the long name's does not."""
    recipients = [
        {"phone_number": ONE, "first_name": "Ann"},
        {"phone_number": TWO, "first_name": "x" * 50},
    ]

    _, answer = send(
        fresh_gateway(), recipients=recipients, text="{first_name}" + "x" * 120
    )

    assert answer["number_of_sms_needed"] == 3


def test_without_credit_nothing_is_sent():
    """Refused with 104 until somebody pays in."""
    gateway = fresh_gateway(credit=Decimal("0.09"))

    assert send(gateway, ONE, TWO)[1]["code"] == 104
    assert (len(gateway.sent_log), gateway.credit) == (0, Decimal("0.09"))
    gateway.credit = Decimal("0.10")
    assert send(gateway, ONE, TWO)[0] == 201
    assert gateway.credit == 0


def test_a_simulation_costs_nothing_and_reaches_nobody():
    """It tells a price, and needs no credit."""
    gateway = fresh_gateway(credit=Decimal(0))

    status, answer = send(gateway, simulation_mode=True, list_name="kept")

    assert (status, answer["total_cost"], answer["residual_credit"]) == (201, 0.05, 0)
    (entry,) = gateway.sent_log.entries
    assert (entry.simulated, entry.cost) == (True, 0)
    assert gateway.sent_log.times(ONE) == 0
    assert gateway.lists == {}


def test_the_contacts_of_a_send_may_be_kept_as_a_list():
    """As the newer reference has it; a second send adds to the list."""
    gateway = fresh_gateway()

    send(gateway, ONE, list_name="kept")
    send(gateway, TWO, list_name="kept")

    assert gateway.lists["kept"] == [{"phone_number": ONE}, {"phone_number": TWO}]


def test_blacklisted_numbers_are_removed_on_demand():
    """For a cent a request."""
    gateway = fresh_gateway()
    gateway.blacklist.add(ONE)

    _, answer = send(gateway, ONE, TWO, auto_remove_blacklisted_numbers=True)

    assert (answer["number_of_contacts"], answer["total_cost"]) == (1, 0.06)
    assert gateway.sent_log.numbers() == {TWO: 1}
    assert send(gateway, ONE)[0] == 201
    status, answer = send(gateway, ONE, auto_remove_blacklisted_numbers=True)
    assert (status, answer["code"]) == (400, 117)


@pytest.mark.parametrize(
    ("given", "leaves"),
    [
        pytest.param("2018-10-03T07:42:39-07:00", None, id="past"),
        pytest.param("2026-01-05T12:00:00+00:00", None, id="now"),
        pytest.param("2026-01-05T07:00:01-05:00", "12:00:01", id="future"),
        pytest.param("2026-01-05 13:00:00", None, id="Central European, now"),
        pytest.param("2026-01-05 13:00:01", "12:00:01", id="Central European"),
    ],
)
def test_a_send_leaves_at_its_time_or_at_once(given, leaves):
    """Once the moment has passed, it is sent immediately."""
    gateway = Gateway(clock=VirtualClock(NOON))

    status, _ = send(gateway, send_at=given)

    assert status == 201
    sent_at = gateway.sent_log.entries[0].send_at
    found = sent_at and sent_at.astimezone(NOON.tzinfo).time().isoformat()
    assert found == leaves


def test_a_scheduled_send_can_be_cancelled():
    """204 without a body; nobody gets it, and the money comes back."""
    gateway = fresh_gateway()
    _, answer = send(gateway, ONE, TWO, send_at=in_minutes(gateway, 11))

    status, said = ask(gateway, *CANCEL, {"ticket_number": answer["sms_ticket"]})

    assert (status, said) == (204, None)
    assert gateway.sent_log.numbers() == {}
    assert gateway.sent_log.entries[0].cancelled_at == gateway.clock.now()
    assert gateway.credit == 1000


@pytest.mark.parametrize(
    ("numbers", "minutes", "code"),
    [
        pytest.param((ONE,), 0, 132, id="left at once"),
        pytest.param((ONE,), 10, 127, id="leaves in 10 minutes"),
        pytest.param((ONE, TWO, THREE), 60, 400, id="3 recipients"),
    ],
)
def test_the_limits_of_cancelling_hold(numbers, minutes, code):
    """Fewer than 3 recipients, more than 10 minutes ahead."""
    gateway = fresh_gateway()
    send_at = in_minutes(gateway, minutes)
    _, answer = send(gateway, *numbers, send_at=send_at)

    status, said = ask(gateway, *CANCEL, {"ticket_number": answer["sms_ticket"]})

    assert (status, said["code"]) == (400, code)
    assert gateway.sent_log.times(ONE) == 1


def test_what_has_left_meanwhile_cannot_be_cancelled():
    """The schedule follows the clock."""
    gateway = fresh_gateway()
    _, answer = send(gateway, send_at=in_minutes(gateway, 30))
    gateway.clock.advance(1800)

    _, said = ask(gateway, *CANCEL, {"ticket_number": answer["sms_ticket"]})

    assert said["code"] == 132


def test_a_month_has_a_thousand_cancellations():
    """The next month starts anew."""
    gateway = fresh_gateway()

    def cancel():
        _, answer = send(gateway, send_at=in_minutes(gateway, 60))
        ticket = {"ticket_number": answer["sms_ticket"]}
        return ask(gateway, *CANCEL, ticket)

    assert [cancel()[0] for _ in range(1000)] == [204] * 1000
    assert cancel()[1]["code"] == 128
    gateway.clock.advance(31 * 86400)
    assert cancel()[0] == 204


def test_cancelling_twice_finds_nothing():
    """The first 204 stands; the second is refused and changes nothing."""
    gateway = fresh_gateway()
    _, answer = send(gateway, send_at=in_minutes(gateway, 60))
    ticket = {"ticket_number": answer["sms_ticket"]}
    ask(gateway, *CANCEL, ticket)

    assert ask(gateway, *CANCEL, ticket)[1]["code"] == 131
    assert gateway.credit == 1000


@pytest.mark.parametrize("body", [{}, {"ticket_number": 7}, {"ticket_number": ""}])
def test_a_ticket_has_to_be_given(body):
    """The path of the field is named."""
    status, answer = ask(fresh_gateway(), *CANCEL, body)

    assert (status, answer["code"]) == (400, 400)
    assert "ticket_number" in answer["message"]


def test_a_ticket_of_nobody_or_of_another_account_is_unknown():
    """Accounts do not see each other; a simulated ticket is a fake one."""
    gateway = fresh_gateway()
    _, mine = send(gateway, send_at=in_minutes(gateway, 60))
    _, fake = send(gateway, send_at=in_minutes(gateway, 60), simulation_mode=True)
    other = HEADERS | {"api-login": "you@example.org"}

    def cancel(ticket, headers):
        body = {"ticket_number": ticket}
        return read(gateway.handle(call(*CANCEL, body, headers=headers)))[1]["code"]

    assert cancel("sms_0", HEADERS) == 131
    assert cancel(mine["sms_ticket"], other) == 131
    assert cancel(fake["sms_ticket"], HEADERS) == 131


def test_a_reset_empties_the_gateway_and_keeps_its_lists():
    """SentLog, ids and credit are as new."""
    gateway = fresh_gateway()
    gateway.lists["a"] = [ONE]
    send(gateway, request_id="a")
    gateway.defer(send_call())

    gateway.reset()
    gateway.settle()

    assert (len(gateway.sent_log), gateway.credit) == (0, 1000)
    assert send(gateway, request_id="a")[0] == 201
    assert gateway.lists == {"a": [ONE]}
