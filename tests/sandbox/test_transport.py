"""The door in process: what the client meets, and what the gateway did."""

import asyncio
import json

import pytest
from sandbox.calls import LOGIN, ONE, call, fresh_gateway, read, send, send_call

from aiooctopush.errors import (
    NotSentError,
    TransportSecurityError,
    UnknownOutcomeError,
)
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxTransport, VirtualClock
from aiooctopush.sandbox.faults import KINDS, Commit


NOT_SENT = {"connection_refused", "dns_failure", "connect_timeout", "tls_failure"}
SILENT = {
    "rst_accept",
    "fin_accept",
    "rst_after_headers",
    "rst_after_commit",
    "fin_after_commit",
    "hang_before_commit",
    "hang_after_commit",
    "truncated_after_commit",
    "bad_status_line_after_commit",
    "bad_gzip_after_commit",
    "oversized_after_commit",
    "slow_loris_after_commit",
}
WAITING = {"hang_before_commit", "hang_after_commit", "slow_loris_after_commit"}
STATUS = {
    "error_500": 500,
    "error_500_after_commit": 500,
    "error_502_late_commit": 502,
    "error_503": 503,
    "error_504_after_commit": 504,
    "throttled_429": 429,
    "too_early_425": 425,
    "timeout_408": 408,
    "html_after_commit": 201,
    "empty_after_commit": 201,
    "bad_json_after_commit": 201,
    "no_ticket_after_commit": 201,
    "redirect_307": 307,
    "firewall_403": 403,
    "conflict_409": 409,
}


def transport_with(*kinds, gateway=None, **settings):
    """Make a transport that plays these faults in turn."""
    plan = FaultPlan.schedule(kinds)
    return SandboxTransport(gateway or fresh_gateway(), plan, **settings)


async def meet(kind, gateway=None):
    """Send once under a fault; the error, or the answer."""
    try:
        return await transport_with(kind, gateway=gateway).send(
            send_call(request_id="a")
        )
    except (NotSentError, UnknownOutcomeError) as error:
        return error


def test_every_kind_is_played():
    """A new kind needs a line in one of the tables."""
    assert {"bad_certificate", *NOT_SENT, *SILENT, *STATUS} == set(KINDS)


async def test_without_a_fault_the_gateway_answers():
    """The plain way."""
    gateway = fresh_gateway()

    response = await SandboxTransport(gateway).send(send_call())

    assert response.status == 201
    assert gateway.sent_log.times(ONE) == 1


async def test_a_transport_makes_its_own_gateway():
    """For the shortest of tests."""
    transport = SandboxTransport()

    await transport.send(send_call())
    await transport.close()

    assert transport.gateway.sent_log.times(ONE) == 1


@pytest.mark.parametrize("kind", sorted(NOT_SENT))
async def test_no_connection_means_not_sent(kind):
    """The one class that proves that nothing was done."""
    error = await meet(kind)

    assert type(error) is NotSentError


async def test_a_wrong_certificate_is_a_security_error():
    """Never to be tried again."""
    assert type(await meet("bad_certificate")) is TransportSecurityError


@pytest.mark.parametrize("kind", sorted(SILENT))
async def test_no_answer_means_unknown(kind):
    """Whatever the gateway did meanwhile."""
    assert type(await meet(kind)) is UnknownOutcomeError


@pytest.mark.parametrize("kind", sorted(STATUS))
async def test_an_odd_answer_is_an_answer(kind):
    """It is for the client to judge it."""
    assert (await meet(kind)).status == STATUS[kind]


@pytest.mark.parametrize("duplicate_check", ["on_accept", "on_receipt"])
@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_the_sent_log_holds_what_the_kind_says(kind, duplicate_check):
    """Committed or not; and under the harsher law a received id is burnt."""
    gateway = fresh_gateway(duplicate_check=duplicate_check)
    commits = KINDS[kind].commits

    await meet(kind, gateway)

    assert gateway.sent_log.times(ONE) == (commits is Commit.BEFORE)
    burnt = commits in {Commit.BEFORE, Commit.LATE} or (
        duplicate_check == "on_receipt" and commits is Commit.RECEIVED
    )
    assert (send(gateway, request_id="a")[0] == 400) == burnt
    late_or_free = commits is not Commit.RECEIVED or duplicate_check == "on_accept"
    assert gateway.sent_log.times(ONE) == late_or_free


@pytest.mark.parametrize("kind", sorted(SILENT))
async def test_silence_lasts_as_long_as_the_client_waits(kind):
    """Hangs take the time-out of the try; all others no time."""
    gateway = fresh_gateway()
    request = call("GET", "sms-campaign/draft", timeout=45.0)

    with pytest.raises(UnknownOutcomeError):
        await transport_with(kind, gateway=gateway).send(request)

    assert gateway.clock.sleeps == ([45.0] if kind in WAITING else [])


@pytest.mark.parametrize("kind", ["error_503", "throttled_429"])
async def test_a_busy_gateway_says_how_long(kind):
    """In seconds."""
    assert (await meet(kind)).headers["retry-after"] == "2"


async def test_a_redirect_leads_to_another_host():
    """Where nobody may follow with the key in hand."""
    assert (await meet("redirect_307")).headers[
        "location"
    ] == "https://elsewhere.invalid/"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("html_after_commit", b"<!doctype html><title>Welcome</title><h1>Welcome</h1>"),
        ("empty_after_commit", b""),
        ("bad_json_after_commit", b'{"sms_ticket": "s'),
    ],
)
async def test_spoilt_bodies(kind, body):
    """Status and headers are those of a success."""
    assert (await meet(kind)).body == body


