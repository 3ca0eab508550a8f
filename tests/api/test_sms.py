"""The SMS chapter: every call against the sandbox, every limit on both sides."""

import inspect
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from fakes import MESSAGE, ScriptedTransport, session_over
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import (
    Audience,
    InvalidFieldError,
    OctopushSession,
    Outcome,
    Purpose,
    Recipient,
    SendResult,
    Sms,
    SmsRequest,
    SmsType,
)
from aiooctopush._wire import converter, encode
from aiooctopush.api.campaigns import CampaignState, CampaignStatus, Segmentation
from aiooctopush.api.sms_campaigns import (
    ListCampaignRequest,
    SmsDraft,
    TagCampaignRequest,
)
from aiooctopush.sandbox.clock import START


CAMPAIGN = {"text": "Sale. STOP au XXXXX", "sender": "Acme", "purpose": "wholesale"}
LATER = START + timedelta(days=1)


def label(value):
    """A short id of a value, the same in every process."""
    if isinstance(value, str | list):
        return f"{value!r:.30}"
    return str(value) if isinstance(value, datetime) else type(value).__name__


pytestmark = pytest.mark.usefixtures("audiences")


# --- direct sends ---------------------------------------------------------------------


async def test_a_message_is_accepted_with_its_ticket_and_cost(octopush, gateway):
    """What the gateway says comes back typed; what it did stands in its sent log."""
    sent = await octopush.sms.send(**MESSAGE)

    assert sent.outcome is Outcome.ACCEPTED
    assert sent.number_of_contacts == 1
    assert isinstance(sent.total_cost, Decimal)
    assert sent.status == 201
    entry = gateway.sent_log.find(sent.ticket)
    assert entry.request_id == sent.request_id
    assert entry.text == MESSAGE["text"]
    assert entry.cost == sent.total_cost


async def test_every_parameter_reaches_the_gateway_under_its_own_name(
    octopush, gateway
):
    """Nothing is dropped as unknown on the other side."""
    person = Recipient(
        "+33 6.39-98 00 01",
        first_name="Zoé",
        last_name="O'Neill",
        param1="1",
        param2="2",
        param3="3",
        param4="4",
        param5="5",
    )

    sent = await octopush.sms.send(
        text="{first_name} {last_name} {param1}{param2}{param3}{param4}{param5}",
        recipients=[person],
        sender="Acme 24",
        purpose=Purpose.ALERT,
        type=SmsType.LOW_COST,
        send_at=LATER,
        with_replies=False,
        simulation_mode=False,
        request_id="order-17",
        auto_optimize_text=False,
        auto_remove_blacklisted_numbers=False,
        list_name="new",
        recipient_tracking=True,
    )

    entry = gateway.sent_log.find(sent.ticket)
    assert entry.ignored_fields == ()
    assert entry.texts == ("Zoé O'Neill 12345",)
    assert entry.recipients == ("+33639980001",)
    assert (entry.type, entry.purpose) == ("sms_low_cost", "alert")
    assert entry.send_at == LATER
    assert entry.request_id == "order-17"


async def test_a_simulation_costs_nothing(octopush, gateway):
    """simulation_mode is a real True on the wire."""
    await octopush.sms.send(**MESSAGE, simulation_mode=True)

    assert gateway.sent_log.times("+33639980001") == 0


async def test_a_wrong_number_is_refused_before_any_request():
    """Validation comes before I/O."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidFieldError, match=r"recipients\[1\].phone_number"):
            await octopush.sms.send(
                **{**MESSAGE, "recipients": ["+33639980001", "0639980002"]}
            )

    assert transport.requests == []


async def test_a_confirmed_campaign_has_its_date(octopush):
    """In the gateway's own zone."""
    created = await octopush.sms.create_on_list(list_name="customers", **CAMPAIGN)
    await octopush.sms.wait_until_ready(created.ticket)

    confirmed = await octopush.sms.confirm(created.ticket, audience=Audience.LIST)

    assert confirmed.sending_date.utcoffset() is not None


# --- keywords and records -------------------------------------------------------------


@pytest.mark.parametrize("call", [Sms.send, Sms.create_on_list, Sms.create_on_tag])
def test_the_bulk_of_a_session_takes_the_same_message(call):
    """What can be said in one send can be said in bulk."""
    message = {"text", "sender", "purpose", "type", "send_at", "with_replies"}
    message |= {"simulation_mode", "auto_optimize_text", "recipient_tracking"}
    message |= {"auto_remove_blacklisted_numbers"}

    assert message <= set(inspect.signature(OctopushSession.bulk).parameters)
    assert message <= set(inspect.signature(call).parameters)


