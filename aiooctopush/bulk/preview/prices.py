"""
What one SMS costs by what the account's balance buys.

The gateway has no list of prices in euros: for each country it says how many messages
the balance buys. Source: gateway documentation, "Check credit", "Credit by service".
"""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from ...api._shared import SmsType
from ...api.wallet import Wallet


# The gateway counts whole messages, so that a price is known between two bounds. More
# decimals than this no price has.
_DECIMALS: Final = 6

# Of one call, retries included.
_PATIENCE_SECONDS: Final = 5.0

_FIELDS: Final = {
    SmsType.PREMIUM: "sms_premium",
    SmsType.LOW_COST: "sms_low_cost",
}


class PriceUnknownError(LookupError):
    """The account does not tell what an SMS costs; the words say why."""


async def price_per_sms(
    wallet: Wallet, countries: Mapping[str, int], kind: SmsType
) -> Decimal:
    """
    Ask what one SMS costs the account, each country by its share of recipients.

    Args:
        wallet: Wallet of the account; it is asked for its balance and what that buys.
        countries: Recipients by country.
        kind: Quality of the route.

    Raises:
        PriceUnknownError: The answers hold no price for a country, or a country is
            not known.
        OctopushError: The gateway did not answer, or refused.
    """
    if not countries:
        raise PriceUnknownError("there are no recipients")
    if "" in countries:
        raise PriceUnknownError("the country of a few numbers is unknown")
    balance = await wallet.balance(timeout=_PATIENCE_SECONDS)
    credits_ = await wallet.credits(
        country_codes=sorted(countries), timeout=_PATIENCE_SECONDS
    )
    total, people = Decimal(0), 0
    for country, count in countries.items():
        units: Any = getattr(credits_.countries.get(country), _FIELDS[kind], None)
        if units is None:
            raise PriceUnknownError(f"the account has no price of {kind} for {country}")
        if units <= 0 or balance.amount <= 0:
            raise PriceUnknownError(
                "the balance buys no message, so the price is unknown"
            )
        total += _price(balance.amount, units) * count
        people += count
    return total / people


def _price(amount: Decimal, units: int) -> Decimal:
    """The roundest price of which an amount buys so many whole units."""
    least, most = amount / (units + 1), amount / units
    for decimals in range(_DECIMALS):
        price = most.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)
        if price > least:
            return price
    return most
