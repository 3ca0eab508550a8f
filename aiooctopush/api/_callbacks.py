"""
Callback URLs: where the gateway reports deliveries, replies and STOPs.

They belong to the account or to a sub-account; no message has one of its own.

Source: gateway documentation, "Callbacks", "Modify configuration", "Create a
subaccount".
"""

from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
from attrs import field, frozen

from .._wire import converter, read_from
from ..errors import InvalidFieldError, wrong_type, wrong_value
from ._nested import NestedValue
from ._shared import check_switch, check_text


MAX_LENGTH: Final = 255
"""
Maximum length of a name, an address or a password. Undocumented, our choice: longer
values are mistakes.
"""

MAX_URL: Final = 2048
"""Characters of a callback URL. Undocumented, our choice."""


class Unchanged(Enum):
    """The type of `UNCHANGED`."""

    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED: Final = Unchanged.UNCHANGED
"""A setting that stays as it is; None removes it."""


def host_of(url: str) -> str:
    """Hide the rest: the token by which a receiver identifies the gateway."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    return f"{parts.scheme}://{parts.hostname}/***"


def _shown_url(url: Any) -> str:
    return repr(host_of(url) if isinstance(url, str) else url)


def check_url(value: Any, name: str) -> None:
    """Require a web address. It is never shown."""
    check_text(value, name, MAX_URL, private=True)
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or not value.isascii() or not value.isprintable() or " " in value:
        raise InvalidFieldError(
            name, "must be an absolute URL in ASCII, like https://example.org/octopush"
        )


def check_email(value: Any, name: str) -> None:
    """Require an e-mail address: something, ``@``, something."""
    check_text(value, name, MAX_LENGTH)
    before, at, after = value.partition("@")
    good = before and at and after and "@" not in after
    if not good or "/" in value or not value.isprintable() or " " in value:
        raise wrong_value(name, "must be an e-mail address", value)


_URLS: Final = (
    "callback_url_for_deliveries",
    "callback_url_for_inbounds",
    "callback_url_for_blacklisted_numbers",
    "callback_url_for_visits",
)


@frozen(kw_only=True)
class Callbacks:
    """
    Callback URLs to change; omitted ones are kept, None removes one.

    ``repr`` shows scheme and host of a URL only. Put an unguessable token into the
    rest, because the gateway signs nothing.

    Args:
        callback_url_for_deliveries: For delivery receipts, of every channel.
        callback_url_for_inbounds: For replies.
        callback_url_for_blacklisted_numbers: For STOPs.
        callback_url_for_visits: For visits of landing pages.
        email_for_inbounds: For replies by e-mail.
        api_version: For the account only; values are undocumented.
        use_metadata_node_for_inbound: For the account only; changes the shape of the
            callback for replies.

    Raises:
        InvalidFieldError: A URL or an address is malformed, or nothing is given.

    Source: gateway documentation, "Modify configuration"; the last two from the
    newer reference (documented, unseen).
    """

    # An older page splits deliveries by channel. What is written is the newer name.
    # Source: gateway documentation, conflict between "Modify configuration" and its
    # older copy.
    callback_url_for_deliveries: str | Unchanged | None = field(
        default=UNCHANGED, repr=_shown_url
    )
    callback_url_for_inbounds: str | Unchanged | None = field(
        default=UNCHANGED, repr=_shown_url
    )
    callback_url_for_blacklisted_numbers: str | Unchanged | None = field(
        default=UNCHANGED, repr=_shown_url
    )
    callback_url_for_visits: str | Unchanged | None = field(
        default=UNCHANGED, repr=_shown_url
    )
    email_for_inbounds: str | Unchanged | None = UNCHANGED
    api_version: str | Unchanged = UNCHANGED
    use_metadata_node_for_inbound: bool | Unchanged = UNCHANGED

    def __attrs_post_init__(self) -> None:
        given = _write(self)
        if not given:
            raise InvalidFieldError("callbacks", "must change something")
        for name in _URLS:
            if given.get(name) is not None:
                check_url(given[name], name)
        if given.get("email_for_inbounds") is not None:
            check_email(given["email_for_inbounds"], "email_for_inbounds")
        # Neither can be removed: no page shows them as null.
        if "api_version" in given:
            check_text(given["api_version"], "api_version", MAX_LENGTH)
        if "use_metadata_node_for_inbound" in given:
            flag = given["use_metadata_node_for_inbound"]
            name = "use_metadata_node_for_inbound"
            check_switch(name, "None" if flag is None else flag)


def check_callbacks(value: Any) -> None:
    """Require `Callbacks`."""
    if value is not None and not isinstance(value, Callbacks):
        raise wrong_type("callbacks", "must be Callbacks", value)


def _write(callbacks: Callbacks) -> dict[str, Any]:
    # Unlike anywhere else a None is sent: it removes.
    return {
        one.name: value
        for one in attrs.fields(Callbacks)
        if (value := getattr(callbacks, one.name)) is not UNCHANGED
    }


converter.register_unstructure_hook(Callbacks, _write)


def _url(*names: str) -> Any:
    return field(default=None, repr=_shown_url, metadata=read_from(*names))


@frozen(kw_only=True)
class CallbackSettings(NestedValue):
    """
    Callback URLs as they are; `Callbacks` explains them.

    Attributes:
        callback_url_for_sms_deliveries: URL for SMS alone, in older responses.
        callback_url_for_voice_sms_deliveries: URL for voice SMS alone, likewise.

    None if it is not set, or not reported by the gateway.
    """

    callback_url_for_deliveries: str | None = _url()
    callback_url_for_inbounds: str | None = _url()
    callback_url_for_blacklisted_numbers: str | None = _url()
    callback_url_for_visits: str | None = _url()
    # Source: gateway documentation, "Account information", in contrast to its text.
    email_for_inbounds: str | None = field(default=None, metadata=read_from("email"))
    api_version: str | None = None
    use_metadata_node_for_inbound: bool | None = None
    callback_url_for_sms_deliveries: str | None = _url()
    callback_url_for_voice_sms_deliveries: str | None = _url(
        "callback_url_for_vocal_sms_deliveries"
    )