def test_a_record_shows_neither_number_nor_text_nor_name():
    """Its repr may stand in a log."""
    request = SmsRequest(
        **{**MESSAGE, "recipients": [Recipient("+33639980001", first_name="Zoé")]}
    )

    shown = repr(request) + repr(request.recipients[0])

    assert "+336****0001" in shown
    assert "39980001" not in shown
    assert "1234" not in shown
    assert "Zoé" not in shown


def test_a_record_has_an_id_of_its_own():
    """32 lower-case hexadecimal characters, another for every record."""
    one, other = SmsRequest(**MESSAGE), SmsRequest(**MESSAGE)

    assert len({one.request_id, other.request_id}) == 2
    assert len(one.request_id) == 32
    assert set(one.request_id) <= set("0123456789abcdef")


def test_type_and_purpose_are_always_sent_and_none_never():
    """The gateway's own defaults are not relied on."""
    body = json.loads(encode(SmsRequest(**MESSAGE, request_id="r")))

    assert body == {
        "text": "Your code is 1234",
        "recipients": [{"phone_number": "+33639980001"}],
        "sender": "Acme",
        "purpose": "alert",
        "type": "sms_premium",
        "request_id": "r",
    }


# --- limits, both sides of each -------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", "x"),
        ("text", "x" * 1224),
        ("text", "€" * 1224),
        ("sender", "abc"),
        ("sender", "a2345678901"),
        ("sender", "a b"),
        ("recipients", ["+33639980001"] * 500),
        ("recipients", ("+33639980001",)),
        ("purpose", "wholesale"),
        ("purpose", Purpose.WHOLESALE),
        ("type", "sms_low_cost"),
        ("send_at", datetime(2026, 1, 1, tzinfo=UTC)),
        ("send_at", datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-7)))),
        ("request_id", "a"),
        ("request_id", "A-z_09" + "0" * 58),
        ("list_name", "x" * 30),
        ("with_replies", True),
        ("simulation_mode", False),
        ("auto_optimize_text", None),
    ],
    ids=label,
)
def test_a_value_within_its_limit_is_taken(field, value):
    """The last value on the good side."""
    SmsRequest(**{**MESSAGE, field: value})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("text", "", "1 to 1,224 characters"),
        ("text", "x" * 1225, "got 1,225 characters"),
        ("text", None, "must be a str"),
        ("text", b"x", "must be a str"),
        ("text", "a\ud800", "character 2 is half of a surrogate pair"),
        ("sender", "ab", "3 to 11"),
        ("sender", "a23456789012", "3 to 11"),
        ("sender", " abc", "3 to 11"),
        ("sender", "abc ", "3 to 11"),
        ("sender", "Café", "without accents"),
        ("sender", "a-b-c", "3 to 11"),
        ("sender", None, "3 to 11"),
        ("recipients", [], "1 to 500"),
        ("recipients", ["+33639980001"] * 501, "octopush.bulk"),
        ("recipients", "+33639980001", "list of numbers"),
        ("recipients", {"+33639980001": 1}, "list of numbers"),
        ("recipients", [None], r"recipients\[0\]"),
        ("purpose", "promotion", "'alert', 'wholesale' or 'marketing'"),
        ("purpose", None, "'alert', 'wholesale' or 'marketing'"),
        ("type", "sms_vocal", "'sms_premium' or 'sms_low_cost'"),
        ("send_at", datetime(2026, 1, 1), "time zone"),  # noqa: DTZ001
        ("send_at", "2026-01-01T00:00:00Z", "must be a datetime"),
        ("request_id", "", "1 to 64"),
        ("request_id", "a" * 65, "1 to 64"),
        ("request_id", "a b", "1 to 64"),
        ("request_id", "é", "1 to 64"),
        ("request_id", "a\n", "1 to 64"),
        ("request_id", 7, "must be a str"),
        ("list_name", "", "1 to 30"),
        ("list_name", "x" * 31, "1 to 30"),
        ("with_replies", "yes", "True, False or None"),
        ("simulation_mode", 1, "True, False or None"),
        ("auto_optimize_text", "false", "True, False or None"),
        ("auto_remove_blacklisted_numbers", 0, "True, False or None"),
        ("recipient_tracking", "", "True, False or None"),
    ],
    ids=label,
)
def test_a_value_beyond_its_limit_is_refused(field, value, words):
    """The first value on the bad side, with its field and the limit."""
    with pytest.raises(InvalidFieldError, match=words) as caught:
        SmsRequest(**{**MESSAGE, field: value})

    assert caught.value.field.split("[")[0] == field
    assert caught.value.outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(("length", "fits"), [(160, True), (161, False)])
