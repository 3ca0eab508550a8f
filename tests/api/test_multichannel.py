"""The multi-channel chapter: every channel, every limit, and no repeat by itself."""

import inspect
import json
from datetime import UTC, timedelta
from decimal import Decimal

import attrs
import pytest
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st
from sandbox.contract import cases_of, problems, request_schema, sample_problems

from aiooctopush import (
    HttpResponse,
    InvalidFieldError,
    Outcome,
    Purpose,
    Recipient,
    RefusedError,
    SmsType,
    UnknownOutcomeError,
)
from aiooctopush._responses import read
from aiooctopush._wire import Answer, converter, encode
from aiooctopush.api import multichannel
from aiooctopush.api.multichannel import (
    Channel,
    ChannelRecipient,
    ChannelRequest,
    ChannelResult,
    Multichannel,
)
from aiooctopush.api.voice import VoiceGender
from aiooctopush.sandbox.clock import START


LATER = START + timedelta(days=1)
SMS = {
    "channel": "sms",
    "recipients": ["+33639980001"],
    "purpose": "alert",
    "text": "Your code is 1234",
    "sender": "Acme",
}
MESSAGES = {
    Channel.SMS: SMS,
    Channel.VOICE: {**SMS, "channel": "voice_sms", "sender": "33700000000"},
    Channel.RCS: {**SMS, "channel": "rcs", "sender": "Acme's agent no. 1"},
    Channel.EMAIL: {
        "channel": "email",
        "recipients": ["me@example.org"],
        "purpose": "wholesale",
        "text": "Sale",
    },
    Channel.LIVE_CHAT: {
        "channel": "live_chat",
        "recipients": [ChannelRecipient(conversation_id="c-1")],
        "purpose": "alert",
        "text": "Hello",
    },
}
ENDPOINTS = {
    "send_multi_channel": multichannel.SEND,
    "cancel_multi_channel": multichannel.CANCEL,
}
READ = {
    "sms": ChannelResult(status=201, ticket="sms_5f3fbce61266e"),
    "older_edition": ChannelResult(status=201, ticket="voice_5f3fbce61266e"),
    "rcs": ChannelResult(status=201, ticket="rcs_5f3fbce61266e"),
    "email": ChannelResult(status=201),
    "live_chat": ChannelResult(status=201),
    "cancelled": Answer(status=204),
}


# --- sending --------------------------------------------------------------------------


@pytest.mark.parametrize("channel", list(Channel))
async def test_a_message_is_accepted_on_each_channel(octopush, gateway, channel):
    """It stands in the sent log under its channel, and nothing of it was dropped."""
    sent = await octopush.multichannel.send(**MESSAGES[channel])

    assert sent.outcome is Outcome.ACCEPTED
    assert sent.number_of_contacts == 1
    assert isinstance(sent.total_cost, Decimal)
    entry = gateway.sent_log.find(sent.ticket)
    assert entry.channel == str(channel)
    assert entry.ignored_fields == ()


def send_or_build(octopush, way, message):
    """Send by keywords, or a request that was built before."""
    if way == "send":
        return octopush.multichannel.send(**message)
    return octopush.multichannel.send_request(ChannelRequest(**message))


@pytest.mark.parametrize("way", ["send", "send_request"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text": "Hi {prenom}"}, "did you mean {first_name}"),
        ({"text": "Hi {first_name}"}, "recipients have no value here"),
        ({"send_at": START - timedelta(seconds=61)}, "must not be in the past"),
        ({"purpose": "wholesale"}, "must contain 'STOP au XXXXX'"),
        (
            {"purpose": "wholesale", "metadata": {"type": "sms_low_cost"}},
            "must contain 'no PUB=STOP'",
        ),
    ],
    ids=["unknown", "no-value", "past", "stop", "low-cost"],
)
async def test_what_nobody_can_want(octopush, gateway, way, changes, words):
    """It is refused as for an SMS, by the same code, and nothing is sent."""
    with pytest.raises(InvalidFieldError, match=words):
        await send_or_build(octopush, way, SMS | changes)

    assert len(gateway.sent_log) == 0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"text": "a {{b}}"}, "a {b}"),
        ({"send_at": START - timedelta(seconds=59)}, SMS["text"]),
        ({"purpose": "wholesale", "text": "Sale STOP au XXXXX"}, "Sale STOP au XXXXX"),
        ({"purpose": "wholesale", "recipients": ["+4915223433333"]}, SMS["text"]),
    ],
    ids=["braces", "just-now", "stop", "abroad"],
)
async def test_what_is_meant(octopush, gateway, changes, text):
    """Doubled braces are single ones, and a minute is no past."""
    await octopush.multichannel.send(**SMS | changes)

    assert gateway.sent_log.only().texts == (text,)


