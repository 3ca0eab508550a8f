"""The wallet of the simulated gateway: its answers, and what it refuses."""

from decimal import Decimal

import pytest
from sandbox.calls import ask, call, fresh_gateway, read, send
from sandbox.contract import problems, response_schema


BALANCE = ("GET", "wallet/check-balance")
CREDITS = ("GET", "wallet/check-credits")
DETAILS = ("with_details", "true")


def test_the_balance_is_answered_as_documented():
    """In euros, without packs."""
    status, answer = ask(fresh_gateway(), *BALANCE)

    assert (status, answer) == (
        200,
        {"amount": 1000.0, "unit": "euros", "wallet_packs": None},
    )


def test_the_balance_sinks_with_each_message():
    """By what the answer said it cost."""
    gateway = fresh_gateway(credit=Decimal(1))
    send(gateway)

    assert ask(gateway, *BALANCE)[1]["amount"] == 0.95


def test_details_hold_one_pack_with_all_the_credit():
    """It expires a year after the gateway began."""
    _, answer = ask(fresh_gateway(), *BALANCE, query=[DETAILS])

    assert answer["wallet_packs"] == [
        {
            "wallet_pack_id": "wallet_pack_1",
            "credit": 1000.0,
            "expiration_date": "2027-01-05T10:00:00+00:00",
        }
    ]


def test_the_answer_of_the_first_read_me_can_be_had():
    """Figures as text, NULL for no packs, and id for the name of a pack."""
    gateway = fresh_gateway(figures_as_text=True)

    _, short = ask(gateway, *BALANCE)
    _, long = ask(gateway, *BALANCE, query=[DETAILS])

    assert short == {"amount": "1000", "unit": "euros", "wallet_packs": "NULL"}
    assert long["wallet_packs"][0]["id"] == "wallet_pack_1"
    assert long["wallet_packs"][0]["credit"] == "1000"


@pytest.mark.parametrize(
    ("product", "units"),
    [
        ("sms_premium", 20000),
        ("sms_low_cost", 33333),
        ("vocal_sms", 10000),
        ("hlr", 100000),
    ],
)
def test_a_product_is_counted_in_whole_units(product, units):
    """And is the unit of the answer."""
    query = [("country_code", "FR"), ("product_name", product)]

    _, answer = ask(fresh_gateway(), *BALANCE, query=query)

    assert (answer["amount"], answer["unit"]) == (units, product)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ([("country_code", "FR")], 400),
        ([("product_name", "hlr")], 400),
        ([("country_code", "FR"), ("product_name", "premium_sms")], 400),
        ([("country_code", "France"), ("product_name", "hlr")], 151),
    ],
    ids=["no product", "no country", "a wrong product", "a wrong country"],
)
def test_half_a_question_is_refused(query, code):
    """Country and product go together."""
    status, answer = ask(fresh_gateway(), *BALANCE, query=query)

    assert (status, answer["code"]) == (400, code)


def test_credits_are_answered_for_each_country_asked_for():
    """Under names of their own."""
    query = [("country_codes[]", "FR"), ("country_codes[]", "ES")]
    units = {
        "premium_sms": 20000,
        "vocal_sms": 10000,
        "low_cost_sms": 33333,
        "hlr": 100000,
    }

    status, answer = ask(fresh_gateway(), *CREDITS, query=query)

    assert (status, answer) == (200, {"FR": units, "ES": units})


def test_credits_of_no_country_are_those_of_france():
    """Undocumented, our choice."""
    assert set(ask(fresh_gateway(), *CREDITS)[1]) == {"FR"}


def test_credits_of_what_is_no_country_are_refused():
    """With the legacy code for a country that is not served."""
    query = [("country_codes[]", "33")]

    status, answer = ask(fresh_gateway(), *CREDITS, query=query)

    assert (status, answer["code"]) == (400, 151)


@pytest.mark.parametrize(
    "settings",
    [{"credit": Decimal(-1)}, {"price_per_sms": Decimal(0)}],
    ids=["in debt", "for free"],
)
def test_what_cannot_be_counted_is_nought(settings):
    """Neither below it nor without end."""
    _, answer = ask(fresh_gateway(**settings), *CREDITS)

    assert answer["FR"]["premium_sms"] == 0


@pytest.mark.parametrize("operation", [BALANCE, CREDITS], ids=["balance", "credits"])
def test_a_misspelt_question_is_dropped_or_refused(operation):
    """Dropped like the real gateway does, refused where a test asks for it."""
    query = [("with-details", "true")]

    assert ask(fresh_gateway(), *operation, query=query)[0] == 200
    strict = fresh_gateway(strict_unknown_fields=True)
    assert ask(strict, *operation, query=query)[0] == 400
    known = DETAILS if operation is BALANCE else ("country_codes[]", "FR")
    assert ask(strict, *operation, query=[known])[0] == 200


@pytest.mark.parametrize("settings", [{}, {"figures_as_text": True}], ids=str)
@pytest.mark.parametrize(
    ("name", "operation", "query"),
    [
        ("get_balance", BALANCE, []),
        ("get_balance", BALANCE, [DETAILS]),
        ("get_balance", BALANCE, [("country_code", "FR"), ("product_name", "hlr")]),
        ("get_balance", BALANCE, [("country_code", "FR")]),
        ("get_credits", CREDITS, []),
        ("get_credits", CREDITS, [("country_codes[]", "x")]),
    ],
    ids=["plain", "details", "product", "half", "credits", "wrong country"],
)
def test_every_answer_fits_the_document(settings, name, operation, query):
    """Successes and refusals alike."""
    status, answer = ask(fresh_gateway(**settings), *operation, query=query)

    assert problems(response_schema(name, status), answer) == []


@pytest.mark.parametrize("operation", [BALANCE, CREDITS], ids=["balance", "credits"])
def test_a_stranger_is_refused(operation):
    """401, as everywhere."""
    status, _ = read(fresh_gateway().handle(call(*operation, headers={})))

    assert status == 401
