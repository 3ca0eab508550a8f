"""
Who was planned under the name of a run before, and who is met for the first time.

This guarantees that a known recipient is never planned again, at any position in the
list. Each recipient is identified by an integer, the number itself, or by the digest of
an identity. Both forms are exact, because a false positive would be a lost message.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from ..._wire import converter, encode
from ...api._recipients import Recipient
from ...api.sms import SmsRequest
from ...errors import InvalidFieldError
from ...ledgers.batch import identity_of, values_in
from ...phone import as_ints
from ..options import Identity
from .duplicates import SeenNumbers


class ExactSet(Protocol):
    """A set of identities."""

    def note(self, values: Sequence[Any], /) -> Sequence[int]:
        """Add values, and return the places of values that were there before."""

    def among(self, values: Sequence[Any], /) -> Sequence[int]:
        """Give the places of the values that are in here; nothing is added."""

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

    def among(self, values: Sequence[bytes]) -> Sequence[int]:
        """Give the places of the values that are in here; nothing is added."""
        return [place for place, value in enumerate(values) if value in self._digests]


class Sifted(NamedTuple):
    """
    Positions of recipients that are not new.

    Attributes:
        already: Planned by an earlier start.
        excluded: Left out by ``exclude=``.
        again: Met before in this start.
    """

    already: set[int]
    excluded: set[int]
    again: set[int]


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
    """

    def __init__(self, *, by_number: bool, keeps_copies: bool) -> None:
        self.excluded: SeenNumbers = SeenNumbers()
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

    def remember(self, values: Sequence[Any]) -> None:
        """Add the recipients of a batch of an earlier start."""
        again = self.known.note(values)
        if again and self._keeps_copies:
            self._copies.update(values[place] for place in again)

    def remember_numbers(self, numbers: bytes) -> None:
        """Note people of a batch of an earlier start, as `batch.lanes` has them."""
        again = self._numbers.note_lanes(numbers)
        if again and self._keeps_copies:
            values = values_in(numbers)
            self._copies.update(values[place] for place in again)

    def sift(self, values: Sequence[Any], numbers: Sequence[int]) -> Sifted:
        """
        Find recipients that are known, excluded, or duplicates; add the others.

        Args:
            values: Their identities.
            numbers: Whom they go to; empty for whole requests.
        """
        already = set(self._planned_before(values) if self.known else ())
        if len(already) == len(values):
            return Sifted(already, set(), set())
        excluded = set(self.excluded.among(numbers) if self.excluded else ()) - already
        if self._keeps_copies:
            return Sifted(already, excluded, set())
        if not already and not excluded:
            return Sifted(already, excluded, set(self._met.note(values)))
        known = already | excluded
        left = [at for at in range(len(values)) if at not in known]
        again = self._met.note([values[at] for at in left])
        return Sifted(already, excluded, {left[at] for at in again})

    def _planned_before(self, values: Sequence[Any]) -> Sequence[int]:
        """Return the places of recipients whom an earlier start has planned."""
        found = self.known.among(values)
        if not found or not self._keeps_copies:
            return found
        return [place for place in found if self._is_an_old_copy(values[place])]

    def _is_an_old_copy(self, value: Any) -> bool:
        if not self._met.note((value,)):
            return True
        if not self._copies[value]:
            return False
        self._copies[value] -= 1
        return True


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
        raise InvalidFieldError(
            "identity", "must give a str", shown=type(known).__name__
        )
    return known
