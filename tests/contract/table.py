"""
The operations, by hand: what a repeat does, and the call that reaches each.

A call takes a session and a subject: the ticket, login or token that it is about, or
the list that it names. In the sandbox a ``prepare`` makes one that exists.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from attrs import field, frozen

from aiooctopush._wire import Answer, Idempotency
from aiooctopush.api.campaigns import CampaignConfirmed, CampaignStatus, CampaignTicket
from aiooctopush.api.contacts import ManyResults
from aiooctopush.api.multichannel import ChannelResult
from aiooctopush.api.otp import OtpCheck, OtpSent
from aiooctopush.api.settings import AccountSettings, Callbacks
from aiooctopush.api.sms import SendResult
from aiooctopush.api.sms_campaigns import SmsDraft
from aiooctopush.api.subaccounts import (
    Subaccount,
    SubaccountCreated,
    Transfer,
    TransferToken,
)
from aiooctopush.api.voice import VoiceCampaignStatus, VoiceDraft, VoiceResult
from aiooctopush.api.wallet import Balance, Credits
from aiooctopush.sandbox.clock import START


ONE = "+33600000000"  # of the samples
LIST = "customers"
TAG = "vip"
LATER = START + timedelta(days=1)
LOGIN = "ada@sub-accounts.com"
TICKET = "sms_5f3fbce61266e"

MESSAGE = {"text": "Doors open at 8", "sender": "Acme", "purpose": "alert"}
VOICE = {
    "text": "Doors open at 8",
    "sender": "33700000000",
    "purpose": "alert",
    "voice_gender": "female",
    "voice_language": "fr-FR",
}
CHANNEL = {**MESSAGE, "channel": "sms", "recipients": [ONE]}
PERSON = {"first_name": "Ada", "last_name": "Lovelace", "password": "correct horse"}

SAFE = Idempotency.SAFE
IDEMPOTENT = Idempotency.IDEMPOTENT
REQUEST_ID = Idempotency.REQUEST_ID
NONE = Idempotency.NONE


async def _nothing(_: Any, __: Any) -> None:
    """Prepare nothing: the subject of the table will do."""


@frozen(kw_only=True)
class Row:
    """
    One operation.

    Attributes:
        repeat: What repeating it does; this alone decides about retries.
        answer: What a success is read as.
        call: Makes it, with a session and a subject.
        subject: For a transport that answers anything.
        prepare: Takes a session and a gateway of the sandbox, gives another subject.
    """

    repeat: Idempotency
    answer: type[Any]
    call: Callable[[Any, str], Awaitable[Any]] = field(repr=False)
    subject: str = TICKET
    prepare: Callable[[Any, Any], Awaitable[str | None]] = field(
        default=_nothing, repr=False
    )


# --- subjects that the sandbox knows --------------------------------------------------


async def _sms_sent(octopush, _):
    sent = await octopush.sms.send(recipients=[ONE], send_at=LATER, **MESSAGE)
    return sent.ticket


async def _voice_sent(octopush, _):
    sent = await octopush.voice.send(recipients=[ONE], send_at=LATER, **VOICE)
    return sent.ticket


async def _channel_sent(octopush, _):
    return (await octopush.multichannel.send(send_at=LATER, **CHANNEL)).ticket


def _created(chapter, on, message):
    async def create(octopush, _):
        namespace = getattr(octopush, chapter)
        name = {"list": {"list_name": LIST}, "tag": {"tag_name": TAG}}[on]
        made = await getattr(namespace, f"create_on_{on}")(**name, **message)
        await namespace.wait_until_ready(made.ticket)
        return made.ticket

    return create


async def _subaccount(octopush, _):
    return (await octopush.subaccounts.create(**PERSON)).login


async def _token(octopush, gateway):
    made = await octopush.subaccounts.transfer_token(await _subaccount(octopush, None))
    return made.token.reveal()


async def _code(octopush, gateway):
    await octopush.otp.generate(ONE)
    return gateway.codes[-1].code


# --- the table ------------------------------------------------------------------------

ROWS = {
    "send_sms_campaign": Row(
        repeat=REQUEST_ID,
        answer=SendResult,
        call=lambda octopush, _: octopush.sms.send(recipients=[ONE], **MESSAGE),
    ),
    "get_sms_campaign_draft": Row(
        repeat=SAFE,
        answer=SmsDraft,
        call=lambda octopush, _: octopush.sms.draft(),
        prepare=_created("sms", "list", MESSAGE),
    ),
    "cancel_sms_campaign": Row(
        repeat=IDEMPOTENT,
        answer=Answer,
        call=lambda octopush, ticket: octopush.sms.cancel(ticket),
        prepare=_sms_sent,
    ),
    "create_sms_campaign_on_list": Row(
        repeat=REQUEST_ID,
        answer=CampaignTicket,
        call=lambda octopush, _: octopush.sms.create_on_list(list_name=LIST, **MESSAGE),
    ),
    "create_sms_campaign_on_tag": Row(
        repeat=REQUEST_ID,
        answer=CampaignTicket,
        call=lambda octopush, _: octopush.sms.create_on_tag(tag_name=TAG, **MESSAGE),
    ),
    "get_sms_campaign_on_list_status": Row(
        repeat=SAFE,
        answer=CampaignStatus,
        call=lambda octopush, ticket: octopush.sms.status(ticket),
        prepare=_created("sms", "tag", MESSAGE),
    ),
    "confirm_sms_campaign_on_list": Row(
        repeat=NONE,
        answer=CampaignConfirmed,
        call=lambda octopush, ticket: octopush.sms.confirm(ticket, audience="list"),
        prepare=_created("sms", "list", MESSAGE),
    ),
    "confirm_sms_campaign_on_tag": Row(
        repeat=NONE,
        answer=CampaignConfirmed,
        call=lambda octopush, ticket: octopush.sms.confirm(ticket, audience="tag"),
        prepare=_created("sms", "tag", MESSAGE),
    ),
    "cancel_sms_campaign_on_list": Row(
        repeat=IDEMPOTENT,
        answer=Answer,
        call=lambda octopush, ticket: octopush.sms.cancel(ticket, audience="tag"),
        prepare=_created("sms", "tag", MESSAGE),
    ),
    "send_voice_campaign": Row(
        repeat=REQUEST_ID,
        answer=VoiceResult,
        call=lambda octopush, _: octopush.voice.send(recipients=[ONE], **VOICE),
    ),
    "get_voice_campaign_draft": Row(
        repeat=SAFE,
        answer=VoiceDraft,
        call=lambda octopush, _: octopush.voice.draft(),
        prepare=_created("voice", "list", VOICE),
    ),
    "cancel_voice_campaign": Row(
        repeat=IDEMPOTENT,
        answer=Answer,
        call=lambda octopush, ticket: octopush.voice.cancel(ticket),
        prepare=_voice_sent,
    ),
    "create_voice_campaign_on_list": Row(
        repeat=REQUEST_ID,
        answer=CampaignTicket,
        call=lambda octopush, _: octopush.voice.create_on_list(list_name=LIST, **VOICE),
    ),
    "create_voice_campaign_on_tag": Row(
        repeat=REQUEST_ID,
        answer=CampaignTicket,
        call=lambda octopush, _: octopush.voice.create_on_tag(tag_name=TAG, **VOICE),
    ),
    "get_voice_campaign_on_list_status": Row(
        repeat=SAFE,
        answer=VoiceCampaignStatus,
        call=lambda octopush, ticket: octopush.voice.status(ticket),
        prepare=_created("voice", "tag", VOICE),
    ),
    "confirm_voice_campaign_on_list": Row(
        repeat=NONE,
        answer=CampaignConfirmed,
        call=lambda octopush, ticket: octopush.voice.confirm(ticket, audience="list"),
        prepare=_created("voice", "list", VOICE),
    ),
    "confirm_voice_campaign_on_tag": Row(
        repeat=NONE,
        answer=CampaignConfirmed,
        call=lambda octopush, ticket: octopush.voice.confirm(ticket, audience="tag"),
        prepare=_created("voice", "tag", VOICE),
    ),
    "cancel_voice_campaign_on_list": Row(
        repeat=IDEMPOTENT,
        answer=Answer,
        call=lambda octopush, ticket: octopush.voice.cancel(ticket, audience="list"),
        prepare=_created("voice", "list", VOICE),
    ),
    "send_multi_channel": Row(
        repeat=NONE,
        answer=ChannelResult,
        call=lambda octopush, _: octopush.multichannel.send(**CHANNEL),
    ),
    "cancel_multi_channel": Row(
        repeat=IDEMPOTENT,
        answer=Answer,
        call=lambda octopush, ticket: octopush.multichannel.cancel(
            ticket, channel="sms"
        ),
        prepare=_channel_sent,
    ),
    # A contact is its number: a repeat finds it there (inferred).
    "create_contacts": Row(
        repeat=IDEMPOTENT,
        answer=ManyResults,
        call=lambda octopush, _: octopush.contacts.create([ONE], list_name=LIST),
    ),
    "delete_contacts": Row(
        repeat=IDEMPOTENT,
        answer=ManyResults,
        call=lambda octopush, _: octopush.contacts.delete([ONE], list_name=LIST),
    ),
    "create_contact_list": Row(
        repeat=NONE,
        answer=Answer,
        call=lambda octopush, _: octopush.contacts.create_list("new"),
    ),
    "empty_contact_list": Row(
        repeat=IDEMPOTENT,
        answer=Answer,
        call=lambda octopush, _: octopush.contacts.empty_list(LIST),
    ),
    "delete_contact_list": Row(
        repeat=IDEMPOTENT,
        answer=Answer,
        call=lambda octopush, _: octopush.contacts.delete_list(LIST),
    ),
    "lookup_hlr": Row(
        repeat=NONE,
        answer=ManyResults,
        call=lambda octopush, _: octopush.lookup.hlr([ONE]),
    ),
    "lookup_mnp": Row(
        repeat=NONE,
        answer=ManyResults,
        call=lambda octopush, _: octopush.lookup.mnp([ONE]),
    ),
    "lookup_mnp_v2": Row(
        repeat=NONE,
        answer=ManyResults,
        call=lambda octopush, _: octopush.lookup.mnp_v2([ONE]),
    ),
    "get_balance": Row(
        repeat=SAFE,
        answer=Balance,
        call=lambda octopush, _: octopush.wallet.balance(with_details=True),
    ),
    "get_credits": Row(
        repeat=SAFE,
        answer=Credits,
        call=lambda octopush, _: octopush.wallet.credits(country_codes=["FR", "ES"]),
    ),
    "create_subaccount": Row(
        repeat=NONE,
        answer=SubaccountCreated,
        call=lambda octopush, _: octopush.subaccounts.create(**PERSON),
    ),
    "update_subaccount": Row(
        repeat=IDEMPOTENT,
        answer=Answer,
        call=lambda octopush, login: octopush.subaccounts.update(
            login, company_name="Engines"
        ),
        subject=LOGIN,
        prepare=_subaccount,
    ),
    "get_subaccount": Row(
        repeat=SAFE,
        answer=Subaccount,
        call=lambda octopush, login: octopush.subaccounts.get(login),
        subject=LOGIN,
        prepare=_subaccount,
    ),
    "create_credit_transfer_token": Row(
        repeat=NONE,
        answer=TransferToken,
        call=lambda octopush, login: octopush.subaccounts.transfer_token(login),
        subject=LOGIN,
        prepare=_subaccount,
    ),
    "transfer_credit": Row(
        repeat=NONE,
        answer=Transfer,
        call=lambda octopush, token: octopush.subaccounts.transfer(
            token=token, from_wallet_pack_id="wallet_pack_1", amount=10
        ),
        subject="b2c1a7d0",
        prepare=_token,
    ),
    "get_campaign_parameters": Row(
        repeat=SAFE,
        answer=AccountSettings,
        call=lambda octopush, _: octopush.settings.get(),
    ),
    # The same call: the alias is asked only if the first address is not found.
    "get_campaign_parameters_alias": Row(
        repeat=SAFE,
        answer=AccountSettings,
        call=lambda octopush, _: octopush.settings.get(),
    ),
    "update_campaign_parameters": Row(
        repeat=IDEMPOTENT,
        answer=Answer,
        call=lambda octopush, _: octopush.settings.update(
            callbacks=Callbacks(callback_url_for_visits=None)
        ),
    ),
    "generate_otp": Row(
        repeat=NONE,
        answer=OtpSent,
        call=lambda octopush, _: octopush.otp.generate(ONE),
    ),
    "validate_otp": Row(
        repeat=NONE,
        answer=OtpCheck,
        call=lambda octopush, code: octopush.otp.validate(code, phone_number=ONE),
        subject="123456",
        prepare=_code,
    ),
}
"""By ``operationId`` of the document."""

FALLBACKS = {"get_campaign_parameters_alias": "/v1/public/user/campaign-parameters"}
"""Operations that are asked only after another address was not found."""

NO_PATHS = {
    "/v1/public/sms-campaign-on-tag/status": "conflict 7: tags use that of lists",
    "/v1/public/sms-campaign-on-tag/cancel": "conflict 7: tags use that of lists",
    "/v1/public/voice-campaign-on-tag/status": "conflict 7: tags use that of lists",
    "/v1/public/voice-campaign-on-tag/cancel": "conflict 7: tags use that of lists",
    "/v1/public/sms-campaign/confirm": "conflict 6: confirming is called send",
    "/v1/public/sms-campaign/validate": "conflict 6: confirming is called send",
    "/v1/public/sms-campaign-on-list/confirm": "conflict 6: it is called send",
    "/v1/public/sms-campaign-on-tag/confirm": "conflict 6: it is called send",
    "/v1/public/vocal-campaign/send": "conflict 8: voice, as on the pages",
    "/v1/public/vocal-campaign-on-list/create": "conflict 8: voice, as on the pages",
    "/v1/public/campaign/parameters/edit": "conflict 23: an alias for reading only",
}
"""Paths that a page prints or a reader may expect, and why no row has them."""
