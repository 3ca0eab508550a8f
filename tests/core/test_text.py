"""Texts: what they cost, the gateway's rewriting, values, STOP mentions, hours."""

import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import text as text_module
from aiooctopush._limits import LOW_COST_MAX, MAX_MERGE_FIELD, MAX_TEXT
from aiooctopush.errors import InvalidFieldError
from aiooctopush.text import (
    FRENCH_QUIET_HOURS,
    GSM_BASIC,
    GSM_EXTENSION,
    MERGE_FIELDS,
    REPLACEMENTS,
    Encoding,
    QuietHours,
    TextMeasure,
    as_sent,
    check_placeholders,
    costly_characters,
    easter_sunday,
    has_low_cost_stop,
    has_stop_mention,
    measure,
    merge,
    optimize,
    placeholder_runs,
    placeholders,
    plain,
    public_holidays,
    quiet_until,
    suggested_placeholder,
    unknown_placeholders,
)


# By hand, from 3GPP TS 23.038, table 6.2.1: a few places of each column.
SEPTETS = {
    "@": 0x00,
    "$": 0x02,
    "ì": 0x07,
    "Ç": 0x09,
    "\n": 0x0A,
    "\r": 0x0D,
    "å": 0x0F,
    "Δ": 0x10,
    "_": 0x11,
    "Ξ": 0x1A,
    "É": 0x1F,
    " ": 0x20,
    "¤": 0x24,
    "0": 0x30,
    "?": 0x3F,
    "¡": 0x40,
    "A": 0x41,
    "Z": 0x5A,
    "Ä": 0x5B,
    "§": 0x5F,
    "¿": 0x60,
    "a": 0x61,
    "z": 0x7A,
    "à": 0x7F,
}
GSM = (GSM_BASIC + "".join(GSM_EXTENSION)).replace("\x1b", "")
TEXTS = st.text() | st.text(GSM) | st.text(GSM + "".join(REPLACEMENTS) + "😀ж")


def parts(text, **keywords):
    """The number of parts alone."""
    return measure(text, **keywords).parts


# --- tables ---------------------------------------------------------------------------


def test_limits_are_those_of_the_documentation():
    """Section by section: text, merged field, low cost."""
    assert (MAX_TEXT, MAX_MERGE_FIELD, LOW_COST_MAX) == (1224, 50, 160)


@pytest.mark.parametrize(("character", "septet"), SEPTETS.items())
def test_basic_table_is_the_standard_one(character, septet):
    """A character's place in the table is its septet."""
    assert GSM_BASIC.index(character) == septet


def test_basic_table_is_complete():
    """128 places, each used once."""
    assert len(GSM_BASIC) == len(set(GSM_BASIC)) == 128


def test_extension_table_is_the_standard_one():
    """Ten characters, none of which is in the basic table."""
    assert set(GSM_EXTENSION) == set("^{}\\[~]|€\f")
    assert not set(GSM_EXTENSION) & set(GSM_BASIC)


# --- the gateway's rewriting ----------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ÀÁÂÃ ÈÊË ÌÍÎÏ Ð", "AAAA EEE IIII D"),
        ("ÒÓÔÕ ÙÚÛ ÝŸ", "OOOO UUU YY"),
        ("áâã êë íîï ðóôõ", "aaa ee iii oooo"),
        ("úûµ ýÿ ç Þ °", "uuu yy c y o"),
        ("¨^ «»“”", '-- """"'),
        ("a|b\\c", "aIb/c"),
        ("‚„ …", ",, ."),
        ("‘’´` •", "'''' ."),
        ("–—", "--"),
    ],
)
def test_optimize_follows_the_page(before, after):
    """Row by row of the gateway's table."""
    assert optimize(before) == after


@pytest.mark.parametrize(
    "kept", ["éèàùìòÉÇäöüÄÖÜñÑåÅæÆøØß", "ΔΦΓΛΩΠΨΣΘΞ", "a  b ", "μ"]
)
def test_optimize_keeps_what_is_not_on_the_page(kept):
    """GSM letters, Greek capitals, spaces of any number, and the Greek letter mu."""
    assert optimize(kept) == kept


@given(TEXTS)
def test_optimize_keeps_the_length_and_runs_once(text):
    """One character for one, and no result is replaced again."""
    once = optimize(text)

    assert len(once) == len(text)
    assert optimize(once) == once


def test_every_replacement_can_be_sent_in_one_septet():
    """The rewriting never makes a text Unicode, nor longer."""
    assert set(REPLACEMENTS.values()) <= set(GSM_BASIC)


