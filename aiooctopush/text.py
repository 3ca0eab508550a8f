"""
What a text costs, and what the gateway makes of it.

Pure functions: how many parts a text has and which character makes it dearer, the
gateway's own rewriting, the values merged into a text, the STOP mentions, and the
hours in which marketing is not to be sent.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
from attrs import field, frozen

from .errors import InvalidFieldError


GSM_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""
The default alphabet: a character's place is its septet.

Place 27 is the escape to `GSM_EXTENSION`, not a character that can be sent.

Source: 3GPP TS 23.038 (GSM 03.38), section 6.2.1.
"""

GSM_EXTENSION: Final[Mapping[str, int]] = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""
Characters that take two septets, the escape and the one given here.

Source: 3GPP TS 23.038 (GSM 03.38), section 6.2.1.1.
"""

REPLACEMENTS: Final[Mapping[str, str]] = {
    **dict.fromkeys("ÀÁÂÃ", "A"),
    **dict.fromkeys("ÈÊË", "E"),
    **dict.fromkeys("ÌÍÎÏ", "I"),
    "Ð": "D",
    **dict.fromkeys("ÒÓÔÕ", "O"),
    **dict.fromkeys("ÙÚÛ", "U"),
    **dict.fromkeys("ÝŸ", "Y"),
    **dict.fromkeys("áâã", "a"),
    **dict.fromkeys("êë", "e"),
    **dict.fromkeys("íîï", "i"),
    **dict.fromkeys("ðóôõ", "o"),
    # The page has the micro sign; the Greek letter that looks like it is another.
    **dict.fromkeys("úû\N{MICRO SIGN}", "u"),
    **dict.fromkeys("ýÿ", "y"),
    "ç": "c",
    "Þ": "y",
    "°": "o",
    # "Dash" on the page; the hyphen is the only one that GSM-7 has.
    **dict.fromkeys("¨^", "-"),
    # Printed with typographic quotes on the page, which GSM-7 does not have.
    **dict.fromkeys("«»“”", '"'),
    "|": "I",
    "\\": "/",
    **dict.fromkeys("\N{SINGLE LOW-9 QUOTATION MARK}„", ","),
    "…": ".",
    **dict.fromkeys("‘’´`", "'"),
    "•": ".",
    **dict.fromkeys("\N{EN DASH}\N{EM DASH}", "-"),
}
"""
What the gateway's optimization replaces, in the order of its page.

Always one character by one character, and no result is replaced again, so the
order does not matter.

Source: gateway documentation, "Special characters" (documented, unseen).
"""

_REPLACE: Final = str.maketrans(dict(REPLACEMENTS))

_ESCAPE: Final = "\x1b"
_GSM: Final = frozenset(GSM_BASIC).difference(_ESCAPE).union(GSM_EXTENSION)
_not_gsm = re.compile(f"[^{re.escape(''.join(sorted(_GSM)))}]").search

DOUBLE_FOR_THE_GATEWAY: Final = "{}€[]~^|&$@\n\r"
"""
What the gateway's page counts double.

The standard does not do so for "&", "$", "@", the newline and the carriage return. "¨"
and the tab, also on the page, are left out: they are not in GSM-7 at all.

