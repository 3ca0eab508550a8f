"""Callback URLs on the command line, to be set and to be shown."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import click

from ...api._callbacks import UNCHANGED, Callbacks, CallbackSettings
from ..terminal.help import Option
from ..terminal.options import F
from ..wording import plain


_HEADING: Final = "Where the gateway reports (an empty value removes)"

# By the name of the library: option, label, and what is reported there.
_URLS: Final = {
    "callback_url_for_deliveries": (
        "--deliveries-url",
        "Deliveries",
        "Delivery receipts.",
    ),
    "callback_url_for_inbounds": ("--replies-url", "Replies", "Replies."),
    "callback_url_for_blacklisted_numbers": ("--stops-url", "STOPs", "STOPs."),
    "callback_url_for_visits": ("--visits-url", "Visits", "Visits of landing pages."),
    "email_for_inbounds": ("--replies-email", "Replies by e-mail", "Replies, by mail."),
}

_OLDER: Final = {
    "callback_url_for_sms_deliveries": "Deliveries of SMS",
    "callback_url_for_voice_sms_deliveries": "Deliveries of voice SMS",
}

NAMES: Final = {name: option for name, (option, _, _) in _URLS.items()}
"""What the arguments of the library are called here."""


def callback_options(function: F) -> F:
    """Where the gateway reports what happens."""
    for name, (option, _, words) in reversed(_URLS.items()):
        metavar = "ADDRESS" if option.endswith("email") else "URL"
        function = click.option(
            option, name, cls=Option, metavar=metavar, heading=_HEADING, help=words
        )(function)
    return function


def callbacks_of(given: dict[str, Any]) -> Callbacks | None:
    """
    Take the values of `callback_options` out of what was given; None without any.

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


def callback_rows(
    callbacks: CallbackSettings, *, whole: bool
) -> Iterator[tuple[str, str]]:
    """
    Where the gateway reports, with labels.

    Args:
        callbacks: As they are.
        whole: Whether to show more of a URL than its host.
    """
    for name, (_, label, _) in _URLS.items():
        value = getattr(callbacks, name)
        yield label, _address(value, whole=whole or name == "email_for_inbounds")
    for name, label in _OLDER.items():
        if getattr(callbacks, name):
            yield label, _address(getattr(callbacks, name), whole=whole)


def callbacks_as_dict(callbacks: CallbackSettings, *, whole: bool) -> dict[str, Any]:
    """The same as plain values."""
    return {
        name: getattr(callbacks, name)
        and _address(
            getattr(callbacks, name), whole=whole or name == "email_for_inbounds"
        )
        for name in (*_URLS, *_OLDER)
    }


def _address(value: str | None, *, whole: bool) -> str:
    if not value:
        return "-"
    if whole:
        return plain(value)
    # The rest may hold the token by which a receiver knows the gateway.
    try:
        parts = urlsplit(value)
    except ValueError:
        return "***"
    return plain(f"{parts.scheme}://{parts.hostname}/***")
