"""A file of any kind is taken for what its name or its content says."""

import gzip
import io

import openpyxl
import pytest

from aiooctopush import InvalidFieldError, Recipient, read_recipients


ONE = Recipient("+33639980001")


def workbook():
    """The bytes of a spreadsheet with one number."""
    book, kept = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["phone_number"])
    book.active.append([ONE.phone_number])
    book.save(kept)
    return kept.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.csv", b"phone_number\n+33639980001\n"),
        ("people.json", b'["+33639980001"]'),
        ("people", b'\n {"phone_number": "+33639980001"}\n'),
        ("people", b"phone_number\n+33639980001\n"),
        ("people", gzip.compress(b'["+33639980001"]', mtime=0)),
        ("people.jsonl.gz", gzip.compress(b'"+33639980001"\n', mtime=0)),
        ("people", workbook()),
    ],
    ids=["csv", "json", "lines", "no name", "gzip", "gzipped lines", "excel"],
)
def test_the_name_or_the_content_tells(tmp_path, name, content):
    """Gzipped or not."""
    path = tmp_path / name
    path.write_bytes(content)

    assert list(read_recipients(path)) == [ONE]


def test_a_broken_archive_is_left_to_its_reader(tmp_path):
    """It says in better words what is wrong."""
    path = tmp_path / "people"
    path.write_bytes(b"\x1f\x8b\x08")

    assert type(read_recipients(path)).__name__ == "CsvSource"
    assert type(read_recipients(tmp_path / "none")).__name__ == "CsvSource"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"format": "xml"}, "format"),
        ({"sheet": "a"}, "sheet"),
        ({"format": "json", "delimiter": ";"}, "delimiter"),
        ({"format": "excel", "encoding": "cp1252"}, "encoding"),
    ],
)
def test_an_option_of_another_format_is_refused(tmp_path, options, field):
    """It would mean nothing."""
    with pytest.raises(InvalidFieldError) as caught:
        read_recipients(tmp_path / "people.csv", **options)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "advice"),
    [("firstname", "; did you mean first_name?"), ("zzz", "country (got 'zzz')")],
)
def test_a_field_that_does_not_exist_is_refused(tmp_path, name, advice):
    """With the one that is probably meant, if there is one."""
    with pytest.raises(InvalidFieldError) as caught:
        read_recipients(tmp_path / "people.csv", columns={name: "Prénom"})

    assert caught.value.field == "columns"
    assert advice in str(caught.value)


@pytest.mark.parametrize("columns", [{"first_name": ["a", "b"]}, {"phone_number": []}])
def test_columns_that_mean_nothing_are_refused(tmp_path, columns):
    """A value has one column, a number at least one."""
    with pytest.raises(InvalidFieldError, match="columns: must name"):
        read_recipients(tmp_path / "people.csv", columns=columns)
