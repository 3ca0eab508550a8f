"""
Sub-accounts, and credit that moves to them.

Source: gateway documentation, "Create a subaccount", "Modify a subaccount", "Account
information", "Transfer credit token", "Transfer credit".
"""

import asyncio
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from attrs import field, frozen

from .._call import CallOptions
from .._limits import check_whole
from .._wire import Answer, Endpoint, Idempotency, read_from, read_whole
from ..errors import InvalidFieldError, OctopushError, wrong_type
from ..secret import Secret
from ._callbacks import (
    MAX_LENGTH,
    UNCHANGED,
    Callbacks,
    CallbackSettings,
    Unchanged,
    check_callbacks,
    check_email,
)
from ._nested import NestedValue
from ._shared import MAX_WHOLE, Caller, check_text, get, patch, post


__all__ = [
    "UNCHANGED",
    "CallbackSettings",
    "Callbacks",
    "Subaccount",
    "SubaccountCreated",
    "Subaccounts",
    "Transfer",
    "TransferPack",
    "TransferToken",
    "Unchanged",
]


# --- requests -------------------------------------------------------------------------


def _to_secret(value: Any) -> Any:
    return Secret(value) if isinstance(value, str) else value


def _check_secret(value: Any, name: str) -> None:
    if not isinstance(value, Secret):
        raise wrong_type(name, "must be a str or a Secret", value)
    check_text(value.reveal(), name, MAX_LENGTH, private=True)


def _check_own_callbacks(callbacks: Any) -> None:
    check_callbacks(callbacks)
    for name in ("api_version", "use_metadata_node_for_inbound"):
        if getattr(callbacks, name, UNCHANGED) is not UNCHANGED:
            raise InvalidFieldError(
                f"callbacks.{name}", "is a setting of the account, not of a sub-account"
            )


@frozen(kw_only=True)
class SubaccountRequest:
    """A sub-account to be created; `Subaccounts.create` documents it."""

    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    password: Secret = field(converter=_to_secret)
    company_name: str | None = None
    callbacks: Callbacks | None = None

    def __attrs_post_init__(self) -> None:
        check_text(self.first_name, "first_name", MAX_LENGTH, private=True)
        check_text(self.last_name, "last_name", MAX_LENGTH, private=True)
        _check_secret(self.password, "password")
        if self.company_name is not None:
            check_text(self.company_name, "company_name", MAX_LENGTH)
        _check_own_callbacks(self.callbacks)


@frozen(kw_only=True)
class SubaccountChanges:
    """Changes of a sub-account; `Subaccounts.update` documents them."""

    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    password: Secret | None = field(default=None, converter=_to_secret)
    company_name: str | None = None
    callbacks: Callbacks | None = None

    def __attrs_post_init__(self) -> None:
        texts = {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "company_name": self.company_name,
        }
        for name, value in texts.items():
            if value is not None:
                check_text(value, name, MAX_LENGTH, private=True)
        if self.password is not None:
            _check_secret(self.password, "password")
        _check_own_callbacks(self.callbacks)
        if not any((*texts.values(), self.password, self.callbacks)):
            raise InvalidFieldError("changes", "must change something")


@frozen(kw_only=True)
class TransferRequest:
    """Credit to be moved; `Subaccounts.transfer` documents it."""

    token: Secret = field(converter=_to_secret)
    from_wallet_pack_id: str
    amount: int

    def __attrs_post_init__(self) -> None:
        _check_secret(self.token, "token")
        check_text(self.from_wallet_pack_id, "from_wallet_pack_id", MAX_LENGTH)
        check_whole("amount", self.amount, 1, MAX_WHOLE)


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True)
class SubaccountCreated(Answer):
    """
    A created sub-account. No page documents the response.

    Attributes:
        login: Login of the sub-account, if the response has it under one of the names
            on other pages. Documented, unseen.
        body: The unchanged response; it may contain a key.
    """

    login: str | None = field(
        default=None, metadata=read_from("api_login", "email"), repr=False
    )
    body: Any = field(default=None, repr=False, metadata=read_whole())


