"""An asyncio SDK for the Octopush SMS gateway: it knows what became of each text."""

from typing import TYPE_CHECKING

from . import _lazy as _lazy
from ._clock import Clock, SystemClock
from ._version import __version__
from ._wire import Answer, HttpRequest, HttpResponse, Idempotency
from .api._recipients import Recipient
from .api._shared import Audience, OnUnknown, Purpose, Segmentation, SmsType
from .api.sms import (
    Message,
    SendResult,
    Sms,
    SmsRequest,
)
from .bulk.options import OnAlreadySent, OnDuplicate, OnInvalid, OnUnresolved
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
from .observer import AttemptEvent, CallEnded, CallObserver, CallStarted, Observer
from .retry import RetryPolicy
from .secret import Secret
from .session import OctopushSession
from .transport import Timeouts, Transport


# What a first send does not need: loaded when it is first asked for. Each name stands
# twice here, for type checkers and for Python, and a test compares the two.
if TYPE_CHECKING:
    from .api._callbacks import UNCHANGED, Callbacks, CallbackSettings, Unchanged
    from .api._chunks import ItemResult, ManyResults
    from .api._voices import VoiceGender, VoiceLanguage
    from .api.campaigns import (
        CampaignConfirmed,
        CampaignState,
        CampaignStatus,
        CampaignTicket,
    )
    from .api.contacts import Contacts
    from .api.lookup import HlrResult, Lookup, MnpResult, Network
    from .api.multichannel import (
        Channel,
        ChannelRecipient,
        ChannelRequest,
        ChannelResult,
        Multichannel,
    )
    from .api.otp import Otp, OtpChannel, OtpCheck, OtpSent, OtpState
    from .api.raw import RawAnswer
    from .api.settings import AccountSettings, AlertSettings, DefaultSettings, Settings
    from .api.sms_campaigns import ListCampaignRequest, SmsDraft, TagCampaignRequest
    from .api.subaccounts import (
        Subaccount,
        SubaccountCreated,
        Subaccounts,
        Transfer,
        TransferPack,
        TransferToken,
    )
    from .api.voice import (
        Voice,
        VoiceCampaignStatus,
        VoiceDraft,
        VoiceListCampaignRequest,
        VoiceRequest,
        VoiceResult,
        VoiceTagCampaignRequest,
    )
    from .api.wallet import (
        Balance,
        CountryCredits,
        Credits,
        Product,
        Wallet,
        WalletPack,
    )
    from .bulk.fleet.worker import Worker
    from .bulk.report import BulkReport
    from .bulk.review.decisions import BatchDecision, Unresolved
    from .bulk.run import BulkRun
    from .bulk.sending.delivery import BatchResult
    from .bulk.sending.resume import SourceChangedError
    from .bulk.sources.any_file import read_recipients
    from .bulk.sources.csv_file import RowSource, read_csv
    from .bulk.sources.json_lines import JsonLinesSource, read_json_lines
    from .bulk.sources.spreadsheet import SpreadsheetSource, read_spreadsheet
    from .bulk.sources.text_file import SourceError
    from .ledgers.memory import MemoryLedger
    from .ledgers.protocols import Ledger
    from .ledgers.records import (
        BatchRecord,
        BatchState,
        LedgerError,
        Pause,
        Rejection,
        RunRecord,
    )
    from .ledgers.sqlite.ledger import SQLiteLedger
