"""``octopush doctor``: checks of everything that a send needs."""
