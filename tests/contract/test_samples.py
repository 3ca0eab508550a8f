"""
What the pages print for each operation, as files: source, request, status, answer.

A file that contradicts the document on purpose says why, as its ``conflict``.
"""

import pytest
from contract.table import ONE, ROWS
from contract.wires import Said, response
from fakes import session_over
from sandbox.contract import cases_of, sample_problems

from aiooctopush import InvalidRequestError, RefusedError
from aiooctopush.api.contacts import ManyResults


# What the codes of documented refusals are read as.
ERRORS = {
    121: InvalidRequestError,
    301: InvalidRequestError,
    302: InvalidRequestError,
    303: InvalidRequestError,
    305: InvalidRequestError,
    400: InvalidRequestError,
}
# Codes that answer the question, and so are no errors.
RESULTS = {196, 197, 198, 199}

ALL = cases_of(*ROWS)


def code_of(sample):
    """The code of a documented refusal; None for a success."""
    return sample["response"]["code"] if sample["status"] >= 400 else None


SUCCESSES = [one for one in ALL if code_of(one.values[1]) in {None, *RESULTS}]
REFUSALS = [one for one in ALL if one not in SUCCESSES]


async def ask(name, sample):
    """Make the call of the operation, and answer it with the sample."""
    said = response(sample["status"], sample["response"])
    async with session_over(Said(said)) as octopush:
        result = await ROWS[name].call(octopush, ROWS[name].subject)
    if isinstance(result, ManyResults):
        result.raise_error()
    return result


@pytest.mark.parametrize("name", ROWS)
def test_an_operation_has_a_documented_success(name):
    """One file at least, which names its source."""
    found = [one.values[1] for one in cases_of(name) if one.values[1]["status"] < 300]

    assert found
    assert all(sample["source"].strip() for sample in found)


@pytest.mark.parametrize(("name", "sample"), ALL)
def test_a_sample_fits_the_document_or_says_why_not(name, sample):
    """A conflict that is none any more is told as well."""
    found = sample_problems(name, sample)

    assert bool(found) == bool(sample.get("conflict")), found


@pytest.mark.parametrize(("name", "sample"), SUCCESSES)
async def test_a_documented_answer_is_read(name, sample):
    """By the public call, as the answer of the operation."""
    result = await ask(name, sample)

    assert type(result) is ROWS[name].answer
    if name.startswith("lookup"):
        assert result[0].details.phone_number == ONE


@pytest.mark.parametrize(("name", "sample"), REFUSALS)
async def test_a_documented_refusal_is_the_right_error(name, sample):
    """It holds the code, and that nothing was done."""
    with pytest.raises(RefusedError) as caught:
        await ask(name, sample)

    assert type(caught.value) is ERRORS[code_of(sample)]
    assert caught.value.code == code_of(sample)
    assert not caught.value.maybe_sent