async def test_request_without_a_text(octopush, gateway):
    """A template stands in for it."""
    message = {**MESSAGES[Channel.RCS], "text": None}

    assert (await octopush.multichannel.send(**message)).number_of_contacts == 1


async def test_every_parameter_reaches_the_gateway_under_its_own_name(
    octopush, gateway
):
    """Nothing is dropped as unknown on the other side."""
    sent = await octopush.multichannel.send(
        channel=Channel.SMS,
        recipients=[ChannelRecipient(phone_number="+33 6 39 98 00 01")],
        purpose=Purpose.ALERT,
        text="Hello",
        sender="Acme",
        send_at=LATER,
        simulation_mode=False,
        recipient_tracking=True,
        auto_optimize_text=False,
        auto_delete_optout_contacts=True,
        list_name="new",
        metadata={"type": SmsType.LOW_COST, "with_replies": False},
    )

    entry = gateway.sent_log.find(sent.ticket)
    assert entry.ignored_fields == ()
    assert entry.recipients == ("+33639980001",)
    assert (entry.type, entry.send_at) == ("sms_low_cost", LATER)
    assert gateway.lists["new"] == ["+33639980001"]


async def test_silence_is_not_answered_by_a_repeat():
    """Nothing protects one: it may have been sent."""
    transport = ScriptedTransport(answer(500, {}))

    async with session_over(transport) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.multichannel.send(**SMS)

    assert caught.value.maybe_sent
    assert caught.value.request_id is None
    assert len(transport.requests) == 1


async def test_whoever_prefers_twice_to_never_says_so():
    """on_unknown is the caller's word for paying twice."""
    transport = ScriptedTransport(answer(500, {}), answer(201, {}))

    async with session_over(transport) as octopush:
        sent = await octopush.multichannel.send_request(
            ChannelRequest(**SMS), on_unknown="retry"
        )

    assert sent.attempts == 2


async def test_a_word_that_is_no_choice_is_refused_before_any_request():
    """A misspelt on_unknown must not pass for one."""
    async with session_over(ScriptedTransport()) as octopush:
        with pytest.raises(InvalidFieldError, match="'raise' or 'retry'"):
            await octopush.multichannel.send(**SMS, on_unknown="again")


@pytest.mark.parametrize("body", [b"", b"{}", b'"sent"', b"[]"], ids=str)
async def test_an_answer_without_anything_is_a_success(body):
    """No source shows the answer, so that any 2xx of the gateway will do."""
    transport = ScriptedTransport(HttpResponse(status=200, body=body))

    async with session_over(transport) as octopush:
        sent = await octopush.multichannel.send(**SMS)

    assert (sent.outcome, sent.ticket) == (Outcome.ACCEPTED, None)


# --- cancelling -----------------------------------------------------------------------


async def test_a_scheduled_message_can_be_cancelled(octopush, gateway):
    """By its ticket and channel, before it leaves."""
    sent = await octopush.multichannel.send(**SMS, send_at=LATER)

    cancelled = await octopush.multichannel.cancel(sent.ticket, channel="sms")

    assert (cancelled.outcome, cancelled.status) == (Outcome.ACCEPTED, 204)
    assert gateway.sent_log.find(sent.ticket).cancelled


async def test_what_is_gone_after_silence_was_cancelled():
    """Asking again is harmless, and says what became of the first."""
    transport = ScriptedTransport(answer(500, {}), refusal(131))

    async with session_over(transport) as octopush:
        cancelled = await octopush.multichannel.cancel("rcs_1", channel="rcs")

    assert cancelled.outcome is Outcome.PRESUMED
    assert transport.bodies == [{"channel": "rcs", "ticket_number": "rcs_1"}] * 2


async def test_another_channel_does_not_know_the_ticket(octopush, gateway):
    """Nothing is cancelled."""
    sent = await octopush.multichannel.send(**SMS, send_at=LATER)

    with pytest.raises(RefusedError, match="code 131"):
        await octopush.multichannel.cancel(sent.ticket, channel=Channel.RCS)

    assert not gateway.sent_log.find(sent.ticket).cancelled


