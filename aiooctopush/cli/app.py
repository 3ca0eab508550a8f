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
from .cancel import cancel
from .completion import completion
from .doctor.command import doctor
from .fleet.commands import fleet
from .preview import preview
from .runs.decisions import purge, resolve
from .runs.ledger import ledger
from .runs.listing import runs
from .runs.rejected import rejected
from .runs.report import report
from .runs.unresolved import unresolved
from .sandbox import sandbox
from .send import send
from .terminal.help import group
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
  OCTOPUSH_PROXY       HTTP proxy, or "env" for HTTPS_PROXY and NO_PROXY
  OCTOPUSH_FLEET       where your program makes its fleet, such as app:fleet
  NO_COLOR             no colors

Login and key are asked for if they are not set. They are never taken from the
command line, where other users of the machine could read them.

A command that fails gives with --json: error (its class), message, outcome,
maybe_sent, request_id, code.

\b
Exit codes:
    0   everything was accepted, or presumed to be
    1   something was refused or not sent, or the run paused
    2   bad input or usage; nothing was sent
    3   the outcome of something is unknown: it may have been sent
  129   hangup (SIGHUP)
  130   Ctrl-C (SIGINT)
  143   terminated (SIGTERM)
"""

_SECTIONS: Final = {
    "Send": (send, bulk, preview, cancel, otp),
    "Bulk runs in a ledger": (
        runs,
        report,
        unresolved,
        rejected,
        resolve,
        purge,
        webhooks,
    ),
    "Bulk runs on several machines": (fleet, ledger),
    "Account": (balance, credits_, lookup, contacts, lists, subaccounts, settings),
    "Diagnose and test": (doctor, sandbox),
    "Set up": (completion,),
}


@group(
    example=_EXAMPLE,
    epilog=_EPILOG,
    sections=_SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
def octopush() -> None:
    """
    Send SMS through the Octopush gateway, with a definite outcome for each of them.

    With --sandbox you need no account: the gateway is simulated on this machine.
    """
