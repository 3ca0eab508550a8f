"""
Any call, for operations that the gateway adds before this SDK.

It uses the path of every call: the same retries, errors, limits and redaction of
secrets.
"""

import json as stdlib_json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from attrs import field, frozen

from .._call import CallOptions
from .._wire import (
    Answer,
    Endpoint,
    Idempotency,
    IdempotencyLike,
    converter,
    encode,
    read_whole,
)
from ..errors import InvalidFieldError, wrong_value
from ..ids import check_request_id
from ._shared import Caller, to_enum


__all__ = [
    "RawAnswer",
]


METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")

MAX_PATH: Final = 2048
"""Characters. Our choice: servers refuse longer ones in ways of their own."""

# RFC 3986: characters that a path may contain unquoted, and quoted ones.
_is_path = re.compile(
    r"(?:/(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+", re.ASCII
).fullmatch
_is_word = re.compile(r"[A-Za-z]+(?:[-_][A-Za-z]+)*|v\d", re.ASCII).fullmatch

Value = str | int | bool

Params = Mapping[str, Value] | Iterable[tuple[str, Value]]


@frozen(kw_only=True)
class RawAnswer(Answer):
    """
    A response of any shape.

    Attributes:
        json: The parsed body, with fractions as Decimal; None if it was empty.
    """

    json: Any = field(default=None, repr=False, metadata=read_whole())


@frozen
class RawRequest:
    """A body that the caller wrote, and the id in it that protects repeats."""

    json: Any = field(repr=False)
    request_id: str | None = None


converter.register_unstructure_hook(
    RawRequest, lambda request: converter.unstructure(request.json)
)


async def raw(
    call: Caller,
    method: str,
    path: str,
    *,
    json: Any = None,
    params: Params | None = None,
    idempotency: IdempotencyLike | None = None,
    timeout: float | None = None,
) -> RawAnswer:
    """Check the arguments and make the call; `OctopushSession.raw` documents it."""
    endpoint = Endpoint(
        method=_check_method(method),
        path=_shown(_check_path(path)),
        idempotency=_idempotency(idempotency, method),
        answer=RawAnswer,
        free_form=True,
    )
    return await call(
        endpoint,
        CallOptions(
            body=_body(json, endpoint), query=_query(params), path=path, timeout=timeout
        ),
    )


def _check_method(method: Any) -> str:
    if method not in METHODS:
        raise wrong_value("method", f"must be one of {', '.join(METHODS)}", method)
    return str(method)


def _check_path(path: Any) -> str:
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//"):
        # Not shown: it may hold anything.
        raise InvalidFieldError(
            "path", "must start with one '/' and must not name a host"
        )
    if "?" in path or "#" in path:
        raise InvalidFieldError("path", "must not contain a query; use params")
    if len(path) > MAX_PATH or not _is_path(path):
        raise InvalidFieldError(
            "path",
            f"must have up to {MAX_PATH:,} characters of a URL, others percent-encoded",
        )
    # A server may resolve dots after it has unquoted them.
    if any(unquote(segment) in {".", ".."} for segment in path.split("/")):
        raise InvalidFieldError("path", "must not contain '.' or '..' as a segment")
    return path


def _shown(path: str) -> str:
    # For logs and errors: a segment that is not clearly a word may be a number or an
    # address.
    return "/".join(
        segment if not segment or _is_word(segment) else "***"
        for segment in path.split("/")
    )


def _idempotency(given: IdempotencyLike | None, method: str) -> Idempotency:
    if given is None:
        return Idempotency.SAFE if method == "GET" else Idempotency.NONE
    return to_enum(Idempotency, "idempotency", given)


def _body(json: Any, endpoint: Endpoint[RawAnswer]) -> RawRequest | None:
    protected = endpoint.idempotency is Idempotency.REQUEST_ID
    request_id = None
    if protected:
        if not isinstance(json, Mapping) or "request_id" not in json:
            raise InvalidFieldError(
                "json", "must be an object with a request_id for idempotency request_id"
            )
        request_id = check_request_id(json["request_id"])
    if json is None:
        return None
    if endpoint.method == "GET":
        raise InvalidFieldError("json", "must be None for GET; use params")
    request = RawRequest(json, request_id)
    try:
        # Stricter than `encode`, which would make null of NaN, and text of bytes.
        stdlib_json.dumps(json, allow_nan=False)
        encode(request)
    except (TypeError, ValueError, RecursionError):
        good = False
    else:
        good = True
    if not good:
        # Raised out here, without a cause: that may quote the value.
        raise InvalidFieldError("json", "must consist of plain JSON values")
    return request


def _query(params: Params | None) -> tuple[tuple[str, str], ...]:
    if params is None:
        return ()
    pairs: Iterable[Any] = params.items() if isinstance(params, Mapping) else params
    query = []
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InvalidFieldError("params", "must be a mapping, or pairs")
        name, value = pair
        if not isinstance(name, str) or not name:
            raise InvalidFieldError("params", "must have names of type str")
        if not isinstance(value, str | int):
            raise InvalidFieldError(
                "params", f"{name[:40]!r} must be a str, an int or a bool"
            )
        # As the gateway's samples write it. Source: gateway documentation, "Check
        # SMS balance".
        written = str(value).lower() if isinstance(value, bool) else str(value)
        query.append((name, written))
    return tuple(query)
