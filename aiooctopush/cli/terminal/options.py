"""Options that several commands share, and their values."""

import math
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import click

from ... import sandbox
from ...api._shared import Purpose, SmsType
from ...text import plain
from .console import Screen
from .help import Decorator, F, option, together
from .result import Result


MESSAGE: Final = "Message"
SENDING: Final = "Sending"
GATEWAY: Final = "Gateway"
OUTPUT: Final = "Output"
FILE: Final = "File"

_ZONE: Final = "aiooctopush.zone"
_TEXT_FILE: Final = "aiooctopush.text_file"
_PLAIN: Final = "aiooctopush.plain"


class EnumChoice(click.Choice[str]):
    """
    A choice among the words of an enum; the command gets the member.

    Args:
        kind: The enum.
        words: Its words; by default the values of all members.
    """

    def __init__(self, kind: type[StrEnum], words: Sequence[str] = ()) -> None:
        super().__init__(words or [str(one) for one in kind])
        self._kind = kind

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> StrEnum:
        """See click."""
        return self._kind(super().convert(value, param, ctx))


def instant(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> datetime | None:
    """Read a date and time of ISO 8601, with its offset or in the zone of --zone."""
    zone: ZoneInfo | None = context.meta.get(_ZONE)
    if value is None:
        if zone is not None:
            raise click.UsageError("--zone needs --at.")
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} must be a date and time, such as 2026-11-27T09:00+01:00 or "
            '"2026-11-27 09:00" with --zone Europe/Paris.',
            param=parameter,
        ) from None
    if when.utcoffset() is None:
        if zone is None:
            raise click.BadParameter(
                f"{value!r} needs its offset, such as +01:00 at its end, or --zone "
                "Europe/Paris.",
                param=parameter,
            )
        return _in_zone(when, zone, parameter)
    if zone is not None:
        raise click.UsageError("--zone and an offset in --at exclude each other.")
    return when


def _in_zone(when: datetime, zone: ZoneInfo, parameter: click.Parameter) -> datetime:
    """Read a time as the clocks of a zone show it, if they show it exactly once."""
    local = when.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != when:
        raise click.BadParameter(
            f"'{when:%Y-%m-%d %H:%M}' does not exist in {zone}: the clocks are set "
            "forward.",
            param=parameter,
        )
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise click.BadParameter(
            f"'{when:%Y-%m-%d %H:%M}' occurs twice in {zone}: the clocks are set back. "
            "Give the offset instead of --zone.",
            param=parameter,
        )
    return local


