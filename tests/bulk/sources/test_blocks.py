"""Many at a time is the same as one by one: the short cuts of a bulk are held to it."""

import asyncio
import csv
import io
import json
import threading
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aiooctopush import Purpose, _wire
from aiooctopush.api._recipients import (
    CheckedRecipients,
    Recipient,
    json_of,
    recipients_from,
    recipients_of,
)
from aiooctopush.api.sms import Message, SmsRequest
from aiooctopush.bulk.options import OnDuplicate, OnInvalid, OnMissing
from aiooctopush.bulk.preview.check import preview
from aiooctopush.bulk.preview.inspection import Inspection
from aiooctopush.bulk.run_options import BulkOptions
from aiooctopush.bulk.sources import csv_file as sources
from aiooctopush.bulk.sources import json_lines
from aiooctopush.bulk.sources import text_file as files
from aiooctopush.bulk.sources.batching import BatchReader
from aiooctopush.bulk.sources.blocks import Block
from aiooctopush.bulk.sources.columns import COLUMNS, understood
from aiooctopush.bulk.sources.csv_file import read_csv
from aiooctopush.bulk.sources.json_lines import read_json_lines
from aiooctopush.bulk.sources.rows import AT_A_TIME
from aiooctopush.bulk.sources.table import Table
from aiooctopush.bulk.sources.text_file import SourceError
from aiooctopush.errors import InvalidFieldError
from aiooctopush.phone import normalize, normalize_all
from aiooctopush.sandbox import VirtualClock
from aiooctopush.text import Encoding


SUNDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
GOOD = st.integers(600_000_000, 600_000_040).map("+33{}".format)
ODD = st.sampled_from(
    [
        "+33 6 00 00 00 01",
        " +33600000002\t",
        "+33600000003\n",
        "+33600000004\n+33600000005",
        "+33600000006.0",
        "+1234",
        "+12345678901234567",
        "+0123456",
        "+३३६०००००००१",
        "0612345678",
        "33612345678",
        "+33(0)612345678",
        "",
        "Ana",
    ]
)
NUMBERS = st.lists(GOOD | ODD, max_size=40)
VALUES = st.sampled_from(
    [
        "",
        "Ana",
        "Zoé",
        " Li ",
        "Łódź",
        "x" * 50,
        "x" * 51,
        "{}",
        "é" * 50,
        "a,\nb",
        "\t",
    ]
) | st.text(max_size=60)


def or_error(function, *arguments):
    """What a function gives, or the words of its refusal."""
    try:
        return function(*arguments)
    except InvalidFieldError as error:
        return str(error)


# --- numbers --------------------------------------------------------------------------


@given(NUMBERS)
@example([])
@example(["+33600000001\n+33600000002"])
@example(["+33600000001", ""])
def test_many_numbers_are_written_as_each_alone(numbers):
    """The same numbers, or the same words about the first that is none."""

    def one_by_one(several):
        return [normalize(number) for number in several]

    found = or_error(normalize_all, numbers)

    assert (found if isinstance(found, str) else list(found)) == or_error(
        one_by_one, numbers
    )


# --- recipients -----------------------------------------------------------------------


PEOPLE = st.lists(
    st.builds(
        Recipient,
        GOOD,
        first_name=st.none() | st.text(max_size=9),
        param1=st.none() | st.text(max_size=9),
        param5=st.none(),
    ),
    min_size=1,
    max_size=9,
)


@given(PEOPLE)
def test_recipients_made_together_are_those_made_alone(people):
    """In every field, and as good a record."""
    columns = {name: [getattr(one, name) for one in people] for name in COLUMNS}

    made = recipients_from(columns)

    assert made == people
    assert [hash(one) for one in made] == [hash(one) for one in people]
    assert [repr(one) for one in made] == [repr(one) for one in people]


def test_fields_that_are_left_out_are_none():
    """As without the argument."""
    assert recipients_from({"phone_number": ["+33600000001"]}) == [
        Recipient("+33600000001")
    ]


def test_there_may_be_nobody():
    """Nothing in, nothing out."""
    assert recipients_from({"phone_number": []}) == []


@given(PEOPLE)
def test_recipients_are_encoded_as_the_converter_does(people):
    """To the byte: the ids of a run follow from it."""
    expected = _wire.encode(people)

    assert json_of(people) == expected
    assert CheckedRecipients.of(people).json == expected


