"""``octopush bulk``: one text to everyone in a file."""
