"""The settings chapter: what is read of all documented shapes, and what is sent."""

import inspect
import json

import attrs
import pytest
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st
from sandbox.contract import cases_of, problems, request_schema, sample_problems

from aiooctopush import (
    AuthenticationError,
    InvalidFieldError,
    InvalidRequestError,
    InvalidResponseError,
    Outcome,
    SmsType,
)
from aiooctopush._wire import Idempotency, converter, encode
from aiooctopush.api.settings import (
    READ,
    READ_ALIAS,
    UNCHANGED,
    UPDATE,
    AccountSettings,
    AlertSettings,
    Callbacks,
    CallbackSettings,
    DefaultSettings,
    Settings,
    SettingsChanges,
)
from aiooctopush.sandbox import Gateway, GatewaySettings, SandboxTransport, VirtualClock


ALL = {
    "alert_type": SmsType.PREMIUM,
    "alert_bound": 100,
    "alert_email_to": "ops@example.org",
    "alert_phone_number_to": "+33639980001",
    "sender_for_sms_premium": "Acme",
    "sender_for_voice_sms": "33639980001",
    "phone_number_for_test_sms": "+33639980001",
    "callbacks": Callbacks(
        callback_url_for_deliveries="https://example.org/deliveries",
        callback_url_for_visits=None,
        email_for_inbounds="replies@example.org",
    ),
}
OPERATIONS = (
    "get_campaign_parameters",
    "get_campaign_parameters_alias",
    "update_campaign_parameters",
)
SAMPLES = {case.id: case.values[1] for case in cases_of(*OPERATIONS)}
ADDRESSES = [
    "/v1/public/user/campaign-parameters",
    "/v1/public/campaign/parameters",
]


async def settings_of(body):
    """What a read makes of one answer."""
    async with session_over(ScriptedTransport(answer(200, body))) as octopush:
        return await octopush.settings.get()


# --- documented answers ---------------------------------------------------------------


@pytest.mark.parametrize(("name", "sample"), cases_of(*OPERATIONS))
def test_samples_fit_the_document(name, sample):
    """What is sent and what comes back, conflicts between the pages included."""
    assert sample_problems(name, sample) == []


@pytest.mark.parametrize(
    ("sample", "alerts", "defaults", "callbacks"),
    [
        (
            "get_campaign_parameters/current",
            AlertSettings(
                alert_type="sms_premium",
                alert_bound=100,
                alert_emails_to=("ops@example.org",),
                alert_phone_number_to="+33639980001",
            ),
            DefaultSettings(
                sender_for_sms_premium="Acme",
                sender_for_voice_sms="33639980001",
                phone_number_for_test_sms="+33639980001",
            ),
            CallbackSettings(
                callback_url_for_inbounds="https://example.org/inbounds",
                callback_url_for_deliveries="https://example.org/deliveries",
                email_for_inbounds="replies@example.org",
            ),
        ),
        (
            "get_campaign_parameters/older",
            AlertSettings(alert_type="sms_low_cost", alert_bound=100),
            DefaultSettings(sender_for_voice_sms="33639980001"),
            CallbackSettings(
                callback_url_for_sms_deliveries="https://example.org/sms",
                callback_url_for_voice_sms_deliveries="https://example.org/voice",
            ),
        ),
        (
            "get_campaign_parameters_alias/newer",
            AlertSettings(
                alert_type="sms_premium",
                alert_bound=100,
                alert_emails_to=("ops@example.org", "boss@example.org"),
            ),
            DefaultSettings(),
            CallbackSettings(api_version="v2", use_metadata_node_for_inbound=True),
        ),
    ],
    ids=["current", "older", "newer"],
)
async def test_every_documented_shape_is_read(sample, alerts, defaults, callbacks):
    """Text or number, one address or several, old names or new ones."""
    read = await settings_of(SAMPLES[sample]["response"])

    assert (read.alerts, read.defaults, read.callbacks) == (
        alerts,
        defaults,
        callbacks,
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"callbacks": [], "campaign_parameters": [], "news": 1},
        {"callbacks": None, "sms_campaign_alert_parameters": "none"},
        {
            "sms_campaign_alert_parameters": {
                "alert_bound": "few",
                "alert_emails_to": [None, 5, ""],
            },
            "callbacks": {"use_metadata_node_for_inbound": "maybe"},
        },
    ],
    ids=["nothing", "empty lists", "null and a word", "odd values"],
)
async def test_what_is_missing_or_odd_is_not_set(body):
    """PHP writes an empty object as a list."""
    read = await settings_of(body)

    assert (read.alerts, read.defaults, read.callbacks) == (
        AlertSettings(),
        DefaultSettings(),
        CallbackSettings(),
    )


