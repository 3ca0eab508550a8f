"""Sending to any number of recipients: batches, pace, results, report."""
