"""Where a run is recorded, what it is called, and what is recorded of it already."""

import asyncio
import hashlib
import json
from datetime import datetime
from typing import Final

from attrs import frozen

from ...api.sms import Message
from ...bulk.sources.people import People
from ...ledgers.batch import unpack_ints
from ...ledgers.records import BatchState, RunRecord
from ...session import BASE_URL
from ..targets.ledger import LedgerPlace


_DIGITS: Final = 12

_NOT_DONE: Final = (BatchState.NOT_SENT, BatchState.SENDING)


@frozen(kw_only=True)
class RecordedRun:
    """
    What a ledger holds of a run before it is started again.

    Attributes:
        run: Its settings and figures.
        done: Recipients whose outcome is known, or will not be.
        ended_at: When the latest outcome became known; None if none is.
    """

    run: RunRecord
    done: int
    ended_at: datetime | None


def default_name(message: Message, base_url: str) -> str:
    """
    Name a run by its message: the same text is the same run, the file says who.

    Args:
        message: Its text, sender, purpose, and whether it is simulated.
        base_url: Address of the gateway. What another one was sent is another run.
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
    Read what a ledger holds of a run; None if it has none of that name.

    Args:
        place: The ledger.
        name: Name of the run.
        people: Remembers whom the run has planned.

    Raises:
        LedgerError: It cannot be read.
    """
    if place.path is not None and not await asyncio.to_thread(place.path.exists):
        return None
    async with place.opened(read_only=True) as ledger:
        found = [one for one in await ledger.runs() if one.name == name]
        if not found:
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
    return RecordedRun(run=found[0], done=done, ended_at=ended_at)
