"""Preview: what a source and a message look like before anything is sent."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import InvalidFieldError, Purpose, Recipient, SmsRequest, SmsType
from aiooctopush.api.sms import Message
from aiooctopush.bulk.options import OnDuplicate, OnMissing
from aiooctopush.bulk.preview.check import preview
from aiooctopush.bulk.preview.findings import Finding
from aiooctopush.bulk.preview.inspection import Inspection
from aiooctopush.bulk.run_options import BulkOptions
from aiooctopush.bulk.sources.csv_file import read_csv
from aiooctopush.bulk.sources.text_file import SourceError
from aiooctopush.ledgers.records import Rejection
from aiooctopush.sandbox import VirtualClock
from aiooctopush.text import GSM_BASIC, GSM_EXTENSION, REPLACEMENTS, Encoding, measure


ADA, BOB, EVE = "+33600000001", "+33600000002", "+4915112345678"
MONDAY = datetime(2026, 1, 5, 10, tzinfo=UTC)
SUNDAY = datetime(2026, 1, 4, 10, tzinfo=UTC)
MONDAY_AT_EIGHT = datetime(2026, 1, 5, 8, tzinfo=ZoneInfo("Europe/Paris"))
GSM, UNICODE = Encoding.GSM7, Encoding.UNICODE


def message(text="Hello", purpose="alert", **settings):
    """What is said to everybody."""
    return Message(text=text, sender="Acme", purpose=purpose, **settings)


def request(text="Hello", recipients=(ADA,), purpose="alert", **settings):
    """One request with a text of its own."""
    return SmsRequest(
        text=text, sender="Acme", purpose=purpose, recipients=recipients, **settings
    )


def found_in(source, text="Hello", purpose="alert", *, now=MONDAY, **settings):
    """Look at a source in a loop of its own."""
    said = {
        name: settings.pop(name)
        for name in ("type", "send_at", "auto_optimize_text")
        if name in settings
    }
    options = {
        name: settings.pop(name)
        for name in ("batch_size", "identity", "on_duplicate", "on_missing")
        if name in settings
    }
    return asyncio.run(
        preview(
            source,
            message=text and message(text, purpose, **said),
            clock=VirtualClock(now),
            options=BulkOptions(**options),
            **settings,
        )
    )


# --- items ----------------------------------------------------------------------------


def test_everybody_is_counted():
    """Numbers and recipients alike."""
    found = found_in([ADA, Recipient(BOB)])

    assert (found.items, found.recipients, found.rejected) == (2, 2, 0)
    assert found.warnings == ()


def test_empty_source():
    """Nobody gets anything, and nothing breaks."""
    found = found_in([])

    assert (found.items, found.recipients, found.sms_needed, found.requests) == (
        0,
        0,
        0,
        0,
    )


def test_what_is_no_number_is_rejected():
    """It is listed with its place, and the rest counts."""
    found = found_in([ADA, "0600000002"])

    assert found.recipients == 1
    assert found.rejections == (
        Rejection(
            position=1,
            reason="must start with '+' and the country code; it looks like a national "
            "number: declare its country (country='FR', --country FR)",
            shown="06****02",
        ),
    )
    (words,) = found.warnings
    assert words == (
        "1 item cannot be used, first in item 2: must start with '+' and the country "
        "code; it looks like a national number: declare its country (country='FR', "
        "--country FR)."
    )


def test_rejections_are_listed_up_to_a_bound():
    """All are counted, and the first twenty are kept."""
    found = found_in(["x"] * 30)

    assert (found.rejected, len(found.rejections)) == (30, 20)


def test_rows_of_a_file_that_cannot_be_used(tmp_path):
    """A source that gives errors as values is asked for them; they keep their line."""
    path = tmp_path / "people.csv"
    path.write_text(
        f"phone_number,first_name\n{ADA},Ada\n,Bob\n{BOB},{'x' * 51}\n{BOB},Bob\n"
    )

    found = found_in(read_csv(path), "{first_name}")

    assert found.recipients == 2
    assert found.rejections == (
        Rejection(position=1, line=3, column_name="phone_number", reason="is empty"),
        Rejection(
            position=2,
            line=4,
            column_name="first_name",
            reason="must have 1 to 50 characters",
            shown="51 characters",
        ),
    )


def test_values_that_are_too_long_are_counted(tmp_path):
    """By field; the gateway takes 50 characters of each."""
    path = tmp_path / "people.csv"
    path.write_text(f"phone_number,param1\n{ADA},{'x' * 51}\n{BOB},{'x' * 52}\n")

    found = found_in(read_csv(path), "{param1}")

    assert found.long_values == {"param1": Finding(count=2, position=0, line=2)}
    assert "param1 has more than 50 characters in 2 rows, first in line 2." in (
        found.warnings
    )


@pytest.mark.parametrize("reason", ["is empty", "character 1 is half a pair"])
def test_other_problems_of_a_field_are_not_called_too_long(tmp_path, reason):
    """Only what has too many characters is."""
    found = found_in([SourceError(reason, path=tmp_path, line=2, column="param1")])

    assert (found.rejected, found.long_values) == (1, {})


def test_row_without_a_column(tmp_path):
    """Its reason stands alone."""
    found = found_in([SourceError("has 3 cells", path=tmp_path, line=2)])

    assert found.rejections[0].reason == "has 3 cells"


@pytest.mark.parametrize(
    ("policy", "recipients", "rejected", "words"),
    [
        ("skip", 2, 0, "only the first is sent."),
        ("keep", 3, 0, "these recipients get the message more than once."),
        ("error", 2, 1, None),
    ],
)
def test_duplicates(policy, recipients, rejected, words):
    """They are counted, and fare as they do in a run."""
    found = found_in([ADA, BOB, ADA], on_duplicate=OnDuplicate(policy))

    assert (found.duplicates, found.recipients, found.rejected) == (
        1,
        recipients,
        rejected,
    )
    if words:
        prefix = "1 item with a number that already occurs in the source: "
        assert found.warnings == (prefix + words,)
    else:
        assert found.rejections == (
            Rejection(position=2, reason="was there before", shown="+336****0001"),
        )
        assert len(found.warnings) == 1


def test_identity_of_the_caller():
    """Somebody may get two messages if something else tells them apart."""
    people = [Recipient(ADA, param1=order) for order in ("a", "b", "a")]

    found = found_in(people, identity=lambda one: f"{one.phone_number} {one.param1}")

    assert (found.recipients, found.duplicates) == (2, 1)
    assert found.warnings == (
        "1 item that already occurs in the source: only the first is sent.",
    )


@pytest.mark.parametrize(
    ("count", "batch_size", "requests"),
    [(1, 500, 1), (500, 500, 1), (501, 500, 2), (5, 2, 3)],
)
def test_requests_are_counted(count, batch_size, requests):
    """As many as batches of that size are needed."""
    numbers = (f"+336{number:08}" for number in range(count))

    assert found_in(numbers, batch_size=batch_size).requests == requests


# --- sources --------------------------------------------------------------------------


async def test_source_is_never_held_as_a_whole():
    """It is read on only when what came before has been looked at."""
    taken = 0

    def numbers():
        nonlocal taken
        while True:
            taken += 1
            yield f"+336{taken:08}"

    looking = asyncio.create_task(
        preview(
            numbers(), message=message(), clock=VirtualClock(), options=BulkOptions()
        )
    )
    while not taken:
        await asyncio.sleep(0)
    soon = taken
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking

    assert soon < 1_000


async def test_asynchronous_source_lets_others_go_on():
    """Even if it has everything at hand; and what was opened here is closed."""
    closed = []
    taken = 0

    class Numbers:
        async def __aiter__(self):
            nonlocal taken
            try:
                while True:
                    taken += 1
                    yield f"+336{taken:08}"
            finally:
                closed.append(True)

    looking = asyncio.create_task(
        preview(
            Numbers(), message=message(), clock=VirtualClock(), options=BulkOptions()
        )
    )
    while not taken:
        await asyncio.sleep(0)
    soon = taken
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking

    assert soon < 1_000
    assert closed == [True]


async def test_generator_that_was_passed_in_stays_open():
    """Whoever opened it closes it; also after an error."""

    async def items():
        yield ADA
        yield 5
        yield BOB

    source = items()
    with pytest.raises(InvalidFieldError, match="item 2 of the source"):
        await preview(
            source, message=message(), clock=VirtualClock(), options=BulkOptions()
        )

    assert [item async for item in source] == [BOB]


def test_source_without_a_generator():
    """Any asynchronous iterator will do."""

    class Once:
        def __init__(self):
            self.left = [ADA, BOB]

        def __aiter__(self):
            return self

        async def __anext__(self):
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    assert found_in(Once()).recipients == 2


def test_one_string_is_no_source():
    """Each digit would be a recipient."""
    with pytest.raises(InvalidFieldError, match="iterable of recipients"):
        found_in(ADA)


@pytest.mark.parametrize(
    ("item", "text", "words"),
    [
        pytest.param(request(), "Hello", "must be a str or a Recipient", id="request"),
        pytest.param(5, "Hello", "must be a str or a Recipient", id="integer"),
        pytest.param(ADA, None, "must be an SmsRequest", id="number"),
        pytest.param(Recipient(ADA), None, "must be an SmsRequest", id="recipient"),
    ],
)
def test_items_that_no_run_could_send(item, text, words):
    """A mistake in the program ends a preview as it ends the run."""
    with pytest.raises(InvalidFieldError, match=words):
        found_in([item], text)


# --- texts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "messages", "needed", "at_most"),
    [
        pytest.param("Hello", {(GSM, 1): 2}, 2, 2, id="one part"),
        pytest.param("a" * 161, {(GSM, 2): 2}, 4, 4, id="two parts"),
        pytest.param("ж", {(UNICODE, 1): 2}, 2, 2, id="Unicode"),
        pytest.param("$" + "a" * 159, {(GSM, 1): 2}, 2, 4, id="stricter count"),
    ],
)
def test_text_without_placeholders(text, messages, needed, at_most):
    """Everybody gets the same."""
    found = found_in([ADA, BOB], text)

    assert found.messages == messages
    assert (found.sms_needed, found.sms_needed_at_most) == (needed, at_most)


def test_text_with_placeholders():
    """Each is measured with the values of each recipient."""
    people = [
        Recipient(ADA, first_name="Ada"),
        Recipient(BOB, first_name="a" * 11),
        Recipient(EVE, first_name="Łucja"),
    ]

    found = found_in(people, "Hello {first_name}" + "a" * 144)

    assert found.messages == {(GSM, 1): 1, (GSM, 2): 1, (UNICODE, 3): 1}
    assert (found.sms_needed, found.sms_needed_at_most) == (6, 6)


def test_the_text_may_be_left_as_it_is():
    """Where the gateway may not rewrite it, an accent makes it Unicode."""
    found = found_in([Recipient(ADA, param1="ê")], "{param1}", auto_optimize_text=False)

    assert found.messages == {(UNICODE, 1): 1}


def test_missing_values():
    """By placeholder, with the first who has none; empty is none."""
    people = [
        Recipient(ADA, first_name="Ada"),
        Recipient(BOB, first_name=""),
        Recipient(EVE),
    ]

    text = "Hi {first_name} {last_name} {param1}"
    found = found_in(people, text, on_missing=OnMissing.SEND)

    assert (found.recipients, found.rejected) == (3, 0)
    assert found.missing_values == {
        "first_name": Finding(count=2, position=1),
        "last_name": Finding(count=3, position=0),
        "param1": Finding(count=3, position=0),
    }
    assert found.warnings[0] == (
        "{first_name} has no value for 2 recipients, first in item 2."
    )


@pytest.mark.parametrize("as_file", [False, True], ids=["recipients", "file"])
def test_people_without_a_value_are_left_out(tmp_path, as_file):
    """And listed; unless they are more than half of all, for that is a mistake."""
    path = tmp_path / "people.csv"
    path.write_text(f"phone_number,first_name\n{ADA},Ada\n{BOB},\n{EVE},Eve\n")
    people = [Recipient(ADA, first_name="Ada"), Recipient(BOB), Recipient(EVE)]
    few = read_csv(path) if as_file else [*people[:2], Recipient(EVE, first_name="E")]

    found = found_in(few, "Hi {first_name}")
    most = found_in(people, "Hi {first_name}")

    assert (found.recipients, found.rejected, found.lacking) == (2, 1, 1)
    assert found.reasons == {"first_name is empty, and the text uses it": 1}
    assert found.refusals == ()
    assert found.warnings[0].startswith("{first_name} has no value for 1 recipient")
    assert (most.recipients, most.lacking) == (1, 2)
    assert "2 recipients of 3 have no value for {first_name}" in most.refusals[0]
    assert found_in(few, "Hi {first_name}", on_missing=OnMissing.ERROR).refusals


def test_a_placeholder_without_a_column_is_a_refusal(tmp_path):
    """With the column that is probably meant."""
    path = tmp_path / "people.csv"
    path.write_text(f"phone_number,Prénom,ville\n{ADA},Ada,Lyon\n", "utf-8")

    found = found_in(read_csv(path), "Hi {first_name} {param1}")

    assert found.missing_columns == {"first_name": ("Prénom",), "param1": ()}
    assert "--column first_name=Prénom" in found.refusals[0]
    assert "--column param1=…" in found.refusals[1]
    assert found.as_dict()["missing_columns"]["first_name"] == ["Prénom"]


def test_the_first_texts_are_shown_as_they_arrive(tmp_path):
    """Three of them, values merged in; one if it is the same for everybody."""
    path = tmp_path / "people.csv"
    rows = "".join(f"+3363998000{at},A{at}\n" for at in range(5))
    path.write_text(f"phone_number,first_name\n{rows}")

    assert found_in(read_csv(path), "Hi {first_name}").samples == (
        "Hi A0",
        "Hi A1",
        "Hi A2",
    )
    assert found_in(read_csv(path), "Hi {{you}}").samples == ("Hi {you}",)
    assert found_in([Recipient(ADA), Recipient(BOB)], "Hi").samples == ("Hi",)


def test_blank_texts_are_a_refusal():
    """Also where they become so by their values."""
    people = [Recipient(ADA, first_name=" "), Recipient(BOB, first_name="Bob")]

    blank = [Recipient(number, first_name=" ") for number in (ADA, BOB)]
    words = found_in(blank, "{first_name}").refusals[0]

    assert "the text is blank for 2 recipients" in words
    assert (
        "blank for 1 recipient, first in item 1"
        in (found_in(people, "{first_name}").refusals[0])
    )


def test_an_instant_in_the_past_is_a_refusal():
    """A minute ago is still now."""
    late = SUNDAY - timedelta(minutes=2)

    (words,) = found_in([ADA], now=SUNDAY, send_at=late).refusals

    assert "is in the past: the gateway would send at once." in words
    assert not found_in([ADA], now=SUNDAY, send_at=SUNDAY).refusals


def test_numbers_that_hardly_get_a_text_are_counted():
    """Landlines, and those that are given to nobody: warnings, and no more."""
    people = ["+33139980001", "+33899000000", "+33639980001", "+33939000000"]

    found = found_in([*people, "+33600000000", "+33100000000"])

    assert found.refusals == ()
    assert (found.recipients, found.landlines.count) == (6, 3)
    assert found.landlines.position == 0
    assert any("numbers of landlines or services" in one for one in found.warnings)


def test_numbers_that_belong_to_nobody_are_counted():
    """They may exist by their length, and are warned of at the first."""
    found = found_in(["+33639980001", "+33000000000", "+34000000000"])

    assert (found.recipients, found.invalid_numbers.count) == (3, 2)
    assert found.warnings == (
        "2 numbers have a valid length, but do not exist, first in item 2.",
    )
    assert found_in(["+33000000000"]).warnings == (
        "1 number has a valid length, but does not exist, first in item 1.",
    )


def test_values_that_force_unicode():
    """How many, and the first with its character."""
    people = [
        Recipient(ADA, first_name="Ada"),
        Recipient(BOB, first_name="Łucja"),
        Recipient(EVE, first_name="Юля"),
    ]

    found = found_in(people, "Hello {first_name}")

    assert found.forced == Finding(count=2, position=1, character="Ł")
    (words,) = found.warnings
    assert words == (
        "the values of 2 recipients make the text Unicode, first in item 2 by 'Ł' "
        "(LATIN CAPITAL LETTER L WITH STROKE, U+0141)."
    )


def test_values_are_not_blamed_for_the_text():
    """What is Unicode anyway is not made so by a value."""
    found = found_in([Recipient(ADA, first_name="Łucja")], "✓ {first_name}")

    assert found.forced is None


@pytest.mark.parametrize(
    ("kind", "text", "limit"),
    [
        (SmsType.LOW_COST, "{param1}" + "a" * 152, 160),
        (SmsType.PREMIUM, "{param1}" + "a" * 1216, 1224),
    ],
    ids=["low-cost", "premium"],
)
def test_merged_text_that_is_too_long(kind, text, limit):
    """The limit of the route holds after merging, too, as far as anybody knows."""
    people = [Recipient(ADA, param1="a" * 9), Recipient(BOB, param1="a" * 8)]

    found = found_in(people, text, type=kind)

    assert found.too_long == {limit: 1}
    (words,) = found.warnings
    assert words == (
        f"the text has more than {limit:,} characters for 1 recipient: it may be "
        "refused."
    )


def test_values_with_a_short_number():
    """Five X in a value may be replaced as in the text."""
    people = [Recipient(ADA, param1="XXXXX"), Recipient(BOB, param1="XXXXXX")]

    found = found_in(people, "{param1} STOP au XXXXX")

    assert found.short_numbers == Finding(count=1, position=0)
    assert "contain XXXXX, first in item 1; the gateway may" in found.warnings[0]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("{firstname}", "did you mean {first_name}?"),
        (
            "{whatever}",
            "would be sent as it stands. Braces",
        ),
        ("XXXXX XXXXX", "XXXXX occurs in the text more than once"),
    ],
)
def test_oddities_of_the_text(text, warning):
    """What is sent as it stands, though it hardly should be."""
    assert warning in found_in([ADA], text).warnings[0]


@pytest.mark.parametrize(
    ("text", "values", "parts"),
    [
        pytest.param(
            "{param1}{param1}{param2}" + "a" * 156,
            [("aa", "a"), ("a", "aa")],
            [(2, 2), (1, 1)],
            id="a value that comes twice",
        ),
        pytest.param(
            "a" * 103 + "{param1}€{param2}" + "a" * 151,
            [("a" * 49, "a"), ("a" * 48, "aa")],
            [(3, 3), (2, 2)],
            id="an escape between two parts",
        ),
        pytest.param(
            "{param1}" + "a" * 69, [("ж",), ("😀",)], [(1, 1), (2, 2)], id="a pair"
        ),
        pytest.param(
            "{param1}" + "a" * 159, [("a",), ("@",)], [(1, 1), (1, 2)], id="at sign"
        ),
        pytest.param(
            "{param1}" + "a" * 159, [("a",), ("€",)], [(1, 1), (2, 2)], id="euro sign"
        ),
        pytest.param(
            "{param1}" + "a" * 70, [("a",), ("ж",)], [(1, 1), (2, 2)], id="Cyrillic"
        ),
    ],
)
def test_equal_lengths_are_not_always_equal_parts(text, values, parts):
    """What is counted double, and where, is seen; whoever comes first."""
    people = [
        Recipient(ADA, **dict(zip(("param1", "param2"), some, strict=False)))
        for some in values
    ]

    for order in (people, people[::-1]):
        found = found_in(order, text, on_duplicate=OnDuplicate.KEEP)
        assert (found.sms_needed, found.sms_needed_at_most) == (
            sum(standard for standard, _ in parts),
            sum(at_most for _, at_most in parts),
        )


VALUES = st.text(
    GSM_BASIC.replace("\x1b", "")
    + "".join(GSM_EXTENSION)
    + "".join(REPLACEMENTS)
    # Beyond 16 bits, Cyrillic, a control character.
    + "😀жЖ\x07",
    max_size=50,
)
TEMPLATES = st.lists(
    st.sampled_from(["{param1}", "{param2}"])
    | st.text("aé€@[^\n😀ж", min_size=1, max_size=80),
    min_size=1,
    max_size=8,
).map("".join)


@given(TEMPLATES, st.lists(st.tuples(VALUES, VALUES), max_size=8), st.booleans())
def test_everybody_is_measured_as_if_alone(template, values, optimized):
    """What is looked up by lengths is what merging and measuring gives."""
    inspection = Inspection(
        template, now=MONDAY, on_duplicate=OnDuplicate.KEEP, optimized=optimized
    )
    measured = []
    for one, two in values:
        inspection.look(Recipient(ADA, param1=one or None, param2=two))
        # By hand: a value that looks like a placeholder cannot be drawn.
        merged = template.replace("{param1}", one).replace("{param2}", two)
        measured.append(measure(merged, optimized=optimized))

    found = inspection.result()

    assert found.sms_needed == sum(one.parts for one in measured)
    assert found.sms_needed_at_most == sum(one.parts_at_most for one in measured)
    assert sum(found.messages.values()) == len(values)
    assert sum(
        count for (encoding, _), count in found.messages.items() if encoding is GSM
    ) == sum(one.encoding is GSM for one in measured)


def test_lengths_are_remembered_up_to_a_bound(monkeypatch):
    """Beyond it everybody is still measured."""
    monkeypatch.setattr("aiooctopush.bulk.preview.text_lengths._REMEMBERED", 2)
    inspection = Inspection(
        "{param1}" + "a" * 157, now=MONDAY, on_duplicate=OnDuplicate.KEEP
    )

    for length in (1, 2, 3, 4, 4):
        inspection.look(Recipient(ADA, param1="a" * length))

    assert inspection.result().messages == {(GSM, 1): 3, (GSM, 2): 2}
    assert len(inspection._message.text._known) == 2


# --- marketing ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "numbers", "without"),
    [
        pytest.param(
            "Buy", "sms_premium", [ADA, EVE], {"STOP au XXXXX": 1}, id="premium"
        ),
        pytest.param("Buy", "sms_premium", [EVE], {"STOP au XXXXX": 0}, id="abroad"),
        pytest.param("Buy STOP au XXXXX", "sms_premium", [ADA], {}, id="with it"),
        pytest.param(
            "Buy STOP au XXXXX",
            "sms_low_cost",
            [ADA, EVE],
            {"no PUB=STOP": 2},
            id="low cost",
        ),
        pytest.param("Buy no PUB=STOP", "sms_low_cost", [ADA], {}, id="low with it"),
    ],
)
def test_stop_mention(text, kind, numbers, without):
    """Marketing without it is refused: premium to French numbers, low cost to all."""
    found = found_in(numbers, text, "wholesale", type=kind)

    assert found.without_mention == without
    assert len(found.warnings) == any(without.values())


def test_alerts_need_no_mention_and_know_no_hours():
    """Neither is asked of what is no marketing."""
    assert found_in([ADA], "Buy", now=SUNDAY).warnings == ()


MARKETING = "Buy STOP au XXXXX"


def test_quiet_hours_now():
    """Marketing on a Sunday is worth a warning, with the hour when it may go."""
    found = found_in([ADA, EVE], MARKETING, "wholesale", now=SUNDAY)

    assert (found.in_quiet_hours, found.quiet_until) == (1, MONDAY_AT_EIGHT)
    (words,) = found.warnings
    assert words == (
        "it is 2026-01-04 11:00 in France when this goes out: marketing should not "
        "reach French numbers before 2026-01-05 08:00."
    )


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        pytest.param({"send_at": MONDAY, "now": SUNDAY}, [ADA], id="sent later"),
        pytest.param({"now": SUNDAY, "quiet_hours": None}, [ADA], id="not asked for"),
        pytest.param({"now": SUNDAY}, [EVE], id="abroad"),
        pytest.param({"now": MONDAY}, [ADA], id="not quiet"),
    ],
)
def test_no_quiet_hours(settings, numbers):
    """There is nothing to warn of."""
    assert found_in(numbers, MARKETING, "wholesale", **settings).warnings == ()


def test_quiet_hours_later():
    """It counts when the message is sent, and not when that is asked for."""
    found = found_in([ADA], MARKETING, "wholesale", send_at=SUNDAY, now=MONDAY)

    assert found.quiet_until == MONDAY_AT_EIGHT


@pytest.mark.parametrize(("purpose", "words"), [("alert", False), ("wholesale", True)])
def test_without_time_zones(monkeypatch, purpose, words):
    """What cannot be told is said, where it makes a difference, and breaks nothing."""

    def no_such_zone(name):
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr("zoneinfo.ZoneInfo", no_such_zone)

    found = found_in([ADA], MARKETING, purpose, now=SUNDAY)

    assert found.recipients == 1
    assert any("install the package tzdata" in one for one in found.warnings) is words


def test_text_alone():
    """Without recipients nobody knows where it goes, so everything is said."""
    inspection = Inspection("Buy {prenom}", purpose=Purpose.WHOLESALE, now=SUNDAY)

    found = inspection.result()

    assert [words[:12] for words in found.warnings] == [
        "{prenom} is ",
        "marketing to",
        "it is 2026-0",
    ]


# --- requests with a text of their own ------------------------------------------------


def test_requests_with_their_own_texts():
    """Everything is added up over them, and each is one request."""
    found = found_in(
        [
            request("a" * 161, [ADA, BOB]),
            request("{param1} ж", [Recipient(EVE)]),
            request("{param1} ж", [Recipient(ADA, param1="x")]),
        ],
        None,
    )

    assert (found.items, found.recipients, found.requests) == (3, 4, 3)
    assert found.messages == {(GSM, 2): 2, (UNICODE, 1): 2}
    assert found.missing_values == {"param1": Finding(count=1, position=1)}
    assert found.text is None


def test_numbers_of_requests_are_not_compared():
    """Two texts for one person are two messages."""
    assert found_in([request("a"), request("b")], None).duplicates == 0


@pytest.mark.parametrize(
    ("policy", "duplicates", "rejections"),
    [
        ("skip", 1, ()),
        ("error", 1, (Rejection(position=1, reason="was there before"),)),
    ],
)
def test_requests_with_an_identity(policy, duplicates, rejections):
    """The caller says what makes two of them the same."""
    found = found_in(
        [request("a"), request("a")],
        None,
        identity=lambda one: one.text,
        on_duplicate=OnDuplicate(policy),
    )

    assert (found.recipients, found.duplicates) == (1, duplicates)
    assert found.rejections == rejections


def test_rows_between_requests(tmp_path):
    """What cannot be used is rejected there, too."""
    found = found_in([request(), SourceError("is bad", path=tmp_path)], None)

    assert (found.recipients, found.rejected) == (1, 1)


def test_marketing_among_requests():
    """Each has its own purpose, route, and instant; the first quiet one is named."""
    found = found_in(
        [
            request("Hello"),
            request(MARKETING, purpose="wholesale", send_at=MONDAY),
            request(MARKETING, purpose="wholesale"),
            request(MARKETING, purpose="wholesale", send_at=MONDAY.replace(hour=22)),
            request("Buy", purpose="wholesale", type="sms_low_cost", send_at=MONDAY),
        ],
        None,
        now=SUNDAY,
    )

    assert (found.in_quiet_hours, found.quiet_until) == (2, MONDAY_AT_EIGHT)
    assert found.without_mention == {"no PUB=STOP": 1}


def test_names_of_many_texts_are_listed_up_to_a_bound():
    """A text for everybody does not fill the memory with its misspelt names."""
    found = found_in([request(f"{{name{number}}}") for number in range(30)], None)

    assert len(found.unknown_placeholders) == 20


# --- money ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "balance", "is_enough", "words"),
    [
        pytest.param(None, None, None, None, id="not asked"),
        pytest.param(None, "1", None, None, id="no price"),
        pytest.param("0.05", None, None, None, id="no balance"),
        pytest.param("0.05", "0.20", True, None, id="enough"),
        pytest.param("0.05", "0.09", False, "0.09 euros is not enough", id="too low"),
        pytest.param("0.05", "0.10", None, "0.10 euros may not be", id="least"),
        pytest.param("0.05", "0.19", None, "at most 0.20", id="in between"),
    ],
)
def test_balance(price, balance, is_enough, words):
    """Two SMS by the standard count, four by the stricter one."""
    found = found_in(
        [ADA, BOB],
        "$" + "a" * 159,
        price_per_sms=price and Decimal(price),
        balance=balance and Decimal(balance),
    )

    assert found.is_enough is is_enough
    assert (found.estimated_cost, found.estimated_cost_at_most) == (
        (Decimal("0.10"), Decimal("0.20")) if price else (None, None)
    )
    assert len(found.warnings) == bool(words)
    assert words is None or words in found.warnings[0]


@pytest.mark.parametrize("amount", [0.05, "1", Decimal(-1), Decimal("NaN")], ids=repr)
@pytest.mark.parametrize("name", ["price_per_sms", "balance"])
def test_amounts_are_decimals(name, amount):
    """Money is never a binary float, and never below nothing."""
    source = iter([ADA])

    with pytest.raises(InvalidFieldError, match=name):
        found_in(source, **{name: amount})

    assert list(source) == [ADA]


@pytest.mark.parametrize(
    ("name", "value"), [("batch_size", 0), ("batch_size", 501), ("on_duplicate", "x")]
)
def test_settings_are_those_of_a_run(name, value):
    """What a run refuses is refused here, before the source is read."""
    source = iter([ADA])

    with pytest.raises(InvalidFieldError, match=name):
        found_in(source, **{name: value})

    assert list(source) == [ADA]


# --- as data --------------------------------------------------------------------------


def test_as_dict():
    """All of it as plain values; nothing private is in it."""
    found = found_in(
        [Recipient(ADA, first_name="Łucja"), "x", Recipient(BOB)],
        "Buy {first_name} {param9}",
        "wholesale",
        now=SUNDAY,
        on_missing=OnMissing.SEND,
        price_per_sms=Decimal("0.05"),
        balance=Decimal(10),
    )

    told = found.as_dict()
    warnings = told.pop("warnings")

    assert warnings == list(found.warnings)
    assert told == {
        "items": 3,
        "recipients": 2,
        "already": 0,
        "excluded": 0,
        "duplicates": 0,
        "rejected": 1,
        "rejections": [
            {
                "position": 1,
                "line": None,
                "column_name": None,
                "reason": "must start with '+' and the country code, and contains 'x' "
                "(LATIN SMALL LETTER X, U+0078)",
                "shown": None,
            }
        ],
        "rejected_by_reason": {
            "must start with '+' and the country code, and contains 'x' (LATIN SMALL "
            "LETTER X, U+0078)": 1
        },
        "samples": ["Buy Łucja {param9}", "Buy  {param9}"],
        "lacking": 0,
        "missing_columns": {},
        "invalid_numbers": None,
        "landlines": None,
        "countries": {"FR": 2},
        "refusals": list(found.refusals),
        "unknown_placeholders": ["param9"],
        "missing_values": {"first_name": 1},
        "first_missing": {
            "first_name": {"count": 1, "position": 2, "line": None, "character": None}
        },
        "long_values": {},
        "messages": [
            {"encoding": "gsm7", "parts": 1, "recipients": 1},
            {"encoding": "unicode", "parts": 1, "recipients": 1},
        ],
        "too_long": 0,
        "forced": {"count": 1, "position": 0, "line": None, "character": "Ł"},
        "sms_needed": 2,
        "sms_needed_at_most": 2,
        "requests": 1,
        "without_mention": {"STOP au XXXXX": 2},
        "in_quiet_hours": 2,
        "quiet_until": "2026-01-05T08:00:00+01:00",
        "estimated_cost": "0.10",
        "estimated_cost_at_most": "0.10",
        "balance": "10",
        "is_enough": True,
    }


def test_nothing_is_as_nothing():
    """What was not asked for is None, a placeholder that all have a value for is 0."""
    told = found_in([Recipient(ADA, first_name="Ada")], "{first_name}").as_dict()

    assert told["missing_values"] == {"first_name": 0}
    assert (told["forced"], told["quiet_until"], told["estimated_cost"]) == (
        None,
        None,
        None,
    )
