"""
A soak: hours in minutes. A worker sends single messages and bulks without pause to a
sandbox gateway that fails now and then, and must not grow.

Two processes: the worker (`soak_worker.py`), and this one, which is the gateway, reads
what the worker tells of itself each second, and compares after each lap what its
callers were told with the sent log. Fails if memory grows, files or tasks are left, if
anything complains on standard error, or if a message was sent twice or lost.

    nox -s soak                    # 3 minutes
    nox -s soak -- --minutes 60    # before a release
    nox -s soak -- --plant leak    # makes a mistake on purpose: must fail
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from soak_judge import Sample, Soak, complains, judge_sent_log, problems, report
from soak_worker import IN_FLIGHT, PLANTS

from aiooctopush.sandbox import FaultPlan, Gateway, GatewaySettings
from aiooctopush.sandbox.faults import LIVE_KINDS
from aiooctopush.sandbox.server import SandboxServer


WORKER: Final = Path(__file__).with_name("soak_worker.py")
SEED: Final = 20261105
FAULTS: Final = 0.05
LAP: Final = 20.0
PEOPLE: Final = 5_000

# What unpacks to 128 MiB is refused after the first of it, but the peak of that is as
# high as all the rest, and would hide a leak. Other tests look at it.
LEFT_OUT: Final = frozenset({"oversized_after_commit"})

# Bulk has a session of its own, with as many connections as it has requests in flight.
IDLE: Final = IN_FLIGHT

# A worker that says nothing for so long hangs, which is a finding.
SILENCE: Final = 120.0


class Listener:
    """Hears what a worker tells, and judges its laps."""

    def __init__(self, gateway: Gateway) -> None:
        self.soak = Soak()
        self._gateway = gateway

    def hear(self, words: Mapping[str, Any]) -> bool:
        """One line of the worker; whether it waits for an answer."""
        kind = words["kind"]
        sample = Sample(
            at=words["at"], rss=words["rss"], fds=words["fds"], tasks=words["tasks"]
        )
        if kind == "sample":
            self.soak.samples.append(sample)
        elif kind == "lap":
            self._judge(json.loads(Path(words["words"]).read_text()), sample)
        elif kind == "before":
            self.soak.before = sample
        else:
            self.soak.after = sample
        return bool(kind == "lap")

    def _judge(self, told: Mapping[str, str], sample: Sample) -> None:
        self._gateway.settle()
        wrong = judge_sent_log(told, self._gateway.sent_log.numbers())
        # The worker is idle, so no id is under way that would be forgotten here.
        self._gateway.reset()
        soak = self.soak
        soak.laps.append(sample)
        soak.sent += len(told)
        soak.sent_log += [f"lap {len(soak.laps)}: {one}" for one in wrong]
        print(
            f"lap {len(soak.laps)}: {len(told):,} recipients, {sample.rss:.1f} MB, "
            f"{sample.fds} files, {sample.tasks} tasks {'; '.join(wrong)}".rstrip(),
            flush=True,
        )


async def soak(options: argparse.Namespace) -> Soak:
    """Serve and listen until the worker has ended."""
    gateway = Gateway(GatewaySettings(credit=Decimal(10**9)))
    faults = FaultPlan(
        probability=options.faults, seed=SEED, kinds=LIVE_KINDS - LEFT_OUT
    )
    async with SandboxServer(gateway=gateway, faults=faults) as server:
        command = [
            *(sys.executable, "-W", "always::ResourceWarning", str(WORKER)),
            *("--url", server.url, "--minutes", str(options.minutes)),
            *("--lap", str(options.lap), "--singles", str(options.singles)),
            *("--people", str(options.people)),
            *("--plant", *options.plant),
        ]
        worker = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        listener = Listener(gateway)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_hear_complaints(worker, listener.soak))
                await _converse(worker, listener)
        except BaseException:
            worker.kill()
            raise
        finally:
            await worker.wait()
    if worker.returncode:
        listener.soak.sent_log.append(f"the worker ended with {worker.returncode}")
    return listener.soak


async def _converse(worker: asyncio.subprocess.Process, listener: Listener) -> None:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(b"\n")
    while True:
        async with asyncio.timeout(SILENCE):
            line = await worker.stdout.readline()
        if not line:
            return
        if listener.hear(json.loads(line)):
            worker.stdin.write(b"\n")


async def _hear_complaints(worker: asyncio.subprocess.Process, soak: Soak) -> None:
    assert worker.stderr is not None
    async for raw in worker.stderr:
        line = raw.decode(errors="replace").rstrip()
        print(f"worker: {line}", file=sys.stderr)
        if complains(line):
            soak.complaints.append(line)


def main() -> None:
    """Soak, print, and fail if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--lap", type=float, default=LAP, help="seconds")
    parser.add_argument("--singles", type=int, default=0, help="of a lap, at least")
    parser.add_argument("--people", type=int, default=PEOPLE, help="of a bulk")
    parser.add_argument("--faults", type=float, default=FAULTS, help="probability")
    parser.add_argument(
        "--plant", choices=PLANTS, nargs="*", default=[], help="mistakes on purpose"
    )
    options = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        sys.exit("soak: needs /proc to look at memory and files, as Linux has it")
    began = time.monotonic()
    seen = asyncio.run(soak(options))
    found = problems(seen, in_flight=IDLE)
    print(
        f"\n{(time.monotonic() - began) / 60:.1f} minutes, {options.faults:.0%} faults"
    )
    print(report(seen, in_flight=IDLE))
    for one in found[:20]:
        print(f"PROBLEM: {one}")
    print("all is well" if not found else f"{len(found)} problems")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
