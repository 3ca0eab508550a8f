"""
International phone numbers, without guessing.

A number is `+`, a country code and the rest: nothing is completed, because a
national number that is given a country by guess goes to another country.

Source: gateway documentation, "Send SMS" (documented, unseen).
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import orjson

from .errors import InvalidFieldError


MIN_DIGITS: Final = 5
"""The shortest number that is let through, in digits."""

MAX_DIGITS: Final = 16
"""The longest: the gateway's samples go one digit beyond the 15 of E.164."""

CLEAN_NUMBER: Final = rf"\+[1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}}+"
"""A pattern of what `normalize` leaves as it is; it ends behind the last digit."""

# Most numbers of a bulk are clean already, and one match is the cheapest proof of
# it: 0.2 µs, as fast as asking isascii, isdigit and the length one after the other.
is_clean: Final[Callable[[str], re.Match[str] | None]] = re.compile(
    CLEAN_NUMBER
).fullmatch
# The same for many, each on a line of its own: a third of the time of one by one.
# Possessive, for no number can be read in two ways.
_are_clean = re.compile(rf"(?:{CLEAN_NUMBER}\n)*+").fullmatch
_is_plausible = re.compile(rf"\+?[0-9]{{{MIN_DIGITS},{MAX_DIGITS}}}").fullmatch

# What people and spreadsheets put between digits. No slash: it often stands between
# two numbers. No brackets: "(0)" is a trunk prefix, to be left out and not dialled.
_SEPARATORS: Final = (
    " .-\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"
)
_DROP_SEPARATORS: Final = str.maketrans("", "", _SEPARATORS)
_DIGITS: Final = frozenset("0123456789")

# A data frame that took the number for a float: with the dot dropped it would be
# another number, one digit longer.
_is_decimal = re.compile(r"\+[0-9]+\.00?").fullmatch

_HIDDEN: Final = "****"
_HEAD: Final = 3
_TAIL: Final = 4
# From here on head and tail leave at least four digits hidden.
_LONG: Final = 11


def normalize(number: str, *, field: str = "phone_number") -> str:
    """
    Write an international number as `+` and 5 to 16 digits, or refuse it.

    Spaces, dots and hyphens between digits are dropped, as is white space around
    the number. Everything else is refused rather than mended, ``.0`` at the end
    included, which a data frame writes.

    Args:
        number: Such as ``+33 6 00 00 00 01``.
        field: Name of the argument, for the error.

    Raises:
        InvalidFieldError: No `+`, no country code, another character, or fewer than
            5 or more than 16 digits. The number is masked in the error.

    Source: gateway documentation, "Send SMS"; lengths from its samples (documented,
    unseen).
    """
    if not isinstance(number, str):
        problem = "must be a string that starts with '+' and the country code"
        raise InvalidFieldError(field, problem, shown=type(number).__name__)
    if is_clean(number):
        return number
    stripped = number.strip()
    bare = stripped.translate(_DROP_SEPARATORS)
    # A separator at the end is refused: something may have been cut off after it.
    framed = stripped[:1] == "+" and stripped[-1:] in _DIGITS
    if framed and is_clean(bare) and not _is_decimal(stripped):
        return bare
    raise InvalidFieldError(field, _problem(stripped), shown=mask(number))


def normalize_all(numbers: Sequence[str]) -> Sequence[str]:
    """
    Write many international numbers as `normalize` does, or refuse the first bad one.

    Args:
        numbers: Each a str.

    Returns:
        The same object if there is nothing to change.

    Raises:
        InvalidFieldError: As `normalize` says of the first that it refuses.
    """
    lines = "\n".join((*numbers, ""))
    # A line end inside a number would make two of it.
    if lines.count("\n") == len(numbers) and _are_clean(lines):
        return numbers
    return [normalize(number) for number in numbers]


def as_ints(numbers: Sequence[str]) -> list[int]:
    """
    Many numbers as integers, in half of the time that `int` takes.

    Args:
        numbers: As `normalize` writes them, so that each is read as another integer.
    """
    found: list[int] = orjson.loads(f"[{','.join(numbers)}]".replace("+", ""))
    return found


def _problem(stripped: str) -> str:
    """Say what is wrong with a number, and what to write, without quoting it."""
    if not stripped:
        return "is empty"
    if stripped.startswith("00"):
        return "must start with '+' and the country code, not with '00'"
    if not stripped.startswith("+"):
        return "must start with '+' and the country code"
    if _is_decimal(stripped):
        return "must not be written as a decimal number"
    return _problem_after_plus(stripped[1:].translate(_DROP_SEPARATORS))


def _problem_after_plus(bare: str) -> str:
    if "(0)" in bare:
        return "must be written without the '(0)' that is dialled inside a country"
    for character in bare:
        if character not in _DIGITS:
            return (
                f"holds {character!r}: only digits, and between them spaces, dots "
                "and hyphens, may follow the '+'"
            )
    if bare.startswith("0"):
        return "must have a country code after the '+', and none begins with 0"
    if not MIN_DIGITS <= len(bare) <= MAX_DIGITS:
        return f"must have {MIN_DIGITS} to {MAX_DIGITS} digits, has {len(bare)}"
    return "must end with a digit"


def mask(number: object) -> str:
    """
    Hide the middle of a number, for logs and errors: ``+336****0001``.

    From 11 digits on the first three and the last four are shown; of a shorter
    number at most half of the digits, and of what is no number nothing at all. The
    number of stars says nothing. Never raises, whatever it is given.
    """
    # The length is asked first, so that a text of a megabyte costs nothing here.
    if not isinstance(number, str) or len(number) > 4 * MAX_DIGITS:
        return _HIDDEN
    bare = number.strip().translate(_DROP_SEPARATORS)
    if not _is_plausible(bare):
        return _HIDDEN
    digits = bare.removeprefix("+")
    plus = bare[: len(bare) - len(digits)]
    long = len(digits) >= _LONG
    head = _HEAD if long else len(digits) // 4
    tail = _TAIL if long else len(digits) // 4
    return f"{plus}{digits[:head]}{_HIDDEN}{digits[-tail:]}"
