"""
What a run of ten million takes: memory, processor and disk, and whether each recipient
costs the same as in a run of ten thousand; and what a second start takes that knows
everybody already, and sends nothing, or knows every second one.

The recipients come from a generator, and the network is not there: a transport answers
at once. Each start has a process of its own. With `--write` also writes `memory.json`.

    nox -s chaos
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
from bench_process import peak_memory
from page_table import page_table
from storm_worker import KEY, LOGIN, MESSAGE, people

from aiooctopush import HttpRequest, HttpResponse, OctopushSession
from aiooctopush.bulk.sources.duplicates import SeenNumbers
from aiooctopush.ledgers.memory import MemoryLedger
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


FOLDER: Final = Path(__file__).parent
COUNTS: Final = (10_000, 100_000, 1_000_000, 10_000_000)
LEDGERS: Final = ("sqlite", "memory")

# The goals, in megabytes; and how much dearer a recipient may be among more.
RSS_GOAL: Final = 120
FILE_GOAL: Final = 100
SET_GOAL: Final = 60
FLAT_GOAL: Final = 1.05

# Small runs are over before the processor's clock has moved much.
_AT_LEAST: Final = 200_000


class Nowhere:
    """
    A transport that says yes to everything, and sends nothing.

    Attributes:
        tickets: How many requests it has accepted.
    """

    def __init__(self) -> None:
        self.tickets = 0

    async def send(self, _: HttpRequest) -> HttpResponse:
        """See `Transport.send`."""
        self.tickets += 1
        said = {
            "sms_ticket": f"sms_{self.tickets:013x}",
            "number_of_contacts": 500,
            "number_of_sms_needed": 500,
            "total_cost": 25.0,
        }
        return HttpResponse(status=201, headers={}, body=orjson.dumps(said))

    async def close(self) -> None:
        """See `Transport.close`."""


def half_new(count: int) -> Iterator[str]:
    """As many people, of whom every second one is in the list that is known."""
    known, new = people(count // 2), people(count + count // 2, count)
    return chain.from_iterable(zip(known, new, strict=True))


async def send(
    count: int, kind: str, folder: Path, name: str, *, half: bool = False
) -> int:
    """Run from a generator into nowhere; return how many requests that took."""
    file = folder / "run.db"
    ledger = SQLiteLedger(file) if kind == "sqlite" else MemoryLedger()
    nowhere = Nowhere()
    async with OctopushSession(LOGIN, KEY, transport=nowhere) as octopush:
        run = octopush.bulk(name, **MESSAGE, ledger=ledger)  # type: ignore[arg-type]
        report = await run.send(half_new(count) if half else people(count))
    await ledger.close()
    assert report.is_complete
    assert report.accepted == count + half * count // 2
    return nowhere.tickets


def set_mb(count: int) -> float:
    """Tell what the set of so many people takes, in megabytes."""
    known, before = SeenNumbers(), _resident()
    numbers = map(int, people(count))
    while some := list(islice(numbers, 500)):
        known.note(some)
    return (_resident() - before) / 1e6


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def measure(
    count: int, kind: str, folder: Path, *, again: bool, half: bool = False
) -> dict[str, float]:
    """Run in this process, and tell what it took."""
    times = max(1, _AT_LEAST // count)
    with TemporaryDirectory() as warm:
        # What is done once per process is not paid by the recipients.
        asyncio.run(send(500, kind, Path(warm), "first"))
    before, began = time.process_time(), time.monotonic()
    for one in range(times):
        requests = asyncio.run(send(count, kind, folder, f"run {one}", half=half))
        assert bool(requests) is (half or not again)
    each = 1e6 / (count * times)
    return {
        "recipients": count,
        "cpu_us": (time.process_time() - before) * each,
        "seconds": (time.monotonic() - began) / times,
        "rss_mb": peak_memory(),
        "file_mb": sum(path.stat().st_size / 1e6 / times for path in folder.iterdir()),
    }


def in_a_process(
    count: int, kind: str, folder: str, *more: str, again: bool = False
) -> dict[str, Any]:
    """Measure in a process of its own, whose memory is nobody else's."""
    command = [
        *(sys.executable, __file__, "--one", kind, "--counts", str(count)),
        *("--folder", folder, *(["--again"] if again else []), *more),
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(said.stdout))


