"""Files for others: rejected rows, a row for each recipient, and copies of a ledger."""

import asyncio
import csv
import json
import stat

import pytest

from aiooctopush.ledgers.records import Receipt
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


@pytest.fixture
def ledger(tmp_path):
    """Where runs are recorded."""
    return tmp_path / "run.db"


@pytest.fixture
def sent(bulk, people, ledger):
    """Send to these lines, and record it."""

    def sent(*lines, arguments=()):
        return bulk(people(lines=lines), "--ledger", ledger, *arguments)

    return sent


BAD = ["0699887766,Bob", "0699887766,Bob", "+336,Bob", "+33600000001,Ada"]


def test_rejected_rows_by_reason(run, sent, ledger):
    """The most frequent reason first, and the first rows below."""
    sent(*BAD)

    result = run("rejected", ledger)
    told = json.loads(run("rejected", ledger, "--json").stdout)

    assert result.stdout.startswith("3 rows of ")
    assert "  2 ×  " in result.stdout
    assert "  line 2  " in result.stdout
    assert "0699887766" not in result.stdout
    assert "only the corrected rows are new." in result.stdout
    assert (told["rejected"], sum(told["reasons"].values())) == (3, 3)


def test_no_rejected_rows(run, sent, ledger):
    """There is nothing to be done."""
    sent("+33600000001,Ada")

    result = run("rejected", ledger)

    assert result.stdout.startswith("0 rows of ")
    assert "corrected" not in result.stdout


def test_rejected_rows_as_a_file(run, sent, ledger, tmp_path):
    """All of them, with line and reason, for the owner alone."""
    sent(*BAD)
    path = tmp_path / "repair.csv"

    result = run("rejected", ledger, "--csv", path)

    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert result.stderr == f"Wrote 3 rows to {path}.\n"
    assert [row["line"] for row in rows] == ["2", "3", "4"]
    assert all(row["reason"] for row in rows)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_row_for_each_recipient(run, sent, ledger, tmp_path):
    """What became of each, with the latest delivery status where there is one."""
    sent("+33600000001,Ada", "+33600000002,Bob", arguments=("--run", "mine"))

    async def deliver():
        async with SQLiteLedger(ledger) as open_ledger:
            receipt = Receipt(
                batch="1", number="+33600000002", status="DELIVERED", is_final=True
            )
            await open_ledger.record_receipts("mine", [receipt])

    asyncio.run(deliver())
    path = tmp_path / "people.csv.out"

    result = run("report", ledger, "--csv", path)
    told = json.loads(run("report", ledger, "--csv", path, "--json").stdout)

    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [
        (row["phone_number"], row["batch"], row["state"], row["code"], row["delivery"])
        for row in rows
    ] == [
        ("+33600000001", "1", "accepted", "", ""),
        ("+33600000002", "1", "accepted", "", "DELIVERED"),
    ]
    assert all(row["ticket"] for row in rows)
    assert "Wrote a row for each recipient" in result.stderr
    assert told["csv"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_backup_stands_alone(run, sent, ledger, tmp_path):
    """It can be read like the ledger itself, and replaces nothing."""
    sent("+33600000001,Ada")
    copy = tmp_path / "copy.db"

    result = run("ledger", "backup", ledger, copy)
    again = run("ledger", "backup", ledger, copy)

    assert result.stdout == f"Copied {ledger} to {copy}.\n"
    assert "the recipient is accepted" in run("report", copy).stdout
    assert again.exit_code == 1
    assert "is there already" in again.stderr


def test_backup_of_a_database(run, tmp_path):
    """PostgreSQL has a program of its own for that."""
    result = run("ledger", "backup", "postgresql://me@host/base", tmp_path / "copy.db")

    assert result.exit_code == 2
    assert "pg_dump" in result.stderr
