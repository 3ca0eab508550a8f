"""Commands about runs that are written down in a ledger."""
