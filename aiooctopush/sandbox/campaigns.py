"""
List and tag campaigns between their creation and the moment they leave.

Source: gateway documentation, "SMS on list" and "Voice SMS on a list" (create, status,
send, cancel). The time of the computation, and the responses of other calls in the
meantime, are undocumented.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from attrs import define

from .validation import Message, RefusalError


class Stage(StrEnum):
    """State of a computed campaign."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    GONE = "gone"


@define(kw_only=True)
class Campaign:
    """
    A campaign that was created.

    Attributes:
        ticket: Its ticket.
        account: ``api-login`` of who created it.
        kind: ``list`` or ``tag``: the path on which it is confirmed.
        message: The message and its recipients.
        cost: In euros, for all recipients.
        created_at: On the monotonic clock, in seconds.
        polls: How often its status was asked for.
        stage: Its stage.
    """

    ticket: str
    account: str
    kind: str
    message: Message
    cost: Decimal
    created_at: float
    polls: int = 0
    stage: Stage = Stage.WAITING

    @property
    def channel(self) -> str:
        """Type of its messages: ``sms`` or ``voice_sms``."""
        return self.message.channel

    @property
    def failed(self) -> bool:
        """Whether the computation found no recipients."""
        return not self.message.recipients

    def leaves_at(self, now: datetime) -> datetime:
        """When it leaves if it is confirmed now."""
        send_at = self.message.send_at
        return send_at if send_at is not None and send_at > now else now


class Campaigns:
    """
    All campaigns, and the rules of when each may be touched.

    Args:
        computation_seconds: Duration of the computation.
        computation_polls: How many statuses report that it is not finished.
    """

    def __init__(self, *, computation_seconds: float, computation_polls: int) -> None:
        self._seconds = computation_seconds
        self._polls = computation_polls
        self._by_ticket: dict[str, Campaign] = {}

    def add(self, campaign: Campaign) -> None:
        """Take in a new campaign."""
        self._by_ticket[campaign.ticket] = campaign

    def clear(self) -> None:
        """Forget all of them."""
        self._by_ticket.clear()

    def find(self, ticket: str, account: str, channel: str) -> Campaign:
        """Find a campaign of this account that is not gone, or refuse with 131."""
        # A path accepts the tickets of its own channel only: undocumented, our choice,
        # so that a wrong path is noticed.
        campaign = self._by_ticket.get(ticket)
        if (
            campaign is None
            or campaign.account != account
            or campaign.channel != channel
            or campaign.stage is Stage.GONE
        ):
            raise RefusalError(131, "The campaign was not found")
        return campaign

    def drop(self, ticket: str) -> None:
        """Mark a campaign as gone, if there is one."""
        campaign = self._by_ticket.get(ticket)
        if campaign is not None:
            campaign.stage = Stage.GONE

    def waiting(self, account: str, channel: str) -> Iterator[Campaign]:
        """Campaigns that wait for confirmation on a channel, the latest first."""
        return (
            one
            for one in reversed(self._by_ticket.values())
            if one.account == account
            and one.channel == channel
            and one.stage is Stage.WAITING
            and not one.failed
        )

    def is_computed(self, campaign: Campaign, now: float) -> bool:
        """Return whether recipients and price are known; ``now`` is monotonic."""
        waited = now - campaign.created_at
        return waited >= self._seconds and campaign.polls >= self._polls

    def check_computed(self, campaign: Campaign, now: float) -> None:
        """
        Refuse a campaign that is still being built, with the legacy code 129
        (inferred).
        """
        if not self.is_computed(campaign, now):
            raise RefusalError(129, "The campaign is being built")
