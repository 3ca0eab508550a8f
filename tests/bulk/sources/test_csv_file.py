"""CSV files: what people's spreadsheets write is read, or refused line by line."""

import asyncio
import csv
import gzip
import io
import os
import pickle
import tracemalloc
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush.api._recipients import Recipient
from aiooctopush.bulk.sources.columns import COLUMNS
from aiooctopush.bulk.sources.csv_file import RowSource, read_csv
from aiooctopush.bulk.sources.rows import _Reader
from aiooctopush.bulk.sources.text_file import SourceError
from aiooctopush.errors import InvalidFieldError, OctopushError


ANA = Recipient("+33600000001", first_name="Ana")
BOB = Recipient("+33600000002", first_name="Bob")
PEOPLE = "phone_number,first_name\n+33600000001,Ana\n+33600000002,Bob\n"


@pytest.fixture
def people(tmp_path, monkeypatch):
    """Write a file and give it back as a source."""
    # A relative path keeps the messages short.
    monkeypatch.chdir(tmp_path)

    def write(content, *, name="people.csv", **options):
        content = content.encode() if isinstance(content, str) else content
        Path(name).write_bytes(content)
        return read_csv(name, **options)

    return write


def error_of(source):
    """The error that reading a file ends in."""
    with pytest.raises(SourceError) as caught:
        list(source)
    return caught.value


# --- what is read ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PEOPLE, id="commas"),
        pytest.param(PEOPLE.replace(",", ";"), id="semicolons"),
        pytest.param(PEOPLE.replace(",", "\t"), id="tabs"),
        pytest.param(PEOPLE.rstrip(), id="no last newline"),
        pytest.param(PEOPLE.replace("\n", "\r\n"), id="Windows"),
        pytest.param(PEOPLE.replace("\n", "\r"), id="old Mac"),
        pytest.param("\ufeff" + PEOPLE, id="UTF-8 with mark"),
        pytest.param(("\ufeff" + PEOPLE).encode("utf-16-le"), id="UTF-16 little"),
        pytest.param(("\ufeff" + PEOPLE).encode("utf-16-be"), id="UTF-16 big"),
        pytest.param(gzip.compress(PEOPLE.encode()), id="gzip"),
        pytest.param(PEOPLE.replace("Ana", '"Ana"'), id="quoted cell"),
        pytest.param(PEOPLE.replace(",Ana", ', "Ana"'), id="quote after a space"),
        pytest.param(PEOPLE.replace("Ana", "  Ana "), id="white space"),
        pytest.param(PEOPLE.replace("+33600000001", "+33 6 00 00 00 01"), id="spaced"),
        pytest.param("\n \n" + PEOPLE.replace("\n", "\n\n"), id="empty lines"),
        pytest.param(PEOPLE.replace("\n+", "\n,\n , \n+"), id="rows without a cell"),
        pytest.param(PEOPLE.replace("\n+", "\n,,,\n+"), id="empty rows, too wide"),
        pytest.param(PEOPLE.replace("phone_", " Phone_"), id="header case and space"),
        pytest.param(
            PEOPLE.replace("phone_number,", '"phone_number","first_name"\n', 1).replace(
                "first_name\n+", "+", 1
            ),
            id="quoted header",
        ),
        pytest.param(
            PEOPLE.replace("phone_number", "'phone_number'"), id="apostrophes"
        ),
        pytest.param(
            "id,first_name,e-mail,phone_number\n"
            "1,Ana,a@example.org,+33600000001\n"
            "2,Bob,b@example.org,+33600000002\n",
            id="other columns, other order",
        ),
        pytest.param(
            'phone_number,first_name,"born\non"\n'
            "+33600000001,Ana,\n"
            "+33600000002,Bob,\n",
            id="newline in the header",
        ),
        pytest.param(
            "phone_number,first_name,note,note,\n"
            '+33600000001,Ana,"a,\nb",x,\n'
            '+33600000002,Bob,"5"" disk",,\n',
            id="ignored columns may repeat, be empty, hold anything",
        ),
    ],
)
def test_the_same_people_are_read(people, content):
    """However a spreadsheet wrote them."""
    assert list(people(content)) == [ANA, BOB]


