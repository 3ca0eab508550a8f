"""What a run takes from its source, item by item, and what it refuses to take."""

import asyncio
from collections import Counter
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import InvalidFieldError, Recipient, read_csv
from aiooctopush.bulk.options import OnDuplicate, OnInvalid
from aiooctopush.bulk.sources import text_file
from aiooctopush.bulk.sources.batching import BatchReader


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
LISTS = st.lists(st.sampled_from([*SOME, *SOME, "nonsense"]), max_size=40)


def expected(items, *, known, excluded, keeps_copies, size):
    """Batches of a list, item by item: where each begins, and the counts behind it."""
    met, said, batches = Counter(), Counter(), []
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


async def in_batches(items, *, known, excluded, keeps_copies, size, waits):
    """Batches as a reader makes them."""
    reader = BatchReader(
        whole_requests=False,
        on_duplicate=OnDuplicate.KEEP if keeps_copies else OnDuplicate.SKIP,
        on_invalid=OnInvalid.SKIP,
        identity=None,
    )
    reader.people.remember([int(one) for one in known.elements()])
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


@given(
    items=LISTS,
    known=st.lists(st.sampled_from(SOME), max_size=12).map(Counter),
    excluded=st.sets(st.sampled_from(SOME), max_size=3),
    keeps_copies=st.booleans(),
    size=st.integers(1, 8),
    waits=st.booleans(),
)
def test_batches_are_those_of_one_item_after_the_other(waits, **given_):
    """Although many are looked at together: the counts are those behind each batch."""
    assert asyncio.run(in_batches(waits=waits, **given_)) == expected(**given_)


async def test_no_more_is_waited_for_than_a_batch_needs():
    """A slow source has given two new ones of four: the third is read, no further."""
    given_ = []

    async def source():
        for number in SOME:
            given_.append(number)
            yield number

    reader = BatchReader(
        whole_requests=False,
        on_duplicate=OnDuplicate.SKIP,
        on_invalid=OnInvalid.SKIP,
        identity=None,
    )
    reader.people.remember([int(SOME[0])])
    async with reader.reading(source()):
        await reader.take(3)

    assert given_ == SOME[:4]
