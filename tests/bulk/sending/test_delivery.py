"""What a batch asks of the gateway: what a request of one's own would."""

import json
from datetime import UTC

import attrs
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import Purpose, Recipient, SmsRequest, SmsType
from aiooctopush._wire import encode
from aiooctopush.api._recipients import CheckedRecipients
from aiooctopush.api.sms import Message
from aiooctopush.bulk.sending.delivery import Delivery
from aiooctopush.ledgers.batch import new_record
from aiooctopush.ledgers.records import BatchState
from aiooctopush.text import as_sent


SWITCH = st.none() | st.booleans()
MESSAGES = st.builds(
    Message,
    text=st.sampled_from(["Hi {first_name}", "{{no}}", "Ça va \N{GRINNING FACE}?"]),
    sender=st.just("Acme"),
    purpose=st.sampled_from(Purpose),
    type=st.sampled_from(SmsType),
    send_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    with_replies=SWITCH,
    simulation_mode=SWITCH,
    auto_optimize_text=SWITCH,
    auto_remove_blacklisted_numbers=SWITCH,
    recipient_tracking=SWITCH,
)
PEOPLE = st.lists(
    st.builds(
        Recipient,
        st.integers(33_600_000_000, 33_699_999_999).map("+{}".format),
        first_name=st.none() | st.sampled_from(["", "Zoé", '"', "\n"]),
    ),
    min_size=1,
    max_size=3,
)


def delivery_of(message):
    """What sends the batches of a run, and would not get far."""
    return Delivery(
        call=None,
        wall=None,
        ledger=None,
        run_name="run",
        message=message,
        retry=None,
        background=None,
    )


@given(MESSAGES, PEOPLE, st.booleans(), st.booleans())
def test_a_batch_says_what_a_request_would(message, people, packs, columns):
    """Its message is made once, and its people are taken from its record."""
    delivery = delivery_of(message)
    content = CheckedRecipients.of(people) if columns else tuple(people)
    record = new_record(
        "run",
        content,
        delivery.settings,
        number=1,
        first=0,
        state=BatchState.SENDING,
        compress=packs,
    )

    request = delivery._request(record, content)

    fields = attrs.asdict(message, recurse=False) | {"text": as_sent(message.text)}
    whole = SmsRequest(**fields, recipients=people, request_id=record.request_id)
    assert json.loads(encode(request)) == json.loads(encode(whole))


def test_a_delivery_shows_nothing_of_what_it_says():
    """Its words may stand in a log."""
    message = Message(text="My secret", sender="Acme", purpose=Purpose.ALERT)

    assert "secret" not in repr(delivery_of(message))
