"""The gateway's callbacks: planned, written, posted."""
