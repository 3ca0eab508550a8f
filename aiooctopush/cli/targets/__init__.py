"""Targets of a command line: a gateway, a ledger, a fleet, a list of recipients."""
