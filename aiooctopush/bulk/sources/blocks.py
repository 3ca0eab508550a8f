"""
Good rows of a file, some hundred at a time and column by column.

Looking at a column costs a tenth of looking at its cells one by one. Whatever is odd
about a row is left to those who look at single rows; so is finding out which row it is.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, compress
from typing import Self

from attrs import evolve, field, frozen

from ..._limits import MAX_MERGE_FIELD
from ...api._recipients import NUMBER, CheckedRecipients, Recipient
from ...errors import InvalidFieldError
from ...phone import normalize_all
from .text_file import SourceError, can_be_encoded


@frozen
class Block:
    """
    Recipients that stand in a file one after the other.

    Attributes:
        lines: Where the row of each starts.
        columns: By name of the field, a value for each; empty for none.
    """

    lines: Sequence[int]
    columns: Mapping[str, Sequence[str]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def numbers(self) -> Sequence[str]:
        """Phone numbers, as a Recipient has them."""
        return self.columns[NUMBER]

    def recipients(self) -> CheckedRecipients:
        """The same as a batch has them."""
        return CheckedRecipients(
            {
                name: [value or None for value in column]
                if name != NUMBER and "" in column
                else column
                for name, column in self.columns.items()
            }
        )

    def select(self, chosen: Sequence[bool]) -> Self:
        """Return the recipients at whose place ``chosen`` is true."""
        return evolve(
            self,
            lines=list(compress(self.lines, chosen)),
            columns={
                name: list(compress(column, chosen))
                for name, column in self.columns.items()
            },
        )


RowOrBlock = Block | tuple[int, Recipient | SourceError]
"""What a file is read as: many good rows, or one of any kind and its line."""


def block_of(
    lines: Sequence[int], columns: Mapping[str, Sequence[str]]
) -> Block | None:
    """
    Rows as a block, if each is a recipient; None if one may be none.

    What it lets through, `Recipient` would take in the same way.

    Args:
        lines: Where each starts.
        columns: As in a block, but that numbers may be written in any way.
    """
    values = [column for name, column in columns.items() if name != NUMBER]
    if not all(max(map(len, column)) <= MAX_MERGE_FIELD for column in values):
        return None
    if not can_be_encoded("".join(chain.from_iterable(values))):
        return None
    try:
        numbers = normalize_all(columns[NUMBER])
    except InvalidFieldError:
        return None
    return Block(lines, {**columns, NUMBER: numbers})
