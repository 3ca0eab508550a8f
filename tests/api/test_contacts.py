"""Contacts and lists: every call, every limit, and what becomes of each of many."""

import inspect
import json

import attrs
import pytest
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st
from sandbox.contract import (
    cases_of,
    operations,
    problems,
    request_schema,
    sample_problems,
)

from aiooctopush import (
    InvalidFieldError,
    InvalidRequestError,
    OnUnknown,
    Outcome,
    Recipient,
    RefusedError,
    UnknownOutcomeError,
)
from aiooctopush._wire import converter, encode
from aiooctopush.api import contacts as chapter
from aiooctopush.api.contacts import (
    Contacts,
    ContactSettings,
    CreateContactsRequest,
    DeleteContactsRequest,
    EmptyListRequest,
    ListRequest,
    ManyResults,
)


ONE = "+33639980001"
TWO = "+33639980002"
OPERATIONS = {
    "create_contacts": chapter.CREATE,
    "delete_contacts": chapter.DELETE,
    "create_contact_list": chapter.CREATE_LIST,
    "empty_contact_list": chapter.EMPTY_LIST,
    "delete_contact_list": chapter.DELETE_LIST,
}


def numbers(count):
    """That many numbers, none of them twice."""
    return [f"+33639{index:06d}" for index in range(count)]


# --- contacts -------------------------------------------------------------------------


async def test_contacts_are_created_and_told_in_their_order(octopush, gateway):
    """Numbers are written in one form; a Recipient keeps its fields."""
    people = ["+33 6.39-98 00 01", Recipient(TWO, first_name="Zoé")]

    results = await octopush.contacts.create(people, list_name="customers")

    assert [one.item for one in results] == [
        Recipient(ONE),
        Recipient(TWO, first_name="Zoé"),
    ]
    assert [one.outcome for one in results] == [Outcome.ACCEPTED] * 2
    assert results.is_complete
    assert gateway.lists == {
        "customers": [
            {"phone_number": ONE},
            {"phone_number": TWO, "first_name": "Zoé"},
        ]
    }


async def test_a_campaign_goes_to_the_contacts_that_were_created(octopush, gateway):
    """The whole way: contacts, list, campaign, people."""
    await octopush.contacts.create([ONE, TWO], list_name="customers")
    created = await octopush.sms.create_on_list(
        list_name="customers", text="Hi", sender="Acme", purpose="alert"
    )
    await octopush.sms.wait_until_ready(created.ticket)

    await octopush.sms.confirm(created.ticket, audience="list")

    assert gateway.sent_log.numbers() == {ONE: 1, TWO: 1}


async def test_every_parameter_of_create_reaches_the_gateway(octopush, gateway):
    """Nothing is dropped as unknown on the other side."""
    gateway.blacklist.add(TWO)
    gateway.lists["old"] = [ONE]
    gateway.tags["old"] = [ONE]
    gateway.contacts[ONE] = {"phone_number": ONE, "first_name": "Al"}

    results = await octopush.contacts.create(
        [Recipient(ONE, first_name="Zoé"), TWO],
        list_names=("one", "two"),
        un_list=True,
        tag_names=iter(["vip"]),
        un_tag=True,
        auto_remove_blacklisted_numbers=True,
        do_not_overwrite=True,
    )

    assert results.is_complete
    known = [{"phone_number": ONE, "first_name": "Al"}]
    assert gateway.lists == {"old": [], "one": known, "two": known}
    assert gateway.tags == {"old": [], "vip": known}


async def test_contacts_are_deleted_from_one_list_or_from_the_account(
    octopush, gateway
):
    """Without a list they leave everything."""
    await octopush.contacts.create([ONE, TWO], list_names=["a", "b"])

    await octopush.contacts.delete([ONE], list_name="a")
    assert [len(gateway.lists[name]) for name in "ab"] == [1, 2]
    results = await octopush.contacts.delete(["+33 639 980 001"])

    assert [one.item for one in results] == [ONE]
    assert [len(gateway.lists[name]) for name in "ab"] == [1, 1]
    assert set(gateway.contacts) == {TWO}


