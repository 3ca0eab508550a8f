"""
What a list as people have it costs to read, beside a clean one.

300,000 rows each: one all international, one of which half is written nationally and
2 % cannot be used; and 100,000 rows of a spreadsheet, beside the same as CSV. Seconds
of processor time and the peak of memory, each in a process of its own. `bench.py` has
the ratios.

    python benchmarks/bench_lists.py
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench_figures import Figure, figure
from bench_process import peak_memory

from aiooctopush import SourceError, read_recipients


ROWS: Final = 300_000
SHEET_ROWS: Final = 100_000
SHORT: Final = 30_000
REPEATS: Final = 3
MEMORY_RATIO_GOAL: Final = 1.5

HEADER: Final = ("phone_number", "first_name", "ville")


def people(kind: str, rows: int) -> Iterator[tuple[str, str, str]]:
    """Made-up people, the same every time."""
    chance = random.Random(7)
    for at in range(rows):
        digits = f"6{at:08d}"
        number = f"+33{digits}"
        if kind == "real" and chance.random() < 0.02:
            number = "inconnu"
        elif kind == "real" and chance.random() < 0.5:
            number = " ".join((f"0{digits}"[two : two + 2]) for two in range(0, 10, 2))
        yield number, "Zoé", "Lyon"


def write(folder: Path, kind: str, rows: int) -> Path:
    """A file of them: ``sheet`` is a spreadsheet, all else is CSV."""
    if kind != "sheet":
        path = folder / f"{kind}.csv"
        lines = (",".join(row) + "\n" for row in (HEADER, *people(kind, rows)))
        path.write_text("".join(lines), encoding="utf-8")
        return path
    import openpyxl  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415

    path = folder / "sheet.xlsx"
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (HEADER, *people(kind, rows)):
        sheet.append(row)
    book.save(path)
    return path


def read(path: Path) -> dict[str, Any]:
    """Read a file once, and tell what it took."""
    begun = time.process_time()
    good = bad = 0
    with read_recipients(path, country="FR").rows() as rows:
        for _, row in rows:
            if isinstance(row, SourceError):
                bad += 1
            else:
                good += 1
    seconds = time.process_time() - begun
    return {"good": good, "bad": bad, "seconds": seconds, "rss_mb": peak_memory()}


def in_a_process(path: Path) -> Mapping[str, Any]:
    """The same, where nothing else was read before."""
    command = [sys.executable, __file__, "--read", str(path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    told: Mapping[str, Any] = json.loads(found.stdout)
    return told


def measure(*, short: bool) -> list[Figure]:
    """Both beside their clean file, in turns."""
    rows, sheet_rows = (SHORT, SHORT) if short else (ROWS, SHEET_ROWS)
    with TemporaryDirectory() as folder:
        files = {
            "clean": write(Path(folder), "clean", rows),
            "real": write(Path(folder), "real", rows),
        }
        clean, real = _in_turns(files["clean"], files["real"], 1 if short else REPEATS)
        files = {
            "clean": write(Path(folder), "clean", sheet_rows),
            "sheet": write(Path(folder), "sheet", sheet_rows),
        }
        csv, sheet = _in_turns(files["clean"], files["sheet"], 1 if short else REPEATS)
    size = f"{rows // 1000} k rows"
    return [
        _time("list", f"a list as people have it, CPU a row, {size}", real, clean),
        _memory("list_memory", f"the same, peak memory, {size}", real, clean),
        _time(
            "list_sheet",
            f"a spreadsheet, CPU a row, {sheet_rows // 1000} k rows",
            sheet,
            csv,
            beside="the same as CSV",
        ),
        _memory(
            "list_sheet_memory",
            "the same, peak memory",
            sheet,
            csv,
            beside="the same as CSV",
            goal=None,
        ),
    ]


def _in_turns(one: Path, other: Path, repeats: int) -> list[list[Mapping[str, Any]]]:
    pairs = [(in_a_process(one), in_a_process(other)) for _ in range(repeats)]
    return [[pair[at] for pair in pairs] for at in (0, 1)]


def _time(
    name: str,
    title: str,
    ours: list[Mapping[str, Any]],
    theirs: list[Mapping[str, Any]],
    *,
    beside: str = "a clean list",
) -> Figure:
    mine, other = (
        min(1e6 * run["seconds"] / (run["good"] + run["bad"]) for run in runs)
        for runs in (ours, theirs)
    )
    return figure(
        name,
        title,
        beside=beside,
        ours=mine,
        theirs=other,
        unit="µs",
        samples=[
            a["seconds"] / b["seconds"] for a, b in zip(ours, theirs, strict=True)
        ],
    )


def _memory(
    name: str,
    title: str,
    ours: list[Mapping[str, Any]],
    theirs: list[Mapping[str, Any]],
    *,
    beside: str = "a clean list",
    goal: float | None = MEMORY_RATIO_GOAL,
) -> Figure:
    mine, other = (max(run["rss_mb"] for run in runs) for runs in (ours, theirs))
    return figure(
        name,
        title,
        beside=beside,
        ours=mine,
        theirs=other,
        unit="MB",
        samples=[mine / other],
        goal=goal,
    )


def main() -> None:
    """Write the files, and read each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read is not None:
        print(json.dumps(read(given.read)))
        return
    with TemporaryDirectory() as folder:
        for kind in ("clean", "real", "sheet"):
            rows = given.rows if kind != "sheet" else given.rows // 3
            found = in_a_process(write(Path(folder), kind, rows))
            print(
                f"{kind:<6} {found['good']:>9,} good {found['bad']:>7,} bad "
                f"{found['seconds']:8.2f} s {found['rss_mb']:6,.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
