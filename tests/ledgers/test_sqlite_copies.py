"""A ledger file that stands alone after a run, and copies of one that does not."""

import asyncio
import shutil
import sqlite3
from contextlib import closing

import pytest
from ledger_files import (
    LACKS_ITS_LOG,
    copy_with_log,
    problem_of,
    read,
    shared_folder,
    somebody_who_is_not_root,
)
from ledger_kinds import batch_record, begun, everything, listed, run_record

from aiooctopush import OctopushSession
from aiooctopush.ledgers.sqlite import file as sqlite_file
from aiooctopush.ledgers.sqlite.file import LedgerFile
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger
from aiooctopush.sandbox import Gateway, SandboxTransport, VirtualClock


@pytest.fixture
def path(tmp_path):
    """Where the ledger is."""
    return tmp_path / "ledger.db"


@pytest.fixture
def copy(tmp_path):
    """Where a copy of it is put."""
    return tmp_path / "copy.db"


@pytest.fixture
def shared():
    """A folder that another user can come to."""
    with shared_folder() as folder:
        yield folder


@pytest.fixture
async def ledger(path):
    """A ledger that nobody has used yet."""
    async with SQLiteLedger(path) as ledger:
        yield ledger


# --- copies that were made by hand ----------------------------------------------------


async def test_a_closed_ledger_stands_alone(path, copy):
    """A copy of the one file is all there is."""
    async with SQLiteLedger(path) as ledger:
        await begun(ledger, batch_record())
        expected = await everything(ledger)
    shutil.copy(path, copy)

    assert not path.with_name("ledger.db-wal").exists()
    assert await read(copy) == expected


async def test_a_released_run_stands_alone_until_the_next_write(ledger, path, copy):
    """Though the ledger stays open; what is written later is missed again."""
    run = await begun(ledger, batch_record())
    expected = await everything(ledger)
    await ledger.release_run("run")
    shutil.copy(path, copy)
    after_the_run = await read(copy)
    await ledger.plan(run, [batch_record(2)])
    shutil.copy(path, copy)

    assert after_the_run == expected
    assert LACKS_ITS_LOG in await problem_of(SQLiteLedger(copy).runs())


async def test_a_disk_that_is_full_at_the_end_leaves_the_log(path, monkeypatch):
    """Scripted: what cannot be folded in is read from both files next time."""
    async with SQLiteLedger(path) as ledger:
        await begun(ledger, batch_record())
        expected = await everything(ledger)

        def full(*_, **__):
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(sqlite_file, "set_in_use", full)
    monkeypatch.undo()

    assert path.with_name("ledger.db-wal").exists()
    assert await read(path) == expected
    async with SQLiteLedger(path) as ledger:
        assert await everything(ledger) == expected
    assert not path.with_name("ledger.db-wal").exists()


async def test_what_is_written_while_a_page_is_read_is_seen(path):
    """Scripted: a writer begins where there was no log, and the page is read again."""
    async with SQLiteLedger(path) as ledger:
        await begun(ledger, batch_record(1))
    file = LedgerFile(path, read_only=True)
    writer = SQLiteLedger(path)
    seen = []

    def count(connection):
        (found,) = connection.execute("SELECT count(*) FROM batches").fetchone()
        if not seen:
            asyncio.run_coroutine_threadsafe(
                writer.plan(run_record(), [batch_record(2)]), loop
            ).result()
        seen.append(found)
        return found

    def look():
        with closing(file):
            file.read(count)

    loop = asyncio.get_running_loop()
    async with writer:
        await asyncio.to_thread(look)

    assert seen == [1, 2]


async def test_a_ledger_that_wrote_nothing_is_not_marked(path, copy):
    """Nor does it matter then whether there is a log."""
    async with SQLiteLedger(path) as ledger:
        await begun(ledger, batch_record())
    async with SQLiteLedger(path) as ledger:
        expected = await everything(ledger)
        shutil.copy(path, copy)
        await ledger.release_run("run")

    assert await read(copy) == expected


async def test_a_reader_only_delays_the_mark(ledger, path, copy, monkeypatch):
    """It is written as soon as the reader has gone, before the next write."""
    monkeypatch.setattr(sqlite_file, "_PATIENCE", 0.01)
    run = await begun(ledger)
    await ledger.release_run("run")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()
        await ledger.plan(run, [batch_record()])
        await ledger.release_run("run")
        reader.execute("ROLLBACK")
        await ledger.plan(run, [batch_record(2)])
        shutil.copy(path, copy)

    assert LACKS_ITS_LOG in await problem_of(SQLiteLedger(copy).runs())


