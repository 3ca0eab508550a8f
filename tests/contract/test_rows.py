"""Each operation of the document has its row in the SDK, and no other has one."""

import importlib
import pkgutil
from collections.abc import Mapping

import attrs
import pytest
from contract.table import NO_PATHS, ROWS
from sandbox.contract import operations, request_schema, resolved

from aiooctopush import api
from aiooctopush._wire import Endpoint, Idempotency
from aiooctopush.api.campaigns import CampaignEndpoints


# Neither reads nor DELETEs, and harmless to repeat all the same: they say what is to
# be, and not what is to be done.
SETTERS = {
    "create_contacts",
    "empty_contact_list",
    "update_subaccount",
    "update_campaign_parameters",
}


def endpoints_in(value):
    """Return the endpoints of a value, also those in a dict or a record."""
    if isinstance(value, Endpoint):
        return [value]
    if isinstance(value, Mapping):
        return [one for inner in value.values() for one in endpoints_in(inner)]
    if isinstance(value, CampaignEndpoints):
        return endpoints_in(attrs.asdict(value, recurse=False))
    return []


def endpoints():
    """Return every endpoint of every namespace."""
    return [
        one
        for module in pkgutil.iter_modules(api.__path__, "aiooctopush.api.")
        for value in vars(importlib.import_module(module.name)).values()
        for one in endpoints_in(value)
    ]


ENDPOINTS = endpoints()


def test_each_operation_has_a_line_in_the_table():
    """The table was written against the whole document."""
    assert set(ROWS) == set(operations())


def test_no_row_goes_elsewhere():
    """Each operation once, and nothing that the document does not have."""
    actual = sorted((one.path, one.method) for one in ENDPOINTS)

    assert actual == sorted((path, method) for method, path, _ in operations().values())


@pytest.mark.parametrize("name", ROWS)
def test_an_operation_has_a_row(name):
    """Of its method and path."""
    method, path, _ = operations()[name]

    assert [one for one in ENDPOINTS if (one.method, one.path) == (method, path)]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_what_a_repeat_does(name):
    """As written by hand, and as the document says."""
    method, path, row = operations()[name]
    (endpoint,) = (one for one in ENDPOINTS if (one.method, one.path) == (method, path))

    assert endpoint.idempotency is ROWS[name].repeat
    assert str(endpoint.idempotency) == row["x-idempotency"]


@pytest.mark.parametrize("name", ROWS)
def test_what_a_repeat_does_follows_from_the_document(name):
    """Reads are safe, DELETEs idempotent, and an id protects where there is one."""
    method, _, _ = operations()[name]
    pointer = request_schema(name)
    fields = resolved(pointer)["properties"] if pointer else {}
    if method == "GET":
        expected = Idempotency.SAFE
    elif method == "DELETE" or name in SETTERS:
        expected = Idempotency.IDEMPOTENT
    elif "request_id" in fields:
        expected = Idempotency.REQUEST_ID
    else:
        expected = Idempotency.NONE

    assert ROWS[name].repeat is expected


@pytest.mark.parametrize(
    ("path", "why"),
    [pytest.param(path, why, id=path) for path, why in NO_PATHS.items()],
)
def test_a_path_that_is_none_has_no_row(path, why):
    """Where pages contradict each other, one path was chosen."""
    rows = {one.path for one in ENDPOINTS}
    documented = {documented for _, documented, _ in operations().values()}

    assert path not in rows | documented, why
