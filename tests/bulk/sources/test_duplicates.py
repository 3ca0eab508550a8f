"""What was seen: exact against a plain set, and small."""

import random
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiooctopush.bulk.sources import duplicates as module
from aiooctopush.bulk.sources.duplicates import SeenNumbers
from aiooctopush.errors import InvalidFieldError
from aiooctopush.ledgers.batch import lanes
from aiooctopush.phone import MAX_DIGITS, MIN_DIGITS, normalize


REGION = 1 << 19
FIRST = 33_600_000_000 // REGION * REGION + REGION  # of a region of French mobiles

# How many are few, how large bitmaps are together, and how many are in an array.
WAYS = pytest.mark.parametrize(
    "way",
    [
        pytest.param((131_072, 32 << 20, 4_096), id="a set"),
        pytest.param((4, 1 << 19, 4_096), id="bitmaps"),
        pytest.param((4, 0, 4_096), id="arrays"),
        pytest.param((4, 1 << 16, 9), id="everything"),
        pytest.param((500, 1 << 19, 4_096), id="half a set"),
    ],
    indirect=True,
)
many_examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def way(request, monkeypatch):
    """Other bounds, so that few numbers go the way of many."""
    names = ("_FEW", "_BITMAPS_AT_MOST", "_MOST_IN_ARRAY")
    for name, value in zip(names, request.param, strict=True):
        monkeypatch.setattr(module, name, value)


def written(value):
    """Write an integer as a number."""
    return f"+{value}"


def filled(values):
    """Return a filter that has seen these integers."""
    seen = SeenNumbers()
    for value in values:
        seen.add(written(value))
    return seen


# Two regions that touch, and what lies around their borders more often than not; and
# numbers that share a byte of a bitmap.
CLUSTERED = st.one_of(
    st.integers(FIRST, FIRST + 2 * REGION - 1),
    st.sampled_from([FIRST + step * REGION for step in range(3)]).flatmap(
        lambda border: st.integers(border - 2, border + 2)
    ),
    st.integers(0, 15).map(lambda step: FIRST + step * 65_536),
)
ANYWHERE = st.from_regex(
    rf"\+[1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}}", fullmatch=True
)
NUMBERS = st.lists(ANYWHERE | CLUSTERED.map(written))


@WAYS
@given(numbers=NUMBERS)
@many_examples
def test_numbers_are_those_of_a_plain_set(numbers, way):
    """Whatever comes in whatever order, the answers are those of a set."""
    seen, model = SeenNumbers(), set()

    for number in numbers:
        assert (number in seen) == (number in model)
        assert seen.add(number) == (number not in model)
        model.add(number)
        assert len(seen) == len(model)
    assert all(number in seen for number in model)


@WAYS
@given(batches=st.lists(NUMBERS, max_size=8))
@many_examples
def test_many_are_noted_as_a_plain_set_notes_them(batches, way):
    """The same ones were there before, be it in the same batch."""
    seen, model = SeenNumbers(), set()

    for numbers in batches:
        expected = []
        for place, number in enumerate(numbers):
            if number in model:
                expected.append(place)
            model.add(number)
        assert seen.add_all(numbers) == expected
        assert len(seen) == len(model)
    assert all(number in seen for number in model)
    assert not any(seen.add(number) for number in model)


@WAYS
@pytest.mark.parametrize("expected", [1, 10**6])
@given(batches=st.lists(NUMBERS, max_size=8), asked=NUMBERS)
@many_examples
def test_packed_numbers_are_noted_as_others_are(batches, asked, way, expected):
    """As a ledger has them; and who is asked for is found, and not noted."""
    seen, packed = SeenNumbers(), SeenNumbers()
    packed.expect(expected)

    for numbers in [*batches, asked]:
        values = [int(number) for number in numbers]
        before = bytes(one in seen for one in numbers)
        assert packed.among(values) == before
        assert packed.note_lanes(lanes(values)) == seen.note(values)
        assert len(packed) == len(seen)
        assert packed.among(values) == b"\1" * len(values)


