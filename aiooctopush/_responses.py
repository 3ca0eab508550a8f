"""
Interpretation of responses: bytes in, a result or an error out, without I/O.

All decisions about the meaning of a response are here, so that they can be tested with
bytes alone.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final, NoReturn, TypeVar

import attrs

from ._wire import Answer, Endpoint, HttpResponse, encode, reader_of
from .errors import (
    GATEWAY_CODES,
    AuthenticationError,
    Backoff,
    DuplicateRequestError,
    GatewayCode,
    InsufficientCreditError,
    InvalidRequestError,
    InvalidResponseError,
    OctopushError,
    Outcome,
    ServerError,
    ThrottledError,
    shown,
)


T = TypeVar("T", bound=Answer)

MAX_RETRY_AFTER: Final = 3600.0
"""
Maximum ``Retry-After`` in seconds; longer values are ignored, so that they cannot block
a task.
"""


# Looked up once: to ask an enum for a member costs more than to compare it.
_ACCEPTED: Final = Outcome.ACCEPTED
_REFUSED: Final = Outcome.REFUSED


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


# Created once: `json.loads` with arguments creates one for every response.
_WHITE: Final = " \t\n\r"
_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


def decode(body: bytes) -> Any:
    """
    Read JSON from outside; money comes out as Decimal, never as a binary float.

    Raises:
        ValueError: It is not JSON in UTF-8, nests too deeply, or holds a number
            that is out of range.
    """
    try:
        text = body.decode()
        if text[:1] != "{" or text[-1:] != "}":  # which most answers are, to the end
            text = text.removeprefix("\ufeff").strip(_WHITE)
        value, end = _decoder.raw_decode(text)
    except RecursionError as error:
        msg = "nested too deeply"
        raise ValueError(msg) from error
    # 1e99999999999999999999 is more than a Decimal can hold.
    except InvalidOperation as error:
        msg = "a number out of range"
        raise ValueError(msg) from error
    if end != len(text):
        msg = "more than one value"
        raise ValueError(msg)
    return value


def retry_after(headers: Mapping[str, str]) -> float | None:
    """
    Seconds that the gateway asked us to wait, or None.

    Whole seconds or an HTTP date, measured against the ``Date`` of the response, so
    that our clock does not matter. Values that are negative, malformed, or over an hour
    are ignored.
    """
    value = headers.get("retry-after", "").strip()
    if not value.isascii():
        return None
    if value.isdigit():
        seconds = float(value) if len(value) < 10 else math.inf
    else:
        until, since = http_date(value), http_date(headers.get("date", ""))
        if until is None or since is None:
            return None
        seconds = (until - since).total_seconds()
    return seconds if 0 <= seconds <= MAX_RETRY_AFTER else None


def http_date(value: str) -> datetime | None:
    """Read an HTTP date as an aware datetime, or None."""
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def read(endpoint: Endpoint[T], response: HttpResponse, meta: dict[str, Any]) -> T:
    """
    Read a response: return the result, or raise the error that it proves.

    Args:
        endpoint: The operation that was called.
        response: The HTTP response.
        meta: Fields of `Answer` that the caller provides: request_id, attempts.

    Raises:
        RefusedError: A readable refusal; this attempt did nothing.
        UnknownOutcomeError: Anything that proves nothing.
    """
    status = response.status
    if 200 <= status < 300:
        return _read_success(endpoint, response, meta)
    if endpoint.results and 400 <= status < 500:
        # Whichever status it comes with: 400 is documented, 404 or 429 would do.
        code = gateway_code(_envelope(response))
        if code in endpoint.results:
            return _read_success(endpoint, response, meta)
    raise _failure(_only_code(response) if endpoint.secret else response)


def _read_success(
    endpoint: Endpoint[T], response: HttpResponse, meta: dict[str, Any]
) -> T:
    kind = endpoint.answer
    if kind is Answer or endpoint.bodiless or endpoint.free_form:
        body = _loose_body(endpoint, response)
        code = gateway_code(body)
    else:
        try:
            body = decode(response.body)
        except ValueError as error:
            raise _invalid(response, "a response that is not JSON") from error
        if type(body) is not dict:
            raise _invalid(response, "a response of an undocumented shape")
        code = gateway_code(body) if "code" in body else None
    # A few responses contain code 0 on success. Older versions of the gateway report
    # failures with status 200 and another code.
    if code and code not in endpoint.results:
        raise _coded(response, code, {} if endpoint.secret else body)
    values = {
        "outcome": _REFUSED if code else _ACCEPTED,
        **meta,
        "status": response.status,
        "headers": response.headers,
    }
    try:
        # mypy looks for the hash of an instance where the class itself is hashed.
        reader = reader_of(kind)  # type: ignore[arg-type]
        answer: T = reader(body, values)
    # cattrs raises any exception of the fields' types; none of them may escape.
    except Exception as error:
        raise _invalid(response, "a response without a required field") from error
    return answer


def _loose_body(endpoint: Endpoint[T], response: HttpResponse) -> Any:
    """The body of a success that may come without one, or hold any JSON."""
    if endpoint.answer is Answer or endpoint.bodiless:
        # Without a documented body (204), an empty body or any text is valid; but an
        # HTML page comes from another server.
        if response.body.lstrip().startswith(b"<"):
            raise _invalid(response, "a page instead of a response of the gateway")
        return _envelope(response) or {}
    try:
        return decode(response.body) if response.body.strip() else None
    except ValueError as error:
        raise _invalid(response, "a response that is not JSON") from error


def gateway_code(body: Any) -> int | None:
    """The gateway's integer ``code``, also where it is written as text."""
    code = body.get("code") if isinstance(body, dict) else None
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= 6:
        return int(code)
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    # As with text: a longer one is no code, and may be a phone number.
    return code if abs(code) < 1_000_000 else None


