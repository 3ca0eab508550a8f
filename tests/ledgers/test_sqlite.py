"""The file of an SQLite ledger: whose it is, who writes to it, what can go wrong."""

import asyncio
import errno
import fcntl
import os
import random
import resource
import shutil
import sqlite3
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from attrs import evolve
from ledger_files import (
    problem_of,
    read,
    shared_folder,
    somebody_who_is_not_root,
    sql,
)
from ledger_kinds import (
    FULL_BATCH,
    FULL_REJECTION,
    FULL_RUN,
    batch_record,
    begun,
    everything,
    listed,
    rejected,
    run_record,
)

from aiooctopush.errors import InvalidFieldError
from aiooctopush.ledgers.records import BatchState, LedgerError
from aiooctopush.ledgers.sqlite import file as sqlite_file
from aiooctopush.ledgers.sqlite.file import LedgerFile, is_locked
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger
from aiooctopush.ledgers.sqlite.schema import APPLICATION_ID, MIGRATIONS


PAGE_BYTES = 8192
# A version after the newest one, as only a test knows it.
NEWER = (*MIGRATIONS, ("ALTER TABLE runs ADD COLUMN note TEXT DEFAULT 'none'",))

# Half a megabyte.
LARGE = [batch_record(n, payload=os.urandom(10_000)) for n in range(1, 51)]


@pytest.fixture
def path(tmp_path):
    """Where the ledger is."""
    return tmp_path / "ledger.db"


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


@pytest.fixture
async def written(path):
    """The path of a closed ledger with a run in it."""
    async with SQLiteLedger(path) as ledger:
        await ledger.open_run(FULL_RUN)
        await ledger.plan(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])
    return path


def contents(folder):
    """Return each file of a folder, by name."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


# --- opening --------------------------------------------------------------------------


async def test_nothing_is_opened_before_the_first_use(tmp_path, path):
    """Neither made nor closed does a ledger touch the disk."""
    async with SQLiteLedger(path):
        pass

    assert list(tmp_path.iterdir()) == []


async def test_a_ledger_may_be_named_by_a_str(path):
    """And says which it is."""
    async with SQLiteLedger(str(path)) as ledger:
        await begun(ledger)

    assert path.is_file()
    assert repr(ledger) == f"<SQLiteLedger {str(path)!r}>"


@pytest.mark.parametrize("name", ["a?mode=memory", "a#b", "a%20b", ":memory:", "é ü"])
async def test_a_name_is_taken_as_it_is(tmp_path, name):
    """Nothing in it is an order to SQLite."""
    async with SQLiteLedger(tmp_path / name) as ledger:
        await begun(ledger)

    assert (tmp_path / name).is_file()


async def test_a_ledger_stays_where_it_was(tmp_path, monkeypatch):
    """A program that changes its folder does not change its ledger."""
    monkeypatch.chdir(tmp_path)
    async with SQLiteLedger("ledger.db") as ledger:
        await begun(ledger)
        monkeypatch.chdir("/")
        await ledger.plan(run_record(), [batch_record()])

        assert await listed(ledger) == [batch_record()]


def test_a_nul_in_a_path_is_refused():
    """Before anything is opened."""
    with pytest.raises(InvalidFieldError, match="path: must not hold a NUL character"):
        SQLiteLedger("a\0b")


async def test_a_closed_ledger_is_not_opened_again(ledger, path):
    """A late write must not bring the lock back."""
    await begun(ledger)
    await ledger.close()

    problem = await problem_of(ledger.runs())

    assert problem == f"{path}: this ledger was closed; create a new one."


async def test_only_this_user_may_read_what_is_written(ledger, tmp_path):
    """From the moment it is made, the files of SQLite's own included."""
    umask = os.umask(0)
    try:
        await begun(ledger, batch_record())
    finally:
        os.umask(umask)

    names = {"ledger.db", "ledger.db-lock", "ledger.db-shm", "ledger.db-wal"}
    assert {file.name: oct(file.stat().st_mode) for file in tmp_path.iterdir()} == (
        dict.fromkeys(names, "0o100600")
    )


async def test_nothing_but_the_ledger_and_its_lock_stays(written):
    """What SQLite needs while it is open goes when it is closed."""
    assert {file.name for file in written.parent.iterdir()} == {
        "ledger.db",
        "ledger.db-lock",
    }


