"""Options that several commands share, and the values that they take."""

import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

import click

from ...api._shared import Purpose, SmsType
from ...sandbox import FaultPlan
from .help import Option


F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]

MESSAGE: Final = "What is said"
SENDING: Final = "How it is sent"
GATEWAY: Final = "To which gateway"
OUTPUT: Final = "Output"


def instant(
    _: click.Context, parameter: click.Parameter, value: str | None
) -> datetime | None:
    """Read a date and time of ISO 8601 with its offset."""
    if value is None:
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        when = None
    if when is None or when.utcoffset() is None:
        raise click.BadParameter(
            f"{value!r} must be a date and time with its offset, such as "
            "2026-11-27T09:00+01:00.",
            param=parameter,
        )
    return when


def fault_plan(
    _: click.Context, parameter: click.Parameter, value: str | None
) -> FaultPlan | None:
    """Read what goes wrong in the sandbox."""
    if value is None:
        return None
    try:
        return FaultPlan.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from error


def euros(_: click.Context, parameter: click.Parameter, value: str) -> Decimal:
    """Read an amount of money."""
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter(
            f"{value!r} must be an amount such as 12.50.", param=parameter
        )
    return amount


def seconds(
    _: click.Context, parameter: click.Parameter, value: str
) -> tuple[float, float]:
    """Read a figure, or two with a hyphen between them, in order."""
    first, hyphen, second = value.partition("-")
    try:
        least, most = float(first), float(second if hyphen else first)
    except ValueError:
        least, most = math.nan, math.nan
    if not 0 <= least <= most < math.inf:
        raise click.BadParameter(
            f"{value!r} must be seconds such as 2 or 1-5.", param=parameter
        )
    return least, most


def _option(*declarations: str, **settings: Any) -> Decorator[Any]:
    return click.option(*declarations, cls=Option, **settings)


def text_option() -> Decorator[Any]:
    """What is said."""
    return _option(
        "--text",
        required=True,
        metavar="TEXT",
        heading=MESSAGE,
        help="1 to 1,224 characters; may hold {first_name}, {last_name} and {param1} "
        "to {param5}.",
    )


def purpose_option(*, required: bool = True) -> Decorator[Any]:
    """Why it is said."""
    return _option(
        "--purpose",
        type=click.Choice([str(one) for one in Purpose]),
        required=required,
        heading=MESSAGE,
        help="alert: codes, orders, appointments; fined if misused for marketing. "
        "wholesale: marketing, which in France needs the mention 'STOP au XXXXX' in "
        "the text.",
    )


def type_option() -> Decorator[Any]:
    """The quality of the route."""
    return _option(
        "--type",
        "type_",
        type=click.Choice([str(one) for one in SmsType]),
        default=str(SmsType.PREMIUM),
        show_default=True,
        heading=SENDING,
        help="Quality of the route; sms_low_cost takes 160 characters at most.",
    )


def at_option() -> Decorator[Any]:
    """When it is sent."""
    return _option(
        "--at",
        callback=instant,
        metavar="ISO",
        heading=SENDING,
        help="When, such as 2026-11-27T09:00+01:00; now if left out.",
    )


def message_options(function: F) -> F:
    """Everything that is said about a message, and when and how it goes."""
    for decorate in reversed(
        (
            text_option(),
            _option(
                "--sender",
                required=True,
                metavar="NAME",
                heading=MESSAGE,
                help="Who it comes from: 3 to 11 letters, digits or inner spaces.",
            ),
            purpose_option(),
            type_option(),
            at_option(),
            _option(
                "--simulate",
                is_flag=True,
                heading=SENDING,
                help="Have the gateway check the request only; its figures are then "
                "invented, and nobody gets a message.",
            ),
        )
    ):
        function = decorate(function)
    return function


def gateway_options(function: F) -> F:
    """Which gateway, and how it misbehaves if it is the sandbox."""
    for decorate in reversed(
        (
            _option(
                "--base-url",
                metavar="URL",
                heading=GATEWAY,
                help="Another gateway; OCTOPUSH_BASE_URL, or else the real one.",
            ),
            _option(
                "--sandbox",
                is_flag=True,
                heading=GATEWAY,
                help="A simulated gateway within this command: no account, no "
                "network, nobody gets a message.",
            ),
            _option(
                "--faults",
                callback=fault_plan,
                metavar="SPEC",
                heading=GATEWAY,
                help="What goes wrong in the sandbox: a probability such as 0.1, or "
                "KIND=PROBABILITY,…",
            ),
        )
    ):
        function = decorate(function)
    return function


def json_option() -> Decorator[Any]:
    """The result for programs."""
    return _option(
        "--json",
        "as_json",
        is_flag=True,
        heading=OUTPUT,
        help="One JSON document on stdout, and nothing else there.",
    )
