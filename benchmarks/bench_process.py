"""Processes of the benchmarks: the server on one core, who is measured on another."""

import json
import os
import resource
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final


FOLDER: Final = Path(__file__).parent

SERVER_CORE, CLIENT_CORE = 0, 1


def pin(process: int, which: int) -> None:
    """Keep a process (0: this one) on one core, where the system lets us choose."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(process, [cores[which]])


@contextmanager
def gateway(*, delay: float = 0.0) -> Iterator[str]:
    """The URL of a server in a process of its own, which answers after the delay."""
    command = [sys.executable, str(FOLDER / "server.py"), f"--delay={delay}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        pin(server.pid, SERVER_CORE)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def cpu_of(url: str) -> float:
    """Seconds of processor time that a gateway has used."""
    with urllib.request.urlopen(f"{url}/cpu") as answer:  # noqa: S310 - our own
        return float(json.load(answer)["cpu"])


def peak_memory() -> float:
    """The most memory so far, in megabytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # On Linux the figure of getrusage begins with what the parent had.
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def in_a_process(script: str, *arguments: str) -> Any:
    """What a script of this folder prints as JSON, run in a process of its own."""
    command = [sys.executable, str(FOLDER / script), *arguments]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return json.loads(told.stdout)
