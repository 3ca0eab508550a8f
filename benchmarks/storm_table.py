"""
What came of the storms, for people: a table, and a section of the documentation. And
how a section gets onto a page that is otherwise written by hand.
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
    ("in_doubt", "unknown", 10),
    ("unexplained", "open", 6),
    ("seconds", "s", 6),
    ("cpu", "CPU s", 7),
    ("memory", "RSS MB", 8),
    ("ledger", "file MB", 9),
)
_NAME: Final = 18

_EXPLAINED: Final = """\
* *faults*: requests that met a fault.
* *kinds*: kinds of these faults.
* *kills*: workers killed.
* *lost*: people who did not get the message, although the worker reported no doubt.
* *twice*: people who got the message more than once.
* *denied*: people who got it, although the worker reported a failure.
* *presumed*: people for whom the worker reported that it was most likely sent.
* *unsent*: presumed people who did not get it.
* *unknown*: people whose outcome the worker reported as unknown.
* *open*: people without a known outcome at the end, after delivery receipts had been
  read and messages without one had been sent again.
* *s*, *CPU s*, *RSS MB*, *file MB*: time, processor time and peak memory of the worker,
  and the size of its files."""


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
## The storm

A storm is a whole run. The gateway fails at every turn. The worker is killed with
SIGKILL at random moments, and started again until the run is complete. The gateway is
never killed, and its sent log decides which messages were sent.

Our worker is one call of `octopush.bulk` with a ledger (a SQLite file that records the
run). The other two are the clients from above. They keep a file of the batches that
succeeded or failed, and skip these batches after a restart.

In B5 the gateway's duplicate check records a `request_id` on receipt instead of on
accept. It may then refuse a repeat although nothing was sent.

```text
{table(found)}
```

{_EXPLAINED}

The workers' clock runs a hundred times as fast as the machine's. This shortens all
pauses alike: the second after a timeout, `Retry-After` and the pace.

The times come from a busy machine, so compare only their order of magnitude. Our worker
takes longer on purpose. It slows down when the gateway throttles, and repeats requests
that had no response. With each start it reads its source from the beginning, to find
who is new. Clients that give up, or that start over without a check, are faster.
"""


def with_section(page: Path, heading: str, text: str) -> str:
    """A page with a section new, in its place or at the end."""
    before, _, rest = page.read_text().partition(f"\n## {heading}\n")
    _, mark, after = rest.partition("\n## ")
    return f"{before}\n## {heading}\n\n{text}{mark}{after}"
