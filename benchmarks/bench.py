"""
How fast we are, beside the wire and beside others: one command for all of it.

Everything is a ratio of one run, or has a bound of its own. Without arguments all is
measured, which takes some minutes; `--short` takes less than 90 seconds and leaves out
what needs the package registry. `--write` also writes `results.json`, the pictures and
the tables of `docs/benchmarks.md`. No figure fails: what got worse than what was
committed is asked about at the end.

    nox -s bench
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import attrs
import bench_bulk
import bench_install
import bench_latency
import bench_lists
import bench_loop
import bench_scale
import bench_single
from bench_chart import pictures
from bench_figures import Figure, guard, number, page_tables, read, table
from storm_table import with_section


FOLDER: Final = Path(__file__).parent
RESULTS: Final = FOLDER / "results.json"
DOCS: Final = FOLDER.parent / "docs"
PAGE: Final = DOCS / "benchmarks.md"

VERSIONS: Final = (
    *("aiooctopush", "aiohttp", "attrs", "cattrs", "orjson", "tenacity", "uvloop"),
    *("httpx", "twilio", "telnyx"),
)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    try:
        info = Path("/proc/cpuinfo").read_text()
    except OSError:
        info = ""
    names = [line for line in info.splitlines() if line.startswith("model name")]
    if names:
        model = names[0].partition(":")[2].strip()
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Of everything that is imported; what is not here is left out."""
    found = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


STEPS: Final = {
    "single": bench_single.measure,
    "latency": bench_latency.measure,
    "bulk": bench_bulk.measure,
    "loop": bench_loop.measure,
    "import": bench_install.measure_import,
    "lists": bench_lists.measure,
    "scale": bench_scale.measure,
}


def measure_only(names: Sequence[str], committed: Mapping[str, Any]) -> dict[str, Any]:
    """Some of the steps, and all other figures as they were committed."""
    found = [one for name in names for one in take(name, short=False)]
    again = {one.name for one in found}
    others = [one for one in committed["figures"] if one["name"] not in again]
    return {**committed, "figures": others + [attrs.asdict(one) for one in found]}


def take(name: str, *, short: bool) -> list[Figure]:
    """One step; its table is printed as soon as it is there."""
    began = time.monotonic()
    found: list[Figure] = STEPS[name](short=short)
    print(f"{name}, {time.monotonic() - began:.0f} s\n\n{table(found)}\n", flush=True)
    return found


def measure(*, short: bool, skip_install: bool) -> dict[str, Any]:
    """Everything in turn."""
    figures = [one for name in STEPS for one in take(name, short=short)]
    known, skipped = versions(), bench_single.left_out()
    if skip_install:
        skipped["installation"] = "needs the package registry, and time"
    else:
        found, installed, failed = bench_install.measure_install()
        figures, known, skipped = figures + found, installed | known, skipped | failed
        print(f"installation\n\n{table(found)}\n")
    for name, reason in skipped.items():
        print(f"left out {name}: {reason}")
    return {
        "machine": machine(),
        "versions": known,
        "left_out": skipped,
        "figures": [attrs.asdict(one) for one in figures],
    }


def section(results: Mapping[str, Any]) -> str:
    """The tables for the documentation."""
    figures = list(read(results["figures"]).values())
    where = results["machine"]
    peers = ", ".join(f"{name} {what}" for name, what in results["versions"].items())
    missed = [one for one in figures if one.met is False]
    return f"""\
{where["processor"]}, {where["cores"]} cores, {where["system"]}, Python
{where["python"]}. {peers}.

{page_tables(figures)}

### Left out, and missed

{_left_out(results["left_out"])}{_missed(missed)}
"""


def _left_out(skipped: Mapping[str, str]) -> str:
    lines = [f"* left out {name}: {reason}\n" for name, reason in skipped.items()]
    return "".join(lines) + ("\n" if lines else "")


def _missed(missed: Sequence[Figure]) -> str:
    if not missed:
        return "Every goal is met."
    return "[Goals that are not met](#goals-that-are-not-met):\n\n" + "\n".join(
        f"* {one.title}: {number(one.value, one.value_unit)}" for one in missed
    )


def write(results: Mapping[str, Any]) -> None:
    """Results, pictures, and the tables of the page."""
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    for name, picture in pictures(read(results["figures"])).items():
        (DOCS / name).write_text(picture)
    PAGE.write_text(with_section(PAGE, "Figures", section(results)))


def main() -> None:
    """Measure, print, compare, and write it down if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="less than 90 seconds")
    parser.add_argument("--write", action="store_true", help="results, pictures, page")
    parser.add_argument(
        "--redraw", action="store_true", help="only write what results.json holds"
    )
    parser.add_argument(
        "--only", action="append", choices=STEPS, help="one step, and write its rows"
    )
    options = parser.parse_args()
    if options.short and options.write:
        parser.error("a short run is not worth writing down")
    committed = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if options.redraw:
        if not committed:
            parser.error(f"{RESULTS.name} is not there: measure first")
        write(committed)
        return
    if options.only:
        write(measure_only(options.only, committed))
        return
    results = measure(short=options.short, skip_install=options.short)
    figures = read(results["figures"]).values()
    goals = [one.met for one in figures if one.met is not None]
    print(f"\n{sum(goals)} of {len(goals)} goals are met\n")
    if committed and committed["machine"] != results["machine"]:
        print("results.json is of another machine or Python: ratios move with these")
    print(guard(figures, read(committed.get("figures", []))))
    if options.write:
        write(results)


if __name__ == "__main__":
    main()
