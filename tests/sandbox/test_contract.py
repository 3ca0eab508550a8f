"""Samples, gateway and OpenAPI document agree; the judge is independent."""

import ast
import json
from pathlib import Path

import pytest
from sandbox.calls import ONE, THREE, TWO, call, fresh_gateway, read, send_body
from sandbox.contract import operations, problems, request_schema, response_schema

import aiooctopush.sandbox


SAMPLES = Path(__file__).parents[1] / "samples"
HERE = Path(aiooctopush.sandbox.__file__).parent
# Operations 1 to 9.
OPERATIONS = [
    "send_sms_campaign",
    "get_sms_campaign_draft",
    "cancel_sms_campaign",
    "create_sms_campaign_on_list",
    "create_sms_campaign_on_tag",
    "get_sms_campaign_on_list_status",
    "confirm_sms_campaign_on_list",
    "confirm_sms_campaign_on_tag",
    "cancel_sms_campaign_on_list",
]
# Those whose samples need no ticket that was given out before.
FIRST_CALLS = [one for one in OPERATIONS if one.startswith(("send", "create"))]


def samples(names):
    """Every sample of these operations, with ids for pytest."""
    return [
        pytest.param(
            name, json.loads(path.read_text("utf-8")), id=f"{name}/{path.stem}"
        )
        for name in names
        for path in sorted((SAMPLES / name).glob("*.json"))
    ]


def test_each_operation_has_a_sample():
    """At least one."""
    assert {one.values[0] for one in samples(OPERATIONS)} == set(OPERATIONS)


@pytest.mark.parametrize(("name", "sample"), samples(OPERATIONS))
def test_samples_fit_the_document(name, sample):
    """What is sent and what comes back; each names its source."""
    assert sample["source"]
    if sample["request"] is not None:
        found = problems(request_schema(name), sample["request"])
        # A sample may lack what another page makes it have.
        assert [one for one in found if "required" not in one] == []
    if sample["response"] is not None:
        assert (
            problems(response_schema(name, sample["status"]), sample["response"]) == []
        )


@pytest.mark.parametrize(
    ("name", "sample"),
    [one for one in samples(FIRST_CALLS) if one.values[1]["request"]],
)
def test_the_gateway_answers_a_sample_as_documented(name, sample):
    """The status of the sample, and every field of its answer."""
    gateway = fresh_gateway()
    gateway.lists["my_list"] = [ONE]
    gateway.tags["my_tag"] = [ONE]
    method, path, _ = operations()[name]

    request = call(method, path.removeprefix("/v1/public/"), sample["request"])
    status, answer = read(gateway.handle(request))

    assert status == sample["status"]
    assert set(answer) >= set(sample["response"])
    assert {name: type(answer[name]) for name in sample["response"]} == {
        name: type(value) for name, value in sample["response"].items()
    }
    for entry in gateway.sent_log.entries:
        assert entry.send_at is None
        assert entry.ignored_fields == ()


class Checked:
    """A gateway each of whose answers is held against the document."""

    def __init__(self, **settings):
        self.gateway = fresh_gateway(**settings)
        self.gateway.lists["people"] = [ONE, TWO]
        self.gateway.tags["vip"] = [THREE]
        self.seen = set()

    def ask(self, name, body=None, query=()):
        """Ask, and check request and answer."""
        method, path, _ = operations()[name]
        request = call(method, path.removeprefix("/v1/public/"), body, query=query)
        status, answer = read(self.gateway.handle(request))
        schema = response_schema(name, status)
        assert (schema is None) == (answer is None)
        if schema:
            assert problems(schema, answer) == []
        self.seen.add((name, status))
        return answer


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"figures_as_text": True},
        {"misspells_ready": True},
        {"pending_as_400": True},
        {"duplicate_check": "on_receipt"},
    ],
    ids=str,
)
def test_every_answer_of_the_gateway_fits_the_document(settings):
    """All nine operations: success, refusal, and the state in between."""
    checked = Checked(**settings)
    later = (checked.gateway.clock.now().replace(year=2030)).isoformat()
    message = send_body(recipients=None)

    ticket = checked.ask("send_sms_campaign", send_body(send_at=later))["sms_ticket"]
    checked.ask("send_sms_campaign", send_body(text=""))
    checked.ask("cancel_sms_campaign", {"ticket_number": ticket})
    checked.ask("cancel_sms_campaign", {"ticket_number": ticket})
    checked.ask("get_sms_campaign_draft")
    for kind, name in (("list", "people"), ("tag", "vip")):
        create, confirm = (
            f"{verb}_sms_campaign_on_{kind}" for verb in ("create", "confirm")
        )
        prepared = checked.ask(create, message | {f"{kind}_name": name})
        checked.ask(create, message)
        checked.ask(confirm, prepared)
        for _ in range(2):
            checked.ask("get_sms_campaign_on_list_status", query=prepared.items())
        checked.ask("get_sms_campaign_draft")
        checked.ask(confirm, prepared)
        checked.ask("get_sms_campaign_on_list_status", query=prepared.items())
        checked.ask("cancel_sms_campaign_on_list", prepared)
        dropped = checked.ask(create, message | {f"{kind}_name": name})
        checked.ask("cancel_sms_campaign_on_list", dropped)

    assert {name for name, status in checked.seen if status < 300} == set(OPERATIONS)
    assert {name for name, status in checked.seen if status == 400} == set(OPERATIONS)
    assert checked.gateway.sent_log.numbers() == {ONE: 1, TWO: 1, THREE: 1}


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_gateway_refuses_a_stranger_as_documented(name):
    """401 and the error envelope, on each operation."""
    method, path, _ = operations()[name]
    request = call(method, path.removeprefix("/v1/public/"), {}, headers={})

    status, answer = read(fresh_gateway().handle(request))

    assert status == 401
    assert problems(response_schema(name, 401), answer) == []


def test_the_judge_shares_no_model_with_the_sdk():
    """It reads raw JSON, so that a mistake of the SDK is not repeated here."""
    allowed = {"_clock", "_lazy", "_wire", "errors"}
    # The fixtures judge nothing: they hand out a session of the SDK.
    for path in set(HERE.glob("*.py")) - {HERE / "pytest_plugin.py"}:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                named = (
                    {node.module} if node.module else {one.name for one in node.names}
                )
                assert named <= allowed, path
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert not node.module.startswith("aiooctopush"), path
