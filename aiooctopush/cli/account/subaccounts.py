"""``octopush subaccounts``: make and change them, and move credit to them."""

import os
from decimal import Decimal
from typing import Any, Final

import click

from ...api._callbacks import Callbacks
from ...api.subaccounts import Subaccount, Transfer
from ...api.wallet import WalletPack
from ...errors import InvalidFieldError, OctopushError
from ...secret import MASK, Secret
from ..targets.session import CommandSession, give_up, named, open_session
from ..terminal.console import Screen
from ..terminal.help import Command, Group, Option
from ..terminal.options import F, gateway_options, json_option
from ..terminal.prompts import agree, ask_secret, yes_option
from ..terminal.values import in_euros
from ..wording import plain
from .callbacks import (
    NAMES,
    callback_options,
    callback_rows,
    callbacks_as_dict,
    callbacks_of,
)
from .otp import secrets_option


PASSWORD: Final = "OCTOPUSH_SUBACCOUNT_PASSWORD"  # noqa: S105 - the name of a variable
TOKEN: Final = "OCTOPUSH_TRANSFER_TOKEN"  # noqa: S105 - as above

_EXAMPLE = """\
octopush subaccounts create --first-name Ada --last-name Lovelace
octopush subaccounts show ada@sub-accounts.com
"""

_TRANSFER_EXAMPLE = """\
octopush subaccounts transfer ada@sub-accounts.com --amount 50
"""

_CREATE_EPILOG = """\
--json gives: login (null if the gateway does not say it), attempts.
"""

_SHOW_EPILOG = """\
--json gives: login, first_name, last_name, company_name, api_key and callbacks;
without --show-secrets the key is null, and URLs show their host only.
"""

_UPDATE_EPILOG = """\
--json gives: login, attempts.
"""

_LEAVE_EPILOG = """\
--json gives: login, token; null without --show-secrets.
"""

_TRANSFER_EPILOG = """\
--json gives: login, amount (whole euros), from_pack, from_residual_credit, to_pack,
to_residual_credit; amounts as text, null what the gateway did not say.
"""

_WHO: Final = "Who it is"
_NAMES: Final = NAMES | {
    "login": "LOGIN",
    "email_to": "LOGIN",
    "first_name": "--first-name",
    "last_name": "--last-name",
    "company_name": "--company",
    "password": PASSWORD,
    "changes": "options",
    "token": TOKEN,
    "from_wallet_pack_id": "--pack",
    "amount": "--amount",
}
_USED: Final = 203

HOW_TO_CHECK: Final = (
    "Look before anything else: `octopush balance --details` shows what the pack has "
    "left; run as the sub-account, with the login and key of `octopush subaccounts "
    "show`, it shows what that has. Do not ask for a new token or repeat the transfer "
    "before that: it could be made twice."
)
"""What to do after a transfer whose outcome is unknown."""


@click.group(
    "subaccounts",
    cls=Group,
    short_help="Sub-accounts, and credit for them.",
    example=_EXAMPLE,
)
def subaccounts() -> None:
    """
    Create, show and change sub-accounts, and move credit to them.

    The gateway has no way to list them, and neither has this command. Passwords come
    from OCTOPUSH_SUBACCOUNT_PASSWORD or are asked for; keys are shown only if you say
    so.
    """


def _person_options(function: F) -> F:
    for option, words in (
        ("--company", "Company."),
        ("--last-name", "1 to 255 characters."),
        ("--first-name", "1 to 255 characters."),
    ):
        metavar = "NAME"
        function = click.option(
            option, cls=Option, metavar=metavar, heading=_WHO, help=words
        )(function)
    return function


