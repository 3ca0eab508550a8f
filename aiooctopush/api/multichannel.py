"""
One shape for SMS, voice, RCS, e-mail and live chat.

Retries are not protected here, because no source gives this operation a
``request_id``. Its response is undocumented. For SMS and voice prefer `Sms.send` and
`Voice.send`.

Source: newer reference, "Multi-channel", in two editions (all documented, unseen).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Literal

from attrs import field, frozen
from attrs.converters import optional

from .._call import CallOptions
from .._clock import Clock
from .._limits import LOW_COST_MAX, MAX_TEXT
from .._wire import Answer, Idempotency, encode, read_from
from ..errors import InvalidFieldError, renamed, wrong_type
from ..phone import masked, normalize
from ._before_sending import checked_on_channel
from ._chunks import read_items
from ._recipients import MAX_RECIPIENTS
from ._shared import (
    MAX_LIST_NAME,
    TICKET_NAMES,
    Caller,
    OnUnknown,
    OnUnknownLike,
    Purpose,
    PurposeLike,
    SmsType,
    check_instant,
    check_sender,
    check_switch,
    check_switches,
    check_text,
    count_only,
    delete,
    is_retried,
    post,
    to_enum,
    to_purpose,
)
from ._voices import VoiceGender, check_voice_sender
from .campaigns import ticket_body


__all__ = [
    "Channel",
    "ChannelRecipient",
    "ChannelRequest",
    "ChannelResult",
    "Multichannel",
]


class Channel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    VOICE = "voice_sms"
    RCS = "rcs"
    EMAIL = "email"
    LIVE_CHAT = "live_chat"
    """In the newer edition only; cannot be cancelled."""


ChannelLike = Channel | Literal["sms", "voice_sms", "rcs", "email", "live_chat"]


def to_channel(value: ChannelLike) -> Channel:
    """Read the value of a field named ``channel``; a converter."""
    return to_enum(Channel, "channel", value)


# --- requests -------------------------------------------------------------------------

MAX_ADDRESS: Final = 254
"""Characters of an e-mail address, as mail itself limits it (RFC 5321)."""

_MAX_NAME = 320
_is_address = re.compile(r"[^@\s]+@[^@\s]+").fullmatch


@frozen(kw_only=True)
class ChannelRecipient:
    """
    A recipient of one of the channels.

    Args:
        phone_number: International; for SMS, voice and RCS.
        email: For e-mail.
        conversation_id: For live chat.

    Raises:
        InvalidFieldError: None of them is given, or one is malformed.
    """

    phone_number: str | None = field(
        default=None, converter=optional(normalize), repr=masked
    )
    email: str | None = field(default=None, repr=False)
    conversation_id: str | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.email is not None:
            check_text(self.email, "email", MAX_ADDRESS, private=True)
            if not _is_address(self.email):
                raise InvalidFieldError("email", "must be an address with one @")
        if self.conversation_id is not None:
            check_text(self.conversation_id, "conversation_id", MAX_TEXT, private=True)
        if self.phone_number is None and self.email is None is self.conversation_id:
            raise InvalidFieldError(
                "recipient", "must have a phone_number, email or conversation_id"
            )


# Required addresses of each channel's recipients. Source: newer reference; live chat
# "may carry" a conversation, so any address is accepted there.
_NEEDED: Final[Mapping[Channel, str]] = {
    Channel.SMS: "phone_number",
    Channel.VOICE: "phone_number",
    Channel.RCS: "phone_number",
    Channel.EMAIL: "email",
}


def _to_recipient(one: Any, place: str) -> ChannelRecipient:
    if isinstance(one, ChannelRecipient):
        return one
    try:
        return _made_of(one)
    except InvalidFieldError as error:
        raise renamed(error, f"{place}.{error.field}") from None


def _made_of(one: Any) -> ChannelRecipient:
    if not isinstance(one, str):
        # A Recipient has values to merge, which this operation does not document.
        raise wrong_type("recipient", "must be a ChannelRecipient", one)
    if "@" in one:
        return ChannelRecipient(email=one)
    return ChannelRecipient(phone_number=one)


def _to_recipients(
    items: Iterable[str | ChannelRecipient],
) -> tuple[ChannelRecipient, ...]:
    recipients = read_items(items, "recipients", _to_recipient)
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise InvalidFieldError(
            "recipients", f"must be 1 to {MAX_RECIPIENTS}", shown=f"{len(recipients):,}"
        )
    return recipients


def _complete(given: Any, channel: Channel) -> dict[str, Any] | None:
    """Check the documented keys, and set the type of SMS and voice."""
    if given is not None and not isinstance(given, Mapping):
        raise wrong_type("metadata", "must be a dict", given)
    metadata = dict(given or {})
    try:
        encode(metadata)
    except TypeError as error:
        raise InvalidFieldError("metadata", "must be JSON-serializable") from error
    # The type is always sent, as with `Sms.send`.
    if channel is Channel.SMS:
        quality = metadata.get("type", SmsType.PREMIUM)
        metadata["type"] = str(to_enum(SmsType, "metadata.type", quality))
    elif channel is Channel.VOICE and (
        metadata.setdefault("type", "voice_sms") != "voice_sms"
    ):
        raise InvalidFieldError("metadata.type", "must be 'voice_sms' for voice")
    check_switch("metadata.with_replies", metadata.get("with_replies"))
    gender = metadata.get("voice_gender")
    if gender is not None:
        metadata["voice_gender"] = str(
            to_enum(VoiceGender, "metadata.voice_gender", gender)
        )
    return metadata or None


_SWITCHES: Final = (
    "simulation_mode",
    "recipient_tracking",
    "auto_optimize_text",
    "auto_delete_optout_contacts",
)


@frozen(kw_only=True)
class ChannelRequest:
    """
    One request for up to 500 recipients on one channel, as a value.

    `Multichannel.send` documents the fields, which are its keywords. It has no
    ``request_id``: a request that is sent twice arrives twice.

    Raises:
        InvalidFieldError: A field is malformed, beyond its limit, or missing for the
            channel.
    """

    channel: Channel = field(converter=to_channel)
    recipients: tuple[ChannelRecipient, ...] = field(
        converter=_to_recipients, repr=count_only
    )
    purpose: Purpose = field(converter=to_purpose)
    text: str | None = field(default=None, repr=False)
    sender: str | None = None
    send_at: datetime | None = None
    simulation_mode: bool | None = None
    recipient_tracking: bool | None = None
    auto_optimize_text: bool | None = None
    # The older edition calls it auto_remove_blacklisted_contacts: the newer name.
    # Source: newer reference, conflict between its two editions.
    auto_delete_optout_contacts: bool | None = None
    list_name: str | None = None
    metadata: Mapping[str, Any] | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        self._check_recipients()
        # The required keys depend on the channel, which no converter has.
        metadata = _complete(self.metadata, self.channel)
        object.__setattr__(self, "metadata", metadata)
        self._check_words()
        if self.send_at is not None:
            check_instant(self.send_at, "send_at")
        if self.list_name is not None:
            check_text(self.list_name, "list_name", MAX_LIST_NAME)
        check_switches(self, _SWITCHES)

    def _check_recipients(self) -> None:
        needed = _NEEDED.get(self.channel)
        for index, one in enumerate(self.recipients if needed else ()):
            if getattr(one, str(needed)) is None:
                raise InvalidFieldError(
                    f"recipients[{index}].{needed}", f"must be given for {self.channel}"
                )

    def _check_words(self) -> None:
        spoken = self.channel in {Channel.SMS, Channel.VOICE}
        # On other channels a template may replace the text (inferred).
        if spoken or self.text is not None:
            check_text(self.text, "text", MAX_TEXT, private=True)
        if (self.metadata or {}).get("type") == SmsType.LOW_COST and len(
            self.text or ""
        ) > LOW_COST_MAX:
            raise InvalidFieldError(
                "text", f"must have at most {LOW_COST_MAX} characters as sms_low_cost"
            )
        if self.channel is Channel.SMS:
            check_sender(self.sender)
        elif self.channel is Channel.VOICE:
            check_voice_sender(self.sender)
        elif self.sender is not None:
            # On RCS the name of the agent; no limit is documented for it.
            check_text(self.sender, "sender", _MAX_NAME)


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True)
class ChannelResult(Answer):
    """
    The result of a send; `Answer` has the fields of every result.

    No source documents the response. It is parsed like that of an SMS, and every field
    may be None although the message was accepted.

    Attributes:
        ticket: The gateway's name for it, which delivery receipts repeat.
        number_of_contacts: Recipients that were accepted.
        total_cost: Cost of the whole request, in euros.
        residual_credit: Credit of the account, in euros.
    """

    ticket: str | None = field(default=None, metadata=read_from(*TICKET_NAMES))
    number_of_contacts: int | None = None
    total_cost: Decimal | None = None
    residual_credit: Decimal | None = None


# --- endpoints ------------------------------------------------------------------------

_BASE = "/v1/public/multi-channel"

SEND: Final = post(f"{_BASE}/send", ChannelResult, Idempotency.NONE, bodiless=True)
CANCEL: Final = delete(f"{_BASE}/cancel")


# --- calls ----------------------------------------------------------------------------


@frozen
class Multichannel:
    """The multi-channel namespace, as ``octopush.multichannel``."""

    _call: Caller
    _clock: Clock

    async def send(
        self,
        *,
        channel: ChannelLike,
        recipients: Iterable[str | ChannelRecipient],
        purpose: PurposeLike,
        text: str | None = None,
        sender: str | None = None,
        send_at: datetime | None = None,
        simulation_mode: bool | None = None,
        recipient_tracking: bool | None = None,
        auto_optimize_text: bool | None = None,
        auto_delete_optout_contacts: bool | None = None,
        list_name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        on_unknown: OnUnknownLike = OnUnknown.RAISE,
        timeout: float | None = None,
    ) -> ChannelResult:
        """
        Send one message to up to 500 recipients on one channel, now or later.

        It has no ``request_id``, so after a timeout it is not repeated.

        Args:
            channel: ``sms``, ``voice_sms``, ``rcs``, ``email`` or ``live_chat``.
            recipients: Numbers, e-mail addresses or ChannelRecipients, as the channel
                needs them.
            purpose: ``alert`` or ``wholesale``.
            text: 1 to 1,224 characters; needed for SMS and voice. Recipients have no
                values here, so that it may hold no placeholder.
            sender: 3 to 11 letters, digits or spaces for SMS and voice, which
                need one; on RCS the name of the agent in your account.
            send_at: When, with its time zone; now if left out.
            simulation_mode: Only check the request, and invent the result.
            recipient_tracking: Ask for tracking; the gateway does not explain it.
            auto_optimize_text: False leaves the text as it is.
            auto_delete_optout_contacts: Strip those on your stop list.
            list_name: Also store the recipients as a new list of this name, of at
                most 30 characters.
            metadata: Options of the channel. Documented are ``type`` (``sms_premium``,
                which is sent by default, or ``sms_low_cost``; for voice always
                ``voice_sms``), ``with_replies`` for SMS and ``voice_gender`` for voice.
                Other keys are sent unchanged, because our copies of the page are
                incomplete.
            on_unknown: ``retry`` to repeat it after a timeout all the same: some may
                then get it twice, and it costs twice.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: An argument is malformed, such as a word in braces or an
                instant that has passed; nothing was sent.
            RefusedError: The gateway refused; nothing was sent.
            NotSentError: No connection; nothing was sent.
            UnknownOutcomeError: It may have been sent; a repeat is not protected.

        Source: newer reference, "Multi-channel send", two editions.
        """
        request = ChannelRequest(
            channel=channel,
            recipients=recipients,
            purpose=purpose,
            text=text,
            sender=sender,
            send_at=send_at,
            simulation_mode=simulation_mode,
            recipient_tracking=recipient_tracking,
            auto_optimize_text=auto_optimize_text,
            auto_delete_optout_contacts=auto_delete_optout_contacts,
            list_name=list_name,
            metadata=metadata,
        )
        return await self.send_request(request, on_unknown=on_unknown, timeout=timeout)

    async def send_request(
        self,
        request: ChannelRequest,
        *,
        on_unknown: OnUnknownLike = OnUnknown.RAISE,
        timeout: float | None = None,
    ) -> ChannelResult:
        """
        Send a request that was built before; `send` has the details.

        Submitting it again sends it again.

        Raises:
            InvalidFieldError: As from `send`; text and time of sending are checked here
                instead of when the request is built.
        """
        return await self._call(
            SEND,
            CallOptions(
                body=checked_on_channel(request, now=self._clock.now()),
                timeout=timeout,
                repeat_unknown=is_retried(on_unknown),
            ),
        )

    async def cancel(
        self, ticket: str, *, channel: ChannelLike, timeout: float | None = None
    ) -> Answer:
        """
        Cancel a scheduled send.

        The gateway's limits are those of `Sms.cancel`: fewer than 3 recipients, more
        than 10 minutes before the sending time, 1,000 cancellations a month.

        Args:
            ticket: Names the send.
            channel: On which it was sent; not ``live_chat``, which is not documented.
            timeout: Seconds for the whole call, retries included.

        Returns:
            A response with the ``outcome`` ``accepted``, or ``presumed`` if the ticket
            did not exist when the call was repeated after a timeout.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was asked.
            RefusedError: The gateway refused; the send stays as it was.
            UnknownOutcomeError: It may have been cancelled; asking again is harmless.

        Source: newer reference, "Multi-channel cancel".
        """
        channel = to_channel(channel)
        if channel is Channel.LIVE_CHAT:
            raise InvalidFieldError("channel", "must not be 'live_chat'")
        return await self._call(
            CANCEL,
            CallOptions(
                body={"channel": str(channel), **ticket_body(ticket)}, timeout=timeout
            ),
        )
