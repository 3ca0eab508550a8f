"""Options that several commands share, and the values that they take."""

import math
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import click

from ...api._shared import Purpose, SmsType
from ...sandbox import FaultPlan
from .help import Decorator, F, option


MESSAGE: Final = "Message"
SENDING: Final = "Sending"
GATEWAY: Final = "Gateway"
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


def text_option(*, required: bool = True) -> Decorator[Any]:
    """Take the text of a message."""
    return option(
        "--text",
        required=required,
        metavar="TEXT",
        heading=MESSAGE,
        help="1 to 1,224 characters. May contain {first_name}, {last_name} and "
        "{param1} to {param5}.",
    )


def purpose_option(*, required: bool = True) -> Decorator[Any]:
    """Take the purpose of a message."""
    return option(
        "--purpose",
        type=click.Choice([str(one) for one in Purpose]),
        required=required,
        heading=MESSAGE,
        help="alert: codes, orders, appointments; marketing under this purpose is "
        "fined. wholesale: marketing; in France the text must contain 'STOP au "
        "XXXXX'.",
    )


def type_option() -> Decorator[Any]:
    """Take the quality of the route."""
    return option(
        "--type",
        "type_",
        type=click.Choice([str(one) for one in SmsType]),
        default=str(SmsType.PREMIUM),
        show_default=True,
        heading=SENDING,
        help="Quality of the route. sms_low_cost takes at most 160 characters.",
    )


def at_option() -> Decorator[Any]:
    """Take the time of sending."""
    return option(
        "--at",
        callback=instant,
        metavar="ISO",
        heading=SENDING,
        help="Time of sending, such as 2026-11-27T09:00+01:00. Default: now.",
    )


def sender_option(*, required: bool = True) -> Decorator[Any]:
    """Take the sender of a message."""
    return option(
        "--sender",
        required=required,
        metavar="NAME",
        heading=MESSAGE,
        help="Sender: 3 to 11 letters, digits or spaces; no space at either end.",
    )


def message_options(function: F) -> F:
    """Take text, sender and purpose of a message, and when and how it is sent."""
    for decorate in reversed(
        (
            text_option(),
            sender_option(),
            purpose_option(),
            type_option(),
            at_option(),
            option(
                "--simulate",
                is_flag=True,
                heading=SENDING,
                help="Let the gateway check the request only. Its figures are "
                "invented, and nobody gets a message.",
            ),
        )
    ):
        function = decorate(function)
    return function


def json_option() -> Decorator[Any]:
    """Choose the result for programs."""
    return option(
        "--json",
        "as_json",
        is_flag=True,
        heading=OUTPUT,
        help="Write one JSON document to stdout, and nothing else.",
    )