def test_all_columns_are_read(people):
    """The number and the seven merge fields."""
    row = dict(zip(COLUMNS, ["+33600000001", *"ABCDEFG"], strict=True))

    source = people(",".join(row) + "\n" + ",".join(row.values()) + "\n")

    assert list(source) == [Recipient(**row)]


def test_an_empty_cell_is_none(people):
    """A placeholder without a value, not an empty value."""
    source = people("phone_number,first_name\n+33600000001, \n")

    assert list(source) == [Recipient("+33600000001")]


def test_one_column_is_enough(people):
    """Numbers alone need no delimiter."""
    source = people("phone_number\n+33600000001\n\n+33600000002\n")

    assert [found.phone_number for found in source] == ["+33600000001", "+33600000002"]


def test_header_alone_is_nobody(people):
    """It is a file without recipients, not a broken one."""
    assert list(people("phone_number,first_name\n")) == []


def test_explicit_delimiter_wins(people):
    """Any one character can be told."""
    source = people(PEOPLE.replace(",", "|"), delimiter="|")

    assert list(source) == [ANA, BOB]


def test_explicit_tab_wins(people):
    """A tab is white space, and a delimiter all the same."""
    assert list(people(PEOPLE.replace(",", "\t"), delimiter="\t")) == [ANA, BOB]


def test_explicit_encoding_is_used(people):
    """The same bytes, read as told."""
    source = people(PEOPLE.replace("Ana", "Zoé").encode("cp1252"), encoding="cp1252")

    assert next(iter(source)).first_name == "Zoé"


def test_explicit_encoding_may_have_a_mark(people):
    """The byte-order mark is no part of the first name of a column."""
    content = ("\ufeff" + PEOPLE).encode()

    assert list(people(content, encoding="utf-8")) == [ANA, BOB]


def test_the_path_may_be_a_string(people):
    """A str becomes a Path."""
    assert people(PEOPLE).path == Path("people.csv")


def test_a_source_can_be_read_again(people):
    """A resumed bulk reads it from the start."""
    source = people(PEOPLE)

    assert list(source) == list(source) == [ANA, BOB]


def test_nothing_is_opened_before_the_first_row(tmp_path):
    """Making a source is free."""
    source = read_csv(tmp_path / "later.csv")
    (tmp_path / "later.csv").write_text(PEOPLE)

    assert list(source) == [ANA, BOB]


def test_breaking_off_closes_the_file(people):
    """A ResourceWarning would fail this test."""
    begun = iter(people(PEOPLE))

    assert next(begun) == ANA
    del begun


# Before Python 3.13 the writer quotes a newline only if it ends lines with it.
ENDINGS = st.tuples(st.just("\r\n"), st.just(csv.QUOTE_MINIMAL)) | st.tuples(
    st.sampled_from(["\n", "\r", "\r\n"]), st.just(csv.QUOTE_ALL)
)
FORMS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])


@given(st.data(), FORMS, st.sampled_from(",;\t"), ENDINGS)
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory, data, form, delimiter, ending
):
    """Any recipients, in any dialect and encoding."""
    values = st.text(
        st.characters(
            codec="cp1252" if form == "cp1252" else "utf-8", exclude_characters="\0"
        ),
        max_size=50,
    ).map(str.strip)
    person = st.builds(
        Recipient,
        st.from_regex(r"\+336[0-9]{8}", fullmatch=True),
        **{name: values.map(lambda text: text or None) for name in COLUMNS[1:]},
    )
    expected = data.draw(st.lists(person, max_size=5))
    written = io.StringIO(newline="")
    writer = csv.writer(
        written, delimiter=delimiter, lineterminator=ending[0], quoting=ending[1]
    )
    writer.writerow(COLUMNS)
    writer.writerows([getattr(one, name) or "" for name in COLUMNS] for one in expected)
    content = written.getvalue().encode(form)
    path = tmp_path_factory.mktemp("people") / "people.csv"
    path.write_bytes(content)

    marked = form in {"utf-8", "utf-8-sig", "utf-16"}
    source = read_csv(path, encoding=None if marked else form)

    assert list(source) == expected


