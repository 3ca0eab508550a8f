"""
What a text costs, and what the gateway makes of it.

Pure functions: how many parts a text has and which character makes it dearer, the
gateway's own rewriting, the values merged into a text, and the STOP mentions.
"""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attrs import frozen


MAX_TEXT: Final = 1224
"""
Characters of a text: 8 parts of 153.

Source: gateway documentation, "Send SMS". Some pages add "not unicode"; whether
Unicode or escaped characters lower the limit, none says (documented, unseen).
"""

MAX_MERGE_FIELD: Final = 50
"""
Characters of one merged value.

Source: gateway documentation, "Personalized sendings" (documented, unseen).
"""

LOW_COST_MAX: Final = 160
"""
Characters of a low-cost text; a longer one is refused.

Source: gateway documentation, "Special characters" (documented, unseen).
"""

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
What the gateway's optimisation replaces, in the order of its page.

Always one character by one character, and no result is replaced again, so the
order does not matter.

Source: gateway documentation, "Special characters" (documented, unseen).
"""

_REPLACE: Final = str.maketrans(dict(REPLACEMENTS))

_ESCAPE: Final = "\x1b"
_GSM: Final = frozenset(GSM_BASIC).difference(_ESCAPE).union(GSM_EXTENSION)
_not_gsm = re.compile(f"[^{re.escape(''.join(sorted(_GSM)))}]").search

# What the gateway's page counts double. The standard does not do so for "&", "$",
# "@", the newline and the carriage return. "¨" and the tab, also on the page, are
# left out: they are not in GSM-7 at all.
# Source: gateway documentation, "Special characters" (documented, unseen).
_DOUBLE_FOR_THE_GATEWAY: Final = "{}€[]~^|&$@\n\r"
_two_septets = re.compile(f"[{re.escape(''.join(GSM_EXTENSION))}]")
_two_at_most = re.compile(
    f"[{re.escape(''.join({*GSM_EXTENSION, *_DOUBLE_FOR_THE_GATEWAY}))}]"
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


def optimise(text: str) -> str:
    """
    Replace what the gateway replaces unless ``auto_optimize_text`` is false.

    The length stays the same. The gateway also removes "useless spaces", by a rule
    that it does not give: spaces are left alone here.

    Source: gateway documentation, "Special characters" (documented, unseen).
    """
    return text.translate(_REPLACE)


def measure(text: str, *, optimised: bool = True) -> TextMeasure:
    """
    Count the units and parts of a text, with its values merged already.

    Neither an escaped character nor a surrogate pair is split between parts. Longer
    sequences, such as a family emoji, are: each of their characters counts alone.

    Args:
        text: Of any length; what is too long is measured, too.
        optimised: Whether the gateway may rewrite the text first, see `optimise`.

    Source: 3GPP TS 23.038 and 23.040; ``parts_at_most`` by the gateway's
    documentation, "Special characters" (documented, unseen).
    """
    sent = optimise(text) if optimised else text
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

_known = re.compile(rf"\{{({'|'.join(MERGE_FIELDS)})\}}")
# Up to 30 letters, digits, spaces, dots or hyphens, so that other braces stay free.
_like_one = re.compile(r"\{ *(\w[\w .\-]{0,29})\}")


def merge(text: str, values: Mapping[str, str | None]) -> str:
    """
    Estimate the text that one recipient gets.

    What the gateway does with a placeholder without a value is undocumented. That
    nothing takes its place is our estimate: good enough for a length, not a promise.

    Args:
        text: With placeholders such as ``{first_name}``.
        values: By name, without braces. Names that are no placeholders are passed
            over, and placeholders inside a value are not replaced again.
    """
    return _known.sub(lambda found: values.get(found[1]) or "", text)


def placeholders(text: str) -> tuple[str, ...]:
    """Names of the placeholders in a text, each once, in order of appearance."""
    return tuple(dict.fromkeys(_known.findall(text)))


def unknown_placeholders(text: str) -> tuple[str, ...]:
    """
    Words in braces that look like a placeholder and are none.

    ``{firstname}``, ``{param6}`` or ``{First_Name}`` would be sent as they stand.
    Each is given once, without its braces, in order of appearance.
    """
    found = dict.fromkeys(match[0][1:-1] for match in _like_one.finditer(text))
    return tuple(name for name in found if name not in MERGE_FIELDS)


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
