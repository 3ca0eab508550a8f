"""The command that holds the others."""

from typing import Final

import click

from .._version import __version__
from .account.contacts import contacts, lists
from .account.lookup import lookup
from .account.otp import otp
from .account.settings import settings
from .account.subaccounts import subaccounts
from .account.wallet import balance, credits_
from .bulk.command import bulk
from .doctor.command import doctor
from .fleet.commands import fleet
from .preview import preview
from .runs.decisions import purge, resolve
from .runs.ledger import ledger
from .runs.listing import runs
from .runs.report import report
from .runs.unresolved import unresolved
from .sandbox import sandbox
from .send import send
from .terminal.help import Group
from .webhooks import webhooks


_EXAMPLE = """\
octopush send --sandbox --to +33600000001 --sender Acme --purpose alert \\
    --text "Your code is 1234"
"""

_EPILOG = """\
\b
Environment:
  OCTOPUSH_API_LOGIN   e-mail address of your Octopush account
  OCTOPUSH_API_KEY     API key of that account
  OCTOPUSH_BASE_URL    another gateway, such as that of "octopush sandbox"
  OCTOPUSH_FLEET       where your program makes its fleet, such as app:fleet
  NO_COLOR             no colours

Login and key are asked for if they are not set. They are never taken from the
command line, where other users of the machine could read them.

\b
Exit codes:
    0   everything was accepted, or presumed to be
    1   something was refused or not sent, or the run paused
    2   bad input or usage; nothing was sent
    3   the outcome of something is unknown: it may have been sent
  130   interrupted
"""

_SECTIONS: Final = {
    "Send": ("send", "bulk", "preview", "otp"),
    "Bulk runs that are written down": (
        "runs",
        "report",
        "unresolved",
        "resolve",
        "purge",
        "webhooks",
    ),
    "Bulk runs of many machines": ("fleet", "ledger"),
    "The account": (
        "balance",
        "credits",
        "lookup",
        "contacts",
        "lists",
        "subaccounts",
        "settings",
    ),
    "Find out": ("doctor", "sandbox"),
}


@click.group(
    cls=Group,
    example=_EXAMPLE,
    epilog=_EPILOG,
    sections=_SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
def octopush() -> None:
    """
    Send SMS through the Octopush gateway, and know what became of each of them.

    With --sandbox no account is needed and nothing leaves this machine.
    """


octopush.add_command(send)
octopush.add_command(bulk)
octopush.add_command(preview)
octopush.add_command(runs)
octopush.add_command(report)
octopush.add_command(unresolved)
octopush.add_command(resolve)
octopush.add_command(purge)
octopush.add_command(sandbox)
for _command in (
    otp,
    balance,
    credits_,
    lookup,
    contacts,
    lists,
    subaccounts,
    settings,
    doctor,
    webhooks,
    fleet,
    ledger,
):
    octopush.add_command(_command)
