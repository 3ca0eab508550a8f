"""Questions to a person: before money moves, and for secrets."""

import os
import sys
from typing import Any

import click

from ...errors import InvalidFieldError, Outcome
from .console import Screen
from .exit_codes import ExitCode
from .help import Decorator, option
from .problems import outcome_document


def yes_option(what: str = "Do not ask for confirmation.") -> Decorator[Any]:
    """Let a script confirm in advance."""
    return option("--yes", is_flag=True, heading="Confirmation", help=what)


def on_terminal() -> bool:
    """Return whether there is a terminal to ask on."""
    # It is None if the shell closed it.
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str, **settings: Any) -> str:
    """
    Ask for a line; keywords are those of `click.prompt`.

    Raises:
        Abort: There is no input.
    """
    try:
        # On stderr, so that stdout keeps to the result.
        return str(click.prompt(question, err=True, **settings))
    except OSError as error:  # the terminal is gone
        raise click.Abort from error


def confirm(question: str) -> bool:
    """
    Ask a yes-or-no question.

    Raises:
        Abort: There is no input.
    """
    try:
        return click.confirm(question, err=True)
    except OSError as error:
        raise click.Abort from error


def require_agreement(
    screen: Screen, question: str, *, yes: bool, otherwise: str
) -> None:
    """
    Continue only if a person agrees.

    Args:
        screen: Where output goes.
        question: The next action, as a question.
        yes: Whether they agreed on the command line.
        otherwise: The message if they do not.

    Raises:
        UsageError: There is no terminal to ask on.
        Exit: They do not agree.
    """
    if yes:
        return
    if not on_terminal():
        raise click.UsageError(
            "This command asks for confirmation, and there is no terminal to ask on. "
            "Use --yes to agree beforehand."
        )
    with screen.failures():
        agreed = confirm(question)
    if agreed:
        return
    screen.note(otherwise)
    screen.document(outcome_document("Declined", otherwise, Outcome.NOT_SENT))
    raise click.exceptions.Exit(ExitCode.NOT_ACCEPTED)


def ask_secret(variable: str, question: str) -> str:
    """
    Take a secret from the environment, or ask for it twice without showing it.

    Raises:
        InvalidFieldError: The variable is not set, and there is no terminal.
    """
    given = os.environ.get(variable)
    if given:
        return given
    if not on_terminal():
        raise InvalidFieldError(
            variable,
            "this environment variable is not set, and there is no terminal to ask on",
        )
    return ask(question, hide_input=True, confirmation_prompt=True)


def ask_code() -> str:
    """
    Ask for a one-time code, or read it from stdin if that is no terminal.

    Raises:
        InvalidFieldError: stdin is closed.
    """
    if on_terminal():
        return ask("Code")
    if sys.stdin is None:
        raise InvalidFieldError("CODE", "must be given: stdin is closed")
    return sys.stdin.readline().strip()
