"""
B7: 10,000 worlds, and no promise broken in any.

`SIMULATION_SEEDS=10000` runs all of them; the default run takes the first 1,500. A
failure prints its seed and everything that happened in it; to see it again:

    simulate(SEED)
"""

import os

import pytest
from simulation.judge import report, violations
from simulation.world import STEPS, SUSPENDS, Plan, simulate


SEEDS = int(os.environ.get("SIMULATION_SEEDS", "1500"))
# In parts, so that the workers of xdist share them.
PARTS = 6


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_promise_is_broken(part):
    """Whatever happens, nobody gets it twice, and callers are told the truth."""
    broken = [
        report(world, problems)
        for world in map(simulate, range(part, SEEDS, PARTS))
        if (problems := violations(world))
    ]

    assert not broken, "\n\n".join(broken[:3])


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_replays_exactly(seed):
    """The same seed gives the same tries, words and jumps, at the same times."""
    first, second = simulate(seed), simulate(seed)

    assert report(first, []) == report(second, [])
    assert first.log == second.log


def test_two_seeds_differ():
    """Otherwise one world would do."""
    assert report(simulate(1), []) != report(simulate(2), [])


def test_the_worlds_are_as_wild_as_promised():
    """Both laws, all kinds of errands, clocks that jump by hours both ways."""
    plans = [Plan.of(seed) for seed in range(500)]

    jumps = [jump.seconds for plan in plans for jump in plan.jumps]
    assert {plan.burns_ids for plan in plans} == {True, False}
    assert {plan.clocks for plan in plans} == {SUSPENDS, STEPS}
    assert len({errand for plan in plans for errand in plan.errands}) == 7
    assert min(jumps) < -24 * 3600
    assert max(jumps) > 24 * 3600
    assert all(0.3 <= plan.probability <= 0.6 for plan in plans)


def test_callers_hear_every_word():
    """Each outcome occurs, with and without a doubt about earlier tries."""
    words = {word.outcome for seed in range(200) for word in simulate(seed).words}

    assert words == {
        *("accepted", "presumed", "refused", "not_sent", "unknown", "cancelled"),
    }
