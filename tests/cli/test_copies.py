"""A second start with a copy of a ledger: an older one, or one without its log."""

import asyncio
import json
import shutil

import pytest
from ledger_kinds import batch_record

from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


@pytest.fixture
def ledger(tmp_path):
    """Where the ledger is."""
    return tmp_path / "run.db"


@pytest.fixture
def start(bulk, people, ledger):
    """Start the run with so many people, in requests of two."""

    def start(count, *arguments, place=ledger):
        return bulk(
            *(people(count), "--ledger", place, "--run", "week-48"),
            *("--batch-size", 2, "--concurrency", 1, *arguments),
        )

    return start


@pytest.fixture
def restored(start, run, ledger, tmp_path):
    """The ledger as a backup has it, made before four of ten people were planned."""
    start(6)
    backup = run("ledger", "backup", ledger, tmp_path / "older.db")
    start(10)
    ledger.unlink()
    shutil.copy(tmp_path / "older.db", ledger)

    assert backup.exit_code == 0, backup.output
    return ledger


# --- an older copy --------------------------------------------------------------------


def test_an_older_copy_sends_to_nobody_twice(restored, start, gateway):
    """It does not know four of the people, and the gateway knows their requests."""
    result = start(10)

    assert result.exit_code == 1
    assert set(gateway.sent_log.numbers().values()) == {1}
    assert "or the ledger is an older copy. Find out which; then run" in result.stdout
    assert "Already sent: the gateway has these requests, this ledger" in result.stdout
    assert f"`octopush unresolved {restored} --run week-48`" in result.stdout


def test_an_older_copy_as_json(restored, start):
    """Two people were asked about, and the run stands still before the others."""
    told = json.loads(start(10, "--json").stdout)

    assert (told["paused"], told["already_sent"], told["accepted"]) == (
        "already_sent",
        2,
        6,
    )
    assert told["now"]["already"] == 6


def test_an_older_copy_may_be_gone_on_with(restored, start, gateway):
    """Whoever is new in the list gets it, and the others stay at one."""
    result = start(12, "--on-already-sent", "continue", "--json")

    told = json.loads(result.stdout)
    assert (told["already_sent"], told["accepted"]) == (4, 8)
    assert set(gateway.sent_log.numbers().values()) == {1}
    assert len(gateway.sent_log.numbers()) == 12


def test_what_an_older_copy_lacks_can_be_decided(restored, start, run, gateway):
    """By hand, and the next start sends to nobody who had it."""
    start(10, "--on-already-sent", "continue")
    decided = [
        run("resolve", restored, batch, "sent", "--by", "Ada") for batch in ("4", "5")
    ]

    result = start(10)

    assert [one.exit_code for one in decided] == [0, 0]
    assert result.exit_code == 0
    assert "Nothing to send: all 10 people of people.csv had this text" in result.stdout
    assert set(gateway.sent_log.numbers().values()) == {1}


# --- a copy without its log -----------------------------------------------------------


@pytest.fixture
def without_log(start, ledger, tmp_path):
    """A copy of the one file, made while the run was going on."""
    start(6)
    copy = tmp_path / "copy.db"

    async def write():
        async with SQLiteLedger(ledger) as open_still:
            (run,) = await open_still.runs()
            await open_still.plan(run, [batch_record(4)])
            shutil.copy(ledger, copy)

    asyncio.run(write())
    return copy


LACKS_ITS_LOG = "copy.db: lacks its log, and so some or all of its data"


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--json",)])
def test_a_copy_without_its_log_sends_nothing(without_log, start, gateway, options):
    """It is named with what to do, and is left as it is."""
    before, sent = without_log.read_bytes(), len(gateway.sent_log)

    result = start(10, *options, place=without_log)

    assert result.exit_code == 1
    assert LACKS_ITS_LOG in result.stderr
    assert "octopush ledger backup" in result.stderr
    assert len(gateway.sent_log) == sent
    assert without_log.read_bytes() == before


COMMANDS = {
    "report": (),
    "unresolved": (),
    "rejected": (),
    "runs": (),
    "resolve": ("1", "sent", "--by", "Ada"),
    "purge": (),
}


@pytest.mark.parametrize(("command", "more"), COMMANDS.items(), ids=COMMANDS)
def test_a_copy_without_its_log_is_not_read_as_empty(without_log, run, command, more):
    """By any command."""
    result = run(command, without_log, *more)

    assert result.exit_code == 1
    assert LACKS_ITS_LOG in result.stderr


def test_with_its_log_the_copy_is_gone_on_with(without_log, start, ledger, gateway):
    """What was copied by hand is whole with both files."""

    async def copy():
        async with SQLiteLedger(ledger) as open_still:
            (run,) = await open_still.runs()
            await open_still.update_run(run)
            for suffix in ("", "-wal"):
                shutil.copy(f"{ledger}{suffix}", f"{without_log}{suffix}")

    asyncio.run(copy())
    result = start(6, place=without_log)

    assert set(gateway.sent_log.numbers().values()) == {1}
    assert "lacks its log" not in result.stderr
