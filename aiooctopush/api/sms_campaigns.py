"""
SMS to a list or a tag of contacts: requests and endpoints that a plain send does not
need. The calls are in `sms`.

Source: gateway documentation, "Send SMS to contacts".
"""

from typing import Final

from attrs import field, frozen

from ._shared import (
    MAX_LIST_NAME,
    MAX_TAG_NAME,
    check_text,
    request_id_field,
)
from .campaigns import (
    CampaignEndpoints,
    CampaignStatus,
    Draft,
    Segmentation,
    campaign_endpoints,
    to_segmentation,
)
from .sms import BASE, Message


__all__ = [
    "ListCampaignRequest",
    "SmsDraft",
    "TagCampaignRequest",
]


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
        state: The gateway's name of its state, such as ``validated``.
        message: The gateway's words, empty in the documented sample.
    """

    number_of_sms_needed: int | None = None


# --- endpoints ------------------------------------------------------------------------

SmsEndpoints = CampaignEndpoints[SmsDraft, CampaignStatus]

ENDPOINTS: Final[SmsEndpoints] = campaign_endpoints(
    BASE, draft=SmsDraft, status=CampaignStatus
)
