"""What a ledger keeps of a batch comes back as it was."""

import zlib
from datetime import UTC, datetime
from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import BatchState, LedgerError, Recipient, SmsRequest
from aiooctopush.ledgers.batch import (
    content_of,
    encode,
    new_record,
    pack,
    pack_figures,
    recipients_in,
    unpack_lanes,
    unpack_numbers,
    values_in,
)


def pack_numbers(numbers):
    """Numbers in international form, packed as a batch packs them."""
    return pack_figures([int(one) for one in numbers])


def kept(content, *, compress=True, **changes):
    """A batch as a ledger keeps it."""
    batch = new_record(
        *("run", content, b""),
        number=1,
        first=0,
        state=BatchState.SENDING,
        compress=compress,
    )
    return evolve(batch, **changes)


NUMBERS = st.integers(10_000_000, 999_999_999_999_999).map(lambda one: f"+{one}")
NAMES = st.none() | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20
)


@given(
    people=st.lists(
        st.builds(Recipient, NUMBERS, first_name=NAMES | st.just(""), param5=NAMES),
        min_size=1,
    ),
    compress=st.booleans(),
)
def test_recipients_come_back(people, compress):
    """In their order, with all values; the same bytes are sent, under the same id."""
    content = tuple(people)
    batch = kept(content, compress=compress)

    assert content_of(batch) == content
    assert encode(content_of(batch)) == encode(content)
    assert kept(content_of(batch)) == kept(content)


@given(people=st.lists(st.builds(Recipient, NUMBERS, first_name=NAMES), min_size=1))
def test_packing_twice_is_packing_once(people):
    """Only what stays is packed."""
    payload = kept(tuple(people), compress=False).payload

    assert pack(pack(payload)) == pack(payload)


def test_numbers_are_not_kept_twice():
    """The payload has the other values, and nothing of those that nobody has."""
    people = [
        Recipient("+33639980001", first_name="Ada"),
        Recipient("+33639980002", first_name=""),
        Recipient("+33639980003"),
    ]

    assert kept(people, compress=False).payload == b'[["first_name",["Ada","",null]]]'
    assert kept(people[2:], compress=False).payload == b"[]"


def test_a_batch_with_names_takes_a_quarter_of_what_is_sent():
    """So much less is written to the disk before it leaves."""
    people = [
        Recipient(f"+336{step * 9_973 % 10**8:08}", first_name="Ada")
        for step in range(1, 501)
    ]
    batch = kept(people, compress=False)

    assert len(encode(people)) > 23_000
    assert len(batch.payload) + len(batch.numbers) < 23_000 / 4


def test_what_was_purged_is_no_content():
    """There is nothing left to be sent."""
    with pytest.raises(LedgerError, match="it was purged"):
        content_of(kept([Recipient("+33639980001")], payload=None))


def test_a_request_that_is_not_packed_comes_back():
    """As recipients do."""
    request = SmsRequest(
        text="Hi", recipients=["+33639980001"], sender="Acme", purpose="alert"
    )

    assert content_of(kept(request, compress=False)).text == "Hi"


@given(
    text=st.text(
        st.characters(exclude_categories=["Cs"]), min_size=1, max_size=99
    ).filter(lambda text: not text.isspace())
)
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

    back = content_of(kept(request))

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
    ordered = tuple(sorted(people, key=lambda one: int(one[1:])))

    assert unpack_numbers(pack_numbers(people)) == ordered


def test_numbers_that_were_purged_are_none():
    """Nothing is no damage."""
    assert unpack_numbers(b"") == ()
    assert pack_numbers([]) == b""


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"garbage",
        zlib.compress(b"garbage"),
        zlib.compress(b'[["phone_number", ["0612345678"]]]'),
        zlib.compress(b'[["first_name", []]]'),
        zlib.compress(b'[["first_name", [1]]]'),
        zlib.compress(b'[["first_name", null]]'),
        zlib.compress(b"[1]"),
        zlib.compress(b"1"),
        zlib.compress(b"{}"),
        zlib.compress(b'{"recipients": ["+33639980001"], "text": "secret"}'),
    ],
    ids=[
        *("nothing", "bytes", "text", "numbers", "short", "figure", "none"),
        *("ints", "int", "empty", "half"),
    ],
)
def test_damage_is_told_without_what_is_in_there(payload):
    """It is private."""
    with pytest.raises(LedgerError, match="cannot be read") as caught:
        content_of(kept([Recipient("+33639980001")], payload=payload))

    assert caught.value.__cause__ is None
    assert "0612345678" not in str(caught.value)


def test_a_payload_without_its_numbers_is_damaged():
    """Nobody is left out in silence."""
    with pytest.raises(LedgerError, match="cannot be read"):
        content_of(kept([Recipient("+33639980001")], numbers=b""))


@pytest.mark.parametrize(
    "numbers",
    [
        ["+33639980001"],
        ["+33639980001", "+33639980001"],
        ["+10000000", "+33639980001", "+33639980256", "+999999999999999"],
        [f"+{33_600_000_000 + 70_000 * one}" for one in range(500)],
    ],
    ids=["one", "twice", "all the world", "a batch"],
)
def test_numbers_of_any_distance_come_back(numbers):
    """Whether they are neighbours or live on other continents."""
    packed = pack_numbers(reversed(numbers))

    assert unpack_numbers(packed) == tuple(numbers)


def test_numbers_are_kept_in_a_form_that_stays():
    """Whatever the machine: a ledger may be read on another one."""
    people = ["+33639980001", "+33639980514"]

    packed = pack_numbers(people)

    # Two numbers that differ in their two lowest bytes; these of both, and then the
    # other six of either.
    assert packed == bytes.fromhex("02000000 03 e1e2 5b5d 19 d5 07 00 00 00")


def test_numbers_are_kept_in_the_order_of_the_batch():
    """They are sorted when somebody reads them."""
    packed = pack_figures([33639980514, 33639980001, 33639980514])

    assert packed == bytes.fromhex("03000000 03 e2e1e2 5d5b5d 19 d5 07 00 00 00")
    assert unpack_numbers(packed) == ("+33639980001", "+33639980514", "+33639980514")
    assert values_in(unpack_lanes(packed)) == (33639980514, 33639980001, 33639980514)


def test_ten_million_mobiles_take_forty_megabytes():
    """About four bytes each, so that a ledger of them stays below a hundred."""
    chance = Random(1)
    mobiles = [f"+336{chance.randrange(10**8):08}" for _ in range(500)]

    assert len(pack_numbers(mobiles)) < 2_030


PACKED = pack_numbers(["+33639980001", "+999999999999999"])


@pytest.mark.parametrize(
    "packed",
    [
        b"garbage",
        PACKED[:4],
        PACKED[:-1],
        pack_numbers(["+33639980001"]) + b"1",
        b"\xff" * 4 + PACKED[4:],
        b"\0" * 4 + PACKED[4:],
    ],
    ids=["bytes", "half a head", "too short", "too long", "too many", "none"],
)
def test_damaged_numbers_are_told(packed):
    """As damage of the ledger, before room is taken for what is not there."""
    with pytest.raises(LedgerError, match="cannot be read"):
        unpack_numbers(packed)


def test_numbers_of_another_form_are_refused():
    """Nobody reads as numbers what an older version wrote with zlib alone."""
    with pytest.raises(LedgerError, match="another version of aiooctopush"):
        unpack_numbers(zlib.compress(bytes(500)))
