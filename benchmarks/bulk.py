"""
What a bulk costs beside a loop that anybody would write: csv, dicts, orjson, aiohttp.

The same file, the same batches, as many requests in flight, one server in another
process that only answers. Rounds in turn, medians of processor time, threads included,
and ratios of one run: an absolute time says more about a machine than about us. With
`--preview` it is a look at the file beside one pass of the csv module over it.

    python benchmarks/bulk.py
"""

import argparse
import asyncio
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
import orjson

from aiooctopush import OctopushSession, Purpose, read_csv
from aiooctopush._clock import SystemClock
from aiooctopush.api.sms import Message
from aiooctopush.bulk.preview.check import preview
from aiooctopush.bulk.run_options import BulkOptions


BATCH: Final = 500
IN_FLIGHT: Final = 4
TEXT: Final = "Hi {first_name}, order {param1} is on its way"
HEADERS: Final = {
    "api-login": "me@example.org",
    "api-key": "key",
    "content-type": "application/json",
}

# How many recipients per second of the loop are asked for, and how many passes of csv
# a look may take.
GOALS: Final = {"memory": 0.85, "sqlite": 0.6}
PASSES_GOAL: Final = 4.0

_FIRST: Final = ("Maëlle", "Inès", "Karim", "Fatou", "Zoé", "Paul", "Léa", "Hugo")
_LAST: Final = ("Noël", "N'Diaye", "Traoré", "Mercier", "Dupont", "Martin", "Petit")


def write_people(path: Path, count: int) -> None:
    """A file of made-up people with four columns, the same every time."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("phone_number", "first_name", "last_name", "param1"))
        for number in chance.sample(range(600_000_000, 800_000_000), count):
            order = f"ORD-{chance.randrange(1_000_000):06d}"
            people = chance.choice(_FIRST), chance.choice(_LAST)
            rows.writerow((f"+33{number}", *people, order))


# --- by hand --------------------------------------------------------------------------


def bodies(path: Path) -> Iterator[bytes]:
    """What the loop sends, a batch at a time."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        while batch := list(islice(rows, BATCH)):
            yield orjson.dumps(
                {
                    "text": TEXT,
                    "recipients": batch,
                    "sender": "Acme",
                    "purpose": "alert",
                    "type": "sms_premium",
                }
            )


async def by_hand(path: Path, url: str) -> int:
    """The loop: no ids, no retries, no duplicates, no checks, no record."""
    target = f"{url}/v1/public/sms-campaign/send"
    waiting, taken = bodies(path), 0
    async with aiohttp.ClientSession() as session:

        async def work() -> None:
            nonlocal taken
            for body in waiting:
                async with session.post(target, data=body, headers=HEADERS) as answer:
                    assert orjson.loads(await answer.read())["sms_ticket"]
                taken += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(work())
    return taken


# --- ours -----------------------------------------------------------------------------


async def ours(path: Path, url: str, ledger: Path | None) -> int:
    """A run, as the README shows it."""
    async with OctopushSession("me@example.org", "key", base_url=url) as octopush:
        run = octopush.bulk(
            path.name,
            text=TEXT,
            sender="Acme",
            purpose=Purpose.ALERT,
            ledger=ledger,
            concurrency=IN_FLIGHT,
        )
        report = await run.send(read_csv(path))
    assert report.is_complete
    return report.batches


async def look(path: Path) -> None:
    """A preview of the same message; a session would cost the same once."""
    message = Message(text=TEXT, sender="Acme", purpose=Purpose.ALERT)
    found = await preview(
        read_csv(path), message=message, clock=SystemClock(), options=BulkOptions()
    )
    assert not found.warnings


def one_pass(path: Path) -> None:
    """What nobody can do without."""
    with path.open(encoding="utf-8", newline="") as file:
        for _ in csv.reader(file):
            pass


# --- measuring ------------------------------------------------------------------------


def cpu(work: Callable[[], object]) -> float:
    """Seconds of processor time, of all threads of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def medians(
    ways: dict[str, Callable[[], object]], rounds: int, count: int
) -> dict[str, float]:
    """Microseconds a recipient of each way, in turn; the first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, work in ways.items():
            cost = cpu(work) / count * 1e6
            if number:
                taken[name].append(cost)
    return {name: statistics.median(costs) for name, costs in taken.items()}


def sends(path: Path, url: str) -> dict[str, Callable[[], object]]:
    """The loop, and ours with either ledger."""
    folder = path.parent

    def run(work: Awaitable[int]) -> int:
        async def whole() -> int:
            return await work

        return asyncio.run(whole())

    def durable() -> None:
        for old in folder.glob("run.db*"):
            old.unlink()
        run(ours(path, url, folder / "run.db"))

    return {
        "loop": lambda: run(by_hand(path, url)),
        "memory": lambda: run(ours(path, url, None)),
        "sqlite": durable,
    }


def looks(path: Path) -> dict[str, Callable[[], object]]:
    """One pass of csv, and ours."""
    return {
        "csv": lambda: one_pass(path),
        "preview": lambda: asyncio.run(look(path)),
    }


def with_server(path: Path, rounds: int, count: int) -> dict[str, float]:
    """Start the server, and measure beside it, each on a core of its own."""
    script = Path(__file__).with_name("server.py")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
            one, other, *_ = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(server.pid, [one])
            os.sched_setaffinity(0, [other])
        try:
            return medians(sends(path, f"http://127.0.0.1:{port}"), rounds, count)
        finally:
            server.terminate()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="figures alone")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        write_people(path, options.count)
        sent = with_server(path, options.rounds, options.count)
        looked = medians(looks(path), options.rounds, options.count)
    ratios = {name: sent["loop"] / sent[name] for name in GOALS}
    passes = looked["preview"] / looked["csv"]
    if options.json:
        print(json.dumps({"us": sent | looked, "ratios": ratios, "passes": passes}))
        return
    print(f"Processor time for each of {options.count:,} recipients, in µs\n")
    for name, cost in (sent | looked).items():
        print(f"  {name:<12}{cost:8.2f}")
    print()
    for name, goal in GOALS.items():
        print(f"  {name:<12}{ratios[name]:8.2f} of the loop, goal {goal}")
    print(f"  {'preview':<12}{passes:8.2f} passes of csv, goal {PASSES_GOAL}")


if __name__ == "__main__":
    main()
