"""Sub-accounts of the simulated gateway, and credit that moves to them."""

from decimal import Decimal

import pytest
from sandbox.calls import LOGIN, ask, call, fresh_gateway, read, send
from sandbox.contract import operations, problems, response_schema

from aiooctopush import OctopushSession
from aiooctopush.sandbox import SandboxServer


CREATE = ("POST", "subaccount/create")
TOKEN = ("POST", "subaccount/credit-transfer/token")
TRANSFER = ("POST", "subaccount/credit-transfer/transfer")
ADA = {"first_name": "Ada", "last_name": "Lovelace", "password": "correct horse"}
FIRST = "sandbox1@sub-accounts.com"
SECOND = "sandbox2@sub-accounts.com"


def gateway_with_ada(**settings):
    """A gateway with one sub-account."""
    gateway = fresh_gateway(credit=Decimal(100), **settings)
    assert ask(gateway, *CREATE, ADA) == (201, {"login": FIRST})
    return gateway


def account_of(gateway, login=FIRST):
    """What a sub-account is answered as."""
    status, answer = ask(gateway, "GET", f"subaccount/{login}")
    assert status == 200
    return answer


def own_headers(gateway, login=FIRST):
    """Headers of the sub-account itself."""
    return {"api-login": login, "api-key": account_of(gateway, login)["api_key"]}


def token_for(gateway, login=FIRST):
    """A token for a transfer to a sub-account."""
    status, answer = ask(gateway, *TOKEN, {"email_to": login})
    assert status == 201
    return answer["token"]


def move(gateway, **changes):
    """Transfer ten euros; status and answer."""
    body = {"from_wallet_pack_id": "wallet_pack_1", "amount": 10} | changes
    return ask(gateway, *TRANSFER, body)


# --- accounts -------------------------------------------------------------------------


def test_a_sub_account_is_answered_as_documented():
    """With a key of its own, and callback in the singular."""
    gateway = gateway_with_ada()

    answer = account_of(gateway)

    key = answer.pop("api_key")
    assert len(key) == 32
    assert answer == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "company_name": None,
        "callback": {
            "callback_url_for_inbounds": None,
            "callback_url_for_deliveries": None,
            "callback_url_for_blacklisted_numbers": None,
            "callback_url_for_visits": None,
            "email": None,
        },
    }


def test_the_login_may_be_percent_encoded():
    """As a client should."""
    gateway = gateway_with_ada()

    status, _ = ask(gateway, "GET", "subaccount/sandbox1%40sub-accounts.com")

    assert status == 200


async def test_a_login_arrives_through_the_server():
    """Percent-encoded on the wire."""
    gateway = gateway_with_ada()

    async with (
        SandboxServer(gateway=gateway) as server,
        OctopushSession(LOGIN, "key", base_url=server.url) as octopush,
    ):
        found = await octopush.subaccounts.get(FIRST)

    assert found.first_name == "Ada"


def test_a_change_leaves_the_rest_as_it_was():
    """Null removes a URL."""
    gateway = gateway_with_ada()
    edit = ("PATCH", f"subaccount/{FIRST}/edit")
    urls = {
        "callback_url_for_inbounds": "https://x/in",
        "callback_url_for_visits": "https://x/visits",
        "email_for_inbounds": "a@b",
    }

    assert ask(gateway, *edit, {"company_name": "Engines"}) == (201, {})
    assert ask(gateway, *edit, {"callbacks": urls})[0] == 201
    ask(gateway, *edit, {"callbacks": {"callback_url_for_visits": None}})

    answer = account_of(gateway)
    assert (answer["first_name"], answer["company_name"]) == ("Ada", "Engines")
    assert answer["callback"]["callback_url_for_inbounds"] == "https://x/in"
    assert answer["callback"]["callback_url_for_visits"] is None
    assert answer["callback"]["email"] == "a@b"


@pytest.mark.parametrize("missing", ADA)
def test_names_and_password_are_required(missing):
    """Each of them."""
    body = {name: value for name, value in ADA.items() if name != missing}

    status, answer = ask(fresh_gateway(), *CREATE, body)

    assert (status, answer["code"]) == (400, 400)
    assert missing in answer["message"]


