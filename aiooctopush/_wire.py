"""
Bytes out, values in, and no I/O: how a call becomes a request, and what an answer
proves.

Everything that decides what an answer *means* lives here, so that it can be tested
with bytes alone.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, Generic, NoReturn, TypeVar

import attrs
import orjson
from attrs import field, frozen
from cattrs.gen import make_dict_unstructure_fn, override
from cattrs.preconf.orjson import make_converter

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
from .secret import Secret


T = TypeVar("T", bound="Answer")

MAX_BODY: Final = 1024 * 1024
"""Bytes of an answer, after decompression, that are read at most."""

MAX_RETRY_AFTER: Final = 3600.0
"""Seconds; a longer ``Retry-After`` is not believed: it must not park a task."""


class Idempotency(StrEnum):
    """What repeating a call does. This alone decides about retries after silence."""

    SAFE = "safe"
    """A read."""

    IDEMPOTENT = "idempotent"
    """A repeat leaves the same state."""

    REQUEST_ID = "request_id"
    """A repeat is safe with the same request_id, within 24 hours."""

    NONE = "none"
    """A repeat may do it twice."""


@frozen(kw_only=True, slots=False)
class Answer:
    """
    What every answer of the gateway carries.

    Attributes:
        outcome: ``accepted``, or ``presumed`` if a repeat was refused as a
            duplicate after a try of ours that had no readable answer.
        request_id: The id under which it was accepted, if the operation has one.
        attempts: How many tries it took.
        status: HTTP status of the last answer.
        headers: Headers of that answer, with names in lower case.
    """

    outcome: Outcome = Outcome.ACCEPTED
    request_id: str | None = None
    attempts: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class Endpoint(Generic[T]):
    """One row of the gateway's index of operations."""

    method: str
    path: str
    """A template where it holds an argument: it stands in logs and errors."""
    idempotency: Idempotency
    answer: type[T]
    free_form: bool = False
    """Whether a success may hold any JSON, or nothing at all."""
    bodiless: bool = False
    """Whether a success may come without the body that its answer reads."""
    results: frozenset[int] = frozenset()
    """Codes of refusals that answer the question: a result, not an error."""
    secret: bool = False
    """Whether the gateway's words may repeat a secret, and so stay out of errors."""

    @property
    def writes(self) -> bool:
        """Whether a call may change something on the other side."""
        return self.idempotency is not Idempotency.SAFE


