"""
Recipients as JSON straight from columns: half of the time, and no records are made.

To the byte what orjson writes of the records, for the ids of a run follow from it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final


# What JSON writes in another way than as it stands.
_is_escaped: Final = re.compile(r'["\\\x00-\x1f]').search


def json_of_columns(columns: Mapping[str, Sequence[str | None]]) -> bytes | None:
    """
    An array of objects, without what is None; None if a value takes a closer look.

    Args:
        columns: By name of the field, in the order of the record: a value for each.
            The first are numbers.
    """
    step = 2 * len(columns)
    count = len(next(iter(columns.values())))
    if not count:
        return b"[]"
    # Each field closes the one before it, and each object the one before it.
    pieces = [""] * (step * count)
    opens = '"},{"'
    for at, (name, values) in enumerate(columns.items()):
        key = f'{opens}{name}":"'
        keys = [key] * count
        if None in values:
            keys = [key if value is not None else "" for value in values]
            values = [value or "" for value in values]  # noqa: PLW2901
        # The first is a number, and has been looked at.
        if at and _is_escaped("".join(values)):  # type: ignore[arg-type]  # no None
            return None
        pieces[2 * at :: step] = keys
        pieces[2 * at + 1 :: step] = values  # type: ignore[assignment]  # no None
        opens = '","'
    text = "".join(pieces)
    return f'[{text[3:]}"}}]'.encode()
