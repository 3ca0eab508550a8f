"""
A look at a source and a message before anything is sent: offline, and in one pass.

`preview` looks at all of a source, `Inspection` at one item after the other; either
ends in a `Preview`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from ..._clock import Clock
from ...api.sms import Message
from ...text import FRENCH_QUIET_HOURS, QuietHours
from ..run_options import BulkOptions
from ..sources.opening import Item, Source, opened
from ..sources.people import People
from ..sources.rows import FileSource
from .findings import Preview, check_euros
from .inspection import Inspection


# About two milliseconds of work.
_AT_A_TIME: Final = 500


async def preview(
    source: Source,
    *,
    message: Message | None,
    clock: Clock,
    options: BulkOptions,
    quiet_hours: QuietHours | None = FRENCH_QUIET_HOURS,
    price_per_sms: Decimal | None = None,
    balance: Decimal | None = None,
    people: People | None = None,
) -> Preview:
    """
    Look at everything that a run would send, without sending anything.

    Nothing is asked of the gateway. The source is read once, as a run reads it, without
    being kept.

    Args:
        source: As for a run; its own ``items()`` is read if it has one.
        message: The message for all recipients; None if the items are requests.
        clock: For the quiet hours, if the message is not to be sent later.
        options: As for the run.
        quiet_hours: Quiet hours of marketing to France; None for no warning.
        price_per_sms: In euros, for an estimate of the cost; it is never guessed.
        balance: In euros, to be compared with that.
        people: Recipients whom the run has planned before, or leaves out.

    Raises:
        InvalidFieldError: An argument is malformed, which is raised before the source
            is read; or a run with this message could not send an item.
        SourceError: A file cannot be opened, or not be read any further.
    """
    check_euros(price_per_sms, "price_per_sms")
    check_euros(balance, "balance")
    inspection = await asyncio.to_thread(
        _inspection_of,
        message,
        now=clock.now(),
        on_duplicate=options.on_duplicate,
        on_missing=options.on_missing,
        identity=options.identity,
        batch_size=options.batch_size,
        quiet_hours=quiet_hours,
        people=people,
    )
    source = await asyncio.to_thread(inspection.prepared, source)
    if not isinstance(source, FileSource):
        async with opened(source) as items:
            await _look_through(items, inspection)
    elif options.identity is None:
        await source.scan(inspection.look_at)
    else:
        # A function of the caller's own is not called in a thread.
        async with aclosing(source.pieces()) as pieces:
            async for piece in pieces:
                inspection.look_at(piece)
    return inspection.result(price_per_sms=price_per_sms, balance=balance)


async def _look_through(
    items: Iterator[Item] | AsyncIterator[Item], inspection: Inspection
) -> None:
    if isinstance(items, AsyncIterator):
        count = 0
        async for item in items:
            inspection.look(item)
            count += 1
            # A source may be asynchronous and yet have everything at hand.
            if not count % _AT_A_TIME:
                await asyncio.sleep(0)
        return
    while some := tuple(islice(items, _AT_A_TIME)):
        for item in some:
            inspection.look(item)
        await asyncio.sleep(0)


def _inspection_of(message: Message | None, **options: Any) -> Inspection:
    # In a thread: the time zone of the quiet hours may have to be read from a file.
    if message is None:
        return Inspection(**options)
    return Inspection(
        message.text,
        purpose=message.purpose,
        type=message.type,
        send_at=message.send_at,
        optimized=message.auto_optimize_text is not False,
        **options,
    )