@pytest.mark.parametrize(
    ("written", "flag"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        ("true", True),
        ("False", False),
        ("0", False),
        ("no", None),
        (None, None),
    ],
    ids=repr,
)
async def test_a_flag_may_be_written_in_several_ways(written, flag):
    """The text "false" is not true."""
    read = await settings_of({"callbacks": {"use_metadata_node_for_inbound": written}})

    assert read.callbacks.use_metadata_node_for_inbound is flag


# --- two addresses --------------------------------------------------------------------


async def test_the_documented_address_is_enough():
    """The other one is not asked."""
    transport = ScriptedTransport(answer(200, {}))

    async with session_over(transport) as octopush:
        await octopush.settings.get()

    assert [one.path for one in transport.requests] == ADDRESSES[:1]


@pytest.mark.parametrize(
    "step",
    [answer(404, {}), refusal(404, status=404), answer(404, "nothing here")],
    ids=["empty", "coded", "foreign"],
)
async def test_the_newer_address_is_asked_if_the_first_is_not_found(step):
    """Whatever else the 404 says."""
    transport = ScriptedTransport(step, answer(200, {"callbacks": {"email": "a@b"}}))

    async with session_over(transport) as octopush:
        read = await octopush.settings.get()

    assert read.callbacks.email_for_inbounds == "a@b"
    assert [one.path for one in transport.requests] == ADDRESSES


async def test_two_addresses_that_are_not_found_are_an_error():
    """That of the second."""
    transport = ScriptedTransport(answer(404, {}), answer(404, {}))

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidResponseError) as caught:
            await octopush.settings.get()

    assert caught.value.operation == f"GET {ADDRESSES[1]}"
    assert caught.value.maybe_sent is False


async def test_another_refusal_is_final():
    """Another address would not help."""
    transport = ScriptedTransport(refusal(101, status=401))

    async with session_over(transport) as octopush:
        with pytest.raises(AuthenticationError):
            await octopush.settings.get()

    assert len(transport.requests) == 1


async def test_both_addresses_share_one_timeout():
    """What the first took, the second has no more."""
    clock = VirtualClock()

    async def slow(request):
        clock.advance(6)
        return answer(404, {})

    transport = ScriptedTransport(slow, answer(200, {}))

    async with session_over(transport, clock=clock) as octopush:
        await octopush.settings.get(timeout=10)

    assert [one.timeout for one in transport.requests] == [10, 4]


# --- what is asked --------------------------------------------------------------------


async def test_only_what_changes_is_sent():
    """Each field in its node."""
    transport = ScriptedTransport(*[answer(200, {})] * 2)

    async with session_over(transport) as octopush:
        await octopush.settings.update(sender_for_sms_premium="Acme")
        await octopush.settings.update(
            alert_bound=0, callbacks=Callbacks(callback_url_for_visits=None)
        )

    assert transport.bodies == [
        {"campaign_parameters": {"sender_for_sms_premium": "Acme"}},
        {
            "sms_campaign_alert_parameters": {"alert_bound": 0},
            "callbacks": {"callback_url_for_visits": None},
        },
    ]
    assert (transport.requests[0].method, transport.requests[0].path) == (
        "PATCH",
        f"{ADDRESSES[0]}/edit",
    )


def test_everything_is_sent_as_documented():
    """In the form of the current page, not of the newer reference."""
    sample = SAMPLES["update_campaign_parameters/all"]

    assert json.loads(encode(SettingsChanges(**ALL))) == sample["request"]


