r"""
A plain asyncio worker that sends what stands in a PostgreSQL outbox.

    pip install "aiooctopush[fleet]"
    DATABASE_URL=postgresql:///shop python examples/outbox_worker.py

    psql shop -c "INSERT INTO outbox (phone_number, text)
                  VALUES ('+33639980001', 'Your order 17 has shipped')"

Your application inserts the row in the transaction that ships the order: the message
is then as certain as the order. Start as many workers as you like. One that is killed
between sending and writing it down leaves its row; another sends it again under the
same id, which the gateway takes once. Which account it is, account.py says.
"""

import asyncio
import os
from typing import Final, TypeAlias

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
from account import open_session

from aiooctopush import (
    DuplicateRequestError,
    InvalidFieldError,
    OctopushError,
    OctopushSession,
    Purpose,
    RefusedError,
    request_id_for,
)


WORKERS: Final = 8

SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        phone_number text NOT NULL,
        text text NOT NULL,
        first_tried_at timestamptz,
        leased_until timestamptz NOT NULL DEFAULT now(),
        outcome text
    );
    CREATE INDEX IF NOT EXISTS outbox_open ON outbox (id) WHERE outcome IS NULL
"""

# Committed before the first byte leaves, so that the age of an id is known whatever
# happens. An id protects a repeat for 23 hours: what is older stays, for a person.
TAKE: Final = """
    UPDATE outbox
    SET first_tried_at = coalesce(first_tried_at, now()),
        leased_until = now() + interval '2 minutes'
    WHERE id = (
        SELECT id FROM outbox
        WHERE outcome IS NULL AND leased_until <= now()
            AND coalesce(first_tried_at, now()) > now() - interval '23 hours'
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, phone_number, text
"""
SETTLE: Final = "UPDATE outbox SET outcome = $2 WHERE id = $1"


async def send(octopush: OctopushSession, row: asyncpg.Record) -> str | None:
    """Send one message, and say what became of it; None if that is not known yet."""
    try:
        sent = await octopush.sms.send(
            text=row["text"],
            recipients=[row["phone_number"]],
            sender="Acme",
            purpose=Purpose.ALERT,
            request_id=request_id_for(f"outbox-{row['id']}"),
            timeout=60,  # well within the lease
        )
    except DuplicateRequestError:
        return "sent before"  # by a worker that did not live to write it down
    except (InvalidFieldError, RefusedError) as error:
        return None if error.maybe_sent else f"refused: {error.problem}"
    except OctopushError:
        return None  # tried again, under the same id, when the lease is over
    return str(sent.outcome)


Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


async def work(octopush: OctopushSession, pool: Pool) -> None:
    """Take rows until none is due."""
    while row := await pool.fetchrow(TAKE):
        outcome = await send(octopush, row)
        if outcome is not None:
            await pool.execute(SETTLE, row["id"], outcome)
        print(f"{row['id']}: {outcome or 'not known yet'}", flush=True)


async def drain(octopush: OctopushSession, pool: Pool) -> None:
    """Send all that is due, several at a time."""
    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(work(octopush, pool))


async def main(database: str) -> None:
    """Look again every second, for ever; Ctrl-C at any time loses nothing."""
    async with (
        asyncpg.create_pool(database, min_size=1, max_size=WORKERS) as pool,
        open_session() as octopush,
    ):
        await pool.execute(SCHEMA)
        while True:
            await drain(octopush, pool)
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main(os.environ["DATABASE_URL"]))
