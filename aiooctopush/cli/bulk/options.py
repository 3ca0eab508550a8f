"""The options of ``octopush bulk`` that say how a run is sent."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ...api._recipients import MAX_RECIPIENTS
from ...bulk.options import (
    OnAlreadySent,
    OnDuplicate,
    OnInvalid,
    OnMissing,
    OnUnresolved,
)
from ..terminal.help import Option
from ..terminal.options import SENDING, euros


F = TypeVar("F", bound=Callable[..., Any])

TROUBLE: Final = "What to do if"
RECORD: Final = "How it is recorded"
QUESTIONS: Final = "Questions"
RECIPIENTS: Final = "Who gets it"


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


def _choice(kind: type[Any]) -> click.Choice[str]:
    return click.Choice([str(one) for one in kind])


_BATCH_SIZE: Final = click.option(
    "--batch-size",
    cls=Option,
    type=click.IntRange(1, MAX_RECIPIENTS),
    metavar="N",
    default=MAX_RECIPIENTS,
    show_default=True,
    heading=SENDING,
    help="Recipients per request.",
)

_ON_INVALID: Final = click.option(
    "--on-invalid",
    cls=Option,
    type=_choice(OnInvalid),
    default=str(OnInvalid.SKIP),
    show_default=True,
    heading=TROUBLE,
    help="A row is invalid: skip and list it, or send nothing at all.",
)

_ON_DUPLICATE: Final = click.option(
    "--on-duplicate",
    cls=Option,
    type=_choice(OnDuplicate),
    default=str(OnDuplicate.SKIP),
    show_default=True,
    heading=TROUBLE,
    help="A number occurs again in the file: skip the row, send once more, or send "
    "nothing at all.",
)

_WAIT_FOR_GATEWAY: Final = click.option(
    "--wait-for-gateway",
    cls=Option,
    callback=duration,
    metavar="TIME",
    default="15m",
    show_default=True,
    heading=TROUBLE,
    help="The gateway does not respond: how long to wait before the run pauses.",
)

_PRICE: Final = click.option(
    "--price",
    cls=Option,
    callback=maximum,
    metavar="EUR",
    heading=QUESTIONS,
    help="Price of one SMS in euros, to estimate the cost. By default `bulk` and "
    "`preview` take what the balance of your account implies.",
)

_ON_MISSING: Final = click.option(
    "--on-missing",
    cls=Option,
    type=_choice(OnMissing),
    heading=TROUBLE,
    help="A recipient has no value for a placeholder: skip the recipient, send without "
    "the value, or send nothing at all. By default skip, but error if more than half "
    "lack it.",
)

_OF_BOTH: Final = (
    click.option(
        "--exclude",
        cls=Option,
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        heading=RECIPIENTS,
        help="File with numbers that nothing is sent to, read like FILE. Repeatable.",
    ),
    click.option(
        "--remove-blacklisted",
        cls=Option,
        is_flag=True,
        heading=RECIPIENTS,
        help="Have the gateway leave out the numbers of its own stop list.",
    ),
    click.option(
        "--with-replies",
        cls=Option,
        is_flag=True,
        heading=SENDING,
        help="Let recipients reply.",
    ),
    _PRICE,
    click.option(
        "--dry-run",
        cls=Option,
        is_flag=True,
        heading=QUESTIONS,
        help="Show what would be sent, and stop.",
    ),
    click.option(
        "--yes",
        cls=Option,
        is_flag=True,
        heading=QUESTIONS,
        help="Send without a question.",
    ),
)

_OF_BULK: Final = (
    click.option(
        "--ledger",
        cls=Option,
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        heading=RECORD,
        help="SQLite file that records the run; created if it does not exist. By "
        "default a file of its own in your state directory. It holds numbers and "
        "texts.",
    ),
    click.option(
        "--no-ledger",
        cls=Option,
        is_flag=True,
        heading=RECORD,
        help="Record nothing. A repeated command is then protected for 23 hours only, "
        "and only while the list is unchanged.",
    ),
    click.option(
        "--run",
        "name",
        cls=Option,
        metavar="NAME",
        heading=RECORD,
        help="Name of the run. Under one name everyone gets one message. By default "
        "the name is made of text, sender and purpose.",
    ),
    click.option(
        "--retry-refused",
        cls=Option,
        is_flag=True,
        heading=RECORD,
        help="Send again to recipients of this run whom the gateway refused, under new "
        "request IDs.",
    ),
    *_OF_BOTH,
    click.option(
        "--concurrency",
        cls=Option,
        type=click.IntRange(min=1),
        metavar="N",
        default=4,
        show_default=True,
        heading=SENDING,
        help="Requests in flight at the same time.",
    ),
    _BATCH_SIZE,
    click.option(
        "--rate",
        cls=Option,
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        heading=SENDING,
        help="Requests per second, at most.",
    ),
    click.option(
        "--max-cost",
        cls=Option,
        callback=maximum,
        metavar="EUR",
        heading=SENDING,
        help="Pause before a request that could make the run cost more. The first "
        "request is always sent, to learn the price.",
    ),
    _ON_INVALID,
    _ON_MISSING,
    _ON_DUPLICATE,
    click.option(
        "--on-unresolved",
        cls=Option,
        type=_choice(OnUnresolved),
        default=str(OnUnresolved.HOLD),
        show_default=True,
        heading=TROUBLE,
        help="A request of a resumed run may have been sent, and is too old to check: "
        "leave it to `octopush resolve`, send it again (some recipients may get it "
        "twice), or never send it.",
    ),
    click.option(
        "--on-already-sent",
        cls=Option,
        type=_choice(OnAlreadySent),
        default=str(OnAlreadySent.PAUSE),
        show_default=True,
        heading=TROUBLE,
        help="The gateway has a request that the ledger does not know: pause, or count "
        "it and continue. A run without a ledger always continues.",
    ),
    click.option(
        "--wait-for-credit",
        cls=Option,
        callback=duration,
        metavar="TIME",
        default="0",
        show_default=True,
        heading=TROUBLE,
        help="The credit is used up: how long to wait for more before the run pauses, "
        "such as 2h.",
    ),
    _WAIT_FOR_GATEWAY,
)

_OF_FLEET: Final = (*_OF_BOTH, _BATCH_SIZE, _ON_INVALID, _ON_MISSING, _ON_DUPLICATE)


def bulk_options(function: F) -> F:
    """Add the options of sending and of trouble."""
    for decorate in reversed(_OF_BULK):
        function = decorate(function)
    return function


def planning_options(function: F) -> F:
    """Add the options of planning a run that workers send."""
    for decorate in reversed(_OF_FLEET):
        function = decorate(function)
    return function


def price_option(function: F) -> F:
    """Add the option that estimates the cost."""
    return _PRICE(function)


def waiting_option(function: F) -> F:
    """Add the option that limits the wait for a gateway."""
    return _WAIT_FOR_GATEWAY(function)
