"""
The simulated gateway: pure and synchronous, bytes in, bytes out, and a sent log.

It follows the documents instead of the SDK: it reads raw JSON and shares no model with
the code under test. Choices beyond the documents are marked "undocumented, our choice"
in the code.
"""

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote

from attrs import evolve

from .._clock import Clock, SystemClock
from .._wire import HttpRequest, HttpResponse
from .callbacks.payloads import CallbackPlan
from .callbacks.schedule import Callbacks
from .namespaces import voice
from .namespaces.contacts import ContactOperations
from .namespaces.lookup import LookupOperations
from .namespaces.multichannel import MultichannelOperations
from .namespaces.otp import OneTimeCode, OtpOperations
from .namespaces.settings import SettingsOperations
from .namespaces.sms import CREATE_ON_LIST, CREATE_ON_TAG, SEND, SmsOperations
from .namespaces.subaccounts import SubaccountOperations
from .namespaces.wallet import WalletOperations
from .sent_log import SentLog
from .settings import DuplicateCheck, GatewaySettings
from .state import AdmittedRequest, Contacts, State
from .validation import RefusalError, read_json, read_request_id


LATE_SECONDS: Final = 5.0
"""How long `Gateway.defer` holds a request back, if no other one comes first."""

_ROOT = "/v1/public/"
_NOT_ALLOWED = 405
_WITH_REQUEST_ID = frozenset(
    {
        SEND,
        CREATE_ON_LIST,
        CREATE_ON_TAG,
        voice.SEND,
        voice.CREATE_ON_LIST,
        voice.CREATE_ON_TAG,
    }
)


