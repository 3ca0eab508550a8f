"""HTML that cannot be broken out of: whatever is not made here is escaped."""

from collections.abc import Iterable
from html import escape
from typing import Final


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


NOTHING: Final = Html("")

_VOID: Final = {"meta", "rect", "line"}


def tag(name: str, /, *content: str, **attributes: str | float | None) -> Html:
    """
    An element.

    Args:
        name: Of the element.
        content: What is in it; escaped, unless it is `Html`.
        attributes: Values by name. ``_`` stands for ``-``, one at the end for a word
            that Python has already; None leaves it out.
    """
    opening = name + "".join(
        f' {_name(key)}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{opening}>" if name == "meta" else f"<{opening}/>")
    return Html(f"<{opening}>{joined(content)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Parts one after the other, each escaped unless it is `Html`."""
    return Html("".join(one if isinstance(one, Html) else escape(one) for one in parts))


def prose(text: str) -> Html:
    """A sentence, with what stands between backticks as code."""
    parts = text.split("`")
    return joined(
        _code(part) if number % 2 else part for number, part in enumerate(parts)
    )


def _code(words: str) -> Html:
    # Broken between words only: a line that ends in a hyphen would mislead.
    spans = (tag("span", one) for one in words.split(" "))
    return tag("code", Html(" ".join(spans)))


def _name(key: str) -> str:
    # SVG writes some names in camel case, and these have no underscores.
    return key.rstrip("_").replace("_", "-")
