"""
A death at any step of a run, and a list that was edited before the second start.

The death is in the first start, between the two, or in the second one. In the end
everybody in the edited list has the message once; who was taken out of it has it if he
was planned before. `CRASH_POINTS=all` takes every point, as in B6.
"""

import pytest
from crash.schedules import APART, LAWS, NEEDS_FORK, PAIRS, lives
from crash.world import EDITS, TOGETHER


pytestmark = [NEEDS_FORK, pytest.mark.timeout(300)]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("edit", [*EDITS, TOGETHER])
def test_an_edit_after_a_death_loses_nobody_and_reaches_nobody_twice(edit, law):
    """Also an edit after a start that came to its end."""
    schedules, broken = lives(
        *("--edit", edit),
        *law,
        *(f"--first={len(law) * (APART - 1) + 1}",),
        f"--apart={APART}",
    )

    assert broken == []
    assert schedules * APART > 12 * 7


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("edit", [*EDITS, TOGETHER])
def test_an_edit_in_trouble(edit, law):
    """A batch that was cut for a bad number stays as it was, whatever the new cut."""
    schedules, broken = lives(
        *("--edit", edit), "--troubled", *law, f"--apart={2 * APART - 1}"
    )

    assert broken == []
    assert schedules * (2 * APART - 1) > 12 * 8


@pytest.mark.parametrize("law", LAWS)
def test_an_edit_and_two_deaths(law):
    """Three requests in flight, and a death in either start, or two in one."""
    pairs = PAIRS // 4

    schedules, broken = lives(
        *("--edit", TOGETHER), *law, f"--pairs={pairs}", "--concurrency=3"
    )

    assert (schedules, broken) == (pairs, [])


def test_an_edited_list_on_the_next_day():
    """The gateway has forgotten all ids: what was in flight is held, not planned."""
    schedules, broken = lives("--edit", TOGETHER, "--late", f"--apart={APART}")

    assert broken == []
    assert schedules * APART > 12 * 7
