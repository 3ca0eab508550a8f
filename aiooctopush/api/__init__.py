"""The gateway's operations, one module for each chapter of its documentation."""
