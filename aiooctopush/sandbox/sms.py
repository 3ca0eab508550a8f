"""Operations 1 to 9: SMS to given numbers, to a list, or to a tag."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from attrs import evolve

from .._wire import HttpResponse
from .campaigns import Campaign, Stage
from .core import Call, Contacts, State
from .validation import (
    COMMON_FIELDS,
    RefusalError,
    read_contacts,
    read_message,
    read_name,
    read_recipients,
    read_ticket,
)


SEND: Final = "sms-campaign/send"
CREATE_ON_LIST: Final = "sms-campaign-on-list/create"
CREATE_ON_TAG: Final = "sms-campaign-on-tag/create"

_SEND_FIELDS = COMMON_FIELDS | {"recipients", "list_name"}
_CREATE_FIELDS = COMMON_FIELDS | {"segmentation"}
_MOST_CANCELLATIONS = 1000
_MOST_CANCELLED_RECIPIENTS = 2
_CANCEL_AHEAD = timedelta(minutes=10)


class SmsOperations:
    """The SMS chapter of the documents."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def routes(self) -> Mapping[tuple[str, str], Callable[[Call], HttpResponse]]:
        """Method and path, without its common start, of each operation."""
        return {
            ("POST", SEND): self._send,
            ("GET", "sms-campaign/draft"): self._draft,
            ("DELETE", "sms-campaign/cancel"): self._cancel,
            ("POST", CREATE_ON_LIST): self._create_on_list,
            ("POST", CREATE_ON_TAG): self._create_on_tag,
            ("GET", "sms-campaign-on-list/status"): self._status,
            ("POST", "sms-campaign-on-list/send"): self._confirm_list,
            ("POST", "sms-campaign-on-tag/send"): self._confirm_tag,
            ("DELETE", "sms-campaign-on-list/cancel"): self._cancel_prepared,
        }

    # --- operations 1 to 3: direct sends ------------------------------------------

    def _send(self, call: Call) -> HttpResponse:
        self._state.refuse_duplicate(call)
        recipients, dropped = read_recipients(
            call.body, names_bad_recipient=self._state.settings.names_bad_recipient
        )
        message = read_message(
            call.body,
            recipients=recipients,
            known=_SEND_FIELDS,
            now=self._state.clock.now(),
            ignored=dropped,
            strict=self._state.settings.strict_unknown_fields,
        )
        message = self._state.without_blacklisted(message)
        if not message.recipients:
            raise RefusalError(117, "There is no valid number left")
        cost, ticket = self._state.cost(message), self._state.new_ticket()
        self._state.accept(call.account, ticket, message, cost=cost, operation=SEND)
        self._state.note_accepted(call.account, message)
        list_name = call.body.get("list_name")
        if isinstance(list_name, str) and list_name and not message.simulated:
            # Only the newer reference has it; an existing list is added to: our choice.
            contacts = [
                {"phone_number": one.number, **one.fields} for one in message.recipients
            ]
            lists = self._state.lists
            lists[list_name] = [*lists.get(list_name, ()), *contacts]
        return self._state.answer(
            201,
            {
                "sms_ticket": ticket,
                "number_of_contacts": self._state.figure(len(message.recipients)),
                # A simulation tells the price, but nobody pays it.
                "total_cost": self._state.figure(cost),
                "number_of_sms_needed": self._state.figure(message.number_of_sms),
                "residual_credit": self._state.figure(self._state.credit),
            },
        )

    def _draft(self, call: Call) -> HttpResponse:
        # What waits is what was created and not yet confirmed (inferred).
        campaign = next(self._state.campaigns.waiting(call.account), None)
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
                "number_of_sms_needed": self._state.figure(message.number_of_sms),
                "residual_credit": self._state.figure(self._state.credit),
                "total_cost": self._state.figure(campaign.cost),
                "status": "validated",
                "message": "",
                "code": 0,
            },
        )

    def _cancel(self, call: Call) -> HttpResponse:
        ticket = read_ticket(call.body)
        now = self._state.clock.now()
        entry = self._state.entry(ticket, call.account)
        if entry is None:
            campaign = self._state.campaigns.find(ticket, call.account)
            contacts = len(campaign.message.recipients)
            sent = campaign.stage is Stage.CONFIRMED
        else:
            contacts = entry.number_of_contacts
            sent = entry.send_at is None or entry.send_at <= now
        if sent:
            raise RefusalError(132, "The campaign was already sent")
        # The three limits are documented on readme.io; their codes are our choice.
        if contacts > _MOST_CANCELLED_RECIPIENTS:
            raise RefusalError(400, "ticket_number: 3 recipients or more")
        if entry and entry.send_at and entry.send_at - now <= _CANCEL_AHEAD:
            raise RefusalError(127, "The campaign leaves within 10 minutes")
        month = (call.account, now.year, now.month)
        if self._state.cancellations[month] >= _MOST_CANCELLATIONS:
            raise RefusalError(128, "1000 cancellations this month were all")
        self._state.cancellations[month] += 1
        # A second time finds nothing and is refused with 131: our choice.
        self._state.call_back(ticket)
        return self._state.answer(204)

    # --- operations 4 to 9: list and tag campaigns --------------------------------

    def _create_on_list(self, call: Call) -> HttpResponse:
        return self._create(call, "list", self._state.lists)

    def _create_on_tag(self, call: Call) -> HttpResponse:
        return self._create(call, "tag", self._state.tags)

    def _create(
        self, call: Call, kind: str, contacts: Mapping[str, Contacts]
    ) -> HttpResponse:
        self._state.refuse_duplicate(call)
        field = f"{kind}_name"
        name = read_name(call.body, field)
        if name not in contacts:
            # 303 is the legacy code for a list; for a tag it is our choice.
            raise RefusalError(303, f"{field}: unknown")
        waiting = any(self._state.campaigns.waiting(call.account))
        if waiting and self._state.settings.refuses_second_campaign:
            raise RefusalError(126, "A campaign is already waiting")
        message = read_message(
            call.body,
            recipients=read_contacts(contacts[name]),
            known=_CREATE_FIELDS | {field},
            now=self._state.clock.now(),
            strict=self._state.settings.strict_unknown_fields,
        )
        message = self._state.without_blacklisted(message)
        self._state.note_accepted(call.account, message)
        campaign = Campaign(
            ticket=self._state.new_ticket(),
            account=call.account,
            kind=kind,
            message=message,
            cost=self._state.cost(message),
            created_at=self._state.clock.monotonic(),
        )
        self._state.campaigns.add(campaign)
        return self._state.answer(201, {"ticket_number": campaign.ticket})

    def _status(self, call: Call) -> HttpResponse:
        campaign = self._state.campaigns.find(read_ticket(call.body), call.account)
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
            },
        )

    def _confirm_list(self, call: Call) -> HttpResponse:
        return self._confirm(call, "list")

    def _confirm_tag(self, call: Call) -> HttpResponse:
        return self._confirm(call, "tag")

    def _confirm(self, call: Call, kind: str) -> HttpResponse:
        campaign = self._state.campaigns.find(read_ticket(call.body), call.account)
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
            call.account,
            campaign.ticket,
            evolve(campaign.message, send_at=leaves_at if leaves_at > now else None),
            cost=campaign.cost,
            operation=f"sms-campaign-on-{kind}/send",
        )
        campaign.stage = Stage.CONFIRMED
        return self._state.answer(
            200, {"sending_date": leaves_at.isoformat(timespec="seconds")}
        )

    def _cancel_prepared(self, call: Call) -> HttpResponse:
        ticket = read_ticket(call.body)
        campaign = self._state.campaigns.find(ticket, call.account)
        entry = self._state.entry(ticket, call.account)
        now = self._state.clock.now()
        # What was confirmed can be dropped until it leaves; no limit is documented.
        if campaign.stage is Stage.CONFIRMED and (
            entry is None or entry.send_at is None or entry.send_at <= now
        ):
            raise RefusalError(132, "The campaign was already sent")
        self._state.call_back(ticket)
        return self._state.answer(204)
