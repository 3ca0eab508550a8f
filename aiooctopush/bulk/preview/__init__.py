"""A look at a run before anything is sent."""
