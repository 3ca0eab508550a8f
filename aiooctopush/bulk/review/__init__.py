"""Unresolved batches of a run: decisions, and delivery receipts."""
