"""The command that holds the others."""

import sys
from functools import partial
from typing import Final

import click

from .. import _lazy
from .._version import __version__
from .terminal.help import LateCommand, group


# A command is imported when it is used, and no other with it.
with _lazy.late_imports(globals()):
    from .account.contacts import contacts, lists
    from .account.lookup import lookup
    from .account.otp import otp
    from .account.settings import settings
    from .account.subaccounts import subaccounts
    from .account.wallet import balance
    from .account.wallet import credits_ as credits  # noqa: A004  # a command's name
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


def _later(name: str, short_help: str) -> LateCommand:
    return LateCommand(name, short_help, partial(getattr, sys.modules[__name__]))


# Names and descriptions in the order of the help.
_SECTIONS: Final = {
    "Send": (
        _later("send", "Send one text to one number or a few."),
        _later("bulk", "Send one text to everyone in a file, or resume."),
        _later("preview", "Show what a text becomes and costs, and send nothing."),
        _later("cancel", "Cancel a scheduled message."),
        _later("otp", "Send and validate one-time codes."),
    ),
    "Bulk runs in a ledger": (
        _later("runs", "List the runs of this machine."),
        _later("report", "Show the outcome of a run, also as a page."),
        _later("unresolved", "List batches with an unknown outcome."),
        _later("resolve", "Decide what to do with such a batch."),
        _later("rejected", "List the rows that were rejected, and why."),
        _later("purge", "Delete numbers and texts of a run."),
        _later("webhooks", "Receive delivery receipts."),
    ),
    "Bulk runs on several machines": (
        _later("fleet", "Distribute a bulk run across several machines."),
        _later("ledger", "Prepare or copy a ledger."),
    ),
    "Account": (
        _later("balance", "Show what the account has left."),
        _later("credits", "Show how many messages that buys."),
        _later("lookup", "Look up number status (HLR) and operator (MNP)."),
        _later("contacts", "Import and delete contacts."),
        _later("lists", "Create, empty and delete contact lists."),
        _later("subaccounts", "Manage sub-accounts and their credit."),
        _later("settings", "Show and change settings of the account."),
    ),
    "Diagnose and test": (
        _later("doctor", "Check credentials, network, clocks."),
        _later("sandbox", "Serve a simulated gateway."),
    ),
    "Set up": (_later("completion", "Print a script for TAB in bash, zsh or fish."),),
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