@frozen(kw_only=True)
class Subaccount(Answer):
    """
    A sub-account.

    Attributes:
        api_key: The key with which the sub-account itself calls the gateway;
            ``api_key.reveal()`` gives it out.
        callbacks: Its callback URLs.
    """

    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    company_name: str | None = None
    api_key: Secret | None = None
    # Singular here, plural where it is written. Source: gateway documentation,
    # "Account information" against "Create a subaccount".
    callbacks: CallbackSettings = field(
        default=CallbackSettings(), metadata=read_from("callback")
    )


@frozen(kw_only=True)
class TransferToken(Answer):
    """
    A token for one transfer of credit.

    Attributes:
        token: For `Subaccounts.transfer`. The next one makes it worthless.
    """

    token: Secret


@frozen(kw_only=True)
class TransferPack(NestedValue):
    """
    One side of a transfer.

    Attributes:
        id: Identifier of the wallet pack.
        residual_credit: Its credit after the transfer, in euros.
    """

    id: str | None = field(default=None, metadata=read_from("wallet_pack_id"))
    residual_credit: Decimal | None = None


@frozen(kw_only=True)
class Transfer(Answer):
    """
    Credit was moved.

    Attributes:
        wallet_pack_from: The pack that has less now.
        wallet_pack_to: The pack that has more now.
    """

    wallet_pack_from: TransferPack = TransferPack()
    wallet_pack_to: TransferPack = TransferPack()


# --- endpoints ------------------------------------------------------------------------

_BASE = "/v1/public/subaccount"

# Without a request_id: a repeat may create a second one.
CREATE: Final = post(
    f"{_BASE}/create", SubaccountCreated, Idempotency.NONE, bodiless=True, secret=True
)
UPDATE: Final = patch(f"{_BASE}/{{login}}/edit", secret=True)
GET: Final = get(f"{_BASE}/{{login}}", Subaccount)
# A repeat invalidates the first token, whose response may still arrive.
TOKEN: Final = post(f"{_BASE}/credit-transfer/token", TransferToken, Idempotency.NONE)
TRANSFER: Final = post(
    f"{_BASE}/credit-transfer/transfer", Transfer, Idempotency.NONE, secret=True
)


# --- calls ----------------------------------------------------------------------------

HOW_TO_CHECK: Final = (
    "The credit may have been moved. Check the balances first: "
    "octopush.wallet.balance(with_details=True) shows the credit left in the pack. "
    "wallet.balance() of a session with the key from octopush.subaccounts.get(login) "
    "shows the credit of the sub-account. Do not request a new token before that; it "
    "would allow a second transfer."
)
"""The note on every error after which credit may have been moved."""


