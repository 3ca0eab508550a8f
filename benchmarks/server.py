"""A gateway that only answers: the smallest server that is not in the way."""

import asyncio
import re


ANSWER = (
    b'{"sms_ticket":"sms_5f3fbce61266e","number_of_contacts":1,'
    b'"total_cost":0.05,"number_of_sms_needed":1,"residual_credit":42.5}'
)
RESPONSE = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: "
    + str(len(ANSWER)).encode()
    + b"\r\n\r\n"
    + ANSWER
)
_length = re.compile(rb"content-length: *(\d+)", re.IGNORECASE).search


class Responder(asyncio.Protocol):
    """Answers each request as soon as its last byte is there."""

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
            self.waiting = self.waiting[whole:]
            self.transport.write(RESPONSE)


async def main() -> None:
    """Serve until killed; the first line printed is the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Responder, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
