"""
Voice SMS: a text that is read out on the phone, to numbers, to a list or to a tag.

The service must first be switched on in the account. Older samples post to
``vocal-campaign``; the pages have ``voice-campaign``.

Source: gateway documentation, "Send voice SMS", "Schedule voice SMS sending", "Send
voice SMS list" (all documented, unseen).
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from .._call import CallOptions
from .._limits import MAX_TEXT
from .._wire import Answer, Endpoint, Idempotency, read_from
from ..ids import id_or_new
from ._campaign_calls import CampaignCalls
from ._recipients import Recipient, read_nationally, recipients_of
from ._shared import (
    MAX_LIST_NAME,
    MAX_TAG_NAME,
    TICKET_NAMES,
    OnMissing,
    OnMissingLike,
    Purpose,
    PurposeLike,
    check_instant,
    check_not_blank,
    check_switch,
    check_switches,
    check_text,
    count_only,
    post,
    request_id_field,
    to_purpose,
)
from ._voices import (
    VoiceGender,
    VoiceGenderLike,
    VoiceLanguage,
    check_voice_sender,
    to_voice_gender,
    to_voice_language,
)
from .campaigns import (
    CampaignEndpoints,
    CampaignStatus,
    CampaignTicket,
    Draft,
    Segmentation,
    SegmentationLike,
    campaign_endpoints,
    to_segmentation,
)


__all__ = [
    "Voice",
    "VoiceCampaignStatus",
    "VoiceDraft",
    "VoiceGender",
    "VoiceLanguage",
    "VoiceListCampaignRequest",
    "VoiceRequest",
    "VoiceResult",
    "VoiceTagCampaignRequest",
]


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
        check_not_blank(self.text)
        check_voice_sender(self.sender)
        if self.send_at is not None:
            check_instant(self.send_at, "send_at")
        check_switches(self, ("simulation_mode", "auto_remove_blacklisted_numbers"))


@frozen(kw_only=True)
class VoiceRequest(_VoiceMessage):
    """
    One voice request for up to 500 recipients, as a value: build, store, send it.

    Its ``request_id`` is fixed when it is built, as that of an `SmsRequest` is.
    `Voice.send` documents the fields, which are its keywords.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    recipients: tuple[Recipient, ...] = field(converter=recipients_of, repr=count_only)


