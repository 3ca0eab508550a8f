"""
Exact sets of recipients that a bulk run has met: a false positive loses a message.

`SeenNumbers` is for phone numbers and small; `people.SeenDigests` is for every other
identity.
"""

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from operator import itemgetter, or_, setitem
from struct import pack, unpack
from typing import Final

from ...errors import InvalidFieldError
from ...ledgers.batch import LANE, lanes, values_in
from ...phone import as_ints, mask


# So many are kept in a plain set, of 8 MB, for the whole run: most runs have no more.
# It is three times as fast as bitmaps, whose pages hold a bit here and there at first.
_FEW: Final = 131_072

# A region is the numbers that differ in their last 19 bits only. Its bitmap has a byte
# for each value of the last 16, so that numbers in a row are in different bytes, and
# in that byte a bit for each value of the next three.
_BITS: Final = 19
_LOW: Final = (1 << _BITS) - 1
_BYTE_BITS: Final = 16
_BITMAP: Final = 1 << _BYTE_BITS
_LOW_BYTES: Final = _BITMAP - 1
_BIT_OF: Final = bytes(1 << (high & 7) for high in range(256))
_ANY_BIT: Final = bytes([0, *[1] * 255])

# Bitmaps are quick: all French mobiles have room in these 32 MB, and so has most of
# what a run from few countries meets. Beyond that a region is a sorted array of four
# bytes a number, until a bitmap costs at most 16 a number.
_BITMAPS_AT_MOST: Final = 32 * 1024 * 1024
_MOST_IN_ARRAY: Final = 4_096