# --- columns --------------------------------------------------------------------------


def test_other_columns_are_ignored_and_listed(people):
    """A misspelt column shows up here, before anything is sent."""
    source = people("id,phone_number, Vorname ,,id\n1,+33600000001,Ana,,1\n")

    assert source.ignored_columns() == ("id", "Vorname", "id")
    assert list(source) == [Recipient("+33600000001")]


def test_no_column_is_ignored_silently_when_all_are_known(people):
    """Nothing to report."""
    assert people(PEOPLE).ignored_columns() == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "people.csv: is empty; the first line must name", id="empty"),
        pytest.param("\n \n", "people.csv: is empty", id="blank lines"),
        pytest.param(
            "name;mobile\nAna;+33600000001\n",
            "people.csv, line 1: has no column phone_number, only 'name, mobile': "
            "if the numbers are in 'mobile', say so (columns={'phone_number': "
            "'mobile'}, --column phone_number=mobile)",
            id="no number",
        ),
        pytest.param(
            "phone_number|first_name\n",
            "only 'phone_number|first_name': rename the column with the numbers, name "
            "it (columns={'phone_number': …}, --column phone_number=…), or name the "
            "delimiter",
            id="other delimiter",
        ),
        pytest.param(
            "\nphone_number,param1,PARAM1\n",
            "people.csv, line 2: has the column param1 twice",
            id="twice",
        ),
        pytest.param(
            "phone_number,Phone_Number\n",
            "has the column phone_number",
            id="number twice",
        ),
        pytest.param(
            'phone_number,"first_name\n',
            "people.csv, line 1: cannot be read as CSV",
            id="open quote",
        ),
    ],
)
def test_a_bad_header_is_refused_with_what_to_do(people, content, message):
    """Nothing can be read below it."""
    assert message in str(error_of(people(content)))


@pytest.mark.parametrize(
    "first",
    [
        "+33600000001,Costa",
        "Costa;0600000001",
        "Costa;06 00 00 00 01",
        "Costa,3.36E+10",
        "Costa,costa@example.org",
    ],
)
def test_data_in_place_of_a_header_is_not_quoted(people, first):
    """Somebody's name does not get into an error."""
    error = error_of(people(f"{first}\n+33600000002,Bob\n"))

    assert "looks like data; add a header line before it" in str(error)
    assert "osta" not in str(error)
    assert "000" not in str(error)


# --- lines that cannot be used --------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        pytest.param(
            "0612345678",
            "people.csv, line 2, column phone_number: must start with '+' and the "
            "country code; it looks like a national number: declare its country "
            "(country='FR', --country FR) (got 06****78)",
            id="national",
        ),
        pytest.param(
            "33612345678", "a spreadsheet probably dropped the '+'", id="plus dropped"
        ),
        pytest.param("612345678", "leading 0 was dropped by a", id="zero dropped"),
        pytest.param("3.36E+10", "was rounded by a spreadsheet", id="rounded"),
        pytest.param('"3,36E+10"', "was rounded by a spreadsheet", id="rounded, comma"),
        pytest.param("3E10", "was rounded by a spreadsheet", id="rounded to one digit"),
        pytest.param("33612345678.0", "as a decimal number", id="decimal"),
        pytest.param("+33612345678.0", "as a decimal number", id="decimal, plus"),
        pytest.param("", "column phone_number: is empty.", id="empty"),
        pytest.param("Costa", "must start with '+'", id="name in the wrong column"),
    ],
)
def test_a_bad_number_is_refused_with_its_cause(people, cell, message):
    """The line, the column, what happened to it, and the number masked."""
    error = error_of(people(f"phone_number,first_name\n{cell},Ana\n"))

    assert message in str(error)
    assert (error.line, error.column) == (2, "phone_number")
    assert "Ana" not in str(error)
    assert "Costa" not in str(error)
    assert "612345678" not in str(error)


