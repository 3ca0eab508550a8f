"""The sub-account chapter: secrets stay secret, and credit moves only once."""

import asyncio
import inspect
import json
import pickle
from decimal import Decimal

import attrs
import pytest
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st
from sandbox.contract import cases_of, problems, request_schema, sample_problems

from aiooctopush import (
    InvalidFieldError,
    InvalidRequestError,
    InvalidResponseError,
    NotSentError,
    OctopushSession,
    Outcome,
    Secret,
    ServerError,
    UnknownOutcomeError,
)
from aiooctopush._wire import Idempotency, converter, encode
from aiooctopush.api.settings import UNCHANGED, Callbacks, CallbackSettings
from aiooctopush.api.subaccounts import (
    CREATE,
    GET,
    HOW_TO_CHECK,
    TOKEN,
    TRANSFER,
    UPDATE,
    SubaccountChanges,
    SubaccountRequest,
    Subaccounts,
    TransferPack,
    TransferRequest,
    TransferToken,
)
from aiooctopush.sandbox import Gateway, GatewaySettings, SandboxTransport, VirtualClock


ADA = {"first_name": "Ada", "last_name": "Lovelace", "password": "correct horse"}
LOGIN = "ada@sub-accounts.com"
TEN = {"token": "t0ken-of-the-tests", "from_wallet_pack_id": "pack_1", "amount": 10}
DONE = answer(200, {"wallet_pack_from": {"id": "pack_1"}})
OPERATIONS = (
    "create_subaccount",
    "update_subaccount",
    "get_subaccount",
    "create_credit_transfer_token",
    "transfer_credit",
)


@pytest.fixture
def gateway():
    """A gateway in virtual time."""
    return Gateway(GatewaySettings(credit=Decimal(100)), clock=VirtualClock())


def samples_of(name):
    """The answer of each sample of an operation, by the sample's name."""
    return {
        case.id.split("/")[1]: case.values[1]["response"] for case in cases_of(name)
    }


# --- documented samples ---------------------------------------------------------------


@pytest.mark.parametrize(("name", "sample"), cases_of(*OPERATIONS))
def test_samples_fit_the_document(name, sample):
    """What is sent and what comes back, conflicts between the pages included."""
    assert sample_problems(name, sample) == []


async def test_a_sub_account_is_read_under_both_names_of_its_parts():
    """Singular or plural, email or email_for_inbounds, old or new deliveries."""
    samples = samples_of("get_subaccount")
    transport = ScriptedTransport(
        answer(200, samples["information"]), answer(200, samples["as_written"])
    )

    async with session_over(transport) as octopush:
        read = await octopush.subaccounts.get(LOGIN)
        written = await octopush.subaccounts.get(LOGIN)

    assert (read.first_name, read.last_name, read.company_name) == (
        "Ada",
        "Lovelace",
        "Engines",
    )
    assert read.api_key == Secret("0123456789abcdef")
    assert read.callbacks == CallbackSettings(
        callback_url_for_inbounds="https://example.org/inbounds",
        email_for_inbounds="replies@example.org",
    )
    assert written.callbacks == CallbackSettings(
        callback_url_for_sms_deliveries="https://example.org/sms",
        callback_url_for_voice_sms_deliveries="https://example.org/voice",
        email_for_inbounds="replies@example.org",
    )


async def test_a_transfer_tells_both_sides():
    """With money as Decimal, be it a number or a text."""
    transport = ScriptedTransport(
        answer(200, samples_of("transfer_credit")["transferred"])
    )

    async with session_over(transport) as octopush:
        done = await octopush.subaccounts.transfer(**TEN)

    assert done.wallet_pack_from == TransferPack(
        id="pack_1", residual_credit=Decimal("90.5")
    )
    assert done.wallet_pack_to == TransferPack(id="pack_2", residual_credit=Decimal(10))


@pytest.mark.parametrize(
    "body",
    [{}, {"wallet_pack_from": None, "wallet_pack_to": []}, {"wallet_pack_to": 5}],
    ids=str,
)
async def test_a_transfer_that_tells_little_was_done_all_the_same(body):
    """What cannot be read beside the yes must not make it an unknown outcome."""
    async with session_over(ScriptedTransport(answer(200, body))) as octopush:
        done = await octopush.subaccounts.transfer(**TEN)

    assert done.outcome is Outcome.ACCEPTED
    assert (done.wallet_pack_from, done.wallet_pack_to) == (
        TransferPack(),
        TransferPack(),
    )


