"""
Request ids: made before the first attempt, kept for every attempt.

The gateway refuses a ``request_id`` that it has seen within 24 hours, which is what
makes a repeat safe. It documents neither alphabet nor length; 32 lower-case
hexadecimal characters are what every source agrees on.

Source: gateway documentation, "Transactional SMS" (documented, unseen).
"""

import os
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from .errors import InvalidFieldError, shown


PROTECTED_FOR: Final = timedelta(hours=24)
"""How long the gateway remembers an id."""

SAFE_FOR: Final = timedelta(hours=23)
"""How long we trust that: an hour is kept for clocks that differ and slow answers."""

SET_BACK: Final = PROTECTED_FOR - SAFE_FOR
"""How far in the future a first attempt may lie: what lies further was written by a
clock that was set back since, and tells no age."""

# Fixed for ever: another value would give every business key a new id, and so send
# again what was already sent.
_NAMESPACE: Final = uuid.UUID("6f0d2d0e-6d4c-5f0e-9d8a-0c7c1a4b9e21")

is_request_id: Final[Callable[[str], re.Match[str] | None]] = re.compile(
    r"[A-Za-z0-9_-]{1,64}", re.ASCII
).fullmatch
"""Whether the gateway takes it as one."""


def new_request_id() -> str:
    """A random id of 32 lower-case hexadecimal characters."""
    return os.urandom(16).hex()


def id_or_new(request_id: str | None) -> tuple[str, bool]:
    """
    Return the id of a request, and whether it is ours alone.

    Only an id of ours may be replaced after a clean refusal: the caller may have stored
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
        key: Whatever names the message in your own data; not empty.
    """
    known: object = key
    if not isinstance(known, str):
        raise InvalidFieldError("key", "must be a str", shown=type(known).__name__)
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
        raise InvalidFieldError(
            "request_id", "must be a str", shown=type(known).__name__
        )
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
    Tell whether a repeat under an id is refused by the gateway instead of sent twice.

    This rule alone decides, for runs, for workers of one process, and, in SQL made of
    the same constants, for workers of many.

    Args:
        first_tried_at: When the id was first tried; None if nobody knows.
        now: The present instant, by a clock of the same kind.
    """
    if first_tried_at is None:
        return False
    return -SET_BACK <= now - first_tried_at < SAFE_FOR


def safe_until(first_tried_at: datetime) -> datetime:
    """Until when a repeat under the id first tried then cannot be sent twice."""
    return first_tried_at + SAFE_FOR


def first_tried_at(safe_to_retry_until: datetime) -> datetime:
    """The other way round: when an id was first tried."""
    return safe_to_retry_until - SAFE_FOR
