"""Callback URLs on the command line, to be set and to be shown."""

from typing import Any, Final, Self

import attrs
from attrs import frozen

from ...api._callbacks import Callbacks, CallbackSettings, host_of
from ...errors import InvalidFieldError
from ..targets.session import CommandSession, named
from ..terminal.help import option, together
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

NAMES: Final = {
    **{name: declared for name, (declared, _) in _URLS.items()},
    "api_version": "--api-version",
}
"""Names of options, by those of arguments of the library."""


callback_options: Final = together(
    *(
        option(
            declaration,
            name,
            metavar="ADDRESS" if name == _EMAIL else "URL",
            heading=_HEADING,
            help=words,
        )
        for name, (declaration, words) in _URLS.items()
    )
)
"""Take the callback URLs of an account."""


def callbacks_of(calls: CommandSession, given: dict[str, Any]) -> Callbacks | None:
    """
    Remove the values of `callback_options` from the parameters; return None without
    any.

    Raises:
        Exit: A URL or an address is malformed.
    """
    values = {
        name: value
        for name in (*_URLS, "api_version", "use_metadata_node_for_inbound")
        if (value := given.pop(name, None)) is not None
    }
    if not values:
        return None
    removed = {name: None for name in _URLS if values.get(name) == ""}
    try:
        return Callbacks(**(values | removed))
    except InvalidFieldError as error:
        calls.screen.fail(named(error, NAMES))


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

    @classmethod
    def of(cls, callbacks: CallbackSettings, *, whole: bool) -> Self:
        """
        Take the URLs from settings of the gateway.

        Args:
            callbacks: The settings.
            whole: Whether to show more of a URL than its host.
        """
        urls = {
            one.name: getattr(callbacks, one.name) or None
            for one in attrs.fields(CallbackUrls)
        }
        shown = {
            name: url if whole or name == _EMAIL else url and host_of(url)
            for name, url in urls.items()
        }
        return cls.from_fields(callbacks, **shown)