@pytest.mark.parametrize("odd", ["", 5, None], ids=repr)
def test_an_odd_name_is_refused(odd):
    """On creation and on change."""
    gateway = gateway_with_ada()

    created = ask(gateway, *CREATE, ADA | {"first_name": odd})
    changed = ask(gateway, "PATCH", f"subaccount/{FIRST}/edit", {"company_name": odd})

    assert (created[0], changed[0]) == (400, 400)


def test_odd_callbacks_are_dropped():
    """As the real gateway drops what it does not understand."""
    gateway = fresh_gateway()
    odd = {"callback_url_for_visits": 5, "callback_url": "https://x"}

    ask(gateway, *CREATE, ADA | {"callbacks": odd})
    ask(gateway, *CREATE, ADA | {"callbacks": "https://x"})

    for login in (FIRST, SECOND):
        assert set(account_of(gateway, login)["callback"].values()) == {None}


@pytest.mark.parametrize(
    "body",
    [ADA | {"name": "Ada"}, ADA | {"callbacks": {"callback_url": "https://x"}}],
    ids=["field", "callback"],
)
def test_an_unknown_field_can_be_refused(body):
    """Where a test asks for it."""
    strict = fresh_gateway(strict_unknown_fields=True)
    known = ADA | {"callbacks": {"callback_url_for_visits": None}}

    assert ask(fresh_gateway(), *CREATE, body)[0] == 201
    assert ask(strict, *CREATE, body)[0] == 400
    assert ask(strict, *CREATE, known)[0] == 201


def test_twenty_sub_accounts_are_all():
    """By default."""
    gateway = fresh_gateway()

    answers = [ask(gateway, *CREATE, ADA) for _ in range(21)]

    assert [status for status, _ in answers] == [201] * 20 + [400]
    assert len({answer["login"] for _, answer in answers[:20]}) == 20


def test_the_accounts_of_others_are_not_mine():
    """Neither to read, nor to change, nor to pay."""
    gateway = gateway_with_ada()
    other = {"api-login": "other@example.org", "api-key": "key"}

    answers = [
        ask(gateway, "GET", f"subaccount/{FIRST}", headers=other),
        ask(gateway, "PATCH", f"subaccount/{FIRST}/edit", {}, headers=other),
        ask(gateway, *TOKEN, {"email_to": FIRST}, headers=other),
        ask(gateway, "GET", f"subaccount/{SECOND}"),
    ]

    assert [(status, answer["code"]) for status, answer in answers] == [(400, 210)] * 4


def test_a_sub_account_has_no_sub_accounts():
    """Not allowed for this user."""
    gateway = gateway_with_ada()

    status, answer = ask(gateway, *CREATE, ADA, headers=own_headers(gateway))

    assert (status, answer["code"]) == (400, 209)


def test_a_sub_account_is_let_in_with_its_own_key_only():
    """Whatever the key of the account."""
    gateway = fresh_gateway(api_login=LOGIN, api_key="key")
    ask(gateway, *CREATE, ADA)
    headers = own_headers(gateway)
    balance = ("GET", "wallet/check-balance")

    assert ask(gateway, *balance, headers=headers)[0] == 200
    assert ask(gateway, *balance, headers=headers | {"api-key": "key"})[0] == 401


# --- credit ---------------------------------------------------------------------------


def test_credit_moves_once():
    """Both sides are told, and the token is used up."""
    gateway = gateway_with_ada()
    token = token_for(gateway)

    first = move(gateway, token=token)
    second = move(gateway, token=token)

    assert first == (
        200,
        {
            "wallet_pack_from": {"id": "wallet_pack_1", "residual_credit": 90.0},
            "wallet_pack_to": {"id": "wallet_pack_2", "residual_credit": 10.0},
        },
    )
    assert (second[0], second[1]["code"]) == (400, 203)
    assert gateway.credit == Decimal(90)


def test_a_sub_account_spends_its_own_credit():
    """And the account keeps what it has."""
    gateway = gateway_with_ada()
    move(gateway, token=token_for(gateway))
    headers = own_headers(gateway)
    balance = ("GET", "wallet/check-balance")
    details = [("with_details", "true")]

    status, sent = read(gateway.handle(_send(headers)))
    _, left = ask(gateway, *balance, query=details, headers=headers)

    assert (status, sent["residual_credit"]) == (201, 9.95)
    assert left["amount"] == 9.95
    assert left["wallet_packs"][0]["wallet_pack_id"] == "wallet_pack_2"
    assert gateway.credit == Decimal(90)
    assert ask(gateway, *balance)[1]["amount"] == 90.0