def test_a_long_value_is_refused_without_being_shown(people):
    """Its length is enough to find it."""
    error = error_of(people(f"phone_number,first_name\n+33600000001,{'Ana' * 17}\n"))

    assert "line 2, column first_name: must have 1 to 50 characters" in str(error)
    assert error.shown == "51 characters"
    assert "Ana" not in str(error)


def test_a_cell_too_many_is_refused(people):
    """A shifted row would send somebody else's name, or to nobody."""
    error = error_of(people(f"{PEOPLE}+33600000001,Ana,x\n"))

    assert "line 4: has 3 cells where the header has 2: a cell that contains" in str(
        error
    )


def test_trailing_cells_may_be_left_out_or_be_too_many_if_they_are_empty(people):
    """Excel, Outlook and OnlyOffice write such rows."""
    source = people(f"{PEOPLE}+33600000003\n+33600000004,Dan, ,\n+33600000005,\n")

    assert list(source)[2:] == [
        Recipient("+33600000003"),
        Recipient("+33600000004", first_name="Dan"),
        Recipient("+33600000005"),
    ]


def test_a_file_that_ends_within_its_last_row_was_cut_off(people):
    """Half of the last number would be somebody else's."""
    error = error_of(people(f"{PEOPLE}+33600000003"))

    assert "line 4: is the last line and ends before its last cell" in str(error)


def test_rows_go_on_after_a_bad_one(people):
    """All bad lines can be listed in one pass, with the good ones between them."""
    source = people(
        "phone_number,first_name\n"
        "+33600000001,Ana\n"
        "0612345678,Zed\n"
        "\n"
        '+33600000003,"Al"ex\n'
        "+33600000004,Dan,x\n"
        "+33600000002,Bob\n"
    )

    rows = list(source.rows())

    assert [line for line, _ in rows] == [2, 3, 5, 6, 7]
    assert [rows[0][1], rows[4][1]] == [ANA, BOB]
    assert [(row.line, row.column) for _, row in rows[1:4]] == [
        (3, "phone_number"),
        (5, None),
        (6, None),
    ]


def test_the_line_is_where_the_row_starts(people):
    """Newlines inside quotes, and empty lines, are counted as an editor does."""
    source = people(
        '\nphone_number,"no\nte"\n+33600000001,"a\nb\n\nc"\n\n+33600000002,\n0612,\n'
    )

    assert [line for line, _ in source.rows()] == [4, 9, 10]


def test_iterating_stops_at_the_first_bad_line(people):
    """What came before it was given."""
    source = iter(people(f"{PEOPLE}0612345678,Zed\n+33600000003,Cy\n"))

    assert [next(source), next(source)] == [ANA, BOB]
    with pytest.raises(SourceError, match="line 4"):
        next(source)


def test_a_quote_that_is_never_closed_ends_the_reading(people):
    """It swallowed the people below it: that must not pass for one bad row."""
    rows = people(PEOPLE + '+33600000003,"Cy\n' + "+33600000004,Di\n" * 3).rows()

    assert [line for line, _ in zip(range(2), rows, strict=False)] == [0, 1]
    with pytest.raises(SourceError, match="line 4: cannot be read as CSV"):
        next(rows)


