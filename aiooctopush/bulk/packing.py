"""What a ledger keeps of a batch, as few bytes: whom it goes to, and what it says."""

import json
import zlib
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import Final

import attrs

from .. import _wire
from ..api._shared import CheckedRecipients, Recipient, json_of
from ..api.sms import SmsRequest
from .ledger import LedgerError


Content = tuple[Recipient, ...] | SmsRequest
"""Recipients that share the run's text, or one request with a text of its own."""

# 500 recipients take 0.3 ms; higher levels take thrice that for a tenth less.
_LEVEL: Final = 1
_SEVEN_BITS: Final = 0x7F
_number_of: Final = attrgetter("phone_number")
_MORE: Final = 0x80
_DAMAGED: Final = "a batch of the ledger cannot be read: the file is damaged"


def recipients_in(content: Content) -> tuple[Recipient, ...]:
    """Whom it goes to."""
    return content.recipients if isinstance(content, SmsRequest) else content


def pack(encoded: bytes) -> bytes:
    """Make the JSON of a batch's content small, unless it is so already."""
    return zlib.compress(encoded, _LEVEL) if _is_plain(encoded) else encoded


def _is_plain(payload: bytes) -> bool:
    # What zlib makes begins with another byte.
    return payload.startswith((b"[", b"{"))


def encode(content: Content) -> bytes:
    """
    The content of a batch as JSON, which its digest is made of.

    The id of a request is left out: a run gives its requests ids of its own.
    """
    if isinstance(content, SmsRequest):
        values = attrs.asdict(content, recurse=False)
        del values["request_id"]
        said = {name: value for name, value in values.items() if value is not None}
        return _wire.encode(said)
    return content.json if isinstance(content, CheckedRecipients) else json_of(content)


def unpack(payload: bytes) -> Content:
    """
    The content of a batch, from what `encode` made of it, packed or not.

    Raises:
        LedgerError: It is damaged.
    """
    try:
        plain = payload if _is_plain(payload) else zlib.decompress(payload)
        content = json.loads(plain)
        if isinstance(content, list):
            return tuple(Recipient(**one) for one in content)
        if content.get("send_at") is not None:
            content["send_at"] = datetime.fromisoformat(content["send_at"])
        recipients = [Recipient(**one) for one in content.pop("recipients")]
        return SmsRequest(recipients=recipients, **content)
    except (zlib.error, ValueError, TypeError, AttributeError, KeyError) as error:
        # What is in there is private; the error's own words may repeat it.
        raise LedgerError(f"{_DAMAGED} ({type(error).__name__})") from None


def pack_numbers(recipients: Iterable[Recipient]) -> bytes:
    """
    The numbers of a batch, sorted: about 3 bytes each for ten million mobiles.

    Of each number the distance to the one before it is kept, as a base-128 integer.
    """
    packed = bytearray()
    numbers = sorted(map(int, map(_number_of, recipients)))
    for before, number in pairwise((0, *numbers)):
        distance = number - before
        while distance > _SEVEN_BITS:
            packed.append(distance & _SEVEN_BITS | _MORE)
            distance >>= 7
        packed.append(distance)
    return zlib.compress(packed, _LEVEL)


def unpack_numbers(packed: bytes) -> tuple[str, ...]:
    """
    The numbers in international form, sorted as figures; none if they were purged.

    Raises:
        LedgerError: They are damaged.
    """
    if not packed:
        return ()
    try:
        plain = zlib.decompress(packed)
    except zlib.error as error:
        raise LedgerError(f"{_DAMAGED} ({type(error).__name__})") from None
    numbers: list[str] = []
    number = distance = shift = 0
    for one in plain:
        distance |= (one & _SEVEN_BITS) << shift
        shift += 7
        if not one & _MORE:
            number += distance
            numbers.append(f"+{number}")
            distance = shift = 0
    return tuple(numbers)
