"""Recipients in columns: the same people, the same bytes, no records until asked."""

import json
import pickle

import pytest
from fakes import ScriptedTransport, answer, session_over
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import BatchState, Recipient, _wire
from aiooctopush.api._recipients import (
    CheckedRecipients,
    json_of,
    json_of_columns,
)
from aiooctopush.bulk.sending.delivery import BatchResult


ANA, BO = Recipient("+33600000001", first_name="Ana"), Recipient("+33600000002")
LI = Recipient("+33600000003", param1="x", param5="y")
# Whatever JSON writes in another way, what looks like JSON, and what is nearly empty.
VALUES = st.none() | st.sampled_from(
    [
        "",
        "Ana",
        "Zoé",
        '"',
        "\\",
        "\n",
        "\x1f",
        "\x7f",
        "\u2028",
        "𝄞",
        ',"param1":"',
        "{",
    ]
)
PEOPLE = st.lists(
    st.builds(
        Recipient,
        st.integers(600_000_000, 600_000_040).map("+33{}".format),
        first_name=VALUES,
        last_name=st.none() | st.just("Li"),
        param1=VALUES,
        param5=VALUES,
    ),
    max_size=9,
)


@given(PEOPLE)
def test_columns_are_encoded_as_the_converter_does(people):
    """To the byte, whatever the values are: the ids of a run follow from it."""
    expected = _wire.encode(people)

    assert CheckedRecipients.of(people).json == expected
    assert json_of(people) == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        pytest.param({"phone_number": []}, b"[]", id="nobody"),
        pytest.param(
            {"phone_number": ["+1", "+2"]},
            b'[{"phone_number":"+1"},{"phone_number":"+2"}]',
            id="numbers",
        ),
        pytest.param(
            {"phone_number": ["+1", "+2"], "param1": ["é", None]},
            '[{"phone_number":"+1","param1":"é"},{"phone_number":"+2"}]'.encode(),
            id="nothing at the end",
        ),
        pytest.param(
            {"phone_number": ["+1", "+2"], "param1": ["", ""], "param2": [None, "b"]},
            b'[{"phone_number":"+1","param1":""},'
            b'{"phone_number":"+2","param1":"","param2":"b"}]',
            id="an empty value is one",
        ),
        pytest.param(
            {"phone_number": ["+1", "+2"], "param1": ["", None]},
            b'[{"phone_number":"+1","param1":""},{"phone_number":"+2"}]',
            id="empty beside nothing",
        ),
        pytest.param({"phone_number": ["+1"], "param1": ['"']}, None, id="a quote"),
        pytest.param({"phone_number": ["+1"], "param1": ["\t"]}, None, id="a tab"),
    ],
)
def test_columns_as_json(columns, expected):
    """Written down; None where each value is to be looked at."""
    assert json_of_columns(columns) == expected


@given(PEOPLE, PEOPLE, st.integers(0, 9), st.integers(0, 9))
def test_columns_are_cut_and_joined_as_a_list_is(one, other, begin, end):
    """In any place, with whatever fields either of them has."""
    both = [*one, *other]

    joined = CheckedRecipients.joined(
        [CheckedRecipients.of(one), CheckedRecipients.of(other)]
    )

    assert list(joined) == both
    assert list(joined[begin:end]) == both[begin:end]
    assert joined.json == _wire.encode(both)
    assert list(joined.select([at % 2 == 0 for at in range(len(both))])) == both[::2]


def test_checked_recipients_are_a_tuple_to_whoever_compares():
    """Equal, of one hash, found and counted as one."""
    people = (ANA, BO, LI)

    checked = CheckedRecipients.of(people)

    assert checked == people
    assert people == checked
    assert checked == CheckedRecipients.of(people)
    assert checked != people[:2]
    assert checked != list(people)
    assert hash(checked) == hash(people)
    assert checked[1] == BO
    assert checked[-1] == LI
    assert LI in checked
    assert len(checked) == 3
    assert checked.numbers == ("+33600000001", "+33600000002", "+33600000003")
    with pytest.raises(IndexError):
        checked[3]


def test_nobody_shows_in_the_words_of_checked_recipients():
    """Only how many they are."""
    assert repr(CheckedRecipients.of([ANA, BO])) == "<2 recipients>"


def test_one_part_is_joined_as_it_is():
    """And keeps the JSON that was made of it."""
    checked = CheckedRecipients.of([ANA])

    assert CheckedRecipients.joined([checked]) is checked


def test_a_result_makes_its_recipients_when_asked():
    """A plain tuple, the same each time, also of a result that was pickled."""
    checked = CheckedRecipients.of([ANA, LI])
    result = BatchResult(
        number=7, state=BatchState.ACCEPTED, recipients=checked, request_id="id"
    )

    copied = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own

    assert type(result.recipients) is tuple
    assert result.recipients == (ANA, LI)
    assert copied == result
    assert copied.recipients == (ANA, LI)
    assert repr(result) == (
        "BatchResult(number=7, part='', state=<BatchState.ACCEPTED: 'accepted'>, "
        "recipients=<2>, request_id='id', result=None, error=None)"
    )


async def test_a_result_keeps_nothing_that_was_computed_of_its_batch():
    """Who keeps a million results keeps the people, and not their figures as well."""
    transport = ScriptedTransport(answer())
    async with session_over(transport) as octopush:
        run = octopush.bulk(
            "run",
            text="Hi {first_name}",
            sender="Acme",
            purpose="alert",
            on_missing="send",
        )
        results = [one async for one in run.stream([ANA, BO])]

    (result,) = results
    assert result.recipients == (ANA, BO)
    assert len(pickle.dumps(result._people)) < 300
    assert "as_ints" not in vars(result._people)
    (request,) = transport.requests
    assert json.loads(request.body)["recipients"] == [
        {"phone_number": "+33600000001", "first_name": "Ana"},
        {"phone_number": "+33600000002"},
    ]
