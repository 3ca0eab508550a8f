"""
Figures and their goals, and the guard: is one worse than what was committed?

Pure functions. A figure is a median with the spread of what it is the median of; a
difference within the spread of both is noise.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
from attrs import frozen
from page_table import page_table


NOISE: Final = 0.10
"""Of a ratio: what two good runs on a shared machine differ by."""


@frozen(kw_only=True)
class Figure:
    """
    One line of the table.

    Attributes:
        name: For the machine.
        title: What is measured.
        beside: What it is measured beside.
        ours: What it is for us, in `unit`.
        theirs: What it is for the other.
        unit: Of both.
        value: What the goal is about.
        value_unit: ``×`` for a ratio.
        goal: A bound, which the value may touch; None if it is only told.
        higher: Whether more is better, and the goal a lower bound.
        spread: Half of the interquartile range of the value, as a share of it.
        guarded: Whether it can be compared with that of another run, or machine.
    """

    name: str
    title: str
    beside: str | None = None
    ours: float
    theirs: float | None = None
    unit: str
    value: float
    value_unit: str = "×"
    goal: float | None = None
    higher: bool = False
    spread: float = 0.0
    guarded: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.higher else self.value <= self.goal


def figure(name: str, title: str, *, samples: Sequence[float], **more: Any) -> Figure:
    """Make a figure whose value is the median of samples."""
    value = statistics.median(samples)
    quarters = statistics.quantiles(samples, n=4) if len(samples) > 1 else [0.0] * 3
    spread = (quarters[2] - quarters[0]) / 2 / value if value else 0.0
    return Figure(name=name, title=title, value=value, spread=spread, **more)


def read(plain: Iterable[Mapping[str, Any]]) -> dict[str, Figure]:
    """Figures by their names, from what `attrs.asdict` gave."""
    known = {one.name for one in attrs.fields(Figure)}
    figures = (
        Figure(**{name: value for name, value in row.items() if name in known})
        for row in plain
    )
    return {one.name: one for one in figures}


def number(value: float, unit: str) -> str:
    """Write a value with three digits that mean something, and its unit."""
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f} {unit}".rstrip()


def table(figures: Iterable[Figure]) -> str:
    """Aligned columns: what, ours, the other's, the value, the goal, is it met."""
    head = (
        "measure",
        "compared with",
        "aiooctopush",
        "the other",
        "value",
        "goal",
        "met",
    )
    rows = [head, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


GROUPS: Final = {
    "Single sends": ("single_", "yours_", "usual_", "ladder_", "server_share"),
    "Latency": ("latency_",),
    "Bulk runs and lists": ("bulk", "preview", "list"),
    "The event loop during a bulk": ("loop_",),
    "Large runs": ("flat_", "memory", "time_", "set"),
    "Start and installation": ("import", "help", "size_", "packages_", "wheel_"),
}
"""The tables of the page, and how the names of their figures begin."""


def page_tables(figures: Sequence[Figure]) -> str:
    """The same for the documentation: a table for each group that has figures."""
    known = tuple(prefix for group in GROUPS.values() for prefix in group)
    if strangers := [one.name for one in figures if not one.name.startswith(known)]:
        msg = f"no table shows {', '.join(strangers)}: add them to GROUPS"
        raise ValueError(msg)
    head = ("measure", "aiooctopush", "other", "value", "goal")
    parts = []
    for title, prefixes in GROUPS.items():
        rows = [_row(one) for one in figures if one.name.startswith(prefixes)]
        cells = [
            (
                f"{what}, compared with *{beside}*" if beside else what,
                ours,
                theirs,
                value,
                f"**{goal}, missed**" if met == "NO" else goal,
            )
            for what, beside, ours, theirs, value, goal, met in rows
        ]
        if cells:
            parts.append(f"### {title}\n\n{page_table(head, cells)}")
    return "\n\n".join(parts)


def _row(one: Figure) -> tuple[str, ...]:
    goal, met = "", ""
    if one.goal is not None:
        sign = "≥" if one.higher else "≤"
        goal = f"{sign} {one.goal:.3g} {one.value_unit}".rstrip()
        met = "yes" if one.met else "NO"
    theirs = "" if one.theirs is None else number(one.theirs, one.unit)
    return (
        one.title,
        one.beside or "",
        number(one.ours, one.unit),
        theirs,
        number(one.value, one.value_unit),
        goal,
        met,
    )


def verdict(now: Figure, committed: Figure | None) -> str:
    """
    Compare with what was committed, and say so in a few words.

    ``REGRESSION?`` is a question: the value is worse by more than noise explains. It
    is for a person to answer, who may run it again.
    """
    shown = f"{number(now.value, now.value_unit)} now"
    if committed is None:
        return f"{shown}, none committed: new"
    shown += f", {number(committed.value, committed.value_unit)} committed"
    worse = now.value - committed.value
    if now.higher:
        worse = -worse
    noise = max(NOISE, now.spread + committed.spread) * abs(committed.value)
    if worse > noise:
        return f"{shown}: REGRESSION?"
    return f"{shown}: {'better' if worse < -noise else 'fine'}"


def guard(now: Iterable[Figure], committed: Mapping[str, Figure]) -> str:
    """One line for each figure that can be compared, and a last one that counts."""
    pairs = [(one, verdict(one, committed.get(one.name))) for one in now if one.guarded]
    width = max((len(one.name) for one, _ in pairs), default=0)
    lines = [f"{one.name:<{width}}  {words}" for one, words in pairs]
    asked = sum(words.endswith("REGRESSION?") for _, words in pairs)
    lines.append(
        f"{len(pairs)} compared with benchmarks/results.json: "
        + (f"{asked} may be worse, see above" if asked else "none is worse")
    )
    return "\n".join(lines)
