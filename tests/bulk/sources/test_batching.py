"""What a run takes from its source, item by item, and what it refuses to take."""

from pathlib import PurePosixPath

import pytest

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