@frozen(kw_only=True)
class HttpRequest:
    """
    One try, ready for a `Transport`.

    ``repr`` shows method and path only: headers hold the key, the body holds
    numbers and text.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float = 45.0
    """Seconds for this try as a whole."""
    fresh_connection: bool = False
    """Whether the try must not go over a kept-alive connection."""


class Headers(Mapping[str, str]):
    """
    Headers of an answer with their names in lower case, made when one is looked at:
    those of an answer that was accepted rarely are.
    """

    __slots__ = ("_lowered", "_received")

    def __init__(self, received: Mapping[str, str]) -> None:
        self._received = received
        self._lowered: dict[str, str] | None = None

    @property
    def _names(self) -> dict[str, str]:
        if self._lowered is None:
            self._lowered = {
                name.lower(): value for name, value in self._received.items()
            }
        return self._lowered

    def __getitem__(self, name: str) -> str:
        return self._names[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(self._names)

    def __reduce__(self) -> tuple[type[dict[str, str]], tuple[dict[str, str]]]:
        return dict, (self._names,)


@frozen(kw_only=True)
class HttpResponse:
    """An answer that was really received."""

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    """Names in lower case."""
    body: bytes = field(default=b"", repr=False)


# --- conversion: one private converter ------------------------------------------------

_NAMES = "names"
_REQUIRED = "required"
_WHOLE = "whole"


def read_from(*names: str, required: bool = False) -> dict[str, Any]:
    """
    Metadata of a field that is read from another key, or from the first of several.

    Args:
        names: Keys of the answer, in order of preference.
        required: Whether an answer without it proves nothing.
    """
    return {_NAMES: names, _REQUIRED: required}


def read_whole() -> dict[str, Any]:
    """Metadata of a field that is read from the body as a whole, not from a key."""
    return {_WHOLE: True}


Reader = Callable[[Any, dict[str, Any]], Any]


@cache
def reader_of(cls: type[Any]) -> Reader:
    """What makes an answer, or a value inside one, of what JSON holds for it."""
    # What every answer carries comes from us, never from a body, which so can never
    # claim an outcome or a number of tries.
    answers = issubclass(cls, Answer)
    ours = {one.name for one in attrs.fields(Answer)} if answers else set()
    plan = [
        (
            one.name,
            None
            if one.metadata.get(_WHOLE)
            else (one.name, *one.metadata.get(_NAMES, ())),
            one.metadata.get(_REQUIRED, False),
            one.type,
            converter.get_structure_hook(one.type),
        )
        for one in attrs.fields(attrs.resolve_types(cls))
        if one.name not in ours
    ]
    # Most have one name and may be missing: they need no questions.
    simple = [
        (name, kind, structure)
        for name, keys, required, kind, structure in plan
        if keys == (name,) and not required
    ]
    others = [row for row in plan if row[1] != (row[0],) or row[2]]

    def read_answer(body: Any, values: dict[str, Any]) -> Any:
        for name, keys, required, kind, structure in others:
            if keys is None:
                values[name] = structure(body, kind)
                continue
            found = None
            for key in keys:  # the first that has a value
                found = body.get(key)
                if found is not None:
                    break
            if required and (not isinstance(found, str) or not found):
                msg = f"no {' or '.join(keys)}"
                raise ValueError(msg)
            if found is not None:
                values[name] = structure(found, kind)
        for name, kind, structure in simple:
            found = body.get(name)
            if found is not None:
                values[name] = structure(found, kind)
        return cls(**values)

    return read_answer


def _reveal(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


_SECRETS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    Secret: _reveal,
    Secret | None: _reveal,
}


def _unstructure_record(cls: type[Any]) -> Callable[[Any], Mapping[str, Any]]:
    answers = issubclass(cls, Answer)
    # Leave out None only: `omit_if_default` for every field would also drop those
    # whose default is ours and not the gateway's (type, purpose).
    overrides: dict[str, Any] = {
        one.name: override(
            omit_if_default=True if one.default is None else None,
            # Only what is asked needs it in the clear, on its way to the gateway.
            unstruct_hook=None if answers else _SECRETS.get(one.type),
        )
        for one in attrs.fields(cls)
    }
    return make_dict_unstructure_fn(cls, converter, **overrides)


def _optional_int(value: Any, _: Any) -> int | None:
    # Nearly always, and never a bool; thousands of digits are no count.
    if type(value) is int and -(10**30) < value < 10**30:
        return value
    number = _decimal(value)
    if number is None or number != number.to_integral_value():
        return None
    return int(number)


def _optional_decimal(value: Any, _: Any) -> Decimal | None:
    return _decimal(value)


def _decimal(value: Any) -> Decimal | None:
    """
    Read a figure, or None: one unreadable figure must not turn a message that was
    accepted into one of unknown outcome.

    Figures come as numbers or as numeric strings, and once as the text ``NULL``.
    Source: gateway documentation, PHP read-me of 2020.
    """
    if type(value) is Decimal:  # what `decode` makes of every fraction
        number = value
    elif isinstance(value, bool) or not isinstance(value, str | int):
        return None
    else:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return None
    # 1e999999999 is a valid number whose digits would fill the memory.
    if not number.is_finite() or not -30 < number.adjusted() < 30:
        return None
    return number


def _required_decimal(value: Any, _: Any) -> Decimal:
    number = _decimal(value)
    if number is None:
        msg = "no figure"
        raise ValueError(msg)
    return number


def _optional_datetime(value: Any, _: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _optional_str(value: Any, _: Any) -> str | None:
    return None if value is None else str(value)


_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}


def _optional_bool(value: Any, _: Any) -> bool | None:
    # "false" is a text, and so would be true.
    return value if isinstance(value, bool) else _FLAGS.get(str(value).lower())


def _required_secret(value: Any, _: Any) -> Secret:
    if not isinstance(value, str) or not value:
        msg = "no secret"
        raise ValueError(msg)
    return Secret(value)


def _optional_secret(value: Any, _: Any) -> Secret | None:
    return Secret(value) if isinstance(value, str) and value else None


converter: Final = make_converter(detailed_validation=False)
converter.register_structure_hook_func(lambda kind: kind == int | None, _optional_int)
converter.register_structure_hook_func(
    lambda kind: kind == Decimal | None, _optional_decimal
)
converter.register_structure_hook(Decimal, _required_decimal)
converter.register_structure_hook_func(
    lambda kind: kind == datetime | None, _optional_datetime
)
converter.register_structure_hook_func(lambda kind: kind == str | None, _optional_str)
converter.register_structure_hook_func(lambda kind: kind == bool | None, _optional_bool)
converter.register_structure_hook(Secret, _required_secret)
converter.register_structure_hook_func(
    lambda kind: kind == Secret | None, _optional_secret
)
# Set by us, never read from a body; copying it for each answer would be wasted.
converter.register_structure_hook_func(
    lambda kind: kind == Mapping[str, str], lambda value, _: value
)
converter.register_unstructure_hook(Decimal, str)
converter.register_unstructure_hook(Secret, str)
converter.register_unstructure_hook_factory(attrs.has, _unstructure_record)


def encode(record: Any) -> bytes:
    """A request record, or a plain dict, as JSON."""
    return orjson.dumps(_writer_of(type(record))(record))


@cache
def _writer_of(cls: type[Any]) -> Callable[[Any], Any]:
    # The converter asks itself for each record.
    return converter.get_unstructure_hook(cls)


# --- reading an answer ----------------------------------------------------------------


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


# Made once: `json.loads` with arguments builds one for every answer.
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
        text = body.decode().removeprefix("\ufeff").strip(_WHITE)
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

    Whole seconds or an HTTP date, measured against the answer's own ``Date`` so that
    our clock does not matter. What is negative, odd, or over an hour is not
    believed.
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
    Read an answer: the result, or the error that it proves.

    Args:
        endpoint: What was asked.
        response: What came back.
        meta: Fields of `Answer` that the caller knows: request_id, attempts.

    Raises:
        RefusedError: A readable refusal; this try did nothing.
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
    body: Any
    if endpoint.answer is Answer or endpoint.bodiless:
        # Without a documented body (204) there may be none, or any words; but a page
        # comes from somebody on the way.
        if response.body.lstrip().startswith(b"<"):
            raise _invalid(response, "a page, not an answer of the gateway")
        body = _envelope(response) or {}
    else:
        try:
            empty = endpoint.free_form and not response.body.strip()
            body = None if empty else decode(response.body)
        except ValueError as error:
            raise _invalid(response, "an answer that is not JSON") from error
        if not endpoint.free_form and not isinstance(body, dict):
            raise _invalid(response, "an answer of another shape than documented")
    code = gateway_code(body)
    # Some answers carry code 0 on success; an older habit of the gateway is to
    # report failures with status 200 and another code.
    if code and code not in endpoint.results:
        raise _coded(response, code, {} if endpoint.secret else body)
    values = {
        "outcome": Outcome.REFUSED if code else Outcome.ACCEPTED,
        **meta,
        "status": response.status,
        "headers": response.headers,
    }
    try:
        # mypy looks for the hash of an instance where the class itself is hashed.
        reader = reader_of(endpoint.answer)  # type: ignore[arg-type]
        answer: T = reader(body, values)
    # cattrs raises whatever the fields' own types raise; none of it may escape.
    except Exception as error:
        raise _invalid(response, "an answer without what it must hold") from error
    return answer


def gateway_code(body: Any) -> int | None:
    """The gateway's integer ``code``, also where it is written as text."""
    code = body.get("code") if isinstance(body, dict) else None
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= 6:
        return int(code)
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    # As with text: a longer one is no code, and may be a phone number.
    return code if abs(code) < 1_000_000 else None


