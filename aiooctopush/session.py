"""`OctopushSession`: credentials, lifetime, namespaces, and the path of every call."""

import asyncio
import logging
import os
import ssl
import threading
from collections.abc import Coroutine, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from random import Random
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp

from . import _wire
from ._clock import Clock, HighWaterMark, SystemClock
from ._engine import Background, Call, NewId, OnAttempt, run
from ._throttle import Gate, RetryQuota
from ._version import __version__
from ._wire import Answer, Endpoint, HttpRequest, HttpResponse, Idempotency
from .api._shared import MAX_RECIPIENTS, Purpose, SmsType
from .api.contacts import Contacts
from .api.lookup import Lookup
from .api.multichannel import Multichannel
from .api.otp import Otp
from .api.raw import RawAnswer, Value, raw
from .api.settings import Settings
from .api.sms import Message, Sms
from .api.subaccounts import Subaccounts
from .api.voice import Voice
from .api.wallet import Wallet
from .bulk.ledger import Ledger
from .bulk.options import (
    BULK_RETRY,
    BulkOptions,
    Identity,
    OnDuplicate,
    OnForeign,
    OnInDoubt,
    OnInvalid,
)
from .bulk.run import BulkRun
from .errors import (
    Backoff,
    InvalidFieldError,
    NotSentError,
    OctopushError,
    ThrottledError,
    UnknownOutcomeError,
)
from .retry import RetryPolicy
from .secret import Credentials
from .transport import AiohttpTransport, Timeouts, Transport


T = TypeVar("T", bound=Answer)

BASE_URL: Final = "https://api.octopush.com"

MAX_IN_FLIGHT: Final = 100
"""Tries at the same time, by default."""

