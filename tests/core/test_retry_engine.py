"""The loop around `decide`: what is tried, when, under which id, and what comes out."""

import asyncio
import logging
import pickle
from datetime import timedelta

import pytest
from fakes import MESSAGE, ScriptedTransport, answer, refusal, session_over

from aiooctopush import (
    Audience,
    AuthenticationError,
    DuplicateRequestError,
    InsufficientCreditError,
    InvalidFieldError,
    InvalidRequestError,
    InvalidResponseError,
    NotSentError,
    OctopushError,
    OnUnknown,
    Outcome,
    RetryPolicy,
    SmsRequest,
    ThrottledError,
    Timeouts,
    TransportSecurityError,
    UnknownOutcomeError,
)
from aiooctopush._call import CallOptions
from aiooctopush._throttle import StopSignal
from aiooctopush.api.sms import SEND
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)
from aiooctopush.sandbox.clock import START


def silence():
    """A try that has no answer."""
    return UnknownOutcomeError("disconnected before a response")


def unreachable():
    """A try that never left."""
    return NotSentError("cannot connect")


async def send(transport, *, clock=None, policy=None, **options):
    """Send one message over a scripted transport."""
    async with session_over(transport, clock=clock, retry=policy) as octopush:
        return await octopush.sms.send(**MESSAGE, **options)


async def test_a_call_that_is_accepted_is_tried_once():
    """The happy path makes one try and waits for nothing."""
    clock, transport = VirtualClock(), ScriptedTransport(answer())

    sent = await send(transport, clock=clock)

    assert sent.outcome is Outcome.ACCEPTED
    assert sent.attempts == 1
    assert sent.request_id == transport.ids[0]
    assert clock.sleeps == []


async def test_a_try_that_never_left_is_repeated_fast_under_the_same_id():
    """Not sent: full jitter from a tenth of a second, id kept."""
    clock = VirtualClock()
    transport = ScriptedTransport(unreachable(), unreachable(), answer())

    sent = await send(transport, clock=clock)

    assert clock.sleeps == pytest.approx([0.05, 0.1])
    assert len(set(transport.ids)) == 1
    assert (sent.outcome, sent.attempts) == (Outcome.ACCEPTED, 3)


async def test_silence_is_followed_by_a_careful_repeat_under_the_same_id():
    """Unknown: at least a second, id kept, and a connection that is fresh."""
    clock, transport = VirtualClock(), ScriptedTransport(silence(), answer())

    await send(transport, clock=clock)

    assert clock.sleeps == pytest.approx([1.25])
    assert len(set(transport.ids)) == 1
    assert [one.fresh_connection for one in transport.requests] == [False, True]


@pytest.mark.parametrize("code", [120, 182])
async def test_a_duplicate_after_our_own_silence_is_presumed(code):
    """An earlier try of ours was taken: success, without a ticket."""
    sent = await send(ScriptedTransport(silence(), refusal(code, date="now")))

    assert sent.outcome is Outcome.PRESUMED
    assert sent.ticket is None
    assert sent.attempts == 2
    assert sent.status == 400
    assert sent.headers == {"date": "now"}


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([], id="first try"),
        pytest.param([unreachable()], id="after a try that never left"),
        pytest.param([refusal(153)], id="after a clean refusal"),
    ],
)
async def test_a_duplicate_without_silence_is_an_error(script):
    """Somebody else used the id: nothing of ours was sent."""
    with pytest.raises(DuplicateRequestError) as caught:
        await send(ScriptedTransport(*script, refusal(120)), request_id="order-1")

    assert caught.value.outcome is Outcome.REFUSED
    assert caught.value.maybe_sent is False
    assert caught.value.request_id == "order-1"


async def test_a_clean_refusal_for_speed_takes_a_new_id():
    """Throttled: never before Retry-After, and under a new id."""
    clock = VirtualClock()
    transport = ScriptedTransport(answer(429, {}, retry_after="7"), answer())

    sent = await send(transport, clock=clock)

    assert clock.monotonic() == pytest.approx(7.0)
    assert len(set(transport.ids)) == 2
    assert sent.request_id == transport.ids[1]


