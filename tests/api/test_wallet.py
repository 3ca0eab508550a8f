"""The wallet chapter: what is asked, and every documented answer."""

import inspect
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from fakes import ScriptedTransport, answer, session_over
from hypothesis import given
from hypothesis import strategies as st
from sandbox.contract import cases_of, query_problems, sample_problems

from aiooctopush import (
    HttpResponse,
    InvalidFieldError,
    InvalidResponseError,
    OctopushSession,
)
from aiooctopush._wire import Idempotency, converter
from aiooctopush.api.wallet import (
    BALANCE,
    CREDITS,
    EUROS,
    Balance,
    CountryCredits,
    Credits,
    Product,
    Wallet,
    WalletPack,
)
from aiooctopush.sandbox import Gateway, GatewaySettings, SandboxTransport, VirtualClock


EXPIRES = datetime(2027, 1, 5, 10, tzinfo=timezone(timedelta(hours=1)))
BALANCES = {
    "euros": (Decimal("1000.5"), "euros", ()),
    "with_details": (
        Decimal("12.34567891"),
        "euros",
        (
            WalletPack(
                id="pack_1", credit=Decimal("12.34567891"), expiration_date=EXPIRES
            ),
        ),
    ),
    "one_product": (Decimal(1520), "sms_premium", ()),
    "figures_as_text": (Decimal("12.5"), "euros", ()),
    "packs_with_id": (
        Decimal("12.5"),
        "euros",
        (WalletPack(id="pack_1", credit=Decimal("12.5"), expiration_date=EXPIRES),),
    ),
}
CREDITS_OF = {
    "two_countries": {
        "FR": CountryCredits(sms_premium=16, voice_sms=8, sms_low_cost=20, hlr=100),
        "ES": CountryCredits(sms_premium=12, voice_sms=6, sms_low_cost=15, hlr=90),
    },
    "by_service": {"FR": CountryCredits(sms_premium=16, sms_low_cost=20)},
}


async def balance_of(body, status=200):
    """What a balance call makes of one answer."""
    async with session_over(ScriptedTransport(answer(status, body))) as octopush:
        return await octopush.wallet.balance()


async def credits_of(body):
    """What a credits call makes of one answer."""
    async with session_over(ScriptedTransport(answer(200, body))) as octopush:
        return await octopush.wallet.credits()


# --- documented answers ---------------------------------------------------------------


@pytest.mark.parametrize(("name", "sample"), cases_of("get_balance", "get_credits"))
def test_samples_fit_the_document(name, sample):
    """Query and answer, conflicts between the pages included."""
    assert sample_problems(name, sample) == []


@pytest.mark.parametrize(("name", "sample"), cases_of("get_balance"))
async def test_every_documented_balance_is_read(name, sample, request):
    """Both names of a pack, figures as text, and the text NULL for no packs."""
    balance = await balance_of(sample["response"], sample["status"])

    expected = BALANCES[request.node.callspec.id.split("/")[1]]
    assert (balance.amount, balance.unit, balance.wallet_packs) == expected
    assert balance.status == sample["status"]


@pytest.mark.parametrize(("name", "sample"), cases_of("get_credits"))
async def test_every_documented_credit_is_read(name, sample, request):
    """By country, under the names that the balance has for the products."""
    credits_ = await credits_of(sample["response"])

    expected = CREDITS_OF[request.node.callspec.id.split("/")[1]]
    assert credits_.countries == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"unit": "euros"}, id="no amount"),
        pytest.param({"amount": None, "unit": "euros"}, id="null"),
        pytest.param({"amount": "NULL", "unit": "euros"}, id="a word"),
        pytest.param({"amount": True, "unit": "euros"}, id="a bool"),
        pytest.param([], id="a list"),
    ],
)
async def test_a_balance_without_an_amount_is_no_balance(body):
    """It is not read as nought: that would stop a service for nothing."""
    transport = ScriptedTransport(*[answer(200, body)] * 4)

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidResponseError) as caught:
            await octopush.wallet.balance()

    assert caught.value.maybe_sent is False
    assert caught.value.attempts == 4