def test_a_low_cost_text_has_one_part(length, fits):
    """The gateway refuses longer ones."""
    message = {**MESSAGE, "text": "x" * length, "type": "sms_low_cost"}

    if fits:
        SmsRequest(**message)
    else:
        with pytest.raises(InvalidFieldError, match="at most 160"):
            SmsRequest(**message)


@pytest.mark.parametrize(("length", "fits"), [(20, True), (21, False)])
def test_a_tag_has_up_to_twenty_characters(length, fits):
    """A list name up to thirty."""
    if fits:
        TagCampaignRequest(tag_name="x" * length, **CAMPAIGN)
    else:
        with pytest.raises(InvalidFieldError, match="tag_name"):
            TagCampaignRequest(tag_name="x" * length, **CAMPAIGN)


def test_a_segmentation_is_one_of_two_words():
    """Or nothing."""
    ListCampaignRequest(list_name="x", segmentation="group", **CAMPAIGN)
    with pytest.raises(InvalidFieldError, match="'filter' or 'group'"):
        ListCampaignRequest(list_name="x", segmentation="all", **CAMPAIGN)


@pytest.mark.parametrize("field", ["first_name", "last_name", "param1", "param5"])
def test_a_merged_value_has_up_to_fifty_characters(field):
    """And is not shown when it is longer."""
    Recipient("+33639980001", **{field: "é" * 50})
    Recipient("+33639980001", **{field: ""})
    with pytest.raises(InvalidFieldError, match="51 characters") as caught:
        Recipient("+33639980001", **{field: "x" * 51})

    assert caught.value.field == field
    assert "xxx" not in str(caught.value)


# --- round trips ----------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)
senders = st.from_regex(r"[A-Za-z0-9]{3,11}", fullmatch=True)
phones = st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True)
flags = st.none() | st.booleans()
optional = st.none() | texts
instants = st.none() | st.datetimes(timezones=st.just(UTC))
people = st.builds(
    Recipient,
    phones,
    first_name=optional,
    last_name=optional,
    param1=optional,
    param2=optional,
    param3=optional,
    param4=optional,
    param5=optional,
)
messages = {
    "text": texts.filter(lambda text: not text.isspace()),
    "sender": senders,
    "purpose": st.sampled_from(Purpose),
    "type": st.sampled_from(SmsType),
    "send_at": instants,
    "with_replies": flags,
    "simulation_mode": flags,
    "auto_optimize_text": flags,
    "auto_remove_blacklisted_numbers": flags,
    "recipient_tracking": flags,
}
segmentations = st.none() | st.sampled_from(Segmentation)
records = st.one_of(
    st.builds(
        SmsRequest,
        recipients=st.lists(people, min_size=1, max_size=5),
        list_name=st.none() | texts.filter(lambda text: len(text) <= 30),
        **messages,
    ),
    st.builds(
        ListCampaignRequest,
        list_name=texts.filter(lambda text: len(text) <= 30),
        segmentation=segmentations,
        **messages,
    ),
    st.builds(
        TagCampaignRequest,
        tag_name=texts.filter(lambda text: len(text) <= 20),
        segmentation=segmentations,
        **messages,
    ),
)


@given(record=records)
def test_a_record_survives_the_way_through_json(record):
    """A ledger or a queue may hold it: same value, same id."""
    again = converter.structure(json.loads(encode(record)), type(record))

    assert again == record


figures = st.none() | st.decimals(0, 10**6, places=8)
counts = st.none() | st.integers(0, 10**9)
answers = st.one_of(
    st.builds(
        SendResult,
        ticket=st.text(min_size=1),
        number_of_contacts=counts,
        total_cost=figures,
        number_of_sms_needed=counts,
        residual_credit=figures,
    ),
    st.builds(
        CampaignStatus,
        state=st.sampled_from(CampaignState) | texts,
        number_of_contacts=counts,
        cost=figures,
    ),
    st.builds(SmsDraft, ticket=optional, state=optional, total_cost=figures),
)


@given(result=answers)
def test_a_result_survives_the_way_through_plain_data(result):
    """What came back can be stored and read again."""
    plain = converter.unstructure(result)

    assert converter.structure(plain, type(result)) == result
