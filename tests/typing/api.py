"""What type checkers must know of the public interface; read by them, never run."""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import assert_type

import aiooctopush
from aiooctopush import (
    Answer,
    AttemptEvent,
    Audience,
    BatchResult,
    BatchState,
    BulkReport,
    BulkRun,
    OctopushError,
    OctopushSession,
    Outcome,
    Purpose,
    Recipient,
    Secret,
    SendResult,
    SmsRequest,
    SmsType,
    read_csv,
    request_id_for,
)
from aiooctopush.api.campaigns import CampaignState, CampaignStatus
from aiooctopush.api.contacts import ManyResults
from aiooctopush.api.lookup import HlrResult, MnpResult
from aiooctopush.api.multichannel import Channel, ChannelRecipient
from aiooctopush.api.otp import OtpCheck, OtpState
from aiooctopush.api.raw import RawAnswer
from aiooctopush.api.settings import Callbacks
from aiooctopush.api.voice import (
    VoiceCampaignStatus,
    VoiceGender,
    VoiceLanguage,
    VoiceResult,
)
from aiooctopush.api.wallet import WalletPack
from aiooctopush.ledgers import Pause


def watch(event: AttemptEvent) -> None:
    assert_type(event.outcome, Outcome)
    assert_type(event.delay, float | None)


async def main(later: datetime) -> None:
    async with OctopushSession("login", "key", on_attempt=watch) as octopush:
        assert_type(octopush, OctopushSession)

        sent = await octopush.sms.send(
            text="Hi",
            recipients=["+33639980001", Recipient("+33639980002", first_name="Zoé")],
            sender="Acme",
            purpose=Purpose.ALERT,
            type=SmsType.PREMIUM,
            send_at=later,
            request_id=request_id_for("order-1"),
        )
        assert_type(sent, SendResult)
        assert_type(sent.outcome, Outcome)
        assert_type(sent.ticket, str | None)
        assert_type(sent.total_cost, Decimal | None)
        assert_type(sent.attempts, int)
        assert_type(sent.headers, Mapping[str, str])

        request = SmsRequest(
            text="Hi",
            recipients=(str(number) for number in range(3)),
            sender="Acme",
            purpose=Purpose.ALERT,
        )
        assert_type(request.recipients, tuple[Recipient, ...])
        assert_type(request.purpose, Purpose)
        assert_type(request.request_id, str)
        assert_type(await octopush.sms.send_request(request), SendResult)
        try:
            await octopush.sms.settle(request, safe_to_retry_until=later)
        except OctopushError as error:
            assert_type(error.outcome, Outcome | None)
            assert_type(error.maybe_sent, bool)
            assert_type(error.safe_to_retry_until, datetime | None)
            await octopush.sms.settle(
                request, safe_to_retry_until=error.safe_to_retry_until
            )

        status = await octopush.sms.wait_until_ready("sms_1")
        assert_type(status, CampaignStatus)
        assert_type(status.state, CampaignState | str | None)
        assert_type(await octopush.sms.cancel("sms_1", audience=Audience.TAG), Answer)

        called = await octopush.voice.send(
            text="Hi",
            recipients=["+33639980001"],
            sender="33700000000",
            purpose=Purpose.ALERT,
            voice_gender=VoiceGender.FEMALE,
            voice_language=VoiceLanguage.FR_FR,
        )
        assert_type(called, VoiceResult)
        assert_type(called.estimated_duration, Decimal | None)
        spoken = await octopush.voice.wait_until_ready("voice_1")
        assert_type(spoken, VoiceCampaignStatus)
        mailed = await octopush.multichannel.send(
            channel=Channel.EMAIL,
            recipients=["me@example.org", ChannelRecipient(email="you@example.org")],
            purpose=Purpose.WHOLESALE,
        )
        assert_type(mailed.ticket, str | None)
        code = await octopush.otp.generate("+33639980001")
        assert_type(code.token, Secret | None)
        check = await octopush.otp.validate("1234", token=code.token)
        assert_type(check, OtpCheck)
        assert_type(check.state, OtpState)

        people = await octopush.contacts.create(["+33639980001"], list_names=["vip"])
        assert_type(people, ManyResults[Recipient, None])
        assert_type(await octopush.contacts.create_list("vip"), Answer)
        lines = await octopush.lookup.hlr(str(number) for number in range(3))
        assert_type(lines, ManyResults[str, HlrResult])
        assert_type(lines.cost, Decimal | None)
        for line in lines:
            assert_type(line.item, str)
            assert_type(line.outcome, Outcome)
            assert_type(line.details, HlrResult | None)
            assert_type(line.error, OctopushError | None)
        assert_type(await octopush.lookup.mnp_v2([]), ManyResults[str, MnpResult])

        balance = await octopush.wallet.balance(with_details=True)
        assert_type(balance.amount, Decimal)
        assert_type(balance.wallet_packs, tuple[WalletPack, ...])
        credits_ = await octopush.wallet.credits(country_codes=["FR"])
        assert_type(credits_.countries["FR"].sms_premium, int | None)
        account = await octopush.subaccounts.get("ada@sub-accounts.com")
        assert_type(account.api_key, Secret | None)
        leave = await octopush.subaccounts.transfer_token("ada@sub-accounts.com")
        assert_type(leave.token, Secret)
        moved = await octopush.subaccounts.transfer(
            token=leave.token, from_wallet_pack_id="1", amount=10
        )
        assert_type(moved.wallet_pack_from.residual_credit, Decimal | None)
        settings = await octopush.settings.get()
        assert_type(settings.alerts.alert_emails_to, tuple[str, ...])
        urls = Callbacks(callback_url_for_visits=None)
        assert_type(await octopush.settings.update(callbacks=urls), Answer)
        assert_type(await octopush.raw("GET", "/v1", params={"a": True}), RawAnswer)

        run = octopush.bulk("run", text="Hi", sender="Acme", purpose=Purpose.ALERT)
        assert_type(run, BulkRun)
        assert_type(run.stream(read_csv("x.csv")), AsyncGenerator[BatchResult, None])
        async for batch in run.stream(["+33639980001"]):
            assert_type(batch.state, BatchState)
            assert_type(batch.result, SendResult | None)
        assert_type(await run.send([]), BulkReport)
        assert_type(run.report.paused, Pause | None)


