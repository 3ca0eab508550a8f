"""JSON lines: what programs write is read, or refused line by line, never guessed."""

import gzip
import json
import pickle
import tracemalloc
from pathlib import Path

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiooctopush import (
    InvalidFieldError,
    JsonLinesSource,
    Recipient,
    RowSource,
    SourceError,
    read_json_lines,
)
from aiooctopush.bulk.sources.columns import COLUMNS


ANA = Recipient("+33600000001", first_name="Ana")
BOB = Recipient("+33600000002", first_name="Bob")
NAME = "first_name"
PEOPLE = (
    '{"phone_number": "+33600000001", "first_name": "Ana"}\n'
    '{"phone_number": "+33600000002", "first_name": "Bob"}\n'
)


@pytest.fixture
def people(tmp_path, monkeypatch):
    """Write a file and give it back as a source."""
    # A relative path keeps the messages short.
    monkeypatch.chdir(tmp_path)

    def write(content, *, name="people.jsonl", **options):
        content = content.encode() if isinstance(content, str) else content
        Path(name).write_bytes(content)
        return read_json_lines(name, **options)

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
        pytest.param(PEOPLE, id="plain"),
        pytest.param(PEOPLE.rstrip(), id="no last newline"),
        pytest.param(PEOPLE.replace("\n", "\r\n"), id="Windows"),
        pytest.param(PEOPLE.replace("\n", "\n\n \t\n"), id="blank lines"),
        pytest.param("\n\n" + PEOPLE, id="blank lines before"),
        pytest.param("\ufeff" + PEOPLE, id="UTF-8 with mark"),
        pytest.param(("\ufeff" + PEOPLE).encode("utf-16-le"), id="UTF-16 little"),
        pytest.param(gzip.compress(PEOPLE.encode()), id="gzip"),
        pytest.param(PEOPLE.replace("+33600", "+33 6 00"), id="spaced"),
        pytest.param(PEOPLE.replace("Ana", r"\u0041na"), id="escaped"),
        pytest.param(PEOPLE.replace("}", ', "last_name": null}'), id="null"),
        pytest.param(
            PEOPLE.replace("{", '{"id": 7, "tags": [{"a": [1.5, true]}], "x": null, '),
            id="other fields",
        ),
        pytest.param(PEOPLE.replace("}", f', "id": {"9" * 9999}}}'), id="huge number"),
        pytest.param(
            PEOPLE.replace("}", r', "note": "[[[\"[' + "[{" * 99 + '"}'),
            id="brackets in a string",
        ),
        pytest.param(
            PEOPLE.replace("}", f', "note": [{"[], " * 99}1]}}'), id="many, not deep"
        ),
        pytest.param(
            PEOPLE.replace("}", f', "y": [], "x": {"[" * 31}{"]" * 31}}}'),
            id="32 deep",
        ),
    ],
)
def test_the_same_people_are_read(people, content):
    """However a program wrote them."""
    assert list(people(content)) == [ANA, BOB]


def test_a_string_is_a_number_alone(people):
    """A list of numbers, one a line, may be mixed with objects."""
    source = people('"+33600000001"\n{"phone_number": "+33600000002"}\n')

    assert list(source) == [Recipient("+33600000001"), Recipient("+33600000002")]


def test_an_empty_text_stays_one(people):
    """Unlike an empty cell it was written on purpose."""
    source = people('{"phone_number": "+33600000001", "param1": ""}\n')

    assert list(source) == [Recipient("+33600000001", param1="")]


def test_good_lines_come_as_blocks(people):
    """Up to 100 together; a bad line, or one with an empty text, comes alone."""
    good = '{"phone_number": "+33600000001", "first_name": "Ana"}\n'
    source = people(
        f'{good}"+33600000002"\nx\n{{"phone_number": "+33600000003", "param1": ""}}\n'
        + 101 * good
    )

    two, bad, empty, hundred, one = source.rows().pieces

    assert (two.lines, dict(two.columns)) == (
        [1, 2],
        {"phone_number": ["+33600000001", "+33600000002"], "first_name": ["Ana", ""]},
    )
    assert (bad[0], type(bad[1])) == (3, SourceError)
    assert empty == (4, Recipient("+33600000003", param1=""))
    assert (hundred.lines, one.lines) == ([*range(5, 105)], [105])


