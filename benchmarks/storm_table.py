"""
What came of the storms, for people: a table, and a section of the documentation. And
how a section gets onto a page that is otherwise written by hand.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from page_table import page_table


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

# The same for pages, in tables that fit a phone.
_OUTCOMES: Final = ("lost", "twice", "denied")
_REPORTED: Final = ("presumed", "unsent", "in_doubt", "unexplained")
_COSTS: Final = ("faults", "kills", "seconds", "cpu", "memory", "ledger")


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
            line += f"{_shown(one, name):>{width}}"
        lines.append(line)
    return "\n".join(lines)


def _kinds(found: Sequence[Found]) -> int:
    return max(int(one["kinds"]) for one in found)


def _ours(found: Sequence[Found]) -> Sequence[Found]:
    return [one for one in found if one["storm"]["who"] == "aiooctopush"]


def _page_table(found: Sequence[Found], figures: Sequence[str]) -> str:
    """Some figures of each storm, for the documentation."""
    titles = {name: title for name, title, _ in _COLUMNS}
    several = len({one["storm"]["who"] for one in found}) > 1
    head = [*(["client"] if several else []), "storm", "people"]
    return page_table(
        [*head, *(titles[name] for name in figures)],
        [
            (
                *([one["storm"]["who"]] if several else []),
                one["storm"]["name"],
                one["storm"]["count"],
                *(_shown(one, name) for name in figures),
            )
            for one in found
        ],
        words=len(head) - 1,
    )


def _shown(one: Found, name: str) -> str:
    return f"{one[name]:,.1f}" if name == "ledger" else f"{one[name]:,.0f}"


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

{_page_table(found, _OUTCOMES)}

* *lost*: people who did not get the message, although the worker reported no doubt.
* *twice*: people who got the message more than once.
* *denied*: people who got it, although the worker reported a failure.

Only aiooctopush reports these. A batch of 500 people shares one outcome:

{_page_table(_ours(found), _REPORTED)}

* *presumed*: people for whom the worker reported that it was most likely sent.
* *unsent*: presumed people who did not get it.
* *unknown*: people whose outcome the worker reported as unknown.
* *open*: people without a known outcome at the end, after delivery receipts had been
  read and messages without one had been sent again.

This is what the storms consisted of, and what they cost:

{_page_table(found, _COSTS)}

* *faults*: requests that met a fault, of up to {_kinds(found)} kinds.
* *kills*: workers killed.
* *CPU s*, *RSS MB*, *file MB*: processor time and peak memory of the worker, and the
  size of its files.

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