@pytest.mark.parametrize(
    ("ticket", "channel", "words"),
    [
        ("sms_1", "live_chat", "must not be 'live_chat'"),
        ("sms_1", "pigeon", "'sms', 'voice_sms'"),
        (None, "sms", "must be a ticket"),
    ],
)
async def test_what_cannot_be_cancelled_is_refused(ticket, channel, words):
    """Before any request; live chat is not on the page."""
    async with session_over(ScriptedTransport()) as octopush:
        with pytest.raises(InvalidFieldError, match=words):
            await octopush.multichannel.cancel(ticket, channel=channel)


# --- records --------------------------------------------------------------------------


def test_keywords_and_fields_are_the_same():
    """The list is written twice, for editors; here it is kept equal."""
    keywords = set(inspect.signature(Multichannel.send).parameters)
    fields = {one.name for one in attrs.fields(ChannelRequest)}

    assert keywords - {"self", "timeout", "on_unknown"} == fields


def test_the_body_says_the_type_and_never_none():
    """The gateway's own defaults are not relied on; it has no request_id."""
    body = json.loads(encode(ChannelRequest(**SMS)))

    assert body == {
        "channel": "sms",
        "recipients": [{"phone_number": "+33639980001"}],
        "purpose": "alert",
        "text": "Your code is 1234",
        "sender": "Acme",
        "metadata": {"type": "sms_premium"},
    }


@pytest.mark.parametrize(
    ("channel", "given", "sent"),
    [
        (Channel.SMS, None, {"type": "sms_premium"}),
        (Channel.VOICE, None, {"type": "voice_sms"}),
        (
            Channel.VOICE,
            {"voice_gender": VoiceGender.MALE},
            {"type": "voice_sms", "voice_gender": "male"},
        ),
        (Channel.RCS, None, None),
        (Channel.EMAIL, {}, None),
        (Channel.EMAIL, {"template": 7}, {"template": 7}),
    ],
)
def test_metadata_is_completed_for_its_channel(channel, given, sent):
    """Unknown keys pass: the page breaks off in every copy."""
    request = ChannelRequest(**MESSAGES[channel], metadata=given)

    assert request.metadata == sent


def test_metadata_of_the_caller_is_left_alone():
    """The record has a copy of its own."""
    given = {"with_replies": True}

    ChannelRequest(**SMS, metadata=given)

    assert given == {"with_replies": True}


def test_a_record_shows_neither_person_nor_text():
    """Its repr may stand in a log."""
    person = ChannelRecipient(
        phone_number="+33639980001", email="me@example.org", conversation_id="c-1"
    )
    request = ChannelRequest(**SMS, metadata={"subject": "Zoé"})
    bare = ChannelRecipient(email="me@example.org")

    shown = repr(person) + repr(request) + repr(bare)

    assert "+336****0001" in shown
    assert "phone_number=None" in shown
    for private in ("39980001", "example", "c-1", "1234", "Zoé"):
        assert private not in shown


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"channel": "pigeon"}, "channel", "'sms', 'voice"),
        ({"recipients": "+33639980001"}, "recipients", "a list of items"),
        ({"recipients": []}, "recipients", "1 to 500"),
        ({"recipients": ["+33639980001"] * 501}, "recipients", "got 501"),
        ({"recipients": ["0639980001"]}, "recipients[0].phone_number", "must start"),
        ({"recipients": [None]}, "recipients[0].recipient", "ChannelRecipient"),
        (
            {"recipients": [Recipient("+33639980001")]},
            "recipients[0].recipient",
            "ChannelRecipient",
        ),
        (
            {"recipients": ["+33639980001", "me@example.org"]},
            "recipients[1].phone_number",
            "must be given for sms",
        ),
        ({"recipients": ["a@b@c"]}, "recipients[0].email", "one @"),
        ({"purpose": "x"}, "purpose", "'alert', 'wholesale' or 'marketing'"),
        ({"text": None}, "text", "must be a str"),
        ({"text": "x" * 1225}, "text", "1,225 characters"),
        (
            {"text": "x" * 161, "metadata": {"type": "sms_low_cost"}},
            "text",
            "at most 160",
        ),
        ({"sender": None}, "sender", "3 to 11"),
        ({"sender": "ab"}, "sender", "3 to 11"),
        ({"send_at": "now"}, "send_at", "must be a datetime"),
        ({"list_name": "x" * 31}, "list_name", "1 to 30"),
        ({"simulation_mode": 1}, "simulation_mode", "True, False"),
        ({"recipient_tracking": 1}, "recipient_tracking", "True, False"),
        ({"auto_optimize_text": 1}, "auto_optimize_text", "True, False"),
        (
            {"auto_delete_optout_contacts": "no"},
            "auto_delete_optout_contacts",
            "True, False",
        ),
        ({"metadata": [1]}, "metadata", "must be a dict"),
        ({"metadata": {"x": object}}, "metadata", "JSON"),
        ({"metadata": {"type": "voice_sms"}}, "metadata.type", "'sms_premium' or"),
        ({"metadata": {"with_replies": 1}}, "metadata.with_replies", "True, False"),
        (
            {"metadata": {"voice_gender": "x"}},
            "metadata.voice_gender",
            "'female' or 'male'",
        ),
        (
            {
                "channel": "voice_sms",
                "sender": "33700000000",
                "metadata": {"type": "sms_premium"},
            },
            "metadata.type",
            "'voice_sms'",
        ),
        (
            {"channel": "email", "recipients": ["+33639980001"]},
            "recipients[0].email",
            "must be given for email",
        ),
        ({"channel": "rcs", "sender": ""}, "sender", "1 to 320"),
    ],
    ids=[str(number) for number in range(29)],
)
def test_what_is_malformed_is_refused(changes, field, words):
    """Before any I/O, with the place of it."""
    with pytest.raises(InvalidFieldError, match=words) as caught:
        ChannelRequest(**{**SMS, **changes})

    assert caught.value.field == field


