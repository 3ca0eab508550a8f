"""Delivery statuses of the gateway, and their precedence."""

from enum import StrEnum
from typing import Final


class DeliveryStatus(StrEnum):
    """
    Delivery status as reported by the gateway. The list is open: unknown ones come as
    text.

    Source: newer reference, "Callback statuses"; ``NOT_DELIVERABLE``, ``BUSY`` and
    ``REFUSED`` from the older page on voice, ``EXPIRED`` and ``ANTI_FLOODING`` from
    third-party clients (documented, unseen).
    """

    PROCESSED = "PROCESSED"
    """Queued."""

    TRANSMITTED = "TRANSMITTED"
    """Taken by the e-mail gateway."""

    ISP_SEND = "ISP_SEND"
    """Handed to the recipient's e-mail provider."""

    ACK = "ACK"
    """Acknowledged by the first carrier."""

    UNKNOWN_DELIVERY = "UNKNOWN_DELIVERY"
    """Delivery is unknown."""

    UNDEFINED = "UNDEFINED"
    """Delivery is unknown as well, as far as documented."""

    NOT_DELIVERED = "NOT_DELIVERED"
    """It did not arrive."""

    NOT_DELIVERABLE = "NOT_DELIVERABLE"
    """The number cannot receive it."""

    NOT_ALLOWED = "NOT_ALLOWED"
    """Sending it was not permitted."""

    BAD_DESTINATION = "BAD_DESTINATION"
    """The number is wrong, or cannot be reached."""

    BLACKLISTED_NUMBER = "BLACKLISTED_NUMBER"
    """The number is on the account's stop list."""

    BUSY = "BUSY"
    """The line was busy."""

    REFUSED = "REFUSED"
    """The call was rejected."""

    SPAM_PRESUMPTION = "SPAM_PRESUMPTION"
    """The e-mail was treated as spam."""

    EXPIRED = "EXPIRED"
    """It was not delivered in time."""

    ANTI_FLOODING = "ANTI_FLOODING"
    """Held back: too many messages to one number."""

    DELIVERED = "DELIVERED"
    """It arrived."""

    READ = "READ"
    """It was read."""

    OPENED = "OPENED"
    """The e-mail was opened."""

    CLICKED = "CLICKED"
    """A link in the e-mail was followed."""

    @property
    def is_final(self) -> bool:
        """Whether it is final, without further statuses; inferred, undocumented."""
        return self in _FINAL

    @property
    def is_delivered(self) -> bool:
        """Whether it proves that the message arrived."""
        return self in _DELIVERED


# From the least to the most certain status. A message that arrived stays delivered, so
# DELIVERED ranks above every failure, and unknown ranks below both. Inferred.
_ORDER: Final = (
    ("PROCESSED",),
    ("TRANSMITTED",),
    ("ISP_SEND", "ACK"),
    (),  # words that we do not know: perhaps final, so no intermediate one follows
    ("UNKNOWN_DELIVERY", "UNDEFINED"),
    (
        "NOT_DELIVERED",
        "NOT_DELIVERABLE",
        "NOT_ALLOWED",
        "BAD_DESTINATION",
        "BLACKLISTED_NUMBER",
        "BUSY",
        "REFUSED",
        "SPAM_PRESUMPTION",
        "EXPIRED",
        "ANTI_FLOODING",
    ),
    ("DELIVERED",),
    ("READ", "OPENED"),
    ("CLICKED",),
)
_RANKS: Final = {
    DeliveryStatus(word): rank for rank, words in enumerate(_ORDER) for word in words
}
_UNKNOWN_RANK: Final = _ORDER.index(())
_FINAL: Final = frozenset(one for one, rank in _RANKS.items() if rank > _UNKNOWN_RANK)
_DELIVERED: Final = frozenset(
    one for one, rank in _RANKS.items() if rank >= _RANKS[DeliveryStatus.DELIVERED]
)


def to_status(word: str) -> DeliveryStatus | str:
    """Parse a status; an unknown one is kept as text."""
    try:
        return DeliveryStatus(word.strip().upper())
    except ValueError:
        return word


def may_replace(newer: str, older: str | None) -> bool:
    """
    Whether a new status may replace the stored one.

    Only a more certain status may. An intermediate status never replaces a final one,
    and a failure never replaces a delivery. So the status that remains does not depend
    on the order in which receipts come. The first of equally certain statuses remains.
    A repeat replaces nothing.

    Args:
        newer: The status that has come.
        older: The stored status, as text or `DeliveryStatus`; None if nothing is
            stored.
    """
    return older is None or _rank(newer) > _rank(older)


def _rank(word: str) -> int:
    known = to_status(word)
    return _RANKS[known] if isinstance(known, DeliveryStatus) else _UNKNOWN_RANK
