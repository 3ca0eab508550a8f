"""Pictures of a report: inline SVG that stretches, with its words beside it in HTML."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from ....ledgers.records import BatchState
from ...terminal.times import span
from ...wording import LABELS
from .markup import NOTHING, Html, tag
from .timeline import Column, Gap, Timeline, round_above


# What is there must be seen, however little it is.
_THINNEST: Final = 0.6

_HEIGHT: Final = 100
_GAP_WIDTH: Final = 5
_BAR_WIDTH: Final = 0.78

# Fewer columns would be as broad as doors.
_COLUMNS_AT_LEAST: Final = 24

# Columns between two moments that are written below.
_TICK_EVERY: Final = 15
_DAY: Final = timedelta(days=1)


def swatch(state: BatchState) -> Html:
    """The colour of a state, for a legend."""
    return tag(
        "svg",
        tag("rect", width=12, height=12, style=_fill(state)),
        class_="swatch",
        viewBox="0 0 12 12",
        aria_hidden="true",
    )


def bar(counts: Mapping[BatchState, int]) -> Html:
    """Shares of a whole, side by side."""
    whole = sum(counts.values())
    if not whole:
        return NOTHING
    shares = {
        state: max(100 * count / whole, _THINNEST)
        for state, count in counts.items()
        if count
    }
    scale = 100 / sum(shares.values())
    parts: list[Html] = []
    left = 0.0
    for state, share in shares.items():
        width = share * scale
        parts.append(
            tag(
                "rect",
                x=f"{left:.3f}",
                y=0,
                width=f"{width:.3f}",
                height=10,
                style=_fill(state),
            )
        )
        left += width
    words = ", ".join(f"{LABELS[state].lower()} {counts[state]:,}" for state in shares)
    return tag(
        "svg",
        *parts,
        class_="bar",
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        role="img",
        aria_label=words,
    )


def chart(line: Timeline) -> Html:
    """Columns over time."""
    top = round_above(line.highest)
    widths = [1 if isinstance(one, Column) else _GAP_WIDTH for one in line.parts]
    whole = max(sum(widths), _COLUMNS_AT_LEAST)
    drawn: list[Html] = [
        tag("line", x1=0, x2=whole, y1=height, y2=height, class_="grid")
        for height in (0, _HEIGHT / 2, _HEIGHT)
    ]
    x = 0
    for part, width in zip(line.parts, widths, strict=True):
        if isinstance(part, Column):
            drawn += _column(part, x, top)
        else:
            middle = x + width / 2
            drawn.append(
                tag("line", x1=middle, x2=middle, y1=0, y2=_HEIGHT, class_="gap")
            )
        x += width
    highest = max(line.columns, key=lambda one: one.total)
    words = (
        f"Columns over time, the highest {highest.total:,} recipients "
        f"at {_moment(highest.begins, with_day=True)} UTC"
    )
    plot = tag(
        "svg",
        *drawn,
        viewBox=f"0 0 {whole} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=words,
    )
    return tag(
        "figure",
        tag(
            "div",
            tag("div", plot, *_levels(top), class_="plot"),
            tag("div", *_moments(line, widths, whole), class_="axis"),
            class_="chart",
        ),
        _legend(line),
    )


def _column(column: Column, x: int, top: int) -> list[Html]:
    """One column, the missed on top of the reached."""
    reached = _HEIGHT * column.reached / top
    missed = _HEIGHT * column.missed / top
    heights = (
        (BatchState.ACCEPTED, _HEIGHT - reached, reached),
        (BatchState.REFUSED, _HEIGHT - reached - missed, missed),
    )
    return [
        tag(
            "rect",
            x=f"{x + (1 - _BAR_WIDTH) / 2:.2f}",
            y=f"{y:.2f}",
            width=_BAR_WIDTH,
            height=f"{height:.2f}",
            style=_fill(state),
        )
        for state, y, height in heights
        if height
    ]


def _levels(top: int) -> list[Html]:
    levels = ((top, 0), (top // 2, 50), (0, 100))
    return [
        tag(
            "span",
            f"{figure:,}",
            class_="level" if figure else "level zero",
            style=f"top:{place}%",
        )
        for figure, place in levels
    ]


def _moments(line: Timeline, widths: list[int], whole: int) -> list[Html]:
    """When it was: at the ends of each stretch, now and then between, and the gaps."""
    columns = line.columns
    first, last = columns[0].begins, columns[-1].begins
    with_day = timedelta(seconds=last - first) >= _DAY
    starts: list[int] = [0]
    for width in widths:
        starts.append(starts[-1] + width)
    told: list[Html] = []
    since = 0
    for number, (part, start) in enumerate(zip(line.parts, starts, strict=False)):
        if isinstance(part, Gap):
            middle = start + _GAP_WIDTH / 2
            words = span(timedelta(seconds=part.seconds))
            told.append(_label(f"{words} pause", middle, whole, "pause"))
            since = 0
            continue
        is_last = number == len(line.parts) - 1
        if not number:
            told.append(
                _label(_moment(part.begins, with_day=with_day), 0, whole, "first")
            )
        elif is_last and start == whole - 1:
            told.append(
                _label(_moment(part.begins, with_day=with_day), whole, whole, "last")
            )
        elif since >= _TICK_EVERY and start < whole - _TICK_EVERY / 2:
            told.append(
                _label(
                    _moment(part.begins, with_day=with_day),
                    start + 0.5,
                    whole,
                    "between",
                )
            )
            since = 0
        since += 1
    return told


def _label(words: str, place: float, whole: int, kind: str) -> Html:
    style = f"left:{100 * place / whole:.2f}%"
    return tag("span", words, class_=f"moment {kind}", style=style)


def _legend(line: Timeline) -> Html:
    entries = [("Accepted, or presumed to be", BatchState.ACCEPTED)]
    if any(one.missed for one in line.columns):
        entries.append(("Refused, or in doubt", BatchState.REFUSED))
    return tag(
        "p",
        *(tag("span", swatch(state), words) for words, state in entries),
        class_="legend",
    )


def _moment(second: int, *, with_day: bool) -> str:
    instant = datetime.fromtimestamp(second, UTC)
    return f"{instant:%d %b %H:%M}" if with_day else f"{instant:%H:%M:%S}"


def _fill(state: BatchState) -> str:
    return f"fill:var(--{state})"