# --- backup ---------------------------------------------------------------------------


async def test_a_ledger_makes_a_backup_of_itself(ledger, path, copy):
    """Also while it is open; the copy can be gone on with."""
    run = await begun(ledger, batch_record())
    await ledger.backup(copy)

    async with SQLiteLedger(copy) as second:
        await second.plan(run, [batch_record(2)])
        assert await listed(second) == [batch_record(1), batch_record(2)]
    assert await listed(ledger) == [batch_record(1)]


async def test_a_backup_replaces_nothing(ledger, path, copy):
    """Whatever stands at its place stays there."""
    await begun(ledger)
    copy.write_text("mine")

    problem = await problem_of(ledger.backup(copy))

    assert problem == f"{copy}: already exists; name another file."
    assert copy.read_text() == "mine"


async def test_a_backup_of_nothing_is_none(ledger, path, copy):
    """Nor does it make a ledger."""
    problem = await problem_of(ledger.backup(copy))

    assert problem == f"{path}: there is no such ledger; check the path."
    assert list(path.parent.iterdir()) == []


async def test_a_backup_that_fails_leaves_nothing(ledger, path, copy, monkeypatch):
    """Scripted: the disk fills up after the copy was begun."""
    await begun(ledger)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aiooctopush.ledgers.sqlite.backup.set_in_use", full)
    problem = await problem_of(ledger.backup(copy))

    assert problem == f"{copy}: cannot be used: No space left on device."
    assert list(path.parent.glob("copy*")) == []


async def test_a_backup_into_a_folder_that_is_not_there_is_refused(ledger, tmp_path):
    """The words are about the copy."""
    await begun(ledger)
    copy = tmp_path / "none" / "copy.db"

    problem = await problem_of(ledger.backup(copy))

    assert problem == (
        f"{copy}: its folder does not exist; create it, or name another file."
    )


# --- where nothing may be written -----------------------------------------------------


async def test_a_ledger_is_read_where_nothing_may_be_made(shared):
    """And as soon as somebody writes to it, what he wrote is seen, too."""
    path = shared / "ledger.db"
    with somebody_who_is_not_root():
        async with SQLiteLedger(path) as ledger:
            run = await begun(ledger, batch_record(1))
    shared.chmod(0o555)
    with somebody_who_is_not_root():
        reader = SQLiteLedger(path, read_only=True)
        first = await listed(reader)
    shared.chmod(0o777)
    with somebody_who_is_not_root():
        async with reader, SQLiteLedger(path) as ledger:
            await ledger.plan(run, [batch_record(2)])
            second = await listed(reader)

    assert first == [batch_record(1)]
    assert second == [batch_record(1), batch_record(2)]


async def test_a_log_that_cannot_be_read_there_is_named(shared):
    """A ledger that is in use needs a place for what readers and writers share."""
    path, other = shared / "ledger.db", shared / "other"
    other.mkdir()
    with somebody_who_is_not_root():
        async with SQLiteLedger(path) as ledger:
            await begun(ledger, batch_record(1))
    other.chmod(0o777)
    with somebody_who_is_not_root():
        async with SQLiteLedger(path) as ledger:
            await ledger.update_run(run_record(items=1))
            copy_with_log(path, other / "l.db")
    other.chmod(0o555)
    with somebody_who_is_not_root():
        problem = await problem_of(SQLiteLedger(other / "l.db", read_only=True).runs())

    assert problem == (
        f"{other / 'l.db'}: is in use, and its log can be read only where files may "
        "be made next to it; stop its writer, or read a copy made with `octopush "
        "ledger backup`."
    )


async def test_a_reader_is_told_that_it_may_not_read(shared):
    """Nothing is said of writing."""
    path = shared / "ledger.db"
    with somebody_who_is_not_root():
        async with SQLiteLedger(path) as ledger:
            await begun(ledger)
        path.chmod(0)
        problem = await problem_of(SQLiteLedger(path, read_only=True).runs())

    assert problem == (
        f"{path}: is not readable by this user; change its permissions, or name "
        "another file."
    )


async def test_a_file_stands_alone_when_its_run_has_ended(ledger, path, copy):
    """Though whoever sent it keeps the ledger open, and goes on later."""
    clock = VirtualClock()
    transport = SandboxTransport(Gateway(clock=clock))
    async with OctopushSession(
        "me", "key", transport=transport, clock=clock
    ) as octopush:
        run = octopush.bulk(
            "run", text="Hello", sender="Acme", purpose="alert", ledger=ledger
        )
        await run.send(["+33639980001"])
    shutil.copy(path, copy)

    assert await read(copy) == await everything(ledger)
