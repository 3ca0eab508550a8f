"""
How long the event loop stands still beside a bulk: what a handler waits for.

A service has imported the package and sent a message. Then it reads a list as people
have it (half of the numbers national, 2 % bad), and sends to it or previews it. A
ticker that sleeps for a millisecond tells how late it wakes up each time. Each way has
a process of its own, so that every first use is in it.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import bench_lists
from bench_clients import KEY, LOGIN
from bench_figures import Figure, figure
from bench_process import CLIENT_CORE, gateway, in_a_process, pin

from aiooctopush import (
    OctopushSession,
    Purpose,
    SmsType,
    read_csv,
    read_json_lines,
    read_spreadsheet,
)
from aiooctopush.bulk import FileSource


ROWS: Final = 300_000
SHEET_ROWS: Final = 100_000
SHORT: Final = 30_000
TEXT: Final = "Hi {first_name}, the bridge is closed"

LONGEST_GOAL, MOST_GOAL = 30.0, 10.0
"""Milliseconds: the longest time, and what 999 of 1,000 ticks stay below."""

_TICK: Final = 0.001
_IDLE: Final = 0.5

READERS: Final[Mapping[str, Callable[..., FileSource]]] = {
    ".csv": read_csv,
    ".json": read_json_lines,
    ".xlsx": read_spreadsheet,
}
WAYS: Final = {
    "csv": ("send", "real.csv"),
    "json": ("send", "real.json"),
    "sheet": ("send", "real.xlsx"),
    "preview": ("preview", "real.csv"),
    "start": ("start", "real.csv"),
}
"""What is done with which list."""

_TITLES: Final = {
    "csv": "bulk from CSV",
    "json": "bulk from JSON",
    "sheet": "bulk from a spreadsheet",
    "preview": "preview",
    "start": "first octopush.bulk, to its first batch",
}


def write(folder: Path, rows: int, sheet_rows: int) -> None:
    """A list as people have it, in each format, and a clean one."""
    for kind in ("clean", "real"):
        bench_lists.write(folder, kind, rows)
    people = list(bench_lists.people("real", sheet_rows))
    lines = (
        json.dumps(dict(zip(bench_lists.HEADER, row, strict=True))) for row in people
    )
    (folder / "real.json").write_text("\n".join(lines), encoding="utf-8")
    import openpyxl  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (bench_lists.HEADER, *people):
        sheet.append(row)
    book.save(folder / "real.xlsx")


async def late(ticks: list[float]) -> None:
    """Note by how many seconds each tick comes late."""
    before = time.perf_counter()
    while True:
        await asyncio.sleep(_TICK)
        now = time.perf_counter()
        ticks.append(now - before - _TICK)
        before = now


async def held(what: str, file: Path, url: str) -> dict[str, float]:
    """Milliseconds for which the loop stood still, and what the work took."""
    ticks: list[float] = []
    async with OctopushSession(LOGIN, KEY, base_url=url) as octopush:
        await octopush.sms.send(
            text="Hi",
            recipients=["+33612345678"],
            sender="Acme",
            purpose=Purpose.ALERT,
            type=SmsType.PREMIUM,
        )
        ticker = asyncio.create_task(late(ticks))
        await asyncio.sleep(_IDLE)
        idle = max(ticks)
        ticks.clear()
        cpu = time.process_time()
        source = READERS[file.suffix](file, country="FR")
        run = octopush.bulk(
            "bench",
            text=TEXT,
            sender="Acme",
            purpose=Purpose.ALERT,
            on_missing="send",
        )
        if what == "preview":
            found = await run.preview(source)
            rows = found.recipients + found.rejected
        elif what == "send":
            report = await run.send(source)
            rows = report.items
        else:
            async for _ in run.stream(source):
                break
            rows = 1
        cpu = time.process_time() - cpu
        await asyncio.sleep(2 * _TICK)
        ticker.cancel()
        with suppress(asyncio.CancelledError):
            await ticker
    return {
        "longest": 1e3 * max(ticks),
        "most": 1e3 * sorted(ticks)[int(0.999 * len(ticks))],
        "idle": 1e3 * idle,
        "cpu": 1e6 * cpu / rows,
    }


def measure(*, short: bool) -> list[Figure]:
    """Each way in a process of its own, in turns."""
    rows, sheet_rows = (SHORT, SHORT // 3) if short else (ROWS, SHEET_ROWS)
    # Without byte code the first import of each process would be another one.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    ways = {
        **WAYS,
        "clean": ("send", "clean.csv"),
        "clean_preview": ("preview", "clean.csv"),
    }
    found: dict[str, list[Mapping[str, float]]] = {way: [] for way in ways}
    with TemporaryDirectory() as folder, gateway() as url:
        write(Path(folder), rows, sheet_rows)
        for _ in range(2 if short else 6):
            for way, (what, name) in ways.items():
                found[way].append(
                    in_a_process(
                        *("bench_loop.py", "--what", what, "--url", url),
                        *("--file", str(Path(folder) / name)),
                    )
                )
    runs = {way: some[1:] for way, some in found.items()}  # the first writes byte code
    return [
        *(_held(way, runs[way]) for way in WAYS),
        figure(
            "loop_most",
            "the same during bulk from CSV, p99.9",
            ours=statistics.median(run["most"] for run in runs["csv"]),
            unit="ms",
            samples=[run["most"] for run in runs["csv"]],
            value_unit="ms",
            goal=MOST_GOAL,
            guarded=False,
        ),
        _cpu(
            "list_bulk", "bulk of a list as people have it", runs["csv"], runs["clean"]
        ),
        _cpu(
            *("list_preview", "preview of the same"),
            *(runs["preview"], runs["clean_preview"]),
        ),
    ]


def _held(way: str, runs: Sequence[Mapping[str, float]]) -> Figure:
    return figure(
        f"loop_{way}",
        f"event loop held at the longest, {_TITLES[way]}",
        beside="the same loop without work",
        ours=statistics.median(run["longest"] for run in runs),
        theirs=statistics.median(run["idle"] for run in runs),
        unit="ms",
        samples=[run["longest"] for run in runs],
        value_unit="ms",
        goal=LONGEST_GOAL,
        guarded=False,  # the wall clock hears the neighbours
    )


def _cpu(
    name: str,
    title: str,
    ours: Sequence[Mapping[str, float]],
    clean: Sequence[Mapping[str, float]],
) -> Figure:
    return figure(
        name,
        f"{title}, CPU a row",
        beside="a clean list",
        ours=statistics.median(run["cpu"] for run in ours),
        theirs=statistics.median(run["cpu"] for run in clean),
        unit="µs",
        samples=[a["cpu"] / b["cpu"] for a, b in zip(ours, clean, strict=True)],
    )


def main() -> None:
    """One process: one way, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", choices=("send", "preview", "start"), required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--url", required=True)
    options: Any = parser.parse_args()
    pin(0, CLIENT_CORE)
    print(json.dumps(asyncio.run(held(options.what, options.file, options.url))))


if __name__ == "__main__":
    main()