# --- parts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "units", "expected"),
    [
        pytest.param("", 0, 0, id="empty"),
        pytest.param("a", 1, 1, id="one"),
        pytest.param("a" * 160, 160, 1, id="one part full"),
        pytest.param("a" * 161, 161, 2, id="one too many"),
        pytest.param("a" * 306, 306, 2, id="two parts full"),
        pytest.param("a" * 307, 307, 3, id="three parts"),
        pytest.param("a" * 1224, 1224, 8, id="longest text"),
        pytest.param("€" * 80, 160, 1, id="escapes fill one part"),
        pytest.param("€" * 80 + "a", 161, 2, id="escapes and one more"),
        pytest.param("€" * 153, 306, 3, id="76 escapes a part, not 76.5"),
        pytest.param("a" * 152 + "€" + "a" * 152, 306, 3, id="escape on a boundary"),
        pytest.param("a" * 151 + "€" + "a" * 153, 306, 2, id="escape before it"),
        pytest.param("a" * 153 + "€" + "a" * 151, 306, 2, id="escape after it"),
        pytest.param("a" * 304 + "€" + "a", 307, 3, id="escape closes part two"),
        pytest.param("\f" + "a" * 159, 161, 2, id="form feed is escaped"),
        pytest.param("@$&\n\r" + "a" * 155, 160, 1, id="one septet by the standard"),
    ],
)
def test_septets_are_packed_into_parts(text, units, expected):
    """160 in one part, then 153 a part, and no escape pair is split."""
    found = measure(text, optimized=False)

    assert found.encoding is Encoding.GSM7
    assert (found.units, found.parts) == (units, expected)


@pytest.mark.parametrize(
    ("text", "units", "expected"),
    [
        pytest.param("ж", 1, 1, id="one"),
        pytest.param("ж" * 70, 70, 1, id="one part full"),
        pytest.param("ж" * 71, 71, 2, id="one too many"),
        pytest.param("ж" * 134, 134, 2, id="two parts full"),
        pytest.param("ж" * 135, 135, 3, id="three parts"),
        pytest.param("ж" + "€" * 69, 70, 1, id="an escaped one takes one unit"),
        pytest.param("😀" * 35, 70, 1, id="pairs fill one part"),
        pytest.param("😀" * 36, 72, 2, id="a pair too many"),
        pytest.param("😀" * 67, 134, 3, id="33 pairs a part, not 33.5"),
        pytest.param("a" * 66 + "😀" + "a" * 66, 134, 3, id="pair on a boundary"),
        pytest.param("a" * 65 + "😀" + "a" * 67, 134, 2, id="pair before it"),
        pytest.param("a" * 67 + "😀" + "a" * 65, 134, 2, id="pair after it"),
        pytest.param("\U0010ffff" * 67, 134, 3, id="last code point"),
        pytest.param("\x1b" + "a" * 69, 70, 1, id="the escape itself"),
        pytest.param("\t", 1, 1, id="tab"),
        pytest.param("\ud800" * 70, 70, 1, id="half pairs"),
    ],
)
def test_code_units_are_packed_into_parts(text, units, expected):
    """70 in one part, then 67 a part, and no surrogate pair is split."""
    found = measure(text)

    assert found.encoding is Encoding.UNICODE
    assert (found.units, found.parts) == (units, expected)


@pytest.mark.parametrize(
    ("text", "expected", "at_most"),
    [
        pytest.param("a" * 160, 1, 1, id="same"),
        pytest.param("@" + "a" * 159, 1, 2, id="at sign"),
        pytest.param("&" + "a" * 159, 1, 2, id="ampersand"),
        pytest.param("$" + "a" * 159, 1, 2, id="dollar"),
        pytest.param("\n" + "a" * 159, 1, 2, id="newline"),
        pytest.param("\r" + "a" * 159, 1, 2, id="carriage return"),
        pytest.param("\f" + "a" * 158, 1, 1, id="escaped, and not on the page"),
        pytest.param("@" * 153, 1, 3, id="76 doubles a part, not 76.5"),
        pytest.param("ж" * 126, 2, 2, id="63 a part"),
        pytest.param("ж" * 127, 2, 3, id="63 a part and one more"),
        pytest.param("ж" * 70, 1, 1, id="one part of Unicode"),
        pytest.param("@ж" * 35, 1, 1, id="nothing is double in Unicode"),
    ],
)
def test_upper_bound_follows_the_page(text, expected, at_most):
    """The gateway's page counts more characters double, and 63 a Unicode part."""
    found = measure(text)

    assert (found.parts, found.parts_at_most) == (expected, at_most)


