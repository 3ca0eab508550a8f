"""``octopush settings``: alerts, default senders, callback URLs."""

from typing import Any, Final

from attrs import frozen

from ...api._shared import SmsType
from ...api.settings import AccountSettings
from ..targets.session import CommandSession, makes_calls
from ..terminal.help import group, option
from ..terminal.options import EnumChoice
from ..terminal.result import Result, item
from ..terminal.values import or_dash, printable
from .callbacks import NAMES, CallbackUrls, callback_options, callbacks_of
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

    sentence = "The settings are changed."

    attempts: int = item()


@group(
    "settings",
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
@makes_calls
def show(calls: CommandSession, /, *, show_secrets: bool) -> Settings:
    """
    Show alerts, default senders and callback URLs.
    """
    found = calls.ask(calls.session.settings.get(), reads=True)
    return _shown(found, whole=show_secrets)


def _shown(found: AccountSettings, *, whole: bool) -> Settings:
    alerts = found.alerts
    at = "-"
    if alerts.alert_bound is not None:
        at = f"{alerts.alert_bound:,} {printable(alerts.alert_type or 'left')}"
    return Settings(
        alerts=Alerts.from_fields(alerts, at=at),
        defaults=Defaults.from_fields(found.defaults),
        callbacks=Reports.of(found.callbacks, whole=whole),
    )


@settings.command(
    "set",
    short_help="Change settings.",
    example=_SET_EXAMPLE,
    result=Changed,
)
@option(
    "--alert-type",
    type=EnumChoice(SmsType),
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
@makes_calls
def set_(calls: CommandSession, /, **given: Any) -> Changed:
    """
    Change settings; options that are left out change nothing.

    An empty value removes a callback: --replies-url "". A repeat is harmless.
    """
    callbacks = callbacks_of(calls, given)
    result = calls.ask(
        calls.session.settings.update(callbacks=callbacks, **given),
        names=_NAMES,
        advice="Run it again.",
    )
    return Changed.from_fields(result)
