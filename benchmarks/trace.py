"""
How far a reader walks: the unbroken visits to a file of the package, for one plain
``sms.send`` and for one further batch of a run in steady state.

A visit is a row of calls of functions, one after the other, that stand in the same
file; a coroutine that goes on after a wait counts as called. Constructors are left out,
because those that attrs makes are in no file. The sandbox is left out, and so is what
it calls. Two lengths of a run are traced, and their difference is what a batch adds:
what begins and ends a run cancels out.

    python benchmarks/trace.py [--list]
"""

import argparse
import asyncio
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

import aiooctopush
from aiooctopush import OctopushSession, Purpose
from aiooctopush.bulk.sources.csv_file import CsvSource
from aiooctopush.sandbox import Gateway, SandboxTransport


SEND_GOAL: Final = 16
BATCH_GOAL: Final = 80

PACKAGE: Final = Path(aiooctopush.__file__).parent
BATCH_SIZE: Final = 500
FEW, MORE = 10, 20
MESSAGE: Final[dict[str, Any]] = {
    "text": "Hello",
    "sender": "Acme",
    "purpose": Purpose.ALERT,
}


class Trace:
    """
    Notes each function of the package that is called, in the order of each thread.

    Attributes:
        calls: File and function of each call, by the thread that made it.
    """

    def __init__(self) -> None:
        self.calls: dict[int, list[tuple[str, str]]] = {}
        self._inside_sandbox: Counter[int] = Counter()

    def __enter__(self) -> Self:
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    @property
    def visits(self) -> list[tuple[str, str]]:
        """The file of each visit, and the function that it began with."""
        found = []
        for calls in self.calls.values():
            last = None
            for file, function in calls:
                if file != last:
                    found.append((file, function))
                last = file
        return found

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        if event not in {"call", "return"}:
            return
        path = Path(frame.f_code.co_filename)
        if not path.is_relative_to(PACKAGE) or frame.f_code.co_name == "__init__":
            return
        file = path.relative_to(PACKAGE).as_posix()
        thread = threading.get_ident()
        if file.startswith("sandbox/"):
            self._inside_sandbox[thread] += 1 if event == "call" else -1
        elif event == "call" and not self._inside_sandbox[thread]:
            function = frame.f_code.co_qualname
            self.calls.setdefault(thread, []).append((file, function))


async def trace_of_a_send() -> Trace:
    """Trace one plain send of a session that has sent before."""
    transport = SandboxTransport(Gateway())
    async with OctopushSession("me@example.org", "key", transport=transport) as session:

        async def send() -> None:
            await session.sms.send(recipients=["+33639980001"], **MESSAGE)

        await send()
        with Trace() as trace:
            await send()
    return trace


async def trace_of_a_run(folder: Path, batches: int) -> Trace:
    """Trace a run from a CSV file with a SQLite ledger."""
    transport = SandboxTransport(Gateway())
    async with OctopushSession("me@example.org", "key", transport=transport) as session:
        run = session.bulk(
            f"trace-{batches}", **MESSAGE, ledger=folder / "run.db", concurrency=1
        )
        with Trace() as trace:
            await run.send(CsvSource(folder / f"{batches}.csv"))
    return trace


def visits_of_a_send() -> list[tuple[str, str]]:
    """List the visits of one plain send, the file and what it began with."""
    return asyncio.run(trace_of_a_send()).visits


def visits_of_batches() -> Counter[tuple[str, str]]:
    """Count the visits that a run has more if it is longer by some batches."""
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        for batches in (FEW, FEW, MORE):  # the first run loads what it needs
            rows = (f"+336{n:08}" for n in range(batches * BATCH_SIZE))
            lines = "\n".join(["phone_number", *rows, ""])
            Path(folder, f"{batches}.csv").write_text(lines, "utf-8")
            trace = asyncio.run(trace_of_a_run(Path(folder), batches))
            counts.append(Counter(trace.visits))
            Path(folder, "run.db").unlink()
    counts[-1].subtract(counts[-2])
    return counts[-1]


def main() -> None:
    """Print both figures, and with ``--list`` what was visited."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--list", action="store_true", help="show each visit")
    listed = arguments.parse_args().list

    send = visits_of_a_send()
    print(f"one sms.send       {len(send):5} visits, goal {SEND_GOAL}")
    for file, function in send * listed:
        print(f"           {file:34} {function}")
    batches = visits_of_batches()
    added = batches.total() / (MORE - FEW)
    print(f"one further batch  {added:5.1f} visits, goal {BATCH_GOAL}")
    for (file, function), count in batches.most_common() * listed:
        if count > 0:
            print(f"    {count / (MORE - FEW):5.1f}  {file:34} {function}")


if __name__ == "__main__":
    main()
