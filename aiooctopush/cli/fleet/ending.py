"""How the commands of a fleet end: done, interrupted, or without ledger or broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from ...bulk.report import BulkReport
from ...ledgers.records import LedgerError
from ..targets.fleet import BrokerError
from ..terminal.console import Screen
from ..terminal.exit_codes import ExitCode
from ..terminal.interrupt import InterruptedBySignalError
from ..wording import RunLocation
from .run import outcome_of


@contextmanager
def interrupted(words: str, screen: Screen) -> Iterator[None]:
    """
    Explain Ctrl-C and other signals for this command.

    Raises:
        Exit: There was one.
    """
    try:
        yield
    except (KeyboardInterrupt, InterruptedBySignalError):
        screen.note(f"\n{words}")
        raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


@contextmanager
def failures(screen: Screen, away: str) -> Iterator[None]:
    """
    Convert errors to messages and exit codes.

    Args:
        screen: Where they go.
        away: Advice if the ledger or the broker is away.
    """
    with screen.failures():
        try:
            yield
        except (BrokerError, LedgerError) as error:
            screen.fail(error, advice=away)


def batches_of(count: int) -> str:
    """Say how many batches."""
    return f"{count:,} batch{'es' * (count != 1)}"


def end(
    screen: Screen,
    report: BulkReport,
    place: RunLocation,
    command: str,
    *,
    already: int = 0,
    **more: Any,
) -> NoReturn:
    """Show the outcome of a run, and exit."""
    ending = outcome_of(report, place, command=command, already=already)
    ending.tell(screen, None, **more)
    raise click.exceptions.Exit(ending.exit_code)
