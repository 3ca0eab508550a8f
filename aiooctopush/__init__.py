"""An asyncio SDK for the Octopush SMS gateway: it knows what became of each text."""

from ._clock import Clock, SystemClock
from ._engine import AttemptEvent
from ._version import __version__
from ._wire import Answer, HttpRequest, HttpResponse
from .api._shared import Audience, OnUnknown, Purpose, Recipient, Segmentation, SmsType
from .api.sms import (
    CampaignConfirmed,
    CampaignState,
    CampaignStatus,
    CampaignTicket,
    ListCampaignRequest,
    SendResult,
    Sms,
    SmsDraft,
    SmsRequest,
    TagCampaignRequest,
)
from .bulk.ledger import BatchState
from .bulk.report import BulkReport, Pause
from .bulk.run import BatchResult, BulkRun
from .bulk.sources import read_csv
from .errors import (
    GATEWAY_CODES,
    AuthenticationError,
    DuplicateRequestError,
    GatewayCode,
    InsufficientCreditError,
    InvalidFieldError,
    InvalidRequestError,
    InvalidResponseError,
    NotSentError,
    OctopushError,
    Outcome,
    RefusedError,
    ServerError,
    ThrottledError,
    TransportSecurityError,
    UnknownOutcomeError,
    WebhookError,
)
from .ids import new_request_id, request_id_for
from .retry import RetryPolicy
from .session import OctopushSession
from .transport import Timeouts, Transport


__all__ = [
    "GATEWAY_CODES",
    "Answer",
    "AttemptEvent",
    "Audience",
    "AuthenticationError",
    "BatchResult",
    "BatchState",
    "BulkReport",
    "BulkRun",
    "CampaignConfirmed",
    "CampaignState",
    "CampaignStatus",
    "CampaignTicket",
    "Clock",
    "DuplicateRequestError",
    "GatewayCode",
    "HttpRequest",
    "HttpResponse",
    "InsufficientCreditError",
    "InvalidFieldError",
    "InvalidRequestError",
    "InvalidResponseError",
    "ListCampaignRequest",
    "NotSentError",
    "OctopushError",
    "OctopushSession",
    "OnUnknown",
    "Outcome",
    "Pause",
    "Purpose",
    "Recipient",
    "RefusedError",
    "RetryPolicy",
    "Segmentation",
    "SendResult",
    "ServerError",
    "Sms",
    "SmsDraft",
    "SmsRequest",
    "SmsType",
    "SystemClock",
    "TagCampaignRequest",
    "ThrottledError",
    "Timeouts",
    "Transport",
    "TransportSecurityError",
    "UnknownOutcomeError",
    "WebhookError",
    "__version__",
    "new_request_id",
    "read_csv",
    "request_id_for",
]
