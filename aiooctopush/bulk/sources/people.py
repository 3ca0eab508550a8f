"""
Who was planned under the name of a run before, and who is met for the first time.

This guarantees that a known recipient is never planned again, at any position in the
list. Each recipient is identified by an integer, the number itself, or by the digest of
an identity. Both forms are exact, because a false positive would be a lost message.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import compress, count, islice
from typing import Any, Final, Protocol

from attrs import define

from ..._wire import converter, encode
from ...api._recipients import CheckedRecipients, Recipient
from ...api.sms import SmsRequest
from ...errors import wrong_type
from ...ledgers.batch import LANE, identity_of, values_in
from ...phone import as_ints
from ..options import Identity
from .duplicates import SeenNumbers


class ExactSet(Protocol):
    """A set of identities."""

    def note(self, values: Sequence[Any], /) -> Sequence[int]:
        """Add values, and return the places of values that were there before."""

    def among(self, values: Sequence[Any], /) -> bytes:
        """Return 1 or 0 for each value: whether it is in here; nothing is added."""

    def __len__(self) -> int:
        """Return how many different values are in here."""


class SeenDigests:
    """An exact set of digests, at about 80 bytes each."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._digests)

    def note(self, values: Sequence[bytes]) -> Sequence[int]:
        """Add values, and return the places of values that were there before."""
        again = []
        for place, value in enumerate(values):
            if value in self._digests:
                again.append(place)
            else:
                self._digests.add(value)
        return again

    def among(self, values: Sequence[bytes]) -> bytes:
        """Return 1 or 0 for each value: whether it is in here; nothing is added."""
        return bytes(map(self._digests.__contains__, values))


NEW: Final = 0
"""Met for the first time."""

ALREADY: Final = 1
"""Planned by an earlier start."""

EXCLUDED: Final = 2
"""Left out by ``exclude=``."""

AGAIN: Final = 3
"""Met before in this start."""

# 1 for who is new, and 0 for all others.
_ARE_NEW: Final = bytes([1, *[0] * 255])


@define
class SiftedPeople:
    """
    Recipients who were looked at, and go into batches from the first one on.

    Attributes:
        people: All of them.
        kinds: For each what `People.sift` says.
        begin: How many were cut off.
    """

    people: CheckedRecipients
    kinds: bytes
    begin: int = 0

    def cut(self, room: int) -> tuple[CheckedRecipients, bytes]:
        """
        Cut off so many new ones, or all that are left.

        Returns:
            The new ones; and the kinds of all up to the last of them, or to the end.
        """
        begin, end = self.begin, len(self.kinds)
        are_new = self.kinds[begin:].translate(_ARE_NEW)
        if are_new[:room].count(1) == room:
            # Nearly always, and without a look at each.
            end = begin + room
        elif are_new.count(1) >= room:
            end = next(islice(compress(count(begin + 1), are_new), room - 1, None))
        self.begin = end
        kinds, people = self.kinds[begin:end], self.people
        if len(kinds) < len(self.kinds):
            people = people[begin:end]
        is_all = kinds.count(NEW) == len(kinds)
        return people if is_all else people.select(are_new), kinds


