"""The record of accepted messages, by number and text."""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final

import attrs
from attrs import field, frozen

from ..errors import InvalidFieldError
from .validation import NUMBER, merge


_SEPARATOR: Final = " "


def _pack_numbers(numbers: Iterable[str] | str) -> str:
    # One string of 13 bytes per number. A tuple of strings takes 70 bytes per number,
    # too much for a sent log of a million recipients. Packed entries stay packed.
    return numbers if isinstance(numbers, str) else _SEPARATOR.join(numbers)


def _pack_fields(fields: Iterable[Mapping[str, str]] | bytes | None) -> bytes | None:
    if fields is None or isinstance(fields, bytes):
        return fields
    rows = [dict(row) for row in fields]
    return zlib.compress(json.dumps(rows).encode()) if any(rows) else None


@frozen(kw_only=True)
class Entry:
    """
    One call that the gateway accepted.

    ``repr`` shows neither numbers nor text.

    Attributes:
        ticket: The ticket that was given out.
        request_id: The id that the call carried, if any.
        operation: Path of the call without its common start. A list or tag
            campaign is entered when it is confirmed, not when it is created.
        channel: ``sms``, ``voice_sms``, ``rcs``, ``email``, ``live_chat``; a one-time
            code may also go by ``whatsapp`` or ``imessage``.
        account: ``api-login`` of the caller.
        number_of_contacts: How many recipients.
        text: As it was sent, placeholders and all; see `texts`.
        sender: None if none was given.
        type: ``sms_premium`` or ``sms_low_cost``; else the channel.
        purpose: ``alert`` or ``wholesale``, also where it is the default.
        send_at: When it leaves; None if it left at once.
        accepted_at: Time of acceptance, on the gateway's clock.
        number_of_sms: Parts over all recipients; other channels have one for each.
        cost: In euros; 0 if simulated.
        simulated: Whether it was only a simulation.
        cancelled_at: When it was cancelled; None if it was not.
        ignored_fields: Fields that the gateway did not understand and dropped,
            such as ``simulation-mode`` or ``recipients.*.nickname``.
        list_name: The contact list that the call named, if any.
    """

    ticket: str
    operation: str
    _recipients: str = field(converter=_pack_numbers, repr=False)
    _fields: bytes | None = field(converter=_pack_fields, default=None, repr=False)
    number_of_contacts: int
    text: str = field(repr=False)
    accepted_at: datetime
    channel: str = "sms"
    account: str = field(default="", repr=False)
    request_id: str | None = None
    sender: str | None = None
    type: str = "sms_premium"
    purpose: str = "wholesale"
    send_at: datetime | None = None
    number_of_sms: int = 0
    cost: Decimal = Decimal(0)
    simulated: bool = False
    cancelled_at: datetime | None = None
    ignored_fields: tuple[str, ...] = ()
    list_name: str | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Numbers or addresses, in the order of the call."""
        return tuple(self._recipients.split(_SEPARATOR))

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of each recipient, in the order of `recipients`."""
        if self._fields is None:
            return (merge(self.text, {}),) * self.number_of_contacts
        rows = json.loads(zlib.decompress(self._fields))
        return tuple(merge(self.text, row) for row in rows)

    @property
    def cancelled(self) -> bool:
        """Whether it was called back before it left."""
        return self.cancelled_at is not None

    @property
    def counts(self) -> bool:
        """Whether it is delivered: neither simulated nor cancelled."""
        return not self.simulated and not self.cancelled

    def as_json(self) -> dict[str, Any]:
        """Plain data; money and instants as text."""
        return {
            "ticket": self.ticket,
            "request_id": self.request_id,
            "operation": self.operation,
            "channel": self.channel,
            "account": self.account,
            "recipients": list(self.recipients),
            "text": self.text,
            "sender": self.sender,
            "type": self.type,
            "purpose": self.purpose,
            "send_at": self.send_at.isoformat() if self.send_at else None,
            "accepted_at": self.accepted_at.isoformat(),
            "number_of_sms": self.number_of_sms,
            "cost": str(self.cost),
            "simulated": self.simulated,
            "cancelled": self.cancelled,
            "ignored_fields": list(self.ignored_fields),
            "list_name": self.list_name,
        }