@pytest.mark.parametrize(
    "body", [{}, {"api_key": 5, "callback": "none"}, {"callback": []}], ids=str
)
async def test_a_sub_account_that_tells_little_is_read(body):
    """What is missing or of another type is None."""
    async with session_over(ScriptedTransport(answer(200, body))) as octopush:
        read = await octopush.subaccounts.get(LOGIN)

    assert (read.first_name, read.api_key) == (None, None)
    assert read.callbacks == CallbackSettings()


@pytest.mark.parametrize(
    ("body", "login"),
    [
        ({"login": LOGIN}, LOGIN),
        ({"email": LOGIN}, LOGIN),
        ({"api_login": LOGIN}, LOGIN),
        ({"id": 5}, None),
    ],
    ids=["login", "email", "api_login", "another word"],
)
async def test_a_creation_keeps_whatever_the_gateway_says(body, login):
    """No page shows it."""
    async with session_over(ScriptedTransport(answer(201, body))) as octopush:
        created = await octopush.subaccounts.create(**ADA)

    assert (created.login, created.body) == (login, body)


@pytest.mark.parametrize("body", ["", [1], None], ids=repr)
async def test_a_creation_may_be_answered_with_anything(body):
    """Or with nothing: it is a yes."""
    async with session_over(ScriptedTransport(answer(201, [body]))) as octopush:
        created = await octopush.subaccounts.create(**ADA)

    assert created.outcome is Outcome.ACCEPTED
    assert created.login is None


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": 5}, []], ids=str)
async def test_leave_without_a_token_is_none(body):
    """Nothing has moved, and it is not asked for again by itself."""
    transport = ScriptedTransport(answer(201, body))

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidResponseError):
            await octopush.subaccounts.transfer_token(LOGIN)


# --- credit moves only once -----------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(UnknownOutcomeError("silence"), id="silence"),
        pytest.param(answer(502, {}), id="502"),
        pytest.param(refusal(500), id="code 500"),
        pytest.param(answer(200, []), id="another shape"),
        pytest.param(answer(302, {}), id="redirect"),
    ],
)
async def test_a_transfer_of_unknown_outcome_is_not_repeated(step):
    """One request, and a note that says how to find out."""
    transport = ScriptedTransport(step)

    async with session_over(transport) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.subaccounts.transfer(**TEN)

    assert len(transport.requests) == 1
    assert caught.value.maybe_sent is True
    assert caught.value.__notes__ == [HOW_TO_CHECK]
    assert "octopush.wallet.balance(with_details=True)" in HOW_TO_CHECK
    assert "octopush.subaccounts.get(login)" in HOW_TO_CHECK


async def test_the_note_survives_pickling():
    """A worker may hand the error to another process."""
    async with session_over(ScriptedTransport(answer(500, {}))) as octopush:
        with pytest.raises(ServerError) as caught:
            await octopush.subaccounts.transfer(**TEN)

    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes

    assert again.__notes__ == [HOW_TO_CHECK]


async def test_a_refused_transfer_has_no_such_note():
    """No credit has moved."""
    transport = ScriptedTransport(refusal(205))

    async with session_over(transport) as octopush:
        with pytest.raises(Exception, match="code 205") as caught:
            await octopush.subaccounts.transfer(**TEN)

    assert caught.value.maybe_sent is False
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize(
    "step",
    [NotSentError("no connection"), answer(429, {})],
    ids=["not sent", "throttled"],
)
async def test_a_transfer_that_was_not_tried_is_repeated(step):
    """It cannot have been done."""
    transport = ScriptedTransport(step, DONE)

    async with session_over(transport) as octopush:
        done = await octopush.subaccounts.transfer(**TEN)

    assert done.attempts == 2


async def test_a_cancelled_transfer_says_how_to_check():
    """If it had left."""

    left = asyncio.Event()

    async def hang(request):
        left.set()
        await asyncio.Event().wait()

    async with session_over(ScriptedTransport(hang)) as octopush:
        transfer = asyncio.create_task(octopush.subaccounts.transfer(**TEN))
        await left.wait()
        transfer.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await transfer

    assert caught.value.__notes__[-1] == HOW_TO_CHECK
    assert "may have been executed" in caught.value.__notes__[0]


