"""
A storm: hundreds of thousands of recipients, a gateway that fails at every turn, and
SIGKILL at random moments, until the run is done. The gateway's sent log is the judge.

Three processes: the gateway (`storm_gateway.py`) outlives everybody, the worker
(`storm_worker.py`) sends and is killed, and this one kills it, starts it again, and
compares in the end what the worker says with the sent log. Without arguments it
weathers everything, the baseline included; `--short` takes half a minute.

    nox -s chaos
"""

import argparse
import asyncio
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import asdict, define, evolve, field
from storm_judge import (
    Found,
    Storm,
    hear_receipts,
    judge,
    promise_kept,
    told,
    words_of_the_baseline,
)
from storm_table import table
from storm_worker import people

from aiooctopush.ledgers.records import BatchState


SEED: Final = 20261105
FOLDER: Final = Path(__file__).parent

# A run that does not end is a finding, too.
STARTS_AT_MOST: Final = 300
SECONDS_AT_MOST: Final = 900.0

# Moments of a kill: most when the gateway has met so many requests and a little later,
# some right after a start, while the worker looks back and reads its source again.
_EARLY: Final = 0.15
_LATER: Final = 0.1
_START: Final = 1.5


def short_storms() -> Sequence[Storm]:
    """What takes half a minute; small batches, so that many requests meet a fault."""
    one = Storm(name="short", count=100_000, batch=100, kills=10)
    return one, evolve(
        one, name="short, on receipt", count=50_000, kills=5, burns_ids=True
    )


def storms() -> Sequence[Storm]:
    """The storms of the specification, and the baseline in the first three."""
    b2 = Storm(name="B2", kills=50)
    b3 = Storm(name="B3, no kills")
    b4 = Storm(name="B4, 30 % faults", count=500_000, probability=0.3, kills=10)
    b5 = Storm(name="B5, on receipt", count=500_000, kills=25, burns_ids=True)
    return (
        *(b2, b3, b4, b5),
        *(
            evolve(one, who=who)
            for who in ("aiohttp + tenacity", "aiohttp + tenacity + request_id")
            for one in (b2, b3, b4)
        ),
    )


# --- the gateway ----------------------------------------------------------------------


class GatewayProcess:
    """
    The gateway as the conductor sees it.

    Attributes:
        url: Where it listens.
        requests: How many have arrived whole.
    """

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands, self._words = process.stdin, process.stdout
        self._sent_log = folder / "sent_log.bin"
        self.url = f"http://127.0.0.1:{int(self._words.readline())}"
        self.requests = 0
        os.set_blocking(self._words.fileno(), False)

    def listen(self) -> bool:
        """Count requests; whether a sent log was written meanwhile."""
        heard = self._words.read() or b""
        self.requests += heard.count(b".")
        return b"!" in heard

    def sent_log(self) -> tuple[Counter[int], dict[str, Any]]:
        """Who has how many messages by now, and what was met."""
        self._commands.write(f"{self._sent_log}\n".encode())
        self._commands.flush()
        while not self.listen():
            time.sleep(0.01)
        numbers = array("q")
        numbers.frombytes(self._sent_log.read_bytes())
        return Counter(numbers), json.loads(
            self._sent_log.with_suffix(".json").read_text()
        )


