"""
The outbox: a run is planned in the transaction that creates what it is about.

Either the order is there and its message is planned, or neither. No message is sent
for an order that was rolled back, and none is forgotten when this process dies right
after the commit: then the next sweep wakes the workers.
"""

import asyncio
import sys

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
from app import fleet, ledger  # type: ignore[import-not-found]  # beside this file

from aiooctopush import Message, Purpose
from aiooctopush.bulk.fleet import planning


MESSAGE = Message(text="Your order has shipped", sender="Acme", purpose=Purpose.ALERT)
# Reaches nothing by itself: what is bound to a connection uses that one.
LEDGER = ledger()


async def ship(pool: asyncpg.Pool, order: int, phone_number: str) -> None:
    """Write an order down as shipped, and have its customer told."""
    key = f"order-{order}-shipped"
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("INSERT INTO shipped (id) VALUES ($1)", order)
        outbox = LEDGER.bound_to(connection)
        await planning.plan(outbox, key, MESSAGE, [phone_number])
    # It is committed. Should this process end here, the next sweep wakes the workers.
    await fleet.wake(key)


async def main(dsn: str, order: int, phone_number: str) -> None:
    """Ship one order."""
    async with asyncpg.create_pool(dsn) as pool, fleet:
        await pool.execute("CREATE TABLE IF NOT EXISTS shipped (id bigint PRIMARY KEY)")
        await ship(pool, order, phone_number)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