# Statuses that mean the same whatever the body holds.
# Source: decision table of the design, rows 12 to 21; 413 refuses before reading.
_BY_STATUS: Final[Mapping[int, tuple[type[OctopushError], str, Backoff]]] = {
    401: (AuthenticationError, "the credentials were refused", Backoff.NEVER),
    # Proxies and balancers send 408 for requests that the gateway did get.
    408: (ServerError, "the gateway waited too long for the request", Backoff.CAREFUL),
    # The first request of this kind may still be executing.
    409: (InvalidResponseError, "a conflict with another request", Backoff.NEVER),
    413: (InvalidRequestError, "the request is too large", Backoff.NEVER),
    425: (ThrottledError, "too early", Backoff.THROTTLE),
    429: (ThrottledError, "too many requests", Backoff.THROTTLE),
}

# Statuses that refuse, if the body shows that the gateway itself is speaking: a
# portal or a firewall on the way answers with pages of its own.
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
    return _invalid(response, "a refusal that is not the gateway's own")


# Whatever the status: they may be the proof that an earlier try was taken.
_DUPLICATES: Final = frozenset(
    code for code, row in GATEWAY_CODES.items() if row.error is DuplicateRequestError
)


def _details(body: dict[str, Any]) -> dict[str, Any]:
    """What else a refusal holds: plain values only, which always pickle."""
    return {
        key: value
        for key, value in body.items()
        if key != "code" and isinstance(value, str | int | Decimal | None)
    }


def _envelope(response: HttpResponse) -> dict[str, Any] | None:
    """The body of a refusal; empty if it has none, None if it is a foreign page."""
    try:
        body = decode(response.body) if response.body else {}
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _only_code(response: HttpResponse) -> HttpResponse:
    """The same refusal without the gateway's words."""
    body = _envelope(response)
    if body is None:
        return response  # a page, of which no error quotes anything
    code = gateway_code(body)
    return attrs.evolve(response, body=encode({} if code is None else {"code": code}))


def _coded(response: HttpResponse, code: int, body: dict[str, Any]) -> OctopushError:
    # A code that we do not know is the caller's mistake, and is not tried again.
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
    # A 2xx that cannot be read is worth a repeat: if the first was taken, the repeat
    # is refused as a duplicate, which says so. Anything else is not ours to repeat.
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
