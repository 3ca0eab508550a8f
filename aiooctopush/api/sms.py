"""
SMS: to numbers, now or later, and to a list or a tag of contacts.

Source: gateway documentation, "Send SMS", "Transactional SMS", "Schedule SMS
Sending", "Send SMS to contacts".
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from .. import api
from .._call import CallOptions
from .._limits import LOW_COST_MAX, MAX_TEXT
from .._record import Record
from .._wire import (
    Answer,
    Endpoint,
    Idempotency,
    read_from,
)
from ..errors import InvalidFieldError
from ..ids import id_or_new
from ._campaign_calls import CampaignCalls
from ._checked import CheckedRequest, plain_request
from ._recipients import Recipient, read_nationally, recipients_of
from ._shared import (
    MAX_LIST_NAME,
    TICKET_NAMES,
    OnMissing,
    OnMissingLike,
    OnUnknown,
    Purpose,
    PurposeLike,
    SmsType,
    SmsTypeLike,
    check_instant,
    check_not_blank,
    check_sender,
    check_switches,
    check_text,
    count_only,
    post,
    request_id_field,
    to_purpose,
    to_type,
)


__all__ = [
    "Message",
    "OnMissing",
    "OnUnknown",
    "Purpose",
    "Recipient",
    "SendResult",
    "Sms",
    "SmsRequest",
    "SmsType",
]


# --- requests -------------------------------------------------------------------------


_SWITCHES: Final = (
    "with_replies",
    "simulation_mode",
    "auto_optimize_text",
    "auto_remove_blacklisted_numbers",
    "recipient_tracking",
)


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class Message(Record):
    """Text, sender and options that all ways of sending an SMS share."""

    text: str = field(repr=False)
    sender: str
    purpose: Purpose = field(converter=to_purpose)
    type: SmsType = field(default=SmsType.PREMIUM, converter=to_type)
    send_at: datetime | None = None
    with_replies: bool | None = None
    simulation_mode: bool | None = None
    auto_optimize_text: bool | None = None
    auto_remove_blacklisted_numbers: bool | None = None
    recipient_tracking: bool | None = None

    def __attrs_post_init__(self) -> None:
        # One function for all fields: a validator for each costs a call for each.
        check_text(self.text, "text", MAX_TEXT, private=True)
        check_not_blank(self.text)
        if self.type is SmsType.LOW_COST and len(self.text) > LOW_COST_MAX:
            raise InvalidFieldError(
                "text",
                f"must have at most {LOW_COST_MAX} characters as sms_low_cost",
                shown=f"{len(self.text):,} characters",
            )
        check_sender(self.sender)
        if self.send_at is not None:
            check_instant(self.send_at, "send_at")
        check_switches(self, _SWITCHES)


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class SmsRequest(Message):
    """
    One request for up to 500 recipients, as a value: build it, store it, send it.

    Its ``request_id`` is fixed when it is built. Sending it again, in this process or
    another, repeats the same message instead of sending a second one. `Sms.send`
    documents the fields, which are its keywords.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    request_id: str = request_id_field()
    recipients: tuple[Recipient, ...] = field(converter=recipients_of, repr=count_only)
    list_name: str | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.list_name is not None:
            check_text(self.list_name, "list_name", MAX_LIST_NAME)


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class SendResult(Answer):
    """
    The result of a send; `Answer` has the fields of every result.

    Attributes:
        ticket: The gateway's name for it, which delivery receipts repeat. None if the
            outcome is ``presumed``.
        number_of_contacts: Recipients that were accepted.
        total_cost: Cost of the whole request, in euros.
        number_of_sms_needed: Messages that are billed, all parts counted.
        residual_credit: Credit of the account, in euros.

    The gateway leaves the last two out on some pages, so they may be None.
    """

    ticket: str | None = field(
        default=None, metadata=read_from(*TICKET_NAMES, required=True)
    )
    number_of_contacts: int | None = None
    total_cost: Decimal | None = None
    number_of_sms_needed: int | None = None
    residual_credit: Decimal | None = None


# --- endpoints ------------------------------------------------------------------------

BASE: Final = "/v1/public/sms-campaign"

SEND: Final = post(f"{BASE}/send", SendResult, Idempotency.REQUEST_ID)


# --- calls ----------------------------------------------------------------------------


