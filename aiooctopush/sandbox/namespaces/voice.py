"""Operations 10 to 18: texts that are read out on the phone."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

from ..campaigns import Campaign
from ..validation import Message, RefusalError
from .sending import SendingOperations


SEND: Final = "voice-campaign/send"
CREATE_ON_LIST: Final = "voice-campaign-on-list/create"
CREATE_ON_TAG: Final = "voice-campaign-on-tag/create"

_FIELDS = frozenset(
    {
        "text",
        "sender",
        "send_at",
        "purpose",
        "voice_gender",
        "voice_language",
        "simulation_mode",
        "request_id",
        "auto_remove_blacklisted_numbers",
    }
)
# The pages' lists of languages differ, so that any code of their form is one.
_VOICE: Final[Mapping[str, re.Pattern[str]]] = {
    "voice_gender": re.compile(r"female|male"),
    "voice_language": re.compile(r"[a-z]{2,3}(-[A-Z]{2})?"),
}
_CHARACTERS_PER_SECOND = 15


class VoiceOperations(SendingOperations):
    """The voice namespace of the documents."""

    channel = "voice_sms"
    namespace = "voice-campaign"
    # The only sample of an answer has this name, with a ticket "vocal_…"; tickets
    # "voice_…" are those of later pages.
    ticket_name = "vocal_ticket"
    ticket_prefix = "voice"
    send_fields: ClassVar[Collection[str]] = _FIELDS | {"recipients"}
    create_fields: ClassVar[Collection[str]] = _FIELDS | {
        "segmentation",
        "get_back_pressed_keys",
    }

    def _check(self, body: Mapping[str, Any]) -> list[str]:
        return read_voice(body)

    def _size(self, message: Message) -> Mapping[str, Any]:
        # The unit is undocumented; seconds of one call are our choice.
        seconds = Decimal(len(message.text)) / _CHARACTERS_PER_SECOND
        return {"estimated_duration": self._state.figure(round(seconds, 2))}

    def _price(self, campaign: Campaign) -> Mapping[str, Any]:
        return self._size(campaign.message)

    def _confirmed(self, _: datetime) -> None:
        return  # the pages show no body


def read_voice(body: Mapping[str, Any]) -> list[str]:
    """
    Refuse a call without gender or language; return the fields that make no sense.

    The rule that both must be given is inferred. Only the values of the gender are
    listed in full. Unsupported values are dropped, as everywhere.
    """
    dropped = []
    for name, rule in _VOICE.items():
        value = body.get(name)
        if value is None:
            raise RefusalError(400, f"{name}: this field is missing")
        if not isinstance(value, str) or not rule.fullmatch(value):
            dropped.append(name)
    return dropped
