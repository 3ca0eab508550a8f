"""Callback URLs on the command line, to be set and to be shown."""

from typing import Any, Final
from urllib.parse import urlsplit

import attrs
from attrs import frozen

from ...api._callbacks import UNCHANGED, Callbacks, CallbackSettings
from ..terminal.help import F, option
from ..terminal.result import Result, item
from ..terminal.values import or_dash


_HEADING: Final = "Callbacks (an empty value removes one)"

_EMAIL: Final = "email_for_inbounds"

# By the name in the library: option, and event.
_URLS: Final = {
    "callback_url_for_deliveries": ("--deliveries-url", "URL for delivery receipts."),
    "callback_url_for_inbounds": ("--replies-url", "URL for replies."),
    "callback_url_for_blacklisted_numbers": ("--stops-url", "URL for STOPs."),
    "callback_url_for_visits": ("--visits-url", "URL for visits of landing pages."),
    _EMAIL: ("--replies-email", "E-mail address for replies."),
}

NAMES: Final = {name: declared for name, (declared, _) in _URLS.items()}
"""Names of options, by those of arguments of the library."""


def callback_options(function: F) -> F:
    """Callback URLs of an account."""
    for name, (declaration, words) in reversed(_URLS.items()):
        metavar = "ADDRESS" if name == _EMAIL else "URL"
        function = option(
            declaration, name, metavar=metavar, heading=_HEADING, help=words
        )(function)
    return function


def callbacks_of(given: dict[str, Any]) -> Callbacks | None:
    """
    Remove the values of `callback_options` from the parameters; return None without
    any.

    Raises:
        InvalidFieldError: A URL or an address is malformed.
    """
    values = {
        name: value
        for name in (*_URLS, "api_version", "use_metadata_node_for_inbound")
        if (value := given.pop(name, None)) is not None
    }
    if not values:
        return None
    removed = {name: None for name in _URLS if values.get(name) == ""}
    return Callbacks(**(dict.fromkeys(values, UNCHANGED) | values | removed))


@frozen(kw_only=True)
class CallbackUrls(Result):
    """Callback URLs of an account."""

    callback_url_for_deliveries: str | None = item("Deliveries", text=or_dash)
    callback_url_for_inbounds: str | None = item("Replies", text=or_dash)
    callback_url_for_blacklisted_numbers: str | None = item("STOPs", text=or_dash)
    callback_url_for_visits: str | None = item("Visits", text=or_dash)
    email_for_inbounds: str | None = item("Replies by e-mail", text=or_dash)
    callback_url_for_sms_deliveries: str | None = item(
        "Deliveries of SMS", skip_empty=True
    )
    callback_url_for_voice_sms_deliveries: str | None = item(
        "Deliveries of voice SMS", skip_empty=True
    )


def urls_of(callbacks: CallbackSettings, *, whole: bool) -> dict[str, str | None]:
    """
    Return the fields of `CallbackUrls`.

    Args:
        callbacks: The settings.
        whole: Whether to show more of a URL than its host.
    """
    return {
        one.name: _address(
            getattr(callbacks, one.name), whole=whole or one.name == _EMAIL
        )
        for one in attrs.fields(CallbackUrls)
    }


def _address(value: str | None, *, whole: bool) -> str | None:
    if not value:
        return None
    if whole:
        return value
    # The rest may contain the token by which a receiver identifies the gateway.
    try:
        parts = urlsplit(value)
    except ValueError:
        return "***"
    return f"{parts.scheme}://{parts.hostname}/***"
