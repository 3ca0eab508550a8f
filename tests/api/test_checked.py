"""The commonest send: what the whole record would say, or nothing at all."""

from datetime import UTC, datetime

import pytest
from fakes import MESSAGE, ScriptedTransport, answer, refusal, session_over
from hypothesis import example, given
from hypothesis import strategies as st

from aiooctopush import (
    Purpose,
    Recipient,
    SmsRequest,
    SmsType,
    UnknownOutcomeError,
)
from aiooctopush._wire import encode
from aiooctopush.api._checked import plain_request


ID = "0123456789abcdef0123456789abcdef"
PLAIN = {
    "text": "Your code is 1234",
    "recipients": ["+33639980001"],
    "sender": "Acme",
    "purpose": Purpose.ALERT,
    "type": SmsType.PREMIUM,
    "request_id": ID,
}


def plain(fields):
    """The record of a send with these fields, or None."""
    return plain_request(
        **{"kind" if name == "type" else name: one for name, one in fields.items()}
    )


class Word(str):  # noqa: SLOT000 - what somebody may pass
    """A text of another type."""


NUMBERS = st.one_of(
    st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True),
    st.sampled_from(
        [
            *["+33 6 39 98 00 01", "0639980001", "+33639980001\n", "", b"+33639980001"],
            *[Word("+33639980001"), Recipient("+33639980001"), None, 33639980001],
            "+33639980001.0",
        ]
    ),
)
TEXTS = st.one_of(
    st.text(min_size=1, max_size=200),
    st.sampled_from(["", "é" * 1224, "a" * 1225, "\ud800", Word("Hello"), b"Hello", 1]),
)
SENDERS = st.sampled_from(
    ["Acme", "Acme 24", "Ac", "Acme Limited", "Acmé", " Acme", Word("Acme"), None, 24]
)
IDS = st.sampled_from([ID, "order-1_A", "", "a" * 65, "é", Word("order-1"), None, 1])
FIELDS = st.fixed_dictionaries(
    {
        "text": TEXTS,
        "recipients": st.one_of(
            st.lists(NUMBERS, max_size=3), st.lists(NUMBERS, max_size=3).map(tuple)
        ),
        "sender": SENDERS,
        "purpose": st.sampled_from([*Purpose, "alert", "no purpose", None]),
        "type": st.sampled_from([*SmsType, "sms_low_cost", "no type", None]),
        "request_id": IDS,
    }
)


@given(FIELDS)
@example(PLAIN)
@example(PLAIN | {"text": "Ça va \N{GRINNING FACE}?", "type": SmsType.LOW_COST})
@example(PLAIN | {"text": "a" * 161, "type": SmsType.LOW_COST})
@example(PLAIN | {"text": "\ud800"})
@example(PLAIN | {"recipients": ["+33639980001"] * 501})
def test_it_is_to_the_byte_what_a_record_says_or_nothing(fields):
    """What it takes a record takes as well, and says the same."""
    found = plain(fields)

    assert found is None or encode(found) == encode(SmsRequest(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="as it is shown"),
        pytest.param({"recipients": ("+33639980001",)}, id="a tuple"),
        pytest.param({"recipients": ["+33639980001"] * 500}, id="as many as may be"),
        pytest.param({"text": "é" * 1224}, id="as long as may be"),
        pytest.param(
            {"text": "a" * 160, "type": SmsType.LOW_COST}, id="a low cost text"
        ),
        pytest.param({"request_id": "order-1_A"}, id="an id that was chosen"),
    ],
)
def test_the_common_send_needs_no_more(fields):
    """What a service sends all day is taken as it is."""
    assert plain(PLAIN | fields) is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("text", "a" * 1225),
        ("text", "half of \ud800"),
        ("text", b"Your code"),
        ("sender", "Ac"),
        ("sender", None),
        ("purpose", "alert"),
        ("purpose", None),
        ("type", "sms_premium"),
        ("request_id", "a" * 65),
        ("request_id", 1),
        ("recipients", []),
        ("recipients", ["+33639980001"] * 501),
        ("recipients", ["+33 6 39 98 00 01"]),
        ("recipients", ["+33639980001", Recipient("+33639980002")]),
        ("recipients", [b"+33639980001"]),
        ("recipients", "+33639980001"),
        ("recipients", {"+33639980001": None}),
        ("recipients", iter(["+33639980001"])),
    ],
)
def test_anything_else_is_for_the_whole_record(field, value):
    """A mistake is never judged here, and what can be used up is not looked at."""
    assert plain(PLAIN | {field: value}) is None


