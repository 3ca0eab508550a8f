"""Values in words: amounts, counts, instants, and text that others wrote."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from .times import at


NOT_REPORTED: Final = "not reported by the gateway"
"""Placeholder for None."""


def printable(text: str) -> str:
    """Replace control characters in text from outside."""
    return "".join(
        one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text
    )


def in_euros(amount: Decimal | None) -> str:
    """Format an amount for people."""
    return NOT_REPORTED if amount is None else f"{amount:,.2f} €"


def counted(count: int, thing: str) -> str:
    """Write a count with its noun, such as ``1 row`` or ``3,000 rows``."""
    return f"{count:,} {thing}{'s' * (count != 1)}"


def or_dash(value: Any) -> str:
    """Format any value for people; a dash for None and empty text."""
    return "-" if value is None or value == "" else in_words(value)


def in_words(value: Any) -> str:
    """
    Format any value for people.

    Amounts are euros, instants are in UTC, several values are separated by commas.
    """
    if value is None:
        return NOT_REPORTED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return in_euros(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return at(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(in_words, value)) or "-"
    return printable(str(value))
