"""
Import modules when one of their names is first asked for (PEP 562).

Creating the classes of a namespace takes a few milliseconds, and most programs need two
or three of the ten. The help of the command needs none. So the package imports nothing
at once, and its session only the classes of a first send. The rest is in blocks of
`late_imports`, where type checkers, editors and bundlers read it like any other import.
PEP 810 gives Python a statement for it.
"""

import builtins
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import TracebackType
from typing import Any


# Plain classes: attrs takes longer to import than what is put off here.
class _Later:
    """Where a name is to be imported from, as written after ``from``."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def load(self, package: str) -> Any:
        if self.module.strip("."):
            return getattr(import_module(self.module, package), self.name)
        return import_module(f"{self.module}{self.name}", package)


class _Source:
    """Stand-in for a module in an import statement; records the requested names."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> _Later:
        return _Later(self._module, name)


class late_imports:  # noqa: N801  # it reads as a statement
    """
    Postpone the relative imports in its block until they are needed.

    The package gets a ``__getattr__`` that imports each name once, and a ``__dir__``.
    Concurrent imports of other modules in other threads are not affected.

    Args:
        namespace: The ``globals()`` of the package.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._import: Callable[..., Any] = builtins.__import__

    def __enter__(self) -> None:
        self._import = builtins.__import__
        builtins.__import__ = self._put_off  # type: ignore[assignment]  # no module

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        builtins.__import__ = self._import
        space = self._namespace
        later = {name: one for name, one in space.items() if type(one) is _Later}
        for name in later:
            del space[name]
        space["__getattr__"] = _getter(space, later)
        space["__dir__"] = lambda: sorted({*space, *later})

    def _put_off(
        self,
        name: str,
        namespace: Mapping[str, object] | None = None,
        local: Mapping[str, object] | None = None,
        names: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> Any:
        if namespace is not self._namespace or not level:
            return self._import(name, namespace, local, names, level)
        return _Source("." * level + name)


def _getter(space: dict[str, Any], later: Mapping[str, _Later]) -> Callable[[str], Any]:
    def get(name: str) -> Any:
        if name not in later:
            # Python's own message. With the module available it suggests similar names.
            msg = f"module {space['__name__']!r} has no attribute {name!r}"
            module = import_module(space["__name__"])
            raise AttributeError(msg, name=name, obj=module)
        value = space[name] = later[name].load(space["__spec__"].parent)
        return value  # from now on it is found before this function

    return get


def leave_out_without(library: str, name: str, namespace: dict[str, Any]) -> None:
    """
    Leave a name out of a star import and of ``dir`` if its library is missing.

    Asking for the name itself still says which extra brings the library.

    Args:
        library: Such as ``asyncpg``.
        name: The name that needs it.
        namespace: The ``globals()`` of the package, with its ``__all__``.
    """
    if find_spec(library) is None:
        listed = namespace["__dir__"]
        namespace["__all__"].remove(name)
        namespace["__dir__"] = lambda: [one for one in listed() if one != name]


class needs_extra:  # noqa: N801  # it reads as a statement
    """
    Say which extra brings a library, if an import in its block does not find it.

    Args:
        name: The extra, as in ``pip install "aiooctopush[fleet]"``.
        what: The feature that needs it.
    """

    def __init__(self, name: str, what: str) -> None:
        self._name = name
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, ModuleNotFoundError):
            library = (error.name or "").partition(".")[0]
            msg = (
                f"{self._what} requires {library}, which is not installed; run pip "
                f'install "aiooctopush[{self._name}]"'
            )
            raise ModuleNotFoundError(msg, name=error.name) from error
