"""``octopush balance`` and ``octopush credits``: what the account has left."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import click

from ...api.wallet import EUROS, Balance, Credits, Product
from ..targets.session import open_session
from ..terminal.console import Screen
from ..terminal.help import Command, Option
from ..terminal.options import gateway_options, json_option
from ..terminal.values import in_euros
from ..wording import plain


_BALANCE_EXAMPLE = """\
octopush balance --details
octopush balance --country FR --product sms_premium
"""

_BALANCE_EPILOG = """\
--json gives: amount, unit, and wallet_packs: for each id, credit, expiration_date.
Amounts are text, null what the gateway did not say.
"""

_CREDITS_EXAMPLE = """\
octopush credits FR BE CH
"""

_CREDITS_EPILOG = """\
--json gives: countries: for each code sms_premium, sms_low_cost, voice_sms, hlr; null
what the gateway did not say.
"""

_SHOWN: Final = "What is shown"
_COUNTRY: Final = "--country"


def _capitals(
    _: click.Context, __: click.Parameter, value: tuple[str, ...] | str | None
) -> Any:
    """Countries as the gateway writes them."""
    if value is None or isinstance(value, str):
        return value and value.upper()
    return tuple(one.upper() for one in value)


@click.command(
    cls=Command,
    short_help="Show what the account has left.",
    example=_BALANCE_EXAMPLE,
    epilog=_BALANCE_EPILOG,
)
@click.option(
    "--details",
    cls=Option,
    is_flag=True,
    heading=_SHOWN,
    help="Also list the packs that were bought, and when they expire.",
)
@click.option(
    _COUNTRY,
    cls=Option,
    callback=_capitals,
    metavar="COUNTRY",
    heading=_SHOWN,
    help="Count messages to this country instead of euros, such as FR; needs "
    "--product.",
)
@click.option(
    "--product",
    cls=Option,
    type=click.Choice([str(one) for one in Product]),
    heading=_SHOWN,
    help="What to count; needs --country.",
)
@gateway_options
@json_option()
@click.pass_context
def balance(
    ctx: click.Context,
    /,
    *,
    details: bool,
    country: str | None,
    product: str | None,
    as_json: bool,
    **gateway: Any,
) -> None:
    """
    Show what the account has left, in euros or in messages.

    Nothing is sent, and it costs nothing.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        result = calls.ask(
            calls.session.wallet.balance(
                with_details=details,
                country_code=country,
                product_name=None if product is None else Product(product),
            ),
            names={"country_code": _COUNTRY, "product_name": "--product"},
            reads=True,
        )
    screen.rows([("Balance", _amount_of(result))])
    if result.wallet_packs:
        screen.say("")
        screen.table(
            ("Pack", "Credit", "Expires"),
            [
                (plain(one.id or "-"), in_euros(one.credit), _day(one.expiration_date))
                for one in result.wallet_packs
            ],
            words=("Pack", "Expires"),
        )
    screen.document(
        {
            "amount": str(result.amount),
            "unit": result.unit,
            "wallet_packs": [
                {
                    "id": one.id,
                    "credit": _text_of(one.credit),
                    "expiration_date": one.expiration_date
                    and one.expiration_date.isoformat(),
                }
                for one in result.wallet_packs
            ],
        }
    )


@click.command(
    "credits",
    cls=Command,
    short_help="Show how many messages that buys.",
    example=_CREDITS_EXAMPLE,
    epilog=_CREDITS_EPILOG,
)
@click.argument("countries", metavar="[COUNTRY]...", nargs=-1, callback=_capitals)
@gateway_options
@json_option()
@click.pass_context
def credits_(
    ctx: click.Context, /, *, countries: tuple[str, ...], as_json: bool, **gateway: Any
) -> None:
    """
    Show how many messages and lookups the balance buys, in each country.

    COUNTRY is a code of two letters, such as FR. Without any the gateway decides
    which it names. Each figure is what there is if all the money goes into it.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        result = calls.ask(
            calls.session.wallet.credits(country_codes=countries),
            names={"country_codes": "COUNTRY"},
            reads=True,
        )
    if not result.countries:
        screen.say("The gateway names no country.")
    else:
        screen.table(
            ("Country", "SMS premium", "SMS low cost", "Voice SMS", "HLR"),
            _rows_of(result),
            words=("Country",),
        )
    screen.document(
        {
            "countries": {
                country: {
                    "sms_premium": one.sms_premium,
                    "sms_low_cost": one.sms_low_cost,
                    "voice_sms": one.voice_sms,
                    "hlr": one.hlr,
                }
                for country, one in result.countries.items()
            }
        }
    )


def _rows_of(result: Credits) -> list[tuple[str, ...]]:
    return [
        (
            plain(country),
            *(
                "-" if count is None else f"{count:,}"
                for count in (one.sms_premium, one.sms_low_cost, one.voice_sms, one.hlr)
            ),
        )
        for country, one in result.countries.items()
    ]


def _amount_of(result: Balance) -> str:
    if result.unit in {None, EUROS}:
        return in_euros(result.amount)
    return f"{result.amount:,.0f} {plain(str(result.unit))}"


def _text_of(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _day(instant: datetime | None) -> str:
    return "-" if instant is None else f"{instant:%Y-%m-%d}"
