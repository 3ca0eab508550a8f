"""
The wallet: credit of the account, in euros or in messages.

Source: gateway documentation, "Check SMS balance", "Check credit", "Credit by
service".
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Literal

from attrs import field, frozen

from .._call import CallOptions
from .._wire import Answer, read_from, read_whole
from ..errors import InvalidFieldError, wrong_value
from ._chunks import read_items
from ._nested import NestedValue
from ._shared import Caller, get, to_enum


__all__ = [
    "Balance",
    "CountryCredits",
    "Credits",
    "Product",
    "Wallet",
    "WalletPack",
]


EUROS: Final = "euros"
"""The unit of a balance that was asked for without a product."""

_is_country = re.compile(r"[A-Z]{2}", re.ASCII).fullmatch


class Product(StrEnum):
    """
    Products that credit buys, as named by the balance.

    Other pages have other words for the same things: ``premium_sms``, ``voice_sms``.
    """

    SMS_PREMIUM = "sms_premium"
    SMS_LOW_COST = "sms_low_cost"
    VOICE_SMS = "vocal_sms"
    HLR = "hlr"


ProductLike = Product | Literal["sms_premium", "sms_low_cost", "vocal_sms", "hlr"]


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True)
class WalletPack(NestedValue):
    """
    Credit that was bought at once, and expires at once.

    Attributes:
        id: Names it in a credit transfer.
        credit: Its credit.
        expiration_date: After that, the rest of it is gone.

    The gateway may leave any of them out, so they may be None.
    """

    # Source: gateway documentation, "Check SMS balance", in contrast to the PHP read-me
    # of 2020 and "Transfer credit", which have id.
    id: str | None = field(default=None, metadata=read_from("wallet_pack_id"))
    credit: Decimal | None = None
    expiration_date: datetime | None = None


@frozen(kw_only=True)
class Balance(Answer):
    """
    Credit of the account.

    Attributes:
        amount: As many of ``unit``.
        unit: ``euros``, or the requested product; then the amount is a number of
            messages. Rely on it rather than on the request: a page about messages shows
            euros. None if not reported.
        wallet_packs: Packs of the balance, if requested.
    """

    amount: Decimal
    unit: str | None = None
    wallet_packs: tuple[WalletPack, ...] = ()


@frozen(kw_only=True)
class CountryCredits(NestedValue):
    """
    How many units the balance buys in one country, of each product.

    None if not reported by the gateway.
    """

    # Named as the products of the balance; the gateway has other words here.
    # Source: gateway documentation, "Check credit" against "Check SMS balance".
    sms_premium: int | None = field(default=None, metadata=read_from("premium_sms"))
    sms_low_cost: int | None = field(default=None, metadata=read_from("low_cost_sms"))
    voice_sms: int | None = field(default=None, metadata=read_from("vocal_sms"))
    hlr: int | None = None


@frozen(kw_only=True)
class Credits(Answer):
    """
    How many units the balance buys.

    Attributes:
        countries: By country code, such as ``FR``.
    """

    countries: Mapping[str, CountryCredits] = field(metadata=read_whole())


# --- endpoints ------------------------------------------------------------------------

_BASE = "/v1/public/wallet"

BALANCE: Final = get(f"{_BASE}/check-balance", Balance)
# One of the pages calls the same route a credit in euros; it holds counts.
# Source: gateway documentation, "Check credit" against "Credit by service".
# It is keyed by country, and so maybe an empty list.
CREDITS: Final = get(f"{_BASE}/check-credits", Credits, free_form=True)


# --- calls ----------------------------------------------------------------------------


@frozen
class Wallet:
    """The wallet namespace, as ``octopush.wallet``."""

    _call: Caller

    async def balance(
        self,
        *,
        with_details: bool = False,
        country_code: str | None = None,
        product_name: ProductLike | None = None,
        timeout: float | None = None,
    ) -> Balance:
        """
        Read the credit of the account, in euros or in messages of one product.

        Args:
            with_details: Also list the packs, with the credit left in each.
            country_code: Two capital letters, such as ``FR``; only together with
                ``product_name``.
            product_name: Product to count instead of euros.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: An argument is malformed, or one of the two is missing.
            RefusedError: The gateway refused.
            UnknownOutcomeError: No readable response; a repeat is harmless.

        Source: gateway documentation, "Check SMS balance" (documented, unseen).
        """
        if with_details is not True and with_details is not False:
            raise wrong_value("with_details", "must be True or False", with_details)
        query = [("with_details", "true")] if with_details else []
        if (country_code is None) is not (product_name is None):
            missing = "country_code" if country_code is None else "product_name"
            raise InvalidFieldError(
                missing, "country_code and product_name go together"
            )
        if country_code is not None and product_name is not None:
            product = to_enum(Product, "product_name", product_name)
            query += [
                ("country_code", _check_country(country_code, "country_code")),
                ("product_name", str(product)),
            ]
        return await self._call(
            BALANCE, CallOptions(query=tuple(query), timeout=timeout)
        )

    async def credits(
        self, *, country_codes: Iterable[str] = (), timeout: float | None = None
    ) -> Credits:
        """
        Read how many messages and lookups the balance buys, for each country.

        These are units, not euros, each as if all the money went into it.

        Args:
            country_codes: Two capital letters each. The result without any is
                undocumented.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: A country code is malformed.
            RefusedError: The gateway refused.
            UnknownOutcomeError: No readable response; a repeat is harmless.

        Source: gateway documentation, "Check credit", "Credit by service"
        (documented, unseen).
        """
        codes = read_items(country_codes, "country_codes", _check_country)
        query = tuple(("country_codes[]", code) for code in codes)
        return await self._call(CREDITS, CallOptions(query=query, timeout=timeout))


def _check_country(value: Any, name: str) -> str:
    if not isinstance(value, str) or not _is_country(value):
        raise wrong_value(name, "must be two capital letters, such as 'FR'", value)
    return value
