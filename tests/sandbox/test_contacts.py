"""Contacts, lists and tags of the simulated gateway: what it does, what it refuses."""

import pytest
from sandbox.calls import ONE, THREE, TWO, ask, call, fresh_gateway, read, send_body
from sandbox.contract import cases_of, operations, problems, response_schema


CREATE = ("POST", "contact/create")
DELETE = ("DELETE", "contact/delete")
CREATE_LIST = ("POST", "contact-list/create")
EMPTY_LIST = ("POST", "contact-list/empty")
DELETE_LIST = ("DELETE", "contact-list/delete")
OPERATIONS = {
    "create_contacts": CREATE,
    "delete_contacts": DELETE,
    "create_contact_list": CREATE_LIST,
    "empty_contact_list": EMPTY_LIST,
    "delete_contact_list": DELETE_LIST,
}


def create(gateway, *people, **more):
    """Create contacts of numbers or dicts; status and JSON of the answer."""
    contacts = [
        {"phone_number": one} if isinstance(one, str) else one for one in people
    ]
    return ask(gateway, *CREATE, {"contacts": contacts, **more})


def people_of(group):
    """The numbers in each list or tag."""
    return {
        name: [one if isinstance(one, str) else one["phone_number"] for one in held]
        for name, held in group.items()
    }


# --- contacts -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["list_names", "tag_names"])
@pytest.mark.parametrize("several", [True, 5, "vip", {}], ids=str)
def test_names_that_are_no_list_are_refused(name, several):
    """Not read letter by letter; nothing is kept."""
    gateway = fresh_gateway()

    status, answer = create(gateway, ONE, **{name: several})

    assert (status, answer["message"].split(":")[0]) == (400, name)
    assert (gateway.lists, gateway.tags, gateway.contacts) == ({}, {}, {})


def test_contacts_are_kept_by_number():
    """Spaces are no part of it, and a second time changes nothing."""
    gateway = fresh_gateway()

    assert create(gateway, "+33 600 000 001", {"phone_number": TWO, "param1": 5}) == (
        201,
        {},
    )
    create(gateway, ONE)

    assert gateway.contacts == {
        ONE: {"phone_number": ONE},
        TWO: {"phone_number": TWO, "param1": "5"},
    }


def test_unknown_lists_and_tags_are_made():
    """One, several, or both; each once."""
    gateway = fresh_gateway()

    create(
        gateway,
        ONE,
        TWO,
        list_name="a",
        list_names=["b", "a"],
        tag_name="c",
        tag_names=["d"],
    )

    assert people_of(gateway.lists) == {"a": [ONE, TWO], "b": [ONE, TWO]}
    assert people_of(gateway.tags) == {"c": [ONE, TWO], "d": [ONE, TWO]}


def test_a_contact_stands_once_in_a_list():
    """However often it is created, and however the list was made."""
    gateway = fresh_gateway()
    gateway.lists["a"] = [ONE, {"phone_number": TWO}]

    create(gateway, ONE, TWO, THREE, list_name="a")
    create(gateway, THREE, ONE, list_name="a")

    assert people_of(gateway.lists) == {"a": [ONE, TWO, THREE]}


def test_new_values_are_shown_wherever_the_contact_stands():
    """Also in a list that a test made of bare numbers, and in tags."""
    gateway = fresh_gateway()
    gateway.lists["a"] = [ONE, TWO]
    gateway.tags["b"] = [{"phone_number": ONE, "first_name": "Al"}]
    zoe = {"phone_number": ONE, "first_name": "Zoé"}

    create(gateway, ONE)
    create(gateway, zoe)

    assert gateway.lists["a"] == [zoe, TWO]
    assert gateway.tags["b"] == [zoe]


def test_a_contact_may_be_kept_as_it_is():
    """The list then holds the old values, and those of new contacts."""
    gateway = fresh_gateway()
    create(gateway, {"phone_number": ONE, "first_name": "Al"})

    create(
        gateway,
        {"phone_number": ONE, "first_name": "Zoé"},
        TWO,
        do_not_overwrite=True,
        list_name="a",
    )

    assert gateway.lists["a"] == [
        {"phone_number": ONE, "first_name": "Al"},
        {"phone_number": TWO},
    ]


def test_contacts_leave_their_lists_and_tags():
    """Before they join the new ones."""
    gateway = fresh_gateway()
    create(gateway, ONE, TWO, list_name="a", tag_name="b")

    create(gateway, ONE, un_list=True, list_name="c")
    create(gateway, TWO, un_tag=True)

    assert people_of(gateway.lists) == {"a": [TWO], "c": [ONE]}
    assert people_of(gateway.tags) == {"b": [ONE]}


def test_blacklisted_contacts_are_left_out():
    """If that is asked for."""
    gateway = fresh_gateway()
    gateway.blacklist.add(ONE)

    create(gateway, ONE, TWO, auto_remove_blacklisted_numbers=True)
    assert set(gateway.contacts) == {TWO}
    create(gateway, ONE)
    assert set(gateway.contacts) == {ONE, TWO}


