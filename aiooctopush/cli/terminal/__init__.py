"""What every command needs of a terminal: output, help, options, questions."""
