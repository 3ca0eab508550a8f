"""Delivery receipts find their batch, and prove what was only presumed."""

from collections import Counter
from decimal import Decimal

import pytest
from fakes import ScriptedTransport, answer, refusal, session_over

from aiooctopush import (
    BatchState,
    MemoryLedger,
    RetryPolicy,
    UnknownOutcomeError,
    webhooks,
)
from aiooctopush.bulk.review.receipts import ReceiptMatcher
from aiooctopush.ledgers.batch import unpack_numbers
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


RUN = {"text": "Hello", "sender": "Acme", "purpose": "alert"}
ONE_TRY = RetryPolicy(attempts=1)


def numbers(count, start=0):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{start + one:04d}" for one in range(count)]


def receipt(number, ticket="sms_7", status=webhooks.DeliveryStatus.DELIVERED):
    """As `webhooks.parse` makes it."""
    return webhooks.DeliveryReceipt(ticket=ticket, number=number, status=status)


@pytest.fixture
def clock():
    """Time that passes when it is waited for."""
    return VirtualClock()


@pytest.fixture
async def ledger(clock):
    """
    A run of three batches of three: accepted as sms_1, presumed, and in doubt.
    """
    ledger = MemoryLedger()
    silence = UnknownOutcomeError("silence")
    transport = ScriptedTransport(answer(), silence, silence, refusal(120), silence)
    run = session_over(transport, clock=clock).bulk(
        "run", **RUN, ledger=ledger, batch_size=3, concurrency=1, retry=ONE_TRY
    )
    await run.send(numbers(9))
    return ledger


async def states(ledger):
    """Of each batch."""
    return {one.name: str(one.state) async for one in ledger.batches("run")}


async def test_before_any_receipt_two_batches_are_open(ledger):
    """One presumed, one in doubt."""
    assert await states(ledger) == {"1": "accepted", "2": "presumed", "3": "unknown"}


async def test_receipts_are_counted_at_the_batch_of_their_ticket(ledger, clock):
    """Whoever the number is, and however often they come."""
    desk = ReceiptMatcher(ledger, clock)

    await desk.take([receipt(one, "sms_1") for one in (*numbers(3), numbers(1)[0])])
    await desk.take([receipt(numbers(1)[0], "sms_1", "BLACKLISTED_NUMBER")])

    counted = await ledger.deliveries("run")
    assert sum(counted.values()) == 3
    assert desk.unmatched == 0


@pytest.mark.parametrize(("batch", "start"), [("2", 3), ("3", 6)])
async def test_a_receipt_proves_that_a_batch_was_sent(ledger, clock, batch, start):
    """One number is enough; the others then come under its ticket."""
    desk = ReceiptMatcher(ledger, clock)

    await desk.take([receipt(numbers(9)[start])])
    await desk.take([receipt(numbers(9)[start + 1])])

    (proven,) = [one async for one in ledger.batches("run") if one.name == batch]
    assert proven.state is BatchState.ACCEPTED
    assert proven.ticket == "sms_7"
    assert proven.resolution.startswith("sent, by a delivery receipt, 2026")
    assert await ledger.deliveries("run") == {"DELIVERED": 2}
    assert desk.proven == 1


@pytest.mark.parametrize(
    "number", ["+33700000000", "17", "not a number"], ids=["other", "short", "words"]
)
async def test_what_the_ledger_does_not_know_changes_nothing(ledger, clock, number):
    """It may be of a single send, or from a stranger."""
    before = await states(ledger)
    desk = ReceiptMatcher(ledger, clock)

    await desk.take([receipt(number)])

    assert desk.unmatched == 1
    assert await states(ledger) == before
    assert await ledger.deliveries("run") == {}


async def test_a_number_in_two_open_batches_proves_neither(ledger, clock):
    """Nobody knows which of them it was."""
    transport = ScriptedTransport(*[UnknownOutcomeError("silence")] * 2)
    other = session_over(transport, clock=clock).bulk(
        "other", **RUN, ledger=ledger, retry=ONE_TRY
    )
    await other.send(numbers(1, 3))
    desk = ReceiptMatcher(ledger, clock)

    await desk.take([receipt(numbers(1, 3)[0])])

    assert (desk.unmatched, desk.ambiguous, desk.proven) == (0, 1, 0)


async def test_batches_that_came_later_are_found_after_a_minute(ledger, clock):
    """A run may be going on."""
    desk = ReceiptMatcher(ledger, clock)
    await desk.take([receipt(numbers(1)[0], "sms_1")])
    transport = ScriptedTransport(
        answer(body={"sms_ticket": "sms_9", "number_of_contacts": 1})
    )
    late = session_over(transport, clock=clock).bulk("late", **RUN, ledger=ledger)
    await late.send(numbers(1, 50))

    await desk.take([receipt(numbers(1, 50)[0], "sms_9")])
    clock.advance(60)
    await desk.take([receipt(numbers(1, 50)[0], "sms_9")])

    assert desk.unmatched == 1
    assert await ledger.deliveries("late") == {"DELIVERED": 1}


async def test_under_the_other_law_receipts_tell_what_was_sent(clock):
    """What the gateway refused after noting the id gets none, and stays presumed."""
    gateway = Gateway(
        GatewaySettings(credit=Decimal(1_000), duplicate_check="on_receipt"),
        clock=clock,
    )
    ledger = MemoryLedger()
    faults = FaultPlan.schedule(["error_500_after_commit", "error_500", None])
    run = session_over(SandboxTransport(gateway, faults), clock=clock).bulk(
        "run", **RUN, ledger=ledger, batch_size=5, concurrency=1
    )
    await run.send(numbers(30))
    clock.advance(3_600)
    desk = ReceiptMatcher(ledger, clock)

    for callback in gateway.callbacks().take_all():
        events = webhooks.parse(callback.body, callback.content_type)
        await desk.take(e for e in events if isinstance(e, webhooks.DeliveryReceipt))

    open_still = [one async for one in ledger.batches("run", {BatchState.PRESUMED})]
    assert gateway.sent_log.numbers() == Counter(await accepted(ledger))
    assert sum(one.count for one in open_still) == 30 - len(gateway.sent_log.numbers())


async def accepted(ledger):
    """The numbers of all batches that were accepted."""
    return [
        number
        async for one in ledger.batches("run", {BatchState.ACCEPTED})
        for number in unpack(one)
    ]


def unpack(batch):
    """The numbers of a batch."""
    return unpack_numbers(batch.numbers)