def test_measure_counts_what_the_gateway_will_send():
    """A rewritten text is GSM-7, the same text left alone is Unicode."""
    text = "Voilà… c’est prêt"

    assert measure(text).encoding is Encoding.GSM7
    assert measure(text, optimized=False).encoding is Encoding.UNICODE


@pytest.mark.parametrize(
    ("text", "forced_by", "at", "name"),
    [
        pytest.param("abc", None, None, None, id="none"),
        pytest.param("ça ж", "ж", 3, "CYRILLIC SMALL LETTER ZHE", id="after a rewrite"),
        pytest.param("ж 😀", "ж", 0, "CYRILLIC SMALL LETTER ZHE", id="first of two"),
        pytest.param("😀😀ж", "😀", 0, "GRINNING FACE", id="beyond 16 bits"),
        pytest.param("[😀", "😀", 1, "GRINNING FACE", id="places are characters"),
        pytest.param("e\u0301", "\u0301", 1, "COMBINING ACUTE ACCENT", id="decomposed"),
        pytest.param("a\u00a0b", "\u00a0", 1, "NO-BREAK SPACE", id="no-break space"),
        pytest.param("a\tb", "\t", 1, "U+0009", id="nameless"),
        pytest.param("a\udc80", "\udc80", 1, "U+DC80", id="half a pair"),
    ],
)
def test_the_first_character_that_forces_unicode_is_named(text, forced_by, at, name):
    """One character makes the whole text dearer: say which, where, and its name."""
    found = measure(text)

    assert (found.forced_by, found.forced_at, found.forced_name) == (
        forced_by,
        at,
        name,
    )


def test_decomposed_letters_are_not_composed_for_us():
    """Nothing says that the gateway composes them, so they count as they are."""
    text = unicodedata.normalize("NFD", "é")

    assert measure(text).encoding is Encoding.UNICODE


def test_a_measure_is_a_value():
    """Equal texts have equal measures."""
    assert measure("abc") == TextMeasure(
        encoding=Encoding.GSM7, units=3, parts=1, parts_at_most=1
    )


@given(TEXTS)
def test_measuring_is_measuring_the_rewritten_text(text):
    """Rewriting first and measuring as is gives the same, places included."""
    assert measure(optimize(text), optimized=False) == measure(text)


@given(TEXTS, TEXTS, st.booleans())
def test_a_longer_text_never_has_fewer_parts(text, more, optimized):
    """Neither the count nor its upper bound goes down."""
    short = measure(text, optimized=optimized)
    long = measure(text + more, optimized=optimized)

    assert short.parts <= long.parts
    assert short.parts_at_most <= long.parts_at_most


@given(TEXTS.map(lambda text: text * 9), st.booleans())
def test_the_upper_bound_is_one(text, optimized):
    """It is never below the count by the standard."""
    found = measure(text, optimized=optimized)

    assert found.parts <= found.parts_at_most


@given(st.text(GSM, min_size=1, max_size=80))
def test_eighty_gsm_characters_fit_in_one_part(text):
    """Even if each of them is escaped."""
    assert parts(text) == 1


@given(st.text(GSM_BASIC.replace("\x1b", ""), min_size=1, max_size=160))
def test_160_basic_characters_fit_in_one_part(text):
    """None of them is escaped."""
    assert parts(text) == 1


@given(TEXTS)
def test_units_of_unicode_are_those_of_utf16(text):
    """Two bytes each, as Python encodes them."""
    found = measure(text + "ж")

    assert found.units == len((text + "ж").encode("utf-16-le")) // 2


# --- merged values --------------------------------------------------------------------


def test_merge_replaces_every_known_placeholder():
    """All seven, and each as often as it stands there."""
    text = "{first_name} {last_name} {param1}{param2}{param3}{param4}{param5} {param1}"
    values = dict(zip(MERGE_FIELDS, "ABCDEFG", strict=True))

    assert merge(text, values) == "A B CDEFG C"


@pytest.mark.parametrize("values", [{}, {"first_name": None}, {"first_name": ""}])
def test_a_missing_value_leaves_nothing(values):
    """Our estimate: what the gateway does is undocumented."""
    assert merge("Hi {first_name}!", values) == "Hi !"


def test_merge_runs_once():
    """A value that looks like a placeholder stays a value."""
    values = {"first_name": "{param1}", "param1": "x"}

    assert merge("{first_name}", values) == "{param1}"


