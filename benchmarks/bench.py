"""
What a single send costs beside a bare aiohttp POST of the same bytes.

One server in another process, both clients in this one, rounds in turn, medians,
and ratios of one run: an absolute time says more about a machine than about us.

    nox -s bench
"""

import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson

from aiooctopush import OctopushSession, Outcome, Purpose, __version__


IN_FLIGHT = 64
SENDS = 2_000
ROUNDS = 5
PROCESSES = 7
GOAL = 1.5

BODY = orjson.dumps(
    {
        "text": "Your code is 1234",
        "recipients": [{"phone_number": "+33639980001"}],
        "sender": "Acme",
        "purpose": "alert",
        "type": "sms_premium",
        "request_id": "5b0f8f0e6d7c4a3d9f1e2a3b4c5d6e7f",
    }
)
HEADERS = {
    "api-login": "me@example.org",
    "api-key": "key",
    "content-type": "application/json",
}

Send = Callable[[], Awaitable[None]]


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[Send]:
    """aiohttp, ready bytes, orjson: what nobody can do without."""
    target = f"{url}/v1/public/sms-campaign/send"
    async with aiohttp.ClientSession() as session:

        async def send() -> None:
            async with session.post(target, data=BODY, headers=HEADERS) as response:
                answer = orjson.loads(await response.read())
            assert answer["sms_ticket"]

        yield send


@asynccontextmanager
async def ours(url: str) -> AsyncIterator[Send]:
    """aiooctopush, as its README shows it."""
    async with OctopushSession("me@example.org", "key", base_url=url) as octopush:

        async def send() -> None:
            sent = await octopush.sms.send(
                text="Your code is 1234",
                recipients=["+33639980001"],
                sender="Acme",
                purpose=Purpose.ALERT,
            )
            assert sent.outcome is Outcome.ACCEPTED

        yield send


async def cpu_per_send(send: Send) -> float:
    """Microseconds of processor time that one send takes in this process."""
    left = SENDS

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await send()

    began = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(work())
    return (time.process_time() - began) / SENDS * 1e6


async def measure(url: str) -> dict[str, float]:
    """Medians of rounds in turn."""
    async with bare(url) as theirs, ours(url) as mine:
        rounds: dict[str, list[float]] = {"bare aiohttp": [], "aiooctopush": []}
        for number in range(ROUNDS + 1):
            for name, send in (("bare aiohttp", theirs), ("aiooctopush", mine)):
                cost = await cpu_per_send(send)
                if number:  # the first round warms up
                    rounds[name].append(cost)
    return {name: statistics.median(costs) for name, costs in rounds.items()}


def measure_here() -> dict[str, float]:
    """Start the server, measure in this process, each on a core of its own."""
    script = Path(__file__).with_name("server.py")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
            one, other, *_ = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(server.pid, [one])
            os.sched_setaffinity(0, [other])
        try:
            return asyncio.run(measure(f"http://127.0.0.1:{port}"))
        finally:
            server.terminate()


def main() -> None:
    """Measure in several processes, print a table and write it down."""
    if sys.argv[1:] == ["--one"]:
        print(json.dumps(measure_here()))
        return
    # A process keeps the luck of its memory layout for life, and the costs of both
    # clients differ by a fifth with it; so several, and the median of their ratios.
    runs = [
        json.loads(subprocess.check_output([sys.executable, __file__, "--one"]))
        for _ in range(PROCESSES)
    ]
    print(f"Processor time of one send, {IN_FLIGHT} in flight")
    print(f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}\n")
    print("  process    bare aiohttp    aiooctopush    ratio")
    for number, costs in enumerate(runs, 1):
        bare_cost, our_cost = costs["bare aiohttp"], costs["aiooctopush"]
        print(
            f"  {number:<7} {bare_cost:10.1f} µs {our_cost:11.1f} µs"
            f"{our_cost / bare_cost:8.2f} ×"
        )
    ratio = statistics.median(one["aiooctopush"] / one["bare aiohttp"] for one in runs)
    verdict = "within" if ratio <= GOAL else "BEYOND"
    print(f"\n  median {ratio:.2f} ×: {verdict} the goal of {GOAL} ×")
    Path(__file__).with_name("results.json").write_text(
        json.dumps(
            {
                "aiooctopush": __version__,
                "aiohttp": aiohttp.__version__,
                "python": platform.python_version(),
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "single_send_cpu_ratio": round(ratio, 2),
            },
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
