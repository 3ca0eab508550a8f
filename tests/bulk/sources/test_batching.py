"""What a run takes from its source, item by item, and what it refuses to take."""

import asyncio
from collections import Counter
from pathlib import PurePosixPath
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiooctopush import InvalidFieldError, LedgerError, Recipient, read_csv
from aiooctopush.bulk.options import OnDuplicate, OnInvalid, OnMissing
from aiooctopush.bulk.sources import text_file
from aiooctopush.bulk.sources.batching import BatchReader
from aiooctopush.ledgers.batch import pack_figures


ONE, TWO = "+33639980001", "+33639980002"


async def taken(source, *, on_duplicate=OnDuplicate.SKIP):
    """The numbers of the first batch of a source."""
    reader = BatchReader(
        whole_requests=False,
        on_duplicate=on_duplicate,
        on_invalid=OnInvalid.ERROR,
        identity=None,
    )
    async with reader.reading(source):
        content = await reader.take(500)
    return [one.phone_number for one in content]


class Rows:
    """A source of the caller's own, with bad rows as values."""

    async def items(self):
        """One after the other."""
        yield ONE
        yield Recipient(TWO)

    # Asked for its items, it is not iterated over.
    __iter__ = __aiter__ = None


class Column(list):
    """Many numbers, with items that are something else, as data frames have."""

    def items(self):
        """Places and numbers."""
        return enumerate(self)


class Query:
    """What can be iterated, and is to be closed behind it."""

    def __init__(self):
        self.is_closed = False

    def __iter__(self):
        """Hold something until the end."""
        try:
            yield from [ONE, TWO, "nonsense"]
        finally:
            self.is_closed = True


async def test_a_source_with_items_is_asked_for_them():
    """And is not iterated."""
    assert await taken(Rows()) == [ONE, TWO]


async def test_items_of_another_kind_are_left_alone():
    """The source itself is iterated then."""
    assert await taken(Column([ONE, TWO])) == [ONE, TWO]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            ONE,
            "must be an iterable of recipients; [one] for a single one (got str)",
        ),
        (
            Recipient(ONE),
            "must be an iterable of recipients; [one] for a single one (got Recipient)",
        ),
        (
            {ONE: "Zoe"},
            "must be an iterable of recipients; [one] for a single one (got dict)",
        ),
        (
            "people.csv",
            (
                "must be an iterable of recipients; for a file use read_csv(path) "
                "(got str)"
            ),
        ),
        (
            PurePosixPath("people.csv"),
            (
                "must be an iterable of recipients; for a file use read_csv(path) "
                "(got PurePosixPath)"
            ),
        ),
        (33639980001, "must be an iterable of recipients (got int)"),
    ],
    ids=["one number", "one recipient", "mapping", "file", "path", "no items"],
)
async def test_what_is_no_source_is_refused(source, words):
    """Before anything is taken from it."""
    with pytest.raises(InvalidFieldError) as caught:
        await taken(source)

    assert words in str(caught.value)


async def test_a_generator_that_has_ended_is_refused():
    """A run of it would send to no one, and report no mistake."""

    def members():
        yield ONE

    async def later():
        yield ONE

    for source in (members(), later()):
        assert await taken(source) == [ONE]

        with pytest.raises(InvalidFieldError) as caught:
            await taken(source)

        assert str(caught.value) == (
            "source: is a generator that has been read to its end; create a new one. "
            "Nothing was sent."
        )


async def test_an_item_of_no_known_kind_is_a_mistake():
    """The error says which item, and what would do."""
    with pytest.raises(InvalidFieldError) as caught:
        await taken([ONE, 33639980002])

    assert "item 2 of the source: must be a str or a Recipient" in str(caught.value)
    assert "(got int)" in str(caught.value)


async def test_somebody_who_was_there_before_may_be_an_error():
    """With its place, and no more of the number than its ends."""
    with pytest.raises(InvalidFieldError) as caught:
        await taken([ONE, Recipient(ONE)], on_duplicate=OnDuplicate.ERROR)

    assert "item 2 of the source: was there before" in str(caught.value)
    assert ONE not in str(caught.value)


async def test_what_was_opened_for_a_run_is_closed_behind_it():
    """Though the run stops in the middle."""
    query = Query()

    with pytest.raises(InvalidFieldError):
        await taken(query)

    assert query.is_closed


