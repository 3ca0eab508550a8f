"""The simulated gateway's operations, one module per chapter of its documentation."""
