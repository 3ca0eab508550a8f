"""
Checks of a request before it is sent; requests that would certainly fail are refused.

A text without braces that is no marketing passes at once. Modules that
only rare texts need are imported with the first such text.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from attrs import evolve

from ..errors import InvalidFieldError
from ..phone import mask
from ._recipients import Recipient
from ._shared import (
    OnMissing,
    OnMissingLike,
    Purpose,
    SmsType,
    check_not_past,
    to_enum,
)


_FRANCE = "+33"


def on_wire(request: Any) -> Any:
    """
    Return a request as the gateway is to get it: doubled braces in its text are one.

    Raises:
        InvalidFieldError: A word in braces is no placeholder.
    """
    text = request.text
    if "{" not in text and "}" not in text:
        return request
    from ..text import as_sent, check_placeholders  # noqa: PLC0415  # few texts need it

    check_placeholders(text)
    sent = as_sent(text)
    return request if sent == text else evolve(request, text=sent)


def checked(
    request: Any, *, now: datetime, on_missing: OnMissingLike = OnMissing.ERROR
) -> Any:
    """
    Return a request of SMS or voice as the gateway is to get it.

    Args:
        request: A record, of a send or of a campaign.
        now: Wall clock.
        on_missing: How to handle recipients without a value for a placeholder.

    Raises:
        InvalidFieldError: A word in braces is not a placeholder, or a recipient has no
            value for one or would get a blank text. Or the time of sending has passed,
            or marketing to a French number lacks its STOP mention.
    """
    choice = to_enum(OnMissing, "on_missing", on_missing)
    check_not_past(request.send_at, now, "send_at")
    people = getattr(request, "recipients", None)
    if people is not None:
        if "{" in request.text:
            request = _complete(request, choice)
        if request.purpose is Purpose.WHOLESALE and isinstance(
            getattr(request, "type", None), SmsType
        ):
            check_stop_mention(
                request.text,
                request.type,
                (one.phone_number for one in request.recipients),
            )
    return on_wire(request)


def checked_on_channel(request: Any, *, now: datetime) -> Any:
    """
    Return a request of any channel as the gateway is to get it.

    Args:
        request: A ChannelRequest.
        now: Wall clock.

    Raises:
        InvalidFieldError: The text has a word in braces: its recipients have no values;
            or as from `checked`.
    """
    check_not_past(request.send_at, now, "send_at")
    if request.text is None:
        return request
    if "{" in request.text:
        from ..text import placeholders  # noqa: PLC0415  # few texts need it

        for name in placeholders(request.text):
            raise InvalidFieldError(
                "text",
                f"uses {{{name}}}, for which recipients have no value here; sms.send "
                f"and voice.send merge values",
            )
    # The channel of SMS is the only one whose metadata have such a type.
    kind = (request.metadata or {}).get("type")
    if request.purpose is Purpose.WHOLESALE and kind in set(SmsType):
        numbers = (one.phone_number for one in request.recipients)
        check_stop_mention(request.text, SmsType(kind), numbers)
    return on_wire(request)


def _complete(request: Any, on_missing: OnMissing) -> Any:
    """
    Check the text of each recipient; leave out recipients without a value, if
    requested.
    """
    from ..text import MERGE_FIELDS, merge, placeholders  # noqa: PLC0415  # few need it

    names = placeholders(request.text)
    if not names:
        return request
    kept: list[Recipient] = []
    for index, one in enumerate(request.recipients):
        lacks = [name for name in names if getattr(one, name) is None]
        if lacks and on_missing is OnMissing.ERROR:
            raise InvalidFieldError(
                f"recipients[{index}].{lacks[0]}",
                f"has no value for {{{lacks[0]}}}, which the text uses; set it, pass "
                f"'' to leave it empty, or set on_missing='skip' or 'send'",
                shown=mask(one.phone_number),
            )
        if lacks and on_missing is OnMissing.SKIP:
            continue
        values = {name: getattr(one, name) for name in MERGE_FIELDS}
        if not merge(request.text, values).strip():
            raise InvalidFieldError(
                f"recipients[{index}]",
                "would get a text of spaces only",
                shown=mask(one.phone_number),
            )
        kept.append(one)
    if not kept:
        raise InvalidFieldError(
            "recipients", f"have no value for {{{names[0]}}}, none of them"
        )
    if len(kept) == len(request.recipients):
        return request
    return evolve(request, recipients=kept)


def check_stop_mention(text: str, kind: SmsType, numbers: Iterator[str]) -> None:
    """
    Refuse marketing without the mention that French numbers need.

    Raises:
        InvalidFieldError: A number is French, and the mention is missing. The gateway
            would refuse the whole request with code 121 or 122.
    """
    if not any(number.startswith(_FRANCE) for number in numbers):
        return
    from ..text import has_low_cost_stop, has_stop_mention  # noqa: PLC0415  # marketing

    good, mention = (
        (has_low_cost_stop(text), "no PUB=STOP")
        if kind is SmsType.LOW_COST
        else (has_stop_mention(text), "STOP au XXXXX")
    )
    if not good:
        raise InvalidFieldError(
            "text",
            f"must contain {mention!r}; the gateway refuses marketing to French "
            f"numbers without it",
        )
