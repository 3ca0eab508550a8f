"""Mistakes that mutation testing planted and nobody noticed, each noticed here."""

import asyncio
import logging
from datetime import timedelta
from types import SimpleNamespace

import aiohttp
import pytest
from fakes import MESSAGE, ScriptedTransport, answer, refusal, session_over

from aiooctopush import (
    InvalidRequestError,
    InvalidResponseError,
    OctopushError,
    Outcome,
    RetryPolicy,
    SmsRequest,
    UnknownOutcomeError,
)
from aiooctopush._deadlines import Deadlines
from aiooctopush._exchange import read_body
from aiooctopush._responses import decode, read
from aiooctopush._wire import MAX_BODY, HttpResponse, encode, optional_int
from aiooctopush.api.sms import SEND
from aiooctopush.sandbox import VirtualClock
from aiooctopush.sandbox.clock import START
from aiooctopush.transport import _SingleAttempt


def silence():
    """A try that has no answer."""
    return UnknownOutcomeError("disconnected before a response")


def late_clock():
    """A clock that has run for a while: nothing begins at nought."""
    clock = VirtualClock()
    clock.advance(1_000)
    return clock


async def failure_of(transport, **options):
    """Send one message in vain."""
    async with session_over(transport, **options) as octopush:
        with pytest.raises(OctopushError) as caught:
            await octopush.sms.send(**MESSAGE)
    return caught.value


async def test_a_deadline_counts_from_the_beginning_of_the_call():
    """Not from the birth of the clock."""
    transport = ScriptedTransport(silence(), answer())

    async with session_over(transport, clock=late_clock()) as octopush:
        sent = await octopush.sms.send(**MESSAGE, timeout=30)

    assert (sent.outcome, sent.attempts) == (Outcome.ACCEPTED, 2)


async def test_a_deadline_that_a_wait_would_pass_ends_the_call():
    """Also on a clock that has run for a while, and without waiting first."""
    clock, transport = late_clock(), ScriptedTransport(silence(), answer())

    await failure_of(transport, clock=clock, retry=RetryPolicy(timeout=1.0))

    assert len(transport.requests) == 1
    assert clock.sleeps == []


async def test_a_cancelled_write_without_id_has_a_note_without_id():
    """The note ends where there is nothing more to say."""

    async def hang(_):
        await asyncio.Event().wait()

    async with session_over(ScriptedTransport(hang)) as octopush:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0):
                await octopush.sms.confirm("sms_1", audience="list")

    (note,) = caught.value.__cause__.__notes__
    assert note.endswith("was cancelled and may have been executed")


@pytest.mark.parametrize("script", [[answer()], [silence(), answer()]])
async def test_the_last_event_of_a_call_says_what_became_of_it(script):
    """Accepted, with its status, and how long this try took."""
    clock, events = late_clock(), []

    async def two_seconds_later(_):
        clock.advance(2)
        return script[-1]

    transport = ScriptedTransport(*script[:-1], two_seconds_later)
    async with session_over(transport, clock=clock, on_attempt=events.append) as one:
        await one.sms.send(**MESSAGE)

    last = events[-1]
    assert (last.outcome, last.status, last.delay) == (Outcome.ACCEPTED, 201, None)
    assert last.elapsed == pytest.approx(2.0)


async def test_a_broken_hook_is_named_in_the_log(caplog):
    """Whoever reads it knows where to look."""

    def broken(_):
        raise LookupError

    caplog.set_level(logging.ERROR, logger="aiooctopush")
    async with session_over(ScriptedTransport(answer()), on_attempt=broken) as octopush:
        await octopush.sms.send(**MESSAGE)

    assert [record.message for record in caplog.records] == ["on_attempt failed"]


async def test_giving_up_after_silence_keeps_what_the_last_answer_said():
    """The last refusal is not the whole truth, but all that it said is there."""
    throttled = refusal(438, retry_after="7", date="now")
    transport = ScriptedTransport(silence(), throttled)

    error = await failure_of(transport, retry=RetryPolicy(attempts=2))

    assert type(error) is UnknownOutcomeError
    assert (error.status, error.code, error.retry_after) == (400, 438, 7.0)
    assert error.headers == {"retry-after": "7", "date": "now"}


async def test_a_new_id_is_as_old_as_its_own_first_try():
    """Its 23 hours begin when it is taken, and not with the id before it."""
    clock = VirtualClock()
    transport = ScriptedTransport(
        answer(429, {}, retry_after="20"), *(silence() for _ in range(3))
    )

    error = await failure_of(transport, clock=clock)

    assert len(set(transport.ids)) == 2
    assert error.safe_to_retry_until == START + timedelta(hours=23, seconds=20)


