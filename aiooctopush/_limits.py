"""
Length limits of messages, and bounds of numeric settings; apart from `text`, which a
send does not load.
"""

from decimal import Decimal
from typing import Any, Final

from attrs import Attribute

from .errors import wrong_type, wrong_value


MAX_TEXT: Final = 1224
"""
Characters of a text: 8 parts of 153.

Source: gateway documentation, "Send SMS". Some pages add "not unicode". No page
documents whether Unicode or escaped characters lower the limit (documented, unseen).
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


def positive(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    """Require a number above 0; a validator of a field."""
    check_positive(attribute.name, value)


def check_positive(name: str, value: Any) -> None:
    """Require a number above 0."""
    check_number(name, value)
    if not value > 0:
        raise wrong_value(name, "must be above 0", value)


def check_at_least(name: str, value: Any, least: float) -> None:
    """Require a number that is no less than this."""
    check_number(name, value)
    if not value >= least:
        raise wrong_value(name, f"must be at least {least:g}", value)


def check_number(name: str, value: object) -> None:
    """Refuse what is no number: a text of digits, a flag, a span of time."""
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        raise wrong_type(name, "must be a number", value)
    # A deadline of NaN would never come. Only NaN differs from itself.
    is_nan = value.is_nan() if isinstance(value, Decimal) else value != value  # noqa: PLR0124
    if is_nan:
        raise wrong_value(name, "must be a number", value)


def check_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    """Require a whole number within its bounds; True does not count as 1."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if is_whole and least <= value and (most is None or value <= most):  # type: ignore[operator]  # an int
        return
    bounds = f"from {least:,}" if most is None else f"from {least:,} to {most:,}"
    raise wrong_value(name, f"must be a whole number {bounds}", value)


def check_kind(name: str, value: object, kind: type) -> None:
    """Refuse what is not of a class, which is named as a program imports it."""
    if not isinstance(value, kind):
        raise wrong_type(name, f"must be a {kind.__name__}", value)