@given(PEOPLE)
def test_a_request_of_checked_recipients_is_the_same(people):
    """And is not looked through again."""
    message = {"text": "Hi", "sender": "Acme", "purpose": "alert", "request_id": "a"}
    checked = CheckedRecipients.of(people)

    known = SmsRequest(recipients=checked, **message)
    plain = SmsRequest(recipients=people, **message)

    assert known.recipients is checked
    assert known == plain
    assert _wire.encode(known) == _wire.encode(plain)
    assert json.loads(_wire.encode(known))["recipients"] == [
        {name: value for name in COLUMNS if (value := getattr(one, name)) is not None}
        for one in people
    ]


@pytest.mark.parametrize("count", [0, 501])
def test_too_few_or_many_are_refused_though_they_are_checked(count):
    """The gateway takes 1 to 500."""
    with pytest.raises(InvalidFieldError, match="1 to 500"):
        recipients_of(CheckedRecipients.of([Recipient("+33600000001")] * count))


# --- rows -----------------------------------------------------------------------------


def csv_of(rows):
    """A file of them, as bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("phone_number", "first_name", "param1"))
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def told(rows):
    """What a pass through a file gives, in comparable words."""
    found = []
    try:
        for line, row in rows:
            found.append((line, str(row) if isinstance(row, SourceError) else row))
    except SourceError as error:
        found.append(str(error))
    return found


ROWS = st.lists(
    st.tuples(GOOD | ODD, VALUES, VALUES)
    | st.tuples(
        GOOD, st.sampled_from(["Ana", "Zoé", ""]), st.sampled_from(["1", "XXX"])
    )
    | st.lists(VALUES, max_size=4).map(tuple),
    max_size=40,
)


@given(rows=ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_read_together_as_one_by_one(rows, tmp_path, monkeypatch):
    """The same people, the same lines, the same words about the others."""
    path = tmp_path / "people.csv"
    path.write_bytes(csv_of(rows))

    together = told(read_csv(path).rows())
    monkeypatch.setattr(sources, "AT_A_TIME", 1)
    alone = told(read_csv(path).rows())

    assert together == alone


# Cells as they stand in a file: of some the csv module makes another thing.
CELLS = st.sampled_from(
    [
        "",
        " ",
        "Ana",
        " Li\t",
        "Zoé",
        '"Bo"',
        '"a,b"',
        '"a\nb"',
        '"',
        'a"b',
        "x" * 51,
        "x" * 50 + " ",
        "\r",
        "a;b",
        "\x1c",
        "\u2028",
        "\x85",
        "'",
        "\\",
    ]
)
LINES = st.lists(
    st.tuples(GOOD | ODD, CELLS, CELLS).map(",".join)
    | st.tuples(GOOD, st.sampled_from(["Ana", "Zoé", ""]), st.just("")).map(",".join)
    | st.lists(CELLS, max_size=4).map(",".join),
    max_size=30,
)


@given(
    lines=LINES,
    end=st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]),
    is_ended=st.booleans(),
    at_a_time=st.integers(1, 200),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_plain_lines_are_read_as_the_csv_module_reads_them(
    *, lines, end, is_ended, at_a_time, tmp_path, monkeypatch
):
    """The same people, lines and words, wherever a text ends that is looked at."""
    path = tmp_path / "people.csv"
    text = end.join(["phone_number,first_name,note", *lines])
    path.write_bytes((text + end * is_ended).encode("utf-8", "surrogatepass"))

    with monkeypatch.context() as patch:
        patch.setattr(files, "_AT_A_TIME", at_a_time)
        quick = told(read_csv(path).rows())
        patch.setattr(sources._CsvTable, "block", lambda *_: None)
        plain = told(read_csv(path).rows())

    assert quick == plain


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "dos"])
def test_a_long_plain_file_is_not_read_by_the_csv_module(tmp_path, monkeypatch, end):
    """But for the text that the header stands in, in whatever place its columns are."""
    path = tmp_path / "people.csv"
    rows = [f"x;+33601{one:06}; Ana ;é;{'' if one % 2 else 7}" for one in range(99)]
    header = "a;phone_number;Param1;b;first_name"
    path.write_bytes(end.join([header, *rows, ""]).encode())
    monkeypatch.setattr(files, "_AT_A_TIME", 300)
    by_csv = []

    def some_rows(_, rows, lines):
        by_csv.extend(rows)
        return iter(())

    monkeypatch.setattr(Table, "rows", some_rows)

    blocks = list(read_csv(path).rows().pieces)

    assert 1 <= len(by_csv) <= 12
    assert len(by_csv) + sum(map(len, blocks)) == 99
    first, last = blocks[0], blocks[-1]
    assert first.lines[0] == len(by_csv) + 2
    assert last.lines[-1] == 100
    assert list(last.columns) == ["phone_number", "first_name", "param1"]
    assert last.numbers[-1] == "+33601000098"
    assert first.columns["first_name"][:2] in (["", "7"], ["7", ""])
    assert last.columns["param1"][-1] == "Ana"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        pytest.param("Bo", "Bo", id="plain"),
        pytest.param('"Bo"', "Bo", id="quoted"),
        pytest.param('"a""b"', 'a"b', id="a quote"),
        pytest.param('"a\r\nb"', "a\r\nb", id="two lines"),
        pytest.param(f" {'x' * 50} ", "x" * 50, id="long before it is stripped"),
        pytest.param("x" * 51, "line 60, column first_name", id="too long"),
        pytest.param("a,b", "line 60: has 3 cells", id="a cell too many"),
        pytest.param('a"b"', 'a"b"', id="quotes within"),
        pytest.param("a\0", "line 60: contains a NUL", id="no text"),
    ],
)
def test_a_cell_among_plain_lines_is_what_the_csv_module_makes_of_it(
    tmp_path, monkeypatch, cell, expected
):
    """Whatever it is, and with its line if it cannot be used."""
    path = tmp_path / "people.csv"
    rows = [f"+33600000{one:03},{cell if one == 58 else 'Ana'}" for one in range(100)]
    path.write_bytes("\n".join(["phone_number,first_name", *rows, ""]).encode())
    monkeypatch.setattr(files, "_AT_A_TIME", 50)

    row = told(read_csv(path).rows())[58]

    words = getattr(row[1], "first_name", row[1]) if len(row) == 2 else row
    assert words == expected or f"{path.name}, {expected}" in words


@pytest.mark.parametrize("limit", [60, 131_072])
def test_cells_that_the_csv_module_refuses_are_refused(tmp_path, monkeypatch, limit):
    """Also in a column that nobody uses, and among lines that are plain."""
    path = tmp_path / "people.csv"
    rows = [f"+33600000{one:03},{'x' * (61 * (one == 90))}" for one in range(100)]
    path.write_bytes("\n".join(["phone_number,note", *rows, ""]).encode())
    monkeypatch.setattr(files, "_AT_A_TIME", 55)
    before = csv.field_size_limit(limit)
    try:
        found = told(read_csv(path).rows())
    finally:
        csv.field_size_limit(before)

    bad = [line for line, row in found if isinstance(row, str)]
    assert bad == ([92] if limit == 60 else [])
    assert len(found) == 100


def test_good_rows_come_as_one_block(tmp_path):
    """And an odd one among them by itself, with its line."""
    path = tmp_path / "people.csv"
    rows = [(f"+336000000{one:02}", "Ana", "") for one in range(40)]
    rows[20] = ("0612345678", "Zed", "")
    path.write_bytes(csv_of(rows))

    pieces = list(read_csv(path).rows().pieces)

    blocks = [one for one in pieces if isinstance(one, Block)]
    (bad,) = (one for one in pieces if isinstance(one, tuple) and one[0] == 22)
    assert sum(map(len, blocks)) >= 30
    assert isinstance(bad[1], SourceError)


def test_lines_are_counted_where_cells_hold_several(tmp_path):
    """Whatever ends a line in them."""
    path = tmp_path / "people.csv"
    note = ("a", "a\nb", "a\r\nb", "a\rb", "\n\n")
    lines = [f'+3360000000{at},Ana,"{note[at % 5]}"' for at in range(10)]
    path.write_bytes("\n".join(["phone_number,first_name,note", *lines]).encode())

    found = [line for line, _ in read_csv(path).rows()]

    assert found == [2, 3, 5, 7, 9, 12, 13, 15, 17, 19]


def test_what_cannot_be_written_as_utf_8_is_no_block(tmp_path):
    """Half of a surrogate pair is refused by the row, and its neighbors are a block."""
    path = tmp_path / "people.csv"
    names = ("phone_number", "first_name")
    header = understood(names, {}, None, path=path, line=1)
    table = Table(header=header, country=None, required=frozenset(), path=path)
    rows = [["+33600000001", "a"], ["+33600000002", "\ud83d"], ["+33600000003", "c"]]

    first, (line, error), last = table.rows(rows, [2, 3, 4])

    assert (first.numbers, first.lines) == (["+33600000001"], [2])
    assert (line, error.column) == (3, "first_name")
    assert (last.numbers, last.lines) == (["+33600000003"], [4])


# --- a look ---------------------------------------------------------------------------


MESSAGES = st.sampled_from(
    [
        {"text": "Hello"},
        {"text": "Hi {first_name}"},
        {"text": "Hi {first_name}, {param1} and {param1}"},
        {"text": "Hi {first_name} {param2} €"},
        {"text": "Łódź {param1}"},
        {"text": "{first_name} 20 % off", "purpose": "wholesale"},
        {"text": "Sale", "purpose": "wholesale"},
    ]
)


@given(
    rows=ROWS,
    said=MESSAGES,
    on_duplicate=st.sampled_from(OnDuplicate),
    by_identity=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_look_at_many_finds_what_a_look_at_each_does(
    *, rows, said, on_duplicate, by_identity, tmp_path, monkeypatch
):
    """Every figure, and every place."""
    path = tmp_path / "people.csv"
    path.write_bytes(csv_of(rows))
    identity = (lambda one: f"{one.phone_number}") if by_identity else None
    message = Message(**{"sender": "Acme", "purpose": "alert", **said})

    def inspection():
        return Inspection(
            message.text,
            purpose=message.purpose,
            now=SUNDAY,
            on_duplicate=on_duplicate,
            identity=identity,
        )

    many, each = inspection(), inspection()
    with suppress(SourceError):
        for piece in read_csv(path).rows().pieces:
            many.look_at(piece)
    with suppress(SourceError):
        for line, row in read_csv(path).rows():
            each.look(row, line)

    assert many.result() == each.result()


# --- a source -------------------------------------------------------------------------


def taken_from(source, *, one_by_one, on_duplicate, count):
    """What batches come of a source, and what was left out."""

    async def take():
        intake = BatchReader(
            whole_requests=False,
            on_duplicate=on_duplicate,
            on_invalid=OnInvalid.SKIP,
            # A key of its own for each number makes it look at single items.
            identity=(lambda one: one.phone_number) if one_by_one else None,
        )
        batches = []
        async with intake.reading(source):
            while content := await intake.take(count):
                batches.append((content, intake.items))
        return (
            batches,
            intake.items,
            intake.duplicates,
            intake.rejected,
            intake.rejections,
        )

    return asyncio.run(take())


async def test_a_key_of_ones_own_is_asked_for_each_of_a_file(tmp_path):
    """Where the loop runs, and with the lines in what is found."""
    path = tmp_path / "people.csv"
    path.write_bytes(
        csv_of([("+33600000001", one, "") for one in ("Ana", "Bo", "Ana")])
    )
    message = Message(text="Hi {param1}", sender="Acme", purpose="alert")

    found = await preview(
        read_csv(path),
        message=message,
        clock=VirtualClock(),
        options=BulkOptions(
            on_missing=OnMissing.SEND, identity=lambda one: one.first_name
        ),
    )

    assert (found.recipients, found.duplicates) == (2, 1)
    assert found.missing_values["param1"].line == 2


def test_requests_are_no_rows_of_a_file(tmp_path):
    """Where each item has a text of its own, a file is a mistake."""
    path = tmp_path / "people.csv"
    path.write_bytes(csv_of([(f"+336000000{one:02}", "", "") for one in range(20)]))
    (piece,) = read_csv(path).rows().pieces

    with pytest.raises(InvalidFieldError, match="SmsRequest"):
        Inspection(now=SUNDAY).look_at(piece)


def test_a_block_of_people_who_were_there_before(tmp_path):
    """Counts nobody; each has a number of its own in the block before."""
    path = tmp_path / "people.csv"
    people = [(f"+33600000{one:03}", "", "") for one in range(AT_A_TIME)]
    path.write_bytes(csv_of(people * 2))
    inspection = Inspection("Hi", now=SUNDAY)

    for piece in read_csv(path).rows().pieces:
        inspection.look_at(piece)

    found = inspection.result()
    assert (found.recipients, found.duplicates) == (AT_A_TIME, AT_A_TIME)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("Ada", {(Encoding.GSM7, 1): 500}, id="plain"),
        pytest.param("Łódź", {(Encoding.UNICODE, 1): 500}, id="Unicode"),
        pytest.param("{€}" * 16, {(Encoding.GSM7, 1): 500}, id="counted double"),
    ],
)
def test_blocks_add_up(tmp_path, name, expected):
    """Lengths that were met in the first are known in the second."""
    path = tmp_path / "people.csv"
    path.write_bytes(csv_of([(f"+33600000{one:03}", name, "") for one in range(500)]))
    inspection = Inspection("Hi {first_name}", now=SUNDAY)

    for piece in read_csv(path).rows().pieces:
        inspection.look_at(piece)

    assert inspection.result().messages == expected
    assert inspection.result().missing_values == {}


def test_blocks_whose_text_says_a_name_twice(tmp_path):
    """What is twice in the text counts twice, and who has no name is counted."""
    path = tmp_path / "people.csv"
    names = ["Ada", "x" * 50, "", "Bo"]
    people = [(f"+33600000{one:03}", names[one % 4], "") for one in range(500)]
    path.write_bytes(csv_of(people))
    inspection = Inspection("Hi {first_name}! " * 2 + "-" * 60, now=SUNDAY)

    for piece in read_csv(path).rows().pieces:
        inspection.look_at(piece)

    found = inspection.result()
    assert found.messages == {(Encoding.GSM7, 1): 375, (Encoding.GSM7, 2): 125}
    assert {name: one.count for name, one in found.missing_values.items()} == {
        "first_name": 125
    }


def test_plain_lines_with_a_number_that_no_phone_has_are_read_one_by_one(
    tmp_path, monkeypatch
):
    """The good rows are read, and the others say why they are not."""
    path = tmp_path / "people.csv"
    rows = [(f"+336000000{one:02}", "", "") for one in range(20)]
    rows[15] = ("+33612", "", "")
    path.write_bytes(csv_of(rows))
    monkeypatch.setattr(files, "_AT_A_TIME", 55)

    found = [*read_csv(path).rows()]

    ((line, bad),) = (one for one in found if isinstance(one[1], SourceError))
    assert len(found) == 20
    assert (line, bad.reason) == (17, "has too few digits for a number of +33")


def test_a_line_in_quotes_that_holds_a_broken_one_is_refused(tmp_path):
    """It is taken as the one cell that it is."""
    path = tmp_path / "people.csv"
    path.write_text('phone_number,first_name\n"+33600000001,""Ana"\n')

    ((line, bad),) = read_csv(path).rows()

    assert (line, bad.column) == (2, "phone_number")


def test_damage_behind_quoted_rows_is_told_after_them(tmp_path):
    """What was read before it comes first, and then what is wrong."""
    path = tmp_path / "people.csv"
    rows = b"".join(b'"+33600000%03d",Ana\n' % one for one in range(20))
    path.write_bytes(b"phone_number,first_name\n" + rows + b"+33600000999,\xff\n")
    seen = []

    with pytest.raises(SourceError, match="line 22"):
        seen.extend(row for _, row in iter(read_csv(path).rows()))

    assert len(seen) == 20


def test_a_block_is_looked_at_row_by_row_for_an_identity(tmp_path):
    """Who is the same is then for the caller to say."""
    path = tmp_path / "people.csv"
    path.write_bytes(csv_of([(f"+33600000{one:03}", "", "") for one in range(500)]))
    inspection = Inspection("Hi", now=SUNDAY, identity=lambda one: one.phone_number[-1])

    for piece in read_csv(path).rows().pieces:
        inspection.look_at(piece)

    found = inspection.result()
    assert (found.recipients, found.duplicates) == (10, 490)


def test_damage_inside_a_quoted_cell_is_told_after_the_rows(tmp_path):
    """A cell that goes on into it is not taken for one that ends."""
    path = tmp_path / "people.csv"
    rows = b"".join(b'"+33600000%03d",Ana\n' % one for one in range(20))
    path.write_bytes(b"phone_number,first_name\n" + rows + b'+33600000999,"A\n\xff",\n')
    seen = []

    with pytest.raises(SourceError, match="line 23"):
        seen.extend(row for _, row in iter(read_csv(path).rows()))

    assert len(seen) == 20


def test_a_block_of_marketing_lacks_its_mention(tmp_path):
    """Whoever is in France counts; the others need none."""
    path = tmp_path / "people.csv"
    codes = ["+33600000", "+32470000"]
    people = [(f"{codes[one % 2]}{one:03}", "", "") for one in range(500)]
    path.write_bytes(csv_of(people))
    inspection = Inspection("Buy", purpose=Purpose.WHOLESALE, now=SUNDAY)

    for piece in read_csv(path).rows().pieces:
        inspection.look_at(piece)

    assert inspection.result().without_mention == {"STOP au XXXXX": 250}


def test_a_long_line_among_others_is_a_line(tmp_path, monkeypatch):
    """They are looked at together, and that is not one line that is too long."""
    shorter = evolve(json_lines._FORMAT, longest_line=1024 * 1024)
    monkeypatch.setattr(json_lines, "_FORMAT", shorter)
    path = tmp_path / "people.jsonl"
    note = "x" * (1024 * 1024 - 60)
    line = f'{{"phone_number": "+33600000001", "note": "{note}"}}\n'
    path.write_text(line + '"+33600000002"\n' * 100)

    found = [(line, row.phone_number) for line, row in read_json_lines(path).rows()]

    assert found[:2] == [(1, "+33600000001"), (2, "+33600000002")]
    assert len(found) == 101


async def test_a_scan_that_is_cancelled_ends_soon(tmp_path):
    """Its thread looks at no more than it has begun with, and closes the file."""
    path = tmp_path / "people.csv"
    path.write_bytes(csv_of([(f"+33600000{one:03}", "", "") for one in range(900)]))
    loop = asyncio.get_running_loop()
    began, go_on, looked = asyncio.Event(), threading.Event(), []

    def look(piece):
        looked.append(piece)
        loop.call_soon_threadsafe(began.set)
        go_on.wait()

    task = asyncio.create_task(read_csv(path).scan(look))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await loop.shutdown_default_executor()

    assert len(looked) == 1


async def waiting(items):
    """The same items, as an asynchronous source gives them."""
    for item in items:
        yield item


ITEMS = st.lists(GOOD | ODD | GOOD.map(Recipient), max_size=40)


@given(
    items=ITEMS,
    on_duplicate=st.sampled_from([OnDuplicate.SKIP, OnDuplicate.KEEP]),
    count=st.integers(1, 9),
    make=st.sampled_from([list, waiting]),
)
def test_the_same_batches_come_of_many_as_of_each(items, on_duplicate, count, make):
    """In the same places, with the same items left out."""
    expected = taken_from(
        make(items), one_by_one=True, on_duplicate=on_duplicate, count=count
    )
    found = taken_from(
        make(items), one_by_one=False, on_duplicate=on_duplicate, count=count
    )

    assert found == expected


@given(
    odd=st.dictionaries(
        st.integers(0, 79),
        st.sampled_from(["nonsense,", "+33600000001", "", '+33600000002,"Bo"']),
        max_size=4,
    ),
    step=st.integers(1, 7),
    on_duplicate=st.sampled_from([OnDuplicate.SKIP, OnDuplicate.KEEP]),
    count=st.integers(1, 30),
    at_a_time=st.integers(20, 200),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_batches_come_of_blocks_as_of_rows(
    *, odd, step, on_duplicate, count, at_a_time, tmp_path, monkeypatch
):
    """Wherever a block ends, and whatever stands between two of them."""
    path = tmp_path / "people.csv"
    plain = {at: f"+3360000{at * step % 70:04},{'Ana' * (at % 3)}" for at in range(80)}
    lines = (plain | odd).values()
    path.write_text("\n".join(["phone_number,first_name", *lines, ""]))
    how = {"on_duplicate": on_duplicate, "count": count}
    expected = taken_from(read_csv(path), one_by_one=True, **how)

    monkeypatch.setattr(files, "_AT_A_TIME", at_a_time)
    found = taken_from(read_csv(path), one_by_one=False, **how)

    assert found == expected
    batches = found[0]
    assert all(len(content) == count for content, _ in batches[:-1])


def broken():
    """A source that breaks behind its first item."""
    yield "nonsense"
    msg = "the database is gone"
    raise OSError(msg)


@pytest.mark.parametrize("make", [iter, waiting], ids=["iterable", "asynchronous"])
async def test_what_comes_before_a_failure_is_looked_at_first(make):
    """A number that is none is told before the source breaks; and it stays broken."""

    intake = BatchReader(
        whole_requests=False,
        on_duplicate=OnDuplicate.SKIP,
        on_invalid=OnInvalid.SKIP,
        identity=None,
    )

    async with intake.reading(make(broken())):
        with pytest.raises(OSError, match="database"):
            await intake.take(5)
        assert (intake.items, intake.rejected) == (1, 1)
        with pytest.raises(OSError, match="database"):
            await intake.take(5)
