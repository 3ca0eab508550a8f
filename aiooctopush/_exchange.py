"""Parts that both ways of carrying a request share: a witness, and reading a body."""

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from ._deadlines import Deadline
from ._wire import MAX_BODY
from .errors import Backoff, InvalidResponseError


class Witness:
    """
    Knows whether a connection was handed to a request.

    Attributes:
        is_touched: Whether it was; before that nothing has left.
    """

    is_touched = False


class WatchedPayload(Witness, aiohttp.BytesPayload):
    """A body that aiohttp writes; the head is sent together with it."""

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write the bytes to a connection."""
        self.is_touched = True
        await super().write_with_length(writer, content_length)


async def read_body(
    content: aiohttp.StreamReader, status: int, deadline: Deadline, read_timeout: float
) -> bytes:
    """
    Read a body, counting bytes *after* decompression: a small bomb stays small.

    Args:
        content: Where it comes from.
        status: HTTP status of the response.
        deadline: That of the attempt.
        read_timeout: Maximum seconds without a byte.

    Raises:
        InvalidResponseError: It is longer than `MAX_BODY`.
    """
    if content.is_eof():  # a short body came with its headers
        body = content.read_nowait()
    else:
        body = b""
        while len(body) <= MAX_BODY:
            deadline.extend(read_timeout)
            chunk = await content.readany()
            if not chunk:
                break
            body += chunk
    if len(body) > MAX_BODY:
        success = 200 <= status < 300
        msg = f"a response of over {MAX_BODY} bytes (HTTP {status})"
        raise InvalidResponseError(
            msg,
            status=status,
            backoff=Backoff.CAREFUL if success else Backoff.NEVER,
        )
    return body
