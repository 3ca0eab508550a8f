"""
Receiver of callbacks, independent of the web server.

The gateway expects a response within about a second, without a body, and may disable a
URL that misbehaves. So a callback is read, acknowledged and queued; the handler runs
afterwards. The gateway's reaction to statuses other than 2xx, and whether it ever posts
again, is undocumented.

Source: gateway documentation, "Callbacks" and an older page on them (documented,
unseen).
"""

import asyncio
import hmac
import re
import secrets
import traceback
import zlib
from collections.abc import AsyncIterable, Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Self

from attrs import frozen

from .._clock import Clock, SystemClock
from .._hooks import is_cancellation
from .._limits import check_whole
from .._log import logger
from .._wire import MAX_BODY
from ..errors import InvalidFieldError, WebhookError, wrong_type, wrong_value
from ..secret import Secret
from ..webhooks import EmailReport, Event, UnknownCallback, parse


Handler = Callable[[Event], Awaitable[object]]
"""Awaited for every event, after the gateway has received its response."""

OK: Final = 200
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
METHOD_NOT_ALLOWED: Final = 405
TOO_LARGE: Final = 413
UNAVAILABLE: Final = 503


# --- the secret in the path -----------------------------------------------------------

MIN_BITS: Final = 128
"""Bits that a token must be able to hold."""

_MAX_TOKEN = 256
_is_token = re.compile(rf"[A-Za-z0-9_-]{{1,{_MAX_TOKEN}}}", re.ASCII).fullmatch
_is_hexadecimal = re.compile(r"[0-9a-f]+|[0-9A-F]+", re.ASCII).fullmatch
_BITS_OF_HEXADECIMAL = 4
_BITS_OF_LETTERS = 6
# By chance 32 hexadecimal digits hold fewer than 8 different ones once in ten million
# times, and 22 characters of the larger alphabet practically never.
_MIN_DIFFERENT = 8


def new_token() -> str:
    """A token for the path of a callback URL: 43 characters, 256 random bits."""
    return secrets.token_urlsafe(32)


def check_token(token: str | Secret) -> bytes:
    """
    Refuse a guessable token. It is never shown.

    Raises:
        InvalidFieldError: It has a character other than letters, digits, ``-`` and
            ``_``. Or it has fewer than 22 characters, or 32 if it is hexadecimal. Or
            nearly all of them are the same.
    """
    value: object = token.reveal() if isinstance(token, Secret) else token
    if not isinstance(value, str) or not _is_token(value):
        raise InvalidFieldError(
            "token", f"must be 1 to {_MAX_TOKEN} letters, digits, '-' or '_'"
        )
    each = _BITS_OF_HEXADECIMAL if _is_hexadecimal(value) else _BITS_OF_LETTERS
    if each * len(value) < MIN_BITS or len(set(value)) < _MIN_DIFFERENT:
        raise InvalidFieldError(
            "token", f"must hold {MIN_BITS} random bits: new_token() makes one"
        )
    return value.encode()


# --- limits ---------------------------------------------------------------------------


@frozen(kw_only=True)
class Limits:
    """
    Limits of a receiver.

    Args:
        max_body: Bytes of a callback, counted while they come; 1 to 1 MiB. A report on
            hundreds of e-mails may need more than the 64 KiB it is by default.
        queue_size: Events that wait for the handler. Beyond it the gateway receives
            503. The default takes about ten megabytes when it is full.
        concurrency: Handlers that run at once. Events of one number are handled one
            after the other, in the order in which they came.
        drain_seconds: How long the rest is handled at shutdown; from 0.
        remember: Events that are remembered, so that repeats reach the handler once;
            0, the default, remembers none. It is memory of this process alone.

    Raises:
        InvalidFieldError: A limit is out of its bounds.
    """

    max_body: int = 64 * 1024
    queue_size: int = 10_000
    concurrency: int = 8
    drain_seconds: float = 10.0
    remember: int = 0

    def __attrs_post_init__(self) -> None:
        check_whole("max_body", self.max_body, 1, MAX_BODY)
        check_whole("queue_size", self.queue_size, 1, 1_000_000)
        check_whole("concurrency", self.concurrency, 1, 1_000)
        check_whole("remember", self.remember, 0, 10_000_000)
        seconds: object = self.drain_seconds
        good = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not good or not 0 <= self.drain_seconds <= 3600:
            raise wrong_value("drain_seconds", "must be 0 to 3,600 seconds", seconds)


DEFAULT_LIMITS: Final = Limits()


# --- the receiver ---------------------------------------------------------------------


