"""What a command line names: a gateway, a ledger, a fleet, a list of recipients."""
