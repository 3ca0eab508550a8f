"""
SMS: to numbers, now or later, and to a list or a tag of contacts.

Source: gateway documentation, "Send SMS", "Transactional SMS", "Schedule SMS
Sending", "Send SMS to contacts".
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from attrs import field, frozen

from .. import api
from .._clock import Clock
from .._limits import LOW_COST_MAX, MAX_TEXT
from .._wire import (
    Answer,
    Endpoint,
    Idempotency,
    optional_decimal,
    optional_int,
    read_from,
)
from ..errors import InvalidFieldError
from ..ids import first_tried_at, new_request_id
from ._plain import PlainRequest, plain_request
from ._recipients import Recipient, recipients_of
from ._shared import (
    MAX_LIST_NAME,
    TICKET_NAMES,
    Audience,
    Caller,
    OnUnknown,
    Purpose,
    Segmentation,
    SmsType,
    check_instant,
    check_sender,
    check_switches,
    check_text,
    next_request_id,
    request_id_field,
    to_enum,
    to_purpose,
    to_type,
)


# --- requests -------------------------------------------------------------------------


_SWITCHES: Final = (
    "with_replies",
    "simulation_mode",
    "auto_optimize_text",
    "auto_remove_blacklisted_numbers",
    "recipient_tracking",
)
_NO_SWITCHES: Final = (None,) * len(_SWITCHES)


@frozen(kw_only=True)
class Message:
    """What is said, by whom and how: the fields that all ways of sending share."""

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
        if self.type is SmsType.LOW_COST and len(self.text) > LOW_COST_MAX:
            raise InvalidFieldError(
                "text",
                f"must have at most {LOW_COST_MAX} characters as sms_low_cost",
                shown=f"{len(self.text):,} characters",
            )
        check_sender(self.sender)
        if self.send_at is not None:
            check_instant(self.send_at, "send_at")
        switches = (
            self.with_replies,
            self.simulation_mode,
            self.auto_optimize_text,
            self.auto_remove_blacklisted_numbers,
            self.recipient_tracking,
        )
        if switches != _NO_SWITCHES:
            check_switches(_SWITCHES, switches)


def _count(recipients: tuple[Recipient, ...]) -> str:
    return f"<{len(recipients)}>"


@frozen(kw_only=True)
class SmsRequest(Message):
    """
    One request for up to 500 recipients, as a value: build it, store it, submit it.

    Its ``request_id`` is fixed when it is built, so that whoever submits it again,
    in this process or another, asks for the same message and not for a second one.
    `Sms.send` documents the fields, which are its keywords.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    request_id: str = request_id_field()
    recipients: tuple[Recipient, ...] = field(converter=recipients_of, repr=_count)
    list_name: str | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.list_name is not None:
            check_text(self.list_name, "list_name", MAX_LIST_NAME)


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True, slots=False)
class SendResult(Answer):
    """
    What became of a send; `Answer` has what every result carries.

    Attributes:
        ticket: The gateway's name for it, which delivery receipts repeat. None if the
            outcome is ``presumed``.
        number_of_contacts: Recipients that were taken.
        total_cost: Of the whole request, in euros.
        number_of_sms_needed: Messages that are billed, all parts counted.
        residual_credit: What the account has left, in euros.

    The gateway leaves the last two out on some pages, so they may be None.
    """

    ticket: str | None = field(
        default=None, metadata=read_from(*TICKET_NAMES, required=True)
    )
    number_of_contacts: int | None = None
    total_cost: Decimal | None = None
    number_of_sms_needed: int | None = None
    residual_credit: Decimal | None = None


_TICKETS: Final = ("ticket", *TICKET_NAMES)


def _read_sent(body: dict[str, Any], values: dict[str, Any]) -> SendResult:
    """
    What `_wire.reader_of` makes of the answer to a send, in half of the time.

    Args:
        body: What JSON held.
        values: All fields that every answer has.
    """
    get = body.get
    for name in _TICKETS:
        if (ticket := get(name)) is not None:
            break
    if not isinstance(ticket, str) or not ticket:
        msg = "no ticket"
        raise ValueError(msg)
    values["ticket"] = ticket
    values["number_of_contacts"] = optional_int(get("number_of_contacts"))
    values["total_cost"] = optional_decimal(get("total_cost"))
    values["number_of_sms_needed"] = optional_int(get("number_of_sms_needed"))
    values["residual_credit"] = optional_decimal(get("residual_credit"))
    sent = SendResult.__new__(SendResult)
    # Where a frozen value without slots keeps its fields; its own `__init__` puts them
    # here one by one. None may be left out.
    sent.__dict__.update(values)
    return sent


# --- endpoints ------------------------------------------------------------------------

BASE: Final = "/v1/public/sms-campaign"

