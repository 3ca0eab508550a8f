"""
A death while SQLite copies its log into the file: found by the storm, for no step of
ours is there.
"""

import shutil
import struct

import pytest
from ledger_kinds import NOW

from aiooctopush.ledgers.records import BatchRecord, RunRecord
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


RUN = RunRecord(name="run", settings={}, began_at=NOW, latest=NOW)


def copy_first_page(database):
    """Do of a checkpoint what comes first: now the file says that it is longer."""
    log = database.with_name(f"{database.name}-wal").read_bytes()
    (size,) = struct.unpack(">I", log[8:12])
    frames = range(32, len(log), 24 + size)
    first = [at + 24 for at in frames if log[at : at + 4] == b"\0\0\0\1"][-1]
    with database.open("r+b") as file:
        file.write(log[first : first + size])


@pytest.mark.parametrize("read_only", [False, True], ids=["go on", "look"])
@pytest.mark.usefixtures("may_block")
async def test_a_death_in_a_checkpoint_is_no_damage(tmp_path, read_only):
    """What is in the log counts; the file alone would not be whole."""
    alive, dead = tmp_path / "alive.db", tmp_path / "dead.db"
    async with SQLiteLedger(alive) as ledger:
        await ledger.open_run(RUN)
        for number in range(1, 31):
            batch = BatchRecord(
                number=number,
                first=number,
                count=1,
                digest="",
                request_id=f"id {number}",
                payload=bytes(3000),
            )
            await ledger.plan(RUN, [batch])
        for suffix in ("", "-wal"):
            shutil.copy(f"{alive}{suffix}", f"{dead}{suffix}")
    copy_first_page(dead)

    async with SQLiteLedger(dead, read_only=read_only) as ledger:
        numbers = [batch.number async for batch in ledger.batches("run")]

    assert numbers == list(range(1, 31))
