"""
Callbacks of the gateway: bytes in, typed events out, without I/O.

The gateway posts delivery receipts, replies and STOPs to the URLs in the settings of
the account. It signs nothing, and documents neither order nor repeats. So an event is a
hint that may come twice, late, or from a stranger. `parse` reads it; `identity` detects
a repeat, and `may_replace` whether a receipt is news::

    from aiooctopush import webhooks

    for event in webhooks.parse(body, content_type):
        match event:
            case webhooks.DeliveryReceipt():
                message = event.ticket, event.number
                if event.may_replace(statuses.get(message)):
                    statuses[message] = event.status
            case webhooks.OptOut():
                stopped.add(event.number)

`aiooctopush.integrations.aiohttp_web` and `aiooctopush.integrations.asgi` receive
them over HTTP.

Source: gateway documentation, "Callbacks", "Acknowledge receipt", "Webhook SMS
inbounds", "Opt-out management"; the newer reference, "Callback statuses" (documented,
unseen).
"""

from .events import (
    DeliveryReceipt,
    EmailDelivery,
    EmailReport,
    Event,
    OptOut,
    Reply,
    StatusChange,
    UnknownCallback,
)
from .reading import parse
from .statuses import DeliveryStatus, may_replace


__all__ = [
    "DeliveryReceipt",
    "DeliveryStatus",
    "EmailDelivery",
    "EmailReport",
    "Event",
    "OptOut",
    "Reply",
    "StatusChange",
    "UnknownCallback",
    "may_replace",
    "parse",
]
