"""Number lookup of the simulated gateway: its answers, its prices, its refusals."""

import json
from decimal import Decimal

import pytest
from attrs import evolve
from sandbox.calls import HEADERS, ONE, TWO, call, fresh_gateway, read
from sandbox.contract import cases_of, operations, problems, response_schema

from aiooctopush.sandbox import FaultPlan, SandboxTransport


OPERATIONS = ["lookup_hlr", "lookup_mnp", "lookup_mnp_v2"]


def request_of(name, body, headers=HEADERS):
    """Build the request of an operation, version 2 included."""
    method, path, _ = operations()[name]
    return evolve(call(method, "", body, headers=headers), path=path)


def look_up(gateway, name, *numbers, **more):
    """Look numbers up; status and JSON of the answer."""
    body = {"phone_numbers": list(numbers), **more}
    return read(gateway.handle(request_of(name, body)))


def test_an_hlr_is_answered_as_documented():
    """Figures for the codes, a plus, and all fields of the table."""
    assert look_up(fresh_gateway(), "lookup_hlr", ONE) == (
        200,
        [
            {
                "network_name": "Sandbox Mobile",
                "mcc": 208,
                "mnc": 8,
                "country_name": "France",
                "country_code_iso3": "FRA",
                "country_code": "FR",
                "area": "Europe",
                "country_prefix": "+33",
                "status": "valid",
                "phone_number_type": "mobile",
                "line_status": "live",
                "is_ported": False,
                "ported_date": None,
                "original_network_details": None,
                "phone_number": ONE,
            }
        ],
    )


def test_an_mnp_is_answered_as_documented():
    """Text with leading zeros, no plus, and neither status nor type."""
    _, (line,) = look_up(fresh_gateway(), "lookup_mnp", ONE)

    assert (line["mcc"], line["mnc"], line["country_prefix"]) == ("208", "08", "33")
    assert {"status", "phone_number_type"}.isdisjoint(line)


def test_an_mnp_of_version_2_names_its_price():
    """As decimal text, beside an id of the gateway's own."""
    gateway = fresh_gateway(price_per_mnp=Decimal("0.0125"))

    _, first = look_up(gateway, "lookup_mnp_v2", ONE, TWO)
    _, second = look_up(gateway, "lookup_mnp_v2", ONE)

    assert (first["cost"], second["cost"]) == ("0.0250", "0.0125")
    assert (first["number_of_numbers"], len(first["results"])) == (2, 2)
    assert first["request_id"] != second["request_id"]
    assert len(first["request_id"]) == 36


def test_the_answer_of_version_2_may_stand_in_brackets():
    """As its page prints it."""
    gateway = fresh_gateway(brackets_mnp=True, figures_as_text=True)

    _, (answer,) = look_up(gateway, "lookup_mnp_v2", ONE)

    assert answer["number_of_numbers"] == "1"


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_test_may_say_what_a_line_is_like(name):
    """For that number alone."""
    gateway = fresh_gateway()
    gateway.lines[TWO] = {"line_status": "dead"}

    _, answer = look_up(gateway, name, ONE, TWO)

    rows = answer["results"] if name == "lookup_mnp_v2" else answer
    assert [one["line_status"] for one in rows] == ["live", "dead"]


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("lookup_hlr", Decimal("0.7")),
        ("lookup_mnp", Decimal("0.8")),
        ("lookup_mnp_v2", Decimal("0.8")),
    ],
)
def test_every_number_is_paid(name, left):
    """Each time it is asked."""
    gateway = fresh_gateway(
        credit=Decimal(1), price_per_hlr=Decimal("0.1"), price_per_mnp=Decimal("0.05")
    )

    look_up(gateway, name, ONE, TWO)
    look_up(gateway, name, ONE)
    if name != "lookup_hlr":
        look_up(gateway, name, ONE)

    assert gateway.credit == left
    assert gateway.lookups[TWO] == 1
    assert gateway.lookups[ONE] > 1


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_lookup_without_credit_is_refused(name):
    """As a whole, and nothing is paid."""
    gateway = fresh_gateway(
        credit=Decimal("0.1"),
        price_per_hlr=Decimal("0.1"),
        price_per_mnp=Decimal("0.1"),
    )

    assert look_up(gateway, name, ONE, TWO)[1]["code"] == 104
    assert (gateway.credit, gateway.lookups) == (Decimal("0.1"), {})
    assert look_up(gateway, name, ONE)[0] == 200
    assert gateway.credit == 0


