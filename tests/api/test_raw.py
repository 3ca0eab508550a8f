"""Raw calls: what the gateway adds tomorrow, on the path of every other call."""

import inspect
import json
from decimal import Decimal

import pytest
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import (
    DuplicateRequestError,
    HttpResponse,
    Idempotency,
    InvalidFieldError,
    InvalidRequestError,
    InvalidResponseError,
    OctopushSession,
    Outcome,
    ServerError,
    UnknownOutcomeError,
)
from aiooctopush.api import raw as module
from aiooctopush.api.raw import RawAnswer
from aiooctopush.sandbox import Gateway, SandboxTransport, VirtualClock


PATH = "/v1/public/news/latest"


async def raw(*steps, method="GET", path=PATH, **options):
    """One raw call over a script; the answer, and what was carried."""
    transport = ScriptedTransport(*steps)
    async with session_over(transport) as octopush:
        found = await octopush.raw(method, path, **options)
    return found, transport.requests


async def refused(**options):
    """The field that one raw call is refused for, before any request."""
    transport = ScriptedTransport()
    options = {"method": "POST", "path": PATH, **options}
    async with session_over(transport) as octopush:
        with pytest.raises(InvalidFieldError) as caught:
            await octopush.raw(options.pop("method"), options.pop("path"), **options)
    assert transport.requests == []
    return caught.value


# --- answers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"code": 0, "a": [0.10]}', {"code": 0, "a": [Decimal("0.10")]}),
        (b"[1, 2]", [1, 2]),
        (b'"word"', "word"),
        (b"5", 5),
        (b"null", None),
        (b"", None),
        (b" \r\n", None),
    ],
    ids=repr,
)
async def test_an_answer_may_have_any_shape(body, value):
    """Or none; money never passes through a binary float."""
    found, _ = await raw(HttpResponse(status=200, headers={"x": "y"}, body=body))

    assert isinstance(found, RawAnswer)
    assert found.json == value
    assert (found.status, found.headers, found.attempts) == (200, {"x": "y"}, 1)
    assert found.request_id is None
    assert found.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("body", [b"<html>", b'{"a": NaN}', b"[" * 10**5], ids=len)
async def test_an_answer_that_is_no_json_proves_nothing(body):
    """As everywhere."""
    with pytest.raises(InvalidResponseError):
        await raw(HttpResponse(status=200, body=body), method="POST")


async def test_a_code_is_a_refusal_whatever_the_status():
    """As everywhere."""
    with pytest.raises(InvalidRequestError, match="code 131"):
        await raw(answer(200, {"code": 131}), method="POST")
    with pytest.raises(InvalidRequestError, match="code 131"):
        await raw(refusal(131), method="POST")


async def test_an_answer_shows_neither_body_nor_headers():
    """It may hold anything."""
    found, _ = await raw(answer(200, {"api_key": "k3y"}, x_key="k3y"))

    assert "k3y" not in repr(found)


async def test_a_body_can_claim_neither_outcome_nor_tries():
    """What every answer carries comes from us."""
    found, _ = await raw(answer(200, {"outcome": "refused", "attempts": 99}))

    assert (found.outcome, found.attempts) == (Outcome.ACCEPTED, 1)


# --- what is asked --------------------------------------------------------------------


async def test_everything_is_carried_as_it_was_given():
    """Method, path, query in order, and body."""
    _, (request,) = await raw(
        answer(200, {}),
        method="PATCH",
        path="/v2/public/x%40y/edit",
        json={"text": "é", "flags": [True, None, 1.5], "request_id": 5},
        params=[("a[]", "1"), ("a[]", 2), ("flag", True), ("other", False)],
    )

    assert (request.method, request.path) == ("PATCH", "/v2/public/x%40y/edit")
    assert request.query == (
        ("a[]", "1"),
        ("a[]", "2"),
        ("flag", "true"),
        ("other", "false"),
    )
    assert json.loads(request.body) == {
        "text": "é",
        "flags": [True, None, 1.5],
        "request_id": 5,
    }
    assert request.headers["api-key"] == "key-of-the-tests"


async def test_without_json_there_is_no_body():
    """An empty object is a body."""
    _, (without,) = await raw(answer(200, {}), method="POST", params={"a": "b"})
    _, (empty,) = await raw(answer(200, {}), method="POST", json={})

    assert (without.body, without.query) == (None, (("a", "b"),))
    assert empty.body == b"{}"


