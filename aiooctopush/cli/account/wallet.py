"""``octopush balance`` and ``octopush credits``: credit of the account."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import click
from attrs import frozen

from ...api.wallet import EUROS, Balance, Product
from ..targets.gateway import GatewayOptions, gateway_options
from ..targets.session import open_session
from ..terminal.console import Screen
from ..terminal.help import command, option
from ..terminal.options import json_option
from ..terminal.result import Result, Row, item
from ..terminal.values import in_euros, printable


_BALANCE_EXAMPLE = """\
octopush balance --details
octopush balance --country FR --product sms_premium
"""

_CREDITS_EXAMPLE = """\
octopush credits FR BE CH
"""

_SHOWN: Final = "Selection"
_COUNTRY: Final = "--country"


def _day(instant: datetime | None) -> str:
    return "-" if instant is None else f"{instant:%Y-%m-%d}"


@frozen(kw_only=True)
class Pack(Result):
    """Hold one wallet pack."""

    id: str | None = item("Pack")
    credit: Decimal | None = item("Credit")
    expiration_date: datetime | None = item("Expires", text=_day)


@frozen(kw_only=True)
class Shown(Result):
    """Hold a balance."""

    balance: str = item("Balance", in_json=False)
    amount: Decimal = item()
    unit: str | None = item()
    wallet_packs: tuple[Pack, ...] = item("Packs", doc="for each", of=Pack)


@frozen(kw_only=True)
class Country(Result):
    """Messages that the balance buys in one country."""

    country: str = item("Country", in_json=False)
    sms_premium: int | None = item("SMS premium")
    sms_low_cost: int | None = item("SMS low cost")
    voice_sms: int | None = item("Voice SMS")
    hlr: int | None = item("HLR")


@frozen(kw_only=True)
class Bought(Result):
    """Messages that the balance buys, by country."""

    countries: Mapping[str, Country] = item(
        "Countries", doc="for each code", of=Country
    )

    def headline(self) -> Row | None:
        """Return a sentence if there is nothing to show."""
        return None if self.countries else ("The gateway reports no country.", "")


def _capitals(
    _: click.Context, __: click.Parameter, value: tuple[str, ...] | str | None
) -> Any:
    """Countries as the gateway writes them."""
    if value is None or isinstance(value, str):
        return value and value.upper()
    return tuple(one.upper() for one in value)


@command(
    short_help="Show what the account has left.",
    example=_BALANCE_EXAMPLE,
    result=Shown,
)
@option(
    "--details",
    is_flag=True,
    heading=_SHOWN,
    help="Also list the packs that were bought, and when they expire.",
)
@option(
    _COUNTRY,
    callback=_capitals,
    metavar="COUNTRY",
    heading=_SHOWN,
    help="Count messages to this country instead of euros, such as FR; needs "
    "--product.",
)
@option(
    "--product",
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
    gateway: GatewayOptions,
) -> None:
    """
    Show the credit of the account, in euros or in messages.

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
    screen.result(
        Shown(
            balance=_amount_of(result),
            amount=result.amount,
            unit=result.unit,
            wallet_packs=tuple(
                Pack(id=one.id, credit=one.credit, expiration_date=one.expiration_date)
                for one in result.wallet_packs
            ),
        )
    )


@command(
    "credits",
    short_help="Show how many messages that buys.",
    example=_CREDITS_EXAMPLE,
    result=Bought,
)
@click.argument("countries", metavar="[COUNTRY]...", nargs=-1, callback=_capitals)
@gateway_options
@json_option()
@click.pass_context
def credits_(
    ctx: click.Context,
    /,
    *,
    countries: tuple[str, ...],
    as_json: bool,
    gateway: GatewayOptions,
) -> None:
    """
    Show how many messages and lookups the balance buys, in each country.

    COUNTRY is a code of two letters, such as FR. Without any the gateway chooses the
    countries. Each figure assumes that the whole balance is spent on it.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        result = calls.ask(
            calls.session.wallet.credits(country_codes=countries),
            names={"country_codes": "COUNTRY"},
            reads=True,
        )
    screen.result(
        Bought(
            countries={
                country: Country(
                    country=country,
                    sms_premium=one.sms_premium,
                    sms_low_cost=one.sms_low_cost,
                    voice_sms=one.voice_sms,
                    hlr=one.hlr,
                )
                for country, one in result.countries.items()
            }
        )
    )


def _amount_of(result: Balance) -> str:
    if result.unit in {None, EUROS}:
        return in_euros(result.amount)
    return f"{result.amount:,.0f} {printable(str(result.unit))}"