class Sms(
    CampaignCalls[
        SmsRequest,
        SendResult,
        "api.sms_campaigns.SmsDraft",
        "api.campaigns.CampaignStatus",
    ]
):
    """The SMS namespace, as ``octopush.sms``."""

    __slots__ = ()

    @property
    def _send(self) -> Endpoint[SendResult]:
        return SEND

    @property
    def _endpoints(self) -> "api.sms_campaigns.SmsEndpoints":
        return api.sms_campaigns.ENDPOINTS

    async def send(
        self,
        *,
        text: str,
        recipients: Iterable[str | Recipient],
        sender: str,
        purpose: PurposeLike,
        type: SmsTypeLike = SmsType.PREMIUM,
        send_at: datetime | None = None,
        with_replies: bool | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_optimize_text: bool | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        list_name: str | None = None,
        recipient_tracking: bool | None = None,
        country: str | None = None,
        on_missing: OnMissingLike = OnMissing.ERROR,
        timeout: float | None = None,
    ) -> SendResult:
        """
        Send one text to up to 500 recipients, now or later.

        Args:
            text: 1 to 1,224 characters, 160 at most for ``sms_low_cost``. May hold
                ``{first_name}``, ``{last_name}`` and ``{param1}`` to ``{param5}``.
            recipients: Numbers in international form, or Recipients.
            sender: 3 to 11 letters, digits or spaces. Shown where the operator
                allows it.
            purpose: ``alert`` or ``wholesale``. Marketing to France needs the mention
                ``STOP au XXXXX`` in the text.
            type: Quality of the route.
            send_at: When, with its time zone; now if left out.
            with_replies: Mainland France only: a short number replaces the sender, so
                that recipients can reply.
            simulation_mode: Only check the request, and invent the result.
            request_id: 1 to 64 ASCII letters, digits, ``-`` or ``_``, for one message
                only; made up if left out. See `request_id_for`.
            auto_optimize_text: False leaves the text as it is. Otherwise the gateway
                replaces some characters, which keeps the message short and cheap.
            auto_remove_blacklisted_numbers: Strip the numbers on your stop list, for
                0.01 euro a request.
            list_name: Also store the recipients as a new list of this name, of at
                most 30 characters.
            recipient_tracking: Ask for tracking; the gateway does not explain it.
            country: Two letters, such as ``FR``: national numbers are read as numbers
                of that country. Needs the extra ``phone``.
            on_missing: How to handle a recipient who has no value for a placeholder
                of the text: ``error`` sends nothing, ``skip`` leaves him out, ``send``
                sends to him all the same.
            timeout: Seconds for the whole call, retries included.

        Returns:
            The result. Its ``outcome`` is ``accepted``, or ``presumed`` if a repeat
            was refused as a duplicate after an attempt without a response.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was sent.
            RefusedError: The gateway refused; see ``maybe_sent`` of the error.
            NotSentError: No connection; nothing was sent.
            UnknownOutcomeError: It may have been sent. Repeat it only with the same
                ``request_id``, which the error carries.

        Source: gateway documentation, "Send SMS", "Transactional SMS", "Schedule SMS
        Sending"; ``list_name`` and ``recipient_tracking`` from the newer reference.
        """
        request_id, owns_id = id_or_new(request_id)
        if country is not None:
            recipients = read_nationally(recipients, country)
        request: SmsRequest | CheckedRequest | None = None
        if (
            send_at is None
            and with_replies is None
            and simulation_mode is None
            and auto_optimize_text is None
            and auto_remove_blacklisted_numbers is None
            and list_name is None
            and recipient_tracking is None
        ):
            request = plain_request(
                text=text,
                recipients=recipients,
                sender=sender,
                purpose=purpose,
                kind=type,
                request_id=request_id,
            )
        if request is None:
            request = SmsRequest(
                text=text,
                recipients=recipients,
                sender=sender,
                purpose=purpose,
                type=type,
                send_at=send_at,
                with_replies=with_replies,
                simulation_mode=simulation_mode,
                request_id=request_id,
                auto_optimize_text=auto_optimize_text,
                auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
                list_name=list_name,
                recipient_tracking=recipient_tracking,
            )
            request = self._checked(request, on_missing=on_missing)
        return await self._call(
            SEND, CallOptions(body=request, owns_id=owns_id, timeout=timeout)
        )

    async def create_on_list(
        self,
        *,
        list_name: str,
        text: str,
        sender: str,
        purpose: PurposeLike,
        type: SmsTypeLike = SmsType.PREMIUM,
        segmentation: "api.campaigns.SegmentationLike | None" = None,
        send_at: datetime | None = None,
        with_replies: bool | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_optimize_text: bool | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        recipient_tracking: bool | None = None,
        timeout: float | None = None,
    ) -> "api.campaigns.CampaignTicket":
        """
        Prepare a campaign to a contact list; nothing is sent before `confirm`.

        The gateway then computes recipients and price: `wait_until_ready`, look at
        the cost, `confirm` or `cancel`. An account has probably room for one waiting
        campaign at a time.

        Args:
            list_name: 1 to 30 characters.
            segmentation: ``filter`` or ``group``; the gateway does not explain them.

        The other arguments are those of `send`.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was prepared.
            RefusedError: The gateway refused.
            UnknownOutcomeError: It may have been prepared; nothing is sent without
                `confirm`.

        Source: gateway documentation, "Send SMS to list" (documented, unseen).
        """
        request_id, owns_id = id_or_new(request_id)
        request = api.sms_campaigns.ListCampaignRequest(
            list_name=list_name,
            text=text,
            sender=sender,
            purpose=purpose,
            type=type,
            segmentation=segmentation,
            send_at=send_at,
            with_replies=with_replies,
            simulation_mode=simulation_mode,
            request_id=request_id,
            auto_optimize_text=auto_optimize_text,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
            recipient_tracking=recipient_tracking,
        )
        return await self._create(
            self._endpoints.create_on_list, request, owns_id=owns_id, timeout=timeout
        )

    async def create_on_tag(
        self,
        *,
        tag_name: str,
        text: str,
        sender: str,
        purpose: PurposeLike,
        type: SmsTypeLike = SmsType.PREMIUM,
        segmentation: "api.campaigns.SegmentationLike | None" = None,
        send_at: datetime | None = None,
        with_replies: bool | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_optimize_text: bool | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        recipient_tracking: bool | None = None,
        timeout: float | None = None,
    ) -> "api.campaigns.CampaignTicket":
        """
        Prepare a campaign to the contacts with a tag; nothing is sent before `confirm`.

        Args:
            tag_name: 1 to 20 characters.

        The other arguments and the errors are those of `create_on_list`.
        """
        request_id, owns_id = id_or_new(request_id)
        request = api.sms_campaigns.TagCampaignRequest(
            tag_name=tag_name,
            text=text,
            sender=sender,
            purpose=purpose,
            type=type,
            segmentation=segmentation,
            send_at=send_at,
            with_replies=with_replies,
            simulation_mode=simulation_mode,
            request_id=request_id,
            auto_optimize_text=auto_optimize_text,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
            recipient_tracking=recipient_tracking,
        )
        return await self._create(
            self._endpoints.create_on_tag, request, owns_id=owns_id, timeout=timeout
        )
