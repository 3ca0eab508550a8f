"""
Draws what `bench.py` found, as bars: by hand, without a library, for light and for dark
pages. Each bar has its figure beside it, and ours has another colour.
"""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Final

from bench_figures import Figure, number
from svg import frame, text


Bars = Sequence[tuple[str, float]]

OURS: Final = "aiooctopush"
# Narrow, and with each name above its bar: a phone can show it.
WIDTH: Final = 480
ROW: Final = 48
TOP: Final = 62
LEFT: Final = 24
BAR: Final = 340

_LIGHT: Final = "  .ours { fill: #0969da; } .other { fill: #afb8c1; }"
_DARK: Final = "    .ours { fill: #58a6ff; } .other { fill: #57606a; }"


def draw(title: str, subtitle: str, bars: Bars, unit: str) -> str:
    """One bar for each, in the order given; ours is known by its name."""
    lines = wrap(subtitle, 58)
    top = TOP + 20 * len(lines)
    height = top + ROW * len(bars) + 6
    # Sentences, for those who hear it.
    told = "".join(f" {name} {number(value, unit)}." for name, value in bars)
    return frame(
        f"{title}.{told}",
        [
            text(LEFT, 36, title, "ink", 20, bold=True),
            *(
                text(LEFT, 60 + 20 * row, one, "soft", 14)
                for row, one in enumerate(lines)
            ),
            *_bars(bars, unit, top),
        ],
        size=(WIDTH, height),
        light=_LIGHT,
        dark=_DARK,
    )


def _bars(bars: Bars, unit: str, top: float) -> Iterator[str]:
    scale = BAR / max(value for _, value in bars)
    for row, (name, value) in enumerate(bars):
        y, wide = top + ROW * row, value * scale
        ours = name.startswith(OURS)
        ink = "ink" if ours else "soft"
        yield text(LEFT, y + 13, name, ink, 15, bold=ours)
        yield (
            f'<rect class="{"ours" if ours else "other"}" x="{LEFT}" y="{y + 20}" '
            f'width="{wide:.1f}" height="18" rx="2"/>'
        )
        yield text(LEFT + wide + 8, y + 34, number(value, unit), ink, 15)


def pictures(figures: Mapping[str, Figure]) -> dict[str, str]:
    """All pictures of a full run, by the names of their files."""
    single = [one for name, one in figures.items() if name.startswith("single_asyncio")]
    install = [one for name, one in figures.items() if name.startswith("size_")]
    bulk, ledger = figures["bulk"], figures["bulk_ledger"]
    found = {
        "benchmarks-send.svg": draw(
            "Processor time of a single send",
            "64 in flight, asyncio, one core; less is better",
            sorted((*_with_ours(single), *_ladder(figures)), key=lambda bar: bar[1]),
            "µs",
        ),
        "benchmarks-bulk.svg": draw(
            "Recipients per second in bulk",
            "from a CSV file, 500 in a request, 4 requests in flight, one core; "
            "more is better",
            [
                ("by hand, checks nothing", bulk.theirs or 0.0),
                (OURS, bulk.ours),
                (f"{OURS}, survives kill -9", ledger.ours),
            ],
            "k/s",
        ),
    }
    if install:
        found["benchmarks-install.svg"] = draw(
            "Size of an installation",
            "all packages that it needs, without byte code; less is better",
            sorted(_with_ours(install), key=lambda bar: bar[1]),
            "MiB",
        )
    return found


def _ladder(figures: Mapping[str, Figure]) -> Iterator[tuple[str, float]]:
    """What aiohttp itself can do, from the usual POST down to its connections."""
    for name, one in figures.items():
        if name.startswith("ladder_asyncio"):
            yield one.title.removesuffix(", asyncio"), one.ours


def _with_ours(figures: Sequence[Figure]) -> Iterator[tuple[str, float]]:
    yield OURS, figures[0].ours
    for one in figures:
        if one.beside is not None and one.theirs is not None:
            yield one.beside, one.theirs