async def test_only_the_ticket_is_lost():
    """Everything else can be read."""
    answer = json.loads((await meet("no_ticket_after_commit")).body)

    assert answer["number_of_contacts"] == 1
    assert "sms_ticket" not in answer


@pytest.mark.parametrize("kind", ["empty_after_commit", "no_ticket_after_commit"])
async def test_a_refusal_never_turns_into_a_success(kind):
    """A fault hides an answer; it does not lie about it."""
    gateway = fresh_gateway()

    response = await transport_with(kind, gateway=gateway).send(send_call(text=""))

    assert response.status == 400
    assert len(gateway.sent_log) == 0


@pytest.mark.parametrize(
    ("kind", "body"), [("html_after_commit", b"<"), ("no_ticket_after_commit", b"{}")]
)
async def test_an_answer_without_a_body_gets_one_as_200(kind, body):
    """204 would forbid it."""
    gateway = fresh_gateway()
    gateway.lists["people"] = [ONE]
    create = send_call(recipients=None, list_name="people")
    path = create.path.replace("sms-campaign/send", "sms-campaign-on-list/create")
    _, created = read(gateway.handle(call("POST", path[11:], json.loads(create.body))))

    response = await transport_with(kind, gateway=gateway).send(
        call("DELETE", "sms-campaign-on-list/cancel", created)
    )

    assert response.status == 200
    assert response.body.startswith(body)


async def test_a_late_commit_comes_before_the_next_request():
    """The repeat finds its id used."""
    gateway = fresh_gateway()
    transport = transport_with("error_502_late_commit", gateway=gateway)
    first = await transport.send(send_call(request_id="a"))
    assert len(gateway.sent_log) == 0

    second = await transport.send(send_call(request_id="a"))

    assert (first.status, read(second)[1]["code"]) == (502, 120)
    assert gateway.sent_log.times(ONE) == 1


async def test_a_late_commit_comes_before_a_request_that_fails_as_well():
    """Also where the next one is late itself, or only received."""
    gateway = fresh_gateway()
    late = "error_502_late_commit"
    transport = transport_with(late, late, "error_500", gateway=gateway)

    await transport.send(send_call())
    await transport.send(send_call())
    assert gateway.sent_log.times(ONE) == 1
    await transport.send(send_call())

    assert gateway.sent_log.times(ONE) == 2


async def test_a_late_commit_comes_after_a_while_by_itself():
    """Five seconds of the gateway's clock."""
    gateway = fresh_gateway()
    await transport_with("error_502_late_commit", gateway=gateway).send(send_call())

    gateway.clock.advance(5)

    assert gateway.sent_log.times(ONE) == 1


async def test_latency_passes_on_the_clock():
    """Before the gateway executes the request."""
    gateway = fresh_gateway()

    await SandboxTransport(gateway, latency=0.2).send(send_call())

    assert gateway.clock.sleeps == [0.2]
    assert (gateway.sent_log.entries[0].accepted_at - VirtualClock().now()).microseconds


async def test_the_waits_may_be_made_on_another_clock():
    """Two machines, two clocks."""
    gateway, clock = fresh_gateway(), VirtualClock()

    await SandboxTransport(gateway, clock=clock, latency=1).send(send_call())

    assert (clock.monotonic(), gateway.clock.monotonic()) == (1, 0)


async def test_an_answer_after_the_time_out_is_none():
    """It was executed all the same."""
    gateway = fresh_gateway()
    request = call("POST", "sms-campaign/send", json.loads(send_call().body), timeout=2)

    with pytest.raises(UnknownOutcomeError):
        await SandboxTransport(gateway, latency=3).send(request)

    assert gateway.clock.sleeps == [2]
    assert gateway.sent_log.times(ONE) == 1


@pytest.mark.parametrize(("steps", "sent"), [(1, 0), (2, 1)], ids=["before", "after"])
async def test_a_cancellation_finds_both_sides_of_the_commit(steps, sent):
    """A client that is cancelled may have sent, or not."""
    gateway = fresh_gateway()
    task = asyncio.create_task(SandboxTransport(gateway).send(send_call()))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert gateway.sent_log.times(ONE) == sent


async def test_errors_hold_neither_numbers_nor_credentials():
    """They get into logs."""
    for kind in KINDS:
        met = repr(await meet(kind, Gateway(clock=VirtualClock())))
        assert ONE not in met
        assert LOGIN not in met


async def storm(*, protected):
    """Send to 300 people under faults, each until an answer says that it is done."""
    gateway = fresh_gateway()
    faults = FaultPlan(probability=0.3, seed=7)
    transport = SandboxTransport(gateway, faults)
    people = [f"+33600{number:06d}" for number in range(300)]
    for number in people:
        request = send_call(number, request_id=number[1:] if protected else None)
        answer = {}
        # A ticket, or the word that the id was used.
        while "sms_ticket" not in answer and answer.get("code") != 120:
            try:
                answer = read(await transport.send(request))[1] or {}
            except (NotSentError, UnknownOutcomeError, ValueError):
                answer = {}
    gateway.settle()
    return [gateway.sent_log.times(number) for number in people]


async def test_the_judge_sees_what_a_careless_client_does():
    """Repeating without an id sends twice, and the sent log says how often."""
    times = await storm(protected=False)

    assert min(times) == 1
    assert max(times) > 1


async def test_the_judge_acquits_a_careful_client():
    """With the same id each gets it exactly once."""
    assert set(await storm(protected=True)) == {1}
