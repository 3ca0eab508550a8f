"""A ledger in one SQLite file, for one process at a time."""