Source: gateway documentation, "Special characters" (documented, unseen).
"""

_two_septets = re.compile(f"[{re.escape(''.join(GSM_EXTENSION))}]")
_two_at_most = re.compile(
    f"[{re.escape(''.join({*GSM_EXTENSION, *DOUBLE_FOR_THE_GATEWAY}))}]"
)
_surrogate_pair = re.compile("[\U00010000-\U0010ffff]")

# A character of two units, laid out. The second half is none of GSM-7, and in a text
# in Unicode it is laid out itself, so it cannot be taken for a character of the text.
_SECOND_HALF: Final = "\U0010ffff"
_TWO_UNITS: Final = f"-{_SECOND_HALF}"

_GSM_SINGLE: Final = 160
_GSM_PART: Final = 153
_UNICODE_SINGLE: Final = 70
_UNICODE_PART: Final = 67
# The user manual says 67, as the standard does; the page "Special characters" 63.
_UNICODE_PART_AT_LEAST: Final = 63


class Encoding(StrEnum):
    """How a text goes over the air."""

    GSM7 = "gsm7"
    """Septets: 160 in one part, 153 in each of several."""

    UNICODE = "unicode"
    """UTF-16 code units: 70 in one part, 67 in each of several."""


@frozen(kw_only=True)
class TextMeasure:
    """
    How long a text is.

    Attributes:
        encoding: What the text needs; one character decides for the whole.
        units: Septets in GSM-7, UTF-16 code units in Unicode.
        parts: By the standard; 0 for an empty text, which cannot be sent.
        parts_at_most: By the gateway's stricter page; never below ``parts``.
        forced_by: The first character that is not in GSM-7, if there is one.
        forced_at: Its place in the text as given, counted from 0.
    """

    encoding: Encoding
    units: int
    parts: int
    parts_at_most: int
    forced_by: str | None = None
    forced_at: int | None = None

    @property
    def forced_name(self) -> str | None:
        """Unicode's name of ``forced_by``, such as ``COMBINING ACUTE ACCENT``."""
        if self.forced_by is None:
            return None
        return unicodedata.name(self.forced_by, f"U+{ord(self.forced_by):04X}")


def optimize(text: str) -> str:
    """
    Replace what the gateway replaces unless ``auto_optimize_text`` is false.

    The length stays the same. The gateway also removes "useless spaces", by a rule
    that it does not give: spaces are left alone here.

    Source: gateway documentation, "Special characters" (documented, unseen).
    """
    return text.translate(_REPLACE)


def measure(text: str, *, optimized: bool = True) -> TextMeasure:
    """
    Count the units and parts of a text, with its values merged already.

    Neither an escaped character nor a surrogate pair is split between parts. Longer
    sequences, such as a family emoji, are: each of their characters counts alone.

    Args:
        text: Of any length; what is too long is measured, too.
        optimized: Whether the gateway may rewrite the text first, see `optimize`.

    Source: 3GPP TS 23.038 and 23.040; ``parts_at_most`` by the gateway's
    documentation, "Special characters" (documented, unseen).
    """
    sent = optimize(text) if optimized else text
    outsider = _not_gsm(sent)
    if outsider:
        units = _surrogate_pair.sub(_TWO_UNITS, sent)
        return TextMeasure(
            encoding=Encoding.UNICODE,
            units=len(units),
            parts=_parts(units, single=_UNICODE_SINGLE, part=_UNICODE_PART),
            parts_at_most=_parts(
                units, single=_UNICODE_SINGLE, part=_UNICODE_PART_AT_LEAST
            ),
            # The replacement keeps every place, and never makes an outsider.
            forced_by=outsider[0],
            forced_at=outsider.start(),
        )
    units = _two_septets.sub(_TWO_UNITS, sent)
    at_most = _two_at_most.sub(_TWO_UNITS, sent)
    return TextMeasure(
        encoding=Encoding.GSM7,
        units=len(units),
        parts=_parts(units, single=_GSM_SINGLE, part=_GSM_PART),
        parts_at_most=_parts(at_most, single=_GSM_SINGLE, part=_GSM_PART),
    )


def _parts(units: str, *, single: int, part: int) -> int:
    """Count the parts of a text that is laid out, one character a unit."""
    if len(units) <= single:
        return min(len(units), 1)
    parts, end = 1, part
    while end < len(units):
        # Division would split a character that stands across the boundary.
        if units[end] == _SECOND_HALF:
            end -= 1
        parts += 1
        end += part
    return parts


def character_in_words(one: str) -> str:
    """Write a character with its name and number, for readers who cannot see it."""
    name = unicodedata.name(one, "")
    return f"{one!r} ({name}{', ' * bool(name)}U+{ord(one):04X})"


# --- merged values --------------------------------------------------------------------

MERGE_FIELDS: Final = (
    "first_name",
    "last_name",
    "param1",
    "param2",
    "param3",
    "param4",
    "param5",
)
"""
Names that may stand in braces.

Source: gateway documentation, "Personalized sendings" (documented, unseen).
"""

