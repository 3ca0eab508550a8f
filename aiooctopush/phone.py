"""
International phone numbers, without guessing.

A number is `+`, a country code and the rest. A national number is completed only if
its country was declared: a guess would send the message to another country.

Source: gateway documentation, "Send SMS" (documented, unseen).
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Final

import orjson

from .errors import InvalidFieldError, wrong_type


MIN_DIGITS: Final = 5
"""The shortest number that is let through, in digits."""

MAX_DIGITS: Final = 16
"""The longest: the gateway's samples go one digit beyond the 15 of E.164."""

CLEAN_NUMBER: Final = rf"\+[1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}}+"
"""Pattern of numbers that `normalize` does not change; ends after the last digit."""

# Most numbers of a bulk are clean already, and one match is the cheapest proof of
# it: 0.2 µs, as fast as asking isascii, isdigit and the length one after the other.
is_clean: Final[Callable[[str], re.Match[str] | None]] = re.compile(
    CLEAN_NUMBER
).fullmatch
# The same for many numbers, one per line, in a third of the time.
_are_clean = re.compile(rf"(?:{CLEAN_NUMBER}\n)*").fullmatch
_is_plausible = re.compile(rf"\+?[0-9]{{{MIN_DIGITS},{MAX_DIGITS}}}").fullmatch

# Common separators. Slashes are not included, because they often separate two numbers.
# Brackets are not either: "(0)" is a trunk prefix that must be left out.
_SEPARATORS: Final = (
    " .-\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"
)
_DROP_SEPARATORS: Final = str.maketrans("", "", _SEPARATORS)
_DIGITS: Final = frozenset("0123456789")

# A data frame stored the number as a float. Without the dot it would be another number,
# one digit longer.
_is_decimal = re.compile(r"\+[0-9]+\.00?|\+?[0-9]{5,16}[.,]0+").fullmatch
_is_rounded = re.compile(r"\+?[0-9]+(?:[.,][0-9]*)?[eE]\+?[0-9]+").fullmatch

# Ways to keep a spreadsheet from taking a number for a figure, and links to a number.
_FORMULA: Final = r'=\s*"([^"]*)"'
_TELEPHONE: Final = "tel:"

# A national number without its 0 has up to so many digits, an international one more.
_NATIONAL: Final = range(8, 11)
_DECLARE: Final = "declare its country (country='FR', --country FR)"

_HIDDEN: Final = "****"
_HEAD: Final = 3
_TAIL: Final = 4
# From here on head and tail leave at least four digits hidden.
_LONG: Final = 11


def normalize(
    number: str, *, country: str | None = None, field: str = "phone_number"
) -> str:
    """
    Write a phone number as `+` and 5 to 16 digits, or refuse it.

    Spaces, dots and hyphens between digits are dropped. The additions of spreadsheets,
    address books and links are dropped, too: white space, invisible characters, an
    apostrophe, ``="…"``, ``tel:``. Full-width digits become plain ones. All other input
    is refused instead of corrected, such as the ``.0`` that a data frame writes.

    Args:
        number: Such as ``+33 6 00 00 00 01``.
        country: Two letters, such as ``FR``. National numbers are then parsed as
            numbers of that country, by libphonenumber; international numbers are not
            changed. Needs the extra ``phone``.
        field: Name of the argument, for the error.

    Raises:
        InvalidFieldError: No `+` and no country, another character, or fewer than 5 or
            more than 16 digits. With a country, also a number that no phone can have,
            an unknown country, or a missing extra. The number is masked in the error.

    Source: gateway documentation, "Send SMS"; lengths from its samples (documented,
    unseen).
    """
    if not isinstance(number, str):
        problem = "must be a string that starts with '+' and the country code"
        raise wrong_type(field, problem, number)
    if country is not None:
        from ._numbering import read  # noqa: PLC0415  # an extra

        return read(number, country, field=field)
    if is_clean(number):
        return number
    bare = international(tidied(number))
    if bare is not None:
        return bare
    raise refusal(number, field)


