"""``octopush cancel``: call off a message that is scheduled."""

import click
from attrs import frozen

from ..api.campaigns import Audience
from ..errors import Outcome
from .targets.session import CommandSession, makes_calls
from .terminal.help import command, option
from .terminal.options import EnumChoice
from .terminal.result import Result, item


@frozen(kw_only=True)
class Cancelled(Result):
    """Outcome of a cancellation."""

    sentence = "{0.ticket} is cancelled."

    ticket: str = item()
    outcome: Outcome = item(doc='"accepted", or "presumed" after a timeout')
    attempts: int = item()


@command(example="octopush cancel sms_5f3fbce61266e", result=Cancelled)
@click.argument("ticket", metavar="TICKET")
@option(
    "--audience",
    type=EnumChoice(Audience),
    heading="Campaign",
    help="Audience of a campaign on a list or tag. Leave it out for a message.",
)
@makes_calls
def cancel(
    calls: CommandSession, /, *, ticket: str, audience: Audience | None
) -> Cancelled:
    """
    Cancel a scheduled message, or a prepared campaign.

    The gateway cancels messages to fewer than 3 recipients, until 10 minutes before the
    time of sending, and at most 1,000 a month. TICKET is shown by `octopush send`.
    """
    result = calls.ask(
        calls.session.sms.cancel(ticket, audience=audience),
        names={"ticket": "TICKET"},
        advice="Run it again: if it was cancelled, the gateway says so.",
    )
    return Cancelled.from_fields(result, ticket=ticket)
