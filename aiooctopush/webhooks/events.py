"""
The event of a callback.

``repr`` masks numbers and hides texts, addresses and unknown fields.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from ..errors import shown
from ..phone import masked
from .statuses import DeliveryStatus, may_replace


def _shown_status(status: DeliveryStatus | str) -> str:
    # An unknown status may mean anything.
    return repr(status) if isinstance(status, DeliveryStatus) else shown(status)


def _hidden_mapping() -> Any:
    return field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class DeliveryReceipt:
    """
    Delivery of one message to one number.

    Attributes:
        ticket: Ticket of the send; up to 500 recipients share it.
        number: Who it was for; with `+` where that is certain, else as it came.
        status: A `DeliveryStatus`, or the gateway's text if it is unknown.
        delivery_date: When, without a zone, for the gateway gives none.
        channel: ``sms``, ``voice_sms``, ``rcs``, ``whatsapp`` …; None in old ones.
        list_name: The contact list, if there was one.
        unit_price: Price of the message; the unit is undocumented.
        pressed_keys_code: Voice: the keys that the recipient pressed.
        call_duration: Voice: seconds.
        charged_duration: Voice: seconds.
        meta_data: Further fields of the channel.
    """

    ticket: str
    number: str = field(repr=masked)
    status: DeliveryStatus | str = field(repr=_shown_status)
    delivery_date: datetime | None = None
    channel: str | None = None
    list_name: str | None = None
    unit_price: Decimal | None = None
    pressed_keys_code: str | None = field(default=None, repr=False)
    call_duration: int | None = None
    charged_duration: int | None = None
    meta_data: Mapping[str, Any] = _hidden_mapping()

    @property
    def is_final(self) -> bool:
        """True if no intermediate status may follow; False for an unknown status."""
        return isinstance(self.status, DeliveryStatus) and self.status.is_final

    @property
    def identity(self) -> tuple[str, ...]:
        """Key for the detection of repeats: ticket, number, status."""
        return self.ticket, self.number, str(self.status)

    def may_replace(self, older: str | None) -> bool:
        """Whether its status may replace a stored one; see `may_replace`."""
        return may_replace(self.status, older)


@frozen(kw_only=True)
class Reply:
    """
    A text that came back.

    Attributes:
        number: Who wrote; with `+` where that is certain, else as it came.
        text: Text of the reply.
        ticket: Ticket of the original message, if the gateway found it.
        sim_card_number: The short or long number that received it.
        reception_date: When, without a zone, for the gateway gives none.
        metadata: There if the account asks for it; undocumented.
    """

    number: str = field(repr=masked)
    text: str = field(repr=False)
    ticket: str | None = None
    sim_card_number: str | None = field(default=None, repr=masked)
    reception_date: datetime | None = None
    metadata: Any = field(default=None, repr=False, hash=False)

    @property
    def identity(self) -> tuple[str, ...] | None:
        """
        Key for the detection of repeats; None without a date, because the same words
        may then be another reply. It contains a digest instead of the text.
        """
        if self.reception_date is None:
            return None
        at, said = self.reception_date.isoformat(), _digest(self.text)
        return "reply", self.ticket or "", self.number, at, said


@frozen(kw_only=True)
class OptOut:
    """
    A recipient wants no more messages.

    The gateway's stop list has the number already.

    Attributes:
        number: Who; with `+` where that is certain, else as it came.
        text: Text that the recipient wrote.
        ticket: Ticket of the original message, if the gateway found it.
        stop_date: When, without a zone, for the gateway gives none.
    """

    number: str = field(repr=masked)
    text: str | None = field(default=None, repr=False)
    ticket: str | None = None
    stop_date: datetime | None = None

    @property
    def identity(self) -> tuple[str, ...] | None:
        """Key for the detection of repeats; None without a date."""
        if self.stop_date is None:
            return None
        return "opt_out", self.ticket or "", self.number, self.stop_date.isoformat()


@frozen(kw_only=True)
class StatusChange:
    """An earlier status of an e-mail, and when it was; without a zone."""

    status: DeliveryStatus | str = field(repr=_shown_status)
    delivery_date: datetime | None = None


@frozen(kw_only=True)
class EmailDelivery:
    """
    Delivery of one e-mail.

    Attributes:
        email: Who it was for.
        status: A `DeliveryStatus`, or the gateway's text if it is unknown.
        delivery_date: When, without a zone.
        unit_price: Its price; the unit is undocumented.
        status_history: Statuses that were reported before.
    """

    email: str = field(repr=False)
    status: DeliveryStatus | str = field(repr=_shown_status)
    delivery_date: datetime | None = None
    unit_price: Decimal | None = None
    status_history: tuple[StatusChange, ...] = ()

    def may_replace(self, older: str | None) -> bool:
        """Whether its status may replace a stored one; see `may_replace`."""
        return may_replace(self.status, older)


@frozen(kw_only=True)
class EmailReport:
    """
    Delivery of several e-mails of one send.

    Attributes:
        ticket: Ticket of the send.
        deliveries: One for each recipient in the callback.
        list_name: The contact list, if there was one.
        template_name: The template, if there was one.
        channel: ``email``.
        meta_data: Further fields of the channel.
    """

    ticket: str
    deliveries: tuple[EmailDelivery, ...] = field(repr=lambda all_: f"<{len(all_)}>")
    list_name: str | None = None
    template_name: str | None = None
    channel: str | None = None
    meta_data: Mapping[str, Any] = _hidden_mapping()

    @property
    def identity(self) -> tuple[str, ...]:
        """Key for the detection of repeats: ticket, addresses and statuses."""
        lines = sorted(f"{one.email}\n{one.status}" for one in self.deliveries)
        return "email", self.ticket, _digest("\n".join(lines))


@frozen(kw_only=True)
class UnknownCallback:
    """
    A readable event of an unknown kind, or without its required fields.

    A visit of a landing page is one: its content is undocumented.

    Attributes:
        content: The posted data, as it came; it may hold anything.
    """

    content: Any = field(repr=False, hash=False)

    @property
    def identity(self) -> None:
        """None, because an unknown event cannot be compared."""


Event = DeliveryReceipt | Reply | OptOut | EmailReport | UnknownCallback
"""The event of a callback."""


def _digest(text: str) -> str:
    # Half of a surrogate pair is no text, but JSON can hold it.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