def test_lines_before_damage_come_first(people):
    """A block that is not full is given, and then the error."""
    seen = []

    with pytest.raises(SourceError, match="line 3"):
        seen.extend(row for _, row in people(PEOPLE.encode() + b"\xff").rows())

    assert seen == [ANA, BOB]


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"], ids=ascii)
def test_an_empty_file_is_nobody(people, content):
    """It is a file without recipients, not a broken one."""
    assert list(people(content)) == []


def test_explicit_encoding_is_used(people):
    """The same bytes, read as told."""
    content = PEOPLE.replace("Ana", "Zoé").encode("cp1252")

    assert next(iter(people(content, encoding="cp1252"))).first_name == "Zoé"


def test_nothing_is_opened_before_the_first_row(tmp_path):
    """Making a source is free, and it can be read again."""
    source = read_json_lines(str(tmp_path / "later.jsonl"))
    (tmp_path / "later.jsonl").write_text(PEOPLE)

    assert list(source) == list(source) == [ANA, BOB]


def test_it_is_a_row_source(people):
    """So a bulk goes on after a bad line."""
    source = people(PEOPLE)

    assert isinstance(source, RowSource)
    assert isinstance(source, JsonLinesSource)


VALUES = st.none() | st.text(st.characters(codec="utf-8"), max_size=50)
PERSON = st.builds(
    Recipient,
    st.from_regex(r"\+336[0-9]{8}", fullmatch=True),
    **dict.fromkeys(COLUMNS[1:], VALUES),
)