SEND: Final = Endpoint(
    method="POST",
    path=f"{BASE}/send",
    idempotency=Idempotency.REQUEST_ID,
    answer=SendResult,
    reader=_read_sent,
)
CANCEL: Final = Endpoint(
    method="DELETE",
    path=f"{BASE}/cancel",
    idempotency=Idempotency.IDEMPOTENT,
    answer=Answer,
)


# --- calls ----------------------------------------------------------------------------


@frozen
class Sms:
    """The SMS chapter, as ``octopush.sms``."""

    _call: Caller
    _clock: Clock = field(repr=False)

    async def send(
        self,
        *,
        text: str,
        recipients: Iterable[str | Recipient],
        sender: str,
        purpose: Purpose,
        type: SmsType = SmsType.PREMIUM,
        send_at: datetime | None = None,
        with_replies: bool | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_optimize_text: bool | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        list_name: str | None = None,
        recipient_tracking: bool | None = None,
        timeout: float | None = None,
    ) -> SendResult:
        """
        Send one text to up to 500 recipients, now or later.

        Args:
            text: 1 to 1,224 characters, 160 at most for ``sms_low_cost``. May hold
                ``{first_name}``, ``{last_name}`` and ``{param1}`` to ``{param5}``.
            recipients: Numbers in international form, or Recipients.
            sender: 3 to 11 letters, digits or inner spaces. Shown where the operator
                allows it.
            purpose: ``alert`` or ``wholesale``. Marketing to France needs the mention
                ``STOP au XXXXX`` in the text.
            type: Quality of the route.
            send_at: When, with its time zone; now if left out, or if it has passed.
            with_replies: Mainland France only: a short number replaces the sender, so
                that people can answer.
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
            timeout: Seconds for the whole call, retries included.

        Returns:
            The result. Its ``outcome`` is ``accepted``, or ``presumed`` if a repeat
            was refused as a duplicate after a try that had no answer.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was sent.
            RefusedError: The gateway refused; see ``maybe_sent`` of the error.
            NotSentError: No connection; nothing was sent.
            UnknownOutcomeError: It may have been sent. Repeat it only with the same
                ``request_id``, which the error carries.

        Source: gateway documentation, "Send SMS", "Transactional SMS", "Schedule SMS
        Sending"; ``list_name`` and ``recipient_tracking`` from the newer reference.
        """
        new_id = None
        if request_id is None:
            request_id, new_id = new_request_id(), next_request_id
        request: SmsRequest | PlainRequest | None = None
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
        return await self._call(
            SEND,
            body=request,
            new_id=new_id,
            deadline=timeout,
        )

    async def send_request(
        self, request: SmsRequest, *, timeout: float | None = None
    ) -> SendResult:
        """
        Send a request that was built before; `send` has the details.

        Its ``request_id`` is never replaced, even if you did not choose it: you may
        have stored it.
        """
        return await self._call(SEND, body=request, deadline=timeout)

    async def settle(
        self,
        request: SmsRequest,
        *,
        safe_to_retry_until: datetime,
        timeout: float | None = None,
    ) -> SendResult:
        """
        Find out what became of a request whose outcome is unknown.

        It is asked again, with its id. If the gateway had taken it, the repeat is
        refused as a duplicate and the outcome is ``presumed``; otherwise it is sent
        now and the outcome is ``accepted``. Either way it is not sent twice.

        Args:
            request: The same request, with the ``request_id`` of the error.
            safe_to_retry_until: As the error says. After that the gateway may have
                forgotten the id, and the request is not sent again.
            timeout: Seconds for the whole call, retries included.

        Raises:
            RefusedError: Refused now, for another reason than being a duplicate;
                ``maybe_sent`` stays true.
            UnknownOutcomeError: Still unknown, or too late to ask.
        """
        check_instant(safe_to_retry_until, "safe_to_retry_until")
        return await self._call(
            SEND,
            body=request,
            deadline=timeout,
            unknown_since=first_tried_at(safe_to_retry_until),
        )

    async def draft(
        self, *, timeout: float | None = None
    ) -> "api.sms_campaigns.SmsDraft":
        """
        Read the SMS campaign that waits in the account; there is at most one.

        What the gateway answers without one is undocumented.

        Raises:
            RefusedError: The gateway refused.

        Source: gateway documentation, "Get your SMS campaign draft".
        """
        return await self._call(api.sms_campaigns.DRAFT, deadline=timeout)

    async def cancel(
        self,
        ticket: str,
        *,
        audience: Audience | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """
        Cancel a waiting or scheduled send, or a prepared campaign.

        The gateway's limits for sends: fewer than 3 recipients, more than 10 minutes
        before the sending time, 1,000 cancellations a month. A bulk send can in
        effect not be called back. None is stated for prepared campaigns.

        Args:
            ticket: Of the send or of the campaign.
            audience: ``list`` or ``tag`` for a prepared campaign; None for a send.
            timeout: Seconds for the whole call, retries included.

        Returns:
            An answer whose ``outcome`` is ``accepted``, or ``presumed`` if the ticket
            was gone when we asked again after a try that had no answer.

        Raises:
            RefusedError: The gateway refused; the campaign stays as it was.
            UnknownOutcomeError: It may have been cancelled; asking again is harmless.

        Source: gateway documentation, "Cancel SMS", "Cancel an SMS on list".
        """
        if audience is not None:
            audience = to_enum(Audience, "audience", audience)
        return await self._call(
            CANCEL if audience is None else api.sms_campaigns.CANCEL_CAMPAIGN,
            body=api.campaigns.ticket_body(ticket),
            deadline=timeout,
        )

    async def create_on_list(
        self,
        *,
        list_name: str,
        text: str,
        sender: str,
        purpose: Purpose,
        type: SmsType = SmsType.PREMIUM,
        segmentation: Segmentation | None = None,
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
            request_id=new_request_id() if request_id is None else request_id,
            auto_optimize_text=auto_optimize_text,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
            recipient_tracking=recipient_tracking,
        )
        return await self._call(
            api.sms_campaigns.CREATE_ON_LIST,
            body=request,
            new_id=next_request_id if request_id is None else None,
            deadline=timeout,
        )

    async def create_on_tag(
        self,
        *,
        tag_name: str,
        text: str,
        sender: str,
        purpose: Purpose,
        type: SmsType = SmsType.PREMIUM,
        segmentation: Segmentation | None = None,
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
        Same as `create_on_list`, but for the contacts that carry a tag.

        Args:
            tag_name: 1 to 20 characters.
        """
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
            request_id=new_request_id() if request_id is None else request_id,
            auto_optimize_text=auto_optimize_text,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
            recipient_tracking=recipient_tracking,
        )
        return await self._call(
            api.sms_campaigns.CREATE_ON_TAG,
            body=request,
            new_id=next_request_id if request_id is None else None,
            deadline=timeout,
        )

    async def status(
        self, ticket: str, *, timeout: float | None = None
    ) -> "api.campaigns.CampaignStatus":
        """
        State and price of a prepared campaign, of a list or of a tag.

        Meaningful before `confirm` only. The gateway may also answer with a refusal
        (HTTP 400) while the campaign is not ready; `wait_until_ready` copes with it.

        Raises:
            RefusedError: The gateway refused, or the campaign is not ready.

        Source: gateway documentation, "Status SMS campaign list".
        """
        return await self._call(
            api.sms_campaigns.STATUS,
            query=(("ticket_number", api.campaigns.check_ticket(ticket)),),
            deadline=timeout,
        )

    async def wait_until_ready(
        self, ticket: str, *, timeout: float = 600.0, pause: float = 1.0
    ) -> "api.campaigns.CampaignStatus":
        """
        Ask for the state until the campaign is ready, in growing pauses.

        Args:
            ticket: Of a campaign on a list or a tag.
            timeout: Seconds to wait at most.
            pause: Seconds before the second question; each pause is half as long
                again as the one before, up to 30 seconds.

        Returns:
            A status that is ready, with its cost.

        Raises:
            RefusedError: The preparation failed, or there is no such campaign.
            NotSentError: It was not ready in time; nothing is sent, and you may go on
                waiting.
            UnknownOutcomeError: The gateway could not be asked.
        """
        return await api.campaigns.wait_until_ready(
            self.status, ticket, clock=self._clock, timeout=timeout, pause=pause
        )

    async def confirm(
        self,
        ticket: str,
        *,
        audience: Audience,
        on_unknown: OnUnknown = OnUnknown.RAISE,
        timeout: float | None = None,
    ) -> "api.campaigns.CampaignConfirmed":
        """
        Let a prepared campaign go. This is what sends and costs.

        It has no ``request_id``: after silence it is not repeated. If you repeat it
        yourself, code 132 (already sent) then means that the first one worked.

        Args:
            ticket: Of the campaign.
            audience: ``list`` or ``tag``, as it was created.
            on_unknown: ``retry`` to repeat it after silence all the same.
            timeout: Seconds for the whole call, retries included.

        Raises:
            RefusedError: The gateway refused, or the campaign is not ready.
            UnknownOutcomeError: It may have been confirmed.

        Source: gateway documentation, "Confirm SMS on list".
        """
        return await self._call(
            api.sms_campaigns.CONFIRM[to_enum(Audience, "audience", audience)],
            body=api.campaigns.ticket_body(ticket),
            deadline=timeout,
            repeat_unknown=to_enum(OnUnknown, "on_unknown", on_unknown)
            is OnUnknown.RETRY,
        )