async def words(octopush: OctopushSession) -> None:
    """Each choice takes its words as well as the members of its enum."""
    message = SmsRequest(
        text="Hi",
        recipients=["+33639980001"],
        sender="Acme",
        purpose="marketing",
        type="sms_low_cost",
    )
    assert_type(message.purpose, Purpose)
    assert_type(message.type, SmsType)
    await octopush.sms.send(
        text="Hi", recipients=["+33639980001"], sender="Acme", purpose="alert"
    )
    await octopush.sms.create_on_tag(
        tag_name="vip",
        text="Hi",
        sender="Acme",
        purpose="wholesale",
        segmentation="filter",
    )
    await octopush.sms.confirm("sms_1", audience="list", on_unknown="retry")
    await octopush.voice.send(
        text="Hi",
        recipients=["+33639980001"],
        sender="33700000000",
        purpose="alert",
        voice_gender="female",
        voice_language="fr-FR",
    )
    await octopush.multichannel.cancel("rcs_1", channel="rcs")
    await octopush.otp.generate("+33639980001", channel="whatsapp")
    await octopush.wallet.balance(product_name="hlr")
    await octopush.settings.update(alert_type="sms_premium")
    await octopush.raw("PUT", "/v1", idempotency="idempotent")
    run = octopush.bulk(
        "run",
        text="Hi",
        sender="Acme",
        purpose="alert",
        on_duplicate="keep",
        on_invalid="error",
        on_unresolved="resend",
        on_already_sent="continue",
    )
    await run.resolve("7", "sent", by="ada")


async def wrong_words(octopush: OctopushSession) -> None:
    """A word that is none is found by the checker, before it runs."""
    await octopush.sms.send(
        text="Hi",
        recipients=["+33639980001"],
        sender="Acme",
        purpose="alarm",  # type: ignore[arg-type]
    )
    await octopush.sms.confirm("sms_1", audience="tags")  # type: ignore[arg-type]


def mistakes(octopush: OctopushSession) -> None:
    """Most names are loaded when they are asked for; no other name is made up."""
    aiooctopush.OctopusSession  # type: ignore[attr-defined]
    octopush.contact  # type: ignore[attr-defined]
    octopush.contacts.creat  # type: ignore[attr-defined]
