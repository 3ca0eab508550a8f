"""
What a user's module would be: a broker, and the fleet beside it.

Workers are started with `taskiq worker fleet.app:broker`. Where everything is, they
are told by an environment variable, in JSON.
"""

import json
import logging
import os
from pathlib import Path

from taskiq import TaskiqEvents
from taskiq_aio_pika import AioPikaBroker

from aiooctopush import OctopushSession
from aiooctopush.bulk.claims import LEASE
from aiooctopush.bulk.postgres import PostgresLedger
from aiooctopush.integrations.taskiq import Fleet


VARIABLE = "AIOOCTOPUSH_TEST_FLEET"
LOGIN, KEY = "me@example.org", "key"


class ShortLeases(PostgresLedger):
    """A ledger whose claims last only so long, so that nobody waits two minutes."""

    def __init__(self, dsn, *, schema, lease):
        super().__init__(dsn, schema=schema)
        self._lease = lease

    async def claim(self, key, name, *, owner, lease=LEASE, in_doubt=False):
        """See `FleetLedger.claim`."""
        return await super().claim(
            key, name, owner=owner, lease=min(lease, self._lease), in_doubt=in_doubt
        )


def fleet_of(place):
    """The fleet of a place; for its words see `rig.Rig.place`."""

    def session():
        return OctopushSession(LOGIN, place["key"], base_url=place["gateway"])

    def ledger():
        return ShortLeases(
            place["dsn"], schema=place["schema"], lease=place["lease"] or LEASE
        )

    return Fleet(
        AioPikaBroker(place["amqp"], qos=place["tasks"]),
        session=session,
        ledger=ledger,
        rate=place["rate"],
        burst=place["burst"],
    )


def show_myself(folder):
    """Leave a file that is named after this process, once it listens."""

    async def show(_):
        (Path(folder) / str(os.getpid())).touch()

    return show


if VARIABLE in os.environ:
    place = json.loads(os.environ[VARIABLE])
    # Who is killed all the time would tell of nothing else.
    logging.disable(logging.CRITICAL)
    fleet = fleet_of(place)
    broker = fleet.broker
    broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, show_myself(place["folder"]))
