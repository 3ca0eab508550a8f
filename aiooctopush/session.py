"""`OctopushSession`: credentials, lifetime, namespaces, and the path of every call."""

import asyncio
import os
import ssl
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Final, Self, TypeVar

import aiohttp

from . import api
from . import bulk as _bulk
from . import ledgers as _ledgers
from . import observer as _observer
from ._clock import Clock, SystemClock
from ._connection import (
    check_base_url,
    check_client_session,
    check_proxy,
    check_transport,
    tls_of,
)
from ._limits import check_kind, check_number
from ._namespaces import namespace
from ._pipeline import Pipeline
from ._telemetry import check_hooks
from ._version import __version__
from ._wire import IdempotencyLike
from .api._recipients import MAX_RECIPIENTS
from .api._shared import PurposeLike, SmsType, SmsTypeLike
from .api.sms import Message, Sms
from .errors import InvalidFieldError, wrong_value
from .retry import BULK_RETRY, RetryPolicy
from .secret import Credentials
from .transport import AiohttpTransport, Timeouts, Transport


BASE_URL: Final = "https://api.octopush.com"

MAX_IN_FLIGHT: Final = 100
"""Attempts at the same time, by default."""

_HEADERS: Final = {
    "content-type": "application/json",
    # Encodings whose decompression is bounded.
    "accept-encoding": "gzip",
    "user-agent": f"aiooctopush/{__version__}",
}


# `namespace` for functions that make a namespace of a session.
_namespace: "Callable[[Callable[[OctopushSession], object]], Any]" = namespace


