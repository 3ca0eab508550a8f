"""Every kind of ledger there is, and records to put into them."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from attrs import evolve, frozen
from services import postgres

from aiooctopush.ledgers.memory import MemoryLedger
from aiooctopush.ledgers.protocols import Ledger
from aiooctopush.ledgers.records import (
    BatchRecord,
    BatchState,
    Pause,
    Rejection,
    RunRecord,
)
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


@frozen
class Kind:
    """
    One kind of ledger, as the tests of all of them need it.

    Attributes:
        name: For the ids of tests.
        open: Makes the ledger that lives in a folder.
        crash: Puts into a second folder what a crash would leave of the first one; None
            if it would leave nothing.
        examples: How many stories about it are enough, for some take long to tell.
    """

    name: str
    open: Callable[[Path], Ledger]
    crash: Callable[[Path, Path], None] | None = None
    examples: int = 50


def _copy_what_is_written(place, other):
    # A lock ends with the process, and so does the memory that SQLite shares.
    for file in place.iterdir():
        if not file.name.endswith(("-lock", "-shm")):
            shutil.copy(file, other)


# A new kind needs a line here.
KINDS = (
    Kind("memory", lambda _: MemoryLedger()),
    Kind(
        "sqlite",
        lambda place: SQLiteLedger(place / "ledger.db"),
        crash=_copy_what_is_written,
    ),
    Kind("postgres", postgres.ledger_at, crash=postgres.crash, examples=15),
)
DURABLE = tuple(kind for kind in KINDS if kind.crash is not None)


def run_record(name="run", **values):
    """A run that has just begun."""
    values = {"settings": {"sender": "Acme"}, "began_at": NOW, "latest": NOW} | values
    return RunRecord(name=name, **values)


def batch_record(number=1, part="", **values):
    """A batch that is about to be sent."""
    given = {
        "first": (number - 1) * 500,
        "count": 500,
        "digest": "d" * 64,
        "request_id": f"id-{number}-{part}",
        "payload": b"payload",
        "numbers": b"numbers",
        "first_tried_at": NOW,
    }
    return BatchRecord(number=number, part=part, **(given | values))


# Every attribute differs from its default, and none from a value that it can have.
FULL_RUN = RunRecord(
    name="full",
    settings={"sender": "Acme", "text": "e3b0", "odd": "\0'\"é\n"},
    items=9_000_000_001,
    new=1,
    already=6,
    duplicates=3,
    excluded=7,
    rejected=4,
    planned=2,
    batches=5,
    exhausted=True,
    paused=Pause.CREDIT,
    purged=True,
    max_batch_size=250,
    began_at=datetime(2026, 1, 5, 10, 0, 0, 1, tzinfo=UTC),
    latest=datetime(2026, 1, 5, 10, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2))),
    residual_credit=Decimal("12345678901234567890.10"),
)
FULL_BATCH = BatchRecord(
    number=7,
    part="1.2",
    first=9_000_000_002,
    count=3,
    digest="a" * 64,
    epoch=4,
    request_id="c0ffee",
    payload=b"\0payload\xff",
    numbers=b"\0numbers\xff",
    identities=b"\0identities\xff",
    state=BatchState.REFUSED,
    first_tried_at=datetime(2026, 1, 5, 10, 0, 1, tzinfo=UTC),
    concluded_at=datetime(
        2026, 1, 5, 10, 0, 2, 3, tzinfo=timezone(timedelta(hours=-5))
    ),
    attempts=5,
    faults={"ServerError 503": 2, "é": 1},
    ticket="sms_1",
    sms_needed=10**30,
    cost=Decimal("0.10"),
    code=-(10**25),
    error="InvalidRequestError",
    resolution="me, on Monday",
)
FULL_REJECTION = Rejection(
    position=9_000_000_003,
    line=12,
    column_name="Téléphone",
    reason="must start with '+'",
    shown="06****78",
    header=("Téléphone", "Nom\0"),
    cells=("06 39", "Zoé"),
)


async def begun(ledger, *batches, key="run", rejections=()):
    """Begin a run in a ledger, with these batches in it."""
    run = await ledger.open_run(run_record(key))
    run = evolve(run, batches=len(batches), items=500 * len(batches))
    await ledger.plan(run, batches, rejections)
    return run


async def listed(ledger, key="run", states=None):
    """Return all batches of a run."""
    return [batch async for batch in ledger.batches(key, states)]


async def rejected(ledger, key="run"):
    """Return all rejections of a run."""
    return [rejection async for rejection in ledger.rejections(key)]


async def everything(ledger):
    """Return all that is in a ledger."""
    return [
        (run, await listed(ledger, run.name), await rejected(ledger, run.name))
        for run in await ledger.runs()
    ]