# Doubled braces are meant as such, and so are looked for first.
_known = re.compile(rf"\{{\{{|\}}\}}|\{{({'|'.join(MERGE_FIELDS)})\}}")
# Up to 30 letters, digits, spaces, dots or hyphens, so that other braces stay free.
_like_one = re.compile(r"\{\{|\}\}|\{ *(\w[\w .\-]{0,29})\}")

# What other programs, and the gateway's older ones, call them.
_OTHER_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("prenom", "prénom", "firstname", "vorname", "nombre", "nome", "name"),
        "first_name",
    ),
    **dict.fromkeys(
        ("nom", "lastname", "nachname", "apellido", "apellidos", "cognome", "surname"),
        "last_name",
    ),
    **{f"ch{number}": f"param{number}" for number in range(1, 6)},
}


def merge(text: str, values: Mapping[str, str | None]) -> str:
    """
    Estimate the text that one recipient gets.

    What the gateway does with a placeholder without a value is undocumented. That
    nothing takes its place is our estimate: good enough for a length, not a promise.

    Args:
        text: With placeholders such as ``{first_name}``; ``{{`` and ``}}`` are braces.
        values: By name, without braces. Names that are no placeholders are passed
            over, and placeholders inside a value are not replaced again.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return found[0][0] if name is None else values.get(name) or ""

    return _known.sub(value, text)


def placeholders(text: str) -> tuple[str, ...]:
    """Names of the placeholders in a text, each once, in order of appearance."""
    return tuple(dict.fromkeys(name for name in _known.findall(text) if name))


def unknown_placeholders(text: str) -> tuple[str, ...]:
    """
    Words in braces that look like a placeholder and are none.

    ``{firstname}``, ``{param6}`` or ``{First_Name}`` would be sent as they stand.
    Each is given once, without its braces, in order of appearance. Words between
    ``{{`` and ``}}`` are meant as they stand.
    """
    found = dict.fromkeys(
        match[0][1:-1] for match in _like_one.finditer(text) if match[1]
    )
    return tuple(name for name in found if name not in MERGE_FIELDS)


def suggested_placeholder(name: str) -> str | None:
    """
    Find the placeholder that was probably meant; None if there is none.

    Args:
        name: Without braces, such as ``firstname`` or ``prenom``.
    """
    # Only for an error, and slow to load.
    from difflib import get_close_matches  # noqa: PLC0415

    plain_name = name.strip().lower().replace(" ", "_").replace("-", "_")
    known = _OTHER_NAMES.get(plain_name.replace("_", ""))
    if known:
        return known
    found = get_close_matches(plain_name, MERGE_FIELDS, n=1)
    return found[0] if found else None


def problem_of_placeholder(name: str) -> str:
    """Say of a word in braces that it is no placeholder, and what may be meant."""
    meant = suggested_placeholder(name)
    advice = f"; did you mean {{{meant}}}?" if meant else "."
    return (
        f"{{{name}}} is no placeholder and would be sent as it stands{advice} "
        f"Braces that are meant are written twice, as in {{{{{name}}}}}."
    )


def as_sent(text: str) -> str:
    """Write a text as the gateway is to get it: ``{{`` and ``}}`` as single braces."""
    return _known.sub(lambda found: found[0] if found[1] else found[0][0], text)


def check_placeholders(text: str) -> None:
    """
    Refuse a text whose braces would not do what is meant.

    Raises:
        InvalidFieldError: A word in braces is no placeholder; or what would be a
            placeholder is meant as it stands, which the gateway cannot do.
    """
    unknown = unknown_placeholders(text)
    if unknown:
        problem = problem_of_placeholder(unknown[0]).removesuffix(".")
        raise InvalidFieldError("text", problem)
    sent = as_sent(text)
    if sent != text and len(placeholders(sent)) > len(placeholders(text)):
        raise InvalidFieldError(
            "text",
            "holds a placeholder between doubled braces, which the gateway would "
            "replace all the same",
        )


# --- characters -----------------------------------------------------------------------


@frozen(kw_only=True)
class CostlyCharacter:
    """
    A character that makes a text longer or dearer.

    Attributes:
        character: The character.
        count: How often it stands in the text.
        first_at: Its first place in the text, counted from 0.
        forces_unicode: Whether it makes the whole text Unicode, 70 characters to a
            part; otherwise it takes two of 160 places.
    """

    character: str
    count: int
    first_at: int
    forces_unicode: bool

    @property
    def name(self) -> str:
        """Unicode's name, such as ``COMBINING ACUTE ACCENT``."""
        return unicodedata.name(self.character, f"U+{ord(self.character):04X}")


