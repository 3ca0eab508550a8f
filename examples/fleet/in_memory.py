"""
A fleet in one process, for those who have neither RabbitMQ nor PostgreSQL at hand.

    python examples/fleet/in_memory.py

It sends to a sandbox gateway in here, where nobody gets a message. A quarter of the
requests goes wrong; the report and the sent log tell that everybody got one all
the same. The runs are in fleet.db, so a second start has nothing left to do. Of
examples/fleet/app.py only the three lines differ that say where things are.
"""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

from taskiq import InMemoryBroker

from aiooctopush import (
    Message,
    OctopushSession,
    Purpose,
    Recipient,
    SQLiteLedger,
)
from aiooctopush.integrations.taskiq import Fleet
from aiooctopush.sandbox import FaultPlan, Gateway, GatewaySettings, SandboxTransport


GATEWAY = Gateway(GatewaySettings(credit=Decimal(1_000_000)))
FAULTS = FaultPlan(probability=0.25, seed=7)


def session() -> OctopushSession:
    """The one of this process."""
    transport = SandboxTransport(GATEWAY, FAULTS)
    return OctopushSession("sandbox", "sandbox", transport=transport)


def ledger() -> SQLiteLedger:
    """The one of this process; made at its first use."""
    return SQLiteLedger("fleet.db")


broker = InMemoryBroker()
fleet = Fleet(broker, session=session, ledger=ledger)


def people() -> Iterator[Recipient]:
    """Ten thousand made-up ones."""
    for number in range(10_000):
        yield Recipient(f"+3363998{number:04}", first_name="Ada")


async def main() -> None:
    """Submit a run, wait for it, and print what became of it."""
    message = Message(
        text="Hi {first_name}, your order is on its way",
        sender="Acme",
        purpose=Purpose.ALERT,
    )
    async with fleet:
        await fleet.submit("november", message, people())
        report = await fleet.wait("november")
    print(f"accepted {report.accepted:,}, presumed {report.presumed:,}")
    print(f"in doubt {report.unknown:,}, refused {report.refused:,}")
    print(f"{report.attempts:,} tries of {report.batches:,} requests")
    times = GATEWAY.sent_log.numbers()
    twice = sum(count > 1 for count in times.values())
    print(f"received by {len(times):,}, more than once by {twice:,}")


if __name__ == "__main__":
    asyncio.run(main())
