"""
What a bulk and a preview may do on the event loop that they share with handlers.

How long it stands still is measured by `benchmarks/bench_loop.py`; here are its causes.
"""

import asyncio
import gc
import importlib
import json
import subprocess
import sys
import threading
from itertools import count, product

import pytest

from aiooctopush import (
    MemoryLedger,
    OctopushSession,
    Purpose,
    read_csv,
    read_recipients,
)
from aiooctopush.bulk import run as run_module
from aiooctopush.bulk.sources import rows
from aiooctopush.sandbox import Gateway, SandboxTransport


MESSAGE = {"text": "Hi", "sender": "Acme", "purpose": Purpose.ALERT}
AT_MOST = 1_000
"""Items of two batches: about two milliseconds of work, which two workers may do."""


# --- imports --------------------------------------------------------------------------

# A service that has sent a message: what it imports at its start is loaded.
SERVICE = """
import asyncio, sys, threading
from aiooctopush import HttpResponse, OctopushSession, read_csv, read_json_lines

class Transport:
    async def send(self, request):
        return HttpResponse(status=201, body=b'{"sms_ticket": "1"}')
    async def close(self):
        pass

on_the_loop = set()
main = threading.main_thread()

class Note:
    # Asked for each module that is not loaded; finds none.

    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is main:
            on_the_loop.add(name)

async def serve(path):
    async with OctopushSession("me@example.org", "key", transport=Transport()) as sms:
        message = {"text": "Hi {first_name}", "sender": "Acme", "purpose": "alert"}
        await sms.sms.send(recipients=["+33612345678"], **message | {"text": "Hi"})
        sys.meta_path.insert(0, Note())
        read = read_csv if path.endswith("csv") else read_json_lines
        source = read(path, country="FR")
        run = sms.bulk("november", **message)
        print(*on_the_loop)
        on_the_loop.clear()
        await run.preview(source)
        report = await run.send(source)
        assert (report.planned, report.rejected) == (2, 2), report
        print(*on_the_loop)

asyncio.run(serve(sys.argv[1]))
"""

ROWS = (
    *(("+33612345678", "Ada"), ("06 12 34 56 79", "\u0141ucja")),
    *(("nobody", "Bob"), ("+336", "Eve")),
)

# What the caller meets; the work is loaded in a thread.
MADE_BY_THE_CALL = {
    *("bulk.options", "bulk.run", "bulk.run_options"),
    *("ledgers.arguments", "text", "text.quiet_hours"),
}