def test_merge_leaves_the_rest_alone():
    """Unknown names stay in their braces, even if there is a value for them."""
    assert merge("{firstname} {x} {", {"x": "y"}) == "{firstname} {x} {"


def test_placeholders_are_listed_once_in_order():
    """Known names alone."""
    text = "{param2} {first_name} {param2} {param6}"

    assert placeholders(text) == ("param2", "first_name")


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        pytest.param("{first_name} {param5}", (), id="known"),
        pytest.param("{firstname}", ("firstname",), id="misspelt"),
        pytest.param("{param6} {param6}", ("param6",), id="no such number"),
        pytest.param("{First_Name}", ("First_Name",), id="case"),
        pytest.param("{ first_name }", (" first_name ",), id="spaces"),
        pytest.param("{first name}", ("first name",), id="two words"),
        pytest.param("{prénom} {b}", ("prénom", "b"), id="other language"),
        pytest.param("{} { } {;-)} {", (), id="no name"),
        pytest.param("{" + "a" * 31 + "}", (), id="too long for a name"),
    ],
)
def test_lookalikes_are_listed(text, unknown):
    """What would be sent literally, though it looks like a placeholder."""
    assert unknown_placeholders(text) == unknown


# --- STOP mentions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sale! STOP au XXXXX", True),
        ("Sale! STOP au 30101", True),
        ("STOP au 30101.", True),
        ("Sale! stop au XXXXX", False),
        ("Sale! STOP au xxxxx", False),
        ("Sale! STOP to 30101", False),
        ("Sale! STOP au XXXX", False),
        ("Sale! STOP au XXXXXX", False),
        ("Sale! STOP au 301012", False),
        ("Sale! STOP au ٣٠١٠١", False),
        ("Sale! STOP  au XXXXX", False),
        ("", False),
    ],
)
def test_stop_mention_is_found_as_the_gateway_wants_it(text, found):
    """To the letter and to the case, with five X or five digits."""
    assert has_stop_mention(text) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [("Sale no PUB=STOP", True), ("Sale no pub=stop", False), ("Sale PUB=STOP", False)],
)
def test_low_cost_mention_is_found_as_the_gateway_wants_it(text, found):
    """To the letter and to the case."""
    assert has_low_cost_stop(text) is found


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("", 0),
        ("STOP au XXXXX", 1),
        ("Code XXXXX STOP au XXXXX", 2),
        ("XXXX XXXXXX xxxxx", 0),
        ("aXXXXXb", 1),
    ],
)
def test_runs_of_five_x_are_counted(text, runs):
    """Each would become the carrier's short number; runs of other lengths do not."""
    assert placeholder_runs(text) == runs


# --- quiet hours ----------------------------------------------------------------------


PARIS = ZoneInfo("Europe/Paris")
INSTANTS = st.integers(852_076_800, 3_786_912_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
# Outside of the hour that a change of the clocks skips or repeats.
BOUNDS = st.times().filter(lambda bound: not 1 <= bound.hour <= 3)


def in_paris(words):
    """An instant by the clock of Paris, such as ``2026-11-20 19:59``."""
    return datetime.fromisoformat(words).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("instant", "end"),
    [
        pytest.param("2026-11-20 19:59:59", None, id="Friday, before eight"),
        pytest.param("2026-11-20 20:00", "2026-11-21 08:00", id="Friday at eight"),
        pytest.param("2026-11-20 00:00", "2026-11-20 08:00", id="midnight"),
        pytest.param("2026-11-20 07:59:59", "2026-11-20 08:00", id="in the morning"),
        pytest.param("2026-11-20 08:00", None, id="the end itself"),
        pytest.param("2026-11-21 12:00", None, id="Saturday"),
        pytest.param("2026-11-21 21:00", "2026-11-23 08:00", id="into a Sunday"),
        pytest.param("2026-11-22 12:00", "2026-11-23 08:00", id="Sunday"),
        pytest.param("2026-12-25 12:00", "2026-12-26 08:00", id="Christmas"),
        pytest.param("2027-12-24 20:00", "2027-12-27 08:00", id="two days off"),
        pytest.param("2026-04-04 20:00", "2026-04-07 08:00", id="Easter"),
        pytest.param("2026-12-31 20:00", "2027-01-02 08:00", id="New Year"),
    ],
)
def test_quiet_hours_by_default(instant, end):
    """From 20:00 to 08:00, and the whole of Sundays and public holidays."""
    assert quiet_until(in_paris(instant)) == (end and in_paris(end))


