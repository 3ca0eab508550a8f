"""``octopush otp``: one-time codes, sent and checked."""

from typing import Any, Final

import click

from ...api.otp import MAX_CODE, MIN_CODE, OtpChannel, OtpCheck, OtpSent, OtpState
from ...phone import mask, normalize
from ..targets.session import open_session
from ..terminal.console import Screen
from ..terminal.help import Command, Group, Option
from ..terminal.options import MESSAGE, OUTPUT, Decorator, gateway_options, json_option
from ..terminal.problems import ExitCode
from ..terminal.prompts import ask_code
from ..terminal.values import counted


_EXAMPLE = """\
octopush otp send +33600000001
octopush otp check +33600000001
"""

_SEND_EPILOG = """\
--json gives: outcome, attempts, and token, which is null without --show-secrets.
"""

_CHECK_EPILOG = """\
Exit codes: 0 if the code is right, 1 if it is not, 3 if nobody can tell.

--json gives: valid, state ("valid", "wrong", "expired", "exhausted", "not_found"),
remaining_attempts, code (of the gateway), attempts.
"""

_NAMES: Final = {
    "phone_number": "NUMBER",
    "code": "CODE",
    "code_length": "--length",
    "validity_period": "--valid-for",
    "max_wrong_attempts": "--max-wrong",
}
_CODE: Final = "What the code is like"

_IN_WORDS: Final = {
    OtpState.VALID: "The code is right.",
    OtpState.WRONG: "The code is wrong.",
    OtpState.EXPIRED: "The code has expired: send a new one.",
    OtpState.EXHAUSTED: "Too many wrong codes were tried: send a new one.",
    OtpState.NOT_FOUND: "No code is known for this number; perhaps it was used.",
}


def secrets_option(what: str) -> Decorator[Any]:
    """Whether secrets may be seen."""
    return click.option(
        "--show-secrets", cls=Option, is_flag=True, heading=OUTPUT, help=what
    )


@click.group(
    "otp",
    cls=Group,
    short_help="Send and check one-time codes.",
    example=_EXAMPLE,
)
def otp() -> None:
    """
    Send one-time codes, and check what people type.

    The gateway makes the codes and remembers them. To try it, start `octopush
    sandbox`: with --sandbox each command has a gateway of its own, which knows no
    code of another.
    """


@otp.command(
    "send",
    cls=Command,
    short_help="Make a code and send it.",
    example="octopush otp send +33600000001 --valid-for 300\n",
    epilog=_SEND_EPILOG,
)
@click.argument("number", metavar="NUMBER")
@click.option(
    "--text",
    cls=Option,
    metavar="TEXT",
    heading=MESSAGE,
    help="Up to 1,224 characters, with {code} and, if you like, {hh:mm:ss} for when it "
    "expires.",
)
@click.option(
    "--sender",
    cls=Option,
    metavar="NAME",
    heading=MESSAGE,
    help="Who it comes from: 3 to 11 letters, digits or inner spaces.",
)
@click.option(
    "--channel",
    cls=Option,
    type=click.Choice([str(one) for one in OtpChannel]),
    heading=MESSAGE,
    help="How it travels.",
)
@click.option(
    "--length",
    cls=Option,
    type=int,
    metavar="N",
    heading=_CODE,
    help=f"{MIN_CODE} to {MAX_CODE} characters.",
)
@click.option(
    "--valid-for",
    cls=Option,
    type=int,
    metavar="SECONDS",
    heading=_CODE,
    help="After that it has expired.",
)
@click.option(
    "--max-wrong",
    cls=Option,
    type=int,
    metavar="N",
    heading=_CODE,
    help="How many wrong codes may be tried.",
)
@secrets_option("Show the token by which the gateway knows the code, too.")
@gateway_options
@json_option()
@click.pass_context
def send_code(
    ctx: click.Context,
    /,
    *,
    number: str,
    text: str | None,
    sender: str | None,
    channel: str | None,
    length: int | None,
    valid_for: int | None,
    max_wrong: int | None,
    show_secrets: bool,
    as_json: bool,
    **gateway: Any,
) -> None:
    """
    Make a one-time code and send it, which costs a message.

    What is left out is as set in the account. After silence it is not repeated: the
    person could get two codes.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        result = calls.ask(
            calls.session.otp.generate(
                number,
                channel=None if channel is None else OtpChannel(channel),
                text=text,
                sender=sender,
                code_length=length,
                validity_period=valid_for,
                max_wrong_attempts=max_wrong,
            ),
            names=_NAMES,
            advice="If a code arrives, `octopush otp check` knows it.",
        )
    _tell_of_send(screen, number, result, show_secrets=show_secrets)


def _tell_of_send(
    screen: Screen, number: str, result: OtpSent, *, show_secrets: bool
) -> None:
    screen.say(f"A code is on its way to {mask(number)}.", style="bold green")
    token = None
    if result.token is not None and show_secrets:
        token = result.token.reveal()
        screen.rows([("Token", token)])
    screen.document(
        {
            "outcome": str(result.outcome),
            "attempts": result.attempts,
            "token": token,
        }
    )


@otp.command(
    "check",
    cls=Command,
    short_help="Check a code that somebody typed.",
    example="octopush otp check +33600000001\n",
    epilog=_CHECK_EPILOG,
)
@click.argument("number", metavar="NUMBER")
@click.argument("code", metavar="[CODE]", required=False)
@gateway_options
@json_option()
@click.pass_context
def check_code(
    ctx: click.Context,
    /,
    *,
    number: str,
    code: str | None,
    as_json: bool,
    **gateway: Any,
) -> None:
    """
    Check the last code that was sent to a number.

    Without CODE it is asked for, or read from stdin, and so does not stay in the
    history of the shell. A wrong code uses up an attempt.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        # Before anybody is asked for a code.
        normalize(number, field="NUMBER")
        typed = ask_code() if code is None else code
    with open_session(ctx, screen, gateway) as calls:
        check = calls.ask(
            calls.session.otp.validate(typed, phone_number=number),
            names=_NAMES,
            advice="An attempt may have been used up. If the code is not known next "
            "time, it was most likely right.",
        )
    _tell_of_check(screen, check)


def _tell_of_check(screen: Screen, check: OtpCheck) -> None:
    words = _IN_WORDS[check.state]
    if check.remaining_attempts is not None:
        words += f" {counted(check.remaining_attempts, 'attempt')} left."
    screen.say(words, style="bold green" if check.valid else "bold red")
    screen.document(
        {
            "valid": check.valid,
            "state": str(check.state),
            "remaining_attempts": check.remaining_attempts,
            "code": check.code,
            "attempts": check.attempts,
        }
    )
    raise click.exceptions.Exit(
        ExitCode.ACCEPTED if check.valid else ExitCode.NOT_ACCEPTED
    )