async def test_the_timeout_bounds_the_call():
    """Seconds for the whole call."""
    _, (request,) = await raw(answer(200, {}), timeout=3)

    assert request.timeout == 3


@pytest.mark.parametrize(
    "method", ["get", "HEAD", "GET\r\nX: y", "", None, 5], ids=repr
)
async def test_a_foreign_method_is_refused(method):
    """Five are known."""
    assert (await refused(method=method)).field == "method"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "v1/public",
        "https://example.org/v1",
        "//example.org/v1",
        "/v1?key=s3cret",
        "/v1#s3cret",
        "/v1/../s3cret",
        "/v1/%2e%2E/s3cret",
        "/./v1",
        "/v1/..",
        "/v1/%2e",
        "/v1/a b",
        "/v1/é",
        "/v1\\s3cret",
        "/v1/%zz",
        "/v1/%4",
        "/v1/\r\nX: y",
        "/v1\n",
        "/v1/{login}",
        "/" + "x" * 2048,
        None,
        b"/v1",
    ],
    ids=lambda path: f"{path!r:.30}",
)
async def test_a_path_that_leads_elsewhere_is_refused(path):
    """And not shown: it may hold anything."""
    error = await refused(path=path)

    assert error.field == "path"
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/",
        "/v1/a..b/...",
        "/v1/a%20b/%C3%A9",
        "/~a/b:c@d;e=f",
        "/" + "x" * 2047,
    ],
    ids=lambda path: f"{path!r:.30}",
)
async def test_a_plain_path_is_carried(path):
    """As it is."""
    _, (request,) = await raw(answer(200, {}), path=path)

    assert request.path == path


@given(path=st.text("/.%2eE?#\\@:a", max_size=12).map("/".__add__))
def test_no_path_that_is_taken_can_leave_its_place(path):
    """Neither by a host, nor by dots, however they are written."""
    try:
        module._check_path(path)
    except InvalidFieldError:
        return
    plain = path.lower().replace("%2e", ".")
    assert not path.startswith("//")
    assert {".", ".."}.isdisjoint(plain.split("/"))
    assert {"?", "#", "\\"}.isdisjoint(path)


@pytest.mark.parametrize(
    "body",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": {1, 2}},
        {"a": b"s3cret"},
        {"a": object()},
        {"a": Decimal(1)},
        {"a": 2**70},
        {"a": "\ud800"},
        {("a",): 1},
    ],
    ids=["nan", "inf", "set", "bytes", "object", "decimal", "big", "half", "key"],
)
async def test_what_is_no_json_is_refused(body):
    """Nothing is cast in silence, and nothing is shown."""
    error = await refused(json=body)

    assert error.field == "json"
    assert "s3cret" not in str(error)
    assert error.__context__ is None


async def test_a_loop_is_no_json():
    """It has no end."""
    body = []
    body.append(body)

    assert (await refused(json=body)).field == "json"


async def test_a_get_has_no_body():
    """It has a query."""
    assert (await refused(method="GET", json={})).field == "json"


@pytest.mark.parametrize(
    "params",
    [
        {"a": None},
        {"a": 1.5},
        {"a": ["b"]},
        {"": "b"},
        {5: "b"},
        [("a",)],
        ["ab"],
        [5],
        "a",
    ],
    ids=str,
)
async def test_an_odd_query_is_refused(params):
    """None must not travel as the word None."""
    assert (await refused(params=params)).field == "params"


# --- idempotency ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "given", "repeated"),
    [
        ("GET", None, True),
        ("GET", "none", False),
        ("POST", None, False),
        ("PUT", None, False),
        ("PATCH", None, False),
        ("DELETE", None, False),
        ("POST", "safe", True),
        ("PUT", Idempotency.IDEMPOTENT, True),
        ("DELETE", "idempotent", True),
        ("POST", Idempotency.NONE, False),
    ],
)
async def test_idempotency_alone_decides_about_a_repeat_after_silence(
    method, given, repeated
):
    """Only a GET is repeated without a word of yours."""
    steps = (answer(502, {}), answer(200, {}))

    if repeated:
        found, _ = await raw(*steps, method=method, idempotency=given)
        assert found.attempts == 2
    else:
        with pytest.raises(ServerError) as caught:
            await raw(*steps, method=method, idempotency=given)
        assert caught.value.attempts == 1
        assert caught.value.maybe_sent is True