class People:
    """
    Distinguishes recipients of earlier starts from new ones, and new ones from
    duplicates.

    Args:
        by_number: Whether numbers identify them; otherwise digests.
        keeps_copies: Whether the n-th copy counts as a recipient of its own.

    Attributes:
        known: Identities of recipients who were planned before.
        excluded: Numbers that are left out at any position.
        remembered: How many numbers `remember_numbers` was given.
    """

    def __init__(self, *, by_number: bool, keeps_copies: bool) -> None:
        self.excluded: SeenNumbers = SeenNumbers()
        self.remembered: int = 0
        self._numbers = SeenNumbers()
        self.known: ExactSet = self._numbers if by_number else SeenDigests()
        self._met = self._new_set(by_number=by_number)
        self._keeps_copies = keeps_copies
        # Recipients that were planned twice or more, with the number of repeats.
        self._copies: Counter[Any] = Counter()

    @staticmethod
    def _new_set(*, by_number: bool) -> ExactSet:
        return SeenNumbers() if by_number else SeenDigests()

    @property
    def leaves_out(self) -> bool:
        """Whether any recipient is known or excluded."""
        return bool(self.known or self.excluded)

    def expect(self, count: int) -> None:
        """Prepare for so many numbers of earlier starts."""
        self._numbers.expect(count)

    def remember(self, values: Sequence[Any]) -> None:
        """Add the recipients of a batch of an earlier start."""
        again = self.known.note(values)
        if again and self._keeps_copies:
            self._copies.update(values[place] for place in again)

    def remember_numbers(self, numbers: bytes) -> None:
        """Note people of a batch of an earlier start, as `batch.lanes` has them."""
        self.remembered += len(numbers) // LANE
        again = self._numbers.note_lanes(numbers)
        if again and self._keeps_copies:
            values = values_in(numbers)
            self._copies.update(values[place] for place in again)

    def sift(self, values: Sequence[Any], numbers: Sequence[int]) -> bytes:
        """
        Find recipients that are known, excluded, or duplicates; add the others.

        Args:
            values: Their identities.
            numbers: Whom they go to; empty for whole requests.

        Returns:
            For each `NEW`, `ALREADY`, `EXCLUDED` or `AGAIN`.
        """
        kinds = self._planned_before(values) if self.known else bytes(len(values))
        if NEW in kinds and self.excluded:
            pairs = zip(kinds, self.excluded.among(numbers), strict=True)
            kinds = bytes(kind or EXCLUDED * is_out for kind, is_out in pairs)
        if self._keeps_copies or NEW not in kinds:
            return kinds
        if kinds.count(NEW) == len(kinds):
            again = self._met.note(values)
            return _changed(kinds, again, AGAIN) if again else kinds
        are_new = kinds.translate(_ARE_NEW)
        again = self._met.note(list(compress(values, are_new)))
        places = list(compress(range(len(values)), are_new)) if again else ()
        return _changed(kinds, [places[at] for at in again], AGAIN)

    def _planned_before(self, values: Sequence[Any]) -> bytes:
        """Return 1 or 0 for each recipient: whether an earlier start has planned it."""
        found = self.known.among(values)
        if not self._keeps_copies or ALREADY not in found:
            return found
        is_old = self._is_an_old_copy
        pairs = zip(found, values, strict=True)
        return bytes(is_known and is_old(value) for is_known, value in pairs)

    def _is_an_old_copy(self, value: Any) -> bool:
        if not self._met.note((value,)):
            return True
        if not self._copies[value]:
            return False
        self._copies[value] -= 1
        return True


def _changed(kinds: bytes, places: Sequence[int], kind: int) -> bytes:
    """The same kinds, but for those at some places."""
    if not places:
        return kinds
    changed = bytearray(kinds)
    for at in places:
        changed[at] = kind
    return bytes(changed)


def known_by(
    content: Recipient | SmsRequest, identity: Identity | None
) -> tuple[Any, int | None]:
    """
    Return the identity of an item, and its number if it has one recipient.

    Raises:
        InvalidFieldError: The caller's function gave no str.
    """
    number = None
    if isinstance(content, Recipient):
        (number,) = as_ints((content.phone_number,))
    if identity is not None:
        # Halves of surrogate pairs pass, as they are: each str has its own bytes.
        said = _identity_by(identity, content)
        return identity_of(said.encode(errors="surrogatepass")), number
    if isinstance(content, SmsRequest):
        # Its id is generated when it is built, and does not depend on the recipient.
        said = converter.unstructure(content) | {"request_id": None}
        return identity_of(encode(said)), None
    return number, number


def _identity_by(identity: Identity, content: Recipient | SmsRequest) -> str:
    known: object = identity(content)
    if not isinstance(known, str):
        raise wrong_type("identity", "must give a str", known)
    return known