async def test_an_empty_file_becomes_a_ledger(ledger, path):
    """A temporary file is made before it is filled; then it is private, too."""
    path.touch(0o644)

    await begun(ledger, batch_record())

    assert await listed(ledger) == [batch_record()]
    assert oct(path.stat().st_mode) == "0o100600"


async def test_what_a_crash_left_of_a_new_ledger_is_not_in_the_way(ledger, path):
    """It is made aside, and put in place when it is whole."""
    for name in ("ledger.db-new", "ledger.db-new-journal"):
        path.with_name(name).write_bytes(b"half a ledger")

    await begun(ledger)

    assert {file.name for file in path.parent.glob("*-new*")} == set()


async def test_each_commit_waits_for_the_disk(ledger):
    """WAL with full synchronisation, and what is dropped is written over."""
    await begun(ledger)
    names = ("journal_mode", "synchronous", "secure_delete", "busy_timeout")

    def ask(connection):
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    actual = await ledger._commits.read(ask)

    assert actual == ["wal", 2, 1, 5000]


async def test_sqlite_stays_off_the_event_loop(ledger, monkeypatch):
    """One thread of the ledger's own does all of it, opening and closing included."""
    threads = []

    def noting(act):
        def noted(*given):
            threads.append(threading.get_ident())
            return act(*given)

        return noted

    for name in ("read", "write", "rewrite", "close"):
        act = getattr(ledger._file, name)
        monkeypatch.setattr(ledger._file, name, noting(act))

    await begun(ledger, batch_record())
    await everything(ledger)
    await ledger.purge("run")
    await ledger.close()

    assert len(threads) == 8
    assert len(set(threads)) == 1
    assert threading.get_ident() not in threads


# --- what is no ledger ----------------------------------------------------------------


def other_database(path):
    """Make the database of another application, with what it has not tidied up."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE theirs (a)")
    for file in list(path.parent.iterdir()):
        shutil.copy(file, file.with_name(f"copy-{file.name}"))
    connection.close()
    for file in list(path.parent.glob("copy-*")):
        file.rename(file.with_name(file.name.removeprefix("copy-")))


@pytest.mark.parametrize("read_only", [False, True], ids=["writer", "reader"])
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.write_text("Dear diary, " * 500), id="text"),
        pytest.param(lambda path: path.write_bytes(b"x"), id="one-byte"),
        pytest.param(lambda path: path.write_bytes(bytes(8192)), id="zeros"),
        pytest.param(lambda path: sql(path, "CREATE TABLE a (b)"), id="database"),
        pytest.param(lambda path: sql(path, "PRAGMA user_version = 1"), id="empty"),
        pytest.param(
            lambda path: sql(path, "PRAGMA application_id = 7"), id="named-otherwise"
        ),
        pytest.param(other_database, id="in-use"),
    ],
)
async def test_what_is_no_ledger_is_left_as_it_is(path, make, read_only):
    """Byte for byte, with nothing put next to it, and the path is named."""
    make(path)
    before = contents(path.parent)

    async with SQLiteLedger(path, read_only=read_only) as ledger:
        problem = await problem_of(ledger.runs())

    assert problem == (
        f"{path}: is not a ledger file, and was not changed; name another file."
    )
    assert contents(path.parent) == before


@pytest.mark.parametrize("read_only", [False, True], ids=["writer", "reader"])
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        pytest.param(lambda path: path.symlink_to("real.db"), "a link", id="link"),
        pytest.param(lambda path: path.symlink_to("none.db"), "a link", id="dangling"),
        pytest.param(Path.mkdir, "no file", id="folder"),
        pytest.param(os.mkfifo, "no file", id="pipe"),
    ],
)
async def test_what_is_no_file_is_refused(path, make, kind, read_only):
    """A link could lead a writer to somebody else's file."""
    path.with_name("real.db").touch()
    make(path)
    before = contents(path.parent)

    async with SQLiteLedger(path, read_only=read_only) as ledger:
        problem = await problem_of(ledger.runs())

    assert problem == f"{path}: is {kind}; name the file itself."
    assert contents(path.parent) == before


async def test_a_device_is_refused():
    """Also one that takes everything."""
    async with SQLiteLedger("/dev/null") as ledger:
        problem = await problem_of(ledger.runs())

    assert problem == "/dev/null: is no file; name the file itself."


