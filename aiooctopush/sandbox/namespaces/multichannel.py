"""
Operations 19 and 20: one shape for several channels.

Only the newer reference has them, and shows no response: a ticket and the figures of
the SMS namespace are our choice.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from ..._wire import HttpResponse
from ..state import AdmittedRequest, Operations, Routes
from ..validation import (
    Message,
    RefusalError,
    read_message,
    read_recipients,
    read_ticket,
)
from .sending import check_cancellation, has_left


SEND: Final = "multi-channel/send"

_CHAPTER = "multi-channel"
# What a recipient of each channel is known by.
_ADDRESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "sms": ("phone_number",),
    "voice_sms": ("phone_number",),
    "rcs": ("phone_number",),
    "email": ("email",),
    "live_chat": ("conversation_id", "phone_number"),
}
_CANCELLED = frozenset({"sms", "voice_sms", "rcs", "email"})
_FIELDS = frozenset(
    {
        "channel",
        "text",
        "recipients",
        "sender",
        "send_at",
        "purpose",
        "simulation_mode",
        "recipient_tracking",
        "auto_optimize_text",
        "list_name",
        "auto_remove_blacklisted_contacts",
        "auto_delete_optout_contacts",
        "metadata",
    }
)


class MultichannelOperations(Operations):
    """The multi-channel namespace of the documents."""

    @property
    def routes(self) -> Routes:
        """Method and path, without its common start, of each operation."""
        return {
            ("POST", SEND): self._send,
            ("DELETE", "multi-channel/cancel"): self._cancel,
        }

    def _send(self, request: AdmittedRequest) -> HttpResponse:
        channel = _read_channel(request.body, _ADDRESSES)
        message = self._read(request, channel)
        if not message.recipients:
            raise RefusalError(117, "There is no valid number left")
        cost = self._state.cost(message)
        ticket = self._state.new_ticket(channel.removesuffix("_sms"))
        self._state.accept(request.account, ticket, message, cost=cost, operation=SEND)
        self._store(request, message)
        return self._state.answer(
            201,
            {
                "ticket_number": ticket,
                "number_of_contacts": self._state.figure(len(message.recipients)),
                "total_cost": self._state.figure(cost),
                "residual_credit": self._state.figure(self._state.credit),
            },
        )

    def _read(self, request: AdmittedRequest, channel: str) -> Message:
        recipients, dropped = read_recipients(
            request.body,
            names_bad_recipient=self._state.settings.names_bad_recipient,
            addresses=_ADDRESSES[channel],
            merged=(),  # no source gives these recipients any values
        )
        # What the other namespaces have beside the text stands inside here. Keys that
        # we do not know are no mistake: the page breaks off.
        metadata = request.body.get("metadata", {})
        if not isinstance(metadata, dict):
            metadata = {}
            dropped.append("metadata")
        if metadata.get("voice_gender") not in (None, "female", "male"):
            dropped.append("metadata.voice_gender")
        # A request_id is dropped, too: no source gives this operation one.
        dropped += [name for name in request.body if name not in _FIELDS]
        flat = {name: request.body[name] for name in _FIELDS if name in request.body}
        flat |= {name: metadata.get(name) for name in ("type", "with_replies")}
        message = read_message(
            flat,
            recipients=recipients,
            known=flat,
            now=self._state.clock.now(),
            ignored=dropped,
            strict=self._state.settings.strict_unknown_fields,
            channel=channel,
        )
        return self._state.without_blacklisted(message)

    def _store(self, request: AdmittedRequest, message: Message) -> None:
        list_name = request.body.get("list_name")
        if isinstance(list_name, str) and list_name and not message.simulated:
            # As with SMS. A list holds numbers: our choice.
            numbers = [one.number for one in message.recipients if one.number[0] == "+"]
            lists = self._state.lists
            lists[list_name] = [*lists.get(list_name, ()), *numbers]

    def _cancel(self, request: AdmittedRequest) -> HttpResponse:
        channel = _read_channel(request.body, _CANCELLED)
        ticket = read_ticket(request.body)
        entry = self._state.entry(ticket, request.account, _CHAPTER)
        if entry is None or entry.channel != channel:
            raise RefusalError(131, "The campaign was not found")
        check_cancellation(
            self._state,
            request.account,
            contacts=entry.number_of_contacts,
            entry=entry,
            sent=has_left(entry, self._state.clock.now()),
        )
        self._state.call_back(ticket)
        return self._state.answer(204)


def _read_channel(body: Mapping[str, Any], known: Collection[str]) -> str:
    channel = body.get("channel")
    if not isinstance(channel, str) or channel not in known:
        # The code is inferred.
        raise RefusalError(400, "channel: this value is not valid")
    return channel