async def test_a_read_that_failed_has_done_nothing():
    """Safe means that there is nothing to check."""
    with pytest.raises(ServerError) as caught:
        await raw(*[answer(502, {})] * 4)

    assert caught.value.maybe_sent is False


async def test_a_request_id_protects_repeats():
    """The same id and bytes for each try; a duplicate then is success."""
    found, requests = await raw(
        UnknownOutcomeError("silence"),
        refusal(120),
        method="POST",
        json={"request_id": "order-1", "text": "Hi"},
        idempotency="request_id",
    )

    assert (found.outcome, found.request_id) == (Outcome.PRESUMED, "order-1")
    assert (found.json, found.attempts) == (None, 2)
    assert requests[0].body == requests[1].body


async def test_an_id_of_yours_is_never_replaced():
    """Not even after a clean refusal: you may have stored it."""
    found, requests = await raw(
        answer(429, {}),
        answer(200, {}),
        method="POST",
        json={"request_id": "order-1"},
        idempotency=Idempotency.REQUEST_ID,
    )

    assert [json.loads(one.body)["request_id"] for one in requests] == ["order-1"] * 2
    assert found.request_id == "order-1"


async def test_an_error_carries_the_id():
    """With the time until which it protects."""
    with pytest.raises(DuplicateRequestError) as caught:
        await raw(
            refusal(120),
            method="POST",
            json={"request_id": "order-1"},
            idempotency="request_id",
        )

    assert caught.value.request_id == "order-1"
    assert caught.value.safe_to_retry_until is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "json"),
        ({}, "json"),
        ([{"request_id": "a"}], "json"),
        ({"request_id": None}, "request_id"),
        ({"request_id": ""}, "request_id"),
        ({"request_id": 5}, "request_id"),
        ({"request_id": "a b"}, "request_id"),
    ],
    ids=str,
)
async def test_the_class_request_id_wants_an_id(body, field):
    """Without one nothing would protect a repeat."""
    assert (await refused(json=body, idempotency="request_id")).field == field


async def test_an_unknown_class_is_refused():
    """There are four."""
    assert (await refused(idempotency="maybe")).field == "idempotency"


# --- redaction ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/public/wallet/check-balance", "/v1/public/wallet/check-balance"),
        ("/v2/public/contact/mnp-request", "/v2/public/contact/mnp-request"),
        ("/v1/public/subaccount/ada%40example.org", "/v1/public/subaccount/***"),
        ("/v1/public/number/33639980001/state", "/v1/public/number/***/state"),
        ("/v1/public/ticket/sms_5f3fbce", "/v1/public/ticket/***"),
        ("/v1/a:b/", "/v1/***/"),
    ],
)
async def test_what_is_not_plainly_a_word_is_shown_to_nobody(path, shown, caplog):
    """Neither in errors nor in logs nor to those who count tries."""
    events = []
    transport = ScriptedTransport(refusal(131))

    async with session_over(transport, on_attempt=events.append) as octopush:
        with pytest.raises(InvalidRequestError) as caught:
            await octopush.raw("GET", path)

    assert caught.value.operation == f"GET {shown}"
    assert events[0].path == shown
    assert path == shown or path not in caplog.text + str(caught.value)


# --- the whole ------------------------------------------------------------------------


async def test_a_raw_call_reaches_the_gateway():
    """As the named one does."""
    gateway = Gateway(clock=VirtualClock())

    async with session_over(SandboxTransport(gateway), clock=gateway.clock) as octopush:
        found = await octopush.raw(
            "GET",
            "/v1/public/wallet/check-balance",
            params={"with_details": True},
        )
        named = await octopush.wallet.balance()

    assert found.json["amount"] == named.amount
    assert len(found.json["wallet_packs"]) == 1


def test_the_method_of_the_session_takes_what_the_module_takes():
    """The list is written twice, for editors; here it is kept equal."""
    session = inspect.signature(OctopushSession.raw).parameters
    beneath = inspect.signature(module.raw).parameters

    assert list(session)[1:] == list(beneath)[1:]