else:
    _LATER = {
        ".api._callbacks": ("UNCHANGED", "Callbacks", "CallbackSettings", "Unchanged"),
        ".api._chunks": ("ItemResult", "ManyResults"),
        ".api._voices": ("VoiceGender", "VoiceLanguage"),
        ".api.campaigns": (
            "CampaignConfirmed",
            "CampaignState",
            "CampaignStatus",
            "CampaignTicket",
        ),
        ".api.contacts": ("Contacts",),
        ".api.lookup": ("HlrResult", "Lookup", "MnpResult", "Network"),
        ".api.multichannel": (
            "Channel",
            "ChannelRecipient",
            "ChannelRequest",
            "ChannelResult",
            "Multichannel",
        ),
        ".api.otp": ("Otp", "OtpChannel", "OtpCheck", "OtpSent", "OtpState"),
        ".api.raw": ("RawAnswer",),
        ".api.settings": (
            "AccountSettings",
            "AlertSettings",
            "DefaultSettings",
            "Settings",
        ),
        ".api.sms_campaigns": ("ListCampaignRequest", "SmsDraft", "TagCampaignRequest"),
        ".api.subaccounts": (
            "Subaccount",
            "SubaccountCreated",
            "Subaccounts",
            "Transfer",
            "TransferPack",
            "TransferToken",
        ),
        ".api.voice": (
            "Voice",
            "VoiceCampaignStatus",
            "VoiceDraft",
            "VoiceListCampaignRequest",
            "VoiceRequest",
            "VoiceResult",
            "VoiceTagCampaignRequest",
        ),
        ".api.wallet": (
            "Balance",
            "CountryCredits",
            "Credits",
            "Product",
            "Wallet",
            "WalletPack",
        ),
        ".bulk.sending.delivery": ("BatchResult",),
        ".bulk.sources.any_file": ("read_recipients",),
        ".bulk.sources.spreadsheet": ("SpreadsheetSource", "read_spreadsheet"),
        ".bulk.sources.text_file": ("SourceError",),
        ".bulk.sources.json_lines": ("JsonLinesSource", "read_json_lines"),
        ".ledgers.records": (
            "BatchRecord",
            "BatchState",
            "LedgerError",
            "Pause",
            "Rejection",
            "RunRecord",
        ),
        ".ledgers.protocols": ("Ledger",),
        ".ledgers.memory": ("MemoryLedger",),
        ".bulk.report": ("BulkReport",),
        ".bulk.sending.resume": ("SourceChangedError",),
        ".bulk.run": ("BulkRun",),
        ".bulk.sources.csv_file": ("RowSource", "read_csv"),
        ".ledgers.sqlite.ledger": ("SQLiteLedger",),
        ".bulk.fleet.worker": ("Worker",),
        ".bulk.review.decisions": ("BatchDecision", "Unresolved"),
    }
    __getattr__ = _lazy.names_of(__name__, _LATER)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "GATEWAY_CODES",
    "UNCHANGED",
    "AccountSettings",
    "AlertSettings",
    "Answer",
    "AttemptEvent",
    "Audience",
    "AuthenticationError",
    "Balance",
    "BatchDecision",
    "BatchRecord",
    "BatchResult",
    "BatchState",
    "BulkReport",
    "BulkRun",
    "CallEnded",
    "CallObserver",
    "CallStarted",
    "CallbackSettings",
    "Callbacks",
    "CampaignConfirmed",
    "CampaignState",
    "CampaignStatus",
    "CampaignTicket",
    "Channel",
    "ChannelRecipient",
    "ChannelRequest",
    "ChannelResult",
    "Clock",
    "Contacts",
    "CountryCredits",
    "Credits",
    "DefaultSettings",
    "DuplicateRequestError",
    "GatewayCode",
    "HlrResult",
    "HttpRequest",
    "HttpResponse",
    "Idempotency",
    "InsufficientCreditError",
    "InvalidFieldError",
    "InvalidRequestError",
    "InvalidResponseError",
    "ItemResult",
    "JsonLinesSource",
    "Ledger",
    "LedgerError",
    "ListCampaignRequest",
    "Lookup",
    "ManyResults",
    "MemoryLedger",
    "Message",
    "MnpResult",
    "Multichannel",
    "Network",
    "NotSentError",
    "Observer",
    "OctopushError",
    "OctopushSession",
    "OnAlreadySent",
    "OnDuplicate",
    "OnInvalid",
    "OnUnknown",
    "OnUnresolved",
    "Otp",
    "OtpChannel",
    "OtpCheck",
    "OtpSent",
    "OtpState",
    "Outcome",
    "Pause",
    "Product",
    "Purpose",
    "RawAnswer",
    "Recipient",
    "RefusedError",
    "Rejection",
    "RetryPolicy",
    "RowSource",
    "RunRecord",
    "SQLiteLedger",
    "Secret",
    "Segmentation",
    "SendResult",
    "ServerError",
    "Settings",
    "Sms",
    "SmsDraft",
    "SmsRequest",
    "SmsType",
    "SourceChangedError",
    "SourceError",
    "SpreadsheetSource",
    "Subaccount",
    "SubaccountCreated",
    "Subaccounts",
    "SystemClock",
    "TagCampaignRequest",
    "ThrottledError",
    "Timeouts",
    "Transfer",
    "TransferPack",
    "TransferToken",
    "Transport",
    "TransportSecurityError",
    "Unchanged",
    "UnknownOutcomeError",
    "Unresolved",
    "Voice",
    "VoiceCampaignStatus",
    "VoiceDraft",
    "VoiceGender",
    "VoiceLanguage",
    "VoiceListCampaignRequest",
    "VoiceRequest",
    "VoiceResult",
    "VoiceTagCampaignRequest",
    "Wallet",
    "WalletPack",
    "WebhookError",
    "Worker",
    "__version__",
    "new_request_id",
    "read_csv",
    "read_json_lines",
    "read_recipients",
    "read_spreadsheet",
    "request_id_for",
]
