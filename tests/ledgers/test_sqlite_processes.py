"""Ledger files of processes that go on writing, or are killed while they do."""

import asyncio
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from ledger_files import LACKS_ITS_LOG, copy_with_log, problem_of, read, sql
from ledger_kinds import batch_record, begun, everything, listed, run_record

from aiooctopush.ledgers.sqlite.backup import backup
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


pytestmark = pytest.mark.exhaustive


@pytest.fixture
def path(tmp_path):
    """Where the ledger is."""
    return tmp_path / "ledger.db"


@pytest.fixture
def copy(tmp_path):
    """Where a copy of it is put."""
    return tmp_path / "copy.db"


@pytest.mark.parametrize("read_only", [False, True], ids=["writer", "reader"])
async def test_a_copy_without_its_log_is_refused(path, copy, read_only):
    """Made while a process writes, or after its death; the copy stays as it is."""
    with writing_process(path) as process:
        for _ in range(20):
            await asyncio.to_thread(process.stdout.readline)
        shutil.copy(path, copy)
        live = await problem_of(SQLiteLedger(copy, read_only=read_only).runs())
        process.kill()
        await asyncio.to_thread(process.wait)
    shutil.copy(path, copy)
    before = copy.read_bytes()
    dead = await problem_of(SQLiteLedger(copy, read_only=read_only).runs())

    assert live == dead == f"{copy}: {LACKS_ITS_LOG}"
    assert copy.read_bytes() == before


async def test_a_copy_with_its_log_is_whole(path, copy):
    """Of a ledger whose process was killed."""
    with writing_process(path) as process:
        for _ in range(20):
            await asyncio.to_thread(process.stdout.readline)
        process.kill()
        await asyncio.to_thread(process.wait)
    copy_with_log(path, copy)

    async with SQLiteLedger(copy) as ledger:
        assert len(await listed(ledger)) >= 20
    assert await read(copy) == await read(path)


async def test_a_writer_that_only_looks_after_a_kill_folds_the_log_in(path, copy):
    """It closed what another one had left open."""
    with writing_process(path) as process:
        await asyncio.to_thread(process.stdout.readline)
        process.kill()
        await asyncio.to_thread(process.wait)
    async with SQLiteLedger(path) as ledger:
        expected = await everything(ledger)
    shutil.copy(path, copy)

    assert await read(copy) == expected


async def test_what_another_program_folded_in_can_be_told_so(path, copy):
    """The mark is a cell that any SQLite program may clear."""
    with writing_process(path) as process:
        await asyncio.to_thread(process.stdout.readline)
        process.kill()
        await asyncio.to_thread(process.wait)
    sql(path, "UPDATE in_use SET is_open = 0")
    shutil.copy(path, copy)

    assert len((await read(copy))[0][1]) >= 1


async def test_a_backup_is_whole_while_another_process_writes(path, copy):
    """It stands alone, is for its owner alone, and holds what was written before."""
    with writing_process(path) as process:
        said = [await asyncio.to_thread(process.stdout.readline) for _ in range(20)]
        await asyncio.to_thread(backup, path, copy)
        await asyncio.to_thread(process.stdout.readline)

    batches = (await read(copy))[0][1]
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    assert len(batches) >= len(said)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in copy.parent.glob("copy*")} == {"copy.db"}


READER = """
import asyncio, sys
from aiooctopush.ledgers.sqlite.file import LedgerFile
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger
from aiooctopush.sandbox import Gateway, SandboxTransport, VirtualClock

async def main():
    async with SQLiteLedger(sys.argv[1], read_only=True) as ledger:
        print([run.name for run in await ledger.runs()])

asyncio.run(main())
"""


async def test_a_ledger_is_read_on_a_read_only_mount(path):
    """By a process of its own, in a file system that takes no writing."""
    async with SQLiteLedger(path) as ledger:
        await begun(ledger, batch_record(1))
    folder = path.parent
    script = (
        f"mount --bind {folder} {folder} && "
        f"mount -o remount,bind,ro {folder} || exit 9;"
        f' exec {sys.executable} -c "$0" {path}'
    )
    if shutil.which("unshare") is None:
        pytest.skip("this system has no unshare")
    done = await asyncio.to_thread(
        subprocess.run,
        ["unshare", "--mount", "sh", "-c", script, READER],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode in {1, 9} and "python" not in done.stderr.lower():
        pytest.skip(f"this system mounts nothing for us: {done.stderr.strip()[:80]}")

    assert (done.stdout, done.stderr) == ("['run']\n", "")
    assert not path.with_name("ledger.db-shm").exists()


async def test_another_process_can_read_but_not_write(path):
    """As long as the first one lives."""
    with writing_process(path) as process:
        await asyncio.to_thread(process.stdout.readline)
        async with SQLiteLedger(path) as second:
            problem = await problem_of(second.runs())
        found = await read(path)

    assert "another process is writing to it" in problem
    assert len(found[0][1]) >= 1


async def test_what_was_written_outlives_a_kill(path):
    """Each batch that was said to be written is there, whole, and then the next."""
    with writing_process(path) as process:
        said = [await asyncio.to_thread(process.stdout.readline) for _ in range(40)]
        process.send_signal(signal.SIGKILL)
        said += await asyncio.to_thread(process.stdout.readlines)
        await asyncio.to_thread(process.wait)

    seen_by_reader = await read(path)
    async with SQLiteLedger(path) as ledger:
        batches = await listed(ledger)
        await ledger.plan(run_record(), [batch_record(len(batches) + 1)])
        after = await listed(ledger)

    assert len(said) <= len(batches) <= len(said) + 1
    assert batches == [
        batch_record(number, payload=b"p" * 3_000, numbers=b"n" * 1_600)
        for number in range(1, len(batches) + 1)
    ]
    assert seen_by_reader[0][1] == batches
    assert after[-1] == batch_record(len(batches) + 1)


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
    script = WRITER.format(tests=str(Path(__file__).parents[1]), path=str(path))
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