async def test_a_transfer_cancelled_before_it_left_has_no_note():
    """It waited for a slot that another call had."""
    held = asyncio.Event()

    async def hold(request):
        held.set()
        await asyncio.Event().wait()

    async with session_over(ScriptedTransport(hold), max_in_flight=1) as octopush:
        first = asyncio.create_task(octopush.wallet.balance())
        await held.wait()
        second = asyncio.create_task(octopush.subaccounts.transfer(**TEN))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await second
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

    assert not hasattr(caught.value, "__notes__")


async def test_a_lost_transfer_is_found_by_its_token(octopush, gateway):
    """The token works once: with the same one a repeat is refused with 203."""
    created = await octopush.subaccounts.create(**ADA)
    leave = await octopush.subaccounts.transfer_token(created.login)
    ten = {"token": leave.token, "from_wallet_pack_id": "wallet_pack_1", "amount": 10}
    await octopush.subaccounts.transfer(**ten)

    with pytest.raises(InvalidRequestError, match="code 203"):
        await octopush.subaccounts.transfer(**ten)

    assert gateway.credit == Decimal(90)


async def test_what_the_note_advises_shows_the_credit(octopush, gateway):
    """The pack here, and the balance there with the key of the sub-account."""
    created = await octopush.subaccounts.create(**ADA)
    leave = await octopush.subaccounts.transfer_token(created.login)

    await octopush.subaccounts.transfer(
        token=leave.token, from_wallet_pack_id="wallet_pack_1", amount=10
    )

    here = await octopush.wallet.balance(with_details=True)
    account = await octopush.subaccounts.get(created.login)
    async with OctopushSession(
        created.login,
        account.api_key.reveal(),
        transport=SandboxTransport(gateway),
        clock=gateway.clock,
    ) as theirs:
        there = await theirs.wallet.balance(with_details=True)
    assert [pack.credit for pack in here.wallet_packs] == [Decimal(90)]
    assert there.amount == Decimal(10)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (CREATE, Idempotency.NONE),
        (UPDATE, Idempotency.IDEMPOTENT),
        (GET, Idempotency.SAFE),
        (TOKEN, Idempotency.NONE),
        (TRANSFER, Idempotency.NONE),
    ],
    ids=["create", "update", "get", "token", "transfer"],
)
def test_what_a_repeat_does(endpoint, expected):
    """This alone decides about repeats after silence."""
    assert endpoint.idempotency is expected


# --- secrets --------------------------------------------------------------------------


async def test_no_answer_shows_a_secret():
    """Neither key nor token, nor what an unknown answer may hold."""
    transport = ScriptedTransport(
        answer(200, {"api_key": "k3y", "first_name": "Ada"}),
        answer(201, {"token": "t0ken"}),
        answer(201, {"api_key": "k3y", "login": LOGIN}),
    )

    async with session_over(transport) as octopush:
        answers = [
            await octopush.subaccounts.get(LOGIN),
            await octopush.subaccounts.transfer_token(LOGIN),
            await octopush.subaccounts.create(**ADA),
        ]

    for way in (repr, lambda one: str(converter.unstructure(one.api_key))):
        shown = way(answers[0])
        assert "***" in shown
        assert "k3y" not in shown
    assert "t0ken" not in repr(answers)
    assert "k3y" not in repr(answers)
    assert answers[0].api_key.reveal() == "k3y"
    assert answers[1].token.reveal() == "t0ken"


def test_plain_data_of_an_answer_holds_no_secret():
    """Whoever stores it stores no key."""
    read = converter.structure({"token": "t0ken"}, TransferToken)

    assert converter.unstructure(read)["token"] == "***"


def test_no_request_shows_a_secret():
    """But the wire gets it."""
    requests = [
        SubaccountRequest(**ADA),
        SubaccountChanges(password=Secret("correct horse")),
        TransferRequest(**TEN),
    ]

    assert "correct horse" not in repr(requests)
    assert "t0ken" not in repr(requests)
    assert "Lovelace" not in repr(requests)
    assert json.loads(encode(requests[0]))["password"] == "correct horse"
    assert json.loads(encode(requests[1])) == {"password": "correct horse"}
    assert json.loads(encode(requests[2])) == TEN


async def test_no_error_repeats_a_secret(caplog):
    """Not even if the gateway does."""
    said = {"code": 204, "message": "wrong token t0ken-of-the-tests"}
    transport = ScriptedTransport(answer(400, said))

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidRequestError) as caught:
            await octopush.subaccounts.transfer(**TEN)

    assert "t0ken" not in str(caught.value) + repr(caught.value.details) + caplog.text


