"""Summary of a run before it is sent, also shown by preview."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import attrs
from attrs import evolve, frozen

from ...api.sms import Message
from ...bulk.preview.findings import Preview
from ...text import (
    CostlyCharacter,
    character_in_words,
    costly_characters,
    measure,
    placeholders,
    plain,
)
from ..terminal.problems import in_options
from ..terminal.result import Result, Row, Table, item
from ..terminal.values import counted, in_euros, printable
from ..wording import departure_in_words
from .check import FileCheck
from .price import Price


_REASONS_SHOWN: Final = 5

# Limits of the gateway: fewer recipients in one request, and a future time.
_CANCELLABLE: Final = 2

_CHARACTERS_SHOWN: Final = 8

FOUND_KEYS: Final = (
    "items, recipients, already, excluded, duplicates, rejected, rejections, "
    "rejected_by_reason, unknown_placeholders, lacking, missing_columns, "
    "missing_values, first_missing, long_values, messages, too_long, forced, "
    "invalid_numbers, landlines, countries, sms_needed, sms_needed_at_most, "
    "requests, without_mention, in_quiet_hours, quiet_until, estimated_cost, "
    "estimated_cost_at_most, balance, is_enough, refusals, warnings"
)
"""Keys of `Preview.as_dict`."""


def costly_item() -> Any:
    """Describe the characters that make a text dearer as a field of a result."""
    return item(
        doc="characters of the text that make it dearer: character, name, count, "
        "first_at (from 0), forces_unicode"
    )


def costly_in(text: str) -> tuple[Mapping[str, Any], ...]:
    """Find them, as plain values."""
    return tuple({"name": one.name, **attrs.asdict(one)} for one in _dear(text))


def costly_rows(text: str) -> Iterator[Row]:
    """Yield a row for each character, with its replacement by --plain."""
    found = _dear(text)
    for number, one in enumerate(found[:_CHARACTERS_SHOWN]):
        label = "Unicode by" if one.forces_unicode else "Takes two"
        times = f", {one.count:,} times, first as" if one.count > 1 else ","
        words = (
            f"{character_in_words(one.character)}{times} character {one.first_at + 1:,}"
        )
        yield ("" if number else label), words
    more = len(found) - _CHARACTERS_SHOWN
    if more > 0:
        yield "", f"and {more:,} more"
    before, after = measure(text), measure(plain(text))
    if after.encoding is not before.encoding:
        yield "With --plain", f"GSM-7, {counted(after.parts, 'part')}"


def _dear(text: str) -> Sequence[CostlyCharacter]:
    # The braces of a placeholder are not sent; positions are kept.
    for name in placeholders(text):
        text = text.replace(f"{{{name}}}", "x" * (len(name) + 2))
    found = costly_characters(text)
    # In a Unicode text the other characters count once.
    return [one for one in found if one.forces_unicode] or found


@frozen(kw_only=True)
class BulkLook(Result):
    """Messages that a file would send."""

    file: str = item()
    name: str | None = item(doc="of the run")
    ledger: str | None = item(doc="where the run is recorded")
    new: int = item(doc="recipients who would get a message")
    found: Mapping[str, Any] = item(merge=True, doc=FOUND_KEYS)
    price_per_sms: str | None = item(
        doc="in euros, of --price, or else as the account has it"
    )
    price_unknown: str | None = item(doc="why the account does not report it")
    goes_out: str | None = item(doc="when, for people; null for at once")
    can_be_cancelled: bool = item()
    costly: Sequence[Mapping[str, Any]] = costly_item()
    text: str = item(in_json=False)
    texts: Sequence[str] = item(in_json=False)
    sender: str | None = item(in_json=False)
    purpose: str | None = item(in_json=False)
    simulated: bool = item(in_json=False)
    preview: Preview = item(in_json=False)
    price: Price = item(in_json=False)

    @classmethod
    def of(
        cls,
        check: FileCheck,
        *,
        file: str,
        text: str,
        send_at: datetime | None,
        price: Price,
        message: Message | None = None,
        name: str | None = None,
        ledger: str | None = None,
    ) -> "BulkLook":
        """
        Read the summary of a file before it is sent.

        Args:
            check: Content of the file.
            file: Its name.
            text: The text before values are merged in.
            send_at: When it goes out; None for at once.
            price: Price of one SMS.
            message: Sender and purpose, if known.
            name: Name of the run, if there is one.
            ledger: Where the run is recorded.
        """
        found = evolve(check.found, price_per_sms=price.euros)
        return cls(
            file=file,
            name=name,
            ledger=ledger,
            new=found.recipients,
            found=_plain_of(found) | {"warnings": list(check.warnings)},
            price_per_sms=None if price.euros is None else str(price.euros),
            price_unknown=price.unknown,
            price=price,
            goes_out=None if send_at is None else departure_in_words(send_at),
            can_be_cancelled=send_at is not None
            and check.found.recipients <= _CANCELLABLE,
            costly=costly_in(text),
            text=text,
            texts=check.found.samples,
            sender=None if message is None else message.sender,
            purpose=None if message is None else str(message.purpose),
            simulated=message is not None and bool(message.simulation_mode),
            preview=found,
        )

    @property
    def cost(self) -> Decimal | None:
        """Estimate the cost of the new recipients."""
        return self.preview.estimated_cost

    def headline(self) -> Row:
        """Say how many get it."""
        people = counted(self.new, "recipient")
        verb = "would check" if self.simulated else "would send to"
        return f"This {verb} {people} of {self.file}.", "bold"

    def blocks(self) -> Iterator[str | list[Row] | Table]:
        """Yield recipients, texts and costs."""
        yield list(self._people())
        if self.texts:
            yield "\nThe first messages"
            yield [
                (f"{number}", printable(text.replace("\n", " ⏎ ")))
                for number, text in enumerate(self.texts, 1)
            ]
        yield "\nCost and time"
        yield list(self._costs())

    def _people(self) -> Iterator[Row]:
        found = self.preview
        yield "Recipients" if self.name is None else "New", f"{self.new:,}"
        if found.already:
            yield "Already", f"{found.already:,} had it, or are planned, in this run"
        if found.excluded:
            yield "Excluded", f"{found.excluded:,}"
        if found.duplicates:
            yield "Duplicates", counted(found.duplicates, "row")
        if found.rejected:
            yield "Rejected", counted(found.rejected, "row")
        reasons = Counter(found.reasons).most_common(_REASONS_SHOWN)
        for reason, count in reasons:
            yield "", f"{count:,} × {in_options(printable(reason))}"
        if len(found.reasons) > len(reasons):
            yield "", "and other reasons"

    def _costs(self) -> Iterator[Row]:
        found = self.preview
        if found.messages:
            parts = sorted({parts for _, parts in found.messages})
            several = f"{parts[0]}" if len(parts) == 1 else f"{parts[0]} to {parts[-1]}"
            yield "SMS each", several
        if self.name is not None:
            yield from costly_rows(self.text)
        about, most = found.sms_needed, found.sms_needed_at_most
        at_most = f", at most {most:,}" * (most > about)
        yield "SMS billed", f"about {about:,}{at_most}"
        if self.cost is not None:
            yield "Cost", f"about {in_euros(self.cost)}"
            if self.price.is_of_account:
                each = f"{found.price_per_sms:.4f}".rstrip("0")
                yield "", f"at {each} € per SMS, derived from the balance"
        else:
            why = f": {self.price.unknown}" if self.price.unknown else ""
            yield "Cost", f"unknown{why}; --price EUR estimates it"
        if self.sender is not None:
            yield "Sender", f"{self.sender}, {self.purpose}"
        yield "Goes out", self.goes_out or "at once"
        yield "Cancel", self._cancel()
        if self.name is not None:
            yield "Run", printable(self.name)

    def _cancel(self) -> str:
        if self.can_be_cancelled:
            return "until 10 minutes before: octopush cancel TICKET"
        return "not possible: more than 2 recipients, or sent at once"


def _plain_of(found: Preview) -> dict[str, Any]:
    """Return the figures without the texts, which a log does not need."""
    plain = {name: one for name, one in found.as_dict().items() if name != "samples"}
    return plain | {
        "refusals": [in_options(words) for words in plain["refusals"]],
        "rejections": [
            one | {"reason": in_options(one["reason"])} for one in plain["rejections"]
        ],
        "rejected_by_reason": {
            in_options(reason): count
            for reason, count in plain["rejected_by_reason"].items()
        },
    }


def warnings_of(look: BulkLook) -> Sequence[str]:
    """Warnings about a file that can be sent."""
    words: Sequence[str] = look.found["warnings"]
    return words
