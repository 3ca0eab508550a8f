"""``octopush fleet``: runs that workers on many machines send."""