# --- lists ----------------------------------------------------------------------------


async def test_a_list_is_created_emptied_and_deleted(octopush, gateway):
    """With what it held, or without."""
    created = await octopush.contacts.create_list("customers")
    await octopush.contacts.create([ONE, TWO], list_name="customers")
    emptied = await octopush.contacts.empty_list("customers")
    assert (gateway.lists, set(gateway.contacts)) == ({"customers": []}, {ONE, TWO})
    await octopush.contacts.create([ONE], list_name="customers")
    await octopush.contacts.empty_list("customers", delete_contacts=True)
    assert (gateway.lists, set(gateway.contacts)) == ({"customers": []}, {TWO})
    deleted = await octopush.contacts.delete_list("customers")

    assert gateway.lists == {}
    assert [one.status for one in (created, emptied, deleted)] == [201, 200, 204]


@pytest.mark.parametrize(
    ("call", "code"),
    [("create_list", 302), ("empty_list", 303), ("delete_list", 303)],
)
async def test_a_list_that_is_not_as_expected_is_an_error(
    octopush, gateway, call, code
):
    """Nothing was done before, so nothing is presumed."""
    if call == "create_list":
        gateway.lists["customers"] = []

    with pytest.raises(InvalidRequestError, match=f"code {code}") as caught:
        await getattr(octopush.contacts, call)("customers")

    assert caught.value.maybe_sent is False


async def test_a_list_is_not_created_twice_after_silence():
    """Unless the caller says so."""
    transport = ScriptedTransport(answer(500, {}))

    async with session_over(transport) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await octopush.contacts.create_list("customers")

    assert caught.value.maybe_sent
    assert len(transport.requests) == 1


async def test_a_list_that_exists_after_our_silent_try_was_created_by_it():
    """The repeat is refused, and that says so."""
    transport = ScriptedTransport(answer(500, {}), refusal(302))

    async with session_over(transport) as octopush:
        created = await octopush.contacts.create_list(
            "customers", on_unknown=OnUnknown.RETRY
        )

    assert (created.outcome, created.attempts, created.status) == (
        Outcome.PRESUMED,
        2,
        400,
    )


@pytest.mark.parametrize("last", [refusal(303), answer(404, {})], ids=["303", "404"])
async def test_a_list_that_is_gone_after_our_silent_try_was_deleted_by_it(last):
    """Deleting is repeated by itself: it leaves the same state."""
    transport = ScriptedTransport(answer(500, {}), last)

    async with session_over(transport) as octopush:
        deleted = await octopush.contacts.delete_list("customers")

    assert deleted.outcome is Outcome.PRESUMED


async def test_another_refusal_after_silence_presumes_nothing():
    """It stays an error, and the list may be there."""
    transport = ScriptedTransport(answer(500, {}), refusal(301))

    async with session_over(transport) as octopush:
        with pytest.raises(RefusedError, match="code 301") as caught:
            await octopush.contacts.create_list("customers", on_unknown="retry")

    assert caught.value.maybe_sent


async def test_what_to_do_after_silence_is_one_of_two_words():
    """Asked before anything is sent."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidFieldError, match="'raise' or 'retry'"):
            await octopush.contacts.create_list("customers", on_unknown="again")

    assert transport.requests == []


# --- arguments ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "items", "field"),
    [
        ("create", [ONE, "0639980002"], r"contacts[1].phone_number"),
        ("create", [Recipient(ONE), None], r"contacts[1].phone_number"),
        ("create", ONE, "contacts"),
        ("create", {ONE: 1}, "contacts"),
        ("create", None, "contacts"),
        ("delete", [ONE, "0639980002"], "phone_numbers[1]"),
        ("delete", [7], "phone_numbers[0]"),
        ("delete", ONE, "phone_numbers"),
        ("delete", 7, "phone_numbers"),
    ],
    ids=repr,
)
async def test_one_bad_item_is_refused_before_any_request(call, items, field):
    """With its place, and without its number."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidFieldError) as caught:
            await getattr(octopush.contacts, call)(items)

    assert caught.value.field == field
    assert "39980002" not in str(caught.value)
    assert transport.requests == []


