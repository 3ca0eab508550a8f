"""``octopush settings``: alerts, default senders, callback URLs."""

from typing import Any, Final

import click

from ...api._callbacks import Callbacks
from ...api._shared import SmsType
from ...api.settings import AccountSettings
from ...errors import InvalidFieldError
from ..targets.session import named, open_session
from ..terminal.console import Screen
from ..terminal.help import Command, Group, Option
from ..terminal.options import gateway_options, json_option
from ..wording import plain
from .callbacks import (
    NAMES,
    callback_options,
    callback_rows,
    callbacks_as_dict,
    callbacks_of,
)
from .otp import secrets_option


_SHOW_EXAMPLE = """\
octopush settings show
"""

_SET_EXAMPLE = """\
octopush settings set --alert-type sms_premium --alert-bound 500 \\
    --alert-email ops@example.org
"""

_SHOW_EPILOG = """\
--json gives: alerts (alert_type, alert_bound, alert_emails_to, alert_phone_number_to),
defaults (sender_for_sms_premium, sender_for_voice_sms, phone_number_for_test_sms) and
callbacks; null what is not set. Without --show-secrets URLs show their host only.
"""

_SET_EPILOG = """\
--json gives: attempts.
"""

_ALERTS: Final = "Warning of low credit"
_DEFAULTS: Final = "What is used where a message says nothing"
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


@click.group(
    "settings",
    cls=Group,
    short_help="Show and change settings of the account.",
    example=_SHOW_EXAMPLE,
)
def settings() -> None:
    """
    Show and change settings of the account: alerts, senders, callback URLs.
    """


@settings.command(
    "show",
    cls=Command,
    short_help="Show the settings.",
    example=_SHOW_EXAMPLE,
    epilog=_SHOW_EPILOG,
)
@secrets_option("Show callback URLs as a whole: they may hold a token.")
@gateway_options
@json_option()
@click.pass_context
def show(
    ctx: click.Context, /, *, show_secrets: bool, as_json: bool, **gateway: Any
) -> None:
    """
    Show alerts, default senders and callback URLs.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        found = calls.ask(calls.session.settings.get(), reads=True)
    for heading, rows in _sections(found, whole=show_secrets):
        screen.say(heading, style="bold")
        screen.rows(rows)
    alerts, defaults = found.alerts, found.defaults
    screen.document(
        {
            "alerts": {
                "alert_type": alerts.alert_type,
                "alert_bound": alerts.alert_bound,
                "alert_emails_to": list(alerts.alert_emails_to),
                "alert_phone_number_to": alerts.alert_phone_number_to,
            },
            "defaults": {
                "sender_for_sms_premium": defaults.sender_for_sms_premium,
                "sender_for_voice_sms": defaults.sender_for_voice_sms,
                "phone_number_for_test_sms": defaults.phone_number_for_test_sms,
            },
            "callbacks": callbacks_as_dict(found.callbacks, whole=show_secrets)
            | {
                "api_version": found.callbacks.api_version,
                "use_metadata_node_for_inbound": (
                    found.callbacks.use_metadata_node_for_inbound
                ),
            },
        }
    )


def _sections(
    found: AccountSettings, *, whole: bool
) -> list[tuple[str, list[tuple[str, str]]]]:
    alerts, defaults, callbacks = found.alerts, found.defaults, found.callbacks
    warns = "-"
    if alerts.alert_bound is not None:
        warns = f"{alerts.alert_bound:,} {plain(alerts.alert_type or 'left')}"
    return [
        (
            "Warning of low credit",
            [
                ("At", warns),
                ("By e-mail", plain(", ".join(alerts.alert_emails_to)) or "-"),
                ("By SMS", _shown(alerts.alert_phone_number_to)),
            ],
        ),
        (
            "Used where a message says nothing",
            [
                ("Sender of SMS", _shown(defaults.sender_for_sms_premium)),
                ("Sender of voice SMS", _shown(defaults.sender_for_voice_sms)),
                ("Test messages", _shown(defaults.phone_number_for_test_sms)),
            ],
        ),
        (
            "Where the gateway reports",
            [
                *callback_rows(callbacks, whole=whole),
                ("API version", _shown(callbacks.api_version)),
                ("Metadata node", _shown(callbacks.use_metadata_node_for_inbound)),
            ],
        ),
    ]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(str(value or "-"))


@settings.command(
    "set",
    cls=Command,
    short_help="Change settings.",
    example=_SET_EXAMPLE,
    epilog=_SET_EPILOG,
)
@click.option(
    "--alert-type",
    cls=Option,
    type=click.Choice([str(one) for one in SmsType]),
    heading=_ALERTS,
    help="What --alert-bound counts.",
)
@click.option(
    "--alert-bound",
    cls=Option,
    type=int,
    metavar="N",
    heading=_ALERTS,
    help="Warn when as many are left, or fewer.",
)
@click.option(
    "--alert-email",
    "alert_email_to",
    cls=Option,
    metavar="ADDRESS",
    heading=_ALERTS,
    help="Who is warned by e-mail.",
)
@click.option(
    "--alert-phone",
    "alert_phone_number_to",
    cls=Option,
    metavar="NUMBER",
    heading=_ALERTS,
    help="Who is warned by SMS.",
)
@click.option(
    "--sender",
    "sender_for_sms_premium",
    cls=Option,
    metavar="NAME",
    heading=_DEFAULTS,
    help="Of SMS: 3 to 11 letters, digits or inner spaces.",
)
@click.option(
    "--voice-sender",
    "sender_for_voice_sms",
    cls=Option,
    metavar="DIGITS",
    heading=_DEFAULTS,
    help="Of voice SMS: 3 to 11 digits.",
)
@click.option(
    "--test-number",
    "phone_number_for_test_sms",
    cls=Option,
    metavar="NUMBER",
    heading=_DEFAULTS,
    help="Where test messages go.",
)
@callback_options
@click.option(
    "--api-version",
    cls=Option,
    metavar="VERSION",
    heading="What is reported",
    help="Values are not documented.",
)
@click.option(
    "--metadata-node/--no-metadata-node",
    "use_metadata_node_for_inbound",
    cls=Option,
    default=None,
    heading="What is reported",
    help="Which shape replies have.",
)
@gateway_options
@json_option()
@click.pass_context
def set_(
    ctx: click.Context, /, *, as_json: bool, alert_type: str | None, **given: Any
) -> None:
    """
    Change settings; what is left out stays as it is.

    An empty value removes a callback: --replies-url "". A repeat is harmless.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        callbacks = _callbacks(given)
    gateway = {name: given.pop(name) for name in ("base_url", "sandbox", "faults")}
    with open_session(ctx, screen, gateway) as calls:
        result = calls.ask(
            calls.session.settings.update(
                alert_type=None if alert_type is None else SmsType(alert_type),
                callbacks=callbacks,
                **given,
            ),
            names=_NAMES,
            advice="Run it again: a repeat is harmless.",
        )
    screen.say("The settings are changed.", style="bold green")
    screen.document({"attempts": result.attempts})


def _callbacks(given: dict[str, Any]) -> Callbacks | None:
    try:
        return callbacks_of(given)
    except InvalidFieldError as error:
        raise named(error, _NAMES) from None
