"""Outcomes over time, as columns of one width and the pauses between them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from attrs import frozen

from ....ledgers.records import BatchState


Outcomes = Mapping[BatchState, Mapping[int, int]]
"""By state and second since 1970, the recipients whose outcome is of that second."""

_COLUMNS_AT_MOST: Final = 60

# A pause would take most of the width, or it is longer than a batch may take with all
# its attempts.
_SHORT_PAUSE_SECONDS: Final = 20
_PAUSE_SHARE: Final = 0.25
_LONG_PAUSE_SECONDS: Final = 1_200

# With more of them, time is drawn as it passed.
_PAUSES_AT_MOST: Final = 6

_WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)


@frozen(kw_only=True)
class Column:
    """
    Outcomes of one span of time.

    Attributes:
        begins: Second since 1970.
        counts: Recipients by state.
    """

    begins: int
    counts: Mapping[BatchState, int]

    @property
    def total(self) -> int:
        """Recipients of all states."""
        return sum(self.counts.values())


@frozen(kw_only=True)
class Gap:
    """
    A pause.

    Attributes:
        seconds: Time without any outcome.
    """

    seconds: int


@frozen(kw_only=True)
class Timeline:
    """
    Outcomes over time.

    Attributes:
        width: Seconds of one column.
        parts: Columns and gaps, in order.
        active: Seconds in all, without the gaps.
    """

    width: int
    parts: tuple[Column | Gap, ...]
    active: int

    @property
    def columns(self) -> tuple[Column, ...]:
        """The parts that are columns."""
        return tuple(one for one in self.parts if isinstance(one, Column))


def timeline(outcomes: Outcomes) -> Timeline | None:
    """Put outcomes into columns; None if there are no outcomes."""
    totals: Counter[int] = Counter()
    for counts in outcomes.values():
        totals.update(counts)
    if not totals:
        return None
    stretches = _stretches(sorted(totals))
    width = _width_for(stretches)
    parts: list[Column | Gap] = []
    for number, stretch in enumerate(stretches):
        if number:
            parts.append(Gap(seconds=stretch[0] - stretches[number - 1][1]))
        parts.extend(_columns(stretch, width, outcomes))
    return Timeline(
        width=width,
        parts=tuple(parts),
        active=sum(last - first + 1 for first, last in stretches),
    )


def _stretches(seconds: list[int]) -> list[tuple[int, int]]:
    """First and last second of each part between the pauses."""
    share = _PAUSE_SHARE * (seconds[-1] - seconds[0])
    pause = min(max(share, _SHORT_PAUSE_SECONDS), _LONG_PAUSE_SECONDS)
    breaks = [
        (left, right) for left, right in pairwise(seconds) if right - left > pause
    ]
    if len(breaks) > _PAUSES_AT_MOST:
        breaks = []
    firsts = [seconds[0], *(right for _, right in breaks)]
    lasts = [*(left for left, _ in breaks), seconds[-1]]
    return list(zip(firsts, lasts, strict=True))


def _width_for(stretches: Iterable[tuple[int, int]]) -> int:
    widths = iter(_WIDTHS)
    width = next(widths)
    while sum(last // width - first // width + 1 for first, last in stretches) > (
        _COLUMNS_AT_MOST
    ):
        width = next(widths, width * 2)
    return width


def _columns(stretch: tuple[int, int], width: int, outcomes: Outcomes) -> list[Column]:
    first, last = (second // width for second in stretch)
    found: dict[int, Counter[BatchState]] = {
        one: Counter() for one in range(first, last + 1)
    }
    for state, counts in outcomes.items():
        for second, count in counts.items():
            if second // width in found:
                found[second // width][state] += count
    return [Column(begins=one * width, counts=found[one]) for one in found]


def round_above(figure: int) -> int:
    """The next even digit with noughts, for the top of an axis that is halved."""
    power = 1
    while True:
        for digit in (2, 4, 6, 8, 10):
            if digit * power >= figure:
                return digit * power
        power *= 10
