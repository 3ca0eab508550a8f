"""The ``octopush`` command: one module for each subcommand, needs the extra ``cli``."""
