"""
A second way of `SmsRequest`, for what was checked already: a batch of a run, whose
message is the same for all, and the commonest single send, which one look can judge.

What leaves says the same. To build the whole record for each send, and to turn it into
bytes, is most of what our own code takes beside its HTTP.
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


@frozen(repr=False, slots=False)
class CheckedRequest:
    """
    One request, all of which is known to be valid.

    Attributes:
        message: What it says, and how; by the names and in the order of `SmsRequest`.
        request_id: Its id.
        recipients: Whom it goes to, as JSON takes them.
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
    What `SmsRequest` would make of these: as valid, and to the byte the same body.

    Args:
        kind: The ``type`` of the message; the other names are those of `Sms.send`.

    Returns:
        None for everything else, a mistake included: then the other record has to be
        built, which says what is wrong.
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
        # Of these alone it is known that to look at them uses nothing up.
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