def test_contacts_are_deleted_from_one_list():
    """They stay in the account and in other lists."""
    gateway = fresh_gateway()
    create(gateway, ONE, TWO, list_names=["a", "b"], tag_name="c")

    answered = ask(gateway, *DELETE, {"phone_numbers": [ONE], "list_name": "a"})

    assert answered == (204, None)
    assert people_of(gateway.lists) == {"a": [TWO], "b": [ONE, TWO]}
    assert people_of(gateway.tags) == {"c": [ONE, TWO]}
    assert set(gateway.contacts) == {ONE, TWO}


def test_contacts_are_deleted_from_the_account():
    """And so from every list and tag; one that is not there is no mistake."""
    gateway = fresh_gateway()
    create(gateway, ONE, TWO, list_names=["a", "b"], tag_name="c")

    answered = ask(gateway, *DELETE, {"phone_numbers": [ONE, THREE]})

    assert answered == (204, None)
    assert people_of(gateway.lists) == {"a": [TWO], "b": [TWO]}
    assert people_of(gateway.tags) == {"c": [TWO]}
    assert set(gateway.contacts) == {TWO}


# --- lists ----------------------------------------------------------------------------


def test_a_list_is_created_empty_and_deleted():
    """Its contacts stay in the account."""
    gateway = fresh_gateway()

    assert ask(gateway, *CREATE_LIST, {"list_name": "a"}) == (201, {})
    assert gateway.lists == {"a": []}
    create(gateway, ONE, list_name="a")
    assert ask(gateway, *DELETE_LIST, {"list_name": "a"}) == (204, None)

    assert (gateway.lists, set(gateway.contacts)) == ({}, {ONE})


@pytest.mark.parametrize(
    ("deletes", "left"), [(None, {ONE}), (False, {ONE}), (True, set())], ids=str
)
def test_a_list_is_emptied(deletes, left):
    """Its contacts leave the account only if that is asked for."""
    gateway = fresh_gateway()
    create(gateway, ONE, list_names=["a", "b"])
    body = {"list_name": "a", "delete_contacts": deletes}

    assert ask(gateway, *EMPTY_LIST, body) == (200, {})

    assert people_of(gateway.lists) == {"a": [], "b": sorted(left)}
    assert set(gateway.contacts) == left


def test_a_campaign_goes_to_the_list_that_was_filled():
    """Values and all."""
    gateway = fresh_gateway()
    create(gateway, {"phone_number": ONE, "first_name": "Zoé"}, TWO, list_name="a")
    body = send_body(recipients=None, list_name="a", text="Hi {first_name}")

    ticket = ask(gateway, "POST", "sms-campaign-on-list/create", body)[1]
    ask(gateway, "GET", "sms-campaign-on-list/status", query=ticket.items())
    ask(gateway, "POST", "sms-campaign-on-list/send", ticket)

    assert gateway.sent_log.entries[0].recipients == (ONE, TWO)
    assert gateway.sent_log.entries[0].texts == ("Hi Zoé", "Hi ")


def test_contacts_outlive_a_reset():
    """As lists and tags do."""
    gateway = fresh_gateway()
    create(gateway, ONE, list_name="a")

    gateway.reset()

    assert set(gateway.contacts) == {ONE}


# --- refusals -------------------------------------------------------------------------


def person(**fields):
    """Body of a create with one contact."""
    return {"contacts": [{"phone_number": ONE, **fields}]}


@pytest.mark.parametrize(
    ("route", "body", "code", "told"),
    [
        pytest.param(CREATE, {}, 400, "contacts", id="no contacts"),
        pytest.param(CREATE, {"contacts": []}, 400, "contacts", id="none"),
        pytest.param(CREATE, {"contacts": "all"}, 400, "contacts", id="a word"),
        pytest.param(CREATE, {"contacts": [ONE]}, 400, "contacts.0", id="bare number"),
        pytest.param(
            CREATE, {"contacts": [{"phone_number": 5}]}, 400, "contacts.0", id="figure"
        ),
        pytest.param(
            CREATE, person(phone_number="0600000001"), 400, "contacts.0", id="national"
        ),
        pytest.param(
            CREATE, person(param1="x" * 51), 400, "contacts.0.param1", id="long value"
        ),
        pytest.param(
            CREATE, person() | {"list_name": "x" * 31}, 400, "list_name", id="long list"
        ),
        pytest.param(
            CREATE, person() | {"tag_names": ["x" * 21]}, 400, "tag_name", id="long tag"
        ),
        pytest.param(
            CREATE, person() | {"tag_names": [""]}, 400, "tag_name", id="empty tag"
        ),
        pytest.param(
            CREATE, {"contacts": [{}] * 501}, 305, "more than 500", id="too many"
        ),
        pytest.param(DELETE, {}, 400, "phone_numbers", id="no numbers"),
        pytest.param(DELETE, {"phone_numbers": []}, 400, "phone_numbers", id="empty"),
        pytest.param(
            DELETE, {"phone_numbers": [ONE, "06"]}, 400, "phone_numbers.1", id="short"
        ),
        pytest.param(
            DELETE, {"phone_numbers": [ONE] * 201}, 305, "more than 200", id="201"
        ),
        pytest.param(
            DELETE,
            {"phone_numbers": [ONE], "list_name": "?"},
            303,
            "list_name",
            id="from an unknown list",
        ),
        pytest.param(CREATE_LIST, {}, 400, "list_name", id="list without name"),
        pytest.param(
            CREATE_LIST, {"list_name": "x" * 31}, 400, "list_name", id="long name"
        ),
        pytest.param(CREATE_LIST, {"list_name": "there"}, 302, "exists", id="exists"),
        pytest.param(EMPTY_LIST, {"list_name": "?"}, 303, "list_name", id="empty what"),
        pytest.param(
            DELETE_LIST, {"list_name": "?"}, 303, "list_name", id="delete what"
        ),
    ],
)
def test_what_is_malformed_is_refused(route, body, code, told):
    """With the code of the table, and nothing is changed."""
    gateway = fresh_gateway()
    gateway.lists["there"] = [ONE]

    status, answer = ask(gateway, *route, body)

    assert (status, answer["code"]) == (400, code)
    assert told in answer["message"]
    assert (gateway.lists, gateway.tags, gateway.contacts) == ({"there": [ONE]}, {}, {})


