"""``octopush balance`` and ``octopush credits``: credit of the account."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import click
from attrs import frozen

from ...api.wallet import EUROS, Balance, Product
from ..targets.session import CommandSession, makes_calls
from ..terminal.help import command, option
from ..terminal.options import EnumChoice
from ..terminal.result import Result, Row, item
from ..terminal.values import in_euros, printable


_BALANCE_EXAMPLE = """\
octopush balance --details
octopush balance --country FR --product sms_premium
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
    type=EnumChoice(Product),
    heading=_SHOWN,
    help="What to count; needs --country.",
)
@makes_calls
def balance(
    calls: CommandSession,
    /,
    *,
    details: bool,
    country: str | None,
    product: Product | None,
) -> Shown:
    """
    Show the credit of the account, in euros or in messages.

    Nothing is sent, and it costs nothing.
    """
    result = calls.ask(
        calls.session.wallet.balance(
            with_details=details, country_code=country, product_name=product
        ),
        names={"country_code": _COUNTRY, "product_name": "--product"},
        reads=True,
    )
    return Shown.from_fields(
        result,
        balance=_amount_of(result),
        wallet_packs=tuple(map(Pack.from_fields, result.wallet_packs)),
    )


@command(
    "credits",
    example="octopush credits FR BE CH",
    result=Bought,
)
@click.argument("countries", metavar="[COUNTRY]...", nargs=-1, callback=_capitals)
@makes_calls
def credits_(calls: CommandSession, /, *, countries: tuple[str, ...]) -> Bought:
    """
    Show how many messages and lookups the balance buys, in each country.

    COUNTRY is a code of two letters, such as FR. Without any the gateway chooses the
    countries. Each figure assumes that the whole balance is spent on it.
    """
    result = calls.ask(
        calls.session.wallet.credits(country_codes=countries),
        names={"country_codes": "COUNTRY"},
        reads=True,
    )
    return Bought(
        countries={
            country: Country.from_fields(one, country=country)
            for country, one in result.countries.items()
        }
    )


def _amount_of(result: Balance) -> str:
    if result.unit in {None, EUROS}:
        return in_euros(result.amount)
    return f"{result.amount:,.0f} {printable(str(result.unit))}"
