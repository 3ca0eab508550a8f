"""Runs that many workers share: planned, claimed, followed."""
