"""Runs that workers share: a plan, workers, and ledgers that are away now and then."""

from fakes import session_over
from simulation.virtual import ClientClock, TrueClock

from aiooctopush import MemoryLedger, Message
from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.ledgers.records import LedgerError
from aiooctopush.sandbox import SandboxTransport


MESSAGE = Message(text="Hello", sender="Acme", purpose="alert")


class DurableLedger(MemoryLedger):
    """Outlives the process, as far as the engine can tell."""

    is_durable = True


def numbers(count, start=0):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{start + one:04d}" for one in range(count)]


def virtual_clock():
    """A clock whose waits run side by side, in a loop of `simulation.virtual.run`."""
    return ClientClock(TrueClock())


async def planned(ledger, count=1, size=10, key="run"):
    """Plan a run of so many batches."""
    return await plan(
        ledger, key, MESSAGE, numbers(count * size), batch_size=size, clock=ledger.clock
    )


def worker_at(gateway, ledger, faults=None, **options):
    """A worker in a process of its own, as it were."""
    transport = SandboxTransport(gateway, faults)
    return session_over(transport, clock=gateway.clock).worker(ledger, **options)


async def states(ledger, key="run"):
    """Of each batch."""
    return {one.name: str(one.state) async for one in ledger.batches(key)}


class Away:
    """
    A ledger, or the half of one that a claim writes to, that is away now and then.

    Attributes:
        failing: How many more calls of which method find it away.
    """

    def __init__(self, ledger, **failing):
        self.ledger = ledger
        self.failing = failing

    def __getattr__(self, name):
        """Let through what is there."""
        found = getattr(self.ledger, name)
        if name not in self.failing:
            return found

        async def call(*args, **kwargs):
            if self.failing[name] > 0:
                self.failing[name] -= 1
                raise LedgerError("the database is being started again")
            return await found(*args, **kwargs)

        return call