async def test_no_log_and_no_error_shows_the_login(caplog):
    """The path that they show is a template."""
    events = []
    transport = ScriptedTransport(refusal(210))

    async with session_over(transport, on_attempt=events.append) as octopush:
        with pytest.raises(InvalidRequestError) as caught:
            await octopush.subaccounts.get(LOGIN)

    assert transport.requests[0].path == (
        "/v1/public/subaccount/ada%40sub-accounts.com"
    )
    assert caught.value.operation == "GET /v1/public/subaccount/{login}"
    assert events[0].path == "/v1/public/subaccount/{login}"
    assert "ada" not in caplog.text + str(caught.value)


def test_a_callback_url_shows_its_host_only():
    """The rest of it may hold a token."""
    url = "https://example.org/hooks/s3cret?key=s3cret"
    values = [
        Callbacks(callback_url_for_visits=url, callback_url_for_inbounds=None),
        CallbackSettings(callback_url_for_deliveries=url),
        CallbackSettings(callback_url_for_deliveries="https://[s3cret"),
    ]

    assert "s3cret" not in repr(values)
    assert "'https://example.org/***'" in repr(values[0])
    assert "callback_url_for_inbounds=None" in repr(values[0])
    assert "callback_url_for_deliveries=UNCHANGED" in repr(values[0])


# --- what is asked --------------------------------------------------------------------


@pytest.mark.parametrize(
    "login",
    [
        "a/b@c.d",
        "../x@y",
        "",
        "ada",
        "@x",
        "x@",
        "a@b@c",
        "a b@c",
        "a\n@b",
        None,
        5,
        "x" * 255 + "@y",
    ],
    ids=repr,
)
async def test_what_is_no_login_is_refused(login):
    """It stands in a path, and must not lead to another one."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        for call, name in (
            (octopush.subaccounts.get(login), "login"),
            (octopush.subaccounts.update(login, company_name="x"), "login"),
            (octopush.subaccounts.transfer_token(login), "email_to"),
        ):
            with pytest.raises(InvalidFieldError) as caught:
                await call
            assert caught.value.field == name

    assert transport.requests == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_name": ""}, "first_name"),
        ({"last_name": "x" * 256}, "last_name"),
        ({"last_name": None}, "last_name"),
        ({"password": ""}, "password"),
        ({"password": None}, "password"),
        ({"password": Secret("x" * 256)}, "password"),
        ({"company_name": ""}, "company_name"),
        ({"callbacks": {"callback_url_for_visits": None}}, "callbacks"),
        ({"callbacks": Callbacks(api_version="2")}, "callbacks.api_version"),
        (
            {"callbacks": Callbacks(use_metadata_node_for_inbound=True)},
            "callbacks.use_metadata_node_for_inbound",
        ),
    ],
    ids=lambda value: f"{value!r:.40}",
)
def test_a_malformed_sub_account_is_refused(changes, field):
    """Before any I/O, and without showing a password."""
    with pytest.raises(InvalidFieldError) as caught:
        SubaccountRequest(**{**ADA, **changes})

    assert caught.value.field == field
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "changes"),
        ({"first_name": ""}, "first_name"),
        ({"password": 5}, "password"),
        ({"callbacks": Callbacks(api_version="2")}, "callbacks.api_version"),
    ],
    ids=["nothing", "empty name", "password", "callbacks"],
)
def test_malformed_changes_are_refused(changes, field):
    """As is a change of nothing."""
    with pytest.raises(InvalidFieldError) as caught:
        SubaccountChanges(**changes)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 2**31}, "amount"),
        ({"amount": 1.0}, "amount"),
        ({"amount": "5"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": Decimal(5)}, "amount"),
        ({"token": ""}, "token"),
        ({"token": None}, "token"),
        ({"from_wallet_pack_id": ""}, "from_wallet_pack_id"),
        ({"from_wallet_pack_id": 5}, "from_wallet_pack_id"),
    ],
    ids=str,
)
async def test_a_malformed_transfer_is_refused(changes, field):
    """Money is whole euros here, and nothing is guessed about it."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidFieldError) as caught:
            await octopush.subaccounts.transfer(**{**TEN, **changes})

    assert (caught.value.field, transport.requests) == (field, [])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "callbacks"),
        ({"callback_url_for_visits": "example.org"}, "callback_url_for_visits"),
        ({"callback_url_for_visits": "ftp://x.org"}, "callback_url_for_visits"),
        ({"callback_url_for_visits": "https://"}, "callback_url_for_visits"),
        ({"callback_url_for_visits": "https://[x"}, "callback_url_for_visits"),
        ({"callback_url_for_visits": "https://é.org"}, "callback_url_for_visits"),
        ({"callback_url_for_visits": "https://x.org/a b"}, "callback_url_for_visits"),
        ({"callback_url_for_visits": ""}, "callback_url_for_visits"),
        ({"callback_url_for_inbounds": 5}, "callback_url_for_inbounds"),
        ({"email_for_inbounds": "ada"}, "email_for_inbounds"),
        ({"api_version": None}, "api_version"),
        ({"use_metadata_node_for_inbound": None}, "use_metadata_node_for_inbound"),
        ({"use_metadata_node_for_inbound": "true"}, "use_metadata_node_for_inbound"),
    ],
    ids=str,
)
def test_malformed_callbacks_are_refused(changes, field):
    """A URL that does not work loses replies and STOPs."""
    with pytest.raises(InvalidFieldError) as caught:
        Callbacks(**changes)

    assert caught.value.field == field


