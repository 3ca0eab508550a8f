"""``octopush preview``: what a text becomes and costs, without any network."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from .._limits import MAX_TEXT
from ..api._shared import Purpose, SmsType, check_text
from ..bulk.preview.findings import Preview
from ..bulk.preview.inspection import Inspection
from ..text import (
    REPLACEMENTS,
    Encoding,
    TextMeasure,
    character_in_words,
    measure,
    merge,
    placeholders,
)
from .bulk.check import check_file, refuse_bad
from .targets.gateway import Surroundings
from .targets.recipients import FileReading, recipient_file_options
from .terminal.console import Screen
from .terminal.help import Command
from .terminal.options import (
    at_option,
    json_option,
    purpose_option,
    text_option,
    type_option,
)
from .terminal.values import counted


_CHARACTERS_SHOWN: Final = 5
_ENCODINGS: Final = {Encoding.GSM7: "GSM-7", Encoding.UNICODE: "Unicode"}

_EXAMPLE = """\
octopush preview --text "Déjà prêt ? Votre commande vous attend"
"""

_EPILOG = """\
--json gives: encoding, units, parts, parts_at_most, forced_by, forced_name,
forced_at (the first character that forces Unicode, and its place counted from 0),
replaced (characters that the gateway's optimization replaces), warnings. With a file
also: items, recipients, duplicates, missing_values and first_missing, messages (how
many recipients get how many parts in which encoding), too_long, forced (values that
force Unicode), sms_needed, sms_needed_at_most, requests, without_mention,
in_quiet_hours, quiet_until, and more of Preview.as_dict(). If the file cannot be
used: error, message, bad_rows and more, as `octopush bulk` does.
"""


_SHORT = "Tell what a text costs, without sending it."


@click.command(cls=Command, short_help=_SHORT, example=_EXAMPLE, epilog=_EPILOG)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@text_option()
@purpose_option(required=False)
@type_option()
@at_option()
@recipient_file_options
@json_option()
@click.pass_context
def preview(
    ctx: click.Context,
    *,
    file: Path | None,
    text: str,
    purpose: str | None,
    type_: str,
    at: datetime | None,
    reading: FileReading,
    as_json: bool,
) -> None:
    """
    Tell what a text costs and what is odd about it, without sending anything.

    How many parts it has, which character makes it dearer, what the gateway replaces,
    which placeholders have no value. With FILE (see `octopush bulk`) it is worked out
    for each recipient, values merged in. No account and no network are needed.

    A text of GSM-7 characters has 160 in one part, or 153 in each of several; one
    character beyond them makes it Unicode: 70, or 67 in each. Each part is billed.
    """
    screen = Screen(as_json=as_json)
    clock = (ctx.obj or Surroundings()).clock
    check = None
    with screen.failures():
        check_text(text, "text", MAX_TEXT, private=True)
        inspection = Inspection(
            text,
            purpose=Purpose(purpose) if purpose else None,
            type=SmsType(type_),
            send_at=at,
            now=clock.now(),
        )
        if file is not None:
            source = reading.open(file)
            check = check_file(source, screen, clock, inspection=inspection)
            refuse_bad(check, source, screen)
    screen.rows(_text_rows(text))
    document = _text_document(text)
    if check is None:
        warnings = inspection.result().warnings
    else:
        warnings = check.warnings
        screen.say("")
        screen.table(("Recipients", "Encoding", "Parts", "SMS"), _table(check.found))
        screen.say("")
        screen.rows(_sums(check.found))
        document |= check.found.as_dict()
    for words in warnings:
        screen.warn(words)
    screen.document(document | {"warnings": list(warnings)})


def _table(found: Preview) -> Iterator[tuple[str, str, str, str]]:
    """How many recipients get how many parts, in which encoding."""
    for (encoding, parts), count in found.messages.items():
        yield f"{count:,}", _ENCODINGS[encoding], f"{parts}", f"{count * parts:,}"


def _sums(found: Preview) -> Iterator[tuple[str, str]]:
    yield "Recipients", f"{found.recipients:,}"
    yield (
        "SMS billed",
        f"about {found.sms_needed:,}, at most {found.sms_needed_at_most:,}",
    )


def _replaced(text: str) -> list[tuple[int, str, str]]:
    """Place, counted from 0, and what the gateway puts in place of what."""
    return [
        (at, one, REPLACEMENTS[one])
        for at, one in enumerate(text)
        if one in REPLACEMENTS
    ]


def _text_rows(text: str) -> Iterator[tuple[str, str]]:
    measured = measure(text)
    names = placeholders(text)
    without_values = ", placeholders left empty" if names else ""
    if names:
        measured = measure(merge(text, {}))
    yield (
        "Text",
        counted(len(text), "character")
        + (f", with {', '.join(f'{{{name}}}' for name in names)}" if names else ""),
    )
    yield "Encoding", _ENCODINGS[measured.encoding]
    yield "Parts", f"{measured.parts} ({_room(measured)}){without_values}"
    if measured.parts_at_most > measured.parts:
        yield (
            "At most",
            f"{measured.parts_at_most} parts, by the gateway's stricter count",
        )
    outsider = measure(text)
    if outsider.forced_by is not None and outsider.forced_at is not None:
        yield (
            "Forced by",
            (
                f"{character_in_words(outsider.forced_by)}, character "
                f"{outsider.forced_at + 1}: not in GSM-7, and the gateway keeps it"
            ),
        )
    yield from _replacement_rows(text)


def _room(measured: TextMeasure) -> str:
    if measured.encoding is Encoding.GSM7:
        single, part, unit = 160, 153, "septets"
    else:
        single, part, unit = 70, 67, "units"
    if measured.parts > 1:
        return f"{measured.units} {unit}, {part} in each part"
    return f"{measured.units} of {single} {unit}"


def _replacement_rows(text: str) -> Iterator[tuple[str, str]]:
    replaced = _replaced(text)
    for at, old, new in replaced[:_CHARACTERS_SHOWN]:
        yield (
            "Replaced",
            f"{character_in_words(old)}, character {at + 1}, becomes {new!r}",
        )
    more = len(replaced) - _CHARACTERS_SHOWN
    if more > 0:
        yield "", f"and {more:,} more"
    before, after = measure(text, optimized=False), measure(text)
    if before.encoding is not after.encoding:
        yield (
            "Otherwise",
            (
                "without these replacements, which the gateway makes by itself, the "
                f"text would be Unicode: {counted(before.parts, 'part')}"
            ),
        )


def _text_document(text: str) -> dict[str, Any]:
    measured = measure(text)
    return {
        "encoding": str(measured.encoding),
        "units": measured.units,
        "parts": measured.parts,
        "parts_at_most": measured.parts_at_most,
        "forced_by": measured.forced_by,
        "forced_name": measured.forced_name,
        "forced_at": measured.forced_at,
        "replaced": [
            {"at": at, "from": old, "to": new} for at, old, new in _replaced(text)
        ],
    }
