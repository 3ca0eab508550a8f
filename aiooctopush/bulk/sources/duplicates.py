"""
What a bulk run has met already: exact, because a false positive is a lost message.

`SeenNumbers` is for phone numbers and small, `SeenKeys` for every other identity.
"""

import sys
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import repeat
from operator import itemgetter, rshift, setitem
from typing import Final

from ...errors import InvalidFieldError
from ...phone import as_ints, mask


# The first of them are kept in a plain set, of 8 MB in the end: most runs need no more,
# and pages of memory that hold a bit here and there cost a small run more than that.
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

# Bitmaps are quick: all French mobiles have room in these 32 MB, and so has most of
# what a run from few countries meets. Beyond that a region is a sorted array of four
# bytes a number, until a bitmap costs at most 16 a number.
_BITMAPS_AT_MOST: Final = 32 * 1024 * 1024
_MOST_IN_ARRAY: Final = 4_096

_DIGEST_BYTES: Final = 16


class SeenNumbers:
    """
    An exact set of phone numbers, as `phone.normalize` writes them.

    Made for many numbers of few countries: ten million random French mobiles take
    about 35 MB, and a third of a microsecond each. Of many countries, bitmaps take
    no more than 32 MB, or 16 bytes a number; a number alone in its region of 524,288
    then costs the most, up to 200 bytes. Not for several threads at once.
    """

    def __init__(self) -> None:
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

    def among(self, values: Sequence[int]) -> list[int]:
        """
        Give the places of the numbers that are in here; nothing is added.

        Args:
            values: Numbers as integers.
        """
        if not self._bitmaps and self._few.isdisjoint(values):
            return []
        return [place for place, value in enumerate(values) if self._has(value)]

    def _has(self, value: int) -> bool:
        if value in self._few:
            return True
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
            The places, counted from 0, of those that were there before, be it earlier
            among these.
        """
        return self.note(as_ints(numbers))

    def note(self, values: Sequence[int]) -> list[int]:
        """Note numbers that were read as integers already."""
        again: list[int] | None = None
        if self._few.isdisjoint(values):
            note = self._note_few if len(self._few) < _FEW else self._note_many
            again = note(values)
        if again is None:
            again = self._note_each(values)
        self._count += len(values) - len(again)
        return again

    def _note_few(self, values: Sequence[int]) -> list[int]:
        """Note values of which none was there before these."""
        before = len(self._few)
        self._few.update(values)
        if len(self._few) - before == len(values):
            return []
        places: dict[int, int] = {}
        pairs = enumerate(values)
        return [
            place for place, value in pairs if places.setdefault(value, place) < place
        ]

    def _note_many(self, values: Sequence[int]) -> list[int] | None:
        """
        Note values in bitmaps, all at once; None if one needs a closer look.

        Each step is a loop in C: two thirds of the time of one after the other.
        """
        if len(values) < 2:
            return None
        regions = map(rshift, values, repeat(_BITS))
        try:
            bitmaps = array("H", map(self._bitmaps.__getitem__, regions))
        except KeyError:
            return None
        parts = _parts(values)
        where = array("H", bytes(4 * len(values)))
        where[_LOWER::2] = parts[_LOWEST::4]
        where[1 - _LOWER :: 2] = bitmaps
        places = memoryview(where).cast("B").cast("I").tolist()
        if len(set(places)) < len(values):
            # Two numbers in one byte, or one number twice.
            return None
        bits = self._bits
        masks = parts[_SECOND::4].tobytes()[_LOWER::2].translate(_BIT_OF)
        before = bytes(itemgetter(*places)(bits))
        old, noted = int.from_bytes(before), int.from_bytes(masks)
        after = (old | noted).to_bytes(len(values))
        deque(map(setitem, repeat(bits), places, after), maxlen=0)
        if not old & noted:
            return []
        pairs = zip(before, masks, strict=True)
        return [place for place, (byte, mask) in enumerate(pairs) if byte & mask]

    def _note_each(self, values: Iterable[int]) -> list[int]:
        """Note one value after the other, wherever it belongs."""
        few, bits, bitmaps = self._few, self._bits, self._bitmaps
        has_room = len(few) < _FEW
        again: list[int] = []
        for place, value in enumerate(values):
            if value in few:
                again.append(place)
                continue
            if has_room:
                few.add(value)
                continue
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


class SeenKeys:
    """
    An exact set of identities that are no numbers, such as a number and an order.

    Kept is not the key but its BLAKE2b digest of 128 bits, so that a key costs about
    100 bytes, however long it is. Two keys with one digest have never been found; by
    chance that takes ten million keys a probability of 10⁻²⁵, which is less likely
    than broken memory. Not for several threads at once.

    Keys made of parts need a character between them that no part holds: without it
    ``1`` and ``23`` is ``12`` and ``3``.
    """

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, key: str) -> bool:
        return _digest(key) in self._digests

    def add(self, key: str) -> bool:
        """
        Note a key.

        Args:
            key: Any str, as it is: case, spaces and accents make a difference.

        Returns:
            True if it is new, False if it was there before.

        Raises:
            InvalidFieldError: It is no str. It is not noted.
        """
        digest = _digest(key)
        if digest in self._digests:
            return False
        self._digests.add(digest)
        return True

    def clear(self) -> None:
        """Forget all keys, and give their memory back."""
        self._digests.clear()


def _integer(number: str) -> int:
    """
    Read a number as an integer, which no other number is read as.

    Digits stand for one integer only, but an integer for many texts of digits: those
    with zeros in front. As country codes begin with 1 to 9, no number has any, and
    +336 and +3360 are 336 and 3,360. So the way back from the integer leads to the
    one text that it came from; it is walked here, because a caller's mistake, such
    as 0612345678 for +612345678, would be a message lost. 16 digits are under 2⁵⁴.
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


# Where the 16 bits of a value that count least stand among its four parts, and those
# before them; and of a part the 8 that count least.
_LITTLE: Final = sys.byteorder == "little"
_LOWEST, _SECOND = (0, 1) if _LITTLE else (3, 2)
_LOWER: Final = 0 if _LITTLE else 1


def _parts(values: Sequence[int]) -> "array[int]":
    """Values cut in four, 16 bits each."""
    return array("H", array("Q", values).tobytes())


def _digest(key: str) -> bytes:
    known: object = key
    if not isinstance(known, str):
        raise InvalidFieldError("key", "must be a str", shown=type(key).__name__)
    # Halves of surrogate pairs pass, as they are: each str has bytes of its own.
    encoded = known.encode(errors="surrogatepass")
    return blake2b(encoded, digest_size=_DIGEST_BYTES).digest()
