"""From files and iterables to batches of recipients."""