def test_a_sub_account_without_credit_sends_nothing():
    """Until some was transferred."""
    gateway = gateway_with_ada()

    status, answer = read(gateway.handle(_send(own_headers(gateway))))

    assert (status, answer["code"]) == (400, 104)
    assert send(gateway)[0] == 201


def _send(headers):
    body = {
        "recipients": [{"phone_number": "+33600000001"}],
        "text": "Hello",
        "sender": "Acme",
        "type": "sms_premium",
        "purpose": "alert",
    }
    return call("POST", "sms-campaign/send", body, headers=headers)


def test_only_the_last_token_is_valid():
    """One at a time."""
    gateway = gateway_with_ada()
    old, new = token_for(gateway), token_for(gateway)

    assert old != new
    assert move(gateway, token=old)[1]["code"] == 204
    assert move(gateway, token=new)[0] == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "made up"}, 204),
        ({"token": None}, 204),
        ({"token": 5}, 204),
        ({"from_wallet_pack_id": "wallet_pack_2"}, 400),
        ({"amount": 0}, 205),
        ({"amount": "10"}, 205),
        ({"amount": True}, 205),
        ({"amount": 101}, 104),
    ],
    ids=str,
)
def test_a_refused_transfer_moves_nothing(changes, code):
    """And leaves the token as it was."""
    gateway = gateway_with_ada()
    token = token_for(gateway)

    status, answer = move(gateway, **{"token": token} | changes)

    assert (status, answer["code"]) == (400, code)
    assert gateway.credit == Decimal(100)
    assert move(gateway, token=token, amount=100)[0] == 200


@pytest.mark.parametrize("login", ["", None, 5], ids=repr)
def test_a_token_wants_a_login(login):
    """The legacy code for a wrong address."""
    status, answer = ask(gateway_with_ada(), *TOKEN, {"email_to": login})

    assert (status, answer["code"]) == (400, 202)


def test_a_token_without_any_leave_is_wrong():
    """Nobody asked for one."""
    assert move(gateway_with_ada(), token="x")[1]["code"] == 204


def test_a_reset_forgets_sub_accounts_and_restores_the_credit():
    """A login is never given out twice."""
    gateway = gateway_with_ada()
    move(gateway, token=token_for(gateway))

    gateway.reset()

    assert gateway.credit == Decimal(100)
    assert ask(gateway, "GET", f"subaccount/{FIRST}")[0] == 400
    assert ask(gateway, *CREATE, ADA)[1]["login"] != FIRST


# --- paths and documents --------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "subaccount/a@b/edit", 405),
        ("GET", "subaccount/a@b/c", 404),
        ("GET", "subaccount/", 404),
        ("DELETE", "subaccount/credit-transfer/token", 405),
        ("GET", "subaccount/create", 405),
    ],
)
def test_a_path_beside_the_template_is_none(method, path, status):
    """A login holds no slash, is not empty, and is no path that is written out."""
    assert ask(gateway_with_ada(), method, path, {})[0] == status


@pytest.mark.parametrize("settings", [{}, {"figures_as_text": True}], ids=str)
def test_every_answer_fits_the_document(settings):
    """Successes and refusals alike."""
    gateway = gateway_with_ada(**settings)
    token = token_for(gateway)
    body = {"token": token, "from_wallet_pack_id": "wallet_pack_1", "amount": 10}
    steps = [
        ("create_subaccount", {}, ADA),
        ("create_subaccount", {}, {}),
        ("update_subaccount", {"login": FIRST}, {"company_name": "x"}),
        ("update_subaccount", {"login": "a@b"}, {"company_name": "x"}),
        ("get_subaccount", {"login": FIRST}, None),
        ("get_subaccount", {"login": "a@b"}, None),
        ("transfer_credit", {}, body),
        ("transfer_credit", {}, body),
        ("create_credit_transfer_token", {}, {"email_to": FIRST}),
        ("create_credit_transfer_token", {}, {"email_to": "a@b"}),
    ]

    for name, arguments, sent in steps:
        method, path, _ = operations()[name]
        operation = path.removeprefix("/v1/public/").format(**arguments)
        status, answer = ask(gateway, method, operation, sent)
        assert problems(response_schema(name, status), answer) == []