def test_a_huge_cell_is_refused(people):
    """The csv module's own limit, as an error of ours."""
    error = error_of(people(f"{PEOPLE}+33600000003,{'x' * 131_073}\n"))

    assert "line 4: cannot be read as CSV: field larger than field limit" in str(error)


def test_an_endless_line_is_refused(people):
    """It is not read to its end, however long it is."""
    error = error_of(people(f"{PEOPLE}{'x' * 1_048_576}\n"))

    assert "line 4: has 1,048,576 characters or more" in str(error)


@pytest.mark.parametrize("content", [PEOPLE, "téléphone;prénom\n"])
def test_nul_is_refused(people, content):
    """Half of the bytes of UTF-16, also beside bytes that are no UTF-8."""
    error = error_of(people(content.encode("utf-16-le")))

    assert "people.csv, line 1: contains a NUL character" in str(error)
    assert 'encoding="utf-16-le"' in str(error)


def test_bytes_that_are_not_utf8_are_not_guessed(people):
    """The very line is named, though the decoder works ahead, and what to say."""
    source = people((PEOPLE + "+33600000003,Zoé\n").encode("cp1252"))

    rows = source.rows()

    assert [next(rows), next(rows)] == [(2, ANA), (3, BOB)]
    with pytest.raises(SourceError, match=r'line 4: is not UTF-8: .*encoding="cp1252"'):
        next(rows)


def test_bytes_that_are_not_as_told_are_refused(people):
    """cp1252 has holes, and ASCII has no accents."""
    error = error_of(people(PEOPLE.replace("Bob", "Zoé"), encoding="ascii"))

    assert "line 3: is not ascii: name the right encoding" in str(error)


def test_code_units_that_are_not_as_told_are_refused(people):
    """Bytes that the codec cannot even escape."""
    content = PEOPLE.encode("utf-16-le") + b"\x41\xd8\x41\x00"

    error = error_of(people(content, encoding="utf-16-le"))

    assert "people.csv: is not utf-16-le somewhere beyond line" in str(error)


def test_a_marked_file_that_breaks_its_encoding_is_refused(people):
    """The byte-order mark was wrong, or the file is damaged."""
    content = ("\ufeff" + PEOPLE).encode("utf-16-le") + b"\x41\xd8\x41\x00"

    assert "is not text somewhere beyond line" in str(error_of(people(content)))


# --- files that cannot be used --------------------------------------------------------


def test_a_missing_file_is_named(tmp_path):
    """In plain words, with the system's own error behind it."""
    error = error_of(read_csv(tmp_path / "none.csv"))

    words = "there is no such file; check the path."
    assert str(error) == f"{tmp_path / 'none.csv'}: {words}"
    assert isinstance(error.__cause__, FileNotFoundError)
    assert (error.line, error.column, error.shown) == (None, None, None)


def test_a_folder_is_no_file(tmp_path):
    """It can be opened on no system."""
    assert "is a folder, not a file" in str(error_of(read_csv(tmp_path)))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied"), "is not readable by this user"),
        (OSError(24, "Too many open files"), "cannot be opened: Too many open files"),
    ],
    ids=["forbidden", "other"],
)
def test_what_the_system_refuses_is_explained(people, monkeypatch, error, message):
    """Scripted: root may read everything."""

    def refuse(_):
        raise error

    source = people(PEOPLE)
    monkeypatch.setattr("aiooctopush.bulk.sources.text_file.LineFile", refuse)

    assert message in str(error_of(source))


def test_a_workbook_is_no_csv(people):
    """The commonest mistake of all."""
    assert "save the sheet as CSV" in str(error_of(people(b"PK\x03\x04rest")))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda packed: packed[:-20], id="cut off"),
        pytest.param(lambda packed: packed[:-8] + b"12345678", id="checksum"),
        pytest.param(lambda packed: packed[:10] + b"\xff" * 30, id="garbage"),
        pytest.param(lambda packed: packed[:2], id="two bytes"),
    ],
)
def test_damaged_gzip_is_refused(people, damage):
    """Its last rows are missing, or wrong."""
    packed = gzip.compress(PEOPLE.encode(), mtime=0)

    assert "damaged or was cut off" in str(error_of(people(damage(packed))))