async def test_no_new_id_is_taken_once_a_try_was_silent():
    """The id of an unanswered try is kept through a later clean refusal."""
    transport = ScriptedTransport(silence(), answer(429, {}), answer())

    await send(transport)

    assert len(set(transport.ids)) == 1


async def test_an_id_of_the_caller_is_never_replaced():
    """The caller may have stored it."""
    transport = ScriptedTransport(answer(429, {}), answer())

    await send(transport, request_id="order-1")

    assert transport.ids == ["order-1", "order-1"]


async def test_the_id_of_a_record_is_never_replaced():
    """Whoever holds a record may submit it again."""
    request = SmsRequest(**MESSAGE)
    transport = ScriptedTransport(answer(429, {}), answer())

    async with session_over(transport) as octopush:
        await octopush.sms.send_request(request)

    assert transport.ids == [request.request_id] * 2


async def test_silence_in_all_tries_is_an_unknown_outcome():
    """The error says that it may have been sent, under which id, and how long."""
    transport = ScriptedTransport(*(silence() for _ in range(4)))

    with pytest.raises(UnknownOutcomeError) as caught:
        await send(transport)

    error = caught.value
    assert (error.outcome, error.maybe_sent) == (Outcome.UNKNOWN, True)
    assert error.attempts == 4
    assert error.request_id == transport.ids[0]
    assert error.safe_to_retry_until == START + timedelta(hours=23)
    assert error.operation == "POST /v1/public/sms-campaign/send"
    assert pickle.loads(pickle.dumps(error)).request_id == error.request_id  # noqa: S301


async def test_no_connection_in_all_tries_means_not_sent():
    """Nothing was sent, and the error says so."""
    with pytest.raises(NotSentError) as caught:
        await send(ScriptedTransport(*(unreachable() for _ in range(4))))

    assert caught.value.outcome is Outcome.NOT_SENT
    assert caught.value.maybe_sent is False


@pytest.mark.parametrize(
    "last", [unreachable(), refusal(438)], ids=["not sent", "throttled"]
)
async def test_giving_up_after_any_silence_is_an_unknown_outcome(last):
    """Though the last try alone would say that nothing was done."""
    transport = ScriptedTransport(silence(), last, last, last)

    with pytest.raises(UnknownOutcomeError) as caught:
        await send(transport)

    assert caught.value.maybe_sent is True
    assert type(caught.value.__cause__) in {NotSentError, ThrottledError}


async def test_a_refusal_after_silence_keeps_its_class_but_not_its_innocence():
    """The wrong key of the second try says nothing about the first."""
    with pytest.raises(AuthenticationError) as caught:
        await send(ScriptedTransport(silence(), refusal(101, 401)))

    assert caught.value.outcome is Outcome.UNKNOWN
    assert caught.value.maybe_sent is True


@pytest.mark.parametrize(
    ("step", "error"),
    [
        pytest.param(TransportSecurityError("bad"), TransportSecurityError, id="TLS"),
        pytest.param(refusal(121), InvalidRequestError, id="content"),
        pytest.param(refusal(101, 401), AuthenticationError, id="credentials"),
        pytest.param(refusal(104), InsufficientCreditError, id="credit"),
        pytest.param(answer(302, {}), InvalidResponseError, id="redirect"),
        pytest.param(answer(409, {}), InvalidResponseError, id="conflict"),
    ],
)
async def test_what_another_try_cannot_mend_is_not_tried_again(step, error):
    """One try, and its error."""
    transport = ScriptedTransport(step)

    with pytest.raises(error):
        await send(transport)

    assert len(transport.requests) == 1


async def test_a_retry_after_beyond_the_deadline_is_raised_at_once():
    """Nobody sleeps for what cannot succeed in time."""
    clock = VirtualClock()
    transport = ScriptedTransport(answer(429, {}, retry_after="61"))

    with pytest.raises(ThrottledError) as caught:
        await send(transport, clock=clock)

    assert caught.value.retry_after == 61.0
    assert clock.sleeps == []


