"""
Draws the outcome of `chaos.py`, from `chaos.json`: each kind of fault to
`docs/chaos.svg`, and the totals to `docs/chaos-summary.svg`, which a phone can show.
By hand, without a library, for light and for dark pages.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from svg import frame, text


Figures = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Client, kind of fault, name of a figure."""

WIDTH: Final = 900
ROW: Final = 19
TOP: Final = 150
KINDS_END: Final = 236
COLUMN: Final = 212
BAR: Final = 168

# Red and amber that can be told apart on white and on black, by colour-blind people
# as well; each has a word beside it, so no colour carries a fact alone.
_LIGHT: Final = """\
  .twice { fill: #cf222e; } .denied { fill: #d98a00; } .denied-ink { fill: #9a6700; }
  .good, .presumed { fill: #1a7f37; } .presumed { fill-opacity: 0.75; }"""
_DARK: Final = """\
    .twice { fill: #ff6a69; } .denied, .denied-ink { fill: #e3b341; }
    .good, .presumed { fill: #3fb950; }"""

SUMMARY_WIDTH: Final = 440
MARGIN: Final = 20
_TOTALS: Final = {"twice": ("twice", "twice"), "denied": ("denied", "denied-ink")}
_MEANINGS: Final = {
    "twice": "messages sent (and billed) twice",
    "denied": "messages sent, but reported as failed",
}
_SUMMARY_TITLE: Final = (
    "Messages sent twice, and messages reported as failed although they were sent: "
    "none with aiooctopush"
)
_TITLE: Final = (
    "Messages sent twice, and messages reported as failed although they were sent, "
    "for each kind of fault and client"
)


def draw(clients: Figures, *, subtitle: str) -> str:
    """
    Draw one column for each client, and one row for each kind of fault.

    Args:
        clients: What was measured.
        subtitle: Under what conditions.
    """
    kinds = list(next(iter(clients.values())))
    height = TOP + ROW * len(kinds) + 46
    return frame(
        _TITLE,
        [
            text(24, 36, "When the gateway fails", "ink", 20, bold=True),
            text(24, 58, subtitle, "soft", 12.5),
            *_kinds(kinds),
            *_columns(clients, kinds),
            *_legend(height - 18),
        ],
        size=(WIDTH, height),
        light=_LIGHT,
        dark=_DARK,
    )


def summarize(clients: Figures, *, subtitle: Sequence[str]) -> str:
    """
    Draw the totals of each client as two bars, wide enough to be read on a phone.

    Args:
        clients: What was measured.
        subtitle: Under what conditions, a line each.
    """
    totals = {
        name: {word: sum(row[word] for row in rows.values()) for word in _TOTALS}
        for name, rows in clients.items()
    }
    longest = max(max(total.values()) for total in totals.values())
    scale = (SUMMARY_WIDTH - 2 * MARGIN - 64) / max(longest, 1)
    content = [text(MARGIN, 34, "When the gateway fails", "ink", 20, bold=True)]
    content += [
        text(MARGIN, 58 + 19 * line, words, "soft", 14)
        for line, words in enumerate(subtitle)
    ]
    y = 78 + 19 * len(subtitle)
    for name, total in totals.items():
        content.append(text(MARGIN, y + 14, name, "ink", 16, bold=True))
        y += 24
        for word, (kind, ink) in _TOTALS.items():
            wide = max(total[word] * scale, 3.0)
            color = kind if total[word] else "good"
            content.append(
                f'<rect class="{color}" x="{MARGIN}" y="{y}" width="{wide:.1f}" '
                'height="18" rx="2"/>'
            )
            number = f"{total[word]:,}"
            color = ink if total[word] else "good"
            x = MARGIN + wide + 8
            content.append(text(x, y + 15, number, color, 16, bold=True))
            y += 24
        y += 12
    for word, (kind, _) in _TOTALS.items():
        content.append(
            f'<rect class="{kind}" x="{MARGIN}" y="{y}" width="14" height="14" rx="2"/>'
        )
        content.append(text(MARGIN + 22, y + 13, _MEANINGS[word], "soft", 14))
        y += 24
    return frame(
        _SUMMARY_TITLE,
        content,
        size=(SUMMARY_WIDTH, y + 8),
        light=_LIGHT,
        dark=_DARK,
    )


