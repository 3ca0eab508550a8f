"""Settings of the simulated gateway: kept for each account."""

import pytest
from sandbox.calls import ask, fresh_gateway
from sandbox.contract import cases_of, problems, response_schema


READ = ("GET", "user/campaign-parameters")
ALIAS = ("GET", "campaign/parameters")
EDIT = ("PATCH", "user/campaign-parameters/edit")
((ALL,),) = [
    [case.values[1]["request"]] for case in cases_of("update_campaign_parameters")
]


def test_nothing_is_set_at_first():
    """Every field is there, and null."""
    status, answer = ask(fresh_gateway(), *READ)

    assert status == 200
    assert {node: set(fields.values()) for node, fields in answer.items()} == {
        "sms_campaign_alert_parameters": {None},
        "campaign_parameters": {None},
        "callbacks": {None},
    }


def test_what_was_changed_is_kept():
    """And is read under both addresses."""
    gateway = fresh_gateway(strict_unknown_fields=True)

    assert ask(gateway, *EDIT, ALL) == (200, {})

    _, answer = ask(gateway, *READ)
    for node, fields in ALL.items():
        assert {name: answer[node][name] for name in fields} == fields
    assert ask(gateway, *ALIAS)[1] == answer


def test_what_is_not_sent_stays():
    """Null removes a callback."""
    gateway = fresh_gateway()
    ask(gateway, *EDIT, ALL)

    ask(gateway, *EDIT, {"callbacks": {"callback_url_for_deliveries": None}})

    _, answer = ask(gateway, *READ)
    assert answer["callbacks"]["callback_url_for_deliveries"] is None
    assert answer["callbacks"]["email_for_inbounds"] == "replies@example.org"
    assert answer["campaign_parameters"]["sender_for_sms_premium"] == "Acme"


def test_each_account_has_its_own():
    """Others see nothing of it."""
    gateway = fresh_gateway()
    ask(gateway, *EDIT, ALL)

    _, answer = ask(
        gateway, *READ, headers={"api-login": "other@example.org", "api-key": "key"}
    )

    assert answer["campaign_parameters"]["sender_for_sms_premium"] is None


def test_the_bound_may_come_as_text():
    """As the newer reference shows it."""
    gateway = fresh_gateway(figures_as_text=True)
    ask(gateway, *EDIT, ALL)

    _, answer = ask(gateway, *READ)

    assert answer["sms_campaign_alert_parameters"]["alert_bound"] == "100"


def test_a_reset_forgets_them():
    """As it forgets what was accepted."""
    gateway = fresh_gateway()
    ask(gateway, *EDIT, ALL)

    gateway.reset()

    assert ask(gateway, *READ) == ask(fresh_gateway(), *READ)


@pytest.mark.parametrize(
    ("node", "name", "value"),
    [
        ("sms_campaign_alert_parameters", "alert_type", "vocal_sms"),
        ("sms_campaign_alert_parameters", "alert_bound", -1),
        ("sms_campaign_alert_parameters", "alert_bound", True),
        ("sms_campaign_alert_parameters", "alert_bound", "100"),
        ("sms_campaign_alert_parameters", "alert_email_to", "ops"),
        ("sms_campaign_alert_parameters", "alert_email_to", None),
        ("sms_campaign_alert_parameters", "alert_phone_number_to", "0639980001"),
        ("campaign_parameters", "sender_for_sms_premium", "ab"),
        ("campaign_parameters", "sender_for_voice_sms", "Acme"),
        ("callbacks", "callback_url_for_visits", "example.org"),
        ("callbacks", "callback_url_for_visits", 5),
        ("callbacks", "use_metadata_node_for_inbound", 1),
        ("callbacks", "api_version", None),
    ],
)
def test_a_malformed_value_is_refused_and_changes_nothing(node, name, value):
    """All or nothing."""
    gateway = fresh_gateway()
    body = {
        "campaign_parameters": {"phone_number_for_test_sms": "+33639980001"},
        node: {name: value},
    }

    status, answer = ask(gateway, *EDIT, body)

    assert (status, answer["code"]) == (400, 400)
    assert name in answer["message"]
    assert ask(gateway, *READ) == ask(fresh_gateway(), *READ)


@pytest.mark.parametrize(
    "body",
    [
        {"sender_for_sms_premium": "Acme"},
        {"campaign_parameters": {"sender": "Acme"}},
        {"campaign_parameters": []},
    ],
    ids=["outside its node", "another name", "a list"],
)
def test_what_is_not_understood_is_dropped_or_refused(body):
    """Dropped like the real gateway does, refused where a test asks for it."""
    gateway = fresh_gateway()

    assert ask(gateway, *EDIT, body)[0] == 200
    assert ask(gateway, *READ) == ask(fresh_gateway(), *READ)
    assert ask(fresh_gateway(strict_unknown_fields=True), *EDIT, body)[0] == 400


@pytest.mark.parametrize("settings", [{}, {"figures_as_text": True}], ids=str)
def test_every_answer_fits_the_document(settings):
    """Successes and refusals alike."""
    gateway = fresh_gateway(**settings)
    steps = [
        ("get_campaign_parameters", READ, None),
        ("update_campaign_parameters", EDIT, ALL),
        ("update_campaign_parameters", EDIT, {"callbacks": {"api_version": 5}}),
        ("get_campaign_parameters", READ, None),
        ("get_campaign_parameters_alias", ALIAS, None),
    ]

    for name, operation, body in steps:
        status, answer = ask(gateway, *operation, body)
        assert problems(response_schema(name, status), answer) == []