def written(path, rows):
    """A file of recipients with their names."""
    names = ("phone_number", "first_name")
    if path.suffix == ".csv":
        lines = [",".join(row) for row in (names, *rows)]
    else:
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    path.write_text("\n".join((*lines, "")), encoding="utf-8")
    return path


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_no_heavy_module_is_imported_on_the_loop(tmp_path, name):
    """The call makes a light object; what it needs to work holds nobody up."""
    file = written(tmp_path / name, ROWS)
    done = subprocess.run(
        [sys.executable, "-c", SERVICE, str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    by_the_call, later = (set(line.split()) for line in done.stdout.split("\n")[:2])

    ours = {one for one in by_the_call if one.startswith("aiooctopush.")}
    assert ours == {f"aiooctopush.{name}" for name in MADE_BY_THE_CALL}
    assert not {"csv", "phonenumbers.phonemetadata", "sqlite3"} & by_the_call
    assert later <= {"_queue", "concurrent.futures.thread", "queue"}  # for a thread


async def test_the_work_is_loaded_by_a_thread(monkeypatch):
    """Once: what is loaded already needs none; and others have a turn before it."""
    monkeypatch.delitem(sys.modules, "aiooctopush.bulk.start", raising=False)
    by = []

    def import_module(name):
        by.append((name, threading.current_thread() is threading.main_thread()))
        return importlib.import_module(name)

    monkeypatch.setattr(run_module, "import_module", import_module)
    transport = SandboxTransport(Gateway())
    async with OctopushSession("me@example.org", "key", transport=transport) as session:
        run = session.bulk("run", **MESSAGE)
        asyncio.get_running_loop().call_later(0, by.append, "a timer")
        await run.preview(["+33639980001"])
        await run.send(["+33639980001"])

    assert by == ["a timer", ("aiooctopush.bulk.start", False)]


# --- slices of work -------------------------------------------------------------------


class Turns:
    """Counts what is taken from a source in each turn of the loop."""

    def __init__(self):
        self.most = self._in_this = 0
        self._turn = asyncio.get_running_loop().call_soon(self._next)

    def _next(self):
        self._in_this = 0
        self._turn = asyncio.get_running_loop().call_soon(self._next)

    def taken(self):
        """One more was taken."""
        self._in_this += 1
        self.most = max(self.most, self._in_this)

    def stop(self):
        """Count no longer."""
        self._turn.cancel()


class Network(SandboxTransport):
    """It takes a turn of the loop to get an answer."""

    async def send(self, request):
        """Let others run, and answer."""
        await asyncio.sleep(0)
        return await super().send(request)


PEOPLE = {
    "all new": lambda at: f"+3363998{at:04d}",
    "all the same": lambda _: "+33639980000",
    "all bad": lambda _: "nobody",
}


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        *product(("preview", "send"), PEOPLE),
        *(("exclude", "all new"), ("exclude", "all the same")),
    ],
)
@pytest.mark.parametrize("is_async", [False, True], ids=["iterable", "asynchronous"])
async def test_no_slice_of_work_is_long(kind, is_async, call):
    """Whatever a source yields, and even if nothing of it makes a batch."""
    turns = Turns()

    def people():
        for at in range(5_000):
            turns.taken()
            yield PEOPLE[kind](at)

    async def people_later():
        for one in people():
            yield one

    source = people_later() if is_async else people()
    transport = Network(Gateway())
    async with OctopushSession("me@example.org", "key", transport=transport) as session:
        if call == "exclude":
            await session.bulk("run", **MESSAGE, exclude=source).send(())
        else:
            run = session.bulk("run", **MESSAGE, concurrency=2)
            await getattr(run, call)(source)
    turns.stop()

    assert turns.most <= AT_MOST


@pytest.mark.parametrize(("seconds", "pauses"), [(0.0, []), (0.002, [0.00005])])
async def test_the_thread_that_reads_pauses(tmp_path, monkeypatch, seconds, pauses):
    """After a millisecond of work: else the loop waits for 5 ms each time."""
    clock, paused = count(), []
    monkeypatch.setattr(rows, "perf_counter", lambda: seconds * next(clock))
    monkeypatch.setattr(rows, "sleep", paused.append)
    file = written(tmp_path / "people.csv", ROWS[:1])
    transport = SandboxTransport(Gateway())

    async with OctopushSession("me@example.org", "key", transport=transport) as session:
        await session.bulk("run", **MESSAGE).preview(read_csv(file))

    assert paused == pauses


# --- the garbage collector ------------------------------------------------------------


@pytest.fixture
def cycles():
    """Count objects that only the garbage collector frees, which stops everybody."""
    gc.collect()
    gc.disable()
    yield gc.collect
    gc.enable()


@pytest.mark.parametrize("call", ["preview", "send"])
@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_bad_rows_leave_nothing_to_the_garbage_collector(tmp_path, cycles, name, call):
    """An error that holds the frame that holds it keeps all rows at hand alive."""
    left = []
    for bad, run in zip((0, 0, 1_000), count(), strict=False):
        people = ROWS[:2] * 100 + ROWS[2:] * bad
        file = written(tmp_path / f"{run}{name}", people)

        ledger = MemoryLedger()  # keeps the bad rows

        async def sent(file=file, ledger=ledger):
            transport = SandboxTransport(Gateway())
            async with OctopushSession("a@example.org", "k", transport=transport) as it:
                source = read_recipients(file, country="FR")
                run = it.bulk("run", **MESSAGE, ledger=ledger)
                await getattr(run, call)(source)

        asyncio.run(sent())
        left.append(cycles())

    first, without, with_bad = left  # the first also loads what is loaded once
    assert with_bad <= without + 20 < first + 1_000
