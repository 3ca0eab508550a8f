"""The fields that the text of a run uses, according to its placeholders."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ...api._recipients import NUMBER, CheckedRecipients
from ...errors import InvalidFieldError
from ...text import check_placeholders, placeholders
from ..options import Identity, OnMissing
from .columns import COLUMNS, quoted
from .rows import FileSource
from .table import IS_EMPTY


def requires_values(on_missing: OnMissing | None) -> bool:
    """Whether recipients without a value for a placeholder are left out."""
    return on_missing is not OnMissing.SEND


def restricted(
    source: Any,
    text: str,
    on_missing: OnMissing | None,
    *,
    identity: Identity | None = None,
) -> Any:
    """
    Return a source that reads no more of a file than a text uses.

    Values that no placeholder asks for are neither checked nor kept nor sent. Anything
    but a file is returned unchanged, as is a file that was restricted already. An
    identity of the caller's own may ask for any value, so that all are read for it.
    """
    if not isinstance(source, FileSource) or source.fields is not None:
        return source
    names = placeholders(text)
    return source.restricted_to(
        names if identity is None else COLUMNS,
        required=names if requires_values(on_missing) else (),
    )


class UsedValues:
    """
    The values of recipients that a text uses, and the handling of missing ones.

    Args:
        text: The text for all recipients; None if each request has a text of its own.
        on_missing: As in a run.
        identity: As in a run.

    Attributes:
        lacking: People who were met without a value.
    """

    def __init__(
        self, text: str | None, on_missing: OnMissing | None, identity: Identity | None
    ) -> None:
        self._text = text
        self._on_missing = on_missing
        self._identity = identity
        self._names = () if text is None else placeholders(text)
        self._fields = frozenset((NUMBER, *self._names))
        self._requires = requires_values(on_missing)
        self.lacking: int = 0

    def source(self, source: Any) -> Any:
        """Return a source that reads no more of a file than the text uses."""
        if self._text is None:
            return source
        return restricted(source, self._text, self._on_missing, identity=self._identity)

    def kept(self, recipients: CheckedRecipients) -> CheckedRecipients:
        """Return the same recipients without the values that the text does not use."""
        if self._text is None or recipients.columns.keys() <= self._fields:
            return recipients
        columns = recipients.columns.items()
        return CheckedRecipients(
            {name: column for name, column in columns if name in self._fields}
        )

    def kept_if_complete(
        self, recipients: CheckedRecipients
    ) -> CheckedRecipients | None:
        """
        Return the values like `kept`; None if a recipient lacks a value that the text
        uses.
        """
        for name in self._names if self._requires else ():
            column = recipients.columns.get(name)
            if column is None or None in column or "" in column:
                return None
        return self.kept(recipients)

    def check(self, content: object) -> None:
        """
        Refuse a recipient who lacks a value that the text uses.

        Raises:
            InvalidFieldError: Names the field.
        """
        for name in self._names if self._requires else ():
            if not getattr(content, name):
                raise InvalidFieldError(name, IS_EMPTY)

    def note(self, reason: str) -> None:
        """
        Count a rejection, if it is for want of a value.

        Raises:
            InvalidFieldError: Nothing is to be sent then.
        """
        if reason != IS_EMPTY:
            return
        self.lacking += 1
        if self._on_missing is OnMissing.ERROR:
            raise InvalidFieldError("source", "lacks a value that the text uses")

    def check_most(self, items: int) -> None:
        """
        Refuse a source of whose first items most lack a value, unless that was meant.

        Raises:
            InvalidFieldError: More than half of so many items do.
        """
        if self._on_missing is None and 2 * self.lacking > items:
            names = ", ".join(f"{{{name}}}" for name in self._names)
            raise InvalidFieldError(
                "source",
                f"has no value for {names} in {self.lacking:,} of its first {items:,} "
                "items; leave them out (on_missing='skip') or send to them "
                "(on_missing='send')",
            )


def missing_columns(source: Any, text: str) -> Mapping[str, Sequence[str]]:
    """
    Find the placeholders of a text for which a file has no column.

    Returns:
        By placeholder, the columns that may be meant; empty if the source is no file.

    Raises:
        SourceError: The file cannot be opened, or its header not be read.
    """
    names = placeholders(text)
    if not names or not isinstance(source, FileSource):
        return {}
    return source.missing(names)


def problem_of_column(name: str, meant: Sequence[str]) -> str:
    """Report that a file has no column for a placeholder, with a suggestion."""
    problem = f"uses {{{name}}}, for which the file has no column"
    if not meant:
        return f"{problem}; name one (columns={{{name!r}: …}}, --column {name}=…)"
    return (
        f"{problem}; if it is {meant[0]!r}, say so (columns={{{name!r}: "
        f"{meant[0]!r}}}, --column {quoted(f'{name}={meant[0]}')})"
    )


async def check_beforehand(
    text: str, source: Any, on_missing: OnMissing | None
) -> None:
    """
    Refuse a text that would be wrong for all recipients.

    Args:
        text: The text for all recipients.
        source: Its header is read if it is a file.
        on_missing: As in a run.

    Raises:
        InvalidFieldError: A word in braces is no placeholder, or the file has no
            column for one.
        SourceError: The file cannot be opened, or its header not be read.
    """
    check_placeholders(text)
    # Who restricted a file has looked at its columns.
    if not isinstance(source, FileSource) or source.fields is not None:
        return
    if requires_values(on_missing):
        missing = await asyncio.to_thread(missing_columns, source, text)
        for name, meant in missing.items():
            raise InvalidFieldError("text", problem_of_column(name, meant))
