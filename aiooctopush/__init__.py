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
from .bulk.delivery import BatchResult
from .bulk.files import SourceError
from .bulk.json_lines import JsonLinesSource, read_json_lines
from .bulk.ledger import (
    BatchRecord,
    BatchState,
    Ledger,
    LedgerError,
    Pause,
    Rejection,
    RunRecord,
)
from .bulk.memory import MemoryLedger
from .bulk.options import OnDuplicate, OnForeign, OnInDoubt, OnInvalid
from .bulk.report import BulkReport
from .bulk.resume import SourceChangedError
from .bulk.run import BulkRun
from .bulk.sources import RowSource, read_csv
from .bulk.sqlite import SQLiteLedger
from .bulk.worklist import Decision, Unresolved
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
    "BatchRecord",
    "BatchResult",
    "BatchState",
    "BulkReport",
    "BulkRun",
    "CampaignConfirmed",
    "CampaignState",
    "CampaignStatus",
    "CampaignTicket",
    "Clock",
    "Decision",
    "DuplicateRequestError",
    "GatewayCode",
    "HttpRequest",
    "HttpResponse",
    "InsufficientCreditError",
    "InvalidFieldError",
    "InvalidRequestError",
    "InvalidResponseError",
    "JsonLinesSource",
    "Ledger",
    "LedgerError",
    "ListCampaignRequest",
    "MemoryLedger",
    "NotSentError",
    "OctopushError",
    "OctopushSession",
    "OnDuplicate",
    "OnForeign",
    "OnInDoubt",
    "OnInvalid",
    "OnUnknown",
    "Outcome",
    "Pause",
    "Purpose",
    "Recipient",
    "RefusedError",
    "Rejection",
    "RetryPolicy",
    "RowSource",
    "RunRecord",
    "SQLiteLedger",
    "Segmentation",
    "SendResult",
    "ServerError",
    "Sms",
    "SmsDraft",
    "SmsRequest",
    "SmsType",
    "SourceChangedError",
    "SourceError",
    "SystemClock",
    "TagCampaignRequest",
    "ThrottledError",
    "Timeouts",
    "Transport",
    "TransportSecurityError",
    "UnknownOutcomeError",
    "Unresolved",
    "WebhookError",
    "__version__",
    "new_request_id",
    "read_csv",
    "read_json_lines",
    "request_id_for",
]
