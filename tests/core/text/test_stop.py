"""STOP mentions."""

import pytest

from aiooctopush.text import (
    has_low_cost_stop,
    has_stop_mention,
    placeholder_runs,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sale! STOP au XXXXX", True),
        ("Sale! STOP au 30101", True),
        ("STOP au 30101.", True),
        ("Sale! stop au XXXXX", False),
        ("Sale! STOP au xxxxx", False),
        ("Sale! STOP to 30101", False),
        ("Sale! STOP au XXXX", False),
        ("Sale! STOP au XXXXXX", False),
        ("Sale! STOP au 301012", False),
        ("Sale! STOP au ٣٠١٠١", False),
        ("Sale! STOP  au XXXXX", False),
        ("", False),
    ],
)
def test_stop_mention_is_found_as_the_gateway_wants_it(text, found):
    """To the letter and to the case, with five X or five digits."""
    assert has_stop_mention(text) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [("Sale no PUB=STOP", True), ("Sale no pub=stop", False), ("Sale PUB=STOP", False)],
)
def test_low_cost_mention_is_found_as_the_gateway_wants_it(text, found):
    """To the letter and to the case."""
    assert has_low_cost_stop(text) is found


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("", 0),
        ("STOP au XXXXX", 1),
        ("Code XXXXX STOP au XXXXX", 2),
        ("XXXX XXXXXX xxxxx", 0),
        ("aXXXXXb", 1),
    ],
)
def test_runs_of_five_x_are_counted(text, runs):
    """Each would become the carrier's short number; runs of other lengths do not."""
    assert placeholder_runs(text) == runs
