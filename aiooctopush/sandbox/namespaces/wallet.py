"""Operations 29 and 30: what the account has left."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from ..._wire import HttpResponse
from ..state import AdmittedRequest, Operations, Routes, State
from ..validation import RefusalError


_LASTS: Final = timedelta(days=365)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_BALANCE_FIELDS = frozenset({"with_details", "country_code", "product_name"})
_CREDITS_FIELDS = frozenset({"country_codes[]"})
# What the other products cost, in euros, and which country is answered if none is
# asked for: undocumented, our choice.
_OTHER_PRICES: Final = {"vocal_sms": Decimal("0.1"), "hlr": Decimal("0.01")}
_HOME: Final = "FR"

# The same products have other names on the two pages.
# Source: gateway documentation, "Check SMS balance" against "Check credit".
_NAMES_OF_CREDITS: Final = {
    "premium_sms": "sms_premium",
    "vocal_sms": "vocal_sms",
    "low_cost_sms": "sms_low_cost",
    "hlr": "hlr",
}


class WalletOperations(Operations):
    """The wallet namespace of the documents."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._prices = _OTHER_PRICES | dict(state.prices)
        self._expires_at = state.clock.now() + _LASTS

    @property
    def routes(self) -> Routes:
        """Method and path, without its common start, of each operation."""
        return {
            ("GET", "wallet/check-balance"): self._balance,
            ("GET", "wallet/check-credits"): self._credits,
        }

    def _balance(self, request: AdmittedRequest) -> HttpResponse:
        self._state.refuse_unknown(request.body, _BALANCE_FIELDS)
        country, product = (
            request.body.get(name) for name in ("country_code", "product_name")
        )
        # "The last two only together"; what else happens is undocumented, our choice.
        if (country is None) is not (product is None):
            raise RefusalError(400, "country_code and product_name go together")
        amount: Decimal | int = self._state.credit
        if product is not None:
            amount = self._units(product)
            self._check_country(country)
        return self._state.answer(
            200,
            {
                "amount": self._state.figure(amount),
                "unit": "euros" if product is None else product,
                "wallet_packs": self._packs(request),
            },
        )

    def _packs(self, request: AdmittedRequest) -> Any:
        old = self._state.settings.figures_as_text
        if request.body.get("with_details") != "true":
            return "NULL" if old else None
        return [
            {
                "id" if old else "wallet_pack_id": self._state.pack,
                "credit": self._state.figure(self._state.credit),
                "expiration_date": self._expires_at.isoformat(timespec="seconds"),
            }
        ]

    def _credits(self, request: AdmittedRequest) -> HttpResponse:
        self._state.refuse_unknown(request.body, _CREDITS_FIELDS)
        asked = [value for name, value in request.query if name == "country_codes[]"]
        for country in asked:
            self._check_country(country)
        # Prices are the same everywhere: our choice.
        units = {
            name: self._state.figure(self._units(product))
            for name, product in _NAMES_OF_CREDITS.items()
        }
        return self._state.answer(200, dict.fromkeys(asked or (_HOME,), units))

    def _units(self, product: str) -> int:
        price = self._prices.get(product)
        if price is None:
            raise RefusalError(400, "product_name: unknown")
        # Neither a debt nor what is free can be counted in units: our choice.
        return max(int(self._state.credit // price), 0) if price else 0

    @staticmethod
    def _check_country(country: Any) -> None:
        if not _COUNTRY.fullmatch(country):
            # The legacy code for a country that is not served.
            raise RefusalError(151, "The country is not served")