async def test_what_is_unknown_or_unreadable_beside_the_amount_is_left_out():
    """A new field, a missing unit, a pack that is none, a date that is none."""
    balance = await balance_of(
        {
            "amount": 1,
            "news": {},
            "wallet_packs": [7, {"id": 5, "credit": "much", "expiration_date": "soon"}],
        }
    )

    assert balance.amount == Decimal(1)
    assert balance.unit is None
    assert balance.wallet_packs == (WalletPack(id="5"),)


async def test_money_keeps_the_digits_of_the_gateway():
    """It never passes through a binary float."""
    balance = await balance_of({"amount": 0.1, "unit": EUROS})

    assert str(balance.amount) == "0.1"


@pytest.mark.parametrize("body", [[], {}], ids=["list", "object"])
async def test_no_country_may_be_an_empty_list(body):
    """PHP writes an empty map like that."""
    credits_ = await credits_of(body)

    assert credits_.countries == {}


async def test_what_is_no_country_is_left_out_of_the_credits():
    """Some answers of the gateway carry a code 0 and a message."""
    credits_ = await credits_of({"code": 0, "message": "", "FR": {"hlr": 3}})

    assert credits_.countries == {"FR": CountryCredits(hlr=3)}


@pytest.mark.parametrize(
    "body", [b"[1]", b'"none"', b"5", b"null", b"", b"<html>"], ids=repr
)
async def test_credits_of_another_shape_are_no_credits(body):
    """Neither is an empty answer."""
    transport = ScriptedTransport(*[HttpResponse(status=200, body=body)] * 4)

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidResponseError):
            await octopush.wallet.credits()


# --- what is asked --------------------------------------------------------------------


async def test_a_plain_balance_asks_for_nothing_more():
    """No query, no body."""
    transport = ScriptedTransport(answer(200, {"amount": 1}))

    async with session_over(transport) as octopush:
        await octopush.wallet.balance()

    (request,) = transport.requests
    assert (request.method, request.path) == (
        "GET",
        "/v1/public/wallet/check-balance",
    )
    assert (request.query, request.body) == ((), None)


async def test_the_balance_takes_details_country_and_product():
    """A flag is written as true, a product in the gateway's word."""
    transport = ScriptedTransport(answer(200, {"amount": 1}))

    async with session_over(transport) as octopush:
        await octopush.wallet.balance(
            with_details=True, country_code="FR", product_name=Product.VOICE_SMS
        )

    assert transport.requests[0].query == (
        ("with_details", "true"),
        ("country_code", "FR"),
        ("product_name", "vocal_sms"),
    )


async def test_credits_repeat_the_key_for_each_country():
    """Square brackets and all."""
    transport = ScriptedTransport(answer(200, {}))

    async with session_over(transport) as octopush:
        await octopush.wallet.credits(country_codes=(code for code in ("FR", "ES")))

    (request,) = transport.requests
    assert request.path == "/v1/public/wallet/check-credits"
    assert request.query == (("country_codes[]", "FR"), ("country_codes[]", "ES"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"country_code": "FR"}, "product_name: country_code and product_name go"),
        ({"product_name": "hlr"}, "country_code: country_code and product_name go"),
        ({"country_code": "fr", "product_name": "hlr"}, "two capital letters"),
        ({"country_code": "FRA", "product_name": "hlr"}, "two capital letters"),
        ({"country_code": "FR\n", "product_name": "hlr"}, "two capital letters"),
        ({"country_code": 33, "product_name": "hlr"}, "two capital letters"),
        (
            {"country_code": "FR", "product_name": "premium_sms"},
            "'sms_premium', 'sms_low",
        ),
        ({"with_details": "true"}, "True or False"),
        ({"with_details": None}, "True or False"),
    ],
    ids=str,
)
async def test_a_malformed_question_is_refused_before_any_request(arguments, words):
    """The gateway would drop what it does not understand, and answer another one."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidFieldError, match=words):
            await octopush.wallet.balance(**arguments)

    assert transport.requests == []


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ("FR", "must be a list"),
        (b"FR", "must be a list"),
        ({"FR": 1}, "must be a list"),
        (["FR", "es"], r"country_codes\[1\]: must be two capital"),
        ([None], r"country_codes\[0\]: must be two capital"),
    ],
    ids=str,
)
async def test_malformed_countries_are_refused_before_any_request(codes, words):
    """Each by its place."""
    async with session_over(ScriptedTransport()) as octopush:
        with pytest.raises(InvalidFieldError, match=words):
            await octopush.wallet.credits(country_codes=codes)


countries = st.from_regex(r"[A-Z]{2}", fullmatch=True)


@given(
    details=st.booleans(),
    product=st.none() | st.sampled_from(Product),
    country=countries,
    codes=st.lists(countries, max_size=5),
)
async def test_every_question_fits_the_document(details, product, country, codes):
    """Whatever the arguments, the query is one of the document's."""
    transport = ScriptedTransport(answer(200, {"amount": 1}), answer(200, {}))

    async with session_over(transport) as octopush:
        await octopush.wallet.balance(
            with_details=details,
            country_code=country if product else None,
            product_name=product,
        )
        await octopush.wallet.credits(country_codes=codes)

    balance, credits_ = transport.requests
    assert query_problems("get_balance", balance.query) == []
    assert query_problems("get_credits", credits_.query) == []


