"""
`Record`, the base of the values that every program imports.

It exists because the methods that attrs compiles for these values (equality, hash,
repr) would add a third to the cost of importing a session. Subclasses are made with
``eq=False, repr=False``.
"""

from collections.abc import Iterator
from reprlib import recursive_repr
from typing import Any, ClassVar

import attrs


class Record:
    """An attrs class with equality, hash and repr as attrs would make them."""

    __slots__ = ()

    __attrs_attrs__: ClassVar[Any]

    def _compared(self) -> Iterator[object]:
        for one in attrs.fields(self.__class__):
            if one.eq:
                yield getattr(self, one.name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or other.__class__ is not self.__class__:
            return NotImplemented
        pairs = zip(self._compared(), other._compared(), strict=True)
        return all(one == another for one, another in pairs)

    def __hash__(self) -> int:
        return hash((self.__class__, *self._compared()))

    @recursive_repr()
    def __repr__(self) -> str:
        shown = ", ".join(
            f"{one.name}={show(getattr(self, one.name))}"
            for one in attrs.fields(self.__class__)
            if (show := repr if one.repr is True else one.repr)
        )
        name = self.__class__.__qualname__.rpartition(">.")[2]  # of a function
        return f"{name}({shown})"