@pytest.mark.parametrize("encoding", ["klingon", "hex", "a\0b", ""])
def test_an_unknown_encoding_is_refused_at_once(encoding):
    """Before the file is opened."""
    with pytest.raises(InvalidFieldError, match="encoding: must be an encoding"):
        read_csv("people.csv", encoding=encoding)


@pytest.mark.parametrize(
    "delimiter", ["", ";;", '"', "'", "\n", " ", "a", "1", "+", "_"]
)
def test_an_impossible_delimiter_is_refused_at_once(delimiter):
    """It would split what belongs together."""
    with pytest.raises(InvalidFieldError, match="delimiter: must be one character"):
        read_csv("people.csv", delimiter=delimiter)


# --- in threads -----------------------------------------------------------------------

# More than a thread reads at once, so that the file does not end by itself.
CROWD = PEOPLE + "+33600000003,Cy\n" * 600


def test_it_is_a_row_source(people):
    """So a bulk goes on after a bad row."""
    assert isinstance(people(PEOPLE), RowSource)


async def test_items_give_bad_rows_as_values(people):
    """With their line, between the recipients."""
    source = people(PEOPLE.replace("+33600000002", "0612345678,Zed\n+33600000002"))

    items = [item async for item in source.items()]

    assert [items[0], items[2]] == [ANA, BOB]
    assert (items[1].line, items[1].column) == (3, "phone_number")


async def test_items_can_be_asked_for_again(people):
    """A resumed bulk reads them from the start."""
    source = people(PEOPLE)

    assert [one async for one in source.items()] == [ANA, BOB]
    assert [one async for one in source.items()] == [ANA, BOB]


async def test_waiting_iteration_gives_what_comes_before_a_bad_row(people):
    """As iteration without a loop does: what was given may have been sent."""
    rows = aiter(people(f"{PEOPLE}0612345678,Zed\n"))

    assert [await anext(rows), await anext(rows)] == [ANA, BOB]
    with pytest.raises(SourceError, match="line 4"):
        await anext(rows)


async def test_items_come_before_the_end_of_a_damaged_file(people):
    """The rows that a thread has read are not lost when it then fails."""
    rows = people(f"{PEOPLE}\0\n").items()

    assert [await anext(rows), await anext(rows)] == [ANA, BOB]
    with pytest.raises(SourceError, match="line 4: contains a NUL"):
        await anext(rows)


async def test_items_of_a_file_that_cannot_be_read_at_all(people):
    """The error comes out when the first is asked for."""
    with pytest.raises(SourceError, match="has no column phone_number"):
        await anext(people("name\n").items())


async def test_items_of_a_missing_file(tmp_path):
    """It is opened in the thread as well, and there is nothing to close."""
    with pytest.raises(SourceError, match="there is no such file"):
        await anext(read_csv(tmp_path / "none.csv").items())


async def test_more_rows_than_a_thread_reads_at_once_keep_their_order(people):
    """None is lost, none comes twice."""
    expected = [f"+336{n:08}" for n in range(1_234)]
    source = people("phone_number\n" + "\n".join(expected))

    assert [one.phone_number async for one in source.items()] == expected
    assert [one.phone_number async for one in source] == expected


@pytest.mark.parametrize("way", ["items", "__aiter__"])
async def test_leaving_early_closes_the_file(people, way):
    """A ResourceWarning would fail this test."""
    async with aclosing(getattr(people(CROWD), way)()) as rows:
        assert await anext(rows) == ANA

    with pytest.raises(StopAsyncIteration):
        await anext(rows)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
