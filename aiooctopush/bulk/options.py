"""
What a run does when something is not as it should be: the words that the signature of
`OctopushSession.bulk` needs. All options together are in `run_options`.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, Literal

from ..api._shared import OnMissing, OnMissingLike
from ..retry import RetryPolicy


__all__ = [
    "BULK_RETRY",
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

# Nobody waits for a batch, and giving it up leaves 500 people without a message.
BULK_RETRY: Final = RetryPolicy(attempts=12, timeout=900.0)

Identity = Callable[[Any], str]
"""What makes two items the same, by a text: of a Recipient or an SmsRequest."""


class OnDuplicate(StrEnum):
    """What to do with a recipient that the run has met before."""

    SKIP = "skip"
    """Leave it out, and count it."""

    KEEP = "keep"
    """Send to it once more."""

    ERROR = "error"
    """Stop there."""


OnDuplicateLike = OnDuplicate | Literal["skip", "keep", "error"]


class OnInvalid(StrEnum):
    """What to do with an item that is no recipient."""

    SKIP = "skip"
    """Leave it out, count it and list it."""

    ERROR = "error"
    """Stop there."""


OnInvalidLike = OnInvalid | Literal["skip", "error"]


class OnUnresolved(StrEnum):
    """
    What to do with a batch that may have been sent, when its id no longer protects a
    repeat: 23 hours after it was first tried.
    """

    HOLD = "hold"
    """Leave it in doubt, for a receipt or a person to decide."""

    RESEND = "resend"
    """Send it under a new id: for an alert, twice is better than not at all."""

    SKIP = "skip"
    """Let it be, for good: for marketing, not at all is better than twice."""


OnUnresolvedLike = OnUnresolved | Literal["hold", "resend", "skip"]


class OnAlreadySent(StrEnum):
    """
    What to do when the gateway knows an id of this run that its ledger does not: the
    same name was sent within 24 hours by another machine, or this ledger was lost, or
    is an older copy.

    Without a durable ledger a run always goes on: being refused is then what keeps a
    repeated run from sending twice.
    """

    PAUSE = "pause"
    """Stop, so that somebody finds out."""

    CONTINUE = "continue"
    """Count it, and go on with the next batch."""


OnAlreadySentLike = OnAlreadySent | Literal["pause", "continue"]