async def test_the_pause_of_one_call_holds_all_calls_of_the_session():
    """A gateway that says slow down says it to the account, not to one task."""
    clock = VirtualClock()
    transport = ScriptedTransport(answer(429, {}, retry_after="120"), answer())

    async with session_over(transport, clock=clock) as octopush:
        with pytest.raises(ThrottledError):
            await octopush.sms.send(**MESSAGE)
        with pytest.raises(NotSentError, match="slow down") as caught:
            await octopush.sms.send(**MESSAGE)
        clock.advance(61)
        await octopush.sms.send(**MESSAGE)

    assert caught.value.retry_after == 120.0
    assert caught.value.attempts == 0
    assert clock.monotonic() == 120.0


async def test_a_budget_that_can_never_pay_ends_retries_and_says_so():
    """Nobody waits for tokens that cannot come."""
    transport = ScriptedTransport(silence())

    async with session_over(transport, retry=RetryPolicy(budget=13)) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.sms.send(**MESSAGE)

    assert caught.value.retry_budget_exhausted is True


async def test_a_call_of_unknown_outcome_waits_for_tokens():
    """They come back with time, 14 a second: its pause and the wait are one."""
    clock = VirtualClock()
    transport = ScriptedTransport(silence(), silence(), answer())

    async with session_over(
        transport, clock=clock, retry=RetryPolicy(budget=14, careful_base=0.0)
    ) as octopush:
        octopush._call._session.budget.take(14)
        sent = await octopush.sms.send(**MESSAGE)

    assert (sent.outcome, sent.attempts) == (Outcome.ACCEPTED, 3)
    assert clock.monotonic() == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        pytest.param(unreachable(), NotSentError, id="not sent"),
        pytest.param(refusal(438), ThrottledError, id="refused"),
    ],
)
async def test_what_is_known_does_not_wait_for_tokens(failure, error):
    """Nothing was sent, and the caller learns it at once."""
    clock = VirtualClock()

    async with session_over(ScriptedTransport(failure), clock=clock) as octopush:
        octopush._call._session.budget.take(500)
        with pytest.raises(error) as caught:
            await octopush.sms.send(**MESSAGE)

    assert caught.value.retry_budget_exhausted is True
    assert clock.sleeps == []


async def test_tokens_are_waited_for_until_the_deadline(caplog):
    """Then the call ends as unknown, and says why; the log does, too."""
    transport = ScriptedTransport(silence())

    async with session_over(transport) as octopush:
        octopush._call._session.budget.take(600)
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.sms.send(**MESSAGE, timeout=5)

    assert caught.value.retry_budget_exhausted is True
    assert caught.value.maybe_sent is True
    assert [one.levelname for one in caplog.records] == ["WARNING"]
    assert caplog.records[0].octopush_maybe_sent is True


async def test_the_quota_is_paid_back_by_success():
    """What the last retry cost comes back when it succeeds."""
    policy = RetryPolicy(budget=14)
    transport = ScriptedTransport(*[silence(), answer()] * 3)

    async with session_over(transport, retry=policy) as octopush:
        for _ in range(3):
            await octopush.sms.send(**MESSAGE)

    assert len(transport.requests) == 6


async def test_a_machine_that_was_suspended_for_a_day_does_not_repeat():
    """The monotonic clock stood still, the gateway forgot the id: never send again."""
    clock = VirtualClock()

    async def fall_asleep(_):
        clock.jump(23 * 3600)
        return silence()

    transport = ScriptedTransport(fall_asleep, answer())

    with pytest.raises(UnknownOutcomeError) as caught:
        await send(transport, clock=clock)

    assert len(transport.requests) == 1
    assert caught.value.safe_to_retry_until == START + timedelta(hours=23)


async def test_a_suspend_during_the_wait_is_seen_right_before_the_try():
    """The age of the id is looked at before every try, not only when deciding."""

    class SleepyClock(VirtualClock):
        async def sleep(self, seconds):
            await super().sleep(seconds)
            self.jump(24 * 3600)

    transport = ScriptedTransport(silence(), answer())

    with pytest.raises(UnknownOutcomeError, match="too old") as caught:
        await send(transport, clock=SleepyClock())

    assert len(transport.requests) == 1
    assert caught.value.maybe_sent is True
    assert caught.value.attempts == 1


