"""
Recipients per second in bulk, from a CSV file to a gateway that only answers; beside
the loop that one writes by hand, which reads the same file, makes the same batches, has
as many in flight, checks nothing and survives nothing. And preview, beside one pass
of the csv module over the same file.
"""

import argparse
import asyncio
import csv
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
import orjson
from bench_clients import HEADERS, KEY, LOGIN, PATH
from bench_figures import Figure, figure
from bench_process import CLIENT_CORE, gateway, in_a_process, pin

from aiooctopush import OctopushSession, Purpose, read_csv
from aiooctopush.bulk.run import BulkRun


BATCH: Final = 500
IN_FLIGHT: Final = 4
TEXT: Final = "Hi {first_name}, the bridge is closed"
FEW: Final = "few.csv"
NAMES: Final = ("Ada", "Grace", "Edsger", "Barbara", "Donald", "Frances", "Tony", "")

GOAL, LEDGER_GOAL, PREVIEW_GOAL = 0.9, 0.6, 4.0


def mobiles(count: int) -> Iterator[str]:
    """French mobiles in no order, all different, from ranges that are given out."""
    for one in range(count):
        # An odd factor: no two places give one number.
        yield f"+336{10_000_000 + one * 0x2545F491 % 2**24}"


def write_people(path: Path, count: int) -> None:
    """A file with mobiles and first names, some of them empty."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("phone_number", "first_name"))
        rows.writerows(
            (number, NAMES[one % len(NAMES)])
            for one, number in enumerate(mobiles(count))
        )


async def by_hand(file: Path, url: str) -> int:
    """csv, dict, orjson, aiohttp, and a task for each request in flight."""
    sent = 0
    with file.open(newline="") as opened:
        rows = csv.DictReader(opened)
        batches = iter(lambda: list(islice(rows, BATCH)), [])
        async with aiohttp.ClientSession(url, headers=HEADERS) as session:

            async def work() -> None:
                nonlocal sent
                for recipients in batches:
                    body = orjson.dumps(
                        {
                            "text": TEXT,
                            "sender": "Acme",
                            "purpose": "alert",
                            "recipients": recipients,
                        }
                    )
                    async with session.post(PATH, data=body) as response:
                        response.raise_for_status()
                        answer = orjson.loads(await response.read())
                        sent += answer["number_of_contacts"]

            async with asyncio.TaskGroup() as group:
                for _ in range(IN_FLIGHT):
                    group.create_task(work())
    return sent


def _run(octopush: OctopushSession, ledger: Path | None = None) -> BulkRun:
    return octopush.bulk(
        "bench",
        text=TEXT,
        sender="Acme",
        purpose=Purpose.ALERT,
        concurrency=IN_FLIGHT,
        batch_size=BATCH,
        on_missing="send",  # as the loop by hand does
        ledger=ledger,
    )


async def in_memory(file: Path, url: str) -> int:
    """Ours without a ledger."""
    async with OctopushSession(LOGIN, KEY, base_url=url) as octopush:
        return (await _run(octopush).send(read_csv(file))).accepted


async def with_ledger(file: Path, url: str) -> int:
    """Ours with the SQLite ledger, in a new file."""
    with TemporaryDirectory(dir=file.parent) as folder:
        async with OctopushSession(LOGIN, KEY, base_url=url) as octopush:
            run = _run(octopush, Path(folder) / "run.db")
            return (await run.send(read_csv(file))).accepted


async def one_pass(file: Path, _: str) -> int:
    """The csv module reads the file, and nobody looks at it."""
    with file.open(newline="") as opened:
        return sum(1 for _ in csv.reader(opened)) - 1


async def preview(file: Path, url: str) -> int:
    """Ours looks at everything, and asks nobody."""
    async with OctopushSession(LOGIN, KEY, base_url=url) as octopush:
        return (await _run(octopush).preview(read_csv(file))).recipients


WAYS: Final[Mapping[str, Callable[[Path, str], Awaitable[int]]]] = {
    "by_hand": by_hand,
    "in_memory": in_memory,
    "with_ledger": with_ledger,
    "one_pass": one_pass,
    "preview": preview,
}


def measure(*, short: bool) -> list[Figure]:
    """All ways in turn, each in a process of its own, several times."""
    count = 20_000 if short else 200_000
    runs: dict[str, list[float]] = {way: [] for way in WAYS}
    cpus: dict[str, list[float]] = {way: [] for way in WAYS}
    with TemporaryDirectory() as folder, gateway() as url:
        file = Path(folder) / "people.csv"
        write_people(file, count)
        # What is made once in a process must not count for more in a short run.
        write_people(file.with_name(FEW), BATCH)
        for _ in range(3 if short else 5):
            for way in WAYS:
                seconds, cpu = in_a_process(
                    *("bench_bulk.py", "--way", way, "--file", str(file)),
                    *("--url", url, "--count", str(count)),
                )
                runs[way].append(count / seconds)
                cpus[way].append(cpu / count * 1e6)
    return [
        _beside_hand(runs, "in_memory", name="bulk", what="no ledger", goal=GOAL),
        _beside_hand(
            *(runs, "with_ledger"),
            name="bulk_ledger",
            what="SQLite ledger",
            goal=LEDGER_GOAL,
        ),
        _cpu(cpus, "in_memory", name="bulk_cpu", what="no ledger"),
        _cpu(
            *(cpus, "with_ledger"),
            name="bulk_ledger_cpu",
            what="SQLite ledger",
            goal=1 / LEDGER_GOAL,
        ),
        figure(
            "preview",
            "preview, CPU per recipient",
            beside="one pass of the csv module",
            ours=statistics.median(cpus["preview"]),
            theirs=statistics.median(cpus["one_pass"]),
            unit="µs",
            samples=_ratios(cpus["preview"], cpus["one_pass"]),
            goal=PREVIEW_GOAL,
        ),
    ]


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def _beside_hand(
    runs: Mapping[str, Sequence[float]], way: str, *, name: str, what: str, goal: float
) -> Figure:
    ours, theirs = runs[way], runs["by_hand"]
    return figure(
        name,
        f"bulk, {what}, recipients/s",
        beside="csv, dict, orjson, aiohttp by hand",
        ours=statistics.median(ours) / 1e3,
        theirs=statistics.median(theirs) / 1e3,
        unit="k/s",
        samples=_ratios(ours, theirs),
        goal=goal,
        higher=True,
        guarded=False,  # the wall clock hears the neighbours; processor time does not
    )


def _cpu(
    cpus: Mapping[str, Sequence[float]],
    way: str,
    *,
    name: str,
    what: str,
    goal: float | None = None,
) -> Figure:
    ours, theirs = cpus[way], cpus["by_hand"]
    return figure(
        name,
        f"bulk, {what}, CPU per recipient",
        beside="csv, dict, orjson, aiohttp by hand",
        ours=statistics.median(ours),
        theirs=statistics.median(theirs),
        unit="µs",
        samples=_ratios(ours, theirs),
        goal=goal,
    )


async def costs_of(way: str, file: Path, url: str, count: int) -> tuple[float, float]:
    """Seconds by the wall and of the processor, once all was done for a few people."""
    await WAYS[way](file.with_name(FEW), url)
    began, before = time.perf_counter(), time.process_time()
    sent = await WAYS[way](file, url)
    cpu, seconds = time.process_time() - before, time.perf_counter() - began
    assert sent == count, f"{sent} of {count}"
    return seconds, cpu


def main() -> None:
    """One process: one way through the file, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, required=True)
    options: Any = parser.parse_args()
    pin(0, CLIENT_CORE)
    job = costs_of(options.way, options.file, options.url, options.count)
    print(json.dumps(asyncio.run(job)))


if __name__ == "__main__":
    main()
