"""Identities that are no numbers: exact, whatever they are, and small."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush.api._recipients import Recipient
from aiooctopush.bulk.sources.people import SeenDigests, known_by
from aiooctopush.errors import InvalidFieldError


ADA = Recipient("+33600000001")


def identity_of(key):
    """Return what is kept of an item whose identity is this key."""
    return known_by(ADA, lambda _: key)[0]


@given(st.lists(st.text(max_size=3) | st.text(st.characters(), max_size=3)))
def test_keys_are_those_of_a_plain_set(keys):
    """Whatever comes in whatever order, the answers are those of a set."""
    seen, model = SeenDigests(), set()

    for key in keys:
        digest = identity_of(key)
        assert seen.among([digest]) == bytes([key in model])
        assert seen.note([digest]) == [0] * (key in model)
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
    assert identity_of(one) != identity_of(other)


@pytest.mark.parametrize("key", [None, 7, b"a", ("a", "b")], ids=repr)
def test_a_key_that_is_no_str_is_refused(key):
    """An identity must be written as a str; nothing else is turned into one."""
    with pytest.raises(InvalidFieldError, match="must give a str"):
        identity_of(key)


def test_a_key_costs_at_most_110_bytes_however_long_it_is():
    """What is kept of a key of 200 characters is its digest."""
    seen = SeenDigests()
    tracemalloc.start()
    try:
        for index in range(50_000):
            seen.note([identity_of(f"{index:0200}")])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept / len(seen) < 110
