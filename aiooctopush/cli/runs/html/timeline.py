"""Outcomes over time, as columns of one width and the pauses between them."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from attrs import frozen


_COLUMNS_AT_MOST: Final = 60

# Without outcomes for that long it is a pause, which would only take room. It is
# beyond what a batch may take with all its tries.
_PAUSE_SECONDS: Final = 1_200

# With more of them, time is drawn as it passed.
_PAUSES_AT_MOST: Final = 6

_WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)


@frozen(kw_only=True)
class Column:
    """
    What became known in one span of time.

    Attributes:
        begins: Second since 1970.
        reached: Recipients that were accepted, or presumed to be.
        missed: Those that were refused, or left in doubt.
    """

    begins: int
    reached: int
    missed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.reached + self.missed


@frozen(kw_only=True)
class Gap:
    """
    A pause.

    Attributes:
        seconds: How long nothing became known.
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
        """Those parts that are no gaps."""
        return tuple(one for one in self.parts if isinstance(one, Column))

    @property
    def highest(self) -> int:
        """Recipients of the highest column."""
        return max(one.total for one in self.columns)


def timeline(reached: Mapping[int, int], missed: Mapping[int, int]) -> Timeline | None:
    """
    Put outcomes into columns.

    Args:
        reached: Recipients by second since 1970.
        missed: The same of the others.

    Returns:
        None if there are no outcomes.
    """
    seconds = sorted({*reached, *missed})
    if not seconds:
        return None
    stretches = _stretches(seconds)
    width = _width_for(stretches)
    parts: list[Column | Gap] = []
    latest = seconds[0]
    for stretch in stretches:
        if parts:
            parts.append(Gap(seconds=stretch[0] - latest))
        latest = stretch[1]
        parts.extend(_columns(stretch, width, reached, missed))
    return Timeline(
        width=width,
        parts=tuple(parts),
        active=sum(last - first + 1 for first, last in stretches),
    )


def _stretches(seconds: list[int]) -> list[tuple[int, int]]:
    """First and last second of what lies between the pauses."""
    breaks = [
        (left, right)
        for left, right in pairwise(seconds)
        if right - left > _PAUSE_SECONDS
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


def _columns(
    stretch: tuple[int, int],
    width: int,
    reached: Mapping[int, int],
    missed: Mapping[int, int],
) -> list[Column]:
    first, last = (second // width for second in stretch)
    good = dict.fromkeys(range(first, last + 1), 0)
    bad = dict(good)
    for counts, columns in ((reached, good), (missed, bad)):
        for second, count in counts.items():
            if second // width in columns:
                columns[second // width] += count
    return [
        Column(begins=one * width, reached=good[one], missed=bad[one])
        for one in range(first, last + 1)
    ]


def round_above(figure: int) -> int:
    """The next even digit with noughts, for the top of an axis that is halved."""
    power = 1
    while True:
        for digit in (2, 4, 6, 8, 10):
            if digit * power >= figure:
                return digit * power
        power *= 10
