"""
Voice SMS: a text that is read out on the phone, to numbers, to a list or to a tag.

The service must be switched on in the account first. Older samples post to
``vocal-campaign``; the pages say ``voice-campaign``.

Source: gateway documentation, "Send voice SMS", "Schedule voice SMS sending", "Send
voice SMS list" (all documented, unseen).
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from .._clock import Clock
from .._limits import MAX_TEXT
from .._wire import Answer, Endpoint, Idempotency, read_from
from ..ids import first_tried_at, new_request_id
from ._recipients import Recipient, recipients_of
from ._shared import (
    MAX_LIST_NAME,
    MAX_TAG_NAME,
    TICKET_NAMES,
    Audience,
    Caller,
    OnUnknown,
    Purpose,
    Segmentation,
    check_instant,
    check_switches,
    check_text,
    next_request_id,
    request_id_field,
    to_enum,
    to_purpose,
    to_segmentation,
)
from ._voices import (
    VoiceGender,
    check_voice_sender,
    to_voice_gender,
    to_voice_language,
)
from .campaigns import (
    CampaignConfirmed,
    CampaignStatus,
    CampaignTicket,
    Draft,
    ticket_body,
    wait_until_ready,
)


# --- requests -------------------------------------------------------------------------


@frozen(kw_only=True)
class _VoiceMessage:
    # Without ``type``: only the vendor's old PHP client sends one, and no page has it.
    # Source: gateway documentation, conflict between the pages and the PHP client.
    text: str = field(repr=False)
    sender: str
    purpose: Purpose = field(converter=to_purpose)
    voice_gender: VoiceGender = field(converter=to_voice_gender)
    voice_language: str = field(converter=to_voice_language)
    send_at: datetime | None = None
    simulation_mode: bool | None = None
    auto_remove_blacklisted_numbers: bool | None = None
    request_id: str = request_id_field()

    def __attrs_post_init__(self) -> None:
        check_text(self.text, "text", MAX_TEXT, private=True)
        check_voice_sender(self.sender)
        if self.send_at is not None:
            check_instant(self.send_at, "send_at")
        check_switches(
            ("simulation_mode", "auto_remove_blacklisted_numbers"),
            (self.simulation_mode, self.auto_remove_blacklisted_numbers),
        )


def _count(recipients: tuple[Recipient, ...]) -> str:
    return f"<{len(recipients)}>"


@frozen(kw_only=True)
class VoiceRequest(_VoiceMessage):
    """
    One voice request for up to 500 recipients, as a value: build, store, send it.

    Its ``request_id`` is fixed when it is built, as that of an `SmsRequest` is.
    `Voice.send` documents the fields, which are its keywords.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    recipients: tuple[Recipient, ...] = field(converter=recipients_of, repr=_count)


@frozen(kw_only=True)
class _VoiceCampaignRequest(_VoiceMessage):
    segmentation: Segmentation | None = field(default=None, converter=to_segmentation)
    get_back_pressed_keys: bool | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        check_switches(("get_back_pressed_keys",), (self.get_back_pressed_keys,))


@frozen(kw_only=True)
class VoiceListCampaignRequest(_VoiceCampaignRequest):
    """
    A voice campaign to a list, to be prepared; `Voice.create_on_list` documents it.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    list_name: str

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        check_text(self.list_name, "list_name", MAX_LIST_NAME)


@frozen(kw_only=True)
class VoiceTagCampaignRequest(_VoiceCampaignRequest):
    """
    A voice campaign to a tag, to be prepared; `Voice.create_on_tag` documents it.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    tag_name: str

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        check_text(self.tag_name, "tag_name", MAX_TAG_NAME)


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True)
class VoiceResult(Answer):
    """
    What became of a voice send; `Answer` has what every result carries.

    Attributes:
        ticket: The gateway's name for it, which delivery receipts repeat. None if the
            outcome is ``presumed``.
        number_of_contacts: Recipients that were taken.
        total_cost: Of the whole request, in euros.
        residual_credit: What the account has left, in euros.
        estimated_duration: Of the call. Its unit is undocumented.

    Source: vendor's PHP client on GitHub, read-me; the pages do not show the answer.
    """

    ticket: str | None = field(
        default=None, metadata=read_from(*TICKET_NAMES, required=True)
    )
    number_of_contacts: int | None = None
    total_cost: Decimal | None = None
    residual_credit: Decimal | None = None
    estimated_duration: Decimal | None = None


