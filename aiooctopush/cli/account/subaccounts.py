"""``octopush subaccounts``: make and change them, and move credit to them."""

import os
from decimal import Decimal
from typing import Any, Final

import click
from attrs import frozen

from ...api.subaccounts import Transfer
from ...api.wallet import WalletPack
from ...errors import OctopushError
from ...secret import MASK, Secret
from ..targets.session import CommandSession, give_up, makes_calls, named
from ..terminal.help import Decorator, group, option, together
from ..terminal.prompts import ask_secret, yes_option
from ..terminal.result import Result, item
from ..terminal.values import in_euros, or_dash, printable
from .callbacks import NAMES, CallbackUrls, callback_options, callbacks_of
from .otp import secrets_option


PASSWORD: Final = "OCTOPUSH_SUBACCOUNT_PASSWORD"  # noqa: S105  # a variable
TOKEN: Final = "OCTOPUSH_TRANSFER_TOKEN"  # noqa: S105  # a name

_EXAMPLE = """\
octopush subaccounts create --first-name Ada --last-name Lovelace
octopush subaccounts show ada@sub-accounts.com
"""

_WHO: Final = "Sub-account"
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
"""Advice after a transfer whose outcome is unknown."""


@frozen(kw_only=True)
class Created(Result):
    """Hold the new sub-account."""

    sentence = "The sub-account is created."

    login: str | None = item("Login", doc="null if not reported")
    attempts: int = item()


@frozen(kw_only=True)
class Shown(Result):
    """Hold a sub-account."""

    json_notes = (
        "Without --show-secrets api_key is null, and URLs show their host only."
    )

    login: str = item("Login")
    name: str = item("Name", in_json=False, text=or_dash)
    first_name: str | None = item()
    last_name: str | None = item()
    company_name: str | None = item("Company", text=or_dash)
    key: str | None = item("Key", in_json=False)
    api_key: str | None = item()
    callbacks: CallbackUrls = item(of=CallbackUrls)


@frozen(kw_only=True)
class Changed(Result):
    """Hold that a sub-account was changed."""

    sentence = "{0.login} is changed."

    login: str = item()
    attempts: int = item()


@frozen(kw_only=True)
class Token(Result):
    """Hold a transfer token."""

    sentence = "The token allows one transfer of credit."

    login: str = item()
    shown: str = item("Token", in_json=False)
    token: str | None = item(doc="null without --show-secrets")


@frozen(kw_only=True)
class Transferred(Result):
    """Hold a transfer of credit."""

    sentence = "{0.amount:,} € were moved to {0.login}."

    json_notes = "Amounts are text; null means that the gateway did not report a value."

    login: str = item()
    amount: int = item(doc="whole euros")
    from_pack: str | None = item()
    from_residual_credit: Decimal | None = item("Left in the pack")
    to_pack: str | None = item()
    to_residual_credit: Decimal | None = item("Sub-account has")


@group(
    "subaccounts",
    example=_EXAMPLE,
)
def subaccounts() -> None:
    """
    Create, show and change sub-accounts, and move credit to them.

    The gateway cannot list them. Passwords come from OCTOPUSH_SUBACCOUNT_PASSWORD or
    are asked for. Keys are shown with --show-secrets only.
    """


def _person_options(*, required: bool) -> Decorator[Any]:
    names = (
        ("--first-name", "First name: 1 to 255 characters."),
        ("--last-name", "Last name: 1 to 255 characters."),
    )
    company = ("--company", "company_name")
    return together(
        *(
            option(name, metavar="NAME", heading=_WHO, required=required, help=words)
            for name, words in names
        ),
        option(*company, metavar="NAME", heading=_WHO, help="Company name."),
    )


@subaccounts.command(
    "create",
    short_help="Create a sub-account.",
    example="octopush subaccounts create --first-name Ada --last-name Lovelace",
    result=Created,
)
@_person_options(required=True)
@callback_options
@makes_calls
def create(calls: CommandSession, /, **given: Any) -> Created:
    """
    Create a sub-account; an account may have 20 by default.

    Its password comes from OCTOPUSH_SUBACCOUNT_PASSWORD; without it the command asks.
    It is not retried after a timeout, because a second one could be created.
    """
    callbacks = callbacks_of(calls, given)
    with calls.screen.failures():
        password = Secret(ask_secret(PASSWORD, "Password of the sub-account"))
    result = calls.ask(
        calls.session.subaccounts.create(
            password=password, callbacks=callbacks, **given
        ),
        names=_NAMES,
        advice="The gateway's web site shows whether it is there.",
    )
    return Created.from_fields(result)


@subaccounts.command(
    "show",
    short_help="Show a sub-account.",
    example="octopush subaccounts show ada@sub-accounts.com",
    result=Shown,
)
@click.argument("login", metavar="LOGIN")
@secrets_option("Show its key and whole callback URLs.")
@makes_calls
def show(calls: CommandSession, /, *, login: str, show_secrets: bool) -> Shown:
    """
    Show a sub-account.

    Its key, with which it calls the gateway itself, is shown with --show-secrets
    only.
    """
    found = calls.ask(calls.session.subaccounts.get(login), names=_NAMES, reads=True)
    key = None if found.api_key is None else found.api_key.reveal()
    return Shown.from_fields(
        found,
        login=login,
        name=" ".join(filter(None, (found.first_name, found.last_name))),
        key=key if show_secrets or key is None else MASK,
        api_key=key if show_secrets else None,
        callbacks=CallbackUrls.of(found.callbacks, whole=show_secrets),
    )


