"""
Draws how a fleet grows with its workers: by hand, without a library, for light and for
dark pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final


WIDTH: Final = 760
TOP: Final = 96
ROW: Final = 46
BARS: Final = 130
LONGEST: Final = 470

_STYLE: Final = """\
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
  .page { fill: #ffffff; } .ink { fill: #1f2328; } .soft { fill: #59636e; }
  .measured { fill: #0969da; } .best { fill: none; stroke: #818b98; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; } .ink { fill: #f0f6fc; } .soft { fill: #9198a1; }
    .measured { fill: #4493f8; } .best { stroke: #9198a1; }
  }"""
_TITLE: Final = "Requests per second, by the number of worker processes"


def draw(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw a bar for each number of workers, in the frame of what would be best."""
    height = TOP + ROW * len(rows) + 40
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    space = "http://www.w3.org/2000/svg"
    scale = LONGEST / max(row["at_best"] for row in rows)
    return "\n".join(
        [
            f'<svg xmlns="{space}" {size} role="img" aria-labelledby="title">',
            f'<title id="title">{_TITLE}</title>',
            f"<style>\n{_STYLE}\n</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            _text(24, 36, "Workers and requests per second", "ink", 20, bold=True),
            _text(24, 60, "a gateway that takes 200 ms, 8 tasks each", "soft", 13),
            *(
                part
                for index, row in enumerate(rows)
                for part in _bar(TOP + ROW * index, row, scale)
            ),
            *_legend(height - 18),
            "</svg>\n",
        ]
    )


def _text(
    x: float, y: float, words: str, colour: str, size: float, *, bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text class="{colour}" x="{x:g}" y="{y:g}" font-size="{size:g}"{weight}>'
        f"{escape(words)}</text>"
    )


def _bar(y: float, row: Mapping[str, Any], scale: float) -> Iterator[str]:
    best, measured = row["at_best"] * scale, row["a_second"] * scale
    workers = row["workers"]
    name = "worker" if workers == 1 else "workers"
    yield _text(24, y + 19, f"{workers} {name}", "ink", 14)
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
    yield _text(BARS + max(best, measured) + 10, y + 19, words, "ink", 14, bold=True)


def _legend(y: float) -> Iterator[str]:
    yield f'<rect class="measured" x="24" y="{y - 10}" width="12" height="12"/>'
    yield _text(44, y, "measured", "soft", 12)
    yield (
        f'<rect class="best" x="124" y="{y - 10}" width="12" height="12" '
        'stroke-dasharray="4 3"/>'
    )
    yield _text(144, y, "if only the gateway took its time", "soft", 12)
