"""Operations 31 to 35: sub-accounts, and credit that moves to them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from ..._wire import HttpResponse
from ..state import AdmittedRequest, Operations, Routes, Subaccount
from ..validation import RefusalError


MOST: Final = 20
"""Sub-accounts of an account. Source: gateway documentation, "Create a subaccount"."""

_REQUIRED: Final = ("first_name", "last_name", "password")
_FIELDS = frozenset({*_REQUIRED, "company_name", "callbacks"})
_CALLBACKS: Final = (
    "callback_url_for_inbounds",
    "callback_url_for_deliveries",
    "callback_url_for_blacklisted_numbers",
    "callback_url_for_visits",
    "email_for_inbounds",
)


class SubaccountOperations(Operations):
    """The sub-account namespace of the documents."""

    @property
    def routes(self) -> Routes:
        """Method and path, without its common start, of each operation."""
        return {
            ("POST", "subaccount/create"): self._create,
            ("PATCH", "subaccount/{login}/edit"): self._edit,
            ("GET", "subaccount/{login}"): self._read,
            ("POST", "subaccount/credit-transfer/token"): self._token,
            ("POST", "subaccount/credit-transfer/transfer"): self._transfer,
        }

    # --- operations 31 to 33 ------------------------------------------------------

    def _create(self, request: AdmittedRequest) -> HttpResponse:
        if request.account in self._state.subaccounts:
            raise RefusalError(209, "Not allowed for this user")
        self._state.refuse_unknown(request.body, _FIELDS)
        for name in _REQUIRED:
            if name not in request.body:
                raise RefusalError(400, f"{name}: this field is missing")
        details = _details(request.body)
        mine = [
            one
            for one in self._state.subaccounts.values()
            if one.owner == request.account
        ]
        if len(mine) >= MOST:
            # Neither status nor code is documented.
            raise RefusalError(400, f"{MOST} sub-accounts were all")
        account = self._state.add_subaccount(request.account)
        account.details.update(details)
        self._change_callbacks(account, request.body)
        # No page shows the body. Without the login nobody could go on: our choice.
        return self._state.answer(201, {"login": account.login})

    def _edit(self, request: AdmittedRequest) -> HttpResponse:
        account = self._find(request, request.arguments["login"])
        self._state.refuse_unknown(request.body, _FIELDS)
        account.details.update(_details(request.body))
        self._change_callbacks(account, request.body)
        # The status is the one of the vendor's Java client; no page shows the body.
        return self._state.answer(201, {})

    def _read(self, request: AdmittedRequest) -> HttpResponse:
        account = self._find(request, request.arguments["login"])
        callbacks = dict(account.callbacks)
        # Singular, and with another name for the address than where it is written.
        # Source: gateway documentation, "Account information".
        callbacks["email"] = callbacks.pop("email_for_inbounds", None)
        return self._state.answer(
            200,
            {
                "first_name": account.details.get("first_name"),
                "last_name": account.details.get("last_name"),
                "company_name": account.details.get("company_name"),
                "api_key": account.api_key,
                "callback": dict.fromkeys(_CALLBACKS[:-1]) | callbacks,
            },
        )

    # --- operations 34 and 35 -----------------------------------------------------

    def _token(self, request: AdmittedRequest) -> HttpResponse:
        login = request.body.get("email_to")
        if not isinstance(login, str) or not login:
            raise RefusalError(202, "email_to: this field is missing")
        account = self._find(request, login)
        # "Only one token is valid at a time."
        token = self._state.new_token()
        self._state.tokens[request.account] = (token, account.login)
        return self._state.answer(201, {"token": token})

    def _transfer(self, request: AdmittedRequest) -> HttpResponse:
        token = request.body.get("token")
        if isinstance(token, str) and token in self._state.used_tokens:
            raise RefusalError(203, "This token was already used")
        valid, login = self._state.tokens.get(request.account, (None, ""))
        if not isinstance(token, str) or token != valid:
            raise RefusalError(204, "The token is wrong")
        if request.body.get("from_wallet_pack_id") != self._state.pack:
            raise RefusalError(400, "from_wallet_pack_id: unknown")
        amount = request.body.get("amount")
        # "Integer euros"; what is none is refused rather than cast: our choice, since
        # a token that was used up for nothing would hide a mistake.
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
            raise RefusalError(205, "The amount is too small")
        if amount > self._state.credit:
            raise RefusalError(104, "There is not enough credit")
        # A refused transfer leaves the token as it was: undocumented, our choice.
        del self._state.tokens[request.account]
        self._state.used_tokens.add(token)
        account = self._state.subaccounts[login]
        self._state.credit -= amount
        account.credit += Decimal(amount)
        return self._state.answer(
            200,
            {
                "wallet_pack_from": {
                    "id": self._state.pack,
                    "residual_credit": self._state.figure(self._state.credit),
                },
                "wallet_pack_to": {
                    "id": account.pack,
                    "residual_credit": self._state.figure(account.credit),
                },
            },
        )

    def _find(self, request: AdmittedRequest, login: str) -> Subaccount:
        account = self._state.subaccounts.get(login)
        if account is None or account.owner != request.account:
            # The legacy code; what v1 answers is undocumented.
            raise RefusalError(210, "This is not one of your sub-accounts")
        return account

    def _change_callbacks(self, account: Subaccount, body: Mapping[str, Any]) -> None:
        given = body.get("callbacks")
        if isinstance(given, dict):
            self._state.refuse_unknown(given, frozenset(_CALLBACKS))
            account.callbacks.update(read_callbacks(given, _CALLBACKS))


def _details(body: Mapping[str, Any]) -> dict[str, str]:
    details = {}
    for name in (*_REQUIRED, "company_name"):
        if name in body:
            value = body[name]
            if not isinstance(value, str) or not value:
                raise RefusalError(400, f"{name}: must be a text")
            details[name] = value
    # Nobody ever reads a password.
    details.pop("password", None)
    return details


def read_callbacks(given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Read what is to be changed: a text sets, null removes, all else is dropped."""
    return {
        name: given[name]
        for name in names
        if name in given and (given[name] is None or isinstance(given[name], str))
    }
