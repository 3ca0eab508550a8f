"""What comes one by one, and what comes from outside; read by checkers, never run."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import assert_never, assert_type

import aiohttp.web

from aiooctopush import (
    BatchResult,
    HttpRequest,
    HttpResponse,
    InvalidFieldError,
    JsonLinesSource,
    OctopushError,
    OctopushSession,
    Outcome,
    Purpose,
    Recipient,
    SourceError,
    SQLiteLedger,
    read_json_lines,
    webhooks,
)
from aiooctopush.api.contacts import ItemResult
from aiooctopush.api.raw import RawAnswer
from aiooctopush.bulk import Unresolved
from aiooctopush.errors import WebhookError
from aiooctopush.integrations.aiohttp_web import create_app
from aiooctopush.integrations.asgi import CallbackApp
from aiooctopush.sandbox import Gateway, SandboxTransport, VirtualClock


class MyTransport:
    """A transport needs two methods, and no base."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=201, body=request.body or b"")

    async def close(self) -> None: ...


async def from_database() -> AsyncIterator[Recipient]:
    yield Recipient("+33639980001")


async def rows() -> AsyncGenerator[Recipient | SourceError, None]:
    yield Recipient("+33639980001")


async def bulk(octopush: OctopushSession) -> None:
    ledger = SQLiteLedger("run.db")
    run = octopush.bulk(
        "run", ledger=ledger, text="Hi", sender="Acme", purpose=Purpose.ALERT
    )
    assert_type(run.stream(from_database()), AsyncGenerator[BatchResult, None])
    assert_type(read_json_lines(Path("a.jsonl")), JsonLinesSource)
    async for batch in run.stream(read_json_lines("a.jsonl")):
        assert_type(batch, BatchResult)
    async for one in run.unresolved():
        assert_type(one, Unresolved)
    found = await run.preview(["+33639980001"], price_per_sms=Decimal("0.05"))
    assert_type(found.recipients, int)
    assert_type(run.report.cost, Decimal)


async def many(octopush: OctopushSession) -> None:
    results = await octopush.contacts.create(["+33639980001"])
    assert_type(results[0], ItemResult[Recipient, None])
    assert_type(iter(results), Iterator[ItemResult[Recipient, None]])
    assert_type(results.errors, tuple[OctopushError, ...])
    assert_type(results.by_outcome[Outcome.ACCEPTED], int)


async def raw(octopush: OctopushSession) -> None:
    answer = await octopush.raw("POST", "/v1/new", json={"a": [1, None]})
    assert_type(answer, RawAnswer)
    assert_type(answer.status, int | None)


def callbacks(body: bytes, content_type: str | None) -> None:
    """A match over all events is complete: the checkers count the cases."""
    events = webhooks.parse(body, content_type)
    assert_type(events, tuple[webhooks.Event, ...])
    for event in events:
        match event:
            case webhooks.DeliveryReceipt():
                assert_type(event.status, webhooks.DeliveryStatus | str)
                assert_type(event.delivery_date, datetime | None)
                assert_type(event.is_final, bool)
            case webhooks.Reply():
                assert_type(event.text, str)
            case webhooks.OptOut():
                assert_type(event.number, str)
            case webhooks.EmailReport():
                assert_type(event.deliveries, tuple[webhooks.EmailDelivery, ...])
            case webhooks.UnknownCallback():
                pass
            case _:
                assert_never(event)


async def receive(event: webhooks.Event) -> None: ...


def edges() -> None:
    assert_type(create_app(receive, token="t" * 32), aiohttp.web.Application)
    CallbackApp(receive, token="t" * 32)
    gateway = Gateway(clock=VirtualClock())
    OctopushSession("login", "key", transport=SandboxTransport(gateway))
    OctopushSession("login", "key", transport=MyTransport())


def errors() -> None:
    try:
        Recipient("0612")
    except InvalidFieldError as error:
        assert_type(error.field, str)
    except WebhookError as error:
        assert_type(error.outcome, Outcome | None)


async def refused(octopush: OctopushSession) -> None:
    """Mistakes: mypy warns of an ignore that is not needed, so each must be one."""
    alert = Purpose.ALERT
    await octopush.sms.send(text="", recipients=[], sender="A", purpose=alert, txt="")  # type: ignore[call-arg] # no such keyword
    await octopush.sms.send(text="Hi", recipients=[], sender="A")  # type: ignore[call-arg] # without its purpose
    await octopush.sms.send("Hi", [], "A", alert)  # type: ignore[call-arg] # not by place
    await octopush.otp.validate("1", token=1)  # type: ignore[arg-type] # a number
    octopush.sms.send_now  # type: ignore[attr-defined] # no such call
    OctopushSession("login", "key").balance  # type: ignore[attr-defined] # in wallet
    OctopushSession("login", "key", transport=object())  # type: ignore[arg-type] # cannot send
