"""The sent log counts people who get a message, and nothing else."""

import json
import time
import tracemalloc
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.calls import NOON, ONE, THREE, TWO

from aiooctopush.errors import InvalidFieldError
from aiooctopush.sandbox import Entry, SentLog


def entry(ticket="sms_1", numbers=(ONE,), **more):
    """Make an entry."""
    return Entry(
        ticket=ticket,
        operation="sms-campaign/send",
        recipients=numbers,
        number_of_contacts=len(numbers),
        text=more.pop("text", "Hello"),
        accepted_at=NOON,
        **more,
    )


def sent_log(*entries):
    """Make a sent log."""
    made = SentLog()
    for one in entries:
        made.add(one)
    return made


def test_each_entry_of_a_number_counts():
    """Twice accepted is twice sent, in one call or in two."""
    written = sent_log(entry("a", (ONE, TWO, ONE)), entry("b", (ONE,)))

    assert written.times(ONE) == 3
    assert written.times(TWO) == 1
    assert written.times(THREE) == 0
    assert written.numbers() == Counter({ONE: 3, TWO: 1})


def test_what_is_simulated_is_in_the_sent_log_but_does_not_count():
    """A simulation reaches nobody."""
    written = sent_log(entry(simulated=True))

    assert len(written) == 1
    assert written.numbers() == Counter()


def test_what_is_cancelled_stays_in_the_sent_log_but_does_not_count():
    """A cancelled message reaches nobody, and leaves no number with nought behind."""
    written = sent_log(entry("a", (ONE, TWO)), entry("b", (ONE,)))

    written.cancel("a", NOON)

    assert written.numbers() == Counter({ONE: 1})
    assert list(written.numbers()) == [ONE]
    assert [one.cancelled for one in written.entries] == [True, False]
    assert written.entries[0].recipients == (ONE, TWO)


@pytest.mark.parametrize("again", [True, False], ids=["cancelled", "simulated"])
def test_only_what_counts_can_be_cancelled(again):
    """Cancelling twice must not count a number below nought."""
    written = sent_log(entry(simulated=not again))
    if again:
        written.cancel("sms_1", NOON)

    with pytest.raises(ValueError, match="already"):
        written.cancel("sms_1", NOON)


def test_a_ticket_stands_in_the_sent_log_once():
    """Two entries of one ticket would hide one of them."""
    with pytest.raises(ValueError, match="already"):
        sent_log(entry(), entry())


def test_the_counter_given_out_is_a_copy():
    """Whoever plays with the numbers does not change the sent log."""
    written = sent_log(entry())

    written.numbers().clear()

    assert written.times(ONE) == 1


def test_the_only_entry_is_the_only_one():
    """None, or two, is a finding of its own."""
    first, second = entry("a"), entry("b")

    assert sent_log(first).only() is first
    for written in (sent_log(), sent_log(first, second)):
        words = f"the sent log holds {len(written)} entries instead of one"
        with pytest.raises(AssertionError, match=words):
            written.only()


def test_entries_since_are_those_that_came_later():
    """So that a reader can go on where it stopped."""
    written = sent_log(entry("a"), entry("b"), entry("c"))

    assert [one.ticket for one in written.since(1)] == ["b", "c"]
    assert written.since(3) == ()


def test_a_number_gets_texts():
    """Those of every entry that counts, merged, and twice if it stands there twice."""
    fields = [{"first_name": "Ann"}, {}, {"first_name": "Zoé"}]
    written = sent_log(
        entry("a", (ONE, TWO, ONE), text="Hi {first_name}", fields=fields),
        entry("b", text="never", simulated=True),
        entry("c", text="Bye"),
    )

    assert written.texts_to(ONE) == ("Hi Ann", "Hi Zoé", "Bye")
    assert [one.ticket for one in written.entries_to(ONE)] == ["a", "c"]
    assert written.texts_to(THREE) == ()


@pytest.mark.parametrize(
    "ask",
    [SentLog.times, SentLog.texts_to, SentLog.entries_to],
    ids=lambda ask: ask.__name__,
)
def test_a_number_is_asked_for_as_people_write_it(ask):
    """With spaces, that is; what has no country code would be found in no sent log."""
    written = sent_log(entry(numbers=(ONE,)))

    assert ask(written, "+33 6 00 00 00 01") == ask(written, ONE)
    for number in ("0600000001", "33600000001", ""):
        with pytest.raises(InvalidFieldError, match="country code"):
            ask(written, number)


