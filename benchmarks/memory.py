"""
What a run of ten million takes: memory, processor and disk, and whether each recipient
costs the same as in a run of ten thousand.

The recipients come from a generator, and the network is not there: a transport answers
at once. Each run has a process of its own. With `--write` also writes `memory.json` and
its section of `docs/chaos.md`.

    nox -s chaos
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
from storm_table import with_section
from storm_worker import KEY, LOGIN, MESSAGE, people

from aiooctopush import HttpRequest, HttpResponse, OctopushSession
from aiooctopush.ledgers.memory import MemoryLedger
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


FOLDER: Final = Path(__file__).parent
PAGE: Final = FOLDER.parent / "docs" / "chaos.md"
COUNTS: Final = (10_000, 100_000, 1_000_000, 10_000_000)
LEDGERS: Final = ("sqlite", "memory")

# The goals, in megabytes; and how much dearer a recipient may be among more.
RSS_GOAL: Final = 150
FILE_GOAL: Final = 100
FLAT_GOAL: Final = 1.1

# Small runs are over before the processor's clock has moved much.
_AT_LEAST: Final = 200_000


class Nowhere:
    """A transport that says yes to everything, and sends nothing."""

    def __init__(self) -> None:
        self._tickets = 0

    async def send(self, _: HttpRequest) -> HttpResponse:
        """See `Transport.send`."""
        self._tickets += 1
        said = {
            "sms_ticket": f"sms_{self._tickets:013x}",
            "number_of_contacts": 500,
            "number_of_sms_needed": 500,
            "total_cost": 25.0,
        }
        return HttpResponse(status=201, headers={}, body=orjson.dumps(said))

    async def close(self) -> None:
        """See `Transport.close`."""


async def send(count: int, kind: str, folder: Path, key: str) -> None:
    """One run, from a generator into nowhere."""
    file = folder / "run.db"
    ledger = SQLiteLedger(file) if kind == "sqlite" else MemoryLedger()
    async with OctopushSession(LOGIN, KEY, transport=Nowhere()) as octopush:
        run = octopush.bulk(key, **MESSAGE, ledger=ledger)  # type: ignore[arg-type]
        report = await run.send(people(count))
    await ledger.close()
    assert report.is_complete
    assert report.accepted == count


def measure(count: int, kind: str) -> dict[str, float]:
    """Run in this process, and tell what it took."""
    times = max(1, _AT_LEAST // count)
    with TemporaryDirectory() as name:
        # What is done once per process is not paid by the recipients.
        asyncio.run(send(500, kind, Path(name), "first"))
        before, began = time.process_time(), time.monotonic()
        for one in range(times):
            asyncio.run(send(count, kind, Path(name), f"run {one}"))
        each = 1e6 / (count * times)
        return {
            "recipients": count,
            "cpu_us": (time.process_time() - before) * each,
            "seconds": (time.monotonic() - began) / times,
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "file_mb": sum(
                path.stat().st_size / 1e6 / times for path in Path(name).iterdir()
            ),
        }


def in_a_process(count: int, kind: str) -> dict[str, Any]:
    """The same in a process of its own, whose memory is nobody else's."""
    command = [sys.executable, __file__, "--one", kind, "--counts", str(count)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(told.stdout))


def table(everything: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """One line for each run."""
    lines = [f"{'ledger':<8}{'people':>12}{'CPU µs':>9}{'s':>8}{'RSS MB':>9}{'MB':>8}"]
    for kind, rows in everything.items():
        lines += [
            f"{kind:<8}{row['recipients']:>12,}{row['cpu_us']:>9.2f}"
            f"{row['seconds']:>8.1f}{row['rss_mb']:>9.0f}{row['file_mb']:>8.1f}"
            for row in rows
        ]
    return "\n".join(lines)


def section(everything: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """The same for the documentation."""
    return f"""\
A run from a generator into a transport that answers at once, each in a process of its
own: processor time for each recipient, memory at its peak, and what lies on the disk in
the end. The goals for ten million are {RSS_GOAL} MB of memory and {FILE_GOAL} MB of
disk, and a recipient that costs at most {FLAT_GOAL} times what it costs among ten
thousand.

```text
{table(everything)}
```

With SQLite that is met. In memory a recipient costs so little that one step shows: the
first 131,072 numbers are looked up in a set, and more in bitmaps, which take 0.2 µs
longer and a tenth of the room.
"""


def main() -> None:
    """Measure, print, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--one", choices=LEDGERS, help="in this process, as JSON")
    parser.add_argument("--write", action="store_true", help="write json")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.counts[0], options.one)))
        return
    everything = {
        kind: [in_a_process(count, kind) for count in options.counts]
        for kind in LEDGERS
    }
    print(table(everything))
    if options.write:
        (FOLDER / "memory.json").write_text(json.dumps(everything, indent=1) + "\n")
        PAGE.write_text(with_section(PAGE, "Ten million", section(everything)))


if __name__ == "__main__":
    main()
