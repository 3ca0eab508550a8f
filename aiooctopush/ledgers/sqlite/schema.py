"""The file of an SQLite ledger, and its migrations."""

from collections.abc import Sequence
from typing import Final


# "OctP", in the header of the file; no other application registered it with SQLite.
APPLICATION_ID: Final = 0x4F637450

# Statements that lead from one version to the next, the first of them from nothing.
# A released one is never changed.
MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        """
        CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            settings TEXT NOT NULL,
            items INTEGER NOT NULL,
            new INTEGER NOT NULL,
            already INTEGER NOT NULL,
            duplicates INTEGER NOT NULL,
            excluded INTEGER NOT NULL,
            rejected INTEGER NOT NULL,
            planned INTEGER NOT NULL,
            batches INTEGER NOT NULL,
            exhausted INTEGER NOT NULL,
            paused TEXT,
            purged INTEGER NOT NULL,
            max_batch_size INTEGER,
            began_at TEXT NOT NULL,
            latest TEXT NOT NULL,
            residual_credit TEXT
        )
        """,
        # The long columns come last, so that reading without them stays cheap. Figures
        # of the gateway are text, because they may have any size.
        """
        CREATE TABLE batches (
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES runs (id),
            number INTEGER NOT NULL,
            part TEXT NOT NULL,
            state TEXT NOT NULL,
            first INTEGER NOT NULL,
            count INTEGER NOT NULL,
            digest TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            request_id TEXT NOT NULL,
            first_tried_at TEXT,
            concluded_at TEXT,
            attempts INTEGER NOT NULL,
            faults TEXT NOT NULL,
            ticket TEXT,
            sms_needed TEXT,
            cost TEXT,
            code TEXT,
            error TEXT,
            resolution TEXT,
            numbers BLOB NOT NULL,
            identities BLOB NOT NULL,
            UNIQUE (run, number, part)
        )
        """,
        # Content of batches, while they may be sent. In a table of its own, because
        # deleting it would otherwise leave empty space on their pages: a ledger would
        # take twice the space.
        """
        CREATE TABLE contents (
            batch INTEGER PRIMARY KEY REFERENCES batches (id),
            payload BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE rejections (
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES runs (id),
            position INTEGER NOT NULL,
            line INTEGER,
            column_name TEXT,
            reason TEXT NOT NULL,
            shown TEXT,
            header TEXT NOT NULL,
            cells TEXT NOT NULL
        )
        """,
        "CREATE INDEX rejections_in_order ON rejections (run, position)",
        # Ten million of these are the largest part of a file: figures, and no rowid.
        """
        CREATE TABLE receipts (
            batch INTEGER NOT NULL REFERENCES batches (id),
            number INTEGER NOT NULL,
            status TEXT NOT NULL,
            is_final INTEGER NOT NULL,
            PRIMARY KEY (batch, number)
        ) WITHOUT ROWID
        """,
        # Kept up to date with every receipt, and left when those are purged.
        """
        CREATE TABLE deliveries (
            run INTEGER NOT NULL REFERENCES runs (id),
            status TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (run, status)
        ) WITHOUT ROWID
        """,
        # 1 as long as data may be in the log only: see `LedgerFile.fold`.
        "CREATE TABLE in_use (is_open INTEGER NOT NULL)",
        "INSERT INTO in_use VALUES (0)",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
)