@WAYS
@pytest.mark.parametrize("seed", range(3))
def test_thousands_in_a_few_regions_are_noted_exactly(seed, way):
    """Half of them twice, in batches of any size, across all bounds."""
    source = random.Random(seed)
    values = source.choices(range(FIRST, FIRST + 4 * REGION, 97), k=20_000)
    seen, model, at = SeenNumbers(), set(), 0

    while at < len(values):
        some = values[at : at + source.randrange(1, 700)]
        at += len(some)
        expected = []
        for place, value in enumerate(some):
            if value in model:
                expected.append(place)
            model.add(value)
        assert seen.add_all([written(value) for value in some]) == expected
    around = range(FIRST - 2, FIRST + 4 * REGION + 2, 251)
    assert [v for v in around if written(v) in seen] == [
        v for v in around if v in model
    ]
    assert len(seen) == len(model)


def test_a_full_set_gets_no_more(monkeypatch):
    """It is as large as it may be; those who come later are in bitmaps."""
    monkeypatch.setattr(module, "_FEW", 1_000)
    seen, values = SeenNumbers(), range(FIRST, FIRST + 2_000)

    for at in range(0, 2_000, 10):
        assert seen.note(values[at : at + 10]) == []

    assert seen._few == set(values[:1_010])
    assert seen.note(values[900:1_100]) == list(range(200))
    assert seen.among(values[1_005:1_015]) == b"\1" * 10


@WAYS
@pytest.mark.parametrize("before", [0, 3, 12])
def test_a_set_that_expects_many_is_the_same(before, way):
    """Whatever is in it by then; and it expects no fewer when it is told so."""
    values = range(FIRST, FIRST + 30)
    seen = filled(values[:before])

    seen.expect(10**6)
    seen.expect(1)

    assert seen.note(values) == list(range(before))
    assert seen.among(values) == b"\1" * 30
    assert written(FIRST + 31) not in seen


def test_many_that_are_expected_are_not_in_the_set():
    """It would be too small for them."""
    seen = SeenNumbers()

    seen.expect(module._FEW + 1)
    seen.note(range(FIRST, FIRST + 30))

    assert not seen._few


def test_numbers_in_a_row_fill_a_bitmap_to_the_last_bit(monkeypatch):
    """All 524,288 of a region fit, each once, and no neighbour is among them."""
    monkeypatch.setattr(module, "_FEW", 0)
    seen = SeenNumbers()
    seen.expect(REGION)

    for start in range(FIRST, FIRST + REGION, 8_192):
        row = [written(value) for value in range(start, start + 8_192)]
        assert seen.add_all(row) == []
        assert seen.add_all(row[:2]) == [0, 1]

    assert len(seen) == REGION
    assert set(seen._bits) == {255}
    assert written(FIRST - 1) not in seen
    assert written(FIRST + REGION) not in seen


@WAYS
@pytest.mark.parametrize(
    "value", [FIRST - 1, FIRST, FIRST + REGION - 1, FIRST + REGION]
)
def test_the_border_of_a_region_is_no_border_of_the_set(value, way):
    """The first and the last number of a region are as different as any others."""
    start = value // REGION * REGION
    inner = range(start + 10, start + 30)
    seen = filled(inner)

    assert written(value) not in seen
    assert seen.add(written(value))
    assert not seen.add(written(value))
    assert [written(value + step) in seen for step in (-1, 0, 1)] == [0, 1, 0]
    assert len(seen) == len(inner) + 1


@pytest.mark.parametrize("count", [9, 10, 11])
def test_an_array_becomes_a_bitmap_when_it_is_full(count, monkeypatch):
    """Beyond the room for bitmaps it takes nine numbers here, and forgets none."""
    monkeypatch.setattr(module, "_FEW", 0)  # the first alone is in the set
    monkeypatch.setattr(module, "_BITMAPS_AT_MOST", 0)
    monkeypatch.setattr(module, "_MOST_IN_ARRAY", 9)
    values = [FIRST - 1, *(FIRST + 50_001 * step for step in range(count))]

    seen = filled(values)

    assert len(seen._bits) == (65_536 if count > 9 else 0)
    assert not any(seen.add(written(value)) for value in values)
    assert len(seen) == count + 1


def test_numbers_of_different_lengths_are_different():
    """A number that begins like another, or ends like it, is another."""
    numbers = [
        "+" + "336000000000000000"[:length]
        for length in range(MIN_DIGITS, MAX_DIGITS + 1)
    ]
    numbers += ["+" + "9" * length for length in range(MIN_DIGITS, MAX_DIGITS + 1)]
    seen = SeenNumbers()

    assert [seen.add(number) for number in numbers] == [True] * len(numbers)
    assert [seen.add(number) for number in numbers] == [False] * len(numbers)
    assert len(seen) == len(numbers)


