"""Texts: their parts, the rewriting of the gateway, and costly characters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush._limits import LOW_COST_MAX, MAX_MERGE_FIELD, MAX_TEXT
from aiooctopush.text import (
    GSM_BASIC,
    GSM_EXTENSION,
    REPLACEMENTS,
    Encoding,
    TextMeasure,
    costly_characters,
    measure,
    optimize,
    plain,
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
