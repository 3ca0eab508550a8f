"""The law of runs in thousands of stories; ``LAW_SCHEDULES`` says how many."""

import os

import pytest
from law_stories import tell_stories


@pytest.mark.timeout(3_600)
def test_the_law_holds_in_every_story():
    """Whatever people do to a list, and whatever goes wrong."""
    tell_stories(int(os.environ.get("LAW_SCHEDULES", "2000")))
