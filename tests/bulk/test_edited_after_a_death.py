"""A sample of `tests/crash/test_edited_lists.py`, where every point has its turn."""

import pytest
from crash.schedules import LAWS, NEEDS_FORK, lives
from crash.world import TOGETHER


@NEEDS_FORK
@pytest.mark.parametrize("law", LAWS)
def test_a_run_is_killed_and_its_list_is_edited(law):
    """Killed at each thirteenth step; a batch has seven, so at each kind of step."""
    schedules, broken = lives("--edit", TOGETHER, *law, "--apart=13")

    assert broken == []
    assert schedules > 7
