"""
Sending to any number of recipients: runs, their options, results and decisions.

`OctopushSession.bulk` creates a `BulkRun`; these are its arguments and results.
"""

from .. import _lazy


with _lazy.late_imports(globals()):
    from .fleet.worker import NoTurnError, Worker
    from .options import (
        Identity,
        OnAlreadySent,
        OnAlreadySentLike,
        OnDuplicate,
        OnDuplicateLike,
        OnInvalid,
        OnInvalidLike,
        OnMissing,
        OnMissingLike,
        OnUnresolved,
        OnUnresolvedLike,
    )
    from .preview.findings import Finding, Preview
    from .report import BulkReport
    from .review.decisions import BatchDecision, BatchDecisionLike, Unresolved
    from .run import BulkRun
    from .run_options import BulkOptions
    from .sending.delivery import BatchResult
    from .sources.any_file import read_recipients
    from .sources.csv_file import CsvSource, RowSource, read_csv
    from .sources.json_lines import JsonLinesSource, read_json_lines
    from .sources.opening import Source
    from .sources.rows import FileRows, FileSource
    from .sources.spreadsheet import SpreadsheetSource, read_spreadsheet
    from .sources.text_file import SourceError


__all__ = [
    "BatchDecision",
    "BatchDecisionLike",
    "BatchResult",
    "BulkOptions",
    "BulkReport",
    "BulkRun",
    "CsvSource",
    "FileRows",
    "FileSource",
    "Finding",
    "Identity",
    "JsonLinesSource",
    "NoTurnError",
    "OnAlreadySent",
    "OnAlreadySentLike",
    "OnDuplicate",
    "OnDuplicateLike",
    "OnInvalid",
    "OnInvalidLike",
    "OnMissing",
    "OnMissingLike",
    "OnUnresolved",
    "OnUnresolvedLike",
    "Preview",
    "RowSource",
    "Source",
    "SourceError",
    "SpreadsheetSource",
    "Unresolved",
    "Worker",
    "read_csv",
    "read_json_lines",
    "read_recipients",
    "read_spreadsheet",
]