@contextmanager
def gateway_of(storm: Storm, folder: Path) -> Iterator[GatewayProcess]:
    """A gateway of its own, as long as its standard input is open."""
    command = [
        *(sys.executable, str(FOLDER / "storm_gateway.py"), f"--seed={SEED}"),
        f"--probability={storm.probability}",
        *(["--burns-ids"] if storm.burns_ids else []),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield GatewayProcess(process, folder)


# --- the worker -----------------------------------------------------------------------


def peak_of(process: int) -> float:
    """Megabytes that it had at most by now; 0 where the system does not tell."""
    # What wait4 tells counts the time before the program was loaded, which was ours.
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


@define
class Weather:
    """A run in a storm: the worker is started until it says that it is done."""

    storm: Storm
    gateway: GatewayProcess
    folder: Path
    found: Found
    zero: float = field(factory=time.time)
    starts: int = 0
    _moments: Iterator[tuple[int, float]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._moments = self._drawn(Random(SEED))

    def weather(self) -> dict[str, Any]:
        """Kill and start again, to the end; gives the worker's last word."""
        began = time.monotonic()
        for _ in range(STARTS_AT_MOST):
            killed = self._start(next(self._moments, None))
            self.found.kills += killed
            assert time.monotonic() - began < SECONDS_AT_MOST, "it does not end"
            if not killed:
                said = json.loads((self.folder / "said.json").read_text())
                if said["complete"]:
                    self.found.seconds += time.monotonic() - began
                    return dict(said)
        raise AssertionError("it does not end")

    def _drawn(self, random: Random) -> Iterator[tuple[int, float]]:
        """When to kill: after how many requests in all, and how much later."""
        storm = self.storm
        late = sorted(
            random.randrange(storm.count // storm.batch * 9 // 10)
            for _ in range(storm.kills)
        )
        for requests in late:
            if random.random() < _EARLY:
                yield 0, random.uniform(0, _START)
            else:
                yield max(1, requests), random.uniform(0, _LATER)

    def _start(self, moment: tuple[int, float] | None) -> bool:
        """One start of the worker; whether it was killed."""
        process = subprocess.Popen(
            [
                *(sys.executable, str(FOLDER / "storm_worker.py")),
                *("--who", self.storm.who, "--url", self.gateway.url),
                *("--folder", str(self.folder), "--count", str(self.storm.count)),
                *("--batch", str(self.storm.batch), "--zero", str(self.zero)),
            ]
        )
        self.starts += 1
        kill_at, before = None, self.gateway.requests
        latest = math.inf
        gone, status, usage = os.wait4(process.pid, os.WNOHANG)
        while not gone:
            time.sleep(0.002)
            self.gateway.listen()
            self.found.memory = max(self.found.memory, peak_of(process.pid))
            now = time.monotonic()
            if kill_at is None and moment and self._is_time(moment[0], before):
                kill_at = now + moment[1]
                latest = self.gateway.requests + self._share
            if kill_at and (now >= kill_at or self.gateway.requests >= latest):
                # Not by Popen, which would wait for it and lose what it used.
                os.kill(process.pid, signal.SIGKILL)
            gone, status, usage = os.wait4(process.pid, os.WNOHANG)
        # Told, because it was waited for behind its back.
        process.returncode = os.waitstatus_to_exitcode(status)
        self.found.cpu += usage.ru_utime + usage.ru_stime
        assert process.returncode in {0, -signal.SIGKILL}, "the worker failed"
        return process.returncode == -signal.SIGKILL

    @property
    def _share(self) -> int:
        """Requests until a kill at most: a fast worker must not be done before all."""
        left = self.storm.count // self.storm.batch - self.gateway.requests
        return max(1, left // (self.storm.kills - self.found.kills + 1))

    def _is_time(self, requests: int, before: int) -> bool:
        # A worker that is not killed early has sent something first.
        return not requests or self.gateway.requests >= max(requests, before + 1)


# --- the run --------------------------------------------------------------------------


def settle(weather: Weather) -> None:
    """Hear receipts and send again what has none, until everybody is accounted for."""
    for _ in range(20):
        _, resent = asyncio.run(
            hear_receipts(weather.folder, weather.gateway.sent_log()[0])
        )
        if not resent:
            break
        weather.weather()
    sent_log, _ = weather.gateway.sent_log()
    words = asyncio.run(told(weather.folder))
    source = {int(one) for one in people(weather.storm.count)}
    weather.found.unexplained = len(source - words[BatchState.ACCEPTED])
    if words[BatchState.ACCEPTED] != sent_log.keys() or set(sent_log.values()) != {1}:
        weather.found.problems.append("after the receipts, the sent log says otherwise")


def weather(storm: Storm) -> Found:
    """One storm, judged."""
    found = Found(storm=storm)
    with TemporaryDirectory() as name, gateway_of(storm, Path(name)) as gateway:
        folder = Path(name)
        one = Weather(storm, gateway, folder, found)
        said = one.weather()
        found.ledger = sum(
            path.stat().st_size / 1e6
            for pattern in ("run.db*", "progress.txt")
            for path in folder.glob(pattern)
        )
        if storm.who == "aiooctopush":
            words = asyncio.run(told(folder))
        else:
            words = words_of_the_baseline(storm, folder)
        sent_log, met = gateway.sent_log()
        judge(found, sent_log, said, words)
        found.requests = gateway.requests
        found.faults, found.kinds = sum(met["faults"].values()), len(met["faults"])
        if storm.who == "aiooctopush" and storm.burns_ids:
            settle(one)
    return found


def main() -> None:
    """Run, print, and write it all down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="half a minute")
    parser.add_argument("--only", help="those whose name begins so")
    parser.add_argument("--write", action="store_true", help="write json")
    options = parser.parse_args()

    everything = []
    for storm in short_storms() if options.short else storms():
        if options.only is None or storm.name.startswith(options.only):
            everything.append(weather(storm))
            found = everything[-1]
            print(f"{storm.who}, {storm.name}: {found.seconds:.0f} s", flush=True)
            for problem in found.problems:
                print(f"    {problem}")
    plain = [asdict(one) for one in everything]
    print(f"\nseed {SEED}\n\n{table(plain)}")
    if options.write:
        (FOLDER / "storm.json").write_text(json.dumps(plain, indent=1) + "\n")
    ours = [one for one in everything if one.storm.who == "aiooctopush"]
    assert all(map(promise_kept, ours)), "a promise was broken"


if __name__ == "__main__":
    main()
