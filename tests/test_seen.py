"""What was seen: exact against a plain set, and small."""

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush.bulk.seen import _MOST_IN_ARRAY, SeenKeys, SeenNumbers
from aiooctopush.errors import InvalidFieldError
from aiooctopush.phone import MAX_DIGITS, MIN_DIGITS, normalise


BLOCK = 1 << 16
FIRST = 33_600_000_000 // BLOCK * BLOCK + BLOCK  # of a block of French mobiles


def written(value):
    """Write an integer as a number."""
    return f"+{value}"


def filled(values):
    """Return a filter that has seen these integers."""
    seen = SeenNumbers()
    for value in values:
        seen.add(written(value))
    return seen


# Two blocks that touch, and what lies around their borders more often than not.
CLUSTERED = st.one_of(
    st.integers(FIRST, FIRST + 2 * BLOCK - 1),
    st.sampled_from([FIRST + step * BLOCK for step in range(3)]).flatmap(
        lambda border: st.integers(border - 2, border + 2)
    ),
)
ANYWHERE = st.from_regex(
    rf"\+[1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}}", fullmatch=True
)


@given(st.lists(ANYWHERE | CLUSTERED.map(written)))
def test_numbers_are_those_of_a_plain_set(numbers):
    """Whatever comes in whatever order, the answers are those of a set."""
    seen, model = SeenNumbers(), set()

    for number in numbers:
        assert (number in seen) == (number in model)
        assert seen.add(number) == (number not in model)
        model.add(number)
        assert len(seen) == len(model)
    assert all(number in seen for number in model)


@given(
    st.integers(_MOST_IN_ARRAY - 20, _MOST_IN_ARRAY + 1),
    st.integers(),
    st.lists(CLUSTERED, min_size=20),
)
def test_numbers_are_those_of_a_plain_set_while_a_block_turns(count, seed, more):
    """A block that becomes a bitmap on the way forgets and invents nothing."""
    lows = random.Random(seed).sample(range(BLOCK), count)
    dense = [FIRST + low for low in lows]
    seen, model = filled(dense), set(dense)

    for value in [*more, *dense, *more]:
        assert seen.add(written(value)) == (value not in model)
        model.add(value)
    around = range(FIRST - 2, FIRST + 2 * BLOCK + 2, 257)
    assert [v for v in around if written(v) in seen] == [
        v for v in around if v in model
    ]
    assert len(seen) == len(model)


@pytest.mark.parametrize("step", [1, 37, -1, -37], ids=str)
@pytest.mark.parametrize("beyond", [-1, 0, 1, 2])
def test_a_block_may_turn_at_any_count(step, beyond):
    """On both sides of the threshold a block holds what was put in, and no more."""
    count = _MOST_IN_ARRAY + beyond
    values = [FIRST + index * step % BLOCK for index in range(count)]

    seen = filled(values)

    (block,) = seen._blocks.values()
    assert isinstance(block, bytearray) == (count > _MOST_IN_ARRAY)
    inside = {FIRST + low for low in range(BLOCK) if written(FIRST + low) in seen}
    assert inside == set(values)
    assert not any(seen.add(written(value)) for value in values)
    assert len(seen) == count


def test_a_full_block_holds_every_number_and_no_neighbour():
    """All 65,536 numbers of a block fit, and none of the next blocks is among them."""
    seen = filled(range(FIRST, FIRST + BLOCK))

    assert len(seen) == BLOCK
    assert all(written(value) in seen for value in range(FIRST, FIRST + BLOCK))
    assert written(FIRST - 1) not in seen
    assert written(FIRST + BLOCK) not in seen


