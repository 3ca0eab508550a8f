"""
What a bulk run has met already: exact, because a false positive is a lost message.

`SeenNumbers` is for phone numbers and small, `SeenKeys` for every other identity.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, Protocol

from ..errors import InvalidFieldError
from ..phone import mask


# A block is the numbers that differ in their last 16 bits only: so one of them fits
# the two bytes of an array's item, and the bitmap of them all is 8 kB.
_BITS: Final = 16
_LOW: Final = (1 << _BITS) - 1
_BITMAP_BYTES: Final = (1 << _BITS) // 8

# Even memory is at 4,096, two bytes each. But an array is slower, and leaves a hole in
# the heap when it turns into a bitmap. From 1,024 on a bitmap is at most eight bytes
# a number, and ten million French mobiles take less of both than with 2,000.
_MOST_IN_ARRAY: Final = 1_024

_DIGEST_BYTES: Final = 16


class Seen(Protocol):
    """Tells what comes for the first time from what was there before."""

    def add(self, item: str, /) -> bool:
        """
        Note an item.

        Returns:
            True if it is new, False if it was there before. Never wrong.
        """


class SeenNumbers:
    """
    An exact set of phone numbers, as `phone.normalise` writes them.

    Made for many numbers of few countries: ten million random French mobiles take
    about 28 MB. A number alone in its block of 65,536 costs the most, up to 200
    bytes. Not for several threads at once.
    """

    def __init__(self) -> None:
        # A sorted array of the last 16 bits while a block is sparse, then a bitmap.
        self._blocks: dict[int, array[int] | bytearray] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, number: str) -> bool:
        value = _integer(number)
        block = self._blocks.get(value >> _BITS)
        low = value & _LOW
        if block is None:
            return False
        if isinstance(block, bytearray):
            return bool(block[low >> 3] & 1 << (low & 7))
        index = bisect_left(block, low)
        return index < len(block) and block[index] == low

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
        _integer(number)
        return not self.add_all((number,))

    def add_all(self, numbers: Iterable[str]) -> list[int]:
        """
        Note many numbers.

        Args:
            numbers: As a `Recipient` has them; this is not checked again.

        Returns:
            The places, counted from 0, of those that were there before, be it earlier
            among these.
        """
        # Searched here and not by `in`: this runs once for each of ten million.
        blocks = self._blocks
        again: list[int] = []
        place = -1
        for place, value in enumerate(map(int, numbers)):
            block = blocks.get(value >> _BITS)
            if block is None:
                blocks[value >> _BITS] = array("H", (value & _LOW,))
            elif block.__class__ is bytearray:
                at, bit = (value & _LOW) >> 3, 1 << (value & 7)
                if block[at] & bit:
                    again.append(place)
                else:
                    block[at] |= bit
            else:
                low = value & _LOW
                index = bisect_left(block, low)
                if index < len(block) and block[index] == low:
                    again.append(place)
                else:
                    block.insert(index, low)
                    if len(block) > _MOST_IN_ARRAY:
                        blocks[value >> _BITS] = _bitmap(block)
        self._count += place + 1 - len(again)
        return again

    def clear(self) -> None:
        """Forget all numbers, and give their memory back."""
        self._blocks.clear()
        self._count = 0


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


def _bitmap(lows: Iterable[int]) -> bytearray:
    """Turn the last 16 bits of numbers into a block with a bit for each."""
    bitmap = bytearray(_BITMAP_BYTES)
    for low in lows:
        bitmap[low >> 3] |= 1 << (low & 7)
    return bitmap


def _digest(key: str) -> bytes:
    known: object = key
    if not isinstance(known, str):
        raise InvalidFieldError("key", "must be a str", shown=type(key).__name__)
    # Halves of surrogate pairs pass, as they are: each str has bytes of its own.
    encoded = known.encode(errors="surrogatepass")
    return blake2b(encoded, digest_size=_DIGEST_BYTES).digest()