def test_an_address_is_asked_for_as_it_is():
    """An e-mail address, or a conversation that is all digits."""
    written = sent_log(entry("a", ("a@b.org",)), entry("b", ("12345",)))

    assert written.times("a@b.org") == 1
    assert written.times("c@d.org") == 0
    assert written.times("12345") == 1


def test_an_emptied_sent_log_counts_nothing():
    """Also what was counted before."""
    written = sent_log(entry())
    assert written.times(ONE) == 1

    written.clear()

    assert (len(written), written.times(ONE), written.find("sms_1")) == (0, 0, None)


def test_texts_are_merged_per_recipient():
    """What each one reads; a placeholder without a value vanishes."""
    written = entry(
        numbers=(ONE, TWO),
        text="Hi {first_name}{param1}!",
        fields=[{"first_name": "Ann"}, {}],
    )

    assert written.texts == ("Hi Ann!", "Hi !")


def test_texts_without_fields_are_all_the_same():
    """Nothing is stored for them."""
    assert entry(numbers=(ONE, TWO), text="Hi {param1}").texts == ("Hi ", "Hi ")


def test_repr_shows_counts_only():
    """Neither a number nor a text gets into a log."""
    written = sent_log(entry(numbers=(ONE, TWO), text="secret"))

    assert repr(written) == "<SentLog: 1 entries, 2 recipients>"
    shown = repr(written.entries)
    assert ONE not in shown
    assert "secret" not in shown


def test_the_sent_log_as_json_is_plain_data():
    """It survives JSON, with money and instants as text."""
    written = sent_log(
        entry("a", (ONE,), cost=Decimal("0.05"), send_at=NOON, ignored_fields=("x",)),
        entry("b", (TWO,), simulated=True),
    )

    told = json.loads(json.dumps(written.as_json()))

    assert told["recipients"] == 1
    assert told["entries"][0] == {
        "ticket": "a",
        "request_id": None,
        "operation": "sms-campaign/send",
        "channel": "sms",
        "account": "",
        "recipients": [ONE],
        "text": "Hello",
        "sender": None,
        "type": "sms_premium",
        "purpose": "wholesale",
        "send_at": "2026-01-05T12:00:00+00:00",
        "accepted_at": "2026-01-05T12:00:00+00:00",
        "number_of_sms": 0,
        "cost": "0.05",
        "simulated": False,
        "cancelled": False,
        "ignored_fields": ["x"],
        "list_name": None,
    }
    assert told["entries"][1]["send_at"] is None


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from([ONE, TWO, THREE]), min_size=1), st.booleans()
        )
    )
)
def test_numbers_are_the_sum_of_what_was_not_cancelled(calls):
    """Counting as one goes and counting at the end agree."""
    written, expected = SentLog(), Counter()
    for position, (numbers, cancelled) in enumerate(calls):
        written.add(entry(str(position), numbers))
        assert written.times(ONE) == expected[ONE] + numbers.count(ONE)
        if cancelled:
            written.cancel(str(position), NOON)
        else:
            expected.update(numbers)

    assert written.numbers() == expected


def batches(written, count):
    """Enter that many batches of 500 different numbers."""
    for batch in range(count):
        numbers = [f"+336{batch * 500 + n:08d}" for n in range(500)]
        written.add(entry(str(batch), numbers))
    return written


def test_recipients_take_little_memory():
    """Under 20 bytes each, until somebody counts them."""
    tracemalloc.start()
    written = batches(SentLog(), 100)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(written) == 100
    assert kept < 20 * 50_000


@pytest.mark.exhaustive
def test_a_million_recipients_are_judged_quickly():
    """Storms are; seconds of this process, so that a busy machine does not matter."""
    before = time.process_time()
    written = batches(SentLog(), 2000)

    assert written.times("+33600999999") == 1
    assert len(written.numbers()) == 1_000_000
    assert time.process_time() - before < 10
