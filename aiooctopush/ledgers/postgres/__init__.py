"""A ledger in PostgreSQL, which many workers share."""