@frozen(kw_only=True)
class VoiceDraft(Draft):
    """
    The voice campaign that waits in the account.

    Attributes:
        state: The gateway's word for its state.
        message: The gateway's words.
        estimated_duration: Of the call. Its unit is undocumented.
    """

    estimated_duration: Decimal | None = None


@frozen(kw_only=True)
class VoiceCampaignStatus(CampaignStatus):
    """
    State and price of a prepared voice campaign, as a `CampaignStatus`.

    Attributes:
        estimated_duration: Of the call. Its unit is undocumented.
    """

    estimated_duration: Decimal | None = None


# --- endpoints ------------------------------------------------------------------------

_BASE = "/v1/public/voice-campaign"

SEND: Final = Endpoint(
    method="POST",
    path=f"{_BASE}/send",
    idempotency=Idempotency.REQUEST_ID,
    answer=VoiceResult,
)
DRAFT: Final = Endpoint(
    method="GET",
    path=f"{_BASE}/draft",
    idempotency=Idempotency.SAFE,
    answer=VoiceDraft,
)
CANCEL: Final = Endpoint(
    method="DELETE",
    path=f"{_BASE}/cancel",
    idempotency=Idempotency.IDEMPOTENT,
    answer=Answer,
)
CREATE_ON_LIST: Final = Endpoint(
    method="POST",
    path=f"{_BASE}-on-list/create",
    idempotency=Idempotency.REQUEST_ID,
    answer=CampaignTicket,
)
CREATE_ON_TAG: Final = Endpoint(
    method="POST",
    path=f"{_BASE}-on-tag/create",
    idempotency=Idempotency.REQUEST_ID,
    answer=CampaignTicket,
)
# Serves tag campaigns too, as with SMS. The English page says 201, the French 200.
STATUS: Final = Endpoint(
    method="GET",
    path=f"{_BASE}-on-list/status",
    idempotency=Idempotency.SAFE,
    answer=VoiceCampaignStatus,
)
# The pages show no body, so that there may be none.
CONFIRM: Final = {
    audience: Endpoint(
        method="POST",
        path=f"{_BASE}-on-{audience}/send",
        idempotency=Idempotency.NONE,
        answer=CampaignConfirmed,
        bodiless=True,
    )
    for audience in Audience
}
CANCEL_CAMPAIGN: Final = Endpoint(
    method="DELETE",
    path=f"{_BASE}-on-list/cancel",
    idempotency=Idempotency.IDEMPOTENT,
    answer=Answer,
)


# --- calls ----------------------------------------------------------------------------