@pytest.mark.parametrize(
    ("instant", "end"),
    [
        pytest.param("2026-03-27T19:00Z", "2026-03-28T07:00Z", id="before spring"),
        pytest.param("2026-03-28T19:00Z", "2026-03-30T06:00Z", id="over the spring"),
        pytest.param("2026-03-30T17:59Z", None, id="summer, before eight"),
        pytest.param("2026-03-30T18:00Z", "2026-03-31T06:00Z", id="summer at eight"),
        pytest.param("2026-10-24T18:00Z", "2026-10-26T07:00Z", id="over the autumn"),
        pytest.param("2026-10-26T18:00Z", None, id="winter, before eight"),
    ],
)
def test_clocks_change(instant, end):
    """The bounds are those of the wall clock in Paris, on both sides of a change."""
    expected = end and datetime.fromisoformat(end)

    assert quiet_until(datetime.fromisoformat(instant)) == expected


def test_repeated_hour_has_two_ends():
    """On the night when 02:30 comes twice, each of them ends the quiet before it."""
    hours = QuietHours(begin=time(1), end=time(2, 30), whole_days=False)
    first = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)
    second = first + timedelta(hours=1)

    ends = [quiet_until(instant, hours=hours) for instant in (first, second)]

    assert [end.astimezone(UTC) for end in ends] == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("hours", "instant", "end"),
    [
        pytest.param(
            QuietHours(begin=time(21, 30)), "2026-11-20 21:00", None, id="later"
        ),
        pytest.param(
            QuietHours(begin=time(12), end=time(14)),
            "2026-11-20 12:00",
            "2026-11-20 14:00",
            id="within a day",
        ),
        pytest.param(
            QuietHours(begin=time(12), end=time(14)),
            "2026-11-20 14:00",
            None,
            id="after them",
        ),
        pytest.param(
            QuietHours(begin=time(8), end=time(8)),
            "2026-11-20 08:00",
            None,
            id="none on a working day",
        ),
        pytest.param(
            QuietHours(whole_days=False), "2026-11-22 12:00", None, id="Sunday allowed"
        ),
    ],
)
def test_quiet_hours_can_be_chosen(hours, instant, end):
    """Bounds and days off are the caller's to set."""
    assert quiet_until(in_paris(instant), hours=hours) == (end and in_paris(end))


@pytest.mark.parametrize("bound", ["20:00", 20, time(20, tzinfo=UTC)], ids=repr)
def test_bounds_are_times_of_day(bound):
    """In France, so without a time zone of their own."""
    with pytest.raises(InvalidFieldError, match="begin"):
        QuietHours(begin=bound)


@given(INSTANTS, st.builds(QuietHours, begin=BOUNDS, end=BOUNDS))
def test_quiet_ends_later_and_for_good(instant, hours):
    """The end of a quiet lies ahead, and is not quiet itself."""
    end = quiet_until(instant, hours=hours)

    assert end is None or (end > instant and quiet_until(end, hours=hours) is None)


@given(INSTANTS)
def test_quiet_is_never_longer_than_two_nights_and_the_days_between(instant):
    """60 hours, such as from Saturday to Tuesday; 61 where the clocks are set back."""
    end = quiet_until(instant)

    assert end is None or end - instant <= timedelta(hours=61)


def test_time_zones_may_be_missing(monkeypatch):
    """Some platforms bring no database; the error says what to install."""

    def no_such_zone(name):
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(text_module, "ZoneInfo", no_such_zone)

    with pytest.raises(LookupError, match="install the package tzdata"):
        quiet_until(datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    "day",
    [
        date(1818, 3, 22),
        date(1943, 4, 25),
        date(1954, 4, 18),
        date(1981, 4, 19),
        date(2000, 4, 23),
        date(2008, 3, 23),
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2026, 4, 5),
        date(2027, 3, 28),
        date(2038, 4, 25),
        date(2049, 4, 18),
    ],
    ids=str,
)
def test_easter_sunday(day):
    """As in the almanac, its earliest, latest and exceptional days included."""
    assert easter_sunday(day.year) == day


@pytest.mark.parametrize(
    "monday",
    [date(2024, 4, 1), date(2025, 4, 21), date(2026, 4, 6), date(2027, 3, 29)],
    ids=str,
)
def test_easter_monday_is_quiet(monday):
    """It is a public holiday that moves."""
    noon = datetime.combine(monday, time(12), tzinfo=PARIS)
    tuesday = datetime.combine(monday + timedelta(days=1), time(8), tzinfo=PARIS)

    assert quiet_until(noon) == tuesday


