r"""
Bulk sends by many workers: RabbitMQ wakes them, PostgreSQL knows what became of whom.

Workers and whoever submits import this module; README.md in this folder starts it all,
on this machine or on many. From the environment:

    OCTOPUSH_LEDGER      postgresql://user@host/database, where the runs are
    OCTOPUSH_BROKER      amqp://user:password@host, which carries wake-ups
    OCTOPUSH_BASE_URL    the gateway; that of `octopush sandbox` if left out
    OCTOPUSH_API_LOGIN   your account, like the next; any in the sandbox
    OCTOPUSH_API_KEY
"""

import os

from taskiq import TaskiqScheduler
from taskiq.schedule_sources import LabelScheduleSource
from taskiq_aio_pika import AioPikaBroker

from aiooctopush import OctopushSession
from aiooctopush.integrations.taskiq import Fleet
from aiooctopush.ledgers.postgres.ledger import PostgresLedger


SANDBOX = "http://127.0.0.1:8025"
RATE = 20  # requests per second of the whole fleet, each with up to 500 recipients


def session() -> OctopushSession:
    """One for each worker process; to send for real, set OCTOPUSH_BASE_URL."""
    return OctopushSession(
        os.environ.get("OCTOPUSH_API_LOGIN", "sandbox"),
        os.environ.get("OCTOPUSH_API_KEY", "sandbox"),
        base_url=os.environ.get("OCTOPUSH_BASE_URL", SANDBOX),
    )


def ledger() -> PostgresLedger:
    """One for each process."""
    return PostgresLedger(
        os.environ.get("OCTOPUSH_LEDGER", "postgresql://octopush@127.0.0.1/octopush")
    )


# A worker takes a few messages ahead; the others are for other workers.
broker = AioPikaBroker(
    os.environ.get("OCTOPUSH_BROKER", "amqp://guest:guest@127.0.0.1"), qos=8
)
fleet = Fleet(broker, session=session, ledger=ledger, rate=RATE)
# Has the sweep done each minute; one of these is enough for the whole fleet.
scheduler = TaskiqScheduler(broker, [LabelScheduleSource(broker)])