@pytest.mark.parametrize("name", ["lookup_hlr", "lookup_mnp_v2"])
def test_a_simulation_costs_nothing(name):
    """Not even without credit."""
    gateway = fresh_gateway(credit=Decimal(0))

    status, answer = look_up(gateway, name, ONE, simulation_mode=True)

    assert status == 200
    assert gateway.lookups == {}
    if name == "lookup_mnp_v2":
        assert answer["cost"] == "0"


def test_mnp_v1_drops_a_simulation_and_charges():
    """It does not know the word; a strict gateway says so."""
    gateway, strict = fresh_gateway(), fresh_gateway(strict_unknown_fields=True)

    assert look_up(gateway, "lookup_mnp", ONE, simulation_mode=True)[0] == 200
    assert gateway.lookups == {ONE: 1}
    _, answer = look_up(strict, "lookup_mnp", ONE, simulation_mode=True)
    assert "simulation_mode" in answer["message"]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([], "phone_numbers"),
        (["0600000001"], "phone_numbers.0"),
        ([ONE, 5], "phone_numbers.1"),
        ([ONE] * 201, "more than 200"),
    ],
    ids=["none", "national", "figure", "too many"],
)
def test_bad_numbers_are_refused(name, numbers, told):
    """Code 400, as the page of MNP shows; nothing is paid."""
    gateway = fresh_gateway()

    status, answer = look_up(gateway, name, *numbers)

    assert (status, answer["code"]) == (400, 400)
    assert told in answer["message"]
    assert gateway.credit == 1000


def test_lookups_are_forgotten_with_a_reset():
    """And the credit comes back."""
    gateway = fresh_gateway()
    look_up(gateway, "lookup_hlr", ONE)

    gateway.reset()

    assert (gateway.lookups, gateway.credit) == ({}, 1000)


def test_a_lookup_that_comes_late_is_counted_when_it_has_come():
    """As with the sent log."""
    gateway = fresh_gateway()
    gateway.defer(request_of("lookup_hlr", {"phone_numbers": [ONE]}), seconds=5)

    assert gateway.lookups == {}
    gateway.clock.advance(5)
    assert gateway.lookups == {ONE: 1}


async def test_an_answer_without_a_ticket_loses_none():
    """The fault that takes the ticket leaves a list as it is."""
    gateway = fresh_gateway()
    door = SandboxTransport(gateway, FaultPlan.schedule(["no_ticket_after_commit"]))

    response = await door.send(request_of("lookup_mnp", {"phone_numbers": [ONE]}))

    assert json.loads(response.body)[0]["phone_number"] == ONE


@pytest.mark.parametrize(("name", "sample"), cases_of(*OPERATIONS))
def test_the_gateway_answers_a_sample_as_documented(name, sample):
    """Its status and, beside values that are made up, its fields."""
    gateway = fresh_gateway(
        strict_unknown_fields=True,
        brackets_mnp=isinstance(sample["response"], list),
    )
    if sample["status"] == 400:
        sample["request"]["phone_numbers"] = ["?"]

    status, answer = read(gateway.handle(request_of(name, sample["request"])))

    assert status == sample["status"]
    assert problems(response_schema(name, status), answer) == []
    assert fields_of(answer) >= fields_of(sample["response"])


def fields_of(body):
    """The names of all fields, of the one object or of the first of several."""
    first = body[0] if isinstance(body, list) else body
    inside = first.get("results", [{}])[0]
    return set(first) | set(inside)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_gateway_refuses_a_stranger_as_documented(name):
    """401 and the error envelope, on each operation."""
    status, answer = read(fresh_gateway().handle(request_of(name, {}, headers={})))

    assert status == 401
    assert problems(response_schema(name, 401), answer) == []
