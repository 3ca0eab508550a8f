"""Operations 1 to 9: SMS to given numbers, to a list, or to a tag."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from ..validation import COMMON_FIELDS, Message
from .sending import SendingOperations


SEND: Final = "sms-campaign/send"
CREATE_ON_LIST: Final = "sms-campaign-on-list/create"
CREATE_ON_TAG: Final = "sms-campaign-on-tag/create"

_SEND_FIELDS = COMMON_FIELDS | {"recipients", "list_name"}


class SmsOperations(SendingOperations):
    """The SMS namespace of the documents."""

    channel = "sms"
    namespace = "sms-campaign"
    ticket_name = "sms_ticket"
    ticket_prefix = "sms"
    send_fields: ClassVar[Collection[str]] = _SEND_FIELDS
    create_fields: ClassVar[Collection[str]] = COMMON_FIELDS | {"segmentation"}

    def _size(self, message: Message) -> Mapping[str, Any]:
        return {"number_of_sms_needed": self._state.figure(message.number_of_sms)}

    def _confirmed(self, leaves_at: datetime) -> Mapping[str, Any]:
        return {"sending_date": leaves_at.isoformat(timespec="seconds")}