async def test_a_link_in_place_of_the_lock_is_refused(ledger, path):
    """It would be opened for writing."""
    target = path.with_name("target")
    path.with_name("ledger.db-lock").symlink_to(target)

    problem = await problem_of(ledger.runs())

    assert problem == (f"{path}: cannot be used: {os.strerror(errno.ELOOP)}.")
    assert not target.exists()


async def test_a_reader_makes_no_ledger(tmp_path, path):
    """Nor does it take an empty file for one."""
    async with SQLiteLedger(path, read_only=True) as ledger:
        first = await problem_of(ledger.runs())
        path.touch()
        second = await problem_of(ledger.runs())

    assert first == second == f"{path}: there is no such ledger; check the path."
    assert contents(tmp_path) == {"ledger.db": b""}


async def test_a_reader_does_not_write(written):
    """Whatever it is asked to."""
    async with SQLiteLedger(written, read_only=True) as ledger:
        problem = await problem_of(ledger.open_run(run_record()))

    assert problem == f"{written}: is open for reading only."
    assert await read(written) == [(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])]


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        (
            ("none", "l.db"),
            "its folder does not exist; create it, or name another file",
        ),
        (("file", "l.db"), "its folder is a file; name another folder"),
        (("x" * 300,), f"cannot be used: {os.strerror(errno.ENAMETOOLONG)}"),
    ],
    ids=["no-folder", "file-as-folder", "too-long"],
)
async def test_where_no_file_can_be_there_is_no_ledger(tmp_path, parts, problem):
    """The words say why."""
    (tmp_path / "file").touch()
    path = tmp_path.joinpath(*parts)

    async with SQLiteLedger(path) as ledger:
        assert await problem_of(ledger.runs()) == f"{path}: {problem}."


# --- versions -------------------------------------------------------------------------


def version_of(path):
    """Return the version that a file says it has."""
    return sql(path, "PRAGMA user_version")[0][0]


async def test_a_file_says_what_it_is(written):
    """Its application and its version stand in its header."""
    assert sql(written, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert version_of(written) == len(MIGRATIONS) == 1


def notes_in(path, *, read_only=False, migrations=NEWER):
    """Open a file as the version after the newest one would, and read from it."""
    with closing(LedgerFile(path, read_only=read_only, migrations=migrations)) as file:
        return file.read(lambda one: one.execute("SELECT note FROM runs").fetchall())


async def test_an_older_file_is_led_to_the_newest_version(written):
    """Everything in it stays."""
    notes = await asyncio.to_thread(notes_in, written)

    assert notes == [("none",)]
    assert version_of(written) == 2
    assert sql(written, "SELECT name, items, residual_credit FROM runs") == [
        ("full", 9_000_000_001, "12345678901234567890.10")
    ]
    assert sql(written, "SELECT payload FROM contents") == [(b"\0payload\xff",)]


async def test_a_step_between_versions_is_taken_as_a_whole(written):
    """One that fails leaves the version before it."""
    steps = (*MIGRATIONS, ("CREATE TABLE new (a)", "nonsense"))

    problem = await problem_of(asyncio.to_thread(notes_in, written, migrations=steps))

    assert "cannot be used (SQLITE_ERROR)" in problem
    assert version_of(written) == 1
    assert await read(written) == [(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])]


async def test_an_older_file_is_not_changed_by_a_reader(written):
    """It asks for a writer."""
    problem = await problem_of(asyncio.to_thread(notes_in, written, read_only=True))

    assert problem == (
        f"{written}: an older version of aiooctopush wrote it; open it once for "
        "writing."
    )
    assert version_of(written) == 1


@pytest.mark.parametrize("read_only", [False, True], ids=["writer", "reader"])
async def test_a_newer_file_is_left_as_it_is(written, read_only):
    """Byte for byte: this version cannot know what it means."""
    await asyncio.to_thread(notes_in, written)
    before = contents(written.parent)

    async with SQLiteLedger(written, read_only=read_only) as ledger:
        problem = await problem_of(ledger.runs())

    assert problem == (
        f"{written}: a newer version of aiooctopush wrote it, and it was not changed; "
        "update aiooctopush."
    )
    assert contents(written.parent) == before


