"""``octopush settings``: alerts, default senders, callback URLs."""

from typing import Any, Final

import click
from attrs import frozen

from ...api._callbacks import Callbacks
from ...api._shared import SmsType
from ...api.settings import AccountSettings
from ...errors import InvalidFieldError
from ..targets.gateway import GatewayOptions, gateway_options
from ..targets.session import named, open_session
from ..terminal.console import Screen
from ..terminal.help import group, option
from ..terminal.options import json_option
from ..terminal.result import Result, Row, item
from ..terminal.values import or_dash, printable
from .callbacks import NAMES, CallbackUrls, callback_options, callbacks_of, urls_of
from .otp import secrets_option


_SHOW_EXAMPLE = """\
octopush settings show
"""

_SET_EXAMPLE = """\
octopush settings set --alert-type sms_premium --alert-bound 500 \\
    --alert-email ops@example.org
"""

_ALERTS: Final = "Low-credit alert"
_DEFAULTS: Final = "Defaults of messages"
_REPORTS: Final = "Callbacks"
_REPORTS_FORMAT: Final = "Format of callbacks"
_NAMES: Final = NAMES | {
    "alert_type": "--alert-type",
    "alert_bound": "--alert-bound",
    "alert_email_to": "--alert-email",
    "alert_phone_number_to": "--alert-phone",
    "sender_for_sms_premium": "--sender",
    "sender_for_voice_sms": "--voice-sender",
    "phone_number_for_test_sms": "--test-number",
    "api_version": "--api-version",
    "changes": "options",
}


@frozen(kw_only=True)
class Alerts(Result):
    """Hold when and where the gateway warns of low credit."""

    at: str = item("At", in_json=False)
    alert_type: str | None = item()
    alert_bound: int | None = item()
    alert_emails_to: tuple[str, ...] = item("By e-mail")
    alert_phone_number_to: str | None = item("By SMS", text=or_dash)


@frozen(kw_only=True)
class Defaults(Result):
    """Defaults of messages."""

    sender_for_sms_premium: str | None = item("Sender of SMS", text=or_dash)
    sender_for_voice_sms: str | None = item("Sender of voice SMS", text=or_dash)
    phone_number_for_test_sms: str | None = item("Test messages", text=or_dash)


@frozen(kw_only=True)
class Reports(CallbackUrls):
    """Hold where the gateway reports, and in which format."""

    api_version: str | None = item("API version", text=or_dash)
    use_metadata_node_for_inbound: bool | None = item("Metadata node", text=or_dash)


@frozen(kw_only=True)
class Settings(Result):
    """Hold the settings of an account."""

    json_notes = "null means not set. Without --show-secrets URLs show their host only."

    alerts: Alerts = item(heading=_ALERTS, of=Alerts)
    defaults: Defaults = item(heading=_DEFAULTS, of=Defaults)
    callbacks: Reports = item(heading=_REPORTS, of=Reports)


@frozen(kw_only=True)
class Changed(Result):
    """Hold that settings were changed."""

    attempts: int = item()

    def headline(self) -> Row:
        """Return a sentence."""
        return "The settings are changed.", "bold green"


@group(
    "settings",
    short_help="Show and change settings of the account.",
    example=_SHOW_EXAMPLE,
)
def settings() -> None:
    """
    Show and change settings of the account: alerts, senders, callback URLs.
    """


@settings.command(
    "show",
    short_help="Show the settings.",
    example=_SHOW_EXAMPLE,
    result=Settings,
)
@secrets_option("Show whole callback URLs; they may hold a token.")
@gateway_options
@json_option()
@click.pass_context
def show(
    ctx: click.Context, /, *, show_secrets: bool, as_json: bool, gateway: GatewayOptions
) -> None:
    """
    Show alerts, default senders and callback URLs.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        found = calls.ask(calls.session.settings.get(), reads=True)
    screen.result(_shown(found, whole=show_secrets))


def _shown(found: AccountSettings, *, whole: bool) -> Settings:
    alerts, defaults, callbacks = found.alerts, found.defaults, found.callbacks
    at = "-"
    if alerts.alert_bound is not None:
        at = f"{alerts.alert_bound:,} {printable(alerts.alert_type or 'left')}"
    return Settings(
        alerts=Alerts(
            at=at,
            alert_type=alerts.alert_type,
            alert_bound=alerts.alert_bound,
            alert_emails_to=tuple(alerts.alert_emails_to),
            alert_phone_number_to=alerts.alert_phone_number_to,
        ),
        defaults=Defaults(
            sender_for_sms_premium=defaults.sender_for_sms_premium,
            sender_for_voice_sms=defaults.sender_for_voice_sms,
            phone_number_for_test_sms=defaults.phone_number_for_test_sms,
        ),
        callbacks=Reports(
            **urls_of(callbacks, whole=whole),
            api_version=callbacks.api_version,
            use_metadata_node_for_inbound=callbacks.use_metadata_node_for_inbound,
        ),
    )


@settings.command(
    "set",
    short_help="Change settings.",
    example=_SET_EXAMPLE,
    result=Changed,
)
@option(
    "--alert-type",
    type=click.Choice([str(one) for one in SmsType]),
    heading=_ALERTS,
    help="Product that --alert-bound counts.",
)
@option(
    "--alert-bound",
    type=int,
    metavar="N",
    heading=_ALERTS,
    help="Warn when this many are left, or fewer.",
)
@option(
    "--alert-email",
    "alert_email_to",
    metavar="ADDRESS",
    heading=_ALERTS,
    help="E-mail address to warn.",
)
@option(
    "--alert-phone",
    "alert_phone_number_to",
    metavar="NUMBER",
    heading=_ALERTS,
    help="Phone number to warn.",
)
@option(
    "--sender",
    "sender_for_sms_premium",
    metavar="NAME",
    heading=_DEFAULTS,
    help="Sender of SMS: 3 to 11 letters, digits or spaces.",
)
@option(
    "--voice-sender",
    "sender_for_voice_sms",
    metavar="DIGITS",
    heading=_DEFAULTS,
    help="Sender of voice SMS: 3 to 11 digits.",
)
@option(
    "--test-number",
    "phone_number_for_test_sms",
    metavar="NUMBER",
    heading=_DEFAULTS,
    help="Phone number for test messages.",
)
@callback_options
@option(
    "--api-version",
    metavar="VERSION",
    heading=_REPORTS_FORMAT,
    help="Version of the callbacks; its values are not documented.",
)
@option(
    "--metadata-node/--no-metadata-node",
    "use_metadata_node_for_inbound",
    default=None,
    heading=_REPORTS_FORMAT,
    help="Whether replies come with a metadata node.",
)
@gateway_options
@json_option()
@click.pass_context
def set_(
    ctx: click.Context,
    /,
    *,
    gateway: GatewayOptions,
    as_json: bool,
    alert_type: str | None,
    **given: Any,
) -> None:
    """
    Change settings; options that are left out change nothing.

    An empty value removes a callback: --replies-url "". A repeat is harmless.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        callbacks = _callbacks(given)
    with open_session(ctx, screen, gateway) as calls:
        result = calls.ask(
            calls.session.settings.update(
                alert_type=None if alert_type is None else SmsType(alert_type),
                callbacks=callbacks,
                **given,
            ),
            names=_NAMES,
            advice="Run it again.",
        )
    screen.result(Changed(attempts=result.attempts))


def _callbacks(given: dict[str, Any]) -> Callbacks | None:
    try:
        return callbacks_of(given)
    except InvalidFieldError as error:
        raise named(error, _NAMES) from None
