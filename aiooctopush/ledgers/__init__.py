"""
Ledgers: where a run is written down, so that it survives a crash.

`SQLiteLedger` is a file, `PostgresLedger` a database that many workers share,
`MemoryLedger` forgets. Another store implements `Ledger`, or `FleetLedger` for workers.
"""

from .. import _lazy


with _lazy.late_imports(globals()):
    from .batch import Job
    from .leases import GcraState
    from .memory import MemoryLedger
    from .postgres.ledger import PostgresLedger
    from .protocols import Claim, ClaimLedger, DeliveryLedger, FleetLedger, Ledger
    from .records import (
        BatchRecord,
        BatchState,
        LeaseLostError,
        LedgerError,
        Pause,
        Progress,
        Receipt,
        Rejection,
        RunRecord,
    )
    from .sqlite.ledger import SQLiteLedger


__all__ = [
    "BatchRecord",
    "BatchState",
    "Claim",
    "ClaimLedger",
    "DeliveryLedger",
    "FleetLedger",
    "GcraState",
    "Job",
    "LeaseLostError",
    "Ledger",
    "LedgerError",
    "MemoryLedger",
    "Pause",
    "PostgresLedger",
    "Progress",
    "Receipt",
    "Rejection",
    "RunRecord",
    "SQLiteLedger",
]

_lazy.leave_out_without("asyncpg", "PostgresLedger", globals())