async def test_a_clock_that_steps_back_does_not_make_an_id_younger():
    """Age is measured on the latest instant that was seen, the gateway's included."""
    clock = VirtualClock()

    async def step_back(_):
        clock.jump(-48 * 3600)
        return answer(500, {}, date="Tue, 06 Jan 2026 09:30:00 GMT")

    transport = ScriptedTransport(step_back, answer())

    with pytest.raises(UnknownOutcomeError):
        await send(transport, clock=clock)

    assert len(transport.requests) == 1


async def test_cancellation_passes_and_leaves_a_note():
    """Whoever is cancelled in the middle learns that it may have been sent."""

    async def hang(_):
        await asyncio.Event().wait()

    transport = ScriptedTransport(hang)
    async with session_over(transport) as octopush:
        task = asyncio.create_task(octopush.sms.send(**MESSAGE))
        while not transport.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task

    assert transport.ids[0] in caught.value.__notes__[0]
    assert "may have been executed" in caught.value.__notes__[0]


async def test_cancellation_in_a_wait_after_silence_leaves_a_note():
    """The silent try before it may have been taken."""

    class StuckClock(VirtualClock):
        async def sleep(self, seconds):
            await asyncio.Event().wait()

    transport = ScriptedTransport(silence())
    async with session_over(transport, clock=StuckClock()) as octopush:
        task = asyncio.create_task(octopush.sms.send(**MESSAGE))
        while not transport.requests:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task

    assert "may have been executed" in caught.value.__notes__[0]


async def test_cancellation_of_a_read_needs_no_note():
    """A read cannot have changed anything."""

    async def hang(_):
        await asyncio.Event().wait()

    transport = ScriptedTransport(hang)
    async with session_over(transport) as octopush:
        task = asyncio.create_task(octopush.sms.draft())
        while not transport.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task

    assert not hasattr(caught.value, "__notes__")


async def test_a_write_without_id_names_no_id_when_cancelled():
    """The note of a cancelled confirmation speaks of no request_id."""

    async def hang(_):
        await asyncio.Event().wait()

    transport = ScriptedTransport(hang)
    async with session_over(transport) as octopush:
        task = asyncio.create_task(octopush.sms.confirm("sms_1", audience="list"))
        while not transport.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task

    assert "request_id" not in caught.value.__notes__[0]


async def test_a_mistake_in_the_program_is_not_retried():
    """Only our own errors are the policy's business."""

    class Broken(ScriptedTransport):
        async def send(self, request):
            await super().send(request)
            raise KeyboardInterrupt

    transport = Broken(answer(), answer())

    with pytest.raises(KeyboardInterrupt):
        await send(transport)

    assert len(transport.requests) == 1


