"""
Campaigns of SMS and of voice: their results, their endpoints, and the draft that waits.

Source: gateway documentation, "SMS on list" and "Voice SMS on a list".
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from attrs import field, frozen

from .._clock import Clock
from .._wire import Answer, Endpoint, Idempotency, converter, read_from
from ..errors import (
    AuthenticationError,
    Backoff,
    NotSentError,
    OctopushError,
    RefusedError,
    wrong_value,
)
from ._shared import TICKET_NAMES, delete, get, post, to_enum


__all__ = [
    "Audience",
    "AudienceLike",
    "CampaignConfirmed",
    "CampaignState",
    "CampaignStatus",
    "CampaignTicket",
    "Draft",
    "Segmentation",
    "SegmentationLike",
]


_HTTP_BAD_REQUEST = 400
_CAMPAIGN_NOT_FOUND = 131
_LONGEST_PAUSE = 30.0


# --- choices --------------------------------------------------------------------------


class Audience(StrEnum):
    """Audience of a prepared campaign."""

    LIST = "list"
    TAG = "tag"


AudienceLike = Audience | Literal["list", "tag"]


class Segmentation(StrEnum):
    """Unexplained in the only source. Documented, unseen."""

    FILTER = "filter"
    GROUP = "group"


SegmentationLike = Segmentation | Literal["filter", "group"]


def to_segmentation(value: SegmentationLike | None) -> Segmentation | None:
    """Read the value of a field named ``segmentation``; a converter."""
    return None if value is None else to_enum(Segmentation, "segmentation", value)


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True)
class Draft(Answer):
    """The campaign that waits in the account, of any channel."""

    ticket: str | None = field(default=None, metadata=read_from(*TICKET_NAMES))
    number_of_contacts: int | None = None
    residual_credit: Decimal | None = None
    total_cost: Decimal | None = None
    state: str | None = field(default=None, metadata=read_from("status"))
    message: str | None = None


@frozen(kw_only=True)
class CampaignTicket(Answer):
    """
    A campaign that is being prepared; nothing is sent before it is confirmed.

    Attributes:
        ticket: Names the campaign in other calls. None if the outcome is ``presumed``:
            the gateway does not repeat it.
    """

    ticket: str | None = field(
        default=None, metadata=read_from(*TICKET_NAMES, required=True)
    )


class CampaignState(StrEnum):
    """How far the preparation of a campaign is."""

    UNDER_COMPUTATION = "under_computation"
    READY_TO_BE_SENT = "ready_to_be_sent"
    FAILED = "failed"


def _campaign_state(word: Any) -> Any:
    # One page prints the first spelling in its table and the second in its sample.
    if word == "ready_to_be_send":
        return CampaignState.READY_TO_BE_SENT
    try:
        return CampaignState(word)
    except ValueError:
        return word


# As it is: the field reads it, and keeps a word that is new.
converter.register_structure_hook_func(
    lambda kind: kind == CampaignState | str | None, lambda word, _: word
)


@frozen(kw_only=True)
class CampaignStatus(Answer):
    """
    State and price of a prepared campaign. This is the moment to check the price.

    Attributes:
        state: A `CampaignState`, or the gateway's text if it is unknown.
        number_of_contacts: Known once the campaign is ready.
        cost: Cost of the whole campaign, in euros, once it is ready.
    """

    state: CampaignState | str | None = field(
        default=None,
        converter=_campaign_state,
        metadata=read_from("status", required=True),
    )
    number_of_contacts: int | None = None
    cost: Decimal | None = None


@frozen(kw_only=True)
class CampaignConfirmed(Answer):
    """
    A campaign that was confirmed and is on its way.

    Attributes:
        sending_date: Time of sending; None if not reported.
    """

    sending_date: datetime | None = None


# --- endpoints ------------------------------------------------------------------------

D = TypeVar("D", bound=Draft)
S = TypeVar("S", bound=CampaignStatus)


@frozen(kw_only=True)
class CampaignEndpoints(Generic[D, S]):
    """Campaign operations of SMS or of voice."""

    cancel_send: Endpoint[Answer]
    draft: Endpoint[D]
    create_on_list: Endpoint[CampaignTicket]
    create_on_tag: Endpoint[CampaignTicket]
    status: Endpoint[S]
    confirm: Mapping[Audience, Endpoint[CampaignConfirmed]]
    cancel_campaign: Endpoint[Answer]


def campaign_endpoints(
    base: str, *, draft: type[D], status: type[S], confirm_is_bodiless: bool = False
) -> CampaignEndpoints[D, S]:
    """
    Return the endpoints of a channel.

    Status and cancellation have one path for lists and tags: no other is documented.
    Confirming is called validating on the pages; no path of that name exists.

    Args:
        base: Path that all of them begin with.
        draft: Class of a draft.
        status: Class of a status.
        confirm_is_bodiless: Whether a confirmation may come without a body.
    """
    create = {
        audience: post(
            f"{base}-on-{audience}/create", CampaignTicket, Idempotency.REQUEST_ID
        )
        for audience in Audience
    }
    return CampaignEndpoints(
        cancel_send=delete(f"{base}/cancel"),
        draft=get(f"{base}/draft", draft),
        create_on_list=create[Audience.LIST],
        create_on_tag=create[Audience.TAG],
        status=get(f"{base}-on-list/status", status),
        confirm={
            audience: post(
                f"{base}-on-{audience}/send",
                CampaignConfirmed,
                Idempotency.NONE,
                bodiless=confirm_is_bodiless,
            )
            for audience in Audience
        },
        cancel_campaign=delete(f"{base}-on-list/cancel"),
    )


# --- tickets --------------------------------------------------------------------------


def check_ticket(ticket: Any) -> str:
    """Require a ticket, before any I/O."""
    if not isinstance(ticket, str) or not ticket.strip():
        # A call that was presumed has no ticket; None must not become "None".
        raise wrong_value("ticket", "must be a ticket", ticket)
    return ticket


def ticket_body(ticket: Any) -> dict[str, str]:
    """The body of a call that names a ticket and nothing else."""
    return {"ticket_number": check_ticket(ticket)}


# --- waiting --------------------------------------------------------------------------


async def wait_until_ready(
    status_of: Callable[[str], Awaitable[S]],
    ticket: str,
    *,
    clock: Clock,
    timeout: float,
    pause: float,
) -> S:
    """Wait until a campaign is prepared; `Sms.wait_until_ready` documents it."""
    give_up_at = clock.monotonic() + timeout
    while True:
        try:
            status = await status_of(ticket)
        except OctopushError as error:
            if not _means_pending(error):
                raise
        else:
            if status.state is CampaignState.READY_TO_BE_SENT:
                return status
            if status.state is CampaignState.FAILED:
                msg = f"the gateway could not prepare campaign {ticket!r}"
                raise RefusedError(msg, status=status.status, headers=status.headers)
        if clock.monotonic() + pause > give_up_at:
            msg = f"campaign {ticket!r} was not ready after {timeout:g} seconds"
            raise NotSentError(msg, backoff=Backoff.NEVER)
        await clock.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _means_pending(error: OctopushError) -> bool:
    # The status page documents a 400 for a campaign that is not ready, without a code;
    # the older table has 127, 129 and 130 for it. So any 400 means not ready, except
    # codes with another meaning. Documented, unseen.
    return (
        error.status == _HTTP_BAD_REQUEST
        and error.code != _CAMPAIGN_NOT_FOUND
        and not isinstance(error, AuthenticationError)
    )