def costly_characters(
    text: str, *, optimized: bool = True
) -> tuple[CostlyCharacter, ...]:
    """
    Find all characters that make a text dearer, in order of appearance.

    Args:
        text: As it is sent; values merged in may hold others.
        optimized: Whether the gateway may rewrite the text first, see `optimize`.
    """
    sent = optimize(text) if optimized else text
    found: dict[str, list[int]] = {}
    for at, one in enumerate(sent):
        if one not in _GSM or one in GSM_EXTENSION:
            found.setdefault(one, []).append(at)
    return tuple(
        CostlyCharacter(
            character=one,
            count=len(places),
            first_at=places[0],
            forces_unicode=one not in _GSM,
        )
        for one, places in found.items()
    )


_PLAIN: Final[Mapping[str, str]] = {
    **dict.fromkeys("‘’‚‛′´`ʼ‹›", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "…": "...",
    "•": "-",
    "œ": "oe",
    "Œ": "OE",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ı": "i",
    "™": "TM",
}


def plain(text: str) -> str:
    """
    Replace the characters that force Unicode by ones that do not, where there are such.

    Accents that are characters of their own are joined with their letters; no-break
    and other spaces become spaces; typographic quotes, dashes and dots become plain
    ones; ``œ`` becomes ``oe``; letters lose accents that GSM-7 does not have; invisible
    characters go. What has no such form, such as an emoji, stays.
    """
    return "".join(map(_plain_form, unicodedata.normalize("NFC", text)))


def _plain_form(one: str) -> str:
    if one in _GSM:
        return one
    if one in _PLAIN:
        return _PLAIN[one]
    category = unicodedata.category(one)
    if category == "Cf":
        return ""
    if category == "Zs" or one == "\t":
        return " "
    letters = [
        letter
        for letter in unicodedata.normalize("NFKD", one)
        if unicodedata.category(letter) != "Mn"
    ]
    is_plain = letters and all(letter in _GSM for letter in letters)
    return "".join(letters) if is_plain else REPLACEMENTS.get(one, one)


# --- STOP mentions --------------------------------------------------------------------

_stop_mention = re.compile(r"STOP au (?:X{5}(?!X)|[0-9]{5}(?![0-9]))").search
_five_x = re.compile(r"(?<!X)X{5}(?!X)").findall


def has_stop_mention(text: str) -> bool:
    """
    Tell whether a text has the mention that premium marketing needs in France.

    ``STOP au XXXXX``, for which the gateway fills in the carrier's short number, or
    that number itself, as in ``STOP au 30101``. The case counts.

    Source: gateway documentation, "Return codes", and an answer seen by a third-party
    client.
    """
    return _stop_mention(text) is not None


def has_low_cost_stop(text: str) -> bool:
    """
    Tell whether a text has ``no PUB=STOP``, which low-cost marketing needs.

    The case counts.

    Source: gateway documentation, "Return codes" (documented, unseen).
    """
    return "no PUB=STOP" in text


def placeholder_runs(text: str) -> int:
    """
    Count the runs of exactly five X.

    The gateway puts the carrier's short number in place of each, not only in the
    mention: more than one is worth a warning.

    Source: the gateway's blog, 2013 (documented, unseen).
    """
    return len(_five_x(text))


# --- quiet hours ----------------------------------------------------------------------

_FRANCE: Final = "Europe/Paris"
_SUNDAY: Final = 6

# Days after Easter Sunday: Easter Monday, Ascension, Whit Monday.
_AFTER_EASTER: Final = (1, 39, 50)
_FIXED: Final = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))


