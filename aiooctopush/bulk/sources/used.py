"""What the text of a run asks of its source: no more than its placeholders need."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import compress
from typing import Any

from ...api._recipients import NUMBER, CheckedRecipients
from ...api._shared import check_not_past
from ...api.sms import Message
from ...errors import InvalidFieldError
from ...text import check_placeholders, placeholders
from ..options import Identity, OnMissing
from .columns import COLUMNS
from .rows import FileSource


def requires_values(on_missing: OnMissing | None) -> bool:
    """Whether people without a value for a placeholder are left out."""
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
    but a file is returned as it is, and so is a file that was restricted already. An
    identity of the caller's own may ask for any value, so that all are read for it.
    """
    if not isinstance(source, FileSource) or source.fields is not None:
        return source
    names = placeholders(text)
    return source.restricted_to(
        names if identity is None else COLUMNS,
        required=names if requires_values(on_missing) else (),
    )


def used_of(recipients: CheckedRecipients, text: str) -> CheckedRecipients:
    """The same recipients without the values that no placeholder asks for."""
    names = {NUMBER, *placeholders(text)}
    if recipients.columns.keys() <= names:
        return recipients
    return CheckedRecipients(
        {name: column for name, column in recipients.columns.items() if name in names}
    )


def lacking(recipients: CheckedRecipients, text: str) -> Mapping[int, str]:
    """Find who lacks a value for a placeholder: by place, the first that is lacking."""
    found: dict[int, str] = {}
    nobody: Sequence[None] = (None,) * len(recipients)
    for name in reversed(placeholders(text)):
        column = recipients.columns.get(name, nobody)
        lacks = [not value for value in column]
        found.update(dict.fromkeys(compress(range(len(column)), lacks), name))
    return found


def missing_columns(source: Any, text: str) -> Mapping[str, Sequence[str]]:
    """
    Find the placeholders of a text for which a file has no column.

    Returns:
        By placeholder, the columns that may be meant; nothing if it is no file.

    Raises:
        SourceError: The file cannot be opened, or its header not be read.
    """
    names = placeholders(text)
    if not names or not isinstance(source, FileSource):
        return {}
    return source.missing(names)


def problem_of_column(name: str, meant: Sequence[str]) -> str:
    """Say that a file has no column for a placeholder, and what may be meant."""
    problem = f"uses {{{name}}}, for which the file has no column"
    if not meant:
        return f"{problem} (columns={{{name!r}: …}}, --column {name}=… names one)"
    return (
        f"{problem}; if it is {meant[0]!r}, say so (columns={{{name!r}: "
        f"{meant[0]!r}}}, --column {name}={meant[0]})"
    )


def check_beforehand(message: Message, source: Any, now: datetime) -> None:
    """
    Refuse what would go wrong for everybody.

    Args:
        message: What all recipients get.
        source: Its header is read if it is a file, which blocks.
        now: The present instant.

    Raises:
        InvalidFieldError: A word in braces is no placeholder, the file has no column
            for one, the text is blank, or the instant of sending is in the past.
        SourceError: The file cannot be opened, or its header not be read.
    """
    check_placeholders(message.text)
    if not message.text.strip():
        raise InvalidFieldError("text", "must not be blank")
    check_not_past(message.send_at, now, "send_at")
    for name, meant in missing_columns(source, message.text).items():
        raise InvalidFieldError("text", problem_of_column(name, meant))
