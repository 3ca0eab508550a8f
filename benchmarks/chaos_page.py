"""
The page of the documentation that shows what chaos does to a run, from the figures that
the other scripts write: `chaos.json`, `edited_lists.json`, `bad_numbers.json`,
`storm.json` and `memory.json`.

    nox -s chaos
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, Final

import bad_numbers
import chaos
import memory
import storm_table
from page_table import page_table


FOLDER: Final = Path(__file__).parent
PAGE: Final = FOLDER.parent / "docs" / "chaos.md"


def figures(name: str) -> Any:
    """What a script has written down."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def faults(measured: Mapping[str, Any]) -> str:
    """What one message after the other meets."""
    found = {
        client: {kind: chaos.Row(**row) for kind, row in rows.items()}
        for client, rows in measured["clients"].items()
    }
    return f"""\
# Chaos

This page shows what aiooctopush and two hand-written clients do when the gateway fails.
Read it before you trust a client with messages that must arrive exactly once.

`nox -s chaos` repeats all of it and writes this page.

## Kinds of fault

Three clients send {measured["messages"]:,} messages through {len(found["aiooctopush"])}
kinds of fault over real sockets. {measured["probability"]:.0%} of all requests meet a
fault. The seed is {measured["seed"]}, and each client meets the same schedule. The
gateway records every message that it sent. The table compares the report of each client
with this sent log.

* **aiohttp + tenacity** is a carefully written client: one `ClientSession`, a timeout
  and `raise_for_status`. tenacity makes four attempts with exponential back-off and
  jitter. It repeats connection errors, timeouts, 5xx and 429.
* **aiohttp + tenacity + request_id** is the same client, with a random `request_id`
  (idempotency key) for each message.

![Messages sent twice, and messages reported as failed although they were sent: none
with aiooctopush](chaos-summary.svg)

{_by_client(found)}

* *requests*: requests that the gateway received.
* *twice*: people who got the message more than once.
* *lost*: people who did not get it, although the client reported that it was sent.
* *denied*: people who got it, although the client reported that it failed.

This is what the two clients without aiooctopush did with each kind of fault:

![The same for each kind of fault, as bars](chaos.svg)

{_by_others(found)}

With aiooctopush all three counts are 0 for each fault. It called `settle` for unknown
outcomes. After that, {chaos.total(found["aiooctopush"]).unknown or "none"}
stayed unknown:

{_by_outcome(found["aiooctopush"])}

Some faults happen before a request leaves: no connection, no DNS name, no TLS. The
simulation in `tests/simulation` adds these, and clocks that jump by up to 30 hours.
It also covers both duplicate checks, on accept and on receipt. `nox -s chaos` runs
10,000 seeds of it.
"""


def _by_client(found: Mapping[str, Mapping[str, chaos.Row]]) -> str:
    """The sums of each client."""
    rows = []
    for client, kinds in found.items():
        sums = chaos.total(kinds)
        bold = "**" if client == "aiooctopush" else ""
        cells = (client, sums.tries, sums.twice, sums.lost, sums.denied)
        rows.append([f"{bold}{_shown(one)}{bold}" for one in cells])
    return page_table(("client", "requests", "twice", "lost", "denied"), rows)


def _shown(cell: str | int) -> str:
    return cell if isinstance(cell, str) else f"{cell:,}"


def _by_others(found: Mapping[str, Mapping[str, chaos.Row]]) -> str:
    """What went wrong with each kind of fault: twice and denied, by client."""
    others = {name: rows for name, rows in found.items() if name != "aiooctopush"}
    heads = [
        f"{what}, {name.removeprefix('aiohttp + ')}"
        for name in others
        for what in ("twice", "denied")
    ]
    rows = [
        [f"`{kind}`"]
        + [figure for one in others.values() for figure in _harm(one[kind])]
        for kind in next(iter(others.values()))
    ]
    harmed = [row for row in rows if any(row[1:])]
    return (
        page_table(("fault", *heads), harmed)
        + f"\n\nThe other {len(rows) - len(harmed)} kinds of fault harmed neither."
    )


def _harm(row: chaos.Row) -> tuple[int, int]:
    return row.twice, row.denied


def _by_outcome(kinds: Mapping[str, chaos.Row]) -> str:
    """What our client reported of the messages of each kind."""
    return page_table(
        ("fault", "faults", "accepted", "presumed", "failed"),
        [
            (f"`{kind}`", row.faults, row.accepted, row.presumed, row.failed)
            for kind, row in kinds.items()
        ],
    )


def edited_lists(measured: Mapping[str, Any]) -> str:
    """What people do to a list between the starts of its run."""
    deaths = measured["deaths"]
    broken = sum(len(one["problems"]) for one in deaths)
    edits = list(dict.fromkeys(one["edit"] for one in deaths))
    heads = [
        (check, gateway)
        for check in dict.fromkeys(one["check"] for one in deaths)
        for gateway in dict.fromkeys(one["gateway"] for one in deaths)
    ]
    counts = {
        (one["edit"], one["check"], one["gateway"]): one["schedules"] for one in deaths
    }
    shown = page_table(
        ("edit", *(f"{check}, {gateway}" for check, gateway in heads)),
        [(edit, *(counts[edit, *head] for head in heads)) for edit in edits],
    )
    return f"""\
## Edited lists

A worker is killed with SIGKILL, the list is edited, and the worker starts again. The
kill happens once at every step, in the first start and in the second. A step is a call
of the ledger that begins or returns, a request that leaves, a request that the gateway
has executed, or a response that arrives. *All of it* applies every edit at once. A
troubled gateway throttles, loses responses, runs out of credit and refuses two numbers.

The table counts the runs, for both rules that the gateway's duplicate check may follow.
Each run has its kill at another step, and the last one has none.

{shown}

In these {sum(counts.values()):,} runs {broken or "no"} promise was broken. No person
got the message twice. With the calm gateway, every person in the edited list got it
exactly once. With the troubled one, the ledger names each person who may not have it.

A second test makes up stories: a list, random edits, kills, lost responses, empty
accounts and several starts. It went through {measured["stories"]:,} stories with
{measured["starts"]:,} starts. No person got a message of one run twice. After each
undisturbed start, every valid person in the list had it exactly once. The seed
is {measured["seed"]}.
"""


def filled(text: str) -> str:
    """Break paragraphs anew, since figures have many widths; all else is left."""
    blocks = text.split("\n\n")
    as_they_are = ("#", "*", "|", "!", "```")
    return "\n\n".join(
        block
        if block.startswith(as_they_are)
        else fill(block, 88, break_long_words=False, break_on_hyphens=False)
        for block in blocks
    )


def page() -> str:
    """All of it."""
    storms: Sequence[Mapping[str, Any]] = figures("storm")
    sections = (
        faults(figures("chaos")),
        edited_lists(figures("edited_lists")),
        bad_numbers.section(figures("bad_numbers")),
        storm_table.section(storms),
        memory.section(figures("memory")),
    )
    return "\n\n".join(filled(one.rstrip()) for one in sections) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