# --- the chapter as a whole -----------------------------------------------------------


@pytest.mark.parametrize("endpoint", [BALANCE, CREDITS], ids=["balance", "credits"])
def test_a_read_may_be_repeated(endpoint):
    """It changes nothing."""
    assert endpoint.idempotency is Idempotency.SAFE


async def test_a_read_that_failed_once_is_answered_the_second_time():
    """And says how many tries it took."""
    transport = ScriptedTransport(answer(502, {}), answer(200, {"amount": 3}))

    async with session_over(transport) as octopush:
        balance = await octopush.wallet.balance()

    assert (balance.amount, balance.attempts) == (Decimal(3), 2)


def test_timeout_is_an_option_of_every_call():
    """Seconds for the whole call."""
    calls = inspect.getmembers(Wallet, inspect.iscoroutinefunction)

    assert [name for name, _ in calls] == ["balance", "credits"]
    for _, call in calls:
        assert "timeout" in inspect.signature(call).parameters


async def test_the_sandbox_tells_what_is_left():
    """In euros, in packs, in messages of one product, and by country."""
    gateway = Gateway(GatewaySettings(credit=Decimal(20)), clock=VirtualClock())

    async with OctopushSession(
        "me@example.org",
        "key",
        transport=SandboxTransport(gateway),
        clock=gateway.clock,
    ) as octopush:
        euros = await octopush.wallet.balance(with_details=True)
        premium = await octopush.wallet.balance(
            country_code="FR", product_name="sms_premium"
        )
        units = await octopush.wallet.credits(country_codes=["FR", "ES"])

    assert (euros.amount, euros.unit) == (Decimal(20), "euros")
    assert [pack.credit for pack in euros.wallet_packs] == [Decimal(20)]
    assert (premium.amount, premium.unit) == (Decimal(400), "sms_premium")
    assert set(units.countries) == {"FR", "ES"}
    assert units.countries["ES"].sms_premium == 400


figures = st.decimals(0, 10**6, places=8)
packs = st.builds(WalletPack, id=st.none() | st.text(), credit=st.none() | figures)
balances = st.builds(
    Balance,
    amount=figures,
    unit=st.sampled_from([None, *Product, EUROS]),
    wallet_packs=st.lists(packs, max_size=3).map(tuple),
)


@given(balance=balances)
def test_a_balance_survives_the_way_through_plain_data(balance):
    """What came back can be stored and read again."""
    plain = converter.unstructure(balance)

    assert converter.structure(plain, Balance) == balance


@given(
    body=st.dictionaries(
        st.text(max_size=3),
        st.none() | st.integers() | st.dictionaries(st.text(), st.integers()),
    )
)
def test_credits_hold_countries_and_nothing_else(body):
    """Whatever stands among them."""
    read = converter.structure({"countries": body}, Credits)

    assert set(read.countries) == {
        name for name, value in body.items() if isinstance(value, dict)
    }