async def test_a_second_failure_that_is_not_ours_comes_out_as_it_is():
    """After a retry, too."""
    transport = ScriptedTransport(silence(), KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        await send(transport)


async def test_a_strange_exception_of_a_transport_is_of_unknown_outcome():
    """Somebody else's transport may raise anything, at any moment."""
    transport = ScriptedTransport(LookupError("+33639980001"))

    with pytest.raises(UnknownOutcomeError) as caught:
        await send(transport)

    assert caught.value.maybe_sent is True
    assert "LookupError" in str(caught.value)
    assert len(transport.requests) == 1


async def test_a_write_without_id_is_not_repeated_after_silence():
    """Confirming twice could send twice."""
    transport = ScriptedTransport(silence())

    async with session_over(transport) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.sms.confirm("sms_1", audience="list")

    assert len(transport.requests) == 1
    assert caught.value.request_id is None
    assert caught.value.safe_to_retry_until is None
    assert "no request_id" in str(caught.value)


async def test_a_write_without_id_is_repeated_if_it_never_left():
    """Nothing was done, so nothing can be done twice."""
    transport = ScriptedTransport(unreachable(), refusal(438), answer())

    async with session_over(transport) as octopush:
        confirmed = await octopush.sms.confirm("sms_1", audience="list")

    assert confirmed.attempts == 3


async def test_a_read_is_repeated_after_silence_and_never_maybe_sent():
    """A read is safe; its error does not frighten."""
    transport = ScriptedTransport(*(silence() for _ in range(4)))

    async with session_over(transport) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.sms.draft()

    assert len(transport.requests) == 4
    assert caught.value.maybe_sent is False


@pytest.mark.parametrize(
    "gone", [answer(404, {}), refusal(131)], ids=["404", "code 131"]
)
async def test_a_cancellation_whose_repeat_finds_nothing_is_presumed(gone):
    """What we asked to remove is gone, most likely by our own first try."""
    transport = ScriptedTransport(silence(), gone)

    async with session_over(transport) as octopush:
        cancelled = await octopush.sms.cancel("sms_1")

    assert cancelled.outcome is Outcome.PRESUMED


async def test_a_cancellation_of_nothing_is_an_error():
    """Without a silent try before, a missing ticket is a wrong ticket."""
    transport = ScriptedTransport(refusal(131))

    async with session_over(transport) as octopush:
        with pytest.raises(Exception, match="code 131"):
            await octopush.sms.cancel("sms_1")

    assert len(transport.requests) == 1


async def test_a_try_is_never_given_more_time_than_the_call_has():
    """The deadline of the call bounds each try."""
    clock = VirtualClock()

    async def slow(_):
        clock.advance(40)
        return silence()

    transport = ScriptedTransport(slow, answer())

    await send(transport, clock=clock)

    assert [one.timeout for one in transport.requests] == pytest.approx([45.0, 18.75])


async def test_tries_are_logged_without_number_text_or_key(caplog):
    """Debug for a retry, warning for giving up; nothing private in either."""
    caplog.set_level(logging.DEBUG, logger="aiooctopush")

    with pytest.raises(UnknownOutcomeError):
        await send(ScriptedTransport(*(silence() for _ in range(4))))
    await send(ScriptedTransport(silence(), refusal(120)))

    levels = [record.levelname for record in caplog.records]
    assert levels == ["DEBUG"] * 3 + ["WARNING"] + ["DEBUG"] * 2
    assert "+33639980001" not in caplog.text
    assert "Your code" not in caplog.text
    assert "key-of-the-tests" not in caplog.text
    assert caplog.records[3].octopush_attempt == 4


async def test_a_quiet_logger_costs_no_formatting(caplog):
    """Nothing is written below the level of the logger."""
    caplog.set_level(logging.ERROR, logger="aiooctopush")

    await send(ScriptedTransport(silence(), answer()))

    assert caplog.records == []


# --- finding out, looking on, and preferring a duplicate ------------------------------


UNTIL = START + timedelta(hours=23)


@pytest.mark.parametrize("duplicate_check", ["on_accept", "on_receipt"])
@pytest.mark.parametrize(
    ("fault", "outcome", "received"),
    [
        pytest.param("rst_after_commit", Outcome.PRESUMED, 1, id="was taken"),
        pytest.param("rst_accept", Outcome.ACCEPTED, 1, id="never arrived"),
    ],
)
async def test_settling_tells_what_became_of_it(
    duplicate_check, fault, outcome, received
):
    """Asked again with its id, it is sent exactly once, now or before."""
    gateway = Gateway(
        GatewaySettings(duplicate_check=duplicate_check), clock=VirtualClock()
    )
    transport = SandboxTransport(gateway, FaultPlan.schedule([fault]))
    request = SmsRequest(**MESSAGE)
    policy = RetryPolicy(attempts=1)

    async with session_over(transport, clock=gateway.clock, retry=policy) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.sms.send_request(request)
        settled = await octopush.sms.settle(
            request, safe_to_retry_until=caught.value.safe_to_retry_until
        )

    assert settled.outcome is outcome
    assert settled.request_id == request.request_id
    assert gateway.sent_log.times("+33639980001") == received


async def test_settling_may_leave_it_unknown():
    """The time until which it is safe to ask stays where it was."""
    clock = VirtualClock()
    clock.advance(3600)
    transport = ScriptedTransport(*(silence() for _ in range(4)))

    async with session_over(transport, clock=clock) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.sms.settle(SmsRequest(**MESSAGE), safe_to_retry_until=UNTIL)

    assert caught.value.safe_to_retry_until == UNTIL


async def test_settling_too_late_asks_nobody():
    """The gateway may have forgotten the id, and would send again."""
    clock, transport = VirtualClock(), ScriptedTransport()
    clock.advance(23 * 3600)

    async with session_over(transport, clock=clock) as octopush:
        with pytest.raises(UnknownOutcomeError, match="too old") as caught:
            await octopush.sms.settle(SmsRequest(**MESSAGE), safe_to_retry_until=UNTIL)

    assert transport.requests == []
    assert caught.value.maybe_sent is True


async def test_a_refusal_while_settling_leaves_the_first_try_open():
    """Out of credit now says nothing about then."""
    transport = ScriptedTransport(refusal(104))

    async with session_over(transport) as octopush:
        with pytest.raises(InsufficientCreditError) as caught:
            await octopush.sms.settle(SmsRequest(**MESSAGE), safe_to_retry_until=UNTIL)

    assert caught.value.maybe_sent is True


async def test_settling_needs_to_know_until_when():
    """An instant without a zone is refused."""
    async with session_over(ScriptedTransport()) as octopush:
        with pytest.raises(InvalidFieldError, match="safe_to_retry_until"):
            await octopush.sms.settle(
                SmsRequest(**MESSAGE), safe_to_retry_until=UNTIL.replace(tzinfo=None)
            )


async def test_every_try_is_told_with_nothing_private():
    """Silence, a clean refusal, and success, with the wait that follows each."""
    events = []
    transport = ScriptedTransport(unreachable(), answer(429, {}), answer())

    async with session_over(transport, on_attempt=events.append) as octopush:
        await octopush.sms.send(**MESSAGE)

    assert [
        (one.attempt, str(one.outcome), one.status, one.delay) for one in events
    ] == [
        (1, "not_sent", None, pytest.approx(0.05)),
        (2, "refused", 429, pytest.approx(1.0)),
        (3, "accepted", 201, None),
    ]
    assert {(one.method, one.path) for one in events} == {
        ("POST", "/v1/public/sms-campaign/send")
    }
    assert "39980001" not in repr(events)


async def test_a_presumed_try_is_told_as_such():
    """And an error that ends a call has no wait after it."""
    events = []
    transport = ScriptedTransport(silence(), refusal(120), refusal(121))

    async with session_over(transport, on_attempt=events.append) as octopush:
        await octopush.sms.send(**MESSAGE)
        with pytest.raises(InvalidRequestError):
            await octopush.sms.send(**MESSAGE)

    told = [(str(one.outcome), one.delay is None) for one in events]
    assert told == [("unknown", False), ("presumed", True), ("refused", True)]


async def test_the_time_of_a_try_is_told():
    """In seconds of the session's clock."""
    events, clock = [], VirtualClock()

    async def slow(_):
        clock.advance(7)
        return answer()

    transport = ScriptedTransport(slow)
    async with session_over(
        transport, clock=clock, on_attempt=events.append
    ) as octopush:
        await octopush.sms.send(**MESSAGE)

    assert events[0].elapsed == 7.0


async def test_a_cancelled_try_is_told_as_unknown():
    """It reached the transport, and nobody waits for its answer any more."""
    events = []

    async def hang(_):
        await asyncio.Event().wait()

    transport = ScriptedTransport(hang)
    async with session_over(transport, on_attempt=events.append) as octopush:
        task = asyncio.create_task(octopush.sms.send(**MESSAGE))
        while not transport.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [one.outcome for one in events] == [Outcome.UNKNOWN]


async def test_a_broken_hook_does_not_decide_about_a_message(caplog):
    """It is logged, and the message goes its way."""

    def broken(_):
        raise LookupError("no such metric")

    async with session_over(
        ScriptedTransport(silence(), answer()), on_attempt=broken
    ) as octopush:
        sent = await octopush.sms.send(**MESSAGE)

    assert sent.outcome is Outcome.ACCEPTED
    assert caplog.text.count("on_attempt failed") == 2


async def test_a_caller_may_prefer_a_duplicate_to_a_loss():
    """on_unknown is per call, and off unless asked for."""
    transport = ScriptedTransport(silence(), answer(200, {}))

    async with session_over(transport) as octopush:
        confirmed = await octopush.sms.confirm(
            "sms_1", audience=Audience.LIST, on_unknown=OnUnknown.RETRY
        )

    assert confirmed.attempts == 2


@pytest.mark.parametrize(
    ("date", "warned"),
    [
        ("Mon, 05 Jan 2026 10:04:00 GMT", False),
        ("Mon, 05 Jan 2026 10:06:00 GMT", True),
        ("Mon, 05 Jan 2026 09:54:00 GMT", True),
        ("yesterday", False),
    ],
    ids=["4 minutes", "6 minutes ahead", "6 minutes behind", "unreadable"],
)
async def test_clocks_that_differ_are_warned_about_once(caplog, date, warned):
    """Ours decides how old an id is, unless the gateway's is ahead."""
    script = [answer(date=date), answer(500, {}, date=date), answer(date=date)]
    transport = ScriptedTransport(*script)

    async with session_over(transport) as octopush:
        await octopush.sms.send(**MESSAGE)
        await octopush.sms.send(**MESSAGE)

    assert ("clock" in caplog.text) is warned
    assert caplog.text.count("clock") == 2 * warned - warned


async def test_a_call_without_time_is_not_sent():
    """Its deadline is over before it begins."""
    transport = ScriptedTransport()

    with pytest.raises(NotSentError, match="deadline"):
        await send(transport, timeout=0)

    assert transport.requests == []


@pytest.mark.parametrize(
    ("first", "error"),
    [
        pytest.param(silence(), UnknownOutcomeError, id="after silence"),
        pytest.param(unreachable(), NotSentError, id="after nothing"),
    ],
)
async def test_a_session_that_closes_during_a_wait_sends_nothing_more(first, error):
    """And the call that waited still learns what became of it."""

    class ClosingClock(VirtualClock):
        async def sleep(self, seconds):
            await octopush.close()
            await super().sleep(seconds)

    transport = ScriptedTransport(first)
    octopush = session_over(transport, clock=ClosingClock())
    with pytest.raises(error, match="closed") as caught:
        await octopush.sms.send(**MESSAGE)

    assert len(transport.requests) == 1
    assert caught.value.maybe_sent is (error is UnknownOutcomeError)


async def test_until_when_it_is_safe_is_told_on_the_clock_that_the_caller_has():
    """A clock that stepped back by an hour shows that instant an hour earlier."""
    clock = VirtualClock()

    async def step_back(_):
        clock.jump(-3600)
        return silence()

    with pytest.raises(UnknownOutcomeError) as caught:
        await send(ScriptedTransport(step_back), clock=clock, timeout=1)

    assert caught.value.safe_to_retry_until == START + timedelta(hours=22)


# --- stopping -------------------------------------------------------------------------


class StuckClock(VirtualClock):
    """A clock whose pauses never end."""

    async def sleep(self, seconds):
        """Note it, and wait for ever."""
        self.sleeps.append(seconds)
        await asyncio.Event().wait()


async def stopped_in_a_pause(*script, stop):
    """What a call raises that is stopped while it waits for its next attempt."""
    transport, clock = ScriptedTransport(*script), StuckClock()
    octopush, signal = session_over(transport, clock=clock), StopSignal()
    options = CallOptions(body=SmsRequest(**MESSAGE), stop=signal)
    task = asyncio.create_task(octopush._call(SEND, options))
    while not clock.sleeps:
        await asyncio.sleep(0)
    await stop(octopush, signal)
    with pytest.raises(OctopushError) as caught:
        await task
    assert len(transport.requests) == 1
    await octopush.close()
    return caught.value


async def by_signal(_, signal):
    """Stop what the call belongs to."""
    signal.set()


async def by_closing(octopush, _):
    """Close the session."""
    await octopush.close()


@pytest.mark.parametrize("stop", [by_signal, by_closing])
@pytest.mark.parametrize(
    ("failure", "outcome", "maybe_sent"),
    [
        pytest.param(silence(), Outcome.UNKNOWN, True, id="no response"),
        pytest.param(unreachable(), Outcome.NOT_SENT, False, id="no connection"),
        pytest.param(
            answer(429, {}, retry_after="50"), Outcome.NOT_SENT, False, id="throttled"
        ),
    ],
)
async def test_a_pause_ends_at_once_when_it_is_stopped(
    stop, failure, outcome, maybe_sent, caplog
):
    """With what the attempts so far prove, and one line in the log."""
    error = await stopped_in_a_pause(failure, stop=stop)

    assert (error.outcome, error.maybe_sent) == (outcome, maybe_sent)
    warnings = [one for one in caplog.records if one.levelname == "WARNING"]
    assert [one.octopush_maybe_sent for one in warnings] == [maybe_sent]


async def test_what_is_stopped_makes_no_attempt():
    """Not even the first."""
    transport, signal = ScriptedTransport(), StopSignal()
    signal.set()

    async with session_over(transport) as octopush:
        with pytest.raises(NotSentError, match="stopped") as caught:
            await octopush._call(
                SEND, CallOptions(body=SmsRequest(**MESSAGE), stop=signal)
            )

    assert (caught.value.attempts, transport.requests) == (0, [])


@pytest.mark.parametrize(
    ("stop", "words"), [(by_signal, "stopped"), (by_closing, "closed")]
)
async def test_a_stop_while_an_id_is_renewed_makes_no_attempt(stop, words):
    """Writing the new one down may take a while."""
    transport, signal = ScriptedTransport(answer(429, {})), StopSignal()
    octopush = session_over(transport)

    async def renew():
        await stop(octopush, signal)
        return "order-2"

    options = CallOptions(
        body=SmsRequest(**MESSAGE), owns_id=True, new_id=renew, stop=signal
    )
    with pytest.raises(NotSentError, match=words) as caught:
        await octopush._call(SEND, options)

    assert (caught.value.maybe_sent, len(transport.requests)) == (False, 1)
    await octopush.close()


async def test_a_request_on_the_wire_is_finished_when_the_session_closes():
    """Closing waits for it, and its caller gets the result."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_):
        asked.set()
        await go_on.wait()
        return answer()

    octopush = session_over(ScriptedTransport(slow))
    sending = asyncio.create_task(octopush.sms.send(**MESSAGE))
    await asked.wait()
    closing = asyncio.create_task(octopush.close())
    await asyncio.sleep(0)
    assert not closing.done()
    go_on.set()
    await closing

    assert (await sending).outcome is Outcome.ACCEPTED


async def test_closing_waits_for_one_attempt_at_most():
    """What is on the wire for longer is cut off."""
    asked = asyncio.Event()

    async def hang(_):
        asked.set()
        await asyncio.Event().wait()

    octopush = session_over(ScriptedTransport(hang), timeouts=Timeouts(attempt=0.01))
    sending = asyncio.create_task(octopush.sms.send(**MESSAGE))
    await asked.wait()

    await octopush.close()

    assert not sending.done()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


@pytest.mark.parametrize("script", [[], [silence()]], ids=["on its way", "in a pause"])
async def test_a_cancelled_send_leaves_a_line_in_the_log(caplog, script):
    """A note is lost where tasks are gathered: the line has the id."""

    async def hang(_):
        await asyncio.Event().wait()

    transport, clock = ScriptedTransport(*script, hang), StuckClock()
    async with session_over(transport, clock=clock) as octopush:
        task = asyncio.create_task(octopush.sms.send(**MESSAGE))
        while not transport.requests or (script and not clock.sleeps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    (line,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert line.octopush_request_id == transport.ids[0]
    assert line.octopush_maybe_sent is True
    assert "cancelled; it may have been executed" in line.getMessage()


async def test_a_cancelled_read_warns_nobody(caplog):
    """It has changed nothing."""

    async def hang(_):
        await asyncio.Event().wait()

    transport = ScriptedTransport(hang)
    async with session_over(transport) as octopush:
        task = asyncio.create_task(octopush.sms.draft())
        while not transport.requests:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert caplog.records == []


async def test_an_attempt_is_told_with_its_id():
    """So that a metric can be traced to a message."""
    events = []
    transport = ScriptedTransport(silence(), answer())

    async with session_over(transport, on_attempt=events.append) as octopush:
        sent = await octopush.sms.send(**MESSAGE)

    assert [one.request_id for one in events] == [sent.request_id] * 2