@pytest.mark.parametrize(("count", "status"), [(200, 204), (201, 400)])
def test_two_hundred_contacts_are_deleted_at_once(count, status):
    """The documented limit, on both sides."""
    body = {"phone_numbers": [f"+336{index:08d}" for index in range(count)]}

    assert ask(fresh_gateway(), *DELETE, body)[0] == status


@pytest.mark.parametrize(("most", "code"), [(1, None), (0, 305)])
def test_how_many_contacts_a_call_may_have_can_be_set(most, code):
    """As nobody knows it."""
    gateway = fresh_gateway(most_contacts_per_call=most)

    assert (create(gateway, ONE)[1] or {}).get("code") == code


def test_there_may_be_so_many_lists_only():
    """Whether they are created by name or on the way; an old one is none more."""
    gateway = fresh_gateway(most_lists=1)

    assert create(gateway, ONE, list_name="a")[0] == 201
    assert create(gateway, ONE, list_name="a")[0] == 201
    assert create(gateway, TWO, list_name="b")[1]["code"] == 301
    assert ask(gateway, *CREATE_LIST, {"list_name": "b"})[1]["code"] == 301
    assert set(gateway.contacts) == {ONE}


def test_a_list_that_is_full_takes_nobody_new():
    """Whoever stands there already may be updated."""
    gateway = fresh_gateway(most_contacts_of_list=2)

    assert create(gateway, ONE, TWO, list_name="a")[0] == 201
    assert create(gateway, TWO, list_name="a")[0] == 201
    assert create(gateway, THREE, list_name="a")[1]["code"] == 304
    assert create(gateway, THREE, list_name="b")[0] == 201


@pytest.mark.parametrize(
    ("route", "body"),
    [
        (CREATE, person()),
        (DELETE, {"phone_numbers": [ONE]}),
        (CREATE_LIST, {"list_name": "new"}),
        (EMPTY_LIST, {"list_name": "there"}),
        (DELETE_LIST, {"list_name": "there"}),
    ],
    ids=OPERATIONS,
)
def test_an_unknown_field_is_dropped_or_refused(route, body):
    """The real gateway drops it; a strict one helps to find it."""
    for strict, status in ((False, 2), (True, 4)):
        gateway = fresh_gateway(strict_unknown_fields=strict)
        gateway.lists["there"] = []

        assert ask(gateway, *route, body | {"x-list": 1})[0] // 100 == status


# --- documents ------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "sample"), cases_of(*OPERATIONS))
def test_the_gateway_answers_a_sample_as_documented(name, sample, request):
    """Its status; and what it answers fits the document."""
    settings = {
        "create_contacts/too_many": {"most_contacts_per_call": 0},
        "create_contact_list/too_many_lists": {"most_lists": 0},
    }
    case = request.node.callspec.id
    gateway = fresh_gateway(strict_unknown_fields=True, **settings.get(case, {}))
    if not case.endswith(("/created", "/unknown", "/too_many_lists")):
        gateway.lists["my_list"] = [ONE]

    asked = call(*OPERATIONS[name], sample["request"])
    status, answer = read(gateway.handle(asked))

    assert status == sample["status"]
    schema = response_schema(name, status)
    assert (problems(schema, answer) if schema else []) == []
    if status == 400:
        assert answer["code"] == sample["response"]["code"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_gateway_refuses_a_stranger_as_documented(name):
    """401 and the error envelope, on each operation."""
    method, path, _ = operations()[name]
    request = call(method, path.removeprefix("/v1/public/"), {}, headers={})

    status, answer = read(fresh_gateway().handle(request))

    assert status == 401
    assert problems(response_schema(name, 401), answer) == []
