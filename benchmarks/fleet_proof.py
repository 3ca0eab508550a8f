"""
A fleet on a real RabbitMQ and a real PostgreSQL: a storm that it has to weather, how it
grows, and what it costs. The gateway's sent log is the judge.

Without arguments it prints what it found, in five minutes; `--short` takes one, and
`--write` has the documentation show it.

    nox -s fleet
"""

import argparse
import asyncio
import json
import logging
import os
import platform
from collections.abc import Awaitable
from pathlib import Path
from typing import Final

from fleet_chart import draw
from fleet_measures import (
    CAREFUL,
    LATENCY,
    TASKS,
    Figures,
    database,
    ledger_bytes,
    ledger_rates,
    remove_servers,
    scaling,
    storm,
    wake_ups,
)
from fleet_page import page


FOLDER: Final = Path(__file__).parent
FIGURES: Final = FOLDER / "fleet.json"
DOCS: Final = FOLDER.parent / "docs"
WORKERS: Final = (1, 2, 4, 8)
CONNECTIONS: Final = (1, 2, 4, 8)


def said(name: str, measured: Awaitable[Figures]) -> Figures:
    """Measure one thing, and print it."""

    async def wait() -> Figures:
        return await measured

    figures = asyncio.run(wait())
    shown = {
        key: round(value, 1) if isinstance(value, float) else value
        for key, value in figures.items()
    }
    print(f"{name}: {json.dumps(shown)}", flush=True)
    return figures


def measure(*, short: bool) -> Figures:
    """All there is to measure, one after the other."""
    seconds = 2.0 if short else 8.0
    figures: Figures = {
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "latency": LATENCY,
            "tasks": TASKS,
        },
        "storm": said("storm", storm(short=short)),
        "scaling": [
            said("scaling", scaling(workers, seconds))
            for workers in (WORKERS[:2] if short else WORKERS)
        ],
        "wake_ups": said("wake-ups", wake_ups(500 if short else 5_000)),
        "ledger": {},
    }
    for name, settings in (("fsync", CAREFUL), ("no fsync", {})):
        with database(settings) as server:
            figures["ledger"][name] = [
                said(f"ledger, {name}", ledger_rates(server, connections, seconds / 2))
                for connections in CONNECTIONS
            ]
            if settings:
                batches = 50 if short else 400
                figures["bytes"] = said("bytes", ledger_bytes(server, batches))
    return figures


def main() -> None:
    """Measure, print, and write it all down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="one minute")
    parser.add_argument(
        "--storm",
        action="store_true",
        help="the storm alone, whose counts a busy machine does not move",
    )
    parser.add_argument("--write", action="store_true", help="write json and docs")
    options = parser.parse_args()
    # Brokers are stopped on purpose, and everybody would tell of it.
    logging.disable(logging.CRITICAL)
    try:
        if options.storm:
            measured = said("storm", storm(short=options.short))
            figures = json.loads(FIGURES.read_text()) | {"storm": measured}
        else:
            figures = measure(short=options.short)
    finally:
        remove_servers()
    if options.write:
        plain = json.dumps(figures, indent=1)
        FIGURES.write_text(plain + "\n")
        # Read again, so that page and picture are what the file says.
        figures = json.loads(plain)
        (DOCS / "pictures" / "fleet.svg").write_text(draw(figures["scaling"]))
        (DOCS / "fleet-measured.md").write_text(page(figures))
    problems = figures["storm"]["problems"]
    assert not problems, f"not kept: {problems}"


if __name__ == "__main__":
    main()
