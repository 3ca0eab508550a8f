"""One run on its way: batches out, outcomes back, pauses between them."""
