"""
Settings of the account: alerts about credit, default senders, callback URLs.

Source: gateway documentation, "Retrieve configuration", "Modify configuration".
"""

import re
from typing import Any, Final

import attrs
from attrs import field, frozen

from .._call import CallOptions
from .._clock import Clock
from .._limits import check_whole
from .._wire import Answer, converter, read_from
from ..errors import InvalidFieldError, OctopushError, wrong_value
from ..phone import masked, normalize
from ._callbacks import (
    UNCHANGED,
    Callbacks,
    CallbackSettings,
    Unchanged,
    check_callbacks,
    check_email,
)
from ._nested import NestedValue
from ._shared import (
    MAX_WHOLE,
    Caller,
    SmsType,
    SmsTypeLike,
    check_sender,
    get,
    patch,
    to_enum,
)


__all__ = [
    "UNCHANGED",
    "AccountSettings",
    "AlertSettings",
    "CallbackSettings",
    "Callbacks",
    "DefaultSettings",
    "Settings",
    "Unchanged",
]


_NOT_FOUND = 404
_is_voice_sender = re.compile(r"[0-9]{3,11}", re.ASCII).fullmatch


# --- requests -------------------------------------------------------------------------


def _number(name: str) -> Any:
    return field(
        default=None,
        converter=lambda value: None if value is None else normalize(value, field=name),
        repr=masked,
    )


def _to_alert_type(value: SmsTypeLike | None) -> SmsType | None:
    return None if value is None else to_enum(SmsType, "alert_type", value)


@frozen(kw_only=True)
class SettingsChanges:
    """Settings to change; `Settings.update` documents them."""

    alert_type: SmsType | None = field(default=None, converter=_to_alert_type)
    alert_bound: int | None = None
    alert_email_to: str | None = None
    alert_phone_number_to: str | None = _number("alert_phone_number_to")
    sender_for_sms_premium: str | None = None
    sender_for_voice_sms: str | None = None
    phone_number_for_test_sms: str | None = _number("phone_number_for_test_sms")
    callbacks: Callbacks | None = None

    def __attrs_post_init__(self) -> None:
        if self.alert_bound is not None:
            check_whole("alert_bound", self.alert_bound, 0, MAX_WHOLE)
        if self.alert_email_to is not None:
            check_email(self.alert_email_to, "alert_email_to")
        if self.sender_for_sms_premium is not None:
            check_sender(self.sender_for_sms_premium, "sender_for_sms_premium")
        if self.sender_for_voice_sms is not None:
            _check_voice_sender(self.sender_for_voice_sms)
        check_callbacks(self.callbacks)
        if not _write(self):
            raise InvalidFieldError("changes", "must change something")


def _check_voice_sender(value: Any) -> None:
    if not isinstance(value, str) or not _is_voice_sender(value):
        raise wrong_value("sender_for_voice_sms", "must have 3 to 11 digits", value)


# Two pages call these nodes arrays and show objects.
# Source: gateway documentation, "Modify configuration" and its older copy.
_NODES: Final = {
    "sms_campaign_alert_parameters": (
        "alert_type",
        "alert_bound",
        "alert_email_to",
        "alert_phone_number_to",
    ),
    "campaign_parameters": (
        "sender_for_sms_premium",
        "sender_for_voice_sms",
        "phone_number_for_test_sms",
    ),
}


def _write(changes: SettingsChanges) -> dict[str, Any]:
    # Only changed fields: an unnecessary field could reset the change of another user.
    given = {
        one.name: value
        for one in attrs.fields(SettingsChanges)
        if (value := getattr(changes, one.name)) is not None
    }
    nodes: dict[str, Any] = {
        node: {name: given[name] for name in names if name in given}
        for node, names in _NODES.items()
    }
    nodes["callbacks"] = converter.unstructure(changes.callbacks)
    return {node: value for node, value in nodes.items() if value}


converter.register_unstructure_hook(SettingsChanges, _write)


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True)
class AlertSettings(NestedValue):
    """
    Warning of low credit: threshold and addresses.

    Attributes:
        alert_type: Product that the bound counts, such as ``sms_premium``.
        alert_bound: As many of it, or fewer, are low.
        alert_emails_to: Who is warned by e-mail.
        alert_phone_number_to: Who is warned by SMS.
    """

    alert_type: str | None = None
    # A number on one page, a text on the other.
    alert_bound: int | None = None
    # One address on one page, a list of them on the other. Source: gateway
    # documentation, "Retrieve configuration", against the newer reference.
    alert_emails_to: tuple[str, ...] = field(
        default=(), metadata=read_from("alert_email_to")
    )
    alert_phone_number_to: str | None = field(default=None, repr=masked)


