"""
Values inside a response: parsed as tolerantly as the response itself.

An unreadable value must not turn an executed call into a call of unknown outcome. So a
value that is not an object becomes None if None is allowed. It is left out of a list,
and otherwise counts as an empty object.
"""

from collections.abc import Mapping
from typing import Any, get_args, get_origin

from attrs import frozen

from .._wire import converter, reader_of


@frozen(kw_only=True)
class NestedValue:
    """A value inside a response."""


def _is_nested(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, NestedValue)


def _holds_nested(kind: Any, origin: Any, position: int) -> bool:
    inner = get_args(kind)
    return get_origin(kind) is origin and bool(inner) and _is_nested(inner[position])


def _is_optional(kind: Any) -> bool:
    inner = get_args(kind)
    return len(inner) == 2 and _is_nested(inner[0]) and kind == inner[0] | None


def _read_nested(value: Any, kind: Any) -> Any:
    # An empty list is how PHP writes an object without anything in it (inferred).
    return reader_of(kind)(value if isinstance(value, Mapping) else {}, {})


def _read_optional(value: Any, kind: Any) -> Any:
    return (
        _read_nested(value, get_args(kind)[0]) if isinstance(value, Mapping) else None
    )


def _read_several(value: Any, kind: Any) -> Any:
    inner = get_args(kind)[0]
    # A text instead of a list means "none". Source: gateway documentation, PHP read-me
    # of 2020.
    several = value if isinstance(value, list | tuple) else ()
    return tuple(
        _read_nested(one, inner) for one in several if isinstance(one, Mapping)
    )


def _read_texts(value: Any, _: Any) -> tuple[str, ...]:
    # A single text becomes a list of one; values other than text are left out.
    several = value if isinstance(value, list | tuple) else (value,)
    return tuple(one for one in several if isinstance(one, str) and one)


def _read_by_key(value: Any, kind: Any) -> Any:
    inner = get_args(kind)[1]
    # Empty objects may come as empty lists, as PHP encodes them (inferred).
    pairs = {} if value == [] else value
    return {
        key: _read_nested(one, inner)
        for key, one in pairs.items()
        if isinstance(one, Mapping)
    }


converter.register_structure_hook_func(_is_nested, _read_nested)
converter.register_structure_hook_func(_is_optional, _read_optional)
converter.register_structure_hook_func(
    lambda kind: _holds_nested(kind, tuple, 0), _read_several
)
converter.register_structure_hook_func(
    lambda kind: _holds_nested(kind, Mapping, 1), _read_by_key
)
converter.register_structure_hook_func(
    lambda kind: kind == tuple[str, ...], _read_texts
)
