"""Out of each file comes what stands in it, and a row that is refused says why."""

import pytest
from lists.cases import ALL

from aiooctopush import Recipient, SourceError, read_recipients


VALUES = ("first_name", "last_name")


def by_id(case):
    """Name a case by its file."""
    return case.name


@pytest.mark.parametrize("case", ALL, ids=by_id)
def test_a_file_is_read_as_it_was_written_down_by_hand(tmp_path, case):
    """Line by line: the numbers, their values, and the rows that cannot be used."""
    path = tmp_path / case.name
    content = case.content
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    people, bad, refused = [], {}, None

    try:
        with read_recipients(path, **case.options).rows() as rows:
            for line, row in rows:
                if isinstance(row, SourceError):
                    bad[line] = str(row)
                else:
                    people.append((line, row))
    except SourceError as error:
        refused = str(error)

    assert people == [
        (line, Recipient(number, **dict(zip(VALUES, values, strict=False))))
        for line, number, *values in case.people
    ]
    assert list(bad) == list(case.bad)
    for line, words in case.bad.items():
        assert words in bad[line]
    assert (refused is None) == (case.refused is None)
    assert (case.refused or "") in (refused or "")


def test_there_are_enough_cases():
    """At least sixty, each with a name of its own and a report."""
    assert len({case.name for case in ALL}) == len(ALL) >= 60
    assert all(case.report for case in ALL)
