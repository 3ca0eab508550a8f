"""Location and name of a run, and its records so far."""

import asyncio
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Final

from attrs import frozen

from ...api.sms import Message
from ...bulk.sources.people import People
from ...ledgers.batch import unpack_ints
from ...ledgers.protocols import run_named
from ...ledgers.records import BatchState, RunRecord
from ...session import BASE_URL
from ..targets.ledger import LedgerPlace


_DIGITS: Final = 12

_NOT_DONE: Final = (BatchState.NOT_SENT, BatchState.SENDING)


@frozen(kw_only=True)
class RecordedRun:
    """
    State of a run in its ledger before it is started again.

    Attributes:
        run: Its settings and figures.
        done: Recipients whose outcome is final.
        ended_at: Time of the latest outcome; None before the first.
    """

    run: RunRecord
    done: int
    ended_at: datetime | None


def default_name(message: Message, base_url: str) -> str:
    """
    Name a run by its message: the same text is the same run, with any file.

    Args:
        message: Its text, sender, purpose, and whether it is simulated.
        base_url: Address of the gateway. The same message to another gateway is another
            run.
    """
    parts = [
        message.text,
        message.sender,
        str(message.purpose),
        bool(message.simulation_mode),
    ]
    if base_url != BASE_URL:
        parts.append(base_url)
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return digest[:_DIGITS]


async def recorded(place: LedgerPlace, name: str, people: People) -> RecordedRun | None:
    """
    Read the state of a run in a ledger; None if it has no run of that name.

    Args:
        place: The ledger.
        name: Name of the run.
        people: Set of the recipients whom the run has planned.

    Raises:
        LedgerError: It cannot be read.
    """
    if place.path is not None and not await asyncio.to_thread(_is_there, place.path):
        return None
    async with place.opened(read_only=True) as ledger:
        run = await run_named(ledger, name)
        if run is None:
            return None
        done = 0
        ended_at: datetime | None = None
        async for batch in ledger.batches(name):
            if batch.state is BatchState.SPLIT:
                continue
            people.remember(unpack_ints(batch.numbers))
            if batch.state not in _NOT_DONE:
                done += batch.count
            if batch.concluded_at is not None:
                ended_at = max(ended_at or batch.concluded_at, batch.concluded_at)
    return RecordedRun(run=run, done=done, ended_at=ended_at)


def _is_there(path: Path) -> bool:
    """Whether there is a ledger; an empty file, as of mktemp, becomes one."""
    return path.exists() and path.stat().st_size > 0
