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
from server import ANSWER

from aiooctopush import OctopushSession, Outcome, Purpose, __version__


IN_FLIGHT = 64
SENDS = 2_000
ROUNDS = 9
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


def main() -> None:
    """Start the server, measure, print a table and write it down."""
    assert orjson.loads(ANSWER)
    script = Path(__file__).with_name("server.py")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(cores) > 1:
            os.sched_setaffinity(server.pid, cores[:1])
            os.sched_setaffinity(0, cores[1:2])
        try:
            costs = asyncio.run(measure(f"http://127.0.0.1:{port}"))
        finally:
            server.terminate()
    ratio = costs["aiooctopush"] / costs["bare aiohttp"]
    print(f"CPU of one send, {IN_FLIGHT} in flight, median of {ROUNDS} rounds")
    print(f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}\n")
    for name, cost in costs.items():
        print(f"  {name:<14} {cost:7.1f} µs   {cost / costs['bare aiohttp']:.2f} ×")
    verdict = "within" if ratio <= GOAL else "BEYOND"
    print(f"\n  {verdict} the goal of {GOAL} ×")
    Path(__file__).with_name("results.json").write_text(
        json.dumps(
            {
                "aiooctopush": __version__,
                "aiohttp": aiohttp.__version__,
                "python": platform.python_version(),
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "single_send_cpu_ratio": round(ratio, 2),
            },
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
