"""Whatever field the document has, some keyword of ours reaches it."""

import json
from urllib.parse import unquote

import pytest
from contract.keywords import CALLS
from contract.table import LATER, LOGIN, ONE, ROWS
from contract.wires import request_of
from sandbox.contract import operations, request_schema, resolved

from aiooctopush import Recipient
from aiooctopush.api.multichannel import ChannelRecipient
from aiooctopush.api.settings import Callbacks


EVERYBODY = Recipient(
    ONE,
    first_name="Ada",
    last_name="Lovelace",
    param1="1",
    param2="2",
    param3="3",
    param4="4",
    param5="5",
)
SHARED = {
    "purpose": "alert",
    "send_at": LATER,
    "simulation_mode": True,
    "auto_remove_blacklisted_numbers": True,
    "request_id": "a1",
}
SMS = {
    **SHARED,
    "text": "Hello",
    "sender": "Acme",
    "with_replies": True,
    "auto_optimize_text": False,
    "recipient_tracking": True,
}
VOICE = {
    **SHARED,
    "text": "Hello",
    "sender": "33700000000",
    "voice_gender": "male",
    "voice_language": "fr-FR",
}
VOICE_CAMPAIGN = {**VOICE, "segmentation": "filter", "get_back_pressed_keys": True}
URL = "https://example.org/callbacks"
OWN_CALLBACKS = {
    "callback_url_for_deliveries": URL,
    "callback_url_for_inbounds": URL,
    "callback_url_for_blacklisted_numbers": URL,
    "callback_url_for_visits": URL,
    "email_for_inbounds": "replies@example.org",
}
PERSON = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "password": "correct horse",
    "company_name": "Engines",
    "callbacks": Callbacks(**OWN_CALLBACKS),
}
SWITCHES = {
    "un_list": True,
    "un_tag": True,
    "auto_remove_blacklisted_numbers": True,
    "do_not_overwrite": True,
}
CHANNEL = {"purpose": "alert", "text": "Hello", "sender": "33700000000"}
# Calls that together use every keyword; the others of the table use all they have.
FULL = {
    "send_sms_campaign": [{**SMS, "recipients": [EVERYBODY], "list_name": "new"}],
    "create_sms_campaign_on_list": [
        {**SMS, "list_name": "customers", "segmentation": "group"}
    ],
    "create_sms_campaign_on_tag": [{**SMS, "tag_name": "vip", "segmentation": "group"}],
    "send_voice_campaign": [{**VOICE, "recipients": [EVERYBODY]}],
    "create_voice_campaign_on_list": [{**VOICE_CAMPAIGN, "list_name": "customers"}],
    "create_voice_campaign_on_tag": [{**VOICE_CAMPAIGN, "tag_name": "vip"}],
    "send_multi_channel": [
        {
            **CHANNEL,
            "channel": "sms",
            "recipients": [ONE],
            "send_at": LATER,
            "simulation_mode": True,
            "recipient_tracking": True,
            "auto_optimize_text": False,
            "auto_delete_optout_contacts": True,
            "list_name": "new",
            "metadata": {"with_replies": True},
        },
        {
            **CHANNEL,
            "channel": "voice_sms",
            "recipients": [ONE],
            "metadata": {"voice_gender": "male"},
        },
        {**CHANNEL, "channel": "email", "recipients": ["ada@example.org"]},
        {
            **CHANNEL,
            "channel": "live_chat",
            "recipients": [ChannelRecipient(conversation_id="c-1")],
        },
    ],
    "create_contacts": [
        {**SWITCHES, "contacts": [EVERYBODY], "list_name": "a", "tag_name": "b"},
        {"contacts": [ONE], "list_names": ["a"], "tag_names": ["b"]},
    ],
    "empty_contact_list": [{"list_name": "customers", "delete_contacts": True}],
    "lookup_hlr": [{"phone_numbers": [ONE], "simulation_mode": True}],
    "lookup_mnp_v2": [{"phone_numbers": [ONE], "simulation_mode": True}],
    "get_balance": [
        {"with_details": True, "country_code": "FR", "product_name": "hlr"}
    ],
    "create_subaccount": [PERSON],
    "update_subaccount": [{**PERSON, "login": LOGIN}],
    "update_campaign_parameters": [
        {
            "alert_type": "sms_premium",
            "alert_bound": 100,
            "alert_email_to": "ops@example.org",
            "alert_phone_number_to": ONE,
            "sender_for_sms_premium": "Acme",
            "sender_for_voice_sms": "33700000000",
            "phone_number_for_test_sms": ONE,
            "callbacks": Callbacks(
                **OWN_CALLBACKS, api_version="v2", use_metadata_node_for_inbound=True
            ),
        }
    ],
    "generate_otp": [
        {
            "phone_number": ONE,
            "channel": "text_sms",
            "text": "Your code is {code}",
            "sender": "Acme",
            "voice_gender": "male",
            "voice_language": "fr-FR",
            "code_length": 6,
            "allow_digits": True,
            "allow_upper_case": False,
            "allow_lower_case": False,
            "allow_special_chars": False,
            "remove_confusing_characters": True,
            "validity_period": 300,
            "max_wrong_attempts": 3,
            "recipient_ip": "192.0.2.1",
        }
    ],
    "validate_otp": [
        {"code": "123456", "token": "b2c1a7d0"},
        {"code": "123456", "phone_number": ONE},
    ],
}
OLDER = "an older name; the newer one is written (conflict 20)"
SPLIT_CALLBACKS = {
    "callbacks.callback_url_for_sms_deliveries": OLDER,
    "callbacks.callback_url_for_voice_sms_deliveries": OLDER,
    "callbacks.callback_url_for_vocal_sms_deliveries": OLDER,
}
OMITTED = {
    "send_voice_campaign": {
        "type": "only the vendor's PHP client sends it; it is on no page"
    },
    "send_multi_channel": {
        "auto_remove_blacklisted_contacts": "an older name of "
        "auto_delete_optout_contacts (conflict 24)"
    },
    "create_subaccount": SPLIT_CALLBACKS,
    "update_subaccount": SPLIT_CALLBACKS,
}
"""Fields that no keyword reaches, and why."""