class SentLog:
    """
    Every call that was accepted, in order.

    `entries` and ``len()`` include all of them. `times` and `numbers` count recipients
    who get a message: **simulated and cancelled entries do not count**, scheduled
    ones do from the moment they are accepted.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._counts: Counter[str] = Counter()
        self._uncounted: list[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        recipients = sum(one.number_of_contacts for one in self._entries.values())
        return f"<SentLog: {len(self)} entries, {recipients} recipients>"

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, in the order in which they were accepted."""
        return tuple(self._entries.values())

    def find(self, ticket: str) -> Entry | None:
        """The entry of a ticket, or None."""
        return self._entries.get(ticket)

    def since(self, count: int) -> tuple[Entry, ...]:
        """The entries after that many, likewise."""
        return tuple(islice(self._entries.values(), count, None))

    def only(self) -> Entry:
        """
        The one entry that there is.

        Raises:
            AssertionError: There is no entry, or more than one.
        """
        if len(self) != 1:
            raise AssertionError(
                f"the sent log holds {len(self)} entries instead of one"
            )
        return next(iter(self._entries.values()))

    def times(self, number: str) -> int:
        """
        How often a number gets a message; simulated and cancelled ones not.

        Raises:
            InvalidFieldError: It is a phone number without `+` and country code: it
                would be in no sent log, and 0 would prove nothing.
        """
        return self._counts[self.as_written(number)]

    def entries_to(self, number: str) -> tuple[Entry, ...]:
        """The entries that `times` counts for a number, in order and once each."""
        wanted = self.as_written(number)
        return tuple(
            one
            for one in self._entries.values()
            if one.counts and wanted in one.recipients
        )

    def texts_to(self, number: str) -> tuple[str, ...]:
        """
        Texts of a number, in the order of acceptance.

        The code of a one-time code is not in it; see `Gateway.codes`.
        """
        wanted = self.as_written(number)
        return tuple(
            text
            for entry in self.entries_to(wanted)
            for reader, text in zip(entry.recipients, entry.texts, strict=True)
            if reader == wanted
        )

    def numbers(self) -> Counter[str]:
        """How often each number gets a message; simulated and cancelled ones not."""
        return self._counted().copy()

    def as_json(self) -> dict[str, Any]:
        """Plain data, for a door or a file."""
        return {
            "recipients": self._counted().total(),
            "entries": [one.as_json() for one in self._entries.values()],
        }

    def add(self, entry: Entry) -> None:
        """Add an accepted entry; the gateway calls this."""
        if entry.ticket in self._entries:
            raise ValueError(f"ticket {entry.ticket!r} is in the sent log already")
        self._entries[entry.ticket] = entry
        self._uncounted.append(entry)

    def cancel(self, ticket: str, at: datetime) -> None:
        """Mark an entry as called back; the gateway calls this."""
        entry = self._entries[ticket]
        if not entry.counts:
            raise ValueError(f"ticket {ticket!r} is simulated or cancelled already")
        counted = self._counted()
        counted.subtract(entry.recipients)
        # A number whose count is zero again must not be in `numbers`.
        for number in entry.recipients:
            if not counted[number]:
                del counted[number]
        self._entries[ticket] = attrs.evolve(entry, cancelled_at=at)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._counts.clear()
        self._uncounted.clear()

    def as_written(self, number: str) -> str:
        """Write a number as the sent log does, or refuse it; see `times`."""
        # Other identifiers may be an address or a conversation.
        if number in self._counted() or any(map(str.isalpha, number)):
            return number
        bare = "".join(number.split())
        if not NUMBER.fullmatch(bare):
            raise InvalidFieldError(
                "number", "must start with '+' and the country code"
            )
        return bare

    def _counted(self) -> Counter[str]:
        # Counted on demand, so that adding stays cheap; a test that asks for each of a
        # million numbers pays for the counting once.
        for entry in self._uncounted:
            if entry.counts:
                self._counts.update(entry.recipients)
        self._uncounted.clear()
        return self._counts
