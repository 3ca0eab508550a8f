"""
SMS to a list or a tag of contacts: what `sms` has calls for, and a plain send does not
need. The calls, and what they say of themselves, are there.

Source: gateway documentation, "Send SMS to contacts".
"""

from typing import Final

from attrs import field, frozen

from .._wire import Answer, Endpoint, Idempotency
from ._shared import (
    MAX_LIST_NAME,
    MAX_TAG_NAME,
    Audience,
    Segmentation,
    check_text,
    request_id_field,
    to_segmentation,
)
from .campaigns import CampaignConfirmed, CampaignStatus, CampaignTicket, Draft
from .sms import BASE, Message


# --- requests -------------------------------------------------------------------------


@frozen(kw_only=True)
class ListCampaignRequest(Message):
    """
    A campaign to a contact list, to be prepared; `Sms.create_on_list` documents it.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    request_id: str = request_id_field()
    list_name: str
    segmentation: Segmentation | None = field(default=None, converter=to_segmentation)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        check_text(self.list_name, "list_name", MAX_LIST_NAME)


@frozen(kw_only=True)
class TagCampaignRequest(Message):
    """
    A campaign to a tag, to be prepared; `Sms.create_on_tag` documents it.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    request_id: str = request_id_field()
    tag_name: str
    segmentation: Segmentation | None = field(default=None, converter=to_segmentation)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        check_text(self.tag_name, "tag_name", MAX_TAG_NAME)


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True)
class SmsDraft(Draft):
    """
    The SMS campaign that waits in the account.

    Attributes:
        state: The gateway's word for its state, such as ``validated``.
        message: The gateway's words, empty in the documented sample.
    """

    number_of_sms_needed: int | None = None


# --- endpoints ------------------------------------------------------------------------

DRAFT: Final = Endpoint(
    method="GET",
    path=f"{BASE}/draft",
    idempotency=Idempotency.SAFE,
    answer=SmsDraft,
)
CREATE_ON_LIST: Final = Endpoint(
    method="POST",
    path=f"{BASE}-on-list/create",
    idempotency=Idempotency.REQUEST_ID,
    answer=CampaignTicket,
)
CREATE_ON_TAG: Final = Endpoint(
    method="POST",
    path=f"{BASE}-on-tag/create",
    idempotency=Idempotency.REQUEST_ID,
    answer=CampaignTicket,
)
# Serves tag campaigns too: no other path is documented.
STATUS: Final = Endpoint(
    method="GET",
    path=f"{BASE}-on-list/status",
    idempotency=Idempotency.SAFE,
    answer=CampaignStatus,
)
# The pages call it validating; no path of that name exists.
CONFIRM: Final = {
    Audience.LIST: Endpoint(
        method="POST",
        path=f"{BASE}-on-list/send",
        idempotency=Idempotency.NONE,
        answer=CampaignConfirmed,
    ),
    Audience.TAG: Endpoint(
        method="POST",
        path=f"{BASE}-on-tag/send",
        idempotency=Idempotency.NONE,
        answer=CampaignConfirmed,
    ),
}
# As with the status, one path for both.
CANCEL_CAMPAIGN: Final = Endpoint(
    method="DELETE",
    path=f"{BASE}-on-list/cancel",
    idempotency=Idempotency.IDEMPOTENT,
    answer=Answer,
)