@given(
    st.lists(PERSON, max_size=5),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_the_json_module_writes_is_read_back(
    tmp_path_factory, expected, as_ascii, ending, form
):
    """Any recipients, escaped or not, in any encoding that needs no name."""
    write = json.JSONEncoder(ensure_ascii=as_ascii).encode
    lines = [write(attrs.asdict(one)) + ending for one in expected]
    path = tmp_path_factory.mktemp("people") / "people.jsonl"
    path.write_bytes("".join(lines).encode(form))

    assert list(read_json_lines(path)) == expected


# --- fields ---------------------------------------------------------------------------


def test_other_fields_are_listed_once(people):
    """A misspelt field shows up here, before anything is sent."""
    source = people(
        '"+33600000001"\n'
        '{"phone_number": "+33600000001", "Vorname": "Ana", "id": 1}\n'
        "no JSON\n"
        '{"id": 2, "phone_number": "+33600000002", "born": null}\n'
    )

    assert source.ignored_columns() == ("Vorname", "id", "born")


def test_no_field_is_listed_when_all_are_known(people):
    """Nothing to report."""
    assert people(PEOPLE).ignored_columns() == ()


def test_fields_are_looked_for_in_a_thousand_lines(people):
    """A look before a bulk does not read ten million of them; blank ones count not."""
    source = people('\n"+33600000001"\n' * 999 + '{"old": 1}\n{"new": 2}\n')

    assert source.ignored_columns() == ("old",)


def test_looking_for_fields_names_a_missing_file(tmp_path):
    """As reading it does."""
    with pytest.raises(SourceError, match="there is no such file"):
        read_json_lines(tmp_path / "none.jsonl").ignored_columns()


# --- lines that cannot be used --------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(
            '{"phone_number": 33612345678}',
            "column phone_number: is a JSON number, which cannot keep the '+' of a "
            "phone number; write it in double quotes, with '+' and the country code "
            "(got 336****5678)",
            id="number",
        ),
        pytest.param(
            "33612345678", "line 1: is a JSON number, which cannot", id="bare number"
        ),
        pytest.param('{"phone_number": 3.36e10}', "(got ****)", id="rounded number"),
        pytest.param(
            '{"phone_number": "0612345678"}',
            "column phone_number: must start with '+' and the country code; it looks "
            "like a national number: declare its country (country='FR', --country FR) "
            "(got 06****78)",
            id="national",
        ),
        pytest.param('"0612345678"', "column phone_number: must start", id="bare"),
        pytest.param('""', "column phone_number: is empty", id="empty"),
        pytest.param(
            '{"phone_number": null}',
            "column phone_number: must be text in double quotes, is null",
            id="null",
        ),
        pytest.param(
            '{"phone_number": ["+33612345678"]}', "is an array", id="array for number"
        ),
        pytest.param(
            '{"phone_number": "+33600000001", "param1": 42}',
            "column param1: must be text in double quotes, is a number",
            id="number for text",
        ),
        pytest.param(
            '{"phone_number": "+33600000001", "param1": true}', "is true", id="true"
        ),
        pytest.param(
            '{"phone_number": "+33600000001", "param1": false}', "is false", id="false"
        ),
        pytest.param(
            '{"phone_number": "+33600000001", "param1": {}}',
            "is an object",
            id="object",
        ),
        pytest.param(
            f'{{"phone_number": "+33600000001", "param1": "{"Costa" * 11}"}}',
            "column param1: must have 1 to 50 characters (got 55 characters)",
            id="long",
        ),
        pytest.param(
            r'{"phone_number": "+33600000001", "param1": "Costa\ud800"}',
            "column param1: character 6 is half of a surrogate pair",
            id="half of a character",
        ),
        pytest.param(
            '{"Costa": "+33612345678"}',
            "line 1: has no field phone_number; rename the field with the number",
            id="no number",
        ),
        pytest.param(
            '{"phone_number": "+33600000001", "phone_number": "+33600000002"}',
            "line 1: has the field phone_number twice: remove one",
            id="number twice",
        ),
        pytest.param(
            '{"phone_number": "+33600000001", "Costa": 1, "Costa": 2}',
            "line 1: has an ignored field twice: remove one",
            id="other field twice",
        ),
        pytest.param(
            '{"phone_number": "+33600000001", "param1": NaN}',
            "line 1: contains NaN, which is not JSON; use null",
            id="NaN",
        ),
        pytest.param(
            '{"phone_number": "+33600000001", "other": -Infinity}',
            "contains -Infinity",
            id="infinity",
        ),
        pytest.param("null", "is null: each line must be one whole", id="bare null"),
        pytest.param("true", "line 1: is true", id="bare true"),
        pytest.param(
            "+33612345678",
            "line 1: cannot be read as JSON: Expecting value, at character 1; each "
            "line must be one whole object, or a number in double quotes",
            id="no quotes",
        ),
        pytest.param('{"phone_number":', "at character 17", id="cut off"),
        pytest.param('"Costa', "Unterminated string, at character 1", id="open quote"),
        pytest.param('"+33600000001" "', "Extra data", id="two on a line"),
        pytest.param(
            f'{{"phone_number": "+33600000001", "x": {"[" * 32}{"]" * 32}}}',
            "line 1: nests more than 32 deep",
            id="33 deep",
        ),
        pytest.param('{"x":' * 150_000, "nests more than 32 deep", id="very deep"),
    ],
)
def test_a_bad_line_is_refused_with_what_to_do(people, line, message):
    """Its place and its cause, and nothing private."""
    error = error_of(people(f"{line}\n{PEOPLE}"))

    assert message in str(error)
    assert error.line == 1
    assert "Costa" not in str(error)
    assert "612345678" not in str(error)


def test_rows_go_on_after_a_bad_line(people):
    """All bad lines can be listed in one pass, with the good ones between them."""
    source = people('{\n"+33600000001"\n\n0612\n[]\n"+33600000002"\n')

    rows = list(source.rows())

    assert [line for line, _ in rows] == [1, 2, 4, 5, 6]
    assert [rows[1][1], rows[4][1]] == [
        Recipient("+33600000001"),
        Recipient("+33600000002"),
    ]
    assert [(row.line, row.column) for _, row in (rows[0], *rows[2:4])] == [
        (1, None),
        (4, None),
        (5, None),
    ]


async def test_items_give_bad_lines_as_values(people):
    """With their line, between the recipients."""
    source = people(PEOPLE.replace("\n", "\n06\n", 1))

    items = [item async for item in source.items()]

    assert [items[0], items[2]] == [ANA, BOB]
    assert items[1].line == 2


async def test_waiting_iteration_stops_at_the_first_bad_line(people):
    """What came before it was given."""
    rows = aiter(people(PEOPLE.replace("\n", "\n06\n", 1)))

    assert await anext(rows) == ANA
    with pytest.raises(SourceError, match="line 2"):
        await anext(rows)


