"""Direct sends, campaigns and cancellations, shared by SMS and voice."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from attrs import evolve

from ..._wire import HttpResponse
from ..campaigns import Campaign, Stage
from ..sent_log import Entry
from ..state import AdmittedRequest, Operations, Routes, State
from ..validation import (
    Message,
    Recipient,
    RefusalError,
    read_contacts,
    read_message,
    read_name,
    read_recipients,
    read_ticket,
)


_MOST_CANCELLATIONS = 1000
_MOST_CANCELLED_RECIPIENTS = 2
_CANCEL_AHEAD = timedelta(minutes=10)


def check_cancellation(
    state: State, account: str, *, contacts: int, entry: Entry | None, sent: bool
) -> None:
    """
    Refuse what the three limits forbid, or count the cancellation.

    The limits are documented on readme.io, for all channels in the same words. Their
    codes are our choice, as is the common count for all channels.
    """
    now = state.clock.now()
    if sent:
        raise RefusalError(132, "The campaign was already sent")
    if contacts > _MOST_CANCELLED_RECIPIENTS:
        raise RefusalError(400, "ticket_number: 3 recipients or more")
    if entry and entry.send_at and entry.send_at - now <= _CANCEL_AHEAD:
        raise RefusalError(127, "The campaign leaves within 10 minutes")
    month = (account, now.year, now.month)
    if state.cancellations[month] >= _MOST_CANCELLATIONS:
        raise RefusalError(128, "1000 cancellations this month were all")
    state.cancellations[month] += 1


def has_left(entry: Entry, now: datetime) -> bool:
    """Whether it is too late to call something back."""
    return entry.send_at is None or entry.send_at <= now


class SendingOperations(Operations):
    """
    Nine operations that differ only in the kind of message.

    Attributes:
        channel: As the sent log says it.
        namespace: Start of the paths, such as ``sms-campaign``.
        ticket_name: Key of the ticket in the response to a send.
        ticket_prefix: Start of the tickets.
        send_fields: Fields that a send supports.
        create_fields: Fields that the creation of a campaign supports, except its name.
    """

    channel: ClassVar[str]
    namespace: ClassVar[str]
    ticket_name: ClassVar[str]
    ticket_prefix: ClassVar[str]
    send_fields: ClassVar[Collection[str]]
    create_fields: ClassVar[Collection[str]]

    @property
    def routes(self) -> Routes:
        """Method and path, without its common start, of each operation."""
        return {
            ("POST", f"{self.namespace}/send"): self._send,
            ("GET", f"{self.namespace}/draft"): self._draft,
            ("DELETE", f"{self.namespace}/cancel"): self._cancel,
            ("POST", f"{self.namespace}-on-list/create"): partial(
                self._create, kind="list"
            ),
            ("POST", f"{self.namespace}-on-tag/create"): partial(
                self._create, kind="tag"
            ),
            ("GET", f"{self.namespace}-on-list/status"): self._status,
            ("POST", f"{self.namespace}-on-list/send"): partial(
                self._confirm, kind="list"
            ),
            ("POST", f"{self.namespace}-on-tag/send"): partial(
                self._confirm, kind="tag"
            ),
            ("DELETE", f"{self.namespace}-on-list/cancel"): self._cancel_prepared,
        }

    # --- what differs -------------------------------------------------------------

    def _check(self, _: Mapping[str, Any]) -> list[str]:
        """Refuse what is special to the channel, or name what of it is dropped."""
        return []

    @abstractmethod
    def _size(self, message: Message) -> Mapping[str, Any]:
        """Return the size, as the responses to a send and a draft show it."""

    def _price(self, _: Campaign) -> Mapping[str, Any]:
        """Return the fields of a status other than contacts, cost and state."""
        return {}

    @abstractmethod
    def _confirmed(self, leaves_at: datetime) -> Mapping[str, Any] | None:
        """The body that answers a confirmation."""

    # --- direct sends -------------------------------------------------------------

    def _read(
        self,
        request: AdmittedRequest,
        recipients: Sequence[Recipient],
        known: Collection[str],
        ignored: Sequence[str] = (),
    ) -> Message:
        message = read_message(
            request.body,
            recipients=recipients,
            known=known,
            now=self._state.clock.now(),
            ignored=[*ignored, *self._check(request.body)],
            strict=self._state.settings.strict_unknown_fields,
            channel=self.channel,
        )
        return self._state.without_blacklisted(message)

    def _send(self, request: AdmittedRequest) -> HttpResponse:
        self._state.refuse_duplicate(request)
        recipients, dropped = read_recipients(
            request.body, names_bad_recipient=self._state.settings.names_bad_recipient
        )
        message = self._read(request, recipients, self.send_fields, dropped)
        if not message.recipients:
            raise RefusalError(117, "There is no valid number left")
        cost = self._state.cost(message)
        ticket = self._state.new_ticket(self.ticket_prefix)
        self._state.accept(
            request.account,
            ticket,
            message,
            cost=cost,
            operation=f"{self.namespace}/send",
        )
        self._state.note_accepted(request.account, message)
        self._store(request, message)
        return self._state.answer(
            201,
            {
                self.ticket_name: ticket,
                "number_of_contacts": self._state.figure(len(message.recipients)),
                # A simulation tells the price, but nobody pays it.
                "total_cost": self._state.figure(cost),
                "residual_credit": self._state.figure(self._state.credit),
                **self._size(message),
            },
        )

    def _store(self, request: AdmittedRequest, message: Message) -> None:
        list_name = request.body.get("list_name")
        known = "list_name" in self.send_fields and not message.simulated
        if known and isinstance(list_name, str) and list_name:
            # Only the newer reference has it; an existing list is added to: our choice.
            contacts = [
                {"phone_number": one.number, **one.fields} for one in message.recipients
            ]
            lists = self._state.lists
            lists[list_name] = [*lists.get(list_name, ()), *contacts]

    def _draft(self, request: AdmittedRequest) -> HttpResponse:
        # What waits is what was created and not yet confirmed (inferred).
        waiting = self._state.campaigns.waiting(request.account, self.channel)
        campaign = next(waiting, None)
        if campaign is None:
            # Undocumented, our choice: the legacy code for "not found".
            raise RefusalError(131, "There is no campaign waiting")
        self._state.campaigns.check_computed(campaign, self._state.clock.monotonic())
        message = campaign.message
        return self._state.answer(
            200,
            {
                "ticket_number": campaign.ticket,
                "number_of_contacts": self._state.figure(len(message.recipients)),
                "residual_credit": self._state.figure(self._state.credit),
                "total_cost": self._state.figure(campaign.cost),
                "status": "validated",
                "message": "",
                "code": 0,
                **self._size(message),
            },
        )

    def _cancel(self, request: AdmittedRequest) -> HttpResponse:
        ticket = read_ticket(request.body)
        entry = self._state.entry(ticket, request.account, self.namespace)
        if entry is None:
            campaign = self._find(request)
            contacts = len(campaign.message.recipients)
            sent = campaign.stage is Stage.CONFIRMED
        else:
            contacts = entry.number_of_contacts
            sent = has_left(entry, self._state.clock.now())
        check_cancellation(
            self._state, request.account, contacts=contacts, entry=entry, sent=sent
        )
        # A second time finds nothing and is refused with 131: our choice.
        self._state.call_back(ticket)
        return self._state.answer(204)

    # --- list and tag campaigns ---------------------------------------------------

    def _find(self, request: AdmittedRequest) -> Campaign:
        ticket = read_ticket(request.body)
        return self._state.campaigns.find(ticket, request.account, self.channel)

    def _create(self, request: AdmittedRequest, kind: str) -> HttpResponse:
        self._state.refuse_duplicate(request)
        contacts = self._state.lists if kind == "list" else self._state.tags
        field = f"{kind}_name"
        name = read_name(request.body, field)
        if name not in contacts:
            # 303 is the legacy code for a list; for a tag it is our choice.
            raise RefusalError(303, f"{field}: unknown")
        waiting = any(self._state.campaigns.waiting(request.account, self.channel))
        if waiting and self._state.settings.refuses_second_campaign:
            raise RefusalError(126, "A campaign is already waiting")
        recipients = read_contacts(contacts[name])
        message = self._read(request, recipients, {*self.create_fields, field})
        self._state.note_accepted(request.account, message)
        campaign = Campaign(
            ticket=self._state.new_ticket(self.ticket_prefix),
            account=request.account,
            kind=kind,
            message=message,
            cost=self._state.cost(message),
            created_at=self._state.clock.monotonic(),
        )
        self._state.campaigns.add(campaign)
        return self._state.answer(201, {"ticket_number": campaign.ticket})

    def _status(self, request: AdmittedRequest) -> HttpResponse:
        campaign = self._find(request)
        if campaign.stage is Stage.CONFIRMED:
            # Undocumented, our choice.
            raise RefusalError(132, "The campaign was already sent")
        contacts, cost, status = 0, Decimal(0), "under_computation"
        now = self._state.clock.monotonic()
        if not self._state.campaigns.is_computed(campaign, now):
            campaign.polls += 1
            if self._state.settings.pending_as_400:
                raise RefusalError(129, "The campaign is being built")
        elif campaign.failed:
            status = "failed"
        else:
            contacts, cost = len(campaign.message.recipients), campaign.cost
            misspelt = self._state.settings.misspells_ready
            status = "ready_to_be_send" if misspelt else "ready_to_be_sent"
        return self._state.answer(
            200,
            {
                "number_of_contacts": self._state.figure(contacts),
                "cost": self._state.figure(cost),
                "status": status,
                **self._price(campaign),
            },
        )

    def _confirm(self, request: AdmittedRequest, kind: str) -> HttpResponse:
        campaign = self._find(request)
        # A path takes the tickets of its own kind only: undocumented, our choice, so
        # that a wrong path does not go unnoticed.
        if campaign.kind != kind:
            raise RefusalError(131, f"The campaign is not one on a {kind}")
        if campaign.stage is Stage.CONFIRMED:
            raise RefusalError(132, "The campaign was already sent")
        self._state.campaigns.check_computed(campaign, self._state.clock.monotonic())
        if campaign.failed:
            # Undocumented; 134 is "cannot go on" in a third-party client.
            raise RefusalError(134, "The campaign has failed")
        now = self._state.clock.now()
        leaves_at = campaign.leaves_at(now)
        self._state.accept(
            request.account,
            campaign.ticket,
            evolve(campaign.message, send_at=leaves_at if leaves_at > now else None),
            cost=campaign.cost,
            operation=f"{self.namespace}-on-{kind}/send",
        )
        campaign.stage = Stage.CONFIRMED
        return self._state.answer(200, self._confirmed(leaves_at))

    def _cancel_prepared(self, request: AdmittedRequest) -> HttpResponse:
        campaign = self._find(request)
        entry = self._state.entry(campaign.ticket, request.account, self.namespace)
        # What was confirmed can be dropped until it leaves; no limit is documented.
        if campaign.stage is Stage.CONFIRMED and (
            entry is None or has_left(entry, self._state.clock.now())
        ):
            raise RefusalError(132, "The campaign was already sent")
        self._state.call_back(campaign.ticket)
        return self._state.answer(204)
