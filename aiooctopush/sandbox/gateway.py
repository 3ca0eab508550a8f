"""
The simulated gateway: pure and synchronous, bytes in, bytes out, and a book.

It follows the documents, not the SDK: it reads raw JSON and shares no model with
the code that it judges. Where the documents are silent, the choice is marked
"undocumented, our choice" at the place where it is made.
"""

from decimal import Decimal
from typing import Final

from .._clock import Clock, SystemClock
from .._wire import HttpRequest, HttpResponse
from .book import Book
from .core import Call, Contacts, Settings, State
from .sms import CREATE_ON_LIST, CREATE_ON_TAG, SEND, SmsOperations
from .validation import RefusalError, read_json, read_request_id


LATE_SECONDS: Final = 5.0
"""How long `Gateway.defer` holds a request back, if no other one comes first."""

_ROOT = "/v1/public/"
_WITH_REQUEST_ID = frozenset({SEND, CREATE_ON_LIST, CREATE_ON_TAG})


class Gateway:
    """
    A gateway in memory.

    Args:
        clock: Its own time: the memory of ids, computations, scheduled sends.
        api_login: The only login that is let in; None lets everybody in. Calls
            without credentials are refused in any case.
        api_key: The only key that is let in; None lets every key in.
        credit: In euros, for all accounts together.
        price_per_sms: In euros, for each part of ``sms_premium``.
        low_cost_price_per_sms: The same for ``sms_low_cost``.
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
        burns_ids: bool = False,
        strict_unknown_fields: bool = False,
        names_bad_recipient: bool = True,
        figures_as_text: bool = False,
        computation_seconds: float = 0.0,
        computation_polls: int = 1,
        pending_as_400: bool = False,
        misspells_ready: bool = False,
        refuses_second_campaign: bool = False,
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
            ),
        )
        self._routes = {
            (method, _ROOT + path): (path, answer)
            for (method, path), answer in SmsOperations(self._state).routes.items()
        }
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

    def settle(self) -> None:
        """Execute now what was deferred."""
        self._execute_late(only_due=False)

    def reset(self) -> None:
        """
        Forget book, ids, campaigns and deferred requests, and restore the credit.

        Lists, tags and the blacklist stay. Tickets are never given out again.
        """
        self._late.clear()
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
            _, answer = self._routes[request.method, request.path]
            return answer(call)
        except RefusalError as refusal:
            said = {"code": refusal.code, "message": refusal.message}
            return self._state.answer(refusal.status, said)

    def _admit(self, request: HttpRequest) -> tuple[str, Call]:
        operation, _ = self._routes.get((request.method, request.path), (None, None))
        if operation is None:
            # Neither status is documented.
            known = any(path == request.path for _, path in self._routes)
            status, problem = (
                (405, "Method not allowed") if known else (404, "Not found")
            )
            raise RefusalError(status, problem, status=status)
        headers = {name.lower(): value for name, value in request.headers.items()}
        login, key = headers.get("api-login"), headers.get("api-key")
        if (
            not login
            or not key
            or self._api_login not in (None, login)
            or self._api_key not in (None, key)
        ):
            # 401 is documented for the cancel operations; 101 is the legacy code.
            raise RefusalError(101, "Wrong credentials", status=401)
        body = (
            dict(request.query) if request.method == "GET" else read_json(request.body)
        )
        return operation, Call(account=login, body=body)
