"""Shared by several namespaces: the call, enums, and the checks before any I/O."""

import re
from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, Protocol, TypeVar

from attrs import field

from .._call import CallOptions
from .._wire import Answer, Endpoint, Idempotency
from ..errors import InvalidFieldError, shown, wrong_type, wrong_value
from ..ids import check_request_id, new_request_id


T = TypeVar("T", bound=Answer)

MAX_LIST_NAME: Final = 30
MAX_TAG_NAME: Final = 20
"""Source: gateway documentation, "Add a contact"."""

MAX_WHOLE: Final = 2**31 - 1
"""
The largest whole number that is sent. Undocumented, our choice: larger values are
mistakes.
"""

is_sender = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ]{1,9}[A-Za-z0-9]").fullmatch

# The ticket has another name on nearly every page.
# Source: gateway documentation, conflict between direct, list and voice pages.
TICKET_NAMES: Final = (
    "sms_ticket",
    "vocal_ticket",
    "voice_ticket",
    "ticket_number",
)


class Caller(Protocol):
    """The single path of every call of a session."""

    def __call__(
        self, endpoint: Endpoint[T], options: CallOptions = ..., /
    ) -> Coroutine[Any, Any, T]:
        """
        Make a call: attempt it by the retry policy, and read the response.

        Args:
            endpoint: The operation to ask.
            options: Arguments of the call, and how to make it.

        Raises:
            OctopushError: Depends on the outcome of the call, including all its
                attempts.
        """


def get(path: str, answer: type[T], **details: Any) -> Endpoint[T]:
    """Make an endpoint that reads; details are further fields of `Endpoint`."""
    safe = Idempotency.SAFE
    return Endpoint(method="GET", path=path, idempotency=safe, answer=answer, **details)


def post(
    path: str, answer: type[T], idempotency: Idempotency, **details: Any
) -> Endpoint[T]:
    """Make an endpoint whose method says nothing about the effect of a repeat."""
    return Endpoint(
        method="POST", path=path, idempotency=idempotency, answer=answer, **details
    )


def patch(path: str, **details: Any) -> Endpoint[Answer]:
    """Make an endpoint that changes what is there: a repeat leaves the same state."""
    same = Idempotency.IDEMPOTENT
    return Endpoint(
        method="PATCH", path=path, idempotency=same, answer=Answer, **details
    )


def delete(path: str) -> Endpoint[Answer]:
    """Make an endpoint that removes: a repeat finds nothing any more."""
    same = Idempotency.IDEMPOTENT
    return Endpoint(method="DELETE", path=path, idempotency=same, answer=Answer)


class SmsType(StrEnum):
    """Quality of the route. It is always sent explicitly."""

    PREMIUM = "sms_premium"
    LOW_COST = "sms_low_cost"


SmsTypeLike = SmsType | Literal["sms_premium", "sms_low_cost"]


class Purpose(StrEnum):
    """
    Why a message is sent. It is always sent explicitly: the gateway's own default
    is marketing, with its rules about STOP mentions and hours.
    """

    ALERT = "alert"
    """Transactional: codes, alerts, orders. Misuse for marketing is fined."""

    WHOLESALE = "wholesale"
    """Marketing; the gateway calls it ``wholesale``."""

    MARKETING = "wholesale"
    """Another name for `WHOLESALE`."""

    @classmethod
    def _missing_(cls, value: object) -> "Purpose | None":
        return cls.MARKETING if value == "marketing" else None


PurposeLike = Purpose | Literal["alert", "wholesale", "marketing"]


class OnUnknown(StrEnum):
    """Handling of a timeout of a write that has no request_id."""

    RAISE = "raise"
    """Say so, and let the caller find out."""

    RETRY = "retry"
    """Repeat it, where doing it twice is better than not doing it at all."""


OnUnknownLike = OnUnknown | Literal["raise", "retry"]


def is_retried(on_unknown: OnUnknownLike) -> bool:
    """Whether a call is repeated after a timeout all the same."""
    return to_enum(OnUnknown, "on_unknown", on_unknown) is OnUnknown.RETRY


class OnMissing(StrEnum):
    """
    Handling of recipients who have no value for a placeholder of the text.

    By default a single send sends nothing then. A run leaves them out, unless they are
    more than half of all. A run considers that a mistake, and sends nothing.
    """

    ERROR = "error"
    """Send nothing."""

    SKIP = "skip"
    """Leave them out; a run counts and lists them."""

    SEND = "send"
    """Send to them; the gateway's replacement is undocumented."""


