"""Secrets: no accident shows them, and a header can carry them."""

import copy
import json
import pickle

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush.errors import InvalidFieldError, Outcome
from aiooctopush.secret import MASK, Credentials, Secret


KEY = "k3y-that-nobody-may-see"
LOGIN = "me@example.org"


@attrs.frozen
class Holder:
    """Somebody's settings."""

    key: Secret


# Everything that people do to a value when they mean to look at it.
WAYS = [
    pytest.param(repr, id="repr"),
    pytest.param(str, id="str"),
    pytest.param(lambda value: f"{value}", id="f-string"),
    pytest.param(lambda value: f"{value!r:>40}", id="f-string with width"),
    pytest.param(lambda value: "%s %r" % (value, value), id="percent"),  # noqa: UP031 - the way itself is tested
    pytest.param("{} {0!r}".replace("{}", "{0}").format, id="format"),
    pytest.param(lambda value: str([value, {"key": value}]), id="inside a list"),
    pytest.param(lambda value: str(attrs.asdict(Holder(value))), id="asdict"),
    pytest.param(lambda value: repr(Holder(value)), id="attrs repr"),
    pytest.param(lambda value: json.dumps({"key": value}, default=str), id="json"),
    pytest.param(
        lambda value: orjson.dumps({"key": value}, default=str).decode(), id="orjson"
    ),
    pytest.param(lambda value: str(KeyError(value)), id="in an exception"),
]


@pytest.mark.parametrize("show", WAYS)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Secret(KEY), id="secret"),
        pytest.param(Credentials(LOGIN, KEY), id="credentials"),
    ],
)
def test_however_it_is_shown_a_secret_stays_hidden(value, show):
    """Whatever prints a secret prints three stars in its place."""
    words = show(value)

    assert (MASK in words, KEY in words, LOGIN in words) == (True, False, False)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (Secret(KEY), "pass secret.reveal() instead"),
        (Credentials(LOGIN, KEY), "the environment"),
    ],
    ids=["secret", "credentials"],
)
def test_a_secret_is_not_pickled(value, advice, protocol):
    """A session store would lock people out with a mask, or hold a key unseen."""
    with pytest.raises(TypeError) as caught:
        pickle.dumps({"kept": value}, protocol)

    assert advice in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("serialize", [list, dict, lambda one: one.__json__()])
def test_a_secret_says_how_it_is_revealed_to_what_makes_json_of_it(serialize):
    """FastAPI tries `dict`, and shows in its error what that raised."""
    with pytest.raises(TypeError) as caught:
        serialize(Secret(KEY))

    assert str(caught.value) == (
        "a Secret cannot be pickled or serialized: pass secret.reveal() instead, where "
        "only your program can read it"
    )


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("value", [Secret(KEY), Credentials(LOGIN, KEY)])
def test_a_copy_is_the_same_secret(value, copied):
    """It never changes, and so stays where it is."""
    assert copied(value) is value


def test_a_secret_cannot_be_written_as_json_by_accident():
    """An encoder that was not told what to do refuses, and does not show it."""
    with pytest.raises(TypeError) as caught:
        json.dumps({"key": Secret(KEY)})

    assert KEY not in str(caught.value)


def test_a_secret_has_no_dictionary_of_attributes():
    """Debuggers and loggers that print ``vars`` find nothing."""
    with pytest.raises(TypeError):
        vars(Secret(KEY))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Secret(KEY), "Secret('***')"),
        (Credentials(LOGIN, KEY), "Credentials('***', '***')"),
    ],
)
def test_the_repr_says_what_kind_of_value_is_hidden(value, words):
    """Who debugs sees that there is one, and no more."""
    assert repr(value) == words


def test_only_reveal_gives_a_secret_out():
    """Who asks for it by name gets it."""
    assert Secret(KEY).reveal() == KEY


def test_secrets_are_equal_if_what_they_hide_is():
    """A changed key can be noticed without revealing either."""
    assert (Secret("a") == Secret("a"), Secret("a") == Secret("b")) == (True, False)


def test_a_secret_is_not_equal_to_what_it_hides():
    """Nobody can compare it with a plain string by mistake, and think they match."""
    assert (Secret("a") == "a") is False


def test_equal_secrets_have_equal_hashes():
    """A secret can be the key of a dictionary."""
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


# --- what a header can carry ----------------------------------------------------------


def test_credentials_become_the_two_headers_of_the_gateway():
    """Login and key travel under the names that the gateway documents."""
    assert Credentials(LOGIN, KEY).headers == {
        "api-login": "me@example.org",
        "api-key": "k3y-that-nobody-may-see",
    }


VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
BAD = [
    pytest.param("", id="empty"),
    pytest.param("x" * 257, id="257 characters"),
    pytest.param("before\rafter", id="carriage return"),
    pytest.param("before\nafter", id="newline"),
    pytest.param("before\r\nx-evil: 1", id="another header"),
    pytest.param("before\0after", id="NUL"),
    pytest.param("before\x7fafter", id="delete"),
    pytest.param("before\tafter", id="tab"),
    pytest.param("before after", id="space inside"),
    pytest.param(" before", id="space before"),
    pytest.param("after ", id="space after"),
    pytest.param("after\n", id="newline at the end"),
    pytest.param("clé", id="accent"),
    pytest.param("ke\u200by", id="zero width space"),
    pytest.param("k\ud800y", id="half a surrogate pair"),
    pytest.param(None, id="None"),
    pytest.param(b"bytes", id="bytes"),
    pytest.param(42, id="number"),
]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x", id="1 character"),
        pytest.param("x" * 256, id="256 characters"),
        pytest.param(VISIBLE, id="every visible ASCII character"),
    ],
)
def test_visible_ascii_is_accepted(value):
    """1 to 256 visible ASCII characters are carried unchanged."""
    assert Credentials(value, value).headers == {"api-login": value, "api-key": value}


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("name", ["api_login", "api_key"])
def test_what_no_header_can_carry_is_refused(name, value):
    """A bad login or key is refused by name, before anything is sent."""
    good = {"api_login": LOGIN, "api_key": KEY}

    with pytest.raises(InvalidFieldError) as caught:
        Credentials(**good | {name: value})

    assert (caught.value.field, caught.value.outcome) == (name, Outcome.NOT_SENT)


@given(st.text(min_size=6, max_size=300).filter(lambda text: not text.isascii()))
def test_a_refusal_never_shows_the_value(value):
    """A key that was pasted with a stray character does not end up in a log."""
    with pytest.raises(InvalidFieldError) as caught:
        Credentials(LOGIN, value)

    shown = f"{caught.value!s} {caught.value!r} {vars(caught.value)}"

    assert value not in shown
