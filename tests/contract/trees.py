"""
Answers made from the schemas of the document, as trees that can be written in several
ways: with and without what no page mentions, and with figures as numbers or as text.
"""

from datetime import UTC, datetime

from attrs import frozen
from contract.table import ONE
from hypothesis import strategies as st
from sandbox.contract import operations, resolved, response_schema


UNKNOWN = "zz_"
"""Start of the names that no page mentions."""


@frozen
class Figure:
    """A count or an amount, which the gateway writes in two ways."""

    value: int | float


# What must be so for an answer to be a success about what was asked.
_FIXED = {"code": st.just(0), "phone_number": st.just(ONE)}

_words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | _words,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(_words.map(UNKNOWN.__add__), inner, max_size=2)
    ),
    max_leaves=4,
)
_unknown = st.dictionaries(_words.map(UNKNOWN.__add__), _json, max_size=2)
# Neither is ever written with an exponent.
_amounts = st.integers(0, 10**9).map(lambda mills: Figure(mills / 1000))
_counts = st.integers(0, 10**6).map(Figure)
_formats = {
    "date-time": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    "uri": st.just("https://example.org/callbacks"),
}


def trees(schema):
    """What a schema describes, as a strategy of trees."""
    if schema.get("$ref", "").endswith("/UndocumentedBody"):
        return _json
    schema = resolved(schema)
    if "oneOf" in schema:
        return _one_of(schema["oneOf"])
    if "const" in schema:
        return st.just(schema["const"])
    kinds = schema.get("type", "object")
    if isinstance(kinds, list):
        if {"integer", "string"} <= set(kinds):
            return _counts | st.none()
        return st.one_of([trees({**schema, "type": kind}) for kind in kinds])
    return _MAKERS[kinds](schema)


def _one_of(schemas):
    kinds = [resolved(one).get("type") for one in schemas]
    if kinds == ["number", "string"]:
        return _amounts
    if kinds == ["integer", "string"]:
        return _counts
    return st.one_of([trees(one) for one in schemas])


def _text(schema):
    return _formats.get(schema.get("format"), _words)


def _several(schema):
    return st.lists(
        trees(schema["items"]), min_size=schema.get("minItems", 0), max_size=2
    ).filter(lambda several: len(several) <= schema.get("maxItems", 2))


@st.composite
def _objects(draw, schema):
    others = schema.get("additionalProperties", True)
    if isinstance(others, dict):
        return draw(
            st.dictionaries(st.sampled_from(["FR", "ES"]), trees(others), max_size=2)
        )
    required = {*schema.get("required", ())}
    if "anyOf" in schema:
        required |= {*draw(st.sampled_from(schema["anyOf"]))["required"]}
    found = draw(_unknown)
    for name, inner in schema.get("properties", {}).items():
        if name in required or draw(st.booleans()):
            found[name] = draw(_FIXED[name] if name in _FIXED else trees(inner))
    return found


_MAKERS = {
    "object": _objects,
    "array": _several,
    "string": _text,
    "integer": lambda _: _counts,
    "number": lambda _: _amounts,
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
}


def answers(name):
    """Trees for a documented success of an operation, and the status it comes with."""
    _, _, row = operations()[name]
    statuses = [one for one in row["responses"] if one.startswith("2")]
    status = 200 if statuses == ["2XX"] else int(statuses[0])
    return status, trees({"$ref": response_schema(name, status)})


def plain(tree):
    """Only what the document knows, with figures as numbers."""
    return _written(tree, figure=lambda one: one, unknown=False)


def with_unknown(tree):
    """The same, and what no page mentions."""
    return _written(tree, figure=lambda one: one, unknown=True)


def with_texts(tree):
    """The same as `plain`, with figures as text."""
    return _written(tree, figure=repr, unknown=False)


def _written(tree, *, figure, unknown):
    if isinstance(tree, Figure):
        return figure(tree.value)
    if isinstance(tree, list):
        return [_written(one, figure=figure, unknown=unknown) for one in tree]
    if isinstance(tree, dict):
        return {
            name: _written(one, figure=figure, unknown=unknown)
            for name, one in tree.items()
            if unknown or not name.startswith(UNKNOWN)
        }
    return tree


def only_required(schema):
    """The least that a schema describes: every optional field is missing."""
    schema = resolved(schema)
    if "oneOf" in schema:
        return only_required(schema["oneOf"][0])
    if schema.get("type") == "array":
        return [only_required(schema["items"])] * schema.get("minItems", 0)
    if schema.get("type") == "object":
        required = [*schema.get("required", ())]
        required += schema.get("anyOf", [{}])[0].get("required", ())
        return {name: _least(name, schema["properties"][name]) for name in required}
    return {}


def _least(name, schema):
    kind = resolved(schema)
    if name == "code":
        return 0
    if "oneOf" in kind:
        return 0
    return [] if kind["type"] == "array" else "x"