class SeenNumbers:
    """
    An exact set of phone numbers, as `phone.normalize` writes them.

    Made for many numbers of few countries: ten million random French mobiles take about
    25 MB, and a quarter of a microsecond each. With many countries, bitmaps take at
    most 32 MB, or 16 bytes a number. A number alone in its region of 524,288 then costs
    the most, up to 200 bytes. Not for several threads at once.
    """

    def __init__(self) -> None:
        self._is_small = True
        # Once it is full, others are in bitmaps. A number is here or there, never in
        # both.
        self._few: set[int] = set()
        # All bitmaps one after the other, and by region which of them is its own.
        self._bits = bytearray()
        self._bitmaps: dict[int, int] = {}
        self._arrays: dict[int, array[int]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, number: str) -> bool:
        return self._has(_integer(number))

    def among(self, values: Sequence[int]) -> bytes:
        """
        Return 1 or 0 for each number: whether it is in here; nothing is added.

        Args:
            values: Numbers as integers.
        """
        if self._is_small:
            return bytes(map(self._few.__contains__, values))
        located = self._located(lanes(values))
        if located is None:
            return bytes(map(self._has, values))
        places, masks = located
        met = int.from_bytes(self._bytes_at(places)) & int.from_bytes(masks)
        found = met.to_bytes(len(values)).translate(_ANY_BIT)
        if self._few.isdisjoint(values):
            return found
        return bytes(map(or_, found, map(self._few.__contains__, values)))

    def _has(self, value: int) -> bool:
        if self._is_small or value in self._few:
            return value in self._few
        bitmap = self._bitmaps.get(value >> _BITS)
        if bitmap is not None:
            at = bitmap << _BYTE_BITS | value & _LOW_BYTES
            return bool(self._bits[at] & _BIT_OF[value >> _BYTE_BITS & 7])
        items = self._arrays.get(value >> _BITS, ())
        low = value & _LOW
        index = bisect_left(items, low)
        return index < len(items) and items[index] == low

    def add(self, number: str) -> bool:
        """
        Note a number.

        Args:
            number: `+` and digits, the first of them not 0.

        Returns:
            True if it is new, False if it was there before.

        Raises:
            InvalidFieldError: It is written in another way. It is not noted, and
                masked in the error.
        """
        return not self.note((_integer(number),))

    def add_all(self, numbers: Sequence[str]) -> list[int]:
        """
        Note many numbers.

        Args:
            numbers: As a `Recipient` has them; this is not checked again.

        Returns:
            The places, counted from 0, of numbers that were there before, even earlier
            among these.
        """
        return self.note(as_ints(numbers))

    def note(self, values: Sequence[int]) -> list[int]:
        """Note numbers that were read as integers already."""
        if self._is_small:
            again = self._note_few(values)
            self._is_small = len(self._few) <= _FEW
        elif self._few.isdisjoint(values):
            again = self._note(lanes(values))
        else:
            again = self._note_others(values)
        self._count += len(values) - len(again)
        return again

    def expect(self, count: int) -> None:
        """Go to bitmaps at once, because so many numbers will be noted."""
        self._is_small = self._is_small and count <= _FEW

    def note_lanes(self, numbers: bytes) -> list[int]:
        """
        Note numbers that a ledger has, at most of them with no object for any.

        Args:
            numbers: As `ledgers.batch.lanes` makes them.
        """
        if self._is_small or self._few:
            return self.note(values_in(numbers))
        again = self._note(numbers)
        self._count += len(numbers) // LANE - len(again)
        return again

    def _note(self, numbers: bytes) -> list[int]:
        again = self._note_many(numbers)
        return self._note_each(values_in(numbers)) if again is None else again

    def _note_few(self, values: Sequence[int]) -> list[int]:
        few, again = self._few, list[int]()
        before = len(few)
        if few.isdisjoint(values):
            few.update(values)
            if len(few) - before == len(values):
                return again
            few.difference_update(values)
        for place, value in enumerate(values):
            if value in few:
                again.append(place)
            else:
                few.add(value)
        return again

    def _note_others(self, values: Sequence[int]) -> list[int]:
        """Note values of which the set has some."""
        few = self._few
        known = [place for place, value in enumerate(values) if value in few]
        others = [place for place, value in enumerate(values) if value not in few]
        again = self._note(lanes([values[place] for place in others]))
        return sorted([*known, *(others[place] for place in again)])

    def _note_many(self, numbers: bytes) -> list[int] | None:
        """
        Note values in bitmaps, all at once; None if one needs a closer look.

        Each step is a loop in C: two thirds of the time of one after the other.
        """
        located = self._located(numbers)
        if located is None:
            return None
        places, masks = located
        if len(set(places)) < len(places):
            # Two numbers in one byte, or one number twice.
            return None
        bits, before = self._bits, self._bytes_at(places)
        old, noted = int.from_bytes(before), int.from_bytes(masks)
        after = (old | noted).to_bytes(len(places))
        deque(map(setitem, repeat(bits), places, after), maxlen=0)
        if not old & noted:
            return []
        pairs = zip(before, masks, strict=True)
        return [place for place, (byte, mask) in enumerate(pairs) if byte & mask]

    def _located(self, numbers: bytes) -> tuple[Sequence[int], bytes] | None:
        """
        Where the bits of numbers are: for each a byte in all bitmaps, and its mask.

        None if there is no bitmap for one of them, or no two of them.
        """
        count = len(numbers) // LANE
        if count < 2:
            return None
        # One shift of a large integer is a shift of each lane, once what comes in from
        # the next lane is taken out.
        shifted = int.from_bytes(numbers, "little") >> _BITS & _regions_only(count)
        regions = unpack(f"<{count}Q", shifted.to_bytes(len(numbers), "little"))
        try:
            bitmaps = pack(f"<{count}H", *itemgetter(*regions)(self._bitmaps))
        except KeyError:
            return None
        where = bytearray(4 * count)
        where[0::4], where[1::4] = numbers[0::LANE], numbers[1::LANE]
        where[2::4], where[3::4] = bitmaps[0::2], bitmaps[1::2]
        masks = numbers[2::LANE].translate(_BIT_OF)
        return unpack(f"<{count}I", where), masks

    def _bytes_at(self, places: Sequence[int]) -> bytes:
        """The bytes of the bitmaps at two places or more."""
        return bytes(itemgetter(*places)(self._bits))

    def _note_each(self, values: Iterable[int]) -> list[int]:
        """Note one value after the other, in a bitmap or an array."""
        bits, bitmaps = self._bits, self._bitmaps
        again: list[int] = []
        for place, value in enumerate(values):
            bitmap = bitmaps.get(value >> _BITS)
            if bitmap is None:
                if self._is_in_array(value >> _BITS, value & _LOW):
                    again.append(place)
                continue
            at = bitmap << _BYTE_BITS | value & _LOW_BYTES
            bit = 1 << (value >> _BYTE_BITS & 7)
            if bits[at] & bit:
                again.append(place)
            else:
                bits[at] |= bit
        return again

    def _is_in_array(self, region: int, low: int) -> bool:
        """Whether it was there before; note it, be it in a bitmap of its own."""
        items = self._arrays.setdefault(region, array("I"))
        index = bisect_left(items, low)
        if index < len(items) and items[index] == low:
            return True
        items.insert(index, low)
        if len(self._bits) < _BITMAPS_AT_MOST or len(items) > _MOST_IN_ARRAY:
            del self._arrays[region]
            self._bitmaps[region] = len(self._bits) // _BITMAP
            self._bits += bytes(_BITMAP)
            self._note_each([region << _BITS | one for one in items])
        return False

    def clear(self) -> None:
        """Forget all numbers, and give their memory back."""
        self.__init__()  # type: ignore[misc]  # as it was new


def _integer(number: str) -> int:
    """
    Read a number as an integer, which no other number is read as.

    A text of digits is read as one integer only. An integer can come from many texts,
    with zeros in front. Country codes begin with 1 to 9, so no number has a zero in
    front; +336 and +3360 are 336 and 3,360. So the way back from the integer leads to
    the one text that it came from. It is checked here, because a caller's mistake, such
    as 0612345678 for +612345678, would lose a message. 16 digits are under 2⁵⁴.
    """
    try:
        value = int(number)
    except (TypeError, ValueError):
        value = None
    if value is None or f"+{value}" != number:
        problem = "must be '+' and digits, the first not 0"
        # From None, for the text of a ValueError shows the number.
        raise InvalidFieldError("number", problem, shown=mask(number)) from None
    return value


@lru_cache(maxsize=64)
def _regions_only(count: int) -> int:
    """Return a mask of as many lanes, each with the bits that identify a region."""
    lane = (1 << 8 * LANE - _BITS) - 1
    return int.from_bytes(lane.to_bytes(LANE, "little") * count, "little")
