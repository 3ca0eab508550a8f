"""Whatever keywords the public calls take, as strategies, up to their limits."""

import inspect
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import get_args, get_type_hints

from contract.table import FALLBACKS, ROWS
from hypothesis import strategies as st

from aiooctopush import OctopushSession, Recipient
from aiooctopush.api._shared import MAX_WHOLE, Purpose, SmsType
from aiooctopush.api._voices import VoiceGender, VoiceLanguage
from aiooctopush.api.multichannel import Channel, ChannelRecipient
from aiooctopush.api.otp import OtpChannel
from aiooctopush.api.settings import Callbacks
from aiooctopush.api.wallet import Product


def texts(at_most):
    """Any text that a field of a limited length takes."""
    letters = st.characters(exclude_categories=["Cs"])
    return st.text(letters, min_size=1, max_size=at_most)


def messages(at_most):
    """Any text that can be sent to anybody: no word in braces, and the mentions."""
    mentions = " STOP au XXXXX no PUB=STOP"
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="{}")
    said = st.text(letters, max_size=at_most - len(mentions))
    return said.map(lambda words: words + mentions)


def some(**keywords):
    """Any choice of optional keywords, None included."""
    return {name: st.none() | strategy for name, strategy in keywords.items()}


flags = st.booleans()
wholes = st.integers(min_value=1, max_value=MAX_WHOLE)
ids = st.from_regex(r"[0-9A-Za-z]{1,64}", fullmatch=True)
tickets = st.from_regex(r"(sms|vocal|voice|rcs|email)_[0-9a-f]{13}", fullmatch=True)
phones = st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True)
senders = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ]{1,9}[A-Za-z0-9]", fullmatch=True)
digits = st.from_regex(r"[0-9]{3,11}", fullmatch=True)
addresses = st.from_regex(r"[a-z0-9.+%]{1,8}@[a-z]{1,8}\.com", fullmatch=True)
# The last would be another login if it were not encoded.
logins = addresses | st.sampled_from(["a+b@example.org", "a%41@example.org"])
urls = st.from_regex(r"https?://[a-z]{1,8}\.org/[!-~]{0,8}", fullmatch=True)
zones = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
# To come: what has passed is refused.
instants = st.datetimes(min_value=datetime(2100, 1, 1), timezones=zones)  # noqa: DTZ001
merged = st.none() | texts(50) | st.just("")
people = phones | st.builds(
    Recipient,
    phones,
    **dict.fromkeys(("first_name", "last_name", "param1", "param5"), merged),
)
several_people = st.lists(people, min_size=1, max_size=3)

account_callbacks = {
    **dict.fromkeys(
        (
            "callback_url_for_deliveries",
            "callback_url_for_inbounds",
            "callback_url_for_blacklisted_numbers",
            "callback_url_for_visits",
        ),
        st.none() | urls,
    ),
    "email_for_inbounds": st.none() | addresses,
}
callbacks = (
    st.fixed_dictionaries({}, optional=account_callbacks)
    .filter(bool)
    .map(lambda given: Callbacks(**given))
)
all_callbacks = (
    st.fixed_dictionaries(
        {},
        optional={
            **account_callbacks,
            "api_version": texts(9),
            "use_metadata_node_for_inbound": flags,
        },
    )
    .filter(bool)
    .map(lambda given: Callbacks(**given))
)
channels = {
    Channel.SMS: {
        "recipients": st.lists(phones, min_size=1, max_size=3),
        "text": texts(160),
        "sender": senders,
        "metadata": st.none()
        | st.fixed_dictionaries(
            {}, optional={"type": st.sampled_from(SmsType), "with_replies": flags}
        ),
    },
    Channel.VOICE: {
        "recipients": st.lists(phones, min_size=1, max_size=3),
        "text": texts(1224),
        "sender": digits,
        "metadata": st.fixed_dictionaries(
            {}, optional={"voice_gender": st.sampled_from(VoiceGender)}
        ),
    },
    Channel.RCS: {
        "recipients": st.lists(phones, min_size=1, max_size=3),
        **some(text=texts(1224), sender=texts(40)),
    },
    Channel.EMAIL: {
        "recipients": st.lists(addresses, min_size=1, max_size=3),
        **some(text=texts(1224), sender=texts(40)),
    },
    Channel.LIVE_CHAT: {
        "recipients": st.lists(
            st.builds(ChannelRecipient, conversation_id=texts(9)), min_size=1
        ),
        **some(text=texts(1224)),
    },
}
multichannel = st.sampled_from(Channel).flatmap(
    lambda channel: st.fixed_dictionaries(
        {
            "channel": st.just(channel),
            "purpose": st.sampled_from(Purpose),
            **channels[channel],
            **some(
                send_at=instants,
                simulation_mode=flags,
                recipient_tracking=flags,
                auto_optimize_text=flags,
                auto_delete_optout_contacts=flags,
                list_name=texts(30),
            ),
        }
    )
)


def names(kind, at_most):
    """One name, or several, or none."""
    one, several = f"{kind}_name", f"{kind}_names"
    return st.one_of(
        st.just({}),
        st.fixed_dictionaries({one: texts(at_most)}),
        st.fixed_dictionaries({several: st.lists(texts(at_most), min_size=1)}),
    )


