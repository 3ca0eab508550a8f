"""Values that never show themselves by accident."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn, Self

from multidict import CIMultiDict, CIMultiDictProxy, istr

from .errors import InvalidFieldError


MASK: Final = "***"

EMPTY: Final[Mapping[str, str]] = MappingProxyType({})

_LONGEST = 256


class Secret:
    """
    A string that every ``repr``, ``str``, f-string and ``asdict`` shows as ``***``.

    Only `reveal` gives it out. It cannot be pickled or serialized, so that no session
    store, queue or response keeps it by accident: put ``secret.reveal()`` there.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself. Keep its use short."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Self:
        return self  # it never changes

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        msg = (
            "a Secret cannot be pickled or serialized: pass secret.reveal() instead, "
            "where only your program can read it"
        )
        raise TypeError(msg)

    # Frameworks that make JSON of anything try these, and show what they raise.

    def __iter__(self) -> NoReturn:
        self.__reduce__()

    def __json__(self) -> NoReturn:
        self.__reduce__()


def check_unmasked(value: str, name: str) -> None:
    """Refuse what ``str()`` made of a secret: the gateway would know nothing of it."""
    if value == MASK:
        raise InvalidFieldError(
            name, "is the mask of a Secret; pass the Secret, or secret.reveal()"
        )


class Credentials:
    """
    Login and key of an account, checked once, and the headers that carry them.

    Args:
        api_login: E-mail address of the account.
        api_key: API key of the account.
        others: Headers that go with every request as well.

    Raises:
        InvalidFieldError: One cannot be carried by a header.
    """

    __slots__ = ("headers",)

    headers: Mapping[str, str]
    """
    The headers of every request, in the clear.

    Source: gateway documentation, every page.
    """

    def __init__(
        self, api_login: str, api_key: str, others: Mapping[str, str] = EMPTY
    ) -> None:
        # The kind that aiohttp would make of a dict, once for each request.
        self.headers = CIMultiDictProxy(
            CIMultiDict(
                {
                    istr("api-login"): _check("api_login", api_login),
                    istr("api-key"): _check("api_key", api_key),
                    **{istr(name): value for name, value in others.items()},
                }
            )
        )

    def __repr__(self) -> str:
        return f"Credentials({MASK!r}, {MASK!r})"

    def __copy__(self) -> Self:
        return self  # they never change

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        msg = "credentials cannot be pickled: pass them through the environment"
        raise TypeError(msg)


def _check(name: str, value: Any) -> str:
    check_unmasked(value, name)
    # Characters that a header can contain. aiohttp refuses line breaks but would send
    # accents as bytes that no server expects. The value itself is never shown.
    good = (
        isinstance(value, str)
        and 1 <= len(value) <= _LONGEST
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )
    if not good:
        raise InvalidFieldError(
            name,
            f"must be 1 to {_LONGEST} visible ASCII characters, "
            "without spaces or line breaks",
        )
    return str(value)
