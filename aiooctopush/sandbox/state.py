"""Shared by all operations of the simulated gateway: settings, state, responses."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any, Final

from attrs import define, field, frozen

from .._clock import Clock
from .._wire import HttpResponse
from .campaigns import Campaigns
from .sent_log import Entry, SentLog
from .settings import DuplicateCheck, GatewaySettings
from .validation import Message, RefusalError, read_request_id


REMEMBERS_IDS_FOR: Final = timedelta(hours=24)

# The first ticket looks like the documented sample; the others count on from it.
_FIRST_TICKET = 0x5F3FBCE61266E
_REMOVING_BLACKLISTED = Decimal("0.01")

Contacts = Sequence[str | Mapping[str, Any]]


@frozen(kw_only=True)
class AdmittedRequest:
    """A call whose credentials were accepted; a ``GET`` has its query as body."""

    account: str
    body: Mapping[str, Any]
    query: tuple[tuple[str, str], ...] = ()
    """The unparsed query: a name may occur several times."""
    arguments: Mapping[str, str] = field(factory=dict)
    """Arguments of the path, by the names of its template."""


Routes = Mapping[tuple[str, str], Callable[[AdmittedRequest], HttpResponse]]
"""Handler of each operation, by method and path without the common prefix."""


@define(kw_only=True)
class Subaccount:
    """An account of an account, with a key and credit of its own."""

    login: str
    owner: str
    api_key: str = field(repr=False)
    pack: str
    credit: Decimal = Decimal(0)
    details: dict[str, str] = field(factory=dict, repr=False)
    callbacks: dict[str, Any] = field(factory=dict, repr=False)


class State:
    """The complete state of a gateway."""

    def __init__(self, *, clock: Clock, settings: GatewaySettings) -> None:
        self.clock = clock
        self.settings = settings
        self.prices: Mapping[str, Decimal] = settings.prices
        self.subaccounts: dict[str, Subaccount] = {}
        self.tokens: dict[str, tuple[str, str]] = {}
        self.used_tokens: set[str] = set()
        self.preferences: dict[str, dict[str, Any]] = {}
        self.caller = ""
        self._credit = settings.credit
        self.lists: dict[str, Contacts] = {}
        self.tags: dict[str, Contacts] = {}
        self.contacts: dict[str, Mapping[str, Any]] = {}
        self.lines: dict[str, Mapping[str, Any]] = {}
        self.lookups: Counter[str] = Counter()
        self.blacklist: set[str] = set()
        self.sent_log: SentLog = SentLog()
        self.cancellations: Counter[tuple[str, int, int]] = Counter()
        self.campaigns: Campaigns = Campaigns(
            computation_seconds=settings.computation_seconds,
            computation_polls=settings.computation_polls,
        )
        self._ids: dict[tuple[str, str], datetime] = {}
        self._tickets = _FIRST_TICKET
        self._names = 0
        self.resets: int = 0

    def reset(self) -> None:
        """Clear all records, and restore the credit."""
        self.sent_log.clear()
        self.cancellations.clear()
        self.lookups.clear()
        self.campaigns.clear()
        self.subaccounts.clear()
        self.tokens.clear()
        self.used_tokens.clear()
        self.preferences.clear()
        self._credit = self.settings.credit
        self._ids.clear()
        self.resets += 1

    # --- accounts -----------------------------------------------------------------

    @property
    def credit(self) -> Decimal:
        """In euros: of the caller if that is a sub-account, else of all the others."""
        own = self.subaccounts.get(self.caller)
        return self._credit if own is None else own.credit

    @credit.setter
    def credit(self, euros: Decimal) -> None:
        own = self.subaccounts.get(self.caller)
        if own is None:
            self._credit = euros
        else:
            own.credit = euros

    @property
    def pack(self) -> str:
        """The one pack that the credit is in: undocumented, our choice."""
        own = self.subaccounts.get(self.caller)
        return "wallet_pack_1" if own is None else own.pack

    def add_subaccount(self, owner: str) -> Subaccount:
        """Make a sub-account; no login is ever given out twice."""
        self._names += 1
        account = Subaccount(
            login=f"sandbox{self._names}@sub-accounts.com",
            owner=owner,
            api_key=f"key-{self._names:028x}",
            pack=f"wallet_pack_{self._names + 1}",
        )
        self.subaccounts[account.login] = account
        return account

    def new_token(self) -> str:
        """Give out the next token of a transfer; one is never given out twice."""
        self._names += 1
        return f"token-{self._names:026x}"

    def refuse_unknown(self, given: Iterable[str], known: Collection[str]) -> None:
        """Refuse fields that an operation does not have, if that is set."""
        # "What cannot be understood is dropped while the request is still executed."
        unknown = [name for name in given if name not in known]
        if unknown and self.settings.strict_unknown_fields:
            raise RefusalError(400, f"{unknown[0]}: this field was not expected")

    # --- request ids --------------------------------------------------------------

    def note(self, account: str, request_id: str | None) -> None:
        """Remember an id from now on, unless it is remembered already."""
        # A repeat does not make the memory longer: undocumented, our choice. One
        # account has one memory for all operations: undocumented, our choice.
        if request_id is not None and not self._remembers(account, request_id):
            self._ids[account, request_id] = self.clock.now()

    def note_accepted(self, account: str, message: Message) -> None:
        """Remember the id of an accepted call."""
        # Simulated calls leave the id free: undocumented, our choice.
        if not message.simulated:
            self.note(account, message.request_id)

    def refuse_duplicate(self, request: AdmittedRequest) -> None:
        """
        Refuse an id that is remembered; note it if that is done on receipt.

        Must be called first: a repeat of an accepted request must be refused as a
        repeat, even without credit. The order and a comparison of bodies are
        undocumented; bodies are not compared here.
        """
        request_id = read_request_id(request.body)
        if request_id is not None and self._remembers(request.account, request_id):
            # "A validation error" (documented); 120 is the legacy code (inferred).
            raise RefusalError(120, "This request_id was already used")
        if self.settings.duplicate_check is DuplicateCheck.ON_RECEIPT:
            self.note(request.account, request_id)

    def _remembers(self, account: str, request_id: str) -> bool:
        noted = self._ids.get((account, request_id))
        return noted is not None and self.clock.now() - noted < REMEMBERS_IDS_FOR

    # --- accepting ----------------------------------------------------------------

    def new_ticket(self, prefix: str = "sms") -> str:
        """Give out the next ticket; one is never given out twice."""
        ticket = f"{prefix}_{self._tickets:013x}"
        self._tickets += 1
        return ticket

    def without_blacklisted(self, message: Message) -> Message:
        """Remove the numbers that the caller wants removed."""
        return (
            message.without(self.blacklist) if message.removes_blacklisted else message
        )

    def cost(self, message: Message) -> Decimal:
        """Price a message, in euros."""
        cost = self.prices[message.type] * message.number_of_sms
        return cost + _REMOVING_BLACKLISTED if message.removes_blacklisted else cost

    def accept(
        self,
        account: str,
        ticket: str,
        message: Message,
        *,
        cost: Decimal,
        operation: str,
    ) -> None:
        """Take the money, and enter the message into the sent log."""
        if message.simulated:
            cost = Decimal(0)
        if cost > self.credit:
            # Status and body are undocumented; 104 is the legacy code.
            raise RefusalError(104, "There is not enough credit")
        # Paid when accepted, also if it leaves later: undocumented, our choice.
        self.credit -= cost
        # The same number twice in one call is two messages: undocumented, our choice,
        # which reveals a double send.
        self.sent_log.add(
            Entry(
                ticket=ticket,
                operation=operation,
                channel=message.channel,
                recipients=[one.number for one in message.recipients],
                fields=[one.fields for one in message.recipients],
                number_of_contacts=len(message.recipients),
                text=message.text,
                accepted_at=self.clock.now(),
                account=account,
                request_id=message.request_id,
                sender=message.sender,
                type=message.type,
                purpose=message.purpose,
                send_at=message.send_at,
                number_of_sms=message.number_of_sms,
                cost=cost,
                simulated=message.simulated,
                ignored_fields=message.ignored_fields,
                list_name=message.list_name,
            )
        )

    def entry(self, ticket: str, account: str, namespace: str) -> Entry | None:
        """
        Find an entry that this account may access; a simulated ticket is a fake one.

        A namespace, such as ``sms-campaign``, accepts its own tickets only:
        undocumented, our choice, so that a wrong path is noticed.
        """
        entry = self.sent_log.find(ticket)
        found = (
            entry is not None
            and entry.account == account
            and entry.operation.startswith(namespace)
            and entry.counts
        )
        return entry if found else None

    def call_back(self, ticket: str) -> None:
        """Cancel the entries of a ticket."""
        entry = self.sent_log.find(ticket)
        if entry is not None and entry.counts:
            # The credit comes back: undocumented, our choice.
            self.credit += entry.cost
            self.sent_log.cancel(ticket, self.clock.now())
        self.campaigns.drop(ticket)

    # --- answers ------------------------------------------------------------------

    def figure(self, value: Decimal | int) -> float | int | str:
        """Write a count or an amount: a number, or text if so set."""
        if self.settings.figures_as_text:
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        return float(value) if isinstance(value, Decimal) else value

    def answer(
        self, status: int, body: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> HttpResponse:
        """Answer with JSON, or with nothing."""
        headers = {
            "date": format_datetime(self.clock.now().astimezone(UTC), usegmt=True)
        }
        if body is None:
            return HttpResponse(status=status, headers=headers)
        headers["content-type"] = "application/json"
        return HttpResponse(
            status=status, headers=headers, body=json.dumps(body).encode()
        )


class Operations(ABC):
    """The operations of one namespace of the documents."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    @abstractmethod
    def routes(self) -> Routes:
        """Method and path, without its common start, of each operation."""