@pytest.mark.parametrize("dense", [False, True], ids=["array", "bitmap"])
@pytest.mark.parametrize("value", [FIRST - 1, FIRST, FIRST + BLOCK - 1, FIRST + BLOCK])
def test_the_border_of_a_block_is_no_border_of_the_set(value, dense):
    """The first and the last number of a block are as different as any others."""
    start = value // BLOCK * BLOCK
    inner = range(start + 10, start + 11 + dense * _MOST_IN_ARRAY)
    seen = filled(inner)

    assert written(value) not in seen
    assert seen.add(written(value))
    assert not seen.add(written(value))
    assert [written(value + step) in seen for step in (-1, 0, 1)] == [0, 1, 0]
    assert len(seen) == len(inner) + 1


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
    """Every number as `normalise` writes it can be noted and found."""
    seen = SeenNumbers()

    assert seen.add(normalise(number))
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


@pytest.mark.parametrize("count", [0, 1, _MOST_IN_ARRAY + 1])
def test_a_cleared_filter_is_a_new_one(count):
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


def test_a_french_mobile_costs_at_most_six_bytes():
    """So many are 300,000 of all 200 million; a fifth of both is faster to trace."""
    source = random.Random(3)
    values = source.choices(range(33_600_000_000, 33_640_000_000), k=60_000)
    seen = SeenNumbers()

    _, most = traced_bytes(seen, [written(value) for value in values])

    assert most / len(seen) < 6


def test_numbers_in_a_row_cost_less_than_half_a_byte():
    """A full block takes as much as its bitmap, and hardly more on the way."""
    seen = SeenNumbers()

    _, most = traced_bytes(seen, map(written, range(FIRST, FIRST + BLOCK)))

    assert most / len(seen) < 0.5


def test_a_lone_number_costs_at_most_200_bytes():
    """In the worst case each number has a block of its own."""
    seen = SeenNumbers()
    values = range(FIRST, FIRST + 10_000 * BLOCK, BLOCK)

    kept, _ = traced_bytes(seen, map(written, values))

    assert kept / len(seen) < 200


@given(st.lists(st.text(max_size=3) | st.text(st.characters(), max_size=3)))
def test_keys_are_those_of_a_plain_set(keys):
    """Whatever comes in whatever order, the answers are those of a set."""
    seen, model = SeenKeys(), set()

    for key in keys:
        assert (key in seen) == (key in model)
        assert seen.add(key) == (key not in model)
        model.add(key)
        assert len(seen) == len(model)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("a", "A", id="case"),
        pytest.param("a", "a ", id="space"),
        pytest.param("\u00e9", "e\u0301", id="accent"),
        pytest.param("", "\0", id="nothing-and-nul"),
        pytest.param("\ud83d", "\ude00", id="halves"),
        pytest.param("\ud83d\ude00", "\U0001f600", id="halves-and-whole"),
        pytest.param("\ud800", "?", id="half-and-stand-in"),
    ],
)
def test_keys_are_taken_as_they_are(one, other):
    """Keys that look alike are different keys."""
    seen = SeenKeys()

    assert seen.add(one)
    assert other not in seen
    assert seen.add(other)
    assert len(seen) == 2


@pytest.mark.parametrize("act", [SeenKeys.add, SeenKeys.__contains__])
@pytest.mark.parametrize("key", [None, 7, b"a", ("a", "b")], ids=repr)
def test_a_key_that_is_no_str_is_refused(act, key):
    """An identity must be written as a str; nothing else is turned into one."""
    seen = SeenKeys()

    with pytest.raises(InvalidFieldError, match="must be a str"):
        act(seen, key)

    assert len(seen) == 0


def test_cleared_keys_are_new_again():
    """After `clear` nothing has been seen, and everything can be seen again."""
    seen = SeenKeys()
    seen.add("order-42")

    seen.clear()

    assert len(seen) == 0
    assert "order-42" not in seen
    assert seen.add("order-42")


def test_a_key_costs_at_most_110_bytes_however_long_it_is():
    """What is kept of a key of 200 characters is its digest."""
    seen = SeenKeys()

    kept, _ = traced_bytes(seen, [f"{index:0200}" for index in range(50_000)])

    assert kept / len(seen) < 110