async def test_cancelling_does_not_wait_for_the_thread(tmp_path, monkeypatch):
    """It may hang on a pipe; it closes the file when it comes back."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    source = read_csv(pipe)
    opened = asyncio.Event()
    loop = asyncio.get_running_loop()
    all_rows = []

    def rows():
        all_rows.append(type(source).rows(source))
        loop.call_soon_threadsafe(opened.set)
        return all_rows[0]

    reader = _Reader(rows)
    monkeypatch.setattr("aiooctopush.bulk.sources.rows._Reader", lambda _: reader)
    task = asyncio.create_task(anext(source.items()))
    await opened.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    closed_at_once = all_rows[0]._file.closed
    os.write(writer, CROWD.encode())
    os.close(writer)
    await loop.shutdown_default_executor()
    assert (closed_at_once, all_rows[0]._file.closed) == (False, True)


def test_a_thread_that_starts_after_the_end_closes_what_it_opens(people):
    """Its task was cancelled while it waited for its turn."""
    rows = people(CROWD).rows()
    reader = _Reader(lambda: rows)

    reader.close()
    reader.take()

    assert rows._file.closed


# --- errors ---------------------------------------------------------------------------


def test_a_source_error_is_one_of_ours():
    """Caught with the rest, and as a ValueError."""
    assert issubclass(SourceError, OctopushError)
    assert issubclass(SourceError, ValueError)


def test_a_source_error_does_not_say_that_nothing_was_sent(people):
    """The rows before it may have been."""
    error = error_of(people(f"{PEOPLE}0612345678,Zed\n"))

    assert error.outcome is None
    assert "sent" not in str(error)


def test_a_source_error_survives_pickle(people):
    """A worker may send it to another process."""
    error = error_of(people(f"{PEOPLE}0612345678,Zed\n"))

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert str(copy) == str(error)
    assert (copy.path, copy.line, copy.column, copy.reason, copy.shown) == (
        Path("people.csv"),
        4,
        "phone_number",
        error.reason,
        "06****78",
    )


def test_a_listed_error_keeps_its_cause_without_frames(people):
    """A million of them must not keep a million frames alive."""
    ((_, error),) = people("phone_number\n0612345678\n").rows()

    assert isinstance(error.__cause__, InvalidFieldError)
    assert error.__cause__.__traceback__ is None


# --- progress and memory --------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_progress_is_counted_in_bytes_of_the_disk(people, packed):
    """From none to all, whether they are compressed or not."""
    content = PEOPLE.encode()
    content = gzip.compress(content) if packed else content
    rows = people(content).rows()

    assert (rows.bytes_read, rows.total_bytes) == (0, len(content))
    assert len(list(rows)) == 2
    assert (rows.bytes_read, rows.total_bytes) == (len(content), len(content))


def test_progress_advances_while_reading(people):
    """A big file is not read at once."""
    rows = people("phone_number\n" + "+33600000001\n" * 50_000).rows()

    with rows:
        next(rows)
        assert 0 < rows.bytes_read < rows.total_bytes


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_has_no_size(tmp_path):
    """It can be read once, and counted."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, PEOPLE.encode())

    rows = read_csv(pipe).rows()
    os.close(writer)

    assert rows.total_bytes is None
    assert [row for _, row in rows] == [ANA, BOB]
    assert rows.bytes_read == len(PEOPLE)


def test_closing_ends_the_rows(people):
    """Before the first one, and in the middle."""
    source = people(PEOPLE)

    with source.rows() as untouched:
        pass
    with source.rows() as begun:
        next(begun)

    assert list(untouched) == list(begun) == []


def test_memory_stays_flat(tmp_path):
    """20,000 people take the room of a few, not the 10 MB of all."""
    path = tmp_path / "people.csv"
    with path.open("w") as file:
        file.write("phone_number,first_name,param1\n")
        file.writelines(f"+336{n:08},Ana,order {n}\n" for n in range(20_000))

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_csv(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 20_000
    assert peak < 1_000_000
