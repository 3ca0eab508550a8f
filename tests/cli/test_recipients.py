"""How a command opens a file with recipients: the same options for all of them."""

import json
from types import SimpleNamespace

import openpyxl
import pytest

from aiooctopush.cli.targets import recipients


LIST = "Téléphone;Prénom;Pays\n06 39 98 00 01;Zoé;FR\n07700 900123;Ann;GB\n"
COLUMNS = ("--column", "phone_number=Téléphone", "--column", "first_name=prenom")


@pytest.fixture
def clients(tmp_path):
    """A list as people have it."""
    path = tmp_path / "clients.csv"
    path.write_text(LIST, encoding="utf-8")
    return path


def test_a_declared_country_and_columns_are_used(run, gateway, clients):
    """Whoever is in the file gets the message, with his name in it."""
    result = run(
        *("bulk", clients, "--sandbox", "--country", "GB", *COLUMNS),
        *("--column", "country=Pays", "--text", "Hi {first_name}"),
        *("--sender", "Acme", "--purpose", "alert"),
    )

    assert result.exit_code == 0, result.stderr
    assert sorted(gateway.sent_log.numbers()) == ["+33639980001", "+447700900123"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--country", "XX"), "--country: must be the two letters of a country"),
        (("--column", "phone=Mobile"), "--column: must name fields"),
        (("--column", "Mobile"), "'Mobile' must be FIELD=HEADER"),
        (("--column", "param1=a", "--column", "param1=b"), "param1 is given twice"),
        (("--column", "phone_number=Mobile"), "has no column 'Mobile'"),
        (("--sheet", "people"), "--sheet: is for spreadsheets"),
        ((), "--column phone_number=Téléphone"),
    ],
    ids=["country", "field", "no header", "twice", "no column", "sheet", "no option"],
)
def test_what_cannot_be_done_is_said_before_anything(run, clients, arguments, words):
    """With the option to type, and exit code 2."""
    result = run("preview", clients, "--text", "Hi", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize(
    "content",
    ["phone_number\n0639980001\n", '["0639980001"]', '{"phone_number": "0639980001"}'],
    ids=["csv", "array", "lines"],
)
def test_standard_input_is_what_its_content_says(run, content):
    """CSV or JSON; it is copied to a file that is gone when the command ends."""
    result = run(
        *("preview", "-", "--text", "Hi", "--json", "--country", "FR"), input=content
    )

    assert json.loads(result.stdout)["recipients"] == 1


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (None, "-: reads standard input, which is closed here"),
        (SimpleNamespace(isatty=lambda: True), "which is a terminal here"),
    ],
    ids=["closed", "terminal"],
)
def test_standard_input_that_brings_nothing_is_refused(run, monkeypatch, stdin, words):
    """Nobody waits for a list that is not coming."""
    monkeypatch.setattr(recipients, "sys", SimpleNamespace(stdin=stdin))

    result = run("preview", "-", "--text", "Hi")

    assert result.exit_code == 2
    assert words in result.stderr


def test_a_spreadsheet_is_read(run, tmp_path):
    """Numbers that it holds as numbers, and the sheet that was named."""
    path = tmp_path / "clients.xlsx"
    sent_log = openpyxl.Workbook()
    sent_log.active.append(["phone_number"])
    sheet = sent_log.create_sheet("clients")
    sheet.append(["phone_number"])
    sheet.append([639980001])
    sent_log.save(path)

    told = run(
        *("preview", path, "--text", "Hi", "--json", "--country", "FR"),
        *("--sheet", "clients"),
    ).stdout

    assert json.loads(told)["recipients"] == 1


def test_typed_numbers_may_be_national(run, gateway):
    """With their country."""
    result = run(
        *("contacts", "delete", "0639980001", "--country", "FR", "--yes"), "--sandbox"
    )

    assert result.exit_code == 0, result.stderr