def test_what_is_left_out_stays_and_none_removes():
    """The two are not the same on the wire."""
    callbacks = Callbacks(
        callback_url_for_visits=None, email_for_inbounds="replies@example.org"
    )

    assert callbacks.callback_url_for_inbounds is UNCHANGED
    assert converter.unstructure(callbacks) == {
        "callback_url_for_visits": None,
        "email_for_inbounds": "replies@example.org",
    }


async def test_every_argument_is_sent_under_its_own_name(octopush):
    """And can be read again, but for the password."""
    created = await octopush.subaccounts.create(
        **ADA,
        company_name="Engines",
        callbacks=Callbacks(callback_url_for_inbounds="https://example.org/in"),
    )
    changed = await octopush.subaccounts.update(
        created.login,
        first_name="Augusta",
        callbacks=Callbacks(callback_url_for_visits="https://example.org/visits"),
    )

    read = await octopush.subaccounts.get(created.login)
    assert changed.outcome is Outcome.ACCEPTED
    assert (read.first_name, read.last_name) == ("Augusta", "Lovelace")
    assert read.company_name == "Engines"
    assert read.callbacks == CallbackSettings(
        callback_url_for_inbounds="https://example.org/in",
        callback_url_for_visits="https://example.org/visits",
    )


@pytest.mark.parametrize(
    ("call", "record", "others"),
    [
        (Subaccounts.create, SubaccountRequest, set()),
        (Subaccounts.update, SubaccountChanges, {"login"}),
        (Subaccounts.transfer, TransferRequest, set()),
    ],
    ids=["create", "update", "transfer"],
)
def test_keywords_and_fields_are_the_same(call, record, others):
    """The list is written twice, for editors; here it is kept equal."""
    keywords = set(inspect.signature(call).parameters) - {"self", "timeout"}

    assert keywords - others == {one.name for one in attrs.fields(record)}


def test_timeout_is_an_option_of_every_call():
    """Seconds for the whole call."""
    calls = inspect.getmembers(Subaccounts, inspect.iscoroutinefunction)

    assert len(calls) == 5
    for _, call in calls:
        assert "timeout" in inspect.signature(call).parameters


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
urls = st.none() | st.just(UNCHANGED) | st.just("https://example.org/x?y=z")
callbacks_ = st.none() | st.builds(
    Callbacks,
    callback_url_for_deliveries=st.none() | st.just("http://127.0.0.1:8080/d"),
    callback_url_for_inbounds=urls,
    callback_url_for_blacklisted_numbers=urls,
    callback_url_for_visits=urls,
    email_for_inbounds=st.sampled_from([None, UNCHANGED, "replies@example.org"]),
)
requests_ = st.one_of(
    st.tuples(
        st.just("create_subaccount"),
        st.builds(
            SubaccountRequest,
            first_name=texts,
            last_name=texts,
            password=texts,
            company_name=st.none() | texts,
            callbacks=callbacks_,
        ),
    ),
    st.tuples(
        st.just("update_subaccount"),
        st.builds(
            SubaccountChanges,
            first_name=texts,
            password=st.none() | texts,
            callbacks=callbacks_,
        ),
    ),
    st.tuples(
        st.just("transfer_credit"),
        st.builds(
            TransferRequest,
            token=texts,
            from_wallet_pack_id=texts,
            amount=st.integers(1, 10**6),
        ),
    ),
)


@given(request=requests_)
def test_every_request_fits_the_document(request):
    """Whatever the arguments."""
    name, record = request

    assert problems(request_schema(name), json.loads(encode(record))) == []
