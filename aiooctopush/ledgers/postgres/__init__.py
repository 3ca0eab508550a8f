"""A ledger in PostgreSQL, which many workers share."""

from ..._lazy import needs_extra


with needs_extra("fleet", "PostgresLedger"):
    import asyncpg as _asyncpg  # type: ignore[import-untyped]  # noqa: F401
