"""Behavior of a simulated gateway that is undocumented or differs by account."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from attrs import field, frozen


_MESSAGES: Final = ("rcs", "email", "live_chat", "whatsapp", "imessage")


class DuplicateCheck(StrEnum):
    """When a ``request_id`` is used up; which rule the real gateway has is unknown."""

    ON_ACCEPT = "on_accept"
    """Once its request is accepted: a refused or simulated one leaves it free."""

    ON_RECEIPT = "on_receipt"
    """As soon as its request is received, with any outcome."""


def _duplicate_check(
    value: DuplicateCheck | Literal["on_accept", "on_receipt"],
) -> DuplicateCheck:
    return DuplicateCheck(value)


@frozen(kw_only=True)
class GatewaySettings:
    """
    Settings of a `Gateway`; every one has a default.

    Attributes:
        api_login: The only accepted login; None accepts any. Calls without credentials
            are always refused.
        api_key: The only key that is let in; None lets every key in.
        credit: In euros, for all accounts together except sub-accounts, which have the
            credit transferred to them.
        price_per_sms: In euros, for each part of ``sms_premium``.
        low_cost_price_per_sms: In euros, for each part of ``sms_low_cost``.
        price_per_voice_sms: In euros, for each recipient of a voice SMS.
        price_per_message: In euros, for each recipient of RCS, e-mail, live chat, and
            of a one-time code by WhatsApp or iMessage.
        price_per_hlr: In euros, for each number.
        price_per_mnp: In euros, for each number, in both versions of MNP.
        duplicate_check: When a ``request_id`` is used up: ``on_accept`` or
            ``on_receipt``.
        strict_unknown_fields: Refuse unknown fields. The real gateway drops them and
            sends anyway. This one does the same by default, and the sent log's entries
            hold their names in ``ignored_fields``.
        names_bad_recipient: Whether a refusal names the place of a bad number.
        figures_as_text: Answer with figures as text, as the first PHP read-me shows.
        computation_seconds: How long a list campaign is computed.
        computation_polls: How many of its first statuses report that it is not ready.
        pending_as_400: Answer such a status with 400 and code 129; else with 200 and
            ``under_computation``. Both responses are documented.
        misspells_ready: Say ``ready_to_be_send``, as a page's sample does.
        refuses_second_campaign: Refuse, with code 126, to create a list campaign
            while another one waits.
        most_lists: More are refused with code 301. The limits of lists and contacts are
            undocumented; only their codes prove that they exist.
        most_contacts_of_list: More in one list are refused with code 304.
        most_contacts_per_call: More in one request are refused with code 305.
        brackets_mnp: Put the response of MNP v2 into a list of one, as its page
            suggests.
    """

    api_login: str | None = None
    api_key: str | None = field(default=None, repr=False)
    credit: Decimal = Decimal(1000)
    price_per_sms: Decimal = Decimal("0.05")
    low_cost_price_per_sms: Decimal = Decimal("0.03")
    price_per_voice_sms: Decimal = Decimal("0.1")
    price_per_message: Decimal = Decimal("0.02")
    price_per_hlr: Decimal = Decimal("0.01")
    price_per_mnp: Decimal = Decimal("0.005")
    duplicate_check: DuplicateCheck = field(
        default=DuplicateCheck.ON_ACCEPT, converter=_duplicate_check
    )
    strict_unknown_fields: bool = False
    names_bad_recipient: bool = True
    figures_as_text: bool = False
    computation_seconds: float = 0.0
    computation_polls: int = 1
    pending_as_400: bool = False
    misspells_ready: bool = False
    refuses_second_campaign: bool = False
    most_lists: int = 1000
    most_contacts_of_list: int = 1_000_000
    most_contacts_per_call: int = 500
    brackets_mnp: bool = False

    @property
    def prices(self) -> Mapping[str, Decimal]:
        """Price of one unit of each product, in euros."""
        return {
            "sms_premium": self.price_per_sms,
            "sms_low_cost": self.low_cost_price_per_sms,
            "voice_sms": self.price_per_voice_sms,
            "vocal_sms": self.price_per_voice_sms,  # the wallet's word for it
            **dict.fromkeys(_MESSAGES, self.price_per_message),
            "hlr": self.price_per_hlr,
            "mnp": self.price_per_mnp,
        }