async def test_a_newer_file_is_known_after_a_crash(written, tmp_path):
    """Its version may still stand next to it only."""
    other = tmp_path / "other"
    other.mkdir()

    def crash():
        file = LedgerFile(written, read_only=False, migrations=NEWER)
        with closing(file):
            file.read(lambda _: None)
            for name in ("ledger.db", "ledger.db-wal"):
                shutil.copy(tmp_path / name, other)

    await asyncio.to_thread(crash)

    async with SQLiteLedger(other / "ledger.db") as ledger:
        assert "a newer version" in await problem_of(ledger.runs())


# --- one writer, many readers ---------------------------------------------------------


async def test_a_second_writer_is_refused_at_once(ledger, path):
    """Also one of the same process; the first works on, and the second may wait."""
    await begun(ledger)

    async with SQLiteLedger(path) as second:
        problem = await problem_of(second.runs())
        await ledger.plan(run_record(), [batch_record()])
        await ledger.close()

        assert await listed(second) == [batch_record()]
    assert problem == (
        f"{path}: another process is writing to it, or another ledger of this one; "
        "wait for it, or open it read_only."
    )


async def test_a_run_that_could_not_be_opened_to_add_to_can_be_later(path):
    """The second ledger waits for the first, and nothing of its own keeps it out."""
    second = SQLiteLedger(path)
    async with SQLiteLedger(path) as first:
        await begun(first)
        problem = await problem_of(second.open_beside_workers(run_record()))
    async with second:
        run = await second.open_beside_workers(run_record())

    assert "another process is writing to it" in problem
    assert run.name == "run"


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="Linux lists locks there")
async def test_a_refused_writer_does_not_free_the_first(ledger, path):
    """To look at a file must not drop the locks that this process has on it."""
    await begun(ledger)
    inode = str(path.stat().st_ino)

    def locks():
        return Path("/proc/locks").read_text("utf-8").count(f":{inode} ")

    before = locks()
    async with SQLiteLedger(path) as second:
        await problem_of(second.runs())

    assert before > 0
    assert locks() == before


async def test_readers_see_what_is_written_while_it_is(ledger, path):
    """Each of them what was there when it asked."""
    run = await begun(ledger, batch_record(1))

    async with SQLiteLedger(path, read_only=True) as reader:
        first = await listed(reader)
        await ledger.plan(run, [batch_record(2)])
        second = await listed(reader)

    assert (first, second) == ([batch_record(1)], [batch_record(1), batch_record(2)])


async def test_a_system_without_locks_can_only_read(written, monkeypatch):
    """Two runs at one file would not know of each other."""
    monkeypatch.setitem(sys.modules, "fcntl", None)

    async with SQLiteLedger(written) as ledger:
        problem = await problem_of(ledger.runs())

    assert problem == (
        f"{written}: files cannot be locked on this system, so a ledger can only be "
        "read; use another kind of ledger."
    )
    assert await read(written) == [(FULL_RUN, [FULL_BATCH], [FULL_REJECTION])]