def _kinds(kinds: list[str]) -> Iterator[str]:
    for row, kind in enumerate(kinds):
        y = TOP + ROW * row
        words = kind.replace("_", " ").replace(" after commit", ", was sent")
        words = words.replace(" late commit", ", sent late")
        yield text(KINDS_END - 18, y + 12, words, "soft", 12, end=True)
        yield (
            f'<line class="line" x1="24" x2="{WIDTH - 24}" y1="{y - 2}" y2="{y - 2}" '
            'stroke-width="0.5"/>'
        )


def _columns(clients: Figures, kinds: list[str]) -> Iterator[str]:
    longest = max(
        row["twice"] + row["denied"]
        for rows in clients.values()
        for row in rows.values()
    )
    scale = BAR / max(longest, 1)
    for column, (name, rows) in enumerate(clients.items()):
        x = KINDS_END + COLUMN * column
        twice = sum(row["twice"] for row in rows.values())
        denied = sum(row["denied"] for row in rows.values())
        yield text(x, 94, name, "ink", 12.5, bold=True)
        yield text(
            x,
            114,
            f"{twice:,} sent twice",
            "twice" if twice else "good",
            12.5,
            bold=True,
        )
        yield text(
            x,
            132,
            f"{denied:,} sent, reported as failed",
            "denied-ink" if denied else "good",
            12.5,
            bold=True,
        )
        bottom = TOP + ROW * len(kinds) - 2
        yield (
            f'<line class="line" x1="{x - 6}" x2="{x - 6}" y1="{TOP - 2}" '
            f'y2="{bottom}" stroke-width="1"/>'
        )
        for row, kind in enumerate(kinds):
            yield from _bar(x - 6, TOP + ROW * row + 2, rows[kind], scale)


def _bar(x: float, y: float, row: Mapping[str, int], scale: float) -> Iterator[str]:
    for name, ink in (
        ("twice", "twice"),
        ("denied", "denied-ink"),
        ("presumed", "good"),
    ):
        if not row[name]:
            continue
        wide = row[name] * scale
        yield (
            f'<rect class="{name}" x="{x:.1f}" y="{y}" width="{wide:.1f}" '
            f'height="{ROW - 8}"/>'
        )
        x += wide
        yield text(x + 5, y + 10, str(row[name]), ink, 11)
        x += 24


def _legend(y: float) -> Iterator[str]:
    words = (
        ("twice", 24, "sent twice"),
        ("denied", 124, "sent, but reported as failed"),
        ("presumed", 414, "response lost; sent once, and reported as sent"),
    )
    for name, x, meaning in words:
        yield f'<rect class="{name}" x="{x}" y="{y - 10}" width="12" height="12"/>'
        yield text(x + 20, y, meaning, "soft", 12)


def main() -> None:
    """Draw what was measured last."""
    folder = Path(__file__).parent
    measured = json.loads((folder / "chaos.json").read_text())
    subtitle = (
        f"{measured['messages']:,} messages by each client, "
        f"{len(measured['clients']['aiooctopush'])} kinds of fault, "
        f"{measured['probability']:.0%} of the requests hit, "
        "counted in the gateway's sent log"
    )
    picture = draw(measured["clients"], subtitle=subtitle)
    docs = folder.parent / "docs"
    (docs / "chaos.svg").write_text(picture)
    summary = summarize(
        measured["clients"],
        subtitle=(
            (
                f"{measured['messages']:,} messages from each client, "
                f"{measured['probability']:.0%} of requests"
            ),
            "hit by a fault; counted in the sent log",
        ),
    )
    (docs / "chaos-summary.svg").write_text(summary)


if __name__ == "__main__":
    main()