@frozen
class Subaccounts:
    """The sub-account namespace, as ``octopush.subaccounts``."""

    _call: Caller

    async def create(
        self,
        *,
        first_name: str,
        last_name: str,
        password: str | Secret,
        company_name: str | None = None,
        callbacks: Callbacks | None = None,
        timeout: float | None = None,
    ) -> SubaccountCreated:
        """
        Create a sub-account; an account may have 20 by default.

        It has no ``request_id``: after a timeout it is not repeated.

        Args:
            first_name: 1 to 255 characters; the gateway's own limit is undocumented.
            last_name: 1 to 255 characters.
            password: 1 to 255 characters; it is shown nowhere.
            company_name: 1 to 255 characters.
            callbacks: Where its deliveries, replies and STOPs are reported.
            timeout: Seconds for the whole call, retries included.

        Returns:
            A response whose fields are undocumented; `get` has the details.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was created.
            RefusedError: The gateway refused; nothing was created.
            UnknownOutcomeError: It may have been created.

        Source: gateway documentation, "Create a subaccount" (documented, unseen).
        """
        request = SubaccountRequest(
            first_name=first_name,
            last_name=last_name,
            password=password,
            company_name=company_name,
            callbacks=callbacks,
        )
        return await self._call(CREATE, CallOptions(body=request, timeout=timeout))

    async def get(self, login: str, *, timeout: float | None = None) -> Subaccount:
        """
        Read a sub-account, **with its key**.

        Args:
            login: Login of the sub-account: an address, which ends in
                ``@sub-accounts.com`` in the samples.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: The login is no address.
            RefusedError: The gateway refused, as for a sub-account of others.
            UnknownOutcomeError: No readable response; a repeat is harmless.

        Source: gateway documentation, "Account information" (documented, unseen).
        """
        return await self._call(
            GET, CallOptions(path=_path(GET, login), timeout=timeout)
        )

    async def update(
        self,
        login: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        password: str | Secret | None = None,
        company_name: str | None = None,
        callbacks: Callbacks | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """
        Change a sub-account; omitted fields are not sent.

        Args:
            login: As for `get`.

        The other arguments are those of `create`.

        Raises:
            InvalidFieldError: An argument is malformed, or no change is given.
            RefusedError: The gateway refused; nothing was changed.
            UnknownOutcomeError: It may have been changed; a repeat is harmless.

        Source: gateway documentation, "Modify a subaccount" (documented, unseen).
        """
        changes = SubaccountChanges(
            first_name=first_name,
            last_name=last_name,
            password=password,
            company_name=company_name,
            callbacks=callbacks,
        )
        return await self._call(
            UPDATE,
            CallOptions(body=changes, path=_path(UPDATE, login), timeout=timeout),
        )

    async def transfer_token(
        self, email_to: str, *, timeout: float | None = None
    ) -> TransferToken:
        """
        Request a token that allows one transfer of credit to a sub-account. No credit
        moves yet.

        Only one token is valid at a time: this one ends the one before.

        Args:
            email_to: Login of the sub-account.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: The login is no address.
            RefusedError: The gateway refused; code 210 if it is not one of your
                sub-accounts.
            UnknownOutcomeError: There may be a token that is lost. No credit has
                moved, and you may ask for another.

        Source: gateway documentation, "Transfer credit token" (documented, unseen).
        """
        check_email(email_to, "email_to")
        return await self._call(
            TOKEN, CallOptions(body={"email_to": email_to}, timeout=timeout)
        )

    async def transfer(
        self,
        *,
        token: str | Secret,
        from_wallet_pack_id: str,
        amount: int,
        timeout: float | None = None,
    ) -> Transfer:
        """
        Move credit to the sub-account that the token was made for.

        **It is never repeated after a timeout.** The token works once, which is the
        only guard against moving credit twice. Code 203 (already used) for the same
        token then means that the first transfer worked. Look at the balance before you
        get a new token.

        Args:
            token: From `transfer_token`.
            from_wallet_pack_id: The pack that pays, as `Wallet.balance` lists them
                with details.
            amount: Whole euros, from 1.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: An argument is malformed; no credit has moved.
            RefusedError: The gateway refused; no credit has moved.
            NotSentError: No connection; no credit has moved.
            UnknownOutcomeError: The credit may have moved; a note on the error explains
                how to check.

        Source: gateway documentation, "Transfer credit"; code 203 from the older
        table (documented, unseen).
        """
        request = TransferRequest(
            token=token, from_wallet_pack_id=from_wallet_pack_id, amount=amount
        )
        try:
            return await self._call(
                TRANSFER, CallOptions(body=request, timeout=timeout)
            )
        except OctopushError as error:
            if error.maybe_sent:
                error.add_note(HOW_TO_CHECK)
            raise
        except asyncio.CancelledError as cancelled:
            # The call has noted already that it may have been executed, if it may.
            if getattr(cancelled, "__notes__", None):
                cancelled.add_note(HOW_TO_CHECK)
            raise


def _path(endpoint: Endpoint[Any], login: Any) -> str:
    check_email(login, "login")
    # Percent-encoded as a whole, so that no login can lead to another path.
    return endpoint.path.format(login=quote(login, safe=""))