@pytest.mark.parametrize(
    "values",
    [
        {"list_name": "x" * 30, "tag_name": "x" * 20},
        {"list_names": ["a", "b"], "tag_names": ("a",)},
        {"list_name": "a", "tag_names": ["b"]},
        {"un_list": True, "un_tag": False, "do_not_overwrite": None},
    ],
    ids=repr,
)
def test_settings_within_their_limits_are_taken(values):
    """The last value on the good side."""
    ContactSettings(**values)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"list_name": ""}, "list_name", "1 to 30"),
        ({"list_name": "x" * 31}, "list_name", "1 to 30"),
        ({"tag_name": "x" * 21}, "tag_name", "1 to 20"),
        ({"tag_name": ""}, "tag_name", "1 to 20"),
        ({"list_names": []}, "list_names", "one or more"),
        ({"list_names": "abc"}, "list_names", "must be a list"),
        ({"list_names": ["a", "x" * 31]}, "list_names[1]", "1 to 30"),
        ({"tag_names": ["x" * 21]}, "tag_names[0]", "1 to 20"),
        ({"tag_names": [7]}, "tag_names[0]", "must be a str"),
        ({"list_name": "a", "list_names": ["a"]}, "list_names", "cannot be combined"),
        ({"tag_name": "a", "tag_names": ["a"]}, "tag_names", "cannot be combined"),
        ({"un_list": "yes"}, "un_list", "True, False or None"),
        ({"un_tag": 1}, "un_tag", "True, False or None"),
        (
            {"auto_remove_blacklisted_numbers": 0},
            "auto_remove_blacklisted_numbers",
            "True, False or None",
        ),
        ({"do_not_overwrite": ""}, "do_not_overwrite", "True, False or None"),
    ],
    ids=repr,
)
async def test_settings_beyond_their_limits_are_refused_before_any_request(
    values, field, words
):
    """Also if there is no contact at all."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidFieldError, match=words) as caught:
            await octopush.contacts.create([], **values)

    assert caught.value.field == field
    assert transport.requests == []


@pytest.mark.parametrize("name", ["", "x" * 31, None, 7], ids=repr)
async def test_a_list_has_a_name_of_one_to_thirty_characters(name):
    """In every call that takes one."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        calls = [
            octopush.contacts.create_list(name),
            octopush.contacts.empty_list(name),
            octopush.contacts.delete_list(name),
        ]
        if name is not None:  # which means the whole account
            calls.append(octopush.contacts.delete([], list_name=name))
        for call in calls:
            with pytest.raises(InvalidFieldError, match="list_name"):
                await call

    assert transport.requests == []


def test_to_delete_the_contacts_of_a_list_is_a_switch():
    """True, False, or left out."""
    with pytest.raises(InvalidFieldError, match="delete_contacts"):
        EmptyListRequest(list_name="x", delete_contacts="yes")


def test_keywords_and_fields_are_the_same():
    """The list is written twice, for editors; here it is kept equal."""
    keywords = set(inspect.signature(Contacts.create).parameters)
    fields = {one.name for one in attrs.fields(CreateContactsRequest)}

    assert keywords - {"self", "concurrency", "timeout"} == fields


def test_timeout_is_an_option_of_every_call():
    """Seconds for each request."""
    calls = inspect.getmembers(Contacts, inspect.iscoroutinefunction)

    assert len(calls) == 5
    for _, call in calls:
        assert "timeout" in inspect.signature(call).parameters, call


async def test_a_timeout_bounds_each_request():
    """Not all of them together."""
    transport = ScriptedTransport(*[answer(201, {})] * 2)

    async with session_over(transport) as octopush:
        await octopush.contacts.create(numbers(400), timeout=7.0)

    assert [request.timeout for request in transport.requests] == [7.0, 7.0]


