"""
Options for exceptional cases of a run: the names that the signature of
`OctopushSession.bulk` needs. All options together are in `run_options`.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal

from ..api._shared import OnMissing, OnMissingLike


__all__ = [
    "Identity",
    "OnAlreadySent",
    "OnAlreadySentLike",
    "OnDuplicate",
    "OnDuplicateLike",
    "OnInvalid",
    "OnInvalidLike",
    "OnMissing",
    "OnMissingLike",
    "OnUnresolved",
    "OnUnresolvedLike",
]

Identity = Callable[[Any], str]
"""
Returns the identity of an item, by which duplicates are found: of a Recipient or an
SmsRequest.
"""


class OnDuplicate(StrEnum):
    """Handling of a recipient that occurs again."""

    SKIP = "skip"
    """Leave it out, and count it."""

    KEEP = "keep"
    """Send to it once more."""

    ERROR = "error"
    """Stop there."""


OnDuplicateLike = OnDuplicate | Literal["skip", "keep", "error"]


class OnInvalid(StrEnum):
    """Handling of an item that is not a valid recipient."""

    SKIP = "skip"
    """Leave it out, count it and list it."""

    ERROR = "error"
    """Stop there."""


OnInvalidLike = OnInvalid | Literal["skip", "error"]


class OnUnresolved(StrEnum):
    """
    Handling of a batch that may have been sent, when its id no longer protects a
    retry: 23 hours after its first attempt.
    """

    HOLD = "hold"
    """Leave it unresolved, for a receipt or a decision."""

    RESEND = "resend"
    """Send it under a new id: for an alert, twice is better than not at all."""

    SKIP = "skip"
    """Never send it again, such as marketing, which must not arrive twice."""


OnUnresolvedLike = OnUnresolved | Literal["hold", "resend", "skip"]


class OnAlreadySent(StrEnum):
    """
    Handling of an id of this run that the gateway has but the ledger does not. The same
    run name was used within 24 hours on another machine, or this ledger was lost, or it
    is an older copy.

    Without a durable ledger a run always continues, because the refusal then prevents a
    repeated run from sending twice.
    """

    PAUSE = "pause"
    """Pause, so that the cause can be investigated."""

    CONTINUE = "continue"
    """Count it, and continue with the next batch."""


OnAlreadySentLike = OnAlreadySent | Literal["pause", "continue"]
