"""The simulated gateway's operations, one module per namespace of its documentation."""
