"""
What the SDK adds to the time that a gateway takes to answer.

The bare POST and ours in turn, in one process; the added milliseconds are the
difference of the same percentile of both.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench_clients import Send, bare, ours
from bench_figures import Figure, figure
from bench_process import CLIENT_CORE, gateway, in_a_process, pin
from bench_single import BARE, OURS


MANY: Final = 256

# With 20 ms and 256 in flight the client's core is full, and whoever needs more of it
# is later by 256 times the difference. With 250 ms it is not full.
CASES: Final = ((0.020, 1), (0.020, MANY), (0.250, MANY))

# Milliseconds, by the number in flight, the delay in ms and the percentile.
GOALS: Final[Mapping[tuple[int, int, str], float]] = {
    (1, 20, "p50"): 0.3,
    (MANY, 20, "p99"): 2.0,
}


async def latencies(
    send: Send, sends: int, in_flight: int, delay: float
) -> list[float]:
    """Milliseconds that each of so many sends took."""
    left, took = sends, []

    async def work(begin: float) -> None:
        nonlocal left
        # Spread over the time of an answer: else they would stay one crowd for ever.
        await asyncio.sleep(begin)
        while left > 0:
            left -= 1
            began = time.perf_counter()
            await send()
            took.append((time.perf_counter() - began) * 1e3)

    async with asyncio.TaskGroup() as group:
        for one in range(in_flight):
            group.create_task(work(delay * one / in_flight))
    return took


async def compare(
    url: str, sends: int, in_flight: int, delay: float
) -> dict[str, dict[str, float]]:
    """Percentiles of both, in milliseconds, from four rounds in turn."""
    took: dict[str, list[float]] = {BARE: [], OURS: []}
    # Both keep to 100 connections unless told; waiting for one is not what we look for.
    async with bare(url, in_flight) as theirs, ours(url, in_flight) as mine:
        for send in (theirs, mine):
            await latencies(
                send, 2 * in_flight, in_flight, delay
            )  # opens the connections
        for _ in range(4):
            for name, send in ((BARE, theirs), (OURS, mine)):
                took[name] += await latencies(send, sends // 4, in_flight, delay)
    found = {}
    for name, all_of_them in took.items():
        hundredths = statistics.quantiles(all_of_them, n=100)
        found[name] = {"p50": hundredths[49], "p99": hundredths[98]}
    return found


def measure(*, short: bool) -> list[Figure]:
    """All cases, in several processes each."""
    figures = []
    for delay, in_flight in CASES:
        sends = 200 if in_flight == 1 else 4096
        if short:
            sends //= 2
        with gateway(delay=delay) as url:
            runs = [
                in_a_process(
                    *("bench_latency.py", "--url", url, "--sends", str(sends)),
                    *("--in-flight", str(in_flight), "--delay", str(delay)),
                )
                for _ in range(1 if short else 3)
            ]
        figures += [
            _figure(runs, round(delay * 1000), in_flight, which)
            for which in ("p50", "p99")
        ]
    return figures


def _figure(runs: Sequence[Any], delay: int, in_flight: int, which: str) -> Figure:
    return figure(
        f"latency_{delay}ms_{in_flight}_{which}",
        f"added to a gateway of {delay} ms, {in_flight} in flight, {which}",
        beside="bare aiohttp POST",
        ours=statistics.median(run[OURS][which] for run in runs),
        theirs=statistics.median(run[BARE][which] for run in runs),
        unit="ms",
        samples=[run[OURS][which] - run[BARE][which] for run in runs],
        value_unit="ms",
        goal=GOALS.get((in_flight, delay, which)),
        guarded=False,  # milliseconds say more about the machine
    )


def main() -> None:
    """One process, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--sends", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--delay", type=float, required=True, help="seconds")
    options = parser.parse_args()
    pin(0, CLIENT_CORE)
    job = compare(options.url, options.sends, options.in_flight, options.delay)
    print(json.dumps(asyncio.run(job)))


if __name__ == "__main__":
    main()
