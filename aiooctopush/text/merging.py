"""Values merged into a text: its placeholders, and the text of one recipient."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ..errors import InvalidFieldError


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
Allowed names of placeholders.

Source: gateway documentation, "Personalized sendings" (documented, unseen).
"""

# Doubled braces are meant as such, and so are looked for first.
_NAMES: Final = "|".join(MERGE_FIELDS)
_known = re.compile(rf"\{{\{{|\}}\}}|\{{({_NAMES})\}}")
# Up to 30 letters, digits, spaces, dots or hyphens, so that other braces stay free.
_like_one = re.compile(r"\{\{|\}\}|\{ *(\w[\w .\-]{0,29})\}")
# The gateway knows no doubled braces.
_replaced = re.compile(rf"\{{(?:{_NAMES})\}}")
_doubled = re.compile(rf"\{{\{{({_NAMES})\}}\}}")
# A name with half of its braces, or with those of another program.
_framed_wrongly = re.compile(
    rf"(?:\{{\W?|[\[<%$#])({_NAMES})\b[\}}\]>%#]?|\b({_NAMES})(?:\W?\}}|[\]>%#])"
)

# Names in other programs, and in older versions of the gateway.
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

    How the gateway handles a placeholder without a value is undocumented. The
    removal of the placeholder is our estimate. It is good enough for a length; the
    gateway may handle it differently.

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
    Find words that look like placeholders but would not work, each once, in order.

    ``{firstname}``, ``{param6}`` or ``{First_Name}`` would be sent unchanged. Such a
    word is returned without its braces. Words between ``{{`` and ``}}`` are intended as
    text. The name of a placeholder with other marks, as in ``{first_name`` or
    ``[first_name]``, is returned with them; likewise ``{{first_name}}``, which the
    gateway would replace all the same.
    """
    found = dict.fromkeys(
        match[0][1:-1] for match in _like_one.finditer(text) if match[1]
    )
    rest = _like_one.sub("\0", _known.sub("\0", text))
    return (
        *(name for name in found if name not in MERGE_FIELDS),
        *dict.fromkeys(one[0] for one in _framed_wrongly.finditer(rest)),
        *dict.fromkeys(_escaped(text)),
    )


def _escaped(text: str) -> Iterator[str]:
    """Placeholders between doubled braces; triple ones are one in braces."""
    meant = sum(bool(name) for name in _known.findall(text))
    replaced = len(_replaced.findall(as_sent(text)))
    return (one[0] for one in _doubled.finditer(text) if replaced > meant)


def suggested_placeholder(name: str) -> str | None:
    """
    Return the placeholder that was probably meant, or None.

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
    """
    Explain what is wrong with a placeholder, and suggest a correction.

    Args:
        name: One of `unknown_placeholders`.
    """
    if doubled := _doubled.fullmatch(name):
        return (
            f"{name} is replaced by the gateway all the same, doubled braces or not; "
            f"write {{{doubled[1]}}}."
        )
    if framed := _framed_wrongly.fullmatch(name):
        meant = framed[1] or framed[2]
        return f"{name} would be sent as it stands; write {{{meant}}}."
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
    Refuse a text with braces that would not work as intended.

    Raises:
        InvalidFieldError: A word in braces is not a placeholder; or a placeholder is
            escaped, which the gateway does not support, or lacks a brace.
    """
    unknown = unknown_placeholders(text)
    if unknown:
        problem = problem_of_placeholder(unknown[0]).removesuffix(".")
        raise InvalidFieldError("text", problem)
