"""Request ids: random or derived, never cleaned, and trusted for 23 hours."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aiooctopush.errors import InvalidFieldError, Outcome
from aiooctopush.ids import (
    PROTECTED_FOR,
    SAFE_FOR,
    check_request_id,
    first_tried_at,
    new_request_id,
    protects,
    request_id_for,
    safe_until,
)


HEX = r"[0-9a-f]{32}"


def test_a_new_id_is_32_lower_case_hexadecimal_characters():
    """New ids have the one shape that every source agrees on."""
    assert re.fullmatch(HEX, new_request_id())


def test_a_new_id_is_never_the_same_twice():
    """Two messages never share an id."""
    assert len({new_request_id() for _ in range(1_000)}) == 1_000


# Stored in the wild: a change would send again what was already sent.
# SHA-1 of the namespace and the key, by hand from RFC 9562, section 5.5.
@pytest.mark.parametrize(
    ("key", "request_id"),
    [
        ("order-42-shipped", "3bbadf58487f5927b407a5c106c9be0b"),
        ("commande n° 42", "341a6c03ca1a5f37a025ae9e21017704"),
    ],
)
def test_the_id_of_a_key_never_changes(key, request_id):
    """The same key gives the same id in every version of this package."""
    assert request_id_for(key) == request_id


def test_the_id_of_a_key_is_the_same_in_another_process():
    """A restarted worker derives the id that the first one used."""
    code = "from aiooctopush import request_id_for; print(request_id_for('order-42'))"

    printed = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    ).stdout

    assert printed.strip() == request_id_for("order-42")


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_keys_never_share_an_id(one, other):
    """Different messages stay different."""
    assume(one != other)

    assert request_id_for(one) != request_id_for(other)


@given(st.text(min_size=1))
def test_the_id_of_any_key_has_the_shape_of_a_new_one(key):
    """Whatever names a message, its id is one that every source agrees on."""
    assert re.fullmatch(HEX, request_id_for(key))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        pytest.param("", "must not be empty", id="empty"),
        pytest.param(None, "must be a str (got NoneType)", id="None"),
        pytest.param(42, "must be a str (got int)", id="number"),
        pytest.param(b"order-42", "must be a str (got bytes)", id="bytes"),
    ],
)
def test_a_key_that_names_nothing_is_refused(key, words):
    """Messages without a name of their own must not all become one."""
    with pytest.raises(InvalidFieldError) as caught:
        request_id_for(key)

    assert caught.value.problem == f"key: {words}"


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param("a", id="1 character"),
        pytest.param("x" * 64, id="64 characters"),
        pytest.param("order-42_B", id="hyphen and underscore"),
        pytest.param("0123456789abcdef0123456789ABCDEF", id="hexadecimal"),
    ],
)
def test_an_id_that_was_chosen_is_kept_unchanged(chosen):
    """What the caller chose is what the gateway gets."""
    assert check_request_id(chosen) == chosen


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 65, id="65 characters"),
        pytest.param("order 42", id="space"),
        pytest.param("order-42\n", id="newline at the end"),
        pytest.param("order.42", id="dot"),
        pytest.param("commandé", id="accent"),
        pytest.param("٤٢", id="Arabic-Indic digits"),
        pytest.param("a\0", id="NUL"),
        pytest.param(None, id="None"),
        pytest.param(42, id="number"),
        pytest.param(b"order-42", id="bytes"),
    ],
)
def test_an_odd_id_is_refused_rather_than_cleaned(chosen):
    """Cleaning could make two ids one, so that the second message is lost."""
    with pytest.raises(InvalidFieldError) as caught:
        check_request_id(chosen)

    assert (caught.value.field, caught.value.outcome) == (
        "request_id",
        Outcome.NOT_SENT,
    )


def test_a_refusal_shows_the_beginning_of_an_id_only():
    """A document passed as id by mistake does not fill the log."""
    with pytest.raises(InvalidFieldError) as caught:
        check_request_id("é" * 10_000)

    assert caught.value.shown == "'" + "é" * 80 + "'"


def test_a_number_as_id_is_masked():
    """Messages are named by their recipients at times, and errors are logged."""
    with pytest.raises(InvalidFieldError) as caught:
        check_request_id("order/+33639980001")

    assert caught.value.shown == "'order/***'"


def test_an_id_protects_for_24_hours_and_is_trusted_for_23():
    """An hour is kept for clocks that differ and for slow answers."""
    assert (PROTECTED_FOR.total_seconds(), SAFE_FOR.total_seconds()) == (86_400, 82_800)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), True),
        (timedelta(hours=23, microseconds=-1), True),
        (timedelta(hours=23), False),
        (timedelta(days=-2), False),  # a clock that was set back by days
    ],
)
def test_an_id_protects_while_its_first_attempt_is_young(age, expected):
    """From an age that clocks explain up to 23 hours, and not at 23 hours."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    assert protects(now - age, now) is expected


def test_an_id_of_an_unknown_first_attempt_protects_nothing():
    """Nobody knows when the gateway forgets it."""
    assert not protects(None, datetime(2026, 3, 1, tzinfo=UTC))


def test_a_repeat_is_safe_until_23_hours_after_the_first_try():
    """The caller gets an instant, not a rule to apply."""
    first = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)

    assert safe_until(first) == datetime(2026, 1, 6, 9, 0, tzinfo=UTC)


def test_the_first_try_was_23_hours_before_the_end_of_its_protection():
    """Who stored only the end knows the beginning."""
    until = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)

    assert first_tried_at(until) == datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


def test_a_key_that_cannot_be_written_is_refused():
    """Half of a surrogate pair has no bytes."""
    with pytest.raises(InvalidFieldError, match="surrogate"):
        request_id_for("order-\ud800")
