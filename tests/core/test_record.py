"""Values that share one equality, hash and repr: as attrs would make them for each."""

from typing import Any

import pytest
from attrs import field, frozen

from aiooctopush import HttpResponse, Recipient, RetryPolicy
from aiooctopush._record import Record


@frozen(kw_only=True)
class Twin:
    """What attrs makes."""

    name: str
    secret: str = field(default="x", repr=False)
    size: int = field(default=1, repr=lambda size: f"<{size}>")
    note: str = field(default="", eq=False)
    inner: Any = None


Compiled = Twin


@frozen(kw_only=True, eq=False, repr=False)
class Twin(Record):  # of the same name, which the repr shows
    """What we make of the same."""

    name: str
    secret: str = field(default="x", repr=False)
    size: int = field(default=1, repr=lambda size: f"<{size}>")
    note: str = field(default="", eq=False)
    inner: Any = None


@pytest.mark.parametrize(
    "values",
    [
        {"name": "a"},
        {"name": "a'\n", "secret": "private", "size": 2, "note": "n"},
        {"name": "a", "inner": [1, None]},
    ],
    ids=str,
)
def test_a_repr_is_that_of_attrs(values):
    """The same fields in the same form, and no other."""
    assert repr(Twin(**values)) == repr(Compiled(**values))


def test_a_value_within_itself_is_shown_once():
    """As attrs does; the repr ends."""
    inner = []
    twin, compiled = Twin(name="a", inner=inner), Compiled(name="a", inner=inner)
    inner.append(twin)
    shown = repr(twin)
    inner[:] = [compiled]

    assert shown == repr(compiled)


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        ({"name": "a"}, True),
        ({"name": "a", "note": "is not compared"}, True),
        ({"name": "b"}, False),
        ({"name": "a", "secret": "y"}, False),
        ({"name": "a", "inner": 0}, False),
    ],
    ids=str,
)
def test_equality_and_hash_are_those_of_attrs(other, equal):
    """Of the same fields; who is equal has the same hash."""
    one, another = Twin(name="a"), Twin(**other)

    assert (one == another) is equal
    assert (Compiled(name="a") == Compiled(**other)) is equal
    assert len({one, another}) == len({Compiled(name="a"), Compiled(**other)})


def test_a_subclass_and_another_kind_are_not_equal():
    """Also with the same values, and in either order."""

    class Sub(Twin):
        pass

    assert Twin(name="a") != Sub(name="a")
    assert Sub(name="a") != Twin(name="a")
    assert Twin(name="a") != Compiled(name="a")
    assert Twin(name="a") != "a"


def test_what_cannot_be_hashed_is_refused():
    """A value that holds a list is no key, as with attrs."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(Twin(name="a", inner=[]))


def test_public_values_are_such():
    """A few of each kind, written by hand; numbers and headers are private."""
    recipient = Recipient("+33600000001", first_name="Ada")

    assert recipient == Recipient("+33600000001", first_name="Ada")
    assert {recipient: 1}[Recipient("+33600000001", first_name="Ada")] == 1
    assert recipient != Recipient("+33600000001")
    assert repr(HttpResponse(status=200, body=b"x")) == (
        "HttpResponse(status=200, headers={})"
    )
    assert RetryPolicy(attempts=2) == RetryPolicy(attempts=2) != RetryPolicy()
