"""The web services in examples/, judged by the sent log of the gateway behind them."""

from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp.test_utils import TestClient, TestServer
from integrations.callbacks import TOKEN, until
from running import load


ADA = "+33639980001"


@asynccontextmanager
async def browsing(service):
    """A browser before an ASGI service that runs."""
    async with service.lifespan(service.app) as state:

        async def app(scope, receive, send):
            await service.app({**scope, "state": dict(state or {})}, receive, send)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://service"
        ) as browser:
            yield browser


# --- FastAPI --------------------------------------------------------------------------


async def test_a_code_is_sent_once_for_each_signup(sandbox, monkeypatch):
    """However often the browser asks."""
    service = load("fastapi_service", monkeypatch)
    wanted = {"phone_number": ADA, "signup": "42"}

    async with browsing(service) as browser:
        first = await browser.post("/codes", json=wanted)
        again = await browser.post("/codes", json=wanted)
        found = await browser.get("/codes/42")

    assert first.json() == {"outcome": "accepted"}
    assert again.json() == {"outcome": "sent before"}
    assert found.json() == {"outcome": "accepted", "delivery": "not known yet"}
    assert sandbox.gateway.sent_log.times(ADA) == 1


async def test_a_service_without_a_token_says_where_callbacks_go(
    sandbox, monkeypatch, capsys
):
    """Nobody could guess it; whoever tries the example needs it."""
    monkeypatch.delenv("CALLBACK_TOKEN")
    service = load("fastapi_service", monkeypatch)
    (place,) = [one for one in capsys.readouterr().out.split() if "/" in one]

    async with browsing(service) as browser:
        there = await browser.post(place, json={"number": ADA, "status": "ACK"})
        elsewhere = await browser.post(f"{place}x", json={})

    assert place.startswith("/octopush/")
    assert (there.status_code, elsewhere.status_code) == (200, 404)


def test_a_token_that_is_set_is_not_shown(monkeypatch, capsys):
    """It is a secret, and a program's output is kept."""
    monkeypatch.setenv("CALLBACK_TOKEN", TOKEN)

    assert load("account", monkeypatch).callback_token() == TOKEN
    assert capsys.readouterr().out == ""


async def test_a_receipt_tells_the_service_that_a_code_has_arrived(
    sandbox, monkeypatch
):
    """As the gateway posts it."""
    service = load("fastapi_service", monkeypatch)
    callbacks = sandbox.gateway.callbacks()

    async with browsing(service) as browser:
        await browser.post("/codes", json={"phone_number": ADA, "signup": "42"})
        for one in callbacks.take_all():
            answer = await browser.post(
                f"/octopush/{TOKEN}",
                content=one.body,
                headers={"content-type": one.content_type},
            )
            assert answer.status_code == 200
        await until(lambda: not service.callbacks.waiting)
        found = await browser.get("/codes/42")

    assert found.json() == {"outcome": "accepted", "delivery": "DELIVERED"}


@pytest.mark.parametrize(
    ("number", "fault", "credit", "status", "outcome"),
    [
        pytest.param("06", None, 10, 422, None, id="no number"),
        pytest.param(ADA, None, 0, 502, "refused", id="refused"),
        pytest.param(ADA, "error_500_after_commit", 10, 200, "unknown", id="unknown"),
    ],
)
async def test_trouble_is_told_to_the_browser(  # noqa: PLR0917  # a table
    sandbox, faults, monkeypatch, number, fault, credit, status, outcome
):
    """What is wrong, what is refused, and what may have been sent."""
    service = load("fastapi_service", monkeypatch)
    sandbox.gateway.credit = credit
    if fault:
        # Silent, then refused with an answer that proves nothing of the first try.
        faults.fail_next(fault)
        faults.fail_next("firewall_403")

    async with browsing(service) as browser:
        wanted = {"phone_number": number, "signup": "42"}
        answer = await browser.post("/codes", json=wanted)
        found = await browser.get("/codes/42")

    assert answer.status_code == status
    assert found.json().get("outcome") == outcome


# --- aiohttp.web ----------------------------------------------------------------------


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"phone_number"'])
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("aiohttp_service", "/orders/17/shipped"),
        ("starlette_service", "/login"),
        ("starlette_service", "/login/check"),
        ("fastapi_service", "/codes"),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_bad_request(
    monkeypatch, name, path, body
):
    """And not an error of the service."""
    service = load(name, monkeypatch)

    if name == "aiohttp_service":
        async with TestClient(TestServer(service.create_app(TOKEN))) as shop:
            status = (await shop.post(path, data=body)).status
    else:
        async with browsing(service) as browser:
            status = (await browser.post(path, content=body)).status_code

    assert status in {400, 422}


async def test_an_opt_out_counts_however_the_shop_writes_the_number(
    sandbox, monkeypatch
):
    """The gateway writes it in its own way."""
    service = load("aiohttp_service", monkeypatch)
    order = {"phone_number": "+33 6 39 98 00 01"}

    async with TestClient(TestServer(service.create_app(TOKEN))) as shop:
        shop.app[service.OPTED_OUT].add(ADA)
        told = await shop.post("/orders/17/shipped", json=order)

        assert await told.json() == {"outcome": "opted out"}
    assert len(sandbox.gateway.sent_log) == 0


