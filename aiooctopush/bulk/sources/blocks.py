"""
Good rows of a file, some hundred at a time and column by column.

Checking a column costs a tenth of checking its cells one by one. Unusual rows, and
finding the row of a problem, are left to the checks of single rows.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from itertools import compress
from typing import Self

from attrs import evolve, field, frozen

from ...api._recipients import NUMBER, CheckedRecipients, Recipient, values_of
from .text_file import SourceError


@frozen
class Block:
    """
    Consecutive recipients of a file.

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
        """Return the recipients as a batch has them."""
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
"""Parts of a file: many good rows, or one of any kind and its line."""


def in_blocks(
    rows: Iterable[tuple[int, Recipient | SourceError]], size: int
) -> Generator[RowOrBlock]:
    """
    Have good rows that follow each other as blocks, and each other row alone.

    Args:
        rows: The rows of a file. If they raise a `SourceError`, the rows before come
            first.
        size: Rows of a block at most.
    """
    good: list[tuple[int, Recipient]] = []
    failure = None
    try:
        for line, row in rows:
            # A block has no empty value; in JSON that is not the same as none.
            if isinstance(row, SourceError) or "" in values_of(row):
                if good:
                    yield _block(good)
                    good = []
                yield line, row
                continue
            good.append((line, row))
            if len(good) == size:
                yield _block(good)
                good = []
    except SourceError as error:
        failure = error
    if good:
        yield _block(good)
    if failure is not None:
        raise failure


def _block(good: Sequence[tuple[int, Recipient]]) -> Block:
    columns = CheckedRecipients.of(one for _, one in good).columns
    return Block(
        [line for line, _ in good],
        {name: [one or "" for one in column] for name, column in columns.items()},
    )
