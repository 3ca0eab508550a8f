"""What a ledger keeps of a batch comes back as it was."""

import zlib
from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import LedgerError, Recipient, SmsRequest
from aiooctopush.bulk.packing import (
    encode,
    pack,
    pack_numbers,
    recipients_in,
    unpack,
    unpack_numbers,
)


NUMBERS = st.integers(10_000_000, 999_999_999_999_999).map(lambda one: f"+{one}")
NAMES = st.none() | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20
)


@given(
    people=st.lists(
        st.builds(Recipient, NUMBERS, first_name=NAMES, param5=NAMES), min_size=1
    )
)
def test_recipients_come_back(people):
    """In their order, with all values."""
    assert unpack(pack(encode(tuple(people)))) == tuple(people)


@given(people=st.lists(st.builds(Recipient, NUMBERS, first_name=NAMES), min_size=1))
def test_what_is_not_packed_comes_back_as_well(people):
    """A ledger in memory packs only what stays; twice is once."""
    encoded = encode(tuple(people))

    assert unpack(encoded) == tuple(people)
    assert pack(pack(encoded)) == pack(encoded)


def test_a_request_that_is_not_packed_comes_back():
    """As recipients do."""
    request = SmsRequest(
        text="Hi", recipients=["+33639980001"], sender="Acme", purpose="alert"
    )

    assert unpack(encode(request)).text == "Hi"


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=99))
def test_a_request_comes_back_but_for_its_id(text):
    """A run gives it another one."""
    request = SmsRequest(
        text=text,
        recipients=["+33639980001", Recipient("+33639980002", last_name="Zoé")],
        sender="Acme",
        purpose="wholesale",
        send_at=datetime(2026, 11, 27, 9, tzinfo=UTC),
        with_replies=False,
        list_name="spring",
    )

    back = unpack(pack(encode(request)))

    assert isinstance(back, SmsRequest)
    assert evolve(back, request_id=request.request_id) == request
    assert recipients_in(back) == request.recipients


def test_the_id_of_a_request_is_not_part_of_its_content():
    """It is new each time that a source is read."""
    values = {"text": "Hi", "sender": "Acme", "purpose": "alert"}
    one, two = (SmsRequest(**values, recipients=["+33639980001"]) for _ in "12")

    assert one.request_id != two.request_id
    assert encode(one) == encode(two)


@given(people=st.lists(NUMBERS))
def test_numbers_come_back_sorted(people):
    """Those that are there twice, twice."""
    packed = pack_numbers([Recipient(one) for one in people])

    assert unpack_numbers(packed) == tuple(sorted(people, key=lambda one: int(one[1:])))


def test_numbers_that_were_purged_are_none():
    """Nothing is no damage."""
    assert unpack_numbers(b"") == ()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"garbage",
        zlib.compress(b"garbage"),
        zlib.compress(b'[{"phone_number": "0612345678"}]'),
        zlib.compress(b"[1]"),
        zlib.compress(b"1"),
        zlib.compress(b"{}"),
        zlib.compress(b'{"recipients": ["+33639980001"], "text": "secret"}'),
    ],
    ids=["nothing", "bytes", "text", "number", "ints", "int", "empty", "half"],
)
def test_damage_is_told_without_what_is_in_there(payload):
    """It is private."""
    with pytest.raises(LedgerError, match="cannot be read") as caught:
        unpack(payload)

    assert caught.value.__cause__ is None
    assert "0612345678" not in str(caught.value)


def test_damaged_numbers_are_told():
    """As damage of the ledger."""
    with pytest.raises(LedgerError, match="cannot be read"):
        unpack_numbers(b"garbage")