# --- documents ------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "sample"), cases_of(*OPERATIONS))
def test_samples_fit_the_document(name, sample):
    """What is asked and what comes back; each names its source."""
    assert sample_problems(name, sample) == []


def test_each_operation_has_a_sample():
    """At least one."""
    assert {one.values[0] for one in cases_of(*OPERATIONS)} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_rows_say_what_the_document_says(name):
    """Method, path, and above all what a repeat does."""
    method, path, row = operations()[name]
    endpoint = OPERATIONS[name]

    assert (endpoint.method, endpoint.path) == (method, path)
    assert str(endpoint.idempotency) == row["x-idempotency"]


async def call_like(octopush, name, body):
    """Make the call that a sample's request stands for."""
    body = dict(body)
    if name == "create_contacts":
        people = [Recipient(**one) for one in body.pop("contacts")]
        return await octopush.contacts.create(people, **body)
    if name == "delete_contacts":
        return await octopush.contacts.delete(body.pop("phone_numbers"), **body)
    verb = name.removesuffix("_contact_list")
    return await getattr(octopush.contacts, f"{verb}_list")(**body)


@pytest.mark.parametrize(("name", "sample"), cases_of(*OPERATIONS))
async def test_every_sample_is_asked_and_read(name, sample):
    """The same request on the wire; a success of any body, and a refusal with code."""
    method, path, _ = operations()[name]
    transport = ScriptedTransport(answer(sample["status"], sample["response"]))

    async with session_over(transport) as octopush:
        try:
            result = await call_like(octopush, name, sample["request"])
            if isinstance(result, ManyResults):
                result.raise_error()
            code = None
        except RefusedError as error:
            code = error.code

    (request,) = transport.requests
    assert (request.method, request.path) == (method, path)
    assert json.loads(request.body) == without_none(sample["request"])
    assert code == (sample["response"] or {"code": None}).get("code")


def without_none(value):
    """The same, without the fields that are null: we leave them out."""
    if isinstance(value, dict):
        return {k: without_none(v) for k, v in value.items() if v is not None}
    return [without_none(one) for one in value] if isinstance(value, list) else value


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
phones = st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True)
flags = st.none() | st.booleans()
people = st.builds(Recipient, phones, first_name=st.none() | names)
one_or_several = [
    {f"{kind}_name": st.none() | names, f"{kind}_names": st.none()}
    for kind in ("list", "tag")
]
several = {
    f"{kind}_names": st.none() | st.lists(names, min_size=1, max_size=3)
    for kind in ("list", "tag")
}
switches = {
    "un_list": flags,
    "un_tag": flags,
    "auto_remove_blacklisted_numbers": flags,
    "do_not_overwrite": flags,
}
requests = st.one_of(
    st.tuples(
        st.just("create_contacts"),
        st.builds(
            CreateContactsRequest,
            contacts=st.lists(people, min_size=1, max_size=4).map(tuple),
            **(one_or_several[0] | one_or_several[1] | switches),
        )
        | st.builds(
            CreateContactsRequest,
            contacts=st.lists(people, min_size=1, max_size=4).map(tuple),
            **(several | switches),
        ),
    ),
    st.tuples(
        st.just("delete_contacts"),
        st.builds(
            DeleteContactsRequest,
            phone_numbers=st.lists(phones, min_size=1, max_size=4).map(tuple),
            list_name=st.none() | names,
        ),
    ),
    st.tuples(
        st.sampled_from(["create_contact_list", "delete_contact_list"]),
        st.builds(ListRequest, list_name=names),
    ),
    st.tuples(
        st.just("empty_contact_list"),
        st.builds(EmptyListRequest, list_name=names, delete_contacts=flags),
    ),
)


@given(asked=requests)
def test_every_request_that_can_be_built_fits_the_document(asked):
    """And comes back as it was from JSON."""
    name, record = asked

    body = encode(record)

    assert problems(request_schema(name), json.loads(body)) == []
    assert converter.structure(json.loads(body), type(record)) == record
