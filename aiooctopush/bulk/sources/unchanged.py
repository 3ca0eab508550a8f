"""
A second way of `People.sift`, for a list that did not change since it was planned.

The numbers of each batch of earlier starts are kept as one digest. As long as the list
has exactly these numbers in this order, all of them are known, and the reader needs no
set of known people. At the first difference the reader fills that set from the ledger.
It then looks up the rest of the list in it, as in any other list.
"""

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import orjson

from ...ledgers.batch import values_in


# As of an identity: two lists of numbers with one digest have never been found.
_DIGEST_BYTES: Final = 16


class RecordedOrder:
    """
    The numbers that were planned before, in their order, at 18 bytes for a batch.

    Attributes:
        count: How many there are.
    """

    def __init__(self) -> None:
        self._digests = bytearray()
        self._counts = array("H")
        self._at = 0
        self.count: int = 0

    def note(self, numbers: bytes) -> None:
        """Add a batch, as `ledgers.batch.lanes` has its numbers."""
        values = values_in(numbers)
        written = orjson.dumps(values)[1:-1].replace(b",", b",+")
        self._digests += _digest(b"+" + written)
        self._counts.append(len(values))
        self.count += len(values)

    @property
    def next_count(self) -> int:
        """How many numbers the next batch has; 0 after the last."""
        return self._counts[self._at] if self._at < len(self._counts) else 0

    def goes_on_with(self, numbers: Sequence[str]) -> bool:
        """
        Whether the next batch has exactly these numbers; moves on if so.

        Args:
            numbers: So many as the next batch has, of any form: only one that is
                written as `phone.normalize` does can be among those of a batch.
        """
        try:
            # So many items make this text in one way only, for numbers have no comma.
            text = ",".join(numbers).encode(errors="surrogatepass")
        except TypeError:
            return False
        begin = self._at * _DIGEST_BYTES
        is_next = _digest(text) == self._digests[begin : begin + _DIGEST_BYTES]
        self._at += is_next
        return is_next


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=_DIGEST_BYTES).digest()
