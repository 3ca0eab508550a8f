"""Parts of a session that are made, and imported, when they are first asked for."""

from collections.abc import Callable
from typing import Any


class _Namespace:
    """Makes a part of an object when it is first asked for."""

    def __init__(self, make: Callable[[Any], object]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, whole: object | None, owner: type) -> object:
        if whole is None:
            return self
        # From now on it is found there first.
        made = vars(whole)[self._name] = self._make(whole)
        return made


def namespace(make: Callable[[Any], object]) -> Any:
    """
    Declare an attribute that is made on first use, from the object that has it.

    It returns Any, so that the attribute can be annotated with its type. Editors and
    documentation tools read no type from a descriptor.
    """
    return _Namespace(make)