async def test_a_disk_without_locks_is_refused(ledger, path, monkeypatch):
    """Scripted: some network drives have none."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)

    problem = await problem_of(ledger.runs())

    assert problem == f"{path}: cannot be used: No locks available."


def half_copied(path, other):
    """
    Put into a folder what is left of a database whose log was being copied.

    The first page of the file, which says how long it is, is new; the rest is old.
    """
    for name in (path.name, f"{path.name}-wal"):
        shutil.copy(path.with_name(name), other)
    sql(path, "PRAGMA wal_checkpoint")
    with (other / path.name).open("r+b") as file:
        file.write(path.read_bytes()[:PAGE_BYTES])


@pytest.mark.parametrize("read_only", [False, True], ids=["writer", "reader"])
async def test_a_crash_while_the_log_is_copied_loses_nothing(
    ledger, path, tmp_path, read_only
):
    """File and log are whole together, and are read so."""
    other = tmp_path / "other"
    other.mkdir()
    await begun(ledger, *LARGE)
    half_copied(path, other)

    async with SQLiteLedger(other / path.name, read_only=read_only) as second:
        assert await listed(second) == LARGE


async def test_what_is_no_ledger_is_left_as_it_is_after_such_a_crash(path, tmp_path):
    """The log is not copied into a file that is not ours."""
    other = tmp_path / "other"
    other.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE theirs (a)")
        connection.execute("INSERT INTO theirs VALUES (zeroblob(100000))")
        half_copied(path, other)
    before = (other / path.name).read_bytes()

    async with SQLiteLedger(other / path.name) as ledger:
        problem = await problem_of(ledger.runs())

    assert "is not a ledger file, and was not changed" in problem
    assert (other / path.name).read_bytes() == before


# --- cancellation ---------------------------------------------------------------------


async def test_close_waits_for_what_is_being_written(ledger, path):
    """Then it tidies up."""
    run = await begun(ledger)
    gate = threading.Event()
    ledger._commits._thread.submit(gate.wait)
    writing = asyncio.create_task(ledger.plan(run, [batch_record()]))
    await asyncio.sleep(0)
    closing_it = asyncio.create_task(ledger.close())
    await asyncio.sleep(0)

    gate.set()
    await closing_it

    assert writing.done()
    assert not path.with_name("ledger.db-wal").exists()
    assert [len(batches) for _, batches, _ in await read(path)] == [1]


async def test_a_cancelled_close_closes_all_the_same(ledger, path):
    """The cancellation passes, and the lock is free."""
    await begun(ledger)
    gate, thread = threading.Event(), ledger._commits._thread
    thread.submit(gate.wait)
    closing_it = asyncio.create_task(ledger.close())
    await asyncio.sleep(0)

    closing_it.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing_it
    gate.set()
    await asyncio.to_thread(thread.shutdown)

    async with SQLiteLedger(path) as second:
        assert len(await second.runs()) == 1


# --- what goes wrong ------------------------------------------------------------------


@contextmanager
def files_of_at_most(size):
    """Let no file grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_fails_leaves_nothing_of_a_write(ledger, path):
    """And the ledger goes on as soon as the disk does."""
    run = await begun(ledger, batch_record(100))
    before = await everything(ledger)

    with files_of_at_most(300_000):
        problem = await problem_of(ledger.plan(evolve(run, items=1), LARGE))
        after = await everything(ledger)
    await ledger.plan(run, LARGE)

    assert problem == (
        f"{path}: the disk failed to read or write; check it, then resume."
    )
    assert after == before
    assert await listed(ledger) == [*LARGE, batch_record(100)]


async def test_a_full_disk_leaves_nothing_of_a_write(ledger, path):
    """And the ledger goes on as soon as there is room."""
    run = await begun(ledger, batch_record(100))
    before = await everything(ledger)

    async def allow(pages):
        limit = f"PRAGMA max_page_count = {pages}"
        await ledger._commits.read(lambda one: one.execute(limit).fetchone())

    await allow(30)
    problem = await problem_of(ledger.plan(evolve(run, items=1), LARGE))
    after = await everything(ledger)
    await allow(100_000)
    await ledger.plan(run, LARGE)

    assert problem == f"{path}: the disk is full; free space, then resume."
    assert after == before
    assert await listed(ledger) == [*LARGE, batch_record(100)]


async def test_a_disk_without_room_gets_no_half_ledger(ledger, path):
    """Nothing is left of the try, and the next one works."""
    with files_of_at_most(PAGE_BYTES):
        problem = await problem_of(ledger.open_run(run_record()))
    left = {file.name for file in path.parent.iterdir()}
    await begun(ledger)

    assert "the disk failed to read or write" in problem
    assert left == {"ledger.db-lock"}
    assert len(await ledger.runs()) == 1


