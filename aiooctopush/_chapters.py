"""Parts of a session that are made, and imported, when they are first asked for."""

from collections.abc import Callable
from typing import Any


class _Chapter:
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


def chapter(make: Callable[[Any], object]) -> Any:
    """
    Declare an attribute that is made on first use, from the object that has it.

    It returns Any, so that the attribute can be annotated as what it is: editors and
    pages of documentation read no type out of a descriptor.
    """
    return _Chapter(make)
