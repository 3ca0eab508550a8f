"""The voice chapter: every call against the sandbox, every limit on both sides."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import attrs
import pytest
from fakes import ScriptedTransport, session_over
from hypothesis import given
from hypothesis import strategies as st
from sandbox.contract import cases_of, problems, request_schema, sample_problems

from aiooctopush import (
    Audience,
    HttpResponse,
    InvalidFieldError,
    Outcome,
    Purpose,
    Recipient,
)
from aiooctopush._responses import read
from aiooctopush._wire import Answer, converter, encode
from aiooctopush.api import voice
from aiooctopush.api.campaigns import (
    CampaignConfirmed,
    CampaignState,
    CampaignTicket,
    Segmentation,
)
from aiooctopush.api.voice import (
    VoiceCampaignStatus,
    VoiceDraft,
    VoiceGender,
    VoiceLanguage,
    VoiceListCampaignRequest,
    VoiceRequest,
    VoiceResult,
    VoiceTagCampaignRequest,
)
from aiooctopush.sandbox.clock import START


CAMPAIGN = {
    "text": "Your code is 1234",
    "sender": "33700000000",
    "purpose": "alert",
    "voice_gender": "female",
    "voice_language": "fr-FR",
}
MESSAGE = {**CAMPAIGN, "recipients": ["+33639980001"]}
LATER = START + timedelta(days=1)
SENDING_DATE = datetime(2021, 6, 1, 12, tzinfo=timezone(timedelta(hours=3)))
ENDPOINTS = {
    "send_voice_campaign": voice.SEND,
    "get_voice_campaign_draft": voice.ENDPOINTS.draft,
    "cancel_voice_campaign": voice.ENDPOINTS.cancel_send,
    "create_voice_campaign_on_list": voice.ENDPOINTS.create_on_list,
    "create_voice_campaign_on_tag": voice.ENDPOINTS.create_on_tag,
    "get_voice_campaign_on_list_status": voice.ENDPOINTS.status,
    "confirm_voice_campaign_on_list": voice.ENDPOINTS.confirm[Audience.LIST],
    "confirm_voice_campaign_on_tag": voice.ENDPOINTS.confirm[Audience.TAG],
    "cancel_voice_campaign_on_list": voice.ENDPOINTS.cancel_campaign,
}
SENT = VoiceResult(
    status=201,
    ticket="vocal_5f3fbce61266e",
    number_of_contacts=1,
    total_cost=Decimal("0.1"),
    residual_credit=Decimal("99.9"),
    estimated_duration=Decimal(30),
)
READY = VoiceCampaignStatus(
    status=200,
    state=CampaignState.READY_TO_BE_SENT,
    number_of_contacts=2,
    cost=Decimal("0.2"),
    estimated_duration=Decimal("3.5"),
)
PREPARED = CampaignTicket(status=201, ticket="voice_5f3fbce61266e")
READ = {
    "php_read_me": SENT,
    "scheduled": SENT,
    "figures_as_text": attrs.evolve(
        SENT, total_cost=Decimal("0.097"), residual_credit=Decimal("12.5")
    ),
    "later_ticket": VoiceResult(
        status=201,
        ticket="voice_5f3fbce61266e",
        number_of_contacts=2,
        total_cost=Decimal("0.2"),
    ),
    "draft": VoiceDraft(
        status=200,
        ticket="voice_5f3fbce61266e",
        state="validated",
        message="",
        number_of_contacts=1,
        residual_credit=Decimal("99.9"),
        total_cost=Decimal("0.1"),
        estimated_duration=Decimal("3.5"),
    ),
    "created": PREPARED,
    "newer_reference": PREPARED,
    "ready_french": READY,
    "ready_english": attrs.evolve(READY, status=201),
    "no_body": CampaignConfirmed(status=200),
    "as_with_sms": CampaignConfirmed(status=200, sending_date=SENDING_DATE),
    "cancelled": Answer(status=204),
}


pytestmark = pytest.mark.usefixtures("audiences")


# --- direct sends ---------------------------------------------------------------------


async def test_a_message_is_accepted_with_its_ticket_cost_and_duration(
    octopush, gateway
):
    """What the gateway says comes back typed; what it did stands in its sent log."""
    sent = await octopush.voice.send(**MESSAGE)

    assert sent.outcome is Outcome.ACCEPTED
    assert sent.number_of_contacts == 1
    assert sent.total_cost == Decimal("0.1")
    assert isinstance(sent.estimated_duration, Decimal)
    entry = gateway.sent_log.find(sent.ticket)
    assert (entry.channel, entry.type) == ("voice_sms", "voice_sms")
    assert entry.request_id == sent.request_id


async def test_every_parameter_reaches_the_gateway_under_its_own_name(
    octopush, gateway
):
    """Nothing is dropped as unknown on the other side."""
    sent = await octopush.voice.send(
        text="Hello {first_name}",
        recipients=[Recipient("+33639980001", first_name="Zoé")],
        sender="33700000000",
        purpose=Purpose.WHOLESALE,
        voice_gender=VoiceGender.MALE,
        voice_language=VoiceLanguage.EL_GR,
        send_at=LATER,
        simulation_mode=False,
        request_id="order-17",
        auto_remove_blacklisted_numbers=True,
    )

    entry = gateway.sent_log.find(sent.ticket)
    assert entry.ignored_fields == ()
    assert entry.texts == ("Hello Zoé",)
    assert (entry.purpose, entry.send_at) == ("wholesale", LATER)
    assert entry.request_id == "order-17"


# --- campaigns on a list or a tag -----------------------------------------------------


async def test_a_campaign_has_a_duration_and_its_confirmation_no_date(octopush):
    """Pressed keys are asked for under their own name."""
    created = await octopush.voice.create_on_list(
        list_name="customers", **CAMPAIGN, get_back_pressed_keys=True
    )
    status = await octopush.voice.wait_until_ready(created.ticket)
    confirmed = await octopush.voice.confirm(created.ticket, audience=Audience.LIST)

    assert isinstance(status.estimated_duration, Decimal)
    assert confirmed.sending_date is None


async def test_a_confirmation_may_have_no_body():
    """The pages show none."""
    transport = ScriptedTransport(HttpResponse(status=200))

    async with session_over(transport) as octopush:
        confirmed = await octopush.voice.confirm("voice_1", audience="tag")

    assert confirmed.outcome is Outcome.ACCEPTED


# --- keywords and records -------------------------------------------------------------


def test_a_record_shows_neither_number_nor_text():
    """Its repr may stand in a log."""
    shown = repr(VoiceRequest(**MESSAGE))

    assert "39980001" not in shown
    assert "1234" not in shown


def test_no_type_is_sent_and_none_never():
    """Only the vendor's old client sends one; the gateway's defaults stay its own."""
    body = json.loads(encode(VoiceRequest(**MESSAGE, request_id="r")))

    assert body == {
        "text": "Your code is 1234",
        "recipients": [{"phone_number": "+33639980001"}],
        "sender": "33700000000",
        "purpose": "alert",
        "voice_gender": "female",
        "voice_language": "fr-FR",
        "request_id": "r",
    }


# --- limits, both sides of each -------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", "x" * 1224),
        ("sender", "337"),
        ("sender", "33700000000"),
        ("voice_gender", VoiceGender.MALE),
        ("voice_language", VoiceLanguage.ARB),
        ("voice_language", "xx-YY"),
        ("voice_language", "haw"),
        ("send_at", LATER),
        ("simulation_mode", True),
        ("auto_remove_blacklisted_numbers", False),
        ("recipients", ["+33639980001"] * 500),
    ],
    ids=[str(number) for number in range(11)],
)
def test_a_value_within_its_limit_is_taken(field, value):
    """The last value on the good side, and without a warning."""
    VoiceRequest(**{**MESSAGE, field: value})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("text", "", "1 to 1,224 characters"),
        ("text", "x" * 1225, "got 1,225 characters"),
        ("sender", "33", "3 to 11"),
        ("sender", "337000000001", "3 to 11"),
        ("purpose", "promotion", "'alert', 'wholesale' or 'marketing'"),
        ("voice_gender", "neutral", "'female' or 'male'"),
        ("voice_gender", None, "'female' or 'male'"),
        ("voice_language", "fr_FR", "code such as"),
        ("voice_language", "french", "code such as"),
        ("voice_language", "fr-FR\n", "code such as"),
        ("voice_language", None, "code such as"),
        ("send_at", "2026-01-01", "must be a datetime"),
        ("simulation_mode", "true", "True, False or None"),
        ("auto_remove_blacklisted_numbers", 1, "True, False or None"),
        ("recipients", ["+33639980001"] * 501, "1 to 500"),
        ("request_id", "", "1 to 64"),
    ],
    ids=[str(number) for number in range(16)],
)
def test_a_value_beyond_its_limit_is_refused(field, value, words):
    """The first value on the bad side, with its field and the limit."""
    with pytest.raises(InvalidFieldError, match=words) as caught:
        VoiceRequest(**{**MESSAGE, field: value})

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("record", "field", "value"),
    [
        (VoiceListCampaignRequest, "list_name", "x" * 31),
        (VoiceListCampaignRequest, "segmentation", "all"),
        (VoiceListCampaignRequest, "get_back_pressed_keys", 1),
        (VoiceTagCampaignRequest, "tag_name", "x" * 21),
        (VoiceTagCampaignRequest, "tag_name", ""),
    ],
    ids=[str(number) for number in range(5)],
)
def test_a_campaign_beyond_a_limit_is_refused(record, field, value):
    """What campaigns have beside the message."""
    name = "tag_name" if record is VoiceTagCampaignRequest else "list_name"

    with pytest.raises(InvalidFieldError, match=field):
        record(**{**CAMPAIGN, name: "x" * 20, field: value})


def test_a_sender_with_letters_is_let_through_with_a_warning():
    """The pages disagree, so that refusing it may be wrong; it is not shown."""
    with pytest.warns(UserWarning, match="should be digits") as caught:
        VoiceRequest(**{**MESSAGE, "sender": "Acme"})

    assert "Acme" not in str(caught[0].message)
    assert caught[0].filename == __file__


# --- round trips and samples ----------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
flags = st.none() | st.booleans()
messages = {
    "text": texts.filter(lambda text: not text.isspace()),
    "sender": st.from_regex(r"[0-9]{3,11}", fullmatch=True),
    "purpose": st.sampled_from(Purpose),
    "voice_gender": st.sampled_from(VoiceGender),
    "voice_language": st.sampled_from(VoiceLanguage),
    "send_at": st.none() | st.datetimes(timezones=st.just(UTC)),
    "simulation_mode": flags,
    "auto_remove_blacklisted_numbers": flags,
}
campaigns = {
    **messages,
    "segmentation": st.none() | st.sampled_from(Segmentation),
    "get_back_pressed_keys": flags,
}
phones = st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True)
records = st.one_of(
    st.builds(
        VoiceRequest,
        recipients=st.lists(
            st.builds(Recipient, phones, param1=st.none() | texts),
            min_size=1,
            max_size=3,
        ),
        **messages,
    ),
    st.builds(VoiceListCampaignRequest, list_name=texts, **campaigns),
    st.builds(VoiceTagCampaignRequest, tag_name=texts, **campaigns),
)
OPERATION_OF = {
    VoiceRequest: "send_voice_campaign",
    VoiceListCampaignRequest: "create_voice_campaign_on_list",
    VoiceTagCampaignRequest: "create_voice_campaign_on_tag",
}


@given(record=records)
def test_a_record_survives_the_way_through_json(record):
    """A ledger or a queue may hold it: same value, same id."""
    again = converter.structure(json.loads(encode(record)), type(record))

    assert again == record


@given(record=records)
def test_a_record_is_what_the_document_describes(record):
    """The body that goes out fits the OpenAPI document."""
    schema = request_schema(OPERATION_OF[type(record)])

    assert problems(schema, json.loads(encode(record))) == []


@pytest.mark.parametrize(("name", "sample"), cases_of(*ENDPOINTS))
def test_samples_fit_the_document(name, sample):
    """What is sent and what comes back; each names its source."""
    if sample["status"] == 200 and sample["response"] is None:
        # The document guesses the body of a confirmation, of which none is shown.
        sample = {**sample, "status": 401, "response": {"code": 1, "message": ""}}

    assert sample_problems(name, sample) == []


@pytest.mark.parametrize(
    ("name", "case", "sample"),
    [
        pytest.param(one.values[0], one.id.partition("/")[2], one.values[1], id=one.id)
        for one in cases_of(*ENDPOINTS)
    ],
)
def test_samples_are_read(name, case, sample):
    """Every documented answer, conflicts included, comes out as one shape."""
    said = sample["response"]
    body = b"" if said is None else json.dumps(said).encode()
    response = HttpResponse(status=sample["status"], body=body)

    assert read(ENDPOINTS[name], response, {}) == READ[case]
