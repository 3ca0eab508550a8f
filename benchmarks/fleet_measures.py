"""
What a fleet costs: how it grows with its workers, what the ledger takes, and what the
broker carries. Each function measures one thing on servers of its own.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from attrs import asdict, evolve
from storm_worker import people

from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.ledgers.postgres.ledger import PostgresLedger
from aiooctopush.ledgers.records import BatchState


# The tests' own servers and processes, to have one rig and not two.
sys.path.append(str(Path(__file__).parent.parent / "tests"))

from fleet.rig import (  # type: ignore[import-not-found]
    MESSAGE,
    Rig,
    numbers,
    wait_until,
)
from fleet.storm import FULL, SHORT, weather  # type: ignore[import-not-found]
from services import postgres, rabbitmq  # type: ignore[import-not-found]


Figures = dict[str, Any]

LATENCY: Final = 0.2
TASKS: Final = 8
CAREFUL: Final[Mapping[str, str]] = {"fsync": "on", "full_page_writes": "on"}
"""As PostgreSQL is run by everybody else."""

_KEY: Final = "measured"
_FULL: Final = 500
_ENOUGH: Final = 8_000
"""Batches for each second in which they are claimed."""

_TICKS: Final = 100.0


def remove_servers() -> None:
    """Leave nothing behind."""
    rabbitmq.remove()
    postgres.remove()


# --- the storm ------------------------------------------------------------------------


async def storm(*, short: bool) -> Figures:
    """A storm, judged: what came of it, and what was promised and not kept."""
    found = await weather(SHORT if short else FULL)
    figures: Figures = asdict(found)
    return figures | {"problems": found.problems()}


# --- workers --------------------------------------------------------------------------


def _cpu_of(process: int) -> float:
    """Seconds of the processor that it has used; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0.0
    used = status.rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / _TICKS


async def scaling(workers: int, seconds: float) -> Figures:
    """
    How many requests a second so many processes start.

    Args:
        workers: Processes, with `TASKS` tasks each.
        seconds: How long it would take if only the gateway took its time.
    """
    batches = int(workers * TASKS / LATENCY * seconds)
    with Rig(tasks=TASKS) as rig:
        rig.gateway.tell("take", seconds=LATENCY)
        async with rig.client() as fleet:
            await plan(
                fleet.ledger, _KEY, MESSAGE, numbers(batches * 10), batch_size=10
            )
            hired = await asyncio.to_thread(rig.hire, workers)
            before = sum(map(_cpu_of, hired.alive()))
            await fleet.wake(_KEY)
            report = await fleet.wait(_KEY)
            used = sum(map(_cpu_of, hired.alive())) - before
        arrivals = await asyncio.to_thread(rig.gateway.tell, "seen")
        times = await rig.times()
    assert report.is_complete
    assert set(times.values()) == {1}
    took = max(arrivals) - min(arrivals) + LATENCY
    return {
        "workers": workers,
        "batches": batches,
        "seconds": took,
        "a_second": batches / took,
        "at_best": workers * TASKS / LATENCY,
        "cpu_ms": 1_000 * used / batches,
    }


# --- the ledger -----------------------------------------------------------------------


@contextmanager
def database(settings: Mapping[str, str]) -> Iterator[Any]:
    """A PostgreSQL of its own, with such settings."""
    server = postgres.Server(postgres.folder_of_programs(), **settings)
    try:
        yield server
    finally:
        server.remove()


async def ledger_rates(server: Any, connections: int, seconds: float) -> Figures:
    """
    How many claims a ledger takes in a second, and how many whole batches.

    One process asks, with so many tasks that each have a connection. A whole batch is
    a claim, a turn of the shared rate and a look whether it holds, and an outcome.
    """
    schema = server.new_schema()
    dsn = server.dsn(name=schema)
    async with PostgresLedger(dsn, schema=schema) as ledger:
        source = numbers(int(_ENOUGH * seconds))
        await plan(ledger, _KEY, MESSAGE, source, batch_size=1)
        names = count(1)

        async def claim() -> None:
            claimed = await ledger.claim(_KEY, str(next(names)), owner="me")
            assert claimed, "not enough was planned"

        async def whole() -> None:
            await _whole(ledger, str(next(names)))

        return {
            "connections": connections,
            "claims": await _a_second(claim, connections, seconds / 2),
            "batches": await _a_second(whole, connections, seconds / 2),
        }


async def _whole(ledger: PostgresLedger, name: str) -> None:
    """All that the ledger does for a batch that is accepted at once."""
    claim = await ledger.claim(_KEY, name, owner="me")
    assert claim, "not enough was planned"
    await ledger.reserve("default", rate=1_000_000, burst=1_000)
    await ledger.closed_for("default")
    record = evolve(
        claim.record,
        state=BatchState.ACCEPTED,
        concluded_at=claim.record.first_tried_at,
        attempts=1,
        ticket="sms_0123456789",
        payload=None,
    )
    await claim.ledger.conclude(_KEY, record)


async def _a_second(
    step: Callable[[], Awaitable[None]], tasks: int, seconds: float
) -> float:
    """How often so many tasks do it in a second."""
    done = 0
    began = time.monotonic()

    async def again() -> None:
        nonlocal done
        while time.monotonic() < began + seconds:
            await step()
            done += 1

    await asyncio.gather(*(again() for _ in range(tasks)))
    return done / (time.monotonic() - began)


async def ledger_bytes(server: Any, batches: int) -> Figures:
    """What a batch of 500 recipients leaves in the tables and in the log, in bytes."""
    schema = server.new_schema()
    server.do("CHECKPOINT")
    async with PostgresLedger(server.dsn(name=schema), schema=schema) as ledger:
        start = _log(server)
        await plan(ledger, _KEY, MESSAGE, people(batches * _FULL))
        planned = _log(server)
        size = _size(server, schema)
        for number in range(1, batches + 1):
            await _whole(ledger, str(number))
        done = _log(server)
        server.do(f"VACUUM FULL {schema}.batches")
        return {
            "recipients": _FULL,
            "planned": size / batches,
            "done": _size(server, schema) / batches,
            "log_planned": (planned - start) / batches,
            "log_sent": (done - planned) / batches,
        }


def _log(server: Any) -> int:
    """Bytes that the database has written to its log (WAL) by now."""
    return int(server.do("SELECT pg_current_wal_lsn() - '0/0'")[0][0])


def _size(server: Any, schema: str) -> int:
    """Bytes of the batches, with indexes and all."""
    query = f"SELECT pg_total_relation_size('{schema}.batches')"
    return int(server.do(query)[0][0])


# --- the broker -----------------------------------------------------------------------


async def wake_ups(batches: int) -> Figures:
    """How large a wake-up is, and how many are sent and turned away in a second."""
    with Rig(tasks=TASKS) as rig:
        async with rig.client() as fleet:
            source = numbers(batches)
            await plan(fleet.ledger, _KEY, MESSAGE, source, batch_size=1)
            began = time.monotonic()
            await fleet.wake(_KEY)
            sent = time.monotonic() - began
            size = await asyncio.to_thread(rig.broker.message_bytes)
            # Nobody has anything to do then: what comes is late, or comes again.
            await asyncio.to_thread(rig.do, "UPDATE {}.batches SET state = 'accepted'")
            await asyncio.to_thread(rig.hire)
            began = time.monotonic()
            left = await asyncio.to_thread(rig.broker.ready)
            await asyncio.to_thread(
                wait_until, lambda: not rig.broker.ready(), "all are turned away"
            )
            away = time.monotonic() - began
    return {"sent": batches / sent, "turned_away": left / away, **size}
