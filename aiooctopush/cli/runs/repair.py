"""A file of rejected rows and their problems, for correction."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from ...ledgers.records import Rejection
from ..terminal.export import harmless, new_file
from ..terminal.problems import in_options


_ABOUT: Final = ("line", "column", "reason")
"""Columns that are put behind those of the file."""

_PREFIX: Final = "rejected_"
"""In front of their names, where the file has such a column of its own."""

_VALUE: Final = "value"
"""A further column, for rejections without cells."""

# A phone number as written, or as Excel protects it from becoming a figure. It looks
# like a formula, and must be read again unchanged.
_is_number = re.compile(r'[+-]?[\d ().\-/]*|="\+?[\d ().\-/]*"').fullmatch

_Key = tuple[str, int]


def write_repairs(path: Path, rejections: Sequence[Rejection]) -> None:
    """
    Write rejected rows with their original cells, line, column and reason.

    Once corrected, the file can be sent with the same options. It has each column of
    the rows once. Reasons from an earlier such file are replaced.

    Args:
        path: The file, for its owner alone.
        rejections: The rejected rows.

    Raises:
        ExportError: It cannot be written.
    """
    rows = [(_cells_of(one), one) for one in rejections]
    keys: dict[_Key, None] = {}
    for (cells, _), _ in rows:
        keys.update(dict.fromkeys(cells))
    has_values = any(not one.cells for one in rejections)
    names = [name for name, _ in keys]
    about = [*_ABOUT, *([_VALUE] if has_values else [])]
    if {name.strip().lower() for name in names}.intersection(about):
        about = [_PREFIX + name for name in about]
    with new_file(path, private=True) as file:
        # Quoted, so that numbers are text.
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow([*names, *about])
        for (cells, beyond), one in rows:
            line = one.position + 1 if one.line is None else one.line
            said = [str(line), one.column_name or "", in_options(one.reason)]
            if has_values:
                said.append("" if one.cells else one.shown or "")
            writer.writerow(
                [
                    *(_safe(cells.get(key, "")) for key in keys),
                    *map(harmless, said),
                    # Where they are too many, they stay so until it is repaired.
                    *map(_safe, beyond),
                ]
            )


def _cells_of(rejection: Rejection) -> tuple[dict[_Key, str], Sequence[str]]:
    """The cells of a row by name and occurrence of their column, and those beyond."""
    header, cells = rejection.header, rejection.cells
    known = dict(zip(_keys(header), cells, strict=False))
    last = header[-len(_ABOUT) :]
    if tuple(name.removeprefix(_PREFIX) for name in last) == _ABOUT:
        # It came from such a file.
        for name in last:
            known.pop((name, header.count(name)), None)
    return known, cells[len(header) :]


def _keys(header: Iterable[str]) -> Iterator[_Key]:
    seen: Counter[str] = Counter()
    for name in header:
        seen[name] += 1
        yield name, seen[name]


def _safe(cell: str) -> str:
    return cell if _is_number(cell) else harmless(cell)
