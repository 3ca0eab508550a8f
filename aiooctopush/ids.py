"""
Request ids: made before the first attempt, kept for every attempt.

The gateway refuses a ``request_id`` that it received within 24 hours, which makes a
retry safe. It documents neither alphabet nor length. All sources accept 32 lower-case
hexadecimal characters.

Source: gateway documentation, "Transactional SMS" (documented, unseen).
"""

import os
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from .errors import InvalidFieldError, shown, wrong_type


PROTECTED_FOR: Final = timedelta(hours=24)
"""How long the gateway refuses an id that it has received."""

SAFE_FOR: Final = timedelta(hours=23)
"""
How long that protection is trusted: an hour is kept for clock skew and slow responses.
"""

SET_BACK: Final = PROTECTED_FOR - SAFE_FOR
"""Maximum distance of a first attempt into the future. A later time was written by a
clock that was set back since, so the age of the id is unknown."""

# Never change this value. Another one would give every business key a new id, and so
# send messages again that were already sent.
_NAMESPACE: Final = uuid.UUID("6f0d2d0e-6d4c-5f0e-9d8a-0c7c1a4b9e21")

is_request_id: Final[Callable[[str], re.Match[str] | None]] = re.compile(
    r"[A-Za-z0-9_-]{1,64}", re.ASCII
).fullmatch
"""Whether the gateway accepts it as a ``request_id``."""


def new_request_id() -> str:
    """A random id of 32 lower-case hexadecimal characters."""
    return os.urandom(16).hex()


def id_or_new(request_id: str | None) -> tuple[str, bool]:
    """
    Return the id of a request, and whether it is ours alone.

    Only our own id may be replaced after a clean refusal: the caller may have stored
    the one that the caller chose.
    """
    if request_id is None:
        return new_request_id(), True
    return request_id, False


def request_id_for(key: str) -> str:
    """
    The id that belongs to a business key: same key, same id, in every process.

    Use it where a restarted worker or a redelivered job must not send again:
    ``request_id_for(f"order-{order.id}-shipped")``.

    Args:
        key: Your own unique name of the message; not empty.
    """
    known: object = key
    if not isinstance(known, str):
        raise wrong_type("key", "must be a str", known)
    if not known:
        raise InvalidFieldError("key", "must not be empty")
    try:
        return uuid.uuid5(_NAMESPACE, key).hex
    except UnicodeEncodeError:
        raise InvalidFieldError("key", "holds half of a surrogate pair") from None


def check_request_id(value: str) -> str:
    """
    Give back an id that the caller chose, unchanged, or refuse it.

    Raises:
        InvalidFieldError: Not 1 to 64 ASCII letters, digits, ``-`` or ``_``. It is
            refused rather than cleaned: two ids must never become one.
    """
    known: object = value
    if not isinstance(known, str):
        raise wrong_type("request_id", "must be a str", known)
    if not is_request_id(known):
        raise InvalidFieldError(
            "request_id",
            "must be 1 to 64 ASCII letters, digits, '-' or '_'",
            # It may have been made of a number.
            shown=shown(known[:80]),
        )
    return known


def protects(first_tried_at: datetime | None, now: datetime) -> bool:
    """
    Return whether a repeat under an id is refused by the gateway instead of sent twice.

    This rule alone decides, for runs, for workers of one process, and, in SQL made of
    the same constants, for workers of many.

    Args:
        first_tried_at: Time of the first attempt under the id; None if unknown.
        now: The present instant, by a clock of the same kind.
    """
    if first_tried_at is None:
        return False
    return -SET_BACK <= now - first_tried_at < SAFE_FOR


def safe_until(first_tried_at: datetime) -> datetime:
    """Until when a retry is protected, given the time of the first attempt."""
    return first_tried_at + SAFE_FOR


def first_tried_at(safe_to_retry_until: datetime) -> datetime:
    """The reverse: the time of the first attempt, given the end of the protection."""
    return safe_to_retry_until - SAFE_FOR
