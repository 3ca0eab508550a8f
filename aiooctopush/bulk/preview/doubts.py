"""
Numbers that exist, and yet get no message: unassigned ones, and landlines.

By the rules of libphonenumber; without the extra ``phone`` nothing is doubted. Whether
all numbers with the same beginning are mobiles is asked once for each beginning.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..._numbering import (
    CODE_AT_MOST,
    IS_INSTALLED,
    code_of,
    metadata,
)
from ...phone import TAIL_OF_HEAD, head_of


if IS_INSTALLED:
    import phonenumbers
    from phonenumbers import PhoneNumberType

if TYPE_CHECKING:
    from phonenumbers import PhoneNumberDesc


_Matches = Callable[[str], object]

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
        mobile, landline, of_any_kind = _patterns(number[1 : 1 + CODE_AT_MOST])
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
    code = code_of(head) if len(head) > CODE_AT_MOST else None
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
    code = code_of(f"+{head}")
    return (
        _any_of(code, _KINDS[:1]).fullmatch,
        _any_of(code, _KINDS[1:2]).fullmatch,
        _any_of(code, _KINDS).fullmatch,
    )


def _any_of(code: str | None, kinds: Sequence[str]) -> re.Pattern[str]:
    found: Any = metadata(code) if code else ()
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
