"""What tests of ledgers in files do to those files, and who else does."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

from ledger_kinds import everything

from aiooctopush import OctopushSession, RetryPolicy, UnknownOutcomeError
from aiooctopush.ledgers.records import LedgerError
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger
from aiooctopush.sandbox import VirtualClock


async def read(path):
    """Return what a reader finds in a file."""
    async with SQLiteLedger(path, read_only=True) as ledger:
        return await everything(ledger)


def sql(path, *statements):
    """Do something to a database as any program can, and return the last rows."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements][
            -1
        ]


async def problem_of(call):
    """Return the words of the error that a call ends in."""
    # Not caught: Python 3.11 hides from coverage what comes after an await that was.
    (error,) = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(error, LedgerError)
    return str(error)


@contextmanager
def shared_folder():
    """A folder that another user can come to."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@contextmanager
def somebody_who_is_not_root():
    """Root may write everything, and so is no good test."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


NUMBER = "+33639980001"


class Silent:
    """A gateway that never answers."""

    async def send(self, request):
        """See `Transport.send`."""
        raise UnknownOutcomeError("silence")


async def doubtful(path, name="run"):
    """A run whose only batch is in doubt."""
    async with OctopushSession(
        "me", "key", transport=Silent(), clock=VirtualClock()
    ) as octopush:
        run = octopush.bulk(
            name,
            text="Hello",
            sender="Acme",
            purpose="alert",
            ledger=path,
            retry=RetryPolicy(attempts=1),
        )
        await run.send([NUMBER])


async def look(path):
    """How its only batch stands, and what was delivered."""
    async with SQLiteLedger(path, read_only=True) as ledger:
        (batch,) = [one async for one in ledger.batches("run")]
        return batch.state, await ledger.deliveries("run")


LACKS_ITS_LOG = (
    "lacks its log, and so some or all of its data; it was copied during a run, or "
    "after a run was killed. Copy the file whose name ends in -wal as "
    "well, or make the copy with `octopush ledger backup`."
)


def copy_with_log(path, copy):
    """Copy what a ledger consists of while it is in use."""
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
