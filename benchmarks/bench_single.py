"""
What a single send costs: processor time, beside a bare aiohttp POST of ready bytes.

Each process measures one client and the bare POST in turn, round by round; the ratio is
that of the medians. A process keeps the luck of its memory layout for life, so there
are several, and the median of their ratios.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from bench_clients import CLIENTS, Send
from bench_figures import Figure, figure
from bench_process import CLIENT_CORE, cpu_of, gateway, in_a_process, pin


IN_FLIGHT: Final = 64
GOAL, YOURS_GOAL, USUAL_GOAL, PEER_GOAL = 0.85, 0.9, 1.05, 0.5

BARE, OURS, IDIOMATIC = "bare aiohttp", "aiooctopush", "aiohttp + cattrs + tenacity"
YOURS: Final = "aiooctopush, your session"
USUAL: Final = "aiooctopush, usual way"
LADDER: Final = {
    "tuned aiohttp": "aiohttp POST, documented knobs turned",
    "lowest aiohttp": "aiohttp's connections, no session",
}
PEERS: Final = (IDIOMATIC, "httpx", "twilio", "telnyx")
HERE: Final = tuple(one for one in PEERS if one == IDIOMATIC or find_spec(one))

# Sends in a round: what takes longer is sent less, a round is a quarter of a second.
_SENDS: Final = {
    **dict.fromkeys((BARE, OURS, YOURS, USUAL, *LADDER), 2_000),
    IDIOMATIC: 1_500,
}
_SENDS_OF_OTHERS: Final = 400


async def cpu_per_send(send: Send, sends: int) -> float:
    """Microseconds of processor time that one send takes in this process."""
    left = sends

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await send()

    began = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(work())
    return (time.process_time() - began) / sends * 1e6


async def compare(url: str, client: str, rounds: int) -> dict[str, float]:
    """Medians of the rounds in turn; and how busy the server was at most."""
    costs: dict[str, list[float]] = {BARE: [], client: []}
    shares = []
    async with CLIENTS[BARE](url) as bare, CLIENTS[client](url) as other:
        for number in range(rounds + 1):
            for name, send in ((BARE, bare), (client, other)):
                sends = _SENDS.get(name, _SENDS_OF_OTHERS)
                before, began = cpu_of(url), time.perf_counter()
                cost = await cpu_per_send(send, sends)
                seconds = time.perf_counter() - began
                if number:  # the first round warms up
                    costs[name].append(cost)
                    shares.append((cpu_of(url) - before) / seconds)
    bare_cost, cost = (statistics.median(costs[name]) for name in (BARE, client))
    return {
        "bare": bare_cost,
        "cost": cost,
        "ratio": cost / bare_cost,
        "server": max(shares),
    }


def loops() -> Sequence[str]:
    """The event loops that are here."""
    return ("asyncio", "uvloop") if find_spec("uvloop") else ("asyncio",)


def left_out() -> dict[str, str]:
    """Peers that are not measured, and why."""
    reasons = {one: "is not installed" for one in PEERS if one not in HERE}
    return reasons | {
        "sends with vonage": "its client is synchronous and supports only https",
        "sends with infobip": "its client is synchronous",
    }


def measure(*, short: bool) -> list[Figure]:
    """All clients on all loops; only what matters most in a short run."""
    clients = (OURS, YOURS, USUAL, *LADDER, *HERE)
    plan = [(client, loop) for client in clients for loop in loops()]
    if short:
        plan = [(OURS, loop) for loop in loops()] + [(IDIOMATIC, "asyncio")]
    found: dict[tuple[str, str], list[Mapping[str, float]]] = {one: [] for one in plan}
    with gateway() as url:
        for turn in range(3 if short else 5):
            for client, loop in plan:
                # Who is several times as dear needs no fifth look.
                if turn > 2 and client not in _SENDS:
                    continue
                found[client, loop].append(
                    in_a_process(
                        *("bench_single.py", "--client", client, "--loop", loop),
                        *("--url", url, "--rounds", "2" if short else "4"),
                    )
                )
    ours = {loop: found[OURS, loop] for loop in loops()}
    busiest = max(
        statistics.median(run["server"] for run in runs) for runs in found.values()
    )
    return [
        *(_beside_bare(runs, loop) for loop, runs in ours.items()),
        *(
            _beside_bare(found[client, loop], loop, client)
            for client, loop in plan
            if client in {YOURS, USUAL, *LADDER}
        ),
        *(
            _beside_peer(found[client, loop], ours[loop], client, loop)
            for client, loop in plan
            if client in HERE
        ),
        figure(
            "server_share",
            "the server's share of its core, at the busiest",
            ours=busiest,
            samples=[busiest],
            unit="",
            value_unit="",
            goal=0.8,
            guarded=False,
        ),
    ]


def _beside_bare(
    runs: Sequence[Mapping[str, float]], loop: str, client: str = OURS
) -> Figure:
    ratios = [run["ratio"] for run in runs]
    names = {
        OURS: (f"single_{loop}", f"CPU of a single send, {IN_FLIGHT} in flight"),
        YOURS: (f"yours_{loop}", "the same over a client_session with headers"),
        USUAL: (f"usual_{loop}", "the same over aiohttp's request method"),
    }
    name, title = names.get(client) or (
        f"ladder_{loop}_{client.replace(' ', '_')}",
        LADDER[client],
    )
    return figure(
        name,
        f"{title}, {loop}",
        beside="bare aiohttp POST",
        ours=statistics.median(run["cost"] for run in runs),
        theirs=statistics.median(run["bare"] for run in runs),
        unit="µs",
        goal={OURS: GOAL, YOURS: YOURS_GOAL, USUAL: USUAL_GOAL}.get(client),
        samples=ratios,
    )


def _beside_peer(
    theirs: Sequence[Mapping[str, float]],
    ours: Sequence[Mapping[str, float]],
    client: str,
    loop: str,
) -> Figure:
    # Both were measured beside the bare POST, each in processes of its own.
    ratios = [
        mine["ratio"] / other["ratio"]
        for mine, other in zip(ours, theirs, strict=False)
    ]
    return figure(
        f"single_{loop}_{client.replace(' + ', '_')}",
        f"the same, {loop}",
        beside=client,
        ours=statistics.median(run["cost"] for run in ours),
        theirs=statistics.median(run["cost"] for run in theirs),
        unit="µs",
        goal=PEER_GOAL if client == IDIOMATIC else 1.0,
        samples=ratios,
    )


def main() -> None:
    """One process: one client beside the bare POST, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", choices=CLIENTS, required=True)
    parser.add_argument("--loop", choices=loops(), required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    options = parser.parse_args()
    pin(0, CLIENT_CORE)
    job = compare(options.url, options.client, options.rounds)
    print(json.dumps(run_on(options.loop, job)))


def run_on(loop: str, job: Any) -> Any:
    """Run a coroutine on an event loop of that kind."""
    factory = import_module("uvloop").new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(job)


if __name__ == "__main__":
    main()
