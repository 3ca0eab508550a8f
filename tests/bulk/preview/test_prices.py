"""What one SMS costs by what a balance buys."""

from decimal import Decimal

import pytest
from fakes import ScriptedTransport, answer, session_over

from aiooctopush.api.sms import SmsType
from aiooctopush.bulk.preview.prices import PriceUnknownError, price_per_sms


async def told(amount, credits_, countries, kind=SmsType.PREMIUM):
    """The price, where an account has so many euros that buy so much."""
    transport = ScriptedTransport(
        answer(200, {"amount": amount, "unit": "euros"}), answer(200, credits_)
    )
    async with session_over(transport) as octopush:
        return await price_per_sms(octopush.wallet, countries, kind)


@pytest.mark.parametrize(
    ("amount", "units", "price"),
    [
        (100, 2000, "0.05"),
        (33.37, 741, "0.045"),
        (1, 1, "1"),
        (0.06, 1, "0.06"),
        (1000, 16233, "0.0616"),
        (1, 3_000_000, "0.00000033"),
    ],
)
async def test_the_roundest_price_that_agrees(amount, units, price):
    """The balance buys whole messages, so that the price lies between two bounds."""
    found = await told(amount, {"FR": {"premium_sms": units}}, {"FR": 3})

    assert abs(found - Decimal(price)) < Decimal("0.00000001")


async def test_each_country_by_its_share():
    """Prices differ by country and route."""
    credits_ = {
        "FR": {"premium_sms": 2000, "low_cost_sms": 4000},
        "US": {"premium_sms": 1000, "low_cost_sms": 1000},
    }

    assert await told(100, credits_, {"FR": 3, "US": 1}) == Decimal("0.0625")
    low = await told(100, credits_, {"FR": 3, "US": 1}, SmsType.LOW_COST)
    assert low == Decimal("0.04375")


@pytest.mark.parametrize(
    ("amount", "credits_", "countries", "words"),
    [
        (100, {"FR": {"premium_sms": 1}}, {}, "no recipients"),
        (100, {"FR": {"premium_sms": 1}}, {"FR": 1, "": 1}, "is unknown"),
        (100, {"FR": {"premium_sms": 1}}, {"US": 1}, "sms_premium for US"),
        (100, {"FR": {"low_cost_sms": 1}}, {"FR": 1}, "sms_premium for FR"),
        (0, {"FR": {"premium_sms": 0}}, {"FR": 1}, "the balance buys no message"),
        (-1, {"FR": {"premium_sms": 5}}, {"FR": 1}, "the balance buys no message"),
    ],
    ids=["nobody", "nowhere", "country", "route", "empty", "debt"],
)
async def test_no_price(amount, credits_, countries, words):
    """The words say why; nothing is guessed."""
    with pytest.raises(PriceUnknownError, match=words):
        await told(amount, credits_, countries)
