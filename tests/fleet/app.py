"""
What a user's module would be: a broker, and the fleet beside it.

Workers are started with `taskiq worker fleet.app:broker`. Where everything is, they
are told by an environment variable, in JSON.
"""

import json
import logging
import os
from pathlib import Path

from taskiq_aio_pika import AioPikaBroker

from aiooctopush import OctopushSession, Timeouts
from aiooctopush.integrations.taskiq import Fleet
from aiooctopush.ledgers.leases import LEASE
from aiooctopush.ledgers.postgres.ledger import PostgresLedger


VARIABLE = "AIOOCTOPUSH_TEST_FLEET"
LOGIN, KEY = "me@example.org", "key"
# Less than usual: some tests wait for the end of an attempt.
PATIENCE = Timeouts(connect=2.0, read=8.0, attempt=12.0)


class ShortLeases(PostgresLedger):
    """A ledger whose claims last only so long, so that nobody waits two minutes."""

    def __init__(self, dsn, *, schema, lease):
        super().__init__(dsn, schema=schema)
        self._lease = lease

    async def claim(self, key, name, *, owner, lease=LEASE, include_unknown=False):
        """See `FleetLedger.claim`."""
        return await super().claim(
            key,
            name,
            owner=owner,
            lease=min(lease, self._lease),
            include_unknown=include_unknown,
        )


class ShowingBroker(AioPikaBroker):
    """Has each worker leave a file in a folder that is named after its process."""

    def __init__(self, url, folder, **settings):
        super().__init__(url, **settings)
        self._folder = Path(folder)

    async def startup(self):
        """See `AsyncBroker.startup`; who does not find the broker never shows up."""
        await super().startup()
        if self.is_worker_process:
            (self._folder / str(os.getpid())).touch()


def fleet_of(place):
    """The fleet of a place; for its words see `rig.Rig.place`."""

    def session():
        return OctopushSession(
            LOGIN, place["key"], base_url=place["gateway"], timeouts=PATIENCE
        )

    def ledger():
        return ShortLeases(
            place["dsn"], schema=place["schema"], lease=place["lease"] or LEASE
        )

    return Fleet(
        ShowingBroker(place["amqp"], place["folder"], qos=place["tasks"]),
        session=session,
        ledger=ledger,
        rate=place["rate"],
        burst=place["burst"],
        broker_timeout=place.get("patience", 30.0),
    )


if VARIABLE in os.environ:
    place = json.loads(os.environ[VARIABLE])
    # Who is killed all the time would tell of nothing else.
    logging.disable(logging.CRITICAL)
    fleet = fleet_of(place)
    broker = fleet.broker