@subaccounts.command(
    "create",
    cls=Command,
    short_help="Create a sub-account.",
    example="octopush subaccounts create --first-name Ada --last-name Lovelace\n",
    epilog=_CREATE_EPILOG,
)
@_person_options
@callback_options
@gateway_options
@json_option()
@click.pass_context
def create(
    ctx: click.Context,
    /,
    *,
    first_name: str | None,
    last_name: str | None,
    company: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """
    Create a sub-account; an account may have 20 by default.

    Its password comes from OCTOPUSH_SUBACCOUNT_PASSWORD, or is asked for. After
    silence it is not repeated: a second one could be made.
    """
    screen = Screen(as_json=as_json)
    if not first_name or not last_name:
        raise click.UsageError("Both --first-name and --last-name are needed.")
    callbacks = _callbacks(screen, given)
    with screen.failures():
        password = Secret(ask_secret(PASSWORD, "Password of the sub-account"))
    with open_session(ctx, screen, given) as calls:
        result = calls.ask(
            calls.session.subaccounts.create(
                first_name=first_name,
                last_name=last_name,
                password=password,
                company_name=company,
                callbacks=callbacks,
            ),
            names=_NAMES,
            advice="The gateway's web site shows whether it is there.",
        )
    screen.say("The sub-account is created.", style="bold green")
    screen.rows([("Login", plain(result.login or "not reported by the gateway"))])
    screen.document({"login": result.login, "attempts": result.attempts})


@subaccounts.command(
    "show",
    cls=Command,
    short_help="Show a sub-account.",
    example="octopush subaccounts show ada@sub-accounts.com\n",
    epilog=_SHOW_EPILOG,
)
@click.argument("login", metavar="LOGIN")
@secrets_option("Show its key, and callback URLs as a whole.")
@gateway_options
@json_option()
@click.pass_context
def show(
    ctx: click.Context,
    /,
    *,
    login: str,
    show_secrets: bool,
    as_json: bool,
    **gateway: Any,
) -> None:
    """
    Show a sub-account.

    Its key, with which it calls the gateway itself, is shown with --show-secrets
    only.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        found = calls.ask(
            calls.session.subaccounts.get(login), names=_NAMES, reads=True
        )
    key = found.api_key.reveal() if found.api_key and show_secrets else None
    screen.rows(
        [
            ("Login", login),
            ("Name", _full_name(found)),
            ("Company", plain(found.company_name or "-")),
            ("Key", _shown_key(found, key)),
            *callback_rows(found.callbacks, whole=show_secrets),
        ]
    )
    screen.document(
        {
            "login": login,
            "first_name": found.first_name,
            "last_name": found.last_name,
            "company_name": found.company_name,
            "api_key": key,
            "callbacks": callbacks_as_dict(found.callbacks, whole=show_secrets),
        }
    )


def _full_name(found: Subaccount) -> str:
    return plain(" ".join(filter(None, (found.first_name, found.last_name))) or "-")


def _shown_key(found: Subaccount, key: str | None) -> str:
    if found.api_key is None:
        return "not reported by the gateway"
    return MASK if key is None else plain(key)


@subaccounts.command(
    "update",
    cls=Command,
    short_help="Change a sub-account.",
    example="octopush subaccounts update ada@sub-accounts.com --company Acme\n",
    epilog=_UPDATE_EPILOG,
)
@click.argument("login", metavar="LOGIN")
@_person_options
@click.option(
    "--new-password",
    cls=Option,
    is_flag=True,
    heading=_WHO,
    help=f"Ask for a new password, or take it from {PASSWORD}.",
)
@callback_options
@gateway_options
@json_option()
@click.pass_context
def update(
    ctx: click.Context,
    /,
    *,
    login: str,
    first_name: str | None,
    last_name: str | None,
    company: str | None,
    new_password: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """
    Change a sub-account; what is left out stays as it is.
    """
    screen = Screen(as_json=as_json)
    callbacks = _callbacks(screen, given)
    password = None
    if new_password:
        with screen.failures():
            password = Secret(ask_secret(PASSWORD, "New password"))
    with open_session(ctx, screen, given) as calls:
        result = calls.ask(
            calls.session.subaccounts.update(
                login,
                first_name=first_name,
                last_name=last_name,
                password=password,
                company_name=company,
                callbacks=callbacks,
            ),
            names=_NAMES,
            advice="Run it again: a repeat is harmless.",
        )
    screen.say(f"{login} is changed.", style="bold green")
    screen.document({"login": login, "attempts": result.attempts})


@subaccounts.command(
    "token",
    cls=Command,
    short_help="Get leave to move credit once.",
    example="octopush subaccounts token ada@sub-accounts.com --show-secrets\n",
    epilog=_LEAVE_EPILOG,
)
@click.argument("login", metavar="LOGIN")
@secrets_option("Show the token.")
@gateway_options
@json_option()
@click.pass_context
def token(
    ctx: click.Context,
    /,
    *,
    login: str,
    show_secrets: bool,
    as_json: bool,
    **gateway: Any,
) -> None:
    """
    Get leave to move credit to a sub-account once. Nothing moves yet.

    Only one token is valid at a time: this one ends the one before. `octopush
    subaccounts transfer` takes it from OCTOPUSH_TRANSFER_TOKEN, or gets its own.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        found = calls.ask(
            calls.session.subaccounts.transfer_token(login),
            names=_NAMES,
            advice="No credit has moved, and you may ask for another token.",
        )
    screen.say("Credit may be moved once.", style="bold green")
    screen.rows([("Token", found.token.reveal() if show_secrets else MASK)])
    screen.document(
        {"login": login, "token": found.token.reveal() if show_secrets else None}
    )


@subaccounts.command(
    "transfer",
    cls=Command,
    short_help="Move credit to a sub-account.",
    example=_TRANSFER_EXAMPLE,
    epilog=_TRANSFER_EPILOG,
)
@click.argument("login", metavar="LOGIN")
@click.option(
    "--amount",
    cls=Option,
    type=int,
    required=True,
    metavar="EUR",
    heading="How much",
    help="Whole euros, 1 or more.",
)
@click.option(
    "--pack",
    cls=Option,
    metavar="ID",
    heading="How much",
    help="The pack that pays, as `octopush balance --details` lists them; need not be "
    "said if there is one.",
)
@yes_option("Do not ask before the credit moves.")
@gateway_options
@json_option()
@click.pass_context
def transfer(
    ctx: click.Context,
    /,
    *,
    login: str,
    amount: int,
    pack: str | None,
    yes: bool,
    as_json: bool,
    **gateway: Any,
) -> None:
    """
    Move credit to a sub-account.

    It says what is about to move and asks first. After silence it is never repeated:
    the credit may have moved, and it says how to find out. A token is got by itself,
    unless OCTOPUSH_TRANSFER_TOKEN holds one, which decides whose credit grows.
    """
    screen = Screen(as_json=as_json)
    if amount < 1:
        raise click.UsageError("--amount: must be whole euros, 1 or more.")
    with open_session(ctx, screen, gateway) as calls:
        paying = _paying_pack(calls, pack)
        agree(
            screen,
            f"Move {amount:,} € to {login}, from the pack {plain(str(paying.id))} "
            f"({in_euros(paying.credit)})?",
            yes=yes,
            otherwise="No credit has moved.",
        )
        leave = _leave_to_move(calls, login)
        result = _move(calls, leave, paying, amount)
    _tell_of_transfer(screen, login, amount, result)


def _paying_pack(calls: CommandSession, pack: str | None) -> WalletPack:
    """The pack that pays, as it is before the transfer."""
    balance = calls.ask(calls.session.wallet.balance(with_details=True), reads=True)
    packs = {one.id: one for one in balance.wallet_packs if one.id is not None}
    if pack is None and len(packs) == 1:
        (pack,) = packs
    if pack is None or pack not in packs:
        known = ", ".join(map(plain, packs)) or "none"
        raise click.UsageError(f"--pack: must be one of those there are: {known}.")
    return packs[pack]


def _leave_to_move(calls: CommandSession, login: str) -> Secret:
    given = os.environ.get(TOKEN)
    if given:
        return Secret(given)
    found = calls.ask(
        calls.session.subaccounts.transfer_token(login),
        names=_NAMES,
        advice="No credit has moved.",
    )
    return found.token


def _move(
    calls: CommandSession, leave: Secret, paying: WalletPack, amount: int
) -> Transfer:
    try:
        return calls.attempt(
            calls.session.subaccounts.transfer(
                token=leave, from_wallet_pack_id=str(paying.id), amount=amount
            )
        )
    except OctopushError as error:
        advice = HOW_TO_CHECK if error.maybe_sent else ""
        if error.code == _USED:
            advice = f"An earlier transfer with this token was made. {HOW_TO_CHECK}"
        calls.screen.fail(named(error, _NAMES), advice=advice)
    except TimeoutError:
        give_up(calls.screen, reads=False, advice=HOW_TO_CHECK)


def _tell_of_transfer(
    screen: Screen, login: str, amount: int, result: Transfer
) -> None:
    paid, got = result.wallet_pack_from, result.wallet_pack_to
    screen.say(f"{amount:,} € have moved to {login}.", style="bold green")
    screen.rows(
        [
            ("Left in the pack", in_euros(paid.residual_credit)),
            ("Sub-account has", in_euros(got.residual_credit)),
        ]
    )
    screen.document(
        {
            "login": login,
            "amount": amount,
            "from_pack": paid.id,
            "from_residual_credit": _text_of(paid.residual_credit),
            "to_pack": got.id,
            "to_residual_credit": _text_of(got.residual_credit),
        }
    )


def _text_of(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _callbacks(screen: Screen, given: dict[str, Any]) -> Callbacks | None:
    with screen.failures():
        try:
            return callbacks_of(given)
        except InvalidFieldError as error:
            raise named(error, _NAMES) from None
