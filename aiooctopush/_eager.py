"""
How a body leaves: one that knows whether it was asked for, and a short one at once.

A second way of `aiohttp.ClientRequest.send`, for short bodies over our own connections:
aiohttp starts a task to write even two hundred bytes, which is a tenth of what a send
costs. What leaves, and what comes of it, is the same to the byte.
"""

from typing import Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter


SHORT: Final = 4096
"""Bytes of a body that every socket takes at once; a longer one may have to wait while
the response is already there, and needs a task for that."""


class WatchedPayload(aiohttp.BytesPayload):
    """
    A body that knows whether a connection has asked for it.

    Before that nothing has left: the head is sent together with the body.
    """

    is_touched = False

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write the bytes to a connection."""
        self.is_touched = True
        await super().write_with_length(writer, content_length)


class EagerRequest(aiohttp.ClientRequest):
    """A request that writes a short body at once instead of starting a task for it."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Write the request, and return the response that is still to come."""
        body, protocol = self.body, conn.protocol
        if (
            not isinstance(body, WatchedPayload)
            or protocol is None
            or (body.size or 0) > SHORT
            or self.proxy is not None
        ):
            return await super().send(conn)
        writer = StreamWriter(protocol, self.loop)
        # Made first: if it cannot be made, nothing has left.
        response = self.response_class(
            self.method,
            self.original_url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=self._traces,
            loop=self.loop,
            session=self.session,
            stream_writer=writer,
        )
        line = f"{self.method} {self.url.raw_path_qs} HTTP/1.1"
        await writer.write_headers(line, self.headers)
        await body.write_with_length(writer, None)
        writer.set_eof()
        return response
