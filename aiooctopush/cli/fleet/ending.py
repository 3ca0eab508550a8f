"""How the commands of a fleet end: done, interrupted, or without ledger or broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import click

from ...bulk.report import BulkReport
from ...ledgers.records import LedgerError
from ..targets.fleet import BrokerError, quiet_logs
from ..terminal.console import Screen
from ..terminal.exit_codes import ExitCode
from ..terminal.help import typed
from ..terminal.interrupt import InterruptedBySignalError
from ..wording import RunLocation
from .run import outcome_of


@contextmanager
def at_work(screen: Screen, *, interrupted: str, away: str = "") -> Iterator[None]:
    """
    Explain how the work of a command with a fleet ended, unless it has succeeded.

    Args:
        screen: Where that goes.
        interrupted: The words after Ctrl-C or another signal.
        away: Advice if the ledger or the broker is away.

    Raises:
        Exit: It failed or was interrupted.
    """
    with failures(screen, away), quiet_logs():
        try:
            yield
        except (KeyboardInterrupt, InterruptedBySignalError):
            screen.note(f"\n{interrupted}")
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


INTERRUPTED: Final = "Interrupted. Run the same command again to continue."


def batches_of(count: int) -> str:
    """Say how many batches."""
    return f"{count:,} batch{'es' * (count != 1)}"


def end(
    screen: Screen,
    report: BulkReport,
    place: RunLocation,
    *,
    already: int = 0,
    **more: Any,
) -> NoReturn:
    """Show the outcome of a run, and exit."""
    command = typed(click.get_current_context())
    ending = outcome_of(report, place, command=command, already=already)
    ending.tell(screen, None, **more)
    raise click.exceptions.Exit(ending.exit_code)
