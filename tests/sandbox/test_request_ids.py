"""Both laws that a request_id may follow, and how long it is remembered."""

import pytest
from sandbox.calls import (
    HEADERS,
    ONE,
    call,
    fresh_gateway,
    read,
    send,
    send_body,
    send_call,
)


SEND = "sms-campaign/send"
DAY = 24 * 3600
LAWS = pytest.mark.parametrize("duplicate_check", ["on_accept", "on_receipt"])


@LAWS
def test_an_accepted_id_is_refused_for_a_day(duplicate_check):
    """HTTP 400 with code 120, without the first ticket; nothing is sent again."""
    gateway = fresh_gateway(duplicate_check=duplicate_check)
    send(gateway, request_id="a")

    status, answer = send(gateway, request_id="a")

    assert (status, answer["code"]) == (400, 120)
    assert "sms_5" not in str(answer)
    assert gateway.sent_log.times(ONE) == 1


@LAWS
def test_an_id_is_forgotten_after_24_hours(duplicate_check):
    """One second before it protects, then no more: it is sent twice."""
    gateway = fresh_gateway(duplicate_check=duplicate_check)
    send(gateway, request_id="a")

    gateway.clock.advance(DAY - 1)
    assert send(gateway, request_id="a")[1]["code"] == 120
    gateway.clock.advance(1)
    assert send(gateway, request_id="a")[0] == 201
    assert gateway.sent_log.times(ONE) == 2


@LAWS
def test_a_refused_repeat_does_not_make_the_memory_longer(duplicate_check):
    """The 24 hours run from the first time."""
    gateway = fresh_gateway(duplicate_check=duplicate_check)
    send(gateway, request_id="a")
    gateway.clock.advance(DAY / 2)
    send(gateway, request_id="a")
    gateway.clock.advance(DAY / 2)

    assert send(gateway, request_id="a")[0] == 201


def test_the_memory_follows_the_wall_clock():
    """A gateway whose clock jumps a day has forgotten."""
    gateway = fresh_gateway()
    send(gateway, request_id="a")
    gateway.clock.jump(DAY)

    assert send(gateway, request_id="a")[0] == 201


def test_a_wall_clock_that_steps_back_forgets_nothing():
    """An id from the future is an id."""
    gateway = fresh_gateway()
    send(gateway, request_id="a")
    gateway.clock.jump(-3600)

    assert send(gateway, request_id="a")[1]["code"] == 120


@pytest.mark.parametrize(
    ("duplicate_check", "again"),
    [
        pytest.param("on_accept", 201, id="accept"),
        pytest.param("on_receipt", 400, id="burn"),
    ],
)
@pytest.mark.parametrize(
    "changes",
    [{"text": ""}, {"recipients": []}, {"simulation_mode": True}],
    ids=["refused text", "refused recipients", "simulated"],
)
def test_the_laws_differ_on_calls_that_send_nothing(duplicate_check, again, changes):
    """Noted on acceptance, the id is free; burnt on receipt, it is gone."""
    gateway = fresh_gateway(duplicate_check=duplicate_check)
    send(gateway, request_id="a", **changes)

    status, answer = send(gateway, request_id="a")

    assert status == again
    assert answer.get("code") == (120 if duplicate_check == "on_receipt" else None)
    assert gateway.sent_log.times(ONE) == (0 if duplicate_check == "on_receipt" else 1)


@pytest.mark.parametrize(
    ("duplicate_check", "again"),
    [
        pytest.param("on_accept", 201, id="accept"),
        pytest.param("on_receipt", 400, id="burn"),
    ],
)
def test_the_laws_differ_on_calls_that_are_only_received(duplicate_check, again):
    """A gateway that fails after it has read the request."""
    gateway = fresh_gateway(duplicate_check=duplicate_check)

    gateway.receive(send_call(request_id="a"))

    assert len(gateway.sent_log) == 0
    assert send(gateway, request_id="a")[0] == again


def test_a_burnt_id_is_not_burnt_anew():
    """The 24 hours run from the first receipt here, too."""
    gateway = fresh_gateway(duplicate_check="on_receipt")
    for _ in range(2):
        gateway.receive(send_call(request_id="a"))
        gateway.clock.advance(DAY / 2)

    assert send(gateway, request_id="a")[0] == 201


def test_a_call_that_is_not_let_in_burns_no_id():
    """Without credentials there is no account that it could belong to."""
    gateway = fresh_gateway(duplicate_check="on_receipt")
    unknown = call("POST", SEND, send_body(request_id="a"), headers={})

    gateway.receive(unknown)
    gateway.handle(unknown)

    assert send(gateway, request_id="a")[0] == 201


def test_operations_without_an_id_burn_none():
    """Whatever their body holds."""
    gateway = fresh_gateway(duplicate_check="on_receipt")

    gateway.receive(call("DELETE", "sms-campaign/cancel", {"request_id": "a"}))

    assert send(gateway, request_id="a")[0] == 201


def test_each_account_has_its_own_ids():
    """Two customers may use the same id."""
    gateway = fresh_gateway()
    send(gateway, request_id="a")
    other = HEADERS | {"api-login": "you@example.org"}

    request = call("POST", SEND, send_body(request_id="a"), headers=other)

    assert read(gateway.handle(request))[0] == 201


def test_sending_and_creating_share_their_ids():
    """One account has one memory."""
    gateway = fresh_gateway()
    gateway.lists["people"] = [ONE]
    send(gateway, request_id="a")
    body = send_body(recipients=None, list_name="people", request_id="a")

    status, answer = read(
        gateway.handle(call("POST", "sms-campaign-on-list/create", body))
    )

    assert (status, answer["code"]) == (400, 120)


def test_the_body_of_a_repeat_is_not_looked_at():
    """Another text or no credit: the id alone decides."""
    gateway = fresh_gateway()
    send(gateway, request_id="a")
    gateway.credit = 0

    assert send(gateway, request_id="a", text="")[1]["code"] == 120


def test_without_an_id_nothing_protects():
    """Two calls are two messages."""
    gateway = fresh_gateway()
    send(gateway)
    send(gateway)

    assert gateway.sent_log.times(ONE) == 2


def test_a_deferred_request_is_executed_when_the_next_one_comes():
    """A late commit of the first makes the repeat a duplicate."""
    gateway = fresh_gateway()
    gateway.defer(send_call(request_id="a"))
    assert len(gateway.sent_log) == 0

    assert send(gateway, request_id="a")[1]["code"] == 120
    assert gateway.sent_log.times(ONE) == 1


def test_a_deferred_request_is_executed_in_its_time():
    """Whoever looks into the sent log later finds it."""
    gateway = fresh_gateway()
    gateway.defer(send_call(), seconds=3)

    gateway.clock.advance(2.9)
    assert len(gateway.sent_log) == 0
    gateway.clock.advance(0.1)
    assert len(gateway.sent_log) == 1


def test_settling_executes_what_was_deferred():
    """At the end of a test nothing may be left hanging."""
    gateway = fresh_gateway()
    gateway.defer(send_call())

    gateway.settle()

    assert len(gateway.sent_log) == 1