async def test_what_was_changed_can_be_read():
    """The sandbox keeps it."""
    gateway = Gateway(GatewaySettings(strict_unknown_fields=True), clock=VirtualClock())

    async with session_over(SandboxTransport(gateway), clock=gateway.clock) as octopush:
        changed = await octopush.settings.update(**ALL)
        read = await octopush.settings.get()

    assert changed.outcome is Outcome.ACCEPTED
    assert read.alerts.alert_bound == 100
    assert read.alerts.alert_emails_to == ("ops@example.org",)
    assert read.defaults.sender_for_voice_sms == "33639980001"
    assert read.callbacks.email_for_inbounds == "replies@example.org"
    assert read.callbacks.callback_url_for_visits is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "changes"),
        ({"alert_type": "vocal_sms"}, "alert_type"),
        ({"alert_bound": -1}, "alert_bound"),
        ({"alert_bound": 2**31}, "alert_bound"),
        ({"alert_bound": 1.5}, "alert_bound"),
        ({"alert_bound": "100"}, "alert_bound"),
        ({"alert_bound": True}, "alert_bound"),
        ({"alert_email_to": "ops"}, "alert_email_to"),
        ({"alert_email_to": ["ops@example.org"]}, "alert_email_to"),
        ({"alert_phone_number_to": "0639980001"}, "alert_phone_number_to"),
        ({"sender_for_sms_premium": "ab"}, "sender_for_sms_premium"),
        ({"sender_for_sms_premium": " Acme"}, "sender_for_sms_premium"),
        ({"sender_for_voice_sms": "Acme"}, "sender_for_voice_sms"),
        ({"sender_for_voice_sms": "12"}, "sender_for_voice_sms"),
        ({"sender_for_voice_sms": "1" * 12}, "sender_for_voice_sms"),
        ({"sender_for_voice_sms": 123}, "sender_for_voice_sms"),
        ({"phone_number_for_test_sms": "33639980001"}, "phone_number_for_test_sms"),
        ({"callbacks": {}}, "callbacks"),
        ({"callbacks": "https://example.org"}, "callbacks"),
    ],
    ids=lambda value: f"{value!r:.45}",
)
async def test_a_malformed_change_is_refused_before_any_request(changes, field):
    """The gateway would drop it, and nobody would be warned."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidFieldError) as caught:
            await octopush.settings.update(**changes)

    assert (caught.value.field, transport.requests) == (field, [])


def test_nothing_shows_a_full_number():
    """Neither what is asked nor what is answered."""
    values = [
        SettingsChanges(**ALL),
        AlertSettings(alert_phone_number_to="+33639980001"),
        DefaultSettings(phone_number_for_test_sms="+33639980001"),
    ]

    assert "+33639980001" not in repr(values)
    assert repr(values).count("+336****0001") == 4
    assert "alert_phone_number_to=None" in repr(AlertSettings())


# --- the chapter as a whole -----------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (READ, Idempotency.SAFE),
        (READ_ALIAS, Idempotency.SAFE),
        (UPDATE, Idempotency.IDEMPOTENT),
    ],
    ids=["read", "alias", "update"],
)
def test_what_a_repeat_does(endpoint, expected):
    """This alone decides about repeats after silence."""
    assert endpoint.idempotency is expected


async def test_a_change_is_repeated_after_silence():
    """A repeat leaves the same state."""
    transport = ScriptedTransport(answer(502, {}), answer(200, {}))

    async with session_over(transport) as octopush:
        changed = await octopush.settings.update(alert_bound=5)

    assert changed.attempts == 2
    assert transport.bodies[0] == transport.bodies[1]


async def test_a_refused_change_changes_nothing():
    """And says so."""
    async with session_over(ScriptedTransport(refusal(400))) as octopush:
        with pytest.raises(InvalidRequestError) as caught:
            await octopush.settings.update(alert_bound=5)

    assert caught.value.maybe_sent is False


def test_keywords_and_fields_are_the_same():
    """The list is written twice, for editors; here it is kept equal."""
    keywords = set(inspect.signature(Settings.update).parameters)

    assert keywords - {"self", "timeout"} == {
        one.name for one in attrs.fields(SettingsChanges)
    }


def test_timeout_is_an_option_of_every_call():
    """Seconds for the whole call."""
    calls = inspect.getmembers(Settings, inspect.iscoroutinefunction)

    assert [name for name, _ in calls] == ["get", "update"]
    for _, call in calls:
        assert "timeout" in inspect.signature(call).parameters


urls = st.sampled_from([None, UNCHANGED, "https://example.org/x"])
changes_ = st.builds(
    SettingsChanges,
    alert_type=st.none() | st.sampled_from(SmsType),
    alert_bound=st.integers(0, 10**6),
    alert_email_to=st.sampled_from([None, "ops@example.org"]),
    alert_phone_number_to=st.none()
    | st.from_regex(r"\+[1-9][0-9]{4,14}", fullmatch=True),
    sender_for_sms_premium=st.none()
    | st.from_regex(r"[A-Za-z0-9]{3,11}", fullmatch=True),
    sender_for_voice_sms=st.none() | st.from_regex(r"[0-9]{3,11}", fullmatch=True),
    callbacks=st.none()
    | st.builds(
        Callbacks,
        callback_url_for_deliveries=urls,
        callback_url_for_inbounds=urls,
        callback_url_for_blacklisted_numbers=urls,
        email_for_inbounds=st.sampled_from([None, "replies@example.org"]),
        api_version=st.sampled_from([UNCHANGED, "v2"]),
        use_metadata_node_for_inbound=st.sampled_from([UNCHANGED, True, False]),
    ),
)


@given(changes=changes_)
def test_every_request_fits_the_document(changes):
    """Whatever the arguments."""
    schema = request_schema("update_campaign_parameters")

    assert problems(schema, json.loads(encode(changes))) == []


@given(
    settings=st.builds(
        AccountSettings,
        alerts=st.builds(AlertSettings, alert_bound=st.none() | st.integers(0, 9)),
        defaults=st.builds(DefaultSettings, sender_for_sms_premium=st.text()),
        callbacks=st.builds(CallbackSettings, email_for_inbounds=st.text()),
    )
)
def test_settings_survive_the_way_through_plain_data(settings):
    """What came back can be stored and read again."""
    plain = converter.unstructure(settings)

    assert converter.structure(plain, AccountSettings) == settings
