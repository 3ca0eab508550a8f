"""
Recipients as JSON straight from columns: a tenth of the time of one by one.

To the byte what orjson writes of the records, for the ids of a run follow from it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final


# What JSON writes in another way than as it stands.
_is_escaped: Final = re.compile(r'["\\\x00-\x1f]').search


def json_of_columns(columns: Mapping[str, Sequence[str | None]]) -> bytes | None:
    """
    An array of objects, without what is None; None if it takes a closer look.

    Args:
        columns: By name of the field, in the order of the record: a value for each.
            The first are numbers.
    """
    step = 2 * len(columns)
    count = len(next(iter(columns.values())))
    pieces = [""] * (step * count)
    absent = []
    opens = '"},{"'
    for at, (name, column) in enumerate(columns.items()):
        values = column
        if None in column:
            if "" in column:
                # An empty value is a value, and here would look like none.
                return None
            absent.append(f',"{name}":""')
            values = [value or "" for value in column]
        # The first is a number, and has been looked at.
        if at and _is_escaped("".join(values)):  # type: ignore[arg-type]  # no None
            return None
        pieces[2 * at :: step] = [f'{opens}{name}":"'] * count
        pieces[2 * at + 1 :: step] = values  # type: ignore[assignment]  # as above
        opens = '","'
    if not count:
        return b"[]"
    # Each object closes the one before it.
    text = f'[{"".join(pieces)[3:]}"}}]'
    for empty in absent:
        # No value holds a quote, so this is never part of one.
        text = text.replace(empty, "")
    return text.encode()
