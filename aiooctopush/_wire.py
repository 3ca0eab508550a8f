"""
What goes over the wire, and no I/O: the values of the seam, and how a record becomes
bytes and JSON becomes a value. What an answer proves is for `_answers` to say.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Any, Final, Generic, Literal, TypeVar

import attrs
from attrs import field, frozen
from cattrs.gen import make_dict_unstructure_fn, override
from cattrs.preconf.orjson import make_converter

from .errors import Outcome
from .phone import mask
from .secret import Secret


T = TypeVar("T", bound="Answer")

MAX_BODY: Final = 1024 * 1024
"""Bytes of an answer, after decompression, that are read at most."""


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


IdempotencyLike = Idempotency | Literal["safe", "idempotent", "request_id", "none"]


# No slots here, nor in what else is made for every send: to fill those of a frozen
# value takes half as long again.
@frozen(kw_only=True, slots=False)
class Answer:
    """
    What every answer of the gateway carries.

    Attributes:
        outcome: ``accepted``, or ``presumed`` if a repeat was refused as a
            duplicate after an attempt of ours that had no readable answer.
        request_id: The id under which it was accepted, if the operation has one.
        attempts: How many attempts it took.
        status: HTTP status of the last answer.
        headers: Headers of that answer; names are case-insensitive.
    """

    outcome: Outcome = Outcome.ACCEPTED
    request_id: str | None = None
    attempts: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(factory=dict, repr=False)


Reader = Callable[[Any, dict[str, Any]], Any]
"""Makes an answer of the value that JSON holds, and of the fields that we know."""


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


def _masked_path(path: str) -> str:
    return repr(re.sub(r"\d{7,}", lambda found: mask(found[0]), path))


@frozen(kw_only=True, slots=False)
class HttpRequest:
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


@frozen(kw_only=True, slots=False)
class HttpResponse:
    """An answer that was really received."""

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
        names: Keys of the answer, in order of preference.
        required: Whether an answer without it proves nothing.
    """
    return {_NAMES: names, _REQUIRED: required}


def read_whole() -> dict[str, Any]:
    """Metadata of a field that is read from the body as a whole, not from a key."""
    return {_WHOLE: True}


@cache
def reader_of(cls: type[Any]) -> Reader:
    """What makes an answer, or a value inside one, of what JSON holds for it."""
    # What every answer carries comes from us, never from a body, which so can never
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
            # Only what is asked needs it in the clear, on its way to the gateway.
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


converter: Final = make_converter(detailed_validation=False)
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
# Set by us, never read from a body; copying it for each answer would be wasted.
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
    return bytes(memoryview(converter.dumps(record)))
