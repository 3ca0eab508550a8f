"""What tests of ledgers in files do to those files, and who else does."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

from ledger_kinds import everything

from aiooctopush.ledgers.records import LedgerError
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


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


WRITER = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from ledger_kinds import SQLiteLedger, batch_record, begun

async def main():
    ledger = SQLiteLedger({path!r})
    run = await begun(ledger)
    for number in range(1, 1_000_000):
        batch = batch_record(number, payload=b"p" * 3_000, numbers=b"n" * 1_600)
        await ledger.plan(run, [batch])
        print(number, flush=True)

asyncio.run(main())
"""


@contextmanager
def writing_process(path):
    """A process that writes batches for ever, and says which are written."""
    script = WRITER.format(tests=str(Path(__file__).parent), path=str(path))
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


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
