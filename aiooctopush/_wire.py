"""
Values of the wire format, without I/O: requests and responses, and their conversion to
bytes and from JSON. `_responses` interprets responses.
"""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from functools import cache
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

import attrs
import orjson
from attrs import field, frozen
from cattrs import Converter
from cattrs.cols import is_mapping
from cattrs.fns import identity
from cattrs.gen import make_dict_unstructure_fn, override

from ._record import Record
from .errors import Outcome
from .phone import mask
from .secret import Secret


T = TypeVar("T", bound="Answer")

MAX_BODY: Final = 1024 * 1024
"""Maximum size of a response in bytes, after decompression."""


class Idempotency(StrEnum):
    """Effect of repeating a call. It alone decides about retries after a timeout."""

    SAFE = "safe"
    """A read."""

    IDEMPOTENT = "idempotent"
    """A repeat leaves the same state."""

    REQUEST_ID = "request_id"
    """A repeat is safe with the same request_id, within 24 hours."""

    NONE = "none"
    """A repeat may do it twice."""


IdempotencyLike = Idempotency | Literal["safe", "idempotent", "request_id", "none"]


# No slots, here and in other classes of each send: filling those of a frozen value
# takes half as long again.
@frozen(kw_only=True, slots=False, eq=False, repr=False)
class Answer(Record):
    """
    Fields of every response of the gateway.

    Attributes:
        outcome: ``accepted``, or ``presumed`` if a retry was refused as a duplicate
            after an attempt without a readable response.
        request_id: The id under which it was accepted, if the operation has one.
        attempts: Number of attempts.
        status: HTTP status of the last response.
        headers: Headers of that response; names are case-insensitive.
    """

    outcome: Outcome = Outcome.ACCEPTED
    request_id: str | None = None
    attempts: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(factory=dict, repr=False)


Reader = Callable[[Any, dict[str, Any]], Any]
"""Makes a response from the value of the JSON, and from our own fields."""


class Endpoint(NamedTuple, Generic[T]):
    """One row of the gateway's index of operations."""

    method: str
    path: str
    """
    A template where it contains an argument, because it appears in logs and errors.
    """
    idempotency: Idempotency
    answer: type[T]
    free_form: bool = False
    """Whether a success may hold any JSON, or nothing at all."""
    bodiless: bool = False
    """Whether a success may come without a body."""
    results: frozenset[int] = frozenset()
    """Codes of refusals that are a result instead of an error."""
    secret: bool = False
    """Whether the gateway's words may repeat a secret, and so stay out of errors."""

    @property
    def writes(self) -> bool:
        """Whether a call may change something on the other side."""
        return self.idempotency is not Idempotency.SAFE


def _masked_path(path: str) -> str:
    return repr(re.sub(r"\d{7,}", lambda found: mask(found[0]), path))


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class HttpRequest(Record):
    """
    One attempt, ready for a `Transport`.

    ``repr`` shows method and path only: headers hold the key, the body holds
    numbers and text. A number in the path is masked.
    """

    method: str
    path: str = field(repr=_masked_path)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float = 45.0
    """Seconds for this attempt as a whole."""
    fresh_connection: bool = False
    """Whether the attempt must not go over a kept-alive connection."""


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class HttpResponse(Record):
    """A response as received."""

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    """Case-insensitive, or with names in lower case."""
    body: bytes = field(default=b"", repr=False)


# --- conversion: one private converter ------------------------------------------------

_NAMES = "names"
_REQUIRED = "required"
_WHOLE = "whole"


def read_from(*names: str, required: bool = False) -> dict[str, Any]:
    """
    Metadata of a field that is read from another key, or from the first of several.

    Args:
        names: Keys in the response, in order of preference.
        required: Whether a response without it proves nothing.
    """
    return {_NAMES: names, _REQUIRED: required}


def read_whole() -> dict[str, Any]:
    """Metadata of a field that is read from the whole body instead of a key."""
    return {_WHOLE: True}


@cache
def reader_of(cls: type[Any]) -> Reader:
    """Converters from JSON to a response, or to a value inside one."""
    # The fields of every response come from us, never from a body, which so can never
    # claim an outcome or a number of attempts.
    answers = issubclass(cls, Answer)
    ours = {one.name for one in attrs.fields(Answer)} if answers else set()
    plan = [
        (
            one.name,
            one.metadata.get(_WHOLE, False),
            one.metadata.get(_NAMES, ()),
            one.metadata.get(_REQUIRED, False),
            one.type,
            converter.get_structure_hook(one.type),
        )
        for one in attrs.fields(attrs.resolve_types(cls))
        if one.name not in ours
    ]

    def read_answer(body: Any, values: dict[str, Any]) -> Any:
        for name, is_whole, others, required, kind, structure in plan:
            if is_whole:
                values[name] = structure(body, kind)
                continue
            found = body.get(name)
            if found is None:  # the first that has a value
                for other in others:
                    found = body.get(other)
                    if found is not None:
                        break
            if required and (not isinstance(found, str) or not found):
                msg = f"no {' or '.join((name, *others))}"
                raise ValueError(msg)
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
            # Only requests contain it in the clear, for the gateway.
            unstruct_hook=None if answers else _SECRETS.get(one.type),
        )
        for one in attrs.fields(cls)
    }
    return make_dict_unstructure_fn(cls, converter, **overrides)


def optional_int(value: Any, _: Any = None) -> int | None:
    """Read a count, or None; see `optional_decimal`."""
    # Nearly always, and never a bool; thousands of digits are no count.
    if type(value) is int and -(10**30) < value < 10**30:
        return value
    number = optional_decimal(value)
    if number is None or number != number.to_integral_value():
        return None
    return int(number)


def optional_decimal(value: Any, _: Any = None) -> Decimal | None:
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
    number = optional_decimal(value)
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


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


# What cattrs has for orjson, without its other types: those take longer to import.
converter: Final = Converter(
    detailed_validation=False, unstruct_collection_overrides={AbstractSet: list}
)
converter.register_unstructure_hook_factory(_is_enum, lambda _: identity)
converter.register_unstructure_hook_factory(
    is_mapping,
    lambda kind: converter.gen_unstructure_mapping(
        kind,
        key_handler=str,  # type: ignore[arg-type]  # called with the key alone
    ),
)
converter.register_structure_hook_func(lambda kind: kind == int | None, optional_int)
converter.register_structure_hook_func(
    lambda kind: kind == Decimal | None, optional_decimal
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
# Set by us, never read from a body; copying it for each response would be wasteful.
converter.register_structure_hook_func(
    lambda kind: kind == Mapping[str, str], lambda value, _: value
)
converter.register_unstructure_hook(Decimal, str)
converter.register_unstructure_hook(Secret, str)
converter.register_unstructure_hook_factory(attrs.has, _unstructure_record)


def encode(record: Any) -> bytes:
    """A request record, or a plain dict, as JSON."""
    # Copied, since orjson leaves the buffer that it wrote into: 4 KiB for a request of
    # 150 bytes, held for as long as a call waits.
    return bytes(memoryview(orjson.dumps(converter.unstructure(record))))
