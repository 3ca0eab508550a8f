"""
What a signature shows: values in place of the constants that hold them, and classes
in place of type variables.
"""

import inspect
import re
from datetime import datetime
from enum import Enum
from pydoc import locate
from typing import Any, ForwardRef, get_args, get_origin

import attrs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from aiooctopush import Answer, OctopushError


COLON = "\ue000"  # of no text


def hide_colons(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Keep napoleon from reading "Let it be: …" of an attribute as its type."""
    if what in {"attribute", "data", "property"}:
        end = lines.index("") if "" in lines else len(lines)
        lines[:end] = [one.replace(":", COLON) for one in lines[:end]]


def show_colons(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Undo it after napoleon."""
    lines[:] = [one.replace(COLON, ":") for one in lines]


def show_signature(
    app: Sphinx,
    what: str,
    name: str,
    thing: Any,
    options: object,
    signature: str | None,
    returned: str | None,
) -> tuple[str, str | None] | None:
    """
    Show no arguments of what users do not make (namespaces, answers, errors, words),
    and the defaults of what they do.
    """
    if signature is None:
        return None
    if not isinstance(thing, type):
        owner = locate(name.rpartition(".")[0]) if what == "method" else None
        return (
            _with_values(_with_classes(signature, owner), thing),
            returned and _with_classes(returned, owner),
        )
    ours = "Caller" in signature or "BulkOptions" in signature
    if ours or issubclass(thing, Answer | OctopushError | Enum):
        return "", None
    return _with_values(_with_defaults(signature, thing), thing.__init__), returned


_FROM_ATTRS = re.compile(r"attr_dict\['(\w+)'\]\.default")
_MEMBER = re.compile(r"<(\w+\.\w+): [^>]*>")


def _with_defaults(signature: str, kind: type) -> str:
    """The signature of a class of attrs, which has its defaults elsewhere."""
    if attrs.has(kind):
        fields = attrs.fields_dict(kind)
        signature = _FROM_ATTRS.sub(
            lambda one: repr(fields[one[1]].default), signature
        ).replace("= NOTHING", "= ...")
    return _MEMBER.sub(r"\1", signature)


def _shown(value: attrs.AttrsInstance) -> str:
    """A record, with what differs from its defaults."""
    changed = (
        f"{field.name}={getattr(value, field.name)!r}"
        for field in attrs.fields(type(value))
        if getattr(value, field.name) != field.default
    )
    return f"{type(value).__name__}({', '.join(changed)})"


_CONSTANT = re.compile(r"(?<== )_?[A-Z][A-Z_]+\b(?![.(])")
_PLAIN = (int, float, str)


def _with_values(signature: str, called: Any) -> str:
    """The signature with figures and texts in place of their names."""
    called = inspect.unwrap(getattr(called, "__func__", called))
    names = getattr(called, "__globals__", {})

    def value_of(found: re.Match[str]) -> str:
        value = names.get(found[0])
        if isinstance(value, datetime):
            return repr(value).replace("datetime.", "")
        if isinstance(value, _PLAIN) and not isinstance(value, Enum):
            return f"{value:_}" if isinstance(value, int) else repr(value)
        return _shown(value) if attrs.has(type(value)) else found[0]

    return _CONSTANT.sub(value_of, signature)


_VARIABLE = re.compile(r"\b[A-Z]\w*T\b")


def _with_classes(signature: str, owner: object) -> str:
    """The signature with what a generic base of the class was given."""
    given: dict[str, str] = {}
    for kind in owner.__mro__ if isinstance(owner, type) else ():
        for base in getattr(kind, "__orig_bases__", ()):
            variables = getattr(get_origin(base), "__parameters__", ())
            for variable, argument in zip(variables, get_args(base), strict=False):
                if isinstance(argument, ForwardRef):
                    given[variable.__name__] = argument.__forward_arg__.split(".")[-1]
                elif isinstance(argument, type):
                    given[variable.__name__] = argument.__name__
    return _VARIABLE.sub(lambda one: given.get(one[0], one[0]), signature)


_PRIVATE = re.compile(r"\baiooctopush(?:\.\w+)+\.(?=[A-Z])")


def hide_private_names(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Show the name of a class, and not the file in which it happens to be."""
    for link in tree.findall(nodes.reference):
        if "._" in link.get("reftitle", ""):
            link["reftitle"] = _PRIVATE.sub("", link["reftitle"])
    for shown in tree.findall(nodes.emphasis):
        for text in list(shown.findall(nodes.Text)):
            if _PRIVATE.search(text):
                text.parent.replace(text, nodes.Text(_PRIVATE.sub("", text)))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add what is ours."""
    app.connect("autodoc-process-docstring", hide_colons, priority=400)
    app.connect("autodoc-process-docstring", show_colons, priority=600)
    app.connect("autodoc-process-signature", show_signature)
    app.connect("doctree-resolved", hide_private_names)
    return {"parallel_read_safe": True}
