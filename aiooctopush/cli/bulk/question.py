"""Summary and confirmation before a run."""

from typing import Final

import click

from ..terminal.console import Screen
from ..terminal.prompts import on_terminal, require_agreement
from ..terminal.values import counted, in_euros
from .check import FileCheck, list_bad
from .look import BulkLook, warnings_of


_DECLINED: Final = "Nothing was sent."


def is_asked(screen: Screen, check: FileCheck, *, yes: bool) -> bool:
    """Whether a person is about to spend money, and sees the question."""
    is_seen = on_terminal() and screen.err.is_terminal
    return is_seen and not (yes or screen.as_json) and check.found.recipients > 0


def show_and_ask(
    screen: Screen, check: FileCheck, look: BulkLook, *, dry_run: bool, yes: bool
) -> None:
    """
    Show the summary, and ask for confirmation on a terminal.

    Args:
        screen: Where it is shown.
        check: Content of the file.
        look: Summary, for people.
        dry_run: Whether to stop after the summary.
        yes: Whether it is confirmed already.

    Raises:
        Exit: Only a summary was requested, or it was not confirmed.
    """
    asks = not dry_run and is_asked(screen, check, yes=yes)
    list_bad(check, screen)
    for words in warnings_of(look) if dry_run or asks else check.warnings:
        screen.warn(words)
    if dry_run or asks:
        screen.result(look)
    if dry_run:
        raise click.exceptions.Exit(0)
    if asks:
        euros = "" if look.cost is None else f", about {in_euros(look.cost)}"
        question = f"Send to {counted(look.new, 'recipient')}{euros}?"
        require_agreement(screen, question, yes=False, otherwise=_DECLINED)