contacts = st.tuples(
    st.fixed_dictionaries(
        {
            "contacts": several_people,
            **some(
                un_list=flags,
                un_tag=flags,
                auto_remove_blacklisted_numbers=flags,
                do_not_overwrite=flags,
            ),
        }
    ),
    names("list", 30),
    names("tag", 20),
).map(lambda parts: parts[0] | parts[1] | parts[2])
person = {"first_name": texts(255), "last_name": texts(255), "password": texts(255)}
more = some(company_name=texts(255), callbacks=callbacks)
changes = {**some(**person), **more}
settings_changes = some(
    alert_type=st.sampled_from(SmsType),
    alert_bound=wholes | st.just(0),
    alert_email_to=addresses,
    alert_phone_number_to=phones,
    sender_for_sms_premium=senders,
    sender_for_voice_sms=digits,
    phone_number_for_test_sms=phones,
    callbacks=all_callbacks,
)


def is_a_change(given):
    """Whether any of the keywords but the login is given."""
    return any(value for name, value in given.items() if name != "login")


otp = {
    "phone_number": phones,
    "allow_digits": st.sampled_from([None, True]),
    **some(
        channel=st.sampled_from(OtpChannel),
        text=texts(1218).map("{{code}}{}".format) | st.just(""),
        sender=senders,
        voice_gender=st.sampled_from(VoiceGender),
        voice_language=st.sampled_from(VoiceLanguage),
        code_length=st.integers(3, 32),
        allow_upper_case=flags,
        allow_lower_case=flags,
        allow_special_chars=flags,
        remove_confusing_characters=flags,
        validity_period=wholes,
        max_wrong_attempts=wholes,
        recipient_ip=st.ip_addresses().map(str),
    ),
}
validation = st.fixed_dictionaries(
    {"code": st.from_regex(r"[0-9A-Za-z!#$%&?@]{3,32}", fullmatch=True)}
).flatmap(
    lambda code: st.one_of(
        st.fixed_dictionaries({**_just(code), "token": texts(40)}),
        st.fixed_dictionaries({**_just(code), "phone_number": phones}),
    )
)


def _just(given):
    return {name: st.just(value) for name, value in given.items()}


# What a keyword of this name takes, wherever there is no hand-written row below.
BY_NAME = {
    "amount": wholes,
    "callbacks": callbacks,
    "company_name": texts(255),
    "country_codes": st.lists(st.from_regex(r"[A-Z]{2}", fullmatch=True)),
    "email_to": addresses,
    "first_name": texts(255),
    "from_wallet_pack_id": texts(99),
    "last_name": texts(255),
    "list_name": texts(30),
    "login": logins,
    "password": texts(255),
    "phone_numbers": st.lists(phones, min_size=1, max_size=3),
    "recipients": several_people,
    "request_id": ids,
    "send_at": instants,
    "tag_name": texts(20),
    "ticket": tickets,
    "token": texts(99),
}
BY_NAMESPACE = {
    "sms": {"text": messages(160), "sender": senders},
    "voice": {
        "text": messages(1224),
        "sender": digits,
        "voice_language": st.sampled_from(VoiceLanguage),
    },
}
# How a call is made, and not what it says to the gateway.
OPTIONS = {"concurrency", "country", "on_missing", "on_unknown", "self", "timeout"}


def strategy_of(namespace, name, kind):
    """Return what a keyword takes, by its name or by its type."""
    found = BY_NAMESPACE.get(namespace, {}).get(name, BY_NAME.get(name))
    if found is not None:
        return found
    kinds = {one for one in (kind, *get_args(kind)) if isinstance(one, type)}
    for one in kinds:
        if one is bool:
            return flags
        if issubclass(one, StrEnum):
            return st.sampled_from(one)
    raise KeyError(f"{name}: say in BY_NAME what it takes")


def keywords_of(call, fixed):
    """
    Return what a public call takes, as its signature says.

    Args:
        call: Such as ``sms.send``.
        fixed: What reaches this operation and not another of the same call.
    """
    namespace, verb = call.split(".")
    made = getattr(get_type_hints(OctopushSession)[namespace], verb)
    hints = get_type_hints(made)
    taken = {}
    for name, parameter in inspect.signature(made).parameters.items():
        if name in fixed:
            taken[name] = st.just(fixed[name])
        elif name not in OPTIONS:
            strategy = strategy_of(namespace, name, hints[name])
            needed = parameter.default is parameter.empty
            nullable = type(None) in get_args(hints[name])
            taken[name] = strategy if needed or not nullable else st.none() | strategy
    return taken


class Called:
    """Stands for a session, and notes which of its calls is made, and with what."""

    def __init__(self, *path):
        self.path = path

    def __getattr__(self, name):
        return Called(*self.path, name)

    def __call__(self, *_, audience=None, **__):
        """Return the path of the call, and which audience it was for."""
        return ".".join(self.path), {"audience": audience} if audience else {}


def call_of(name):
    """Return the public call of an operation, and what distinguishes it there."""
    return ROWS[name].call(Called(), ROWS[name].subject)


# What depends on another keyword, by hand.
BY_HAND = {
    "send_multi_channel": multichannel,
    "cancel_multi_channel": {
        "ticket": tickets,
        "channel": st.sampled_from(["sms", "voice_sms", "rcs", "email"]),
    },
    "create_contacts": contacts,
    "get_balance": {
        "with_details": flags,
        "country_code": st.from_regex(r"[A-Z]{2}", fullmatch=True),
        "product_name": st.sampled_from(Product),
    },
    "update_subaccount": st.fixed_dictionaries({"login": logins, **changes}).filter(
        is_a_change
    ),
    "update_campaign_parameters": st.fixed_dictionaries(settings_changes).filter(
        lambda given: any(value is not None for value in given.values())
    ),
    "generate_otp": otp,
    "validate_otp": validation,
}
CALLS = {
    name: (call, BY_HAND[name] if name in BY_HAND else keywords_of(call, fixed))
    for name in ROWS
    if name not in FALLBACKS
    for call, fixed in [call_of(name)]
}
"""The public call of each operation, and the keywords that it takes."""
