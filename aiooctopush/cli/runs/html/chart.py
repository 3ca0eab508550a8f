"""Charts of the template: shares of a whole, and columns over time."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from ....ledgers.records import BatchState
from ...terminal.times import span
from ...wording import LABELS
from .timeline import Column, Gap, Timeline, round_above


Drawing = dict[str, Any]

SERIES: Final = {
    BatchState.ACCEPTED: "Accepted or presumed accepted",
    BatchState.REFUSED: "Refused",
    BatchState.UNKNOWN: "Unknown",
}
"""Layers of the columns of a chart, from the bottom up."""

# However little it is, it must be visible.
_THINNEST: Final = 0.6

_HEIGHT: Final = 100
_GAP_WIDTH: Final = 5
_BAR_WIDTH: Final = 0.78

# Fewer columns would be as broad as doors.
_COLUMNS_AT_LEAST: Final = 24

# Columns between two moments that are written below.
_TICK_EVERY: Final = 15
_DAY: Final = timedelta(days=1)


def bar(counts: Mapping[BatchState, int]) -> Drawing | None:
    """Shares of a whole, side by side; None for a whole of nothing."""
    whole = sum(counts.values())
    if not whole:
        return None
    shares = {
        state: max(100 * count / whole, _THINNEST)
        for state, count in counts.items()
        if count
    }
    scale = 100 / sum(shares.values())
    lefts = accumulate(shares.values(), initial=0.0)
    return {
        "words": ", ".join(f"{LABELS[one].lower()} {counts[one]:,}" for one in shares),
        "parts": [
            {
                "state": state,
                "left": f"{left * scale:.3f}",
                "width": f"{share * scale:.3f}",
            }
            for (state, share), left in zip(shares.items(), lefts, strict=False)
        ],
    }


def chart(line: Timeline) -> Drawing:
    """Columns over time."""
    widths = [1 if isinstance(one, Column) else _GAP_WIDTH for one in line.parts]
    whole = max(sum(widths), _COLUMNS_AT_LEAST)
    placed = list(zip(line.parts, accumulate(widths, initial=0), strict=False))
    highest = max(line.columns, key=lambda one: one.total)
    top = round_above(highest.total)
    return {
        "width": whole,
        "step": span(timedelta(seconds=line.width)),
        "words": (
            f"Columns over time, the highest {highest.total:,} recipients "
            f"at {_moment(highest.begins, with_day=True)} UTC"
        ),
        "columns": [
            one
            for part, x in placed
            if isinstance(part, Column)
            for one in _column(part, x, top)
        ],
        "gaps": [x + _GAP_WIDTH / 2 for part, x in placed if isinstance(part, Gap)],
        "levels": ((top, 0), (top // 2, 50), (0, 100)),
        "moments": list(_moments(line, placed, whole)),
        "legend": [
            (state, words)
            for state, words in SERIES.items()
            if any(one.counts[state] for one in line.columns)
        ],
    }


def _column(column: Column, x: int, top: int) -> Iterator[Drawing]:
    """One column, the states on top of each other."""
    y = float(_HEIGHT)
    for state in SERIES:
        height = _HEIGHT * column.counts[state] / top
        y -= height
        if height:
            yield {
                "state": state,
                "x": f"{x + (1 - _BAR_WIDTH) / 2:.2f}",
                "y": f"{y:.2f}",
                "width": _BAR_WIDTH,
                "height": f"{height:.2f}",
            }


def _moments(
    line: Timeline, placed: list[tuple[Column | Gap, int]], whole: int
) -> Iterator[Drawing]:
    """The times at both ends, now and then between, and the pauses."""
    columns = line.columns
    with_day = timedelta(seconds=columns[-1].begins - columns[0].begins) >= _DAY
    since = 0
    for part, start in placed:
        if isinstance(part, Gap):
            words = span(timedelta(seconds=part.seconds))
            yield _label(f"{words} pause", start + _GAP_WIDTH / 2, whole, "pause")
            since = 0
            continue
        words = _moment(part.begins, with_day=with_day)
        if not start:
            yield _label(words, 0, whole, "first")
        elif start == whole - 1:
            yield _label(words, whole, whole, "last")
        elif since >= _TICK_EVERY and start < whole - _TICK_EVERY / 2:
            yield _label(words, start + 0.5, whole, "between")
            since = 0
        since += 1


def _label(words: str, place: float, whole: int, kind: str) -> Drawing:
    return {"words": words, "place": f"{100 * place / whole:.2f}", "kind": kind}


def _moment(second: int, *, with_day: bool) -> str:
    instant = datetime.fromtimestamp(second, UTC)
    return f"{instant:%d %b %H:%M}" if with_day else f"{instant:%H:%M:%S}"