# Statuses with a meaning that does not depend on the body. Source: decision table of
# the design, rows 12 to 21; 413 refuses before reading.
_BY_STATUS: Final[Mapping[int, tuple[type[OctopushError], str, Backoff]]] = {
    401: (AuthenticationError, "the credentials were refused", Backoff.NEVER),
    # Proxies and balancers send 408 for requests that the gateway did get.
    408: (
        ServerError,
        "the gateway timed out waiting for the request",
        Backoff.CAREFUL,
    ),
    # The first request of this kind may still be executing.
    409: (InvalidResponseError, "a conflict with another request", Backoff.NEVER),
    413: (InvalidRequestError, "the request is too large", Backoff.NEVER),
    425: (ThrottledError, "too early", Backoff.THROTTLE),
    429: (ThrottledError, "too many requests", Backoff.THROTTLE),
}

# Statuses that refuse, if the body comes from the gateway itself. A portal or a
# firewall on the way responds with pages of its own.
_BY_STATUS_IF_READABLE: Final[Mapping[int, tuple[type[OctopushError], str]]] = {
    402: (InsufficientCreditError, "not enough credit"),
    403: (AuthenticationError, "access was refused"),
}


def _failure(response: HttpResponse) -> OctopushError:
    status = response.status
    if status >= 500:
        return _error(ServerError, response, f"the gateway failed (HTTP {status})")
    if status < 400:
        return _invalid(response, "a redirect, which is never followed")
    body = _envelope(response)
    code = gateway_code(body)
    if body is not None and code in _DUPLICATES:
        return _coded(response, code, body)
    if status in _BY_STATUS:
        kind, problem, backoff = _BY_STATUS[status]
        return _error(
            kind,
            response,
            f"{problem} (HTTP {status})",
            code=code,
            details=_details(body or {}),
            backoff=backoff,
        )
    if body is not None and code:
        return _coded(response, code, body)
    if body is not None and status in _BY_STATUS_IF_READABLE:
        refusal, problem = _BY_STATUS_IF_READABLE[status]
        return _error(
            refusal, response, f"{problem} (HTTP {status})", details=_details(body)
        )
    return _invalid(response, "a refusal that does not come from the gateway")


# For any status: they may prove that an earlier attempt was accepted.
_DUPLICATES: Final = frozenset(
    code for code, row in GATEWAY_CODES.items() if row.error is DuplicateRequestError
)


def _details(body: dict[str, Any]) -> dict[str, Any]:
    """Other fields of a refusal; plain values only, which always pickle."""
    return {
        key: value
        for key, value in body.items()
        if key != "code" and isinstance(value, str | int | Decimal | None)
    }


def _envelope(response: HttpResponse) -> dict[str, Any] | None:
    """
    The body of a refusal; empty if it has none, None if it is a page of another server.
    """
    try:
        body = decode(response.body) if response.body else {}
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _only_code(response: HttpResponse) -> HttpResponse:
    """Return a refusal without the gateway's words."""
    body = _envelope(response)
    if body is None:
        return response  # a page, of which no error quotes anything
    code = gateway_code(body)
    return attrs.evolve(response, body=encode({} if code is None else {"code": code}))


def _coded(response: HttpResponse, code: int, body: dict[str, Any]) -> OctopushError:
    # An unknown code is a mistake of the caller, and is not retried.
    row = GATEWAY_CODES.get(code, GatewayCode("unknown code", InvalidRequestError))
    kind = row.error
    if response.status == 403 and kind is InvalidRequestError:
        kind = AuthenticationError
    said = body.get("message")
    words = f": {shown(said)}" if said else ""
    return _error(
        kind,
        response,
        f"refused with code {code}, {row.meaning}{words}",
        code=code,
        details=_details(body),
        backoff=row.backoff,
    )


def _invalid(response: HttpResponse, what: str) -> InvalidResponseError:
    # An unreadable 2xx is worth a retry: if the first attempt was accepted, the retry
    # is refused as a duplicate, which proves it. Other responses are not retried.
    success = 200 <= response.status < 300
    return _error(
        InvalidResponseError,
        response,
        f"{what} (HTTP {response.status})",
        backoff=Backoff.CAREFUL if success else Backoff.NEVER,
    )


E = TypeVar("E", bound=OctopushError)


def _error(kind: type[E], response: HttpResponse, problem: str, **more: Any) -> E:
    return kind(
        problem,
        status=response.status,
        headers=response.headers,
        retry_after=retry_after(response.headers),
        **more,
    )
