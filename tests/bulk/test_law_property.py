"""A few stories of the law of runs; `simulation` tells thousands."""

from law_stories import tell_stories


def test_the_law_holds_in_some_stories():
    """Whatever people do to a list, and whatever goes wrong."""
    tell_stories(30)


def test_others_are_told_with_a_seed():
    """As a long proof does, which wants others each time."""
    told = tell_stories(10, at_random=1)

    assert told["stories"] >= 10
