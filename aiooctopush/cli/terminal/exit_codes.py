"""
Exit codes, and the signal that stopped a command.

A command that a signal stopped exits with 128 and the number of the signal, as shells
have it: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP. The help imports this file, so
it needs no other.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command."""

    ACCEPTED = 0
    """Everything was accepted, or presumed to be."""

    NOT_ACCEPTED = 1
    """Something was refused or not sent, or the run paused."""

    BAD_INPUT = 2
    """Bad input or usage; nothing was sent."""

    UNKNOWN = 3
    """The outcome of something is unknown."""

    INTERRUPTED = 130
    """A signal stopped it; the shell sees 129 for SIGHUP and 143 for SIGTERM."""


class _Received:
    """Keep the signal that stopped the command, for its exit code."""

    number: int | None = None


def forget_signals() -> None:
    """Begin a command: no signal was received."""
    _Received.number = None


def note_signal(number: int) -> None:
    """Keep the signal that asked the command to end."""
    _Received.number = number


def was_signalled() -> bool:
    """Return whether a signal asked the command to end."""
    return _Received.number is not None


def with_signal(code: int | str | None) -> int | str | None:
    """
    Return the exit code of a command, with the number of the signal that stopped it.

    Args:
        code: `ExitCode.INTERRUPTED` if a signal stopped it.
    """
    if code == ExitCode.INTERRUPTED and _Received.number is not None:
        return 128 + _Received.number
    return code
