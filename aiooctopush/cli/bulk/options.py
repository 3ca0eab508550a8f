"""Options of ``octopush bulk`` for the way in which a run is sent."""

import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from ...api._recipients import MAX_RECIPIENTS
from ...bulk.options import (
    OnAlreadySent,
    OnDuplicate,
    OnInvalid,
    OnMissing,
    OnUnresolved,
)
from ...bulk.sources.rows import FileSource
from ..targets.recipients import SeveralFiles
from ..terminal.help import Decorator, option, together
from ..terminal.options import SENDING, EnumChoice, bundled, euros


TROUBLE: Final = "Errors"
RECORD: Final = "Recording"
QUESTIONS: Final = "Confirmation"
RECIPIENTS: Final = "Recipients"


_UNITS: Final = {
    "": timedelta(seconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_is_duration = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smh]?)").fullmatch


def duration(_: click.Context, parameter: click.Parameter, value: str) -> float:
    """Read seconds, or a figure with its unit: ``90``, ``30m``, ``2h``."""
    found = _is_duration(value.strip())
    if found is None:
        raise click.BadParameter(
            f"{value!r} must be seconds, or such as 30m or 2h.", param=parameter
        )
    return float(found[1]) * _UNITS[found[2]].total_seconds()


def maximum(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> Decimal | None:
    """Read an amount of money that may be left out."""
    return None if value is None else euros(ctx, parameter, value)


def _choose(
    name: str, kind: type[Any], help: str, default: Any = None
) -> Decorator[Any]:
    """Take what to do about one kind of trouble."""
    return option(
        name,
        type=EnumChoice(kind),
        default=None if default is None else str(default),
        heading=TROUBLE,
        help=help,
    )


def _wait(name: str, help: str, default: str) -> Decorator[Any]:
    """Take how long to wait in one kind of trouble."""
    return option(
        name,
        callback=duration,
        metavar="TIME",
        default=default,
        heading=TROUBLE,
        help=help,
    )


waiting_option: Final = _wait(
    "--wait-for-gateway",
    "The gateway does not respond: how long to wait before the run pauses.",
    "15m",
)

price_option: Final = option(
    "--price",
    callback=maximum,
    metavar="EUR",
    heading=QUESTIONS,
    help="Price of one SMS in euros, to estimate the cost. By default `bulk` and "
    "`preview` take what the balance of your account implies.",
)

on_missing_option: Final = _choose(
    "--on-missing",
    OnMissing,
    "A recipient has no value for a placeholder: skip the recipient, send without "
    "the value, or send nothing at all. By default skip, but error if more than half "
    "lack it.",
)


@frozen(kw_only=True)
class PlanningOptions:
    """
    The values of `planning_options`: to whom a run is sent, and after which question.

    Attributes:
        exclude: Files with numbers that nothing is sent to.
        batch_size: As for `OctopushSession.bulk`, like the next three.
        price: Price of one SMS in euros, if it was given.
        dry_run: Whether to stop after the summary.
        yes: Whether it is confirmed already.
    """

    exclude: tuple[Path, ...]
    batch_size: int
    on_invalid: OnInvalid
    on_missing: OnMissing | None
    on_duplicate: OnDuplicate
    price: Decimal | None
    dry_run: bool
    yes: bool

    def of_run(self, excluded: Sequence[FileSource]) -> dict[str, Any]:
        """
        Return the keywords of a run, or of its planning.

        Args:
            excluded: The files of ``exclude``, opened.
        """
        names = ("batch_size", "on_invalid", "on_missing", "on_duplicate")
        settings = {name: getattr(self, name) for name in names}
        return {**settings, "exclude": SeveralFiles(excluded) if excluded else None}


planning_options: Final = bundled(
    "planning",
    PlanningOptions,
    option(
        "--exclude",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        heading=RECIPIENTS,
        help="File with numbers that nothing is sent to, read like FILE. Repeatable.",
    ),
    price_option,
    option(
        "--dry-run",
        is_flag=True,
        heading=QUESTIONS,
        help="Show what would be sent, and stop.",
    ),
    option(
        "--yes",
        is_flag=True,
        heading=QUESTIONS,
        help="Send without a question.",
    ),
    option(
        "--batch-size",
        type=click.IntRange(1, MAX_RECIPIENTS),
        metavar="N",
        default=MAX_RECIPIENTS,
        heading=SENDING,
        help="Recipients per request.",
    ),
    _choose(
        "--on-invalid",
        OnInvalid,
        "A row is invalid: skip and list it, or send nothing at all.",
        OnInvalid.SKIP,
    ),
    on_missing_option,
    _choose(
        "--on-duplicate",
        OnDuplicate,
        "A number occurs again in the file: skip the row, send once more, or send "
        "nothing at all.",
        OnDuplicate.SKIP,
    ),
)
"""Add the options of planning a run."""

bulk_options: Final = together(
    option(
        "--ledger",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        heading=RECORD,
        help="SQLite file that records the run; created if it does not exist. By "
        "default a file of its own in your state directory. It holds numbers and "
        "texts.",
    ),
    option(
        "--no-ledger",
        is_flag=True,
        heading=RECORD,
        help="Record nothing. A repeated command is then protected for 23 hours only, "
        "and only while the list is unchanged.",
    ),
    option(
        "--run",
        "name",
        metavar="NAME",
        heading=RECORD,
        help="Name of the run. Under one name everyone gets one message. By default "
        "the name is made of text, sender and purpose.",
    ),
    option(
        "--retry-refused",
        is_flag=True,
        heading=RECORD,
        help="Send again to recipients of this run whom the gateway refused, under new "
        "request IDs.",
    ),
    planning_options,
    option(
        "--concurrency",
        type=click.IntRange(min=1),
        metavar="N",
        default=4,
        heading=SENDING,
        help="Requests in flight at the same time.",
    ),
    option(
        "--rate",
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        heading=SENDING,
        help="Requests per second, at most.",
    ),
    option(
        "--max-cost",
        callback=maximum,
        metavar="EUR",
        heading=SENDING,
        help="Pause before a request that could make the run cost more. The first "
        "request is always sent, to learn the price.",
    ),
    _choose(
        "--on-unresolved",
        OnUnresolved,
        "A request of a resumed run may have been sent, and is too old to check. "
        "Leave it to `octopush resolve`, resend it (some recipients may get it "
        "twice), or skip it.",
        OnUnresolved.HOLD,
    ),
    _choose(
        "--on-already-sent",
        OnAlreadySent,
        "The gateway has a request that the ledger does not know: pause, or count "
        "it and continue. A run without a ledger always continues.",
        OnAlreadySent.PAUSE,
    ),
    _wait(
        "--wait-for-credit",
        "The credit is used up: how long to wait for more before the run pauses, "
        "such as 2h.",
        "0",
    ),
    waiting_option,
)
"""Add the options of planning, of sending, and of trouble."""