@pytest.mark.parametrize("act", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
async def test_a_file_that_another_program_holds_is_not_written(
    ledger, path, monkeypatch, act
):
    """It waits a while, and goes on when the other is done."""
    monkeypatch.setattr(sqlite_file, "_PATIENCE", 0.01)
    run = await begun(ledger)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(act)
        problem = await problem_of(ledger.plan(run, [batch_record()]))
        other.execute("ROLLBACK")

        await ledger.plan(run, [batch_record()])

    assert (
        problem
        == f"{path}: another program is using it; close that program, then resume."
    )


async def test_a_folder_that_may_not_be_written_is_refused(shared):
    """There would be no place for the lock."""
    shared.chmod(0o555)
    with somebody_who_is_not_root():
        async with SQLiteLedger(shared / "l.db") as ledger:
            problem = await problem_of(ledger.runs())
    shared.chmod(0o777)

    assert problem == (
        f"{shared / 'l.db'}: is not writable by this user; change its permissions, or "
        "name another file."
    )


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (
            0o444,
            (
                "is not writable by this user; change its permissions, or name another "
                "file"
            ),
        ),
        (
            0,
            (
                "is not writable by this user; change its permissions, or name another "
                "file"
            ),
        ),
    ],
    ids=["read-only", "unreadable"],
)
async def test_a_file_that_may_not_be_used_is_refused(shared, mode, words):
    """And works as soon as it may."""
    path = shared / "l.db"
    with somebody_who_is_not_root():
        async with SQLiteLedger(path) as ledger:
            await begun(ledger)
        path.chmod(mode)
        async with SQLiteLedger(path) as ledger:
            problem = await problem_of(ledger.update_run(run_record(items=1)))
        path.chmod(0o600)
        async with SQLiteLedger(path) as ledger:
            await ledger.update_run(run_record(items=2))

    assert problem == f"{path}: {words}."
    assert [run.items for run, _, _ in await read(path)] == [2]


