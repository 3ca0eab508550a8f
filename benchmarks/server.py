"""
A gateway that only answers: the smallest server that is not in the way.

It speaks as the gateway that was asked, so that each client gets what it expects, and
it answers after `--delay` seconds. `GET /cpu` tells the processor time it has used, so
that a client can show that it was not waiting for its server.
"""

import argparse
import asyncio
import json
import re
import time
from functools import lru_cache
from typing import Final


NOW: Final = "2026-11-05T12:00:00Z"

# As Twilio's documentation shows it, "Create a Message".
TWILIO: Final = {
    "account_sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "api_version": "2010-04-01",
    "body": "Your code is 1234",
    "date_created": "Thu, 05 Nov 2026 12:00:00 +0000",
    "date_sent": None,
    "date_updated": "Thu, 05 Nov 2026 12:00:00 +0000",
    "direction": "outbound-api",
    "error_code": None,
    "error_message": None,
    "from": "+15557122661",
    "num_media": "0",
    "num_segments": "1",
    "price": None,
    "price_unit": None,
    "messaging_service_sid": None,
    "sid": "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "status": "queued",
    "subresource_uris": {"media": "/2010-04-01/Accounts/AC/Messages/SM/Media.json"},
    "to": "+33639980001",
    "uri": "/2010-04-01/Accounts/AC/Messages/SM.json",
}

# As Telnyx's documentation shows it, "Send a message".
TELNYX: Final = {
    "data": {
        "record_type": "message",
        "direction": "outbound",
        "id": "40385f64-5717-4562-b3fc-2c963f66afa6",
        "type": "SMS",
        "messaging_profile_id": "4000eba1-a0c0-4563-9925-b25e842a7cb6",
        "from": {"phone_number": "Acme", "carrier": "", "line_type": ""},
        "to": [
            {
                "phone_number": "+33639980001",
                "status": "queued",
                "carrier": "",
                "line_type": "Wireless",
            }
        ],
        "text": "Your code is 1234",
        "media": [],
        "encoding": "GSM-7",
        "parts": 1,
        "tags": [],
        "cost": None,
        "received_at": NOW,
        "sent_at": None,
        "completed_at": None,
        "valid_until": NOW,
        "errors": [],
    }
}

_length = re.compile(rb"content-length: *(\d+)", re.IGNORECASE).search


def response(status: bytes, body: object) -> bytes:
    """A whole answer, ready to be written."""
    content = json.dumps(body, separators=(",", ":")).encode()
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % (status, len(content))
    ) + content


@lru_cache(maxsize=1000)
def octopush(recipients: int) -> bytes:
    """What our gateway says to a send to so many."""
    return response(
        b"201 Created",
        {
            "sms_ticket": "sms_5f3fbce61266e",
            "number_of_contacts": recipients,
            "total_cost": round(0.05 * recipients, 2),
            "number_of_sms_needed": recipients,
            "residual_credit": 42.5,
        },
    )


_TWILIO: Final = response(b"201 Created", TWILIO)
_TELNYX: Final = response(b"200 OK", TELNYX)


class Responder(asyncio.Protocol):
    """Answers each request, so many seconds after its last byte is there."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with an empty buffer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        """Answer all requests that are complete."""
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            found = _length(self.waiting, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self.waiting) < whole:
                return
            request, self.waiting = self.waiting[:whole], self.waiting[whole:]
            answer = answer_to(request)
            if self.delay:
                self.loop.call_later(self.delay, self.transport.write, answer)
            else:
                self.transport.write(answer)


def answer_to(request: bytes) -> bytes:
    """What the gateway that is asked would say."""
    if b" /v1/" in request[:16]:
        return octopush(request.count(b'"phone_number"'))
    if b" /2010-" in request[:16]:
        return _TWILIO
    if b" /v2/" in request[:16]:
        return _TELNYX
    return response(b"200 OK", {"cpu": time.process_time()})


async def main() -> None:
    """Serve until killed; the first line printed is the port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds")
    delay = parser.parse_args().delay
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Responder(delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
