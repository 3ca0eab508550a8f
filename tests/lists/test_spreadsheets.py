"""Spreadsheets: what their cells say comes out, and what is none says so."""

import struct
import sys
import zipfile
from datetime import date

import openpyxl
import pytest

from aiooctopush import InvalidFieldError, Recipient, SourceError, read_spreadsheet
from aiooctopush.bulk.sources import spreadsheet


@pytest.fixture
def workbook(tmp_path):
    """Write a workbook of the given sheets, each a list of rows."""

    def write(**sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "people.xlsx"
        book.save(path)
        return path

    return write


def rows_of(path, **options):
    """All rows, with their lines."""
    with read_spreadsheet(path, **options).rows() as rows:
        return list(rows)


def test_cells_are_read_as_they_are(workbook):
    """Text, numbers of either kind, dates, and cells that are empty."""
    day = date(2026, 12, 24)
    path = workbook(
        people=[
            [],
            ["phone_number", "first_name", "param1", "param2", "note"],
            ["+33639980001", "Zoé", 12, 1.5, True],
            ["+33639980002", None, day, 33639980001],
            [None, None],
            ["+33639980003"],
        ]
    )

    assert rows_of(path) == [
        (3, Recipient("+33639980001", first_name="Zoé", param1="12", param2="1.5")),
        (4, Recipient("+33639980002", param1="2026-12-24", param2="33639980001")),
        (6, Recipient("+33639980003")),
    ]


def test_numbers_that_a_sheet_holds_as_numbers_are_read_exactly(workbook):
    """With a country declared, what Excel lost is found again."""
    path = workbook(
        people=[
            ["Téléphone", "Domicile"],
            [639980001, None],
            [33639980002, None],
            ["06 39 98 00 03", None],
            [None, 199000004],
            ["inconnu", None],
        ]
    )
    columns = {"phone_number": ["telephone", "domicile"]}

    *rows, (line, error) = rows_of(path, country="FR", columns=columns)

    assert [(line, one.phone_number) for line, one in rows] == [
        (2, "+33639980001"),
        (3, "+33639980002"),
        (4, "+33639980003"),
        (5, "+33199000004"),
    ]
    assert (line, error.column, error.header) == (
        6,
        "Téléphone",
        ("Téléphone", "Domicile"),
    )
    assert error.cells[0] == "inconnu"


def test_a_number_without_a_country_is_refused_as_in_a_csv_file(workbook):
    """Nothing is guessed."""
    ((_, error),) = rows_of(workbook(people=[["phone_number"], [639980001]]))

    assert "leading 0 was dropped by a spreadsheet" in str(error)


def test_the_first_visible_sheet_is_read_unless_another_is_named(workbook):
    """By its name, as it stands on its tab."""
    path = workbook(
        hidden=[["phone_number"], ["+33639980001"]],
        first=[["phone_number"], ["+33639980002"]],
        second=[["phone_number"], ["+33639980003"]],
    )
    book = openpyxl.load_workbook(path)
    book["hidden"].sheet_state = "hidden"
    book.save(path)

    assert [one.phone_number for _, one in rows_of(path)] == ["+33639980002"]
    assert [one.phone_number for _, one in rows_of(path, sheet="second")] == [
        "+33639980003"
    ]
    with pytest.raises(SourceError, match="has no sheet 'third', only 'hidden, first"):
        rows_of(path, sheet="third")


def test_headers_are_told_without_reading_rows(workbook):
    """What is not used, and what is missing."""
    path = workbook(people=[["phone_number", "Prénom", "ville"], ["+33639980001"]])
    source = read_spreadsheet(path)

    assert source.ignored_columns() == ("Prénom", "ville")
    assert source.missing(["first_name", "param1"]) == {
        "first_name": ("Prénom",),
        "param1": (),
    }


def test_a_formula_without_a_stored_result_is_an_empty_cell(workbook):
    """Whatever computed it did not say what it is."""
    ((_, error),) = rows_of(workbook(people=[["phone_number", "a"], ["=A1", "x"]]))

    assert "column phone_number: is empty" in str(error)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "has nothing in the sheet 'people'"),
        ([["Mobile"], ["+33639980001"]], "--column phone_number=Mobile"),
    ],
    ids=["empty", "no number"],
)
def test_a_sheet_without_people_is_refused(workbook, rows, words):
    """With what to do."""
    with pytest.raises(SourceError, match=words):
        rows_of(workbook(people=rows))


