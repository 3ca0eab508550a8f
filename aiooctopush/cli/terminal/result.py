"""
The result of a command: one frozen record, shown as rows and tables or as JSON.

A command subclasses `Result`, describes each field with `item`, and hands an instance
to `Screen.result`. The epilog of its help is made from the same fields.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final, Self

import attrs
from attrs import field, frozen

from ...errors import OctopushError
from .exit_codes import ExitCode
from .problems import error_as_json
from .values import in_words


Row = tuple[str, str]

_ITEM: Final = "item"


@frozen(kw_only=True)
class Item:
    """
    How one field of a result is shown; `item` makes the field.

    Attributes:
        label: Its name for people; without one it is a key of the document only.
        key: Its name in the document, if it differs from the field.
        doc: Description of its key in the help, such as its values.
        text: Makes words of its value.
        in_json: Whether it is a key of the document.
        merge: Whether its own keys are keys of the document; the value is a result or
            a mapping.
        optional: Whether to leave out the key and the row of a value that is ``None``.
        skip_empty: Whether the row is left out if the value is zero or empty.
        of: The kind of result that it holds. Several of them, in a sequence or a
            mapping, are shown as a table if there is a label.
        heading: Line above its rows, if it holds a result.
    """

    label: str = ""
    key: str = ""
    doc: str = ""
    text: Callable[[Any], str] = in_words
    in_json: bool = True
    merge: bool = False
    optional: bool = False
    skip_empty: bool = False
    of: "type[Result] | None" = None
    heading: str = ""

    def rows(self, value: Any) -> Iterator[Row]:
        """Yield the row of a value, if the field has one."""
        left_out = self.optional and value is None
        if self.label and not left_out and (value or not self.skip_empty):
            yield self.label, self.text(value)


def item(label: str = "", *, default: Any = attrs.NOTHING, **about: Any) -> Any:
    """
    Describe a field of a result.

    Args:
        label: Its name for people.
        default: Its value if the command gives none.
        about: Further attributes of `Item`.
    """
    # Results are for the terminal only: texts and numbers are in no repr.
    metadata = {_ITEM: Item(label=label, **about)}
    return field(default=default, repr=False, metadata=metadata)


@frozen(kw_only=True)
class Table:
    """
    A table for people.

    Attributes:
        headings: One for each column.
        rows: A cell for each column.
        words: Headings of columns with words, which begin at the left.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]] = field(repr=False)
    words: frozenset[str]


@frozen(kw_only=True)
class Result:
    """
    Result of a command; base class of all results.

    Attributes:
        json_notes: Sentences about the values, for the epilog of the help.
        sentence: First line for people, with fields such as ``{0.login}``; without it,
            `headline` chooses the words.
    """

    json_notes: ClassVar[str] = ""
    sentence: ClassVar[str] = ""

    @classmethod
    def from_fields(cls, source: Any, **more: Any) -> Self:
        """
        Take each field from the attribute of the same name.

        Args:
            source: The object with the attributes, such as a result of the library.
            more: Fields that it does not have, or that are shown in another way.
        """
        names = (one.name for one in attrs.fields(cls) if one.name not in more)
        return cls(**{name: getattr(source, name) for name in names}, **more)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that ends with this result."""
        return ExitCode.ACCEPTED

    def headline(self) -> Row | None:
        """Return the first line for people and its style, or None."""
        return (self.sentence.format(self), "bold green") if self.sentence else None

    def advice(self) -> Iterable[str]:
        """Return what to do, a paragraph each."""
        return ()

    def blocks(self) -> Iterator["str | list[Row] | Table"]:
        """Yield headings, groups of rows, and tables, in the order of the fields."""
        rows: list[Row] = []
        for one in attrs.fields(type(self)):
            about: Item = one.metadata[_ITEM]
            value = getattr(self, one.name)
            if about.of is None:
                rows += about.rows(value)
                continue
            group = list(value.blocks()) if isinstance(value, Result) else []
            if about.heading:
                group.insert(0, about.heading)
            elif about.label and value:
                many = value.values() if isinstance(value, Mapping) else value
                group.append(about.of.table(many))
            elif group and isinstance(group[0], list):
                # Part of the same rows, whose values begin at one place.
                rows += group[0]
                del group[0]
            if rows and group:
                yield rows
                rows = []
            yield from group
        if rows:
            yield rows

    @classmethod
    def table(cls, results: Iterable["Result"]) -> Table:
        """Make a table of several results of this kind: labels are its headings."""
        columns = [one for one in attrs.fields(cls) if one.metadata[_ITEM].label]
        values = [[getattr(row, one.name) for one in columns] for row in results]
        return Table(
            headings=[one.metadata[_ITEM].label for one in columns],
            rows=[
                [
                    "-" if value is None else one.metadata[_ITEM].text(value)
                    for one, value in zip(columns, row, strict=True)
                ]
                for row in values
            ],
            words=frozenset(
                one.metadata[_ITEM].label
                for one, column in zip(columns, zip(*values, strict=True), strict=False)
                if not all(map(_is_figure, column)) or set(column) == {None}
            ),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON document: money and instants are text."""
        document: dict[str, Any] = {}
        for one in attrs.fields(type(self)):
            about: Item = one.metadata[_ITEM]
            value = getattr(self, one.name)
            if about.in_json and not (about.optional and value is None):
                plain = plain_value(value)
                document |= plain if about.merge else {about.key or one.name: plain}
        return document

    @classmethod
    def epilog(cls) -> str:
        """Return the description of the JSON document for the help."""
        # A result that is merged into another may have a key of it.
        words = f"--json gives: {', '.join(dict.fromkeys(cls.keys()))}."
        return f"{words} {cls.json_notes}".rstrip()

    @classmethod
    def keys(cls) -> Iterator[str]:
        """Yield the keys of the JSON document, with their descriptions."""
        for one in attrs.fields(cls):
            about: Item = one.metadata[_ITEM]
            if not about.in_json:
                continue
            inner = () if about.of is None else tuple(about.of.keys())
            if about.merge:
                yield from inner or about.doc.split(", ")
                continue
            doc = ": ".join(filter(None, (about.doc, ", ".join(inner))))
            key = about.key or one.name
            yield f"{key} ({doc})" if doc else key


def _is_figure(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return value is None or isinstance(value, int | float | Decimal)


def plain_value(value: Any) -> Any:
    """Convert a value to JSON types."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Result):
        return value.as_dict()
    if isinstance(value, OctopushError):
        return error_as_json(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain_value(one) for name, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain_value(one) for one in value]
    return str(value)