async def test_at_the_very_end_of_its_protection_an_id_is_not_used():
    """At 23 hours sharp it is over."""
    clock = VirtualClock()
    transport = ScriptedTransport(answer())

    async with session_over(transport, clock=clock) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.sms.settle(
                SmsRequest(**MESSAGE),
                # A second of which settling waits before it asks.
                safe_to_retry_until=clock.now() + timedelta(seconds=1),
            )

    assert transport.requests == []
    assert caught.value.problem == "the request_id is too old to protect a retry"


async def test_the_log_says_what_is_done_and_to_which_request(caplog):
    """One line for each try that failed: where, which, why, and what comes next."""
    caplog.set_level(logging.DEBUG, logger="aiooctopush")
    transport = ScriptedTransport(silence(), refusal(120), refusal(121))

    async with session_over(transport) as octopush:
        await octopush.sms.send(**MESSAGE, request_id="order-1")
        with pytest.raises(InvalidRequestError):
            await octopush.sms.send(**MESSAGE, request_id="order-2")

    where = "POST /v1/public/sms-campaign/send"
    lines = [record.message for record in caplog.records]
    assert lines[0] == (
        f"{where} attempt 1: disconnected before a response; next attempt in 1.25 s"
    )
    assert lines[1].startswith(f"{where} attempt 2: refused with code 120")
    assert lines[1].endswith("; an earlier attempt was accepted")
    assert lines[2].endswith("; giving up")
    last = caplog.records[2]
    assert last.octopush_operation == where
    assert last.octopush_request_id == "order-2"
    assert (last.octopush_outcome, last.octopush_status) == ("refused", 400)


@pytest.mark.parametrize(
    "error",
    [aiohttp.ClientOSError(104, "reset"), aiohttp.ServerDisconnectedError()],
    ids=repr,
)
async def test_a_broken_connection_is_ours_before_aiohttp_sees_it(error):
    """So that aiohttp does not repeat a call by itself."""

    async def send(_):
        raise error

    with pytest.raises(UnknownOutcomeError, match=type(error).__name__):
        await _SingleAttempt("http://127.0.0.1:9")(SimpleNamespace(send=None), send)


# --- classification -------------------------------------------------------------------


def proven_by(status, body):
    """The error that an answer proves."""
    with pytest.raises(OctopushError) as caught:
        read(SEND, HttpResponse(status=status, body=body), {})
    return caught.value


@pytest.mark.parametrize("status", [401, 402])
def test_the_details_of_a_refusal_by_status_are_kept(status):
    """What else the body holds, whether the status or the code decided."""
    error = proven_by(status, b'{"message": "no", "until": "tomorrow"}')

    assert error.details == {"message": "no", "until": "tomorrow"}


@pytest.mark.parametrize("status", [402, 403])
def test_a_list_is_no_refusal_of_the_gateway(status):
    """The gateway refuses with an object."""
    error = proven_by(status, b"[1]")

    assert isinstance(error, InvalidResponseError)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[NaN]", "^NaN is not JSON$"),
        (b"[" * 100_000, "^nested too deeply$"),
        (b"[1e99999999999999999999]", "^a number out of range$"),
    ],
    ids=["NaN", "nesting", "number"],
)
def test_what_is_no_json_is_named(body, words):
    """The cause of the error says what was wrong with the body."""
    with pytest.raises(ValueError, match=words):
        decode(body)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (10**30 - 1, 10**30 - 1),
        (10**30, None),
        (1 - 10**30, 1 - 10**30),
        (-(10**30), None),
        (0, 0),
    ],
)
def test_a_count_has_at_most_thirty_digits(value, count):
    """A longer one is no count."""
    assert optional_int(value, None) == count


def test_a_record_leaves_out_what_is_not_set():
    """The gateway's own defaults are not ours to send."""
    body = decode(encode(SmsRequest(**MESSAGE, request_id="order-1")))

    assert sorted(body) == [
        *("purpose", "recipients", "request_id", "sender", "text", "type"),
    ]
    assert sorted(body["recipients"][0]) == ["phone_number"]


class _Dripping:
    """The body of an answer, in chunks of given sizes."""

    def __init__(self, *sizes):
        self._sizes = list(sizes)

    def is_eof(self):
        """Nothing came with the headers."""
        return False

    async def readany(self):
        """Give the next chunk."""
        return bytes(self._sizes.pop(0)) if self._sizes else b""


async def test_one_byte_too_many_is_noticed_wherever_the_chunks_end():
    """A body that reaches the limit exactly may still go on."""
    with Deadlines().limit(45.0) as deadline:
        with pytest.raises(InvalidResponseError):
            await read_body(_Dripping(MAX_BODY, 1), 201, deadline, 30.0)
        body = await read_body(_Dripping(MAX_BODY), 201, deadline, 30.0)
    assert len(body) == MAX_BODY