@frozen(kw_only=True)
class _VoiceCampaignRequest(_VoiceMessage):
    segmentation: Segmentation | None = field(default=None, converter=to_segmentation)
    get_back_pressed_keys: bool | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        check_switch("get_back_pressed_keys", self.get_back_pressed_keys)


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
    The result of a voice send; `Answer` has the fields of every result.

    Attributes:
        ticket: The gateway's name for it, which delivery receipts repeat. None if the
            outcome is ``presumed``.
        number_of_contacts: Recipients that were accepted.
        total_cost: Cost of the whole request, in euros.
        residual_credit: Credit of the account, in euros.
        estimated_duration: Duration of the call. Its unit is undocumented.

    Source: vendor's PHP client on GitHub, read-me; the pages do not document the
    response.
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
        state: The gateway's name of its state.
        message: The gateway's words.
        estimated_duration: Duration of the call. Its unit is undocumented.
    """

    estimated_duration: Decimal | None = None


@frozen(kw_only=True)
class VoiceCampaignStatus(CampaignStatus):
    """
    State and price of a prepared voice campaign, as a `CampaignStatus`.

    Attributes:
        estimated_duration: Duration of the call. Its unit is undocumented.
    """

    estimated_duration: Decimal | None = None


# --- endpoints ------------------------------------------------------------------------

_BASE = "/v1/public/voice-campaign"

SEND: Final = post(f"{_BASE}/send", VoiceResult, Idempotency.REQUEST_ID)
# The English page of the status has 201, the French one 200.
ENDPOINTS: Final = campaign_endpoints(
    _BASE, draft=VoiceDraft, status=VoiceCampaignStatus, confirm_is_bodiless=True
)


# --- calls ----------------------------------------------------------------------------


class Voice(CampaignCalls[VoiceRequest, VoiceResult, VoiceDraft, VoiceCampaignStatus]):
    """The voice namespace, as ``octopush.voice``."""

    __slots__ = ()

    @property
    def _send(self) -> Endpoint[VoiceResult]:
        return SEND

    @property
    def _endpoints(self) -> CampaignEndpoints[VoiceDraft, VoiceCampaignStatus]:
        return ENDPOINTS

    async def send(
        self,
        *,
        text: str,
        recipients: Iterable[str | Recipient],
        sender: str,
        purpose: PurposeLike,
        voice_gender: VoiceGenderLike,
        voice_language: str,
        send_at: datetime | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        country: str | None = None,
        on_missing: OnMissingLike = OnMissing.ERROR,
        timeout: float | None = None,
    ) -> VoiceResult:
        """
        Have one text read out to up to 500 recipients, now or later.

        Args:
            text: 1 to 1,224 characters. May hold ``{first_name}``, ``{last_name}``
                and ``{param1}`` to ``{param5}``.
            recipients: Numbers in international form, or Recipients.
            sender: 3 to 11 digits. Letters and spaces are let through with a
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
            InvalidFieldError: An argument is malformed; no call is made.
            RefusedError: The gateway refused; see ``maybe_sent`` of the error.
            NotSentError: No connection; nothing was sent.
            UnknownOutcomeError: It may have been accepted. Repeat it only with the same
                ``request_id``, which the error carries.

        Source: gateway documentation, "Send voice SMS", "Schedule voice SMS sending".
        """
        request_id, owns_id = id_or_new(request_id)
        recipients = read_nationally(recipients, country)
        request = VoiceRequest(
            text=text,
            recipients=recipients,
            sender=sender,
            purpose=purpose,
            voice_gender=voice_gender,
            voice_language=voice_language,
            send_at=send_at,
            simulation_mode=simulation_mode,
            request_id=request_id,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
        )
        return await self._call(
            SEND,
            CallOptions(
                body=self._checked(request, on_missing=on_missing),
                owns_id=owns_id,
                timeout=timeout,
            ),
        )

    async def create_on_list(
        self,
        *,
        list_name: str,
        text: str,
        sender: str,
        purpose: PurposeLike,
        voice_gender: VoiceGenderLike,
        voice_language: str,
        segmentation: SegmentationLike | None = None,
        send_at: datetime | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        get_back_pressed_keys: bool | None = None,
        timeout: float | None = None,
    ) -> CampaignTicket:
        """
        Prepare a voice campaign to a contact list; `confirm` starts its calls.

        Then `wait_until_ready`, look at the cost, `confirm` or `cancel`.

        Args:
            list_name: 1 to 30 characters.
            segmentation: ``filter`` or ``group``; the gateway does not explain them.
            get_back_pressed_keys: Include pressed keys in delivery receipts.

        The other arguments are those of `send`.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was prepared.
            RefusedError: The gateway refused.
            UnknownOutcomeError: It may have been prepared; no calls are made without
                `confirm`.

        Source: gateway documentation, "Send voice SMS list", whose row of recipients
        is a leftover; ``segmentation`` and ``get_back_pressed_keys`` from the newer
        reference.
        """
        request_id, owns_id = id_or_new(request_id)
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
            request_id=request_id,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
            get_back_pressed_keys=get_back_pressed_keys,
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
        voice_gender: VoiceGenderLike,
        voice_language: str,
        segmentation: SegmentationLike | None = None,
        send_at: datetime | None = None,
        simulation_mode: bool | None = None,
        request_id: str | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        get_back_pressed_keys: bool | None = None,
        timeout: float | None = None,
    ) -> CampaignTicket:
        """
        Prepare a voice campaign to a tag; `confirm` starts its calls.

        Args:
            tag_name: 1 to 20 characters.

        The other arguments and the errors are those of `create_on_list`.
        """
        request_id, owns_id = id_or_new(request_id)
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
            request_id=request_id,
            auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
            get_back_pressed_keys=get_back_pressed_keys,
        )
        return await self._create(
            self._endpoints.create_on_tag, request, owns_id=owns_id, timeout=timeout
        )
