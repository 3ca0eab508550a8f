"""
The judge of a soak: what a long life leaves behind, and what the sent log says. Pure.

Memory is judged by its floor after the warm-up: what is garbage goes at the next
collection, what leaks stays. The slope of the floor is a robust one, the median of the
slopes between all pairs of points. In a short run even a steady floor wanders by more
than the goal allows, so the bound is then wider, and the report says how wide.
"""

import statistics
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from attrs import define, field, frozen


SLOPE_GOAL: Final = 1.0
"""Megabytes in 10 minutes."""

WANDER: Final = 4.0
"""Megabytes by which the floor of a steady worker was seen to wander."""

FDS_GOAL: Final = 2
WARM_UP: Final = 0.25
"""Share of a run after which memory should be level."""

_POINTS: Final = 8

# Words on standard error that nobody should have to read.
COMPLAINTS: Final = (
    *("ResourceWarning", "was never retrieved", "was never awaited"),
    *("was destroyed but it is pending", "Unclosed", "Traceback"),
)

SENT: Final = frozenset({"accepted", "presumed"})
NOT_SENT: Final = frozenset({"refused", "not_sent"})


@frozen(kw_only=True)
class Sample:
    """One look at the worker: seconds since its start, megabytes, and two counts."""

    at: float
    rss: float
    fds: int
    tasks: int


@define(kw_only=True)
class Soak:
    """
    What was seen.

    Attributes:
        samples: One for each second.
        laps: Looks at a worker that has nothing to do, one after each lap.
        before: Before it opened anything.
        after: When it had closed everything.
        sent: Recipients of all laps.
        sent_log: What is wrong with the sent log, in words.
        complaints: Lines of its standard error.
    """

    samples: list[Sample] = field(factory=list)
    laps: list[Sample] = field(factory=list)
    before: Sample | None = None
    after: Sample | None = None
    sent: int = 0
    sent_log: list[str] = field(factory=list)
    complaints: list[str] = field(factory=list)


def steady(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples after the warm-up."""
    if not samples:
        return ()
    begin = samples[0].at + WARM_UP * (samples[-1].at - samples[0].at)
    return [one for one in samples if one.at >= begin]


def slope(samples: Sequence[Sample]) -> float:
    """Megabytes in 10 minutes, by the lowest sample of each of eight stretches."""
    size = max(1, len(samples) // _POINTS)
    lowest = [
        min(samples[at : at + size], key=lambda one: one.rss)
        for at in range(0, len(samples), size)
    ]
    slopes = [
        (later.rss - one.rss) / (later.at - one.at)
        for one, later in combinations(lowest, 2)
    ]
    return statistics.median(slopes) * 600 if slopes else 0.0


def bound(samples: Sequence[Sample]) -> float:
    """The largest slope that is let pass, in megabytes in 10 minutes."""
    minutes = (samples[-1].at - samples[0].at) / 60 if len(samples) > 1 else 0.0
    if not minutes:
        return float("inf")
    return max(SLOPE_GOAL, WANDER / minutes * 10)


def judge_sent_log(words: Mapping[str, str], sent_log: Mapping[str, int]) -> list[str]:
    """
    Compare what the callers of a lap were told with what was really sent.

    Args:
        words: By number, the outcome that its caller was told.
        sent_log: By number, how many messages were accepted.
    """
    told_sent = {number for number, word in words.items() if word in SENT}
    told_not = {number for number, word in words.items() if word in NOT_SENT}
    counts = {
        "sent twice": sum(times > 1 for times in sent_log.values()),
        "lost": len(told_sent - sent_log.keys()),
        "denied, although sent": len(told_not & sent_log.keys()),
        "sent by nobody": len(sent_log.keys() - words.keys()),
    }
    return [f"{count} {what}" for what, count in counts.items() if count]


def problems(soak: Soak, *, in_flight: int) -> list[str]:
    """
    Everything that must not be; nothing if all is well.

    Args:
        soak: What was seen.
        in_flight: Connections that may be idle between two laps.
    """
    if soak.before is None or soak.after is None or not soak.laps:
        return ["the worker did not live to its end", *soak.complaints]
    found = list(soak.sent_log)
    level = steady(soak.samples)
    if len(level) > 1 and (grows := slope(level)) >= bound(level):
        found.append(f"memory grows by {grows:.1f} MB in 10 minutes")
    left = soak.after.fds - soak.before.fds
    if abs(left) > FDS_GOAL:
        found.append(f"{left:+d} file descriptors at the end")
    most = max(one.fds for one in soak.laps) - soak.before.fds
    if most > in_flight + FDS_GOAL:
        found.append(f"{most:+d} file descriptors between two laps")
    tasks = max(one.tasks for one in (*soak.laps, soak.after))
    if tasks:
        found.append(f"{tasks} tasks are left when nothing is to do")
    found += [f"on standard error: {line}" for line in soak.complaints]
    return found


def complains(line: str) -> bool:
    """Whether a line of standard error is one that nobody should have to read."""
    return any(words in line for words in COMPLAINTS)


def report(soak: Soak, *, in_flight: int) -> str:
    """What was seen and what was allowed, as a table."""
    if soak.before is None or soak.after is None or not soak.laps:
        return "the worker did not live to its end"
    level = steady(soak.samples)
    minutes = (level[-1].at - level[0].at) / 60 if level else 0.0
    first, last = (level[0].rss, level[-1].rss) if level else (0.0, 0.0)
    allowed = bound(level)
    idle = max(one.fds for one in soak.laps) - soak.before.fds
    rows = [
        ("recipients", f"{soak.sent:,}", ""),
        ("memory after the warm-up", f"{first:.1f} to {last:.1f} MB", ""),
        (
            "its slope",
            f"{slope(level):+.2f} MB in 10 min",
            f"< {allowed:.2f}, over {minutes:.1f} min",
        ),
        ("file descriptors, idle", f"{idle:+d}", f"<= {in_flight + FDS_GOAL}"),
        (
            "file descriptors, at the end",
            f"{soak.after.fds - soak.before.fds:+d}",
            f"{-FDS_GOAL} to {FDS_GOAL:+d}",
        ),
        (
            "tasks between laps, at the end",
            f"{max(one.tasks for one in soak.laps)}, {soak.after.tasks}",
            "0",
        ),
        ("complaints", f"{len(soak.complaints)}", "0"),
        ("sent log", f"{len(soak.sent_log)} findings", "0"),
    ]
    lines = [f"{what:<32}{value:>24}  {goal}".rstrip() for what, value, goal in rows]
    if allowed > SLOPE_GOAL:
        lines.append(
            f"The goal is {SLOPE_GOAL:g} MB in 10 min; in {minutes:.1f} min it cannot "
            f"be told from the {WANDER:g} MB by which its floor wanders."
        )
    return "\n".join(lines)
