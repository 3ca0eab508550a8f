"""What a batch may cost is reckoned before it is sent."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from attrs import evolve

from aiooctopush import BatchState, Recipient, SmsRequest
from aiooctopush.api.sms import Message
from aiooctopush.bulk.sending.budget import Budget
from aiooctopush.ledgers import BatchRecord
from aiooctopush.ledgers.batch import pack, pack_figures, payload_of


PEOPLE = (
    Recipient("+33639980001", first_name="Ada"),
    Recipient("+33639980002", first_name="Ada" * 10),
)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SENT = BatchRecord(
    number=1,
    first=0,
    count=2,
    digest="d",
    request_id="id",
    state=BatchState.ACCEPTED,
    sms_needed=2,
    cost=Decimal("0.10"),
)


def budget(text="Hello", most="1.00"):
    """For a run with that text."""
    message = Message(text=text, sender="Acme", purpose="alert")
    return Budget(Decimal(most), message)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x" * 160, 2),
        ("x" * 161, 4),
        ("x" * 150 + "{first_name}", 3),
        ("日" * 71, 4),
    ],
)
def test_parts_are_counted_for_each_recipient(text, parts):
    """With the values merged in."""
    assert budget(text).parts(PEOPLE) == parts


def test_a_request_has_its_own_text():
    """And not that of a run."""
    request = SmsRequest(
        text="x" * 161, sender="Acme", purpose="alert", recipients=PEOPLE
    )

    assert Budget(Decimal(1), None).parts(request) == 4


def test_the_highest_price_counts():
    """Of one SMS, over all answers."""
    one = budget()
    one.learn(SENT)
    one.learn(evolve(SENT, cost=Decimal("0.16")))
    one.learn(evolve(SENT, cost=Decimal("0.08"), sms_needed=None))

    assert one.price == Decimal("0.08")
    assert one.estimate(PEOPLE) == Decimal("0.16")
    assert one.reported == Decimal("0.34")


def test_what_fits_exactly_is_allowed():
    """And a cent more is not."""
    one = budget()
    one.learn(SENT)
    one.reserved = Decimal("0.80")

    with one.reserve(PEOPLE):
        assert one.reserved == Decimal("0.90")
        assert one.reserve(PEOPLE) is None
    assert one.reserved == Decimal("0.80")


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        (BatchState.PRESUMED, 4),
        (BatchState.UNKNOWN, 4),
        (BatchState.ACCEPTED, 4),
        (BatchState.REFUSED, 0),
        (BatchState.NOT_SENT, 0),
        (BatchState.ALREADY_SENT, 0),
    ],
)
def test_what_may_have_been_sent_counts_with_its_parts(state, counted):
    """Though it has no price."""
    one = budget("x" * 161)

    one.learn(evolve(SENT, state=state, cost=None), PEOPLE)

    assert one.unpriced == counted


def test_its_parts_are_read_from_the_ledger():
    """Or else each counts for one."""
    one = budget("x" * 161)
    kept = evolve(SENT, state=BatchState.PRESUMED, cost=None)

    numbers = pack_figures([int(person.phone_number) for person in PEOPLE])
    one.learn(evolve(kept, payload=pack(payload_of(PEOPLE)), numbers=numbers))
    one.learn(kept)

    assert one.unpriced == 4 + 2


def test_a_batch_that_is_answered_later_is_counted_once():
    """In doubt it may have cost; with an answer the gateway's figure counts instead."""
    one = budget("x" * 161)
    asked = evolve(SENT, state=BatchState.SENDING, cost=None, first_tried_at=NOON)
    doubtful = evolve(asked, state=BatchState.UNKNOWN)

    one.learn(doubtful, PEOPLE)
    one.learn(doubtful, PEOPLE, sign=-1)
    one.learn(asked, PEOPLE)
    one.learn(asked, PEOPLE, sign=-1)
    one.learn(SENT, PEOPLE)

    assert (one.reported, one.unpriced) == (Decimal("0.10"), 0)


def test_what_an_earlier_id_may_have_cost_stays():
    """Sent once more under another id, it may be billed twice."""
    one = budget()
    doubtful = evolve(SENT, state=BatchState.UNKNOWN, cost=None, first_tried_at=NOON)

    one.learn(doubtful, PEOPLE)
    one.learn(evolve(doubtful, first_tried_at=None, epoch=1), PEOPLE, sign=-1)

    assert one.unpriced == 2