def measure_all(counts: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    """Measure each kind of start, smallest runs first."""
    found: dict[str, list[dict[str, Any]]] = {"sqlite": [], "again": [], "memory": []}
    for count in counts:
        with TemporaryDirectory() as folder:
            found["sqlite"].append(in_a_process(count, "sqlite", folder))
            found["again"].append(in_a_process(count, "sqlite", folder, again=True))
        with TemporaryDirectory() as folder:
            found["memory"].append(in_a_process(count, "memory", folder))
    return found


def table(everything: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """One line for each run."""
    return page_table(
        ("ledger", "people", "CPU µs", "seconds", "RSS MB", "file MB"),
        [
            (
                kind,
                row["recipients"],
                f"{row['cpu_us']:.2f}",
                f"{row['seconds']:.1f}",
                f"{row['rss_mb']:.0f}",
                f"{row['file_mb']:.1f}",
            )
            for kind, rows in everything.items()
            for row in rows
        ],
    )


def section(everything: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """The same for the documentation."""
    small, large = everything["sqlite"][0], everything["sqlite"][-1]
    again = everything["again"][-1]
    growth = large["cpu_us"] / small["cpu_us"]
    is_met = (
        max(large["rss_mb"], again["rss_mb"]) <= RSS_GOAL
        and large["file_mb"] <= FILE_GOAL
        and growth <= FLAT_GOAL
    )
    return f"""\
## Ten million

A run reads recipients from a generator, and sends them over a transport that responds
at once. Each start has its own process. *again* is a second start with SQLite, for a
list in which every recipient is known: it reads the whole list and sends nothing.

{table(everything)}

* *CPU µs*: processor time for each recipient.
* *RSS MB*: peak memory.
* *file MB*: size of the ledger at the end.

The goals for {large["recipients"]:,} recipients are at most {RSS_GOAL} MB of memory for
either start, and at most {FILE_GOAL} MB of disk. A recipient may cost at most
{FLAT_GOAL} times what it costs among {small["recipients"]:,}. SQLite
{"meets" if is_met else "does not meet"} these goals: {large["rss_mb"]:.0f} MB for the
first start, {again["rss_mb"]:.0f} MB for the second, {large["file_mb"]:.0f} MB of disk,
and {growth:.2f} times the cost. The second start takes
{again["cpu_us"] / large["cpu_us"]:.0%} of the processor time of the first.

The times come from a busy machine. In memory a recipient costs so little that one step
shows: aiooctopush keeps the first 131,072 numbers in a set, and all others in bitmaps.
Bitmaps take 0.2 µs longer and a tenth of the memory.
"""


def main() -> None:
    """Measure, print, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--one", choices=LEDGERS, help="in this process, as JSON")
    parser.add_argument("--folder", help="of the ledger of --one")
    parser.add_argument("--again", action="store_true", help="everybody is known")
    parser.add_argument("--half", action="store_true", help="every second one is")
    parser.add_argument("--set", action="store_true", help="only the set of them")
    parser.add_argument("--write", action="store_true", help="write json")
    options = parser.parse_args()
    if options.one:
        count, folder = options.counts[0], Path(options.folder)
        if options.set:
            print(json.dumps({"set_mb": set_mb(count)}))
            return
        again, half = options.again, options.half
        print(json.dumps(measure(count, options.one, folder, again=again, half=half)))
        return
    everything = measure_all(options.counts)
    print(table(everything))
    if options.write:
        (FOLDER / "memory.json").write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
