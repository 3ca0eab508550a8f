"""
What came of the storms, for people: a table, and a section of the documentation. And
how a section gets onto its page.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final


Found = Mapping[str, Any]

# Figure, heading, and width of its column.
_COLUMNS: Final = (
    ("batches", "batches", 9),
    ("faults", "faults", 8),
    ("kinds", "kinds", 7),
    ("kills", "kills", 7),
    ("lost", "lost", 6),
    ("twice", "twice", 9),
    ("denied", "denied", 9),
    ("presumed", "presumed", 10),
    ("unsent", "unsent", 8),
    ("in_doubt", "in doubt", 10),
    ("unexplained", "open", 6),
    ("seconds", "s", 6),
    ("cpu", "CPU s", 7),
    ("memory", "RSS MB", 8),
    ("ledger", "file MB", 9),
)
_NAME: Final = 18

_EXPLAINED: Final = """\
faults: requests that met one, of so many kinds. lost: people who did not get it, and
nobody was told of a doubt. twice: people who got it more than once. denied: told that
it failed, but it was sent. presumed: told that it was most likely sent; unsent: and it
was not. open: not known in the end, after delivery receipts were heard and what had
none was sent again. The rest is the worker's: time, processor, peak memory, and the
size of what it wrote down."""


def table(found: Sequence[Found]) -> str:
    """One line for each storm, and a heading for each worker."""
    head = f"{'':<{_NAME}}{'people':>10}"
    head += "".join(f"{title:>{width}}" for _, title, width in _COLUMNS)
    lines = [head]
    who = None
    for one in found:
        if one["storm"]["who"] != who:
            who = one["storm"]["who"]
            lines += ["-" * len(head), who]
        line = f"  {one['storm']['name']:<{_NAME - 2}}{one['storm']['count']:>10,}"
        for name, _, width in _COLUMNS:
            figure = f"{one[name]:,.1f}" if name == "ledger" else f"{one[name]:,.0f}"
            line += f"{figure:>{width}}"
        lines.append(line)
    return "\n".join(lines)


def section(found: Sequence[Found]) -> str:
    """The same for the documentation."""
    return f"""\
Whole runs, with a gateway that fails at every turn and a worker that is killed with
SIGKILL at random moments and started again until it is done. The gateway outlives it,
and its book is the judge. Our worker is one call of `octopush.bulk` with a ledger. The
baseline keeps a file of the batches that are done or have failed, and skips these when
it starts again; else it is the one above. With burnt ids the gateway notes a
`request_id` when it arrives, not when it accepts: then a repeat is refused although
nothing was sent.

```text
{table(found)}
```

{_EXPLAINED}

The workers' clock runs a hundred times as fast as the machine's, so that nobody waits
for the second after silence, `Retry-After` or the pace; all keep their proportions. A
run of ours takes longer on purpose: it slows down when the gateway throttles, tries
again what had no answer, and with each start reads its source from the beginning, to
find who is new. Whoever gives up or starts over without looking is faster.
"""


def with_section(page: Path, heading: str, text: str) -> str:
    """A page with a section new, in its place or at the end."""
    before, _, rest = page.read_text().partition(f"\n## {heading}\n")
    _, mark, after = rest.partition("\n## ")
    return f"{before}\n## {heading}\n\n{text}{mark}{after}"
