"""What type checkers must know of the public interface; read by them, never run."""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import assert_type

from aiooctopush import (
    Answer,
    AttemptEvent,
    Audience,
    BatchResult,
    BatchState,
    BulkReport,
    BulkRun,
    CampaignState,
    CampaignStatus,
    OctopushError,
    OctopushSession,
    Outcome,
    Pause,
    Purpose,
    Recipient,
    SendResult,
    SmsRequest,
    SmsType,
    read_csv,
    request_id_for,
)


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
        assert_type(request.request_id, str)
        assert_type(await octopush.sms.submit(request), SendResult)
        try:
            await octopush.sms.settle(request, safe_to_retry_until=later)
        except OctopushError as error:
            assert_type(error.outcome, Outcome | None)
            assert_type(error.maybe_sent, bool)
            assert_type(error.safe_to_retry_until, datetime | None)

        status = await octopush.sms.wait_until_ready("sms_1")
        assert_type(status, CampaignStatus)
        assert_type(status.state, CampaignState | str | None)
        assert_type(await octopush.sms.cancel("sms_1", on=Audience.TAG), Answer)

        run = octopush.bulk("run", text="Hi", sender="Acme", purpose=Purpose.ALERT)
        assert_type(run, BulkRun)
        assert_type(run.send(read_csv("x.csv")), AsyncGenerator[BatchResult, None])
        async for batch in run.send(["+33639980001"]):
            assert_type(batch.state, BatchState)
            assert_type(batch.result, SendResult | None)
        assert_type(await run.send_all([]), BulkReport)
        assert_type(run.report.paused, Pause | None)