@pytest.mark.parametrize(
    "person",
    [
        {},
        {"email": ""},
        {"email": "me"},
        {"email": "me @example.org"},
        {"email": "x" * 250 + "@a.fr"},
        {"conversation_id": ""},
        {"phone_number": ""},
    ],
    ids=str,
)
def test_somebody_who_cannot_be_reached_is_refused(person):
    """At least one way, and each as it must be; an address is not shown."""
    with pytest.raises(InvalidFieldError) as caught:
        ChannelRecipient(**person)

    assert "example" not in str(caught.value)


def test_a_text_may_be_left_out_where_a_template_may_stand_for_it():
    """On RCS, e-mail and live chat."""
    request = ChannelRequest(**{**MESSAGES[Channel.EMAIL], "text": None})

    assert request.text is None


def test_a_low_cost_text_of_one_part_is_taken():
    """160 characters are the last on the good side."""
    request = ChannelRequest(
        **{**SMS, "text": "x" * 160}, metadata={"type": "sms_low_cost"}
    )

    assert request.metadata == {"type": "sms_low_cost"}


def test_a_voice_sender_with_letters_is_let_through_with_a_warning():
    """As in the voice chapter."""
    with pytest.warns(UserWarning, match="should be digits"):
        ChannelRequest(**{**MESSAGES[Channel.VOICE], "sender": "Acme"})


# --- round trips and samples ----------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
flags = st.none() | st.booleans()
phones = st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True)
records = st.builds(
    ChannelRequest,
    channel=st.just(Channel.SMS),
    recipients=st.lists(phones, min_size=1, max_size=3),
    purpose=st.sampled_from(Purpose),
    text=texts,
    sender=st.from_regex(r"[A-Za-z0-9]{3,11}", fullmatch=True),
    send_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    simulation_mode=flags,
    recipient_tracking=flags,
    auto_optimize_text=flags,
    auto_delete_optout_contacts=flags,
    list_name=st.none() | texts,
    metadata=st.none()
    | st.fixed_dictionaries({"type": st.sampled_from(SmsType), "more": texts}),
) | st.sampled_from([ChannelRequest(**message) for message in MESSAGES.values()])


@given(record=records)
def test_a_record_survives_the_way_through_json(record):
    """A ledger or a queue may hold it."""
    again = converter.structure(json.loads(encode(record)), ChannelRequest)

    assert again == record


@given(record=records)
def test_a_record_is_what_the_document_describes(record):
    """The body that goes out fits the OpenAPI document."""
    body = json.loads(encode(record))

    assert problems(request_schema("send_multi_channel"), body) == []


@pytest.mark.parametrize(("name", "sample"), cases_of(*ENDPOINTS))
def test_samples_fit_the_document(name, sample):
    """What is sent and what comes back; each names its source."""
    assert sample_problems(name, sample) == []


@pytest.mark.parametrize(
    ("name", "case", "sample"),
    [
        pytest.param(one.values[0], one.id.partition("/")[2], one.values[1], id=one.id)
        for one in cases_of(*ENDPOINTS)
    ],
)
def test_samples_are_read(name, case, sample):
    """Whichever name the ticket has, if there is one."""
    said = sample["response"]
    body = b"" if said is None else json.dumps(said).encode()
    response = HttpResponse(status=sample["status"], body=body)

    assert read(ENDPOINTS[name], response, {}) == READ[case]