def test_public_holidays_of_a_year():
    """All eleven of 2026, and neither Good Friday nor 26 December."""
    assert public_holidays(2026) == {
        date(2026, 1, 1),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 5, 8),
        date(2026, 5, 14),
        date(2026, 5, 25),
        date(2026, 7, 14),
        date(2026, 8, 15),
        date(2026, 11, 1),
        date(2026, 11, 11),
        date(2026, 12, 25),
    }


def test_default_bounds_are_those_of_the_vendor():
    """Eight in the evening, eight in the morning."""
    assert QuietHours(begin=time(20), end=time(8)) == FRENCH_QUIET_HOURS


# --- braces that are meant, and words in braces that are none -------------------------


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        pytest.param("a } b { c", "a } b { c", id="single braces"),
        pytest.param("Use {{code}}", "Use {code}", id="doubled"),
        pytest.param("{{x}} {first_name}", "{x} {first_name}", id="beside one"),
        pytest.param("{{{first_name}}}", "{{first_name}}", id="around one"),
    ],
)
def test_doubled_braces_are_sent_as_one(text, sent):
    """The gateway knows no other way to write a brace."""
    assert as_sent(text) == sent


def test_a_word_between_doubled_braces_is_no_placeholder():
    """Neither one that is known, nor one that is not."""
    text = "{{first_name}} {{prenom}} {param1}"

    assert placeholders(text) == ("param1",)
    assert unknown_placeholders(text) == ()
    assert merge("{{x}} {first_name}", {"first_name": "Zoé"}) == "{x} Zoé"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("prenom", "first_name"),
        ("Prénom", "first_name"),
        ("firstname", "first_name"),
        ("First-Name", "first_name"),
        ("nom", "last_name"),
        ("ch1", "param1"),
        ("param6", "param5"),
        ("frist_name", "first_name"),
        ("zzz", None),
    ],
)
def test_the_placeholder_that_was_meant_is_suggested(name, meant):
    """By what other programs call it, or by how it is spelled."""
    found = suggested_placeholder(name)

    assert found == meant or (name == "param6" and found.startswith("param"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi {prenom}", "{prenom} is no placeholder and would be sent as it stands; "),
        ("Hi {zzz}", "as it stands. Braces that are meant are written twice, as in {{"),
        ("Hi {{first_name}}", "which the gateway would replace all the same"),
    ],
)
def test_braces_that_would_not_do_what_is_meant_are_refused(text, words):
    """It would be wrong for everybody."""
    with pytest.raises(InvalidFieldError) as caught:
        check_placeholders(text)

    assert words in str(caught.value)


def test_braces_that_do_what_is_meant_are_let_through():
    """Placeholders, single and doubled braces."""
    check_placeholders("{first_name} {{x}} } { {last_name}")


def test_all_costly_characters_are_found():
    """Each with its count and its first place, whether it forces Unicode or not."""
    found = costly_characters("[œ] œ\u00a0 Déjà ê €")

    assert [
        (one.character, one.count, one.first_at, one.forces_unicode) for one in found
    ] == [
        ("[", 1, 0, False),
        ("œ", 2, 1, True),
        ("]", 1, 2, False),
        ("\u00a0", 1, 5, True),
        ("€", 1, 14, False),
    ]
    assert found[1].name == "LATIN SMALL LIGATURE OE"
    assert "ê" in {one.character for one in costly_characters("ê", optimized=False)}


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        pytest.param("De\u0301ja\u0300", "Déjà", id="combining accents"),
        pytest.param("10\u00a0h\u202f30\t!", "10 h 30 !", id="spaces"),
        pytest.param("œuvre Œ", "oeuvre OE", id="ligatures"),
        pytest.param("“a” ‘b’ «c»", '"a" \'b\' "c"', id="quotes"),
        pytest.param("a – b … •", "a - b ... -", id="dashes and dots"),
        pytest.param("Łódź Čapek", "Lodz Capek", id="letters"),
        pytest.param("a\u200bb", "ab", id="invisible"),
        pytest.param("🎉 Привет", "🎉 Привет", id="no such form"),
        pytest.param("Þ", "y", id="as the gateway does"),
        pytest.param("€[]é", "€[]é", id="GSM-7"),
    ],
)
def test_plain_replaces_what_forces_unicode(text, replaced):
    """Where a character has a form that does not."""
    assert plain(text) == replaced