def test_a_workbook_without_a_visible_sheet_is_refused(workbook, monkeypatch):
    """There is nothing that anybody could have meant."""
    path = workbook(people=[["phone_number"]])
    book = openpyxl.load_workbook(path)
    book["people"].sheet_state = "hidden"
    monkeypatch.setattr(openpyxl.workbook.workbook.Workbook, "active", None)
    book.create_sheet("chart").sheet_state = "veryHidden"
    monkeypatch.undo()
    sheets = book.worksheets
    with zipfile.ZipFile(path) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    files["xl/workbook.xml"] = files["xl/workbook.xml"].replace(
        b'state="visible"', b'state="hidden"'
    )
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)

    assert len(sheets) == 2
    with pytest.raises(SourceError, match="has no visible sheet"):
        rows_of(path)


@pytest.mark.parametrize(
    "content",
    [b"phone_number\n+33639980001\n", b"PK\x03\x04 and no more", b""],
    ids=["text", "cut off", "empty"],
)
def test_what_is_no_spreadsheet_is_refused(tmp_path, content):
    """Whatever its name says."""
    path = tmp_path / "people.xlsx"
    path.write_bytes(content)

    with pytest.raises(SourceError, match="is no spreadsheet that can be read"):
        rows_of(path)


def encrypted():
    """The outermost layer of a workbook with a password: a compound file."""
    free, end, fat = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, 4096, end, 0, end, 0),
    )
    head += struct.pack("<109I", 0, *[free] * 108)
    chain = [fat, end, *range(3, 10), end]
    table = struct.pack("<128I", *chain, *[free] * (128 - len(chain)))

    def entry(name, kind, child, start, size):
        wide = (name + "\0").encode("utf-16-le")
        return struct.pack(
            "<64sHBBIII36xIQ", wide, len(wide), kind, 1, free, free, child, start, size
        )

    folder = entry("Root Entry", 5, 1, end, 0)
    folder += entry("EncryptedPackage", 2, free, 2, 4096)
    folder += entry("", 0, free, 0, 0) * 2
    return head + table + folder + bytes(4096)


def test_a_workbook_with_a_password_is_refused(tmp_path):
    """With what to do."""
    path = tmp_path / "people.xlsx"
    path.write_bytes(encrypted())

    with pytest.raises(SourceError, match="is protected by a password: remove it"):
        rows_of(path)


def edited(path, change):
    """Change the first sheet of a workbook, as it is in its file."""
    name = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path) as packed:
        files = {one: packed.read(one) for one in packed.namelist()}
    files[name] = change(files[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for one, content in files.items():
            packed.writestr(one, content)
    return path


def test_a_million_rows_are_refused(workbook):
    """They would have to be in memory all at once."""
    path = edited(
        workbook(people=[["phone_number"], ["+33639980001"]]),
        lambda sheet: sheet.replace(b'r="2"', b'r="1000001"').replace(
            b'r="A2"', b'r="A1000001"'
        ),
    )

    with pytest.raises(SourceError, match=r"has 1,000,00. rows.*save the sheet as CSV"):
        rows_of(path)


def test_a_small_file_that_unpacks_to_much_is_refused(workbook, monkeypatch):
    """Before it is unpacked."""
    monkeypatch.setattr(spreadsheet, "_BYTES_AT_MOST", 1_000)

    with pytest.raises(SourceError, match="is too large"):
        rows_of(workbook(people=[["phone_number"]]))


def test_a_damaged_sheet_is_refused(workbook):
    """Its name says where."""
    path = edited(workbook(people=[["phone_number"]]), lambda sheet: sheet[:-40])

    with pytest.raises(SourceError, match=r"that cannot be read|is no spreadsheet"):
        rows_of(path)


CONTENT = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2">
<office:body><office:spreadsheet><table:table table:name="Feuille1">
<table:table-row><table:table-cell office:value-type="string">
<text:p>phone_number</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell office:value-type="float" office:value="639980001">
<text:p>639980001</text:p></table:table-cell></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>
"""


MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest
 xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">
<manifest:file-entry manifest:full-path="content.xml"
 manifest:media-type="text/xml"/></manifest:manifest>
"""


def test_an_opendocument_sheet_is_read(tmp_path):
    """As LibreOffice writes it."""
    path = tmp_path / "people.ods"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("META-INF/manifest.xml", MANIFEST)
        packed.writestr("content.xml", CONTENT)

    assert rows_of(path, country="FR") == [(2, Recipient("+33639980001"))]


def test_without_its_extra_a_spreadsheet_says_what_to_install(tmp_path, monkeypatch):
    """Before anything is opened."""
    monkeypatch.setitem(sys.modules, "python_calamine", None)

    with pytest.raises(InvalidFieldError, match=r'pip install "aiooctopush\[excel\]"'):
        read_spreadsheet(tmp_path / "people.xlsx")