def normalize_all(
    numbers: Sequence[str], *, country: str | None = None
) -> Sequence[str]:
    """
    Write many phone numbers as `normalize` does, or refuse the first bad one.

    Args:
        numbers: Each a str.
        country: See `normalize`.

    Returns:
        The same object if nothing has to change.

    Raises:
        InvalidFieldError: The first invalid number, as in `normalize`.
    """
    if are_clean(numbers) and country is None:
        return numbers
    return [normalize(number, country=country) for number in numbers]


def read_column(numbers: Sequence[str], country: str | None = None) -> list[str | None]:
    """
    Read many numbers as `normalize` does, in a fifth of its time.

    Args:
        numbers: Without white space around them.
        country: See `normalize`.

    Returns:
        None for each number that needs a closer look: it may be valid or not.
    """
    from ._numbering import read_column as read  # noqa: PLC0415  # an extra

    return read(numbers, country)


def are_clean(numbers: Sequence[str]) -> bool:
    """Return whether `normalize` leaves all of them as they are."""
    lines = "\n".join((*numbers, ""))
    # A line end inside a number would make two of it.
    return lines.count("\n") == len(numbers) and _are_clean(lines) is not None


def are_possible(numbers: Sequence[str]) -> bool:
    """
    Return whether phones can have all of many international numbers.

    By the rules of libphonenumber; without the extra ``phone`` nothing is doubted.

    Args:
        numbers: As `normalize` writes them.
    """
    from ._numbering import all_possible  # noqa: PLC0415  # an extra

    return all_possible(numbers)


def check_possible(number: str, *, field: str = "phone_number") -> None:
    """
    Refuse an international number that no phone can have.

    By the rules of libphonenumber; without the extra ``phone`` nothing is refused.

    Args:
        number: As `normalize` writes it.
        field: Name of the argument, for the error.

    Raises:
        InvalidFieldError: Too few or too many digits for its country, a prefix that is
            dialled inside a country only, or no such country code.
    """
    from ._numbering import impossible  # noqa: PLC0415  # an extra

    problem = impossible(number)
    if problem is not None:
        raise refusal(number, field, problem)


def country_of(number: str) -> str | None:
    """
    Return the country of an international number, in two letters.

    By the rules of libphonenumber; None without the extra ``phone``, and for numbers
    that belong to no country.

    Args:
        number: As `normalize` writes it.
    """
    from ._numbering import country_of as find  # noqa: PLC0415  # an extra

    return find(number)


TAIL_OF_HEAD: Final = 6
"""Digits that the head of a number leaves out."""

head_of: Final[Callable[[str], str]] = itemgetter(slice(-TAIL_OF_HEAD))
"""The head of a number: what a few hundred subscribers or a million share."""


def heads_of(numbers: Sequence[str]) -> Mapping[str, int]:
    """Count numbers by their heads: what is asked of many is asked of these once."""
    return Counter(map(head_of, numbers))


def tidied(number: str) -> str:
    """
    Remove characters around a number that can be removed without guessing.

    These are white space and invisible characters (Unicode category Cf), the quotes
    and apostrophes that keep a spreadsheet from changing a number, and ``tel:``.
    Digits of other scripts become ASCII digits.
    """
    if not number.isascii():
        number = "".join(map(_plain_character, number))
    number = number.strip()
    if number[:1] == "=" and (formula := re.fullmatch(_FORMULA, number)):
        number = formula[1].strip()
    if number[: len(_TELEPHONE)].lower() == _TELEPHONE:
        number = number[len(_TELEPHONE) :].lstrip()
    return number.removeprefix("'").lstrip()


def _plain_character(one: str) -> str:
    """Return the character, its ASCII digit, or nothing if it cannot be seen."""
    import unicodedata  # noqa: PLC0415  # a send of clean numbers does not need it

    category = unicodedata.category(one)
    if category == "Cf":
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(one))
    return "+" if one == "\N{FULLWIDTH PLUS SIGN}" else one