class Receiver:
    """
    Checks, acknowledges and queues callbacks, and awaits the handler for each event.

    Use it with ``async with``: leaving drains the queue. Outside of it callbacks
    receive 503, because no handler would process them.

    The arguments and the errors are those of `CallbackApp` and `create_app`.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        token: str | Secret,
        limits: Limits = DEFAULT_LIMITS,
        answer_after_handling: bool = False,
        clock: Clock | None = None,
    ) -> None:
        if not callable(handler):
            raise wrong_type("handler", "must be an async function", handler)
        self._handler = handler
        self._token = check_token(token)
        self._limits = limits
        self._answers_after_handling = answer_after_handling
        self._clock = clock or SystemClock()
        self._open = False
        self._full = False
        self._waiting = 0
        self._queues: list[asyncio.Queue[Event]] = []
        self._workers: list[asyncio.Task[None]] = []
        self._idle = asyncio.Event()
        self._seen: dict[tuple[str, ...], None] = {}

    def __repr__(self) -> str:
        return f"<Receiver: {self._waiting} events waiting>"

    @property
    def waiting(self) -> int:
        """Events that were accepted and are not handled yet."""
        return self._waiting

    async def __aenter__(self) -> Self:
        if self._workers:
            raise RuntimeError("the receiver is running already")
        self._waiting, self._idle = 0, asyncio.Event()
        self._queues = [asyncio.Queue() for _ in range(self._limits.concurrency)]
        self._workers = [asyncio.create_task(self._work(one)) for one in self._queues]
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        try:
            await self._drain()
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
            self._workers = []
            if self._waiting:
                logger.warning(
                    "callbacks: %d events were left unhandled at shutdown, "
                    "after %.0f s of draining",
                    *(self._waiting, self._limits.drain_seconds),
                )

    async def receive(
        self,
        *,
        method: str,
        token: str,
        content_type: str | None,
        length: int | None,
        chunks: AsyncIterable[bytes],
    ) -> int:
        """
        Process one request, and return the status of the response, which has no body.

        * 200: accepted, or unreadable, because a repeat would be unreadable again and a
          URL that refuses may be disabled.
        * 404: another token, with any method.
        * 405: not a POST.
        * 413: too large.
        * 503: the queue is full, or the receiver is not running. No event of the
          request was accepted.

        Args:
            method: Method of the request.
            token: The last segment of the path.
            content_type: The header, if there was one.
            length: The length declared by the request, if any.
            chunks: The body; not read further than it must be.
        """
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self._token):
            return NOT_FOUND
        if method != "POST":
            return METHOD_NOT_ALLOWED
        body = await self._read(length, chunks)
        if body is None:
            logger.warning(
                "callbacks: one over %d bytes was refused; Limits(max_body=…) sets "
                "the limit",
                self._limits.max_body,
            )
            return TOO_LARGE
        try:
            events = parse(body, content_type)
        except WebhookError as error:
            logger.warning(
                "callbacks: one of %d bytes was dropped (%s)", len(body), error.problem
            )
            return OK
        if not self._open:
            logger.error(
                "callbacks: one was refused, because the receiver was not started or "
                "is stopping; it starts with the application's lifespan"
            )
            return UNAVAILABLE
        if self._answers_after_handling:
            return await self._handle_now(events)
        return self._take(events)

    async def _handle_now(self, events: tuple[Event, ...]) -> int:
        for event in events:
            if self._is_repeat(event):
                continue
            self._waiting += 1
            try:
                await self._handler(event)
            # It may raise anything, and have awaited something that was cancelled.
            except (Exception, asyncio.CancelledError) as error:
                if is_cancellation(error):
                    raise
                self._log_failure(event, error)
                return UNAVAILABLE
            finally:
                self._handled()
        return OK

    def _handled(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._idle.set()

    async def _read(
        self, length: int | None, chunks: AsyncIterable[bytes]
    ) -> bytes | None:
        if length is not None and length > self._limits.max_body:
            return None
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > self._limits.max_body:
                return None
        return bytes(body)

    def _take(self, events: tuple[Event, ...]) -> int:
        # A callback is accepted as a whole or refused, so that a repeat duplicates
        # nothing. An array may exceed the size, by the number of events in its bytes at
        # most.
        if self._waiting >= self._limits.queue_size:
            if not self._full:
                logger.warning(
                    "callbacks: refusing, because %d events are waiting", self._waiting
                )
            self._full = True
            return UNAVAILABLE
        self._full = False
        for event in events:
            if not self._is_repeat(event):
                self._waiting += 1
                self._queues[self._lane(event)].put_nowait(event)
        return OK

    def _is_repeat(self, event: Event) -> bool:
        identity = event.identity
        if not self._limits.remember or identity is None:
            return False
        if identity in self._seen:
            return True
        self._seen[identity] = None
        if len(self._seen) > self._limits.remember:
            del self._seen[next(iter(self._seen))]
        return False

    def _lane(self, event: Event) -> int:
        if isinstance(event, UnknownCallback):
            whose = ""
        elif isinstance(event, EmailReport):
            whose = event.ticket
        else:
            whose = event.number
        # Not hash(): equal for equal numbers, and as even, in every run.
        return zlib.crc32(whose.encode("utf-8", "replace")) % len(self._queues)

    async def _work(self, queue: asyncio.Queue[Event]) -> None:
        task: Any = asyncio.current_task()
        while True:
            event = await queue.get()
            try:
                await self._handler(event)
            except asyncio.CancelledError as error:
                if task.cancelling():
                    raise
                # Of something else that it awaited: no reason to leave the others.
                self._log_failure(event, error)
            except Exception as error:  # noqa: BLE001  # it may raise anything
                self._log_failure(event, error)
            self._handled()
            # A handler may swallow the cancellation that was meant for us both.
            if task.cancelling():
                return

    def _log_failure(self, event: Event, error: BaseException) -> None:
        # A repeat may have more luck.
        if event.identity is not None:
            self._seen.pop(event.identity, None)
        # Neither its message nor its traceback, which may quote received data.
        logger.error(
            "callbacks: the handler failed on a %s (%s at %s)",
            *(type(event).__name__, type(error).__qualname__, _place(error)),
            extra={"octopush_callback": type(event).__name__},
        )

    async def _drain(self) -> None:
        if not self._waiting:
            return
        self._idle.clear()
        either = {
            asyncio.create_task(self._idle.wait()),
            asyncio.ensure_future(self._clock.sleep(self._limits.drain_seconds)),
        }
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in either:
                one.cancel()
            await asyncio.gather(*either, return_exceptions=True)


def _place(error: BaseException) -> str:
    """File and line that raised: positions only, never values."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{line} in {code.co_name}"
