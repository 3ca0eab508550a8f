"""Compact encoding of a batch in a ledger: its recipients and its text."""

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import attrs
import orjson
from attrs import field, frozen

from .. import _wire
from ..api._recipients import (
    MAX_RECIPIENTS,
    NUMBER,
    VALUES,
    CheckedRecipients,
    Recipient,
    json_of,
)
from ..api.sms import SmsRequest
from ..phone import as_ints
from .records import BatchRecord, BatchState, LedgerError, id_of


Content = Sequence[Recipient] | SmsRequest
"""Recipients that share the run's text, or one request with a text of its own."""

# 500 recipients take 0.3 ms; higher levels take three times that for a tenth less.
_LEVEL: Final = 1
# How many values, and in which of their eight bytes they differ.
_HEAD: Final = struct.Struct("<IB")
_BYTES: Final = 8
_DAMAGED: Final = "a batch of the ledger cannot be read: the file is damaged"
_DROPPED: Final = "a batch of the ledger has no content, because it was purged"
_OTHER_FORM: Final = (
    "the numbers of a batch cannot be read: the file is damaged, or another version "
    "of aiooctopush wrote it"
)


def recipients_in(content: Content) -> Sequence[Recipient]:
    """Whom it goes to."""
    return content.recipients if isinstance(content, SmsRequest) else content


def ints_in(content: Content) -> Sequence[int]:
    """Their phone numbers as integers."""
    people = recipients_in(content)
    if isinstance(people, CheckedRecipients):
        return people.as_ints
    return as_ints([one.phone_number for one in people])


def pack(payload: bytes) -> bytes:
    """Make the payload of a batch small, unless it is so already."""
    return zlib.compress(payload, _LEVEL) if _is_plain(payload) else payload


def _is_plain(payload: bytes) -> bool:
    # The output of zlib begins with another byte.
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


def payload_of(content: Content) -> bytes:
    """
    Encode a content without its numbers, which a ledger keeps separately.

    Recipients that share a text become the columns of their values, a sixth of their
    JSON. A request with a text of its own is encoded completely.
    """
    if isinstance(content, SmsRequest):
        return encode(content)
    if not isinstance(content, CheckedRecipients):
        content = CheckedRecipients.of(content)
    columns = content.columns.items()
    return orjson.dumps([one for one in columns if one[0] != NUMBER])


def content_of(batch: BatchRecord) -> Content:
    """
    The content of a batch, from its payload, packed or not, and its numbers.

    Raises:
        LedgerError: It is damaged, or was dropped.
    """
    if batch.payload is None:
        raise LedgerError(_DROPPED)
    numbers = unpack_lanes(batch.numbers)
    payload = batch.payload
    try:
        plain = payload if _is_plain(payload) else zlib.decompress(payload)
        content = json.loads(plain)
        if isinstance(content, list):
            return _recipients(values_in(numbers), dict(content))
        if content.get("send_at") is not None:
            content["send_at"] = datetime.fromisoformat(content["send_at"])
        recipients = [Recipient(**one) for one in content.pop("recipients")]
        return SmsRequest(recipients=recipients, **content)
    except (ValueError, TypeError, AttributeError, KeyError, zlib.error) as error:
        # The content is private; the error's own message may repeat it.
        raise LedgerError(f"{_DAMAGED} ({type(error).__name__})") from None


def _recipients(
    numbers: Sequence[int], values: Mapping[str, Sequence[Any]]
) -> CheckedRecipients:
    """The recipients of a batch, from its numbers and the columns of its payload."""
    if not numbers:
        raise ValueError(NUMBER)
    for name, column in values.items():
        is_whole = name in VALUES and len(column) == len(numbers)
        if not is_whole or not set(map(type, column)) <= {str, type(None)}:
            raise ValueError(name)
    return CheckedRecipients({NUMBER: list(map("+{}".format, numbers)), **values})


def pack_figures(figures: Sequence[int]) -> bytes:
    """
    Numbers as integers: 4 bytes each for ten million mobiles.

    They are spread over planes: all lowest bytes, then all second ones, and so on. A
    plane that repeats one byte is kept as that byte. Distances between
    them would take 3 bytes each, and sorting them ten times as long as all the rest.
    """
    if not figures:
        return b""
    raw = lanes(figures)
    differ, kept = 0, []
    for at in range(_BYTES):
        plane = raw[at::_BYTES]
        if plane.count(plane[:1]) < len(plane):
            differ |= 1 << at
            kept.append(plane)
        else:
            kept.append(plane[:1])
    return _HEAD.pack(len(figures), differ) + b"".join(kept)