@frozen(kw_only=True)
class DefaultSettings(NestedValue):
    """
    Defaults of messages.

    Attributes:
        sender_for_sms_premium: Default sender of SMS.
        sender_for_voice_sms: Default sender of voice SMS, in digits.
        phone_number_for_test_sms: Where test messages go.
    """

    sender_for_sms_premium: str | None = None
    # Source: gateway documentation, "Retrieve configuration", and its older copy.
    sender_for_voice_sms: str | None = field(
        default=None, metadata=read_from("sender_for_vocal_sms")
    )
    phone_number_for_test_sms: str | None = field(default=None, repr=masked)


@frozen(kw_only=True)
class AccountSettings(Answer):
    """
    The settings of the account. Values that the gateway does not report are None.

    Attributes:
        alerts: Warning of low credit.
        defaults: Senders, and the number for tests.
        callbacks: Callback URLs.
    """

    alerts: AlertSettings = field(
        default=AlertSettings(), metadata=read_from("sms_campaign_alert_parameters")
    )
    defaults: DefaultSettings = field(
        default=DefaultSettings(), metadata=read_from("campaign_parameters")
    )
    callbacks: CallbackSettings = CallbackSettings()


# --- endpoints ------------------------------------------------------------------------

READ: Final = get("/v1/public/user/campaign-parameters", AccountSettings)
# The same as the address in the newer reference, whose page is still named after the
# other one. Source: gateway documentation, "Retrieve configuration", in contrast to the
# newer reference.
READ_ALIAS: Final = get("/v1/public/campaign/parameters", AccountSettings)
UPDATE: Final = patch("/v1/public/user/campaign-parameters/edit")


# --- calls ----------------------------------------------------------------------------


@frozen
class Settings:
    """The settings namespace, as ``octopush.settings``."""

    _call: Caller
    _clock: Clock = field(repr=False)

    async def get(self, *, timeout: float | None = None) -> AccountSettings:
        """
        Read alerts, default senders and callback URLs.

        Two addresses are documented; the second is asked if the first is not found.

        Args:
            timeout: Seconds for the whole call, retries and second address included.

        Raises:
            RefusedError: The gateway refused.
            UnknownOutcomeError: No readable response; a repeat is harmless.

        Source: gateway documentation, "Retrieve configuration"; the second address
        from the newer reference (documented, unseen).
        """
        started = self._clock.monotonic()
        try:
            return await self._call(READ, CallOptions(timeout=timeout))
        except OctopushError as error:
            if error.status != _NOT_FOUND:
                raise
        if timeout is not None:
            timeout -= self._clock.monotonic() - started
        return await self._call(READ_ALIAS, CallOptions(timeout=timeout))

    async def update(
        self,
        *,
        alert_type: SmsTypeLike | None = None,
        alert_bound: int | None = None,
        alert_email_to: str | None = None,
        alert_phone_number_to: str | None = None,
        sender_for_sms_premium: str | None = None,
        sender_for_voice_sms: str | None = None,
        phone_number_for_test_sms: str | None = None,
        callbacks: Callbacks | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """
        Change settings of the account; omitted ones are not sent.

        Args:
            alert_type: Product that ``alert_bound`` counts.
            alert_bound: Warn when as many are left, or fewer; from 0.
            alert_email_to: Who is warned by e-mail.
            alert_phone_number_to: Who is warned by SMS; in international form.
            sender_for_sms_premium: 3 to 11 letters, digits or spaces.
            sender_for_voice_sms: 3 to 11 digits.
            phone_number_for_test_sms: In international form.
            callbacks: Callback URLs to set or to remove.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: An argument is malformed, or no change is given.
            RefusedError: The gateway refused; nothing was changed.
            UnknownOutcomeError: It may have been changed; a repeat is harmless.

        Source: gateway documentation, "Modify configuration" (documented, unseen).
        """
        changes = SettingsChanges(
            alert_type=alert_type,
            alert_bound=alert_bound,
            alert_email_to=alert_email_to,
            alert_phone_number_to=alert_phone_number_to,
            sender_for_sms_premium=sender_for_sms_premium,
            sender_for_voice_sms=sender_for_voice_sms,
            phone_number_for_test_sms=phone_number_for_test_sms,
            callbacks=callbacks,
        )
        return await self._call(UPDATE, CallOptions(body=changes, timeout=timeout))
