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


def test_a_reason_names_its_column(run, sent, ledger):
    """Unless it is that of the number."""
    sent("+33600000001,", "+33600000002,Ada", "+33600000003,Bob", "+336,Eve")

    reasons = json.loads(run("rejected", ledger, "--json").stdout)["reasons"]

    assert "first_name is empty, and the text uses it" in reasons
    assert not any(one.startswith("phone_number") for one in reasons)


def test_no_rejected_rows(run, sent, ledger):
    """There is nothing to be done."""
    sent("+33600000001,Ada")

    result = run("rejected", ledger)

    assert result.stdout.startswith("0 rows of ")
    assert "corrected" not in result.stdout


@pytest.fixture
def repair(run, ledger, tmp_path):
    """Write the rejected rows of the latest run to a file."""

    def repair():
        path = tmp_path / "repair.csv"
        result = run("rejected", ledger, "--csv", path)
        assert result.exit_code == 0, result.output
        return path

    return repair


@pytest.fixture
def written(tmp_path):
    """Write a file of these lines as they are."""

    def written(*lines, name="list.csv"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return written


NATIONAL = ("--country", "FR", "--column", "phone_number=Mobile")


def test_rejected_rows_as_a_file(bulk, run, ledger, written, tmp_path):
    """All of them as they were, with line, column and reason, for the owner alone."""
    people = written(
        "Prénom;Mobile;Ville", "Ada;06 39 98 00 01;Lyon", "Bob;12;Lille", "Cy;x;"
    )
    options = (*NATIONAL, "--column", "first_name=Prénom", "--ledger", ledger)
    bulk(people, *options)
    path = tmp_path / "repair.csv"

    result = run("rejected", ledger, "--csv", path)

    header, *rows = csv.reader(path.read_text().splitlines())
    assert result.stderr == f"Wrote 2 rows to {path}.\n"
    assert header == ["Prénom", "Mobile", "Ville", "line", "column", "reason"]
    assert [row[:5] for row in rows] == [
        ["Bob", "12", "Lille", "3", "Mobile"],
        ["Cy", "x", "", "4", "Mobile"],
    ]
    assert all(row[5] for row in rows)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_repaired_file_is_sent(bulk, repair, ledger, written, gateway):
    """With the same options; nobody who had the text gets it again."""
    people = written("Prénom;Mobile", "Ada;06 39 98 00 01", "Bob;06 39 98")
    options = (*NATIONAL, "--column", "first_name=Prénom", "--ledger", ledger)
    bulk(people, *options)
    path = repair()
    path.write_text(path.read_text().replace("06 39 98", "06 39 98 00 02"))

    result = bulk(path, *options)

    assert result.exit_code == 0, result.output
    assert gateway.sent_log.numbers() == {"+33639980001": 1, "+33639980002": 1}


def test_a_file_that_is_repaired_in_part(bulk, repair, ledger, written):
    """What it said of a row is replaced, and its columns do not grow."""
    people = written("phone_number,first_name", "12,Bob", "13,Cy", "+33639980001,Ada")
    bulk(people, "--ledger", ledger)
    path = repair()
    path.write_text(path.read_text().replace('"12"', '"+33639980002"'))
    bulk(path, "--ledger", ledger)

    header, *rows = csv.reader(repair().read_text().splitlines())

    assert header == ["phone_number", "first_name", "line", "column", "reason"]
    assert [row[:4] for row in rows] == [["13", "Cy", "3", "phone_number"]]


def test_columns_that_are_called_like_ours(bulk, repair, ledger, written):
    """They stay what they are; ours get another name, once."""
    people = written("Line,first_name", "12,Bob", "13,Cy", "+33639980001,Ada")
    options = ("--column", "phone_number=Line", "--ledger", ledger)
    bulk(people, *options)
    path = repair()
    path.write_text(path.read_text().replace('"12"', '"+33639980002"'))
    bulk(path, *options)

    header, *rows = csv.reader(repair().read_text().splitlines())

    ours = ["rejected_line", "rejected_column", "rejected_reason"]
    assert header == ["Line", "first_name", *ours]
    assert [row[:4] for row in rows] == [["13", "Cy", "3", "Line"]]


def test_cells_too_many_stay_too_many(bulk, repair, ledger, written):
    """Sent without a repair, the row is refused for the same reason."""
    bulk(
        written("phone_number,first_name", "+33639980002,Bob,Lyon", "+33639980001,Ada"),
        *("--ledger", ledger),
    )
    path = repair()
    _, row = csv.reader(path.read_text().splitlines())
    assert [*row[:2], row[-1]] == ["+33639980002", "Bob", "Lyon"]

    result = bulk(path, "--ledger", ledger)

    assert "has 6 cells where the header has 5" in result.stderr


def test_cells_that_a_spreadsheet_would_run(bulk, repair, ledger, written):
    """They get an apostrophe; numbers stay as they are, however they are written."""
    people = written(
        "phone_number\tfirst_name\tparam1",
        "+336\t=1+1\t-2",
        '="0612"\t@SUM(A1)\t',
        "+33639980001\tAda\t",
        name="people.tsv",
    )
    bulk(people, "--ledger", ledger, "--delimiter", "\t")

    _, *rows = csv.reader(repair().read_text().splitlines())

    assert [row[:3] for row in rows] == [
        ["+336", "'=1+1", "-2"],
        ['="0612"', "'@SUM(A1)", ""],
    ]


def test_rejected_objects_as_a_file(bulk, repair, ledger, written):
    """Their keys are the columns, each once; what is no object has no cells."""
    people = written(
        '{"phone_number": "12", "first_name": "Bob"}',
        '{"first_name": "Cy", "age": 7}',
        "12",
        '{"phone_number": "+33639980001", "first_name": "Ada"}',
        name="people.json",
    )
    bulk(people, "--ledger", ledger)

    rows = list(csv.DictReader(repair().read_text().splitlines()))

    names = ("phone_number", "first_name", "age", "line", "value")
    assert [tuple(map(row.get, names)) for row in rows] == [
        ("12", "Bob", "", "1", ""),
        ("", "Cy", "7", "2", ""),
        ("", "", "", "3", "****"),
    ]


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
    assert "already exists" in again.stderr


def test_backup_of_a_database(run, tmp_path):
    """PostgreSQL has a program of its own for that."""
    result = run("ledger", "backup", "postgresql://me@host/base", tmp_path / "copy.db")

    assert result.exit_code == 2
    assert "pg_dump" in result.stderr