def fields_of(schema, place=""):
    """The places of all fields that a schema has, such as ``contacts[].param1``."""
    schema = resolved(schema)
    if "items" in schema:
        return fields_of(schema["items"], f"{place}[]")
    found = set()
    for name, inner in schema.get("properties", {}).items():
        here = f"{place}.{name}".lstrip(".")
        found |= fields_of(inner, here) or {here}
    return found | ({place} if place.endswith("[]") and not found else set())


def places_in(body, place=""):
    """The places of all values of a body, in the same words."""
    if isinstance(body, list):
        return set().union(*(places_in(one, f"{place}[]") for one in body))
    if isinstance(body, dict):
        return set().union(
            *(
                places_in(one, f"{place}.{name}".lstrip("."))
                for name, one in body.items()
            )
        )
    return {place}


def parameters_of(name):
    """Names of the arguments that stand in path and query."""
    _, path, row = operations()[name]
    template = {one.strip("{}") for one in path.split("/") if one.startswith("{")}
    return template | {resolved(one)["name"] for one in row.get("parameters", ())}


def calls_of(name):
    """The calls that together use every keyword of an operation."""
    if name not in FULL:
        return [lambda octopush: ROWS[name].call(octopush, ROWS[name].subject)]
    namespace, verb = CALLS[name][0].split(".")
    return [
        lambda octopush, keywords=keywords: getattr(getattr(octopush, namespace), verb)(
            **keywords
        )
        for keywords in FULL[name]
    ]


@pytest.mark.parametrize("name", ROWS)
async def test_every_field_is_reached_or_left_out_for_a_reason(name):
    """And nothing that is said to be left out is reached."""
    pointer = request_schema(name)
    expected = (fields_of(pointer) if pointer else set()) | parameters_of(name)
    reached = set()

    for call in calls_of(name):
        request = await request_of(name, call)
        reached |= places_in(json.loads(request.body)) if request.body else set()
        reached |= {key for key, _ in request.query}
        if "{login}" in operations()[name][1]:
            assert LOGIN in unquote(request.path)
            reached.add("login")

    assert expected - reached == set(OMITTED.get(name, ()))
    assert reached - expected == set()