def spoil(path, start, size):
    """Write garbage into a file."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * size)


async def test_a_damaged_page_is_noticed(written):
    """The words say what to do, and nothing of what is in there."""
    size = written.stat().st_size
    spoil(written, PAGE_BYTES, size - PAGE_BYTES)

    problem = await problem_of(read(written))

    assert problem == (
        f"{written}: is damaged; keep it. A copy lacks the recipients who were "
        "planned after it was made: read docs/ledger.md before you continue with one."
    )


async def test_a_damaged_header_makes_it_no_ledger(written):
    """It cannot be told from any other file, and is left as it is."""
    spoil(written, 0, 100)

    assert "is not a ledger file, and was not changed" in await problem_of(
        read(written)
    )


async def test_a_damaged_size_is_noticed(written):
    """A file that was cut off is not read as if it were whole."""
    os.truncate(written, written.stat().st_size - PAGE_BYTES)

    assert "is damaged" in await problem_of(read(written))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE batches SET state = 'secret'", id="state"),
        pytest.param("UPDATE batches SET cost = 'secret'", id="money"),
        pytest.param("UPDATE batches SET code = 'secret'", id="figure"),
        pytest.param("UPDATE batches SET faults = '{secret'", id="json"),
        pytest.param("UPDATE batches SET concluded_at = 'secret'", id="instant"),
        pytest.param("UPDATE batches SET cost = x'00'", id="bytes"),
        pytest.param(
            "UPDATE batches SET error = CAST('secret' || x'ff' AS TEXT)", id="utf-8"
        ),
    ],
)
async def test_a_value_that_makes_no_sense_is_noticed(written, change):
    """It is not shown, neither in the error nor in what led to it."""
    sql(written, change)

    async with SQLiteLedger(written, read_only=True) as ledger:
        with pytest.raises(LedgerError) as caught:
            await listed(ledger, "full")

    assert str(caught.value) == (
        f"{written}: is damaged; keep it. A copy lacks the recipients who were "
        "planned after it was made: read docs/ledger.md before you continue with one."
    )
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_what_sqlite_alone_can_name_is_named(written):
    """A table that somebody dropped."""
    sql(written, "DROP TABLE rejections")

    async with SQLiteLedger(written, read_only=True) as ledger:
        problem = await problem_of(rejected(ledger, "full"))

    assert problem == (
        f"{written}: cannot be used (SQLITE_ERROR); check it, then resume."
    )


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(batch_record(first=2**63), id="number"),
        pytest.param(batch_record(error="secret\ud800"), id="text"),
    ],
)
async def test_what_sqlite_cannot_hold_is_refused(ledger, path, batch):
    """Nothing of it is written, and it is not shown."""
    run = await begun(ledger)

    with pytest.raises(LedgerError, match="cannot store such a value") as caught:
        await ledger.plan(run, [batch_record(2), batch])

    assert await listed(ledger) == []
    assert caught.value.__cause__ is None
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["ledger.db", "ledger.db-lock"])
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(Path.unlink, id="deleted"),
        pytest.param(lambda path: path.rename(path.with_name("moved")), id="moved"),
        pytest.param(
            lambda path: shutil.move(shutil.copy(path, f"{path}2"), path), id="replaced"
        ),
    ],
)
async def test_a_file_that_vanished_is_missed(ledger, path, name, act):
    """What was written to it would be gone, and another could take the lock."""
    run = await begun(ledger)
    act(path.with_name(name))

    problem = await problem_of(ledger.plan(run, [batch_record()]))

    assert problem == (
        f"{path}: {name} was moved, replaced or deleted while the ledger was open; "
        "put it back, or start again."
    )


async def test_a_file_that_is_put_back_is_written_again(ledger, path):
    """Nothing was lost in between."""
    run = await begun(ledger)
    path.rename(path.with_name("moved"))
    await problem_of(ledger.runs())

    path.with_name("moved").rename(path)
    await ledger.plan(run, [batch_record()])

    assert await listed(ledger) == [batch_record()]


# --- purge ----------------------------------------------------------------------------


async def fill(ledger):
    """
    Write marked content in rows that grow and shrink.

    So SQLite moves them from page to page, and with this seed leaves copies behind.
    """
    source = random.Random(1)

    def marked(most):
        return b"".join(
            b"+33612345678" + source.randbytes(4) for _ in range(source.randrange(most))
        )

    run = await begun(ledger, rejections=[FULL_REJECTION])
    for number in range(1, 301):
        batch = batch_record(number, payload=marked(20), numbers=marked(40))
        await ledger.plan(run, [batch])
        changed = batch_record(
            source.randint(max(1, number - 100), number),
            payload=marked(6),
            numbers=marked(48),
            error="x" * source.randrange(600),
            state=source.choice([BatchState.UNKNOWN, BatchState.ACCEPTED]),
        )
        await ledger.conclude("run", changed)


def traces(folder):
    """Count what can still be found of the content."""
    return sum(
        one.count(b"+33612345678") + one.count(b"06****78")
        for one in contents(folder).values()
    )


async def test_what_is_purged_is_in_no_file_any_more(ledger, tmp_path):
    """Not even in a page that is free, while the ledger is still open."""
    await fill(ledger)
    before = traces(tmp_path)

    await ledger.purge("run")

    assert before > 5_000
    assert traces(tmp_path) == 0
    assert len(await listed(ledger)) == 300


@pytest.mark.parametrize("size", [4_000, 25_000, 27_000])
async def test_what_is_dropped_leaves_no_room_behind(ledger, path, size):
    """A batch that is done takes two kilobytes, whatever it said."""
    run = await begun(ledger)
    for number in range(1, 201):
        values = {"numbers": os.urandom(1_510), "payload": os.urandom(size)}
        await ledger.plan(run, [batch_record(number, **values)])
        # Four are on their way.
        done = evolve(batch_record(number - 3, **values), state=BatchState.ACCEPTED)
        await (ledger.conclude("run", done) if number > 3 else asyncio.sleep(0))
    await ledger.close()

    assert path.stat().st_size < 200 * 2_500 + 4 * 30_000


async def test_a_purge_makes_the_file_small(ledger, path):
    """What is left are figures."""
    await fill(ledger)

    await ledger.purge("run")

    assert path.stat().st_size < 300 * 1_000


async def test_a_purge_says_if_a_reader_keeps_what_was_purged(
    ledger, path, monkeypatch
):
    """Then it is purged again, and gone."""
    monkeypatch.setattr(sqlite_file, "_PATIENCE", 0.01)
    await fill(ledger)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM runs").fetchone()
        problem = await problem_of(ledger.purge("run"))
        other.execute("COMMIT")

        await ledger.purge("run")

    assert problem == (
        f"{path}: another program is reading it, so the purged data is still in the "
        "file; close that program, then purge again."
    )
    assert traces(path.parent) == 0


async def test_whether_a_process_writes_can_be_asked(tmp_path, monkeypatch):
    """Without disturbing it; where files have no locks, nobody knows."""
    path = tmp_path / "run.db"
    nobody = is_locked(path)
    async with SQLiteLedger(path) as ledger:
        await begun(ledger)
        during = is_locked(path)
    after = is_locked(path)
    monkeypatch.setitem(sys.modules, "fcntl", None)

    assert (nobody, during, after) == (False, True, False)
    assert is_locked(path) is None
