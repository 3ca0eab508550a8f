"""
Whether a recipient costs the same among ten million as among ten thousand, and how much
memory that takes. `memory.py` measures one run; here the smaller ones stand before and
after the large one, so that a machine that slows down is not mistaken for us.
"""

import statistics
from collections.abc import Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench_figures import Figure, figure
from memory import FLAT_GOAL, RSS_GOAL, SET_GOAL, in_a_process


COUNTS: Final = (10_000, 100_000, 1_000_000, 10_000_000)
SHORT: Final = COUNTS[:2]
MEMORY_RATIO_GOAL: Final = 1.5
AGAIN_GOAL: Final = 0.35


def measure(*, short: bool) -> list[Figure]:
    """All counts, with the SQLite ledger."""
    counts = SHORT if short else COUNTS
    order = [*counts[:-1], *counts, *counts[:-1]]
    runs: dict[int, list[Mapping[str, Any]]] = {count: [] for count in counts}
    again: Mapping[str, Any] = {}
    half: Mapping[str, Any] = {}
    for count in order:
        with TemporaryDirectory() as folder:
            runs[count].append(in_a_process(count, "sqlite", folder))
            if count == COUNTS[-1]:
                again = in_a_process(count, "sqlite", folder, again=True)
                half = in_a_process(count, "sqlite", folder, "--half", again=True)
    base = _median(runs[counts[0]], "cpu_us")
    figures = [_flat(count, runs[count], counts[0], base) for count in counts[1:]]
    if not short:
        most, fewer = (
            max(run["rss_mb"] for run in runs[count]) for count in (counts[-1], 100_000)
        )
        figures += [
            figure(
                "memory",
                "peak memory at 10 M recipients",
                ours=most,
                unit="MB",
                samples=[most],
                value_unit="MB",
                goal=RSS_GOAL,
            ),
            figure(
                "memory_ratio",
                "the same",
                beside="itself at 100 k",
                ours=most,
                theirs=fewer,
                unit="MB",
                samples=[most / fewer],
                goal=MEMORY_RATIO_GOAL,
            ),
            figure(
                "memory_again",
                "peak memory of a start with 10 M known recipients",
                ours=again["rss_mb"],
                unit="MB",
                samples=[again["rss_mb"]],
                value_unit="MB",
                goal=RSS_GOAL,
            ),
            figure(
                "time_again",
                "CPU of a start with 10 M known recipients, none new",
                beside="the first start",
                ours=again["cpu_us"],
                theirs=runs[counts[-1]][0]["cpu_us"],
                unit="µs",
                samples=[again["cpu_us"] / runs[counts[-1]][0]["cpu_us"]],
                goal=AGAIN_GOAL,
            ),
            figure(
                "time_half",
                "the same, every second of 10 M new",
                beside="the first start",
                ours=half["cpu_us"],
                theirs=runs[counts[-1]][0]["cpu_us"],
                unit="µs",
                samples=[half["cpu_us"] / runs[counts[-1]][0]["cpu_us"]],
            ),
            _set_of(counts[-1]),
        ]
    return figures


def _set_of(count: int) -> Figure:
    with TemporaryDirectory() as folder:
        found = in_a_process(count, "sqlite", folder, "--set")["set_mb"]
    return figure(
        "set",
        f"the set of {_thousands(count)} people",
        ours=found,
        unit="MB",
        samples=[found],
        value_unit="MB",
        goal=SET_GOAL,
    )


def _median(runs: Sequence[Mapping[str, Any]], name: str) -> float:
    return statistics.median(float(run[name]) for run in runs)


def _flat(
    count: int, runs: Sequence[Mapping[str, Any]], least: int, base: float
) -> Figure:
    return figure(
        f"flat_{count}",
        f"CPU per recipient at {_thousands(count)}, SQLite ledger",
        beside=f"itself at {_thousands(least)}",
        ours=_median(runs, "cpu_us"),
        theirs=base,
        unit="µs",
        samples=[run["cpu_us"] / base for run in runs],
        goal=FLAT_GOAL,
    )


def _thousands(count: int) -> str:
    return f"{count // 10**6} M" if count >= 10**6 else f"{count // 1000} k"
