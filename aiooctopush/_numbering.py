"""
National phone numbers of a declared country, by the rules of libphonenumber.

Plain notations are parsed here in a tenth of the library's time, and those of a whole
column in a fifth of that; other notations are left to the library. All give the same
number.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import Any, Final, NamedTuple

from ._countries import check_country
from .phone import (
    MAX_DIGITS,
    international,
    is_clean,
    problem_of,
    refusal,
    tidied,
)
from .text import character_in_words


try:
    import phonenumbers
    from phonenumbers import (
        COUNTRY_CODE_TO_REGION_CODE,
        NumberParseException,
        PhoneMetadata,
        PhoneNumberFormat,
        ValidationResult,
    )
except ModuleNotFoundError:
    IS_INSTALLED = False
else:
    IS_INSTALLED = True

# Separators between the digits of a national number. Two numbers in one cell are too
# long together, with any separator.
_separators = re.compile(
    "[ .()/\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{HYPHEN}-\N{EN DASH}-]+"
)
# Separators that are one in national and in international numbers.
_between_digits = re.compile(
    "(?<=[0-9])[ .\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{HYPHEN}-]+(?=[0-9])"
)
# A number among others that may have been stored as a float.
_are_decimals = re.compile(r"^\+?[0-9]+\.0+$", re.MULTILINE).search
_offender = re.compile(r"(?!^\+)[^0-9]").search
_TRUNK: Final = "(0)"

# Plus, a country code of up to three digits, and at least one digit after it.
_KEY: Final = 5
CODE_AT_MOST: Final = 3
# Beginnings of numbers that are checked without looking which of them occur.
_HEADS_AT_MOST: Final = 100

_WRONG_LENGTH: Final = "has too {} digits for a number of {}"
_LONGER_THAN_ANY: Final = f"has more than {MAX_DIGITS} digits"


class _Lines(NamedTuple):
    """
    The rules of `_plain` as patterns for many numbers, one in each line.

    Attributes:
        national: Finds the part of a national number that ``+33`` replaces: nothing,
            or a prefix of one digit.
        international: Finds the part before a country code that ``+`` replaces:
            nothing, or a prefix such as 00.
    """

    national: re.Pattern[str]
    international: re.Pattern[str]


class _Rules(NamedTuple):
    """Rules of libphonenumber for the numbers of one country."""

    region: str
    code: str
    looks_right: Callable[[str], object]
    """Whether digits without a prefix have the shape of a national number."""
    lengths: tuple[int, ...]
    prefix: Callable[[str], "re.Match[str] | None"] | None
    """Matches the prefix of a national number, such as 0."""
    abroad: Callable[[str], "re.Match[str] | None"] | None
    """Matches the prefix of a country code, such as 00."""
    lines: _Lines


def read(number: str, country: str, *, field: str = "phone_number") -> str:
    """
    Read a number as `phone.normalize` does with a country.

    Raises:
        InvalidFieldError: No phone of that country, or of the country code in the
            number, can have it.
    """
    rules = _rules_of(country)
    if is_clean(number):
        found, problem = number, impossible(number)
    else:
        tidy = tidied(number)
        found, problem = _read(tidy, rules)
    if problem is not None:
        raise refusal(number, field, problem)
    return found


def read_column(numbers: Sequence[str], country: str | None) -> list[str | None]:
    """
    Read many numbers in common notations at once, a fifth of the time of `read`.

    Args:
        numbers: Without white space around them.
        country: Their country; None if each has its country code.

    Returns:
        For each what `read` makes of it, or without a country `phone.normalize`; None
        for a number that needs a closer look.
    """
    text = "\n".join(numbers)
    if text.count("\n") != len(numbers) - 1 or _are_decimals(text):
        return [None] * len(numbers)
    text = _between_digits.sub("", text)
    if country is not None:
        rules = _rules_of(country)
        text = rules.lines.national.sub(f"+{rules.code}", text)
        text = rules.lines.international.sub("+", text)
    return [
        one
        if is_clean(one) and (not IS_INSTALLED or _is_fine(one[:_KEY], len(one)))
        else None
        for one in text.split("\n")
    ]


def _read(tidy: str, rules: _Rules) -> tuple[str, str | None]:
    """A number, and its problem."""
    problem = problem_of(tidy)
    if problem:
        return "", problem
    bare = international(tidy)
    if bare is None:
        digits = _separators.sub("", tidy)
        offender = _offender(digits)
        if offender:
            return "", (
                f"contains {character_in_words(offender[0])}, which is no part of a "
                f"phone number"
            )
        if not tidy[-1].isdigit():
            return "", "must end with a digit"
        if _TRUNK in tidy:
            bare = _without_trunk(tidy)
        else:
            bare = digits if digits.startswith("+") else _plain(digits, rules)
        if bare is None:
            return _by_library(tidy, rules)
    problem = impossible(bare)
    if problem is None and not is_clean(bare):
        problem = _LONGER_THAN_ANY
    return bare, problem


def _without_trunk(tidy: str) -> str | None:
    """Leave out a (0) right behind the country code; None if that is not certain."""
    before, _, after = tidy.partition(_TRUNK)
    begin = _separators.sub("", before)
    bare = begin + _separators.sub("", after)
    code = code_of(bare[:_KEY])
    if code is None or begin != f"+{code}" or "0" not in _prefixes(code):
        return None
    return bare if _is_fine(bare[:_KEY], len(bare)) else None


def _plain(digits: str, rules: _Rules) -> str | None:
    """Read the notations that leave no choice; None for all others."""
    abroad = rules.abroad and rules.abroad(digits)
    if abroad:
        rest = digits[abroad.end() :]
        return f"+{rest}" if rest[:1] != "0" else None
    if rules.looks_right(digits):
        # A national number without its 0; that may be its own first digit, too.
        is_whole = len(digits) in rules.lengths
        has_prefix = rules.prefix is not None and rules.prefix(digits)
        return f"+{rules.code}{digits}" if is_whole and not has_prefix else None
    rest = digits.removeprefix(rules.code)
    is_longer = len(digits) > max(rules.lengths)
    if rest != digits and is_longer and _is_national(rest, rules):
        return f"+{digits}"
    prefix = rules.prefix and rules.prefix(digits)
    if prefix and prefix.end() == 1 and not any(prefix.groups()):
        rest = digits[1:]
        if not digits.startswith(rules.code) and _is_national(rest, rules):
            return f"+{rules.code}{rest}"
    return None


def _is_national(rest: str, rules: _Rules) -> bool:
    """Whether digits are a national number and begin with nothing else."""
    if len(rest) not in rules.lengths or not rules.looks_right(rest):
        return False
    prefix = rules.prefix and rules.prefix(rest)
    return not prefix or not prefix.end()


def _by_library(tidy: str, rules: _Rules) -> tuple[str, str | None]:
    try:
        parsed = phonenumbers.parse(tidy, rules.region)
    except NumberParseException as error:
        return "", _unparsed(error, rules.region)
    found = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    problem = _wrong_length(reason, rules.region)
    # The 0 is part of a number in few countries, as in Italy. Elsewhere the library
    # keeps it where the rest is too short without it, and calls that possible.
    if parsed.italian_leading_zero and not phonenumbers.is_valid_number(parsed):
        problem = problem or _WRONG_LENGTH.format("few", rules.region)
    if problem is None and not is_clean(found):
        problem = _LONGER_THAN_ANY
    return found, problem


def _unparsed(error: "NumberParseException", where: str) -> str:
    if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        return "has no existing country code"
    is_long = error.error_type == NumberParseException.TOO_LONG
    return _WRONG_LENGTH.format("many" if is_long else "few", where)


def _wrong_length(reason: int, where: str) -> str | None:
    if reason == ValidationResult.IS_POSSIBLE:
        return None
    if reason == ValidationResult.INVALID_LENGTH:
        return f"has a number of digits that does not exist in {where}"
    is_long = reason == ValidationResult.TOO_LONG
    return _WRONG_LENGTH.format("many" if is_long else "few", where)


@cache
def _rules_of(country: str) -> _Rules:
    region = check_country(country)
    known: Any = PhoneMetadata.metadata_for_region(region)
    about, prefix = known.general_desc, known.national_prefix_for_parsing
    abroad = known.international_prefix
    return _Rules(
        region=region,
        code=str(known.country_code),
        looks_right=re.compile(about.national_number_pattern).fullmatch,
        lengths=about.possible_length,
        prefix=re.compile(prefix).match if prefix else None,
        abroad=re.compile(abroad).match if abroad else None,
        lines=_lines_of(known),
    )


def _lines_of(known: Any) -> _Lines:
    """Make patterns of the questions of `_plain`, in its order."""
    about, prefix = known.general_desc, known.national_prefix_for_parsing or "(?!)"
    code, abroad = known.country_code, known.international_prefix or "(?!)"
    shape = f"(?:{about.national_number_pattern})$"
    lengths = "|".join(rf"\d{{{one}}}" for one in about.possible_length)
    whole = f"(?=(?:{lengths})$)(?={shape})(?!{prefix})"
    longer = rf"(?=\d{{{max(about.possible_length) + 1},}}$)"
    trunk = next((one for one in _listed(prefix) if len(one) == 1), "(?!)")
    return _Lines(
        re.compile(
            f"^(?!{abroad})(?:{whole}|(?!{shape})(?!{code}){trunk}{whole})",
            re.MULTILINE,
        ),
        re.compile(
            f"^(?:(?:{abroad})(?=[1-9])"
            f"|(?!{abroad})(?!{shape}){longer}(?={code}{whole}))",
            re.MULTILINE,
        ),
    )


# --- international numbers ------------------------------------------------------------


# By key and length: whether libphonenumber accepts each such number unchanged.
_fine: dict[tuple[str, int], bool] = {}


def all_possible(numbers: Sequence[str]) -> bool:
    """
    Return whether all of many international numbers may exist.

    For most numbers this is a lookup. True as well without the extra, because nothing
    is known of numbers then.
    """
    if not IS_INSTALLED:
        return True
    if not numbers or _are_fine_by_column(numbers):
        return True
    heads = {number[:_KEY] for number in numbers}
    lengths = set(map(len, numbers))
    if all(_is_fine(head, length) for head in heads for length in lengths):
        return True
    return not any(map(impossible, numbers))


def _are_fine_by_column(numbers: Sequence[str]) -> bool:
    """
    Return whether numbers of one length are possible, judged by the digits at each
    place. It takes a fifth of the time of their beginnings.

    If every combination of these digits is possible, the numbers are as well. False
    proves nothing: the numbers may have several lengths or many countries.
    """
    text, length, count = "".join(numbers), len(numbers[0]), len(numbers)
    # Each begins with its only plus, so in this case all are of one length.
    if len(text) != length * count or text[::length] != "+" * count:
        return False
    columns = (text[at::length] for at in range(1, _KEY))
    digits = [
        # Most columns repeat one digit, and counting it is faster.
        column[0] if column.count(column[0]) == count else "".join(set(column))
        for column in columns
    ]
    return prod(map(len, digits)) <= _HEADS_AT_MOST and all(
        _is_fine("".join(head), length) for head in product("+", *digits)
    )


def impossible(number: str) -> str | None:
    """
    Say why no phone can have an international number; None if one can.

    None as well if the extra is not installed.

    Args:
        number: As `phone.normalize` writes it.
    """
    if not IS_INSTALLED or _is_fine(number[:_KEY], len(number)):
        return None
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException as error:
        return _unparsed(error, number[:3])
    code = f"+{parsed.country_code}"
    if phonenumbers.format_number(parsed, PhoneNumberFormat.E164) != number:
        return f"must be written without the trunk prefix after {code}"
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    return _wrong_length(reason, code)


def _is_fine(head: str, length: int) -> bool:
    found = _fine.get((head, length))
    if found is None:
        found = _fine[head, length] = _are_fine(head, length)
    return found


def _are_fine(head: str, length: int) -> bool:
    """Whether all numbers with this beginning and length may exist."""
    code = code_of(head)
    if code is None:
        return False
    known: Any = metadata(code)[0]
    rest = head[1 + len(code) :]
    if length - 1 - len(code) not in known.general_desc.possible_length:
        return False
    if not known.national_prefix_for_parsing:
        return True
    prefixes = _prefixes(code)
    # What is known of the rest must be enough to tell that it begins with none.
    return bool(prefixes) and not any(
        prefix.startswith(rest) or rest.startswith(prefix) for prefix in prefixes
    )


@cache
def _prefixes(code: str) -> tuple[str, ...]:
    """Prefixes that libphonenumber removes behind a country code, if it lists them."""
    known: Any = metadata(code)[0]
    return _listed(known.national_prefix_for_parsing or "")


def _listed(prefix: str) -> tuple[str, ...]:
    prefixes = prefix.split("|")
    return tuple(prefixes) if all(map(str.isdigit, prefixes)) else ()


@cache
def code_of(number: str) -> str | None:
    """The country code of a number, or of the beginning of one."""
    codes = (number[1 : 2 + more] for more in range(CODE_AT_MOST))
    return next((one for one in codes if _regions(one)), None)


def _regions(code: str) -> tuple[str, ...]:
    found: tuple[str, ...] = COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    return found


@cache
def metadata(code: str) -> "tuple[PhoneMetadata, ...]":
    """Return the library's rules for the countries of a code, the main one first."""
    found = (
        PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
        for region in _regions(code)
    )
    return tuple(one for one in found if one is not None)


# Countries of one calling code whose prices differ have different next digits: North
# America and the Caribbean, Russia and Kazakhstan.
_SHARED_CODES: Final = frozenset(("1", "7"))
_NOWHERE: Final = "001"


def country_of(number: str) -> str | None:
    """
    Return the country of an international number; None if it is unknown.

    Args:
        number: As `phone.normalize` writes it.
    """
    code = code_of(number[:_KEY]) if IS_INSTALLED else None
    if code is None:
        return None
    country: str | None = _regions(code)[0]
    if code in _SHARED_CODES:
        found = phonenumbers.region_code_for_number(phonenumbers.parse(number))
        country = found or country
    return None if country == _NOWHERE else country
