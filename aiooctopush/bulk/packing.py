"""What a ledger keeps of a batch, as few bytes: whom it goes to, and what it says."""

import json
import struct
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from operator import attrgetter, sub
from typing import Final

import attrs

from .. import _wire
from ..api._shared import CheckedRecipients, Recipient, json_of
from ..api.sms import SmsRequest
from .ledger import LedgerError


Content = Sequence[Recipient] | SmsRequest
"""Recipients that share the run's text, or one request with a text of its own."""

# 500 recipients take 0.3 ms; higher levels take thrice that for a tenth less.
_LEVEL: Final = 1
_number_of: Final = attrgetter("phone_number")
# Bytes of the widest distance, how many numbers, and the least of them.
_HEAD: Final = struct.Struct("<BIQ")
_WIDEST: Final = 8
# Mobiles of a batch are some 400,000 apart, which takes three bytes.
_NOISE: Final = 3
_DAMAGED: Final = "a batch of the ledger cannot be read: the file is damaged"
_OTHER_FORM: Final = (
    "the numbers of a batch cannot be read: the file is damaged, or another version of "
    "this library wrote it"
)


def recipients_in(content: Content) -> Sequence[Recipient]:
    """Whom it goes to."""
    return content.recipients if isinstance(content, SmsRequest) else content


def numbers_in(content: Content) -> Iterable[str | int]:
    """Their phone numbers, for `pack_numbers`."""
    people = recipients_in(content)
    if isinstance(people, CheckedRecipients):
        return people.figures
    return map(_number_of, people)


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


def pack_numbers(numbers: Iterable[str | int]) -> bytes:
    """
    Numbers in international form, or as integers, sorted: 3 bytes each for ten million
    mobiles.

    Of each number the distance to the one before it is kept, spread over planes: all
    lowest bytes, then all second ones, and so on. The lower planes of mobiles are
    noise, on which zlib spends half of the time to gain nothing; the upper ones are
    nearly empty, and there it costs next to nothing.
    """
    ordered = sorted(map(int, numbers))
    if not ordered:
        return b""
    distances = list(map(sub, ordered[1:], ordered))
    width = max(1, (max(distances, default=0).bit_length() + 7) // 8)
    wide = struct.pack(f"<{len(distances)}Q", *distances)
    planes = [wide[at::_WIDEST] for at in range(width)]
    noise, rest = b"".join(planes[:_NOISE]), b"".join(planes[_NOISE:])
    head = _HEAD.pack(width, len(ordered), ordered[0])
    return head + noise + (zlib.compress(rest, _LEVEL) if rest else b"")


def unpack_numbers(packed: bytes) -> tuple[str, ...]:
    """
    The numbers in international form, sorted as figures; none if they were purged.

    Raises:
        LedgerError: They are damaged, or of a form that is not ours.
    """
    if not packed:
        return ()
    try:
        return tuple(map("+{}".format, accumulate(_distances_in(packed))))
    except (struct.error, zlib.error, ValueError) as error:
        raise LedgerError(f"{_DAMAGED} ({type(error).__name__})") from None


def _distances_in(packed: bytes) -> tuple[int, ...]:
    """The least number, and how far each is from the one before it."""
    width, count, least = _HEAD.unpack_from(packed)
    if width > _WIDEST:
        raise LedgerError(_OTHER_FORM)
    steps = count - 1
    at = _HEAD.size + min(width, _NOISE) * steps
    planes = packed[_HEAD.size : at]
    if packed[at:]:
        planes += zlib.decompress(packed[at:])
    if len(planes) != width * steps:
        raise ValueError
    wide = bytearray(_WIDEST * steps)
    for plane in range(width):
        wide[plane::_WIDEST] = planes[plane * steps : (plane + 1) * steps]
    return least, *struct.unpack(f"<{steps}Q", wide)