class OctopushSession:
    """
    A session with the Octopush SMS gateway.

    Use it as ``async with OctopushSession(…) as octopush``, or call `close` yourself:
    one session for the life of a service, shared by all its tasks. Building one does
    nothing; it opens its connections with its first call, on that call's event loop.

    The classes of a send are imported with this one. Other namespaces, campaigns on
    lists and `bulk` are imported on first use. Once per process this blocks the event
    loop for a few milliseconds; most modules of `bulk` are loaded in a thread. If that
    matters, import one of their names in advance: ``from aiooctopush import BulkRun,
    Otp``.

    Args:
        api_login: E-mail address of the account.
        api_key: API key of the account.
        base_url: Where the gateway is. ``https`` only, except for this machine.
        retry: Number, duration and pauses of attempts.
        timeouts: Seconds for the parts of one attempt.
        max_in_flight: Attempts at the same time, and size of the connection pool.
        transport: Carries the requests instead of aiohttp; not closed by us.
        client_session: An aiohttp session to use; not closed by us.
        ssl_context: How TLS is verified, for example with a client certificate. It must
            verify certificate and host name.
        ca_file: Path of certificates (PEM) that are trusted in addition to those of the
            system, such as that of a company's proxy.
        proxy: URL of an HTTP proxy, or ``"env"`` for the one that ``HTTPS_PROXY`` and
            ``NO_PROXY`` name. SOCKS is not supported.
        allow_insecure_http: Let ``http`` go to other machines too: the key then
            crosses the network in the clear.
        on_attempt: Called after every attempt with an `AttemptEvent`, for metrics.
        observer: Called at the start and the end of each call, for tracing;
            `OpenTelemetryObserver` is one.
        clock: Time; replace it in tests.
        random: Randomness of the pauses; replace it in tests.

    Raises:
        InvalidFieldError: An argument is malformed: credentials that no header can
            carry, a bad base_url or proxy, a context that does not verify.
    """

    # The method itself: Python looks for that of an object at each of its calls.
    sms: Sms = _namespace(lambda self: Sms(self._call.__call__, self._clock))
    """The SMS namespace: send, draft, cancel, campaigns on lists and tags."""

    voice: "api.voice.Voice" = _namespace(
        lambda self: api.voice.Voice(self._call, self._clock)
    )
    """The voice namespace: the same, with texts that are read out."""

    multichannel: "api.multichannel.Multichannel" = _namespace(
        lambda self: api.multichannel.Multichannel(self._call, self._clock)
    )
    """
    The multi-channel namespace: SMS, voice, RCS, e-mail and live chat in one shape.
    """

    otp: "api.otp.Otp" = _namespace(lambda self: api.otp.Otp(self._call))
    """The namespace of one-time passwords: generate, send and validate a code."""

    contacts: "api.contacts.Contacts" = _namespace(
        lambda self: api.contacts.Contacts(self._call)
    )
    """The namespace of contacts: create, delete, and their lists."""

    lookup: "api.lookup.Lookup" = _namespace(lambda self: api.lookup.Lookup(self._call))
    """The namespace of number lookup: status and operator of a line."""

    wallet: "api.wallet.Wallet" = _namespace(lambda self: api.wallet.Wallet(self._call))
    """The wallet namespace: balance, and the messages that it buys in each country."""

    subaccounts: "api.subaccounts.Subaccounts" = _namespace(
        lambda self: api.subaccounts.Subaccounts(self._call)
    )
    """The sub-account namespace: create, read, change, and move credit to them."""

    settings: "api.settings.Settings" = _namespace(
        lambda self: api.settings.Settings(self._call, self._clock)
    )
    """The namespace of the account's settings: alerts, senders, callback URLs."""

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
        ca_file: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        allow_insecure_http: bool = False,
        on_attempt: "_observer.OnAttempt | None" = None,
        observer: "_observer.Observer | None" = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        credentials = Credentials(api_login, api_key, _HEADERS)
        self._base_url = check_base_url(base_url, insecure=allow_insecure_http)
        check_number("max_in_flight", max_in_flight)
        if max_in_flight < 1:
            raise wrong_value("max_in_flight", "must be at least 1", max_in_flight)
        check_hooks(on_attempt, observer)
        check_transport(transport)
        check_client_session(client_session, transport)
        tls = tls_of(ssl_context, ca_file)
        proxy = check_proxy(proxy, self._base_url)
        retry, timeouts = retry or RetryPolicy(), timeouts or Timeouts()
        check_kind("retry", retry, RetryPolicy)
        check_kind("timeouts", timeouts, Timeouts)
        self._clock: Clock = clock or SystemClock()
        self._own_transport = transport is None
        self._closing: asyncio.Future[None] | None = None
        self._transport: Transport = transport or AiohttpTransport(
            self._base_url,
            timeouts=timeouts,
            max_connections=max_in_flight,
            client_session=client_session,
            ssl_context=tls,
            proxy=proxy,
        )
        self._call: Pipeline = Pipeline(
            self._transport,
            credentials=credentials,
            retry=retry,
            timeouts=timeouts,
            max_in_flight=max_in_flight,
            hooks=() if on_attempt is None else (on_attempt,),
            observer=observer,
            base_url=self._base_url,
            clock=self._clock,
            random=random or Random(),
        )

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
        ca_file: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        allow_insecure_http: bool = False,
        on_attempt: "_observer.OnAttempt | None" = None,
        observer: "_observer.Observer | None" = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> Self:
        """
        A session with the credentials of the environment: ``OCTOPUSH_API_LOGIN``,
        ``OCTOPUSH_API_KEY`` and, unless they are given here, ``OCTOPUSH_BASE_URL`` and
        ``OCTOPUSH_PROXY``.

        The arguments are those of the class.

        Raises:
            InvalidFieldError: A variable is missing, or its value is not valid.
        """
        for name in ("OCTOPUSH_API_LOGIN", "OCTOPUSH_API_KEY"):
            if not os.environ.get(name):
                raise InvalidFieldError(
                    name,
                    "this environment variable is not set; set it, or pass api_login "
                    "and api_key to OctopushSession",
                )
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
            ca_file=ca_file,
            proxy=proxy or os.environ.get("OCTOPUSH_PROXY") or None,
            allow_insecure_http=allow_insecure_http,
            on_attempt=on_attempt,
            observer=observer,
            clock=clock,
            random=random,
        )

    def __repr__(self) -> str:
        path = self._call
        state = "closed" if path.closed else "open" if path.used else "not yet used"
        return f"<OctopushSession {self._base_url} {state}>"

    async def __aenter__(self) -> Self:
        self._call.check_usable()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """
        Close the resources that this session opened. A second call does nothing.

        Calls that wait for a retry, a slot or a rate end at once, with the outcome of
        their attempts so far. Requests in transit are finished first, which takes as
        long as one attempt at most. It does not wait if it is called within a request
        (a hook of aiohttp, your own transport); the rest follows afterwards.
        """
        if self._call.is_attempting:
            self._call.stop()
            self._closing = asyncio.ensure_future(self._close())
        else:
            await self._close()

    async def _close(self) -> None:
        try:
            await self._call.close()
        finally:
            if self._own_transport:
                await self._transport.close()

    def bulk(
        self,
        name: str,
        *,
        text: str | None = None,
        sender: str | None = None,
        purpose: PurposeLike | None = None,
        type: SmsTypeLike = SmsType.PREMIUM,
        send_at: datetime | None = None,
        with_replies: bool | None = None,
        simulation_mode: bool | None = None,
        auto_optimize_text: bool | None = None,
        auto_remove_blacklisted_numbers: bool | None = None,
        recipient_tracking: bool | None = None,
        ledger: "_ledgers.Ledger | str | os.PathLike[str] | None" = None,
        concurrency: int = 4,
        batch_size: int = MAX_RECIPIENTS,
        rate: float | None = None,
        max_cost: Decimal | None = None,
        on_duplicate: "_bulk.OnDuplicateLike" = "skip",
        on_invalid: "_bulk.OnInvalidLike" = "skip",
        on_missing: "_bulk.OnMissingLike | None" = None,
        on_unresolved: "_bulk.OnUnresolvedLike" = "hold",
        on_already_sent: "_bulk.OnAlreadySentLike" = "pause",
        identity: "_bulk.Identity | None" = None,
        exclude: "_bulk.Source | None" = None,
        max_refused: float = 0.2,
        retry_refused: bool = False,
        wait_for_credit: float = 0.0,
        wait_for_gateway: float = 900.0,
        retry: RetryPolicy = BULK_RETRY,
    ) -> "_bulk.BulkRun":
        """
        Prepare a send to any number of recipients; nothing is read or sent yet.

        With ``text``, ``sender`` and ``purpose`` the source yields numbers or
        Recipients, which share them. Without, it yields whole SmsRequests, each with
        its own text. They go one request each, under ids that the run derives, in
        place of their own.

        Args:
            name: Name of the run, which identifies one message. Recipients who were
                planned under a name, according to its ledger, are not planned again by
                a later start. New recipients of the list are added. Another name sends
                to all of them again.
            ledger: Path of a SQLite file where the run is written down, so that it
                survives a crash; or a `Ledger`, which stays open. Without one the run
                is in memory only. If it is started again within 24 hours with the same
                list and ``batch_size``, it still sends nothing twice, because the
                gateway refuses duplicates. With another list it may.
            concurrency: Requests in flight at the same time. The vendor's users
                prefer full requests, a few at a time.
            batch_size: Recipients of one request, 1 to 500.
            rate: Requests started per second at most. Throttling by the gateway lowers
                it automatically, and each minute without throttling raises it by 5 %.
            max_cost: Euros. The run pauses before the request that could exceed it,
                calculated with the highest price of an SMS so far. The first request is
                always sent, to learn the price.
            on_duplicate: How to handle a recipient that was there before: ``skip``,
                ``keep`` or ``error``. Requests with a text of their own are compared
                only if there is an ``identity``.
            on_invalid: How to handle an item that is no recipient: ``skip`` it,
                counted and listed in the report, or ``error``.
            on_missing: How to handle recipients who have no value for a placeholder of
                the text: ``skip`` them, counted and listed, ``send`` to them, or
                ``error``. By default they are skipped, unless more than half lack one,
                which is an error. A source is read only once, so the items of the first
                batch decide this. Bare numbers lack all values. Values that the text
                does not use are neither checked nor sent.
            on_unresolved: How to handle a request that may have been sent, when its id
                no longer protects a repeat: ``hold``, ``resend`` or ``skip``.
            on_already_sent: How to handle an id of the run that another process used:
                ``pause`` or ``continue``; without a durable ledger always the latter.
            identity: Returns the text that duplicates share, in place of the number:
                ``lambda one: f"{one.phone_number} {one.param1}"``.
            exclude: Whom to leave out: numbers, or a source of them. One that cannot be
                read is an error. Not for requests with a text of their own.
            max_refused: Share of the decided recipients, from 200 on, who may be
                refused one by one. Beyond it the run pauses, as it does after 40
                refusals in a row. Below it every good number is sent, and every bad one
                is listed.
            retry_refused: Ask again for recipients who were refused in earlier starts,
                under new ids.
            wait_for_credit: Seconds to wait for credit when it is used up, asking for
                the balance once a minute.
            wait_for_gateway: Seconds to wait after twenty batches in a row without a
                response, repeating one of them now and then.
            retry: Retry policy of each request. The default is more patient than that
                of a single send, because no user waits for it.

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
        return _bulk.BulkRun(
            self._call,
            self._clock,
            name=name,
            message=message,
            ledger=ledger,
            options=_bulk.BulkOptions(
                concurrency=concurrency,
                batch_size=batch_size,
                rate=rate,
                max_cost=max_cost,
                on_duplicate=on_duplicate,
                on_invalid=on_invalid,
                on_missing=on_missing,
                on_unresolved=on_unresolved,
                on_already_sent=on_already_sent,
                identity=identity,
                exclude=exclude,
                max_refused=max_refused,
                retry_refused=retry_refused,
                wait_for_credit=wait_for_credit,
                wait_for_gateway=wait_for_gateway,
                retry=retry,
            ),
            balance=partial(_balance, self),
        )

    def worker(
        self,
        ledger: "_ledgers.FleetLedger",
        *,
        rate: float | None = None,
        burst: int = 1,
        account: str = "default",
        owner: str | None = None,
    ) -> "_bulk.Worker":
        """
        Prepare to send batches of runs that many processes share; see `bulk.planning`.

        One worker for each process and ledger: its tasks share it.

        Args:
            ledger: Where the runs are; it stays open.
            rate: Requests started per second at most, by all workers together that
                name the same ``account``. When one is throttled by the gateway, all
                wait.
            burst: Requests that may start at once after a quiet time.
            account: Name of that rate, for ledgers that serve several accounts.
            owner: How the ledger calls this worker; host and process by default.

        Raises:
            InvalidFieldError: An argument is out of range.
        """
        return _bulk.Worker(
            self._call,
            self._clock,
            ledger,
            rate=rate,
            burst=burst,
            account=account,
            owner=owner,
        )

    async def raw(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: "api.raw.Params | None" = None,
        idempotency: IdempotencyLike | None = None,
        timeout: float | None = None,
    ) -> "api.raw.RawAnswer":
        """
        Make a call that this SDK has no name for, the way of every other call.

        No field is checked: the gateway drops unknown ones, and executes the rest.

        Args:
            method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
            path: From ``/v1`` on, percent-encoded: no host, no query, no ``..``.
            json: Body, of plain JSON values; none for ``GET``.
            params: Names and values of the query; a name may come several times.
            idempotency: Whether a timeout is retried: ``safe`` for ``GET``, else
                ``none`` by default; ``request_id`` requires one in the JSON object.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was sent.
            RefusedError: The gateway refused; see ``maybe_sent`` of the error.
            NotSentError: No connection; nothing was sent.
            UnknownOutcomeError: It may have been done.
        """
        return await api.raw.raw(
            self._call,
            method,
            path,
            json=json,
            params=params,
            idempotency=idempotency,
            timeout=timeout,
        )


async def _balance(octopush: OctopushSession) -> Decimal:
    return (await octopush.wallet.balance()).amount


V = TypeVar("V")


def _given(name: str, value: V | None) -> V:
    if value is None:
        raise InvalidFieldError(
            name, "is missing: text, sender and purpose are given together, or none"
        )
    return value