async def test_a_batch_is_whole_wherever_blocks_of_its_file_end(tmp_path, monkeypatch):
    """What is left of one block goes together with the next, behind a bad row too."""
    path = tmp_path / "people.csv"
    numbers = [f"+336399800{at:02}" for at in range(40)]
    path.write_text(
        "\n".join(["phone_number", "nonsense", *numbers, ""]), encoding="utf-8"
    )
    monkeypatch.setattr(text_file, "_AT_A_TIME", 60)
    reader = BatchReader(
        whole_requests=False,
        on_duplicate=OnDuplicate.SKIP,
        on_invalid=OnInvalid.SKIP,
        identity=None,
    )

    batches = []
    async with reader.reading(read_csv(path)):
        while content := await reader.take(7):
            batches.append([one.phone_number for one in content])

    assert batches == [numbers[at : at + 7] for at in range(0, 40, 7)]


# --- known people ---------------------------------------------------------------------

SOME = [f"+3363998000{at}" for at in range(10)]
COUNTS = ("items", "new", "already", "excluded", "duplicates", "rejected")
ANYBODY = st.sampled_from([*SOME, *SOME, "nonsense"])
PLANNED = st.lists(st.lists(st.sampled_from(SOME), min_size=1, max_size=5), max_size=4)


@st.composite
def edited(draw):
    """Batches that were planned, and their list; then somebody edits it."""
    planned = draw(PLANNED)
    items = [number for batch in planned for number in batch]
    for at in draw(st.lists(st.integers(0, 25), max_size=2)):
        items[at : at + draw(st.integers(0, 2))] = draw(st.lists(ANYBODY, max_size=2))
    return planned, items + draw(st.lists(ANYBODY, max_size=12))


LISTS = st.one_of(edited(), st.tuples(PLANNED, st.lists(ANYBODY, max_size=40)))


def reader_of(**options):
    """A reader of numbers."""
    given_ = {
        "whole_requests": False,
        "on_duplicate": OnDuplicate.SKIP,
        "on_invalid": OnInvalid.SKIP,
        "identity": None,
    }
    return BatchReader(**given_ | options)


def remember(reader, planned, *, is_deferred=True, recalled=None):
    """Have a reader remember batches, as a start does; and again, when it asks."""
    recalls = []

    def note(batches):
        for batch in batches:
            figures = [int(number) for number in batch]
            reader.remember(SimpleNamespace(numbers=pack_figures(figures)))

    async def recall():
        recalls.append(len(recalls))
        note(planned if recalled is None else recalled)
        yield

    if is_deferred:
        reader.defer(recall)
    note(planned)
    return recalls


def expected(items, *, planned, excluded, keeps_copies, size):
    """Batches of a list, item by item: where each begins, and the counts behind it."""
    met, said, batches = Counter(), Counter(), []
    known = Counter(number for some in planned for number in some)
    first, batch = 0, []
    for at, item in enumerate(items):
        met[item] += 1
        if item == "nonsense":
            said["rejected"] += 1
        elif known[item] >= (met[item] if keeps_copies else 1):
            said["already"] += 1
        elif item in excluded:
            said["excluded"] += 1
        elif met[item] > 1 and not keeps_copies:
            said["duplicates"] += 1
        else:
            said["new"] += 1
            first = first if batch else at
            batch.append(item)
        said["items"] += 1
        if len(batch) == size:
            batches.append((first, batch, dict(said)))
            batch = []
    return [*batches, *([(first, batch, dict(said))] if batch else [])], dict(said)


async def in_batches(
    items, *, planned, excluded, keeps_copies, size, waits, is_deferred
):
    """Batches as a reader makes them."""
    reader = reader_of(
        on_duplicate=OnDuplicate.KEEP if keeps_copies else OnDuplicate.SKIP
    )
    remember(reader, planned, is_deferred=is_deferred)
    await reader.exclude(excluded)

    async def source():
        for item in items:
            yield item

    def counts():
        found = {name: getattr(reader, name) for name in COUNTS}
        return {name: count for name, count in found.items() if count}

    batches = []
    async with reader.reading(source() if waits else items):
        while content := await reader.take(size):
            people = [one.phone_number for one in content]
            batches.append((reader.first, people, counts()))
    return batches, counts()


@example(
    given_list=([SOME[:2]], [*SOME[:2], "nonsense", *SOME[2:5], SOME[2], SOME[5]]),
    excluded={SOME[3]},
    keeps_copies=False,
    size=2,
    waits=False,
    is_deferred=True,
)
@given(
    given_list=LISTS,
    excluded=st.sets(st.sampled_from(SOME), max_size=3),
    keeps_copies=st.booleans(),
    size=st.integers(1, 8),
    waits=st.booleans(),
    is_deferred=st.booleans(),
)
def test_batches_are_those_of_one_item_after_the_other(
    given_list, waits, is_deferred, **given_
):
    """Many are looked at together, and those of an unchanged list not one by one."""
    planned, items = given_list
    given_ |= {"planned": planned}

    found = asyncio.run(
        in_batches(items, waits=waits, is_deferred=is_deferred, **given_)
    )

    assert found == expected(items, **given_)