# --- on its way -----------------------------------------------------------------------

SENT = {"text": "Your code is 1234", "sender": "Acme", "purpose": Purpose.ALERT}
BYTES = (
    b'{"text":"Your code is 1234","sender":"Acme","purpose":"alert",'
    b'"type":"sms_premium","request_id":"order-1",'
    b'"recipients":[{"phone_number":"+33639980001"}]}'
)


async def test_a_plain_request_is_these_bytes():
    """Byte for byte, as they have always been: a repeat elsewhere must be the same."""
    transport = ScriptedTransport(answer())
    async with session_over(transport) as octopush:
        await octopush.sms.send(
            **SENT, recipients=["+33639980001"], request_id="order-1"
        )

    (request,) = transport.requests
    assert request.body == BYTES


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"send_at": datetime(2030, 1, 1, tzinfo=UTC)}, id="send_at"),
        pytest.param({"with_replies": True}, id="with_replies"),
        pytest.param({"simulation_mode": True}, id="simulation_mode"),
        pytest.param({"auto_optimize_text": False}, id="auto_optimize_text"),
        pytest.param(
            {"auto_remove_blacklisted_numbers": True},
            id="auto_remove_blacklisted_numbers",
        ),
        pytest.param({"list_name": "customers"}, id="list_name"),
        pytest.param({"recipient_tracking": True}, id="recipient_tracking"),
    ],
)
async def test_what_is_said_beside_the_common_is_never_lost(more):
    """Every keyword that is given reaches the gateway, whatever the others are."""
    transport = ScriptedTransport(answer())
    async with session_over(transport) as octopush:
        await octopush.sms.send(**SENT, recipients=["+33639980001"], **more)

    (body,) = transport.bodies
    (name,) = more
    assert name in body


async def test_a_repeat_after_silence_is_the_same_bytes():
    """Under the same id: the gateway tells the second from the first by it alone."""
    transport = ScriptedTransport(UnknownOutcomeError("silence"), answer())
    async with session_over(transport) as octopush:
        sent = await octopush.sms.send(**SENT, recipients=["+33639980001"])

    first, second = (request.body for request in transport.requests)
    assert first == second
    assert (sent.attempts, sent.request_id) == (2, transport.ids[0])


async def test_a_clean_refusal_for_speed_changes_the_id_and_nothing_else():
    """As with a record: the old id may have been noted."""
    transport = ScriptedTransport(answer(429, {}), answer())
    async with session_over(transport) as octopush:
        sent = await octopush.sms.send(**SENT, recipients=["+33639980001"])

    first, second = transport.bodies
    assert first | {"request_id": ""} == second | {"request_id": ""}
    assert first["request_id"] != second["request_id"] == sent.request_id


async def test_an_id_that_was_chosen_stays():
    """However often it is refused for speed."""
    transport = ScriptedTransport(answer(429, {}), answer())
    async with session_over(transport) as octopush:
        await octopush.sms.send(
            **SENT, recipients=["+33639980001"], request_id="order-1"
        )

    assert transport.ids == ["order-1", "order-1"]


async def test_a_duplicate_after_silence_is_presumed():
    """The proof that the first was taken holds for a plain send as well."""
    transport = ScriptedTransport(UnknownOutcomeError("silence"), refusal(120))
    async with session_over(transport) as octopush:
        sent = await octopush.sms.send(**SENT, recipients=["+33639980001"])

    assert (sent.outcome, sent.ticket) == ("presumed", None)


async def test_both_ways_say_the_same():
    """Words in the place of members are the same message."""
    transport = ScriptedTransport(answer(), answer())
    async with session_over(transport) as octopush:
        for purpose in ("alert", Purpose.ALERT):
            await octopush.sms.send(
                **MESSAGE | {"purpose": purpose}, request_id="order-1"
            )

    first, second = (request.body for request in transport.requests)
    assert first == second
