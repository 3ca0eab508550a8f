"""
A second way to build `SmsRequest`, for input that was checked already.

It serves a batch of a run, with one message for all, and the most common single send,
which needs one check.

The request body is the same. Building and serializing the whole record for each send
takes most of the time of our own code, apart from HTTP.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from .._limits import LOW_COST_MAX, MAX_TEXT
from .._wire import converter
from ..ids import is_request_id
from ..phone import is_clean
from ._recipients import MAX_RECIPIENTS
from ._shared import Purpose, SmsType, is_sender, is_utf_8


_LISTS: Final = (list, tuple)
# To ask an enum for a member costs as much as the rest of a comparison.
_PREMIUM: Final = SmsType.PREMIUM
_ALERT: Final = Purpose.ALERT


@frozen(slots=False, eq=False, repr=False)
class CheckedRequest:
    """
    One request whose parts are all valid.

    Attributes:
        message: Text and options; by the names and in the order of `SmsRequest`.
        request_id: Its id.
        recipients: The recipients, in their JSON form.
    """

    message: Mapping[str, Any]
    request_id: str
    recipients: Any


def plain_request(
    *,
    text: Any,
    recipients: Any,
    sender: Any,
    purpose: Any,
    kind: Any,
    request_id: Any,
) -> CheckedRequest | None:
    """
    Build the request that `SmsRequest` would build: equally valid, with an identical
    body.

    Args:
        kind: The ``type`` of the message; the other names are those of `Sms.send`.

    Returns:
        None for all other input, including mistakes. Then the full record has to be
        built, which reports the problem.
    """
    if not (
        type(text) is str
        and 1 <= len(text) <= (MAX_TEXT if kind is _PREMIUM else LOW_COST_MAX)
        and not text.isspace()
        and "{" not in text  # with braces it may not be sent as it is
        and "}" not in text
        and (text.isascii() or is_utf_8(text))
        and type(sender) is str
        and is_sender(sender)
        # Marketing has rules of its own.
        and purpose is _ALERT
        and type(kind) is SmsType
        and type(request_id) is str
        and is_request_id(request_id)
        # Only these types can be inspected without consuming them.
        and type(recipients) in _LISTS
        and 1 <= len(recipients) <= MAX_RECIPIENTS
    ):
        return None
    people = []
    for number in recipients:
        if type(number) is not str or not is_clean(number):
            return None
        people.append({"phone_number": number})
    message = {"text": text, "sender": sender, "purpose": purpose, "type": kind}
    return CheckedRequest(message, request_id, people)


def _unstructure(request: CheckedRequest) -> Mapping[str, Any]:
    return {
        **request.message,
        "request_id": request.request_id,
        "recipients": request.recipients,
    }


converter.register_unstructure_hook(CheckedRequest, _unstructure)
