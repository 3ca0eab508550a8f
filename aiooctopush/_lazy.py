"""
What is loaded when it is first asked for: PEP 562.

Making the classes of a chapter takes some milliseconds, and most programs need two or
three of the ten. So a package binds at once what a first send needs, and hands out the
rest through one of these as its ``__getattr__``, beside the same imports under ``if
TYPE_CHECKING``, where type checkers, editors and bundlers read them.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from sys import modules
from types import ModuleType
from typing import Any


def names_of(
    package: str, places: Mapping[str, tuple[str, ...]]
) -> Callable[[str], Any]:
    """
    The ``__getattr__`` of a package that offers names of its modules.

    Args:
        package: Its ``__name__``.
        places: The names of each module, which is written as after ``from``.
    """
    place_of = {name: place for place, names in places.items() for name in names}

    def get(name: str) -> Any:
        if name not in place_of:
            raise _missing(package, name)
        value = getattr(import_module(place_of[name], package), name)
        setattr(modules[package], name, value)  # and never asked for again
        return value

    return get


def modules_of(package: str, names: list[str]) -> Callable[[str], ModuleType]:
    """The ``__getattr__`` of a package that offers these modules of its own."""

    def get(name: str) -> ModuleType:
        if name not in names:
            raise _missing(package, name)
        return import_module(f"{package}.{name}")  # which binds it, too

    return get


def _missing(package: str, name: str) -> AttributeError:
    # Python's own words. With the module at hand it suggests what was meant.
    return AttributeError(
        f"module {package!r} has no attribute {name!r}",
        name=name,
        obj=modules[package],
    )