def test_an_error_of_the_line_keeps_nothing_of_it(people):
    """The decoder's own error holds the whole line, and so is no cause."""
    ((_, error),) = people('{"first_name": "Ana"').rows()

    assert error.__cause__ is None
    assert error.__context__ is None


def test_an_error_of_a_field_keeps_no_value(people):
    """Neither as a cause, nor behind it, nor in its copy in another process."""
    content = r'{"phone_number": "+33600000001", "param1": "Costa\ud800"}'
    ((_, error),) = people(content).rows()

    assert isinstance(error.__cause__, InvalidFieldError)
    assert error.__cause__.__context__ is None
    assert error.__cause__.__traceback__ is None
    assert b"Costa" not in pickle.dumps(error)


PIECES = st.sampled_from(
    [
        *'{}[]":, \\\n\r\t\x85\u2028é-',
        *('"phone_number":', '"+33600000001"', "33600000001", "phone_number", "param1"),
        *("\\u", "d800", "\\ud800", "NaN", "1e9", "null", "true", "0" * 5000),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.binary(max_size=60))
@example('"' + "\\" * 9)
@example('"' + '\\"' * 50_000 + "[" * 40)
def test_only_source_errors_leave_whatever_the_file_holds(tmp_path_factory, content):
    """Garbage gives errors of ours, each with the line it is in."""
    content = content.encode() if isinstance(content, str) else content
    path = tmp_path_factory.mktemp("people") / "people.jsonl"
    path.write_bytes(content)
    rows = []

    try:
        rows.extend(read_json_lines(path).rows())
        read_json_lines(path).ignored_columns()
    except SourceError as error:
        assert str(error)  # noqa: PT017 - either is fine

    assert all(
        isinstance(row, Recipient) or (row.line == line and str(row))
        for line, row in rows
    )


# --- files that cannot be used --------------------------------------------------------


def test_an_empty_array_is_nobody(people):
    """It has no element, not even an empty one."""
    assert list(people("[ ]\n").rows()) == []


def test_of_several_numbers_the_first_that_can_be_used_is_taken(people):
    """In the order in which they were declared."""
    columns = {"phone_number": ["mobile", "home", "work"]}
    one = {"work": "+33600000003", "home": "+33600000002", "mobile": "none"}

    assert list(people(json.dumps(one), columns=columns)) == [Recipient("+33600000002")]


def test_of_several_numbers_none_of_which_can_be_used_the_first_is_told(people):
    """With the name that the file has for it."""
    source = people(
        '{"home": 33, "mobile": "Costa"}',
        columns={"phone_number": ["mobile", "home"]},
    )

    error = error_of(source)

    assert (error.field, error.column) == ("phone_number", "mobile")
    assert "contains 'C'" in error.reason


def test_a_field_under_two_names_is_refused(people):
    """Nobody knows which of the values is meant."""
    line = '{"phone_number": "+33600000001", "first_name": "A", "First Name": "B"}'

    assert error_of(people(line)).reason == "has the field first_name twice"


def test_a_row_without_a_value_that_is_wanted_is_refused(people):
    """Where a text uses it."""
    source = people(PEOPLE + '"+33600000003"\n')

    rows = [row for _, row in source.restricted_to((NAME,), required=(NAME,)).rows()]

    assert rows[:2] == [ANA, BOB]
    assert (rows[2].line, rows[2].field) == (3, NAME)
    assert rows[2].reason == "is empty, and the text uses it"


@pytest.mark.parametrize(
    ("country", "reason"),
    [("7", "must be text in double quotes"), ('"XX"', "must be the two letters")],
    ids=["a number", "no country"],
)
def test_a_country_that_is_none_is_refused(people, country, reason):
    """The row says so of the country, and not of the number."""
    line = f'{{"phone_number": "0639980001", "land": {country}}}'

    error = error_of(people(line, columns={"country": "land"}))

    assert (error.field, error.column) == ("country", "land")
    assert error.reason.startswith(reason)


def test_an_empty_value_is_told_under_the_name_of_the_file(people):
    """As the country is, and not under the name of the placeholder."""
    line = '{"phone_number": "+33639980001", "Pr\u00e9nom": ""}'
    source = people(line, columns={"first_name": "Prénom"})

    error = error_of(source.restricted_to(("first_name",), required=("first_name",)))

    assert (error.field, error.column) == ("first_name", "Prénom")


def test_the_country_of_a_row_is_that_of_its_number(people):
    """National numbers of several countries may stand in one file."""
    line = '{"phone_number": "07700 900123", "land": "GB"}'
    source = people(line, country="FR", columns={"country": "land"})

    assert list(source) == [Recipient("+447700900123")]


def test_fields_are_found_among_any_number_of_names(people):
    """Names that were looked up are forgotten in between, and looked up again."""
    others = {f"other{at}": at for at in range(1_002)}
    lines = [{**others, "phone_number": one} for one in ("+33600000001",) * 2]

    found = list(people("\n".join(map(json.dumps, lines))))

    assert found == [Recipient("+33600000001")] * 2


@pytest.mark.parametrize("start", ["", "\n \n"], ids=["at once", "after blank lines"])
@pytest.mark.parametrize(
    "content",
    ["[\n" + PEOPLE.replace("}\n{", "},\n{") + "]\n", '["+33600000001", 5]'],
    ids=["printed", "in one line"],
)
def test_one_array_is_read_element_by_element(people, start, content):
    """Each element has the line where it begins, and a bad one is one bad row."""
    rows = [*people(start + content).rows()]

    assert len(rows) == len(json.loads(content))
    assert rows[0][0] == 1 + start.count("\n") + content.startswith("[\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param('["+33600000001"', "ends within its array", id="cut off"),
        pytest.param(
            '["+33600000001"][]', "contains more than one", id="two in a line"
        ),
        pytest.param('["+33600000001"]\n[]', "contains more than one", id="two lines"),
        pytest.param("[\n" + f'"{"x" * 600_000}\n' * 2, "does not end", id="endless"),
    ],
)
def test_an_array_that_does_not_end_well_is_refused(people, content, reason):
    """What was read before it was given; nobody takes half a file for all of it."""
    with pytest.raises(SourceError, match=reason):
        [*people(content).rows()]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            f'"{"x" * 16_777_216}"',
            "line 1: has 16,777,216 characters or more: this is no JSON lines file",
            id="endless line",
        ),
        pytest.param(
            '"é"'.encode("cp1252"),
            "line 1: is not UTF-8: write the file again as UTF-8, or name its encoding",
            id="other encoding",
        ),
        pytest.param(
            b"PK\x03\x04rest",
            "is a workbook or an archive, not JSON lines: unpack it, or write it again",
            id="archive",
        ),
        pytest.param(b'"\0"', "line 1: contains a NUL character", id="NUL"),
        pytest.param(
            gzip.compress(PEOPLE.encode())[:-9], "damaged or was cut off", id="cut gzip"
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(people, content, message):
    """In the words of its format."""
    assert message in str(error_of(people(content)))


def test_an_unknown_encoding_is_refused_at_once():
    """Before the file is opened."""
    with pytest.raises(InvalidFieldError, match="encoding: must be an encoding"):
        read_json_lines("people.jsonl", encoding="klingon")


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


def test_breaking_off_closes_the_file(people):
    """A ResourceWarning would fail this test."""
    begun = iter(people(PEOPLE))

    assert next(begun) == ANA
    del begun


@pytest.mark.timeout(60)  # it allocates for seconds while it is measured
async def test_memory_stays_flat(tmp_path):
    """20,000 people take the room of a few thousand, not the 5.5 MB of all."""
    path = tmp_path / "people.jsonl"
    with path.open("w") as file:
        file.writelines(
            f'{{"phone_number": "+336{n:08}", "param1": "order {n}"}}\n'
            for n in range(20_000)
        )
    one = tmp_path / "one.jsonl"
    one.write_text('{"phone_number": "+33600000000"}\n')
    async for _ in read_json_lines(one).items():
        """What is loaded at first use is loaded by now."""

    tracemalloc.start()
    try:
        count = len([None async for _ in read_json_lines(path).items()])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 20_000
    assert peak < 2_000_000
