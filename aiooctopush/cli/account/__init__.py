"""Commands about the account: credit, contacts, lookups, codes, settings."""
