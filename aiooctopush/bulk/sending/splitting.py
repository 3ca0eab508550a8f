"""One bad number must not sink 499 good ones: when and how a refused batch is cut."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ...api._recipients import Recipient
from ...errors import OctopushError, Outcome


RECIPIENT_CODES: Final = frozenset({103, 117, 150, 151, 152, 181})
"""Codes that concern recipients. The documentation does not say how the gateway handles
good recipients next to a bad one. Third-party clients read 103 and 181 as "the whole
request is refused". Documented or guessed, unseen."""

_TOO_LARGE: Final = 413

# As the gateway's validation writes paths; the index is our guess, unseen.
_entry = re.compile(r"\brecipients[.\[](\d{1,3})\b").finditer


def speaks_of_recipients(error: OctopushError) -> bool:
    """
    Whether a refusal is about some recipients and not about the whole.

    Only a clean refusal: after a timeout, a part might be sent twice.
    """
    if error.outcome is not Outcome.REFUSED:
        return False
    return error.code in RECIPIENT_CODES or any(named_in(error))


def is_too_large(error: OctopushError) -> bool:
    """Whether the gateway, or something before it, wants a smaller request."""
    return error.outcome is Outcome.REFUSED and error.status == _TOO_LARGE


def named_in(error: OctopushError) -> Iterator[int]:
    """Positions of the recipients that a refusal names, counted from 0."""
    for words in _words(error.problem, error.details):
        for found in _entry(words):
            yield int(found[1])


def _words(problem: str, details: Any) -> Iterator[str]:
    yield problem
    if isinstance(details, str):
        yield details
    elif isinstance(details, list):
        for one in details:
            yield from _words("", one)
    elif isinstance(details, dict):
        for name, value in details.items():
            yield from _words(str(name), value)


def cut(
    recipients: Sequence[Recipient], named: set[int]
) -> tuple[Sequence[Recipient], Sequence[Recipient]]:
    """
    Cut a batch of two or more in two.

    Args:
        recipients: Recipients of the batch.
        named: Positions that the refusal named; existing ones go into the first half.
            With none, or all, it is cut in the middle.
    """
    first = tuple(one for at, one in enumerate(recipients) if at in named)
    if not first or len(first) == len(recipients):
        middle = len(recipients) // 2
        return recipients[:middle], recipients[middle:]
    return first, tuple(one for at, one in enumerate(recipients) if at not in named)