LANE: Final = _BYTES
"""Bytes that a number takes in `lanes`."""


def lanes(figures: Sequence[int]) -> bytes:
    """Figures one after the other, each in eight bytes, the lowest first."""
    return struct.pack(f"<{len(figures)}Q", *figures)


def values_in(numbers: bytes) -> Sequence[int]:
    """Give the figures that `lanes` was given."""
    return struct.unpack(f"<{len(numbers) // LANE}Q", numbers)


def unpack_numbers(packed: bytes) -> tuple[str, ...]:
    """
    Give the numbers in international form, sorted as figures; none if purged.

    Raises:
        LedgerError: They are damaged, or of a form that is not ours.
    """
    return tuple(map("+{}".format, unpack_ints(packed)))


def unpack_ints(packed: bytes) -> Sequence[int]:
    """
    Give the numbers as integers, sorted; none if they were purged.

    Raises:
        LedgerError: They are damaged, or of a form that is not ours.
    """
    return sorted(values_in(unpack_lanes(packed)))


def unpack_lanes(packed: bytes) -> bytes:
    """
    Give the numbers as `lanes` writes them, in the order of the batch.

    Raises:
        LedgerError: They are damaged, or of a form that is not ours.
    """
    if not packed:
        return b""
    try:
        count, differ = _HEAD.unpack_from(packed)
    except struct.error:
        raise LedgerError(_OTHER_FORM) from None
    sizes = [count if differ & 1 << at else min(count, 1) for at in range(_BYTES)]
    # Before memory is allocated for missing data.
    is_ours = 0 < count <= MAX_RECIPIENTS
    if not is_ours or len(packed) != _HEAD.size + sum(sizes):
        raise LedgerError(_OTHER_FORM)
    raw, begin = bytearray(_BYTES * count), _HEAD.size
    for at, size in enumerate(sizes):
        plane = packed[begin : begin + size]
        raw[at::_BYTES] = plane if size == count else plane * count
        begin += size
    return bytes(raw)


IDENTITY_BYTES: Final = 16
"""A digest that distinguishes one identity from all others."""


def identity_of(said: bytes) -> bytes:
    """
    Make a digest of the identity of an item, such as a number and an order.

    It is a BLAKE2b digest of 128 bits. For ten million items the probability of a
    collision is 10⁻²⁵, which is less likely than broken memory.
    """
    return blake2b(said, digest_size=IDENTITY_BYTES).digest()


def unpack_identities(packed: bytes) -> Sequence[bytes]:
    """
    Give the digests of a batch, one by one; none if they were purged.

    Raises:
        LedgerError: They are damaged.
    """
    if len(packed) % IDENTITY_BYTES:
        raise LedgerError(_DAMAGED)
    return [
        packed[at : at + IDENTITY_BYTES] for at in range(0, len(packed), IDENTITY_BYTES)
    ]


@frozen(kw_only=True)
class Job:
    """
    A batch to be sent.

    Attributes:
        record: As stored in the ledger.
        content: Its text and recipients.
        is_written: Whether its intent is in the ledger already.
        was_tried: Whether an attempt under its present id may have been executed.
    """

    record: BatchRecord
    content: Content = field(repr=False)
    is_written: bool = False
    was_tried: bool = False


def new_record(
    run_name: str,
    content: Content,
    settings: bytes,
    *,
    number: int,
    part: str = "",
    first: int,
    state: BatchState,
    at: datetime | None = None,
    identities: bytes = b"",
    compress: bool = True,
) -> BatchRecord:
    """
    The record of a batch, with the id that follows from its content and place.

    Args:
        settings: Settings that all batches of the run share, as bytes.
        first: Position in the source where it begins.
        at: Time of its next attempt; None if not now.
        identities: Digests of its items, if numbers do not identify them.
        compress: Whether to pack its payload, which takes longer than making it.
    """
    people = ints_in(content)
    numbers = pack_figures(people)
    payload = payload_of(content)
    digest = hashlib.sha256(settings + encode(content)).hexdigest()
    return BatchRecord(
        number=number,
        part=part,
        first=first,
        count=len(people),
        digest=digest,
        request_id=id_of(run_name, number, part, digest),
        payload=pack(payload) if compress else payload,
        numbers=numbers,
        identities=identities,
        state=state,
        first_tried_at=at,
    )
