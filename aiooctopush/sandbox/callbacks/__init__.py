"""What the gateway calls its users back about: planned, written, posted."""
