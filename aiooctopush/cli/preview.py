"""``octopush preview``: length and cost of a text, without sending."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from .._limits import MAX_TEXT
from ..api._shared import Purpose, SmsType, check_text
from ..bulk.options import OnMissing
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
from .bulk.check import check_file, list_bad
from .bulk.look import (
    BulkLook,
    costly_in,
    costly_item,
    costly_rows,
    warnings_of,
)
from .bulk.options import on_missing_option, price_option
from .bulk.price import Price, price_by
from .targets.gateway import GatewayOptions, gateway_options, surroundings
from .targets.recipients import FileReading, recipient_file_options
from .terminal.console import Screen
from .terminal.help import command
from .terminal.options import (
    at_option,
    purpose_option,
    shows_result,
    text_option,
    type_option,
)
from .terminal.result import Result, Row, Table, item
from .terminal.values import counted


_CHARACTERS_SHOWN: Final = 5
_ENCODINGS: Final = {Encoding.GSM7: "GSM-7", Encoding.UNICODE: "Unicode"}

_EXAMPLE = """\
octopush preview --text "Déjà prêt ? Votre commande vous attend"
octopush preview people.csv --text "Hi {first_name}" --price 0.045
"""


@frozen(kw_only=True)
class TextLook(Result):
    """Analysis of a text, and of a file with it."""

    encoding: str = item()
    units: int = item()
    parts: int = item()
    parts_at_most: int = item(doc="by the gateway's stricter count")
    forced_by: str | None = item(doc="the first character that forces Unicode")
    forced_name: str | None = item()
    forced_at: int | None = item(doc="its place, counted from 0")
    replaced: tuple[Mapping[str, Any], ...] = item(
        doc="characters that the gateway replaces: at, from, to"
    )
    costly: Sequence[Mapping[str, Any]] = costly_item()
    warnings: Sequence[str] = item()
    look: BulkLook | None = item(merge=True, of=BulkLook, optional=True)
    text: str = item(in_json=False)

    json_notes = "The keys from file on are there with a FILE only."

    @classmethod
    def of(
        cls, text: str, look: BulkLook | None, warnings: Sequence[str]
    ) -> "TextLook":
        """Measure a text."""
        measured = measure(text)
        return cls(
            encoding=str(measured.encoding),
            units=measured.units,
            parts=measured.parts,
            parts_at_most=measured.parts_at_most,
            forced_by=measured.forced_by,
            forced_name=measured.forced_name,
            forced_at=measured.forced_at,
            replaced=tuple(
                {"at": at, "from": old, "to": new} for at, old, new in _replaced(text)
            ),
            costly=costly_in(text),
            warnings=warnings,
            look=look,
            text=text,
        )

    def blocks(self) -> Iterator[str | list[Row] | Table]:
        """Yield the text in figures, and the file below it."""
        yield list(_text_rows(self.text))
        if self.look is None:
            return
        found = self.look.preview
        if found.messages:
            yield Table(
                headings=("Recipients", "Encoding", "Parts", "SMS"),
                rows=list(_table(found)),
                words=frozenset(),
            )
        yield f"\n{self.look.headline()[0]}"
        yield from self.look.blocks()


@command(
    example=_EXAMPLE,
    result=TextLook,
)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@text_option
@purpose_option(required=False)
@type_option
@at_option
@price_option
@on_missing_option
@recipient_file_options
@gateway_options
@shows_result
def preview(
    screen: Screen,
    /,
    *,
    file: Path | None,
    text: str,
    purpose: Purpose | None,
    type: SmsType,
    send_at: datetime | None,
    price: Decimal | None,
    on_missing: OnMissing | None,
    reading: FileReading,
    gateway: GatewayOptions,
) -> TextLook:
    """
    Show length, cost and problems of a text, without sending.

    It lists the parts of the text, the characters that make it more expensive, the
    gateway's replacements, and placeholders without a value. With FILE (see `octopush
    bulk`) each recipient is counted with the values merged in; rejected rows are
    listed. Without --price the cost is derived from the balance of your account. Only
    this needs an account (OCTOPUSH_API_LOGIN, OCTOPUSH_API_KEY) and a network.

    A text of GSM-7 characters has 160 in one part, or 153 in each of several; one
    character beyond them makes it Unicode: 70, or 67 in each. Each part is billed.
    """
    clock = surroundings().clock
    look = None
    check_text(text, "text", MAX_TEXT, private=True)
    inspection = Inspection(
        text,
        purpose=purpose,
        type=type,
        send_at=send_at,
        now=clock.now(),
        on_missing=on_missing,
    )
    if file is None:
        warnings: Sequence[str] = inspection.result().warnings
    else:
        source = reading.open(file)
        _, check = check_file(source, screen, clock, inspection=inspection)
        list_bad(check, screen)
        known = Price(euros=price)
        if price is None:
            known = price_by(gateway, check.found.countries, type)
        look = BulkLook.of(
            check, file=str(file), text=text, send_at=send_at, price=known
        )
        warnings = warnings_of(look)
    for words in warnings:
        screen.warn(words)
    return TextLook.of(text, look, warnings)


def _table(found: Preview) -> Iterator[tuple[str, str, str, str]]:
    """How many recipients get how many parts, in which encoding."""
    for (encoding, parts), count in found.messages.items():
        yield f"{count:,}", _ENCODINGS[encoding], f"{parts}", f"{count * parts:,}"


def _replaced(text: str) -> list[tuple[int, str, str]]:
    """Position, counted from 0, and the gateway's replacement."""
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
    yield from costly_rows(text)
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
                "without these replacements, which the gateway makes automatically, "
                f"the text would be Unicode: {counted(before.parts, 'part')}"
            ),
        )