@given(ANYWHERE)
def test_what_the_package_calls_a_number_is_taken(number):
    """Every number as `normalize` writes it can be noted and found."""
    seen = SeenNumbers()

    assert seen.add(normalize(number))
    assert number in seen


@pytest.mark.parametrize("act", [SeenNumbers.add, SeenNumbers.__contains__])
@pytest.mark.parametrize(
    "number",
    [
        pytest.param("0612345678", id="national"),
        pytest.param("612345678", id="no-plus"),
        pytest.param("+0612345678", id="zero-in-front"),
        pytest.param("-612345678", id="minus"),
        pytest.param("+-612345678", id="plus-minus"),
        pytest.param("+612 345 678", id="spaces"),
        pytest.param(" +612345678", id="space-in-front"),
        pytest.param("+612345678\n", id="line-end"),
        pytest.param("+612_345_678", id="underscores"),
        pytest.param("+٦١٢٣٤٥٦٧٨", id="other-digits"),
        pytest.param("+612345678.0", id="decimal"),
        pytest.param("+" + "6" * 5_000, id="too-long-for-int"),
        pytest.param("", id="empty"),
        pytest.param("order-42", id="key"),
        pytest.param(612345678, id="int"),
        pytest.param(None, id="none"),
    ],
)
def test_what_could_be_taken_for_another_number_is_refused(act, number):
    """No second writing of a number is read as that number, nor shown in the error."""
    seen = filled([612345678])

    with pytest.raises(InvalidFieldError) as caught:
        act(seen, number)

    assert "12345678" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert len(seen) == 1


@WAYS
@pytest.mark.parametrize("count", [0, 1, 60])
def test_a_cleared_filter_is_a_new_one(count, way):
    """After `clear` nothing has been seen, and everything can be seen again."""
    values = range(FIRST, FIRST + count)
    seen = filled(values)

    seen.clear()

    assert len(seen) == 0
    assert not any(written(value) in seen for value in values)
    assert all(seen.add(written(value)) for value in values)


def traced_bytes(seen, items):
    """Return how much memory a filter takes after these items, and took at most."""
    tracemalloc.start()
    try:
        for item in items:
            seen.add(item)
        return tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def test_a_number_of_few_costs_at_most_110_bytes():
    """A set of integers, whatever they are, and what it holds when it grows."""
    source = random.Random(3)
    numbers = [written(source.randrange(10**14, 10**15)) for _ in range(60_000)]

    _, most = traced_bytes(SeenNumbers(), numbers)

    assert most / 60_000 < 110


def test_many_french_mobiles_take_no_more_than_their_bitmaps(monkeypatch):
    """Which are 25 MB for all 200 million; a tenth of both is faster to trace."""
    monkeypatch.setattr(module, "_FEW", 100)
    source = random.Random(3)
    values = source.choices(range(33_600_000_000, 33_620_000_000), k=30_000)

    _, most = traced_bytes(SeenNumbers(), [written(value) for value in values])

    # An eighth more than 39 bitmaps, for a bytearray grows ahead.
    assert most < 3_000_000


def test_beyond_the_room_for_bitmaps_a_number_costs_six_bytes(monkeypatch):
    """As of a large country: 650 numbers in a region, sixteen regions of thousands."""
    monkeypatch.setattr(module, "_FEW", 0)
    monkeypatch.setattr(module, "_BITMAPS_AT_MOST", 0)
    source = random.Random(3)
    values = [source.randrange(FIRST, FIRST + 16 * REGION) for _ in range(16 * 650)]

    kept, _ = traced_bytes(SeenNumbers(), [written(value) for value in values])

    assert kept / len(values) < 6


def test_a_lone_number_costs_at_most_200_bytes(monkeypatch):
    """In the worst case each number has a region of its own."""
    monkeypatch.setattr(module, "_FEW", 0)
    monkeypatch.setattr(module, "_BITMAPS_AT_MOST", 0)
    seen = SeenNumbers()
    values = range(FIRST, FIRST + 10_000 * REGION, REGION)

    kept, _ = traced_bytes(seen, map(written, values))

    assert kept / len(seen) < 200
