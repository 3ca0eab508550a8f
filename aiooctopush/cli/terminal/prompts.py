"""What a person is asked: before money moves, and for what no flag may hold."""

import os
import sys
from typing import Any

import click

from ...errors import InvalidFieldError
from .console import Screen
from .help import Option
from .options import Decorator
from .problems import ExitCode


def yes_option(what: str = "Do not ask first.") -> Decorator[Any]:
    """For those who need not be asked, such as a script."""
    return click.option(
        "--yes", cls=Option, is_flag=True, heading="Questions", help=what
    )


def somebody_is_there() -> bool:
    """Whether there is anybody to be asked."""
    return sys.stdin.isatty()


def agree(screen: Screen, question: str, *, yes: bool, otherwise: str) -> None:
    """
    Go on only if somebody agrees.

    Args:
        screen: Where words go.
        question: What is about to happen, as a question.
        yes: Whether they agreed on the command line.
        otherwise: What is said if they do not.

    Raises:
        UsageError: Nobody is there to be asked.
        Exit: They do not agree.
    """
    if yes:
        return
    if not somebody_is_there():
        raise click.UsageError(
            "This command asks first, and nobody is there to be asked; --yes agrees "
            "beforehand."
        )
    with screen.failures():
        # On stderr, so that stdout keeps to the result.
        agreed = click.confirm(question, err=True)
    if agreed:
        return
    screen.note(otherwise)
    screen.document(
        {
            "error": "Declined",
            "message": otherwise,
            "outcome": "not_sent",
            "maybe_sent": False,
            "request_id": None,
            "code": None,
        }
    )
    raise click.exceptions.Exit(ExitCode.NOT_ACCEPTED)


def ask_secret(variable: str, question: str) -> str:
    """
    Take a secret from the environment, or ask for it twice without showing it.

    Raises:
        InvalidFieldError: The variable is not set, and nobody is there to be asked.
    """
    given = os.environ.get(variable)
    if given:
        return given
    if not somebody_is_there():
        raise InvalidFieldError(
            variable,
            "this environment variable is not set, and nobody is there to be asked",
        )
    return str(
        click.prompt(question, err=True, hide_input=True, confirmation_prompt=True)
    )


def ask_code() -> str:
    """Ask for a one-time code, or read it from stdin if nobody is there."""
    if somebody_is_there():
        return str(click.prompt("Code", err=True))
    return sys.stdin.readline().strip()
