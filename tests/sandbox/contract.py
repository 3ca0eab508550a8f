"""The OpenAPI document as a judge of bodies."""

from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012


_DOCUMENT = Path(__file__).parents[1] / "contract" / "openapi.yaml"
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
    return _schema(operations()[operation_id][2]["responses"][str(status)])


def _schema(row):
    if "$ref" in row:
        section, name = row["$ref"].split("/")[-2:]
        row = document()["components"][section][name]
    if "content" not in row:
        return None
    return row["content"]["application/json"]["schema"]["$ref"]


def problems(pointer, body):
    """What is wrong with a body, in words; nothing if it fits."""
    resource = Resource(contents=document(), specification=DRAFT202012)
    registry = Registry().with_resource(_URI, resource)
    validator = Draft202012Validator({"$ref": _URI + pointer}, registry=registry)
    return [f"{one.json_path}: {one.message}" for one in validator.iter_errors(body)]
