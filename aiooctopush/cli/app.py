"""The command that holds the others."""

import click

from .._version import __version__
from ._help import Group
from .bulk import bulk
from .preview import preview
from .sandbox import sandbox
from .send import send


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


@click.group(
    cls=Group,
    example=_EXAMPLE,
    epilog=_EPILOG,
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
octopush.add_command(sandbox)
