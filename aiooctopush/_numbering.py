"""
National phone numbers of a declared country, by the rules of libphonenumber.

Plain notations are parsed here in a tenth of the library's time; other notations are
left to the library. Both give the same number.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import product
from math import prod
from typing import Any, Final, NamedTuple

from ._countries import check_country
from .phone import (
    MAX_DIGITS,
    TAIL_OF_HEAD,
    head_of,
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
        PhoneNumberDesc,
        PhoneNumberFormat,
        PhoneNumberType,
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
_offender = re.compile(r"(?!^\+)[^0-9]").search
_TRUNK: Final = "(0)"

# Plus, a country code of up to three digits, and at least one digit after it.
_KEY: Final = 5
_CODE_AT_MOST: Final = 3
# Beginnings of numbers that are checked without looking which of them occur.
_HEADS_AT_MOST: Final = 100

_WRONG_LENGTH: Final = "has too {} digits for a number of {}"
_LONGER_THAN_ANY: Final = f"has more than {MAX_DIGITS} digits"


_Matches = Callable[[str], object]


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
    code = _code_of(bare[:_KEY])
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
    code = _code_of(head)
    if code is None:
        return False
    known: Any = _metadata(code)[0]
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
    known: Any = _metadata(code)[0]
    prefixes = str(known.national_prefix_for_parsing).split("|")
    return tuple(prefixes) if all(map(str.isdigit, prefixes)) else ()


@cache
def _code_of(number: str) -> str | None:
    """The country code of a number, or of the beginning of one."""
    codes = (number[1 : 2 + more] for more in range(_CODE_AT_MOST))
    return next((one for one in codes if _regions(one)), None)


def _regions(code: str) -> tuple[str, ...]:
    found: tuple[str, ...] = COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    return found


@cache
def _metadata(code: str) -> "tuple[PhoneMetadata, ...]":
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
    code = _code_of(number[:_KEY]) if IS_INSTALLED else None
    if code is None:
        return None
    country: str | None = _regions(code)[0]
    if code in _SHARED_CODES:
        found = phonenumbers.region_code_for_number(phonenumbers.parse(number))
        country = found or country
    return None if country == _NOWHERE else country


# --- numbers that exist, and yet get no message ---------------------------------------


# Reserved for fiction by regulators, so that examples can use them: unassigned, and not
# worth a warning. Source: ARCEP, decision 2018-0881; Ofcom.
_FICTION: Final = ("+3363998", "+447700900")


class Doubt(NamedTuple):
    """
    Positions of possible numbers that probably cannot receive SMS.

    Attributes:
        invalid: Possible by their length, but unassigned.
        landlines: Landlines and service numbers.
    """

    invalid: list[int]
    landlines: list[int]


def doubtful(numbers: Sequence[str], heads: Iterable[str]) -> Doubt:
    """
    Find numbers that probably cannot receive SMS; none without the extra.

    Args:
        numbers: As `phone.normalize` writes them.
        heads: Their heads, as `phone.heads_of` gives them.
    """
    doubt = Doubt([], [])
    if not IS_INSTALLED:
        return doubt
    unsure = {head for head in heads if not _are_mobiles(head)}
    if not unsure:
        return doubt
    for at, number in enumerate(numbers):
        if head_of(number) not in unsure:
            continue
        mobile, landline, of_any_kind = _patterns(number[1 : 1 + _CODE_AT_MOST])
        if mobile(number) or number.startswith(_FICTION):
            continue
        if not of_any_kind(number):
            kind: int = PhoneNumberType.UNKNOWN
        else:
            kind = PhoneNumberType.FIXED_LINE if landline(number) else _kind_of(number)
        if kind == PhoneNumberType.UNKNOWN:
            doubt.invalid.append(at)
        elif kind in _NO_MESSAGES:
            doubt.landlines.append(at)
    return doubt


# Stands for any digit: a pattern takes it only where it takes every digit.
_ANY_DIGIT: Final = "x"
_HEADS_KEPT: Final = 50_000


@lru_cache(_HEADS_KEPT)
def _are_mobiles(head: str) -> bool:
    """Whether each number with this head is a mobile; False may be too careful."""
    code = _code_of(head) if len(head) > _CODE_AT_MOST else None
    number = head + _ANY_DIGIT * TAIL_OF_HEAD
    return code is not None and _mobiles(code)(number) is not None


@cache
def _mobiles(code: str) -> _Matches:
    shape = _any_of(code, _KINDS[:1]).pattern
    return re.compile(shape.replace(r"\d", rf"[\d{_ANY_DIGIT}]")).fullmatch


def _kind_of(number: str) -> int:
    # A number that matches its country's pattern can be parsed.
    kind: int = phonenumbers.number_type(phonenumbers.parse(number))
    return kind


_NO_MESSAGES: Final = (
    frozenset(
        (
            PhoneNumberType.FIXED_LINE,
            PhoneNumberType.PREMIUM_RATE,
            PhoneNumberType.SHARED_COST,
            PhoneNumberType.TOLL_FREE,
            PhoneNumberType.UAN,
            PhoneNumberType.VOICEMAIL,
        )
    )
    if IS_INSTALLED
    else frozenset[int]()
)


# The kinds that `phonenumbers.number_type` checks. A number that matches none of them
# is unassigned; this check is 20 times as fast.
_KINDS: Final = (
    *("mobile", "fixed_line", "premium_rate", "toll_free", "shared_cost"),
    *("voip", "personal_number", "pager", "uan", "voicemail"),
)


@cache
def _patterns(head: str) -> tuple[_Matches, _Matches, _Matches]:
    """For numbers that begin so: whether one is a mobile, a landline, of any kind."""
    code = _code_of(f"+{head}")
    return (
        _any_of(code, _KINDS[:1]).fullmatch,
        _any_of(code, _KINDS[1:2]).fullmatch,
        _any_of(code, _KINDS).fullmatch,
    )


def _any_of(code: str | None, kinds: Sequence[str]) -> re.Pattern[str]:
    found: Any = _metadata(code) if code else ()
    # A number has the shape of its country, and then that of a kind.
    shapes = "|".join(
        f"{_shape(one.general_desc, ahead=True)}(?:{'|'.join(map(_shape, known))})"
        for one in found
        if (known := list(filter(None, (getattr(one, kind) for kind in kinds))))
    )
    # Nothing matches an empty choice that must come before its own end.
    return re.compile(rf"\+{code}(?:{shapes})" if shapes else r"(?!)")


def _shape(known: "PhoneNumberDesc", *, ahead: bool = False) -> str:
    """Pattern of a number of a country or a kind, including its length."""
    pattern = known.national_number_pattern or "(?!)"
    lengths = "|".join(rf"\d{{{one}}}" for one in known.possible_length)
    # Without lengths of its own, a kind has those of its country.
    length = rf"(?=(?:{lengths})\Z)" if lengths else ""
    return rf"{length}(?=(?:{pattern})\Z)" if ahead else f"{length}(?:{pattern})"