@subaccounts.command(
    "update",
    short_help="Change a sub-account.",
    example="octopush subaccounts update ada@sub-accounts.com --company Acme",
    result=Changed,
)
@click.argument("login", metavar="LOGIN")
@_person_options(required=False)
@option(
    "--new-password",
    is_flag=True,
    heading=_WHO,
    help=f"Ask for a new password, or take it from {PASSWORD}.",
)
@callback_options
@makes_calls
def update(
    calls: CommandSession, /, *, login: str, new_password: bool, **given: Any
) -> Changed:
    """
    Change a sub-account; options that are left out change nothing.
    """
    callbacks = callbacks_of(calls, given)
    password = None
    if new_password:
        with calls.screen.failures():
            password = Secret(ask_secret(PASSWORD, "New password"))
    result = calls.ask(
        calls.session.subaccounts.update(
            login, password=password, callbacks=callbacks, **given
        ),
        names=_NAMES,
        advice="Run it again.",
    )
    return Changed.from_fields(result, login=login)


@subaccounts.command(
    "token",
    short_help="Create a one-time transfer token.",
    example="octopush subaccounts token ada@sub-accounts.com --show-secrets",
    result=Token,
)
@click.argument("login", metavar="LOGIN")
@secrets_option("Show the token.")
@makes_calls
def token(calls: CommandSession, /, *, login: str, show_secrets: bool) -> Token:
    """
    Create a one-time transfer token for a sub-account. No credit moves yet.

    Only one token is valid at a time: a new one invalidates the previous one. `octopush
    subaccounts transfer` reads it from OCTOPUSH_TRANSFER_TOKEN, or requests its own.
    """
    found = calls.ask(
        calls.session.subaccounts.transfer_token(login),
        names=_NAMES,
        advice="No credit has moved, and you may ask for another token.",
    )
    shown = found.token.reveal() if show_secrets else None
    return Token(login=login, shown=shown or MASK, token=shown)


@subaccounts.command(
    "transfer",
    short_help="Move credit to a sub-account.",
    example="octopush subaccounts transfer ada@sub-accounts.com --amount 50",
    result=Transferred,
)
@click.argument("login", metavar="LOGIN")
@option(
    "--amount",
    type=click.IntRange(min=1),
    required=True,
    metavar="EUR",
    heading="Transfer",
    help="Amount in whole euros.",
)
@option(
    "--pack",
    metavar="ID",
    heading="Transfer",
    help="ID of the pack that pays, from `octopush balance --details`. Optional if "
    "there is only one.",
)
@yes_option()
@makes_calls
def transfer(
    calls: CommandSession,
    /,
    *,
    login: str,
    amount: int,
    pack: str | None,
    yes: bool,
) -> Transferred:
    """
    Move credit to a sub-account.

    It shows the transfer, and asks for confirmation. It is never retried after a
    timeout, because the credit may have moved; the error explains how to check. A token
    is requested automatically unless OCTOPUSH_TRANSFER_TOKEN contains one, which
    determines the sub-account.
    """
    paying = _paying_pack(calls, pack)
    calls.require_agreement(
        f"Move {amount:,} € to {login}, from the pack {printable(str(paying.id))} "
        f"({in_euros(paying.credit)})?",
        yes=yes,
        otherwise="No credit has moved.",
    )
    token = _transfer_token(calls, login)
    result = _move(calls, token, paying, amount)
    paid, got = result.wallet_pack_from, result.wallet_pack_to
    return Transferred(
        login=login,
        amount=amount,
        from_pack=paid.id,
        from_residual_credit=paid.residual_credit,
        to_pack=got.id,
        to_residual_credit=got.residual_credit,
    )


def _paying_pack(calls: CommandSession, pack: str | None) -> WalletPack:
    """The pack that pays, as it is before the transfer."""
    balance = calls.ask(calls.session.wallet.balance(with_details=True), reads=True)
    packs = {one.id: one for one in balance.wallet_packs if one.id is not None}
    if pack is None and len(packs) == 1:
        (pack,) = packs
    if pack is None or pack not in packs:
        known = ", ".join(map(printable, packs)) or "none"
        raise click.UsageError(f"--pack: must be one of those there are: {known}.")
    return packs[pack]


def _transfer_token(calls: CommandSession, login: str) -> Secret:
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
    calls: CommandSession, token: Secret, paying: WalletPack, amount: int
) -> Transfer:
    try:
        return calls.attempt(
            calls.session.subaccounts.transfer(
                token=token, from_wallet_pack_id=str(paying.id), amount=amount
            )
        )
    except OctopushError as error:
        advice = HOW_TO_CHECK if error.maybe_sent else ""
        if error.code == _USED:
            advice = f"A transfer with this token was made before. {HOW_TO_CHECK}"
        calls.screen.fail(named(error, _NAMES), advice=advice)
    except TimeoutError:
        give_up(calls.screen, reads=False, advice=HOW_TO_CHECK)