OnMissingLike = OnMissing | Literal["error", "skip", "send"]


def count_only(items: Sequence[object]) -> str:
    """Show the count of private values alone: a ``repr`` may appear in a log."""
    return f"<{len(items)}>"


# --- checks ---------------------------------------------------------------------------
# All of them run when a record is built, before any I/O. The gateway drops unsupported
# values and sends anyway, so a misspelt switch would cost money.


def check_text(value: Any, name: str, at_most: int, *, private: bool = False) -> None:
    """Require 1 to ``at_most`` characters that UTF-8 can encode."""
    if not isinstance(value, str):
        raise wrong_type(name, "must be a str", value)
    if not 1 <= len(value) <= at_most:
        raise InvalidFieldError(
            name,
            f"must have 1 to {at_most:,} characters",
            shown=f"{len(value):,} characters"
            if private or len(value) > at_most
            else repr(value),
        )
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidFieldError(
                name, f"character {error.start + 1} is half of a surrogate pair"
            ) from None


def is_utf_8(value: str) -> bool:
    """Whether it can be written: nothing in it is half of a surrogate pair."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_sender(value: Any, name: str = "sender") -> None:
    """
    Require 3 to 11 letters, digits or inner spaces.

    Spaces are allowed on some pages only. Source: gateway documentation, "Send SMS"
    against "Transactional SMS".
    """
    if not isinstance(value, str) or not is_sender(value):
        raise InvalidFieldError(
            name,
            "must have 3 to 11 letters or digits, without accents; spaces are allowed "
            "between them",
            shown=shown(value[:40]) if isinstance(value, str) else type(value).__name__,
        )


def check_instant(value: Any, name: str) -> None:
    """Require a datetime with a time zone."""
    if not isinstance(value, datetime):
        raise wrong_type(name, "must be a datetime", value)
    if value.utcoffset() is None:
        raise InvalidFieldError(
            name,
            "must have a time zone, such as datetime(…, tzinfo=UTC)",
            shown=value.isoformat(),
        )


PAST_AT_MOST: Final = timedelta(minutes=1)
"""How long ago an instant of sending may be."""


def is_past(instant: datetime | None, now: datetime) -> bool:
    """Whether an instant of sending is over, so that the gateway would send at once."""
    return instant is not None and instant < now - PAST_AT_MOST


def check_not_past(instant: datetime | None, now: datetime, name: str) -> None:
    """
    Refuse an instant more than a minute ago: the gateway would send at once.

    Raises:
        InvalidFieldError: It is over.
    """
    if instant is not None and is_past(instant, now):
        raise InvalidFieldError(
            name,
            "must not be in the past; the gateway would send at once",
            shown=instant.isoformat(timespec="minutes"),
        )


def check_switch(name: str, value: Any) -> None:
    """Refuse a flag that is neither True nor False nor left to the gateway."""
    if value is not None and value is not True and value is not False:
        raise wrong_value(name, "must be True, False or None", value)


def check_switches(request: Any, names: Iterable[str]) -> None:
    """Check those fields of a request that are flags; see `check_switch`."""
    for name in names:
        value = getattr(request, name)
        if value is not None:
            check_switch(name, value)


def check_not_blank(text: str) -> None:
    """Refuse a text of nothing but white space; it would be billed all the same."""
    if text.isspace():
        raise InvalidFieldError("text", "must not consist of spaces only")


E = TypeVar("E", bound=StrEnum)


def to_enum(kind: type[E], name: str, value: E | str) -> E:
    """
    Return the member of an enum that a value is, or whose word it is.

    Raises:
        InvalidFieldError: It is neither; the words are listed.
    """
    if type(value) is kind:
        return value
    try:
        return kind(value)
    except ValueError:
        # The second name of a member is a word, too.
        *words, last = [
            repr(str(one) if label == one.name else label.lower())
            for label, one in kind.__members__.items()
        ]
        raise wrong_value(
            name, f"must be {', '.join(words)} or {last}", value
        ) from None


def to_type(value: SmsTypeLike) -> SmsType:
    """Read the value of a field named ``type``; a converter."""
    return value if type(value) is SmsType else to_enum(SmsType, "type", value)


def to_purpose(value: PurposeLike) -> Purpose:
    """Read the value of a field named ``purpose``; a converter."""
    return value if type(value) is Purpose else to_enum(Purpose, "purpose", value)


def request_id_field() -> Any:
    """The id of a request that is stored: fixed when it is built."""
    return field(factory=new_request_id, converter=check_request_id)
