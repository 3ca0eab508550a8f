"""
Draws how a fleet grows with its workers: by hand, without a library, for light and for
dark pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from svg import frame, text


WIDTH: Final = 480
TOP: Final = 96
ROW: Final = 46
BARS: Final = 112
LONGEST: Final = 250

_LIGHT: Final = """\
  .measured { fill: #0969da; } .best { fill: none; stroke: #818b98; }"""
_DARK: Final = """\
    .measured { fill: #58a6ff; } .best { stroke: #9198a1; }"""
_TITLE: Final = "Requests per second, by the number of worker processes"


def draw(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw a bar for each number of workers, in the frame of what would be best."""
    height = TOP + ROW * len(rows) + 40
    scale = LONGEST / max(row["at_best"] for row in rows)
    return frame(
        _TITLE,
        [
            text(24, 36, "Workers and requests per second", "ink", 20, bold=True),
            text(24, 58, "a gateway that takes 200 ms, 8 tasks each", "soft", 14),
            *(
                part
                for index, row in enumerate(rows)
                for part in _bar(TOP + ROW * index, row, scale)
            ),
            *_legend(height - 18),
        ],
        size=(WIDTH, height),
        light=_LIGHT,
        dark=_DARK,
    )


def _bar(y: float, row: Mapping[str, Any], scale: float) -> Iterator[str]:
    best, measured = row["at_best"] * scale, row["a_second"] * scale
    workers = row["workers"]
    name = "worker" if workers == 1 else "workers"
    yield text(24, y + 19, f"{workers} {name}", "ink", 14)
    yield (
        f'<rect class="measured" x="{BARS}" y="{y}" width="{measured:.1f}" '
        'height="28"/>'
    )
    yield (
        f'<rect class="best" x="{BARS}" y="{y}" width="{best:.1f}" height="28" '
        'stroke-width="1" stroke-dasharray="4 3"/>'
    )
    share = row["a_second"] / row["at_best"]
    words = f"{row['a_second']:,.0f}  ({share:.0%})"
    yield text(BARS + max(best, measured) + 10, y + 19, words, "ink", 14, bold=True)


def _legend(y: float) -> Iterator[str]:
    yield f'<rect class="measured" x="24" y="{y - 10}" width="12" height="12"/>'
    yield text(44, y, "measured", "soft", 14)
    yield (
        f'<rect class="best" x="134" y="{y - 10}" width="12" height="12" '
        'stroke-dasharray="4 3"/>'
    )
    yield text(154, y, "if only the gateway took its time", "soft", 14)
