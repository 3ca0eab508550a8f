"""
An asyncio SDK for the Octopush SMS gateway, with a definite outcome for each message.

These are the most used names. Requests and results of other namespaces are in
``aiooctopush.api``. Records and protocols of ledgers are in ``aiooctopush.ledgers``;
decisions and details of runs are in ``aiooctopush.bulk``.
"""

from . import _lazy
from ._version import __version__


# On first use: the command imports this package, too, and shows its help at once.
with _lazy.late_imports(globals()):
    from . import (  # noqa: F401  # its modules are its attributes, too
        api,
        bulk,
        errors,
        fleet,
        ids,
        ledgers,
        observer,
        phone,
        retry,
        secret,
        session,
        text,
        transport,
        webhooks,
    )
    from ._clock import Clock
    from ._wire import Answer, HttpRequest, HttpResponse, Idempotency
    from .api._recipients import Recipient
    from .api._shared import OnUnknown, Purpose, SmsType
    from .api.campaigns import Audience
    from .api.sms import Message, SendResult, Sms, SmsRequest
    from .bulk.fleet.worker import Worker
    from .bulk.options import (
        OnAlreadySent,
        OnDuplicate,
        OnInvalid,
        OnMissing,
        OnUnresolved,
    )
    from .bulk.preview.findings import Preview
    from .bulk.report import BulkReport
    from .bulk.run import BulkRun
    from .bulk.sending.delivery import BatchResult
    from .bulk.sources.any_file import read_recipients
    from .bulk.sources.csv_file import CsvSource, RowSource, read_csv
    from .bulk.sources.json_lines import JsonLinesSource, read_json_lines
    from .bulk.sources.spreadsheet import SpreadsheetSource, read_spreadsheet
    from .bulk.sources.text_file import SourceError
    from .errors import (
        AuthenticationError,
        DuplicateRequestError,
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
    )
    from .ids import new_request_id, request_id_for
    from .ledgers.memory import MemoryLedger
    from .ledgers.postgres.ledger import PostgresLedger
    from .ledgers.protocols import FleetLedger, Ledger
    from .ledgers.records import BatchState, LedgerError
    from .ledgers.sqlite.ledger import SQLiteLedger
    from .observer import AttemptEvent, CallEnded, CallObserver, CallStarted, Observer
    from .retry import RetryPolicy
    from .secret import Secret
    from .session import OctopushSession
    from .text import QuietHours
    from .transport import Timeouts, Transport


__all__ = [
    "Answer",
    "AttemptEvent",
    "Audience",
    "AuthenticationError",
    "BatchResult",
    "BatchState",
    "BulkReport",
    "BulkRun",
    "CallEnded",
    "CallObserver",
    "CallStarted",
    "Clock",
    "CsvSource",
    "DuplicateRequestError",
    "FleetLedger",
    "HttpRequest",
    "HttpResponse",
    "Idempotency",
    "InsufficientCreditError",
    "InvalidFieldError",
    "InvalidRequestError",
    "InvalidResponseError",
    "JsonLinesSource",
    "Ledger",
    "LedgerError",
    "MemoryLedger",
    "Message",
    "NotSentError",
    "Observer",
    "OctopushError",
    "OctopushSession",
    "OnAlreadySent",
    "OnDuplicate",
    "OnInvalid",
    "OnMissing",
    "OnUnknown",
    "OnUnresolved",
    "Outcome",
    "PostgresLedger",
    "Preview",
    "Purpose",
    "QuietHours",
    "Recipient",
    "RefusedError",
    "RetryPolicy",
    "RowSource",
    "SQLiteLedger",
    "Secret",
    "SendResult",
    "ServerError",
    "Sms",
    "SmsRequest",
    "SmsType",
    "SourceError",
    "SpreadsheetSource",
    "ThrottledError",
    "Timeouts",
    "Transport",
    "TransportSecurityError",
    "UnknownOutcomeError",
    "Worker",
    "__version__",
    "new_request_id",
    "read_csv",
    "read_json_lines",
    "read_recipients",
    "read_spreadsheet",
    "request_id_for",
]

_lazy.leave_out_without("asyncpg", "PostgresLedger", globals())
