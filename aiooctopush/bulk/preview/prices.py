"""
Price of one SMS, derived from the account's balance.

The gateway has no list of prices in euros. For each country it reports how many
messages the balance buys. Source: gateway documentation, "Check credit", "Credit by
service".
"""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from ...api._shared import SmsType
from ...api.wallet import Wallet


# The gateway counts whole messages, so that a price is between two bounds. No price has
# more decimals than this.
_DECIMALS: Final = 6

# Of one call, retries included.
_PATIENCE_SECONDS: Final = 5.0

_FIELDS: Final = {
    SmsType.PREMIUM: "sms_premium",
    SmsType.LOW_COST: "sms_low_cost",
}


class PriceUnknownError(LookupError):
    """The account does not report the price of an SMS; the message explains why."""


async def price_per_sms(
    wallet: Wallet, countries: Mapping[str, int], kind: SmsType
) -> Decimal:
    """
    Calculate the price of one SMS, weighting each country by its share of recipients.

    Args:
        wallet: Wallet of the account; its balance and credits are requested.
        countries: Recipients by country.
        kind: Quality of the route.

    Raises:
        PriceUnknownError: The responses contain no price for a country, or a country is
            unknown.
        OctopushError: The gateway did not respond, or refused.
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
