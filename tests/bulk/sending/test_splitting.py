"""Which refusals cut a batch, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import (
    InvalidRequestError,
    OctopushError,
    Outcome,
    Recipient,
    ServerError,
)
from aiooctopush.bulk.sending.splitting import (
    cut,
    is_too_large,
    named_in,
    speaks_of_recipients,
)


def people(count):
    """Recipients, all different."""
    return tuple(Recipient(f"+3363998{one:05d}") for one in range(count))


@pytest.mark.parametrize(
    ("problem", "details", "named"),
    [
        ("recipients.17.phone_number is invalid", {}, [17]),
        ("recipients[3] and recipients.4", {}, [3, 4]),
        ("", {"errors": {"recipients.0.phone_number": ["invalid"]}}, [0]),
        ("", {"errors": [{"field": "recipients.9.param1"}]}, [9]),
        ("recipients.1234.phone_number", {}, []),
        ("2 recipients refused", {"count": 3}, []),
        ("my_recipients.5x", {}, []),
    ],
)
def test_entries_are_read_from_the_words_of_a_refusal(problem, details, named):
    """From the message, or anywhere in the details."""
    error = InvalidRequestError(problem, details=details)

    assert list(named_in(error)) == named


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (InvalidRequestError("no", code=103), True),
        (InvalidRequestError("no", code=117), True),
        (InvalidRequestError("no", code=151), True),
        (InvalidRequestError("recipients.3.first_name is too long", code=400), True),
        (InvalidRequestError("no", code=121), False),
        (InvalidRequestError("no", code=106), False),
        (InvalidRequestError("no"), False),
        (ServerError("recipients.3", code=103), False),
    ],
    ids=["103", "117", "151", "named", "stop", "sender", "no code", "no proof"],
)
def test_only_a_clean_refusal_of_recipients_cuts(error, answer):
    """Not one of the text, the sender, or of unknown outcome."""
    assert speaks_of_recipients(error) is answer


def test_a_refusal_after_silence_is_not_clean():
    """The class alone does not tell."""
    error: OctopushError = InvalidRequestError("no", code=103)
    error.outcome = Outcome.UNKNOWN

    assert not speaks_of_recipients(error)
    assert not is_too_large(error)


def test_413_is_too_large():
    """Whoever answers it has not taken the request."""
    assert is_too_large(InvalidRequestError("no", status=413))
    assert not is_too_large(InvalidRequestError("no", status=400))


@given(count=st.integers(2, 40), named=st.sets(st.integers(0, 60)))
def test_a_cut_loses_nobody_and_makes_two_parts(count, named):
    """Those that are named together, if that leaves somebody else."""
    whole = people(count)

    first, second = cut(whole, named)

    assert sorted(first + second, key=str) == sorted(whole, key=str)
    assert first
    assert second
    inside = {one for one in named if one < count}
    if 0 < len(inside) < count:
        assert first == tuple(whole[one] for one in sorted(inside))
