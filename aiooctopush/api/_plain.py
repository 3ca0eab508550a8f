"""
The commonest send, without a record: plain numbers, and nothing but what must be said.

To build a record and to turn it into bytes was a third of what a single send costs
beside its HTTP. A dict that says the same takes a quarter of that.
"""

from typing import Any, Final

from .._limits import LOW_COST_MAX, MAX_TEXT
from ..ids import is_request_id
from ..phone import is_clean
from ._shared import MAX_RECIPIENTS, Purpose, SmsType, is_sender, is_utf_8


_LISTS: Final = (list, tuple)
# To ask an enum for a member costs as much as the rest of a comparison.
_PREMIUM: Final = SmsType.PREMIUM


def plain_send(
    *,
    text: Any,
    recipients: Any,
    sender: Any,
    purpose: Any,
    kind: Any,
    request_id: Any,
) -> dict[str, Any] | None:
    """
    What `SmsRequest` would make of these: valid for it, and to the byte the same body.

    Args:
        kind: The ``type`` of the message; the other names are those of `Sms.send`.

    Returns:
        None for everything else, a mistake included: then the record has to be built,
        which says what is wrong.
    """
    if not (
        type(text) is str
        and 1 <= len(text) <= (MAX_TEXT if kind is _PREMIUM else LOW_COST_MAX)
        and (text.isascii() or is_utf_8(text))
        and type(sender) is str
        and is_sender(sender)
        and type(purpose) is Purpose
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
    # In the order of the fields of the record.
    return {
        "text": text,
        "sender": sender,
        "purpose": purpose,
        "type": kind,
        "request_id": request_id,
        "recipients": people,
    }