def international(tidy: str) -> str | None:
    """
    Read a tidied number with a country code.

    None if it has none, or is not a number.
    """
    bare = tidy.translate(_DROP_SEPARATORS)
    # A separator at the end is refused: something may have been cut off after it.
    framed = tidy[:1] == "+" and tidy[-1:] in _DIGITS
    return bare if framed and is_clean(bare) and not _is_decimal(tidy) else None


def refusal(number: str, field: str, problem: str | None = None) -> InvalidFieldError:
    """
    Make the error for a number that cannot be used.

    Args:
        number: As it was given.
        field: Name of the argument.
        problem: Description of the problem; by default it is found out.
    """
    masked = mask(tidied(number))
    return InvalidFieldError(
        field,
        problem or _problem(tidied(number)),
        shown=None if masked == _HIDDEN else masked,
    )


def as_ints(numbers: Sequence[str]) -> list[int]:
    """
    Convert many numbers to integers, in half of the time of `int`.

    Args:
        numbers: As `normalize` writes them, so that each is read as another integer.
    """
    found: list[int] = orjson.loads(f"[{','.join(numbers)}]".replace("+", ""))
    return found


def problem_of(tidy: str) -> str | None:
    """Return the problem of a number in any country; None if it is valid."""
    if not tidy:
        return "is empty"
    if _is_rounded(tidy):
        return (
            "was rounded by a spreadsheet, and its last digits are lost; format the "
            "column as text and enter the numbers again"
        )
    if _is_decimal(tidy):
        return "must not be written as a decimal number; export the column as text"
    return None


def _problem(tidy: str) -> str:
    """
    Describe the problem of a number and its correction, without quoting the number.
    """
    problem = problem_of(tidy)
    if problem:
        return problem
    if tidy.startswith("00"):
        return "must start with '+' and the country code, not with '00'"
    if tidy.startswith("+"):
        return _problem_after_plus(tidy[1:].translate(_DROP_SEPARATORS))
    bare = tidy.translate(_DROP_SEPARATORS)
    for one in tidy[0], *bare:
        if one not in _DIGITS:
            return (
                "must start with '+' and the country code, and contains "
                f"{_in_words(one)}"
            )
    return f"must start with '+' and the country code{_advice(bare)}"


def _advice(digits: str) -> str:
    """Describe the problem and correction of a number that has only digits."""
    if digits.startswith("0"):
        return f"; it looks like a national number: {_DECLARE}"
    if len(digits) in _NATIONAL:
        return (
            "; it looks like a national number whose leading 0 was dropped by a "
            f"spreadsheet: {_DECLARE}"
        )
    if _NATIONAL.stop <= len(digits) <= MAX_DIGITS:
        return (
            "; a spreadsheet probably dropped the '+'; format the column as text and "
            f"enter the numbers again, or {_DECLARE}"
        )
    return ""


def _problem_after_plus(bare: str) -> str:
    if "(0)" in bare:
        return "must be written without the '(0)' for domestic calls"
    for character in bare:
        if character not in _DIGITS:
            return (
                f"contains {_in_words(character)}; only digits, and between them "
                "spaces, dots and hyphens, may follow the '+'"
            )
    if bare.startswith("0"):
        return "must have a country code after the '+'; no country code begins with 0"
    if not MIN_DIGITS <= len(bare) <= MAX_DIGITS:
        return f"must have {MIN_DIGITS} to {MAX_DIGITS} digits, has {len(bare)}"
    return "must end with a digit"


def _in_words(one: str) -> str:
    from .text import character_in_words  # noqa: PLC0415  # only for an error

    return character_in_words(one)


def mask(number: object) -> str:
    """
    Hide the middle of a number, for logs and errors: ``+336****0001``.

    A number of 11 digits or more keeps the first three and the last four. A shorter
    number keeps at most half of its digits; other text keeps no character. The number
    of stars has no meaning. Never raises, for any input.
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


def masked(number: str | None) -> str:
    """Show a number, or None, in the ``repr`` of a field; see `mask`."""
    return repr(number and mask(number))
