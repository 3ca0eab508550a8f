"""``octopush otp``: one-time codes, generated and validated."""

from typing import Any, Final

import click
from attrs import frozen

from ...api.otp import MAX_CODE, MIN_CODE, OtpChannel, OtpState
from ...errors import Outcome
from ...phone import mask, normalize
from ..targets.session import CommandSession, makes_calls
from ..terminal.exit_codes import ExitCode
from ..terminal.help import Decorator, group, option
from ..terminal.options import MESSAGE, OUTPUT, EnumChoice, sender_option
from ..terminal.prompts import ask_code
from ..terminal.result import Result, Row, item
from ..terminal.values import counted


_EXAMPLE = """\
octopush otp generate +33600000001
octopush otp validate +33600000001
"""

_VALIDATE_EPILOG = """\
Exit codes: 0 if the code is right, 1 if it is not, 3 if that is unknown.
"""

_NAMES: Final = {
    "phone_number": "NUMBER",
    "code": "CODE",
    "code_length": "--length",
    "validity_period": "--valid-for",
    "max_wrong_attempts": "--max-wrong",
}
_CODE: Final = "Code"

_SENTENCES: Final = {
    OtpState.VALID: "The code is right.",
    OtpState.WRONG: "The code is wrong.",
    OtpState.EXPIRED: "The code has expired: send a new one.",
    OtpState.EXHAUSTED: "Too many wrong codes were given: send a new one.",
    OtpState.NOT_FOUND: "The gateway has no code for this number; perhaps it was used.",
}


@frozen(kw_only=True)
class Generated(Result):
    """Result of a generated code."""

    sentence = "A code is on its way to {0.number}."

    number: str = item(in_json=False)
    outcome: Outcome = item()
    attempts: int = item()
    token: str | None = item(
        "Token", skip_empty=True, doc="null without --show-secrets"
    )


@frozen(kw_only=True)
class Validated(Result):
    """Hold whether a code is right."""

    valid: bool = item()
    state: OtpState = item(
        doc='"valid", "wrong", "expired", "exhausted" or "not_found"'
    )
    remaining_attempts: int | None = item()
    code: int | None = item(doc="of the gateway")
    attempts: int = item()

    @property
    def exit_code(self) -> ExitCode:
        """Whether it is right, for a script."""
        return ExitCode.ACCEPTED if self.valid else ExitCode.NOT_ACCEPTED

    def headline(self) -> Row:
        """Return whether it is right, and how many attempts are left."""
        words = _SENTENCES[self.state]
        if self.remaining_attempts is not None:
            words += f" {counted(self.remaining_attempts, 'attempt')} left."
        return words, "bold green" if self.valid else "bold red"


def secrets_option(what: str) -> Decorator[Any]:
    """Let secrets be shown."""
    return option("--show-secrets", is_flag=True, heading=OUTPUT, help=what)


@group(
    "otp",
    example=_EXAMPLE,
)
def otp() -> None:
    """
    Send one-time codes, and validate the input of users.

    The gateway generates and stores the codes. To try it, start `octopush sandbox`,
    which writes the codes to its terminal. With --sandbox each command has a gateway of
    its own, which cannot validate the codes of another.
    """


@otp.command(
    "generate",
    short_help="Generate a code and send it.",
    example="octopush otp generate +33600000001 --valid-for 300",
    result=Generated,
)
@click.argument("number", metavar="NUMBER")
@option(
    "--text",
    metavar="TEXT",
    heading=MESSAGE,
    help="Up to 1,224 characters, with {code} and optionally {hh:mm:ss}, the "
    "time at which it expires.",
)
@sender_option(required=False)
@option(
    "--channel",
    type=EnumChoice(OtpChannel),
    heading=MESSAGE,
    help="Channel.",
)
@option(
    "--length",
    "code_length",
    type=int,
    metavar="N",
    heading=_CODE,
    help=f"{MIN_CODE} to {MAX_CODE} characters.",
)
@option(
    "--valid-for",
    "validity_period",
    type=int,
    metavar="SECONDS",
    heading=_CODE,
    help="Time until it expires.",
)
@option(
    "--max-wrong",
    "max_wrong_attempts",
    type=int,
    metavar="N",
    heading=_CODE,
    help="Number of wrong codes that are allowed.",
)
@secrets_option("Also show the token that identifies the code.")
@makes_calls
def generate(
    calls: CommandSession, /, *, number: str, show_secrets: bool, **settings: Any
) -> Generated:
    """
    Generate a one-time code and send it, which costs a message.

    Options that are left out are as set in the account. It is not retried after a
    timeout, because the person could get two codes.
    """
    result = calls.ask(
        calls.session.otp.generate(number, **settings),
        names=_NAMES,
        advice="If a code arrives, `octopush otp validate` knows it.",
    )
    return Generated.from_fields(
        result,
        number=mask(number),
        token=result.token.reveal() if result.token and show_secrets else None,
    )


@otp.command(
    "validate",
    short_help="Validate a code that a person typed.",
    example="octopush otp validate +33600000001",
    epilog=_VALIDATE_EPILOG,
    result=Validated,
)
@click.argument("number", metavar="NUMBER")
@click.argument("code", metavar="[CODE]", required=False)
@makes_calls
def validate(calls: CommandSession, /, *, number: str, code: str | None) -> Validated:
    """
    Validate the last code that was sent to a number.

    Without CODE the command asks for it, or reads it from stdin, so that it does not
    stay in the history of the shell. A wrong code uses up an attempt.
    """
    with calls.screen.failures():
        # Before a prompt for the code.
        normalize(number, field="NUMBER")
        typed = ask_code() if code is None else code
    check = calls.ask(
        calls.session.otp.validate(typed, phone_number=number),
        names=_NAMES,
        advice="An attempt may have been used up. If the code is not known next time, "
        "it was most likely right.",
    )
    return Validated.from_fields(check)