class Gateway:
    """
    A gateway in memory.

    Args:
        settings: Its behavior; by default as documented, with 1000 euros.
        clock: Its own time: the memory of ids, computations, scheduled sends.
    """

    def __init__(
        self, settings: GatewaySettings | None = None, *, clock: Clock | None = None
    ) -> None:
        self._settings = settings or GatewaySettings()
        self._state = State(clock=clock or SystemClock(), settings=self._settings)
        self._otp = OtpOperations(self._state)
        self._routes = {
            # One operation is of version 2, and has its path as a whole.
            (method, path if path.startswith("/") else _ROOT + path): (path, answer)
            for namespace in (
                SmsOperations(self._state),
                voice.VoiceOperations(self._state),
                MultichannelOperations(self._state),
                self._otp,
                ContactOperations(self._state),
                LookupOperations(self._state),
                WalletOperations(self._state),
                SubaccountOperations(self._state),
                SettingsOperations(self._state),
            )
            for (method, path), answer in namespace.routes.items()
        }
        self._templates = [
            (
                re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))),
                path,
            )
            for path in dict.fromkeys(path for _, path in self._routes)
            if "{" in path
        ]
        self._late: list[tuple[float, HttpRequest]] = []

    def __repr__(self) -> str:
        return f"<Gateway: {self._state.sent_log!r}>"

    @property
    def clock(self) -> Clock:
        """The gateway's own time."""
        return self._state.clock

    @property
    def lists(self) -> dict[str, Contacts]:
        """Contact lists by name: numbers, or dicts as in ``recipients``."""
        return self._state.lists

    @property
    def tags(self) -> dict[str, Contacts]:
        """Contacts by tag, likewise."""
        return self._state.tags

    @property
    def contacts(self) -> dict[str, Mapping[str, Any]]:
        """Contacts that were created, by number; lists and tags hold their values."""
        return self._state.contacts

    @property
    def lines(self) -> dict[str, Mapping[str, Any]]:
        """Deviating results of lookups, by number."""
        return self._state.lines

    @property
    def lookups(self) -> Counter[str]:
        """How often each number was looked up and paid; simulations do not count."""
        self._execute_late(only_due=True)
        return self._state.lookups

    @property
    def codes(self) -> tuple[OneTimeCode, ...]:
        """Every one-time code that was sent, the last one last."""
        self._execute_late(only_due=True)
        return tuple(self._otp.codes)

    @property
    def blacklist(self) -> set[str]:
        """Numbers that ``auto_remove_blacklisted_numbers`` removes."""
        return self._state.blacklist

    @property
    def credit(self) -> Decimal:
        """Credit left, in euros; set it to test low credit, or to pay in."""
        return self._state.credit

    @credit.setter
    def credit(self, euros: Decimal) -> None:
        self._state.credit = euros

    @property
    def sent_log(self) -> SentLog:
        """Accepted messages; deferred requests that are due are included."""
        self._execute_late(only_due=True)
        return self._state.sent_log

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Execute a request and return its response; deferred requests come first."""
        self.settle()
        return self._execute(request)

    def receive(self, request: HttpRequest) -> None:
        """
        Take a request in without executing it, as a gateway does that fails.

        With ``duplicate_check="on_receipt"`` its ``request_id`` is used up; else
        nothing happens.
        """
        self.settle()
        try:
            operation, call = self._admit(request)
        except RefusalError:
            return
        on_receipt = self._settings.duplicate_check is DuplicateCheck.ON_RECEIPT
        if on_receipt and operation in _WITH_REQUEST_ID:
            self._state.note(call.account, read_request_id(call.body))

    def defer(self, request: HttpRequest, seconds: float = LATE_SECONDS) -> None:
        """
        Execute a request later: when the next one arrives, or after this many seconds
        on the clock, when `sent_log` is read.
        """
        self._late.append((self.clock.monotonic() + seconds, request))

    def callbacks(self, plan: CallbackPlan | None = None) -> Callbacks:
        """
        Follow the gateway's callbacks from the first entry of the sent log; it posts
        nothing.

        Args:
            plan: Plan of the deliveries and their callbacks.
        """
        return Callbacks(
            state=self._state, look=lambda: self.sent_log, plan=plan or CallbackPlan()
        )

    def settle(self) -> None:
        """Execute deferred requests now."""
        self._execute_late(only_due=False)

    def reset(self) -> None:
        """
        Forget sent log, ids, campaigns, lookups, one-time codes, deferred requests and
        callbacks to come, and restore the credit.

        Sub-accounts and settings are restored, too. Contacts, lists, tags and the
        blacklist stay. Tickets are never given out again.
        """
        self._late.clear()
        self._otp.codes.clear()
        self._state.reset()

    def _execute_late(self, *, only_due: bool) -> None:
        now = self.clock.monotonic()
        waiting, self._late = self._late, []
        for due, request in waiting:
            if only_due and due > now:
                self._late.append((due, request))
            else:
                self._execute(request)

    def _execute(self, request: HttpRequest) -> HttpResponse:
        try:
            _, call = self._admit(request)
            path, _ = self._template(request)
            _, answer = self._routes[request.method, path]
            self._state.caller = call.account
            return answer(call)
        except RefusalError as refusal:
            said = {"code": refusal.code, "message": refusal.message}
            refused = self._state.answer(refusal.status, said)
            if refusal.status != _NOT_ALLOWED:
                return refused
            path, _ = self._template(request)
            allow = ", ".join(self._methods(path))  # RFC 9110 wants it
            return evolve(refused, headers={**refused.headers, "allow": allow})
        finally:
            self._state.caller = ""

    def _template(self, request: HttpRequest) -> tuple[str, Mapping[str, str]]:
        """Find the route of a path, and its arguments."""
        # A literal path comes before a template: no login is "create".
        known = (request.method, request.path) in self._routes
        if not known and not self._methods(request.path):
            for pattern, path in self._templates:
                if found := pattern.fullmatch(request.path):
                    values = found.groupdict()
                    return path, {name: unquote(one) for name, one in values.items()}
        return request.path, {}

    def _methods(self, path: str) -> list[str]:
        return sorted(method for method, known in self._routes if known == path)

    def _admit(self, request: HttpRequest) -> tuple[str, AdmittedRequest]:
        path, arguments = self._template(request)
        operation, _ = self._routes.get((request.method, path), (None, None))
        if operation is None:
            # Neither status is documented.
            if self._methods(path):
                raise RefusalError(405, "Method not allowed", status=_NOT_ALLOWED)
            raise RefusalError(404, "Not found", status=404)
        headers = {name.lower(): value for name, value in request.headers.items()}
        login, key = headers.get("api-login"), headers.get("api-key")
        own = self._state.subaccounts.get(login or "")
        known_login, known_key = (
            (own.login, own.api_key)
            if own
            else (self._settings.api_login, self._settings.api_key)
        )
        if (
            not login
            or not key
            or known_login not in (None, login)
            or known_key not in (None, key)
        ):
            # 401 is documented for the cancel operations; 101 is the legacy code.
            raise RefusalError(101, "Wrong credentials", status=401)
        body = (
            dict(request.query) if request.method == "GET" else read_json(request.body)
        )
        return operation, AdmittedRequest(
            account=login, body=body, query=request.query, arguments=arguments
        )