def _zone(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> None:
    """Keep the zone for --at, which is read after it."""
    if value is None:
        return
    try:
        context.meta[_ZONE] = ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(
            f"{value!r} is no time zone, such as Europe/Paris.", param=parameter
        ) from None


def _text(context: click.Context, _: click.Parameter, value: str | None) -> str:
    """Take the text from the command line, or from the file of --text-file."""
    read: str | None = context.meta.get(_TEXT_FILE)
    if value is not None and read is not None:
        raise click.UsageError("--text and --text-file exclude each other.")
    text = read if value is None else value
    if text is None:
        raise click.UsageError("Missing option '--text' or '--text-file'.")
    return plain(text) if context.meta.get(_PLAIN) else text


def _keep_plain(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's
    """Keep it for the text, which is read after it."""
    context.meta[_PLAIN] = value


def _text_file(
    context: click.Context, parameter: click.Parameter, value: Path | None
) -> None:
    """Read a text, without the line end that an editor puts at the end of a file."""
    if value is None:
        return
    try:
        # The BOM that Windows writes is removed.
        text = value.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise click.BadParameter(
            f"{value} is not UTF-8. Save it as UTF-8.", param=parameter
        ) from None
    except OSError as error:
        raise click.BadParameter(
            f"{value} cannot be read: {error.strerror}.", param=parameter
        ) from error
    context.meta[_TEXT_FILE] = text.removesuffix("\n")


def fault_plan(
    _: click.Context,
    parameter: click.Parameter,
    value: str | None,
    *,
    kinds: Collection[str] | None = None,
) -> "sandbox.FaultPlan | None":
    """Parse the faults of the sandbox; an error lists these kinds, or all."""
    if value is None:
        return None
    try:
        return sandbox.FaultPlan.parse(value, kinds=kinds)
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


def bundled(name: str, kind: type[Any], *options: Decorator[Any]) -> Decorator[Any]:
    """
    Add several options to a command, which gets their values as one record.

    Args:
        name: Name of the record among the parameters of the command.
        kind: Its class; each of its fields has the name of an option.
        options: The options, in this order.
    """

    def decorate(function: F) -> Any:
        @wraps(function)
        def command(*given: Any, **values: Any) -> Any:
            own = {one.name: values.pop(one.name) for one in attrs.fields(kind)}
            return function(*given, **{name: kind(**own)}, **values)

        return together(*options)(command)

    return decorate


text_option: Final = together(
    option(
        "--text",
        callback=_text,
        metavar="TEXT",
        heading=MESSAGE,
        help="1 to 1,224 characters. May contain {first_name}, {last_name} and "
        "{param1} to {param5}.",
    ),
    option(
        "--text-file",
        type=click.Path(path_type=Path),
        callback=_text_file,
        is_eager=True,
        expose_value=False,
        metavar="FILE",
        heading=MESSAGE,
        help="File with the text, in UTF-8. Line breaks within it are sent.",
    ),
    option(
        "--plain",
        callback=_keep_plain,
        is_flag=True,
        is_eager=True,
        expose_value=False,
        heading=MESSAGE,
        help="Replace characters of the text that force Unicode where a plain one "
        "exists: typographic quotes, dashes and spaces, œ, accents. Values of a file "
        "stay as they are.",
    ),
)
"""Take the text of a message, typed or in a file."""


def purpose_option(*, required: bool = True) -> Decorator[Any]:
    """Take the purpose of a message."""
    return option(
        "--purpose",
        type=EnumChoice(Purpose, [one.lower() for one in Purpose.__members__]),
        required=required,
        heading=MESSAGE,
        help=(
            "Use alert for codes, orders, appointments; marketing under this purpose "
            "is fined. With marketing, or wholesale, the text must contain 'STOP au "
            "XXXXX' in France."
        ),
    )


type_option: Final = option(
    "--type",
    type=EnumChoice(SmsType),
    default=str(SmsType.PREMIUM),
    heading=SENDING,
    help="Quality of the route. sms_low_cost takes at most 160 characters.",
)
"""Take the quality of the route."""

at_option: Final = together(
    option(
        "--at",
        "send_at",
        callback=instant,
        metavar="ISO",
        heading=SENDING,
        help="Time of sending, such as 2026-11-27T09:00+01:00, or "
        '"2026-11-27 09:00" with --zone. Default: now.',
    ),
    option(
        "--zone",
        callback=_zone,
        is_eager=True,
        expose_value=False,
        metavar="ZONE",
        heading=SENDING,
        help="Time zone of --at, such as Europe/Paris.",
    ),
)
"""Take the time of sending, and the zone of its clock."""


def sender_option(*, required: bool = True) -> Decorator[Any]:
    """Take the sender of a message."""
    return option(
        "--sender",
        required=required,
        metavar="NAME",
        heading=MESSAGE,
        help="Sender: 3 to 11 letters, digits or spaces; no space at either end.",
    )


def address_options(port: int, advice: str = "") -> Decorator[Any]:
    """
    Take the address that a server listens on.

    Args:
        port: The port by default.
        advice: A further sentence in the help.
    """
    return together(
        option(
            "--host",
            default="127.0.0.1",
            heading="Address",
            help=f"Address to listen on. {advice}".rstrip(),
        ),
        option(
            "--port",
            type=click.IntRange(0, 65_535),
            metavar="N",
            default=port,
            heading="Address",
            help="Port; 0 takes a free one, which the first line of output shows.",
        ),
    )


def country_option(heading: str = FILE) -> Decorator[Any]:
    """Take the country of national numbers."""
    return option(
        "--country",
        metavar="CC",
        heading=heading,
        help="Two letters, such as FR: numbers without a country code are read as "
        "numbers of this country. Without it they are refused.",
    )


def csv_option(help: str) -> Decorator[Any]:
    """Choose a CSV file for the result."""
    return file_option("--csv", "csv_file", help=help)


def file_option(*names: str, help: str) -> Decorator[Any]:
    """Choose a file for the result."""
    return option(
        *names,
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        heading=OUTPUT,
        help=help,
    )


json_option: Final = option(
    "--json",
    "as_json",
    is_flag=True,
    heading=OUTPUT,
    help="Write one JSON document to stdout, and nothing else.",
)
"""Choose the result for programs."""


def shows_result(function: Callable[..., Result]) -> Any:
    """
    Make a command of a function that returns its result, and add --json.

    The function gets a `Screen` before its options. Its errors before any send are
    shown, too.
    """

    @json_option
    @wraps(function)
    def command(*, as_json: bool, **options: Any) -> None:
        screen = Screen(as_json=as_json)
        with screen.failures():
            result = function(screen, **options)
        screen.result(result)
        raise click.exceptions.Exit(result.exit_code)

    return command