_HEADERS: Final = {
    "content-type": "application/json",
    # What we can bound while it is unpacked.
    "accept-encoding": "gzip",
    "user-agent": f"aiooctopush/{__version__}",
}
_CLOCKS_DIFFER = 300.0
_logger = logging.getLogger("aiooctopush")
_CLOSED = "this OctopushSession is closed; open a new one"
_OTHER_LOOP = (
    "this OctopushSession belongs to another event loop; use one session for each loop"
)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class OctopushSession:
    """
    A session with the Octopush SMS gateway.

    Use it as ``async with OctopushSession(…) as octopush``, or call `close` yourself:
    one session for the life of a service, shared by all its tasks. Building one does
    nothing; it opens its connections with its first call, on that call's event loop.

    Args:
        api_login: E-mail address of the account.
        api_key: API key of the account.
        base_url: Where the gateway is. ``https`` only, except for this machine.
        retry: How often, how long and with which pauses calls are tried.
        timeouts: Seconds for the parts of one try.
        max_in_flight: Tries at the same time, and size of the connection pool.
        transport: Carries the requests instead of aiohttp; not closed by us.
        client_session: A session of aiohttp to use; not closed by us.
        ssl_context: For private certificate authorities.
        proxy: URL of an HTTP proxy.
        allow_insecure_http: Let ``http`` go to other machines too: the key then
            crosses the network in the clear.
        on_attempt: Called after every try with an `AttemptEvent`, for metrics.
        clock: Time; replace it in tests.
        random: Randomness of the pauses; replace it in tests.

    Raises:
        InvalidFieldError: Credentials that no header can carry, or a bad base_url.
    """

    sms: Sms
    """The SMS chapter: send, draft, cancel, campaigns on lists and tags."""

    voice: Voice
    """The voice chapter: the same, with texts that are read out."""

    multichannel: Multichannel
    """The multi-channel chapter: SMS, voice, RCS, e-mail and live chat in one shape."""

    otp: Otp
    """The chapter on one-time passwords: make, send and check a code."""

    contacts: Contacts
    """The chapter of contacts: create, delete, and the lists they stand in."""

    lookup: Lookup
    """The chapter of number lookup: is a line alive, and whose is it."""

    wallet: Wallet
    """The wallet chapter: balance, and what it buys in each country."""

    subaccounts: Subaccounts
    """The sub-account chapter: create, read, change, and move credit to them."""

    settings: Settings
    """The chapter of the account's settings: alerts, senders, callback URLs."""

    def __init__(
        self,
        api_login: str,
        api_key: str,
        *,
        base_url: str = BASE_URL,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
        transport: Transport | None = None,
        client_session: aiohttp.ClientSession | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        allow_insecure_http: bool = False,
        on_attempt: OnAttempt | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self._credentials = Credentials(api_login, api_key, _HEADERS)
        self._base_url = _check_base_url(base_url, insecure=allow_insecure_http)
        if max_in_flight < 1:
            raise InvalidFieldError(
                "max_in_flight", "must be at least 1", shown=repr(max_in_flight)
            )
        if transport is not None and client_session is not None:
            raise InvalidFieldError(
                "client_session", "cannot be combined with transport"
            )
        self._retry = retry or RetryPolicy()
        self._timeouts = timeouts or Timeouts()
        self._clock: Clock = clock or SystemClock()
        self._random = random or Random()
        self._observers = () if on_attempt is None else (on_attempt,)
        self._wall = HighWaterMark(self._clock)
        self._quota = RetryQuota(self._retry.quota)
        self._gate = Gate(max_in_flight=max_in_flight, clock=self._clock)
        self._own_transport = transport is None
        self._transport: Transport = transport or AiohttpTransport(
            self._base_url,
            timeouts=self._timeouts,
            max_connections=max_in_flight,
            client_session=client_session,
            ssl_context=ssl_context,
            proxy=proxy,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._closed = False
        self._clocks_compared = False
        self._clocks_warned = False
        self.sms = Sms(self._call, self._clock)
        self.voice = Voice(self._call, self._clock)
        self.multichannel = Multichannel(self._call)
        self.otp = Otp(self._call)
        self.contacts = Contacts(self._call)
        self.lookup = Lookup(self._call)
        self.wallet = Wallet(self._call)
        self.subaccounts = Subaccounts(self._call)
        self.settings = Settings(self._call, self._clock)

    @classmethod
    def from_env(
        cls,
        *,
        base_url: str | None = None,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
        transport: Transport | None = None,
        client_session: aiohttp.ClientSession | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        allow_insecure_http: bool = False,
        on_attempt: OnAttempt | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> Self:
        """
        A session with the credentials of the environment: ``OCTOPUSH_API_LOGIN``,
        ``OCTOPUSH_API_KEY`` and, unless it is given here, ``OCTOPUSH_BASE_URL``.

        The arguments are those of the class.

        Raises:
            InvalidFieldError: A variable is missing, or its value is not valid.
        """
        for name in ("OCTOPUSH_API_LOGIN", "OCTOPUSH_API_KEY"):
            if not os.environ.get(name):
                raise InvalidFieldError(name, "this environment variable is not set")
        return cls(
            os.environ["OCTOPUSH_API_LOGIN"],
            os.environ["OCTOPUSH_API_KEY"],
            base_url=base_url or os.environ.get("OCTOPUSH_BASE_URL") or BASE_URL,
            retry=retry,
            timeouts=timeouts,
            max_in_flight=max_in_flight,
            transport=transport,
            client_session=client_session,
            ssl_context=ssl_context,
            proxy=proxy,
            allow_insecure_http=allow_insecure_http,
            on_attempt=on_attempt,
            clock=clock,
            random=random,
        )

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._loop else "not yet used"
        return f"<OctopushSession {self._base_url} {state}>"

    async def __aenter__(self) -> Self:
        self._check_usable()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what this session opened. A second time does nothing."""
        self._closed = True
        if self._own_transport:
            await self._transport.close()

    def bulk(
        self,
        key: str,
        *,
        text: str | None = None,
        sender: str | None = None,
        purpose: Purpose | None = None,
        type: SmsType = SmsType.PREMIUM,
        send_at: datetime | None = None,
        with_replies: bool | None = None,
        simulation_mode: bool | None = None,
        auto_optimize_text: bool | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        recipient_tracking: bool | None = None,
        ledger: Ledger | str | os.PathLike[str] | None = None,
        concurrency: int = 4,
        batch_size: int = MAX_RECIPIENTS,
        rate: float | None = None,
        max_cost: Decimal | None = None,
        on_duplicate: OnDuplicate = OnDuplicate.SKIP,
        on_invalid: OnInvalid = OnInvalid.SKIP,
        on_in_doubt: OnInDoubt = OnInDoubt.HOLD,
        on_foreign: OnForeign = OnForeign.PAUSE,
        identity: Identity | None = None,
        split_limit: float = 0.05,
        wait_for_credit: float = 0.0,
        wait_for_gateway: float = 900.0,
        retry: RetryPolicy = BULK_RETRY,
    ) -> BulkRun:
        """
        Prepare a send to any number of recipients; nothing is read or sent yet.

        With ``text``, ``sender`` and ``purpose`` the source yields numbers or
        Recipients, which share them. Without, it yields whole SmsRequests, each with
        its own text: they go one request each, under ids that the run derives, in
        place of their own.

        Args:
            key: Names the run. The ids of its requests are derived from it: take
                another one for another message, and the same to go on.
            ledger: Path of a SQLite file where the run is written down, so that it
                survives a crash; or a `Ledger`, which stays open. Without one the run
                is in memory only: started again within 24 hours it sends nothing
                twice all the same, since the gateway refuses what it has seen.
            concurrency: Requests in flight at the same time. The vendor's users
                prefer full requests, a few at a time.
            batch_size: Recipients of one request, 1 to 500.
            rate: Requests started per second at most. The gateway's throttling lowers
                it by itself, and each minute without raises it by 5 %.
            max_cost: Euros. The run pauses before the request that could exceed it,
                reckoned with the highest price of an SMS so far; the first request
                goes without, to learn the price.
            on_duplicate: What to do with a recipient that was there before: ``skip``,
                ``keep`` or ``error``. Requests with a text of their own are compared
                only if there is an ``identity``.
            on_invalid: What to do with an item that is no recipient: ``skip`` it,
                counted and listed in the report, or ``error``.
            on_in_doubt: What to do with a request that may have been sent and is too
                old to be asked about: ``hold``, ``resend`` or ``skip``.
            on_foreign: What to do when somebody else has used an id of the run:
                ``pause`` or ``go_on``; without a durable ledger always the latter.
            identity: What makes two items the same, as a text, instead of the number:
                ``lambda one: f"{one.phone_number} {one.param1}"``.
            split_limit: Share of the batches that may be refused because of some of
                their recipients, and so be split. Beyond it, the run pauses; 1 means
                never.
            wait_for_credit: Seconds to wait for credit when it is used up, asking for
                the balance once a minute.
            wait_for_gateway: Seconds to wait when twenty batches in a row had no
                answer, trying one of them now and then.
            retry: How patiently each request is tried; more so than a single send by
                default, since nobody waits for it.

        The other arguments are those of `Sms.send`.

        Raises:
            InvalidFieldError: An argument is malformed.
        """
        message = None
        if any(one is not None for one in (text, sender, purpose)):
            message = Message(
                text=_given("text", text),
                sender=_given("sender", sender),
                purpose=_given("purpose", purpose),
                type=type,
                send_at=send_at,
                with_replies=with_replies,
                simulation_mode=simulation_mode,
                auto_optimize_text=auto_optimize_text,
                auto_remove_blacklisted_numbers=auto_remove_blacklisted_numbers,
                recipient_tracking=recipient_tracking,
            )
        return BulkRun(
            self._call,
            self._clock,
            key=key,
            message=message,
            ledger=ledger,
            options=BulkOptions(
                concurrency=concurrency,
                batch_size=batch_size,
                rate=rate,
                max_cost=max_cost,
                on_duplicate=on_duplicate,
                on_invalid=on_invalid,
                on_in_doubt=on_in_doubt,
                on_foreign=on_foreign,
                identity=identity,
                split_limit=split_limit,
                wait_for_credit=wait_for_credit,
                wait_for_gateway=wait_for_gateway,
                retry=retry,
            ),
            balance=self._balance,
        )

    async def _balance(self) -> Decimal:
        return (await self.wallet.balance()).amount

    async def raw(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Value] | Iterable[tuple[str, Value]] | None = None,
        idempotency: Idempotency | None = None,
        deadline: float | None = None,
    ) -> RawAnswer:
        """
        Make a call that this SDK has no name for, the way of every other call.

        No field is checked: the gateway drops unknown ones, and executes the rest.

        Args:
            method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
            path: From ``/v1`` on, percent-encoded: no host, no query, no ``..``.
            json: Body, of plain JSON values; none for ``GET``.
            params: Names and values of the query; a name may come several times.
            idempotency: Decides about repeats after silence: ``safe`` for ``GET``,
                else ``none`` by default; ``request_id`` wants one in the JSON object.
            deadline: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was sent.
            RefusedError: The gateway refused; see ``maybe_sent`` of the error.
            NotSentError: No connection; nothing was sent.
            UnknownOutcomeError: It may have been done.
        """
        return await raw(
            self._call,
            method,
            path,
            json=json,
            params=params,
            idempotency=idempotency,
            deadline=deadline,
        )

    def _check_usable(self) -> None:
        # Asking for the running loop is a system call on Python 3.11. If our loop
        # runs, and this is its thread, then no other loop can be the one we are in.
        if self._loop is None or self._thread != threading.get_ident():
            self._bind()
        elif not self._loop.is_running():
            raise RuntimeError(_OTHER_LOOP)
        if self._closed:
            raise RuntimeError(_CLOSED)

    def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop not in {None, loop}:
            raise RuntimeError(_OTHER_LOOP)
        self._loop = loop
        self._thread = threading.get_ident()

    # Not a coroutine itself, but what gives one: each around another costs something
    # with every step of the inner one.
    def _call(
        self,
        endpoint: Endpoint[T],
        *,
        body: Any = None,
        query: tuple[tuple[str, str], ...] = (),
        path: str = "",
        new_id: NewId | None = None,
        deadline: float | None = None,
        retry: RetryPolicy | None = None,
        unknown_since: datetime | None = None,
        repeat_unknown: bool = False,
        background: Background | None = None,
        observe: OnAttempt | None = None,
    ) -> Coroutine[Any, Any, T]:
        """See `api._shared.Caller`."""
        self._check_usable()
        policy = retry or self._retry
        call = Call(
            endpoint=endpoint,
            record=body,
            payload=None if body is None else _wire.encode(body),
            query=query,
            path=path,
            policy=policy,
            clock=self._clock,
            wall=self._wall,
            random=self._random,
            quota=self._quota if background is None else background.quota,
            started=(started := self._clock.monotonic()),
            ends=started + (policy.deadline if deadline is None else deadline),
            first_tried_at=unknown_since or self._wall.now(),
            request_id=getattr(body, "request_id", None),
            new_id=new_id,
            unknown_before=unknown_since is not None,
            repeat_unknown=repeat_unknown,
            in_background=background is not None,
            observers=self._observers
            if observe is None
            else (*self._observers, observe),
        )
        return run(call, self._attempt)

    async def _attempt(self, call: Call[T]) -> T:
        """One try: wait for a slot, carry the bytes, read what the answer proves."""
        if call.unknown_before and call.attempts == 0:
            call.check_protection()
            # The try whose outcome is unknown may still be executing.
            await self._clock.sleep(call.policy.careful_floor)
        # Nobody has waited since the call began, unless it is a repeat.
        first = call.attempts == 0 and not call.unknown_before
        now = call.started if first else self._clock.monotonic()
        call.try_began = now
        if self._closed:  # while this call waited for its next try
            raise NotSentError(_CLOSED, backoff=Backoff.NEVER)
        behind = call.in_background
        if now >= call.ends or not self._gate.try_enter(now, background=behind):
            await self._gate.enter(call.ends - now, background=behind)
            now = self._clock.monotonic()
        try:
            if call.failures or call.unknown_before:
                call.check_protection()
            call.attempts += 1
            call.handed_over = True
            response = await self._transport.send(
                HttpRequest(
                    method=call.endpoint.method,
                    path=call.path or call.endpoint.path,
                    query=call.query,
                    # With each request, never as defaults of the aiohttp session,
                    # which may be shared with other hosts.
                    headers=self._credentials.headers,
                    body=call.payload,
                    timeout=min(self._timeouts.attempt, call.ends - now),
                    fresh_connection=call.wants_fresh_connection,
                )
            )
            call.handed_over = False
        except OctopushError:
            call.handed_over = False
            raise
        # A transport that somebody else wrote may raise anything.
        except Exception as error:
            call.handed_over = False
            msg = f"the transport failed ({type(error).__name__})"
            raise UnknownOutcomeError(msg, backoff=Backoff.NEVER) from error
        finally:
            self._gate.leave()
        if not self._clocks_compared:
            self._compare_clocks(response)
        try:
            return _wire.read(
                call.endpoint,
                response,
                {"request_id": call.request_id, "attempts": call.attempts},
            )
        except OctopushError as error:
            self._compare_clocks(response)
            if isinstance(error, ThrottledError) and error.retry_after is not None:
                self._gate.pause(error.retry_after)
            raise

    def _compare_clocks(self, response: HttpResponse) -> None:
        """
        Look at the gateway's own clock: with the first answer, and with every failure,
        when the age of an id may come to count.
        """
        self._clocks_compared = True
        date = _wire.http_date(response.headers.get("date", ""))
        if date is None:
            return
        difference = (date - self._clock.now()).total_seconds()
        if abs(difference) > _CLOCKS_DIFFER and not self._clocks_warned:
            self._clocks_warned = True
            _logger.warning(
                "this machine's clock and the gateway's differ by %d seconds; the "
                "later one decides how long a request_id protects a repeat",
                round(difference),
            )
        self._wall.saw(date)


V = TypeVar("V")


def _given(name: str, value: V | None) -> V:
    if value is None:
        raise InvalidFieldError(
            name, "is missing: text, sender and purpose are given together, or none"
        )
    return value


def _check_base_url(value: Any, *, insecure: bool) -> str:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise InvalidFieldError("base_url", "must be like https://api.octopush.com")
    # Not shown: what stands in the wrong place may be a password.
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidFieldError(
            "base_url", "must have neither credentials nor query nor fragment"
        )
    if parts.scheme == "http" and not insecure and host not in _LOOPBACK:
        raise InvalidFieldError(
            "base_url",
            "must be https, or the key crosses the network in the clear; "
            "allow_insecure_http=True allows it",
            shown=repr(value),
        )
    return str(value).rstrip("/")
