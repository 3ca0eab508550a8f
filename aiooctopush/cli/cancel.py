"""``octopush cancel``: call off a message that is scheduled."""

from typing import Final

import click
from attrs import frozen

from ..api._shared import Audience
from ..errors import Outcome
from .targets.gateway import GatewayOptions, gateway_options
from .targets.session import open_session
from .terminal.console import Screen
from .terminal.help import command, option
from .terminal.options import json_option
from .terminal.result import Result, Row, item


_EXAMPLE = """\
octopush cancel sms_5f3fbce61266e
"""

_SHORT: Final = "Cancel a scheduled message."


@frozen(kw_only=True)
class Cancelled(Result):
    """Outcome of a cancellation."""

    ticket: str = item()
    outcome: Outcome = item(doc='"accepted", or "presumed" after a timeout')
    attempts: int = item()

    def headline(self) -> Row:
        """Return a sentence."""
        return f"{self.ticket} is cancelled.", "bold green"


@command(short_help=_SHORT, example=_EXAMPLE, result=Cancelled)
@click.argument("ticket", metavar="TICKET")
@option(
    "--audience",
    type=click.Choice([str(one) for one in Audience]),
    heading="Campaign",
    help="Audience of a campaign on a list or tag. Leave it out for a message.",
)
@gateway_options
@json_option()
@click.pass_context
def cancel(
    ctx: click.Context,
    /,
    *,
    ticket: str,
    audience: str | None,
    gateway: GatewayOptions,
    as_json: bool,
) -> None:
    """
    Cancel a scheduled message, or a prepared campaign.

    The gateway cancels messages to fewer than 3 recipients, until 10 minutes before the
    time of sending, and at most 1,000 a month. TICKET is shown by `octopush send`.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        result = calls.ask(
            calls.session.sms.cancel(
                ticket, audience=None if audience is None else Audience(audience)
            ),
            names={"ticket": "TICKET"},
            advice="Run it again: if it was cancelled, the gateway says so.",
        )
    screen.result(
        Cancelled(ticket=ticket, outcome=result.outcome, attempts=result.attempts)
    )
