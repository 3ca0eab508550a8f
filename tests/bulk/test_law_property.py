"""A few stories of the law of runs; `simulation` tells thousands."""

from law_stories import tell_stories


def test_the_law_holds_in_some_stories():
    """Whatever people do to a list, and whatever goes wrong."""
    tell_stories(40)
