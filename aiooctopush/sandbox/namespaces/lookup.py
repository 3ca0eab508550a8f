"""
Operations 26 to 28: HLR, and MNP in two versions.

The properties of a line are invented, and are the same for every number.
`Gateway.lines` sets other properties for a few numbers.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ..._wire import HttpResponse
from ..state import AdmittedRequest, Operations, Routes, State
from ..validation import RefusalError
from .contacts import read_numbers


MNP_V2: Final = "/v2/public/contact/mnp-request"
"""The one operation outside version 1: its path as a whole."""

MAX_NUMBERS: Final = 200
"""From the comments of the vendor's Java client for HLR; undocumented for MNP."""

_HLR_FIELDS: Final = frozenset({"phone_numbers", "simulation_mode"})
_MNP_FIELDS: Final = frozenset({"phone_numbers"})

# Source: gateway documentation, "HLR lookup" and "MNP": HLR writes figures and a
# date without a zone, MNP text with leading zeros and a date with a Z.
_HLR_NETWORK: Final[Mapping[str, Any]] = {
    "network_name": "Sandbox Mobile",
    "mcc": 208,
    "mnc": 8,
    "country_name": "France",
    "country_code_iso3": "FRA",
    "country_code": "FR",
    "area": "Europe",
    "country_prefix": "+33",
}
_MNP_NETWORK: Final[Mapping[str, Any]] = {
    **_HLR_NETWORK,
    "mcc": "208",
    "mnc": "08",
    "country_prefix": "33",
}
_LINE: Final[Mapping[str, Any]] = {
    "line_status": "live",
    "is_ported": False,
    "ported_date": None,
    "original_network_details": None,
}


class LookupOperations(Operations):
    """The namespace of number lookup of the documents."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._asked = 0

    @property
    def routes(self) -> Routes:
        """Method and path, without its common start, of each operation."""
        return {
            ("POST", "contact/hlr-request"): self._hlr,
            ("POST", "contact/mnp-request"): self._mnp,
            ("POST", MNP_V2): self._mnp_v2,
        }

    def _hlr(self, request: AdmittedRequest) -> HttpResponse:
        numbers, _ = self._charge(request, "hlr", _HLR_FIELDS)
        made_up = {
            **_HLR_NETWORK,
            "status": "valid",
            "phone_number_type": "mobile",
            **_LINE,
        }
        return self._state.answer(200, self._describe(numbers, made_up))

    def _mnp(self, request: AdmittedRequest) -> HttpResponse:
        numbers, _ = self._charge(request, "mnp", _MNP_FIELDS)
        rows = self._describe(numbers, {**_MNP_NETWORK, **_LINE})
        return self._state.answer(200, rows)

    def _mnp_v2(self, request: AdmittedRequest) -> HttpResponse:
        numbers, cost = self._charge(request, "mnp", _HLR_FIELDS)
        self._asked += 1
        answer = {
            "request_id": str(UUID(int=self._asked)),
            "cost": f"{cost:f}",
            "number_of_numbers": self._state.figure(len(numbers)),
            "results": self._describe(numbers, {**_MNP_NETWORK, **_LINE}),
        }
        if self._state.settings.brackets_mnp:
            return self._state.answer(200, [answer])
        return self._state.answer(200, answer)

    def _charge(
        self, request: AdmittedRequest, product: str, known: frozenset[str]
    ) -> tuple[list[str], Decimal]:
        """Read the numbers, take the money, and note who was looked up."""
        state = self._state
        state.refuse_unknown(request.body, known)
        # That a malformed payload has code 400 is documented for MNP.
        numbers = read_numbers(request.body, at_most=MAX_NUMBERS, code=400)
        if "simulation_mode" in known and request.body.get("simulation_mode") is True:
            return numbers, Decimal(0)
        cost = state.prices[product] * len(numbers)
        if cost > state.credit:
            # Status and body are undocumented; 104 is the legacy code.
            raise RefusalError(104, "There is not enough credit")
        state.credit -= cost
        state.lookups.update(numbers)
        return numbers, cost

    def _describe(
        self, numbers: list[str], made_up: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        lines = self._state.lines
        return [
            {**made_up, **lines.get(number, {}), "phone_number": number}
            for number in numbers
        ]
