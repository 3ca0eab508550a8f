"""``octopush send``: one text to a few numbers."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn

import attrs
import click
from attrs import frozen

from ..api._recipients import MAX_RECIPIENTS, NUMBER, Recipient
from ..api.sms import SendResult
from ..errors import (
    DuplicateRequestError,
    InvalidFieldError,
    OctopushError,
    Outcome,
    renamed,
)
from ..ids import request_id_for
from ..phone import mask
from .targets.gateway import (
    Connection,
    GatewayOptions,
    connect,
    gateway_options,
    sandbox_item,
)
from .targets.message import MessageOptions, message_options
from .targets.session import stoppable
from .terminal.console import Screen
from .terminal.exit_codes import ExitCode
from .terminal.help import command, option
from .terminal.options import SENDING, country_option, json_option
from .terminal.problems import outcome_document
from .terminal.result import Result, Row, item
from .terminal.values import counted


_EXAMPLE = """\
octopush send --sandbox --to +33600000001 --sender Acme --purpose alert \\
    --text "Your code is 1234"
"""

_RECIPIENTS: Final = "Recipients"
_FOR_FILES: Final = "must be a number; for a file, use `octopush bulk FILE`"


@frozen(kw_only=True)
class Sent(Result):
    """Outcome of one send."""

    outcome: Outcome = item(doc='"accepted" or "presumed"')
    ticket: str | None = item("Ticket")
    request_id: str | None = item("Request ID")
    number_of_sms_needed: int | None = item("SMS billed")
    total_cost: Decimal | None = item("Cost")
    residual_credit: Decimal | None = item("Credit left")
    attempts: int = item("Attempts")
    number_of_contacts: int | None = item()
    sandbox_sent_log: Mapping[str, int] | None = sandbox_item()
    send_at: datetime | None = item(in_json=False)
    simulated: bool = item(in_json=False)

    def headline(self) -> Row:
        """Return the outcome in one sentence."""
        people = self.number_of_contacts
        whom = "" if people is None else f" for {counted(people, 'recipient')}"
        if self.simulated:
            words = "Simulated: the gateway would accept it. No message is sent."
            return words, ""
        if self.outcome is Outcome.PRESUMED:
            words = (
                "Presumed accepted: the gateway refused a repeat as a duplicate, so an "
                "earlier attempt was most likely accepted."
            )
            return words, "bold yellow"
        if self.send_at is not None:
            return f"Accepted{whom}, to be sent at {self.send_at.isoformat()}.", "green"
        return f"Accepted{whom}.", "bold green"


@command(example=_EXAMPLE, result=Sent)
@option(
    "--to",
    "numbers",
    multiple=True,
    required=True,
    metavar="NUMBER",
    heading=_RECIPIENTS,
    help="International number, such as +33600000001. Repeat the option for up to 500; "
    "for more, use `octopush bulk`.",
)
@country_option(_RECIPIENTS)
@message_options
@option(
    "--idempotency-key",
    "key",
    metavar="TEXT",
    heading=SENDING,
    help="Your own name of this message, such as order-4711-shipped. The same command "
    "with the same key sends nothing twice within 23 hours.",
)
@option(
    "--request-id",
    metavar="ID",
    heading=SENDING,
    help="Request ID, instead of a key: 1 to 64 letters, digits, - or _.",
)
@gateway_options
@json_option
def send(
    *,
    numbers: tuple[str, ...],
    country: str | None,
    message: MessageOptions,
    key: str | None,
    request_id: str | None,
    gateway: GatewayOptions,
    as_json: bool,
) -> None:
    """
    Send one text to one number or a few, and report the outcome.

    Login and key come from OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY, or are asked
    for. The command retries automatically as long as that cannot send twice.
    """
    screen = Screen(as_json=as_json)
    if key is not None and request_id is not None:
        raise click.UsageError("--idempotency-key and --request-id exclude each other.")
    if len(numbers) > MAX_RECIPIENTS:
        raise click.UsageError(
            f"--to: {MAX_RECIPIENTS} numbers at most; for more, use `octopush bulk`."
        )
    with screen.failures():
        recipients = _recipients(numbers, country)
        own_id = request_id if key is None else request_id_for(key)
        connection = connect(gateway)
    try:
        result = asyncio.run(
            _send(
                screen,
                connection,
                recipients=recipients,
                request_id=own_id,
                **attrs.asdict(message, recurse=False),
            )
        )
    except OctopushError as error:
        error = _without_values(error)
        screen.fail(error, advice=_advice(error, own_id), **connection.sent_log())
    except TimeoutError:
        _give_up(screen, own_id)
    screen.result(
        Sent.from_fields(
            result,
            sandbox_sent_log=connection.sandbox_sent_log,
            send_at=message.send_at,
            simulated=bool(message.simulation_mode),
        )
    )


def _recipients(numbers: tuple[str, ...], country: str | None) -> list[Recipient]:
    found: list[Recipient] = []
    for position, number in enumerate(numbers):
        try:
            one = Recipient.of(number, country=country)
            _check_new(one, found)
            found.append(one)
        except InvalidFieldError as error:
            if error.field == "country":
                raise renamed(error, "--country") from None
            raise InvalidFieldError(
                f"recipients[{position}].phone_number",
                # No number ends in letters after a dot.
                _FOR_FILES if Path(number).suffix[1:].isalpha() else error.limit,
                shown=error.shown,
            ) from None
    return found


def _check_new(one: Recipient, found: list[Recipient]) -> None:
    """Refuse a number that is given twice: it would get the text twice."""
    for earlier, other in enumerate(found, 1):
        if other.phone_number == one.phone_number:
            problem = f"must not be the same as number {earlier}"
            raise InvalidFieldError(NUMBER, problem, shown=mask(one.phone_number))


def _without_values(error: OctopushError) -> OctopushError:
    """Explain a placeholder here, where recipients have no values."""
    if not isinstance(error, InvalidFieldError):
        return error
    place, _, value = error.field.partition("].")
    if not place.startswith("recipients[") or value == NUMBER:
        return error
    return InvalidFieldError(
        "text",
        f"{{{value}}} has no value here; values come from a file with `octopush bulk`",
    )


async def _send(screen: Screen, connection: Connection, **message: Any) -> SendResult:
    async with connection.session as octopush, stoppable(screen, octopush):
        return await octopush.sms.send(**message)


def _advice(error: OctopushError, own_id: str | None) -> str:
    """Return a further line, on running the command again."""
    if isinstance(error, DuplicateRequestError) and own_id is not None:
        return (
            "An earlier command with this key or ID was most likely accepted. The "
            "gateway refuses it for 24 hours."
        )
    if not error.maybe_sent:
        return ""
    again = "the same command again"
    if own_id is None:
        again = f"the same command with --request-id {error.request_id}"
    return f"To send it exactly once, run {again}."


def _give_up(screen: Screen, own_id: str | None) -> NoReturn:
    words = "Interrupted before the gateway responded. The message may have been sent."
    if own_id is not None:
        words += " To send it exactly once, run the same command again."
    screen.error(words)
    screen.document(outcome_document("Interrupted", words, Outcome.UNKNOWN, own_id))
    raise click.exceptions.Exit(ExitCode.INTERRUPTED)
