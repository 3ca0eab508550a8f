"""
Answers are read with some slack: more fields than documented, fewer, figures as text.

Laws over what the schemas of the document describe, through the public calls.
"""

import attrs
import pytest
from contract.table import ROWS
from contract.trees import (
    answers,
    only_required,
    plain,
    with_texts,
    with_unknown,
)
from contract.wires import Said, response
from fakes import session_over
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.contract import operations, problems, response_schema

from aiooctopush.api.contacts import ManyResults


# Each law has a test for every operation.
few = settings(max_examples=10)


def documented(name):
    """Whether a success of the operation has a body in the document."""
    statuses = [
        one for one in operations()[name][2]["responses"] if one.startswith("2")
    ]
    return response_schema(name, statuses[0]) is not None


WITH_BODY = [name for name in ROWS if documented(name)]
# Their answers hold a count or an amount.
WITH_FIGURES = [
    "send_sms_campaign",
    "get_sms_campaign_draft",
    "get_sms_campaign_on_list_status",
    "send_voice_campaign",
    "get_voice_campaign_draft",
    "get_voice_campaign_on_list_status",
    "lookup_hlr",
    "lookup_mnp_v2",
    "get_balance",
    "get_credits",
    "transfer_credit",
    "get_campaign_parameters",
    "get_campaign_parameters_alias",
]


async def read(name, status, body):
    """What the public call makes of an answer."""
    async with session_over(Said(response(status, body))) as octopush:
        result = await ROWS[name].call(octopush, ROWS[name].subject)
    if isinstance(result, ManyResults):
        result.raise_error()
    # The first is kept as it came, for nobody knows what it holds; the second is ours.
    ignored = {"body", "request_id"} & {one.name for one in attrs.fields(type(result))}
    return attrs.evolve(result, **dict.fromkeys(ignored))


@pytest.mark.parametrize("name", WITH_BODY)
@few
@given(data=st.data())
async def test_what_an_answer_may_be_fits_the_document(name, data):
    """The laws below speak about documented answers."""
    status, trees = answers(name)

    tree = data.draw(trees)

    for write in (plain, with_unknown):
        assert problems(response_schema(name, status), write(tree)) == []


@pytest.mark.parametrize("name", WITH_BODY)
@few
@given(data=st.data())
async def test_a_field_that_no_page_mentions_changes_nothing(name, data):
    """The gateway may say more tomorrow, at any depth."""
    status, trees = answers(name)
    tree = data.draw(trees)

    actual = await read(name, status, with_unknown(tree))

    assert actual == await read(name, status, plain(tree))


@pytest.mark.parametrize("name", WITH_FIGURES)
@few
@given(data=st.data())
async def test_a_figure_may_come_as_text(name, data):
    """As the first PHP read-me shows them."""
    status, trees = answers(name)
    tree = data.draw(trees)

    actual = await read(name, status, with_texts(tree))

    assert actual == await read(name, status, plain(tree))


@pytest.mark.parametrize("name", WITH_BODY)
async def test_a_missing_field_is_no_failure(name):
    """Only what the document requires must be there."""
    status, _ = answers(name)
    least = only_required(response_schema(name, status))

    result = await read(name, status, least)

    assert type(result) is ROWS[name].answer
    if not isinstance(result, ManyResults):
        assert result.outcome == "accepted"