def _wall_time(_: object, attribute: "attrs.Attribute[time]", value: time) -> None:
    known: object = value
    if not isinstance(known, time) or value.tzinfo is not None:
        raise InvalidFieldError(
            attribute.name,
            "must be a time of day in France, such as time(20), without a time zone",
            shown=repr(value)[:80],
        )


@frozen(kw_only=True)
class QuietHours:
    """
    When marketing SMS is not to be sent in France, by wall clock there.

    What the gateway does with such a message is undocumented: it may refuse, delay or
    send it. So nothing is refused here because of them; they are worth a warning.

    Args:
        begin: When the quiet of a day begins; the default is 20:00.
        end: When it ends, on the next day if that is earlier; the default is 08:00.
            If both are the same, no hours of a working day are quiet.
        whole_days: Whether Sundays and public holidays are quiet from midnight to
            midnight.

    Raises:
        InvalidFieldError: A bound is no time of day, or carries a time zone.

    Source: the vendor's article on deferred sending, for the defaults (documented,
    unseen). That the clock is that of Paris and the holidays are those of the whole
    country, without the two more of Alsace and Moselle, is our reading. A carriers'
    charter of 2026 is said to allow 08:00 to 21:30.
    """

    begin: time = field(default=time(20), validator=_wall_time)
    end: time = field(default=time(8), validator=_wall_time)
    whole_days: bool = True

    def end_of(self, wall: datetime) -> datetime | None:
        """
        When the present quiet ends; None if there is none.

        Args:
            wall: In France; only what the clock on the wall shows is looked at.
        """
        day, now = wall.date(), wall.time()
        day_off = wall.weekday() == _SUNDAY or day in public_holidays(day.year)
        if day_off and self.whole_days:
            return _at(wall + timedelta(days=1), time())
        if self.begin <= self.end:
            return _at(wall, self.end) if self.begin <= now < self.end else None
        if now < self.end:
            return _at(wall, self.end)
        # Up to midnight: the day that begins there may be quiet as a whole.
        return _at(wall + timedelta(days=1), time()) if now >= self.begin else None


FRENCH_QUIET_HOURS: Final = QuietHours()
"""From 20:00 to 08:00, and on Sundays and public holidays."""


def in_france(instant: datetime) -> datetime:
    """The instant by the clock of Paris; LookupError without a time zone database."""
    try:
        return instant.astimezone(ZoneInfo(_FRANCE))
    except ZoneInfoNotFoundError as error:
        raise LookupError(
            "this machine has no database of time zones; install the package tzdata"
        ) from error


def quiet_until(
    instant: datetime, *, hours: QuietHours = FRENCH_QUIET_HOURS
) -> datetime | None:
    """
    Tell when marketing SMS may be sent to France, if not at that instant.

    Args:
        instant: Aware, in any time zone.
        hours: Which hours are quiet.

    Returns:
        The first instant after it that is not quiet, by the clock of Paris; None if
        the instant itself is not.

    Raises:
        LookupError: This machine has no database of time zones.
    """
    wall = in_france(instant)
    end = hours.end_of(wall)
    last = None
    # A night may be followed by a Sunday, and that by a holiday and another night.
    while end is not None:
        last, end = end, hours.end_of(end)
    return last


def public_holidays(year: int) -> frozenset[date]:
    """
    The eleven public holidays of the whole of France.

    Source: French Labour Code, article L3133-1.
    """
    sunday = easter_sunday(year)
    fixed = (date(year, month, day) for month, day in _FIXED)
    return frozenset(fixed).union(sunday + timedelta(days) for days in _AFTER_EASTER)


def easter_sunday(year: int) -> date:
    """
    Easter Sunday in the Gregorian calendar.

    Source: Meeus, "Astronomical Algorithms", chapter 8.
    """
    century, of_century = divmod(year, 100)
    golden = year % 19
    corrected = (8 * century + 13) // 25
    epact = (19 * golden + century - century // 4 - corrected + 15) % 30
    weekday = (32 + 2 * (century % 4 + of_century // 4) - epact - of_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _at(wall: datetime, moment: time) -> datetime:
    """Another time of the same day; the second 02:30 of a night stays the second."""
    return datetime.combine(wall.date(), moment, tzinfo=wall.tzinfo).replace(
        fold=wall.fold
    )
