"""What a look counts by the beginning of numbers, and what by each of them."""

import pytest

from aiooctopush.bulk.preview.tallies import Countries
from aiooctopush.phone import heads_of


@pytest.mark.parametrize(
    ("numbers", "counts"),
    [
        (["+33612345678", "+33712345678", "+4915112345678"], {"FR": 2, "DE": 1}),
        (["+12045550123", "+18765550123", "+77011234567"], {"CA": 1, "JM": 1, "KZ": 1}),
        # Nine characters: the last digit of the code is in the tail.
        (["+29022158", "+29751234", "+29022159"], {"SH": 2, "AW": 1}),
        (["+99912345", "+800123456789"], {"": 2}),
    ],
    ids=["two", "shared codes", "short", "nowhere"],
)
def test_countries_are_told_by_heads(numbers, counts):
    """As each number by itself would be."""
    one_by_one = Countries()
    for number in numbers:
        one_by_one.look([number], heads_of([number]))
    together = Countries()
    together.look(numbers, heads_of(numbers))

    assert together.counts == one_by_one.counts == counts
