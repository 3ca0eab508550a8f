"""The OpenAPI document as a judge of bodies."""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012


_DOCUMENT = Path(__file__).parents[1] / "contract" / "openapi.yaml"
_SAMPLES = Path(__file__).parents[1] / "samples"
_URI = "urn:octopush"


@cache
def document():
    """Read the document once."""
    return yaml.safe_load(_DOCUMENT.read_text("utf-8"))


@cache
def operations():
    """Each operation by its id: method, path, and its row."""
    return {
        row["operationId"]: (method.upper(), path, row)
        for path, rows in document()["paths"].items()
        for method, row in rows.items()
        if "operationId" in row
    }


def request_schema(operation_id):
    """Pointer to the schema of the request's body; None if it has none."""
    row = operations()[operation_id][2]
    return _schema(row["requestBody"]) if "requestBody" in row else None


def response_schema(operation_id, status):
    """Pointer to the schema of an answer; None if it has no body."""
    method, path, row = operations()[operation_id]
    responses = row["responses"]
    name = str(status) if str(status) in responses else "2XX"
    place = path.replace("/", "~1")
    return _schema(
        responses[name], f"#/paths/{place}/{method.lower()}/responses/{name}"
    )


def _schema(row, pointer=None):
    if "$ref" in row:
        section, name = row["$ref"].split("/")[-2:]
        row = document()["components"][section][name]
    if "content" not in row:
        return None
    schema = row["content"]["application/json"]["schema"]
    return schema.get("$ref", f"{pointer}/content/application~1json/schema")


def resolved(schema):
    """A schema itself, given it, a pointer to it, or a reference to it."""
    while isinstance(schema, str) or "$ref" in schema:
        pointer = schema if isinstance(schema, str) else schema["$ref"]
        schema = document()
        for step in pointer.removeprefix("#/").split("/"):
            schema = schema[step.replace("~1", "/")]
    return schema


_formats = FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_instant(value):
    return not isinstance(value, str) or bool(datetime.fromisoformat(value).tzinfo)


@_formats.checks("email")
def _is_address(value):
    return not isinstance(value, str) or "@" in value.strip("@")


@_formats.checks("uri", raises=ValueError)
def _is_uri(value):
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


def problems(schema, body):
    """What is wrong with a body, in words; nothing if it fits. See `resolved`."""
    if isinstance(schema, str):
        schema = {"$ref": _URI + schema}
    resource = Resource(contents=document(), specification=DRAFT202012)
    registry = Registry().with_resource(_URI, resource)
    validator = Draft202012Validator(schema, registry=registry, format_checker=_formats)
    return [f"{one.json_path}: {one.message}" for one in validator.iter_errors(body)]


def cases_of(*operation_ids):
    """Every documented sample of these operations, with ids for pytest."""
    return [
        pytest.param(
            operation_id,
            json.loads(path.read_text("utf-8")),
            id=f"{operation_id}/{path.stem}",
        )
        for operation_id in operation_ids
        for path in sorted((_SAMPLES / operation_id).glob("*.json"))
    ]


def sample_problems(operation_id, sample):
    """What is wrong with a sample, in words; nothing if it fits the document."""
    found = [] if sample["source"] else ["no source"]
    if sample["request"] is not None:
        found += problems(request_schema(operation_id), sample["request"])
    found += query_problems(operation_id, sample.get("query", ()))
    schema = response_schema(operation_id, sample["status"])
    if schema is not None:
        found += problems(schema, sample["response"])
    return found


def query_problems(operation_id, query):
    """What is wrong with a query, in words; nothing if it fits."""
    schemas = {one["name"]: one["schema"] for one in parameters(operation_id, "query")}
    found = [f"{name}: unknown" for name, _ in query if name not in schemas]
    for name, value in () if found else query:
        schema = schemas[name]
        if schema.get("type") == "boolean":
            found += [] if value in {"true", "false"} else [f"{name}: {value}"]
        else:
            found += problems(resolved(schema.get("items", schema)), value)
    return found


def parameters(operation_id, kind):
    """The arguments of an operation that stand in its ``query`` or its ``path``."""
    _, path, row = operations()[operation_id]
    rows = [
        *row.get("parameters", ()),
        *document()["paths"][path].get("parameters", ()),
    ]
    return [one for one in map(resolved, rows) if one["in"] == kind]
