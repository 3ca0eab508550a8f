"""
The commonest send as a record of its own: plain numbers, nothing but what must be said.

To build the whole record and to turn it into bytes was half of what a single send cost
beside its HTTP, most of it in a dozen small calls. This one is a third of that.
"""

from collections.abc import Mapping, Sequence
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
class PlainRequest:
    """What `SmsRequest` is for everything else; valid for it, see `plain_request`."""

    text: str
    sender: str
    purpose: Purpose
    type: SmsType
    request_id: str
    numbers: Sequence[str]


def plain_request(
    *,
    text: Any,
    recipients: Any,
    sender: Any,
    purpose: Any,
    kind: Any,
    request_id: Any,
) -> PlainRequest | None:
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
    numbers = tuple(recipients)
    for number in numbers:
        if type(number) is not str or not is_clean(number):
            return None
    return PlainRequest(text, sender, purpose, kind, request_id, numbers)


def _unstructure(request: PlainRequest) -> Mapping[str, Any]:
    # In the order of the fields of the other record.
    return {
        "text": request.text,
        "sender": request.sender,
        "purpose": request.purpose,
        "type": request.type,
        "request_id": request.request_id,
        "recipients": [{"phone_number": number} for number in request.numbers],
    }


converter.register_unstructure_hook(PlainRequest, _unstructure)
