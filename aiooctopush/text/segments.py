"""How many parts a text has, which characters make it dearer, and the rewriting."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attrs import frozen


GSM_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""
The default alphabet: a character's place is its septet.

Place 27 is the escape to `GSM_EXTENSION`; it cannot be sent as a character.

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
Characters that take two septets: an escape and this character.

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
The gateway's replacements, in the order of its page.

Each replaces one character by one character. No result is replaced again, so the
order does not matter.

Source: gateway documentation, "Special characters" (documented, unseen).
"""

_REPLACE: Final = str.maketrans(dict(REPLACEMENTS))

_ESCAPE: Final = "\x1b"
_GSM: Final = frozenset(GSM_BASIC).difference(_ESCAPE).union(GSM_EXTENSION)
_not_gsm = re.compile(f"[^{re.escape(''.join(sorted(_GSM)))}]").search

DOUBLE_FOR_THE_GATEWAY: Final = "{}€[]~^|&$@\n\r"
"""
Characters that the gateway's page counts double.

The standard does not do so for "&", "$", "@", the newline and the carriage return. "¨"
and the tab, also on the page, are left out. They are not in GSM-7 at all.

Source: gateway documentation, "Special characters" (documented, unseen).
"""

_two_septets = re.compile(f"[{re.escape(''.join(GSM_EXTENSION))}]")
_two_at_most = re.compile(
    f"[{re.escape(''.join({*GSM_EXTENSION, *DOUBLE_FOR_THE_GATEWAY}))}]"
)
_surrogate_pair = re.compile("[\U00010000-\U0010ffff]")

# A character of two code units in one string. Its second half is not in GSM-7. A
# Unicode text is encoded in the same way, so the pair cannot be mistaken for characters
# of the text.
_SECOND_HALF: Final = "\U0010ffff"
_TWO_UNITS: Final = f"-{_SECOND_HALF}"

_GSM_SINGLE: Final = 160
_GSM_PART: Final = 153
_UNICODE_SINGLE: Final = 70
_UNICODE_PART: Final = 67
# The user manual gives 67, as the standard does; the page "Special characters" 63.
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
        encoding: Encoding that the text needs; one character decides for the whole.
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
    Apply the gateway's replacements, which it makes unless ``auto_optimize_text`` is
    false.

    The length stays the same. The gateway also removes "useless spaces", by a rule
    that it does not give: spaces are left alone here.

    Source: gateway documentation, "Special characters" (documented, unseen).
    """
    return text.translate(_REPLACE)


def measure(text: str, *, optimized: bool = True) -> TextMeasure:
    """
    Count the units and parts of a text, with its values merged already.

    Escaped characters and surrogate pairs are not split between parts. Longer
    sequences, such as a family emoji, are split, because each of their characters
    counts alone.

    Args:
        text: Text of any length, including texts that are too long to send.
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
        # Division would split a character at the boundary.
        if units[end] == _SECOND_HALF:
            end -= 1
        parts += 1
        end += part
    return parts


def character_in_words(one: str) -> str:
    """Write a character with its name and number, for readers who cannot see it."""
    name = unicodedata.name(one, "")
    return f"{one!r} ({name}{', ' * bool(name)}U+{ord(one):04X})"


@frozen(kw_only=True)
class CostlyCharacter:
    """
    A character that makes a text longer or dearer.

    Attributes:
        character: The character.
        count: Number of occurrences in the text.
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

    Combining accents are joined with their letters; no-break and other spaces become
    spaces. Typographic quotes, dashes and dots become plain ones. ``œ`` becomes ``oe``,
    letters lose accents that GSM-7 does not have, and invisible characters are removed.
    Characters without a plain form, such as emojis, are kept.
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
