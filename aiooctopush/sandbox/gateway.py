"""
The simulated gateway: pure and synchronous, bytes in, bytes out, and a book.

It follows the documents, not the SDK: it reads raw JSON and shares no model with
the code that it judges. Where the documents are silent, the choice is marked
"undocumented, our choice" at the place where it is made.
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
from .book import Book
from .callbacks.payloads import CallbackPlan
from .callbacks.schedule import Callbacks
from .chapters import voice
from .chapters.contacts import ContactOperations
from .chapters.lookup import LookupOperations
from .chapters.multichannel import MultichannelOperations
from .chapters.otp import OneTimeCode, OtpOperations
from .chapters.settings import SettingsOperations
from .chapters.sms import CREATE_ON_LIST, CREATE_ON_TAG, SEND, SmsOperations
from .chapters.subaccounts import SubaccountOperations
from .chapters.wallet import WalletOperations
from .state import Call, Contacts, Settings, State
from .validation import RefusalError, read_json, read_request_id


LATE_SECONDS: Final = 5.0
"""How long `Gateway.defer` holds a request back, if no other one comes first."""

_ROOT = "/v1/public/"
_NOT_ALLOWED = 405
_MESSAGES = ("rcs", "email", "live_chat", "whatsapp", "imessage")
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
        clock: Its own time: the memory of ids, computations, scheduled sends.
        api_login: The only login that is let in; None lets everybody in. Calls
            without credentials are refused in any case.
        api_key: The only key that is let in; None lets every key in.
        credit: In euros, for all accounts together but for sub-accounts, which have
            what was transferred to them.
        price_per_sms: In euros, for each part of ``sms_premium``.
        low_cost_price_per_sms: The same for ``sms_low_cost``.
        price_per_voice_sms: For each recipient of a voice SMS.
        price_per_message: For each recipient of RCS, e-mail, live chat, and of a
            one-time code by WhatsApp or iMessage.
        burns_ids: Which law a ``request_id`` follows, as nobody knows it: False
            notes it when a call is accepted, True when it is received, so that a
            refused or simulated call uses it up, too.
        strict_unknown_fields: Refuse unknown fields. The real gateway drops them
            and sends anyway; so does this one by default, and the book's entries
            hold their names in ``ignored_fields``.
        names_bad_recipient: Whether a refusal names the place of a bad number.
        figures_as_text: Answer with figures as text, as the first PHP read-me shows.
        computation_seconds: How long a list campaign is computed.
        computation_polls: How often its status answers first that it is not ready.
        pending_as_400: Answer such a status with 400 and code 129; else with 200
            and ``under_computation``. Both are documented.
        misspells_ready: Say ``ready_to_be_send``, as a page's sample does.
        refuses_second_campaign: Refuse, with code 126, to create a list campaign
            while another one waits.
        price_per_hlr: In euros, for each number.
        price_per_mnp: The same, for both versions of MNP.
        most_lists: More are refused with code 301. The limits of lists and contacts
            are undocumented; that they exist is known from their codes.
        most_contacts_of_list: More in one list are refused with code 304.
        most_contacts_per_call: More in one request are refused with code 305.
        brackets_mnp: Put the answer of MNP v2 into a list of one, as its page may
            mean.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        api_login: str | None = None,
        api_key: str | None = None,
        credit: Decimal = Decimal(1000),
        price_per_sms: Decimal = Decimal("0.05"),
        low_cost_price_per_sms: Decimal = Decimal("0.03"),
        price_per_voice_sms: Decimal = Decimal("0.1"),
        price_per_message: Decimal = Decimal("0.02"),
        burns_ids: bool = False,
        strict_unknown_fields: bool = False,
        names_bad_recipient: bool = True,
        figures_as_text: bool = False,
        computation_seconds: float = 0.0,
        computation_polls: int = 1,
        pending_as_400: bool = False,
        misspells_ready: bool = False,
        refuses_second_campaign: bool = False,
        price_per_hlr: Decimal = Decimal("0.01"),
        price_per_mnp: Decimal = Decimal("0.005"),
        most_lists: int = 1000,
        most_contacts_of_list: int = 1_000_000,
        most_contacts_per_call: int = 500,
        brackets_mnp: bool = False,
    ) -> None:
        self._api_login = api_login
        self._api_key = api_key
        self._state = State(
            clock=clock or SystemClock(),
            credit=credit,
            settings=Settings(
                prices={
                    "sms_premium": price_per_sms,
                    "sms_low_cost": low_cost_price_per_sms,
                    "voice_sms": price_per_voice_sms,
                    "vocal_sms": price_per_voice_sms,  # the wallet's word for it
                    **dict.fromkeys(_MESSAGES, price_per_message),
                    "hlr": price_per_hlr,
                    "mnp": price_per_mnp,
                },
                burns_ids=burns_ids,
                strict_unknown_fields=strict_unknown_fields,
                names_bad_recipient=names_bad_recipient,
                figures_as_text=figures_as_text,
                computation_seconds=computation_seconds,
                computation_polls=computation_polls,
                pending_as_400=pending_as_400,
                misspells_ready=misspells_ready,
                refuses_second_campaign=refuses_second_campaign,
                most_lists=most_lists,
                most_contacts_of_list=most_contacts_of_list,
                most_contacts_per_call=most_contacts_per_call,
                brackets_mnp=brackets_mnp,
            ),
        )
        self._otp = OtpOperations(self._state)
        self._routes = {
            # One operation is of version 2, and has its path as a whole.
            (method, path if path.startswith("/") else _ROOT + path): (path, answer)
            for chapter in (
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
            for (method, path), answer in chapter.routes.items()
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
        return f"<Gateway: {self._state.book!r}>"

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
        """What a lookup says otherwise about some numbers, by number."""
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
        """What is left, in euros; set it to run dry, or to pay in."""
        return self._state.credit

    @credit.setter
    def credit(self, euros: Decimal) -> None:
        self._state.credit = euros

    @property
    def book(self) -> Book:
        """What was accepted; deferred requests whose time has come are in it."""
        self._execute_late(only_due=True)
        return self._state.book

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Execute a request and answer it; what was deferred comes first."""
        self.settle()
        return self._execute(request)

    def receive(self, request: HttpRequest) -> None:
        """
        Take a request in without executing it, as a gateway does that fails.

        If ids are burnt on receipt, its ``request_id`` is used up; else nothing
        happens.
        """
        self.settle()
        try:
            operation, call = self._admit(request)
        except RefusalError:
            return
        if self._state.settings.burns_ids and operation in _WITH_REQUEST_ID:
            self._state.note(call.account, read_request_id(call.body))

    def defer(self, request: HttpRequest, seconds: float = LATE_SECONDS) -> None:
        """
        Execute a request later: when the next one arrives, or once that many
        seconds have passed on the clock and somebody looks into `book`.
        """
        self._late.append((self.clock.monotonic() + seconds, request))

    def callbacks(self, plan: CallbackPlan | None = None) -> Callbacks:
        """
        Follow what the gateway calls its users back about, from the book's first
        entry on; nothing is posted by it.

        Args:
            plan: What becomes of the messages, and how the callbacks come.
        """
        return Callbacks(
            state=self._state, look=lambda: self.book, plan=plan or CallbackPlan()
        )

    def settle(self) -> None:
        """Execute now what was deferred."""
        self._execute_late(only_due=False)

    def reset(self) -> None:
        """
        Forget book, ids, campaigns, lookups, one-time codes, deferred requests and
        callbacks to come, and restore the credit.

        So are sub-accounts and settings. Contacts, lists, tags and the blacklist stay.
        Tickets are never given out again.
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
        """Find the path as it stands among the routes, and its arguments."""
        # A path that is written out comes before a template: nobody is called "create".
        known = (request.method, request.path) in self._routes
        if not known and not self._methods(request.path):
            for pattern, path in self._templates:
                if found := pattern.fullmatch(request.path):
                    values = found.groupdict()
                    return path, {name: unquote(one) for name, one in values.items()}
        return request.path, {}

    def _methods(self, path: str) -> list[str]:
        return sorted(method for method, known in self._routes if known == path)

    def _admit(self, request: HttpRequest) -> tuple[str, Call]:
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
            (own.login, own.api_key) if own else (self._api_login, self._api_key)
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
        return operation, Call(
            account=login, body=body, query=request.query, arguments=arguments
        )