async def test_no_more_is_waited_for_than_a_batch_needs():
    """A slow source has given two new ones of four: the third is read, no further."""
    given_ = []

    async def source():
        for number in SOME:  # pragma: no branch - nobody reads it to its end
            given_.append(number)
            yield number

    reader = reader_of()
    remember(reader, [SOME[:1]], is_deferred=False)
    async with reader.reading(source()):
        await reader.take(3)

    assert given_ == SOME[:4]


# --- a list that did not change -------------------------------------------------------


def as_file(path, numbers):
    """The same people as rows of a file, with names."""
    rows = "".join(f"{number},Zoé\n" for number in numbers)
    path.write_text(f"phone_number,first_name\n{rows}", encoding="utf-8")
    return read_csv(path)


@pytest.mark.parametrize("kind", [list, iter, "recipients", "file"], ids=str)
@pytest.mark.parametrize("size", [1, 3, 500])
async def test_an_unchanged_list_needs_no_set(tmp_path, kind, size):
    """Whatever it is made of, and however large its batches were, or are now."""
    source = {
        "recipients": [Recipient(number, first_name="Zoé") for number in SOME],
        "file": as_file(tmp_path / "people.csv", SOME),
    }.get(kind) or kind(SOME)
    reader = reader_of()
    recalls = remember(reader, [SOME[:1], SOME[1:8], SOME[8:]])

    async with reader.reading(source):
        content = await reader.take(size)

    assert content is None
    assert (reader.items, reader.already, len(recalls)) == (10, 10, 0)
    assert not reader.people.known


async def test_more_people_at_the_end_are_looked_up():
    """All known people are recalled for them, once."""
    reader = reader_of()
    recalls = remember(reader, [SOME[:2], SOME[2:4]])

    async with reader.reading([*SOME[:4], SOME[1], *SOME[4:6]]):
        content = await reader.take(500)

    assert [one.phone_number for one in content] == SOME[4:6]
    assert (reader.already, recalls) == (5, [0])


@pytest.mark.parametrize(
    "items",
    [
        [",".join(SOME[:2]), ""],
        [f"{SOME[0]},", SOME[1].removeprefix("+")],
        [SOME[0], "\ud800"],
        [SOME[0], Recipient(SOME[1])],
        [Recipient(SOME[0]), "nonsense"],
        ["", ""],
    ],
    ids=repr,
)
async def test_other_items_are_not_taken_for_those_that_were_planned(items):
    """Though they look alike together, or are of several kinds."""
    found = []
    for is_deferred in (False, True):
        reader = reader_of()
        remember(reader, [SOME[:2]], is_deferred=is_deferred)
        async with reader.reading(items):
            assert await reader.take(500) is None
        found.append((reader.already, reader.rejections))

    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("items", "already"),
    [
        (SOME[:3], 0),
        (
            [
                Recipient(SOME[0]),
                *(Recipient(one, first_name="Zo") for one in SOME[1:3]),
            ],
            2,
        ),
    ],
    ids=["numbers", "recipients"],
)
async def test_known_people_without_a_value_are_refused_as_before(items, already):
    """Though the numbers are those that were planned."""
    reader = reader_of(text="Hi {first_name}", on_missing=OnMissing.SKIP)
    remember(reader, [SOME[:3]])

    async with reader.reading(items):
        await reader.take(500)

    assert (reader.already, reader.rejected) == (already, 3 - already)


@pytest.mark.parametrize("empty", [None, ""])
async def test_an_empty_value_is_no_value(empty):
    """In a column of many as in one item."""
    people = [Recipient(SOME[0], first_name="Zo"), Recipient(SOME[1], first_name=empty)]
    reader = reader_of(text="Hi {first_name}", on_missing=OnMissing.SKIP)

    async with reader.reading(people):
        content = await reader.take(500)

    assert content == (people[0],)
    assert [one.reason for one in reader.rejections] == [
        "is empty, and the text uses it"
    ]


async def test_a_ledger_that_has_lost_people_meanwhile_is_not_believed():
    """Nobody is planned again because somebody purged the run."""
    reader = reader_of()
    remember(reader, [SOME[:3], SOME[3:6]], recalled=[SOME[:3], []])

    async with reader.reading(SOME[1:]):
        with pytest.raises(LedgerError, match="lost recipients"):
            await reader.take(500)
