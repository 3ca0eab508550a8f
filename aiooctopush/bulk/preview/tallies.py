"""Counts of a preview, with the position of each first occurrence."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import define, field

from ...ledgers.records import Rejection
from ...phone import country_of, head_of
from .findings import Finding
from .text_lengths import MergedLengths


LISTED_AT_MOST: Final = 20
"""Rejections, and unknown placeholders, that are listed; all of them are counted."""

SAMPLES: Final = 3
"""Texts that are shown as they will arrive."""

OTHER_REASONS: Final = "other reasons"
_REASONS_AT_MOST: Final = 50


@define
class Tally:
    """Counts, and notes where it began."""

    count: int = 0
    position: int = 0
    line: int | None = None

    def add(self, position: int, line: int | None, count: int = 1) -> None:
        """Count one more, or several that begin there."""
        if not self.count:
            self.position, self.line = position, line
        self.count += count

    def finding(self, character: str | None = None) -> Finding | None:
        """Return the count and its first position; None if the count is zero."""
        if not self.count:
            return None
        return Finding(
            count=self.count,
            position=self.position,
            line=self.line,
            character=character,
        )


@define
class Rejections:
    """
    Items that cannot be used.

    Attributes:
        count: All of them.
        first: The first 20.
        reasons: Counts by reason; rare reasons beyond 50 are combined.
    """

    count: int = 0
    first: list[Rejection] = field(factory=list)
    reasons: Counter[str] = field(factory=Counter)

    def add(
        self,
        position: int,
        line: int | None,
        reason: str,
        shown: str | None,
        *,
        column: str | None = None,
    ) -> None:
        """Count one more; by reason together with its column, if it has one."""
        self.count += 1
        words = reason if column is None else f"{column} {reason}"
        is_listed = words in self.reasons or len(self.reasons) < _REASONS_AT_MOST
        self.reasons[words if is_listed else OTHER_REASONS] += 1
        if len(self.first) < LISTED_AT_MOST:
            self.first.append(
                Rejection(
                    position=position,
                    line=line,
                    column_name=column,
                    reason=reason,
                    shown=shown,
                )
            )


@define
class Doubts:
    """
    Numbers that probably cannot receive SMS.

    Attributes:
        invalid: Possible by their length, but unassigned.
        landlines: Landlines and service numbers.
    """

    invalid: Tally = field(factory=Tally)
    landlines: Tally = field(factory=Tally)

    def look(
        self,
        numbers: Sequence[str],
        heads: Iterable[str],
        positions: Sequence[int],
        lines: Sequence[int | None],
    ) -> None:
        """Count those among some numbers."""
        from .doubts import doubtful  # noqa: PLC0415  # an extra

        invalid, landlines = doubtful(numbers, heads)
        for at in invalid:
            self.invalid.add(positions[at], lines[at])
        for at in landlines:
            self.landlines.add(positions[at], lines[at])


# Plus and four digits: they distinguish countries that share a calling code.
_BEGINNING: Final = 5
# Plus and the longest country code.
_CODE: Final = 4


@define
class Countries:
    """
    Recipients by country.

    Attributes:
        counts: By two letters; ``""`` if unknown.
    """

    counts: Counter[str] = field(factory=Counter)
    _known: dict[str, str] = field(factory=dict)

    def look(self, numbers: Sequence[str], heads: Mapping[str, int]) -> None:
        """Count some numbers, whose heads are counted already."""
        for head, count in heads.items():
            if len(head) < _CODE:
                # The rest of the code is in the tail.
                of_head = [one for one in numbers if head_of(one) == head]
                self.counts.update(country_of(one) or "" for one in of_head)
                continue
            beginning = head[:_BEGINNING]
            country = self._known.get(beginning)
            if country is None:
                number = next(one for one in numbers if one.startswith(beginning))
                country = self._known[beginning] = country_of(number) or ""
            self.counts[country] += count


@define
class Samples:
    """The first texts as they will arrive."""

    texts: list[str] = field(factory=list, repr=False)

    def keep(self, text: MergedLengths, rows: Sequence[tuple[str, ...]]) -> None:
        """Keep the text with these values, unless there are enough."""
        for values in rows:
            if len(self.texts) == SAMPLES:
                return
            sample = text.merged(values)
            # One text is enough if it is the same for all recipients.
            if text.names or not self.texts:
                self.texts.append(sample)
