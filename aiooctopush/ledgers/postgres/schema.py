"""The tables of a ledger in PostgreSQL, and their migrations."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final


# Statements from one version to the next, beginning with an empty schema. A released
# one is never changed. LEDGER stands for the user's schema name.
MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        # A name may be too long for a B-tree: hashed, each is found and unique.
        """
        CREATE TABLE LEDGER.runs (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text COLLATE "C" NOT NULL,
            settings text NOT NULL,
            items bigint NOT NULL,
            new bigint NOT NULL,
            already bigint NOT NULL,
            duplicates bigint NOT NULL,
            excluded bigint NOT NULL,
            rejected bigint NOT NULL,
            planned bigint NOT NULL,
            batches bigint NOT NULL,
            exhausted boolean NOT NULL,
            paused text,
            purged boolean NOT NULL,
            max_batch_size bigint,
            began_at timestamptz NOT NULL,
            latest timestamptz NOT NULL,
            residual_credit text,
            EXCLUDE USING hash (name WITH =)
        )
        """,
        # Figures of the gateway are text, because they may have any size. Recipients
        # and content are packed already, and stored separately. So reading without
        # them, and each change of state, stays cheap.
        """
        CREATE TABLE LEDGER.batches (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            run bigint NOT NULL REFERENCES LEDGER.runs (id),
            number bigint NOT NULL,
            part text COLLATE "C" NOT NULL,
            state text NOT NULL,
            first bigint NOT NULL,
            count bigint NOT NULL,
            digest text NOT NULL,
            epoch bigint NOT NULL,
            request_id text NOT NULL,
            first_tried_at timestamptz,
            concluded_at timestamptz,
            attempts bigint NOT NULL,
            faults text NOT NULL,
            ticket text,
            sms_needed text,
            cost text,
            code text,
            error text,
            resolution text,
            owner text,
            lease_until timestamptz,
            fence bigint NOT NULL DEFAULT 0,
            numbers bytea NOT NULL,
            identities bytea NOT NULL,
            payload bytea,
            UNIQUE (run, number, part)
        ) WITH (toast_tuple_target = 256)
        """,
        """
        ALTER TABLE LEDGER.batches
            ALTER numbers SET STORAGE EXTERNAL, ALTER payload SET STORAGE EXTERNAL,
            ALTER identities SET STORAGE EXTERNAL
        """,
        # Out of a million batches, those that a worker may ask for.
        """
        CREATE INDEX batches_open ON LEDGER.batches (run, number, part)
            WHERE state IN ('not_sent', 'sending', 'unknown')
        """,
        "CREATE INDEX batches_by_state ON LEDGER.batches (run, state) INCLUDE (count)",
        """
        CREATE TABLE LEDGER.rejections (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            run bigint NOT NULL REFERENCES LEDGER.runs (id),
            position bigint NOT NULL,
            line bigint,
            column_name text,
            reason text NOT NULL,
            shown text,
            header text NOT NULL,
            cells text NOT NULL
        )
        """,
        "CREATE INDEX rejections_in_order ON LEDGER.rejections (run, position, id)",
        """
        CREATE TABLE LEDGER.receipts (
            batch bigint NOT NULL REFERENCES LEDGER.batches (id),
            number bigint NOT NULL,
            status text NOT NULL,
            is_final boolean NOT NULL,
            PRIMARY KEY (batch, number)
        )
        """,
        # Kept up to date with every receipt, and left when those are purged.
        """
        CREATE TABLE LEDGER.deliveries (
            run bigint NOT NULL REFERENCES LEDGER.runs (id),
            status text COLLATE "C" NOT NULL,
            count bigint NOT NULL,
            PRIMARY KEY (run, status)
        )
        """,
        # Read and written by every request of a fleet: few rows, each page half empty,
        # so that a new version of a row finds room next to the old one.
        """
        CREATE TABLE LEDGER.rates (
            name text PRIMARY KEY,
            due timestamptz NOT NULL,
            closed_until timestamptz NOT NULL
        ) WITH (fillfactor = 50)
        """,
    ),
)

CREATE_SCHEMA: Final = "CREATE SCHEMA IF NOT EXISTS LEDGER"
CREATE_VERSION: Final = """
    CREATE TABLE IF NOT EXISTS LEDGER.ledger_version (version integer NOT NULL)
"""
HAS_VERSION: Final = "SELECT to_regclass('LEDGER.ledger_version') IS NOT NULL"
HAS_SCHEMA: Final = "SELECT to_regnamespace('LEDGER') IS NOT NULL"
FIND_VERSION: Final = "SELECT max(version) FROM LEDGER.ledger_version"
ADD_VERSION: Final = "INSERT INTO LEDGER.ledger_version VALUES ($1)"


@lru_cache(maxsize=1_000)
def within(schema: str, statement: str) -> str:
    """A statement about the ledger in a schema, whose name was checked before."""
    return statement.replace("LEDGER", f'"{schema}"')