@frozen
class Voice:
    """The voice chapter, as ``octopush.voice``."""

    _call: Caller
    _clock: Clock = field(repr=False)

    async def send(
        self,
        *,
        text: str,
        recipients: Iterable[str | Recipient],
        sender: str,
        purpose: Purpose,
        voice_gender: VoiceGender,
        voice_language: str,
        send_at: datetime | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        timeout: float | None = None,
    ) -> VoiceResult:
        """
        Have one text read out to up to 500 recipients, now or later.

        Args:
            text: 1 to 1,224 characters. May hold ``{first_name}``, ``{last_name}``
                and ``{param1}`` to ``{param5}``.
            recipients: Numbers in international form, or Recipients.
            sender: 3 to 11 digits. Letters and inner spaces are let through with a
                warning, as the gateway's pages disagree.
            purpose: ``alert`` or ``wholesale``.
            voice_gender: ``female`` or ``male``. Some languages have only the first.
            voice_language: A `VoiceLanguage`, or another code of that form.
            send_at: When, with its time zone; now if left out, or if it has passed.
            simulation_mode: Only check the request, and invent the result.
            request_id: 1 to 64 ASCII letters, digits, ``-`` or ``_``, for one message
                only; made up if left out. See `request_id_for`.
            auto_remove_blacklisted_numbers: Strip the numbers on your stop list, for
                0.01 euro a request.
            timeout: Seconds for the whole call, retries included.

        Returns:
            The result. Its ``outcome`` is ``accepted``, or ``presumed`` if a repeat
            was refused as a duplicate after a try that had no answer.

        Raises:
            InvalidFieldError: An argument is malformed; nobody is called.
            RefusedError: The gateway refused; see ``maybe_sent`` of the error.
            NotSentError: No connection; nobody is called.
            UnknownOutcomeError: It may have been taken. Repeat it only with the same
                ``request_id``, which the error carries.

        Source: gateway documentation, "Send voice SMS", "Schedule voice SMS sending".
        """
        request = VoiceRequest(
            text=text,
            recipients=recipients,
            sender=sender,
            purpose=purpose,
            voice_gender=voice_gender,
            voice_language=voice_language,
            send_at=send_at,
            simulation_mode=simulation_mode,
            request_id=new_request_id() if request_id is None else request_id,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
        )
        return await self._call(
            SEND,
            body=request,
            new_id=next_request_id if request_id is None else None,
            deadline=timeout,
        )

    async def send_request(
        self, request: VoiceRequest, *, timeout: float | None = None
    ) -> VoiceResult:
        """
        Send a request that was built before; `send` has the details.

        Its ``request_id`` is never replaced, even if you did not choose it: you may
        have stored it.
        """
        return await self._call(SEND, body=request, deadline=timeout)

    async def settle(
        self,
        request: VoiceRequest,
        *,
        safe_to_retry_until: datetime,
        timeout: float | None = None,
    ) -> VoiceResult:
        """
        Find out what became of a request whose outcome is unknown.

        It is asked again, with its id, and so nobody is called twice for it;
        `Sms.settle` has the details.

        Args:
            request: The same request, with the ``request_id`` of the error.
            safe_to_retry_until: As the error says.
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

    async def draft(self, *, timeout: float | None = None) -> VoiceDraft:
        """
        Read the voice campaign that waits in the account; there is at most one.

        What the gateway answers without one is undocumented.

        Raises:
            RefusedError: The gateway refused.

        Source: gateway documentation, the Spanish page on the voice draft.
        """
        return await self._call(DRAFT, deadline=timeout)

    async def cancel(
        self,
        ticket: str,
        *,
        audience: Audience | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """
        Cancel a waiting or scheduled voice send, or a prepared voice campaign.

        The gateway's limits for sends are those of `Sms.cancel`: fewer than 3
        recipients, more than 10 minutes ahead, 1,000 cancellations a month.

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

        Source: newer reference, "Cancel a voice campaign"; gateway documentation,
        "Cancel voice SMS on a list".
        """
        if audience is not None:
            audience = to_enum(Audience, "audience", audience)
        return await self._call(
            CANCEL if audience is None else CANCEL_CAMPAIGN,
            body=ticket_body(ticket),
            deadline=timeout,
        )

    async def create_on_list(
        self,
        *,
        list_name: str,
        text: str,
        sender: str,
        purpose: Purpose,
        voice_gender: VoiceGender,
        voice_language: str,
        segmentation: Segmentation | None = None,
        send_at: datetime | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        get_back_pressed_keys: bool | None = None,
        timeout: float | None = None,
    ) -> CampaignTicket:
        """
        Prepare a voice campaign to a contact list; nobody is called before `confirm`.

        Then `wait_until_ready`, look at the cost, `confirm` or `cancel`.

        Args:
            list_name: 1 to 30 characters.
            segmentation: ``filter`` or ``group``; the gateway does not explain them.
            get_back_pressed_keys: Have delivery receipts tell the keys that were
                pressed.

        The other arguments are those of `send`.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was prepared.
            RefusedError: The gateway refused.
            UnknownOutcomeError: It may have been prepared; nobody is called without
                `confirm`.

        Source: gateway documentation, "Send voice SMS list", whose row of recipients
        is a leftover; ``segmentation`` and ``get_back_pressed_keys`` from the newer
        reference.
        """
        request = VoiceListCampaignRequest(
            list_name=list_name,
            text=text,
            sender=sender,
            purpose=purpose,
            voice_gender=voice_gender,
            voice_language=voice_language,
            segmentation=segmentation,
            send_at=send_at,
            simulation_mode=simulation_mode,
            request_id=new_request_id() if request_id is None else request_id,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
            get_back_pressed_keys=get_back_pressed_keys,
        )
        return await self._call(
            CREATE_ON_LIST,
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
        voice_gender: VoiceGender,
        voice_language: str,
        segmentation: Segmentation | None = None,
        send_at: datetime | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        get_back_pressed_keys: bool | None = None,
        timeout: float | None = None,
    ) -> CampaignTicket:
        """
        Prepare a voice campaign to everybody with a tag; see `create_on_list`.

        Args:
            tag_name: 1 to 20 characters.

        The other arguments are those of `create_on_list`.
        """
        request = VoiceTagCampaignRequest(
            tag_name=tag_name,
            text=text,
            sender=sender,
            purpose=purpose,
            voice_gender=voice_gender,
            voice_language=voice_language,
            segmentation=segmentation,
            send_at=send_at,
            simulation_mode=simulation_mode,
            request_id=new_request_id() if request_id is None else request_id,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
            get_back_pressed_keys=get_back_pressed_keys,
        )
        return await self._call(
            CREATE_ON_TAG,
            body=request,
            new_id=next_request_id if request_id is None else None,
            deadline=timeout,
        )

    async def status(
        self, ticket: str, *, timeout: float | None = None
    ) -> VoiceCampaignStatus:
        """
        State, price and duration of a prepared campaign, of a list or of a tag.

        Meaningful before `confirm` only. The gateway may also answer with a refusal
        (HTTP 400) while the campaign is not ready; `wait_until_ready` copes with it.

        Raises:
            RefusedError: The gateway refused, or the campaign is not ready.

        Source: gateway documentation, "Status voice SMS on a list".
        """
        return await self._call(
            STATUS, query=tuple(ticket_body(ticket).items()), deadline=timeout
        )

    async def wait_until_ready(
        self, ticket: str, *, timeout: float = 600.0, pause: float = 1.0
    ) -> VoiceCampaignStatus:
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
            NotSentError: It was not ready in time; nobody is called, and you may go
                on waiting.
            UnknownOutcomeError: The gateway could not be asked.
        """
        return await wait_until_ready(
            self.status, ticket, clock=self._clock, timeout=timeout, pause=pause
        )

    async def confirm(
        self,
        ticket: str,
        *,
        audience: Audience,
        on_unknown: OnUnknown = OnUnknown.RAISE,
        timeout: float | None = None,
    ) -> CampaignConfirmed:
        """
        Let a prepared campaign go. This is what calls people and costs.

        It has no ``request_id``: after silence it is not repeated. If you repeat it
        yourself, code 132 (already sent) then means that the first one worked.

        Args:
            ticket: Of the campaign.
            audience: ``list`` or ``tag``, as it was created.
            on_unknown: ``retry`` to repeat it after silence all the same.
            timeout: Seconds for the whole call, retries included.

        Returns:
            A confirmation, most likely without its ``sending_date``: the pages show
            no body.

        Raises:
            RefusedError: The gateway refused, or the campaign is not ready.
            UnknownOutcomeError: It may have been confirmed.

        Source: gateway documentation, "Confirmer un SMS vocal sur liste".
        """
        return await self._call(
            CONFIRM[to_enum(Audience, "audience", audience)],
            body=ticket_body(ticket),
            deadline=timeout,
            repeat_unknown=to_enum(OnUnknown, "on_unknown", on_unknown)
            is OnUnknown.RETRY,
        )
