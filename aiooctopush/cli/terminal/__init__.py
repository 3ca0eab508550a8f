"""Terminal support for all commands: output, help, options, questions."""