async def test_an_order_is_told_once(sandbox, monkeypatch):
    """However often the shop says that it has shipped."""
    service = load("aiohttp_service", monkeypatch)

    async with TestClient(TestServer(service.create_app(TOKEN))) as shop:
        told = [
            await (await shop.post(path, json={"phone_number": ADA})).json()
            for path in ["/orders/17/shipped"] * 2 + ["/orders/18/shipped"]
        ]
        wrong = await shop.post("/orders/19/shipped", json={"phone_number": "06"})

    assert [one["outcome"] for one in told] == ["accepted", "sent before", "accepted"]
    assert wrong.status == 422
    assert sandbox.gateway.sent_log.times(ADA) == 2


async def test_who_opts_out_gets_no_more_messages(sandbox, monkeypatch):
    """From the callback on; the gateway is not even asked."""
    service = load("aiohttp_service", monkeypatch)
    callbacks = sandbox.gateway.callbacks()
    callbacks.opt_out(ADA)
    app = service.create_app(TOKEN)

    async with TestClient(TestServer(app)) as shop:
        for one in callbacks.take_all():
            headers = {"Content-Type": one.content_type}
            await shop.post(f"/octopush/{TOKEN}", data=one.body, headers=headers)
        await until(lambda: app[service.OPTED_OUT])
        answer = await shop.post("/orders/17/shipped", json={"phone_number": ADA})
        told = await answer.json()

    assert told == {"outcome": "opted out"}
    assert sandbox.gateway.sent_log.times(ADA) == 0


async def test_the_shop_may_ask_again_after_trouble(sandbox, monkeypatch):
    """Refused for want of credit at first; then it goes out, once."""
    service = load("aiohttp_service", monkeypatch)
    sandbox.gateway.credit = 0

    async with TestClient(TestServer(service.create_app(TOKEN))) as shop:
        order = {"phone_number": ADA}
        refused = await shop.post("/orders/17/shipped", json=order)
        sandbox.gateway.credit = 10
        sent = await shop.post("/orders/17/shipped", json=order)

    assert (refused.status, sent.status) == (503, 200)
    assert sandbox.gateway.sent_log.times(ADA) == 1


# --- Starlette ------------------------------------------------------------------------


async def test_who_types_the_code_is_let_in_once(sandbox, monkeypatch):
    """A wrong code, the right one, and the right one again."""
    service = load("starlette_service", monkeypatch)

    async with browsing(service) as browser:
        started = await browser.post("/login", json={"phone_number": ADA})
        (code,) = sandbox.gateway.codes
        checked = [
            await browser.post(
                "/login/check", json={"phone_number": ADA, "code": typed}
            )
            for typed in ("wrong!", code.code, code.code)
        ]

    assert started.json() == {"code_may_come": True}
    assert [(one.status_code, one.json()["state"]) for one in checked] == [
        (403, "wrong"),
        (200, "valid"),
        (403, "not_found"),
    ]


async def test_a_login_that_fails_is_told(sandbox, faults, monkeypatch):
    """And whether a code may come all the same: it has come, here."""
    service = load("starlette_service", monkeypatch)
    faults.fail_next("error_500_after_commit")

    async with browsing(service) as browser:
        unknown = await browser.post("/login", json={"phone_number": ADA})
        wrong = await browser.post("/login", json={"phone_number": "06"})

    assert (unknown.status_code, unknown.json()) == (503, {"code_may_come": True})
    assert wrong.status_code == 422
    assert len(sandbox.gateway.codes) == 1


async def test_a_code_that_cannot_be_checked_lets_nobody_in(
    sandbox, faults, monkeypatch
):
    """Silence of the gateway is no yes."""
    service = load("starlette_service", monkeypatch)

    async with browsing(service) as browser:
        await browser.post("/login", json={"phone_number": ADA})
        faults.fail_next("error_500", times=9)
        (code,) = sandbox.gateway.codes
        checked = await browser.post(
            "/login/check", json={"phone_number": ADA, "code": code.code}
        )

    assert checked.status_code == 503


# --- without an account ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [("fastapi_service", "/codes"), ("starlette_service", "/login")],
)
async def test_a_service_needs_no_account(monkeypatch, name, path):
    """It has a gateway of its own then."""
    service = load(name, monkeypatch)

    async with browsing(service) as browser:
        answer = await browser.post(path, json={"phone_number": ADA, "signup": "1"})

    assert answer.status_code == 200


async def test_the_shop_needs_no_account(monkeypatch):
    """It has a gateway of its own then."""
    service = load("aiohttp_service", monkeypatch)

    async with TestClient(TestServer(service.create_app(TOKEN))) as shop:
        answer = await shop.post("/orders/1/shipped", json={"phone_number": ADA})

    assert answer.status == 200
