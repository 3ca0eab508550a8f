"""Posts that go one way, directly or over aiohttp's session, to a server of bytes."""

import asyncio
import struct
from contextlib import asynccontextmanager
from socket import SO_LINGER, SOL_SOCKET

import pytest

from aiooctopush import _direct
from aiooctopush._direct import Direct
from aiooctopush._wire import HttpRequest
from aiooctopush.transport import AiohttpTransport


HEADERS = {"api-key": "canary-key", "content-type": "application/json"}
SEND = HttpRequest(
    method="POST", path="/v1/public/sms-campaign/send", headers=HEADERS, body=b"{}"
)
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def a_server(answer=ANSWER, *, ends=False, hears=None):
    """
    A server that gives one answer to every body; port and what it received.

    Args:
        answer: Its bytes.
        ends: Whether it closes the connection after it: "reset", or in order.
        hears: How many bytes it reads before it answers; all if None.
    """
    received, open_ones = [], set()

    async def serve(reader, writer):
        open_ones.add(writer)
        number = len(received)
        received.append(b"")
        while chunk := await reader.read(hears or 65_536):
            received[number] += chunk
            if hears or received[number].endswith(b"}"):
                writer.write(answer)
                if ends or hears:
                    break
        if hears:
            await asyncio.Event().wait()
        if ends == "reset":
            linger = struct.pack("ii", 1, 0)
            socket = writer.get_extra_info("socket")
            socket.setsockopt(SOL_SOCKET, SO_LINGER, linger)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        try:
            yield listening.sockets[0].getsockname()[1], received
        finally:
            for writer in open_ones:
                writer.transport.abort()


@asynccontextmanager
async def transport_to(port, *, path="", **options):
    """A transport that is closed in the end."""
    transport = AiohttpTransport(f"http://127.0.0.1:{port}{path}", **options)
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def way(name):
    """Have posts take one way; the list has the paths of those that were direct."""
    taken, send = [], Direct.send

    async def noticed(self, request, *arguments):
        taken.append(request.path)
        return await send(self, request, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Direct, "send", noticed)
        if name == "usual":
            patch.setattr(_direct, "is_known", lambda: False)
        yield taken
